/** User-assigned identities as `Microsoft.ManagedIdentity` shows them. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { page, readable } from './lists.ts'
import { parseArmPath } from './paths.ts'
import type { UserAssignedIdentity } from '../seed.ts'
import type { Reply } from '../server.ts'
import type { Resource, World } from '../world.ts'

export const IDENTITY_TYPE = 'Microsoft.ManagedIdentity/userAssignedIdentities'

/** Documented. */
const apiVersions = ['2024-11-30', '2023-01-31', '2022-01-31-preview', '2018-11-30', '2015-08-31-preview']
const READ = 'Microsoft.ManagedIdentity/userAssignedIdentities/read'
const SUBSCRIPTION = '/subscriptions/{subscription}'
const IN_GROUP = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${IDENTITY_TYPE}`

/** Puts an identity in place. Its ID has `resourcegroups` in lower case, as the service's own has (recorded). */
export function putIdentity(world: World, identity: UserAssignedIdentity): Resource {
  const { tenantId, subscriptionId } = world.seed
  const { resourceGroup, name, location, principalId, clientId } = identity
  return world.resources.put({
    id: `/subscriptions/${subscriptionId}/resourcegroups/${resourceGroup}/providers/${IDENTITY_TYPE}/${name}`,
    name,
    type: IDENTITY_TYPE,
    location,
    tags: {},
    properties: { tenantId, principalId, clientId },
  })
}

export function identityRoutes(world: World): ArmRoute[] {
  const list = (request: ArmRequest): Reply => {
    const { scope } = parseArmPath(request.method, request.url.pathname)
    return page(request, readable(world, request, { type: IDENTITY_TYPE, scope, action: READ }))
  }
  const one = (request: ArmRequest): Reply => {
    const path = parseArmPath(request.method, request.url.pathname)
    const identity = world.resources.get(path.scope)
    if (!identity) throw refuse.resourceNotFound(path)
    return { status: 200, body: identity }
  }
  const listing = { method: 'GET', action: READ, authorize: 'readable', apiVersions, handle: list } as const
  return [
    { ...listing, path: `${SUBSCRIPTION}/providers/${IDENTITY_TYPE}` },
    { ...listing, path: IN_GROUP },
    { method: 'GET', path: `${IN_GROUP}/{identity}`, action: READ, apiVersions, handle: one },
  ]
}
