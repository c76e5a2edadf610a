/** `existing-template`: a template that somebody else made is run as it is, told of, and kept whatever happens. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { AT_ANY_PACE, HELD, pace, release } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  leftBehind,
  openStage,
  UBUNTU,
  type Stage,
} from '../support/run-action.ts'
import { byHand, expectMistakes, refusalOf, resource, templateId, writes } from '../support/submissions.ts'

const SOURCE = {
  type: 'PlatformImage',
  publisher: 'Canonical',
  offer: 'ubuntu-24_04-lts',
  sku: 'server',
  version: 'latest',
}
const TARGETS = [
  { type: 'SharedImage', galleryImageId: `${GALLERY}/images/webapp`, runOutputName: 'gallery' },
  {
    type: 'ManagedImage',
    imageId: `${GROUP}/providers/Microsoft.Compute/images/made`,
    location: 'eastus',
    runOutputName: 'image',
  },
]

let stage: Stage
beforeAll(async () => {
  stage = await openStage(AT_ANY_PACE)
  const properties = { source: SOURCE, distribute: TARGETS }
  await byHand(stage.azure, 'web-base', { properties })
  await byHand(stage.azure, 'web-front', { properties })
  await byHand(stage.azure, 'failing', {
    properties: { ...properties, distribute: [{ ...TARGETS[0], runOutputName: 'unlucky' }] },
  })
  await byHand(stage.azure, 'broken', {
    properties: { ...properties, source: { ...SOURCE, sku: 'servr' } },
  })
  stage.azure.world.options.build.failDistribute = { runOutputName: 'unlucky', message: 'There is no room.' }
})
beforeEach(() => {
  pace(stage.azure)
})
afterAll(() => stage.close())

/** Runs a template; inputs that shape one are left out. */
async function runExisting(
  name: string,
  inputs: Record<string, string> = {},
  options: Parameters<Stage['run']>[1] = {},
): Promise<JobResult> {
  return await stage.run({ ...only(name), ...inputs }, options)
}

function only(name: string): Record<string, string> {
  const shape = ['location', 'managed-identity', 'storage-account', 'source-image', 'gallery-image-id']
  const none = Object.fromEntries([...shape, 'build-path'].map((input) => [input, '']))
  return { ...none, 'existing-template': 'true', 'template-name': name }
}

/** Still there with its staging group, and not running. */
function expectKept(name: string, job: JobResult): void {
  const { properties } = resource(stage, templateId(name))
  expect(properties).toMatchObject({ provisioningState: 'Succeeded' })
  expect(properties['lastRunStatus']).not.toMatchObject({ runState: 'Running' })
  expect(resource(stage, String(properties['exactStagingResourceGroup']))).toBeDefined()
  expect(stage.azure.world.requests(/^DELETE /)).toEqual([])
  expect(job.post?.conclusion).toBe('success')
  expect(job.leaks).toEqual([])
}

test('it is run, its outputs are told, and it is kept even with cleanup: always', async () => {
  const { result: job, requests } = await requestsOf(stage.azure, () =>
    runExisting('Web-Base', { cleanup: 'always' }),
  )
  expect(annotations(job, 'error')).toEqual([])
  expect(job.conclusion).toBe('success')
  const { outputs } = job
  expect(outputs).toMatchObject({
    'template-name': expect.stringMatching(/^web-base$/i),
    'run-output-name': 'gallery',
    'run-state': 'Succeeded',
    'staging-resource-group': expect.stringMatching(/^IT_rg-images_web-base_/),
    'image-uri': expect.stringMatching(/\/images\/webapp\/versions\/\d+\.\d+\.\d+$/),
  })
  const exact = [outputs['pir-publisher'], outputs['pir-offer'], outputs['pir-sku'], outputs['pir-version']]
  expect(exact.join(':')).toBe(`${UBUNTU}:24.04.202611050`)
  expect(JSON.parse(outputs['image-uris'] ?? '')).toEqual({
    gallery: outputs['image-uri'],
    image: TARGETS[1]?.imageId,
  })
  expect(resource(stage, outputs['image-uri']).name).toBe(outputs['image-version'])
  expect(job.log).toMatch(/template web-base was there before: keeping it/i)
  expect(writes(requests)).toEqual([expect.stringMatching(/^POST .*\/imageTemplates\/web-base\/run\?/i)])
  expectKept('web-base', job)
})

test('a run that fails fails the build; the template is kept', async () => {
  const job = await runExisting('failing', { cleanup: 'always' })
  expect(failureOf(job)).toContain('There is no room.')
  expect(job.outputs).toMatchObject({ 'run-state': 'Failed', 'image-uri': '' })
  expectKept('failing', job)
})

describe('when the workflow is cancelled', () => {
  /** Cancels when the build is seen under way. */
  function cancelled(name: string): Promise<JobResult> {
    const cancel = new AbortController()
    return runExisting(
      name,
      {},
      {
        interrupt: { cancel: cancel.signal },
        onLine: (line) => {
          if (/^ {2}Building \(/.test(line)) cancel.abort()
        },
      },
    )
  }

  test('a run of ours is cancelled, the template kept', async () => {
    pace(stage.azure, { building: HELD })
    const job = await cancelled('web-base')
    expect(job.conclusion).toBe('cancelled')
    expect(stage.azure.world.requests(/^POST .*\/web-base\/cancel\?/i)).toMatchObject([{ status: 204 }])
    await ended('web-base')
    expectKept('web-base', job)
  })

  test('a run of somebody else’s goes on', async () => {
    pace(stage.azure, { building: HELD })
    await byHand(stage.azure, 'web-front', 'run')
    const job = await cancelled('web-front')
    expect(job.conclusion).toBe('cancelled')
    expect(job.post?.conclusion).toBe('success')
    expect(stage.azure.world.requests(/^POST .*\/web-front\/cancel\?/i)).toEqual([])
    expect(resource(stage, templateId('web-front')).properties['lastRunStatus']).toMatchObject({
      runState: 'Running',
    })
    expect(job.leaks).toEqual([])
  })
})

test('one that is running already is followed, not started again', async () => {
  await byHand(stage.azure, 'running', { properties: { source: SOURCE, distribute: TARGETS } })
  pace(stage.azure, { customizing: HELD })
  await byHand(stage.azure, 'running', 'run')
  const onLine = (line: string): void => {
    if (/^ {2}Customizing \(/.test(line)) release(stage.azure)
  }
  const { result: job, requests } = await requestsOf(stage.azure, () =>
    runExisting('running', {}, { onLine }),
  )
  expect(annotations(job, 'error')).toEqual([])
  expect(job.conclusion).toBe('success')
  expect(job.outputs).toMatchObject({ 'run-state': 'Succeeded', 'run-output-name': 'gallery' })
  expect(job.log).toContain('following that run')
  expect(writes(requests)).toEqual([])
  expectKept('running', job)
})

test('dry-run: shown and written, not started', async () => {
  const { result: job, requests } = await requestsOf(stage.azure, () =>
    runExisting('web-base', { 'dry-run': 'true' }, { skipPost: true }),
  )
  expect(job.conclusion).toBe('success')
  expect(writes(requests)).toEqual([])
  expect(job.log).toContain('"runOutputName": "gallery"')
  expect(job.outputs).toMatchObject({ 'run-state': '', 'image-uri': '', 'pir-version': '24.04.202611050' })
  expect(job.outputs['template-path']).toMatch(/web-base\.json$/i)
})

test('wait: false starts it and leaves', async () => {
  const job = await runExisting('web-base', { wait: 'false' })
  expect(job.conclusion).toBe('success')
  expect(job.outputs['run-state']).toBe('Running')
  await ended('web-base')
  expectKept('web-base', job)
})

// What is refused for its inputs alone: the unit tests.
describe('is refused', () => {
  test('when there is none: the nearest name is told', async () => {
    expectMistakes(await refusalOf(stage, only('web-bas')), [
      /^template-name: 'web-bas' does not exist in resource group rg-images\. Did you mean 'web-base'\?$/,
    ])
  })

  test('when it was never provisioned, with the reason', async () => {
    expectMistakes(await refusalOf(stage, only('broken')), [
      /^template-name: 'broken' cannot be run, it is Failed: Platform Image was not found\./,
    ])
  })
})

test('nobody’s template has gone', async () => {
  const { templates } = await leftBehind(stage.azure)
  expect(templates.sort()).toEqual(['broken', 'failing', 'running', 'web-base', 'web-front'])
})

/** Until the run of a template is over: asks the template itself. */
async function ended(name: string): Promise<void> {
  const state = (): unknown =>
    (resource(stage, templateId(name)).properties['lastRunStatus'] as { runState?: string } | undefined)
      ?.runState
  while (state() === 'Running' || state() === 'Canceling') {
    await stage.azure.world.elapse(10)
  }
}
