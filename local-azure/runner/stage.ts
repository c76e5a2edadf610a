/** One stage of the action: its process, watched over, and the verdict on it. */
import path from 'node:path'
import type { Masks } from './commands.ts'
import { STEP_NAME, type Inputs, type Machine, type Manifest, type Variables } from './environment.ts'
import { createCommandFiles, fileVariables, takeCommandFiles, type FileContents } from './files.ts'
import { StageLog } from './log.ts'
import { RUNNER_DELAYS, startProcess, type Ending, type ProcessRun } from './process.ts'
import type { Conclusion, JobOptions, Stage, StageResult } from '../runner.ts'

/** What a stage is told of the job that it belongs to. */
export type StageOptions = Pick<
  JobOptions,
  'debug' | 'onLine' | 'nodePath' | 'signalDelays' | 'interrupt' | 'postDeadlineSeconds'
>

/** The course of a step, handed from stage to stage; steps of one job share machine, masks, `env` and `path`. */
export interface Step {
  /** How the log calls it; default: that of a step without a name of its own. */
  name?: string
  /** Of a `run:`: the runner says how its shell ended. */
  isScript?: boolean
  options: StageOptions
  machine: Machine
  masks: Masks
  /** Environment below and above what stages add to it. */
  lower: Variables
  upper: Variables
  inputs: Inputs
  /** What the step itself adds, above what earlier ones put into `GITHUB_ENV`. */
  own?: Variables
  env: Map<string, string>
  /** Folders put before PATH, the last added first. */
  path: string[]
  state: Map<string, string>
  outputs: Map<string, string>
  cancelledAt?: number
  finished: FinishedStage[]
}

/** A step that runs an action, alone in its job. */
export interface Job extends Step {
  options: JobOptions
  manifest: Manifest
  actionFolder: string
}

export interface FinishedStage {
  result: StageResult
  files: FileContents
}

/** Runs an action's main or post once, by a fresh node without flags. */
export async function runStage(
  job: Step & { actionFolder: string },
  stage: Stage,
  script: string,
  kill?: AbortSignal,
): Promise<void> {
  const command = {
    program: job.options.nodePath ?? process.execPath,
    args: [path.join(job.actionFolder, script)],
    cwd: job.machine.workspace,
  }
  await runCommand(job, stage, command, kill)
}

/** Runs a stage's program and adds it to the step's finished stages; what it said for later stages is kept. */
export async function runCommand(
  job: Step,
  stage: Stage,
  command: { program: string; args: string[]; cwd: string },
  kill?: AbortSignal,
): Promise<void> {
  const { options, machine, masks, inputs } = job
  const started = performance.now()
  const paths = await createCommandFiles(machine.runnerTemp)
  const log = new StageLog({
    masks,
    debug: options.debug ?? false,
    workspace: machine.workspace,
    onLine: (line) => options.onLine?.(line, stage),
  })
  if (inputs.warning !== undefined) log.warning(inputs.warning)
  const run = startProcess({
    ...command,
    env: stageVariables(job, fileVariables(paths)),
    onLine: (line) => {
      log.accept(line)
    },
    delays: options.signalDelays ?? RUNNER_DELAYS,
  })
  const watch = watchRun(job, stage, run, kill)
  const ending = await run.ended.finally(watch.release)
  const files = await takeCommandFiles(paths, log, masks)
  keep(job, stage, log, files)
  const result = judge(job, stage, ending, log, watch.reason())
  const durationMs = performance.now() - started
  job.finished.push({ result: { ...result, summary: files.summary, durationMs }, files })
}

/** Hands on what a stage said. Outputs and state count when main sets them. */
function keep(job: Step, stage: Stage, log: StageLog, files: FileContents): void {
  merge(job.env, files.env)
  job.path.unshift(...files.path.toReversed())
  if (stage === 'post') return
  merge(job.outputs, [...log.outputs, ...files.output])
  merge(job.state, [...log.state, ...files.state])
}

function merge(into: Map<string, string>, pairs: [string, string][]): void {
  for (const [name, value] of pairs) into.set(name, value)
}

/** A cancel or timeout outweighs the exit code, whatever it is. */
function judge(
  { isScript = false }: Step,
  stage: Stage,
  ending: Ending,
  log: StageLog,
  reason: Reason | undefined,
): Omit<StageResult, 'summary' | 'durationMs'> {
  if (reason) log.error(reason.message)
  else if (isScript && ending.exitCode) log.error(`Process completed with exit code ${ending.exitCode}.`)
  const failed = ending.exitCode !== 0 || log.broken
  const conclusion = reason?.conclusion ?? (failed ? 'failure' : 'success')
  const { lines, annotations, debug } = log
  return { stage, ...ending, conclusion, lines, annotations, debug }
}

/** The layers of a stage's environment; a later one wins. */
function stageVariables(job: Step, files: Variables): Variables {
  const below: Variables = {
    ...job.lower,
    ...Object.fromEntries(job.env),
    ...job.own,
    ...Object.fromEntries([...job.state].map(([name, value]) => [`STATE_${name}`, value])),
    ...job.inputs.variables,
  }
  const searched = [...job.path, below['PATH'] ?? ''].join(path.delimiter)
  return { ...below, PATH: searched, ...job.upper, ...files }
}

interface Reason {
  conclusion: Conclusion
  message: string
}
const CANCELLED: Reason = { conclusion: 'cancelled', message: 'The operation was canceled.' }

interface Watch {
  /** Why the process was stopped, when it was; a kill is no reason but a failure. */
  reason: () => Reason | undefined
  release: () => void
}

/** Stops a stage's process when it is killed, cancelled, out of time or beyond the runner's patience. */
function watchRun(job: Step, stage: Stage, run: ProcessRun, kill: AbortSignal | undefined): Watch {
  const { interrupt, postDeadlineSeconds = 285 } = job.options
  const releases: (() => void)[] = []
  let reason: Reason | undefined
  const end = (why: Reason, how: () => void) => (): void => {
    reason ??= why
    how()
  }
  const cancelled = (): void => {
    if (stage === 'main') end(CANCELLED, run.stop)()
    const waited = performance.now() - (job.cancelledAt ?? performance.now())
    releases.push(after(postDeadlineSeconds * 1000 - waited, end(CANCELLED, run.kill)))
  }
  releases.push(onAbort(kill, run.kill), onAbort(interrupt?.cancel, cancelled))
  const minutes = interrupt?.timeoutMinutes
  if (minutes !== undefined)
    releases.push(after(minutes * 60_000, end(timedOut(job.name ?? STEP_NAME, minutes), run.stop)))
  return {
    reason: () => reason,
    release: () => {
      for (const release of releases) release()
    },
  }
}

function timedOut(name: string, minutes: number): Reason {
  return {
    conclusion: 'failure',
    message: `The action '${name}' has timed out after ${minutes} minutes.`,
  }
}

/** Calls back once, at once when the signal is aborted already. Returns what ends the watch. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted) callback()
  else signal?.addEventListener('abort', callback, { once: true })
  return () => signal?.removeEventListener('abort', callback)
}

function after(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds)
  return () => {
    clearTimeout(timer)
  }
}
