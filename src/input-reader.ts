/** Readers for one input each; a mistake is collected, never thrown, so that all of them are reported at once. */
import type { Problem } from './errors.ts'
import type { WorkflowRun } from './names.ts'
import { didYouMean } from './nearest.ts'
import { isOfType, parseResourceId } from './resource-id.ts'

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
  workflowRun: WorkflowRun
}

/** Collects problems while reading; each reader returns a stand-in value after reporting one. */
export class InputReader {
  readonly problems: Problem[] = []
  private readonly raw: RawInputs

  constructor(raw: RawInputs) {
    this.raw = raw
  }

  problem(input: string, message: string): void {
    this.problems.push({ input, message })
  }

  optional(name: string): string | undefined {
    return this.raw.input(name) || undefined
  }

  required(name: string): string {
    const value = this.raw.input(name)
    if (value === '') this.problem(name, 'is required and was not given.')
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

  boolean(name: string): boolean {
    return this.oneOf(name, ['true', 'false'], 'false') === 'true'
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
    if (value !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) {
      this.problem(name, `'${value}' is not a GUID such as 00000000-0000-0000-0000-000000000000.`)
    }
  }

  url(name: string, value: string | undefined): void {
    if (value !== undefined && !(URL.canParse(value) && new URL(value).protocol === 'https:')) {
      this.problem(name, `'${value}' is not an https:// URL.`)
    }
  }

  /** A bare resource name that matches `pattern`, or the ID of a resource of `type`. */
  nameOrId(name: string, value: string, type: string, pattern: RegExp, rule: string): void {
    if (value === '') return
    if (!value.startsWith('/')) {
      if (!pattern.test(value)) this.problem(name, `'${value}' is not a valid name: ${rule}.`)
      return
    }
    const id = parseResourceId(value)
    if (!id || !isOfType(id, type)) this.problem(name, `'${value}' is not the resource ID of a ${type}.`)
  }
}
