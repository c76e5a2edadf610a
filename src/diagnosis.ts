/**
 * Finds the entry of the catalogue that a failure is. A wrong one is worse than none: what no marks fit, or what has only
 * part of them, is `unknown`.
 */
import {
  ArtifactError,
  AzureError,
  BuildFailedError,
  CancelledError,
  InputError,
  SignInError,
} from './errors.ts'
import { FAILURES, type Failure, type LineMark, type Marks } from './failures.ts'
import { UNKNOWN } from './failures/workflow.ts'
import type { LogReading, Provisioner } from './packer-log.ts'

export interface Diagnosis {
  failure: Failure
  /** What the failure's own words told, by the names that its texts have in braces; URLs without their queries. */
  facts: Record<string, string>
}

/** Every line of the log that the catalogue looks for, for `PackerLog` to watch. */
export const LOG_MARKS: readonly RegExp[] = FAILURES.flatMap(({ marks }) =>
  marks.flatMap(({ log = [], without = [] }) => [...log.map(({ line }) => line), ...without]),
)

/** What the class of an error tells by itself. */
const BY_CLASS = [
  { kind: InputError, id: 'invalid-input' },
  { kind: ArtifactError, id: 'artifact-changed' },
  { kind: CancelledError, id: 'cancelled' },
] as const

/**
 * What a failure is; never throws.
 * @param error what was thrown
 * @param log what the customization log told, read with `LOG_MARKS`: most failures of scripts show there alone
 */
export function diagnose(error: unknown, log?: LogReading): Diagnosis {
  const told = BY_CLASS.find(({ kind }) => error instanceof kind)
  const failure = FAILURES.find(({ id }) => id === told?.id)
  if (failure) return { failure, facts: {} }
  const evidence = evidenceOf(error, log)
  for (const entry of evidence ? FAILURES : []) {
    for (const marks of entry.marks) {
      const facts = evidence && fit(marks, evidence)
      if (facts) return { failure: withOwnRemedy(entry, error), facts: presentable(facts) }
    }
  }
  return { failure: withOwnRemedy(UNKNOWN, error), facts: {} }
}

/** Who throws an error may know better than the catalogue what to do. */
function withOwnRemedy(failure: Failure, error: unknown): Failure {
  return error instanceof AzureError && error.remedy !== undefined
    ? { ...failure, remedy: error.remedy }
    : failure
}

/** A text with its facts in place of `{name}`; one that is not known is shown as `<name>`. */
export function filled(text: string, facts: Record<string, string>): string {
  return text.replace(/\{([a-z][a-zA-Z]*)\}/g, (_, name: string) =>
    Object.hasOwn(facts, name) ? (facts[name] ?? '') : `<${name}>`,
  )
}

/** Cause, remedy and link as lines for a reader; where no cause is certain, a remedy of the error's own, or nothing. */
export function advice({ failure, facts }: Diagnosis): string[] {
  const { id, cause, remedy, link } = failure
  const toDo = `What to do: ${filled(remedy, facts)}`
  if (cause === '') return remedy === UNKNOWN.remedy ? [] : [toDo]
  return [`Cause: ${filled(cause, facts)}`, toDo, `See: ${link} (failure-code: ${id})`]
}

/** What to do about a refusal of Azure: its own remedy, else that of the catalogue; undefined when none is certain. */
export function remedyFor(error: AzureError): string | undefined {
  if (error.remedy !== undefined) return error.remedy
  const { failure, facts } = diagnose(error)
  return failure === UNKNOWN ? undefined : filled(failure.remedy, facts)
}

/** What is known of a failure. A part that it does not have is empty. */
interface Evidence {
  kind: 'sign-in' | 'azure' | 'build'
  status: string
  code: string
  text: string
  log?: LogReading
}

function evidenceOf(error: unknown, log: LogReading | undefined): Evidence | undefined {
  if (error instanceof SignInError) return { kind: 'sign-in', status: '', code: '', text: error.message }
  if (error instanceof AzureError) {
    const { status, code, azureMessage: text } = error
    return { kind: 'azure', status: String(status), code, text }
  }
  if (!(error instanceof BuildFailedError)) return undefined
  // The name of a template may be anything.
  const text = error.message.replace(/^The run of image template \S+ ended/, 'The run ended')
  return { kind: 'build', status: '', code: '', text, ...(log ? { log } : {}) }
}

/** The facts of marks that all fit; undefined when one does not. */
function fit(marks: Marks, evidence: Evidence): Record<string, string> | undefined {
  const { kind, status, code, text, reason, exitCode, provisioner, log: lines = [], without = [] } = marks
  if (!kind.split(' or ').includes(evidence.kind)) return undefined
  const { log } = evidence
  const step = log && failedStep(log)
  const parts: [RegExp | undefined, string][] = [
    [status, evidence.status],
    [code, evidence.code],
    [text, evidence.text],
    [reason, log?.reason ?? ''],
    [exitCode, step?.exitCode === undefined ? '' : String(step.exitCode)],
    [provisioner, step?.type ?? ''],
  ]
  const found = [
    ...parts.flatMap(([pattern, words]) => (pattern ? [groupsOf(pattern, words)] : [])),
    ...lines.map((mark) => log && sighted(mark, log, step)),
    ...(marks.output ? [lastLine(marks.output, step)] : []),
  ]
  if (found.includes(undefined) || without.some((line) => log?.seen.has(line))) return undefined
  return Object.assign({}, marks.facts, ...found) as Record<string, string>
}

/** Named groups that took part; undefined when the pattern does not fit. */
function groupsOf(pattern: RegExp, words: string): Record<string, string> | undefined {
  const match = pattern.exec(words)
  if (!match) return undefined
  const groups = Object.entries(match.groups ?? {}) as [string, string | undefined][]
  return Object.fromEntries(groups.filter((group): group is [string, string] => group[1] !== undefined))
}

/** The step in which the build broke; the last one where the log does not tell. */
function failedStep({ failed, provisioners }: LogReading): Provisioner | undefined {
  return failed ?? provisioners.at(-1)
}

const END = 20

function sighted(
  { line, times = 1, within }: LineMark,
  { seen, lines }: LogReading,
  step: Provisioner | undefined,
): Record<string, string> | undefined {
  const sighting = seen.get(line)
  if (!sighting || sighting.times < times) return undefined
  const where = {
    deployment: sighting.provisioner === 0,
    failed: sighting.provisioner === (step?.number ?? 0),
    end: sighting.at > lines - END,
  }
  return within === undefined || where[within] ? sighting.groups : undefined
}

/** A package manager says more after the line that counts, and Packer has its own last words. */
const LAST_LINES = 12

/** The last fitting one of the lines that the step printed last. */
function lastLine(pattern: RegExp, step: Provisioner | undefined): Record<string, string> | undefined {
  const printed = (step?.tail ?? []).slice(-LAST_LINES)
  const line = printed.findLast((text) => pattern.test(text))
  return line === undefined ? undefined : groupsOf(pattern, line)
}

/** In one line each, and without the query of a URL, which may hold a signature. */
function presentable(facts: Record<string, string>): Record<string, string> {
  const bare = (value: string): string => value.replace(/\?[^\s'"]*=[^\s'"]*/g, '').replace(/\s+/g, ' ')
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, bare(value)]))
}

/**
 * The words for a failed sign-in; cause and remedy are the catalogue's.
 * @param failure text of the failure as the libraries give it
 * @param assertion the ID token that was presented, or '' when GitHub gave none; only its public claims are shown
 */
export function signInFailure(failure: string, assertion: string): string {
  if (/ACTIONS_ID_TOKEN_REQUEST_(URL|TOKEN)/.test(failure)) return 'GitHub gives this job no ID token.'
  const refusal = gitHubRefusal(failure)
  if (refusal !== undefined) return `GitHub gave no ID token to sign in with: ${refusal}`
  // MSAL keeps the answer to itself when it cannot read the authority's description.
  if (failure.includes('endpoints_resolution_error'))
    return 'Entra ID refused the sign-in. The tenant was not found.'
  const aadsts = /\bAADSTS\d+/.exec(failure)?.[0]
  if (aadsts !== undefined && isKnown(aadsts)) {
    const words = /\bAADSTS\d+:[^\r\n]*?(?=\s+(?:Trace ID|- Correlation|Correlation ID)|[\r\n]|$)/.exec(
      failure,
    )?.[0]
    return `Entra ID refused the sign-in: ${words ?? aadsts}\n${presented(assertion)}`.trim()
  }
  if (
    aadsts === undefined &&
    /AzureCliCredential|ManagedIdentityCredential|ChainedTokenCredential/.test(failure)
  ) {
    return `No client-id was given and the runner is not signed in to Azure.\n${failure}`
  }
  return `Signing in to Azure failed: ${failure}`
}

/** Whether the catalogue has an entry for a code of Entra ID. */
function isKnown(aadsts: string): boolean {
  return FAILURES.some(({ marks }) =>
    marks.some(({ kind, text }) => kind === 'sign-in' && text?.test(aadsts)),
  )
}

function presented(assertion: string): string {
  const claims = publicClaims(assertion)
  return claims ? `Presented: issuer ${claims.iss}, subject ${claims.sub}, audience ${claims.aud}` : ''
}

/** What GitHub's endpoint for ID tokens answered, out of the toolkit's words of several lines; undefined for others. */
function gitHubRefusal(failure: string): string | undefined {
  if (failure.includes('Response json body do not have ID Token field'))
    return 'its answer has no ID Token field.'
  if (!failure.includes('Failed to get ID Token')) return undefined
  const status = /Error Code\s*:\s*(\d+)/.exec(failure)?.[1]
  const message = /Error Message:\s*([\s\S]*)$/.exec(failure)?.[1]?.trim()
  return [status && `HTTP ${status}`, message].filter(Boolean).join(': ')
}

/** The three claims that a federated credential is matched by; undefined for what is no ID token. */
function publicClaims(token: string): { iss: string; sub: string; aud: string } | undefined {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const { iss, sub, aud } = JSON.parse(payload) as Record<'iss' | 'sub' | 'aud', unknown>
    return { iss: String(iss), sub: String(sub), aud: String(aud) }
  } catch {
    return undefined
  }
}
