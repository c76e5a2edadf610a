/** `dry-run`: everything is looked up and checked, the template shown and written; nothing is written in Azure. */
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, DEPLOYER_ACTIONS } from '../../local-azure/seed.ts'
import type { Exchange } from '../../local-azure/world.ts'
import type { ImageTemplate } from '../../src/image-template.ts'
import { artifactOf, ON_WINDOWS, sha256 } from '../support/artifacts.ts'
import { requestsOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  leftBehind,
  NOTHING,
  onStage,
  openStage,
  UBUNTU,
  type Stage,
} from '../support/run-action.ts'
import { addApplication } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { expectMistakes, refusalOf, submitted, writes } from '../support/submissions.ts'

const INPUTS = { 'dry-run': 'true', 'inline-script': 'echo "hello"', 'image-tags': 'owner=me' }

const seed = defaultSeed()
/** May read what a build is checked against, and neither upload nor sign. */
const READER = addApplication(seed, {
  roles: [{ actions: DEPLOYER_ACTIONS.filter((action) => action.endsWith('/read')), dataActions: [] }],
})

let stage: Stage
let jobs: Record<'Linux' | 'Windows', JobResult>
let requests: Exchange[]
let temp: string
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
  // The runner empties RUNNER_TEMP when the job ends; this one is looked into afterwards.
  temp = await mkdtemp(path.join(stage.azure.folder, 'temp-'))
  const dry = (system: string, inputs: Record<string, string>) => async (): Promise<JobResult> => {
    const runnerTemp = path.join(temp, system)
    await mkdir(runnerTemp)
    return await stage.run({ ...INPUTS, 'client-id': READER, ...inputs }, { runnerTemp })
  }
  const played = await requestsOf(stage.azure, () =>
    sideBySide({ Linux: dry('Linux', {}), Windows: dry('Windows', ON_WINDOWS) }),
  )
  jobs = played.result
  requests = played.requests
})
afterAll(() => stage.close())

/** The template that a job has written. */
async function written({ outputs }: JobResult): Promise<ImageTemplate> {
  return JSON.parse(await readFile(outputs['template-path'] ?? '', 'utf8')) as ImageTemplate
}

test('nothing is written, uploaded or started, and no key is asked for', async () => {
  expect(requests.length).toBeGreaterThan(10)
  expect(writes(requests)).toEqual([])
  expect(requests.filter(({ service }) => service === 'blob')).toEqual([])
  expect(await leftBehind(stage.azure)).toEqual(NOTHING)
})

describe.each(['Linux', 'Windows'] as const)('on %s', (system) => {
  test('the job is green, though its identity may write nothing, and post has nothing to do', () => {
    const { conclusion, leaks, post, state } = jobs[system]
    const told = [...annotations(jobs[system], 'error'), ...annotations(jobs[system], 'warning')]
    expect({ conclusion, leaks, told }).toEqual({ conclusion: 'success', leaks: [], told: [] })
    expect(post?.lines).toEqual(['nothing was created, so there is nothing to clean up'])
    expect({ template: state['imageTemplate'], blob: state['blob'], run: state['run'] }).toEqual({})
  })

  test('the template is printed as it is written', async () => {
    const template = await written(jobs[system])
    const lines = jobs[system].main.lines.map((line) => line.replace(/^ {2}/, ''))
    const from = lines.indexOf('{')
    const printed = lines.slice(from, lines.indexOf('}', from) + 1).join('\n')
    expect(JSON.parse(printed)).toEqual(template)
    expect(template).toMatchObject({
      location: 'eastus',
      tags: { 'run-id': '18230001' },
      properties: { source: { type: 'PlatformImage' } },
    })
    expect(JSON.stringify(template.properties.distribute)).toContain('"owner":"me"')
    expect(JSON.stringify(template)).not.toContain('sig=')
  })

  test('what is known is told, and nothing more', () => {
    const { outputs, main } = jobs[system]
    expect(outputs).toMatchObject({
      'pir-version': system === 'Linux' ? '24.04.202611050' : '20348.4405.261111',
      'template-name': expect.stringMatching(/^t_\d+_/),
      'template-path': path.join(temp, system, `${outputs['template-name'] ?? ''}.json`),
      'image-uri': '',
      'image-uris': '{}',
      'run-state': '',
      'staging-resource-group': '',
    })
    expect(main.summary).toContain('dry run')
  })
})

test('its SHA-256 and its template are those of the build', async () => {
  const job = await stage.run({ ...INPUTS, 'dry-run': 'false', cleanup: 'never' })
  expect(job.conclusion).toBe('success')
  const [dry, real] = [await written(jobs.Linux), submitted(stage, job)]
  const [file] = dry.properties.customize
  expect(file).toMatchObject({ type: 'File', sha256Checksum: sha256(await artifactOf(stage, job)) })
  // Alike but for the artifact's name and a tag, which tell the time, and the signature.
  const alike = (template: ImageTemplate): unknown =>
    JSON.parse(
      JSON.stringify(template)
        .replaceAll(/app_\d+_[0-9a-f]+\.tar\.gz(\?[^"]*)?/g, 'app')
        .replaceAll(/"build-started":"[^"]+"/g, '"build-started":"then"'),
    )
  expect(alike(dry)).toEqual(alike(real))
})

test('mistakes are found all the same', async () => {
  const mistakes = {
    'dry-run': 'true',
    'managed-identity': 'id-none',
    'gallery-image-id': `${GALLERY}/images/webap`,
    'source-image': `${UBUNTU}:1.2.3`,
  }
  expectMistakes(await refusalOf(stage, mistakes), [
    /^managed-identity: 'id-none' does not exist/,
    /^gallery-image-id: image definition 'webap' does not exist/,
    /^source-image: .*:1\.2\.3 is not offered in eastus/,
  ])
})

test('register-providers is only announced', async () => {
  const own = defaultSeed()
  for (const provider of own.resourceProviders) {
    if (provider.namespace === 'Microsoft.KeyVault') provider.registrationState = 'NotRegistered'
  }
  for (const { actions } of own.roleAssignments) actions.push('*/register/action')
  await onStage({ seed: own }, async (other) => {
    const job = await other.run({ 'dry-run': 'true', 'register-providers': 'true' })
    expect(job.conclusion).toBe('success')
    expect(job.log).toContain('Microsoft.KeyVault is not registered: a build would register it')
    expect(writes(other.azure.world.exchanges)).toEqual([])
  })
})
