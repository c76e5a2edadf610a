/** Why the submission of a template failed after it was accepted, or why its run did without Packer. */
import { policyRefusal, type Planned } from '../policies.ts'
import type { World } from '../world.ts'

/** The operation's error and `provisioningError`. */
export class SubmissionFailure extends Error {
  /** Code of the operation's error. */
  readonly code: string
  /** One of the service's closed list of codes; the same as `code` where that is on it. */
  readonly provisioningErrorCode: string

  constructor(code: string, message: string, provisioningErrorCode = code) {
    super(message)
    this.code = code
    this.provisioningErrorCode = provisioningErrorCode
  }
}

/**
 * Throws when a policy denies what the service is about to make. Text and codes: documented; how the service puts the
 * inner refusal into its own message is assumed.
 */
export function checkPolicy(world: World, planned: Planned): void {
  const refusal = policyRefusal(world, planned)
  if (refusal === undefined) return
  const message = `${POLICY_VIOLATION} Details: RequestDisallowedByPolicy: ${refusal}`
  throw new SubmissionFailure('InvalidTemplateDeployment', message, 'Other')
}

export const POLICY_VIOLATION =
  'The template deployment failed because of policy violation. Please see details for more information.'

/** The template's identity may not read or write something. Text: documented. */
export function notAuthorized(idOrUrl: string): SubmissionFailure {
  return new SubmissionFailure('Unauthorized', notAuthorizedText(idOrUrl), 'Other')
}

export function notAuthorizedText(idOrUrl: string): string {
  return (
    `Not authorized to access the resource: ${idOrUrl}. Please check the user assigned identity has the correct ` +
    'permissions. For more details, go to https://aka.ms/azvmimagebuilderts.'
  )
}

/** What the service says when it does not know either. Text: recorded. */
export function internalError(provisioningErrorCode: string): SubmissionFailure {
  const message =
    'Internal error occurred. This is a generic error. To identify possible causes, go to ' +
    'https://aka.ms/azvmimagebuilderts.'
  return new SubmissionFailure('InternalOperationError', message, provisioningErrorCode)
}
