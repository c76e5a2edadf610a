/** For the tests of sign-in, artifacts and blobs: the parts under test alone, and clients that trust them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { request as sendRequest } from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { startBlobs } from '../../local-azure/blobs.ts'
import { makeCertificates } from '../../local-azure/certificates.ts'
import { startEntra } from '../../local-azure/entra.ts'
import { startGitHub } from '../../local-azure/github.ts'
import type { Blobs, GitHub, TokenAuthority, WorkflowJob } from '../../local-azure/parts.ts'
import { defaultSeed, type Seed } from '../../local-azure/seed.ts'
import { World, worldOptions, type SomeOptions } from '../../local-azure/world.ts'

export const JOB: WorkflowJob = {
  repository: 'octo-org/webapp',
  repositoryId: '512',
  repositoryOwnerId: '64',
  ref: 'refs/heads/main',
  sha: '9fceb02d0ae598e95dc970b74767f19372d61af8',
  runId: '7001',
  runNumber: '12',
  runAttempt: '1',
  workflow: 'Build image',
  eventName: 'push',
}

export interface Access {
  world: World
  github: GitHub
  entra: TokenAuthority & { url: string }
  authority: string
  caFile: string
  folder: string
  close: () => Promise<void>
}

/** GitHub and Entra without blob storage, for tests that need no Azurite. */
export async function startAccess(options: SomeOptions = {}, seed: Seed = defaultSeed()): Promise<Access> {
  return await start(options, seed, false)
}

/** All three parts. */
export async function startAccessWithBlobs(
  options: SomeOptions = {},
  seed: Seed = defaultSeed(),
): Promise<Access & { blobs: Blobs }> {
  const { blobs, ...parts } = await start(options, seed, true)
  if (!blobs) throw new Error('blob storage was not started')
  return { ...parts, blobs }
}

async function start(
  options: SomeOptions,
  seed: Seed,
  withBlobs: boolean,
): Promise<Access & { blobs: Blobs | undefined }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'access test '))
  const caFile = path.join(folder, 'ca.pem')
  const certificates = await makeCertificates()
  await writeFile(caFile, certificates.authority)
  const world = new World(seed, worldOptions(options))
  const missing = (): Blobs => {
    throw new Error('this test runs without blob storage')
  }
  const github = await startGitHub(world, certificates, () => blobs ?? missing())
  const entra = await startEntra(world, certificates, github.verifyIdToken)
  const blobs = withBlobs ? await startBlobs(world, certificates, entra, folder) : undefined
  const close = async (): Promise<void> => {
    world.close()
    await Promise.all([github.close(), entra.close(), blobs?.close()])
    await rm(folder, { recursive: true, force: true })
  }
  return { world, github, entra, blobs, authority: certificates.authority, caFile, folder, close }
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** One request that trusts the authority given, as `curl --cacert` would. */
export function send(
  access: Pick<Access, 'authority'>,
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options
    const outgoing = sendRequest(url, { ...rest, ca: access.authority, agent: false }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.once('error', reject)
      incoming.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text })
      })
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

/** Asks for the ID token of a job. */
export async function fetchIdToken(
  access: Access,
  job: Partial<WorkflowJob> = {},
  audience?: string,
): Promise<string> {
  const token = await access.github.startJob({ ...JOB, ...job })
  const query = audience === undefined ? '' : `&audience=${encodeURIComponent(audience)}`
  const url = `${access.github.idTokenRequestUrl}${query}`
  const { text } = await send(access, url, { headers: { Authorization: `Bearer ${token}` } })
  return (JSON.parse(text) as { value: string }).value
}

/** Runs a module's text in a Node of its own that trusts the local authority; resolves with what it prints. */
export async function runScript(
  access: Access,
  script: string,
  env: Record<string, string>,
): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: path.resolve(import.meta.dirname, '../..'),
    env: { PATH: process.env['PATH'] ?? '', NODE_EXTRA_CA_CERTS: access.caFile, ...env },
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the script ended with ${String(code)}\n${output}\n${errors}`)
  return output
}
