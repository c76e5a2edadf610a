/**
 * Requests to Resource Manager. One function owns authentication and error bodies; what may be repeated is said by the
 * caller, because a repeated PUT or `run` could build twice.
 */
import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  decompressResponsePolicy,
  proxyPolicy,
  setClientRequestIdPolicy,
  userAgentPolicy,
  type HttpMethods,
  type PipelineResponse,
} from '@azure/core-rest-pipeline'
import { AzureError, SignInError } from '../errors.ts'
import { FALTERING, retryAfter, type Patience } from '../patience.ts'
import type { OperationStatus } from '../run-status.ts'
import type { Credential } from './credential.ts'

export interface ArmOptions {
  /** Base URL without a trailing slash. */
  endpoint: string
  scope: string
  credential: Credential
  userAgent: string
  patience: Patience
}

export interface ArmCall {
  method: HttpMethods
  /** Path below the endpoint, or a whole URL that the service gave, which is used as it is. */
  path: string
  apiVersion: string
  /** What is being done, for errors: `reading gallery image x`. */
  doing: string
  body?: object
  signal?: AbortSignal | undefined
  /**
   * Whether a repetition does no harm; reading and deleting never do. Otherwise the call is repeated only when the
   * service said that it did nothing (429), and an unclear end is an AzureError with `ambiguous: true`.
   */
  repeatable?: boolean
  /** Whether there is one try alone: for what is asked again before long. */
  once?: boolean
}

export interface ArmAnswer<T> {
  status: number
  body: T
  /** URL of the long-running operation that the call began. */
  operationUrl?: string
  /** When the service wants to be asked again; it says so for operations, if at all. */
  retryAfterMs?: number
  ids: RequestIds
}

/** Azure's own names of a request, for its support. */
interface RequestIds {
  requestId?: string
  correlationId?: string
}

export class ResourceManager {
  private readonly options: ArmOptions
  private readonly pipeline = createEmptyPipeline()
  private readonly http = createDefaultHttpClient()

  constructor(options: ArmOptions) {
    this.options = options
    this.pipeline.addPolicy(proxyPolicy())
    this.pipeline.addPolicy(decompressResponsePolicy())
    this.pipeline.addPolicy(setClientRequestIdPolicy())
    this.pipeline.addPolicy(userAgentPolicy({ userAgentPrefix: options.userAgent }))
  }

  /**
   * @returns the answer of a call that succeeded
   * @throws AzureError when the service refused it or went on failing; SignInError
   */
  async request<T>(call: ArmCall): Promise<ArmAnswer<T>> {
    const { credential, scope, patience } = this.options
    const { doing, signal: cancelled } = call
    const response = await patience.persist(
      doing,
      async () => {
        const { token } = await credential.getToken(scope, cancelled ? { abortSignal: cancelled } : {})
        return await patience
          .heard((signal) => this.send(call, token, signal), { cancelled })
          .catch((error: unknown) => Promise.reject(failureOf(doing, error, cancelled) as Error))
      },
      {
        repeatable: isRepeatable(call),
        ...(call.once ? { limit: 0 } : {}),
        cancelled,
        onTrouble: ({ kind }) => {
          if (kind === 'stale-token') credential.forget()
        },
      },
    )
    return readAnswer<T>(response)
  }

  /** Every item of a paged list. */
  async list<T>(call: Omit<ArmCall, 'method' | 'repeatable'>): Promise<T[]> {
    const items: T[] = []
    let path: string | undefined = call.path
    while (path) {
      const page: ArmAnswer<{ value: T[]; nextLink?: string }> = await this.request({
        ...call,
        path,
        method: 'GET',
      })
      items.push(...page.body.value)
      path = page.body.nextLink
    }
    return items
  }

  /** State of a long-running operation. */
  async operation(
    url: string,
    apiVersion: string,
    how: Pick<ArmCall, 'signal' | 'once'> = {},
  ): Promise<OperationStatus & { retryAfterMs?: number }> {
    const call = { path: url, apiVersion, doing: 'reading the state of the operation', ...how }
    const { body, retryAfterMs } = await this.request<OperationStatus>({ ...call, method: 'GET' })
    return { ...body, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }

  private async send(call: ArmCall, token: string, abortSignal: AbortSignal): Promise<PipelineResponse> {
    const { doing, method, body } = call
    const headers = createHttpHeaders({
      Authorization: `Bearer ${token}`,
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    })
    const request = createPipelineRequest({
      url: this.url(call),
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
      abortSignal,
    })
    const response = await this.pipeline.sendRequest(this.http, request)
    if (response.status >= 400) throw refusal(doing, response)
    // Cut off on the way, or a proxy's own page: what was asked for did not come.
    if (method === 'GET' && parse(response.bodyAsText) === undefined) {
      throw noAnswer(doing, new Error('the answer is not JSON'), response.status)
    }
    return response
  }

  /** Only Resource Manager itself is sent its token, whatever address an answer names. */
  private url({ path, apiVersion, doing }: ArmCall): string {
    const { endpoint } = this.options
    const absolute = /^https?:/i.test(path)
    const url = new URL(absolute ? path : endpoint + path)
    const { origin } = new URL(endpoint)
    if (url.origin !== origin) {
      throw new AzureError({
        doing,
        status: 200,
        code: 'ForeignAddress',
        message: `The answer points to ${url.origin}, which is not Resource Manager (${origin}). Nothing was sent there.`,
        remedy: "Check 'resource-manager-endpoint', and what stands between the runner and Azure.",
      })
    }
    if (absolute) return path
    if (!url.searchParams.has('api-version')) url.searchParams.set('api-version', apiVersion)
    return url.href
  }
}

function isRepeatable({ method, repeatable }: ArmCall): boolean {
  return repeatable ?? (method === 'GET' || method === 'DELETE')
}

class RetriableError extends AzureError {
  retryAfterMs: number | undefined
}

function refusal(doing: string, response: PipelineResponse): RetriableError {
  const { code, message } = errorBody(response)
  const error = new RetriableError({
    doing,
    status: response.status,
    code,
    message,
    ...requestIds(response),
    ambiguous: FALTERING.has(response.status),
  })
  error.retryAfterMs = retryAfter(response.headers.get('retry-after'))
  return error
}

/** What came of a try, as a failure of the call; a sign-in that failed and a cancel stay what they are. */
function failureOf(doing: string, error: unknown, cancelled: AbortSignal | undefined): unknown {
  const known = error instanceof AzureError || error instanceof SignInError
  return known || cancelled?.aborted ? error : noAnswer(doing, error)
}

function noAnswer(doing: string, cause: unknown, status = 0): RetriableError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = (cause as { code?: string }).code ?? 'NoAnswer'
  return new RetriableError({ doing, status, code, message, ambiguous: true }, { cause })
}

/** Resource Manager wraps errors in `error`; Image Builder did not before API version 2021-10-01. */
function errorBody(response: PipelineResponse): { code: string; message: string } {
  const body = parse(response.bodyAsText) as { error?: { code?: string; message?: string } } | undefined
  const error = body?.error ?? (body as { code?: string; message?: string } | undefined)
  return {
    code: error?.code ?? `HTTP${response.status}`,
    message: error?.message ?? response.bodyAsText?.slice(0, 500) ?? '',
  }
}

function readAnswer<T>(response: PipelineResponse): ArmAnswer<T> {
  const operationUrl = response.headers.get('azure-asyncoperation') ?? response.headers.get('location')
  const retryAfterMs = retryAfter(response.headers.get('retry-after'))
  return {
    status: response.status,
    body: parse(response.bodyAsText) as T,
    ...(operationUrl === undefined ? {} : { operationUrl }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ids: requestIds(response),
  }
}

function requestIds({ headers }: PipelineResponse): RequestIds {
  const requestId = headers.get('x-ms-request-id')
  const correlationId = headers.get('x-ms-correlation-request-id')
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(correlationId === undefined ? {} : { correlationId }),
  }
}

function parse(text: string | null | undefined): unknown {
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
