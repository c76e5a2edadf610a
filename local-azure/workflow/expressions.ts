/**
 * Evaluates what stands in a workflow: expressions by GitHub's own library, and the values that hold them. What a place
 * may refer to, its schema says; a context that it may name and that is not there yet is empty. Pure.
 */
import { data, Evaluator, Lexer, Parser } from '@actions/expressions'
import type { FunctionDefinition } from '@actions/expressions/funcs/info'
import { TokenType, type Token } from '@actions/expressions/lexer'
import { splitAllowedContext } from '@actions/workflow-parser/templates/allowed-context'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { isBasicExpression, isLiteral, isMapping, isSequence } from './parser.ts'

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }
export type JsonObject = Record<string, Json>

/** What a job or step has come to; the status functions ask it. */
export interface Status {
  success: boolean
  failure: boolean
  cancelled: boolean
}

export interface Contexts {
  /** `github`, `needs` … as plain values. */
  values: JsonObject
  /** Where a condition stands. */
  status?: Status
}

/** A value that cannot be had; the message begins with the place in the file where it was asked for. */
export class EvaluationError extends Error {}

const STATUS_FUNCTIONS = ['success(0,MAX)', 'failure(0,MAX)', 'cancelled(0,0)', 'always(0,0)']
/** The contexts and functions of `jobs.<id>.if` and of a step's `if` (documented). */
export const JOB_CONDITION = ['github', 'inputs', 'vars', 'needs', ...STATUS_FUNCTIONS]
export const STEP_CONDITION = [
  ...JOB_CONDITION,
  ...['strategy', 'matrix', 'job', 'runner', 'env', 'steps', 'hashFiles(1,255)'],
]

/** Evaluates one expression, without its `${{ }}`. Throws for one that cannot be parsed or evaluated. */
export function evaluate(expression: string, allowed: string[], contexts: Contexts): Json {
  return JSON.parse(JSON.stringify(run(expression, allowed, contexts), data.replacer)) as Json
}

/** Whether a condition holds, by GitHub's idea of truth: `''`, `0`, `false` and `null` are not true (documented). */
export function holds(condition: string, allowed: string[], contexts: Contexts): boolean {
  return evaluate(`!!(${condition})`, allowed, contexts) === true
}

function run(expression: string, allowed: string[], contexts: Contexts): data.ExpressionData {
  const { namedContexts, functions } = splitAllowedContext(allowed)
  const tree = new Parser(tokensOf(expression), namedContexts, functions).parse()
  const values = namedContexts.map((key) => ({ key, value: toData(contexts.values[key] ?? {}) }))
  return new Evaluator(tree, new data.Dictionary(...values), played(contexts.status)).evaluate()
}

/** The library undoubles the first quote of a literal alone; GitHub does so with all of them. */
function tokensOf(expression: string): Token[] {
  const { tokens } = new Lexer(expression).lex()
  return tokens.map((token) =>
    token.type === TokenType.STRING
      ? { ...token, value: token.lexeme.slice(1, -1).replaceAll("''", "'") }
      : token,
  )
}

function played(status: Status | undefined): Map<string, FunctionDefinition> {
  const state = status ?? { success: false, failure: false, cancelled: false }
  const answers: Record<string, (args: unknown[]) => boolean> = {
    success: (args) => state.success && isBare('success', args),
    failure: (args) => state.failure && isBare('failure', args),
    cancelled: () => state.cancelled,
    always: () => true,
    hashfiles: () => notPlayed('hashFiles()'),
  }
  return new Map(
    Object.entries(answers).map(([name, answer]) => [
      name,
      { name, minArgs: 0, maxArgs: 255, call: (...args) => new data.BooleanData(answer(args)) },
    ]),
  )
}

function isBare(name: string, args: unknown[]): boolean {
  return args.length === 0 || notPlayed(`${name}() of named jobs`)
}

function notPlayed(what: string): never {
  throw new Error(`${what} is not played here`)
}

function toData(value: Json): data.ExpressionData {
  return JSON.parse(JSON.stringify(value), data.reviver) as data.ExpressionData
}

/** Evaluates a value of a workflow with everything in it. @param file how errors call the file */
export function valueOf(token: TemplateToken, contexts: Contexts, file: string): Json {
  if (isSequence(token)) return [...token].map((item) => valueOf(item, contexts, file))
  if (isMapping(token)) {
    return Object.fromEntries(
      [...token].map(({ key, value }) => [textOf(key, contexts, file), valueOf(value, contexts, file)]),
    )
  }
  if (isLiteral(token)) return 'value' in token ? (token.value as Json) : null
  if (!isBasicExpression(token)) throw new EvaluationError(at(token, file, 'insert is not played here'))
  try {
    return evaluate(token.expression, token.definitionInfo?.allowedContext ?? [], contexts)
  } catch (error) {
    throw new EvaluationError(at(token, file, (error as Error).message))
  }
}

/** The same where a text is wanted: a number or truth value becomes one, `null` is empty, others are refused. */
export function textOf(token: TemplateToken, contexts: Contexts, file: string): string {
  return asText(valueOf(token, contexts, file), token, file)
}

/** Names and texts, as in `env` and `with`. */
export function textsOf(
  token: TemplateToken | undefined,
  contexts: Contexts,
  file: string,
): Record<string, string> {
  if (token === undefined) return {}
  const values = valueOf(token, contexts, file)
  const entries = Object.entries(typeof values === 'object' && values !== null ? values : {})
  return Object.fromEntries(entries.map(([name, value]) => [name, asText(value, token, file)]))
}

function asText(value: Json, token: TemplateToken, file: string): string {
  if (value === null) return ''
  if (typeof value !== 'object') return toData(value).coerceString()
  const kind = Array.isArray(value) ? 'sequence' : 'mapping'
  throw new EvaluationError(at(token, file, `A ${kind} was not expected`))
}

/** `file (Line: 3, Col: 7): message`: how GitHub says where something stands. */
export function at(token: TemplateToken, file: string, message: string): string {
  const { line, col } = token
  return line === undefined ? `${file}: ${message}` : `${file} (Line: ${line}, Col: ${col ?? 0}): ${message}`
}
