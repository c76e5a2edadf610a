/** Walks a JSON value along a description of its fields and names what is wrong, in Image Builder's words. */

export type Field =
  | { kind: 'string'; pattern?: RegExp }
  | { kind: 'choice'; values: string[] }
  | { kind: 'integer'; minimum: number; maximum: number }
  | { kind: 'boolean' | 'tags' | 'ignored' }
  | { kind: 'list'; of: Field }
  | { kind: 'variant'; tag: string; members: Record<string, ObjectField> }
  | ObjectField

export interface ObjectField {
  kind: 'object'
  /** The service's own name of the type, as its messages show it. */
  type: string
  fields: Record<string, Field>
  required: string[]
}

/** A value's place: field names and list positions from the body's root. */
export type Place = (string | number)[]

/** A type on the way to a field, with the field that leads on from it. */
interface Step {
  type: string
  field: string
}

const SYNTAX_ADVICE =
  'There is an issue with the syntax with the JSON template you are submitting. Please check the JSON template for ' +
  'syntax and grammar. For more information on the syntax and grammar of the JSON template, visit ' +
  'http://aka.ms/azvmimagebuildertmplref.'

/** Text: documented. A value that came without a legible form is shown as ''. */
export function badValue(place: Place, value: unknown): string {
  const shown =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : ''
  const { container, field } = named(place)
  return (
    `Validation failed: '${container}': Field '${field}' has a bad value: '${shown}'. Please review  ` +
    'http://aka.ms/azvmimagebuildertmplref  for details on fields requirements in the Image Builder Template.'
  )
}

/** Text: reported. */
export function missingField(place: Place): string {
  const { container, field } = named(place)
  return (
    `Validation failed: '${container}': Missing field '${field}'. Please review ` +
    'http://aka.ms/azvmimagebuildertmplref for details on fields required in the Image Builder Template.'
  )
}

/**
 * The first field that is unknown or has another JSON type than it should, as the service's JSON reader says it;
 * names count with their case. Text of an unknown field: documented; of a wrong type: assumed.
 */
export function unreadable(value: unknown, field: ObjectField, apiVersion: string): string | undefined {
  const prefix = `*v${apiVersion.replaceAll('-', '_')}.`
  const problem = misread(value, field, [])
  if (!problem) return undefined
  const way = problem.steps.map(
    ({ type, field }) => `unmarshalling type ${prefix}${type}: struct field ${field}: `,
  )
  const end = problem.type === undefined ? '' : `unmarshalling type ${prefix}${problem.type}`
  const last = end === '' ? problem.reason : `${end}: ${end}, ${problem.reason}`
  return `Unmarshalling entity encountered error: ${way.join('')}${last}. ${SYNTAX_ADVICE}`
}

interface Misreading {
  steps: Step[]
  /** The type that has no such field; absent when a value has the wrong JSON type. */
  type?: string
  reason: string
}

function misread(value: unknown, field: Field, steps: Step[]): Misreading | undefined {
  if (value === undefined || value === null || field.kind === 'ignored') return undefined
  if (!fits(value, field)) {
    return {
      steps,
      reason: `json: cannot unmarshal ${jsonType(value)} into Go value of type ${goType(field)}`,
    }
  }
  if (field.kind === 'list') return first(value as unknown[], (item) => misread(item, field.of, steps))
  if (field.kind === 'variant') {
    const member = memberOf(value, field)
    return member && misread(value, member, steps)
  }
  if (field.kind !== 'object') return undefined
  return first(Object.entries(value), ([name, inner]: [string, unknown]) => {
    const known = Object.hasOwn(field.fields, name) ? field.fields[name] : undefined
    if (!known) return { steps, type: field.type, reason: `unknown field "${name}"` }
    return misread(inner, known, [...steps, { type: field.type, field: goName(name) }])
  })
}

/** The first required field that is missing, or value outside its choice, range or pattern. */
export function invalid(value: unknown, field: Field, place: Place = []): string | undefined {
  if (value === undefined || value === null) return undefined
  switch (field.kind) {
    case 'string':
      return field.pattern?.test(value as string) === false ? badValue(place, value) : undefined
    case 'choice':
      return field.values.includes(value as string) ? undefined : badValue(place, value)
    case 'integer':
      return (value as number) >= field.minimum && (value as number) <= field.maximum
        ? undefined
        : badValue(place, value)
    case 'list':
      return first([...(value as unknown[]).entries()], ([i, item]) => invalid(item, field.of, [...place, i]))
    case 'variant': {
      const member = memberOf(value, field)
      // An unknown kind is shown as '', whatever was sent (reported for a kind in the wrong case).
      return member ? invalid(value, member, place) : badValue([...place, field.tag], undefined)
    }
    case 'object':
      return invalidObject(value as Record<string, unknown>, field, place)
    case 'boolean':
    case 'tags':
    case 'ignored':
      return undefined
  }
}

function invalidObject(value: Record<string, unknown>, field: ObjectField, place: Place): string | undefined {
  const missing = field.required.find(
    (name) => value[name] === undefined || value[name] === null || value[name] === '',
  )
  if (missing !== undefined) return missingField([...place, missing])
  return first(Object.entries(field.fields), ([name, inner]) => invalid(value[name], inner, [...place, name]))
}

function memberOf(value: unknown, field: Field & { kind: 'variant' }): ObjectField | undefined {
  const tag = (value as Record<string, unknown>)[field.tag]
  return typeof tag === 'string' && Object.hasOwn(field.members, tag) ? field.members[tag] : undefined
}

function fits(value: unknown, field: Field): boolean {
  switch (field.kind) {
    case 'string':
    case 'choice':
      return typeof value === 'string'
    case 'integer':
      return Number.isInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value)
    case 'tags':
      return isPlainObject(value) && Object.values(value).every((one) => typeof one === 'string')
    case 'object':
    case 'variant':
      return isPlainObject(value)
    case 'ignored':
      return true
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function goType(field: Field): string {
  const names = {
    string: 'string',
    choice: 'string',
    integer: 'int32',
    boolean: 'bool',
    list: '[]interface {}',
  }
  return field.kind in names ? names[field.kind as keyof typeof names] : 'map[string]interface {}'
}

/** The service is written in Go, whose SDK writes VM in capitals. */
function goName(name: string): string {
  return name.replace(/^vm/, 'VM').replace(/^[a-z]/, (letter) => letter.toUpperCase())
}

/** `'ImageTemplate.properties'` and `'distribute[0].type'`: the container ends before the first list. */
function named(place: Place): { container: string; field: string } {
  const firstIndex = place.findIndex((segment) => typeof segment === 'number')
  const split = (firstIndex < 0 ? place.length : firstIndex) - 1
  const written = (segments: Place): string =>
    segments.map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${segment}`)).join('')
  return {
    container: `ImageTemplate${written(place.slice(0, split))}`,
    field: written(place.slice(split)).slice(1),
  }
}

/** The first problem that a check finds among items. */
export function first<Item, Problem>(
  items: Item[],
  check: (item: Item) => Problem | undefined,
): Problem | undefined {
  for (const item of items) {
    const problem = check(item)
    if (problem !== undefined) return problem
  }
  return undefined
}
