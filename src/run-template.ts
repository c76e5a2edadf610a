/** The part of the story that takes its time: the run of a template, from its start to its end, and what is told of it. */
import { CancelledError } from './errors.ts'
import { fetchLog, watchBuild, type WatchedBuild } from './follow-log.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges, ReadyTemplate, RunEnd, TemplateRun } from './ports.ts'
import { Progress, usualDuration } from './progress.ts'
import { duration, type BuildReport } from './report.ts'

/**
 * The build itself, 20 to 60 minutes, with its log as it grows. When the workflow is cancelled, so is the run: with one
 * call, at once.
 * @returns how it ended; undefined when it is not waited for
 */
export async function runTemplate(
  { id, runs, startedAt: began, end: known, whose }: ReadyTemplate,
  request: BuildRequest,
  report: BuildReport,
  edges: BuildEdges,
): Promise<RunEnd | undefined> {
  const { azure, runner, clock } = edges
  const ours = whose === 'ours'
  const usual = request.wait && !known ? await usualTime(request, edges) : undefined
  if (!known)
    runner.info(
      runs ? 'the template is running by itself: following that run...' : 'starting run template...',
    )
  if (ours && !known) runner.remember('run', 'started')
  const startedAt = began ?? clock.now()
  let build: WatchedBuild | undefined
  try {
    const templateRun = known
      ? { imageTemplate: id }
      : await azure.imageBuilder.startRun(id, runs, runner.cancelled)
    report.support = supportIds(templateRun)
    if (!request.wait && !known) {
      runner.remember('run', 'left')
      report.runState = 'Running'
      runner.info('run template:  Running')
      return undefined
    }
    build = watchBuild(request, startedAt, report, edges, known === undefined)
    const progress = new Progress(startedAt, usual)
    const end = known ?? (await follow(templateRun, progress, build, report, edges))
    if (whose !== 'others') runner.remember('run', end.state)
    report.runState = end.state
    runner.info(`run template:  ${end.state}`)
    await fetchLog(request, end, build, startedAt, report, edges)
    return end
  } catch (error) {
    if (!runner.cancelled.aborted) throw error
    if (!ours) throw new CancelledError()
    runner.info('the workflow was cancelled: cancelling the run...')
    await azure.imageBuilder.cancelRun(id)
    throw new CancelledError()
  } finally {
    await build?.end()
  }
}

/** How long a build of this image takes as a rule, said before it begins. */
async function usualTime(request: BuildRequest, { azure, runner }: BuildEdges): Promise<number | undefined> {
  if (request.kind !== 'new') return undefined
  const builds = await azure.earlierBuilds(request, runner.cancelled)
  const usual = usualDuration(builds)
  if (usual !== undefined) runner.info(`earlier builds of this image took about ${duration(usual)}`)
  return usual
}

/** From the first look at the run to its end: its phases, and what its log tells in between. */
async function follow(
  templateRun: TemplateRun,
  progress: Progress,
  { console, end }: WatchedBuild,
  report: BuildReport,
  { azure, runner, clock }: BuildEdges,
): Promise<RunEnd> {
  let failed = true
  try {
    const onLook = (phase: string): void => {
      const line = progress.look(phase, clock.now(), console.saidAt, console.step)
      if (line !== undefined) console.say(line)
    }
    const ended = await azure.imageBuilder.followRun(templateRun, onLook, runner.cancelled)
    failed = ended.state !== 'Succeeded'
    await end()
    return ended
  } finally {
    report.run = progress.phases(clock.now(), failed)
  }
}

/** The operation's ID is the last part of its URL (recorded). */
function supportIds({ operationUrl, correlationId }: TemplateRun): BuildReport['support'] & object {
  const operationId = /\/operations\/([^/?]+)/i.exec(operationUrl ?? '')?.[1]
  return {
    ...(operationId === undefined ? {} : { operationId }),
    ...(correlationId === undefined ? {} : { correlationId }),
  }
}
