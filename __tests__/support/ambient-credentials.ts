/** What a runner may be signed in to Azure with before the action starts: the Azure CLI, or the machine itself. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { LocalAzure } from '../../local-azure/index.ts'

/** A folder to be put into `PATH`, with an `az` in it. */
export interface AzureCli {
  folder: string
  /** Command lines so far, without the `az`. */
  calls: () => Promise<string[]>
}

/** An Azure CLI that is signed in as the default application. */
export async function signedInCli(azure: LocalAzure): Promise<AzureCli> {
  const answer = async (resource: string): Promise<string> =>
    JSON.stringify({
      accessToken: await tokenFor(azure, resource),
      expires_on: expiry(azure),
      tokenType: 'Bearer',
    })
  return await installCli(
    azure,
    `case "$*" in
  *storage.azure.com*) echo '${await answer('https://storage.azure.com')}' ;;
  *) echo '${await answer('https://management.azure.com')}' ;;
esac`,
  )
}

/** An Azure CLI in which nobody is signed in (text: the CLI's own). */
export async function signedOutCli(azure: LocalAzure): Promise<AzureCli> {
  return await installCli(azure, `echo "ERROR: Please run 'az login' to setup account." >&2\nexit 1`)
}

async function installCli(azure: LocalAzure, script: string): Promise<AzureCli> {
  const folder = await mkdtemp(path.join(azure.folder, 'cli-'))
  const calls = path.join(folder, 'calls')
  await writeFile(calls, '')
  await writeFile(path.join(folder, 'az'), `#!/bin/sh\necho "$*" >> '${calls}'\n${script}\n`, { mode: 0o755 })
  return {
    folder,
    calls: async () => (await readFile(calls, 'utf8')).split('\n').filter((line) => line !== ''),
  }
}

/** The metadata service of an Azure VM, for the variable `AZURE_POD_IDENTITY_AUTHORITY_HOST`. */
export interface MetadataService {
  url: string
  close: () => Promise<void>
}

/**
 * Starts a metadata service. Without an identity it answers as it does on a VM that has none, such as GitHub's own
 * runners; with one, it gives tokens of the default application.
 */
export async function startMetadataService(
  azure: LocalAzure,
  identity: 'no identity' | 'identity',
): Promise<MetadataService> {
  const server = createServer((request, response) => {
    const resource = new URL(request.url ?? '/', 'http://localhost').searchParams.get('resource') ?? ''
    if (identity === 'no identity') {
      answer(response, 400, { error: 'invalid_request', error_description: 'Identity not found' })
      return
    }
    void tokenFor(azure, resource).then((token) => {
      const times = { expires_in: '3600', expires_on: String(expiry(azure)) }
      answer(response, 200, { access_token: token, token_type: 'Bearer', resource, ...times })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

async function tokenFor({ world, entra }: LocalAzure, resource: string): Promise<string> {
  const [application] = world.seed.applications
  if (!application) throw new Error('The local Azure has no application.')
  return await entra.issue(application, resource)
}

/** Seconds since 1970. */
function expiry({ world }: LocalAzure): number {
  return Math.floor(world.now() / 1000) + world.options.accessTokenLifetimeSeconds
}
