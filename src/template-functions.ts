/** The functions of the template language that can be told without Azure ("ARM template functions", Microsoft Learn). */
import {
  fail,
  isFields,
  memberOf,
  ownName,
  type Fields,
  type TemplateFunction,
  type TemplateFunctions,
} from './template-expressions.ts'

interface Kinds {
  string: string
  int: number
  float: number
  bool: boolean
  array: unknown[]
  object: Fields
  null: null
  any: unknown
  lazy: () => unknown
}
type Argument<Kind> = Kind extends `${infer Each}*`
  ? Argument<Each>[]
  : Kind extends `${infer Present}?`
    ? Argument<Present> | undefined
    : Kind extends `${infer One}|${infer Other}`
      ? Argument<One> | Argument<Other>
      : Kind extends keyof Kinds
        ? Kinds[Kind]
        : never
type Arguments<Takes extends readonly string[]> = { -readonly [Index in keyof Takes]: Argument<Takes[Index]> }

/** Arguments have the kinds of `takes` when `run` is called: `call` has seen to it. */
export function takes<const Takes extends readonly string[]>(
  ...[kinds, run]: [Takes, (...args: Arguments<Takes>) => unknown]
): TemplateFunction {
  return { takes: kinds, run: run as TemplateFunction['run'] }
}

/** As Azure spells values within a text: booleans with a capital letter, as .NET does. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? '' : JSON.stringify(value)
}

/** Equal values give equal texts, whatever the order of an object's keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (isFields(one) ? { sorted: Object.entries(one).sort() } : one))
const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b)
const distinct = (list: unknown[]): unknown[] => [
  ...new Map(list.map((one) => [canonical(one), one])).values(),
]

/** The documentation calls 'A' greater than 'a': texts are compared as a language does, not by code. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'number' || typeof b === 'number') return fail('a text is compared with a number')
  return new Intl.Collator('en').compare(a, b)
}

function divide(a: number, b: number): number {
  return b === 0 ? fail('it divides by 0') : Math.trunc(a / b)
}

function extreme(choose: (...numbers: number[]) => number): TemplateFunction {
  return takes(['int|array', 'int*'], (first, rest) => {
    const numbers = Array.isArray(first) ? first : [first, ...rest]
    const wrong = numbers.length === 0 || numbers.some((one) => typeof one !== 'number')
    return wrong ? fail('least and greatest exist of whole numbers alone') : choose(...(numbers as number[]))
  })
}

function concat(parts: unknown[]): unknown {
  const arrays = parts.filter((part) => Array.isArray(part))
  if (arrays.length === parts.length) return arrays.flat()
  return arrays.length > 0 ? fail('concat() joins texts or arrays, not both') : parts.map(textOf).join('')
}

function contains(container: string | unknown[] | Fields, item: unknown): boolean {
  if (Array.isArray(container)) return container.some((one) => same(one, item))
  return typeof container === 'string'
    ? container.includes(textOf(item))
    : ownName(container, textOf(item)) !== undefined
}

/** .NET's composite format, without alignment and format of numbers. */
function format(pattern: string, values: unknown[]): string {
  return pattern.replace(/\{\{|\}\}|\{(\d+)\}|\{[^{}]*\}|[{}]/g, (found, index?: string) => {
    if (found === '{{' || found === '}}') return found.charAt(0)
    if (index === undefined)
      return fail(`format() does not understand '${found}' here: use {0}, {{ and }} alone`)
    if (Number(index) >= values.length) return fail(`format() has no value for ${found}`)
    return textOf(values[Number(index)])
  })
}

function substring(text: string, start: number, length = text.length - start): string {
  if (start >= 0 && length >= 0 && start + length <= text.length) return text.slice(start, start + length)
  return fail(`${length} characters from ${start} are not within '${text}'`)
}

function union(first: unknown[] | Fields, rest: (unknown[] | Fields)[]): unknown {
  if (Array.isArray(first) && rest.every((one) => Array.isArray(one)))
    return distinct([first, ...rest].flat())
  if (isFields(first) && rest.every(isFields)) return rest.reduce(merge, first)
  return fail('union() joins arrays or objects, not both')
}

/** Nested objects are merged, too; nested arrays are replaced. */
function merge(into: Fields, from: Fields): Fields {
  const merged = Object.entries(from).map(([key, value]): [string, unknown] => {
    const old = Object.hasOwn(into, key) ? into[key] : undefined
    return [key, isFields(old) && isFields(value) ? merge(old, value) : value]
  })
  return Object.fromEntries([...Object.entries(into), ...merged])
}

function intersection(first: unknown[] | Fields, rest: (unknown[] | Fields)[]): unknown {
  if (Array.isArray(first) && rest.every((one) => Array.isArray(one))) {
    return distinct(first).filter((item) => rest.every((one) => contains(one, item)))
  }
  if (!isFields(first) || !rest.every(isFields))
    return fail('intersection() takes arrays or objects, not both')
  const common = ([key, value]: [string, unknown]): boolean =>
    rest.every((one) => Object.hasOwn(one, key) && same(one[key], value))
  return Object.fromEntries(Object.entries(first).filter(common))
}

function tryGet(value: unknown[] | Fields | null, key: string | number, rest: unknown[]): unknown {
  const found = isFields(value) ? ownName(value, String(key)) !== undefined : value !== null && key in value
  return found ? [key, ...rest].reduce(memberOf, value) : null
}

function parseBool(value: boolean | number | string): boolean {
  if (typeof value !== 'string') return Boolean(value)
  return /^(true|false)$/i.test(value)
    ? value.toLowerCase() === 'true'
    : fail(`'${value}' is not true or false`)
}

function parseNumber(value: number | string, pattern: RegExp, kind: string): number {
  if (typeof value === 'string' && !pattern.test(value)) fail(`'${value}' is not ${kind}`)
  return Number(value)
}

function fromBase64(text: string): string {
  if (!/^([\w+/-]{4})*([\w+/-]{2}==|[\w+/-]{3}=)?$/.test(text)) fail(`'${text}' is not base64`)
  return Buffer.from(text, 'base64').toString('utf8')
}

function split(text: string, delimiters: string | unknown[]): string[] {
  const each = [delimiters]
    .flat()
    .map(textOf)
    .filter((delimiter) => delimiter !== '')
  return each.reduce((parts, delimiter) => parts.flatMap((part) => part.split(delimiter)), [text])
}

function createObject(parts: unknown[]): Fields {
  if (parts.length % 2 === 1) fail('createObject() takes pairs of a name and a value')
  const pairs = parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1]] as const] : []))
  return Object.fromEntries(
    pairs.map(([key, value]) => [
      typeof key === 'string' ? key : fail('a name in createObject() is not text'),
      value,
    ]),
  )
}

function range(start: number, count: number): number[] {
  if (count < 0 || count > 10_000) fail('range() makes 0 to 10000 numbers')
  return Array.from({ length: count }, (_, index) => start + index)
}

const size = (value: string | unknown[] | Fields): number =>
  typeof value === 'string' || Array.isArray(value) ? value.length : Object.keys(value).length
/** Positions are found and ends compared without regard to case, as documented. */
const fold = (text: string): string => text.toLowerCase()
const two = ['int', 'int'] as const
const pair = ['string', 'string'] as const
const ordered = ['int|string', 'int|string'] as const
const several = ['array|object', 'array|object', 'array|object*'] as const

/** All functions that need nothing but their arguments. */
export const FUNCTIONS: TemplateFunctions = {
  add: takes(two, (a, b) => a + b),
  and: takes(['bool', 'bool', 'bool*'], (a, b, rest) => a && b && rest.every(Boolean)),
  array: takes(['any'], (value) => [value].flat()),
  base64: takes(['string'], (text) => Buffer.from(text).toString('base64')),
  base64ToJson: takes(['string'], (text) => JSON.parse(fromBase64(text)) as unknown),
  base64ToString: takes(['string'], fromBase64),
  bool: takes(['bool|int|string'], parseBool),
  coalesce: takes(['any', 'any*'], (first, rest) => [first, ...rest].find((value) => value !== null) ?? null),
  concat: takes(['any', 'any*'], (first, rest) => concat([first, ...rest])),
  contains: takes(['string|array|object', 'any'], contains),
  createArray: takes(['any*'], (values) => values),
  createObject: takes(['any*'], createObject),
  div: takes(two, (a, b) => divide(a, b)),
  empty: takes(['string|array|object|null'], (value) => value === null || size(value) === 0),
  endsWith: takes(pair, (text, end) => fold(text).endsWith(fold(end))),
  equals: takes(['any', 'any'], same),
  false: takes([], () => false),
  first: takes(['string|array'], (list) => (typeof list === 'string' ? list.charAt(0) : (list[0] ?? null))),
  float: takes(['int|float|string'], (value) => parseNumber(value, /^[+-]?\d+(\.\d+)?$/, 'a number')),
  format: takes(['string', 'any*'], format),
  greater: takes(ordered, (a, b) => compare(a, b) > 0),
  greaterOrEquals: takes(ordered, (a, b) => compare(a, b) >= 0),
  if: takes(['bool', 'lazy', 'lazy'], (condition, yes, no) => (condition ? yes() : no())),
  indexOf: takes(pair, (text, part) => fold(text).indexOf(fold(part))),
  int: takes(['int|string'], (value) => parseNumber(value, /^[+-]?\d+$/, 'a whole number')),
  intersection: takes(several, (first, second, rest) => intersection(first, [second, ...rest])),
  items: takes(['object'], (object) =>
    Object.keys(object)
      .sort()
      .map((key) => ({ key, value: object[key] })),
  ),
  join: takes(['array', 'string'], (list, delimiter) => list.map(textOf).join(delimiter)),
  json: takes(['string'], (text) => JSON.parse(text) as unknown),
  last: takes(['string|array'], (list) => list.at(-1) ?? (typeof list === 'string' ? '' : null)),
  lastIndexOf: takes(pair, (text, part) => fold(text).lastIndexOf(fold(part))),
  length: takes(['string|array|object'], size),
  less: takes(ordered, (a, b) => compare(a, b) < 0),
  lessOrEquals: takes(ordered, (a, b) => compare(a, b) <= 0),
  max: extreme(Math.max),
  min: extreme(Math.min),
  mod: takes(two, (a, b) => a - b * divide(a, b)),
  mul: takes(two, (a, b) => a * b),
  not: takes(['bool'], (value) => !value),
  null: takes([], () => null),
  or: takes(['bool', 'bool', 'bool*'], (a, b, rest) => a || b || rest.some(Boolean)),
  padLeft: takes(['string|int', 'int', 'string?'], (value, length, by = ' ') =>
    by.length === 1 ? textOf(value).padStart(length, by) : fail('padLeft() pads with one character'),
  ),
  range: takes(two, range),
  replace: takes(['string', 'string', 'string'], (text, old, by) =>
    old === '' ? fail('replace() cannot replace an empty text') : text.split(old).join(by),
  ),
  skip: takes(['string|array', 'int'], (list, count) => list.slice(Math.max(0, count))),
  split: takes(['string', 'string|array'], split),
  startsWith: takes(pair, (text, start) => fold(text).startsWith(fold(start))),
  string: takes(['any'], textOf),
  sub: takes(two, (a, b) => a - b),
  substring: takes(['string', 'int', 'int?'], substring),
  take: takes(['string|array', 'int'], (list, count) => list.slice(0, Math.max(0, count))),
  toLower: takes(['string'], (text) => text.toLowerCase()),
  toUpper: takes(['string'], (text) => text.toUpperCase()),
  trim: takes(['string'], (text) => text.trim()),
  true: takes([], () => true),
  tryGet: takes(['array|object|null', 'string|int', 'string|int*'], tryGet),
  union: takes(several, (first, second, rest) => union(first, [second, ...rest])),
  uri: takes(pair, (base, relative) => new URL(relative, base).href),
  uriComponent: takes(['string'], (text) =>
    // .NET escapes these, too.
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  ),
  uriComponentToString: takes(['string'], (text) => decodeURIComponent(text)),
}
