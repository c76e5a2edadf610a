/** The part of the story that tells what happens inside the build: its log, while it grows and afterwards. */
import { BuildConsole } from './build-console.ts'
import { redactSignatures } from './signed-urls.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges, RunEnd } from './ports.ts'
import type { BuildReport } from './report.ts'
import { WholeLog } from './whole-log.ts'
import { uploadArtifact } from './upload-artifact.ts'

/** A build that is being watched. */
export interface WatchedBuild {
  console: BuildConsole
  /** Ends following its log; once more does no harm. */
  end: () => Promise<void>
}

/** How far the runner's clock may be ahead of Azure's. */
const CLOCK_SKEW_MS = 5 * 60_000

/** Prints the log of the build as it grows, where it is wanted and may be read. */
export function watchBuild(
  { log }: BuildRequest,
  startedAt: number,
  { stagingResourceGroup, steps }: BuildReport,
  { azure, runner, clock }: BuildEdges,
  isRunning: boolean,
): WatchedBuild {
  const console = new BuildConsole(runner, clock, steps)
  if (!log.follow || !isRunning || stagingResourceGroup === undefined)
    return { console, end: () => Promise.resolve() }
  const over = new AbortController()
  const following = azure.buildLog.follow(
    stagingResourceGroup,
    new Date(startedAt - CLOCK_SKEW_MS),
    (lines) => {
      console.log(lines)
    },
    AbortSignal.any([over.signal, runner.cancelled]),
  )
  return {
    console,
    end: async () => {
      over.abort()
      await following
      console.close()
    },
  }
}

/**
 * The whole log of a run: kept as a file, and after a failure printed from where it was followed to, and uploaded as a
 * workflow artifact.
 */
export async function fetchLog(
  { log }: BuildRequest,
  end: RunEnd,
  { console }: WatchedBuild,
  startedAt: number,
  report: BuildReport,
  edges: BuildEdges,
): Promise<void> {
  const { azure, runner, saveFile } = edges
  report.reading = console.reading
  const failed = end.state !== 'Succeeded'
  const { stagingResourceGroup, template } = report
  if (stagingResourceGroup === undefined || !(failed || log.keep)) return
  const name = template?.name ?? ''
  const since = new Date(startedAt - CLOCK_SKEW_MS)
  const found = await azure.buildLog.fetch(stagingResourceGroup, end.message, since, async (content) => {
    const whole = new WholeLog(console.last, (line) => redactSignatures(runner.redacted(line)))
    const path = await saveFile(`${name}.customization.log`, whole.through(content))
    return { path, whole }
  })
  if ('unreadable' in found) {
    runner.notice(found.unreadable)
    return
  }
  const { path, whole } = found.log
  report.reading = whole.reading
  report.logPath = path
  if (!failed) return
  if (!whole.continues) console.restart()
  console.log(whole.rest)
  console.close()
  const artifactName = log.artifactName.replace('<template name>', name)
  const uploaded = await uploadArtifact('customization log', artifactName, path, edges)
  if (uploaded !== undefined) report.logArtifact = uploaded
}
