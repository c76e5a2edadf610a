/** The price of not skipping: what is other than in the last build of the same gallery image. */
import { keyTemplate } from './build-key.ts'
import { definitionIdOf, isGallery } from './distributors.ts'
import type { Findings } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { changesSince, partsIn, type ContentLine } from './key-parts.ts'
import type { BuildEdges } from './ports.ts'
import { tagOf, type SeenVersion } from './promotion/candidate.ts'
import type { BuildReport } from './report.ts'
import { builderOf, changeLines } from './reuse-report.ts'
import { builtLast, notTaken } from './unchanged.ts'

/** Versions of gallery images, by the ID of their definition. */
export type DefinitionVersions = ReadonlyMap<string, SeenVersion[]>

/** What is other than in the build before, for whoever wonders why this one was not skipped. */
export function tellChanges(
  request: NewBuild,
  findings: Findings,
  { key, content }: { key: string; content: readonly ContentLine[] },
  all: DefinitionVersions,
  report: BuildReport,
  edges: BuildEdges,
): void {
  const { runner, clock } = edges
  const { distributions, workflowRun } = request
  const target = distributions.find(isGallery)
  if (!target) return
  const versions = all.get(definitionIdOf(target.body)) ?? []
  const before = builtLast(versions, workflowRun.repository)
  if (!before) {
    runner.info('there is no earlier build of this repository to compare with')
    return
  }
  const record = partsIn(before.tags)
  const template = keyTemplate(request, findings, '', edges)
  const reason = notTaken(before, target, { key, repository: workflowRun.repository, now: clock.now() })
  report.changes = {
    since: before.name,
    ...builderOf(before),
    source: tagOf(before, 'source-version'),
    ...(record && { parts: changesSince(record, { template, content }) }),
    ...(reason !== undefined && { notTaken: reason }),
  }
  runner.info(`not the same as version ${before.name}, the last that was built:`)
  runner.quote(changeLines(report).map(({ what, names }) => `${what}: ${names}`))
}
