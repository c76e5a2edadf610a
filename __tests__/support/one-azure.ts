/** One local Azure that plays many scenarios, one after the other: starting one takes longer than most of them. */
import { startLocalAzure, type LocalAzure, type LocalAzureOptions } from '../../local-azure/index.ts'
import { COMPANY } from '../../local-azure/failures/company.ts'
import { worldOptions } from '../../local-azure/world.ts'

export interface OneAzure {
  azure: LocalAzure
  /**
   * Makes it as new, with these options. Throws for another seed, which only a start can plant. No job may be under way;
   * builds of earlier ones that still are do no harm.
   */
  become: (options: LocalAzureOptions) => void
}

/** Starts it with what the scenarios of the demo and of the failures begin with. */
export async function openOneAzure(): Promise<OneAzure> {
  const azure = await startLocalAzure({ seed: COMPANY })
  const { world } = azure
  const resources = structuredClone(world.resources.all())
  const roleAssignments = [...world.roleAssignments]
  return {
    azure,
    become: ({ seed, ...options }) => {
      if (seed !== COMPANY) throw new Error('Another seed takes a local Azure of its own.')
      Object.assign(world.options, worldOptions(options))
      world.liftFaults()
      for (const fault of options.faults ?? []) world.addFault(fault)
      for (const link of options.links ?? []) world.addBadLink(link)
      for (const { id } of world.resources.all()) world.resources.delete(id)
      for (const resource of structuredClone(resources)) world.resources.put(resource)
      world.roleAssignments.splice(0, Infinity, ...roleAssignments)
      world.imageFileSystems.clear()
    },
  }
}
