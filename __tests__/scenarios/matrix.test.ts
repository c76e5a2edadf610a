/** The two ends of the matrix workflow on the runner: the plan of its jobs, and the results that they left. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ARTIFACT_STORE } from '../../local-azure/github/results.ts'
import { runJob, type JobOptions, type JobResult } from '../../local-azure/runner.ts'
import { DEFAULT_JOB } from '../../local-azure/runner/environment.ts'
import { buildRecord, recordText, RECORD_FILE } from '../../src/build-record.ts'
import type { BuildResult } from '../../src/matrix/build-results.ts'
import { emptyReport, type BuildReport } from '../../src/report.ts'
import { failureOf } from '../support/failures.ts'
import { quickTime } from '../support/moments.ts'
import { annotations, GALLERY, openStage, ROOMY, UBUNTU, type Stage } from '../support/run-action.ts'

const root = path.join(import.meta.dirname, '..', '..')
const VERSION = `${GALLERY}/images/webapp/versions/1.2.3`
const DEFAULTS = `
resource-group: rg-images
managed-identity: id-image-builder
source-image: ${UBUNTU}
gallery-image-id: ${GALLERY}/images/webapp
build-path: ''`
/** What a log must not take for a command, nor a summary for markup. */
const NASTY = '##[set-output name=stolen;]yes <img src=x> | @octocat'

let stage: Stage
let temp: string
let jobs: Record<'planned' | 'mistaken' | 'gathered' | 'broken', JobResult>

beforeAll(async () => {
  stage = await openStage()
  temp = await mkdtemp(path.join(os.tmpdir(), 'records-'))
  const images = '- name: web\n  template-name: t-{location}\n- name: db\n- name: api\n- name: tool'
  const locations = 'eastus, West US 2'
  const [planned, mistaken] = await Promise.all([
    run('plan', { images, locations, defaults: DEFAULTS }),
    run('plan', {
      images: '- name: web\n  vmsize: x\n- name: api\n  cleanup: no',
      locations,
      defaults: DEFAULTS,
    }),
    leaveRecords(),
  ])
  const legs = planned.outputs['index'] ?? ''
  // The first answer never comes; the second job finds that a record is not what was uploaded.
  stage.azure.world.addFault({ service: 'results', match: 'GetSignedArtifactURL', respond: 'stall' })
  const gathered = await run('gather', { legs }, { env: quickTime(60), job: { runAttempt: '2' } })
  await damage('build-record.images.web-westus2.1')
  const broken = await run(
    'gather',
    { legs, name: 'images' },
    { env: quickTime(60), job: { runAttempt: '2' } },
  )
  jobs = { planned, mistaken, gathered, broken }
}, 120_000)
afterAll(async () => {
  await stage.close()
  await rm(temp, { recursive: true, force: true })
})

function run(
  action: 'plan' | 'gather',
  given: Record<string, string>,
  more: Partial<JobOptions> = {},
): Promise<JobResult> {
  const { azure, workspace } = stage
  return runJob({ azure, workspace, actionFolder: path.join(root, action), env: ROOMY, ...more, with: given })
}

/** Puts another artifact's zip in its place. */
async function damage(name: string): Promise<void> {
  const { blobs, github } = stage.azure
  const { account, container } = ARTIFACT_STORE
  const zip = (of: string): Buffer => artifacts.find((one) => one.name === of)?.zip ?? Buffer.of()
  const artifacts = await github.artifacts()
  for (const blob of (await blobs.list(account)).map((one) => one.replace(`${container}/`, ''))) {
    const content = await blobs.read(account, container, blob)
    if (content?.equals(zip(name))) {
      await blobs.write(account, container, blob, zip('build-record.images.web-eastus.2'))
    }
  }
}

interface Left {
  leg: string
  attempt?: number
  matrix?: string
  failed?: boolean
  report?: Partial<BuildReport>
  runId?: string
  content?: string
  /** Instead of that of a record. */
  file?: string
}

/** What the jobs of a run leave: good records and bad ones, of two attempts. */
const LEFT: Left[] = [
  { leg: 'web-eastus', failed: true, report: { failureCode: 'quota-exceeded' } },
  { leg: 'web-eastus', attempt: 2, report: { images: { SharedImage_distribute: VERSION } } },
  {
    leg: 'web-westus2',
    failed: true,
    report: {
      failureCode: 'missing-permission',
      sourceImage: { kind: 'managed-image', id: `/${NASTY}` } as never,
    },
  },
  { leg: 'db-eastus', content: `{"schema": "\n${NASTY}\n` },
  { leg: 'db-westus2', runId: '18230002', report: { images: { SharedImage_distribute: VERSION } } },
  { leg: 'api-westus2', content: `"${'x'.repeat(1024 * 1024)}"` },
  { leg: 'tool-eastus', file: 'notes.txt' },
  { leg: 'tool-westus2', content: randomBytes(1024 * 1024).toString('base64') },
  { leg: 'web-westus2', attempt: 9, matrix: 'nightly' },
]

const artifactOf = ({ matrix = 'images', leg, attempt = 1 }: Left): string =>
  `build-record.${matrix}.${leg}.${attempt}`

function contentOf(left: Left): string {
  if (left.content !== undefined) return left.content
  const { repository, sha: commit, ref, runId } = { ...DEFAULT_JOB, ...(left.runId && { runId: left.runId }) }
  const runUrl = `https://github.com/${repository}/actions/runs/${runId}`
  const run = { repository, commit, ref, runId, runAttempt: String(left.attempt ?? 1), runUrl }
  return recordText(
    buildRecord({
      report: { ...emptyReport(), ...left.report },
      version: '1.0.0',
      workflow: { ...run, workflowRef: `${repository}/.github/workflows/x.yml@${ref}`, job: 'build' },
      inputs: { 'record-artifact-name': artifactOf(left) },
      failed: left.failed ?? false,
      startedAt: 0,
      endedAt: 12.5 * 60_000,
    }),
  )
}

/** By GitHub's own library: every artifact by a job of its own, one after the other in one process. */
const UPLOAD = `
  import { DefaultArtifactClient } from '@actions/artifact'
  import path from 'node:path'
  for (const { name, file, token } of JSON.parse(process.env.UPLOADS)) {
    process.env.ACTIONS_RUNTIME_TOKEN = token
    await new DefaultArtifactClient().uploadArtifact(name, [file], path.dirname(file))
  }`

async function leaveRecords(): Promise<void> {
  const { github, caFile } = stage.azure
  const uploads = await Promise.all(
    LEFT.map(async (left) => {
      const name = artifactOf(left)
      const file = path.join(temp, name, left.file ?? RECORD_FILE)
      await mkdir(path.dirname(file))
      await writeFile(file, contentOf(left))
      const token = await github.startJob({ ...DEFAULT_JOB, runAttempt: String(left.attempt ?? 1) })
      return { name, file, token }
    }),
  )
  const child = spawn(process.execPath, ['--input-type=module', '--eval', UPLOAD], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_EXTRA_CA_CERTS: caFile,
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_WORKSPACE: temp,
      ACTIONS_RESULTS_URL: github.resultsUrl,
      UPLOADS: JSON.stringify(uploads),
    },
  })
  expect(await once(child, 'close')).toEqual([0, null])
}

function listed(job: JobResult, output: string): BuildResult[] {
  return JSON.parse(job.outputs[output] ?? '') as BuildResult[]
}

describe('plan', () => {
  test('gives a leg for every image and location', () => {
    const { outputs, conclusion, log } = jobs.planned
    expect(conclusion).toBe('success')
    const legs = JSON.parse(outputs['legs'] ?? '') as Record<string, string>[]
    expect(legs.map(({ name }) => name)).toEqual([
      'web-eastus',
      'web-westus2',
      'db-eastus',
      'db-westus2',
      'api-eastus',
      'api-westus2',
      'tool-eastus',
      'tool-westus2',
    ])
    expect(legs[1]).toEqual({
      name: 'web-westus2',
      image: 'web',
      location: 'westus2',
      'template-name': 't-westus2',
      'resource-group': 'rg-images',
      'managed-identity': 'id-image-builder',
      'source-image': UBUNTU,
      'gallery-image-id': `${GALLERY}/images/webapp`,
      'build-path': '',
      'log-artifact-name': 'customization-log-<template name>',
    })
    expect(outputs['count']).toBe('8')
    expect(log).toContain('8 builds:\n  web-eastus\n  web-westus2')
  })

  test('tells every mistake of every leg, and gives no legs', () => {
    const { mistaken } = jobs
    const message = failureOf(mistaken)
    expect(message).toContain(
      "images: [0] (web): 'vmsize' is no input of the action. Did you mean 'vm-size'?",
    )
    expect(message).toContain(
      "legs api-eastus, api-westus2: cleanup: 'no' is not one of on-success, always, never.",
    )
    expect(mistaken.outputs).toEqual({})
  })
})

describe('gather', () => {
  test('gives the result of every leg, in the order of the plan, though an answer never came', () => {
    const { gathered } = jobs
    expect(gathered.conclusion).toBe('success')
    const results = listed(gathered, 'images')
    expect(results.map(({ name, result, attempt }) => [name, result, attempt])).toEqual([
      ['web-eastus', 'succeeded', 2],
      ['web-westus2', 'failed', 1],
      ['db-eastus', 'missing', 1],
      ['db-westus2', 'missing', 1],
      ['api-eastus', 'missing', undefined],
      ['api-westus2', 'missing', 1],
      ['tool-eastus', 'missing', 1],
      ['tool-westus2', 'missing', 1],
    ])
    expect(results[0]).toEqual({
      name: 'web-eastus',
      image: 'web',
      location: 'eastus',
      result: 'succeeded',
      'image-uri': VERSION,
      'image-version': '1.2.3',
      'image-uris': { SharedImage_distribute: VERSION },
      minutes: 12.5,
      record: 'build-record.images.web-eastus.2',
      attempt: 2,
    })
    expect(listed(gathered, 'succeeded')).toEqual(results.slice(0, 1))
    expect(listed(gathered, 'failed')).toEqual(results.slice(1))
    expect(gathered.outputs).toMatchObject({ 'all-succeeded': 'false' })
  })

  test('tells why records do not count, in one warning', () => {
    const [warning = '', ...others] = annotations(jobs.gathered, 'warning')
    expect(others).toEqual([])
    expect(warning.split('\n')).toEqual([
      'Not every record counts:',
      'build-record.images.db-eastus.1 is not a build record (no JSON object).',
      'build-record.images.db-westus2.1 is of another build: its run is 18230002, not 18230001.',
      `build-record.images.api-westus2.1 has a ${RECORD_FILE} of ${1024 * 1024 + 2} bytes, more than ${1024 * 1024}.`,
      `build-record.images.tool-eastus.1 has no ${RECORD_FILE}.`,
      expect.stringMatching(/^build-record\.images\.tool-westus2\.1 has \d{7} bytes, more than 1048576\.$/),
    ])
  })

  test('prints one table on the log, and takes no orders from a record', () => {
    const { gathered } = jobs
    expect(gathered.log).toMatch(/^ {2}Image {2}Location {2}Result {5}Version {2}Source .*Failure code$/m)
    expect(gathered.log).toMatch(/^ {2}web {4}eastus {4}succeeded {2}1\.2\.3 .* 12\.5$/m)
    expect(gathered.log).toMatch(
      /^ {2}web {4}westus2 {3}failed .*##\u2060\[set-output .* missing-permission$/m,
    )
    expect(gathered.log).toContain('  1 succeeded, 1 failed, 6 missing.')
    expect(gathered.outputs).not.toHaveProperty('stolen')
  })

  test('writes the same table as the summary, with a link to what failed', () => {
    const { summary } = jobs.gathered.main
    expect(summary).toContain('| web | eastus | ✅ succeeded | 1.2.3 |  | 12.5 |  |')
    expect(summary).toContain(
      '[missing-permission](https://github.com/octo-org/aib-action/blob/v1/docs/troubleshooting.md#the-signed-in-identity-lacks-a-right)',
    )
    expect(summary).toContain('| api | eastus | ❔ missing |  |  |  |  |')
    expect(summary).toContain('- build')
    expect(summary).not.toContain('<img')
  })

  test('fails when a record does not come as it was, after all others', () => {
    const { broken, gathered } = jobs
    expect(failureOf(broken)).toBe(
      [
        '1 of 7 build records could not be read; re-run this job, the records stay where they are.',
        'Failed while reading the workflow artifact build-record.images.web-westus2.1: what came is not what was uploaded',
      ].join('\n'),
    )
    const [first, second, ...others] = listed(gathered, 'images')
    const unread = { name: second?.name, image: 'web', location: 'westus2', result: 'missing' }
    expect(listed(broken, 'images')).toEqual([first, unread, ...others])
    expect(broken.main.summary).toContain('❌ 1 of 7 build records could not be read')
  })
})

test('no secret gets out', () => {
  expect(Object.values(jobs).flatMap(({ leaks }) => leaks)).toEqual([])
})
