/**
 * The user cancels the workflow: main asks for the end of the run with one call and ends by itself, post deletes
 * everything, and what was known by then is in the outputs.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import type { Fault } from '../../local-azure/world.ts'
import { AT_ANY_PACE, countRequests, HELD, momentOf, pace, quickTime } from '../support/moments.ts'
import { annotations, leftBehind, openStage, type Stage } from '../support/run-action.ts'

const TEMPLATE = 'imageTemplates/t_[^/?]+'
const PUT = new RegExp(`^PUT .*/${TEMPLATE}\\?`)
const RUN = new RegExp(`^POST .*/${TEMPLATE}/run\\?`)
const CANCEL = new RegExp(`^POST .*/${TEMPLATE}/cancel\\?`)
const RUN_OUTPUT = new RegExp(`^GET .*/${TEMPLATE}/runOutputs/`)

let stage: Stage
beforeAll(async () => {
  stage = await openStage(AT_ANY_PACE)
})
let before: Awaited<ReturnType<typeof leftBehind>>
beforeEach(async () => {
  pace(stage.azure)
  stage.azure.world.liftFaults()
  before = await leftBehind(stage.azure)
})
afterAll(() => stage.close())

/** Not too quick: the few seconds that main has for its last words must be enough for real requests. */
const PATIENT = quickTime(4)
function run(inputs: Record<string, string>, options: Partial<JobOptions>): Promise<JobResult> {
  return stage.run(inputs, { ...options, env: PATIENT })
}

/** Main ended by itself within the runner's patience, post did its work, and nobody was told of a failure. */
function expectCancelled(job: JobResult): void {
  expect(job.conclusion).toBe('cancelled')
  expect(job.main).toMatchObject({ signal: null, exitCode: 1 })
  expect(annotations(job, 'error')).toEqual([
    expect.stringMatching(/^The workflow was cancelled\.\nCause: /),
    'The operation was canceled.',
  ])
  expect(job.state['outcome']).toBe('"cancelled"')
  expectPostWorked(job)
}

function expectPostWorked(job: JobResult): void {
  expect(job.post).toMatchObject({ exitCode: 0, conclusion: 'success' })
  expect(annotations(job, 'warning')).toEqual([])
  expect(job.leaks).toEqual([])
}

/** Cancels when the log shows a line. */
function cancelAt(line: RegExp): Pick<JobOptions, 'interrupt' | 'onLine'> {
  const user = new AbortController()
  return {
    interrupt: { cancel: user.signal },
    onLine: (shown) => {
      if (line.test(shown)) user.abort()
    },
  }
}

const UNKNOWN = { 'pir-version': '', 'template-name': '', 'staging-resource-group': '', 'image-uri': '' }
const SOURCE = { ...UNKNOWN, 'pir-version': '24.04.202611050' }
const NAMED = { ...SOURCE, 'template-name': expect.stringMatching(/^t_/) }
const TAKEN_IN = { ...NAMED, 'staging-resource-group': expect.stringMatching(/^IT_rg-images_t_/) }

// While it signs in it is as while it looks up; `npm run test:faults` cancels at every request.
describe('before a run is under way, nothing is cancelled', () => {
  test.each<[string, Fault['service'], RegExp, object]>([
    ['looking up', 'resource-manager', /^GET .*\/galleries\/contoso\/images\/webapp\?/, UNKNOWN],
    ['uploading', 'blob', /^PUT .*comp=block&/, SOURCE],
    ['signing the URL', 'blob', /^POST .*comp=userdelegationkey/, SOURCE],
    ['submitting', 'resource-manager', PUT, NAMED],
  ])('while %s, with no answer ever coming', async (_, service, request, known) => {
    stage.azure.world.addFault({ service, match: request.source, respond: 'stall' })
    const [runs, cancels] = [countRequests(stage.azure, RUN), countRequests(stage.azure, CANCEL)]
    const job = await run({}, { interrupt: { cancel: momentOf(stage.azure, request) } })
    expectCancelled(job)
    expect(job.outputs).toMatchObject(known)
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(runs()).toEqual([])
    expect(cancels()).toEqual([])
  })

  test('while the template is being made', async () => {
    pace(stage.azure, { submit: 500 })
    const [runs, cancels] = [countRequests(stage.azure, RUN), countRequests(stage.azure, CANCEL)]
    const job = await run({}, { interrupt: { cancel: momentOf(stage.azure, PUT) } })
    expectCancelled(job)
    expect(job.outputs).toMatchObject(NAMED)
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(runs()).toEqual([])
    expect(cancels()).toEqual([])
  })
})

// Queued, Building and Distributing: nothing asks in which phase it is.
describe('while a run is under way, it is cancelled with one call', () => {
  test('which the service has started and main does not know it yet', async () => {
    pace(stage.azure, { queued: HELD })
    const cancels = countRequests(stage.azure, CANCEL)
    const job = await run({}, { interrupt: { cancel: momentOf(stage.azure, RUN) } })
    expectCancelled(job)
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(cancels()).toMatchObject([{ status: 204 }])
  })

  test('a start that never arrives is no run: the service says so, and that is fine', async () => {
    stage.azure.world.addFault({ service: 'resource-manager', match: RUN.source, respond: 'stall' })
    const cancels = countRequests(stage.azure, CANCEL)
    const job = await run({}, { interrupt: { cancel: momentOf(stage.azure, RUN) } })
    expectCancelled(job)
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(cancels()).toMatchObject([{ status: 405 }])
  })

  test("the runner's second signal does not cut off what main is saying to Azure", async () => {
    pace(stage.azure, { building: HELD })
    const late: Fault = {
      service: 'resource-manager',
      match: CANCEL.source,
      when: 'after',
      delayMs: 300,
      respond: { status: 204 },
    }
    stage.azure.world.addFault(late)
    const calls = countRequests(stage.azure, new RegExp(`${CANCEL.source}|^DELETE `))
    const signalDelays = { term: 50, kill: 20_000 }
    const job = await run({}, { ...cancelAt(/^ {2}Building \(/), signalDelays })
    expectCancelled(job)
    expect(job.outputs).toMatchObject(TAKEN_IN)
    expect(await leftBehind(stage.azure)).toEqual(before)
    // Main calls, before post deletes anything; then nobody calls again.
    const [first, ...later] = calls()
    expect(first).toMatchObject({ method: 'POST', status: 204 })
    expect(later.filter(({ method }) => method === 'POST')).toEqual([])
    expect(job.log).toMatch(/the workflow was cancelled: cancelling the run[^]+delete template: {2}Succeeded/)
  })

  test('cleanup: never keeps template and blob; the run is cancelled all the same', async () => {
    pace(stage.azure, { distributing: HELD })
    const [cancels, deletes] = [countRequests(stage.azure, CANCEL), countRequests(stage.azure, /^DELETE /)]
    const job = await run({ cleanup: 'never' }, cancelAt(/^ {2}Distributing \(/))
    expectCancelled(job)
    expect(job.outputs).toMatchObject(TAKEN_IN)
    const { templates, stagingGroups, blobs } = await newlyLeft()
    expect([templates.length, stagingGroups.length, blobs.length]).toEqual([1, 1, 1])
    expect(cancels()).toMatchObject([{ status: 204 }])
    expect(deletes()).toEqual([])
    expect(job.log).toContain('cleanup is never: keeping')
  })
})

describe('when the run is over', () => {
  test('the image that exists by then is reported, and nothing is left to cancel', async () => {
    const cancels = countRequests(stage.azure, CANCEL)
    const job = await run({}, { interrupt: { cancel: momentOf(stage.azure, RUN_OUTPUT) } })
    expect(job.conclusion).toBe('cancelled')
    expect(job.main.signal).toBeNull()
    expectPostWorked(job)
    expect(job.outputs).toMatchObject({
      'run-state': 'Succeeded',
      'image-uri': expect.stringMatching(/\/images\/webapp\/versions\/\d+\.\d+\.\d+$/),
    })
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(cancels()).toEqual([])
  })

  test('post, which is never signalled, ends its work', async () => {
    const job = await run({}, cancelAt(/^deleting template/))
    expect(job.conclusion).toBe('cancelled')
    expect(job.main.conclusion).toBe('success')
    expectPostWorked(job)
    expect(job.post?.lines.at(-1)).toBe('delete template:  Succeeded')
    expect(await leftBehind(stage.azure)).toEqual(before)
  })
})

test('a run that stays in Canceling for ever is given up in time, with the command for later', async () => {
  stage.azure.world.options.build.stuckCanceling = true
  pace(stage.azure, { building: HELD })
  const inputs = { 'poll-interval-seconds': '30' }
  const job = await stage.run(inputs, { ...cancelAt(/^ {2}Building \(/), env: quickTime(50) })
  expect(job.conclusion).toBe('cancelled')
  expect(job.post).toMatchObject({ exitCode: 0, conclusion: 'success', signal: null })
  expect(job.leaks).toEqual([])
  const { templates, stagingGroups, blobs } = await newlyLeft()
  expect([templates.length, stagingGroups.length, blobs]).toEqual([1, 1, []])
  const [warning, ...others] = annotations(job, 'warning')
  expect(others).toEqual([])
  expect(warning).toMatch(/was not deleted: .*is not allowed in provisioning state: .* canceling/)
  expect(warning).toContain(
    `az image builder delete --name ${templates[0] ?? ''} --resource-group 'rg-images'`,
  )
  // Every 30 seconds, for 270 of the 285 that the runner grants.
  const deletes = stage.azure.world.requests(
    new RegExp(`^DELETE .*/imageTemplates/${templates[0] ?? ''}\\?`),
  ).length
  expect(deletes).toBeGreaterThan(1)
  expect(deletes).toBeLessThanOrEqual(9)
})

/** What this test's job has left behind. */
async function newlyLeft(): Promise<typeof before> {
  const now = await leftBehind(stage.azure)
  const fresh = (kind: keyof typeof before): string[] =>
    now[kind].filter((name) => !before[kind].includes(name))
  return { templates: fresh('templates'), stagingGroups: fresh('stagingGroups'), blobs: fresh('blobs') }
}
