/** Resource groups: lookups, and deletion with everything inside. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { originOf, page, readable } from './lists.ts'
import type { Blobs } from '../parts.ts'
import type { Reply } from '../server.ts'
import { STORAGE_ACCOUNT_TYPE } from './storage-accounts.ts'
import { RESOURCES_API_VERSIONS } from './subscriptions.ts'
import { newId, type Resource, type World } from '../world.ts'

export const RESOURCE_GROUP_TYPE = 'Microsoft.Resources/resourceGroups'

const SUBSCRIPTION = '/subscriptions/{subscription}'
const GROUP = `${SUBSCRIPTION}/resourceGroups/{group}`
const READ = 'Microsoft.Resources/subscriptions/resourcegroups/read'
const apiVersions = RESOURCES_API_VERSIONS

/** Deletions by the ID in their `Location`; a defect is of the local Azure's own making. */
type Deletions = Map<string, { done: boolean; defect?: unknown }>

/** Puts a group in place, as if created earlier. */
export function putResourceGroup(
  world: World,
  group: { name: string; location: string; tags?: Record<string, string> },
): Resource {
  return world.resources.put({
    id: `/subscriptions/${world.seed.subscriptionId}/resourceGroups/${group.name}`,
    type: RESOURCE_GROUP_TYPE,
    ...group,
    properties: { provisioningState: 'Succeeded' },
  })
}

export function resourceGroupRoutes(world: World, blobs: Blobs): ArmRoute[] {
  const deletions: Deletions = new Map()
  const groupOf = (request: ArmRequest): Resource => {
    const group = world.resources.get(decodeURIComponent(request.url.pathname))
    if (!group) throw refuse.resourceGroupNotFound(request.params['group'] ?? '')
    return group
  }
  const existence = (request: ArmRequest): Reply => {
    groupOf(request)
    return { status: 204 }
  }
  return [
    { method: 'HEAD', path: GROUP, action: READ, apiVersions, handle: existence },
    {
      method: 'GET',
      path: GROUP,
      action: READ,
      apiVersions,
      handle: (request) => ({ status: 200, body: groupOf(request) }),
    },
    {
      method: 'GET',
      path: `${SUBSCRIPTION}/resourceGroups`,
      action: READ,
      authorize: 'readable',
      apiVersions,
      handle: (request) => page(request, groupsFor(world, request)),
    },
    {
      method: 'DELETE',
      path: GROUP,
      action: 'Microsoft.Resources/subscriptions/resourcegroups/delete',
      apiVersions,
      handle: (request) => startDeletion({ world, blobs, deletions }, request, groupOf(request)),
    },
    {
      // Whoever may delete a group may follow that, without a right at the subscription (assumed).
      method: 'GET',
      path: `${SUBSCRIPTION}/operationresults/{operation}`,
      action: 'Microsoft.Resources/subscriptions/operationresults/read',
      authorize: 'readable',
      apiVersions,
      handle: (request) => deletionResult(deletions, request),
    },
  ]
}

function groupsFor(world: World, request: ArmRequest): Resource[] {
  const scope = `/subscriptions/${world.seed.subscriptionId}`
  return readable(world, request, { type: RESOURCE_GROUP_TYPE, scope, action: READ })
}

/** 202 at once with a `Location` that answers 202 until all is gone, then 200 (recorded). */
function startDeletion(
  context: { world: World; blobs: Blobs; deletions: Deletions },
  request: ArmRequest,
  group: Resource,
): Reply {
  const { world, blobs, deletions } = context
  const operation = newId()
  const deletion = { done: false }
  deletions.set(operation, deletion)
  group.properties['provisioningState'] = 'Deleting'
  world.background(deleteWithContents(world, blobs, group, deletion))
  return { status: 202, headers: { Location: locationOf(request, operation), 'Retry-After': '15' } }
}

async function deleteWithContents(
  world: World,
  blobs: Blobs,
  group: Resource,
  deletion: { done: boolean; defect?: unknown },
): Promise<void> {
  try {
    await world.elapse(world.options.durations.delete)
    const accounts = world.resources.delete(group.id).filter((one) => one.type === STORAGE_ACCOUNT_TYPE)
    for (const account of accounts) await blobs.clear(account.name)
    deletion.done = true
  } catch (error) {
    if (!world.closed.aborted) deletion.defect = error
  }
}

function deletionResult(deletions: Deletions, request: ArmRequest): Reply {
  const operation = request.params['operation'] ?? ''
  const deletion = deletions.get(operation)
  if (!deletion) throw refuse.invalidUrl(request.url.pathname)
  if (deletion.defect) throw new Error('A resource group was not deleted.', { cause: deletion.defect })
  if (deletion.done) return { status: 200 }
  return { status: 202, headers: { Location: locationOf(request, operation), 'Retry-After': '15' } }
}

function locationOf(request: ArmRequest, operation: string): string {
  const { subscription = '' } = request.params
  return (
    `${originOf(request)}/subscriptions/${subscription}/operationresults/${operation}` +
    `?api-version=${request.apiVersion}`
  )
}
