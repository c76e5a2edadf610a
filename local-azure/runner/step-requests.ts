/** What a job of several steps is asked to run, and what comes of it. */
import type { LocalAzure } from '../index.ts'
import type { WorkflowJob } from '../parts.ts'
import type { Conclusion, JobOptions } from '../runner.ts'
import type { Variables } from './environment.ts'

export interface StepsOptions {
  azure: LocalAzure
  job: WorkflowJob
  /** Put over the variables of GitHub: `GITHUB_JOB` … */
  variables?: Variables
  /** `github.event`; `GITHUB_EVENT_PATH` names a file with it. */
  event: unknown
  /** What is added to the runner's own environment. */
  env: Variables
  idToken: boolean
  /** Masked from the start. */
  secrets: string[]
  /** Cancels the job: signals for the step that runs, as the runner sends them. */
  cancel?: AbortSignal
  nodePath?: string
  signalDelays?: JobOptions['signalDelays']
}

/** One step, as the workflow has it. */
export interface StepRequest {
  name: string
  env: Variables
  timeoutMinutes?: number
  /** Its condition holds for a cancelled job as well: it gets no signal (runner: `StepsRunner`). */
  outlivesCancel?: boolean
  onLine?: (line: string) => void
}

export interface ActionRequest extends StepRequest {
  /** Holds `action.yml`. */
  folder: string
  /** `GITHUB_ACTION*`. */
  variables: Variables
  with: Variables
}

export interface ScriptRequest extends StepRequest {
  script: string
  /** As the workflow says it; undefined: the runner's own choice. */
  shell?: string
  /** Absolute. */
  cwd: string
}

export interface StepEnd {
  conclusion: Conclusion
  outputs: Record<string, string>
  /** Masked. */
  lines: string[]
  summary: string
}

/** The runner's command lines (documented): without a word about it `bash -e`, for `bash` stricter. */
const SHELLS: Record<string, string> = {
  bash: 'bash --noprofile --norc -e -o pipefail {0}',
  sh: 'sh -e {0}',
  python: 'python {0}',
}

export function shellCommand(shell: string | undefined, file: string): { program: string; args: string[] } {
  const line = shell === undefined ? 'bash -e {0}' : (SHELLS[shell] ?? shell)
  if (!line.includes('{0}')) throw new Error(`The shell '${shell ?? ''}' is not played here`)
  const [program = '', ...args] = line.split(' ')
  return { program, args: args.map((part) => part.replace('{0}', file)) }
}
