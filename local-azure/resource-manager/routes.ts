/** All that Resource Manager routes to, in one list. */
import type { ArmRoute } from '../arm.ts'
import { authorizationRoutes } from './authorization.ts'
import { computeRoutes } from '../compute.ts'
import { containerInstanceRoutes } from '../container-instance.ts'
import { identityRoutes } from './identities.ts'
import { groupContentRoutes } from './group-contents.ts'
import type { Blobs } from '../parts.ts'
import { resourceGroupRoutes } from './resource-groups.ts'
import { storageAccountRoutes } from './storage-accounts.ts'
import { providerRoutes, subscriptionRoutes } from './subscriptions.ts'
import { virtualNetworkRoutes } from './virtual-networks.ts'
import type { World } from '../world.ts'

/** The routes of every resource provider; Image Builder's come from outside, as it needs more to work with. */
export function armRoutes(world: World, blobs: Blobs, imageBuilder: ArmRoute[]): ArmRoute[] {
  const routes: ArmRoute[] = [
    ...subscriptionRoutes(world),
    ...providerRoutes(world, () => routes),
    ...authorizationRoutes(world),
    ...resourceGroupRoutes(world, blobs),
    ...groupContentRoutes(world),
    ...storageAccountRoutes(world, blobs),
    ...identityRoutes(world),
    ...virtualNetworkRoutes(world),
    ...computeRoutes(world),
    ...containerInstanceRoutes(world),
    ...imageBuilder,
  ]
  return routes
}
