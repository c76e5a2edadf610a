/** The build artifact in Blob Storage: uploaded as a stream, readable by one signed URL, deleted in the end. */
import { addAbortSignal } from 'node:stream'
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type BlobSASSignatureValues,
  type SASQueryParameters,
} from '@azure/storage-blob'
import type { Archive } from '../archive.ts'
import { isNotFound } from '../errors.ts'
import type { StorageAccount } from '../image-template.ts'
import { BlobAccess, type BlobEdges } from './blob-access.ts'

export interface BlobName {
  container: string
  blob: string
}

const BLOCK_BYTES = 8 * 1024 * 1024
/** Blocks in flight: with their buffers the upload holds at most 40 MiB, whatever the artifact's size. */
const BLOCKS_IN_FLIGHT = 4

/** The artifact's container in one storage account. */
export class ArtifactStore {
  private readonly account: StorageAccount
  private readonly edges: BlobEdges
  private readonly access: BlobAccess

  constructor(account: StorageAccount, edges: BlobEdges) {
    this.account = account
    this.edges = edges
    this.access = new BlobAccess(account, edges)
  }

  /** Uploads a stream of unknown length. The container is made, private, when it is missing. */
  async upload(
    { container, blob }: BlobName,
    { content, contentType }: Archive,
    signal: AbortSignal,
  ): Promise<void> {
    // Both before the stream starts, which cannot be begun again: a role may hold for containers and not for blobs.
    await this.access.byRoleOrKey(
      `making the container ${container} in storage account ${this.account.name}`,
      () => this.access.service.getContainerClient(container).createIfNotExists({ abortSignal: signal }),
    )
    await this.access.byRoleOrKey(`reaching the blobs of ${this.account.name}/${container}`, () =>
      this.access.service.getContainerClient(container).getBlobClient(blob).exists({ abortSignal: signal }),
    )
    const client = this.access.service.getContainerClient(container).getBlockBlobClient(blob)
    await this.access.byPresentWay(`uploading the build artifact to ${this.account.name}/${container}`, () =>
      // The SDK gives the signal to the last request alone; ended here, the stream takes the upload with it.
      client.uploadStream(addAbortSignal(signal, content), BLOCK_BYTES, BLOCKS_IN_FLIGHT, {
        blobHTTPHeaders: { blobContentType: contentType },
        abortSignal: signal,
      }),
    )
  }

  /** URL of the blob, without any right to read it. */
  url({ container, blob }: BlobName): string {
    return this.access.service.getContainerClient(container).getBlobClient(blob).url
  }

  /** A URL that reads this one blob over HTTPS until `expiresOn`, and can do nothing else. It is masked. */
  async readUrl(name: BlobName, expiresOn: Date, signal: AbortSignal): Promise<string> {
    const { container, blob } = name
    // No start time: with one, a clock that is a little behind Azure's refuses its own signature.
    const values: BlobSASSignatureValues = {
      containerName: container,
      blobName: blob,
      permissions: BlobSASPermissions.parse('r'),
      protocol: SASProtocol.Https,
      expiresOn,
    }
    const doing = `signing a read-only URL for the build artifact in storage account ${this.account.name}`
    const query = (
      await this.access.byRoleOrKey(doing, () => this.sign(values, expiresOn, signal))
    ).toString()
    for (const secret of [query, new URLSearchParams(query).get('sig'), /sig=([^&]+)/.exec(query)?.[1]]) {
      if (secret) this.edges.mask(secret)
    }
    return `${this.url(name)}?${query}`
  }

  /**
   * Deletes the blob; one that is gone already is fine.
   * @returns whether there was a blob
   */
  async delete({ container, blob }: BlobName): Promise<boolean> {
    try {
      await this.access.byRoleOrKey(`deleting blob ${container}/${blob}`, () =>
        this.access.service
          .getContainerClient(container)
          .getBlobClient(blob)
          .delete({ deleteSnapshots: 'include' }),
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
      await this.access.byPresentWay(`discarding the unfinished upload ${name.container}/${name.blob}`, () =>
        this.access.service.getContainerClient(name.container).getBlockBlobClient(name.blob).upload('', 0),
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
    const { sharedKey } = this.access
    if (sharedKey) return generateBlobSASQueryParameters(values, sharedKey)
    const key = await this.access.service.getUserDelegationKey(
      new Date(Date.now() - 15 * 60_000),
      expiresOn,
      {
        abortSignal,
      },
    )
    this.edges.mask(key.value)
    return generateBlobSASQueryParameters(values, key, this.account.name)
  }
}
