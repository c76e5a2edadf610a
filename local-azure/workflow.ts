/**
 * Walks GitHub workflows on a local Azure: parses them with GitHub's own parser, evaluates their expressions with its own
 * library, and runs their jobs as its runner does. The actions of this repository run as their bundles, in processes of
 * their own; those of others have stand-ins. Not played: containers, services, a job's time, approvals, other runs.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { LocalAzure } from './index.ts'
import type { WorkflowJob } from './parts.ts'
import type { JobOptions } from './runner.ts'
import { DEFAULT_JOB } from './runner/environment.ts'
import { findLeaks } from './runner/leaks.ts'
import type { Json, JsonObject } from './workflow/expressions.ts'
import { dispatchInputs } from './workflow/inputs.ts'
import type { StepRun } from './workflow/job.ts'
import { checkUses } from './workflow/step-work.ts'
import { Run } from './workflow/run.ts'
import type { JobRun } from './workflow/scope.ts'
import { unzip, type Attestation } from './workflow/stand-ins.ts'
import type { Result } from './workflow/outcomes.ts'
import { loadWorkflow, type Sources } from './workflow/workflow-file.ts'

export { InvalidWorkflow } from './workflow/workflow-file.ts'
export type { JobRun, StepRun }

export interface WorkflowOptions {
  azure: LocalAzure
  /** The caller's workflow file; it and its neighbours stand for `.github/workflows` of the caller's repository. */
  workflow: string
  /** The caller's repository: what a checkout puts into the workspace. Default: an empty folder. */
  repository?: string
  /** Where `<owner>/aib-action` is found; default: the repository that this file is in. */
  actionRoot?: string
  /** What started the run; default: a push, or `workflow_dispatch` where there are `inputs`. */
  event?: { name: string; payload?: JsonObject }
  /** Of `workflow_dispatch`, as its form sends them. */
  inputs?: Record<string, string>
  vars?: Record<string, string>
  secrets?: Record<string, string>
  /** What differs from a push to main of octo-org/webapp. */
  job?: Partial<WorkflowJob>
  /**
   * Put over what the workflows give the actions of this repository, where those declare it: the local Azure's address,
   * which no workflow of a user names.
   */
  actionInputs?: Record<string, string>
  /** Added to the environment of every job's machine. */
  env?: Record<string, string>
  /** Each line, masked, as the user sees it. */
  onLine?: (line: string, place: { job: string; step: string }) => void
  /** The user cancels the run. */
  cancel?: AbortSignal
  /** Default: this process's own. */
  nodePath?: string
  signalDelays?: JobOptions['signalDelays']
  /** Jobs that run side by side; default 2. */
  places?: number
}

export interface WorkflowResult {
  conclusion: Result
  /** In the order of the files, legs in the order of their matrix; jobs of called workflows in place of the call. */
  jobs: JobRun[]
  /** All lines of all jobs. */
  log: string
  /** Markdown of the steps, in the jobs' order. */
  summaries: { job: string; step: string; text: string }[]
  /** Workflow artifacts of the local Azure's runs, unpacked: file → content. */
  artifacts: { name: string; files: Map<string, Buffer> }[]
  attestations: Attestation[]
  /** Secrets, found where they must not be. */
  leaks: string[]
}

/** Plays a workflow. Throws InvalidWorkflow, with every error, for one that GitHub would not start. */
export async function playWorkflow(options: WorkflowOptions): Promise<WorkflowResult> {
  const job = jobOf(options)
  const workflow = await loadWorkflow(sourcesOf(options, job), job.workflowFile ?? '')
  const inputs =
    job.eventName === 'workflow_dispatch' ? dispatchInputs(workflow.inputs, options.inputs ?? {}) : {}
  const empty = await mkdtemp(path.join(os.tmpdir(), 'repository-'))
  try {
    const attestations: Attestation[] = []
    const { runs, result } = await runOf(
      options,
      { ...job, workflow: workflow.name },
      attestations,
      empty,
    ).play(workflow, inputs, options.secrets ?? {})
    return await report(options, runs, result, attestations)
  } finally {
    await rm(empty, { recursive: true, force: true })
  }
}

function jobOf({ workflow, inputs, event, job }: WorkflowOptions): WorkflowJob {
  return {
    ...DEFAULT_JOB,
    workflowFile: `.github/workflows/${path.basename(workflow)}`,
    eventName: event?.name ?? (inputs ? 'workflow_dispatch' : 'push'),
    ...job,
  }
}

function sourcesOf(options: WorkflowOptions, { repository, ref }: WorkflowJob): Sources {
  const root = options.actionRoot ?? path.join(import.meta.dirname, '..')
  return {
    repository,
    ref,
    checkUses,
    find: (owner, file) => {
      if (owner === repository) return path.join(path.dirname(options.workflow), path.basename(file))
      return owner.endsWith('/aib-action') ? path.join(root, file) : undefined
    },
  }
}

function runOf(options: WorkflowOptions, job: WorkflowJob, attestations: Attestation[], empty: string): Run {
  const { azure, vars = {}, secrets = {}, env = {}, inputs, event, nodePath, signalDelays } = options
  const payload: Json = {
    ref: job.ref,
    repository: { id: Number(job.repositoryId), full_name: job.repository },
    ...(inputs && { inputs }),
    ...event?.payload,
  }
  return new Run({
    azure,
    actionRoot: options.actionRoot ?? path.join(import.meta.dirname, '..'),
    repository: options.repository ?? empty,
    env,
    actionInputs: options.actionInputs ?? {},
    secrets: Object.values(secrets),
    attestations,
    ...(nodePath !== undefined && { nodePath }),
    ...(signalDelays && { signalDelays }),
    job,
    event: payload,
    vars,
    places: options.places ?? 2,
    cancel: options.cancel ?? new AbortController().signal,
    onLine: options.onLine ?? (() => undefined),
  })
}

async function report(
  options: WorkflowOptions,
  jobs: JobRun[],
  conclusion: Result,
  attestations: Attestation[],
): Promise<WorkflowResult> {
  const { azure, secrets = {} } = options
  const artifacts = await Promise.all(
    (await azure.github.artifacts()).map(async ({ name, zip }) => ({ name, files: await unzip(zip) })),
  )
  const places = artifacts.flatMap(({ name, files }) =>
    [...files].map(([file, content]) => ({
      name: `artifact ${name}, ${file}`,
      bytes: content.toString('latin1'),
    })),
  )
  const found = findLeaks(places, [...azure.world.secrets, ...Object.values(secrets)])
  return {
    conclusion,
    jobs,
    log: jobs.map(({ log }) => log).join('\n'),
    summaries: jobs.flatMap(({ name, steps }) =>
      steps
        .filter(({ summary }) => summary !== '')
        .map((step) => ({ job: name, step: step.name, text: step.summary })),
    ),
    artifacts,
    attestations,
    leaks: [...jobs.flatMap(({ name, leaks }) => leaks.map((leak) => `${name}: ${leak}`)), ...found],
  }
}
