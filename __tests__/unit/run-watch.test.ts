/** A run watched on a clock that jumps from look to look; what Azure says at each look is written down here. */
import { describe, expect, test } from '@jest/globals'
import { RunWatch } from '../../src/azure/run-watch.ts'
import { AzureError, BuildFailedError, SignInError } from '../../src/errors.ts'
import type { RunEnd, TemplateView } from '../../src/ports.ts'
import type { OperationStatus } from '../../src/run-status.ts'

const POLL_MS = 10_000
const MINUTE = 60_000
const START = '2026-11-21T10:00:00Z'

type Seen = TemplateView | undefined | Error
const state = (runState: string, runSubState?: string): TemplateView => ({
  provisioningState: 'Succeeded',
  lastRun: { startTime: START, runState, ...(runSubState ? { runSubState } : {}) },
})
const RUNNING = state('Running', 'Building')
const DONE = state('Succeeded')
const CANCELING = state('Canceling')
const failure = (status: number): AzureError =>
  new AzureError({ doing: 'reading', status, code: 'C', message: 'm', ambiguous: status >= 500 })

interface Watched {
  end?: RunEnd
  error?: unknown
  /** Milliseconds of the watch. */
  took: number
  looks: number
  operationReads: number
  phases: string[]
  notices: string[]
}

/** @param template,operation what is to be seen after so many milliseconds */
async function watch(
  template: (ms: number) => Seen,
  operation: (ms: number) => (OperationStatus & { retryAfterMs?: number }) | Error = () => ({
    status: 'InProgress',
  }),
): Promise<Watched> {
  let now = 0
  const watched: Watched = { took: 0, looks: 0, operationReads: 0, phases: [], notices: [] }
  const clock = {
    now: () => now,
    sleep: (ms: number) => {
      now += ms
      return Promise.resolve()
    },
    unique: () => ({ now, random: '' }),
  }
  const told = <T>(seen: T | Error): Promise<T> =>
    seen instanceof Error ? Promise.reject(seen) : Promise.resolve(seen)
  const reads = {
    template: () => {
      watched.looks += 1
      return told(template(now))
    },
    operation: () => {
      watched.operationReads += 1
      return told(operation(now))
    },
  }
  const edges = { clock, debug: () => undefined, notice: (text: string) => watched.notices.push(text) }
  const run = { imageTemplate: '/subscriptions/s/t_1', operationUrl: 'https://azure/operations/1' }
  const signal = new AbortController().signal
  try {
    watched.end = await new RunWatch(run, reads, edges, POLL_MS).untilItEnds(
      (phase) => watched.phases.push(phase),
      signal,
    )
  } catch (error) {
    watched.error = error
  }
  return { ...watched, took: now }
}
const after =
  (ms: number, then: Seen, before: Seen = RUNNING) =>
  (now: number): Seen =>
    now < ms ? before : then

describe('an hour’s build', () => {
  test('is looked at once in a polling interval, and its operation once in six', async () => {
    const { end, took, looks, operationReads, phases, notices } = await watch(after(60 * MINUTE, DONE))
    expect(end).toEqual({ state: 'Succeeded', message: '' })
    // The end is noticed at the next look.
    expect(took).toBe(60 * MINUTE)
    expect({ looks, operationReads, notices }).toEqual({ looks: 361, operationReads: 60, notices: [] })
    expect(new Set(phases)).toEqual(new Set(['Building']))
  })

  test('is looked at when the service asks for it, where that is later', async () => {
    const { looks } = await watch(after(60 * MINUTE, DONE), () => ({
      status: 'InProgress',
      retryAfterMs: MINUTE,
    }))
    // Six at its own pace before it knows, then one a minute.
    expect(looks).toBe(6 + 60)
  })
})

describe('template and operation disagree', () => {
  test('the template says Running after the operation’s end: it has two minutes to agree', async () => {
    const { end, took } = await watch(after(2 * MINUTE, DONE), () => ({ status: 'Succeeded' }))
    expect(end?.state).toBe('Succeeded')
    expect(took).toBe(2 * MINUTE)
  })

  test('then the operation counts', async () => {
    const { end, took } = await watch(
      () => RUNNING,
      () => ({ status: 'Failed', error: { code: 'PackerBuildFailed', message: 'no' } }),
    )
    expect(end).toEqual({ state: 'Failed', message: 'PackerBuildFailed: no' })
    expect(took).toBeGreaterThan(2 * MINUTE)
    expect(took).toBeLessThan(4 * MINUTE)
  })

  test('the operation is under way when the template has ended: the template counts', async () => {
    const { end, took } = await watch(after(MINUTE, state('PartiallySucceeded')))
    expect(end?.state).toBe('PartiallySucceeded')
    expect(took).toBe(MINUTE)
  })

  test('an operation that is not known any more changes nothing', async () => {
    const { end, notices } = await watch(after(10 * MINUTE, DONE), () => failure(404))
    expect(end?.state).toBe('Succeeded')
    expect(notices).toEqual([])
  })
})

describe('a template that cannot be read', () => {
  test('for minutes is a notice, one for each stretch, and no failure', async () => {
    const { end, notices } = await watch((ms) => {
      const minutes = ms / MINUTE
      if ((minutes > 5 && minutes < 15) || (minutes > 20 && minutes < 30)) return failure(500)
      return minutes < 40 ? RUNNING : DONE
    })
    expect(end?.state).toBe('Succeeded')
    expect(notices).toEqual([
      expect.stringMatching(/HTTP 500.*\nThe build goes on meanwhile/),
      expect.stringMatching(/HTTP 500.*\nThe build goes on meanwhile/),
    ])
  })

  test('for moments is none', async () => {
    const { notices } = await watch((ms) => (ms < MINUTE ? failure(503) : DONE))
    expect(notices).toEqual([])
  })

  test('for a quarter of an hour is a failure, unless the operation tells', async () => {
    const { error, took } = await watch(
      () => failure(500),
      () => failure(500),
    )
    expect(error).toEqual(failure(500))
    expect(took).toBeGreaterThan(15 * MINUTE)
    expect(took).toBeLessThan(16 * MINUTE)

    const { end } = await watch(
      () => failure(500),
      (ms) => ({ status: ms < 5 * MINUTE ? 'InProgress' : 'Succeeded' }),
    )
    expect(end?.state).toBe('Succeeded')
  })

  test('for lack of a sign-in is a failure at once', async () => {
    const error = new SignInError('revoked')
    expect(await watch(after(MINUTE, error))).toMatchObject({ error, took: MINUTE })
  })
})

describe('a template that is not there', () => {
  test('at one look is overlooked', async () => {
    const { end } = await watch((ms) =>
      ms === 10_000 || ms === 30_000 ? undefined : ms < MINUTE ? RUNNING : DONE,
    )
    expect(end?.state).toBe('Succeeded')
  })

  test('at three is gone', async () => {
    const { error, took } = await watch(after(MINUTE, undefined))
    expect(error).toEqual(new BuildFailedError('Image template t_1 was deleted while its run was under way.'))
    expect(took).toBe(MINUTE + 2 * POLL_MS)
  })
})

describe('a cancel in Azure', () => {
  test('that ends in time', async () => {
    const { end } = await watch(after(4 * MINUTE, state('Canceled'), CANCELING))
    expect(end?.state).toBe('Canceled')
  })

  test('that does not end is given up', async () => {
    const { error, took } = await watch(after(MINUTE, CANCELING))
    expect(error).toEqual(
      new BuildFailedError('Image template t_1: its run has been Canceling for 5 minutes.'),
    )
    expect(took).toBe(6 * MINUTE)
  })
})
