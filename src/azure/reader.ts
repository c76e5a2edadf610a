/** Reading resources for look-ups: what is missing becomes a mistake in an input, and every mistake is collected. */
import { AzureError, InputError, isNotFound, messageOf } from '../errors.ts'
import type { ResourceManager } from './arm.ts'

/** API versions that the answers used here are known from. */
export const API_VERSIONS = {
  compute: '2024-03-01',
  gallery: '2023-07-03',
  identity: '2023-01-31',
  imageBuilder: '2025-10-01',
  network: '2024-05-01',
  resources: '2021-04-01',
  storage: '2023-05-01',
} as const
export type Api = keyof typeof API_VERSIONS

export class Reader {
  private readonly arm: ResourceManager
  readonly debug: (message: string) => void
  private readonly signal: AbortSignal | undefined

  constructor(arm: ResourceManager, debug: (message: string) => void, signal: AbortSignal | undefined) {
    this.arm = arm
    this.debug = debug
    this.signal = signal
  }

  /**
   * Reads a resource.
   * @param what for errors, such as `resource group x`
   * @param missing is asked when Azure says that there is no such resource
   */
  async get<T>(path: string, api: Api, what: string, missing?: () => never): Promise<T> {
    try {
      const call = { path, apiVersion: API_VERSIONS[api], doing: `reading ${what}`, signal: this.signal }
      return (await this.arm.request<T>({ ...call, method: 'GET' })).body
    } catch (error) {
      // A missing subscription is about another input, and Azure's own words say it best.
      const isAboutThis = isNotFound(error) && (error as AzureError).code !== 'SubscriptionNotFound'
      if (missing && isAboutThis) return missing()
      throw error
    }
  }

  /**
   * Reads a resource that is good to know, no more: undefined where the signed-in identity may not read it. The build
   * does not need that right.
   */
  async glimpse<T>(path: string, api: Api, what: string, missing?: () => never): Promise<T | undefined> {
    return await this.ifAllowed(what, () => this.get<T>(path, api, what, missing))
  }

  /** A resource that may be there; one that may not be read is not known to be. */
  async find<T>(path: string, api: Api, what: string): Promise<T | undefined> {
    try {
      return await this.glimpse<T>(path, api, what)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** What `look` finds, or undefined when Azure says that it may not be seen. */
  async ifAllowed<T>(what: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look()
    } catch (error) {
      if (!(error instanceof AzureError) || error.status !== 403) throw error
      this.debug(`${what} is not checked: ${messageOf(error)}`)
      return undefined
    }
  }

  async list<T>(path: string, api: Api, doing: string): Promise<T[]> {
    return await this.arm.list<T>({ path, apiVersion: API_VERSIONS[api], doing, signal: this.signal })
  }
}

/** Reports one mistake in an input. */
export function wrong(input: string, message: string): never {
  throw new InputError([{ input, message }])
}

/**
 * Waits for all look-ups, so that every mistake in the inputs is told at once.
 * @throws InputError with the mistakes of all. Another failure is told only when there are none: it may well come from
 * one of them, as when Compute does not know the region either.
 */
export async function allOrEveryProblem<T extends readonly unknown[]>(
  lookups: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(lookups)
  const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  const problems = reasons.flatMap((reason) => (reason instanceof InputError ? reason.problems : []))
  if (problems.length > 0) throw new InputError(problems)
  if (reasons[0]) throw reasons[0]
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>
  }
}
