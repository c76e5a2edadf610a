/** Where the rights of a build are needed: the narrowest resource that an action is about, and parts of resource IDs. */
import { isWithin } from './permissions.ts'
import { parseResourceId } from '../resource-id.ts'

/** The narrowest resources within the scope that an action is about: `…/images/read` is about a definition, for example. */
export function placesOf(action: string, scope: string, targets: readonly string[]): string[] {
  const places = targets.flatMap((target) => {
    const about = lineage(target).filter(([, type]) => startsWith(action, `${type}/`))
    const [narrowest] = about.at(-1) ?? []
    return narrowest !== undefined && isWithin(narrowest, scope) ? [narrowest] : []
  })
  const deepest = Math.max(...places.map((place) => place.split('/').length))
  const fitting = distinct(places.filter((place) => place.split('/').length === deepest))
  return fitting.length > 0 ? fitting : [scope]
}

/** A resource and what it lies in, outermost first, each with its type. */
function lineage(id: string): [id: string, type: string][] {
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(id)?.[0] ?? ''
  const [namespace = '', ...parts] = id
    .slice(group.length)
    .replace(/^\/providers\//i, '')
    .split('/')
  const own = parts.flatMap((_, index): [string, string][] => {
    if (index % 2 === 0) return []
    const types = parts.slice(0, index + 1).filter((_, at) => at % 2 === 0)
    const path = parts.slice(0, index + 1).join('/')
    return [[`${group}/providers/${namespace}/${path}`, [namespace, ...types].join('/')]]
  })
  return [[group, 'Microsoft.Resources/subscriptions/resourceGroups'], ...own]
}

function startsWith(text: string, beginning: string): boolean {
  return text.toLowerCase().startsWith(beginning.toLowerCase())
}

/** The resource group that a resource lies in. */
export function groupScope(id: string): string {
  const { subscriptionId = '', resourceGroup = '' } = parseResourceId(id) ?? {}
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`
}

/** The gallery of a definition or version. */
export function galleryOf(id: string): string {
  return id.replace(/(\/galleries\/[^/]+)\/.*$/i, '$1')
}

/** Direct shared galleries belong to no resource group of this subscription. */
export function isShared(id: string): boolean {
  return /\/sharedGalleries\//i.test(id)
}

/** Resource ID of a blob container. */
export function containerOf(account: string, container: string): string {
  return `${account}/blobServices/default/containers/${container}`
}

/** The first part of a blob's path. */
export function containerIn(uri: string): string {
  return new URL(uri).pathname.split('/')[1] ?? ''
}

/** IDs, each once; letter case does not tell them apart. */
export function distinct(ids: readonly string[]): string[] {
  return [...new Map(ids.map((id) => [id.toLowerCase(), id])).values()]
}

/** The subscription that an ID begins with. */
export function subscriptionOf(id: string): string {
  return /^\/subscriptions\/[^/]+/i.exec(id)?.[0] ?? ''
}
