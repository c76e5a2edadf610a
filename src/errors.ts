/** The failures that a user sees: what happened. What to do is told by `diagnosis.ts`; `cause` keeps the technical rest. */

/** One mistake in the inputs, or one thing that Azure lacks for them. */
export interface Problem {
  /** Name of the input that is wrong. */
  input: string
  /** What was given and what is allowed, as a sentence without the input's name. */
  message: string
}

/** The inputs, or what they name in Azure, are wrong: every mistake at once, before anything is created. */
export class InputError extends Error {
  readonly problems: Problem[]

  constructor(problems: Problem[]) {
    const lines = problems.map(({ input, message }) => `- ${input}: ${message}`)
    const title = problems.length === 1 ? '1 input needs a change' : `${problems.length} inputs need a change`
    super(`${title}; nothing was created.\n${lines.join('\n')}`)
    this.name = 'InputError'
    this.problems = problems
  }
}

/** Signing in to Entra ID failed. */
export class SignInError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SignInError'
  }
}

export interface AzureFailure {
  /** What was being done, such as `submitting image template t_1`. */
  doing: string
  /** HTTP status; 0 when no answer came; 200 for an operation that failed later. */
  status: number
  /** Azure's error code, such as `AuthorizationFailed`. */
  code: string
  /** Azure's message, as it came. */
  message: string
  /** `x-ms-request-id`, for Azure support. */
  requestId?: string
  /** `x-ms-correlation-request-id`, for Azure support. */
  correlationId?: string
  /**
   * Whether the service may have acted although the call failed (no answer, a timeout, a 5xx): then look
   * before doing it again.
   */
  ambiguous?: boolean
  /** What to do now, where the one who throws knows it better than the catalogue of failures. */
  remedy?: string
}

/** An Azure service refused a call or failed. */
export class AzureError extends Error {
  readonly doing: string
  readonly status: number
  readonly code: string
  readonly azureMessage: string
  readonly requestId: string | undefined
  readonly correlationId: string | undefined
  readonly ambiguous: boolean
  readonly remedy: string | undefined

  constructor(failure: AzureFailure, options?: ErrorOptions) {
    const { doing, status, code, message, requestId, correlationId } = failure
    // A failed operation is told of with HTTP 200, which would only puzzle.
    const answer = status < 400 ? code : `${code} (HTTP ${status})`
    super(`Failed while ${doing}: ${answer}: ${message}${bracket(requestId, correlationId)}`, options)
    this.name = 'AzureError'
    this.doing = doing
    this.status = status
    this.code = code
    this.azureMessage = message
    this.requestId = requestId
    this.correlationId = correlationId
    this.ambiguous = failure.ambiguous ?? false
    this.remedy = failure.remedy
  }
}

/** ` [request X, correlation Y]`, of those that there are. */
function bracket(requestId: string | undefined, correlationId: string | undefined): string {
  const named = [requestId && `request ${requestId}`, correlationId && `correlation ${correlationId}`]
  const ids = named.filter(Boolean).join(', ')
  return ids === '' ? '' : ` [${ids}]`
}

/** A file of the build artifact is not what it was when packing began, or cannot be read; the message names it. */
export class ArtifactError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ArtifactError'
  }
}

/** Image Builder ended the build without the image: the template was not provisioned or its run failed. */
export class BuildFailedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BuildFailedError'
  }
}

/** The workflow was cancelled while the build was under way. */
export class CancelledError extends Error {
  constructor(message = 'The workflow was cancelled.') {
    super(message)
    this.name = 'CancelledError'
  }
}

/** Whether Azure said that the thing does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof AzureError && error.status === 404
}

/** Image Builder's refusal of an operation in the template's present state; worded in several ways over the years. */
export function isNotAllowedNow(error: unknown): boolean {
  return error instanceof AzureError && /is not allowed in provisioning ?state/i.test(error.azureMessage)
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
