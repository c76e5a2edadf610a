/**
 * Requests to Resource Manager. One function owns authentication, retries, error bodies and throttling; what may be
 * repeated is said by the caller, because a repeated PUT or `run` could build twice.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { TokenCredential } from '@azure/core-auth'
import {
  bearerTokenAuthenticationPolicy,
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
import type { OperationStatus } from '../run-status.ts'

export interface ArmOptions {
  /** Base URL without a trailing slash. */
  endpoint: string
  scope: string
  credential: TokenCredential
  userAgent: string
  debug: (message: string) => void
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

const TRIES = 6
/** How long one answer may take; longer ones are given by long-running operations. */
const ANSWER_MS = 60_000
const RETRIED = new Set([408, 429, 500, 502, 503, 504])

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
    this.pipeline.addPolicy(
      bearerTokenAuthenticationPolicy({ credential: options.credential, scopes: options.scope }),
    )
  }

  /**
   * @returns the answer of a call that succeeded
   * @throws AzureError when the service refused it or went on failing; SignInError
   */
  async request<T>(call: ArmCall): Promise<ArmAnswer<T>> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.tryOnce(call)
      if (!(outcome instanceof AzureError)) return readAnswer<T>(outcome.response)
      // A token may run out on its way; by now there is a fresh one. Nothing was done with the old one.
      const ranOut = outcome.status === 401 && attempt === 1
      const retryable = ranOut || outcome.status === 429 || (isRepeatable(call) && outcome.ambiguous)
      if (!retryable || attempt === TRIES) throw outcome
      const wait = outcome.retryAfterMs ?? Math.random() * 1000 * 2 ** attempt
      this.options.debug(`${outcome.message}; trying again in ${Math.round(wait)} ms`)
      await delay(wait, undefined, call.signal ? { signal: call.signal } : {})
    }
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
    signal?: AbortSignal,
  ): Promise<OperationStatus & { retryAfterMs?: number }> {
    const call = { path: url, apiVersion, doing: 'reading the state of the operation', signal }
    const { body, retryAfterMs } = await this.request<OperationStatus>({ ...call, method: 'GET' })
    return { ...body, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }

  private async tryOnce(call: ArmCall): Promise<{ response: PipelineResponse } | RetriableError> {
    const request = createPipelineRequest({
      url: this.url(call),
      method: call.method,
      headers: createHttpHeaders(call.body ? { 'Content-Type': 'application/json' } : {}),
      ...(call.body ? { body: JSON.stringify(call.body) } : {}),
      // Not by the pipeline's own timeout: its timer outlives a request that is aborted, and the process with it.
      abortSignal: AbortSignal.any([AbortSignal.timeout(ANSWER_MS), ...(call.signal ? [call.signal] : [])]),
    })
    try {
      const response = await this.pipeline.sendRequest(this.http, request)
      if (response.status >= 400) return refusal(call.doing, response)
      // Cut off on the way, or a proxy's own page: what was asked for did not come.
      if (call.method === 'GET' && parse(response.bodyAsText) === undefined) {
        return noAnswer(call.doing, new Error('the answer is not JSON'), response.status)
      }
      return { response }
    } catch (error) {
      if (error instanceof SignInError || call.signal?.aborted) throw error
      return noAnswer(call.doing, error)
    }
  }

  private url({ path, apiVersion }: ArmCall): string {
    if (/^https:/i.test(path)) return path
    const url = new URL(this.options.endpoint + path)
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
    ambiguous: RETRIED.has(response.status) && response.status !== 429,
  })
  error.retryAfterMs = retryAfter(response.headers.get('retry-after'))
  return error
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

/** Milliseconds from a `Retry-After` in seconds or as a date. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
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
