/** The verdict on a gallery image version: whether it may be blessed, and what to roll back to when it was. */
import { BUILD_KEY_TAG } from '../image-template.ts'
import { compareVersions } from '../source-image.ts'
import { latestCommand } from './version-commands.ts'

/** Tags by which a version's life is told; the main action writes `candidate`, a promotion the others. */
export const STATUS_TAG = 'image-status'
export const PREVIOUS_TAG = 'previous-version'
export type ImageStatus = 'candidate' | 'blessed' | 'rejected'

/** A gallery image version as Compute shows it, cut down to what a promotion needs. */
export interface SeenVersion {
  id: string
  name: string
  /** In the spelling of `regionName`. */
  location: string
  tags: Record<string, string>
  /** `Succeeded`, `Updating`, `Failed` … */
  provisioningState: string
  excludeFromLatest: boolean
  /** ISO 8601. */
  endOfLifeDate?: string
  regions: SeenRegion[]
}

export interface SeenRegion {
  /** In the spelling of `regionName`. */
  name: string
  excludeFromLatest: boolean
  /** `Completed`, `Replicating`, `Failed` or `Unknown`; absent where the status was not asked for, or not told. */
  state?: string
  /** In percent. */
  progress?: number
  details?: string
  /** As Compute shows it, so that it can be sent back as it is. */
  body: Record<string, unknown>
}

/** Whose candidates count. */
export interface Pipeline {
  /** `owner/name` of this repository. */
  repository: string
  /** What pages of its runs on this server begin with: `https://github.com/owner/name/actions/runs/`. */
  runs: string
  /** Milliseconds since the epoch. */
  now: number
}

/** One thing that was looked at; `words` say what is so, or what is wrong. */
export interface Check {
  passed: boolean
  words: string
}

/** A tag's value; Azure does not tell the names of tags apart by letter case. '' for none. */
export function tagOf({ tags }: Pick<SeenVersion, 'tags'>, name: string): string {
  return Object.entries(tags).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1] ?? ''
}

/** Whether it bears the mark of an earlier promotion. */
export function isBlessed(version: SeenVersion): boolean {
  return tagOf(version, STATUS_TAG) === 'blessed'
}

/** Everything that a version must be to be blessed, or to stay so: whose it is, whether it is whole, how it stands. */
export function judge(version: SeenVersion, pipeline: Pipeline): Check[] {
  return [
    ...origin(version, pipeline),
    state(version),
    ...(isOver(version, pipeline.now)
      ? [no(`its end of life was ${version.endOfLifeDate ?? ''}`)]
      : [
          yes(
            version.endOfLifeDate ? `its end of life is ${version.endOfLifeDate}` : 'it has no end of life',
          ),
        ]),
    status(version),
  ]
}

function origin(version: SeenVersion, { repository, runs }: Pipeline): Check[] {
  const [owner, run, commit, key] = ['repository', 'workflow-run-url', 'commit', BUILD_KEY_TAG].map((name) =>
    tagOf(version, name),
  ) as [string, string, string, string]
  const lack = (name: string): Check =>
    no(`it has no tag '${name}': what the pipeline of ${repository} makes has one`)
  const isRun = run.toLowerCase().startsWith(runs.toLowerCase()) && /^\d+$/.test(run.slice(runs.length))
  return [
    owner === ''
      ? lack('repository')
      : owner.toLowerCase() === repository.toLowerCase()
        ? yes(`it was built by ${owner}`)
        : no(`it was built by '${owner}', not by ${repository}`),
    run === ''
      ? lack('workflow-run-url')
      : isRun
        ? yes(`by the run ${run}`)
        : no(`its tag 'workflow-run-url' is '${run}', which is no run of ${repository} on ${serverOf(runs)}`),
    commit === '' ? lack('commit') : yes(`of commit ${commit}`),
    key === '' ? lack(BUILD_KEY_TAG) : yes(`with build key ${key}`),
  ]
}

function serverOf(runs: string): string {
  return URL.canParse(runs) ? new URL(runs).origin : 'this server'
}

/**
 * An image that is whole stays so while it is replicated further, and when that failed: an earlier promotion that was
 * killed, or found a region without room, left it like that.
 */
function state(version: SeenVersion): Check {
  const { provisioningState } = version
  if (provisioningState === 'Succeeded') return yes('Azure has completed it')
  if (!isWhole(version)) return no(`its provisioningState is '${provisioningState}', not Succeeded`)
  return provisioningState === 'Updating'
    ? yes('it is being updated, and complete in its own region')
    : yes('an update of it failed, and it is complete in its own region')
}

/** Whether there is an image that can be used, in its own region at least. */
export function isWhole({ provisioningState, regions, location }: SeenVersion): boolean {
  if (provisioningState === 'Succeeded') return true
  const home = regions.find(({ name }) => name === location)
  return home?.state === 'Completed' && ['Updating', 'Failed'].includes(provisioningState)
}

/** Whether the end of life has come. Compute itself goes on offering such a version (documented). */
export function isOver({ endOfLifeDate }: Pick<SeenVersion, 'endOfLifeDate'>, now: number): boolean {
  return endOfLifeDate !== undefined && Date.parse(endOfLifeDate) <= now
}

function status(version: SeenVersion): Check {
  const given = tagOf(version, STATUS_TAG)
  const { excludeFromLatest, id } = version
  switch (given) {
    case 'candidate':
      return excludeFromLatest
        ? yes('it is a candidate, and excluded from latest')
        : no(
            `it is a candidate, but not excluded from latest: whoever asks for latest may have it, untested; to exclude it: ${latestCommand(id, true)}`,
          )
    case 'blessed':
      return excludeFromLatest
        ? no(
            `it was blessed and is excluded from latest: somebody rolled it back; to undo that: ${latestCommand(id, false)}`,
          )
        : yes('it is blessed already')
    case 'rejected':
      return no('it was rejected: its tests failed; build a new version')
    case '':
      return no(`it has no tag '${STATUS_TAG}': it was not built as a candidate`)
    default:
      return no(`its tag '${STATUS_TAG}' is '${given}', not candidate`)
  }
}

function yes(words: string): Check {
  return { passed: true, words }
}

function no(words: string): Check {
  return { passed: false, words }
}

/**
 * The versions that `latest` may mean, lowest number first: Compute takes the highest number (documented) of those that
 * are complete and not excluded. One past its end of life is left out: nobody should be sent back to it.
 */
export function inLatest(versions: readonly SeenVersion[], now: number): SeenVersion[] {
  return versions
    .filter((one) => one.provisioningState === 'Succeeded' && !one.excludeFromLatest && !isOver(one, now))
    .sort((a, b) => compareVersions(a.name, b.name))
}

/** What `latest` means without this version: what to roll back to. */
export function rollBackTarget(
  versions: readonly SeenVersion[],
  { name }: SeenVersion,
  now: number,
): SeenVersion | undefined {
  return inLatest(versions, now)
    .filter((one) => one.name !== name)
    .at(-1)
}

/** Names of the regions that hold it, or shall. */
export function regionNames({ regions }: SeenVersion): string[] {
  return regions.map(({ name }) => name)
}

/** Whether Compute is still at it: an update is under way, or a region has not got its replica yet. */
export function isAtWork({ provisioningState, regions }: SeenVersion): boolean {
  if (provisioningState !== 'Succeeded') return provisioningState !== 'Failed'
  // That regions replicate on when the version already says Succeeded has been reported.
  return regions.some(({ state }) => state === 'Replicating' || state === 'Unknown')
}
