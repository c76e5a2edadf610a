/** What is made, told the same way for both ways of making it: of what Bicep deploys, and of what is called. */
import { BUILDER_ID, DEPLOYER_ID, type Call } from './az-commands.ts'
import type { DeployedResource } from './bicep-deployment.ts'

/** What is made, by what it is called; with what matters of it. */
export type Facts = Record<string, unknown>

type Entry = [string, unknown]

/** The same of what a Bicep file deploys. */
export function factsOfDeployment(resources: readonly DeployedResource[]): Facts {
  const definitions = resources.filter(({ type }) => type.endsWith('/roleDefinitions'))
  const roles = new Map(definitions.map(({ id, body }) => [id, text(body, 'properties', 'roleName')]))
  return Object.fromEntries(resources.flatMap((one) => entriesOfResource(one, roles)))
}

function entriesOfResource(one: DeployedResource, roles: Map<string, string>): Entry[] {
  const { name, body, type } = one
  const p = body['properties']
  switch (type.slice(type.indexOf('/') + 1)) {
    case 'resourceGroups':
    case 'userAssignedIdentities':
    case 'networkSecurityGroups':
    case 'galleries':
      return [[`${type} ${name}`, { location: body['location'] }]]
    case 'userAssignedIdentities/federatedIdentityCredentials':
      return [[`credential ${name}`, p]]
    case 'publicIPAddresses':
      return [
        [`address ${name}`, { sku: at(body, 'sku', 'name'), allocation: at(p, 'publicIPAllocationMethod') }],
      ]
    case 'natGateways':
      return [[`gateway ${name}`, { address: last(at(p, 'publicIpAddresses', 0, 'id')) }]]
    case 'virtualNetworks':
      return networkEntries(name, p)
    case 'storageAccounts':
      return accountEntries(name, body, p)
    case 'storageAccounts/blobServices':
      return [
        [
          'soft delete',
          [at(p, 'deleteRetentionPolicy', 'enabled'), at(p, 'containerDeleteRetentionPolicy', 'enabled')],
        ],
      ]
    case 'storageAccounts/blobServices/containers':
      return [[`container ${name}`, text(p, 'publicAccess').replace('None', 'off')]]
    case 'storageAccounts/managementPolicies':
      return [['lifecycle', at(p, 'policy')]]
    case 'galleries/images':
      return [[`image ${name}`, { ...(p as object), features: featuresOf(at(p, 'features')) }]]
    case 'roleDefinitions':
      return [[`role ${text(p, 'roleName')}`, roleOf(p)]]
    case 'roleAssignments':
      return [
        [
          assignment(roles.get(text(p, 'roleDefinitionId')), text(p, 'principalId'), one.scope),
          at(p, 'principalType'),
        ],
      ]
    default:
      return [[`${type} ${name}`, 'is not compared']]
  }
}

function networkEntries(name: string, p: unknown): Entry[] {
  const subnets = at(p, 'subnets') as unknown[]
  return [
    [`network ${name}`, { prefixes: at(p, 'addressSpace', 'addressPrefixes') }],
    ...subnets.map((subnet): Entry => [
      `subnet ${text(subnet, 'name')}`,
      subnetFacts(at(subnet, 'properties')),
    ]),
  ]
}

function subnetFacts(p: unknown): unknown {
  return {
    prefix: at(p, 'addressPrefix'),
    gateway: last(at(p, 'natGateway', 'id')),
    rules: last(at(p, 'networkSecurityGroup', 'id')),
    delegation: at(p, 'delegations', 0, 'properties', 'serviceName'),
    endpoint: at(p, 'serviceEndpoints', 0, 'service'),
  }
}

function accountEntries(name: string, body: unknown, p: unknown): Entry[] {
  const facts = {
    location: at(body, 'location'),
    kind: at(body, 'kind'),
    sku: at(body, 'sku', 'name'),
    tier: at(p, 'accessTier'),
    publicBlobs: text(p, 'allowBlobPublicAccess'),
    acrossTenants: text(p, 'allowCrossTenantReplication'),
    keys: text(p, 'allowSharedKeyAccess'),
    tls: at(p, 'minimumTlsVersion'),
    httpsOnly: text(p, 'supportsHttpsTrafficOnly'),
    others: `${text(p, 'networkAcls', 'defaultAction')}, bypass ${text(p, 'networkAcls', 'bypass')}`,
  }
  const addresses = (at(p, 'networkAcls', 'ipRules') as unknown[]).map((rule) => text(rule, 'value'))
  const subnets = (at(p, 'networkAcls', 'virtualNetworkRules') as unknown[]).map(
    (rule) => last(at(rule, 'id')) ?? '',
  )
  return [
    [`account ${name}`, facts],
    ...[...addresses, ...subnets].map((one): Entry => [`${name} allows ${one}`, true]),
  ]
}

function roleOf(p: unknown): unknown {
  const rights = at(p, 'permissions', 0) as object
  return { ...rights, description: at(p, 'description'), scopes: at(p, 'assignableScopes') }
}

function featuresOf(features: unknown): string {
  return (features as unknown[]).map((one) => `${text(one, 'name')}=${text(one, 'value')}`).join(' ')
}

/** What is inside of a value, by keys; undefined where there is nothing. */
function at(value: unknown, ...keys: (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key],
    value,
  )
}

function text(value: unknown, ...keys: (string | number)[]): string {
  return String(at(value, ...keys))
}

/** The last segment of an ID. */
function last(id: unknown): string | undefined {
  return typeof id === 'string' ? id.slice(id.lastIndexOf('/') + 1) : undefined
}

function assignment(role: string | undefined, principal: string, scope: string): string {
  const who = new Map([
    [DEPLOYER_ID, 'principal of id-image-deployer'],
    [BUILDER_ID, 'principal of id-image-builder'],
  ])
  return `${String(role)} to ${who.get(principal) ?? principal} on ${scope}`
}

/** The same of the calls of `az`. */
export function factsOfCalls(calls: readonly Call[]): Facts {
  return Object.fromEntries(calls.flatMap((call) => entriesOfCall(call.command, call.options)))
}

function entriesOfCall(command: string, o: Record<string, string>): Entry[] {
  const name = o['--name'] ?? ''
  const located = { location: o['--location'] }
  switch (command) {
    case 'group create':
      return [[`Microsoft.Resources/resourceGroups ${name}`, located]]
    case 'identity create':
      return [[`Microsoft.ManagedIdentity/userAssignedIdentities ${name}`, located]]
    case 'network nsg create':
      return [[`Microsoft.Network/networkSecurityGroups ${name}`, located]]
    case 'sig create':
      return [[`Microsoft.Compute/galleries ${o['--gallery-name'] ?? ''}`, located]]
    case 'identity federated-credential create':
      return [[`credential ${name}`, credentialOf(o)]]
    case 'network public-ip create':
      return [[`address ${name}`, { sku: o['--sku'], allocation: o['--allocation-method'] }]]
    case 'network nat gateway create':
      return [[`gateway ${name}`, { address: o['--public-ip-addresses'] }]]
    case 'network vnet create':
      return [[`network ${name}`, { prefixes: [o['--address-prefixes']] }]]
    case 'network vnet subnet create':
      return [[`subnet ${name}`, subnetOf(o)]]
    case 'role assignment create':
      return [
        [
          assignment(
            (last(o['--role']) ?? '').replaceAll('_', ' '),
            o['--assignee-object-id'] ?? '',
            o['--scope'] ?? '',
          ),
          o['--assignee-principal-type'],
        ],
      ]
    case 'role definition create':
      return [definitionEntry(o['--role-definition'] ?? '')]
    case 'sig image-definition create':
      return [[`image ${o['--gallery-image-definition'] ?? ''}`, imageOf(o)]]
    default:
      return storageEntries(command, o)
  }
}

function storageEntries(command: string, o: Record<string, string>): Entry[] {
  switch (command) {
    case 'storage account create':
      return [[`account ${o['--name'] ?? ''}`, accountOf(o)]]
    case 'storage account network-rule add':
      return [[`${o['--account-name'] ?? ''} allows ${o['--ip-address'] ?? o['--subnet'] ?? ''}`, true]]
    case 'storage account blob-service-properties update':
      return [
        [
          'soft delete',
          [o['--enable-delete-retention'] === 'true', o['--enable-container-delete-retention'] === 'true'],
        ],
      ]
    case 'storage container-rm create':
      return [[`container ${o['--name'] ?? ''}`, o['--public-access']]]
    case 'storage account management-policy create':
      return [['lifecycle', JSON.parse(o['--policy'] ?? '') as unknown]]
    default:
      return []
  }
}

function credentialOf(o: Record<string, string>): unknown {
  return { issuer: o['--issuer'], subject: o['--subject'], audiences: [o['--audiences']] }
}

function subnetOf(o: Record<string, string>): unknown {
  return {
    prefix: o['--address-prefixes'],
    gateway: o['--nat-gateway'],
    rules: o['--network-security-group'],
    delegation: o['--delegations'],
    endpoint: o['--service-endpoints'],
  }
}

function accountOf(o: Record<string, string>): unknown {
  return {
    location: o['--location'],
    kind: o['--kind'],
    sku: o['--sku'],
    tier: o['--access-tier'],
    publicBlobs: o['--allow-blob-public-access'],
    acrossTenants: o['--allow-cross-tenant-replication'],
    keys: o['--allow-shared-key-access'],
    tls: o['--min-tls-version'],
    httpsOnly: o['--https-only'],
    others: `${o['--default-action'] ?? ''}, bypass ${o['--bypass'] ?? ''}`,
  }
}

function imageOf(o: Record<string, string>): unknown {
  return {
    osType: o['--os-type'],
    osState: o['--os-state'],
    hyperVGeneration: o['--hyper-v-generation'],
    architecture: o['--architecture'],
    identifier: { publisher: o['--publisher'], offer: o['--offer'], sku: o['--sku'] },
    // The Azure CLI's word for a V2 definition without the feature.
    features: (o['--features'] ?? '').replace(/SecurityType=Standard ?/, ''),
  }
}

function definitionEntry(text: string): Entry {
  const role = JSON.parse(text) as Record<string, unknown>
  return [
    `role ${String(role['Name'])}`,
    {
      actions: role['Actions'],
      notActions: role['NotActions'],
      dataActions: role['DataActions'],
      notDataActions: role['NotDataActions'],
      description: role['Description'],
      scopes: role['AssignableScopes'],
    },
  ]
}
