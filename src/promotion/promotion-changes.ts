/**
 * What a promotion changes of a version, step by step, from how the version stands: the same version gives the same next
 * step, however often and after whatever end it is asked for. Every change names whole values, never differences.
 */
import { isBlessed, PREVIOUS_TAG, STATUS_TAG, tagOf, type SeenVersion } from './candidate.ts'
import { mergedTags } from '../image-template.ts'
import type { EndOfLife, PromoteRequest } from './promote-inputs.ts'

/** What is sent to Compute. Absent: stays as it is. */
export interface VersionChange {
  tags?: Record<string, string>
  profile?: {
    /** All regions: Compute refuses a list that lacks one. */
    targetRegions: Record<string, unknown>[]
    excludeFromLatest: boolean
    endOfLifeDate?: string
  }
}

/** Tags that a resource may have (Resource Manager's documentation). */
const MOST_TAGS = 50

/** When and by which run, for tags. */
export interface Mark {
  /** Milliseconds since the epoch. */
  now: number
  /** Page of the workflow run. */
  run: string
}

/** Regions that are asked for and not among the version's own. */
export function missingRegions(
  { regions }: SeenVersion,
  wanted: PromoteRequest['regions'],
): PromoteRequest['regions'] {
  return wanted.filter(({ name }) => !regions.some((one) => one.name === name))
}

export function failedRegions({ regions }: Pick<SeenVersion, 'regions'>): SeenVersion['regions'] {
  return regions.filter(({ state }) => state === 'Failed')
}

/** Whether Azure could not get the version to where it should be, or not bring its last update to an end. */
export function hasFailed(version: SeenVersion): boolean {
  return version.provisioningState === 'Failed' || failedRegions(version).length > 0
}

/**
 * The change that replicates the version to what is missing, and tries again where it failed; undefined when every region
 * has its replica. It stays excluded from latest, or included, as it is.
 */
export function replication(
  version: SeenVersion,
  wanted: PromoteRequest['regions'],
): VersionChange | undefined {
  const missing = missingRegions(version, wanted)
  if (missing.length === 0 && !hasFailed(version)) return undefined
  const added = missing.map(({ name, replicaCount, storageAccountType }) => ({
    name,
    ...(replicaCount === undefined ? {} : { regionalReplicaCount: replicaCount }),
    ...(storageAccountType === undefined ? {} : { storageAccountType }),
  }))
  const { excludeFromLatest, endOfLifeDate } = version
  return {
    profile: {
      targetRegions: [...version.regions.map(({ body }) => body), ...added],
      excludeFromLatest,
      ...(endOfLifeDate === undefined ? {} : { endOfLifeDate }),
    },
  }
}

/**
 * The change that blesses the version; undefined when nothing is left to be changed.
 * @param previous name of the version to roll back to; counts for one that is not blessed yet: later, what is latest is
 * something else
 */
export function blessing(
  version: SeenVersion,
  { imageTags, endOfLife }: Pick<PromoteRequest, 'imageTags' | 'endOfLife'>,
  previous: string | undefined,
  mark: Mark,
): VersionChange | undefined {
  const tags = isBlessed(version)
    ? mergedTags(version.tags, imageTags)
    : mergedTags(version.tags, imageTags, blessedTags(previous, mark))
  const end = wantedEnd(version, endOfLife)
  const profile = {
    targetRegions: version.regions.map(({ body, excludeFromLatest }) =>
      excludeFromLatest ? { ...body, excludeFromLatest: false } : body,
    ),
    excludeFromLatest: false,
    ...(end === undefined ? {} : { endOfLifeDate: end }),
  }
  const excluded = version.excludeFromLatest || version.regions.some((one) => one.excludeFromLatest)
  const done = isBlessed(version) && !excluded && hasTags(version, imageTags)
  return done && sameMoment(end, version.endOfLifeDate) ? undefined : { tags, profile }
}

function blessedTags(previous: string | undefined, { now, run }: Mark): Record<string, string> {
  return {
    [STATUS_TAG]: 'blessed',
    'blessed-at': new Date(now).toISOString(),
    'blessed-by': run,
    ...(previous === undefined ? {} : { [PREVIOUS_TAG]: previous }),
  }
}

/** The change that marks the version as one whose tests failed; undefined when it is marked so. It stays excluded. */
export function rejection(version: SeenVersion, { now, run }: Mark): VersionChange | undefined {
  if (tagOf(version, STATUS_TAG) === 'rejected') return undefined
  const marks = { [STATUS_TAG]: 'rejected', 'rejected-at': new Date(now).toISOString(), 'rejected-by': run }
  return { tags: mergedTags(version.tags, marks) }
}

/** How many tags too many a blessing would give the version. */
export function tagsTooMany(version: SeenVersion, imageTags: Record<string, string>, mark: Mark): number {
  const tags = mergedTags(version.tags, imageTags, blessedTags('1.2.3', mark))
  return Math.max(0, Object.keys(tags).length - MOST_TAGS)
}

function hasTags(version: SeenVersion, wanted: Record<string, string>): boolean {
  return Object.entries(wanted).every(([name, value]) => tagOf(version, name) === value)
}

/** Days are counted once: asked again later, they would put the end off further and further. */
function wantedEnd(version: SeenVersion, wanted: EndOfLife | undefined): string | undefined {
  const { endOfLifeDate } = version
  if (!wanted) return endOfLifeDate
  return wanted.relative && isBlessed(version) ? (endOfLifeDate ?? wanted.date) : wanted.date
}

function sameMoment(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && Date.parse(a) === Date.parse(b))
}
