/**
 * The expression language of ARM deployment templates, and those of its functions that need nothing but their
 * arguments. Source: Microsoft Learn, "Syntax and expressions in ARM templates" and "ARM template functions".
 */
import { messageOf } from './errors.ts'
import { didYouMean } from './nearest.ts'

export type Fields = Record<string, unknown>

/** An expression that cannot be evaluated; the message is the reason, to be put behind a colon. */
export class ExpressionError extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'ExpressionError'
  }
}

/** @throws ExpressionError */
export function fail(reason: string): never {
  throw new ExpressionError(reason)
}

export interface TemplateFunction {
  /**
   * The kind of each argument: `int|string` either, `int?` may be left out, `int*` any number, as one array. `lazy`
   * is evaluated only when called.
   */
  takes: readonly string[]
  run: (...args: unknown[]) => unknown
}
/** By name; names are compared without regard to case. */
export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>

/** A literal or a call, and what is taken from its value: `.name` and `['name']` are the same step. */
interface Expression {
  head: string | number | { name: string; args: Expression[] }
  steps: Expression[]
}

/**
 * The value that a string of a template stands for: `[…]` is an expression, `[[…]` the literal `[…]`. All else is
 * literal: a bracket that is not closed at the end needs no escape, so it is not taken for one either.
 * @throws ExpressionError, and nothing else
 */
export function evaluateText(text: string, functions: TemplateFunctions): unknown {
  if (!text.startsWith('[') || !text.endsWith(']')) return text
  if (text.startsWith('[[')) return text.slice(1)
  return evaluate(new Parser(text.slice(1, -1)).whole(), functions)
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Facts)
}

/** The name as the object spells it: names are compared without regard to case. */
export function ownName(object: Readonly<Fields>, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name
  return Object.keys(object).find((key) => key.toLowerCase() === name.toLowerCase())
}

const TOKEN = /'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?)|([A-Za-z_$][\w$]*)|([()[\],.])|(\S)/gu

/** The documented limit of an expression's length. */
const MOST_CHARACTERS = 24_576
/** Nobody nests this deep; the limit keeps the stack safe. */
const DEEPEST = 200

/** Recursive descent: `'text'`, `1` or `name(…)`, and behind it any number of `.name` and `[…]`. */
class Parser {
  private readonly tokens: RegExpExecArray[]
  private next = 0
  private depth = 0

  constructor(source: string) {
    if (source.length > MOST_CHARACTERS) fail(`it is longer than ${MOST_CHARACTERS} characters`)
    this.tokens = [...source.matchAll(TOKEN)]
    const [stray] = this.tokens.find((token) => token[5] !== undefined) ?? []
    if (stray === "'") fail('a text in single quotes is not closed')
    if (stray === '"') fail('texts stand in single quotes, not in double ones')
    if (stray !== undefined) fail(`the character '${stray}' means nothing there`)
  }

  whole(): Expression {
    const expression = this.expression()
    if (this.next < this.tokens.length) this.unexpected('the end')
    return expression
  }

  private expression(): Expression {
    this.depth += 1
    if (this.depth > DEEPEST) fail(`it is nested more than ${DEEPEST} levels deep`)
    const expression: Expression = { head: this.head(), steps: [] }
    for (;;) {
      if (this.accept('.')) {
        expression.steps.push({ head: this.name('the name of a property'), steps: [] })
      } else if (this.accept('[')) {
        expression.steps.push(this.expression())
        this.expect(']')
      } else break
    }
    this.depth -= 1
    return expression
  }

  private head(): Expression['head'] {
    const [, text, number] = this.tokens[this.next] ?? []
    if (text === undefined && number === undefined) return this.call()
    this.next += 1
    return text === undefined ? Number(number) : text.replaceAll("''", "'")
  }

  private call(): Expression['head'] {
    let name = this.name('a function, a number or a text in single quotes')
    while (this.accept('.')) name += `.${this.name('the name of a function')}`
    if (!this.accept('(')) fail(`'${name}' is not a call: write ${name}(), or '${name}' in quotes for a text`)
    const args: Expression[] = []
    if (this.accept(')')) return { name, args }
    do args.push(this.expression())
    while (this.accept(','))
    this.expect(')')
    return { name, args }
  }

  private name(what: string): string {
    const name = this.tokens[this.next]?.[3] ?? this.unexpected(what)
    this.next += 1
    return name
  }

  private accept(mark: string): boolean {
    const found = this.tokens[this.next]?.[4] === mark
    if (found) this.next += 1
    return found
  }

  private expect(mark: string): void {
    if (!this.accept(mark)) this.unexpected(`'${mark}'`)
  }

  private unexpected(wanted: string): never {
    const token = this.tokens[this.next]
    // Counted from the opening bracket, which the source no longer has.
    const found = token ? `"${token[0]}" at character ${token.index + 2}` : 'the end'
    return fail(`${wanted} is expected where ${found} stands`)
  }
}

function evaluate({ head, steps }: Expression, functions: TemplateFunctions): unknown {
  const start = typeof head === 'object' ? call(head.name, head.args, functions) : head
  return steps.reduce<unknown>((value, step) => memberOf(value, evaluate(step, functions)), start)
}

/** Checks number and kinds of the arguments; whatever an implementation throws becomes an `ExpressionError`. */
function call(name: string, args: Expression[], functions: TemplateFunctions): unknown {
  const { takes, run } = functions[ownName(functions, name) ?? ''] ?? fail(refusal(name, functions))
  const open = takes.at(-1)?.endsWith('*') === true
  const least = takes.filter((kind) => !/[?*]$/.test(kind)).length
  if (args.length < least || (!open && args.length > takes.length)) {
    const most = open ? ' or more' : takes.length > least ? ` to ${takes.length}` : ''
    fail(`wrong number of arguments for ${name}(): ${args.length} instead of ${least}${most}`)
  }
  const values = args.map((arg, index) => {
    const kinds = (takes[Math.min(index, takes.length - 1)] ?? '').replace(/[?*]$/, '').split('|')
    if (kinds.includes('lazy')) return () => evaluate(arg, functions)
    const value = evaluate(arg, functions)
    if (kinds.includes('any') || kinds.includes(kindOf(value))) return value
    return fail(`argument ${index + 1} of ${name}() must be ${kinds.join(' or ')}, not ${kindOf(value)}`)
  })
  const fixed = open ? takes.length - 1 : takes.length
  try {
    return run(...values.slice(0, fixed), ...(open ? [values.slice(fixed)] : []))
  } catch (error) {
    if (error instanceof ExpressionError) throw error
    return fail(`${name}() fails: ${messageOf(error)}`)
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Facts) return 'object of Azure'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'float'
  return typeof value
}

export function memberOf(value: unknown, key: unknown): unknown {
  if (value instanceof Facts) return value.get(String(key))
  if (Array.isArray(value) && typeof key === 'number') {
    if (key in value) return value[key] as unknown
    return fail(`index ${key} is out of range: the array has ${value.length} elements`)
  }
  if (!isFields(value) || typeof key !== 'string') {
    return fail(`${kindOf(value)} has no ${typeof key === 'number' ? 'index' : 'property'} '${String(key)}'`)
  }
  const name = ownName(value, key)
  if (name !== undefined) return value[name]
  const names = Object.keys(value)
  return fail(`there is no property '${key}', only: ${names.join(', ') || 'none'}.${didYouMean(key, names)}`)
}

const ADVICE = 'write the value, or set the input that overrides the field'

/** Azure's functions that are refused, and why. */
const REFUSED: readonly [names: string, reason: string][] = [
  ['reference references deployment deployer managementGroup', 'is known to Azure alone, while it deploys'],
  ['pickZones providers toLogicalZone toLogicalZones', 'is known to Azure alone'],
  ['toPhysicalZone toPhysicalZones', 'is known to Azure alone'],
  ['newGuid utcNow', 'gives another value each time'],
  ['guid uniqueString', 'is a hash that Azure does not publish'],
  ['copyIndex', 'belongs to a copy loop, and those are not supported here'],
  ['buildUri dataUri dataUriToString parseUri', 'is not supported here'],
  ['cidrHost cidrSubnet externalInput fail parseCidr', 'is not supported here'],
  ['dateTimeAdd dateTimeFromEpoch dateTimeToEpoch', 'is not supported here'],
  ['filter flatten groupBy lambda lambdaVariables map', 'is not supported here'],
  ['indexFromEnd mapValues objectKeys reduce shallowMerge', 'is not supported here'],
  ['managementGroupResourceId sort tenantResourceId toObject', 'is not supported here'],
]

function refusal(name: string, functions: TemplateFunctions): string {
  const refused = REFUSED.map(([names, reason]) => ({ names: names.split(' '), reason }))
  const isName = (other: string): boolean => other.toLowerCase() === name.toLowerCase()
  const own = name.includes('.')
    ? "is a function of the template's own, and those are not supported here"
    : undefined
  const list = /^list/i.test(name) ? 'is known to Azure alone' : undefined
  const reason = refused.find(({ names }) => names.some(isName))?.reason ?? own ?? list
  if (reason !== undefined) return `${name}() ${reason}: ${ADVICE}`
  const known = [...Object.keys(functions), ...refused.flatMap(({ names }) => names)]
  return `there is no function ${name}().${didYouMean(name, known)}`
}

/** What Azure tells of the place of a deployment, cut down to what is known without asking it. */
export class Facts {
  private readonly call: string
  private readonly known: Fields
  private readonly advice: Record<string, string>

  constructor(call: string, known: Fields, advice: Record<string, string> = {}) {
    this.call = call
    this.known = known
    this.advice = advice
  }

  get(property: string): unknown {
    const value = this.known[ownName(this.known, property) ?? '']
    if (value !== undefined) return value
    const advice = this.advice[property.toLowerCase()] ?? ADVICE
    return fail(`${this.call}.${property} is known to Azure alone: ${advice}`)
  }

  toJSON(): never {
    return fail(`${this.call} as a whole is known to Azure alone: ${ADVICE}`)
  }
}
