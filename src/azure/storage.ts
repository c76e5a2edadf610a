/** The build artifact in Blob Storage: uploaded as a stream, readable by one signed URL, deleted in the end. */
import { addAbortSignal } from 'node:stream'
import type { TokenCredential } from '@azure/core-auth'
import { isRestError } from '@azure/core-rest-pipeline'
import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type BlobSASSignatureValues,
  type SASQueryParameters,
} from '@azure/storage-blob'
import { azureRemedy } from '../diagnosis.ts'
import { AzureError, isNotFound } from '../errors.ts'
import type { Archive } from '../archive.ts'
import type { StorageAccount } from '../image-template.ts'
import type { ResourceManager } from './arm.ts'

export interface BlobName {
  container: string
  blob: string
}

export interface StorageEdges {
  arm: ResourceManager
  credential: TokenCredential
  mask: (secret: string) => void
  debug: (message: string) => void
}

const BLOCK_BYTES = 8 * 1024 * 1024
/** Blocks in flight: with their buffers the upload holds at most 40 MiB, whatever the artifact's size. */
const BLOCKS_IN_FLIGHT = 4

/**
 * One storage account, by Entra ID where the signed-in identity holds the data role, else by account key where it
 * may list the keys. Which of the two was used is decided once, at the first refusal.
 */
export class ArtifactStore {
  private readonly account: StorageAccount
  private readonly edges: StorageEdges
  private service: BlobServiceClient
  private sharedKey: StorageSharedKeyCredential | undefined

  constructor(account: StorageAccount, edges: StorageEdges) {
    this.account = account
    this.edges = edges
    this.service = new BlobServiceClient(account.blobEndpoint, edges.credential)
  }

  /** Uploads a stream of unknown length. The container is made, private, when it is missing. */
  async upload(
    { container, blob }: BlobName,
    { content, contentType }: Archive,
    signal: AbortSignal,
  ): Promise<void> {
    // Both before the stream starts, which cannot be begun again: a role may hold for containers and not for blobs.
    await this.byRoleOrKey(`making the container ${container} in storage account ${this.account.name}`, () =>
      this.service.getContainerClient(container).createIfNotExists({ abortSignal: signal }),
    )
    await this.byRoleOrKey(`reaching the blobs of ${this.account.name}/${container}`, () =>
      this.service.getContainerClient(container).getBlobClient(blob).exists({ abortSignal: signal }),
    )
    const client = this.service.getContainerClient(container).getBlockBlobClient(blob)
    await this.translated(`uploading the build artifact to ${this.account.name}/${container}`, () =>
      // The SDK gives the signal to the last request alone; ended here, the stream takes the upload with it.
      client.uploadStream(addAbortSignal(signal, content), BLOCK_BYTES, BLOCKS_IN_FLIGHT, {
        blobHTTPHeaders: { blobContentType: contentType },
        abortSignal: signal,
      }),
    )
  }

  /** A URL that reads this one blob over HTTPS until `expiresOn`, and can do nothing else. It is masked. */
  async readUrl({ container, blob }: BlobName, expiresOn: Date, signal: AbortSignal): Promise<string> {
    const url = this.service.getContainerClient(container).getBlobClient(blob).url
    // No start time: with one, a clock that is a little behind Azure's refuses its own signature.
    const values: BlobSASSignatureValues = {
      containerName: container,
      blobName: blob,
      permissions: BlobSASPermissions.parse('r'),
      protocol: SASProtocol.Https,
      expiresOn,
    }
    const doing = `signing a read-only URL for the build artifact in storage account ${this.account.name}`
    const query = (await this.byRoleOrKey(doing, () => this.sign(values, expiresOn, signal))).toString()
    for (const secret of [query, new URLSearchParams(query).get('sig'), /sig=([^&]+)/.exec(query)?.[1]]) {
      if (secret) this.edges.mask(secret)
    }
    return `${url}?${query}`
  }

  /**
   * Deletes the blob; one that is gone already is fine.
   * @returns whether there was a blob
   */
  async delete({ container, blob }: BlobName): Promise<boolean> {
    try {
      await this.byRoleOrKey(`deleting blob ${container}/${blob}`, () =>
        this.service.getContainerClient(container).getBlobClient(blob).delete({ deleteSnapshots: 'include' }),
      )
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  /**
   * Discards the blocks of an upload that was broken off: they belong to no blob, yet are kept and billed for a
   * week. Writing an empty blob over them discards them (Put Blob, service documentation).
   */
  async discardBlocks(name: BlobName): Promise<void> {
    try {
      await this.translated(`discarding the unfinished upload ${name.container}/${name.blob}`, () =>
        this.service.getContainerClient(name.container).getBlockBlobClient(name.blob).upload('', 0),
      )
      await this.delete(name)
    } catch (error) {
      if (!isNotFound(error)) throw error // without a container there are no blocks
    }
  }

  private async sign(
    values: BlobSASSignatureValues,
    expiresOn: Date,
    abortSignal: AbortSignal,
  ): Promise<SASQueryParameters> {
    if (this.sharedKey) return generateBlobSASQueryParameters(values, this.sharedKey)
    const key = await this.service.getUserDelegationKey(new Date(Date.now() - 15 * 60_000), expiresOn, {
      abortSignal,
    })
    this.edges.mask(key.value)
    return generateBlobSASQueryParameters(values, key, this.account.name)
  }

  /** Does something with the identity's own role, and once more with the account key when that is refused. */
  private async byRoleOrKey<T>(doing: string, action: () => Promise<T>): Promise<T> {
    try {
      return await this.translated(doing, action)
    } catch (error) {
      if (this.sharedKey || !isMissingRole(error)) throw error
      this.edges.debug(`${error.message}; trying with the account key`)
      await this.useAccountKey(error)
      return await this.translated(doing, action)
    }
  }

  private async useAccountKey(refusal: AzureError): Promise<void> {
    if (!this.account.allowsKeys) {
      const { doing, status, azureMessage } = refusal
      const remedy = azureRemedy('KeyBasedAuthenticationNotPermitted', '')
      throw new AzureError({ doing, status, code: refusal.code, message: azureMessage, ...remedy })
    }
    const answer = await this.edges.arm
      .request<{ keys: { value: string }[] }>({
        method: 'POST',
        path: `${this.account.id}/listKeys`,
        apiVersion: '2023-05-01',
        doing: `listing the keys of storage account ${this.account.name}`,
        repeatable: true,
      })
      // Neither way is open: the first refusal is the one to mend, by the data role.
      .catch(() => Promise.reject(refusal))
    const key = answer.body.keys[0]?.value ?? ''
    this.edges.mask(key)
    this.sharedKey = new StorageSharedKeyCredential(this.account.name, key)
    this.service = new BlobServiceClient(this.account.blobEndpoint, this.sharedKey)
  }

  private async translated<T>(doing: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw storageError(doing, error)
    }
  }
}

function isMissingRole(error: unknown): error is AzureError {
  return (
    error instanceof AzureError && error.status === 403 && error.code === 'AuthorizationPermissionMismatch'
  )
}

/** The SDK's error with what was being done and what to do; anything else (sign-in, abort) as it is. */
function storageError(doing: string, error: unknown): unknown {
  if (!isRestError(error)) return error
  const { statusCode: status = 0, response } = error
  // The answer to a HEAD request has no body: then the header alone has the code.
  const code = error.code ?? response?.headers.get('x-ms-error-code') ?? `HTTP${status}`
  const [firstLine = ''] = error.message.split('\n')
  const message = firstLine === '' ? 'the storage account gave no more words' : firstLine
  return new AzureError({ doing, status, code, message }, { cause: error })
}
