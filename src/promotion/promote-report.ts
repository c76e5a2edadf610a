/** What a promotion tells: its outputs, its lines, and its failures. */
import { isBlessed, regionNames, STATUS_TAG, tagOf, type Check, type SeenVersion } from './candidate.ts'
import { CancelledError, messageOf } from '../errors.ts'
import { explain, type Explanation } from '../explanation.ts'
import type { PromoteRequest } from './promote-inputs.ts'
import { emptyReport } from '../report.ts'
import { failedRegions } from './promotion-changes.ts'
import { parseResourceId, withoutVersion } from '../resource-id.ts'
import { keepRegionsCommand, latestCommand } from './version-commands.ts'

/** How a promotion ended that could say so; `refused`: the version is none to be blessed, or its tests did not run. */
export type PromotionResult = 'checked' | 'blessed' | 'already-blessed' | 'rejected' | 'refused'

/** Identifiers of a promotion's own failures, in `failure-code`; documented in docs/promotion.md. */
export type PromotionFailure =
  | 'not-a-candidate'
  | 'tests-failed'
  | 'tests-not-run'
  | 'replication-failed'
  | 'replication-unfinished'
  | 'promotion-not-reached'

/** The promotion came to its end, and not to a blessed version. */
export class PromotionError extends Error {
  readonly code: PromotionFailure

  constructor(code: PromotionFailure, message: string) {
    super(message)
    this.name = 'PromotionError'
    this.code = code
  }
}

/** Filled in as the promotion goes on; whatever is there at the end is reported, after a failure too. */
export interface PromoteReport {
  operation: PromoteRequest['operation']
  /** As it was given, before it was looked at. */
  imageVersionId: string
  /** As it was seen last. */
  version?: SeenVersion
  checks: Check[]
  /** What is being done to the version just now. */
  doing?: 'replicating' | 'blessing' | 'rejecting'
  /** Regions that were asked for and are new. */
  added: string[]
  /** What `latest` means, and what to roll back to: names of versions, absent where there is none. */
  latest?: string | undefined
  previous?: string | undefined
  result?: PromotionResult
  failureCode?: string
}

/** Nothing is known yet. */
export function emptyPromoteReport(): PromoteReport {
  return { operation: 'bless', imageVersionId: '', checks: [], added: [] }
}

/** The step's outputs; `json` holds all the others. */
export function promoteOutputs(report: PromoteReport): Record<string, string> {
  const { version, previous = '', result = '', failureCode = '' } = report
  const all = {
    'image-uri': version?.id ?? '',
    'image-version': version?.name ?? '',
    'image-status': version ? tagOf(version, STATUS_TAG) : '',
    result,
    'previous-version': previous,
    'previous-image-uri':
      version && previous !== '' ? `${withoutVersion(version.id)}/versions/${previous}` : '',
    regions: version ? JSON.stringify(regionNames(version)) : '',
    'roll-back-command': rollBackCommand(report),
    'failure-code': failureCode,
  }
  return { ...all, json: JSON.stringify(all) }
}

/** The command that takes a blessed version back; '' for one that is none. */
export function rollBackCommand({ version }: PromoteReport): string {
  return version && isBlessed(version) ? latestCommand(version.id, true) : ''
}

/** What to roll back to, in words. */
export function previousLine({ version, previous }: PromoteReport): string {
  const definition = parseResourceId(version?.id ?? '')?.names[1] ?? ''
  return previous === undefined
    ? `there is no other version of ${definition} in latest: nothing to roll back to`
    : `the roll-back target is version ${previous} of ${definition}`
}

/** The failure that names everything which is wrong. @param fate what was done, or not, before it showed */
export function refusal(
  { id }: SeenVersion,
  problems: readonly string[],
  fate = 'nothing was changed',
): PromotionError {
  const lines = problems.map((problem) => `- ${problem}`)
  return new PromotionError('not-a-candidate', `${id} is not to be blessed; ${fate}.\n${lines.join('\n')}`)
}

/** Azure did not get the version into these regions. */
export function replicationFailure(version: SeenVersion): PromotionError {
  const fate = version.excludeFromLatest ? ' It is not blessed, and stays excluded from latest.' : ''
  const [first, ...rest] = notReplicatedLines(version)
  return new PromotionError('replication-failed', [`${first}${fate}`, ...rest].join('\n'))
}

/** Where Azure did not get the version, why, and what to do, as lines. */
export function notReplicatedLines({ id, name, regions }: SeenVersion): [string, ...string[]] {
  const failed = failedRegions({ regions })
  const lost = failed.map(({ name: region }) => region).join(', ')
  const details = failed.map((one) => `- ${one.name}: ${one.details ?? 'Azure gave no reason'}`)
  const kept = regions.filter((one) => !failed.includes(one))
  const bodies = kept.map(({ body, name: region }) => ({ ...body, name: region }))
  return [
    `Version ${name} was not replicated${lost === '' ? '' : ` to ${lost}`}.`,
    ...details,
    'What to do: run this step again, which tries these regions again. If it goes on failing, take the regions out, of the version and of replication-regions:',
    `  ${keepRegionsCommand(id, bodies)}`,
  ]
}

/** A line for each region that stands otherwise than at the last look; `seen` is kept up. */
export function progressLines(version: SeenVersion, seen: Map<string, string>): string[] {
  return version.regions.flatMap(({ name, state = 'Unknown', progress }) => {
    const words = state === 'Replicating' ? `replicating, ${progress ?? 0} %` : state.toLowerCase()
    const before = seen.get(name)
    seen.set(name, words)
    // What is complete from the beginning is no news.
    return before === words || (before === undefined && state === 'Completed') ? [] : [`  ${name}: ${words}`]
  })
}

/** What a cancelled promotion leaves behind: nobody can stop Azure at it. */
export function cancelledWords({ doing, version, added }: PromoteReport): string {
  const words = 'The workflow was cancelled.'
  const name = version?.name ?? ''
  if (doing === undefined) return `${words} Nothing was changed.`
  if (doing === 'replicating') {
    const where = added.length > 0 ? ` to ${added.join(', ')}` : ''
    return `${words} Azure goes on replicating version ${name}${where}. It is not blessed. Run this step again to go on from there.`
  }
  return `${words} Azure may have taken the change all the same: 'operation: check' tells how version ${name} stands. Running this step again does no harm.`
}

/** A promotion's failure in the words that its reader needs. */
export function explainPromotion(error: unknown, report: PromoteReport): Explanation {
  const explanation = explain(error, emptyReport())
  // What the catalogue says of a cancel is about builds.
  const own =
    error instanceof PromotionError
      ? error.code
      : error instanceof CancelledError
        ? explanation.id
        : undefined
  if (own === undefined) return explanation
  const headline = error instanceof CancelledError ? cancelledWords(report) : messageOf(error)
  return { ...explanation, id: own, headline, cause: '', remedy: '', link: '', advice: [] }
}
