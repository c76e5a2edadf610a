/** What all Resource Manager parts share: a route with its Azure operation name, and errors in ARM's shape. */
import type { Reply, Request } from './server.ts'
import type { Principal } from './world.ts'

export interface ArmRequest extends Request {
  principal: Principal
  apiVersion: string
  /** The parsed body; an ArmError 400 `InvalidRequestContent` when it is not JSON. */
  json: () => unknown
}

export interface ArmRoute {
  method: string
  path: string
  /** Azure operation name, such as `Microsoft.Compute/images/read`; `{name}` stands for the path's `{name}`. */
  action: string
  /**
   * `resource` (default): the caller needs `action` at the request's path (a POST's last segment left out), or
   * above it. `readable`: a list; the handler itself returns only what the caller may read.
   */
  authorize?: 'resource' | 'readable'
  /** API versions that the real service accepts for this type; another one is refused as Azure does. */
  apiVersions: string[]
  handle: (request: ArmRequest) => Reply | Promise<Reply>
}

/** Thrown by handlers; answered as `{"error":{"code","message"}}` with this status. */
export class ArmError extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}
