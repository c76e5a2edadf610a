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

/** The definition of a gallery image version's ID; the ID of a definition stays as it is. */
export function withoutVersion(id: string): string {
  return id.replace(/\/versions\/[^/]*\/?$/i, '')
}

/** Kinds of resources that inputs name, in words. */
export const KINDS = {
  image: { type: 'Microsoft.Compute/images', words: 'managed image' },
  gallery: { type: 'Microsoft.Compute/galleries', words: 'gallery' },
  definition: { type: 'Microsoft.Compute/galleries/images', words: 'gallery image definition' },
  version: { type: 'Microsoft.Compute/galleries/images/versions', words: 'gallery image version' },
  identity: { type: 'Microsoft.ManagedIdentity/userAssignedIdentities', words: 'managed identity' },
  account: { type: 'Microsoft.Storage/storageAccounts', words: 'storage account' },
  network: { type: 'Microsoft.Network/virtualNetworks', words: 'virtual network' },
  subnet: { type: 'Microsoft.Network/virtualNetworks/subnets', words: 'subnet' },
  template: { type: 'Microsoft.VirtualMachineImages/imageTemplates', words: 'image template' },
} as const
export type Kind = keyof typeof KINDS

/**
 * What keeps `value` from being the ID of a resource of one of `kinds`, as a sentence that says what was given and
 * what is wanted; undefined when it is one.
 */
export function idMistake(value: string, kinds: readonly Kind[]): string | undefined {
  const wanted = kinds.map((kind) => KINDS[kind].words).join(' or ')
  const id = parseResourceId(value)
  if (!id) {
    const group = resourceGroupOfId(value)
    if (group !== undefined)
      return `'${value}' is the ID of a resource group; give that of ${article(wanted)}.`
    const forms = kinds.map((kind) => idForm(KINDS[kind].type)).join(' or ')
    return `'${value}' is not the resource ID of ${article(wanted)}: ${forms}.`
  }
  if (!kinds.some((kind) => isOfType(id, KINDS[kind].type))) {
    const given = Object.values(KINDS).find(({ type }) => isOfType(id, type))?.words ?? id.type
    return `'${value}' is the ID of ${article(given)}; give that of ${article(wanted)}.`
  }
  if (!GUID.test(id.subscriptionId))
    return `'${value}' names '${id.subscriptionId}' as subscription, which is no GUID.`
  return undefined
}

function article(words: string): string {
  return `${/^[aeio]/i.test(words) ? 'an' : 'a'} ${words}`
}

export const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** How an ID of a type looks: the last part of it, which tells kinds apart. */
function idForm(type: string): string {
  const [namespace = '', ...types] = type.split('/')
  return `/subscriptions/…/providers/${namespace}${types.map((part) => `/${part}/<name>`).join('')}`
}

/** Name of the resource group in `/subscriptions/…/resourceGroups/<name>`; undefined for anything else. */
export function resourceGroupOfId(text: string): string | undefined {
  return /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/?$/i.exec(text.trim())?.[1]
}

/** Whether two IDs mean the same resource: Azure does not tell upper and lower case apart. */
export function sameId(a: string, b: string): boolean {
  return a.toLowerCase().replace(/\/+$/, '') === b.toLowerCase().replace(/\/+$/, '')
}
