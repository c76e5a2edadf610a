/**
 * How long the action puts up with a service that falters: the one policy for every call to Azure and GitHub. A build
 * holds a VM for an hour and must not die of a bad minute; nor may a matrix of builds hammer a service that is busy.
 */
import { AzureError, SignInError } from './errors.ts'
import type { Clock } from './ports.ts'

/** How a try failed that may be worth another one. */
export interface Trouble {
  /**
   * - `throttled`: the service did nothing, as it has too much to do
   * - `stale-token`: the service did nothing, as the token had run out on its way
   * - `unclear`: no answer, half an answer, or an error of the service itself; it may have acted
   */
  kind: 'throttled' | 'stale-token' | 'unclear'
  /** Milliseconds, where the service says when to come back. */
  retryAfterMs?: number | undefined
}

export interface Tolerance {
  /** Whether a repetition does no harm although the service may have acted on an earlier try. Default: true. */
  repeatable?: boolean
  /** For how long after the first failure new tries begin, in milliseconds; 0: there is one try. */
  limit?: number
  /** Told of each trouble, whether there is another try or not. */
  onTrouble?: (trouble: Trouble) => void
  cancelled?: AbortSignal | undefined
}

export interface PatienceEdges {
  clock: Clock
  debug: (message: string) => void
  notice: (message: string) => void
  /** Milliseconds since the epoch after which nothing is tried any more. */
  deadline?: number | undefined
}

/** For how long a call is tried, from its first failure on. */
const LIMIT_MS = 5 * 60_000
/** A service that says that it is busy, and when to come back, is worth waiting for longer. */
const THROTTLED_LIMIT_MS = 15 * 60_000
/** Pauses grow from one second to this. */
const LONGEST_PAUSE_MS = 30_000
/** From here on it is told, and once in a while: each notice is an annotation, of which a step has ten. */
const LONG_MS = 30_000
const NOTICE_EVERY_MS = 5 * 60_000
/** How long an answer may take; longer ones are given by long-running operations. */
const ANSWER_MS = 60_000

/** Nothing was heard of a service for too long. */
export class SilentConnection extends Error {
  readonly code = 'NoAnswer'

  /** @param milliseconds how long nothing came */
  constructor(milliseconds: number) {
    super(`nothing happened on the connection for ${Math.round(milliseconds / 1000)} s`)
  }
}

export class Patience {
  private readonly edges: PatienceEdges
  private toldAt = -Infinity

  constructor(edges: PatienceEdges) {
    this.edges = edges
  }

  /**
   * Does something until it succeeds, fails for good, or has failed for too long.
   * @param doing for debug log and notice, such as `reading image template t_1`
   * @param attempt gets the number of the try, from 1
   * @throws what the last try threw; the reason of `cancelled`
   */
  async persist<T>(
    doing: string,
    attempt: (tries: number) => Promise<T>,
    tolerance: Tolerance = {},
  ): Promise<T> {
    const { clock, debug } = this.edges
    const { repeatable = true, cancelled, onTrouble } = tolerance
    const seen = new Set<Trouble['kind']>()
    let firstAt: number | undefined
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt(tries)
      } catch (error) {
        cancelled?.throwIfAborted()
        const trouble = troubleOf(error)
        if (trouble) onTrouble?.(trouble)
        const hopeless = trouble?.kind === 'unclear' ? !repeatable : seen.has('stale-token')
        if (!trouble || (trouble.kind !== 'throttled' && hopeless)) throw error
        seen.add(trouble.kind)
        const now = clock.now()
        firstAt ??= now
        const pause = pauseBefore(tries, trouble)
        if (now + pause > this.lastMoment(firstAt, trouble, tolerance)) throw error
        debug(`${messageOf(doing, error)}; trying again in ${pause} ms`)
        if (now + pause - firstAt > LONG_MS) this.tell(doing, error, now, firstAt)
        await clock.sleep(pause, cancelled)
      }
    }
  }

  /**
   * Waits for an answer, or for signs of it.
   * @param action ends when its signal is aborted, and calls `alive` when something happens
   * @param silence how long nothing may happen, in milliseconds
   * @throws SilentConnection; what the action threw; the reason of `cancelled`
   */
  async heard<T>(
    action: (signal: AbortSignal, alive: () => void) => Promise<T>,
    { silence = ANSWER_MS, cancelled }: { silence?: number; cancelled?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const { clock, deadline = Infinity } = this.edges
    // Little time is left for several tries, not for a single one.
    const longest = Math.min(silence, Math.max(5_000, (deadline - clock.now()) / 4))
    const over = new AbortController()
    const silent = new AbortController()
    let aliveAt = clock.now()
    const listen = async (): Promise<never> => {
      for (let left = longest; left > 0; left = aliveAt + longest - clock.now()) {
        await clock.sleep(left, over.signal)
      }
      const reason = new SilentConnection(longest)
      silent.abort(reason)
      throw reason
    }
    try {
      const signal = AbortSignal.any([silent.signal, ...(cancelled ? [cancelled] : [])])
      const acting = action(signal, () => {
        aliveAt = clock.now()
      })
      return await unlessAborted(Promise.race([acting, listen()]), cancelled)
    } catch (error) {
      cancelled?.throwIfAborted()
      throw silent.signal.aborted ? silent.signal.reason : error
    } finally {
      over.abort()
    }
  }

  private lastMoment(firstAt: number, { kind }: Trouble, { limit }: Tolerance): number {
    const usual = kind === 'throttled' ? THROTTLED_LIMIT_MS : LIMIT_MS
    return Math.min(firstAt + (limit ?? usual), this.edges.deadline ?? Infinity)
  }

  private tell(doing: string, error: unknown, now: number, firstAt: number): void {
    if (now - this.toldAt < NOTICE_EVERY_MS) return
    this.toldAt = now
    const seconds = Math.round((now - firstAt) / 1000)
    const since = seconds > 0 ? `for ${seconds} s` : 'at present'
    this.edges.notice(`${messageOf(doing, error)}\nIt has been failing ${since}; the action goes on trying.`)
  }
}

/** What `work` gives, unless the signal is aborted before: not every library gives up when a signal says so. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      reject(signal.reason as Error)
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    over.abort()
  }
}

/**
 * Milliseconds before the next try: what the service asks for, else a time that doubles; in both cases a part of it by
 * chance, so that builds that were refused together do not come back together.
 * @param tries so far
 */
export function pauseBefore(tries: number, { retryAfterMs }: Trouble, chance = Math.random): number {
  const growing = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** (tries - 1))
  const spread = Math.max(growing, retryAfterMs ?? 0) / 2
  return Math.round((retryAfterMs ?? growing / 2) + chance() * spread)
}

/** Statuses that say nothing of the request itself: the service may have acted. */
export const FALTERING: ReadonlySet<number> = new Set([408, 500, 502, 503, 504])
/** What is no connection to whom it should be: it does not mend itself, and must not be tried until it does. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ERR_TLS_CERT_ALTNAME_INVALID/
/** Codes of Node's network, and of the Azure SDK when it got no answer, or half of one. */
const NO_ANSWER =
  /^(?:ECONN\w+|ETIMEDOUT|EPIPE|EPROTO|EAI_AGAIN|ENOTFOUND|ENET\w+|EHOST\w+|ERR_SSL\w*|ERR_STREAM\w*|NoAnswer|REQUEST_SEND_ERROR|PARSE_ERROR|Md5Mismatch)$/
/** Where a library keeps the code to itself. */
const NO_ANSWER_WORDS =
  /\b(?:ECONN\w+|ETIMEDOUT|EPIPE|EPROTO|EAI_AGAIN|ENOTFOUND|ENET\w+|EHOST\w+)\b|socket hang up|socket disconnected|Request timeout/

/**
 * What is known of an error: of our own, of the Azure SDKs, of Node, of the toolkit.
 * @returns undefined when another try would fail as well
 */
export function troubleOf(error: unknown): Trouble | undefined {
  // Signing in has had its own tries by then.
  if (!(error instanceof Error) || error instanceof SignInError) return undefined
  const { code = '', cause } = error as { code?: string; cause?: unknown }
  if ('trouble' in error) return error.trouble as Trouble | undefined
  if (UNTRUSTED.test(code) || UNTRUSTED.test((cause as { code?: string } | undefined)?.code ?? ''))
    return undefined
  const status = statusOf(error)
  const retryAfterMs = retryAfterOf(error)
  if (status === 429) return { kind: 'throttled', retryAfterMs }
  if (status === 401) return { kind: 'stale-token' }
  const unclear =
    error instanceof AzureError
      ? error.ambiguous
      : FALTERING.has(status) || NO_ANSWER.test(code) || (status === 0 && NO_ANSWER_WORDS.test(error.message))
  return unclear ? { kind: 'unclear', retryAfterMs } : undefined
}

/** 0 when no answer came. */
function statusOf(error: Error): number {
  const { status, statusCode } = error as { status?: number; statusCode?: number }
  // The toolkit for actions has the status of GitHub's endpoint for ID tokens in its words alone.
  return status ?? statusCode ?? Number(/Error Code\s*:\s*(\d{3})/.exec(error.message)?.[1] ?? 0)
}

function retryAfterOf(error: Error): number | undefined {
  const { retryAfterMs, response } = error as {
    retryAfterMs?: number
    response?: { headers?: { get?: (name: string) => string | undefined } }
  }
  return retryAfterMs ?? retryAfter(response?.headers?.get?.('retry-after'))
}

/** Milliseconds from a `Retry-After` in seconds or as a date. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}

function messageOf(doing: string, error: unknown): string {
  if (error instanceof AzureError) return error.message
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return `Failed while ${doing}: ${line}`
}
