/** The story before the story: whether the image, or a build of it, is there already. */
import { archiveFormat, digestContent } from './archive.ts'
import { buildKey } from './build-key.ts'
import {
  definitionIdOf,
  isGallery,
  wantedRegions,
  type Distribution,
  type WantedRegion,
} from './distributors.ts'
import { BuildFailedError, messageOf } from './errors.ts'
import { marksOf, type Findings } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { artifactBlobIn } from './names.ts'
import type { BuildEdges, FoundTemplate, ReadyTemplate } from './ports.ts'
import { Progress } from './progress.ts'
import { isWhole, tagOf, type SeenVersion } from './promotion/candidate.ts'
import { hasFailed, missingRegions } from './promotion/promotion-changes.ts'
import { replicate } from './replication.ts'
import { builderOf } from './reuse-report.ts'
import type { BuildReport } from './report.ts'
import { lastName } from './resource-id.ts'
import { beginOf, endOf } from './run-status.ts'
import { tellChanges, type DefinitionVersions } from './tell-changes.ts'
import {
  builtMeanwhile,
  imageStands,
  isAgain,
  leftByEarlierAttempt,
  looksForImages,
  refuseTaken,
  standIns,
  waitsForOthers,
  type SeenTemplate,
  type Sought,
} from './unchanged.ts'

/**
 * Nothing is built twice: an image that would be the same is taken, a run of an earlier attempt is followed, and one of
 * another job waited for.
 * @returns the template to follow; `unchanged` when there is nothing more to do; undefined to build
 */
export async function reuse(
  request: NewBuild,
  findings: Findings,
  report: BuildReport,
  edges: BuildEdges,
): Promise<ReadyTemplate | 'unchanged' | undefined> {
  const { artifact, skipUnchanged, dryRun } = request
  report.skipped = false
  if (!skipUnchanged && !isAgain(request)) return undefined
  const format = archiveFormat(findings.sourceImage.osType)
  const content = artifact ? await digestContent(artifact.path, format, artifact.exclude) : NO_CONTENT
  const key = buildKey(request, findings, content.digest, edges)
  report.buildKey = key

  let versions = looksForImages(request) ? await versionsOf(request, edges) : undefined
  if (versions && (await takeImages(request, key, versions, report, edges)))
    return dryRun ? undefined : 'unchanged'
  const [again, waits] = [isAgain(request), waitsForOthers(request)]
  const templates = again || waits ? await edges.azure.templates(request, edges.runner.cancelled) : []
  const left = again ? leftByEarlierAttempt(templates, request, key) : undefined
  if (left) return takeOver(left, request, findings, report, edges)
  const other = waits ? builtMeanwhile(templates, request, key) : undefined
  if (other) {
    await waitFor(other, edges)
    versions = await versionsOf(request, edges)
    if (await takeImages(request, key, versions, report, edges)) return 'unchanged'
    edges.runner.info(`image template ${other.name} left no image to take: building`)
  }
  if (skipUnchanged && versions)
    tellChanges(request, findings, { key, content: content.lines }, versions, report, edges)
  return undefined
}

/** All versions of the gallery images that a build would add one to. */
async function versionsOf(
  { distributions }: NewBuild,
  { azure, runner }: BuildEdges,
): Promise<DefinitionVersions> {
  const ids = new Set(distributions.filter(isGallery).map(({ body }) => definitionIdOf(body)))
  const read = async (id: string): Promise<[string, SeenVersion[]]> => [
    id,
    await azure.imageVersions(id, runner.cancelled),
  ]
  return new Map(await Promise.all([...ids].map(read)))
}

const NO_CONTENT = { digest: '', lines: [] }

/** An image that there is, and the regions that it lacks. */
interface Standing {
  runOutputName: string
  id: string
  tags: Record<string, string>
  missing: WantedRegion[]
  /** Whether a region failed, which is tried again. */
  failed: boolean
}

/** Takes the images of the key when every target has one, and adds the regions that they lack. */
async function takeImages(
  request: NewBuild,
  key: string,
  versions: DefinitionVersions,
  report: BuildReport,
  edges: BuildEdges,
): Promise<boolean> {
  const { distributions, workflowRun, skipUnchanged } = request
  const sought = {
    key,
    repository: workflowRun.repository,
    // What another run made counts only for those who say that the same key is the same image.
    ...(skipUnchanged ? {} : { run: workflowRun.url }),
    now: edges.clock.now(),
  }
  const found = await Promise.all(distributions.map((one) => standing(one, sought, versions, request, edges)))
  const all = found.filter((one) => one !== undefined)
  const [first] = all
  if (!first || all.length < distributions.length) return false
  edges.runner.info(
    `unchanged: ${all.map(({ id }) => id).join(', ')} was built from the same (build key ${key})`,
  )
  const added = await addRegions(all, request, edges)
  for (const { runOutputName, id } of all) report.images[runOutputName] = id
  report.skipped = true
  report.runOutputName = runOutputNamesOf(request)[0] ?? ''
  report.reused = { ...builderOf(first), added }
  const { run, commit } = report.reused
  if (run !== undefined)
    edges.runner.info(`built by ${run}${commit === undefined ? '' : `, of commit ${commit}`}`)
  return true
}

/** The image of one target that stands for what would be built; none for a VHD, which bears no tags. */
async function standing(
  one: Distribution,
  sought: Sought,
  all: DefinitionVersions,
  { retryReplication }: NewBuild,
  { azure, runner }: BuildEdges,
): Promise<Standing | undefined> {
  const { body } = one
  const { runOutputName } = body
  if (body.type === 'ManagedImage') {
    const image = await azure.managedImage(body.imageId, runner.cancelled)
    if (!image || !imageStands(image, body.location, sought)) return undefined
    return { runOutputName, id: image.id, tags: image.tags, missing: [], failed: false }
  }
  if (!isGallery(one)) return undefined
  const versions = all.get(definitionIdOf(one.body)) ?? []
  const version = await firstWhole(standIns(versions, one, sought), retryReplication, { azure, runner })
  refuseTaken(versions, one, version)
  if (!version) return undefined
  const { id, tags } = version
  const missing = missingRegions(version, wantedRegions(one.body))
  return { runOutputName, id, tags, missing, failed: hasFailed(version) }
}

/** The first of the versions that can be used; one whose replication failed counts where that is tried again. */
async function firstWhole(
  versions: readonly SeenVersion[],
  retries: boolean,
  { azure, runner }: Pick<BuildEdges, 'azure' | 'runner'>,
): Promise<SeenVersion | undefined> {
  for (const version of versions) {
    const { id, provisioningState } = version
    if (provisioningState === 'Succeeded') return version
    if (provisioningState !== 'Updating' && !(provisioningState === 'Failed' && retries)) continue
    // How its regions stand is told for one version at a time.
    const seen = await azure.gallery.version(id, runner.cancelled)
    if (isWhole(seen)) return seen
  }
  return undefined
}

/** @returns names of the regions that were added */
async function addRegions(
  images: readonly Standing[],
  request: NewBuild,
  edges: BuildEdges,
): Promise<string[]> {
  const { runner } = edges
  const { dryRun } = request
  const incomplete = images.filter(({ missing, failed }) => missing.length > 0 || failed)
  for (const { id, missing } of incomplete) {
    const where = missing.map(({ name }) => name).join(', ') || 'the regions that failed'
    runner.info(dryRun ? `a build would add ${where} to it` : `replicating ${lastName(id)} to ${where}...`)
    if (dryRun) continue
    await replicate(id, missing, request, edges)
  }
  return dryRun ? [] : incomplete.flatMap(({ missing }) => missing.map(({ name }) => name))
}

/** The run of an earlier attempt becomes ours, with all that it left: nobody else sees to it any more. */
function takeOver(
  left: SeenTemplate,
  request: NewBuild,
  findings: Findings,
  report: BuildReport,
  { runner }: BuildEdges,
): ReadyTemplate {
  const { id, name, tags, body, stagingResourceGroup } = left
  const runOutputNames = runOutputNamesOf(request)
  const end = endOf(left.lastRun)
  const state = end ? 'it was built' : 'it is building still,'
  runner.info(`template name:  ${name}`)
  runner.info(`${state} for an earlier attempt of this workflow run: taking it over`)
  report.template = { name, id }
  report.runOutputName = runOutputNames[0] ?? ''
  report.marks = marksOf(tags)
  if (stagingResourceGroup) report.stagingResourceGroup = stagingResourceGroup
  const account = findings.storageAccount
  const blob = account && artifactBlobIn(JSON.stringify(body), account.blobEndpoint)
  inherit({ id, tags, ...(blob && { blob: { ...blob, account } }) }, runner)
  return { id, runOutputNames, runs: true, whose: 'ours', ...beginOf(left.lastRun), ...(end && { end }) }
}

/** What another job left is this one's to clean up. */
export function inherit(
  { id, tags, blob }: Pick<FoundTemplate, 'id' | 'tags' | 'blob'>,
  runner: BuildEdges['runner'],
): void {
  runner.remember('marks', marksOf(tags))
  if (blob) {
    runner.remember('blob', blob)
    runner.remember('uploaded', true)
  }
  runner.remember('imageTemplate', id)
}

/**
 * Another job is building the same: its image is waited for. Nothing of it is ours, so when it ends without that image, or
 * vanishes, this job builds for itself.
 */
async function waitFor(other: SeenTemplate, { azure, runner, clock }: BuildEdges): Promise<void> {
  const { id, name } = other
  runner.info(
    `run ${tagOf(other, 'run-id')} is building the same, by image template ${name}: waiting for its image...`,
  )
  const progress = new Progress(clock.now())
  let saidAt = clock.now()
  const onLook = (phase: string): void => {
    const line = progress.look(phase, clock.now(), saidAt)
    if (line === undefined) return
    saidAt = clock.now()
    runner.info(line)
  }
  try {
    const { state } = await azure.imageBuilder.followRun({ imageTemplate: id }, onLook, runner.cancelled)
    runner.info(`that run ended with ${state}`)
  } catch (error) {
    runner.cancelled.throwIfAborted()
    // Whoever made the template deletes it when its run is over, which may be between two looks.
    if (!(error instanceof BuildFailedError)) throw error
    runner.info(messageOf(error))
  }
}

/** Names of the run outputs of a build, in the order of its distributors. */
export function runOutputNamesOf({ distributions }: NewBuild): string[] {
  return distributions.map(({ body }) => body.runOutputName)
}
