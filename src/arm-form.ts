/** Reads what a user wrote in ARM form; every mistake is told with its place, what was given and what is allowed. */
import * as v from 'valibot'
import { didYouMean } from './nearest.ts'
import { ARM_FORMS, type ArmForms } from './template-schema.ts'

/**
 * Reads a value in ARM form.
 * @returns the value with words spelled as Azure spells them, and every mistake with its place in the value
 */
export function readArmForm<K extends keyof ArmForms>(
  form: K,
  value: unknown,
): { value?: ArmForms[K]; mistakes: string[] } {
  const { success, output, issues = [] } = v.safeParse(ARM_FORMS[form], value)
  return success ? { value: output as ArmForms[K], mistakes: [] } : { mistakes: issues.map(sentence) }
}

type Issue = v.BaseIssue<unknown>

function sentence(issue: Issue): string {
  const path = (issue.path ?? []).map(({ key }) => key)
  const place = placeOf(path)
  const prefix = place === '' ? '' : `${place}: `
  if (issue.type === 'never') {
    const known = issue.message.split(', ')
    return `${prefix}unknown field; known: ${issue.message}.${didYouMean(String(path.at(-1)), known)}`
  }
  if (issue.type === 'check') return `${prefix}${issue.message}.`
  if (issue.input === undefined) return `${prefix}is missing.`
  const allowed = issue.type === 'variant' ? variantNames(issue) : undefined
  const expected = allowed
    ? `one of ${allowed.join(', ')}`
    : (EXPECTED[issue.expected ?? ''] ?? issue.message)
  const hint = typeof issue.input === 'string' ? didYouMean(issue.input, allowed ?? wordsOf(expected)) : ''
  return `${prefix}${shown(issue.input)} is not ${expected}.${hint}`
}

/** `[0].inline[2]`, `properties.source.type`. */
function placeOf(path: readonly unknown[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

const EXPECTED: Record<string, string> = {
  string: 'a text',
  boolean: 'true or false',
  Array: 'a list',
  Object: 'an object with fields',
}

/** Names of a union's members, from how the library words what it expected. */
function variantNames({ expected }: Issue): string[] | undefined {
  const names = [...(expected ?? '').matchAll(/"([^"]+)"/g)].map(([, one]) => one ?? '')
  return names.length > 0 ? names : undefined
}

function wordsOf(expected: string): string[] {
  return expected.startsWith('one of ') ? expected.slice('one of '.length).split(', ') : []
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
