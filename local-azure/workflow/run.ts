/**
 * A run: its jobs in the order of `needs`, matrix legs and called workflows among them, and what comes of each. The
 * rules are GitHub's documented ones; a comment says where they are those of the public runner's parser, or assumed.
 */
import { blankMachine, gitHubVariables } from '../runner/environment.ts'
import { onAbort } from '../runner/stage.ts'
import { ConcurrencyGroups, Places, type Concurrency } from './concurrency.ts'
import { holds, JOB_CONDITION, type Contexts, type Json, type JsonObject } from './expressions.ts'
import { callInputs } from './inputs.ts'
import {
  describeLeg,
  evaluated,
  outputsOfCalled,
  readConcurrency,
  secretsForCalled,
  type LegFacts,
} from './job-values.ts'
import { runJobSteps } from './job.ts'
import { readStrategy, type Leg, type Strategy } from './matrix.ts'
import { ancestorsOf, combine, mergeOutputs, statusAfter, type Outcome } from './outcomes.ts'
import { notRun, refused, type JobRun, type Played, type RunSettings, type Scope } from './scope.ts'
import { fieldsOf } from './fields.ts'
import type { JobNode, Workflow } from './workflow-file.ts'

/** A leg about to run. */
interface LegPlan {
  scope: Scope
  node: JobNode
  facts: LegFacts
  contexts: Contexts
  cancel: AbortController
}

export class Run {
  private readonly settings: RunSettings
  private readonly places: Places
  private readonly groups = new ConcurrencyGroups()

  constructor(settings: RunSettings) {
    this.settings = settings
    this.places = new Places(settings.places)
  }

  /** Plays the workflow that the event started. */
  async play(workflow: Workflow, inputs: JsonObject, secrets: JsonObject): Promise<Played> {
    const { cancel } = this.settings
    const prefix = { id: '', name: '' }
    return await this.playScope({ workflow, prefix, inputs, secrets, groups: [], cancel })
  }

  private async playScope(scope: Scope): Promise<Played> {
    const { fields, file } = scope.workflow
    const concurrency = evaluated(() =>
      readConcurrency(fields.get('concurrency'), this.contexts(scope, {}), file),
    )
    if (concurrency instanceof Error) return refused(scope, concurrency.message)
    const stop = linked(scope.cancel)
    const within = { ...scope, cancel: stop.signal }
    const played = await this.inGroup(scope.groups, concurrency, stop, (groups) =>
      this.playJobs({ ...within, groups }),
    )
    return typeof played === 'string' ? refused(scope, played, 'cancelled') : played
  }

  private async playJobs(scope: Scope): Promise<Played> {
    const { jobs } = scope.workflow
    const ended = new Map<string, Outcome>()
    const started = new Map<string, Promise<JobRun[]>>()
    const start = (node: JobNode): Promise<JobRun[]> => {
      const known = started.get(node.id)
      if (known) return known
      const needed = jobs.filter(({ id }) => node.needs.includes(id))
      const work = Promise.all(needed.map(start)).then(async () => {
        const { runs, ...outcome } = await this.playJob(scope, node, ended)
        ended.set(node.id, outcome)
        return runs
      })
      started.set(node.id, work)
      return work
    }
    const runs = (await Promise.all(jobs.map(start))).flat()
    const outputs = outputsOfCalled(scope.workflow, ended, this.contexts(scope, {}))
    return { result: combine([...ended.values()].map(({ result }) => result)), outputs, runs }
  }

  private async playJob(scope: Scope, node: JobNode, ended: Map<string, Outcome>): Promise<Played> {
    const { file, jobs } = scope.workflow
    const needs = Object.fromEntries(node.needs.map((id) => [id, { ...ended.get(id) }])) as JsonObject
    const contexts = this.contexts(scope, { needs })
    const ancestors = ancestorsOf(node, jobs).map((id) => ended.get(id)?.result ?? 'skipped')
    const status = statusAfter(ancestors, scope.cancel.aborted)
    const decision = evaluated(() => {
      if (!holds(node.condition, JOB_CONDITION, { ...contexts, status })) return undefined
      return readStrategy(node.fields.get('strategy'), contexts, file)
    })
    if (decision instanceof Error) return this.notRun(scope, node, 'failure', decision.message)
    if (!decision) return this.notRun(scope, node, status.cancelled ? 'cancelled' : 'skipped', '')
    return await this.playMatrix(scope, node, decision, contexts)
  }

  /** The first leg that fails cancels the others, unless `fail-fast` is false. */
  private async playMatrix(
    scope: Scope,
    node: JobNode,
    strategy: Strategy,
    contexts: Contexts,
  ): Promise<Played> {
    const stop = linked(scope.cancel)
    const parallel = new Places(strategy.maxParallel)
    const inOrderOfEnd: Played[] = []
    const legs = await Promise.all(
      strategy.legs.map((leg, index) =>
        parallel.hold(async () => {
          const played = await this.playLeg(scope, node, leg, { index, strategy, contexts, stop })
          inOrderOfEnd.push(played)
          if (played.result === 'failure' && strategy.failFast) stop.abort()
          return played
        }),
      ),
    )
    return {
      result: combine(legs.map(({ result }) => result)),
      outputs: mergeOutputs(inOrderOfEnd, node.called !== undefined && legs.length > 1),
      runs: legs.flatMap(({ runs }) => runs),
    }
  }

  private async playLeg(
    scope: Scope,
    node: JobNode,
    leg: Leg,
    of: { index: number; strategy: Strategy; contexts: Contexts; stop: AbortController },
  ): Promise<Played> {
    const { legs, failFast, maxParallel } = of.strategy
    const numbers = { 'fail-fast': failFast, 'max-parallel': maxParallel }
    const values = {
      ...of.contexts.values,
      matrix: leg.matrix ?? null,
      strategy: { ...numbers, 'job-index': of.index, 'job-total': legs.length },
    }
    const contexts = { ...of.contexts, values }
    const matrix = leg.matrix ?? scope.matrix
    const facts = evaluated(() => describeLeg(node, leg, contexts, scope.workflow.file))
    if (facts instanceof Error) return this.notRun(scope, node, 'failure', facts.message, matrix)
    const cancel = linked(of.stop.signal)
    const name = `${scope.prefix.name}${facts.name}`
    const plan = { scope, node, contexts, cancel, facts: { ...facts, name, ...(matrix && { matrix }) } }
    if (cancel.signal.aborted) return this.notRun(scope, node, 'cancelled', '', matrix)
    const played = await this.inGroup(scope.groups, facts.group, cancel, (groups) =>
      node.called ? this.playCall(plan, node.called, groups) : this.playSteps(plan, groups),
    )
    return typeof played === 'string' ? this.notRun(scope, node, 'cancelled', played, matrix) : played
  }

  private async playCall(plan: LegPlan, called: Workflow, groups: string[]): Promise<Played> {
    const { scope, node, facts, contexts, cancel } = plan
    const { file } = scope.workflow
    const { github, vars } = contexts.values
    const given = evaluated(() => ({
      inputs: callInputs(
        called.inputs,
        fieldsOf(node.fields.get('with')),
        { contexts, file },
        { contexts: { values: { github: github ?? {}, vars: vars ?? {} } }, file: called.file },
      ),
      secrets: secretsForCalled(
        node,
        { ...contexts, values: { ...contexts.values, secrets: scope.secrets } },
        file,
      ),
    }))
    if (given instanceof Error) return this.notRun(scope, node, 'failure', given.message, facts.matrix)
    return await this.playScope({
      workflow: called,
      prefix: { id: `${scope.prefix.id}${node.id} / `, name: `${facts.name} / ` },
      ...given,
      ...(facts.matrix && { matrix: facts.matrix }),
      groups,
      cancel: cancel.signal,
    })
  }

  private async playSteps(plan: LegPlan, groups: string[]): Promise<Played> {
    const { scope, node, facts, contexts, cancel } = plan
    const { workflow } = scope
    const [env, defaults] = ['env', 'defaults'].map((name) => workflow.fields.get(name))
    const { environment } = facts
    const job = {
      ...this.settings.job,
      ...(environment !== undefined && { environment }),
      ...(workflow.calledAs !== undefined && { calledWorkflow: workflow.calledAs }),
    }
    const id = `${scope.prefix.id}${node.id}`
    const end = await this.places.hold(() =>
      runJobSteps(this.settings, {
        node,
        file: workflow.file,
        workflow: { ...(env && { env }), ...(defaults && { defaults }) },
        job,
        values: { ...contexts.values, secrets: scope.secrets },
        event: this.settings.event,
        cancel: cancel.signal,
        onLine: (step) => (line) => {
          this.settings.onLine(line, { job: facts.name, step })
        },
      }),
    )
    const log = end.steps.map((step) => step.log).filter((text) => text !== '')
    const { permissions } = node
    const run = { ...facts, id, ...end, permissions, concurrency: groups, log: log.join('\n') }
    // That others see such a job as one that succeeded is assumed.
    const result = end.conclusion === 'failure' && facts.continueOnError ? 'success' : end.conclusion
    return { result, outputs: end.outputs, runs: [run] }
  }

  /** Does the work in a group, when its turn comes; a sentence says why it was cancelled before. */
  private async inGroup<T>(
    groups: string[],
    concurrency: Concurrency | undefined,
    cancel: AbortController,
    work: (groups: string[]) => Promise<T>,
  ): Promise<T | string> {
    if (!concurrency) return await work(groups)
    const { group } = concurrency
    if (groups.some((outer) => outer.toLowerCase() === group.toLowerCase())) {
      return `Canceling since a deadlock for concurrency group '${group}' was detected`
    }
    const goes = await this.groups.enter(concurrency, () => {
      cancel.abort()
    })
    if (!goes) return `Canceling since a higher priority waiting request for '${group}' exists`
    try {
      return await work([...groups, group])
    } finally {
      this.groups.leave(group)
    }
  }

  /** `github`, `inputs`, `vars` and more, as GitHub itself evaluates them, before there is a machine. */
  private contexts(scope: Scope, more: JsonObject): Contexts {
    const { job, event, vars } = this.settings
    const github = Object.entries(gitHubVariables(job, blankMachine())).map(
      ([name, value]): [string, Json] => [name.replace('GITHUB_', '').toLowerCase(), value],
    )
    const { inputs } = scope
    return { values: { github: { ...Object.fromEntries(github), event }, inputs, vars, ...more } }
  }

  private notRun(...of: Parameters<typeof notRun>): Played {
    const played = notRun(...of)
    for (const { log, name } of played.runs) {
      if (log !== '') this.settings.onLine(log, { job: name, step: '' })
    }
    return played
  }
}

/** A controller of its own that is aborted with another signal. */
function linked(signal: AbortSignal): AbortController {
  const controller = new AbortController()
  onAbort(signal, () => {
    controller.abort()
  })
  return controller
}
