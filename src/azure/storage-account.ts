/** The storage account of the artifact, as Resource Manager describes it. */
import type { StorageAccount } from '../image-template.ts'
import { blobAccount, type AccountBody } from './blob-access.ts'
import type { Reader } from './reader.ts'

export type FirewalledAccountBody = AccountBody & {
  properties: { publicNetworkAccess?: string | null; networkAcls?: { defaultAction?: string } | null }
}

/** All that the signed-in identity may read in the subscription. */
export async function listAccounts(
  reader: Reader,
  subscriptionId: string,
  doing: string,
): Promise<FirewalledAccountBody[]> {
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`
  return await reader.list<FirewalledAccountBody>(path, 'storage', doing)
}

export function storageAccount(account: FirewalledAccountBody): StorageAccount {
  const { publicNetworkAccess, networkAcls } = account.properties
  return {
    ...blobAccount(account),
    refusesNetworks:
      networkAcls?.defaultAction?.toLowerCase() === 'deny' ||
      publicNetworkAccess?.toLowerCase() === 'disabled',
  }
}
