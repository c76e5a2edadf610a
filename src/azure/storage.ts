/** The build artifact in Blob Storage: uploaded as it is packed, readable by one signed URL, deleted in the end. */
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type BlobSASSignatureValues,
  type BlockBlobClient,
  type ContainerClient,
  type SASQueryParameters,
} from '@azure/storage-blob'
import type { Archive } from '../archive.ts'
import { AzureError, isNotFound } from '../errors.ts'
import type { StorageAccount } from '../image-template.ts'
import { BlobAccess, type BlobEdges } from './blob-access.ts'
import { stageBlocks, type Uploaded } from './block-upload.ts'

export interface BlobName {
  container: string
  blob: string
}

/**
 * For a block. A proxy may take it at once and pass it on slowly, so each try is waited for longer than the one before;
 * together that takes a quarter of an hour, in four tries.
 */
const PATIENCE = { silence: (tries: number) => 90_000 * tries, limit: 12 * 60_000 }

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

  /**
   * Uploads an archive while it is made. The container is made, private, when it is missing.
   * @param run what the blob says of its origin; names of letters, digits and `_`
   * @throws AzureError, and what the archive throws
   */
  async upload(
    name: BlobName,
    archive: Archive,
    run: Record<string, string>,
    onProgress: (uploaded: Uploaded) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { container } = name
    // All before the archive is begun, which is made once: a role may hold for containers and not for blobs.
    await this.makePrivate(container, signal)
    await this.access.byRoleOrKey(
      `reaching the blobs of ${this.account.name}/${container}`,
      (abortSignal) => this.client(name).exists({ abortSignal }),
      { cancelled: signal },
    )
    const { content, contentBytes, contentType } = archive
    const doing = `uploading the build artifact to ${this.account.name}/${container}`
    const blocks = await stageBlocks(
      (action, cancelled) =>
        this.access.byPresentWay(doing, (...edges) => action(this.client(name), ...edges), {
          ...PATIENCE,
          cancelled,
        }),
      content,
      contentBytes,
      onProgress,
      signal,
    )
    const commit = {
      blobHTTPHeaders: { blobContentType: contentType },
      metadata: { ...run, sha256: archive.digest().sha256 },
    }
    await this.access.byPresentWay(
      doing,
      (abortSignal) => this.client(name).commitBlockList(blocks, { ...commit, abortSignal }),
      { cancelled: signal },
    )
  }

  /** Nobody reads the container without a right of their own: made so, or changed when somebody has opened it. */
  private async makePrivate(container: string, cancelled: AbortSignal): Promise<void> {
    const where = `the container ${container} in storage account ${this.account.name}`
    const client = (): ContainerClient => this.access.service.getContainerClient(container)
    const { succeeded } = await this.access.byRoleOrKey(
      `making ${where}`,
      (abortSignal) => client().createIfNotExists({ abortSignal }),
      { cancelled },
    )
    if (succeeded) return
    const { blobPublicAccess } = await this.access.byRoleOrKey(
      `reading ${where}`,
      (abortSignal) => client().getProperties({ abortSignal }),
      { cancelled },
    )
    if (blobPublicAccess === undefined) return
    await this.access
      .byRoleOrKey(
        `closing ${where} to the public`,
        async (abortSignal) => {
          const { signedIdentifiers } = await client().getAccessPolicy({ abortSignal })
          await client().setAccessPolicy(undefined, signedIdentifiers, { abortSignal })
        },
        { cancelled },
      )
      .catch((error: unknown) => {
        if (!(error instanceof AzureError)) throw error
        const { doing, status, code, azureMessage: message } = error
        const remedy = `Everyone may read its blobs. Close it: az storage container set-permission --name ${container} --account-name ${this.account.name} --public-access off`
        throw new AzureError({ doing, status, code, message, remedy })
      })
  }

  /** URL of the blob, without any right to read it. */
  url(name: BlobName): string {
    return this.client(name).url
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
      await this.access.byRoleOrKey(doing, (abortSignal) => this.sign(values, expiresOn, abortSignal), {
        cancelled: signal,
      })
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
  async delete(name: BlobName): Promise<boolean> {
    let mayBeGone = false
    try {
      await this.access.byRoleOrKey(
        `deleting blob ${name.container}/${name.blob}`,
        (abortSignal) => this.client(name).delete({ deleteSnapshots: 'include', abortSignal }),
        { onTrouble: ({ kind }) => (mayBeGone ||= kind === 'unclear') },
      )
      return true
    } catch (error) {
      if (isNotFound(error)) return mayBeGone
      throw error
    }
  }

  /**
   * Discards the blocks of an upload that was broken off: they belong to no blob, yet are kept and billed for a
   * week. Writing an empty blob over them discards them (Put Blob, service documentation).
   */
  async discardBlocks(name: BlobName): Promise<void> {
    try {
      await this.access.byPresentWay(
        `discarding the unfinished upload ${name.container}/${name.blob}`,
        (abortSignal) => this.client(name).upload('', 0, { abortSignal }),
      )
      await this.delete(name)
    } catch (error) {
      if (!isNotFound(error)) throw error // without a container there are no blocks
    }
  }

  /** By the way that is open now: asked for anew each time, as it may change from role to key. */
  private client({ container, blob }: BlobName): BlockBlobClient {
    return this.access.service.getContainerClient(container).getBlockBlobClient(blob)
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
