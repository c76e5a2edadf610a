/** Names that the action gives: template, container, blob, folder; and how regions are spelled. */
import path from 'node:path'

/** Kept from the Azure DevOps task, so that rules on the account that know it go on working. */
export const ARTIFACT_CONTAINER = 'imagebuilder-vststask'

/** The workflow run, as GitHub describes it to every step. */
export interface WorkflowRun {
  /** `owner/name` */
  repository: string
  sha: string
  runId: string
  runAttempt: string
  /** Page of the run. */
  url: string
}

/** What makes a name unique: time and chance, given by the caller so that this stays pure. */
export interface Unique {
  /** Milliseconds since the epoch. */
  now: number
  /** Lower-case letters and digits. */
  random: string
}

/** `t_<ms since epoch>_<random>`, within the service's 64 characters of `[A-Za-z0-9-_.]`. */
export function templateName({ now, random }: Unique): string {
  return `t_${now}_${random}`
}

/**
 * Name of the folder that the artifact becomes in the image: the last segment of the build path, or the
 * repository's name for the workspace itself, whose own folder name is an accident of the runner.
 */
export function artifactFolder(buildPath: string, workspace: string, repository: string): string {
  const relative = path.relative(workspace, buildPath)
  return relative === '' ? (repository.split('/')[1] ?? path.basename(buildPath)) : path.basename(buildPath)
}

/**
 * `<folder>/<run id>-<run attempt>/<folder>_<ms since epoch>_<random>.<extension>`. In the folder's name `_` stands for
 * what a blob's name cannot hold: Azure takes a backslash for a slash, and no segment may end in a dot.
 */
export function blobName(
  folder: string,
  run: WorkflowRun,
  extension: string,
  { now, random }: Unique,
): string {
  const segment = folder.replaceAll('\\', '_').replace(/\.+$/, (dots) => '_'.repeat(dots.length))
  return `${segment}/${run.runId}-${run.runAttempt}/${segment}_${now}_${random}.${extension}`
}

/** What the artifact's blob says of its origin; a name of metadata is an identifier, its value is ASCII. */
export function blobMetadata({ repository, sha, runId, runAttempt }: WorkflowRun): Record<string, string> {
  return { repository, commit: sha, run_id: runId, run_attempt: runAttempt }
}

/** One spelling for a region however it was written: `West US 2` and `westus2` are both `westus2`. */
export function regionName(region: string): string {
  return region.toLowerCase().replaceAll(/[\s-]/g, '')
}

/** The artifact's blob that a text speaks of by its URL, in the account with this endpoint; undefined when it does not. */
export function artifactBlobIn(
  text: string,
  blobEndpoint: string,
): { container: string; blob: string } | undefined {
  const start = `${blobEndpoint}${ARTIFACT_CONTAINER}/`
  const at = text.indexOf(start)
  const [path = ''] = at < 0 ? [] : (/^[^?'"\\\s]+/.exec(text.slice(at + start.length)) ?? [])
  return path === '' ? undefined : { container: ARTIFACT_CONTAINER, blob: decodeURIComponent(path) }
}
