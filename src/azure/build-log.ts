/**
 * The log of a build: live from the container that Packer runs in, afterwards from the storage account of the staging
 * group. Both lie in a group that is new with every template, so rights on the template's own group do not reach them.
 * The log is foreign text: it may look like commands to the runner.
 */
import { text as readText } from 'node:stream/consumers'
import type { TokenCredential } from '@azure/core-auth'
import { isRestError } from '@azure/core-rest-pipeline'
import type { ContainerClient } from '@azure/storage-blob'
import { newLines, shownLines } from '../build-log.ts'
import { azureRemedy } from '../diagnosis.ts'
import { AzureError, messageOf } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { noLiveLog, unreadableLog, type Obstacle } from '../log-access.ts'
import { lastName } from '../resource-id.ts'
import { customizationLogLocation } from '../run-status.ts'
import type { ResourceManager } from './arm.ts'
import { BlobAccess, blobAccount, isMissingRole, type AccountBody, type BlobAccount } from './blob-access.ts'
import { API_VERSIONS } from './reader.ts'

export interface BuildLogEdges {
  arm: ResourceManager
  credential: TokenCredential
  clock: Clock
  debug: (message: string) => void
  notice: (message: string) => void
  mask: (secret: string) => void
}

/** Since when `containers/logs` and the group have had the shape that is read here (specification). */
const CONTAINER_API = '2023-05-01'
/** Documented; random characters follow. */
const BUILD_CONTAINER = 'vmimagebuilder-build-container-'
const LOGS = 'packerlogs'
/** Azure's lists leave out what the caller may not see. */
const NO_ACCOUNT = 'no storage account of Image Builder was found, or it may not be read'

/** A download that breaks off goes on where it was. */
const RESUMES = { maxRetryRequests: 3 }

interface ContainerGroup {
  id: string
  name: string
  properties: { containers?: { name: string }[] }
}

export class BuildLog {
  private readonly edges: BuildLogEdges

  constructor(edges: BuildLogEdges) {
    this.edges = edges
  }

  /**
   * The log as it is now, its last 4 MB; undefined while there is no container, before it has started, and after the
   * run. Answers to a container that is being made: reported (404 ContainerLogNotAvailable, 409 ContainerGroupTransitioning).
   * @param stagingGroup resource ID
   * @throws AzureError, with status 403 when it may not be read; SignInError
   */
  async live(stagingGroup: string, signal?: AbortSignal): Promise<string | undefined> {
    const call = { apiVersion: CONTAINER_API, doing: "reading the build's live log", signal }
    try {
      const path = `${stagingGroup}/providers/Microsoft.ContainerInstance/containerGroups`
      const groups = await this.edges.arm.list<ContainerGroup>({ ...call, path })
      const group = groups.find(({ name }) => name.toLowerCase().startsWith(BUILD_CONTAINER))
      const [container] = group?.properties.containers ?? []
      if (!group || !container) return undefined
      const logs = `${group.id}/containers/${container.name}/logs`
      const { body } = await this.edges.arm.request<{ content?: string | null }>({
        ...call,
        method: 'GET',
        path: logs,
      })
      return body.content ?? ''
    } catch (error) {
      if (error instanceof AzureError && [404, 409].includes(error.status)) return undefined
      throw error
    }
  }

  /**
   * Prints the log as it grows, thinned out, until `signal` is aborted; never throws. Where it may not be read, one
   * notice says what is missing, and that is all.
   * @param print gets one line without its line break
   * @returns the log as it was last seen, so that the rest can be told from `fetch` with `newLines`
   */
  async follow(
    stagingGroup: string,
    print: (line: string) => void,
    pollMs: number,
    signal: AbortSignal,
  ): Promise<string> {
    const shown = shownLines()
    let seen = ''
    const aborted = (): boolean => signal.aborted
    while (!aborted()) {
      try {
        const now = (await this.live(stagingGroup, signal)) ?? ''
        const lines = newLines(seen, now)
        if (lines.length > 0) seen = now
        for (const line of lines.map(shown)) if (line !== undefined) print(line)
      } catch (error) {
        if (isForbidden(error)) {
          this.edges.notice(noLiveLog(stagingGroup))
          this.edges.debug(error.message)
          return seen
        }
        if (!aborted())
          this.edges.debug(`The build's live log could not be read this time: ${messageOf(error)}`)
      }
      await this.edges.clock.sleep(pollMs, signal).catch(() => undefined)
    }
    return seen
  }

  /**
   * The customization log of a run that has ended; never throws.
   * @param runMessage the message of the run, which may name the log; else the newest one counts
   * @param since start of the run: an older log belongs to an earlier one
   */
  async fetch(
    stagingGroup: string,
    runMessage: string,
    since = new Date(0),
  ): Promise<{ text: string } | { unreadable: string }> {
    const named = customizationLogLocation(runMessage)
    try {
      const account = await this.account(stagingGroup, named?.account)
      if (!account) return { unreadable: unreadableLog(stagingGroup, named, obstacle(NO_ACCOUNT)) }
      const access = new BlobAccess(account, this.edges)
      const text = await access.byRoleOrKey('reading the customization log', () =>
        download(access.service.getContainerClient(LOGS), named?.blob, since),
      )
      return text === undefined
        ? { unreadable: `There is no customization log in ${lastName(stagingGroup)}.` }
        : { text }
    } catch (error) {
      this.edges.debug(messageOf(error))
      return { unreadable: unreadableLog(stagingGroup, named, obstacle(error)) }
    }
  }

  private async account(stagingGroup: string, name: string | undefined): Promise<BlobAccount | undefined> {
    const path = `${stagingGroup}/providers/Microsoft.Storage/storageAccounts`
    const doing = `looking for the storage account in ${lastName(stagingGroup)}`
    const accounts = await this.edges.arm.list<AccountBody>({ path, apiVersion: API_VERSIONS.storage, doing })
    const found = accounts.find((one) => name === undefined || one.name.toLowerCase() === name.toLowerCase())
    return found && blobAccount(found)
  }
}

/** The blob's text, or that of the newest log; undefined where there is none, or no container. */
async function download(
  logs: ContainerClient,
  name: string | undefined,
  since: Date,
): Promise<string | undefined> {
  try {
    const blob = name ?? (await newestLog(logs, since))
    if (blob === undefined) return undefined
    const { readableStreamBody } = await logs.getBlobClient(blob).download(0, undefined, RESUMES)
    return readableStreamBody && (await readText(readableStreamBody))
  } catch (error) {
    if (isRestError(error) && error.statusCode === 404) return undefined
    throw error
  }
}

/** Every run has a folder of its own, named by chance. */
async function newestLog(logs: ContainerClient, since: Date): Promise<string | undefined> {
  let newest: { name: string; at: number } | undefined
  // Blob Storage tells whole seconds.
  let after = Math.floor(since.getTime() / 1000) * 1000
  for await (const { name, properties } of logs.listBlobsFlat()) {
    const at = properties.lastModified.getTime()
    if (!name.endsWith('/customization.log') || at < after) continue
    newest = { name, at }
    after = at
  }
  return newest?.name
}

function isForbidden(error: unknown): error is AzureError {
  return error instanceof AzureError && error.status === 403
}

/** What the identity lacks; a firewall and the like have a remedy of their own, or none. */
function obstacle(failure: unknown): Obstacle {
  const words = failure instanceof AzureError ? failure.azureMessage : messageOf(failure)
  const [reason = ''] = words.split('\n')
  if (isMissingRole(failure)) return { reason, roles: ['Storage Blob Data Reader'] }
  const remedy = failure instanceof AzureError ? azureRemedy(failure.code, failure.azureMessage) : {}
  const ofBlobs = failure instanceof AzureError && isRestError(failure.cause)
  const isHidden = failure === NO_ACCOUNT || (isForbidden(failure) && !ofBlobs)
  return isHidden ? { reason, roles: ['Reader', 'Storage Blob Data Reader'] } : { reason, ...remedy }
}
