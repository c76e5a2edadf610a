/** The storage account of the artifact, as Resource Manager describes it. */
import type { StorageAccount } from '../image-template.ts'
import { blobAccount, type AccountBody } from './blob-access.ts'

export type FirewalledAccountBody = AccountBody & {
  properties: { publicNetworkAccess?: string | null; networkAcls?: { defaultAction?: string } | null }
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
