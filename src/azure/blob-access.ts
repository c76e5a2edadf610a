/** The way to an account's blobs: by the signed-in identity's data role, else by the account's key. */
import type { TokenCredential } from '@azure/core-auth'
import { isRestError } from '@azure/core-rest-pipeline'
import {
  BlobServiceClient,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { remedyFor } from '../diagnosis.ts'
import { AzureError } from '../errors.ts'
import type { ResourceManager } from './arm.ts'
import { patiently, SilentConnection, type Patience } from './patience.ts'
import { API_VERSIONS } from './reader.ts'

export interface BlobEdges {
  arm: ResourceManager
  credential: TokenCredential
  mask: (secret: string) => void
  debug: (message: string) => void
}

export interface BlobAccount {
  /** Resource ID. */
  id: string
  name: string
  /** With a slash at its end. */
  blobEndpoint: string
  /** Whether the account takes what is signed with its keys. */
  allowsKeys: boolean
}

/** A storage account as Resource Manager shows it, cut down to the way to its blobs. */
export interface AccountBody {
  id: string
  name: string
  properties: { primaryEndpoints: { blob: string }; allowSharedKeyAccess?: boolean | null }
}

export function blobAccount({ id, name, properties }: AccountBody): BlobAccount {
  const { primaryEndpoints, allowSharedKeyAccess } = properties
  // Azure takes no word on it for a yes.
  return { id, name, blobEndpoint: primaryEndpoints.blob, allowsKeys: allowSharedKeyAccess ?? true }
}

/** Pauses of 2, 6, 14, 30 and 30 seconds: a network may be gone for a minute and a half. */
const CONNECTION: StoragePipelineOptions = {
  retryOptions: { maxTries: 7, retryDelayInMs: 2000, maxRetryDelayInMs: 30_000 },
}

/** For an answer, the SDK's own tries and pauses among it. */
const PATIENCE: Patience = { silence: 120_000, tries: 3 }

/** What is done with a signal that ends it when it takes too long; it may call `alive` to say that it does not. */
type Action<T> = (abortSignal: AbortSignal, alive: () => void) => Promise<T>

/** One storage account. Which of the two ways is used is decided once, at the first refusal. */
export class BlobAccess {
  service: BlobServiceClient
  /** Set once the account's key is used. */
  sharedKey: StorageSharedKeyCredential | undefined
  private readonly account: BlobAccount
  private readonly edges: BlobEdges

  constructor(account: BlobAccount, edges: BlobEdges) {
    this.account = account
    this.edges = edges
    this.service = new BlobServiceClient(account.blobEndpoint, edges.credential, CONNECTION)
  }

  /**
   * Does something with the identity's own role, and once more with the account key when that is refused.
   * @throws AzureError; SignInError
   */
  async byRoleOrKey<T>(doing: string, action: Action<T>, cancelled?: AbortSignal): Promise<T> {
    try {
      return await this.byPresentWay(doing, action, cancelled)
    } catch (error) {
      if (this.sharedKey || !isMissingRole(error)) throw error
      this.edges.debug(`${error.message}; trying with the account key`)
      await this.useAccountKey(error)
      return await this.byPresentWay(doing, action, cancelled)
    }
  }

  /** Does something in the way that has been found, for what comes after `byRoleOrKey`. */
  async byPresentWay<T>(doing: string, action: Action<T>, cancelled?: AbortSignal): Promise<T> {
    return await this.atItsPace(doing, () => patiently({ ...PATIENCE, cancelled }, action))
  }

  /** The same for what cannot be done twice, or has a limit of its own. */
  async atItsPace<T>(doing: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw storageError(doing, error)
    }
  }

  private async useAccountKey(refusal: AzureError): Promise<void> {
    const { id, name, blobEndpoint, allowsKeys } = this.account
    if (!allowsKeys) {
      const { doing, status, code, azureMessage: message } = refusal
      const byKey = new AzureError({ doing, status, code: 'KeyBasedAuthenticationNotPermitted', message })
      const remedy = remedyFor(byKey)
      throw new AzureError({ doing, status, code, message, ...(remedy === undefined ? {} : { remedy }) })
    }
    const answer = await this.edges.arm
      .request<{ keys: { value: string }[] }>({
        method: 'POST',
        path: `${id}/listKeys`,
        apiVersion: API_VERSIONS.storage,
        doing: `listing the keys of storage account ${name}`,
        repeatable: true,
      })
      // Neither way is open: the first refusal is the one to mend, by the data role.
      .catch(() => Promise.reject(refusal))
    const key = answer.body.keys[0]?.value ?? ''
    this.edges.mask(key)
    this.sharedKey = new StorageSharedKeyCredential(name, key)
    this.service = new BlobServiceClient(blobEndpoint, this.sharedKey, CONNECTION)
  }
}

/** Whether Blob Storage refused for lack of a data role. */
export function isMissingRole(error: unknown): error is AzureError {
  return (
    error instanceof AzureError && error.status === 403 && error.code === 'AuthorizationPermissionMismatch'
  )
}

/** The SDK's error with what was being done and what to do; anything else (sign-in, abort) as it is. */
function storageError(doing: string, error: unknown): unknown {
  if (error instanceof SilentConnection) {
    const { code, message } = error
    return new AzureError({ doing, status: 0, code, message }, { cause: error })
  }
  if (!isRestError(error)) return error
  const { statusCode: status = 0, response } = error
  // The answer to a HEAD request has no body: then the header alone has the code.
  const code = error.code ?? response?.headers.get('x-ms-error-code') ?? `HTTP${status}`
  const [firstLine = ''] = error.message.split('\n')
  const message = firstLine === '' ? 'the storage account gave no more words' : firstLine
  return new AzureError({ doing, status, code, message }, { cause: error })
}
