/** Where Image Builder works beside the template: a staging group and subnets that the user brings. */
import { InputError } from '../errors.ts'
import type { NewBuild } from '../inputs.ts'
import { regionName } from '../names.ts'
import { stagingGroupProblems, subnetProblems } from '../preflight.ts'
import { lastName } from '../resource-id.ts'
import { wrong, type Reader } from './reader.ts'

interface GroupBody {
  id: string
  location: string
  tags?: Record<string, string>
}

/** A group of that name that exists must be fit; one that does not is made by the service. */
export async function checkStagingGroup(reader: Reader, request: NewBuild): Promise<void> {
  const id = request.settings.stagingResourceGroup
  if (!id) return
  const what = `resource group ${lastName(id)}`
  const group = await reader.find<GroupBody>(id, 'resources', what)
  if (!group) return
  const contents = await reader.ifAllowed(what, () =>
    reader.list<{ name: string }>(`${id}/resources`, 'resources', `listing ${what}`),
  )
  const facts = { ...group, tags: group.tags ?? {}, contents: (contents ?? []).map(({ name }) => name) }
  const problems = stagingGroupProblems(facts, request.location)
  if (problems.length > 0) throw new InputError(problems)
}

interface SubnetBody {
  properties: {
    privateLinkServiceNetworkPolicies?: string
    delegations?: { properties?: { serviceName?: string } }[]
  }
}

/** Subnets that the build is to work in. */
export async function checkSubnets(reader: Reader, request: NewBuild): Promise<void> {
  const { subnetId, containerInstanceSubnetId } = request.settings.vmProfile?.vnetConfig ?? {}
  const problems = await Promise.all([
    subnetId ? checkSubnet(reader, subnetId, false, request) : [],
    containerInstanceSubnetId ? checkSubnet(reader, containerInstanceSubnetId, true, request) : [],
  ])
  if (problems.flat().length > 0) throw new InputError(problems.flat())
}

async function checkSubnet(
  reader: Reader,
  id: string,
  forContainer: boolean,
  request: NewBuild,
): Promise<ReturnType<typeof subnetProblems>> {
  const missing = (): never =>
    wrong(forContainer ? 'container-instance-subnet-id' : 'subnet-id', `'${id}' does not exist.`)
  const network = id.replace(/\/subnets\/[^/]+$/i, '')
  const [subnet, vnet] = await Promise.all([
    reader.glimpse<SubnetBody>(id, 'network', `subnet ${lastName(id)}`, missing),
    reader.glimpse<{ location: string }>(network, 'network', `virtual network ${lastName(network)}`, missing),
  ])
  if (!subnet || !vnet) return []
  const { privateLinkServiceNetworkPolicies: policies, delegations = [] } = subnet.properties
  const facts = {
    location: regionName(vnet.location),
    ...(policies === undefined ? {} : { privateLinkServiceNetworkPolicies: policies }),
    delegations: delegations.map(({ properties }) => properties?.serviceName ?? ''),
  }
  return subnetProblems(facts, id, forContainer, request)
}
