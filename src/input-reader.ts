/** Readers for one input each; a mistake is collected, never thrown, so that all of them are reported at once. */
import { parse } from 'yaml'
import { readArmForm } from './arm-form.ts'
import { messageOf, type Problem } from './errors.ts'
import type { WorkflowRun } from './names.ts'
import { didYouMean } from './nearest.ts'
import { GUID, idMistake, type Kind } from './resource-id.ts'
import { TAG_NAME_PATTERN, TAG_NAME_RULE, type ArmForms } from './template-schema.ts'

/** Where inputs come from: the step's `with` and its environment, both as the runner gives them. */
export interface RawInputs {
  /** Value of an input, trimmed of surrounding blanks; `''` when empty or absent. */
  input: (name: string) => string
  /** Value of an input without trimming: scripts keep their indentation. */
  text: (name: string) => string
  env: (name: string) => string | undefined
  workspace: string
  /** Whether a file or directory is there. */
  exists: (path: string) => boolean
  /** Text of a file; throws when it cannot be read. */
  readFile: (path: string) => string
  workflowRun: WorkflowRun
}

/** A part of the template in ARM form, and where the user wrote it. */
export interface Placed<T> {
  body: T
  place: Place
}

/** An input, and the place within its value: `customizers` and `[2]`. */
export interface Place {
  input: string
  path?: string
}

/** A mistake at a place, `field` being the one below it, such as `.galleryImageId`. */
export function problemAt({ input, path = '' }: Place, field: string, message: string): Problem {
  const at = `${path}${field}`.replace(/^\./, '')
  return { input, message: at === '' ? message : `${at}: ${message}` }
}

/** Collects problems while reading; each reader returns a stand-in value after reporting one. */
export class InputReader {
  readonly problems: Problem[] = []
  /** Whether a missing input is passed over. */
  lenient = false
  private readonly raw: RawInputs

  constructor(raw: RawInputs) {
    this.raw = raw
  }

  problem(input: string, message: string): void {
    const known = this.problems.some((one) => one.input === input && one.message === message)
    if (!known) this.problems.push({ input, message })
  }

  optional(name: string): string | undefined {
    return this.raw.input(name) || undefined
  }

  required(name: string): string {
    const value = this.raw.input(name)
    if (value === '' && !this.lenient) this.problem(name, 'is required and was not given.')
    return value
  }

  environment(variable: string): string | undefined {
    const value = this.raw.env(variable)?.trim()
    return value === '' ? undefined : value
  }

  /** An input whose default is an environment variable, as other Azure actions and SDKs read it. */
  orEnvironment(name: string, variable: string): string | undefined {
    return this.optional(name) ?? this.environment(variable)
  }

  lines(name: string): string[] {
    const lines = this.raw.text(name).split(/\r?\n/)
    while (lines.at(-1)?.trim() === '') lines.pop()
    while (lines[0]?.trim() === '') lines.shift()
    return lines
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const given = this.optional(name)
    if (given === undefined) return fallback
    const found = allowed.find((value) => value.toLowerCase() === given.toLowerCase())
    if (found === undefined) {
      this.problem(name, `'${given}' is not one of ${allowed.join(', ')}.${didYouMean(given, allowed)}`)
    }
    return found ?? fallback
  }

  boolean(name: string, fallback = false): boolean {
    return this.oneOf(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true'
  }

  /** Words of a set, one a line or separated by commas. */
  eachOneOf(name: string, allowed: readonly string[]): string[] {
    return this.list(name)
      .filter((given) => {
        const known = allowed.includes(given.toLowerCase())
        if (!known)
          this.problem(name, `'${given}' is not one of ${allowed.join(', ')}.${didYouMean(given, allowed)}`)
        return known
      })
      .map((given) => given.toLowerCase())
  }

  /** A whole number; `allowed` says which ones, and is worded in `range`. */
  integer(name: string, fallback: number, range: string, allowed: (value: number) => boolean): number {
    const given = this.optional(name)
    if (given === undefined) return fallback
    const value = Number(given)
    if (/^\d+$/.test(given) && allowed(value)) return value
    this.problem(name, `'${given}' is not allowed; use ${range}.`)
    return fallback
  }

  guid(name: string, value: string | undefined): void {
    if (value !== undefined && !GUID.test(value)) {
      this.problem(name, `'${value}' is not a GUID such as 00000000-0000-0000-0000-000000000000.`)
    }
  }

  url(name: string, value: string | undefined): void {
    if (value !== undefined && !(URL.canParse(value) && new URL(value).protocol === 'https:')) {
      this.problem(name, `'${value}' is not an https:// URL.`)
    }
  }

  /** A bare resource name that matches `pattern`, or the ID of a resource of `kind`. */
  nameOrId(name: string, value: string, kind: Kind, pattern: RegExp, rule: string): void {
    if (value === '') return
    if (value.startsWith('/')) this.id(name, value, [kind])
    else if (!pattern.test(value)) this.problem(name, `'${value}' is not a valid name: ${rule}.`)
  }

  /** The ID of a resource of one of `kinds`. */
  id(name: string, value: string | undefined, kinds: readonly Kind[]): void {
    const mistake = value === undefined || value === '' ? undefined : idMistake(value, kinds)
    if (mistake !== undefined) this.problem(name, mistake)
  }

  /** Values separated by commas or line breaks; none for an empty input. */
  list(name: string): string[] {
    return (this.optional(name) ?? '')
      .split(/[,\n]/)
      .map((value) => value.trim())
      .filter((value) => value !== '')
  }

  /** `key=value`, one a line: Azure's tags. Names differ without regard to case (Resource Manager's documentation). */
  tags(name: string): Record<string, string> {
    const seen = new Map<string, [key: string, value: string]>()
    for (const line of this.lines(name).map((one) => one.trim())) {
      if (line === '') continue
      const at = line.indexOf('=')
      const [key, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()]
      if (at < 1 || key === '') this.problem(name, `'${line}' is not key=value.`)
      else if (!TAG_NAME_PATTERN.test(key))
        this.problem(name, `'${key}' is no name of a tag: ${TAG_NAME_RULE}.`)
      else if (value.length > 256)
        this.problem(name, `the value of '${key}' has ${value.length} characters; 256 are allowed.`)
      else if (seen.has(key.toLowerCase())) this.problem(name, `'${key}' stands there twice.`)
      else seen.set(key.toLowerCase(), [key, value])
    }
    return Object.fromEntries(seen.values())
  }

  /** A list in ARM form, as YAML or JSON. */
  armList<K extends 'customizers' | 'distributors'>(name: K): Placed<ArmForms[K][number]>[] {
    const text = this.lines(name).join('\n')
    if (text === '') return []
    const parsed = parseYaml(text)
    if ('mistake' in parsed) {
      this.problem(name, `is neither YAML nor JSON: ${parsed.mistake}.`)
      return []
    }
    const { value, mistakes } = readArmForm(name, parsed.value)
    for (const mistake of mistakes) this.problem(name, mistake)
    return (value ?? []).map((body, index) => ({ body, place: { input: name, path: `[${index}]` } }))
  }
}

function parseYaml(text: string): { value: unknown } | { mistake: string } {
  try {
    return { value: parse(text, { prettyErrors: true }) }
  } catch (error) {
    // The first line tells what and where, the others show the place.
    return { mistake: messageOf(error).split('\n')[0]?.replace(/[:.]$/, '') ?? '' }
  }
}
