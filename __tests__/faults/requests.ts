/**
 * The requests of a build, named so that the same ones are met again in its next play. Look-ups run side by side, so a
 * number in the order of all requests means nothing; "the second one of this shape, in main" does.
 */
import type { Exchange, Service } from '../../local-azure/world.ts'

/** The process that sends a request. */
export type Stage = 'main' | 'post'

export interface Sighting {
  exchange: Exchange
  stage: Stage
}

export interface KnownRequest {
  stage: Stage
  service: Service
  /** For people: `GET /imageTemplates/{template}`. */
  shape: string
  /** For `METHOD target`: a regular expression's source. */
  match: string
  /** Among those of its shape and stage, from 1. */
  occurrence: number
}

/** What is another in every play: its place in the shape, where it is found, what it may be. */
const VARYING: { name: string; found: RegExp; pattern: string }[] = [
  { name: 'template', found: /(?<![a-z])t_\d+_[0-9a-f]{8}/g, pattern: String.raw`t_\d+_[0-9a-f]{8}` },
  { name: 'id', found: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, pattern: '[0-9a-f-]{36}' },
  { name: 'blob', found: /\bapp_\d+_[0-9a-f]{8}/g, pattern: String.raw`app_\d+_[0-9a-f]{8}` },
  { name: 'account', found: /(?<=^\/|\/storageAccounts\/)[a-z0-9]{24}(?=\/|$)/g, pattern: '[a-z0-9]{24}' },
  { name: 'container', found: /(?<=vmimagebuilder-build-container-)\w+/g, pattern: String.raw`\w+` },
]
/** Parts of a query that say what is asked for. */
const TELLING = ['restype', 'comp']
/** How many of one shape are taken, unless told otherwise; the first looks of a poll stand for the later ones. */
const MOST = 3
const TEMPLATE_READS = 6

/** The requests that a play consisted of, each once, in the order of their first appearance. */
export function knownRequests(sightings: readonly Sighting[]): KnownRequest[] {
  const known = new Map<string, KnownRequest[]>()
  for (const { exchange, stage } of sightings.filter(({ exchange }) => isOurs(exchange))) {
    const { service } = exchange
    const { shape, match } = shapeOf(exchange)
    const key = `${stage} ${service} ${shape}`
    const alike = known.get(key) ?? []
    known.set(key, alike)
    const most = /^GET \/imageTemplates\/\{template\}$/.test(shape) ? TEMPLATE_READS : MOST
    if (alike.length < most) alike.push({ stage, service, shape, match, occurrence: alike.length + 1 })
  }
  return [...known.values()].flat()
}

/** Image Builder fetches the artifact by its signed URL: that is not the action's request. */
function isOurs({ method, target }: Exchange): boolean {
  return !(method === 'GET' && /^\/stcontosobuild\/.*[?&]sig=/.test(target))
}

function shapeOf({ method, target }: Exchange): { shape: string; match: string } {
  const { pathname, searchParams } = new URL(target, 'https://localhost')
  let path = pathname
  for (const { name, found } of VARYING) path = path.replaceAll(found, `{${name}}`)
  let pattern = path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
  for (const { name, pattern: one } of VARYING) pattern = pattern.replaceAll(`{${name}}`, one)
  const query = TELLING.flatMap((name) => {
    const value = searchParams.get(name)
    return value === null ? [] : [`${name}=${value}`]
  })
  const conditions = TELLING.map((name) => {
    const value = searchParams.get(name)
    return value === null ? `(?!.*[?&]${name}=)` : `(?=.*[?&]${name}=${value}(?:&|$))`
  })
  const short = path
    .replace(/^\/subscriptions\/\{id\}/, '')
    .replace('/resourceGroups/rg-images/providers/', '/')
    .replace(/^\/(?:providers\/)?Microsoft\.VirtualMachineImages\/(?=.)/, '/')
  return {
    shape: `${method} ${short}${query.length > 0 ? '?' : ''}${query.join('&')}`,
    match: String.raw`^${method} ${conditions.join('')}${pattern}(?:\?|$)`,
  }
}

/** `main: resource-manager GET /imageTemplates/{template} #2` */
export function nameOf({ stage, service, shape, occurrence }: KnownRequest): string {
  return `${stage}: ${service} ${shape} #${occurrence}`
}
