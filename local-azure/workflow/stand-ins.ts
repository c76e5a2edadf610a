/**
 * Actions of others that workflows use, each as much of it as a run here needs. What is not in this table is refused
 * before the run begins.
 */
import { createHash } from 'node:crypto'
import { cp, glob, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fromBufferPromise } from 'yauzl'

/** What a stand-in sees of its job. */
export interface StandInJob {
  workspace: string
  /** The folder that stands for the caller's repository. */
  repository: string
  /** `owner/name`. */
  repositoryName: string
  token: string
  /** Workflow artifacts of the run so far. */
  artifacts: () => Promise<{ name: string; zip: Buffer }[]>
  attestations: Attestation[]
  say: (line: string) => void
  /** Keeps something for the job's end. */
  leave: (undo: () => Promise<void>) => void
}

/** What was attested: the test compares it with what it should be. */
export interface Attestation {
  id: string
  subjects: { name: string; sha256: string }[]
}

export type StandIn = (inputs: Record<string, string>, job: StandInJob) => Promise<Record<string, string>>

export const STAND_INS: Record<string, StandIn> = {
  'actions/checkout': checkOut,
  'azure/login': (inputs, { say }) => {
    say(`a stand-in: nobody is signed in as ${inputs['client-id'] ?? 'nobody'}`)
    return Promise.resolve({})
  },
  'actions/attest': attest,
  'actions/attest-build-provenance': attest,
  'actions/download-artifact': downloadArtifacts,
}

/** The stand-in's name for `owner/repo@ref`; undefined for an action that has none. */
export function standInOf(uses: string): StandIn | undefined {
  return STAND_INS[uses.split('@')[0]?.toLowerCase() ?? '']
}

/**
 * Copies the repository into the workspace, with a `.git` that holds the token until the job ends, unless
 * `persist-credentials` is false: what packs the workspace must not take it along. A `ref` of its own is not played.
 */
async function checkOut(inputs: Record<string, string>, job: StandInJob): Promise<Record<string, string>> {
  const { workspace, repository, repositoryName, token } = job
  const folder = path.join(workspace, inputs['path'] ?? '')
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(repository)) {
    if (name === '.git' || name === 'node_modules') continue
    await cp(path.join(repository, name), path.join(folder, name), {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
  const git = path.join(folder, '.git')
  await mkdir(git)
  await writeFile(path.join(git, 'HEAD'), 'ref: refs/heads/main\n')
  const remote = `[remote "origin"]\n\turl = https://github.com/${repositoryName}\n`
  await writeFile(path.join(git, 'config'), remote)
  if (inputs['persist-credentials'] !== 'false') {
    const basic = Buffer.from(`x-access-token:${token}`).toString('base64')
    const header = `[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic ${basic}\n`
    await writeFile(path.join(git, 'config'), remote + header)
    job.leave(() => writeFile(path.join(git, 'config'), remote).catch(() => undefined))
  }
  job.say(`a stand-in: copied the repository to ${folder}`)
  return { commit: 'the one that the run is of' }
}

/** Digests what it is given and keeps that; the attestation's ID is made of the digests. */
async function attest(inputs: Record<string, string>, job: StandInJob): Promise<Record<string, string>> {
  const subjects: Attestation['subjects'] = []
  const patterns = (inputs['subject-path'] ?? '').split(/[\n,]/).map((pattern) => pattern.trim())
  for (const pattern of patterns.filter((given) => given !== '')) {
    for await (const name of glob(pattern, { cwd: job.workspace })) {
      const file = path.resolve(job.workspace, name)
      if (!(await stat(file)).isFile()) continue
      subjects.push({ name: path.basename(file), sha256: sha256(await readFile(file)) })
    }
  }
  const [, digest] = /^sha256:([0-9a-f]{64})$/.exec(inputs['subject-digest'] ?? '') ?? []
  if (digest !== undefined) subjects.push({ name: inputs['subject-name'] ?? '', sha256: digest })
  if (subjects.length === 0)
    throw new Error('Could not find subject at path ' + (inputs['subject-path'] ?? ''))
  const id = sha256(Buffer.from(JSON.stringify(subjects))).slice(0, 8)
  job.attestations.push({ id, subjects })
  job.say(`a stand-in: attested ${subjects.map(({ name, sha256: of }) => `${name} sha256:${of}`).join(', ')}`)
  return {
    'attestation-id': id,
    'attestation-url': `https://github.com/${job.repositoryName}/attestations/${id}`,
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** By name into `path`; by pattern, or all, each into a folder of its name (documented). */
async function downloadArtifacts(
  inputs: Record<string, string>,
  job: StandInJob,
): Promise<Record<string, string>> {
  const { name, pattern = '*', 'merge-multiple': merge } = inputs
  const target = path.resolve(job.workspace, inputs['path'] ?? '')
  const artifacts = await job.artifacts()
  const wanted = artifacts.filter((artifact) =>
    name ? artifact.name === name : path.matchesGlob(artifact.name, pattern),
  )
  if (name && wanted.length === 0)
    throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`)
  for (const artifact of wanted) {
    const folder = name || merge === 'true' ? target : path.join(target, artifact.name)
    for (const [file, content] of await unzip(artifact.zip)) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
      await writeFile(path.join(folder, file), content)
    }
  }
  job.say(`a stand-in: downloaded ${wanted.length} workflow artifacts to ${target}`)
  return { 'download-path': target }
}

/** The files of a zip: name → content. */
export async function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  const archive = await fromBufferPromise(zip)
  for await (const entry of archive.eachEntry()) {
    if (entry.fileName.endsWith('/')) continue
    files.set(entry.fileName, await buffer(await archive.openReadStreamPromise(entry)))
  }
  return files
}
