/** What the sub-action `check` tells: its outputs, and the table of what is there, missing or hidden. */
import { ROLES, type RoleFile } from './documented-roles.ts'
import type { Need } from './needs.ts'
import { lastName, parseResourceId, resourceGroupOfId } from '../resource-id.ts'

/** `unknown`: the signed-in identity may not see it. */
export type State = 'ok' | 'missing' | 'unknown'

/** One thing that a build needs. */
export interface Finding {
  kind: 'sign-in' | 'registration' | 'resource' | 'right'
  state: State
  /** Provider, resource in words, or action. */
  name: string
  /** Resource ID of what it is about. */
  scope: string
  /** Whose right it is; absent for everything else. */
  need?: Pick<Need, 'who' | 'role' | 'scope'> & { isData: boolean }
  /** Whether there is no build without it. */
  required: boolean
  /** Why, or what is wrong, in words; '' where there is nothing to add. */
  detail: string
  /** Commands, and comments between them, that mend it. */
  remedy: string[]
}

/** Filled in as the check goes on; whatever is there at the end is reported, after a failure too. */
export interface CheckReport {
  /** What was checked, in words. */
  subject: string
  findings: Finding[]
}

/** Nothing is known yet. */
export function emptyCheckReport(): CheckReport {
  return { subject: '', findings: [] }
}

/** The step's outputs; `json` holds all the others. */
export function checkOutputs({ findings }: CheckReport): Record<string, string> {
  const listed = (state: State): string =>
    JSON.stringify(findings.filter((one) => one.state === state).map(entry))
  const all = {
    ok: String(isReady(findings)),
    missing: listed('missing'),
    unknown: listed('unknown'),
  }
  return { ...all, json: JSON.stringify(all) }
}

/** Whether all that a build cannot do without is known to be there. */
export function isReady(findings: readonly Finding[]): boolean {
  const required = findings.filter((one) => one.required)
  return required.length > 0 && required.every(({ state }) => state === 'ok')
}

/** What is missing and no build goes without. */
export function lacking(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ state, required }) => required && state === 'missing')
}

function entry({ kind, name, scope, need, required, detail, remedy }: Finding): object {
  return {
    kind,
    name,
    scope,
    who: need?.who ?? '',
    role: need?.role ?? '',
    required,
    remedy: commands(remedy).join('\n') || detail,
  }
}

/** What of a remedy is to be run. */
function commands(remedy: readonly string[]): string[] {
  return remedy.filter((line) => !line.startsWith('#'))
}

export interface Row {
  state: State
  text: string
}

const TITLES: [title: string, belongs: (finding: Finding) => boolean][] = [
  ['sign-in', ({ kind }) => kind === 'sign-in'],
  ['registrations', ({ kind }) => kind === 'registration'],
  ['resources', ({ kind }) => kind === 'resource'],
  ['rights of the deploying identity', ({ need }) => need?.who === 'deploying identity'],
  ['rights of the managed identity', ({ need }) => need?.who === 'managed identity'],
]

/** The findings in groups. Rights that are there, or hidden, take a row a role; each that is missing has its own. */
export function tables({ findings }: CheckReport): { title: string; rows: Row[] }[] {
  return TITLES.map(([title, belongs]) => ({ title, rows: rowsOf(findings.filter(belongs)) })).filter(
    ({ rows }) => rows.length > 0,
  )
}

function rowsOf(findings: readonly Finding[]): Row[] {
  const rows = new Map<string, Finding[]>()
  for (const one of findings) {
    const { kind, state, need, scope, name, detail } = one
    const shared = kind === 'right' && state !== 'missing'
    const key = shared ? [state, need?.role, need?.scope, detail] : [state, need?.role, scope, name]
    rows.set(key.join('\n'), [...(rows.get(key.join('\n')) ?? []), one])
  }
  return [...rows.values()].flatMap(([first, ...more]) =>
    first ? [{ state: first.state, text: textOf(first, more.length + 1) }] : [],
  )
}

function textOf(finding: Finding, count: number): string {
  const { state, name, need, detail } = finding
  const aside = detail === '' ? '' : `: ${detail}`
  if (!need) return `${name}${aside}`
  if (state === 'missing') return `${rightOf(finding)}${aside}${unneeded(finding)}`
  const rights = count === 1 ? '1 right' : `${count} rights`
  const unnecessary = state === 'ok' ? '' : unneeded(finding)
  return `${roleName(need.role)} on ${place(need.scope)}, ${rights}${aside}${unnecessary}`
}

/** `Microsoft.Compute/images/read on resource group rg-images (role aib-action image writer)` */
function rightOf({ name, need, scope }: Finding): string {
  const data = need?.isData === true ? ' (data action)' : ''
  const action = name === '*' ? 'all actions' : name
  return `${action}${data} on ${place(scope)} (role ${need ? roleName(need.role) : ''})`
}

function unneeded({ required }: Finding): string {
  return required ? '' : '; good to have, no build needs it'
}

/** A finding in one line that says whose it is, for where no table stands around it. */
export function lineOf(finding: Finding): string {
  const { kind, name, need, detail } = finding
  if (need) return `right of the ${need.who}: ${rightOf(finding)}`
  return `${kind}: ${name}${detail === '' ? '' : `: ${detail}`}`
}

/** A role by the name that its definition gives it. */
export function roleName(role: Need['role']): string {
  return role === 'Contributor' ? role : ROLES[role satisfies RoleFile].Name
}

/** A resource ID in few words: `resource group rg-images`, `storageAccounts/stcontosobuild`. */
export function place(id: string): string {
  const group = resourceGroupOfId(id)
  if (group !== undefined) return `resource group ${group}`
  const type = parseResourceId(id)?.type
  return type === undefined ? `subscription ${lastName(id)}` : `${lastName(type)}/${lastName(id)}`
}

/** Commands and comments that mend all of it, each once: first what a build needs, then what is good to have. */
export function remedies({ findings }: CheckReport): string[] {
  const open = findings.filter(({ state }) => state !== 'ok')
  const needed = linesOf(open.filter(({ required }) => required))
  const better = linesOf(open.filter(({ required }) => !required)).filter((line) => !needed.includes(line))
  const title = '# Good to have: no build needs what follows.'
  return [...needed, ...(commands(better).length > 0 ? [title, ...better] : [])]
}

function linesOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.flatMap(({ remedy }) => remedy))]
}
