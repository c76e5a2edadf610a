/**
 * The user's own subnets. When a template is submitted, its identity has to find and join them, in the template's
 * region (documented); whether they suit is seen when a build deploys into them. Which of both sees what is assumed.
 */
import type { ImageTemplate } from './image-template.ts'
import { notAuthorized, SubmissionFailure } from './submission-failure.ts'
import { findSubnet, subnetNotFound } from '../resource-manager/virtual-networks.ts'
import * as refuse from '../resource-manager/errors.ts'
import { parseArmPath } from '../resource-manager/paths.ts'
import { newId, regionKey, type Principal, type World } from '../world.ts'

const READ = 'Microsoft.Network/virtualNetworks/read'
const JOIN = 'Microsoft.Network/virtualNetworks/subnets/join/action'
const CONTAINER_GROUPS = 'Microsoft.ContainerInstance/containerGroups'

/** Throws a SubmissionFailure for the first subnet that the identity cannot use in the template's region. */
export function checkNetwork(world: World, template: ImageTemplate, identity: Principal): void {
  const { subnetId, containerInstanceSubnetId } = template.properties.vmProfile?.vnetConfig ?? {}
  for (const id of [subnetId, containerInstanceSubnetId]) {
    if (id) checkSubnet(world, id, template.location, identity)
  }
}

function checkSubnet(world: World, id: string, location: string, identity: Principal): void {
  const networkId = id.replace(/\/subnets\/[^/]+$/i, '')
  if (!world.allows(identity, READ, networkId)) throw notAuthorized(networkId)
  if (!world.allows(identity, JOIN, id)) throw notAuthorized(id)
  const { network, subnet } = findSubnet(world, id)
  if (!network) throw unusable(id, refuse.resourceNotFound(parseArmPath('GET', networkId)))
  if (!subnet) throw unusable(id, subnetNotFound(id))
  if (regionKey(network.location ?? '') !== regionKey(location))
    throw new SubmissionFailure(
      'ValidationFailed',
      `Validation failed: The virtual network '${network.id}' is in region '${network.location ?? ''}', the image ` +
        `template in '${location}'.`,
      'Other',
    ) // rule: documented; code and text: assumed
}

/** Network's own refusal in a sentence of the service's (the sentence is assumed). */
function unusable(id: string, { status, code, message }: { status: number; code: string; message: string }) {
  return new SubmissionFailure(
    'ValidationFailed',
    `Validation failed: Error getting subnet '${id}': network.SubnetsClient#Get: Failure responding to request: ` +
      `StatusCode=${status} -- Original Error: autorest/azure: Service returned an error. Status=${status} ` +
      `Code="${code}" Message="${message}"`,
    'Other',
  )
}

/**
 * Throws what the deployment of a build's surroundings fails with: the container group's subnet is not delegated to
 * it, or a private link service may not stand in the build VM's. Codes and texts of both: reported, of other
 * deployments than Image Builder's; the sentence around them is assumed.
 */
export function checkSubnetsFit(world: World, { properties }: ImageTemplate, stagingId: string): void {
  const { subnetId, containerInstanceSubnetId } = properties.vmProfile?.vnetConfig ?? {}
  if (containerInstanceSubnetId) {
    const delegations = findSubnet(world, containerInstanceSubnetId).subnet?.properties.delegations ?? []
    const isDelegated = delegations.some(
      (one) => one.properties.serviceName.toLowerCase() === CONTAINER_GROUPS.toLowerCase(),
    )
    if (!isDelegated)
      throw deploymentFailed(
        'SubnetMissingRequiredDelegation',
        "Subnet missing required delegation 'Microsoft.ContainerInstance' for container group " +
          `'vmimagebuilder-build-container-${newId()}'.`,
      )
    return
  }
  const policies =
    subnetId && findSubnet(world, subnetId).subnet?.properties.privateLinkServiceNetworkPolicies
  if (subnetId && policies === 'Enabled')
    throw deploymentFailed(
      'PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled',
      `Private link service ${stagingId}/providers/Microsoft.Network/privateLinkServices/pls-${newId()} cannot be ` +
        `created in a subnet ${subnetId} since it has private link service network policies enabled.`,
    )
}

function deploymentFailed(code: string, message: string): SubmissionFailure {
  return new SubmissionFailure(
    'InternalOperationError',
    'Failed in building/customizing image: Failed while deploying build resources: Code="DeploymentFailed" ' +
      `Details=[{"code":"${code}","message":"${message}"}]`,
  )
}
