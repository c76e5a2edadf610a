/**
 * Plays the values of a workflow as far as the readers of the inputs, without running anything; expressions are evaluated
 * by GitHub's own library.
 */
import { data, Evaluator, Lexer, Parser } from '@actions/expressions'
import type { Contract, Contracts, Job, Values, Workflow } from './workflow-checks.ts'

/** The value of a text with expressions in it. */
export function evaluated(text: string, contexts: Values): unknown {
  const whole = /^\$\{\{((?:(?!\$\{\{)[^])*)\}\}$/.exec(text.trim())?.[1]
  if (whole !== undefined) return JSON.parse(JSON.stringify(run(whole, contexts), data.replacer)) as unknown
  return text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, inner: string) => run(inner, contexts).coerceString())
}

function run(expression: string, contexts: Values): data.ExpressionData {
  const values = Object.entries(contexts).map(([key, value]) => ({
    key,
    value: JSON.parse(JSON.stringify(value), data.reviver) as data.ExpressionData,
  }))
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), []).parse()
  return new Evaluator(tree, new data.Dictionary(...values)).evaluate()
}

/** The same of everything within; a text stays one. */
export function evaluatedAll(values: Values, contexts: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? evaluated(value, contexts) : value,
    ]),
  )
}

/** What a step's inputs come to, as texts. */
export type Read = (action: string, given: Record<string, string>) => Record<string, string>

/**
 * Plays a workflow without running it: every step that uses an action of this repository is read with the values that it
 * would get, in called workflows, too, and for each leg of a matrix. Conditions are passed over.
 * @param read gets the action's name and inputs, throws for wrong ones, and gives the step's outputs
 * @returns the outputs of a workflow that is called
 */
export function play(workflow: Workflow, base: Values, known: Contracts, read: Read): Values {
  const done: Values = {}
  for (const [name, job] of Object.entries(workflow.jobs)) {
    const contexts: Values = { ...base, needs: done, matrix: {} }
    let outputs: Values = {}
    for (const leg of legsOf(job, contexts)) outputs = playJob(job, { ...contexts, matrix: leg }, known, read)
    done[name] = { result: 'success', outputs }
  }
  const outputs = Object.entries(workflow.on.workflow_call?.outputs ?? {})
  return evaluatedAll(Object.fromEntries(outputs.map(([name, { value }]) => [name, value])), { jobs: done })
}

function legsOf({ strategy }: Job, contexts: Values): Values[] {
  if (!strategy) return [{}]
  const [[name, given] = ['', '']] = Object.entries(strategy.matrix)
  const values = typeof given === 'string' ? evaluated(given, contexts) : given
  return (values as unknown[]).map((value) => ({ [name]: value }))
}

function playJob(job: Job, contexts: Values, known: Contracts, read: Read): Values {
  const contract = known.get(job.uses?.split('@')[0] ?? '')
  if (contract?.workflow) {
    const inputs = calledInputs(contract, evaluatedAll(job.with ?? {}, contexts))
    return play(contract.workflow, { ...contexts, inputs }, known, read)
  }
  const steps: Values = {}
  for (const step of job.steps ?? []) {
    const name = step.uses?.split('@')[0] ?? ''
    if (!known.has(name)) continue
    const given = evaluatedAll(step.with ?? {}, { ...contexts, steps })
    const outputs = read(name, asTexts(given))
    if (step.id !== undefined) steps[step.id] = { outputs }
  }
  return evaluatedAll(job.outputs ?? {}, { ...contexts, steps })
}

/** As the runner hands values over: `null` and what is not there are empty. */
export function asTexts(values: Values): Record<string, string> {
  const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      value === undefined || value === null ? '' : text(value),
    ]),
  )
}

/** As GitHub fills in what is not given: its default, or that of its type. */
function calledInputs({ inputs }: Contract, given: Values): Values {
  const NONE = { boolean: false, number: 0, string: '' }
  const presets = Object.entries(inputs).map(([name, one]) => [
    name,
    one.default ?? NONE[one.type ?? 'string'],
  ])
  return { ...(Object.fromEntries(presets) as Values), ...given }
}
