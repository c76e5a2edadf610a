/** Blob storage: Azurite's data, the gate's manners, and the accounts that both know from the start. */
import type { BlobServiceClient } from '@azure/storage-blob'
import { randomBytes, randomInt } from 'node:crypto'
import { startAzurite, type AccountKeys } from './blobs/azurite.ts'
import { startBlobGate } from './blobs/gate.ts'
import type { Certificates } from './certificates.ts'
import type { Blobs, TokenAuthority } from './parts.ts'
import { ARTIFACT_STORE } from './github/results.ts'
import type { World } from './world.ts'

/** Azurite learns its accounts at its start, so the staging groups' accounts are made ahead: one a template. */
const STAGING_ACCOUNTS = 96
const KEY_BYTES = 64
const STAGING_NAME_LENGTH = 24
const STAGING_NAME_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** Starts Azurite, with its data in `folder`, and the gate in front of it. */
export async function startBlobs(
  world: World,
  certificates: Certificates,
  entra: TokenAuthority,
  folder: string,
): Promise<Blobs & { close: () => Promise<void> }> {
  const staging = Array.from({ length: STAGING_ACCOUNTS }, stagingName)
  const seeded = world.seed.storageAccounts.map((account) => account.name)
  const accounts = makeKeys([...seeded, ARTIFACT_STORE.account, ...staging])
  for (const keys of accounts.values()) keys.forEach((key) => world.secrets.add(key))

  const azurite = await startAzurite(folder, certificates, accounts)
  try {
    await azurite.client(ARTIFACT_STORE.account).getContainerClient(ARTIFACT_STORE.container).create()
    const gate = await startBlobGate(world, certificates, entra, {
      url: azurite.url,
      keyOf: (account) => keysOf(accounts, account)[0],
    })
    return {
      endpoint: (account) => `${gate.url}/${account}/`,
      ungated: (account) => `${azurite.url}/${account}/`,
      keys: (account) => keysOf(accounts, account),
      takeStagingAccount: () => take(staging),
      ...directAccess(azurite.client),
      close: async () => {
        await gate.close()
        await azurite.close()
      },
    }
  } catch (error) {
    await azurite.close()
    throw error
  }
}

/** What the local Azure itself does with blobs: past the gate, so that no test counts it. */
function directAccess(
  client: (account: string) => BlobServiceClient,
): Pick<Blobs, 'clear' | 'write' | 'read' | 'list'> {
  return {
    clear: async (account) => {
      const service = client(account)
      for await (const { name } of service.listContainers()) await service.deleteContainer(name)
    },
    write: async (account, container, name, content) => {
      const target = client(account).getContainerClient(container)
      await target.createIfNotExists()
      await target.getBlockBlobClient(name).uploadData(Buffer.from(content))
    },
    read: async (account, container, name) => {
      const blob = client(account).getContainerClient(container).getBlobClient(name)
      try {
        return await blob.downloadToBuffer()
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    list: async (account) => {
      const service = client(account)
      const names: string[] = []
      for await (const container of service.listContainers()) {
        const blobs = service
          .getContainerClient(container.name)
          .listBlobsFlat({ includeUncommitedBlobs: true })
        for await (const blob of blobs) names.push(`${container.name}/${blob.name}`)
      }
      return names.sort()
    },
  }
}

function makeKeys(names: string[]): AccountKeys {
  const key = (): string => randomBytes(KEY_BYTES).toString('base64')
  return new Map(names.map((name) => [name, [key(), key()]]))
}

function keysOf(accounts: AccountKeys, account: string): [string, string] {
  const keys = accounts.get(account)
  if (!keys) throw new Error(`The local Azure has no storage account '${account}'.`)
  return keys
}

function take(staging: string[]): string {
  const name = staging.pop()
  if (name === undefined)
    throw new Error(`All ${STAGING_ACCOUNTS} staging accounts of this local Azure are taken.`)
  return name
}

/** 24 random lower-case letters and digits, as Image Builder names the account of a staging group. */
function stagingName(): string {
  const letter = (): string => STAGING_NAME_LETTERS.charAt(randomInt(STAGING_NAME_LETTERS.length))
  return Array.from({ length: STAGING_NAME_LENGTH }, letter).join('')
}

function isNotFound(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === 404
}
