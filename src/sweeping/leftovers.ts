/**
 * What of the things that builds leave in Azure nobody needs any more, decided from what Azure shows of them. What this
 * action did not make, of the wanted repository, is foreign; what may still be in use is kept, each with its reason.
 */
import { BUILD_STARTED_TAG } from '../image-template.ts'
import { blobMetadata } from '../names.ts'
import { END_STATES } from '../run-status.ts'

/** An image template as a list shows it. */
export interface SeenTemplate {
  /** Resource ID. */
  id: string
  name: string
  tags: Record<string, string>
  provisioningState: string
  lastRun?: { startTime?: string; endTime?: string; runState?: string }
  /** Resource ID; absent until there is one. */
  stagingResourceGroup?: string
  /** When Resource Manager says that it was made; Image Builder's recorded answers have no word on it. */
  createdAt?: string
}

/** A blob in the container of build artifacts. */
export interface SeenBlob {
  account: string
  name: string
  metadata: Record<string, string>
  /** Milliseconds since the epoch. */
  lastModified: number
  /** Another one for every change, in quotation marks. */
  etag: string
}

/** Which workflow run made a thing. */
export interface Origin {
  repository: string
  runId: string
  runAttempt: string
}

/** What is asked for. */
export interface Wanted {
  /** `owner/name`, or `*` for every repository. */
  repository: string
  olderThanHours: number
  /** Milliseconds since the epoch. */
  now: number
}

export type Verdict =
  | { is: 'foreign'; because: 'made by others' | 'of another repository' }
  | (Judged & { is: 'kept'; stuck: boolean })
  | (Judged & { is: 'left over' })

interface Judged {
  origin: Origin
  /** When something happened to it last, milliseconds since the epoch; absent where nothing tells. */
  since?: number
  /** Half a sentence. */
  reason: string
}

const HOUR_MS = 60 * 60_000
/** Nothing that Image Builder does lasts longer: a build has 16 hours at most (documented), the rest is for its ends. */
export const LONGEST_HOURS = 17
const SETTLED_STATES = ['Succeeded', 'Failed', 'Canceled']
/** Names of all tags and metadata in lower case: Azure does not tell them apart by letter case. */
const [TEMPLATE_MARK, BLOB_MARKS] = [
  'aib-action',
  [...Object.keys(blobMetadata({ repository: '', sha: '', runId: '', runAttempt: '', url: '' })), 'sha256'],
]

/** Whether a template is left over. One that Image Builder is working on never is, however old it is. */
export function judgeTemplate(template: SeenTemplate, wanted: Wanted): Verdict {
  const tags = lowerCased(template.tags)
  if (tags[TEMPLATE_MARK] === undefined) return { is: 'foreign', because: 'made by others' }
  const origin = templateOrigin(tags)
  if (!isWanted(origin, wanted)) return { is: 'foreign', because: 'of another repository' }
  const since = lastEvent(template)
  const judged = { origin, ...(since === undefined ? {} : { since }) }
  const activity = activityOf(template)
  if (activity !== undefined) {
    const stuck = since !== undefined && wanted.now - since > LONGEST_HOURS * HOUR_MS
    const reason = stuck ? `${activity}, for longer than Image Builder ever takes` : activity
    return { ...judged, is: 'kept', stuck, reason }
  }
  if (since === undefined)
    return { ...judged, is: 'kept', stuck: false, reason: 'nothing tells how old it is' }
  if (isYoung(since, wanted)) return { ...judged, is: 'kept', stuck: false, reason: youngerThan(wanted) }
  return { ...judged, is: 'left over', reason: historyOf(template) }
}

/**
 * Whether a blob is left over. The Azure DevOps task uses the same container: what this action wrote has all of its
 * metadata.
 * @param building who has a template that Image Builder is working on
 */
export function judgeBlob(blob: SeenBlob, wanted: Wanted, building: readonly Origin[]): Verdict {
  const metadata = lowerCased(blob.metadata)
  const { repository, run_id: runId, run_attempt: runAttempt } = metadata
  const isOurs = BLOB_MARKS.every((name) => metadata[name] !== undefined)
  if (!isOurs || repository === undefined || runId === undefined || runAttempt === undefined) {
    return { is: 'foreign', because: 'made by others' }
  }
  const origin = { repository, runId, runAttempt }
  if (!isWanted(origin, wanted)) return { is: 'foreign', because: 'of another repository' }
  const judged = { origin, since: blob.lastModified }
  if (building.some((one) => sameOrigin(one, origin))) {
    return { ...judged, is: 'kept', stuck: false, reason: 'a build of the same run is under way' }
  }
  if (isYoung(judged.since, wanted))
    return { ...judged, is: 'kept', stuck: false, reason: youngerThan(wanted) }
  return { ...judged, is: 'left over', reason: 'no build of its run is under way' }
}

/** The runs whose templates Image Builder is working on, of whatever repository. */
export function buildingOrigins(templates: readonly SeenTemplate[]): Origin[] {
  return templates
    .filter((template) => activityOf(template) !== undefined)
    .map(({ tags }) => lowerCased(tags))
    .filter((tags) => tags[TEMPLATE_MARK] !== undefined)
    .map(templateOrigin)
}

/** What Image Builder is doing with a template now. A state that is not known counts as doing something. */
function activityOf({ provisioningState, lastRun }: SeenTemplate): string | undefined {
  if (!SETTLED_STATES.includes(provisioningState))
    return `Image Builder has it in ${provisioningState || 'no state'}`
  const { runState } = lastRun ?? {}
  const isOver = runState === undefined || END_STATES.some((state) => state === runState)
  return isOver ? undefined : `its run is ${runState || 'in no state'}`
}

/**
 * When something happened last: the template was made, or its last run began or ended. When it was made is told by
 * Resource Manager, else by the tag of the build, else by the name that the action gives.
 */
function lastEvent({ name, tags, createdAt, lastRun }: SeenTemplate): number | undefined {
  const named = /^t_(\d{13})_[0-9a-z]+$/.exec(name)?.[1]
  const tagged = timeOf(lowerCased(tags)[BUILD_STARTED_TAG])
  const made = timeOf(createdAt) ?? tagged ?? (named === undefined ? undefined : Number(named))
  const known = [made, timeOf(lastRun?.startTime), timeOf(lastRun?.endTime)].filter(
    (time) => time !== undefined,
  )
  return known.length === 0 ? undefined : Math.max(...known)
}

/** Milliseconds since the epoch; undefined for no time, which the service writes as one in the year 1 (recorded). */
function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '')
  return time > 0 ? time : undefined
}

function historyOf({ provisioningState, lastRun }: SeenTemplate): string {
  if (lastRun?.runState !== undefined) return `its run ended with ${lastRun.runState}`
  return provisioningState === 'Succeeded'
    ? 'it was made and never run'
    : `its submission ended with ${provisioningState}`
}

function isYoung(since: number, { now, olderThanHours }: Wanted): boolean {
  return now - since < olderThanHours * HOUR_MS
}

function youngerThan({ olderThanHours }: Wanted): string {
  return `younger than ${olderThanHours} h`
}

/** GitHub does not tell names of repositories apart by letter case. */
function isWanted(origin: Origin, { repository }: Wanted): boolean {
  return repository === '*' || origin.repository.toLowerCase() === repository.toLowerCase()
}

function sameOrigin(a: Origin, b: Origin): boolean {
  const sameRun = a.runId === b.runId && a.runAttempt === b.runAttempt
  return sameRun && a.repository.toLowerCase() === b.repository.toLowerCase()
}

function templateOrigin(tags: Record<string, string>): Origin {
  return {
    repository: tags['repository'] ?? '',
    runId: tags['run-id'] ?? '',
    runAttempt: tags['run-attempt'] ?? '',
  }
}

function lowerCased(pairs: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name.toLowerCase(), value]))
}
