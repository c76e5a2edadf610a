/** Refusals of Image Builder that are neither the template's values nor a missing resource. */
import { ArmError } from '../arm.ts'
import { TEMPLATE_TYPE, type ImageTemplate } from './image-template.ts'
import { locationNotAvailable } from '../resource-manager/errors.ts'
import { linkedIds } from './template-rules.ts'
import { regionKey, type Principal, type World } from '../world.ts'

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'

/** Resource Manager checks IDs in the body, and that the caller may hand out the identities. */
export function checkLinks(world: World, principal: Principal, body: unknown, id: string): void {
  for (const link of linkedIds(body)) {
    if (
      !/^\/(subscriptions\/[^/]+\/resourceGroups\/[^/]+\/)?providers\/[^/]+(\/[^/]+\/[^/]+)+$/i.test(link.id)
    )
      throw new ArmError(
        400,
        'LinkedInvalidPropertyId',
        `Property id '${link.id}' at path '${link.path}' is invalid. Expect fully qualified resource Id that start ` +
          "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
      )
    if (!link.path.includes('serAssignedIdentities') || world.allows(principal, ASSIGN, link.id)) continue
    throw new ArmError(
      403,
      'LinkedAuthorizationFailed',
      `The client '${principal.clientId}' with object id '${principal.objectId}' has permission to perform action ` +
        `'${TEMPLATE_TYPE}/write' on scope '${id}'; however, it does not have permission to perform action ` +
        `'${ASSIGN}' on the linked scope(s) '${link.id}' or the linked scope(s) are invalid.`,
    )
  }
}

/** Resource Manager refuses regions where the type is not on offer. */
export function checkLocation(world: World, body: unknown): void {
  const location = typeof body === 'object' && body !== null && 'location' in body ? body.location : undefined
  if (typeof location !== 'string' || location === '')
    throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.')
  const provider = world.seed.resourceProviders.find(
    ({ namespace }) => namespace === 'Microsoft.VirtualMachineImages',
  )
  const regions = (provider?.resourceTypes['imageTemplates'] ?? []).map(regionKey)
  if (regions.includes(regionKey(location))) return
  throw locationNotAvailable(location, TEMPLATE_TYPE, regions)
}

/**
 * Texts: reported for running, canceling and creating; the others follow their pattern. Status: reported for
 * deletion, assumed for the rest.
 */
export function notAllowed(template: ImageTemplate, action: string): ArmError {
  const { provisioningState, lastRunStatus } = template.properties
  const creating = provisioningState === 'Creating' && action === 'delete'
  const provisioning = provisioningState === 'Succeeded' ? 'provisioned' : provisioningState.toLowerCase()
  const run = lastRunStatus ? ` or run state: ${lastRunStatus.runState.toLowerCase()}` : ''
  const message = creating
    ? "Operation 'DELETE' is not allowed in provisioningState: 'creating'"
    : `Operation ${TEMPLATE_TYPE}/${action} is not allowed in provisioning state: ${provisioning}${run}.`
  return new ArmError(405, 'OperationNotAllowed', message)
}
