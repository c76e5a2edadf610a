/** What GitHub itself evaluates of a job, before a runner has it: names, places, groups, what goes into a call and comes back. */
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import type { Concurrency } from './concurrency.ts'
import {
  at,
  EvaluationError,
  textOf,
  textsOf,
  valueOf,
  type Contexts,
  type Json,
  type JsonObject,
} from './expressions.ts'
import { legName, type Leg } from './matrix.ts'
import type { Outcome } from './outcomes.ts'
import { isBasicExpression, isMapping } from './parser.ts'
import { fieldsOf } from './fields.ts'
import type { JobNode, Workflow } from './workflow-file.ts'

export interface LegFacts {
  /** As GitHub shows it. */
  name: string
  matrix?: JsonObject
  environment?: string
  /** A label, several, or a group. */
  runsOn: Json
  /** The job's own group. */
  group?: Concurrency
  /** The groups that it is in, the outermost first. */
  concurrency: string[]
  continueOnError: boolean
}

/** A value, or why it cannot be had. */
export function evaluated<T>(work: () => T): T | Error {
  try {
    return work()
  } catch (error) {
    const prefix = error instanceof EvaluationError ? 'The template is not valid. ' : ''
    return new Error(`${prefix}${(error as Error).message}`)
  }
}

/** Evaluates what a leg is called, where it runs and whom it waits for. Throws EvaluationError. */
export function describeLeg(node: JobNode, leg: Leg, contexts: Contexts, file: string): LegFacts {
  const { fields } = node
  const environment = readEnvironment(fields.get('environment'), contexts, file)
  const group = readConcurrency(fields.get('concurrency'), contexts, file)
  const goesOn = fields.get('continue-on-error')
  return {
    name: nameOf(node, leg, contexts, file),
    ...(environment !== '' && { environment }),
    ...(group && { group }),
    runsOn: readRunsOn(fields.get('runs-on'), contexts, file),
    concurrency: [],
    continueOnError: goesOn !== undefined && valueOf(goesOn, contexts, file) === true,
    ...checkNumber(fields.get('timeout-minutes'), contexts, file),
  }
}

/** A name with an expression in it stands for itself; the values of the leg go behind any other one. */
function nameOf({ id, fields }: JobNode, leg: Leg, contexts: Contexts, file: string): string {
  const token = fields.get('name')
  const name = token ? textOf(token, contexts, file) : ''
  return token && isBasicExpression(token) && name !== ''
    ? name
    : legName(name === '' ? id : name, leg.segments)
}

/** The environment's name; an empty one is none (runner: `ConvertToActionEnvironmentReference`). Its URL is not played. */
function readEnvironment(token: TemplateToken | undefined, contexts: Contexts, file: string): string {
  if (!token) return ''
  const name = isMapping(token) ? fieldsOf(token).get('name') : token
  return name ? textOf(name, contexts, file) : ''
}

function readRunsOn(token: TemplateToken | undefined, contexts: Contexts, file: string): Json {
  if (!token) return null
  const value = valueOf(token, contexts, file)
  const isEmpty = value === '' || value === null || (Array.isArray(value) && value.length === 0)
  if (isEmpty) throw new EvaluationError(at(token, file, "Unexpected value ''"))
  return value
}

/** A job's time is evaluated and must be a number; it is not played. */
function checkNumber(token: TemplateToken | undefined, contexts: Contexts, file: string): object {
  const value = token ? valueOf(token, contexts, file) : 0
  if (token && typeof value !== 'number') {
    throw new EvaluationError(at(token, file, `Unexpected value '${typeof value === 'string' ? value : ''}'`))
  }
  return {}
}

export function readConcurrency(
  token: TemplateToken | undefined,
  contexts: Contexts,
  file: string,
): Concurrency | undefined {
  if (!token) return undefined
  const value = valueOf(token, contexts, file)
  const fields =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { group: value }
  const { group, 'cancel-in-progress': cancel, queue } = fields
  if (typeof group !== 'string' || group === '') {
    throw new EvaluationError(at(token, file, 'Concurrency group name cannot be empty'))
  }
  if (group.length > 400) {
    throw new EvaluationError(at(token, file, 'Concurrency group name must be less than 400 characters'))
  }
  return { group, cancelInProgress: cancel === true, queue: queue === 'max' ? 'max' : 'single' }
}

/** What a called workflow knows as `secrets`: all of the caller's, or what is named. */
export function secretsForCalled({ fields }: JobNode, contexts: Contexts, file: string): JsonObject {
  const token = fields.get('secrets')
  if (token && !isMapping(token)) return contexts.values['secrets'] as JsonObject
  return textsOf(token, contexts, file)
}

/** The outputs of `workflow_call`, from those of its jobs; empty ones are none. */
export function outputsOfCalled(
  { outputs, file }: Workflow,
  jobs: Map<string, Outcome>,
  contexts: Contexts,
): Record<string, string> {
  const values = { ...contexts.values, jobs: Object.fromEntries(jobs) as unknown as JsonObject }
  const entries = [...outputs].flatMap(([name, definition]): [string, string][] => {
    const token = fieldsOf(definition).get('value')
    const value = token ? textOf(token, { values }, file) : ''
    return value === '' ? [] : [[name, value]]
  })
  return Object.fromEntries(entries)
}
