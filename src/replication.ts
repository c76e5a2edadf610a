/**
 * A gallery image version is brought to where it should be: one change after the other, each awaited, until none is left.
 * Builds do it for regions alone, promotions for tags and `latest` as well.
 */
import type { WantedRegion } from './distributors.ts'
import { BuildFailedError } from './errors.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges, Clock, GalleryPort, Runner } from './ports.ts'
import { isAtWork, type SeenVersion } from './promotion/candidate.ts'
import { hasFailed, replication, type VersionChange } from './promotion/promotion-changes.ts'
import { notReplicatedLines, progressLines } from './promotion/promote-report.ts'

/** Replicas may take that long (Azure's documentation on troubleshooting galleries). */
const LONGEST_MS = 6 * 60 * 60_000
/** How often a change is asked for that does not show: somebody else undoes it. */
const TRIES = 3

export interface VersionEdges {
  gallery: GalleryPort
  runner: Pick<Runner, 'info' | 'cancelled'>
  clock: Pick<Clock, 'now' | 'sleep'>
}

export interface Course {
  /** Resource ID of the version. */
  id: string
  pollIntervalSeconds: number
  /** Told of every reading. */
  onSeen: (version: SeenVersion) => void
  /** The next change, worked out from a fresh reading; it may throw when there is to be none. */
  next: (version: SeenVersion) => Promise<VersionChange | undefined>
  /** Azure did not get the version into a region. */
  notReplicated: (version: SeenVersion) => Error
  /** Azure is still at it after a very long time. */
  unfinished: (version: SeenVersion) => Error
  /** A change was taken so many times, and does not show. */
  notReached: (version: SeenVersion, tries: number) => Error
}

/**
 * Asks for the next change until none is left.
 * @throws what `course` makes of how it stands; InputError, SignInError, AzureError
 */
export async function reach(course: Course, edges: VersionEdges): Promise<void> {
  const { gallery, runner, clock } = edges
  const deadline = clock.now() + LONGEST_MS
  for (let taken = 0; ;) {
    const version = await settled(course, edges, deadline)
    const change = await course.next(version)
    if (!change) return
    if (taken > 0 && hasFailed(version)) throw course.notReplicated(version)
    if (taken === TRIES) throw course.notReached(version, TRIES)
    const answer = await gallery.update(version.id, change, runner.cancelled)
    if (answer === 'taken') taken += 1
    else if (clock.now() > deadline) throw course.unfinished(version)
    else {
      runner.info('another update of the version is under way: waiting for its end')
      await clock.sleep(course.pollIntervalSeconds * 1000, runner.cancelled)
    }
  }
}

/** The version once Compute is done with it. Progress is told as it changes. */
async function settled(
  { id, pollIntervalSeconds, onSeen, unfinished }: Course,
  { gallery, runner, clock }: VersionEdges,
  deadline: number,
): Promise<SeenVersion> {
  const seen = new Map<string, string>()
  for (;;) {
    const version = await gallery.version(id, runner.cancelled)
    onSeen(version)
    progressLines(version, seen).forEach(runner.info)
    if (!isAtWork(version)) return version
    if (clock.now() > deadline) throw unfinished(version)
    await clock.sleep(pollIntervalSeconds * 1000, runner.cancelled)
  }
}

/**
 * Gets a version into the regions that it lacks, and tries again where that failed; nothing else of it changes.
 * @param request `wait: false` asks Azure, and does not wait for it
 * @throws BuildFailedError when Azure does not get it there
 */
export async function replicate(
  id: string,
  wanted: WantedRegion[],
  { pollIntervalSeconds, wait }: Pick<BuildRequest, 'pollIntervalSeconds' | 'wait'>,
  edges: Pick<BuildEdges, 'azure' | 'runner' | 'clock'>,
): Promise<void> {
  const { runner, azure } = edges
  const { gallery } = azure
  if (!wait) {
    const change = replication(await gallery.version(id, runner.cancelled), wanted)
    if (change) await gallery.update(id, change, runner.cancelled)
    return
  }
  const failure = (words: string): BuildFailedError => new BuildFailedError(words)
  const course: Course = {
    id,
    pollIntervalSeconds,
    onSeen: () => undefined,
    next: (version) => Promise.resolve(replication(version, wanted)),
    notReplicated: (version) => failure(notReplicatedLines(version).join('\n')),
    unfinished: ({ name }) =>
      failure(`After six hours Azure is still replicating version ${name}. It goes on; look at it later.`),
    notReached: ({ name }, tries) =>
      failure(`Azure took the regions of version ${name} ${tries} times, and they do not show.`),
  }
  await reach(course, { ...edges, gallery })
}
