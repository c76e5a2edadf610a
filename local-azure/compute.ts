/** `Microsoft.Compute` as far as images go. Shapes and texts live in the files that this one joins. */
import type { ArmRoute } from './arm.ts'
import { ComputeOperations } from './compute/operations.ts'
import { galleryRoutes } from './compute/galleries.ts'
import { managedImageRoutes } from './compute/managed-images.ts'
import { marketplaceRoutes } from './compute/marketplace.ts'
import { sharedGalleryRoutes } from './compute/shared-galleries.ts'
import { vmSizeRoutes } from './compute/vm-sizes.ts'
import type { World } from './world.ts'

export { putGallery, putImageDefinition, putImageVersion } from './compute/galleries.ts'
export { replicateNew } from './compute/gallery-updates.ts'
export { putManagedImage } from './compute/managed-images.ts'
export { latestVersion, marketplaceImage } from './compute/marketplace.ts'
export {
  sharedDefinition,
  sharedImageMissing,
  sharedVersionParts,
  sharedVersions,
} from './compute/shared-galleries.ts'
export { usualDiskSize, VM_SIZE_NAMES, vmSize, type VmSize } from './compute/vm-sizes.ts'

/** Versions of the virtual machine part of Compute (documented; older ones are refused here). */
const API_VERSIONS = [
  '2025-04-01',
  '2024-11-01',
  '2024-07-01',
  '2024-03-01',
  '2023-09-01',
  '2023-07-01',
  '2023-03-01',
  '2022-11-01',
  '2022-08-01',
  '2022-03-01',
  '2021-11-01',
  '2021-07-01',
  '2021-04-01',
  '2021-03-01',
  '2020-12-01',
  '2020-06-01',
  '2019-12-01',
  '2019-07-01',
  '2019-03-01',
  '2018-10-01',
  '2018-06-01',
]
/** Versions of the gallery part (documented; the newest recorded). */
const GALLERY_API_VERSIONS = [
  '2025-03-03',
  '2024-03-03',
  '2023-07-03',
  '2022-08-03',
  '2022-03-03',
  '2022-01-03',
  '2021-10-01',
  '2021-07-01',
  '2020-09-30',
  '2019-12-01',
  '2019-07-01',
  '2019-03-01',
  '2018-06-01',
]

export function computeRoutes(world: World): ArmRoute[] {
  const operations = new ComputeOperations(world)
  return [
    ...marketplaceRoutes(world, API_VERSIONS),
    ...managedImageRoutes(world, operations, API_VERSIONS),
    ...galleryRoutes(world, operations, GALLERY_API_VERSIONS),
    ...sharedGalleryRoutes(world, GALLERY_API_VERSIONS),
    ...vmSizeRoutes(world, API_VERSIONS),
    ...operations.routes([...new Set([...API_VERSIONS, ...GALLERY_API_VERSIONS])]),
  ]
}
