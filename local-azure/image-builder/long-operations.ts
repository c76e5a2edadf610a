/** Image Builder's long-running operations: their URLs, their bodies, and the work behind them. Shapes: recorded. */
import { createHash, randomBytes } from 'node:crypto'
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import { API_VERSION, preciseTime } from './image-template.ts'
import type { Reply } from '../server.ts'
import { newId, regionKey, type World } from '../world.ts'

interface OperationBody {
  /** The operation's ID in capitals. */
  name: string
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
  startTime: string
  endTime?: string
  error?: { code: string; message: string }
}

/** How an operation ends. A cancelled run's operation ends `Canceled` (not recorded: assumed). */
export type Ending = 'Succeeded' | 'Canceled' | { code: string; message: string }

export interface LongOperation {
  /** `x-ms-request-id` of the first answer; the operation's URL holds it. */
  id: string
  url: string
  body: OperationBody
}

export class LongOperations {
  private readonly world: World
  private readonly baseUrl: () => string
  private readonly byId = new Map<string, LongOperation>()

  constructor(world: World, baseUrl: () => string) {
    this.world = world
    this.baseUrl = baseUrl
  }

  /** Begins an operation for the answer to a request. */
  start(location: string): LongOperation {
    const id = newId()
    const path =
      `/subscriptions/${this.world.seed.subscriptionId}/providers/Microsoft.VirtualMachineImages/locations/` +
      `${regionKey(location)}/operations/${id}`
    const url = `${this.baseUrl()}${path}?api-version=${API_VERSION}&${signature(path)}`
    const startTime = preciseTime(this.world.now(), 7)
    const operation: LongOperation = {
      id,
      url,
      body: { name: id.toUpperCase(), status: 'InProgress', startTime },
    }
    this.byId.set(id, operation)
    return operation
  }

  /** Works in the background, then ends the operation. A defect ends it too, with the stack in its message. */
  follow(operation: LongOperation, work: () => Promise<Ending | 'NeverEnds'>): void {
    const followed = async (): Promise<void> => {
      try {
        const ending = await work()
        if (ending !== 'NeverEnds') this.end(operation, ending)
      } catch (error) {
        if (this.world.closed.aborted) return
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
        this.end(operation, { code: 'LocalAzureDefect', message })
      }
    }
    this.world.background(followed())
  }

  private end(operation: LongOperation, ending: Ending): void {
    operation.body.endTime = preciseTime(this.world.now(), 7)
    operation.body.status = typeof ending === 'string' ? ending : 'Failed'
    if (typeof ending !== 'string') operation.body.error = ending
  }

  /** 200 in every state, without `Retry-After` (recorded). */
  route(): ArmRoute {
    return {
      method: 'GET',
      path: '/subscriptions/{subscription}/providers/Microsoft.VirtualMachineImages/locations/{region}/operations/{operation}',
      action: 'Microsoft.VirtualMachineImages/locations/operations/read',
      apiVersions: [API_VERSION],
      handle: (request) => this.state(request),
    }
  }

  private state(request: ArmRequest): Reply {
    const operation = this.byId.get((request.params['operation'] ?? '').toLowerCase())
    const sent = request.url.pathname + request.url.search
    // What Azure answers to an unsigned or altered operation URL is not recorded: status and text are assumed.
    if (!operation) throw new ArmError(404, 'OperationNotFound', `The operation '${sent}' was not found.`)
    if (new URL(operation.url).search !== request.url.search) {
      const message =
        'The signature of the operation URL is missing or invalid. Use the URL as it was returned.'
      throw new ArmError(403, 'InvalidOperationSignature', message)
    }
    return { status: 200, body: operation.body }
  }
}

/** Resource Manager signs operation URLs: time, certificate, signature, hash, about 3 KB in all (recorded). */
function signature(path: string): string {
  const ticks = String(621_355_968_000_000_000n + BigInt(Date.now()) * 10_000n)
  const hash = createHash('sha256').update(path).digest('base64url')
  return `t=${ticks}&c=${randomBytes(1800).toString('base64url')}&s=${randomBytes(256).toString('base64url')}&h=${hash}`
}

/** Headers of the first answer; `Location` where the service sends it. */
export function operationHeaders(operation: LongOperation, location: boolean): Record<string, string> {
  return {
    'x-ms-request-id': operation.id,
    'Azure-AsyncOperation': operation.url,
    ...(location && { Location: operation.url }),
  }
}
