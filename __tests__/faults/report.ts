/** What the plays came to, counted and told. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Evidence } from './evidence.ts'
import { titleOf } from './incidents.ts'
import type { Item } from './plan.ts'
import { BAD, VERDICTS, type Verdict, type VerdictName } from './verdict.ts'

export interface Played extends Item {
  verdict: Verdict
  evidence: Evidence
}

/** How many incidents of a group ended how; `tried` are all but those that did not strike. */
export type Counts = Record<VerdictName | 'tried', number>

export function countByGroup(played: readonly Played[]): Map<string, Counts> {
  const groups = new Map<string, Counts>()
  for (const { incident, verdict } of played) {
    const counts = groups.get(incident.group) ?? none()
    groups.set(incident.group, counts)
    counts[verdict.name] += 1
    if (verdict.name !== 'not struck') counts.tried += 1
  }
  return groups
}

export function total(groups: ReadonlyMap<string, Counts>): Counts {
  const sum = none()
  for (const counts of groups.values()) {
    for (const name of COLUMNS) sum[name] += counts[name]
  }
  return sum
}

const NAME = 20
const COLUMNS = ['tried', ...VERDICTS] as const
function none(): Counts {
  return Object.fromEntries(COLUMNS.map((name) => [name, 0])) as Counts
}

/** A table in Markdown, a row a kind of incident. */
export function table(groups: ReadonlyMap<string, Counts>): string {
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `| ${[name.padEnd(NAME), ...cells.map((cell, index) => String(cell).padStart(COLUMNS[index]?.length ?? 0))].join(' | ')} |`
  const line = (name: string, counts: Counts): string =>
    row(
      name,
      COLUMNS.map((column) => counts[column]),
    )
  return [
    row('incident', COLUMNS),
    row(
      '-'.repeat(NAME),
      COLUMNS.map((name) => `${'-'.repeat(name.length - 1)}:`),
    ),
    ...[...groups].map(([name, counts]) => line(name, counts)),
    line('all', total(groups)),
  ].join('\n')
}

export function isBad({ verdict }: Played): boolean {
  return BAD.includes(verdict.name)
}

/** A single fault that passes, and yet the build did not live through it as if nothing had been. */
export function isTelling({ incident, verdict }: Played): boolean {
  if (incident.kind !== 'faults' || incident.strikes.length > 1) return false
  const passes = incident.strikes.every(({ forEver = false }) => !forEver)
  return passes && ['failed clean', 'survived, leftovers told'].includes(verdict.name)
}

/** Keeps what a job said that ended badly. Returns the file. */
export function keepLog(folder: string, number: number, { incident, verdict, evidence }: Played): string {
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, `${verdict.name}-${String(number).padStart(4, '0')}.log`)
  const { log, ...facts } = evidence
  const head = [titleOf(incident), `${verdict.name}: ${verdict.reason}`]
  writeFileSync(file, [...head, '', log, '', JSON.stringify(facts, undefined, 2), ''].join('\n'))
  return file
}

/** Everything for a program to read: counts, and how each play ended. */
export function asJson(played: readonly Played[], seed: number): string {
  const groups = countByGroup(played)
  const plays = played.map(({ build, incident, verdict, evidence }) => ({
    build,
    incident: titleOf(incident),
    group: incident.group,
    verdict: verdict.name,
    reason: verdict.reason,
    seconds: Math.round(evidence.durationMs / 100) / 10,
    error: evidence.errors[0]?.split('\n')[0],
    warnings: evidence.warnings.length,
    cancelCallMs: evidence.cancelCallMs,
  }))
  return JSON.stringify(
    { seed, total: total(groups), groups: Object.fromEntries(groups), plays },
    undefined,
    2,
  )
}
