/** The long part of the story of a promotion: one change after the other, each awaited, until none is left. */
import { isAtWork, judge, STATUS_TAG, tagOf, type SeenVersion } from './candidate.ts'
import type { PromoteRequest } from './promote-inputs.ts'
import {
  progressLines,
  PromotionError,
  refusal,
  replicationFailure,
  type PromoteReport,
} from './promote-report.ts'
import { failedRegions, tagsTooMany, type VersionChange } from './promotion-changes.ts'
import type { PromotionEdges } from './promotion.ts'

/** Replicas may take that long (Azure's documentation on troubleshooting galleries). */
const LONGEST_MS = 6 * 60 * 60_000
/** How often a change is asked for that does not show: somebody else undoes it. */
const TRIES = 3

/** Judges the version as it was seen last, and returns what is wrong. */
export function examine(request: PromoteRequest, report: PromoteReport, { clock }: PromotionEdges): string[] {
  const { version } = report
  if (!version) return []
  const now = clock.now()
  report.checks = judge(version, { ...request, now })
  const tooMany = tagsTooMany(version, request.imageTags, { ...request, now })
  return [
    ...report.checks.filter(({ passed }) => !passed).map(({ words }) => words),
    ...(tooMany > 0
      ? [`it would have ${tooMany} tags more than the 50 that Azure allows: give fewer image-tags`]
      : []),
  ]
}

/** Ends a promotion that never began. */
export function refuse(report: PromoteReport, error: PromotionError): never {
  report.result = 'refused'
  throw error
}

/**
 * Asks for the next change until none is left. Each is worked out from a fresh reading, which is judged anew: a version
 * that somebody rejected meanwhile is not blessed.
 */
export async function reach(
  request: PromoteRequest,
  report: PromoteReport,
  edges: PromotionEdges,
  next: (version: SeenVersion) => Promise<VersionChange | undefined>,
): Promise<void> {
  const { azure, runner, clock } = edges
  const deadline = clock.now() + LONGEST_MS
  for (let taken = 0; ;) {
    const version = await settled(request, report, edges, deadline)
    const problems = report.doing === 'rejecting' ? [] : examine(request, report, edges)
    if (problems.length > 0)
      refuse(report, refusal(version, problems, 'it changed since it was looked at first'))
    const change = await next(version)
    if (!change) return
    const failed = version.provisioningState === 'Failed' || failedRegions(version).length > 0
    if (taken > 0 && failed) throw replicationFailure(version)
    if (taken === TRIES) throw notReached(version)
    const answer = await azure.update(version.id, change, runner.cancelled)
    if (answer === 'taken') taken += 1
    else if (clock.now() > deadline) throw unfinished(version)
    else {
      runner.info('another update of the version is under way: waiting for its end')
      await clock.sleep(request.pollIntervalSeconds * 1000, runner.cancelled)
    }
  }
}

/** The version once Compute is done with it. Progress is told as it changes. */
async function settled(
  { imageVersionId, pollIntervalSeconds }: PromoteRequest,
  report: PromoteReport,
  { azure, runner, clock }: PromotionEdges,
  deadline: number,
): Promise<SeenVersion> {
  const seen = new Map<string, string>()
  for (;;) {
    const version = await azure.version(imageVersionId, runner.cancelled)
    report.version = version
    progressLines(version, seen).forEach(runner.info)
    if (!isAtWork(version)) return version
    if (clock.now() > deadline) throw unfinished(version)
    await clock.sleep(pollIntervalSeconds * 1000, runner.cancelled)
  }
}

function unfinished({ name, regions }: SeenVersion): PromotionError {
  const open = regions.filter(({ state }) => state !== 'Completed').map((one) => one.name)
  return new PromotionError(
    'replication-unfinished',
    `After six hours Azure is still at work on version ${name}${open.length > 0 ? `, in ${open.join(', ')}` : ''}. It is left as it is. Run this step again later, or ask Azure's support.`,
  )
}

function notReached(version: SeenVersion): PromotionError {
  return new PromotionError(
    'promotion-not-reached',
    `Azure took the change of version ${version.name} ${TRIES} times, and it does not show: ${STATUS_TAG} is '${tagOf(version, STATUS_TAG)}', it is ${version.excludeFromLatest ? '' : 'not '}excluded from latest. Somebody else, or a policy, may be changing it back.`,
  )
}
