/** Where the archives go: one local Azure for a round, fresh, so that no round pays for what is left of another. */
import { ContainerClient, type StoragePipelineOptions } from '@azure/storage-blob'
import type { PipelineOptions } from '@azure/core-rest-pipeline'
import { readFile } from 'node:fs/promises'
import { startServer } from './child.ts'

export interface Place {
  /** Blob endpoint of the account, with a trailing slash. */
  endpoint: string
  container: string
  /** Query of a URL that may write into the container, signed with the account's key: what azcopy uses. */
  sas: string
  /** Bearer token of an identity with the data role: what the action uses. */
  token: string
  /** File with the certificate authority, PEM. */
  caFile: string
}

export interface RunningPlace extends Place {
  /** Size of a blob in bytes. Rejects when there is none. */
  sizeOf: (blob: string) => Promise<number>
  /** Ends the local Azure; its blobs go with it. */
  close: () => Promise<void>
}

/** Starts a local Azure with an empty container. */
export async function startPlace(): Promise<RunningPlace> {
  const { facts: place, close } = await startServer<Place>('local-azure.ts')
  const options: StoragePipelineOptions & Pick<PipelineOptions, 'tlsOptions'> = {
    tlsOptions: { ca: await readFile(place.caFile, 'utf8') },
  }
  const url = `${place.endpoint}${place.container}?${place.sas}`
  const container = new ContainerClient(url, undefined, options)
  return {
    ...place,
    sizeOf: async (blob) => (await container.getBlobClient(blob).getProperties()).contentLength ?? 0,
    close,
  }
}
