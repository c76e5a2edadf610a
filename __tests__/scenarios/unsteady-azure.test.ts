/** Azure and GitHub falter: answers are late, lost or broken. What must happen once happens once, and the build goes on. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeTemplate, templateId } from '../../local-azure/failures/others.ts'
import type { JobResult } from '../../local-azure/runner.ts'
import type { BuildScript, Durations, Fault } from '../../local-azure/world.ts'
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
})

describe('the template', () => {
  test('of the same name that another job made meanwhile stays that job’s', async () => {
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
})

describe('a run is followed through', () => {
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
  test('is cancelled when the service fails at first, and then its answer is lost', async () => {
    pace(stage.azure, { building: HELD, cancel: HELD })
    strike(inArm(CANCEL, INTERNAL), inArm(CANCEL, 'reset', LOST))
    const cancels = countRequests(stage.azure, CANCEL)
    releaseAt(CANCEL, () => cancels().length > 2)
    const cancel = momentOf(stage.azure, READ, (read) => templateState(stage.azure, read) === 'Building')
    // Not too quick: main has a few seconds for its last words.
    const job = await stage.run({}, { interrupt: { cancel }, env: quickTime(4) })
    expect(job.main.signal).toBeNull()
    expect(job.conclusion).toBe('cancelled')
    expect(cancels().map(({ status }) => status)).toEqual([500, 0, 405])
    expect(annotations(job, 'warning')).toEqual([])
    expect(await leftBehind(stage.azure)).toEqual(before)
    expect(job.leaks).toEqual([])
  })
})

/** What goes wrong with the requests of a kind, and what they come to in turn; some go on as they should for long. */
interface Trouble {
  service?: Fault['service']
  request: RegExp
  faults: [Answer, Partial<Fault>?][]
  /** Begins with the answer to this request. */
  from?: RegExp
  answers: number[]
  goesOn?: true
  /** Side by side. */
  inAnyOrder?: true
}
interface Course {
  troubles: Record<string, Trouble>
  inputs?: Record<string, string>
  durations?: Partial<Durations>
  lag?: BuildScript['lag']
  notices?: string[]
}

const busy: Answer = { status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } }
const failing: Answer = { status: 500, headers: { 'x-ms-error-code': 'InternalError' } }
const entraIsBusy: Answer = {
  status: 503,
  headers: { 'Retry-After': '0' },
  body: { error: 'temporarily_unavailable' },
}

const ID_TOKEN = /^GET .*audience=/
const ACCESS_TOKEN = /^POST .*\/oauth2\/v2\.0\/token/
const DEFINITION = /^GET .*\/galleries\/contoso\/images\/webapp\?/
const IDENTITY = /^GET .*\/userAssignedIdentities\//
const VERSIONS = /^GET .*\/versions\?/
const BLOCK = /^PUT .*comp=block&/
const COMMIT = /^PUT .*comp=blocklist/
const KEY = /^POST .*comp=userdelegationkey/
const DELETE_BLOB = /^DELETE \/stcontosobuild\//

/** One build each, for none of its troubles knows of the others. */
const COURSES: Record<string, Course> = {
  'services that are busy or fail at first, before they act, and an operation that says InProgress for long after the end':
    {
      lag: { operation: 8000 },
      troubles: {
        'signing in: GitHub': {
          service: 'github',
          request: ID_TOKEN,
          faults: [[{ status: 503, body: { message: 'Busy' } }, { times: 3 }]],
          answers: [503, 503, 503, 200],
          goesOn: true,
        },
        'signing in: Entra ID': {
          service: 'entra',
          request: ACCESS_TOKEN,
          faults: [[entraIsBusy]],
          answers: [503, 200],
          goesOn: true,
        },
        'looking up the image definition': {
          request: DEFINITION,
          faults: [['reset']],
          answers: [0, 200],
          goesOn: true,
        },
        'looking up the identity': {
          request: IDENTITY,
          faults: [[INTERNAL, { times: 2 }]],
          answers: [500, 500, 200],
          goesOn: true,
        },
        'looking up versions': { request: VERSIONS, faults: [[BROKEN]], answers: [200, 200], goesOn: true },
        'making the template': { request: PUT, faults: [[INTERNAL]], answers: [500, 201] },
        'starting the run: throttling is no answer': {
          request: RUN,
          faults: [[answer(429, 'TooManyRequests', 'Too many requests.')]],
          answers: [429, 202],
        },
        'deleting the template': { request: DELETE, faults: [[INTERNAL]], answers: [500, 202] },
        'deleting the blob': {
          service: 'blob',
          request: DELETE_BLOB,
          faults: [[failing]],
          answers: [500, 202],
        },
      },
    },
  'answers that are lost, and a block of several that fails': {
    inputs: { 'build-path': 'blocks.bin' },
    notices: ['The run may have started all the same'],
    troubles: {
      'the second block': {
        service: 'blob',
        request: BLOCK,
        faults: [[failing, { skip: 1 }]],
        answers: [201, 201, 201, 500],
        inAnyOrder: true,
      },
      'making the template': { request: PUT, faults: [['reset', LOST]], answers: [0] },
      'starting the run: a gateway timeout': { request: RUN, faults: [[GATEWAY, LOST]], answers: [504] },
      // Post waits for its end all the same.
      'deleting the template': {
        request: DELETE,
        faults: [['reset', LOST]],
        answers: [0],
        goesOn: true,
      },
    },
  },
  'answers that are lost, a template that shows late, and all of this in one upload': {
    notices: ['The run may have started all the same'],
    troubles: {
      'the container': {
        service: 'blob',
        request: PUT_CONTAINER,
        faults: [[busy]],
        answers: [503, 409],
      },
      'the block': {
        service: 'blob',
        request: BLOCK,
        faults: [['reset'], [busy], ['reset', LOST]],
        answers: [0, 503, 0, 201],
      },
      'the list of blocks': {
        service: 'blob',
        request: COMMIT,
        faults: [[failing], ['reset', LOST]],
        answers: [500, 0, 201],
      },
      'the key': { service: 'blob', request: KEY, faults: [[failing]], answers: [500, 200] },
      'making the template': { request: PUT, faults: [['reset', LOST]], answers: [0, 409] },
      'reading the template': {
        request: READ,
        faults: [[answer(404, 'ResourceNotFound', 'Not found.')]],
        answers: [404, 200],
        goesOn: true,
      },
      'starting the run: a connection that breaks': {
        request: RUN,
        faults: [['reset', LOST]],
        answers: [0],
      },
    },
  },
  'looks that fail, break or are unreadable, while the template is made and while it runs': {
    durations: { submit: 500, building: 1500 },
    notices: ['The build goes on meanwhile, and the action goes on looking.'],
    troubles: {
      'making the template': { request: PUT, faults: [], answers: [201] },
      'looking whether it is made': {
        request: READ,
        from: PUT,
        faults: [[BROKEN], [INTERNAL], ['reset']],
        answers: [200, 500, 0, 200],
        goesOn: true,
      },
      'starting the run': { request: RUN, faults: [], answers: [202] },
      'looking at the run': {
        request: READ,
        from: RUN,
        // More than a minute, however chance shortens the pauses.
        faults: [
          [INTERNAL, { times: 4 }],
          ['reset', { times: 2 }],
          [BROKEN, { times: 4 }],
        ],
        answers: [500, 500, 500, 500, 0, 0, 200, 200, 200, 200, 200],
        goesOn: true,
      },
      'looking at the operation, which is unknown in the end': {
        request: OPERATION,
        from: RUN,
        faults: [
          [BROKEN, { times: 2 }],
          [answer(404, 'NotFound', 'Not found.'), { times: FOR_EVER }],
        ],
        answers: [200, 200, 404],
        goesOn: true,
      },
    },
  },
}

/** Lets the troubles come. Returns what their requests come to, by name. */
function meet(troubles: Course['troubles']): () => Record<string, number[]> {
  const counts = Object.entries(troubles).map(([name, { request, from, ...trouble }]) => {
    let count = countRequests(stage.azure, request)
    const faults = trouble.faults.map(([respond, more]) =>
      fault(trouble.service ?? 'resource-manager', request, respond, more),
    )
    if (!from) strike(...faults)
    else
      whenAt(stage.azure, from, () => {
        strike(...faults)
        count = countRequests(stage.azure, request)
      })
    return () => {
      const statuses = count().map(({ status }) => status)
      if (trouble.inAnyOrder) statuses.sort((one, other) => one - other)
      return [name, trouble.goesOn ? statuses.slice(0, trouble.answers.length) : statuses] as const
    }
  })
  return () => Object.fromEntries(counts.map((count) => count()))
}

describe('a build gets through, and what must happen once happens once', () => {
  test.each(Object.entries(COURSES))('%s', async (_, { troubles, inputs, durations, lag, notices = [] }) => {
    pace(stage.azure, durations)
    stage.azure.world.options.build = { ...UNRUN, ...(lag && { lag }) }
    const came = meet(troubles)
    const job = await runQuickly(stage, inputs)
    await expectBuilt(job)
    const answers = Object.entries(troubles).map(([name, trouble]) => [name, trouble.answers])
    expect(came()).toEqual(Object.fromEntries(answers))
    for (const words of notices) expect(annotations(job, 'notice').join('\n')).toContain(words)
    expect(job.post?.lines.at(-1)).toBe('delete template:  Succeeded')
  })

  test('connections that do not come about for DNS and then for TLS, and a template that says Running for minutes after the end', async () => {
    // 160 seconds of the job's own: longer than it waits for the template to agree.
    stage.azure.world.options.build = { ...UNRUN, lag: { template: 8000 } }
    const { NODE_OPTIONS = '', ...quick } = quickTime()
    const flaky = new URL('../support/flaky-dns.js', import.meta.url).href
    const env = { ...quick, NODE_OPTIONS: `${NODE_OPTIONS} --import=${flaky}`, DNS_FAILURES: '6' }
    const endpoint = stage.azure.endpoints.resourceManager.replace('127.0.0.1', 'localhost')
    const ways = {
      github: 'alert',
      entra: 'handshake',
      'resource-manager': 'alert',
      blob: 'handshake',
    } as const
    const broken = Object.entries(ways).map(([service, how]) =>
      stage.azure.world.breakConnections({ service: service as keyof typeof ways, how, times: 2 }),
    )
    const runs = countRequests(stage.azure, RUN)
    const job = await stage.run({ 'resource-manager-endpoint': endpoint }, { env, debug: true })
    await expectBuilt(job)
    expect(job.log).toMatch(/EAI_AGAIN: getaddrinfo EAI_AGAIN localhost; trying again in \d+ ms/)
    expect(broken.map((count) => count())).toEqual([2, 2, 2, 2])
    expect(runs()).toHaveLength(1)
  })
})
