/** The part of the story that tells what happens inside the build: its log, while it grows and afterwards. */
import { newLines, shownLines } from './build-log.ts'
import { messageOf } from './errors.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges, RunEnd } from './ports.ts'
import type { BuildReport } from './report.ts'

/** A log that is being printed. */
export interface FollowedLog {
  /** Ends following; gives what was seen of the log. */
  end: () => Promise<string>
}

/** Prints the log of the build as it grows, where it is wanted and may be read. */
export function followLog(
  { log }: BuildRequest,
  report: BuildReport,
  { azure, runner }: BuildEdges,
): FollowedLog {
  const { stagingResourceGroup } = report
  if (!log.follow || stagingResourceGroup === undefined) return { end: () => Promise.resolve('') }
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, runner.cancelled])
  const following = azure.buildLog.follow(stagingResourceGroup, runner.quote, signal)
  return {
    end: () => {
      over.abort()
      return following
    },
  }
}

/** The whole log of a run: kept as a file, and after a failure as a workflow artifact, too. */
export async function fetchLog(
  { log }: BuildRequest,
  end: RunEnd,
  seen: string,
  startedAt: number,
  report: BuildReport,
  { azure, runner, saveFile, uploadWorkflowArtifact }: BuildEdges,
): Promise<void> {
  const failed = end.state !== 'Succeeded'
  const { stagingResourceGroup, template } = report
  if (stagingResourceGroup === undefined || !(failed || log.keep)) return
  const since = new Date(startedAt - CLOCK_SKEW_MS)
  const found = await azure.buildLog.fetch(stagingResourceGroup, end.message, since)
  if ('unreadable' in found) {
    runner.notice(found.unreadable)
    return
  }
  const name = template?.name ?? ''
  report.log = found.text
  report.logPath = await saveFile(`${name}.customization.log`, found.text)
  if (!failed) return
  const rest = newLines(seen, found.text)
    .map(shownLines())
    .filter((line) => line !== undefined)
  if (rest.length > 0) runner.group('customization log', rest)
  const artifactName = log.artifactName.replace('<template name>', name)
  if (artifactName === '') return
  try {
    await uploadWorkflowArtifact(artifactName, report.logPath)
    runner.info(`the customization log is the workflow artifact ${artifactName}`)
  } catch (error) {
    runner.warning(
      `The customization log was not uploaded as workflow artifact ${artifactName}: ${messageOf(error)}`,
    )
  }
}

/** How far the runner's clock may be ahead of Azure's. */
const CLOCK_SKEW_MS = 5 * 60_000
