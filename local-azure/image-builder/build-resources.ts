/**
 * What a run puts beside storage account and container group into the staging group, and takes away at its end: the
 * build VM with its disk and network. Kinds: documented; names: assumed.
 */
import { groupOf, type StagingGroup } from './staging-group.ts'
import type { ImageTemplate, VmProfile } from './image-template.ts'
import { newId, type World } from '../world.ts'

export class BuildResources {
  private readonly world: World
  private readonly ids: string[] = []

  constructor(world: World) {
    this.world = world
  }

  /** Puts them in place, with the service's tags and the template's `managedResourceTags` (documented). */
  put(template: ImageTemplate, staging: StagingGroup): void {
    const { managedResourceTags, vmProfile } = template.properties
    const tags = {
      ...managedResourceTags,
      createdBy: 'AzureVMImageBuilder',
      imageTemplateName: template.name,
      imageTemplateResourceGroupName: groupOf(template.id),
    }
    for (const [type, prefix] of Object.entries(kindsOf(vmProfile?.vnetConfig))) {
      const name = `${prefix}${newId()}`
      const id = `${staging.id}/providers/${type}/${name}`
      const properties = { provisioningState: 'Succeeded' }
      this.world.resources.put({ id, name, type, location: template.location, tags, properties })
      this.ids.push(id)
    }
  }

  remove(): void {
    for (const id of this.ids.splice(0)) this.world.resources.delete(id)
  }
}

/** Type → beginning of the name. Who brings both subnets has no network made; one subnet alone takes a proxy VM. */
function kindsOf(vnet: VmProfile['vnetConfig'] = {}): Record<string, string> {
  const machine = {
    'Microsoft.Compute/virtualMachines': 'vm-',
    'Microsoft.Compute/disks': 'osdisk-',
    'Microsoft.Network/networkInterfaces': 'nic-',
  }
  if (vnet.containerInstanceSubnetId) return machine
  const network = {
    'Microsoft.Network/virtualNetworks': 'vnet-',
    'Microsoft.Network/networkSecurityGroups': 'nsg-',
  }
  const link = {
    'Microsoft.Network/privateEndpoints': 'pe-',
    'Microsoft.Network/privateLinkServices': 'pls-',
    'Microsoft.Network/loadBalancers': 'lb-',
  }
  return { ...machine, ...network, ...(vnet.subnetId && link) }
}
