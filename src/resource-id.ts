/** Azure resource IDs: parsed without regard to case, written in Azure's usual spelling. */

export interface ResourceId {
  subscriptionId: string
  resourceGroup: string
  /** Such as `Microsoft.Compute/galleries/images`. */
  type: string
  /** Names along the type, outermost first: `['gallery', 'definition']`. */
  names: string[]
}

/**
 * Parses `/subscriptions/…/resourceGroups/…/providers/<namespace>/<type>/<name>[/<type>/<name>…]`.
 * Returns undefined for anything else.
 */
export function parseResourceId(text: string): ResourceId | undefined {
  const match =
    /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)((?:\/[^/]+\/[^/]+)+)\/?$/i.exec(
      text.trim(),
    )
  const [, subscriptionId, resourceGroup, namespace, rest] = match ?? []
  if (!subscriptionId || !resourceGroup || !namespace || !rest) return undefined
  const parts = rest.replace(/\/$/, '').split('/').slice(1)
  return {
    subscriptionId,
    resourceGroup,
    type: [namespace, ...parts.filter((_, index) => index % 2 === 0)].join('/'),
    names: parts.filter((_, index) => index % 2 === 1),
  }
}

/** Whether `id` is of `type`, such as `Microsoft.Compute/images`; case does not matter. */
export function isOfType(id: ResourceId, type: string): boolean {
  return id.type.toLowerCase() === type.toLowerCase()
}

/** Writes an ID; `type` and `names` as in `ResourceId`. */
export function formatResourceId({ subscriptionId, resourceGroup, type, names }: ResourceId): string {
  const [namespace = '', ...types] = type.split('/')
  const rest = types.map((part, index) => `/${part}/${names[index] ?? ''}`).join('')
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${namespace}${rest}`
}

/** The last name in an ID, such as the version of an image version. */
export function lastName(id: string): string {
  return id.split('/').at(-1) ?? ''
}
