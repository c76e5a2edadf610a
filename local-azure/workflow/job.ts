/** One job on its machine: which of its steps run, with what, and what comes of them and of the job. */
import { randomBytes } from 'node:crypto'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import type { Conclusion } from '../runner.ts'
import { JobSteps } from '../runner/job-steps.ts'
import type { StepEnd } from '../runner/step-requests.ts'
import {
  EvaluationError,
  holds,
  STEP_CONDITION,
  textOf,
  textsOf,
  valueOf,
  type Contexts,
  type JsonObject,
  type Status,
} from './expressions.ts'
import { fieldsOf, literalOf } from './fields.ts'
import { StepWork, type JobRequest, type JobSettings } from './step-work.ts'
import type { StepNode } from './workflow-file.ts'

export interface StepRun {
  id?: string
  name: string
  conclusion: Conclusion | 'skipped'
  /** The same before `continue-on-error`. */
  outcome: Conclusion | 'skipped'
  outputs: Record<string, string>
  /** Masked lines, as the user sees them. */
  log: string
  /** Markdown for the run's page. */
  summary: string
}

export interface JobEnd {
  conclusion: Conclusion
  outputs: Record<string, string>
  steps: StepRun[]
  leaks: string[]
}

/** Runs a job's steps, what they left for its end, and evaluates its outputs. */
export async function runJobSteps(settings: JobSettings, request: JobRequest): Promise<JobEnd> {
  const token = `ghs_${randomBytes(18).toString('hex')}`
  const { azure, env, nodePath, signalDelays } = settings
  const secrets = [...settings.secrets, token]
  const machine = await JobSteps.open({
    azure,
    job: request.job,
    variables: { GITHUB_JOB: request.node.id },
    event: request.event,
    env,
    idToken: request.node.permissions['id-token'] === 'write',
    secrets,
    cancel: request.cancel,
    ...(nodePath !== undefined && { nodePath }),
    ...(signalDelays && { signalDelays }),
  })
  // Git's form of the token is masked from the start as well.
  machine.masks.add(Buffer.from(`x-access-token:${token}`).toString('base64'))
  const play = new JobPlay(settings, request, machine, token)
  try {
    const end = await play.run()
    return { ...end, leaks: await machine.close() }
  } catch (error) {
    await machine.close()
    throw error
  }
}

class JobPlay {
  private readonly request: JobRequest
  private readonly machine: JobSteps
  private readonly token: string
  private readonly work: StepWork
  private readonly runs: StepRun[] = []
  private readonly steps: JsonObject = {}
  private failed = false

  constructor(settings: JobSettings, request: JobRequest, machine: JobSteps, token: string) {
    this.request = request
    this.machine = machine
    this.token = token
    this.work = new StepWork(settings, request, machine, token)
  }

  async run(): Promise<Omit<JobEnd, 'leaks'>> {
    const { workflow, node, file } = this.request
    const env = (token: TemplateToken | undefined): Record<string, string> =>
      textsOf(token, this.contexts({}), file)
    this.machine.jobEnv = { ...env(workflow.env), ...env(node.fields.get('env')) }
    for (const step of node.steps) await this.playStep(step)
    await this.playLeftovers()
    const outputs = this.outputs()
    const conclusion = this.machine.isCancelled ? 'cancelled' : this.failed ? 'failure' : 'success'
    return { conclusion, outputs, steps: this.runs }
  }

  private get status(): Status {
    const cancelled = this.machine.isCancelled
    return { cancelled, failure: !cancelled && this.failed, success: !cancelled && !this.failed }
  }

  private contexts(own: Record<string, string>): Contexts {
    const variables = Object.entries(this.machine.variables)
    const named = (prefix: string): JsonObject =>
      Object.fromEntries(
        variables.flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[name.slice(prefix.length).toLowerCase(), value]] : [],
        ),
      )
    const { status } = this
    const secrets = { ...(this.request.values['secrets'] as JsonObject), GITHUB_TOKEN: this.token }
    return {
      status,
      values: {
        ...this.request.values,
        github: { ...named('GITHUB_'), event: this.request.event, token: this.token },
        runner: named('RUNNER_'),
        job: { status: status.cancelled ? 'cancelled' : status.failure ? 'failure' : 'success' },
        steps: this.steps,
        secrets,
        env: { ...this.machine.jobEnv, ...Object.fromEntries(this.machine.env), ...own },
      },
    }
  }

  private async playStep(step: StepNode): Promise<void> {
    const { fields } = step
    const id = literalOf(fields.get('id'))
    let name = 'step'
    let end: (StepEnd & { skipped?: boolean }) | undefined
    let goesOn = false
    try {
      const own = textsOf(fields.get('env'), this.contexts({}), this.request.file)
      const contexts = this.contexts(own)
      name = this.nameOf(step, contexts)
      if (holds(step.condition, STEP_CONDITION, contexts)) {
        goesOn = this.isTrue(fields.get('continue-on-error'), contexts)
        end = await this.work.carryOut(step, name, own, contexts)
      }
    } catch (error) {
      end = this.failure(name, error)
    }
    const outcome = end?.conclusion ?? 'skipped'
    const conclusion = outcome === 'failure' && goesOn ? 'success' : outcome
    this.failed ||= conclusion === 'failure'
    const outputs = end?.outputs ?? {}
    if (id !== undefined) this.steps[id] = { outputs, outcome, conclusion }
    this.runs.push({
      ...(id !== undefined && { id }),
      name,
      conclusion,
      outcome,
      outputs,
      log: end?.lines.join('\n') ?? '',
      summary: end?.summary ?? '',
    })
  }

  /** The name that the log shows: the step's own, or what it runs. */
  private nameOf({ fields }: StepNode, contexts: Contexts): string {
    const name = fields.get('name')
    if (name) return textOf(name, contexts, this.request.file)
    const uses = literalOf(fields.get('uses'))
    if (uses !== undefined) return `Run ${uses}`
    const script = fields.get('run')
    return `Run ${(script ? textOf(script, contexts, this.request.file) : '').trimStart().split('\n')[0] ?? ''}`
  }

  private async playLeftovers(): Promise<void> {
    for (const { name, end } of await this.machine.runLeftovers(this.request.onLine)) {
      const { conclusion, lines, summary } = end
      this.failed ||= conclusion === 'failure'
      this.runs.push({ name, conclusion, outcome: conclusion, outputs: {}, log: lines.join('\n'), summary })
    }
  }

  /** Empty outputs are none, and one with masked text in it is dropped (runner: `JobExtension`). */
  private outputs(): Record<string, string> {
    const { node, file, onLine } = this.request
    const outputs: Record<string, string> = {}
    for (const [name, token] of fieldsOf(node.fields.get('outputs'))) {
      try {
        const value = textOf(token, this.contexts({}), file)
        if (value === '') continue
        if (this.machine.masks.apply(value) === value) outputs[name] = value
        else this.endNote(`##[warning]Skip output '${name}' since it may contain secret.`, onLine)
      } catch (error) {
        this.failed = true
        this.endNote(`##[error]${(error as Error).message}`, onLine)
      }
    }
    return outputs
  }

  private endNote(line: string, onLine: JobRequest['onLine']): void {
    const name = 'Complete job'
    onLine(name)(line)
    const found = this.runs.find((run) => run.name === name)
    if (found) found.log += `\n${line}`
    else
      this.runs.push({ name, conclusion: 'success', outcome: 'success', outputs: {}, log: line, summary: '' })
  }

  private isTrue(token: TemplateToken | undefined, contexts: Contexts): boolean {
    return token !== undefined && valueOf(token, contexts, this.request.file) === true
  }

  private failure(name: string, error: unknown): StepEnd {
    const prefix = error instanceof EvaluationError ? 'The template is not valid. ' : ''
    const line = this.machine.masks.apply(`##[error]${prefix}${(error as Error).message}`)
    this.request.onLine(name)(line)
    return { conclusion: 'failure', outputs: {}, lines: [line], summary: '' }
  }
}
