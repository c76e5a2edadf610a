/**
 * Plays GitHub's runner for a job of several steps: they share workspace, `GITHUB_ENV`, `GITHUB_PATH`, masks and
 * token; what an action leaves for the job's end runs last in, first out. Which step runs, and with what, is decided
 * elsewhere. Not played: `pre`, and the second evaluation of `with` and `env` before post.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Masks } from './commands.ts'
import {
  gitHubVariables,
  inputVariables,
  machineVariables,
  readManifest,
  runnerVariables,
  serviceVariables,
  type Machine,
  type Variables,
} from './environment.ts'
import { installAction } from './install.ts'
import { filePlaces, findLeaks, textPlace, type Place } from './leaks.ts'
import { endLeftovers } from './process.ts'
import {
  shellCommand,
  type ActionRequest,
  type ScriptRequest,
  type StepEnd,
  type StepRequest,
  type StepsOptions,
} from './step-requests.ts'
import { onAbort, runCommand, runStage, type FinishedStage, type Step } from './stage.ts'

/** Something for the job's end: an action's post, or what a stand-in has to put in order. */
interface Leftover {
  name: string
  run: (onLine?: (line: string) => void) => Promise<StepEnd>
}

export class JobSteps {
  readonly machine: Machine
  readonly masks = new Masks()
  /** What `GITHUB_ENV` has given so far. */
  readonly env = new Map<string, string>()
  /** `env` of workflow and job; `GITHUB_ENV` overwrites it. */
  jobEnv: Variables = {}
  private readonly options: StepsOptions
  private readonly root: string
  private readonly token: string
  private readonly path: string[] = []
  private readonly leftovers: Leftover[] = []
  private readonly places: Place[] = []
  private cancelledAt: number | undefined
  private readonly release: () => void

  private constructor(options: StepsOptions, root: string, token: string) {
    this.options = options
    this.root = root
    this.token = token
    const name = options.job.repository.split('/').at(-1) ?? 'work'
    this.machine = {
      workspace: path.join(root, 'work', name, name),
      runnerTemp: path.join(root, 'work', '_temp'),
      home: path.join(root, 'home'),
      temporary: path.join(root, 'tmp'),
      toolCache: path.join(root, 'toolcache'),
      trackingId: `github_${randomUUID()}`,
    }
    for (const secret of [...options.secrets, token]) this.masks.add(secret)
    this.release = onAbort(options.cancel, () => {
      this.cancelledAt = performance.now()
    })
  }

  /** Sets the machine up: an empty workspace, empty folders, the event's file, a token of the job's own. */
  static async open(options: StepsOptions): Promise<JobSteps> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'runner-'))
    const job = new JobSteps(options, root, await options.azure.github.startJob(options.job))
    const { workspace, home, temporary, runnerTemp } = job.machine
    const eventFolder = path.join(runnerTemp, '_github_workflow')
    for (const folder of [workspace, home, temporary, eventFolder]) await mkdir(folder, { recursive: true })
    await writeFile(path.join(eventFolder, 'event.json'), JSON.stringify(options.event))
    return job
  }

  get isCancelled(): boolean {
    return this.cancelledAt !== undefined
  }

  /** `GITHUB_*` and `RUNNER_*` of the job, command files apart. */
  get variables(): Variables {
    const { job, variables } = this.options
    return { ...gitHubVariables(job, this.machine), ...variables, ...runnerVariables(this.machine, false) }
  }

  /** Runs an action's main; its post waits for the job's end, however main ends. */
  async runAction(request: ActionRequest): Promise<StepEnd> {
    const { azure } = this.options
    const manifest = await readManifest(request.folder)
    const { folder: actionFolder, compiled } = await installAction(request.folder, manifest, azure.folder)
    const services = serviceVariables(azure.github, this.token, this.options.idToken)
    const upper = { ...request.variables, ...services, NODE_COMPILE_CACHE: compiled }
    const step = {
      ...this.step(request, upper),
      inputs: inputVariables(manifest, request.with),
      actionFolder,
    }
    const { post } = manifest
    if (post !== undefined) this.leave(`Post ${request.name}`, (onLine) => this.runPost(step, post, onLine))
    await runStage(step, 'main', manifest.main)
    return this.end(step)
  }

  /** Runs a script in a shell. Of the services, a script sees the way to an ID token alone (runner: `ScriptHandler`). */
  async runScript(request: ScriptRequest): Promise<StepEnd> {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = serviceVariables(
      this.options.azure.github,
      this.token,
      this.options.idToken,
    )
    const way =
      url && token ? { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } : {}
    const step = { ...this.step(request, way), isScript: true }
    const file = path.join(this.machine.runnerTemp, `${randomUUID()}.sh`)
    await writeFile(file, request.script)
    try {
      await runCommand(step, 'main', { ...shellCommand(request.shell, file), cwd: request.cwd })
    } finally {
      await rm(file, { force: true })
    }
    return this.end(step)
  }

  /** Keeps something for the job's end. */
  leave(name: string, run: Leftover['run']): void {
    this.leftovers.push({ name, run })
  }

  /** Runs what was left for the end: last in, first out, whatever became of the job (`post-if` is `always()`). */
  async runLeftovers(
    onLine: (name: string) => (line: string) => void,
  ): Promise<{ name: string; end: StepEnd }[]> {
    const ends: { name: string; end: StepEnd }[] = []
    for (const { name, run } of this.leftovers.splice(0).reverse()) {
      ends.push({ name, end: await run(onLine(name)) })
    }
    return ends
  }

  /** Ends what still runs, removes the machine, and tells where secrets were found. */
  async close(): Promise<string[]> {
    this.release()
    await endLeftovers(this.machine.trackingId)
    const files = await Promise.all([this.machine.runnerTemp, this.machine.temporary].map(filePlaces))
    await rm(this.root, { recursive: true, force: true })
    const secrets = [...this.options.azure.world.secrets, ...this.options.secrets, this.token]
    return findLeaks([...this.places, ...files.flat()], secrets)
  }

  private step(request: StepRequest, services: Variables): Step {
    const { azure, env, nodePath, signalDelays, cancel } = this.options
    const interrupt = {
      ...(cancel && !request.outlivesCancel && { cancel }),
      ...(request.timeoutMinutes !== undefined && { timeoutMinutes: request.timeoutMinutes }),
    }
    return {
      name: request.name,
      options: {
        interrupt,
        ...(nodePath !== undefined && { nodePath }),
        ...(signalDelays && { signalDelays }),
        ...(request.onLine && { onLine: request.onLine }),
      },
      machine: this.machine,
      masks: this.masks,
      lower: { ...machineVariables(this.machine, azure), CI: 'true', ...env, ...this.jobEnv },
      own: request.env,
      upper: { ...this.variables, GITHUB_ACTIONS: 'true', ...services },
      inputs: { variables: {} },
      env: this.env,
      path: this.path,
      state: new Map(),
      outputs: new Map(),
      finished: [],
    }
  }

  /** Post is not signalled when the job is cancelled: its condition holds for that as well. */
  private async runPost(
    step: Step & { actionFolder: string },
    script: string,
    onLine?: (line: string) => void,
  ): Promise<StepEnd> {
    const { nodePath, signalDelays } = step.options
    const post = {
      ...step,
      options: {
        ...(nodePath !== undefined && { nodePath }),
        ...(signalDelays && { signalDelays }),
        ...(onLine && { onLine }),
      },
      finished: [],
      outputs: new Map<string, string>(),
      ...(this.cancelledAt !== undefined && { cancelledAt: this.cancelledAt }),
    }
    await runStage(post, 'post', script)
    return this.end(post)
  }

  private end(step: Step): StepEnd {
    const finished = step.finished.at(-1)
    if (!finished) throw new Error(`'${step.name ?? ''}' did not run`)
    const { result } = finished
    this.places.push(...searchedPlaces(step, finished))
    return {
      conclusion: result.conclusion,
      outputs: Object.fromEntries(step.outputs),
      lines: result.lines,
      summary: result.summary,
    }
  }
}

function searchedPlaces({ name = '', outputs }: Step, { result, files }: FinishedStage): Place[] {
  return [
    textPlace(`log of ${name}`, result.lines.join('\n')),
    textPlace(`debug of ${name}`, result.debug.join('\n')),
    textPlace(`titles of ${name}`, result.annotations.map(({ title = '' }) => title).join('\n')),
    textPlace(`summary of ${name}`, result.summary),
    textPlace(`environment file of ${name}`, files.raw.env),
    textPlace(`path file of ${name}`, files.raw.path),
    textPlace(`state file of ${name}`, files.raw.state),
    ...[...outputs].map(([output, value]) => textPlace(`output ${output} of ${name}`, value)),
  ]
}
