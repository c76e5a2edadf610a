/**
 * The log of a build: while it grows from the container that Packer runs in, or from the customization log where that
 * may not be read; afterwards the customization log, whole.
 */
import { isRestError } from '@azure/core-rest-pipeline'
import { newLines } from '../build-log.ts'
import { remedyFor } from '../diagnosis.ts'
import { AzureError, messageOf } from '../errors.ts'
import { noLiveLog, unreadableLog, type Obstacle } from '../log-access.ts'
import { pauseBefore, troubleOf } from '../patience.ts'
import type { Clock } from '../ports.ts'
import { lastName } from '../resource-id.ts'
import { customizationLogLocation } from '../run-status.ts'
import type { ArmCall } from './arm.ts'
import { isMissingRole, type BlobEdges } from './blob-access.ts'
import { CustomizationLog, isHidden, NoStorageAccount } from './customization-log.ts'

export interface BuildLogEdges extends BlobEdges {
  clock: Clock
  notice: (message: string) => void
}

/** Since when `containers/logs` and the group have had the shape that is read here (specification). */
const CONTAINER_API = '2023-05-01'
/** Documented; random characters follow. */
const BUILD_CONTAINER = 'vmimagebuilder-build-container-'

interface ContainerGroup {
  id: string
  name: string
  properties: { containers?: { name: string }[] }
}

/** Lines that were added since the last look. */
type Look = (signal: AbortSignal) => Promise<string[]>

export class BuildLog {
  private readonly edges: BuildLogEdges
  /** Staging group → path of its container's log, once that was found: it is read every few seconds. */
  private readonly logPaths = new Map<string, string>()

  constructor(edges: BuildLogEdges) {
    this.edges = edges
  }

  /**
   * The container's log as it is now, its last 4 MB; undefined while there is no container, before it has started, and
   * after the run. Answers to a container that is being made: reported (404 ContainerLogNotAvailable, 409
   * ContainerGroupTransitioning).
   * @param stagingGroup resource ID
   * @throws AzureError, with status 403 when it may not be read; SignInError
   */
  async live(stagingGroup: string, signal?: AbortSignal): Promise<string | undefined> {
    const call = { apiVersion: CONTAINER_API, doing: "reading the build's live log", signal, once: true }
    try {
      const path = this.logPaths.get(stagingGroup) ?? (await this.findLog(stagingGroup, call))
      if (path === undefined) return undefined
      this.logPaths.set(stagingGroup, path)
      const { body } = await this.edges.arm.request<{ content?: string | null }>({
        ...call,
        method: 'GET',
        path,
      })
      return body.content ?? ''
    } catch (error) {
      if (!(error instanceof AzureError) || ![404, 409].includes(error.status)) throw error
      this.logPaths.delete(stagingGroup)
      return undefined
    }
  }

  private async findLog(
    stagingGroup: string,
    call: Omit<ArmCall, 'method' | 'path'>,
  ): Promise<string | undefined> {
    const path = `${stagingGroup}/providers/Microsoft.ContainerInstance/containerGroups`
    const groups = await this.edges.arm.list<ContainerGroup>({ ...call, path })
    const group = groups.find(({ name }) => name.toLowerCase().startsWith(BUILD_CONTAINER))
    const [container] = group?.properties.containers ?? []
    return group && container && `${group.id}/containers/${container.name}/logs`
  }

  /**
   * Hands over the lines of the log as it grows, until `signal` is aborted; never throws. Where neither container nor
   * storage account may be read, one notice says what is missing, and that is all.
   * @param since start of the run: an older log belongs to an earlier one
   * @param take gets lines without their line breaks, each once
   */
  async follow(
    stagingGroup: string,
    since: Date,
    take: (lines: string[]) => void,
    pollMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const looks = [this.container(stagingGroup), this.storage(stagingGroup, since)]
    const aborted = (): boolean => signal.aborted
    for (let failures = 0; !aborted();) {
      let pauseMs = pollMs
      try {
        take((await looks[0]?.(signal)) ?? [])
        failures = 0
      } catch (error) {
        if (aborted()) return
        failures += 1
        pauseMs = Math.max(pollMs, pauseBefore(failures, troubleOf(error) ?? { kind: 'unclear' }))
        this.edges.debug(`The build's log could not be read this time: ${messageOf(error)}`)
        if (isHidden(error)) looks.shift()
        if (looks.length === 0) {
          this.edges.notice(noLiveLog(stagingGroup))
          return
        }
        if (isHidden(error)) continue
      }
      await this.edges.clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  private container(stagingGroup: string): Look {
    let seen = ''
    return async (signal) => {
      const now = (await this.live(stagingGroup, signal)) ?? ''
      const lines = newLines(seen, now)
      if (lines.length > 0) seen = now
      return lines
    }
  }

  private storage(stagingGroup: string, since: Date): Look {
    let look: Look | undefined
    return async (signal) => {
      look ??= (await CustomizationLog.in(stagingGroup, undefined, this.edges, signal)).growth(since)
      return await look(signal)
    }
  }

  /**
   * Reads the customization log of a run that has ended; never throws but what `read` throws.
   * @param runMessage the message of the run, which may name the log; else the newest one counts
   * @param since start of the run: an older log belongs to an earlier one
   * @param read gets its bytes as they come; called anew when they stopped coming
   */
  async fetch<T>(
    stagingGroup: string,
    runMessage: string,
    since: Date,
    read: (content: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<{ log: T } | { unreadable: string }> {
    const named = customizationLogLocation(runMessage)
    try {
      const logs = await CustomizationLog.in(stagingGroup, named?.account, this.edges)
      const log = await logs.whole(named?.blob, since, read)
      return log === undefined
        ? { unreadable: `There is no customization log in ${lastName(stagingGroup)}.` }
        : { log }
    } catch (error) {
      this.edges.debug(messageOf(error))
      return { unreadable: unreadableLog(stagingGroup, named, obstacle(error)) }
    }
  }
}

/** What the identity lacks; a firewall and the like have a remedy of their own, or none. */
function obstacle(failure: unknown): Obstacle {
  const words = failure instanceof AzureError ? failure.azureMessage : messageOf(failure)
  const [reason = ''] = words.split('\n')
  if (isMissingRole(failure)) return { reason, roles: ['Storage Blob Data Reader'] }
  const ofBlobs = failure instanceof AzureError && isRestError(failure.cause)
  const accountHidden = failure instanceof NoStorageAccount || (isHidden(failure) && !ofBlobs)
  if (accountHidden) return { reason, roles: ['Reader', 'Storage Blob Data Reader'] }
  const remedy = failure instanceof AzureError ? remedyFor(failure) : undefined
  return { reason, ...(remedy === undefined ? {} : { remedy }) }
}
