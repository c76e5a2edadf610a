/** Storage accounts and their keys as `Microsoft.Storage` shows them. The blobs themselves are Azurite's. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { page, readable } from './lists.ts'
import { parseArmPath } from './paths.ts'
import type { Blobs } from '../parts.ts'
import type { StorageAccount } from '../seed.ts'
import type { Reply } from '../server.ts'
import type { Resource, World } from '../world.ts'

export const STORAGE_ACCOUNT_TYPE = 'Microsoft.Storage/storageAccounts'

/** Documented; older ones are refused here. */
const apiVersions = [
  '2025-06-01',
  '2025-01-01',
  '2024-01-01',
  '2023-05-01',
  '2023-04-01',
  '2023-01-01',
  '2022-09-01',
  '2022-05-01',
  '2021-09-01',
  '2021-08-01',
  '2021-06-01',
  '2021-04-01',
  '2021-02-01',
  '2021-01-01',
  '2019-06-01',
]
const READ = 'Microsoft.Storage/storageAccounts/read'
const SUBSCRIPTION = '/subscriptions/{subscription}'
const IN_GROUP = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${STORAGE_ACCOUNT_TYPE}`

/** Puts an account in place, as if created earlier. */
export function putStorageAccount(
  world: World,
  account: StorageAccount & { tags?: Record<string, string> },
): Resource {
  const { resourceGroup, name, location, allowSharedKeyAccess, publicNetworkAccess } = account
  const group = `/subscriptions/${world.seed.subscriptionId}/resourceGroups/${resourceGroup}`
  return world.resources.put({
    id: `${group}/providers/${STORAGE_ACCOUNT_TYPE}/${name}`,
    name,
    type: STORAGE_ACCOUNT_TYPE,
    location,
    tags: account.tags ?? {},
    properties: {
      // Absent unless somebody has set it; absent means allowed (documented).
      ...(allowSharedKeyAccess === undefined ? {} : { allowSharedKeyAccess }),
      ...(publicNetworkAccess && { publicNetworkAccess }),
      // Without rules everybody is let in (documented).
      networkAcls: {
        bypass: 'AzureServices',
        virtualNetworkRules: [],
        ipRules: [],
        defaultAction: 'Allow',
        ...account.networkAcls,
      },
      allowBlobPublicAccess: account.allowBlobPublicAccess === true,
    },
  })
}

export function storageAccountRoutes(world: World, blobs: Blobs): ArmRoute[] {
  const list = (request: ArmRequest): Reply => {
    const { scope } = parseArmPath(request.method, request.url.pathname)
    const accounts = readable(world, request, { type: STORAGE_ACCOUNT_TYPE, scope, action: READ })
    const bodies = accounts.map((account) => describe(account, blobs))
    return page(request, bodies)
  }
  const listing = { method: 'GET', action: READ, authorize: 'readable', apiVersions, handle: list } as const
  return [
    { ...listing, path: `${SUBSCRIPTION}/providers/${STORAGE_ACCOUNT_TYPE}` },
    { ...listing, path: IN_GROUP },
    {
      method: 'GET',
      path: `${IN_GROUP}/{account}`,
      action: READ,
      apiVersions,
      handle: (request) => ({ status: 200, body: describe(accountOf(world, request), blobs) }),
    },
    {
      method: 'POST',
      path: `${IN_GROUP}/{account}/listKeys`,
      action: 'Microsoft.Storage/storageAccounts/listkeys/action',
      apiVersions,
      handle: (request) => ({ status: 200, body: keysOf(world, accountOf(world, request), blobs) }),
    },
  ]
}

function accountOf(world: World, request: ArmRequest): Resource {
  const path = parseArmPath(request.method, request.url.pathname)
  const account = world.resources.get(path.scope)
  if (!account) throw refuse.resourceNotFound(path)
  return account
}

/** The wire form; an account that Image Builder made for a staging group needs no more than its name. */
function describe(account: Resource, blobs: Blobs): unknown {
  return {
    sku: { name: 'Standard_LRS', tier: 'Standard' },
    kind: 'StorageV2',
    ...account,
    properties: {
      minimumTlsVersion: 'TLS1_2',
      supportsHttpsTrafficOnly: true,
      accessTier: 'Hot',
      provisioningState: 'Succeeded',
      primaryLocation: account.location,
      statusOfPrimary: 'available',
      primaryEndpoints: { blob: blobs.endpoint(account.name) },
      ...account.properties,
    },
  }
}

/** Keys are handed out even where their use is switched off: the blob service refuses it then (documented). */
function keysOf(world: World, account: Resource, blobs: Blobs): unknown {
  const keys = blobs.keys(account.name)
  keys.forEach((key) => world.secrets.add(key))
  return {
    keys: keys.map((value, i) => ({
      creationTime: '2026-01-05T08:00:00.0000000Z',
      keyName: `key${String(i + 1)}`,
      value,
      permissions: 'FULL',
    })),
  }
}
