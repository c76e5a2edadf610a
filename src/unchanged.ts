/**
 * What is there already: which image stands for the one that would be built, and which template builds the same. A build
 * key is a tag, and whoever may write tags may write any: so it never counts alone.
 */
import {
  distributionProblem,
  wantedRegions,
  type Distribution,
  type GalleryDistributor,
} from './distributors.ts'
import { InputError } from './errors.ts'
import { BUILD_KEY_TAG, BUILD_STARTED_TAG, isOwnTag } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { regionName } from './names.ts'
import type { TemplateView } from './ports.ts'
import { isBlessed, isOver, STATUS_TAG, tagOf, type SeenVersion } from './promotion/candidate.ts'
import { missingRegions } from './promotion/promotion-changes.ts'
import { compareVersions } from './source-image.ts'
import type { Distributor } from './template-schema.ts'

/** Whether this is a re-run of a workflow run that resumes what an earlier attempt left. */
export function isAgain({ resume, dryRun, workflowRun }: NewBuild): boolean {
  return resume && !dryRun && Number(workflowRun.runAttempt) > 1
}

/** Whether another job that is building the same is waited for: its image would be taken. */
export function waitsForOthers({ skipUnchanged, resume, dryRun, wait }: NewBuild): boolean {
  return skipUnchanged && resume && !dryRun && wait
}

/** Whether an image that is there already may be taken: with `retry-replication` one that an earlier attempt made. */
export function looksForImages(request: NewBuild): boolean {
  return request.skipUnchanged || (request.retryReplication && isAgain(request))
}

/** A managed image as Compute shows it, cut down to what is compared. */
export interface SeenImage {
  id: string
  location: string
  tags: Record<string, string>
  provisioningState: string
}

/** An image template as Image Builder shows it, cut down to what is compared. */
export interface SeenTemplate extends TemplateView {
  id: string
  name: string
  location: string
  tags: Record<string, string>
  distribute: Distributor[]
  /** As the service shows it. */
  body: object
}

/** What an image must bear to stand for the one that would be built. */
export interface Sought {
  key: string
  /** `owner/name`; nobody else's image counts. */
  repository: string
  /** Page of a workflow run that alone counts; absent for all of the repository's. */
  run?: string
  /** Milliseconds since the epoch. */
  now: number
}

type GalleryTarget = Distribution & { body: GalleryDistributor }
/**
 * Versions that may stand for the one that would be built, the best first: in all regions, then with the highest number.
 * Whether they are complete is not looked at.
 */
export function standIns(
  versions: readonly SeenVersion[],
  { body }: GalleryTarget,
  sought: Sought,
): SeenVersion[] {
  const named = numberOf(body)
  const lacking = (one: SeenVersion): number => missingRegions(one, wantedRegions(body)).length
  const isMeant = (one: SeenVersion): boolean =>
    named === undefined ? notMeant(one, body, sought) === undefined : one.name === named
  return versions
    .filter((one) => bearsKey(one, sought) && isMeant(one))
    .sort((a, b) => lacking(a) - lacking(b) || compareVersions(b.name, a.name))
}

/** Why a version of the key is not taken for what somebody asks who names no version; undefined for one that may be. */
export function notTaken(version: SeenVersion, { body }: GalleryTarget, sought: Sought): string | undefined {
  if (!bearsKey(version, sought)) return undefined
  const { provisioningState } = version
  if (provisioningState !== 'Succeeded') return `its provisioningState is ${provisioningState}`
  return notMeant(version, body, sought)
}

/** Why it is not what somebody means who asks for no version by number; undefined for what is. */
function notMeant(
  version: SeenVersion,
  { excludeFromLatest = false }: GalleryDistributor,
  { now }: Sought,
): string | undefined {
  if (isOver(version, now)) return `its end of life was ${version.endOfLifeDate ?? ''}`
  if (tagOf(version, STATUS_TAG) === 'rejected') return 'it was rejected: its tests failed'
  // A candidate's way ends with a version that is blessed: that one is no candidate any more, and better.
  const excluded = excludeFromLatest && !isBlessed(version)
  if (version.excludeFromLatest === excluded) return undefined
  return version.excludeFromLatest ? 'it is excluded from latest' : 'it is not excluded from latest'
}

/** Refuses a version that was asked for by number, is there, and cannot stand for what would be built. */
export function refuseTaken(
  versions: readonly SeenVersion[],
  one: GalleryTarget,
  standing: SeenVersion | undefined,
): void {
  const taken = versions.find(({ name }) => name === numberOf(one.body))
  if (!taken || standing) return
  const message = `version ${taken.name} exists already and is another image, or not complete; give a new one, or none to have it numbered.`
  throw new InputError([distributionProblem(one, 'galleryImageId', message)])
}

/** The version that a distributor asks for by number. */
function numberOf({ galleryImageId }: GalleryDistributor): string | undefined {
  return /\/versions\/([^/]+)$/i.exec(galleryImageId)?.[1]
}

/** Whether a managed image stands for the one that would be built. */
export function imageStands(image: SeenImage, location: string, sought: Sought): boolean {
  return (
    image.provisioningState === 'Succeeded' &&
    regionName(image.location) === regionName(location) &&
    bearsKey(image, sought)
  )
}

function bearsKey(one: Pick<SeenVersion, 'tags'>, { key, repository, run }: Omit<Sought, 'now'>): boolean {
  return (
    tagOf(one, BUILD_KEY_TAG) === key &&
    isOf(one, repository) &&
    (run === undefined || tagOf(one, 'workflow-run-url') === run)
  )
}

function isOf(one: Pick<SeenVersion, 'tags'>, repository: string): boolean {
  return tagOf(one, 'repository').toLowerCase() === repository.toLowerCase()
}

/** The version that this repository built last, of whatever key: what a build is compared with. */
export function builtLast(versions: readonly SeenVersion[], repository: string): SeenVersion | undefined {
  return versions
    .filter((one) => isOf(one, repository) && !Number.isNaN(startOf(one)))
    .sort((a, b) => startOf(a) - startOf(b))
    .at(-1)
}

/**
 * The template of an earlier attempt of this workflow run that builds the same for the same targets, or has built it: one
 * that is at it rather than the latest of those that are done. An earlier attempt is over, so nobody else sees to it.
 */
export function leftByEarlierAttempt(
  templates: readonly SeenTemplate[],
  request: NewBuild,
  key: string,
): SeenTemplate | undefined {
  const { runId, runAttempt } = request.workflowRun
  const left = templates
    .filter((one) => buildsTheSame(one, request, key) && tagOf(one, 'run-id') === runId)
    .filter((one) => Number(tagOf(one, 'run-attempt')) < Number(runAttempt))
    .sort((a, b) => startOf(a) - startOf(b))
  const inState = (state: string): SeenTemplate | undefined =>
    left.filter(({ lastRun }) => lastRun?.runState === state).at(-1)
  return inState('Running') ?? inState('Succeeded')
}

/** When a build began, as its tag says; milliseconds since the epoch. */
function startOf(one: Pick<SeenVersion, 'tags'>): number {
  return Date.parse(tagOf(one, BUILD_STARTED_TAG))
}

/** A template of another job of this repository that is building the same for the same targets. */
export function builtMeanwhile(
  templates: readonly SeenTemplate[],
  request: NewBuild,
  key: string,
): SeenTemplate | undefined {
  return templates.find((one) => buildsTheSame(one, request, key) && one.lastRun?.runState === 'Running')
}

function buildsTheSame(template: SeenTemplate, request: NewBuild, key: string): boolean {
  const { workflowRun, location, templateName, imageTags, distributions } = request
  return (
    bearsKey(template, { key, repository: workflowRun.repository }) &&
    regionName(template.location) === location &&
    (templateName === undefined || template.name === templateName) &&
    template.distribute.length === distributions.length &&
    distributions.every(({ body }, index) => sameTarget(template.distribute[index], body, imageTags))
  )
}

/** Whether the image would go to the same place, the same way, with the same tags of the user. */
function sameTarget(
  theirs: Distributor | undefined,
  ours: Distributor,
  imageTags: Record<string, string>,
): boolean {
  if (theirs?.runOutputName !== ours.runOutputName) return false
  const tags = userTags({ ...ours.artifactTags, ...imageTags })
  return placeOf(theirs) === placeOf(ours) && userTags(theirs.artifactTags ?? {}) === tags
}

function userTags(tags: Record<string, string>): string {
  const own = Object.entries(tags).filter(([name]) => !isOwnTag(name))
  return JSON.stringify(own.map(([name, value]) => [name.toLowerCase(), value]).sort())
}

/** Everything that a distributor says of where its image goes, in one spelling. */
function placeOf(body: Distributor): string {
  switch (body.type) {
    case 'ManagedImage':
      return JSON.stringify([body.type, body.imageId.toLowerCase(), regionName(body.location)])
    case 'VHD':
      return JSON.stringify([body.type, body.uri ?? ''])
    case 'SharedImage': {
      const { galleryImageId, excludeFromLatest = false, replicationMode = 'Full' } = body
      const regions = wantedRegions(body).map(({ name, replicaCount = 1 }) => `${name}=${replicaCount}`)
      return JSON.stringify([
        body.type,
        galleryImageId.toLowerCase(),
        excludeFromLatest,
        replicationMode,
        ...regions.sort(),
      ])
    }
  }
}

/** The version that a build made, whose run does not name it: by the marks of the build. */
export function madeBy(
  versions: readonly SeenVersion[],
  marks: Record<string, string>,
): SeenVersion | undefined {
  const names = ['repository', BUILD_KEY_TAG, BUILD_STARTED_TAG]
  return versions.find((one) =>
    names.every((name) => marks[name] !== undefined && tagOf(one, name) === marks[name]),
  )
}
