/** Inputs and secrets of a workflow that is called, or started by hand: what may be given, and what comes of it. */
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import {
  at,
  EvaluationError,
  textOf,
  valueOf,
  type Contexts,
  type Json,
  type JsonObject,
} from './expressions.ts'
import { fieldsOf, itemsOf, literalOf, type Fields } from './fields.ts'
import { isBasicExpression } from './parser.ts'

export interface InputDefinition {
  name: string
  /** `string`, `boolean`, `number`; by hand also `choice` and `environment`. */
  type: string
  required: boolean
  fallback?: TemplateToken
  options: string[]
}

export function readDefinitions(inputs: Fields): InputDefinition[] {
  return [...inputs].map(([name, token]) => {
    const fields = fieldsOf(token)
    const fallback = fields.get('default')
    return {
      name,
      type: literalOf(fields.get('type')) ?? 'string',
      required: literalOf(fields.get('required')) === 'true',
      ...(fallback && { fallback }),
      options: itemsOf(fields.get('options')).map((option) => literalOf(option) ?? ''),
    }
  })
}

interface Definitions {
  inputs: InputDefinition[]
  /** Name → whether it is required. */
  secrets: Map<string, boolean>
}

/**
 * What is wrong with a call before anything is evaluated, in GitHub's words (runner: `WorkflowTemplateConverter`).
 * @param job keys of the job that calls
 */
export function checkCall(called: Definitions, job: Fields, uses: TemplateToken, file: string): string[] {
  const given = fieldsOf(job.get('with'))
  const secrets = job.get('secrets')
  return [
    ...called.inputs.flatMap((definition) => checkInput(definition, given, uses, file)),
    ...undefinedNames(
      'input',
      given,
      called.inputs.map(({ name }) => name),
      file,
    ),
    ...(literalOf(secrets) === 'inherit' ? [] : checkSecrets(called.secrets, fieldsOf(secrets), uses, file)),
  ]
}

function checkInput(definition: InputDefinition, given: Fields, uses: TemplateToken, file: string): string[] {
  const { name, type, required, fallback } = definition
  const token = find(given, name)
  if (required && !token)
    return [at(uses, file, `Input ${name} is required, but not provided while calling.`)]
  return [token, fallback].flatMap((value) => {
    if (!value || isBasicExpression(value)) return []
    const wrong = wrongType(type, valueOf(value, { values: {} }, file))
    return wrong ? [at(value, file, wrong)] : []
  })
}

function checkSecrets(
  secrets: Definitions['secrets'],
  given: Fields,
  uses: TemplateToken,
  file: string,
): string[] {
  const missing = [...secrets].filter(([name, required]) => required && !find(given, name))
  return [
    ...missing.map(([name]) => at(uses, file, `Secret ${name} is required, but not provided while calling.`)),
    ...undefinedNames('secret', given, [...secrets.keys()], file),
  ]
}

function undefinedNames(kind: string, given: Fields, known: string[], file: string): string[] {
  return [...given].flatMap(([name, token]) =>
    known.some((other) => same(other, name))
      ? []
      : [at(token, file, `Invalid ${kind}, ${name} is not defined in the referenced workflow.`)],
  )
}

/** The called workflow's `inputs`, each of its type. Throws EvaluationError for a value of another one. */
export function callInputs(
  definitions: InputDefinition[],
  given: Fields,
  caller: { contexts: Contexts; file: string },
  called: { contexts: Contexts; file: string },
): JsonObject {
  return Object.fromEntries(
    definitions.map(({ name, type, fallback }) => {
      const token = find(given, name)
      if (token) return [name, typedValue(type, token, caller.contexts, caller.file)]
      if (fallback) return [name, typedValue(type, fallback, called.contexts, called.file)]
      return [name, NOTHING[type] ?? '']
    }),
  )
}

/** What an input is that nobody gave and that has no default (documented). */
const NOTHING: Record<string, Json> = { boolean: false, number: 0, string: '' }

function typedValue(type: string, token: TemplateToken, contexts: Contexts, file: string): Json {
  if (type === 'string') return textOf(token, contexts, file)
  const value = valueOf(token, contexts, file)
  const wrong = wrongType(type, value)
  if (wrong) throw new EvaluationError(at(token, file, wrong))
  return value
}

/** A text stands for no truth value and no number; a text takes any scalar. */
function wrongType(type: string, value: Json): string | undefined {
  if (typeof value === 'object' && value !== null) return 'Unexpected value'
  if (type !== 'boolean' && type !== 'number') return undefined
  return typeof value === type ? undefined : `Unexpected value '${String(value ?? '')}'`
}

/**
 * `inputs` of a workflow started by hand, where everything arrives as text; truth values stay ones (documented).
 * Throws for what GitHub's form or API would not send off.
 */
export function dispatchInputs(definitions: InputDefinition[], given: Record<string, string>): JsonObject {
  const unknown = Object.keys(given).filter((name) => !definitions.some((known) => same(known.name, name)))
  if (unknown.length > 0) throw new Error(`Unexpected inputs provided: ${JSON.stringify(unknown)}`)
  return Object.fromEntries(
    definitions.map((definition) => {
      const { name, type, required, fallback, options } = definition
      const text = given[name] ?? (fallback ? textOf(fallback, { values: {} }, name) : '')
      if (required && text === '') throw new Error(`Required input '${name}' not provided`)
      if (type === 'choice' && text !== '' && !options.includes(text)) {
        throw new Error(`Provided value '${text}' for input '${name}' not in the list of allowed values`)
      }
      return [name, type === 'boolean' ? text === 'true' : text]
    }),
  )
}

function find(fields: Fields, name: string): TemplateToken | undefined {
  return [...fields].find(([known]) => same(known, name))?.[1]
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}
