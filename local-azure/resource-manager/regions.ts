/** Azure regions as resource providers list them: by display name, compared by letters and digits. */
import { regionKey, type World } from '../world.ts'

/** Display names of all regions where any type of a provider is on offer. */
export function regionsOf(world: World, namespace: string): string[] {
  const provider = world.seed.resourceProviders.find((one) => same(one.namespace, namespace))
  return [...new Set(Object.values(provider?.resourceTypes ?? {}).flat())]
}

/** A region's display name, such as `West US 2`, from either spelling; an unknown one stays as it is. */
export function displayRegion(world: World, region: string): string {
  const known = regionsOf(world, 'Microsoft.Compute').find((name) => regionKey(name) === regionKey(region))
  return known ?? region
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
