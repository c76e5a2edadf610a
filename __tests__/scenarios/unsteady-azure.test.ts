/** Azure and GitHub falter: answers are late, lost or broken. What must happen once happens once, and the build goes on. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { JobResult } from '../../local-azure/runner.ts'
import { SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import type { Fault } from '../../local-azure/world.ts'
import { failureOf } from '../support/failures.ts'
import {
  AT_ANY_PACE,
  countRequests,
  HELD,
  momentOf,
  pace,
  quickTime,
  release,
  runQuickly,
  templateState,
  whenAt,
} from '../support/moments.ts'
import { annotations, leftBehind, openStage, type Stage } from '../support/run-action.ts'

const TEMPLATE = 'imageTemplates/t_[^/?]+'
const PUT = new RegExp(`^PUT .*/${TEMPLATE}\\?`)
const READ = new RegExp(`^GET .*/${TEMPLATE}\\?`)
const DELETE = new RegExp(`^DELETE .*/${TEMPLATE}\\?`)
const RUN = new RegExp(`^POST .*/${TEMPLATE}/run\\?`)
const CANCEL = new RegExp(`^POST .*/${TEMPLATE}/cancel\\?`)
const OPERATION = /^GET .*\/locations\/eastus\/operations\//
const FOR_EVER = 1e9

let stage: Stage
beforeAll(async () => {
  stage = await openStage(AT_ANY_PACE)
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

type Answer = Fault['respond']
/** Answers in Resource Manager's shape, asking for no pause. */
const answer = (status: number, code: string, message: string): Answer => ({
  status,
  headers: { 'Content-Type': 'application/json', 'Retry-After': '0' },
  body: { error: { code, message } },
})
const INTERNAL = answer(500, 'InternalOperationError', 'Internal error occurred.')
const GATEWAY = answer(
  504,
  'GatewayTimeout',
  "The gateway did not receive a response from 'Microsoft.VirtualMachineImages' within the specified time period.",
)
const BROKEN: Answer = { status: 200, body: Buffer.from('{"properties":{"provisioningState":"Succ') }

function fault(
  service: Fault['service'],
  request: RegExp,
  respond: Answer,
  more: Partial<Fault> = {},
): Fault {
  return { service, match: request.source, respond, ...more }
}
function inArm(request: RegExp, respond: Answer, more: Partial<Fault> = {}): Fault {
  return fault('resource-manager', request, respond, more)
}
const LOST = { when: 'after' } as const

function strike(...faults: Fault[]): void {
  for (const one of faults) stage.azure.world.addFault(one)
}

async function expectBuilt(job: JobResult): Promise<void> {
  expect(annotations(job, 'error')).toEqual([])
  expect(annotations(job, 'warning')).toEqual([])
  expect(job.conclusion).toBe('success')
  expect(job.outputs['image-uri']).toMatch(/\/versions\/\d+\.\d+\.\d+$/)
  expect(job.leaks).toEqual([])
  expect(await leftBehind(stage.azure)).toEqual(before)
}

/** The template stays, as after every failure, and post says how to delete it. */
function expectKept(job: JobResult): void {
  expect(stage.azure.world.resources.get(job.outputs['template-id'] ?? '')).toBeDefined()
  expect(job.post?.lines.join('\n')).toContain(`when you are done: ${deleteCommand(job)}`)
  expect(annotations(job, 'warning')).toEqual([])
}

function deleteCommand(job: JobResult): string {
  const name = job.outputs['template-name'] ?? ''
  return `az image builder delete --name ${name} --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID}`
}

describe('the start of the run is asked for once', () => {
  test.each([
    ['a gateway timeout', GATEWAY],
    ['a connection that breaks', 'reset'],
  ] as const)('after %s the run that has started is followed', async (_, respond) => {
    strike(inArm(RUN, respond, LOST))
    const runs = countRequests(stage.azure, RUN)
    const job = await runQuickly(stage)
    await expectBuilt(job)
    expect(runs()).toHaveLength(1)
    expect(annotations(job, 'notice').join('\n')).toContain('The run may have started all the same')
  })

  test('a gateway timeout without a run is told after two minutes of looking', async () => {
    strike(inArm(RUN, GATEWAY))
    const [runs, reads] = [countRequests(stage.azure, RUN), countRequests(stage.azure, READ)]
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(100) })
    expect(failureOf(job)).toContain('GatewayTimeout (HTTP 504): The gateway did not receive a response')
    expect(runs()).toHaveLength(1)
    // Every ten seconds: a hundred looks would be a quarter of an hour.
    expect(reads().length).toBeGreaterThan(3)
    expect(reads().length).toBeLessThan(30)
    expectKept(job)
  })

  test('throttling is no answer: it is asked for again', async () => {
    strike(inArm(RUN, answer(429, 'TooManyRequests', 'Too many requests.')))
    const runs = countRequests(stage.azure, RUN)
    await expectBuilt(await runQuickly(stage))
    expect(runs()).toMatchObject([{ status: 429 }, { status: 202 }])
  })
})

describe('the template is made once', () => {
  test.each<[string, Fault[], number[]]>([
    ['its answer is lost', [inArm(PUT, 'reset', LOST)], [0]],
    ['a gateway timeout hides that it was taken', [inArm(PUT, GATEWAY, LOST)], [504]],
    ['the service fails before it acts', [inArm(PUT, INTERNAL)], [500, 201]],
    ['the connection breaks before it arrives', [inArm(PUT, 'reset')], [0, 201]],
    [
      'its answer is lost and it shows late',
      [inArm(PUT, 'reset', LOST), inArm(READ, answer(404, 'ResourceNotFound', 'Not found.'))],
      [0, 409],
    ],
  ])('when %s', async (_, faults, statuses) => {
    strike(...faults)
    const puts = countRequests(stage.azure, PUT)
    await expectBuilt(await runQuickly(stage))
    expect(puts().map(({ status }) => status)).toEqual(statuses)
  })

  test('when the service goes on failing, that is told and nothing is left', async () => {
    strike(inArm(PUT, INTERNAL, { times: 3 }))
    const puts = countRequests(stage.azure, PUT)
    const job = await runQuickly(stage)
    expect(failureOf(job)).toContain('InternalOperationError (HTTP 500): Internal error occurred.')
    expect(puts()).toHaveLength(3)
    expect(await leftBehind(stage.azure)).toEqual(before)
  })

  test('when a look at it is unreadable', async () => {
    pace(stage.azure, { submit: 500 })
    whenAt(stage.azure, PUT, () => {
      strike(inArm(READ, BROKEN), inArm(READ, INTERNAL), inArm(READ, 'reset'))
    })
    const puts = countRequests(stage.azure, PUT)
    await expectBuilt(await runQuickly(stage))
    expect(puts()).toHaveLength(1)
  })
})

describe('a run is followed through', () => {
  test.each<[string, RegExp, Answer, number]>([
    ['errors of the service', READ, INTERNAL, 9],
    ['connections that break', READ, 'reset', 3],
    ['half an answer', READ, BROKEN, 3],
    ['an operation that is unknown', OPERATION, answer(404, 'NotFound', 'Not found.'), FOR_EVER],
    ['an operation that is unreadable', OPERATION, BROKEN, 3],
  ])('%s', async (_, request, respond, times) => {
    pace(stage.azure, { building: 500 })
    strikeOnceRunning(request, respond, times)
    const runs = countRequests(stage.azure, RUN)
    await expectBuilt(await runQuickly(stage))
    expect(runs()).toHaveLength(1)
  })

  test('by its operation alone, when the template cannot be read any more', async () => {
    strikeOnceRunning(READ, INTERNAL, FOR_EVER)
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(200) })
    expect(annotations(job, 'error')).toEqual([])
    expect(job.conclusion).toBe('success')
    expect(job.outputs['image-uri']).toMatch(/\/versions\/\d+\.\d+\.\d+$/)
    const [warning = '', ...others] = annotations(job, 'warning')
    expect(others).toEqual([])
    expect(warning).toContain(deleteCommand(job))
    expect((await leftBehind(stage.azure)).blobs).toEqual([])
    expect(job.leaks).toEqual([])
  })

  test('until nothing could be read for a quarter of an hour', async () => {
    pace(stage.azure, { building: HELD })
    strikeOnceRunning(READ, INTERNAL, FOR_EVER)
    strikeOnceRunning(OPERATION, INTERNAL, FOR_EVER)
    const runs = countRequests(stage.azure, RUN)
    // No quicker: the clock must not be a quarter of an hour ahead of Azure's before the artifact's URL is signed.
    const job = await stage.run({ 'poll-interval-seconds': '60' }, { env: quickTime(150) })
    expect(failureOf(job)).toMatch(
      /^Failed while reading image template t_\S+: InternalOperationError \(HTTP 500\)/,
    )
    expect(runs()).toHaveLength(1)
    expect(annotations(job, 'warning').join('\n')).toContain(deleteCommand(job))
    expect((await leftBehind(stage.azure)).blobs).toEqual([])
  })
})

/** From the start of a run on. */
function strikeOnceRunning(request: RegExp, respond: Answer, times: number): void {
  whenAt(stage.azure, RUN, () => {
    strike(inArm(request, respond, { times }))
  })
}

/** The service takes its time until a request that `holds` has been answered. */
function releaseAt(request: RegExp, holds: () => boolean): void {
  momentOf(stage.azure, request, holds).addEventListener('abort', () => {
    release(stage.azure)
  })
}

describe('post', () => {
  test('deletes the template when the service fails at first', async () => {
    strike(inArm(DELETE, INTERNAL))
    const deletes = countRequests(stage.azure, DELETE)
    await expectBuilt(await runQuickly(stage))
    expect(deletes()).toMatchObject([{ status: 500 }, { status: 202 }])
  })

  test('waits for the end of a deletion that was taken although its answer was lost', async () => {
    strike(inArm(DELETE, 'reset', LOST))
    const job = await runQuickly(stage)
    await expectBuilt(job)
    expect(job.post?.lines.at(-1)).toBe('delete template:  Succeeded')
  })

  test('waits when the service does not let the template go yet', async () => {
    pace(stage.azure, { building: HELD, cancel: HELD })
    const deletes = countRequests(stage.azure, DELETE)
    releaseAt(DELETE, () => deletes().length > 2)
    const job = await runQuickly(stage, {}, { interrupt: { kill: momentOf(stage.azure, RUN) } })
    const statuses = deletes().map(({ status }) => status)
    expect(statuses.length).toBeGreaterThan(2)
    expect(statuses.slice(0, -1).every((status) => status === 405)).toBe(true)
    expect(statuses.at(-1)).toBe(202)
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(annotations(job, 'warning')).toEqual([])
    expect(job.leaks).toEqual([])
  })

  test('says how to delete what the service fails to delete, and the build stays green', async () => {
    strike(inArm(DELETE, INTERNAL, { times: FOR_EVER }))
    const job = await runQuickly(stage)
    expect(job.conclusion).toBe('success')
    const [warning = '', ...others] = annotations(job, 'warning')
    expect(others).toEqual([])
    expect(warning).toContain(`Template ${job.outputs['template-name'] ?? ''} was not deleted: `)
    expect(warning).toContain('InternalOperationError (HTTP 500)')
    expect(warning).toContain(deleteCommand(job))
    expect((await leftBehind(stage.azure)).blobs).toEqual([])
    expect(job.leaks).toEqual([])
  })
})

describe('a cancelled run', () => {
  test.each<[string, Fault, number[]]>([
    ['the service fails', inArm(CANCEL, INTERNAL), [500, 204]],
    ['the answer is lost', inArm(CANCEL, 'reset', LOST), [0, 405]],
  ])('is cancelled when %s at first', async (_, unsteadiness, statuses) => {
    pace(stage.azure, { building: HELD, cancel: HELD })
    strike(unsteadiness)
    const cancels = countRequests(stage.azure, CANCEL)
    releaseAt(CANCEL, () => cancels().length > 1)
    const cancel = momentOf(stage.azure, READ, (read) => templateState(stage.azure, read) === 'Building')
    // Not too quick: main has a few seconds for its last words.
    const job = await stage.run({}, { interrupt: { cancel }, env: quickTime(4) })
    expect(job.main.signal).toBeNull()
    expect(job.conclusion).toBe('cancelled')
    expect(cancels().map(({ status }) => status)).toEqual(statuses)
    expect(annotations(job, 'warning')).toEqual([])
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(job.leaks).toEqual([])
  })
})

describe('the artifact arrives whole (Image Builder compares its checksum)', () => {
  const container = /^PUT .*restype=container/
  const block = /^PUT .*comp=block&/
  const commit = /^PUT .*comp=blocklist/
  const key = /^POST .*comp=userdelegationkey/
  const busy: Answer = { status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } }
  const failing: Answer = { status: 500, headers: { 'x-ms-error-code': 'InternalError' } }
  const second = { skip: 1 }
  test.each<[string, RegExp, Answer, Partial<Fault>?]>([
    ['a busy service, making the container', container, busy],
    ['a connection that breaks at a block', block, 'reset'],
    ['a failing service, at the second block', block, failing, second],
    ['a busy service, at a block', block, busy],
    ['a lost answer to a block', block, 'reset', LOST],
    ['a failing service, at the end of the upload', commit, failing],
    ['a lost answer to the end of the upload', commit, 'reset', LOST],
    ['a failing service, signing the URL', key, failing],
  ])('despite %s', async (_, request, respond, more = {}) => {
    strike(fault('blob', request, respond, more))
    const commits = countRequests(stage.azure, commit)
    await expectBuilt(await runQuickly(stage, more === second ? { 'build-path': 'blocks.bin' } : {}))
    expect(commits().length).toBe(request === commit ? 2 : 1)
  })

  test('and post deletes it despite a failing service', async () => {
    strike(fault('blob', /^DELETE \/stcontosobuild\//, failing))
    await expectBuilt(await runQuickly(stage))
  })
})

test('looking up goes on', async () => {
  strike(
    inArm(/^GET .*\/galleries\/contoso\/images\/webapp\?/, 'reset'),
    inArm(/^GET .*\/userAssignedIdentities\//, INTERNAL, { times: 2 }),
    inArm(/^GET .*\/versions\?/, BROKEN),
  )
  await expectBuilt(await runQuickly(stage))
})

describe('signing in goes on', () => {
  test.each<[string, Fault]>([
    [
      'when GitHub is busy',
      fault('github', /^GET .*audience=/, { status: 503, body: { message: 'Busy' } }, { times: 3 }),
    ],
    [
      'when Entra ID is busy',
      fault('entra', /^POST .*\/oauth2\/v2\.0\/token/, {
        status: 503,
        headers: { 'Retry-After': '0' },
        body: { error: 'temporarily_unavailable' },
      }),
    ],
  ])('%s', async (_, unsteadiness) => {
    strike(unsteadiness)
    await expectBuilt(await runQuickly(stage))
  })
})
