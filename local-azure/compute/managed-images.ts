/** Managed images. Shapes: recorded. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from '../resource-manager/errors.ts'
import { page, readable, shoutGroup } from '../resource-manager/lists.ts'
import { parseArmPath } from '../resource-manager/paths.ts'
import type { ComputeOperations } from './operations.ts'
import type { Generation, OsType } from '../seed.ts'
import { usualDiskSize } from './vm-sizes.ts'
import type { Reply } from '../server.ts'
import type { Resource, World } from '../world.ts'

const TYPE = 'Microsoft.Compute/images'
const SUBSCRIPTION = '/subscriptions/{subscription}'
const IN_GROUP = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${TYPE}`

/** Puts a managed image at its ID, replacing one that is there. */
export function putManagedImage(
  world: World,
  image: {
    id: string
    location: string
    osType: OsType
    hyperVGeneration: Generation
    osDiskSizeGB?: number
    dataDiskSizesGB?: number[]
    tags?: Record<string, string>
  },
): Resource {
  const { id, location, osType, hyperVGeneration, osDiskSizeGB, dataDiskSizesGB = [], tags } = image
  return world.resources.put({
    id,
    name: id.split('/').at(-1) ?? '',
    type: TYPE,
    location,
    tags: tags ?? {},
    properties: {
      storageProfile: {
        osDisk: {
          osType,
          osState: 'Generalized',
          diskSizeGB: osDiskSizeGB ?? usualDiskSize(osType),
          caching: 'ReadWrite',
          storageAccountType: 'Standard_LRS',
        },
        dataDisks: dataDiskSizesGB.map((diskSizeGB, lun) => ({ lun, diskSizeGB, caching: 'None' })),
        zoneResilient: false,
      },
      provisioningState: 'Succeeded',
      hyperVGeneration,
    },
  })
}

export function managedImageRoutes(
  world: World,
  operations: ComputeOperations,
  apiVersions: string[],
): ArmRoute[] {
  const read = `${TYPE}/read`
  const pathOf = (request: ArmRequest) => parseArmPath(request.method, request.url.pathname)
  const list = (request: ArmRequest): Reply => {
    const wanted = { type: TYPE, scope: pathOf(request).scope, action: read }
    return page(request, readable(world, request, wanted).map(shoutGroup))
  }
  const one = (request: ArmRequest): Reply => {
    const path = pathOf(request)
    const image = world.resources.get(path.scope)
    if (!image) throw refuse.resourceNotFound(path)
    return { status: 200, body: image }
  }
  const listing = { method: 'GET', action: read, authorize: 'readable', apiVersions, handle: list } as const
  return [
    { ...listing, path: `${SUBSCRIPTION}/providers/${TYPE}` },
    { ...listing, path: IN_GROUP },
    { method: 'GET', path: `${IN_GROUP}/{image}`, action: read, apiVersions, handle: one },
    {
      method: 'DELETE',
      path: `${IN_GROUP}/{image}`,
      action: `${TYPE}/delete`,
      apiVersions,
      handle: (request) =>
        operations.delete(request, world.resources.get(pathOf(request).scope), 'operations'),
    },
  ]
}
