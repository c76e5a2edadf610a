/** The real Azurite blob service as a child process, and an SDK client that talks to it directly. */
import type { PipelineOptions } from '@azure/core-rest-pipeline'
import {
  BlobServiceClient,
  StorageSharedKeyCredential,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Certificates } from '../certificates.ts'

/** Account name → its two keys, base64. */
export type AccountKeys = ReadonlyMap<string, [string, string]>

export interface Azurite {
  /** Origin, HTTPS: Azurite takes bearer tokens over nothing else. */
  url: string
  /** A client with the account's key; it trusts this local Azure's authority without any process-wide setting. */
  client: (account: string) => BlobServiceClient
  close: () => Promise<void>
}

/**
 * Ends the child when its stdin closes, which it does however the parent dies: no orphan stays behind. What it has
 * compiled is kept, because it is killed in the end. Its telemetry is off and its data are files, so that the libraries
 * for telemetry and for databases, more than half of what starting costs, are not loaded.
 */
const PRELOAD = `data:text/javascript,${encodeURIComponent(`
  import Module, { flushCompileCache } from 'node:module'
  const load = Module._load
  const unused = ['applicationinsights', './SqlBlobServer']
  Module._load = (name, ...rest) => unused.includes(name) ? {} : load(name, ...rest)
  process.stdin.resume().on('end', () => process.exit())
  setTimeout(flushCompileCache, 2500).unref()
`)}`
const COMPILED = path.join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'azurite')

/** Starts Azurite on a free loopback port, its data in `folder`. Rejects with its output when it does not come up. */
export async function startAzurite(
  folder: string,
  certificates: Certificates,
  accounts: AccountKeys,
): Promise<Azurite> {
  const child = await spawnAzurite(path.join(folder, 'azurite'), certificates, accounts)
  const url = await listeningAddress(child)
  const options: StoragePipelineOptions & Pick<PipelineOptions, 'tlsOptions'> = {
    tlsOptions: { ca: certificates.authority },
  }
  return {
    url,
    client: (account) => {
      const key = accounts.get(account)?.[0]
      if (key === undefined) throw new Error(`The local Azure has no storage account '${account}'.`)
      return new BlobServiceClient(`${url}/${account}`, new StorageSharedKeyCredential(account, key), options)
    },
    close: () => stop(child),
  }
}

async function spawnAzurite(
  folder: string,
  certificates: Certificates,
  accounts: AccountKeys,
): Promise<ChildProcessWithoutNullStreams> {
  await mkdir(folder, { recursive: true })
  const [cert, key] = [path.join(folder, 'certificate.pem'), path.join(folder, 'key.pem')]
  await Promise.all([
    writeFile(cert, certificates.certificate),
    writeFile(key, certificates.key, { mode: 0o600 }),
  ])
  const program = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js')
  const where = [
    '--location',
    folder,
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    '0',
    '--cert',
    cert,
    '--key',
    key,
  ]
  // Without --skipApiVersionCheck Azurite refuses the API version that the SDK speaks.
  const how = ['--oauth', 'basic', '--skipApiVersionCheck', '--disableTelemetry', '--silent']
  const known = [...accounts].map(([name, keys]) => [name, ...keys].join(':')).join(';')
  return spawn(process.execPath, ['--import', PRELOAD, program, ...where, ...how], {
    env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: COMPILED, AZURITE_ACCOUNTS: known },
  })
}

/** Reads the port from Azurite's own words, and goes on reading so that its output never blocks it. */
function listeningAddress(child: ChildProcessWithoutNullStreams): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (chunk: Buffer): void => {
      output += chunk.toString('utf8')
      const address = /successfully listens on (https:\S+)/.exec(output)?.[1]
      if (address !== undefined) resolve(address)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', reject)
    child.once('exit', () => {
      reject(new Error(`Azurite did not start:\n${output}`))
    })
  })
}

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
