/**
 * Main is killed (SIGKILL, as the out-of-memory killer does it) when the service has acted and main does not know it
 * yet: post finds everything that was made and leaves nothing, except what a failed build keeps.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { defaultSeed } from '../../local-azure/seed.ts'
import type { JobResult } from '../../local-azure/runner.ts'
import {
  AT_ANY_PACE,
  countRequests,
  HELD,
  momentOf,
  pace,
  release,
  runQuickly,
  templateState,
  whenAt,
  UNRUN,
} from '../support/moments.ts'
import { annotations, leftBehind, openStage, type Stage } from '../support/run-action.ts'

const FRESH_ACCOUNT = { resourceGroup: 'rg-images', name: 'stcontosofresh', location: 'eastus' }
const TEMPLATE = 'imageTemplates/t_[^/?]+'
const READ_TEMPLATE = new RegExp(`^GET .*/${TEMPLATE}\\?`)
const CANCEL = new RegExp(`^POST .*/${TEMPLATE}/cancel`)
const DELETE = new RegExp(`^DELETE .*/${TEMPLATE}\\?`)
const RUN = new RegExp(`^POST .*/${TEMPLATE}/run\\?`)

let stage: Stage
beforeAll(async () => {
  const seed = defaultSeed()
  seed.storageAccounts.push(FRESH_ACCOUNT)
  // The inline script, a template's third customizer, fails.
  const build = { ...UNRUN, failCustomizer: { index: 2, exitCode: 3, output: ['no luck'] } }
  stage = await openStage({ ...AT_ANY_PACE, seed, build })
  // More than one block: bytes that cannot be compressed.
  await writeFile(path.join(stage.workspace, 'blocks.bin'), randomBytes(9 * 1024 * 1024))
})
let before: Awaited<ReturnType<typeof leftBehind>>
beforeEach(async () => {
  pace(stage.azure)
  stage.azure.world.liftFaults()
  before = await leftBehind(stage.azure)
})
afterAll(() => stage.close())

function expectKilled(job: JobResult): void {
  expect(job.main.signal).toBe('SIGKILL')
  expect(job.conclusion).toBe('failure')
  expect(job.leaks).toEqual([])
}

async function expectNothingLeft(job: JobResult): Promise<void> {
  expect(job.post?.exitCode).toBe(0)
  expect(annotations(job, 'warning')).toEqual([])
  expect(await leftBehind(stage.azure)).toEqual(before)
}

describe('killed before a run was started, it leaves nothing', () => {
  test.each<[string, RegExp, Record<string, string>]>([
    ['the first block of several', /^PUT .*comp=block&/, { 'build-path': 'blocks.bin' }],
    ['the last word of the upload', /^PUT .*comp=blocklist/, { 'build-path': 'blocks.bin' }],
  ])('at %s', async (_, request, inputs) => {
    const kill = momentOf(stage.azure, request)
    const runs = countRequests(stage.azure, RUN)
    const job = await runQuickly(stage, inputs, { interrupt: { kill } })
    expectKilled(job)
    await expectNothingLeft(job)
    expect(runs()).toEqual([])
  })

  test('while the template is being made', async () => {
    pace(stage.azure, { submit: HELD })
    whenAt(stage.azure, DELETE, () => {
      release(stage.azure)
    })
    const kill = momentOf(
      stage.azure,
      READ_TEMPLATE,
      (read) => templateState(stage.azure, read) === 'Creating',
    )
    const runs = countRequests(stage.azure, RUN)
    const job = await runQuickly(stage, {}, { interrupt: { kill } })
    expectKilled(job)
    await expectNothingLeft(job)
    expect(runs()).toEqual([])
  })

  test.each([
    ['PUT of the template', `^PUT .*/${TEMPLATE}\\?`, /template t_\S+ does not exist: nothing to delete/],
    ['start of the run', RUN.source, /delete template: {2}Succeeded/],
  ])('at a %s that never arrives', async (_, match, told) => {
    stage.azure.world.addFault({ service: 'resource-manager', match, respond: 'stall' })
    const job = await runQuickly(stage, {}, { interrupt: { kill: momentOf(stage.azure, RegExp(match)) } })
    expectKilled(job)
    await expectNothingLeft(job)
    expect(job.log).toMatch(told)
  })

  test('before there is a container', async () => {
    const put = /^PUT \/stcontosofresh.*restype=container/
    stage.azure.world.addFault({ service: 'blob', match: put.source, respond: 'stall' })
    const kill = momentOf(stage.azure, put)
    const job = await runQuickly(stage, { 'storage-account': FRESH_ACCOUNT.name }, { interrupt: { kill } })
    expectKilled(job)
    await expectNothingLeft(job)
    expect(await stage.azure.blobs.list(FRESH_ACCOUNT.name)).toEqual([])
  })
})

describe('killed while a run is under way, it leaves nothing, and the run is cancelled once', () => {
  test('Customizing', async () => {
    pace(stage.azure, { customizing: HELD })
    const kill = momentOf(
      stage.azure,
      READ_TEMPLATE,
      (read) => templateState(stage.azure, read) === 'Customizing',
    )
    const [runs, cancels] = [countRequests(stage.azure, RUN), countRequests(stage.azure, CANCEL)]
    const job = await runQuickly(stage, {}, { interrupt: { kill } })
    expectKilled(job)
    await expectNothingLeft(job)
    expect(job.log).toMatch(/cancelling the run of template t_/)
    expect(runs()).toMatchObject([{ status: 202 }])
    expect(cancels()).toMatchObject([{ status: 204 }])
  })

  test('at the start of the run; post, which is killed at its cancel, goes on from there the next time', async () => {
    pace(stage.azure, { queued: HELD })
    const killMain = momentOf(stage.azure, RUN)
    const killPost = momentOf(stage.azure, CANCEL)
    const [runs, cancels] = [countRequests(stage.azure, RUN), countRequests(stage.azure, CANCEL)]
    const options = { interrupt: { kill: killMain }, post: { kill: killPost }, postTwice: true }
    const job = await runQuickly(stage, {}, options)
    expectKilled(job)
    expect(killPost.aborted).toBe(true)
    await expectNothingLeft(job)
    expect(job.log).toMatch(/cancelling the run of template t_/)
    expect(runs()).toMatchObject([{ status: 202 }])
    expect(cancels()).toMatchObject([{ status: 204 }])
  })
})

describe('killed when the run has succeeded, it leaves the image alone', () => {
  test.each([
    ['the last look at the run', 'its DELETE', READ_TEMPLATE, DELETE],
    [
      'the run output',
      'its DELETE of the blob',
      new RegExp(`^GET .*/${TEMPLATE}/runOutputs/`),
      /^DELETE \/stcontosobuild\//,
    ],
  ])(
    'at %s; post, which is killed at %s, ends its work the next time',
    async (_main, _post, request, deletion) => {
      const made = countImages()
      const cancels = countRequests(stage.azure, CANCEL)
      const kill = momentOf(
        stage.azure,
        request,
        (exchange) => templateState(stage.azure, exchange) === 'run Succeeded',
      )
      const killPost = momentOf(stage.azure, deletion)
      const options = { interrupt: { kill }, post: { kill: killPost }, postTwice: true }
      const job = await runQuickly(stage, {}, options)
      expectKilled(job)
      expect(killPost.aborted).toBe(true)
      await expectNothingLeft(job)
      expect(made()).toBe(1)
      expect(cancels()).toEqual([])
    },
  )
})

/** Image versions made since now. */
function countImages(): () => number {
  const count = (): number =>
    stage.azure.world.resources.list('Microsoft.Compute/galleries/images/versions').length
  const before = count()
  return () => count() - before
}

describe('killed when the run has failed, it keeps what holds the log', () => {
  const FAILING = { 'inline-script': 'exit 3' }
  const failed = (): AbortSignal =>
    momentOf(stage.azure, READ_TEMPLATE, (read) => templateState(stage.azure, read) === 'run Failed')

  test('template and staging group stay, and post says where the log is and how to delete them', async () => {
    const job = await runQuickly(stage, FAILING, { interrupt: { kill: failed() } })
    expectKilled(job)
    const { templates, stagingGroups, blobs } = await leftBehind(stage.azure)
    expect({ templates, groups: stagingGroups.length, blobs }).toEqual({
      templates: [expect.stringMatching(/^t_/)],
      groups: 1,
      blobs: [],
    })
    expect(job.log).toContain(`keeping template ${templates[0] ?? ''}`)
    expect(job.log).toContain(stagingGroups[0])
    expect(job.log).toMatch(/Customization log: .*packerlogs/)
    expect(job.log).toContain(
      `az image builder delete --name ${templates[0] ?? ''} --resource-group 'rg-images'`,
    )
    expect(annotations(job, 'warning')).toEqual([])
  })

  test('cleanup: always deletes them all the same', async () => {
    const inputs = { ...FAILING, cleanup: 'always' }
    const job = await runQuickly(stage, inputs, { interrupt: { kill: failed() } })
    expectKilled(job)
    expect(await leftBehind(stage.azure)).toEqual(before)
  })
})
