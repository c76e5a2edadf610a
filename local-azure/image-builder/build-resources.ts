/**
 * What a run puts beside storage account and container group into the staging group, and takes away at its end: the
 * build VM with its disk and network. Kinds: documented; names: assumed.
 */
import { groupOf, type StagingGroup } from './staging-group.ts'
import type { ImageTemplate, VmProfile } from './image-template.ts'
import { checkPolicy, SubmissionFailure } from './submission-failure.ts'
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
    const group = staging.id.split('/').at(-1) ?? ''
    for (const [type, prefix] of Object.entries(kindsOf(vmProfile?.vnetConfig))) {
      const name = `${prefix}${newId()}`
      // What Packer deploys is refused to Packer.
      if (!(type in MACHINE)) checkPolicy(this.world, { type, name, group })
      const id = `${staging.id}/providers/${type}/${name}`
      const properties = { provisioningState: 'Succeeded' }
      this.world.resources.put({ id, name, type, location: template.location, tags, properties })
      this.ids.push(id)
    }
    const { sweeps } = this.world.options.build
    const swept = this.ids.filter((id) => sweeps !== undefined && id.includes(`/${sweeps}/`))
    for (const id of swept) this.world.resources.delete(id)
  }

  /** The service tags what Packer has deployed; a network interface that is gone by then fails the run (documented). */
  tagNetwork(staging: StagingGroup): void {
    const id = this.ids.find((one) => one.includes('/Microsoft.Network/networkInterfaces/'))
    if (id === undefined || this.world.resources.get(id)) return
    throw new SubmissionFailure(
      'InternalOperationError', // assumed
      'network.InterfacesClient#UpdateTags: Failure responding to request: StatusCode=404 -- Original Error: ' +
        'autorest/azure: Service returned an error. Status=404 Code="ResourceNotFound" Message="The Resource ' +
        `'Microsoft.Network/networkInterfaces/${id.split('/').at(-1) ?? ''}' under resource group ` +
        `'${staging.id.split('/').at(-1) ?? ''}' was not found."`,
    )
  }

  remove(): void {
    for (const id of this.ids.splice(0)) this.world.resources.delete(id)
  }
}

/** What Packer deploys: type → beginning of the name. */
export const MACHINE = {
  'Microsoft.Compute/virtualMachines': 'vm-',
  'Microsoft.Compute/disks': 'osdisk-',
  'Microsoft.Network/networkInterfaces': 'nic-',
}

/** Type → beginning of the name. Who brings both subnets has no network made; one subnet alone takes a proxy VM. */
function kindsOf(vnet: VmProfile['vnetConfig'] = {}): Record<string, string> {
  if (vnet.containerInstanceSubnetId) return MACHINE
  const network = {
    'Microsoft.Network/virtualNetworks': 'vnet-',
    'Microsoft.Network/networkSecurityGroups': 'nsg-',
  }
  const link = {
    'Microsoft.Network/privateEndpoints': 'pe-',
    'Microsoft.Network/privateLinkServices': 'pls-',
    'Microsoft.Network/loadBalancers': 'lb-',
  }
  return { ...MACHINE, ...network, ...(vnet.subnetId && link) }
}
