/** Azure and GitHub falter: answers are late, lost or broken. What must happen once happens once, and the build goes on. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeTemplate, templateId } from '../../local-azure/failures/others.ts'
import type { JobResult } from '../../local-azure/runner.ts'
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
  UNRUN,
  whenAt,
} from '../support/moments.ts'
import { annotations, leftBehind, openStage, type Stage, deleteCommand } from '../support/run-action.ts'

const TEMPLATE = 'imageTemplates/t_[^/?]+'
const PUT = new RegExp(`^PUT .*/${TEMPLATE}\\?`)
const READ = new RegExp(`^GET .*/${TEMPLATE}\\?`)
const DELETE = new RegExp(`^DELETE .*/${TEMPLATE}\\?`)
const RUN = new RegExp(`^POST .*/${TEMPLATE}/run\\?`)
const CANCEL = new RegExp(`^POST .*/${TEMPLATE}/cancel\\?`)
const OPERATION = /^GET .*\/locations\/eastus\/operations\//
const PUT_CONTAINER = /^PUT .*restype=container/
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
  stage.azure.world.options.build = { ...UNRUN }
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

  test('a gateway timeout without a run: after two minutes of looking it is asked for again', async () => {
    strike(inArm(RUN, GATEWAY))
    const [runs, reads] = [countRequests(stage.azure, RUN), countRequests(stage.azure, READ)]
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(60) })
    await expectBuilt(job)
    expect(runs()).toMatchObject([{ status: 504 }, { status: 202 }])
    // Every ten seconds: a hundred looks would be a quarter of an hour.
    expect(reads().length).toBeGreaterThan(10)
    expect(reads().length).toBeLessThan(40)
  })

  test('a run that shows late: asking again is refused, and the first one is followed', async () => {
    pace(stage.azure, { building: HELD })
    strike(inArm(RUN, GATEWAY, LOST))
    const runs = countRequests(stage.azure, RUN)
    releaseAt(RUN, () => runs().length > 1)
    // What the template says of its run, for two minutes of the job's own: nothing.
    whenAt(stage.azure, RUN, () => {
      strike(
        inArm(READ, { status: 200, body: { properties: { provisioningState: 'Succeeded' } } }, { times: 13 }),
      )
    })
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(60) })
    await expectBuilt(job)
    expect(runs()).toMatchObject([{ status: 504 }, { status: 405 }])
  })

  test('a gateway that never lets it through is told after three times', async () => {
    strike(inArm(RUN, GATEWAY, { times: FOR_EVER }))
    const runs = countRequests(stage.azure, RUN)
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(60) })
    expect(failureOf(job)).toContain('GatewayTimeout (HTTP 504): The gateway did not receive a response')
    expect(runs()).toHaveLength(3)
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
    ['the service fails before it acts', [inArm(PUT, INTERNAL)], [500, 201]],
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

  test('and one of the same name that another job made meanwhile stays that job’s', async () => {
    // The answer says nothing, and there is a template: not the one that was sent.
    const before = stage.azure.world.requests(PUT_CONTAINER).length
    whenAt(
      stage.azure,
      PUT_CONTAINER,
      () => makeTemplate(stage.azure, 'shared-name', {}),
      () => stage.azure.world.requests(PUT_CONTAINER).length > before,
    )
    strike(inArm(/^PUT .*\/imageTemplates\/shared-name\?/, GATEWAY, { skip: 1 }))
    const runs = countRequests(stage.azure, /^POST .*\/imageTemplates\/shared-name\/run\?/)
    const job = await runQuickly(stage, { 'template-name': 'shared-name', cleanup: 'always' })
    expect(failureOf(job)).toContain('GatewayTimeout (HTTP 504)')
    expect(job.post?.lines.join('\n')).toContain(
      'template shared-name was made by another job: leaving it alone',
    )
    expect(runs()).toEqual([])
    expect((await leftBehind(stage.azure)).templates).toContain('shared-name')
    stage.azure.world.resources.delete(templateId('shared-name'))
  })

  test('when the service goes on failing, that is told and nothing is left', async () => {
    strike(inArm(PUT, INTERNAL, { times: FOR_EVER }))
    const puts = countRequests(stage.azure, PUT)
    const job = await runQuickly(stage)
    expect(failureOf(job)).toContain('InternalOperationError (HTTP 500): Internal error occurred.')
    expect(puts()).toHaveLength(5)
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
  test('errors of the service, connections that break, half an answer, an operation that is unknown', async () => {
    pace(stage.azure, { building: 1500 })
    strikeOnceRunning(READ, INTERNAL, 4)
    strikeOnceRunning(READ, 'reset', 2)
    strikeOnceRunning(READ, BROKEN, 2)
    strikeOnceRunning(OPERATION, BROKEN, 2)
    strikeOnceRunning(OPERATION, answer(404, 'NotFound', 'Not found.'), FOR_EVER)
    const [runs, reads] = [countRequests(stage.azure, RUN), countRequests(stage.azure, READ)]
    await expectBuilt(await runQuickly(stage))
    expect(runs()).toHaveLength(1)
    expect(reads().filter(({ status }) => status === 500)).toHaveLength(4)
  })

  test.each([
    // 160 seconds of the job's own: longer than it waits for the template to agree.
    ['the template says Running for minutes after the end', { template: 8000 }],
    ['the operation says InProgress for long after the end', { operation: 8000 }],
  ])('%s', async (_, lag) => {
    stage.azure.world.options.build.lag = lag
    const runs = countRequests(stage.azure, RUN)
    await expectBuilt(await runQuickly(stage))
    expect(runs()).toHaveLength(1)
  })

  test('by its operation alone, when the template cannot be read any more', async () => {
    strikeOnceRunning(READ, INTERNAL, FOR_EVER)
    const job = await stage.run({ 'poll-interval-seconds': '10' }, { env: quickTime(60) })
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
    const job = await stage.run({ 'poll-interval-seconds': '60' }, { env: quickTime(80) })
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
  test('despite all of this in one upload', async () => {
    strike(
      fault('blob', container, busy),
      fault('blob', block, 'reset'),
      fault('blob', block, busy),
      fault('blob', block, 'reset', LOST),
      fault('blob', commit, failing),
      fault('blob', commit, 'reset', LOST),
      fault('blob', key, failing),
    )
    const [blocks, commits] = [countRequests(stage.azure, block), countRequests(stage.azure, commit)]
    await expectBuilt(await runQuickly(stage))
    expect([blocks().length, commits().length]).toEqual([4, 3])
  })

  test('despite a failing service, at the second block of several', async () => {
    strike(fault('blob', block, failing, { skip: 1 }))
    await expectBuilt(await runQuickly(stage, { 'build-path': 'blocks.bin' }))
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

describe('a connection that does not come about is tried again', () => {
  test('when DNS does not answer', async () => {
    const { NODE_OPTIONS = '', ...quick } = quickTime()
    const flaky = new URL('../support/flaky-dns.js', import.meta.url).href
    const env = { ...quick, NODE_OPTIONS: `${NODE_OPTIONS} --import=${flaky}`, DNS_FAILURES: '6' }
    const endpoint = stage.azure.endpoints.resourceManager.replace('127.0.0.1', 'localhost')
    const job = await stage.run({ 'resource-manager-endpoint': endpoint }, { env, debug: true })
    await expectBuilt(job)
    expect(job.log).toMatch(/EAI_AGAIN: getaddrinfo EAI_AGAIN localhost; trying again in \d+ ms/)
  })

  test('when TLS breaks', async () => {
    const ways = {
      github: 'alert',
      entra: 'handshake',
      'resource-manager': 'alert',
      blob: 'handshake',
    } as const
    const broken = Object.entries(ways).map(([service, how]) =>
      stage.azure.world.breakConnections({ service: service as keyof typeof ways, how, times: 2 }),
    )
    await expectBuilt(await runQuickly(stage))
    expect(broken.map((count) => count())).toEqual([2, 2, 2, 2])
  })
})

test('signing in goes on when GitHub and Entra ID are busy', async () => {
  strike(
    fault('github', /^GET .*audience=/, { status: 503, body: { message: 'Busy' } }, { times: 3 }),
    fault('entra', /^POST .*\/oauth2\/v2\.0\/token/, {
      status: 503,
      headers: { 'Retry-After': '0' },
      body: { error: 'temporarily_unavailable' },
    }),
  )
  await expectBuilt(await runQuickly(stage))
})
