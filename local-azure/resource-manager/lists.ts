/** Resource Manager's list envelope. */
import type { ArmRequest } from '../arm.ts'
import type { Reply } from '../server.ts'
import type { Resource, World } from '../world.ts'

/** Items a page (assumed: the services differ and do not document it). */
const PAGE_SIZE = 50

/** One page as `{value}`, with an absolute `nextLink` when more follow. */
export function page(request: ArmRequest, items: unknown[]): Reply {
  const start = Number(request.url.searchParams.get('$skiptoken') ?? 0)
  const value = items.slice(start, start + PAGE_SIZE)
  if (start + PAGE_SIZE >= items.length) return { status: 200, body: { value } }
  const next = new URL(request.url.pathname + request.url.search, originOf(request))
  next.searchParams.set('$skiptoken', String(start + PAGE_SIZE))
  return { status: 200, body: { value, nextLink: next.href } }
}

/** The resources of a type at or below a scope that the caller may read. */
export function readable(
  world: World,
  request: ArmRequest,
  wanted: { type: string; scope: string; action: string },
): Resource[] {
  return world.resources
    .list(wanted.type, `${wanted.scope}/`)
    .filter((resource) => world.allows(request.principal, wanted.action, resource.id))
}

/** Origin under which the caller reached this server, for links in answers. */
export function originOf(request: ArmRequest): string {
  return `https://${request.headers.host ?? 'localhost'}`
}

/** Compute's lists spell the resource group in capitals within IDs (recorded for galleries, reported for others). */
export function shoutGroup(resource: Resource): Resource {
  const id = resource.id.replace(/(?<=\/resourceGroups\/)[^/]+/i, (group) => group.toUpperCase())
  return { ...resource, id }
}
