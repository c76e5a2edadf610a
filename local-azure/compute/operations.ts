/** Compute's long-running operations: deletions and updates of images, and the URLs at which their end is asked for. */
import type { ArmRequest, ArmRoute } from '../arm.ts'
import * as refuse from '../resource-manager/errors.ts'
import { originOf } from '../resource-manager/lists.ts'
import type { Reply } from '../server.ts'
import { newId, regionKey, type Resource, type World } from '../world.ts'

/** Milliseconds that Compute takes to delete an image (assumed). */
const DELETION = 30_000

/** Galleries use operations of their own (recorded). */
export type OperationKind = 'operations' | 'capsOperations'

export interface Operation {
  name: string
  startTime: string
  endTime?: string
  status: 'InProgress' | 'Succeeded' | 'Failed'
  error?: { code: string; message: string }
}

export class ComputeOperations {
  private readonly world: World
  private readonly operations = new Map<string, Operation>()

  constructor(world: World) {
    this.world = world
  }

  /** Deletes in the background: 202 with both operation headers; 204 when there is nothing to delete. */
  delete(request: ArmRequest, resource: Resource | undefined, kind: OperationKind): Reply {
    if (!resource) return { status: 204 }
    const { operation, url, version } = this.begin(request, resource, kind)
    resource.properties['provisioningState'] = 'Deleting'
    this.world.background(this.finish(operation, resource))
    return {
      status: 202,
      headers: { 'Azure-AsyncOperation': `${url}?${version}`, Location: `${url}?monitor=true&${version}` },
    }
  }

  /** An operation on a resource, in progress until `end` is called; its URL has no query yet. */
  begin(
    request: ArmRequest,
    resource: Resource,
    kind: OperationKind,
  ): { operation: Operation; url: string; version: string } {
    const operation: Operation = { name: newId(), startTime: timestamp(), status: 'InProgress' }
    this.operations.set(operation.name, operation)
    const { subscriptionId } = this.world.seed
    const url =
      `${originOf(request)}/subscriptions/${subscriptionId}/providers/Microsoft.Compute/locations/` +
      `${regionKey(resource.location ?? '')}/${kind}/${operation.name}`
    return { operation, url, version: `api-version=${request.apiVersion}` }
  }

  end(operation: Operation, error?: Operation['error']): void {
    const status = error ? 'Failed' : 'Succeeded'
    Object.assign(operation, { status, endTime: timestamp(), ...(error && { error }) })
  }

  private async finish(operation: Operation, resource: Resource): Promise<void> {
    try {
      await this.world.elapse(DELETION)
    } catch {
      return // the local Azure has closed
    }
    this.world.resources.delete(resource.id)
    this.world.imageFileSystems.delete(resource.id.toLowerCase())
    this.end(operation)
  }

  routes(apiVersions: string[]): ArmRoute[] {
    return (['operations', 'capsOperations'] as const).map((kind) => ({
      method: 'GET',
      path: `/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/${kind}/{operation}`,
      action: `Microsoft.Compute/locations/${kind}/read`,
      apiVersions,
      handle: (request) => this.state(request),
    }))
  }

  /** `Azure-AsyncOperation` answers 200 with the state, `Location` 202 until the end. */
  private state(request: ArmRequest): Reply {
    const operation = this.operations.get(request.params['operation'] ?? '')
    if (!operation) throw refuse.invalidUrl(request.url.pathname)
    if (request.url.searchParams.get('monitor') !== 'true') return { status: 200, body: operation }
    return { status: operation.status === 'InProgress' ? 202 : 200 }
  }
}

/** Compute's form of a time: seven decimals and an offset (recorded). */
export function timestamp(at = new Date()): string {
  return at.toISOString().replace('Z', '0000+00:00')
}
