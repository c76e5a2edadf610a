/**
 * How many requests Resource Manager takes: a bucket for each kind of them, subscription (or the tenant, where a path
 * names none) and principal, filled again by the second (documented, figures too, as is that buckets are a region's:
 * here all requests arrive in one). The limits of all principals together, 15 times as high, are never reached here.
 */
import { ArmError } from '../arm.ts'
import type { Principal, RequestBucket, RequestKind, World } from '../world.ts'

export const DOCUMENTED: Record<RequestKind, RequestBucket> = {
  reads: { bucket: 250, perSecond: 25 },
  writes: { bucket: 200, perSecond: 10 },
  deletes: { bucket: 200, perSecond: 10 },
}
/** As one finds them on answers to a client that has just begun (recorded). They stay so. */
const GLOBAL: Record<RequestKind, string> = { reads: '3749', writes: '2999', deletes: '2999' }

export class Throttling {
  private readonly world: World
  private readonly buckets = new Map<string, { left: number; at: number }>()

  constructor(world: World) {
    this.world = world
  }

  /**
   * Takes a request out of its bucket, whatever it will be answered.
   * @returns the headers that tell what is left
   * @throws ArmError 429 when the bucket is empty. That a refused request takes nothing from it is assumed;
   * documented is that it is not processed.
   */
  admit(method: string, subscription: string | undefined, principal: Principal): Record<string, string> {
    const kind = kindOf(method)
    const limit = this.world.options.limits.requests?.[kind] ?? DOCUMENTED[kind]
    const bucket = this.refilled([kind, subscription, principal.objectId].join(), limit)
    const remaining = (): Record<string, string> =>
      remainingHeaders(kind, subscription, Math.floor(bucket.left))
    if (bucket.left < 1)
      throw this.refusal(kind, limit, bucket.left, { subscription, principal }, remaining())
    bucket.left -= 1
    return remaining()
  }

  private refilled(key: string, limit: RequestBucket): { left: number; at: number } {
    const now = this.world.now()
    const bucket = this.buckets.get(key.toLowerCase()) ?? { left: limit.bucket, at: now }
    this.buckets.set(key.toLowerCase(), bucket)
    const back = ((now - bucket.at) / 1000) * limit.perSecond * this.world.options.speed
    bucket.left = Math.min(limit.bucket, bucket.left + Math.max(0, back))
    bucket.at = now
    return bucket
  }

  /**
   * Code and text: recorded for reads, with 10 seconds, which is how long a read bucket takes to fill up. That this is
   * how Azure comes to the number is assumed; the text for a tenant is, too.
   */
  private refusal(
    kind: RequestKind,
    { bucket, perSecond }: RequestBucket,
    left: number,
    { subscription, principal }: { subscription: string | undefined; principal: Principal },
    headers: Record<string, string>,
  ): ArmError {
    const seconds = String(Math.max(1, Math.ceil((bucket - left) / perSecond / this.world.options.speed)))
    const where =
      subscription === undefined ? `tenant '${this.world.seed.tenantId}'` : `subscription '${subscription}'`
    const message =
      `Number of '${kind.slice(0, -1)}' requests for ${where} actor '${principal.objectId}' exceeded. Please try ` +
      `again after '${seconds}' seconds after additional tokens are available. Refer to ` +
      'https://aka.ms/arm-throttling for additional information.'
    const code = subscription === undefined ? 'TenantRequestsThrottled' : 'SubscriptionRequestsThrottled'
    return new ArmError(429, code, message, { ...headers, 'Retry-After': seconds })
  }
}

/** Names of the headers: recorded for subscriptions, documented for the tenant. */
function remainingHeaders(
  kind: RequestKind,
  subscription: string | undefined,
  left: number,
): Record<string, string> {
  const scope = subscription === undefined ? 'tenant' : 'subscription'
  return {
    [`x-ms-ratelimit-remaining-${scope}-${kind}`]: String(left),
    ...(subscription !== undefined && {
      [`x-ms-ratelimit-remaining-subscription-global-${kind}`]: GLOBAL[kind],
    }),
  }
}

/** POST is a write, whatever it does (assumed: calls such as `listKeys` only read). */
function kindOf(method: string): RequestKind {
  if (method === 'GET' || method === 'HEAD') return 'reads'
  return method === 'DELETE' ? 'deletes' : 'writes'
}
