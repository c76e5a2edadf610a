/** Additions to a seed, so that many stories can share one local Azure: each signs in as an application of its own. */
import { randomUUID } from 'node:crypto'
import type { FederatedCredential, RoleAssignment, Seed } from '../../local-azure/seed.ts'

/** What tells an application from the default one. */
export interface Difference {
  /** Each is laid over the default one; none: `[]`. */
  credentials?: Partial<FederatedCredential>[]
  /** In place of the default's rights in the subscription. */
  roles?: Partial<Omit<RoleAssignment, 'principalId'>>[]
}

/** Adds an application like the default one but for `difference`, and returns its client ID. */
export function addApplication(seed: Seed, { credentials = [{}], roles = [{}] }: Difference): string {
  const [application] = seed.applications
  const [credential] = application?.federatedCredentials ?? []
  const role = seed.roleAssignments.find(({ principalId }) => principalId === application?.objectId)
  if (!credential || !role) throw new Error('The seed has no application to begin with.')
  const [clientId, principalId] = [randomUUID(), randomUUID()]
  const federatedCredentials = credentials.map((change) => ({ ...credential, ...change }))
  seed.applications.push({ clientId, objectId: principalId, federatedCredentials })
  seed.roleAssignments.push(...roles.map((change) => ({ ...role, ...change, principalId })))
  return clientId
}

/** Adds a managed identity like the default one but with these rights in the resource group, and returns its name. */
export function addIdentity(seed: Seed, name: string, actions: (all: string[]) => string[]): string {
  const [identity] = seed.identities
  const role = seed.roleAssignments.find(({ principalId }) => principalId === identity?.principalId)
  if (!identity || !role) throw new Error('The seed has no managed identity to begin with.')
  const principalId = randomUUID()
  seed.identities.push({ ...identity, name, principalId, clientId: randomUUID() })
  seed.roleAssignments.push({ ...role, principalId, actions: actions(role.actions) })
  return name
}

/** Rights but for one of them. */
export function without(actions: readonly string[], action: string): string[] {
  if (!actions.includes(action)) throw new Error(`There is no right ${action} to take away.`)
  return actions.filter((one) => one !== action)
}
