import { describe, expect, test } from '@jest/globals'
import { AzureError, SignInError } from '../../src/errors.ts'
import {
  Patience,
  pauseBefore,
  retryAfter,
  SilentConnection,
  troubleOf,
  unlessAborted,
} from '../../src/patience.ts'
import type { Clock } from '../../src/ports.ts'

const now = Date.parse('2026-11-21T10:00:00Z')

test.each([
  ['absent', undefined, undefined],
  ['seconds', '17', 17_000],
  ['no wait', '0', 0],
  ['blanks around', ' 5 ', 5000],
  ['a date to come', 'Sat, 21 Nov 2026 10:01:30 GMT', 90_000],
  ['a date gone by', 'Sat, 21 Nov 2026 09:00:00 GMT', 0],
  ['empty', '', undefined],
  ['nonsense', 'soon', undefined],
])('Retry-After: %s', (_, header, milliseconds) => {
  expect(retryAfter(header, now)).toBe(milliseconds)
})

function azure(status: number, more: object = {}): AzureError {
  const ambiguous = [0, 408, 500, 502, 503, 504].includes(status)
  const failure = { doing: 'reading', status, code: 'Code', message: 'words', ambiguous }
  return Object.assign(new AzureError(failure), more)
}
/** As the Azure SDK gives it. */
function rest(more: object): Error {
  return Object.assign(new Error('words'), { name: 'RestError', ...more })
}
function node(code: string): Error {
  return Object.assign(new Error(code), { code })
}
const headers = (value: string): object => ({ response: { headers: { get: () => value } } })

describe('what is worth another try', () => {
  test.each<[string, unknown, object | undefined]>([
    ...[408, 500, 502, 503, 504].map(
      (status) => [`Azure's ${status}`, azure(status), { kind: 'unclear' }] as [string, unknown, object],
    ),
    ...[408, 500, 502, 503, 504].map(
      (status) =>
        [`the SDK's ${status}`, rest({ statusCode: status }), { kind: 'unclear' }] as [
          string,
          unknown,
          object,
        ],
    ),
    ['throttling', azure(429), { kind: 'throttled' }],
    [
      'throttling, with a time',
      azure(429, { retryAfterMs: 7000 }),
      { kind: 'throttled', retryAfterMs: 7000 },
    ],
    ['the SDK’s', rest({ statusCode: 429, ...headers('9') }), { kind: 'throttled', retryAfterMs: 9000 }],
    ['a token that ran out', azure(401), { kind: 'stale-token' }],
    ['no answer', azure(0), { kind: 'unclear' }],
    ['silence', new SilentConnection(1000), { kind: 'unclear' }],
    ...['ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EPIPE', 'EPROTO', 'ENOTFOUND', 'EAI_AGAIN'].map(
      (code) => [code, node(code), { kind: 'unclear' }] as [string, unknown, object],
    ),
    ['half an answer', rest({ code: 'PARSE_ERROR' }), { kind: 'unclear' }],
    ['bytes that were damaged', rest({ code: 'Md5Mismatch', statusCode: 400 }), { kind: 'unclear' }],
    [
      'GitHub’s 500, in the toolkit’s words',
      new Error('Failed to get ID Token. \n \n        Error Code : 500\n \n        Error Message: Oops'),
      { kind: 'unclear' },
    ],
    ['a network error in words alone', new Error('network_error: socket hang up'), { kind: 'unclear' }],
    [
      'what knows it itself',
      Object.assign(new Error(), { trouble: { kind: 'throttled' } }),
      { kind: 'throttled' },
    ],
    ['a refusal', azure(403), undefined],
    ['a mistake', azure(400), undefined],
    ['nothing there', azure(404), undefined],
    ['an operation that failed', azure(200), undefined],
    ['GitHub’s 403', new Error('Failed to get ID Token. \n \n        Error Code : 403'), undefined],
    ['a certificate of a stranger', node('SELF_SIGNED_CERT_IN_CHAIN'), undefined],
    ['the same, by the SDK', rest({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), undefined],
    ['the same, by us', azure(0, { code: 'CERT_HAS_EXPIRED' }), undefined],
    ['a refusal that quotes a network error', rest({ statusCode: 403, message: 'ECONNRESET' }), undefined],
    ['the same, as a cause', azure(0, { cause: node('DEPTH_ZERO_SELF_SIGNED_CERT') }), undefined],
    ['another host’s certificate', node('ERR_TLS_CERT_ALTNAME_INVALID'), undefined],
    ['a sign-in that failed, after its own tries', new SignInError('connect ECONNREFUSED'), undefined],
    ['a full disk', node('ENOSPC'), undefined],
    ['no error at all', 'ECONNRESET', undefined],
  ])('%s', (_, error, trouble) => {
    expect(troubleOf(error)).toEqual(trouble)
  })
})

describe('the pause', () => {
  const half = (): number => 0.5
  test('doubles up to half a minute', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((tries) => pauseBefore(tries, { kind: 'unclear' }, half))
    expect(pauses).toEqual([750, 1500, 3000, 6000, 12_000, 22_500, 22_500])
  })

  test('is never shorter than the service asks for, and longer by chance', () => {
    const trouble = { kind: 'throttled', retryAfterMs: 10_000 } as const
    expect(pauseBefore(1, trouble, () => 0)).toBe(10_000)
    expect(pauseBefore(1, trouble, () => 1)).toBe(15_000)
    expect(pauseBefore(6, trouble, () => 1)).toBe(25_000)
  })
})

/** A clock that jumps over every wait. */
function jumpingClock(): Clock & { waits: number[] } {
  let at = now
  const waits: number[] = []
  return {
    waits,
    now: () => at,
    sleep: (milliseconds, signal) => {
      signal?.throwIfAborted()
      waits.push(milliseconds)
      at += milliseconds
      return Promise.resolve()
    },
    unique: () => ({ now: at, random: '' }),
  }
}

function patient(deadline?: number): {
  patience: Patience
  clock: ReturnType<typeof jumpingClock>
  told: string[]
  debug: string[]
} {
  const clock = jumpingClock()
  const [told, debug]: [string[], string[]] = [[], []]
  const edges = {
    clock,
    debug: (line: string) => debug.push(line),
    notice: (line: string) => told.push(line),
  }
  return { patience: new Patience({ ...edges, deadline }), clock, told, debug }
}

/** Fails with each of the errors in turn, then succeeds. */
function failing(...errors: Error[]): { attempt: () => Promise<string>; tries: () => number } {
  let tries = 0
  return {
    attempt: () => {
      const error = errors[tries]
      tries += 1
      return error ? Promise.reject(error) : Promise.resolve('done')
    },
    tries: () => tries,
  }
}
const forEver = (error: Error): Error[] => Array.from({ length: 10_000 }, () => error)

describe('persisting', () => {
  test('until it succeeds; each repetition is in the debug log', async () => {
    const { patience, debug } = patient()
    const { attempt, tries } = failing(azure(500), azure(429), node('ECONNRESET'), azure(401))
    await expect(patience.persist('reading x', attempt)).resolves.toBe('done')
    expect(tries()).toBe(5)
    expect(debug).toEqual([
      expect.stringMatching(/^Failed while reading: Code \(HTTP 500\): words; trying again in \d+ ms$/),
      expect.stringMatching(/HTTP 429.*; trying again in \d+ ms$/),
      expect.stringMatching(/^Failed while reading x: ECONNRESET; trying again in \d+ ms$/),
      expect.stringMatching(/HTTP 401.*; trying again in \d+ ms$/),
    ])
  })

  test.each<[string, Error, number, number]>([
    ['five minutes', azure(500), 4 * 60_000, 5 * 60_000],
    ['a quarter of an hour, of a service that is busy', azure(429), 14 * 60_000, 15 * 60_000],
  ])('for %s', async (_, error, least, most) => {
    const { patience, clock } = patient()
    await expect(patience.persist('', failing(...forEver(error)).attempt)).rejects.toBe(error)
    const waited = clock.now() - now
    expect(waited).toBeGreaterThan(least)
    expect(waited).toBeLessThanOrEqual(most)
  })

  test('not when the service asks for more time than there is', async () => {
    const { patience, clock } = patient()
    const error = azure(429, { retryAfterMs: 16 * 60_000 })
    await expect(patience.persist('', failing(error).attempt)).rejects.toBe(error)
    expect(clock.waits).toEqual([])
  })

  test('not beyond the deadline', async () => {
    const { patience, clock } = patient(now + 20_000)
    await expect(patience.persist('', failing(...forEver(azure(503))).attempt)).rejects.toThrow()
    expect(clock.now()).toBeLessThanOrEqual(now + 20_000)
    expect(clock.now()).toBeGreaterThan(now + 5000)
  })

  test.each<[string, Error[], object, number]>([
    ['what may have been done is not done again', [azure(504)], { repeatable: false }, 1],
    ['unless the service says that it did nothing', [azure(401), azure(429)], { repeatable: false }, 3],
    ['one try alone', [azure(500)], { limit: 0 }, 1],
    ['a refusal', [azure(403)], {}, 1],
    ['a second token that is refused', [azure(401), azure(401)], {}, 2],
  ])('%s', async (_, errors, tolerance, expected) => {
    const { attempt, tries } = failing(...errors)
    await patient()
      .patience.persist('', attempt, tolerance)
      .catch(() => undefined)
    expect(tries()).toBe(expected)
  })

  test('ends with the reason of a cancel', async () => {
    const user = new AbortController()
    const attempt = (): Promise<never> => {
      user.abort(new Error('cancelled'))
      return Promise.reject(azure(403))
    }
    const { patience } = patient()
    await expect(patience.persist('', attempt, { cancelled: user.signal })).rejects.toThrow('cancelled')
  })

  test('whoever wants to know is told of each trouble', async () => {
    const troubles: string[] = []
    const onTrouble = ({ kind }: { kind: string }): void => void troubles.push(kind)
    await patient().patience.persist('', failing(azure(401), azure(500)).attempt, { onTrouble })
    expect(troubles).toEqual(['stale-token', 'unclear'])
    const once = patient().patience.persist('', failing(azure(401)).attempt, { onTrouble, limit: 0 })
    await expect(once).rejects.toThrow()
    expect(troubles).toEqual(['stale-token', 'unclear', 'stale-token'])
  })

  test('a notice when it takes long, and not again for five minutes', async () => {
    const { patience, told } = patient()
    await patience.persist('', failing(azure(500), azure(500)).attempt)
    expect(told).toEqual([])
    await Promise.allSettled([
      patience.persist('', failing(...forEver(azure(500))).attempt),
      patience.persist('', failing(...forEver(azure(502))).attempt),
    ])
    expect(told).toEqual([
      expect.stringMatching(/HTTP 50[02].*\nIt has been failing for \d+ s; the action goes on/),
    ])
  })
})

describe('listening', () => {
  test('gives up after the silence, and says so', async () => {
    const silence = patient().patience.heard(() => new Promise(() => undefined), { silence: 5000 })
    await expect(silence).rejects.toEqual(new SilentConnection(5000))
  })

  test('every sign of life counts', async () => {
    const { patience, clock } = patient()
    const act = async (_: AbortSignal, alive: () => void): Promise<string> => {
      for (let parts = 0; parts < 10; parts += 1) {
        await clock.sleep(4000)
        alive()
      }
      return 'all'
    }
    await expect(patience.heard(act, { silence: 5000 })).resolves.toBe('all')
  })

  test('close to the deadline there is time for several tries', async () => {
    const { patience } = patient(now + 40_000)
    const silence = patience.heard(() => new Promise(() => undefined))
    await expect(silence).rejects.toEqual(new SilentConnection(10_000))
  })

  test('a cancel ends it, even where nobody minds the signal', async () => {
    const user = new AbortController()
    const { patience, clock } = patient()
    clock.sleep = () => new Promise(() => undefined)
    const silence = patience.heard(() => new Promise(() => undefined), { cancelled: user.signal })
    user.abort(new Error('cancelled'))
    await expect(silence).rejects.toThrow('cancelled')
  })

  test('what was cancelled before does not begin to wait', async () => {
    const cancelled = AbortSignal.abort(new Error('cancelled'))
    await expect(unlessAborted(new Promise(() => undefined), cancelled)).rejects.toThrow('cancelled')
  })
})
