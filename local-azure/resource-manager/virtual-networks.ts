/** Virtual networks and their subnets as `Microsoft.Network` shows them. Shapes: documented. */
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { page, readable } from './lists.ts'
import { parseArmPath } from './paths.ts'
import type { Subnet, VirtualNetwork } from '../seed.ts'
import type { Reply } from '../server.ts'
import { newId, type Resource, type World } from '../world.ts'

export const VIRTUAL_NETWORK_TYPE = 'Microsoft.Network/virtualNetworks'
const SUBNET_TYPE = `${VIRTUAL_NETWORK_TYPE}/subnets`

/** Documented; older ones are refused here. */
const apiVersions = [
  '2025-01-01',
  '2024-10-01',
  '2024-07-01',
  '2024-05-01',
  '2024-03-01',
  '2024-01-01',
  '2023-11-01',
  '2023-09-01',
  '2023-06-01',
  '2023-05-01',
  '2023-04-01',
  '2023-02-01',
  '2022-11-01',
  '2022-09-01',
  '2022-07-01',
  '2022-05-01',
  '2022-01-01',
  '2021-08-01',
  '2021-05-01',
  '2021-02-01',
  '2020-11-01',
]
const SUBSCRIPTION = '/subscriptions/{subscription}'
const IN_GROUP = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${VIRTUAL_NETWORK_TYPE}`
const SUBNETS = `${IN_GROUP}/{network}/subnets`

/** A subnet as it is shown; subnets live in their network's body and are no resources of their own. */
export interface SubnetResource {
  id: string
  name: string
  properties: {
    privateLinkServiceNetworkPolicies: 'Enabled' | 'Disabled'
    delegations: { properties: { serviceName: string } }[]
  }
}

/** Puts a network with its subnets in place, as if created earlier. */
export function putVirtualNetwork(world: World, network: VirtualNetwork): Resource {
  const { resourceGroup, name, location, subnets } = network
  const group = `/subscriptions/${world.seed.subscriptionId}/resourceGroups/${resourceGroup}`
  const id = `${group}/providers/${VIRTUAL_NETWORK_TYPE}/${name}`
  return world.resources.put({
    id,
    name,
    type: VIRTUAL_NETWORK_TYPE,
    location,
    tags: {},
    properties: {
      provisioningState: 'Succeeded',
      resourceGuid: newId(),
      addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
      privateEndpointVNetPolicies: 'Disabled',
      subnets: subnets.map((subnet, i) => describeSubnet(id, subnet, i)),
      virtualNetworkPeerings: [],
      enableDdosProtection: false,
    },
  })
}

/** A subnet and its network by the subnet's ID; each undefined when it does not exist. */
export function findSubnet(
  world: World,
  subnetId: string,
): { network: Resource | undefined; subnet: SubnetResource | undefined } {
  const network = world.resources.get(subnetId.replace(/\/subnets\/[^/]+$/i, ''))
  const subnet = network && subnetsOf(network).find(({ id }) => id.toLowerCase() === subnetId.toLowerCase())
  return { network, subnet }
}

export function virtualNetworkRoutes(world: World): ArmRoute[] {
  const read = `${VIRTUAL_NETWORK_TYPE}/read`
  const pathOf = (request: ArmRequest) => parseArmPath(request.method, request.url.pathname)
  const list = (request: ArmRequest): Reply => {
    const wanted = { type: VIRTUAL_NETWORK_TYPE, scope: pathOf(request).scope, action: read }
    return page(request, readable(world, request, wanted))
  }
  const one = (request: ArmRequest): Resource => {
    const path = pathOf(request)
    const network = world.resources.get(path.scope.replace(/\/subnets(\/[^/]+)?$/i, ''))
    if (!network) throw refuse.resourceNotFound({ ...path, typesAndNames: networkName(path.typesAndNames) })
    return network
  }
  const subnet = (request: ArmRequest): SubnetResource => {
    const { scope } = pathOf(request)
    one(request)
    const { subnet: found } = findSubnet(world, scope)
    if (!found) throw subnetNotFound(scope)
    return found
  }
  const listing = { method: 'GET', action: read, authorize: 'readable', apiVersions, handle: list } as const
  const get = (path: string, action: string, body: (request: ArmRequest) => unknown): ArmRoute => ({
    method: 'GET',
    path,
    action,
    apiVersions,
    handle: (request) => ({ status: 200, body: body(request) }),
  })
  return [
    { ...listing, path: `${SUBSCRIPTION}/providers/${VIRTUAL_NETWORK_TYPE}` },
    { ...listing, path: IN_GROUP },
    get(`${IN_GROUP}/{network}`, read, one),
    get(SUBNETS, `${SUBNET_TYPE}/read`, (request) => ({ value: subnetsOf(one(request)) })),
    get(`${SUBNETS}/{subnet}`, `${SUBNET_TYPE}/read`, subnet),
  ]
}

/** Network's own words for a missing subnet (reported). */
export function subnetNotFound(id: string): ArmError {
  return new ArmError(404, 'NotFound', `Resource ${id} not found.`)
}

function subnetsOf(network: Resource): SubnetResource[] {
  return (network.properties as { subnets: SubnetResource[] }).subnets
}

function networkName(typesAndNames: string): string {
  return typesAndNames.split('/').slice(0, 2).join('/')
}

function describeSubnet(networkId: string, subnet: Subnet, index: number): unknown {
  const { name, privateLinkServiceNetworkPolicies = 'Enabled', delegations = [] } = subnet
  const id = `${networkId}/subnets/${name}`
  return {
    name,
    id,
    etag: etag(),
    properties: {
      provisioningState: 'Succeeded',
      addressPrefix: `10.0.${String(index)}.0/24`,
      delegations: delegations.map((serviceName, i) => ({
        name: String(i),
        id: `${id}/delegations/${String(i)}`,
        etag: etag(),
        properties: {
          provisioningState: 'Succeeded',
          serviceName,
          actions: ['Microsoft.Network/virtualNetworks/subnets/action'],
        },
        type: `${SUBNET_TYPE}/delegations`,
      })),
      privateEndpointNetworkPolicies: 'Disabled',
      privateLinkServiceNetworkPolicies,
    },
    type: SUBNET_TYPE,
  }
}

function etag(): string {
  return `W/"${newId()}"`
}
