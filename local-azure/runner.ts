/**
 * Plays GitHub's runner for one JavaScript action: main and post in processes of their own, with the runner's
 * environment, command files, workflow commands, masks, signals and verdicts. Facts are those of the public runner
 * 2.336. Not played: the step's header in the log, `pre`, problem matchers, Windows' console events.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalAzure } from './index.ts'
import type { WorkflowJob } from './parts.ts'
import { Masks } from './runner/commands.ts'
import {
  DEFAULT_JOB,
  gitHubVariables,
  inputVariables,
  machineVariables,
  readManifest,
  runnerVariables,
  serviceVariables,
  type Machine,
} from './runner/environment.ts'
import { installAction } from './runner/install.ts'
import { filePlaces, findLeaks, textPlace, type Place } from './runner/leaks.ts'
import type { Annotation } from './runner/log.ts'
import { endLeftovers, type SignalDelays } from './runner/process.ts'
import { onAbort, runStage, type Job } from './runner/stage.ts'

export interface JobOptions {
  azure: LocalAzure
  /** Holds `action.yml`; default: the repository root. */
  actionFolder?: string
  /** `GITHUB_WORKSPACE`; the harness itself changes nothing in it. */
  workspace: string
  /** As written in the workflow, keys in any case; `''` is not the same as an absent key. */
  with?: Record<string, string>
  /** `env` of workflow, job and step. */
  env?: Record<string, string>
  /** What differs from a push to main of octo-org/webapp, run 18230001, attempt 1. */
  job?: Partial<WorkflowJob>
  /** `idToken: false` leaves both `ACTIONS_ID_TOKEN_REQUEST_*` out, as without `id-token: write`. */
  permissions?: { idToken?: boolean }
  /** Masked from the start. */
  secrets?: string[]
  /** Step debug logging: `RUNNER_DEBUG=1`, echoed commands, `##[debug]` lines. */
  debug?: boolean
  /** `RUNNER_TEMP`; default: a private folder that goes with the job. */
  runnerTemp?: string
  /** Each line, masked, as the user sees it. */
  onLine?: (line: string, stage: Stage) => void
  interrupt?: {
    /** The user cancels: SIGINT, SIGTERM, SIGKILL to main's node process; a post that runs is left alone. */
    cancel?: AbortSignal
    /** Main's process dies at once, as the out-of-memory killer does it. */
    kill?: AbortSignal
    /** The step's `timeout-minutes`, for main and for post again. */
    timeoutMinutes?: number
  }
  /** Default: the runner's 7500 and 2500 ms, and 5000 ms for pipes that a child keeps open. */
  signalDelays?: SignalDelays
  /** The runner is shut down after main: no post. */
  skipPost?: boolean
  /** Kills post's process at once. */
  post?: { kill?: AbortSignal }
  /** Runs post a second time with the same state; `post.kill` meets the first alone. */
  postTwice?: boolean
  /** Default: this process's own. */
  nodePath?: string
  /** Seconds after a cancel until the runner kills what still runs; default 285. */
  postDeadlineSeconds?: number
}

export type Stage = 'main' | 'post'
export type Conclusion = 'success' | 'failure' | 'cancelled'

export interface StageResult {
  stage: Stage
  exitCode: number | null
  signal: string | null
  conclusion: Conclusion
  /** Masked; commands shown as the log shows them. */
  lines: string[]
  annotations: Annotation[]
  /** Masked; empty when GitHub would have refused it. */
  summary: string
  /** Messages of `::debug::`, masked, whether shown or not. */
  debug: string[]
  durationMs: number
}

export interface JobResult {
  main: StageResult
  /** The last run of post. */
  post?: StageResult
  /** Main's alone; what post sets is discarded. */
  outputs: Record<string, string>
  state: Record<string, string>
  /** What `GITHUB_ENV` gives to later steps. */
  env: Record<string, string>
  masks: string[]
  /** All masked lines of all stages. */
  log: string
  conclusion: Conclusion
  /** Secrets of the local Azure and of the job, found where they must not be: `log main line 12: eyJ0eX…`. */
  leaks: string[]
}

/** Runs main, then post however main ended, and tells what came of it. */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'runner-'))
  try {
    const description: WorkflowJob = { ...DEFAULT_JOB, ...options.job }
    const token = await options.azure.github.startJob(description)
    const job = await setUpJob(options, describeMachine(options, root), description, token)
    await runStages(job)
    return await report(job, token)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

function describeMachine(options: JobOptions, root: string): Machine {
  return {
    workspace: options.workspace,
    runnerTemp: options.runnerTemp ?? path.join(root, '_temp'),
    home: path.join(root, 'home'),
    temporary: path.join(root, 'tmp'),
    toolCache: path.join(root, 'toolcache'),
    trackingId: `github_${randomUUID()}`,
  }
}

async function setUpJob(
  options: JobOptions,
  machine: Machine,
  description: WorkflowJob,
  token: string,
): Promise<Job> {
  const { azure, debug = false } = options
  const source = options.actionFolder ?? fileURLToPath(new URL('..', import.meta.url))
  const manifest = await readManifest(source)
  const { folder: actionFolder, compiled } = await installAction(source, manifest, azure.folder)
  await createFolders(machine, description)
  const masks = new Masks()
  for (const secret of [...(options.secrets ?? []), token]) masks.add(secret)
  return {
    options,
    manifest,
    actionFolder,
    machine,
    masks,
    lower: { ...machineVariables(machine, azure), CI: 'true', ...options.env },
    upper: {
      ...gitHubVariables(description, machine),
      GITHUB_ACTIONS: 'true',
      ...runnerVariables(machine, debug),
      ...serviceVariables(azure.github, token, options.permissions?.idToken ?? true),
      NODE_COMPILE_CACHE: compiled,
    },
    inputs: inputVariables(manifest, options.with ?? {}),
    env: new Map(),
    path: [],
    state: new Map(),
    outputs: new Map(),
    finished: [],
  }
}

async function createFolders(machine: Machine, job: WorkflowJob): Promise<void> {
  const eventFolder = path.join(machine.runnerTemp, '_github_workflow')
  for (const folder of [machine.home, machine.temporary, eventFolder]) {
    await mkdir(folder, { recursive: true })
  }
  const event = { ref: job.ref, repository: { id: Number(job.repositoryId), full_name: job.repository } }
  await writeFile(path.join(eventFolder, 'event.json'), JSON.stringify(event))
}

async function runStages(job: Job): Promise<void> {
  const { options, manifest, machine } = job
  const release = onAbort(options.interrupt?.cancel, () => {
    job.cancelledAt = performance.now()
  })
  try {
    await runStage(job, 'main', manifest.main, options.interrupt?.kill)
    if (manifest.post === undefined || options.skipPost) return
    await runStage(job, 'post', manifest.post, options.post?.kill)
    if (options.postTwice) await runStage(job, 'post', manifest.post)
  } finally {
    release()
    await endLeftovers(machine.trackingId)
  }
}

async function report(job: Job, token: string): Promise<JobResult> {
  const results = job.finished.map(({ result }) => result)
  const [main] = results
  if (!main) throw new Error('main did not run')
  const post = results.slice(1).at(-1)
  const secrets = [...job.options.azure.world.secrets, ...(job.options.secrets ?? []), token]
  return {
    main,
    ...(post && { post }),
    outputs: Object.fromEntries(job.outputs),
    state: Object.fromEntries(job.state),
    env: Object.fromEntries(job.env),
    masks: [...job.masks.values],
    log: results.flatMap(({ lines }) => lines).join('\n'),
    conclusion: concludeJob(job, results),
    leaks: findLeaks(await searchedPlaces(job), secrets),
  }
}

/** A cancel outweighs a failure. */
function concludeJob(job: Job, results: StageResult[]): Conclusion {
  if (job.cancelledAt !== undefined) return 'cancelled'
  return results.some(({ conclusion }) => conclusion === 'failure') ? 'failure' : 'success'
}

async function searchedPlaces(job: Job): Promise<Place[]> {
  const stages = job.finished.flatMap(({ result, files }) => [
    textPlace(`log ${result.stage}`, result.lines.join('\n')),
    textPlace(`debug ${result.stage}`, result.debug.join('\n')),
    textPlace(`titles ${result.stage}`, result.annotations.map(({ title = '' }) => title).join('\n')),
    textPlace(`summary ${result.stage}`, result.summary),
    textPlace(`environment file ${result.stage}`, files.raw.env),
    textPlace(`path file ${result.stage}`, files.raw.path),
    textPlace(`state file ${result.stage}`, files.raw.state),
  ])
  const outputs = [...job.outputs].map(([name, value]) => textPlace(`output ${name}`, value))
  const folders = [job.machine.runnerTemp, job.machine.temporary]
  const files = await Promise.all(folders.map(filePlaces))
  return [...stages, ...outputs, ...files.flat()]
}
