/** The way to an account's blobs: by the signed-in identity's data role, else by the account's key. */
import { isRestError } from '@azure/core-rest-pipeline'
import {
  BlobServiceClient,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { remedyFor } from '../diagnosis.ts'
import { AzureError } from '../errors.ts'
import { SilentConnection, troubleOf, type Patience, type Tolerance, type Trouble } from '../patience.ts'
import type { ResourceManager } from './arm.ts'
import type { Credential } from './credential.ts'
import { API_VERSIONS } from './reader.ts'

export interface BlobEdges {
  arm: ResourceManager
  credential: Credential
  /** Of tokens for Blob Storage. */
  storageScope: string
  patience: Patience
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

/** Tries are counted by the one policy for all calls. */
const CONNECTION: StoragePipelineOptions = { retryOptions: { maxTries: 1 } }

/** What is done with a signal that ends it when it takes too long; it may call `alive` to say that it does not. */
export type Action<T> = (abortSignal: AbortSignal, alive: () => void) => Promise<T>

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
    this.service = this.byRole()
  }

  private byRole(): BlobServiceClient {
    return new BlobServiceClient(this.account.blobEndpoint, this.edges.credential, CONNECTION)
  }

  /**
   * Does something with the identity's own role, and once more with the account key when that is refused.
   * @throws AzureError; SignInError
   */
  async byRoleOrKey<T>(doing: string, action: Action<T>, tolerance: Tolerance = {}): Promise<T> {
    try {
      return await this.byPresentWay(doing, action, tolerance)
    } catch (error) {
      if (this.sharedKey || !isMissingRole(error)) throw error
      this.edges.debug(`${error.message}; trying with the account key`)
      await this.useAccountKey(error)
      return await this.byPresentWay(doing, action, tolerance)
    }
  }

  /**
   * Does something in the way that has been found, for what comes after `byRoleOrKey`.
   * @param silence for how many milliseconds nothing may happen on a try; they count from 1
   */
  async byPresentWay<T>(
    doing: string,
    action: Action<T>,
    { silence, ...tolerance }: Tolerance & { silence?: (tries: number) => number } = {},
  ): Promise<T> {
    const { patience, credential, storageScope } = this.edges
    const { cancelled } = tolerance
    const attempt = async (tries: number): Promise<T> => {
      // Signing in takes its own time, not that of the answer.
      if (!this.sharedKey)
        await credential.getToken(storageScope, cancelled ? { abortSignal: cancelled } : {})
      return await patience
        .heard(action, { cancelled, ...(silence ? { silence: silence(tries) } : {}) })
        .catch((error: unknown) => Promise.reject(storageError(doing, error) as Error))
    }
    const onTrouble = (trouble: Trouble): void => {
      tolerance.onTrouble?.(trouble)
      if (trouble.kind !== 'stale-token' || this.sharedKey) return
      credential.forget()
      this.service = this.byRole()
    }
    return await patience.persist(doing, attempt, { ...tolerance, onTrouble })
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
    return new AzureError({ doing, status: 0, code, message, ambiguous: true }, { cause: error })
  }
  if (!isRestError(error)) return error
  const { statusCode: status = 0, response } = error
  // The answer to a HEAD request has no body: then the header alone has the code.
  const code = error.code ?? response?.headers.get('x-ms-error-code') ?? `HTTP${status}`
  const [firstLine = ''] = error.message.split('\n')
  const message = firstLine === '' ? 'the storage account gave no more words' : firstLine
  const trouble = troubleOf(error)
  const ambiguous = trouble?.kind === 'unclear'
  const failure = new AzureError({ doing, status, code, message, ambiguous }, { cause: error })
  return Object.assign(failure, { trouble })
}
