/** Resource providers of a subscription: what they offer, and their registration. */
import { BuildFailedError } from '../errors.ts'
import { regionName } from '../names.ts'
import type { Clock } from '../ports.ts'
import { isRegistered, PROVIDERS, type Provider } from '../preflight.ts'
import type { ResourceManager } from './arm.ts'
import { API_VERSIONS, type Reader } from './reader.ts'

interface ProviderBody {
  namespace: string
  registrationState: string
  resourceTypes: { resourceType: string; locations?: string[] }[]
}

/** The providers that a build needs; those that may not be read are left out. */
export async function readProviders(reader: Reader, subscriptionId: string): Promise<Provider[]> {
  const all = await Promise.all(
    PROVIDERS.map((namespace) =>
      reader.glimpse<ProviderBody>(
        `/subscriptions/${subscriptionId}/providers/${namespace}`,
        'resources',
        `resource provider ${namespace}`,
      ),
    ),
  )
  return all.filter((body) => body !== undefined).map(provider)
}

function provider({ namespace, registrationState, resourceTypes }: ProviderBody): Provider {
  const locations = resourceTypes.map(({ resourceType, locations = [] }): [string, string[]] => [
    resourceType.toLowerCase(),
    locations.map(regionName).sort(),
  ])
  return { namespace, registrationState, locations: Object.fromEntries(locations) }
}

/** Azure takes one to several minutes. */
const REGISTRATION_MS = 15 * 60_000
const LOOK_MS = 10_000

export interface RegistrationEdges {
  arm: ResourceManager
  clock: Clock
  /** Called with each provider that is being registered. */
  onRegister: (namespace: string) => void
}

/** Registers the providers that are missing and waits until they are there. Registering twice does no harm. */
export async function registerProviders(
  reader: Reader,
  subscriptionId: string,
  { arm, clock, onRegister }: RegistrationEdges,
  signal: AbortSignal,
): Promise<void> {
  const missing = (await readProviders(reader, subscriptionId)).filter((one) => !isRegistered(one))
  for (const { namespace } of missing) {
    onRegister(namespace)
    await arm.request({
      method: 'POST',
      path: `/subscriptions/${subscriptionId}/providers/${namespace}/register`,
      apiVersion: API_VERSIONS.resources,
      doing: `registering the resource provider ${namespace}`,
      repeatable: true,
      signal,
    })
  }
  const deadline = clock.now() + REGISTRATION_MS
  for (let left = missing; left.length > 0;) {
    left = (await readProviders(reader, subscriptionId)).filter((one) => !isRegistered(one))
    if (left.length === 0) return
    if (clock.now() > deadline) {
      const names = left.map(({ namespace, registrationState }) => `${namespace} (${registrationState})`)
      throw new BuildFailedError(
        `After 15 minutes these resource providers are still not registered: ${names.join(', ')}.`,
      )
    }
    await clock.sleep(LOOK_MS, signal)
  }
}
