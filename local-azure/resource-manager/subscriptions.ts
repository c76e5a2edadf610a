/** What a subscription answers for itself: its data, its regions, its resource providers. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { page } from './lists.ts'
import { parseArmPath } from './paths.ts'
import { regionsOf } from './regions.ts'
import type { Reply } from '../server.ts'
import { regionKey, type Resource, type World } from '../world.ts'

/** Type of a provider's entry at `/subscriptions/{s}/providers/{namespace}`, which holds its registration. */
export const PROVIDER_TYPE = 'Microsoft.Resources/providers'

/** Versions of Microsoft.Resources (documented). */
export const RESOURCES_API_VERSIONS = [
  '2025-04-01',
  '2025-03-01',
  '2024-11-01',
  '2024-07-01',
  '2024-03-01',
  '2023-07-01',
  '2022-12-01',
  '2022-09-01',
  '2022-01-01',
  '2021-04-01',
  '2021-01-01',
  '2020-10-01',
  '2020-06-01',
  '2020-01-01',
  '2019-10-01',
  '2019-05-01',
  '2018-05-01',
  '2016-06-01',
]

/** From `Registering` to `Registered`, in milliseconds (assumed; Azure takes one to several minutes). */
const REGISTRATION = 60_000

const SUBSCRIPTION = '/subscriptions/{subscription}'
const PROVIDER = `${SUBSCRIPTION}/providers/{namespace}`
const apiVersions = RESOURCES_API_VERSIONS

export function subscriptionRoutes(world: World): ArmRoute[] {
  const { subscriptionId, tenantId } = world.seed
  const id = `/subscriptions/${subscriptionId}`
  const subscription = { id, subscriptionId, tenantId, displayName: 'Contoso', state: 'Enabled' }
  const read = 'Microsoft.Resources/subscriptions/read'
  return [
    {
      method: 'GET',
      path: '/subscriptions',
      action: read,
      authorize: 'readable',
      apiVersions,
      handle: (request) => page(request, [subscription]),
    },
    {
      method: 'GET',
      path: SUBSCRIPTION,
      action: read,
      apiVersions,
      handle: () => ({ status: 200, body: subscription }),
    },
    {
      method: 'GET',
      path: `${SUBSCRIPTION}/locations`,
      action: 'Microsoft.Resources/subscriptions/locations/read',
      apiVersions,
      handle: (request) => page(request, locations(world, id)),
    },
  ]
}

/**
 * Resource providers. `routes` gives all routes of the server, from which each type's API versions are read; a
 * type without routes lists none.
 */
export function providerRoutes(world: World, routes: () => ArmRoute[]): ArmRoute[] {
  const providerOf = (request: ArmRequest): Resource => {
    const { subscriptionId } = world.seed
    const namespace = request.params['namespace'] ?? ''
    const provider = world.resources.get(`/subscriptions/${subscriptionId}/providers/${namespace}`)
    if (!provider) throw refuse.invalidResourceNamespace(namespace)
    return provider
  }
  const body = (provider: Resource): unknown => describe(world, provider, routes())
  const register = (request: ArmRequest): Reply => {
    const provider = providerOf(request)
    if (provider.properties['registrationState'] !== 'Registered')
      world.background(completeRegistration(world, provider))
    return { status: 200, body: body(provider) }
  }
  const read = 'Microsoft.Resources/subscriptions/providers/read'
  return [
    {
      method: 'GET',
      path: PROVIDER,
      action: read,
      apiVersions,
      handle: (request) => ({ status: 200, body: body(providerOf(request)) }),
    },
    {
      method: 'GET',
      path: `${SUBSCRIPTION}/providers`,
      action: read,
      apiVersions,
      handle: (request) => page(request, world.resources.list(PROVIDER_TYPE).map(body)),
    },
    {
      method: 'POST',
      path: `${PROVIDER}/register`,
      action: '{namespace}/register/action',
      apiVersions,
      handle: register,
    },
  ]
}

async function completeRegistration(world: World, provider: Resource): Promise<void> {
  provider.properties['registrationState'] = 'Registering'
  try {
    await world.elapse(REGISTRATION)
  } catch {
    return // the local Azure has closed
  }
  provider.properties['registrationState'] = 'Registered'
}

function describe(world: World, provider: Resource, routes: ArmRoute[]): unknown {
  const seeded = world.seed.resourceProviders.find((one) => one.namespace === provider.name)
  return {
    id: provider.id,
    namespace: provider.name,
    registrationPolicy: 'RegistrationRequired',
    registrationState: provider.properties['registrationState'],
    resourceTypes: Object.entries(seeded?.resourceTypes ?? {}).map(([resourceType, regions]) => ({
      resourceType,
      locations: regions,
      apiVersions: apiVersionsOf(routes, `${provider.name}/${resourceType}`),
      capabilities: 'None',
    })),
  }
}

function apiVersionsOf(routes: ArmRoute[], type: string): string[] {
  const found = routes.find((route) => {
    const path = parseArmPath(route.method, route.path)
    return `${path.namespace ?? ''}/${path.type}`.toLowerCase() === type.toLowerCase()
  })
  return [...(found?.apiVersions ?? [])].sort().reverse()
}

function locations(world: World, subscription: string): unknown[] {
  return regionsOf(world, 'Microsoft.Compute').map((displayName) => ({
    id: `${subscription}/locations/${regionKey(displayName)}`,
    name: regionKey(displayName),
    type: 'Region',
    displayName,
    regionalDisplayName: displayName,
  }))
}
