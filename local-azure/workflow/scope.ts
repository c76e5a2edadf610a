/** A run's settings, its workflows on their way, and the jobs that came of it. */
import type { WorkflowJob } from '../parts.ts'
import type { JsonObject } from './expressions.ts'
import type { LegFacts } from './job-values.ts'
import type { StepRun } from './job.ts'
import type { Outcome, Result } from './outcomes.ts'
import type { JobSettings } from './step-work.ts'
import type { JobNode, Workflow } from './workflow-file.ts'

export interface JobRun extends LegFacts {
  /** IDs from the outermost workflow inwards: `build / plan`. */
  id: string
  conclusion: Result
  outputs: Record<string, string>
  steps: StepRun[]
  permissions: Record<string, string>
  /** All lines of its steps, masked; or why it did not run. */
  log: string
  leaks: string[]
}

export interface RunSettings extends JobSettings {
  /** What holds for every job: all but environment and called workflow. */
  job: WorkflowJob
  event: JsonObject
  vars: Record<string, string>
  /** Jobs side by side. */
  places: number
  cancel: AbortSignal
  onLine: (line: string, place: { job: string; step: string }) => void
}

/** One workflow on its way: the caller's, or a called one. */
export interface Scope {
  workflow: Workflow
  /** Before the IDs and names of its jobs. */
  prefix: { id: string; name: string }
  inputs: JsonObject
  secrets: JsonObject
  /** The leg of the job that called. */
  matrix?: JsonObject
  /** Concurrency groups that the callers are in. */
  groups: string[]
  /** Aborted when the run, or the matrix that called, is cancelled. */
  cancel: AbortSignal
}

export interface Played extends Outcome {
  runs: JobRun[]
}

/** A workflow that was cancelled, or refused, before any of its jobs. */
export function refused(scope: Scope, why: string, conclusion: Result = 'failure'): Played {
  const run = {
    id: scope.prefix.id.replace(/ \/ $/, ''),
    name: scope.prefix.name.replace(/ \/ $/, ''),
    ...(scope.matrix && { matrix: scope.matrix }),
    ...{ conclusion, outputs: {}, steps: [], log: `##[error]${why}`, leaks: [] },
    ...{ runsOn: null, concurrency: scope.groups, continueOnError: false, permissions: {} },
  }
  return { result: conclusion, outputs: {}, runs: [run] }
}

/** A job that ended before it had a machine. */
export function notRun(
  scope: Scope,
  node: JobNode,
  conclusion: Result,
  why: string,
  matrix = scope.matrix,
): Played {
  const run = {
    id: `${scope.prefix.id}${node.id}`,
    name: `${scope.prefix.name}${node.id}`,
    ...(matrix && { matrix }),
    ...{ conclusion, outputs: {}, steps: [], log: why === '' ? '' : `##[error]${why}`, leaks: [] },
    ...{ runsOn: null, concurrency: scope.groups, continueOnError: false, permissions: node.permissions },
  }
  return { result: conclusion, outputs: {}, runs: [run] }
}
