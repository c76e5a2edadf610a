/** What is in a resource group, as Resource Manager lists it without asking the providers. */
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import { page } from './lists.ts'
import { parseArmPath } from './paths.ts'
import { RESOURCES_API_VERSIONS } from './subscriptions.ts'
import type { Reply } from '../server.ts'
import type { Resource, World } from '../world.ts'

/** Resources that only their own provider lists: they have no region of their own. */
const UNTRACKED = /\/runOutputs$/i

export function groupContentRoutes(world: World): ArmRoute[] {
  return [
    {
      method: 'GET',
      path: '/subscriptions/{subscription}/resourceGroups/{group}/resources',
      action: 'Microsoft.Resources/subscriptions/resourceGroups/resources/read',
      apiVersions: RESOURCES_API_VERSIONS,
      handle: (request) => list(world, request),
    },
  ]
}

/** The caller sees what it may read (assumed), without `properties` (documented). */
function list(world: World, request: ArmRequest): Reply {
  const query = request.url.searchParams
  if (query.has('$filter'))
    throw new ArmError(501, 'LocalAzureNotModelled', '$filter is not part of the local Azure.')
  const { scope } = parseArmPath(request.method, request.url.pathname)
  const resources = contentsOf(world, scope)
    .filter(({ id, type }) => world.allows(request.principal, `${type}/read`, id))
    .map(summary)
  const top = query.get('$top')
  return page(request, top === null ? resources : resources.slice(0, Number(top)))
}

/** All tracked resources in a group, by the group's ID. */
export function contentsOf(world: World, groupId: string): Resource[] {
  const prefix = `${groupId}/`.toLowerCase()
  return world.resources
    .all()
    .filter(({ id, type }) => id.toLowerCase().startsWith(prefix) && !UNTRACKED.test(type))
}

/** A nested resource's name holds its parents' (documented): `contoso/webapp`. */
function summary({ id, type, location, tags, identity }: Resource): unknown {
  const [, , ...path] = id.slice(id.toLowerCase().lastIndexOf('/providers/') + 1).split('/')
  return {
    id,
    name: path.filter((_, i) => i % 2 === 1).join('/'),
    type,
    location,
    ...(identity && { identity }),
    ...(tags && Object.keys(tags).length > 0 && { tags }),
  }
}
