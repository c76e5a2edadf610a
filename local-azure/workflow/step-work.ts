/** What a step does: a script, an action of this repository or of the workspace, or one that has a stand-in. */
import { access } from 'node:fs/promises'
import path from 'node:path'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import type { LocalAzure } from '../index.ts'
import type { WorkflowJob } from '../parts.ts'
import type { JobOptions } from '../runner.ts'
import { readManifest } from '../runner/environment.ts'
import type { JobSteps } from '../runner/job-steps.ts'
import type { StepEnd, StepRequest } from '../runner/step-requests.ts'
import { holds, STEP_CONDITION, textOf, textsOf, type Contexts, type JsonObject } from './expressions.ts'
import { fieldsOf, literalOf } from './fields.ts'
import { standInOf, type Attestation, type StandIn } from './stand-ins.ts'
import type { JobNode, StepNode } from './workflow-file.ts'

/** What all jobs of a run have in common. */
export interface JobSettings {
  azure: LocalAzure
  /** Where `org/aib-action` is found. */
  actionRoot: string
  /** The folder that a checkout copies. */
  repository: string
  /** Put over what workflows give the actions of this repository, where those declare it. */
  actionInputs: Record<string, string>
  /** Added to every job's environment. */
  env: Record<string, string>
  secrets: string[]
  attestations: Attestation[]
  nodePath?: string
  signalDelays?: JobOptions['signalDelays']
}

export interface JobRequest {
  node: JobNode
  /** How errors call the file that the job stands in. */
  file: string
  /** `defaults` and `env` of the workflow. */
  workflow: { env?: TemplateToken; defaults?: TemplateToken }
  job: WorkflowJob
  /** `inputs`, `vars`, `needs`, `strategy`, `matrix`, `secrets`; `github` is made of the job's variables. */
  values: JsonObject
  event: JsonObject
  cancel: AbortSignal
  onLine: (step: string) => (line: string) => void
}

/** `uses` of an action of this repository: the folder in it, `''` for the main one. */
export function ownAction(uses: string): string | undefined {
  return /^[^/]+\/aib-action((?:\/[^@/]+)*)@.+$/i.exec(uses)?.[1]?.slice(1) ?? ownRoot(uses)
}

function ownRoot(uses: string): string | undefined {
  return /^[^/]+\/aib-action@.+$/i.test(uses) ? '' : undefined
}

/** What is wrong with a step's `uses`; undefined for one that can be played. */
export function checkUses(uses: string): string | undefined {
  if (uses.startsWith('./') || ownAction(uses) !== undefined || standInOf(uses)) return undefined
  return `there is no stand-in for the action '${uses}'`
}

export class StepWork {
  private readonly settings: JobSettings
  private readonly request: JobRequest
  private readonly machine: JobSteps
  private readonly token: string

  constructor(settings: JobSettings, request: JobRequest, machine: JobSteps, token: string) {
    this.settings = settings
    this.request = request
    this.machine = machine
    this.token = token
  }

  /** Throws for what the runner cannot begin with: the step then fails. */
  async carryOut(
    step: StepNode,
    name: string,
    env: Record<string, string>,
    contexts: Contexts,
  ): Promise<StepEnd> {
    const { fields } = step
    const { file } = this.request
    const minutes = fields.get('timeout-minutes')
    const cancelled = { success: false, failure: false, cancelled: true }
    const request: StepRequest = {
      name,
      env,
      outlivesCancel: holds(step.condition, STEP_CONDITION, { ...contexts, status: cancelled }),
      onLine: this.request.onLine(name),
      ...(minutes && { timeoutMinutes: Number(textOf(minutes, contexts, file)) }),
    }
    const script = fields.get('run')
    if (script) return await this.runScript(step, textOf(script, contexts, file), request, contexts)
    const uses = literalOf(fields.get('uses')) ?? ''
    const given = textsOf(fields.get('with'), contexts, file)
    const standIn = standInOf(uses)
    if (standIn) return await this.runStandIn(standIn, given, request)
    const own = ownAction(uses)
    const folder =
      own === undefined
        ? path.join(this.machine.machine.workspace, uses)
        : path.join(this.settings.actionRoot, own)
    await access(path.join(folder, 'action.yml')).catch(() => {
      throw new Error(
        `Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '${folder}'. Did you forget to run actions/checkout before running your local action?`,
      )
    })
    const inputs = own === undefined ? given : await this.withActionInputs(folder, given)
    return await this.machine.runAction({
      ...request,
      folder,
      with: inputs,
      variables: actionVariables(uses),
    })
  }

  private async withActionInputs(
    folder: string,
    given: Record<string, string>,
  ): Promise<Record<string, string>> {
    const { inputs } = await readManifest(folder)
    const declared = Object.entries(this.settings.actionInputs).filter(([name]) => inputs.has(name))
    return { ...given, ...Object.fromEntries(declared) }
  }

  private async runScript(
    { fields }: StepNode,
    script: string,
    request: StepRequest,
    contexts: Contexts,
  ): Promise<StepEnd> {
    const setting = (name: string): string | undefined => {
      const places = [
        fields,
        ...[this.request.node.fields.get('defaults'), this.request.workflow.defaults].map(runDefaults),
      ]
      const token = places.map((place) => place.get(name)).find((found) => found !== undefined)
      return token && textOf(token, contexts, this.request.file)
    }
    const shell = setting('shell')
    const cwd = path.resolve(this.machine.machine.workspace, setting('working-directory') ?? '')
    return await this.machine.runScript({ ...request, script, cwd, ...(shell !== undefined && { shell }) })
  }

  private async runStandIn(
    standIn: StandIn,
    inputs: Record<string, string>,
    { name, onLine }: StepRequest,
  ): Promise<StepEnd> {
    const lines: string[] = []
    const say = (text: string): void => {
      const line = this.machine.masks.apply(text)
      lines.push(line)
      onLine?.(line)
    }
    const { azure, repository, attestations } = this.settings
    const outputs = await standIn(inputs, {
      workspace: this.machine.machine.workspace,
      repository,
      repositoryName: this.request.job.repository,
      token: this.token,
      artifacts: azure.github.artifacts,
      attestations,
      say,
      leave: (undo) => {
        this.machine.leave(`Post ${name}`, async () => {
          await undo()
          return { conclusion: 'success', outputs: {}, lines: [], summary: '' }
        })
      },
    })
    return { conclusion: 'success', outputs, lines, summary: '' }
  }
}

function runDefaults(defaults: TemplateToken | undefined): Map<string, TemplateToken> {
  return fieldsOf(fieldsOf(defaults).get('run'))
}

/** `GITHUB_ACTION*`, as the runner names an action of another repository and one of the workspace. */
function actionVariables(uses: string): Record<string, string> {
  const [, owner = '', name = '', ref = ''] = /^([^/]+)\/([^/@]+)[^@]*@(.+)$/.exec(uses) ?? []
  if (uses.startsWith('./')) {
    return { GITHUB_ACTION: '__self', GITHUB_ACTION_REPOSITORY: '', GITHUB_ACTION_REF: '' }
  }
  return {
    GITHUB_ACTION: `__${owner}_${name}`,
    GITHUB_ACTION_REPOSITORY: `${owner}/${name}`,
    GITHUB_ACTION_REF: ref,
  }
}
