/**
 * Stable identifiers of failures, for the output `failure-code`: scripts and workflows decide by them. None is better
 * than a wrong one: what no signature fits is `unknown`.
 */
import {
  ArtifactError,
  AzureError,
  BuildFailedError,
  CancelledError,
  InputError,
  messageOf,
  SignInError,
} from './errors.ts'
import { SIGNATURES, type Signature } from './failure-signatures.ts'

/** Every identifier that `failureCode` can return. */
export const FAILURE_CODES: readonly string[] = [
  ...new Set([
    'invalid-input',
    'artifact-changed',
    'cancelled',
    ...SIGNATURES.map(({ id }) => id),
    'unknown',
  ]),
]

/**
 * The identifier of a failure, one of `FAILURE_CODES`.
 * @param error what was thrown
 * @param log the customization log, where it could be read: most failures of scripts show there alone
 */
export function failureCode(error: unknown, log = ''): string {
  if (error instanceof InputError) return 'invalid-input'
  if (error instanceof ArtifactError) return 'artifact-changed'
  if (error instanceof CancelledError) return 'cancelled'
  const evidence = evidenceOf(error, log)
  return SIGNATURES.find((signature) => evidence && fits(signature, evidence))?.id ?? 'unknown'
}

interface Evidence {
  kind: 'sign-in' | 'azure' | 'build'
  status: string
  code: string
  text: string
  reason: string
  log: string
  end: string
}

function evidenceOf(error: unknown, log: string): Evidence | undefined {
  const none = { status: '', code: '', text: messageOf(error), reason: '', log: '', end: '' }
  if (error instanceof SignInError) return { ...none, kind: 'sign-in' }
  if (error instanceof AzureError) {
    const { status, code, azureMessage: text } = error
    return { ...none, kind: 'azure', status: String(status), code, text }
  }
  if (!(error instanceof BuildFailedError)) return undefined
  return {
    ...none,
    kind: 'build',
    reason: reasonOf(log),
    log,
    end: log.trimEnd().split('\n').slice(-20).join('\n'),
  }
}

function fits({ kind, log = [], ...signature }: Signature, evidence: Evidence): boolean {
  const parts = ['status', 'code', 'text', 'reason', 'end'] as const
  return (
    kind.split(' or ').includes(evidence.kind) &&
    parts.every((part) => signature[part]?.test(evidence[part]) ?? true) &&
    log.every((mark) => mark.test(evidence.log))
  )
}

/** Packer's last word on a build that failed. Not a script's: before those stands where they come from. */
function reasonOf(log: string): string {
  const ends = log.matchAll(
    /^(?:\[[^\]]*\] PACKER (?:OUT |ERR )?)?(?:[\d/]+ [\d:]+ (?:ui(?: error)?: )?)?Build 'azure-arm' errored(?: after [^:]+)?: (.*)$/gm,
  )
  return [...ends].at(-1)?.[1]?.trim() ?? ''
}
