/**
 * The customization log in the storage account of the staging group, `packerlogs/<guid>/customization.log`: as it
 * grows during the build, and whole afterwards. It is read with the data role, else with the account key.
 */
import { StringDecoder } from 'node:string_decoder'
import { isRestError } from '@azure/core-rest-pipeline'
import type { BlobClient, ContainerClient } from '@azure/storage-blob'
import { AzureError } from '../errors.ts'
import { lastName } from '../resource-id.ts'
import { BlobAccess, blobAccount, type AccountBody, type BlobEdges } from './blob-access.ts'
import { API_VERSIONS } from './reader.ts'

const LOGS = 'packerlogs'

/** A download that breaks off goes on where it was. */
const RESUMES = { maxRetryRequests: 3 }

/** Azure's lists leave out what the caller may not see: then this is all there is to say. */
export class NoStorageAccount extends Error {
  constructor() {
    super('no storage account of Image Builder was found, or it may not be read')
  }
}

/** Access to the logs of a staging group. */
export class CustomizationLog {
  private readonly access: BlobAccess

  private constructor(access: BlobAccess) {
    this.access = access
  }

  /**
   * @param stagingGroup resource ID
   * @param name of the account, where it is known; else the group has one
   * @throws AzureError; SignInError; NoStorageAccount
   */
  static async in(
    stagingGroup: string,
    name: string | undefined,
    edges: BlobEdges,
    signal?: AbortSignal,
  ): Promise<CustomizationLog> {
    const path = `${stagingGroup}/providers/Microsoft.Storage/storageAccounts`
    const doing = `looking for the storage account in ${lastName(stagingGroup)}`
    const accounts = await edges.arm.list<AccountBody>({
      path,
      apiVersion: API_VERSIONS.storage,
      doing,
      signal,
    })
    const found = accounts.find((one) => name === undefined || one.name.toLowerCase() === name.toLowerCase())
    if (!found) throw new NoStorageAccount()
    return new CustomizationLog(new BlobAccess(blobAccount(found), edges))
  }

  /**
   * Reads a log whole.
   * @param blob name of the log; the newest that was written after `since` when it is not known
   * @param read gets the log's bytes as they come; called once more when the connection went silent
   * @returns what `read` made of it; undefined where there is no log
   * @throws AzureError; SignInError; what `read` throws
   */
  async whole<T>(
    blob: string | undefined,
    since: Date,
    read: (content: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T | undefined> {
    return await this.access.byRoleOrKey('reading the customization log', (abortSignal, alive) =>
      unlessMissing(async () => {
        const name = blob ?? (await this.newest(since, abortSignal))
        if (name === undefined) return undefined
        const client = this.logs.getBlobClient(name)
        const { readableStreamBody } = await client.download(0, undefined, { ...RESUMES, abortSignal })
        return readableStreamBody && (await read(lively(readableStreamBody, alive)))
      }),
    )
  }

  /** The lines of the newest log, each once: every call gives those that were added since the last one. */
  growth(since: Date): (signal: AbortSignal) => Promise<string[]> {
    const decoder = new StringDecoder('utf8')
    let [blob, offset, unfinished]: [string | undefined, number, string] = [undefined, 0, '']
    return async (signal) => {
      const bytes = await this.access.byRoleOrKey(
        'reading the customization log',
        (abortSignal) =>
          unlessMissing(async () => {
            blob ??= await this.newest(since, abortSignal)
            return blob === undefined
              ? undefined
              : await appended(this.logs.getBlobClient(blob), offset, abortSignal)
          }),
        // The next call is the next try.
        { cancelled: signal, limit: 0 },
      )
      offset += bytes?.length ?? 0
      const lines = (unfinished + decoder.write(bytes ?? Buffer.alloc(0))).split('\n')
      unfinished = lines.pop() ?? ''
      return lines
    }
  }

  /** By the way that is open now: asked for anew each time, as it may change from role to key. */
  private get logs(): ContainerClient {
    return this.access.service.getContainerClient(LOGS)
  }

  /** Every run has a folder of its own, named by chance. */
  private async newest(since: Date, abortSignal: AbortSignal): Promise<string | undefined> {
    let newest: string | undefined
    // Blob Storage tells whole seconds.
    let after = Math.floor(since.getTime() / 1000) * 1000
    for await (const { name, properties } of this.logs.listBlobsFlat({ abortSignal })) {
      const at = properties.lastModified.getTime()
      if (!name.endsWith('/customization.log') || at < after) continue
      newest = name
      after = at
    }
    return newest
  }
}

/** What lies behind `offset`; undefined when nothing does (416, documented). */
async function appended(
  blob: BlobClient,
  offset: number,
  abortSignal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    const { readableStreamBody } = await blob.download(offset, undefined, { ...RESUMES, abortSignal })
    const chunks: Buffer[] = []
    for await (const chunk of readableStreamBody ?? []) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  } catch (error) {
    if (isRestError(error) && error.statusCode === 416) return undefined
    throw error
  }
}

/** Undefined when blob or container are not there (yet). */
async function unlessMissing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (isRestError(error) && error.statusCode === 404) return undefined
    throw error
  }
}

async function* lively(content: NodeJS.ReadableStream, alive: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    alive()
    yield Buffer.from(chunk)
  }
}

/** Whether a log may not be read, by lack of a right or because its account is hidden. */
export function isHidden(error: unknown): boolean {
  return error instanceof NoStorageAccount || (error instanceof AzureError && error.status === 403)
}
