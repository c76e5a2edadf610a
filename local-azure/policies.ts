/** Azure Policy, as far as it denies what Image Builder makes. */
import type { Policy, World } from './world.ts'

/** A resource that is about to be made. */
export interface Planned {
  type: string
  name: string
  /** Name of its resource group; its own for a group. */
  group: string
}

/** Why a policy denies a resource, in Resource Manager's words (documented); undefined when none does. */
export function policyRefusal(world: World, planned: Planned): string | undefined {
  const policy = world.options.policies.find((one) => denies(one, planned))
  if (!policy) return undefined
  const authorization = `/subscriptions/${world.seed.subscriptionId}/providers/Microsoft.Authorization`
  const identifiers = [
    {
      policyAssignment: {
        name: policy.name,
        id: `${authorization}/policyAssignments/${idOf(policy.name)}`,
      },
      policyDefinition: {
        name: policy.definition,
        id: `${authorization}/policyDefinitions/${idOf(policy.definition)}`,
      },
    },
  ]
  return `Resource '${planned.name}' was disallowed by policy. Policy identifiers: '${JSON.stringify(identifiers)}'.`
}

function denies(policy: Policy, { type, group }: Planned): boolean {
  const isType = policy.denies.toLowerCase() === type.toLowerCase()
  return isType && new RegExp(policy.inGroups ?? '', 'i').test(group)
}

function idOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}
