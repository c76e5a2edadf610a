/** A job's strategy, evaluated: its legs and how many of them run side by side. The rules are documented. Pure. */
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { at, EvaluationError, valueOf, type Contexts, type Json, type JsonObject } from './expressions.ts'

export interface Leg {
  /** Undefined for a job without a matrix. */
  matrix?: JsonObject
  /** What GitHub puts into brackets behind the job's name: the values of the leg, without what `include` added. */
  segments: string[]
}

export interface Strategy {
  legs: Leg[]
  failFast: boolean
  maxParallel: number
}

/** Evaluates a job's `strategy`. Throws EvaluationError in GitHub's words. */
export function readStrategy(token: TemplateToken | undefined, contexts: Contexts, file: string): Strategy {
  const value = token ? valueOf(token, contexts, file) : undefined
  const { 'fail-fast': failFast, 'max-parallel': most, matrix } = isObject(value) ? value : {}
  try {
    const legs = matrix === undefined ? [{ segments: [] }] : expandMatrix(matrix)
    const maxParallel = typeof most === 'number' && most > 0 ? most : legs.length
    return { legs, failFast: failFast !== false, maxParallel }
  } catch (error) {
    throw new EvaluationError(token ? at(token, file, (error as Error).message) : String(error))
  }
}

/** Every combination of the vectors, less what `exclude` names, more what `include` adds. */
export function expandMatrix(matrix: Json): Leg[] {
  if (!isObject(matrix)) throw new Error(`Unexpected value '${typeof matrix === 'string' ? matrix : ''}'`)
  const { include, exclude, ...vectors } = matrix
  for (const [name, values] of Object.entries(vectors)) {
    if (!Array.isArray(values)) throw new Error(`Matrix vector '${name}' is not a sequence`)
    if (values.length === 0) throw new Error(`Matrix vector '${name}' does not contain any values`)
  }
  const names = Object.keys(vectors)
  const excluded = objects(exclude)
  const combined = combinations(vectors as Record<string, Json[]>).filter(
    (leg) => !excluded.some((filter) => matches(filter, leg)),
  )
  return withIncluded(combined, objects(include), names)
}

function combinations(vectors: Record<string, Json[]>): JsonObject[] {
  return Object.entries(vectors).reduce<JsonObject[]>(
    (legs, [name, values]) => legs.flatMap((leg) => values.map((value) => ({ ...leg, [name]: value }))),
    Object.keys(vectors).length === 0 ? [] : [{}],
  )
}

/** An `include` goes into every leg whose own values it does not change; one that fits none is a leg of its own. */
function withIncluded(combined: JsonObject[], included: JsonObject[], names: string[]): Leg[] {
  const extras = combined.map((): JsonObject => ({}))
  const further: JsonObject[] = []
  for (const entry of included) {
    const filter = Object.fromEntries(Object.entries(entry).filter(([name]) => names.includes(name)))
    const extra = Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)))
    const fitting = combined.flatMap((leg, index) => (matches(filter, leg) ? [index] : []))
    for (const index of fitting) Object.assign(extras[index] ?? {}, extra)
    if (fitting.length === 0) further.push({ ...filter, ...extra })
  }
  const legs = [
    ...combined.map((leg, index) => ({ matrix: { ...leg, ...extras[index] }, segments: scalars(leg) })),
    ...further.map((leg) => ({ matrix: leg, segments: scalars(leg) })),
  ]
  if (legs.length > 256) throw new Error(`The matrix has ${legs.length} jobs; a run may have 256`)
  if (legs.length === 0) throw new Error('The matrix must define at least one vector')
  return legs
}

/** A filter may name a part of a leg alone, and of an object in it. */
function matches(filter: Json, value: Json | undefined): boolean {
  if (isObject(filter)) {
    return isObject(value) && Object.entries(filter).every(([name, item]) => matches(item, value[name]))
  }
  return JSON.stringify(filter) === JSON.stringify(value)
}

function scalars(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(scalars)
  if (isObject(value)) return Object.values(value).flatMap(scalars)
  return value === null || value === '' ? [] : [String(value)]
}

/** `name (a, b)`, cut where GitHub cuts it (runner: `JobNameBuilder`). */
export function legName(name: string, segments: string[]): string {
  const whole = segments.length === 0 ? name : `${name} (${segments.join(', ')})`
  return whole.length > 100 ? `${whole.slice(0, 97)}...` : whole
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
