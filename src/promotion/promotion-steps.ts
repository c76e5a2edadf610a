/** The long part of the story of a promotion: one change after the other, each awaited, until none is left. */
import { reach as reachVersion } from '../replication.ts'
import { judge, STATUS_TAG, tagOf, type SeenVersion } from './candidate.ts'
import type { PromoteRequest } from './promote-inputs.ts'
import { PromotionError, refusal, replicationFailure, type PromoteReport } from './promote-report.ts'
import { tagsTooMany, type VersionChange } from './promotion-changes.ts'
import type { PromotionEdges } from './promotion.ts'

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
  const { imageVersionId: id, pollIntervalSeconds } = request
  const judged = async (version: SeenVersion): Promise<VersionChange | undefined> => {
    const problems = report.doing === 'rejecting' ? [] : examine(request, report, edges)
    if (problems.length > 0)
      refuse(report, refusal(version, problems, 'it changed since it was looked at first'))
    return await next(version)
  }
  const course = {
    id,
    pollIntervalSeconds,
    onSeen: (version: SeenVersion) => {
      report.version = version
    },
    next: judged,
    notReplicated: replicationFailure,
    unfinished,
    notReached,
  }
  await reachVersion(course, { ...edges, gallery: edges.azure })
}

function unfinished({ name, regions }: SeenVersion): PromotionError {
  const open = regions.filter(({ state }) => state !== 'Completed').map((one) => one.name)
  return new PromotionError(
    'replication-unfinished',
    `After six hours Azure is still at work on version ${name}${open.length > 0 ? `, in ${open.join(', ')}` : ''}. It is left as it is. Run this step again later, or ask Azure's support.`,
  )
}

function notReached(version: SeenVersion, tries: number): PromotionError {
  return new PromotionError(
    'promotion-not-reached',
    `Azure took the change of version ${version.name} ${tries} times, and it does not show: ${STATUS_TAG} is '${tagOf(version, STATUS_TAG)}', it is ${version.excludeFromLatest ? '' : 'not '}excluded from latest. Somebody else, or a policy, may be changing it back.`,
  )
}
