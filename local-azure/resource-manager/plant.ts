/** Turns the seed into the resources that Resource Manager shows. */
import { putGallery, putImageDefinition, putImageVersion, putManagedImage } from '../compute.ts'
import { putIdentity } from './identities.ts'
import { putResourceGroup } from './resource-groups.ts'
import type { Gallery } from '../seed.ts'
import { putStorageAccount } from './storage-accounts.ts'
import { PROVIDER_TYPE } from './subscriptions.ts'
import { putVirtualNetwork } from './virtual-networks.ts'
import type { World } from '../world.ts'

export function plantSeed(world: World): void {
  const { seed } = world
  const subscription = `/subscriptions/${seed.subscriptionId}`
  for (const { namespace, registrationState } of seed.resourceProviders) {
    world.resources.put({
      id: `${subscription}/providers/${namespace}`,
      name: namespace,
      type: PROVIDER_TYPE,
      properties: { registrationState },
    })
  }
  for (const group of seed.resourceGroups) putResourceGroup(world, group)
  for (const account of seed.storageAccounts) putStorageAccount(world, account)
  for (const identity of seed.identities) putIdentity(world, identity)
  for (const network of seed.virtualNetworks) putVirtualNetwork(world, network)
  for (const { resourceGroup, name, ...image } of seed.managedImages) {
    const id = `${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/images/${name}`
    putManagedImage(world, { id, ...image })
  }
  for (const gallery of seed.galleries) plantGallery(world, gallery)
}

function plantGallery(world: World, gallery: Gallery): void {
  const galleryId = putGallery(world, gallery).id
  for (const definition of gallery.definitions) {
    const definitionId = putImageDefinition(world, galleryId, definition).id
    for (const { name, targetRegions, ...version } of definition.versions) {
      const regions = targetRegions.map((region) => ({ name: region }))
      putImageVersion(world, { definitionId, version: name, targetRegions: regions, ...version })
    }
  }
}
