/** Compute galleries, their image definitions and image versions. Shapes: recorded. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from '../resource-manager/errors.ts'
import { page, readable, shoutGroup } from '../resource-manager/lists.ts'
import { parseArmPath } from '../resource-manager/paths.ts'
import { GalleryUpdates } from './gallery-updates.ts'
import { timestamp, type ComputeOperations } from './operations.ts'
import { displayRegion } from '../resource-manager/regions.ts'
import type { Gallery, GalleryImageDefinition, GalleryImageVersion, OsType } from '../seed.ts'
import type { Reply } from '../server.ts'
import { usualDiskSize } from './vm-sizes.ts'
import type { Resource, World } from '../world.ts'

const GALLERY = 'Microsoft.Compute/galleries'
const DEFINITION = `${GALLERY}/images`
const VERSION = `${DEFINITION}/versions`
const SUBSCRIPTION = '/subscriptions/{subscription}'
const GALLERIES = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${GALLERY}`
const DEFINITIONS = `${GALLERIES}/{gallery}/images`
const VERSIONS = `${DEFINITIONS}/{definition}/versions`

/** A gallery alone, without its image definitions. */
export function putGallery(world: World, gallery: Omit<Gallery, 'definitions'>): Resource {
  const { subscriptionId } = world.seed
  const { resourceGroup, name, location } = gallery
  return world.resources.put({
    id: `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/${GALLERY}/${name}`,
    name,
    type: GALLERY,
    location,
    properties: {
      identifier: { uniqueName: `${subscriptionId}-${name.toUpperCase()}` },
      provisioningState: 'Succeeded',
    },
  })
}

/** An image definition in a gallery, without versions. */
export function putImageDefinition(
  world: World,
  galleryId: string,
  definition: Omit<GalleryImageDefinition, 'versions'>,
): Resource {
  const { name, location, securityType, purchasePlan, endOfLifeDate, ...properties } = definition
  const { osType, osState, hyperVGeneration, architecture } = properties
  return world.resources.put({
    id: `${galleryId}/images/${name}`,
    name,
    type: DEFINITION,
    location,
    properties: {
      hyperVGeneration,
      architecture,
      ...(securityType && { features: [{ name: 'SecurityType', value: securityType }] }),
      osType,
      osState,
      identifier: { publisher: 'contoso', offer: name, sku: hyperVGeneration },
      ...(purchasePlan && { purchasePlan }),
      ...(endOfLifeDate && { endOfLifeDate }),
      provisioningState: 'Succeeded',
    },
  })
}

/**
 * A version of an existing image definition, replacing one that is there. Region names may be spelled either
 * way and come back as `West US 2`; without replicas each region has one.
 */
export function putImageVersion(
  world: World,
  image: {
    definitionId: string
    version: string
    targetRegions: { name: string; replicas?: number; storageAccountType?: string }[]
    excludeFromLatest?: boolean
    replicationMode?: 'Full' | 'Shallow'
    provisioningState?: GalleryImageVersion['provisioningState']
    tags?: Record<string, string>
    sourceId?: string
    osDiskSizeGB?: number
    dataDiskSizesGB?: number[]
    endOfLifeDate?: string
  },
): Resource {
  const definition = world.resources.get(image.definitionId)
  if (!definition) throw new Error(`No image definition ${image.definitionId} in the local Azure.`)
  const { osType } = definition.properties as { osType: OsType }
  return world.resources.put({
    id: `${definition.id}/versions/${image.version}`,
    name: image.version,
    type: VERSION,
    ...(definition.location && { location: definition.location }),
    tags: image.tags ?? {},
    properties: {
      publishingProfile: {
        targetRegions: image.targetRegions.map(({ name, replicas, storageAccountType }) => ({
          name: displayRegion(world, name),
          regionalReplicaCount: replicas ?? 1,
          storageAccountType: storageAccountType ?? 'Standard_LRS',
        })),
        replicaCount: 1,
        excludeFromLatest: image.excludeFromLatest ?? false,
        publishedDate: timestamp(new Date(world.now())),
        ...(image.endOfLifeDate && { endOfLifeDate: image.endOfLifeDate }),
        storageAccountType: 'Standard_LRS',
        replicationMode: image.replicationMode ?? 'Full',
      },
      storageProfile: {
        ...(image.sourceId && { source: { id: image.sourceId } }),
        osDiskImage: {
          sizeInGB: image.osDiskSizeGB ?? usualDiskSize(osType),
          hostCaching: 'ReadWrite',
          source: {},
        },
        ...(image.dataDiskSizesGB?.length && {
          dataDiskImages: image.dataDiskSizesGB.map((sizeInGB, lun) => ({
            lun,
            sizeInGB,
            hostCaching: 'None',
            source: {},
          })),
        }),
      },
      safetyProfile: { reportedForPolicyViolation: false, allowDeletionOfReplicatedLocations: false },
      provisioningState: image.provisioningState ?? 'Succeeded',
    },
  })
}

export function galleryRoutes(
  world: World,
  operations: ComputeOperations,
  apiVersions: string[],
): ArmRoute[] {
  const get = (path: string, type: string, handle: ArmRoute['handle']): ArmRoute => ({
    method: 'GET',
    path,
    action: `${type}/read`,
    apiVersions,
    handle,
  })
  const galleries = (request: ArmRequest): Reply => {
    const wanted = { type: GALLERY, scope: pathOf(request).scope, action: `${GALLERY}/read` }
    return page(request, readable(world, request, wanted).map(shoutGroup))
  }
  const one = (request: ArmRequest): Reply => ({ status: 200, body: existing(world, request) })
  const updates = new GalleryUpdates(world, operations)
  return [
    { ...get(`${SUBSCRIPTION}/providers/${GALLERY}`, GALLERY, galleries), authorize: 'readable' },
    { ...get(GALLERIES, GALLERY, galleries), authorize: 'readable' },
    get(`${GALLERIES}/{gallery}`, GALLERY, one),
    get(DEFINITIONS, DEFINITION, (request) => children(world, request, DEFINITION)),
    get(`${DEFINITIONS}/{definition}`, DEFINITION, one),
    get(VERSIONS, VERSION, (request) => children(world, request, VERSION)),
    get(`${VERSIONS}/{version}`, VERSION, (request) => ({
      status: 200,
      body: withReplication(request, existing(world, request), updates),
    })),
    {
      method: 'PATCH',
      path: `${VERSIONS}/{version}`,
      action: `${VERSION}/write`,
      apiVersions,
      handle: (request) => updates.update(request, existing(world, request)),
    },
    {
      method: 'DELETE',
      path: `${VERSIONS}/{version}`,
      action: `${VERSION}/delete`,
      apiVersions,
      handle: (request) =>
        operations.delete(request, world.resources.get(pathOf(request).scope), 'capsOperations'),
    },
  ]
}

function pathOf(request: ArmRequest) {
  return parseArmPath(request.method, request.url.pathname)
}

/** A missing one is named by its full nested path, whether or not its parents exist (documented for versions). */
function existing(world: World, request: ArmRequest): Resource {
  const path = pathOf(request)
  const resource = world.resources.get(path.scope)
  if (!resource) throw refuse.resourceNotFound(path)
  return resource
}

function children(world: World, request: ArmRequest, type: string): Reply {
  const path = pathOf(request)
  if (!world.resources.get(path.scope)) throw refuse.parentNotFound(path, path.scope)
  return page(request, world.resources.list(type, `${path.scope}/`))
}

/** `$expand=ReplicationStatus` adds how far each region is (shape: documented). */
function withReplication(request: ArmRequest, version: Resource, updates: GalleryUpdates): Resource {
  if (request.url.searchParams.get('$expand')?.toLowerCase() !== 'replicationstatus') return version
  const { publishingProfile } = version.properties as {
    publishingProfile: { targetRegions: { name: string }[] }
  }
  const summary = publishingProfile.targetRegions.map(({ name }) => ({
    region: name,
    ...updates.stateOf(version, name),
  }))
  const states = summary.map(({ state }) => state)
  const aggregatedState = states.includes('Failed')
    ? 'Failed'
    : states.includes('Replicating')
      ? 'InProgress'
      : 'Completed'
  const properties = { ...version.properties, replicationStatus: { aggregatedState, summary } }
  return { ...version, properties }
}
