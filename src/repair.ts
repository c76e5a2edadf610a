/**
 * A run that failed may have made its image all the same: then it is told where the image can be used and where it lacks,
 * and with `retry-replication` it gets what it lacks, instead of another build.
 */
import { definitionIdOf, isGallery, wantedRegions, type WantedRegion } from './distributors.ts'
import { AzureError, isNotFound, messageOf } from './errors.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges } from './ports.ts'
import type { SeenVersion } from './promotion/candidate.ts'
import { missingRegions } from './promotion/promotion-changes.ts'
import { replicate } from './replication.ts'
import type { BuildReport } from './report.ts'
import { madeBy } from './unchanged.ts'

/** An image of a run that failed: where it can be used, and where it is not (yet). */
export interface Replication {
  runOutputName: string
  id: string
  usable: string[]
  lacking: { name: string; state: string; details?: string }[]
}

/**
 * Looks at the images of a run that failed, and completes them when that is wanted. Never throws but for a cancelled
 * workflow: the failure of the run is what the job ends with.
 * @returns whether everything that the template asked for is there now
 */
export async function repair(
  runOutputNames: readonly string[],
  request: BuildRequest,
  report: BuildReport,
  edges: BuildEdges,
): Promise<boolean> {
  const { runner } = edges
  try {
    await findUnnamed(request, report, edges)
    report.replication = await lookAt(runOutputNames, request, report, edges)
    const all = runOutputNames.every((name) => report.images[name] !== undefined)
    const incomplete = report.replication.filter(({ lacking }) => lacking.length > 0)
    const isSeen = report.replication.length > 0
    if (!request.retryReplication || !all || !isSeen || mayBeInvalid(request, report)) return false
    for (const { runOutputName, id, lacking } of incomplete) {
      runner.info(`replicating ${id} to ${lacking.map(({ name }) => name).join(', ')}...`)
      await replicate(id, wantedOf(runOutputName, request), request, edges)
    }
    report.replication = await lookAt(runOutputNames, request, report, edges)
    return report.replication.every(({ lacking }) => lacking.length === 0)
  } catch (error) {
    runner.cancelled.throwIfAborted()
    runner.warning(`The images of the failed run could not be completed: ${messageOf(error)}`)
    return false
  }
}

/** The gallery image versions of a run, those that can be looked at. */
async function lookAt(
  runOutputNames: readonly string[],
  request: BuildRequest,
  report: BuildReport,
  edges: BuildEdges,
): Promise<Replication[]> {
  const names = runOutputNames.filter((name) => isVersion(report.images[name]))
  const seen = await Promise.all(names.map((name) => look(name, request, report, edges)))
  return seen.filter((one) => one !== undefined)
}

/** A version that the gallery has although the run does not tell of it. */
async function findUnnamed(
  request: BuildRequest,
  report: BuildReport,
  { azure, runner }: BuildEdges,
): Promise<void> {
  if (request.kind !== 'new') return
  for (const { body } of request.distributions.filter(isGallery)) {
    if (report.images[body.runOutputName] !== undefined) continue
    const versions = await azure.imageVersions(definitionIdOf(body), runner.cancelled)
    const version = madeBy(versions, report.marks ?? {})
    if (version) report.images[body.runOutputName] = version.id
  }
}

function isVersion(id: string | undefined): boolean {
  return id !== undefined && /\/galleries\/.*\/versions\//i.test(id)
}

/** Whether the image may be there although its validation failed; of somebody else's template that is not known. */
function mayBeInvalid(request: BuildRequest, { validators }: BuildReport): boolean {
  if (request.kind === 'existing') return validators.length > 0
  return request.settings.validate?.continueDistributeOnFailure === true
}

async function look(
  runOutputName: string,
  request: BuildRequest,
  report: BuildReport,
  { azure, runner }: BuildEdges,
): Promise<Replication | undefined> {
  const id = report.images[runOutputName] ?? ''
  try {
    const version = await azure.gallery.version(id, runner.cancelled)
    return { runOutputName, id, ...replicationOf(version, wantedOf(runOutputName, request)) }
  } catch (error) {
    // Good to know, no more.
    const isUnknown = isNotFound(error) || (error instanceof AzureError && error.status === 403)
    if (!isUnknown) throw error
    runner.debug(`${id} is not looked at: ${messageOf(error)}`)
    return undefined
  }
}

/** Regions that a distributor of ours asks for; of somebody else's template the version itself tells. */
function wantedOf(runOutputName: string, request: BuildRequest): WantedRegion[] {
  if (request.kind !== 'new') return []
  const one = request.distributions.filter(isGallery).find(({ body }) => body.runOutputName === runOutputName)
  return one ? wantedRegions(one.body) : []
}

/** Where a version can be used, and where it is not (yet). */
export function replicationOf(
  version: SeenVersion,
  wanted: WantedRegion[],
): Pick<Replication, 'usable' | 'lacking'> {
  const absent = missingRegions(version, wanted).map(({ name }) => ({ name, state: 'missing' }))
  const open = version.regions.filter(({ state }) => state !== 'Completed')
  return {
    usable: version.regions.filter(({ state }) => state === 'Completed').map(({ name }) => name),
    lacking: [
      ...open.map(({ name, state = 'Unknown', details }) => ({
        name,
        state,
        ...(details ? { details } : {}),
      })),
      ...absent,
    ],
  }
}
