/** The resource providers that a build leans on beside Image Builder's own. */
import { CONTAINER_GROUP_TYPE, containersMadeSince } from '../container-instance.ts'
import { SubmissionFailure } from './submission-failure.ts'
import * as refuse from '../resource-manager/errors.ts'
import type { World } from '../world.ts'

const HOUR = 3_600_000

/** The staging account needs Storage (which provider stops a submission, and with which code, is assumed). */
export function checkSubmissionProviders(world: World): void {
  requireProvider(world, 'Microsoft.Storage')
}

/** Throws in Image Builder's words for container instances (documented), in Resource Manager's for the others. */
export function checkBuildProviders(world: World): void {
  if (!isRegistered(world, 'Microsoft.ContainerInstance'))
    throw new SubmissionFailure(
      'InternalOperationError', // assumed
      'Azure Container Instances provider not registered for your subscription.',
    )
  for (const namespace of ['Microsoft.Compute', 'Microsoft.Network']) requireProvider(world, namespace)
}

/** Texts: documented; codes: assumed. */
export function checkContainerLimits(world: World): void {
  const { containerGroups = Infinity, containerGroupsPerHour = Infinity } = world.options.limits
  if (world.resources.list(CONTAINER_GROUP_TYPE).length >= containerGroups)
    throw new SubmissionFailure('InternalOperationError', 'Azure Container Instances quota exceeded')
  if (containersMadeSince(world, world.now() - HOUR / world.options.speed) >= containerGroupsPerHour)
    throw new SubmissionFailure(
      'InternalOperationError',
      'Too many Azure Container Instances deployed within a period of time.',
    )
}

function requireProvider(world: World, namespace: string): void {
  if (isRegistered(world, namespace)) return
  const { code, message } = refuse.notRegistered(namespace)
  throw new SubmissionFailure(code, message, 'Other')
}

function isRegistered(world: World, namespace: string): boolean {
  const id = `/subscriptions/${world.seed.subscriptionId}/providers/${namespace}`
  return world.resources.get(id)?.properties['registrationState'] === 'Registered'
}
