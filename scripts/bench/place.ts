/** Where the archives go: one local Azure for a round, fresh, so that no round pays for what is left of another. */
import { ContainerClient, type StoragePipelineOptions } from '@azure/storage-blob'
import type { PipelineOptions } from '@azure/core-rest-pipeline'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'

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
  const program = path.join(import.meta.dirname, 'local-azure.ts')
  const child = spawn(process.execPath, ['--no-warnings', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const line = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the local Azure did not start'))),
  ])
  const place = JSON.parse(String(line[0])) as Place
  const options: StoragePipelineOptions & Pick<PipelineOptions, 'tlsOptions'> = {
    tlsOptions: { ca: await readFile(place.caFile, 'utf8') },
  }
  const url = `${place.endpoint}${place.container}?${place.sas}`
  const container = new ContainerClient(url, undefined, options)
  return {
    ...place,
    sizeOf: async (blob) => (await container.getBlobClient(blob).getProperties()).contentLength ?? 0,
    close: async () => {
      const gone = once(child, 'exit')
      child.stdin.end()
      await gone
    },
  }
}
