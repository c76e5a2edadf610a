/**
 * A storage account's firewall: who may come in, by address or subnet, before anything else is looked at (that it is
 * asked first is assumed).
 *
 * Every request comes over loopback here, so the gate takes each for the runner's, which has the address `RUNNER_IP`;
 * commands of a build VM count as the runner's, too, for want of a network of their own. What Image Builder fetches
 * itself comes from no address that a rule could name (documented): it gets in through its container subnet alone.
 */
import { BlockList, isIP } from 'node:net'
import { STORAGE_ACCOUNT_TYPE } from '../resource-manager/storage-accounts.ts'
import { RUNNER_IP, type NetworkAcls } from '../seed.ts'
import type { World } from '../world.ts'

/** Where a request comes from. */
export type Origin = { address: string } | { subnet: string | undefined }

/** Header with which Image Builder's own downloads name their subnet; Azure has none such, and needs none. */
export const SUBNET_HEADER = 'x-local-azure-subnet'

/** The origin that a request's headers tell. */
export function originOf(headers: Record<string, string | string[] | undefined>): Origin {
  const subnet = headers[SUBNET_HEADER]
  return typeof subnet === 'string' ? { subnet } : { address: RUNNER_IP }
}

/** Whether the firewall of an account lets a request in; an account that is not there has none. */
export function letsIn(world: World, account: string, origin: Origin): boolean {
  const resource = world.resources.list(STORAGE_ACCOUNT_TYPE).find(({ name }) => name === account)
  const { publicNetworkAccess, networkAcls } = (resource?.properties ?? {}) as {
    publicNetworkAccess?: string
    networkAcls?: NetworkAcls
  }
  // A subnet's way in is a service endpoint of the public address: switched off with it (documented).
  if (publicNetworkAccess === 'Disabled') return false
  if (networkAcls?.defaultAction !== 'Deny') return true
  const { ipRules = [], virtualNetworkRules = [] } = networkAcls
  if ('address' in origin) return ipRules.some(({ value }) => contains(value, origin.address))
  return virtualNetworkRules.some(({ id }) => id.toLowerCase() === origin.subnet?.toLowerCase())
}

/** Whether an IPv4 address is a rule's own or in its CIDR block. */
function contains(rule: string, address: string): boolean {
  const [network = '', bits = '32'] = rule.split('/')
  if (isIP(network) !== 4) return false
  const block = new BlockList()
  block.addSubnet(network, Number(bits))
  return block.check(address)
}
