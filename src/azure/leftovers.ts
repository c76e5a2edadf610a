/** What builds left behind in Azure: listed, looked at once more, deleted. */
import type { ContainerClient } from '@azure/storage-blob'
import { AzureError, isNotAllowedNow, isNotFound } from '../errors.ts'
import type { SeenBlob, SeenTemplate } from '../sweeping/leftovers.ts'
import { ARTIFACT_CONTAINER } from '../names.ts'
import type { Clock } from '../ports.ts'
import { lastName } from '../resource-id.ts'
import type { SweepRequest } from '../sweeping/sweep-inputs.ts'
import type { Sighting, SweeperPort } from '../sweeping/sweeper.ts'
import type { ResourceManager } from './arm.ts'
import { BlobAccess, type BlobAccount, type BlobEdges } from './blob-access.ts'
import { untilDeleted } from './deletion.ts'
import { allOrEveryProblem, API_VERSIONS, Reader } from './reader.ts'
import { findAccounts, listTemplates, seenTemplate, type TemplateBody } from './swept-scope.ts'
import type { Connection } from '../ports.ts'
import { signedIn, type ConnectEdges } from './signed-in.ts'

const API_VERSION = API_VERSIONS.imageBuilder
/** The service tells no better rhythm (recorded). */
const POLL_MS = 10_000
/** Deleting takes two minutes as a rule (recorded: 78 to 124 s). */
const DELETION_MS = 20 * 60_000

export interface LeftoverEdges extends BlobEdges {
  arm: ResourceManager
  clock: Clock
}

export class Leftovers implements SweeperPort {
  private readonly edges: LeftoverEdges
  /** One each, so that it is decided once whether an account's role or key opens it. */
  private readonly opened = new Map<string, BlobAccess>()

  constructor(edges: LeftoverEdges) {
    this.edges = edges
  }

  async look(request: SweepRequest, signal: AbortSignal): Promise<Sighting> {
    const { arm, debug } = this.edges
    const reader = new Reader(arm, debug, signal)
    const [templates, accounts] = await allOrEveryProblem([
      listTemplates(reader, request),
      findAccounts(reader, request),
    ] as const)
    return { templates, elsewhere: await this.listElsewhere(reader, request), accounts }
  }

  /** Needed for blobs alone, whose builds may be anywhere. */
  private async listElsewhere(reader: Reader, request: SweepRequest): Promise<Sighting['elsewhere']> {
    const { subscriptionId, resourceGroup, storageAccounts } = request
    if (resourceGroup === undefined || storageAccounts.length === 0) return []
    return await reader.ifAllowed('the list of all image templates', () =>
      listTemplates(reader, { subscriptionId }),
    )
  }

  async blobs(account: BlobAccount, signal: AbortSignal): Promise<SeenBlob[] | undefined> {
    const doing = `listing the blobs of ${account.name}/${ARTIFACT_CONTAINER}`
    try {
      return await this.access(account).byRoleOrKey(
        doing,
        async (abortSignal, alive) => {
          const found: SeenBlob[] = []
          const pages = this.container(account).listBlobsFlat({ includeMetadata: true, abortSignal }).byPage()
          for await (const { segment } of pages) {
            alive()
            found.push(
              ...segment.blobItems.map(({ name, metadata = {}, properties }) => ({
                account: account.name,
                name,
                metadata,
                lastModified: properties.lastModified.getTime(),
                etag: `"${properties.etag.replaceAll('"', '')}"`,
              })),
            )
          }
          return found
        },
        { cancelled: signal },
      )
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async template(id: string, signal: AbortSignal): Promise<SeenTemplate | undefined> {
    try {
      const call = {
        path: id,
        apiVersion: API_VERSION,
        doing: `reading image template ${lastName(id)}`,
        signal,
      }
      return seenTemplate((await this.edges.arm.request<TemplateBody>({ ...call, method: 'GET' })).body)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async deleteTemplate(id: string, signal: AbortSignal): Promise<'deleted' | 'gone' | 'busy'> {
    const doing = `deleting image template ${lastName(id)}`
    const call = { path: id, apiVersion: API_VERSION, doing, signal }
    try {
      const { status, operationUrl } = await this.edges.arm.request({ ...call, method: 'DELETE' })
      if (status === 204) return 'gone'
      await this.untilGone(id, doing, operationUrl, signal)
      return 'deleted'
    } catch (error) {
      if (isNotFound(error)) return 'gone'
      if (!isNotAllowedNow(error)) throw error
      // Refused because it is being deleted: an earlier try was taken, and its answer lost.
      const present = await this.template(id, signal)
      if (present && present.provisioningState !== 'Deleting') return 'busy'
      await this.untilGone(id, doing, undefined, signal)
      return 'deleted'
    }
  }

  private async untilGone(
    id: string,
    doing: string,
    operationUrl: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    await untilDeleted(this.edges, {
      doing,
      operationUrl,
      isThere: async () => (await this.template(id, signal)) !== undefined,
      deadline: this.edges.clock.now() + DELETION_MS,
      pollMs: POLL_MS,
      late: () => {
        const message = `Image Builder is still at it after ${DELETION_MS / 60_000} minutes.`
        return new AzureError({ doing, status: 200, code: 'StillDeleting', message })
      },
      signal,
    })
  }

  async deleteBlob(
    account: BlobAccount,
    { name, etag }: SeenBlob,
    signal: AbortSignal,
  ): Promise<'deleted' | 'gone' | 'changed'> {
    const conditions = { ifMatch: etag }
    try {
      await this.access(account).byRoleOrKey(
        `deleting blob ${ARTIFACT_CONTAINER}/${name}`,
        (abortSignal) =>
          this.container(account)
            .getBlobClient(name)
            .delete({ deleteSnapshots: 'include', conditions, abortSignal }),
        { cancelled: signal },
      )
      return 'deleted'
    } catch (error) {
      if (isNotFound(error)) return 'gone'
      if (error instanceof AzureError && error.code === 'ConditionNotMet') return 'changed'
      throw error
    }
  }

  private access(account: BlobAccount): BlobAccess {
    const access = this.opened.get(account.id) ?? new BlobAccess(account, this.edges)
    this.opened.set(account.id, access)
    return access
  }

  /** By the way that is open now: asked for anew each time, as it may change from role to key. */
  private container(account: BlobAccount): ContainerClient {
    return this.access(account).service.getContainerClient(ARTIFACT_CONTAINER)
  }
}

/** Azure as a sweep sees it. Nothing is asked of Azure or GitHub until the first call. */
export function connectSweeper({ signIn }: Pick<Connection, 'signIn'>, edges: ConnectEdges): SweeperPort {
  return new Leftovers(signedIn(signIn, edges))
}
