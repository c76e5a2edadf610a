/**
 * The story of a promotion: look, judge, and, when the tests passed, replicate, wait, bless, look again. It goes from how
 * the version stands to the next step, again and again, so that it may be killed anywhere and run once more.
 *
 * What is protected when others are at work, and what is not: Compute has no condition for an update (no ETag: reported).
 * Two promotions of one version want the same, and each looks again until what it wants is there; while one update is under
 * way Compute refuses another, which is waited for. A tag or region that somebody else writes in the second between our
 * reading and our update is lost with tags, and refused with regions: Compute lets no region go. Two versions of one
 * definition, blessed at the same time, do not hinder each other; each names as its predecessor what was latest when it
 * looked, and the higher number is latest then. A `concurrency` group of the workflow, one a definition, rules that out.
 */
import {
  inLatest,
  isBlessed,
  PREVIOUS_TAG,
  rollBackTarget,
  STATUS_TAG,
  tagOf,
  type SeenVersion,
} from './candidate.ts'
import type { Clock, GalleryPort, Runner } from '../ports.ts'
import type { PromoteRequest } from './promote-inputs.ts'
import {
  previousLine,
  PromotionError,
  refusal,
  rollBackCommand,
  type PromoteReport,
} from './promote-report.ts'
import { blessing, missingRegions, rejection, replication } from './promotion-changes.ts'
import { examine, reach, refuse } from './promotion-steps.ts'
import { withoutVersion } from '../resource-id.ts'
import { compareVersions } from '../source-image.ts'

export interface PromotionEdges {
  azure: GalleryPort
  runner: Pick<Runner, 'info' | 'quote' | 'warning' | 'cancelled'>
  clock: Pick<Clock, 'now' | 'sleep'>
}

/**
 * Promotes. What is known goes into `report` as it becomes known.
 * @throws InputError, SignInError, AzureError; PromotionError when the version is not to be blessed, or could not be
 */
export async function promote(
  request: PromoteRequest,
  report: PromoteReport,
  edges: PromotionEdges,
): Promise<void> {
  const { azure, runner } = edges
  const { operation, imageVersionId } = request
  Object.assign(report, { operation, imageVersionId })
  runner.info(`looking at ${imageVersionId}`)
  const version = await azure.version(imageVersionId, runner.cancelled)
  report.version = version
  const problems = examine(request, report, edges)
  runner.quote([
    `image version: ${version.id}`,
    `made from: ${tagOf(version, 'source-version') || 'unknown'}`,
    ...report.checks.map(({ passed, words }) => `${passed ? 'ok' : 'NOT OK'}: ${words}`),
  ])
  await lookAtLatest(report, edges)
  runner.info(
    `latest is ${report.latest === undefined ? 'no version' : `version ${report.latest}`} now; ${previousLine(report)}`,
  )
  if (wasRejected(request, version, problems)) throw rejected(report)
  if (problems.length > 0) refuse(report, refusal(version, problems))
  if (operation === 'check') checked(version, report, edges)
  else if (heedTests(request, report) === 'reject') await reject(request, report, edges)
  else await bless(request, report, edges)
}

/**
 * What `latest` is, and what to roll back to. What a version that is blessed replaced, its tag alone knows: by now it may
 * be latest itself.
 */
async function lookAtLatest(report: PromoteReport, { azure, runner, clock }: PromotionEdges): Promise<void> {
  const { version } = report
  if (!version) return
  const versions = await azure.versions(withoutVersion(version.id), runner.cancelled)
  const latest = inLatest(versions, clock.now()).at(-1)?.name
  const target = isBlessed(version)
    ? tagOf(version, PREVIOUS_TAG)
    : rollBackTarget(versions, version, clock.now())?.name
  report.latest = latest
  report.previous = target === '' ? undefined : target
}

function checked({ name }: SeenVersion, report: PromoteReport, { runner }: PromotionEdges): void {
  report.result = 'checked'
  runner.info(
    `version ${name} ${report.version && isBlessed(report.version) ? 'is blessed already' : 'may be tested, and blessed then'}; nothing was changed`,
  )
  warnOfHigher(report, runner)
}

function warnOfHigher({ version, latest }: PromoteReport, runner: PromotionEdges['runner']): void {
  if (!version || latest === undefined || compareVersions(latest, version.name) <= 0) return
  runner.warning(
    `Version ${latest} has a higher number than ${version.name} and stays latest: whoever asks for latest gets that one. ` +
      'Name this version where it is wanted, or exclude the other one from latest.',
  )
}

/** What the tests say; for tests that did not pass nothing is blessed, and for failed ones a candidate is marked. */
function heedTests({ testsResult }: PromoteRequest, report: PromoteReport): 'bless' | 'reject' {
  const { version } = report
  if (testsResult === 'success') return 'bless'
  const name = version?.name ?? ''
  if (testsResult !== 'failure') {
    const message = `The tests of version ${name} did not run to their end: tests-result is '${testsResult ?? ''}'. It is not blessed, and not marked either: once its tests have run, it can still be.`
    return refuse(report, new PromotionError('tests-not-run', message))
  }
  if (!version || !isBlessed(version)) return 'reject'
  const message = `The tests of version ${name} failed, which is blessed already. It is left as it is; to roll it back:\n  ${rollBackCommand(report)}`
  return refuse(report, new PromotionError('tests-failed', message))
}

/** Whether this very thing was done already: the step runs again. */
function wasRejected({ testsResult }: PromoteRequest, version: SeenVersion, problems: string[]): boolean {
  return testsResult === 'failure' && problems.length === 1 && tagOf(version, STATUS_TAG) === 'rejected'
}

async function reject(request: PromoteRequest, report: PromoteReport, edges: PromotionEdges): Promise<void> {
  report.doing = 'rejecting'
  await reach(request, report, edges, (version) => {
    // It may have been blessed meanwhile.
    heedTests(request, report)
    return Promise.resolve(rejection(version, mark(request, edges)))
  })
  delete report.doing
  throw rejected(report)
}

function rejected(report: PromoteReport): PromotionError {
  report.result = 'rejected'
  const message = `The tests of version ${report.version?.name ?? ''} failed. It is marked as rejected and stays excluded from latest; build a new version.`
  return new PromotionError('tests-failed', message)
}

function mark({ run }: PromoteRequest, { clock }: PromotionEdges): { now: number; run: string } {
  return { now: clock.now(), run }
}

/** First the replicas, then the blessing: nobody shall be told of a version that is not there yet. */
async function bless(request: PromoteRequest, report: PromoteReport, edges: PromotionEdges): Promise<void> {
  const { runner } = edges
  const { version } = report
  if (!version) return
  const before = isBlessed(version)
  announce(version, request, report, runner)
  report.doing = 'replicating'
  await reach(request, report, edges, (one) => Promise.resolve(replication(one, request.regions)))
  report.doing = 'blessing'
  await reach(request, report, edges, async (one) => {
    await lookAtLatest(report, edges)
    // A region that vanished meanwhile is put back first.
    return replication(one, request.regions) ?? blessing(one, request, report.previous, mark(request, edges))
  })
  delete report.doing
  report.result = before ? 'already-blessed' : 'blessed'
  runner.info(
    `version ${version.name} ${before ? 'was blessed already' : 'is blessed'}; ${previousLine(report)}`,
  )
  runner.info(`to roll it back: ${rollBackCommand(report)}`)
  warnOfHigher(report, runner)
}

function announce(
  version: SeenVersion,
  { regions }: PromoteRequest,
  report: PromoteReport,
  runner: PromotionEdges['runner'],
): void {
  report.added = missingRegions(version, regions).map(({ name }) => name)
  const present = regions.map(({ name }) => name).filter((name) => !report.added.includes(name))
  if (present.length > 0) runner.info(`it is in ${present.join(', ')} already: kept there as it is`)
  if (report.added.length > 0) runner.info(`replicating to ${report.added.join(', ')}...`)
}
