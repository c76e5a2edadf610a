/**
 * Sizes of virtual machines: a handful of the real ones, alike in every region. Microsoft advises the SKU list
 * instead of this one (documented), which is still served (assumed).
 */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from '../resource-manager/errors.ts'
import { regionsOf } from '../resource-manager/regions.ts'
import type { Architecture, Generation, OsType } from '../seed.ts'
import { regionKey, type World } from '../world.ts'

export interface VmSize {
  name: string
  cores: number
  memoryGB: number
  dataDisks: number
  architecture: Architecture
  /** Hyper-V generations that it boots. */
  generations: Generation[]
}

const size = (
  name: string,
  cores: number,
  memoryGB: number,
  dataDisks: number,
  generations: Generation[] = ['V1', 'V2'],
  architecture: Architecture = 'x64',
): VmSize => ({ name: `Standard_${name}`, cores, memoryGB, dataDisks, architecture, generations })

const SIZES: VmSize[] = [
  size('A1_v2', 1, 2, 2, ['V1']),
  size('B2ms', 2, 8, 4),
  size('D1_v2', 1, 3.5, 4, ['V1']),
  size('D2_v2', 2, 7, 8, ['V1']),
  size('D4_v2', 8, 28, 32, ['V1']),
  size('DS1_v2', 1, 3.5, 4),
  size('DS2_v2', 2, 7, 8),
  size('D2s_v3', 2, 8, 4),
  size('D4s_v3', 4, 16, 8),
  size('D2ds_v4', 2, 8, 4),
  size('D4ds_v4', 4, 16, 8),
  size('D2s_v5', 2, 8, 4),
  size('D4s_v5', 4, 16, 8),
  size('D8s_v5', 8, 32, 16),
  size('D2ds_v5', 2, 8, 4),
  size('D4ds_v5', 4, 16, 8),
  size('D2ps_v5', 2, 8, 4, ['V2'], 'Arm64'),
  size('D4ps_v5', 4, 16, 8, ['V2'], 'Arm64'),
  size('D2pds_v5', 2, 8, 4, ['V2'], 'Arm64'),
]

/** Names of all sizes, as refusals list them. */
export const VM_SIZE_NAMES = SIZES.map(({ name }) => name)

/** A size by its name, compared without regard to case. */
export function vmSize(name: string): VmSize | undefined {
  return SIZES.find((one) => one.name.toLowerCase() === name.toLowerCase())
}

/** Gigabytes of an image's system disk where nobody says otherwise: what marketplace images mostly have. */
export function usualDiskSize(osType: OsType): number {
  return osType === 'Linux' ? 30 : 127
}

export function vmSizeRoutes(world: World, apiVersions: string[]): ArmRoute[] {
  return [
    {
      method: 'GET',
      path: '/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/vmSizes',
      action: 'Microsoft.Compute/locations/vmSizes/read',
      apiVersions,
      handle: (request) => {
        checkLocation(world, request, 'locations/vmSizes', apiVersions)
        return { status: 200, body: { value: SIZES.map(describe) } }
      },
    },
  ]
}

/** Refuses a region where Compute is not on offer (text: reported for marketplace images). */
export function checkLocation(
  world: World,
  { params, apiVersion }: ArmRequest,
  type: string,
  apiVersions: string[],
): void {
  const { location = '' } = params
  const locations = regionsOf(world, 'Microsoft.Compute').map(regionKey)
  if (locations.includes(regionKey(location))) return
  throw refuse.noRegisteredProvider({ location, apiVersion, type, apiVersions, locations })
}

function describe({ name, cores, memoryGB, dataDisks }: VmSize): unknown {
  return {
    name,
    numberOfCores: cores,
    osDiskSizeInMB: 1_047_552,
    resourceDiskSizeInMB: 51_200,
    memoryInMB: memoryGB * 1024,
    maxDataDiskCount: dataDisks,
  }
}
