/** What a sweep tells: its outputs, and a line for each thing. */
import { deleteBlobCommand, deleteTemplateCommand } from '../by-hand.ts'
import type { Origin, SeenBlob, SeenTemplate } from './leftovers.ts'
import { ARTIFACT_CONTAINER } from '../names.ts'
import { lastName, parseResourceId } from '../resource-id.ts'

/** What became of a thing that is left over; `kept`: somebody began to use it after it was found. */
export type Result = 'would-delete' | 'deleted' | 'gone' | 'kept' | 'failed' | 'not-reached'

/** A template or blob of ours that was looked at. */
export type Finding = {
  origin: Origin
  /** When something happened to it last, milliseconds since the epoch; absent where nothing tells. */
  since?: number
  reason: string
  result: Result
  /** Whether Image Builder works on it for longer than it ever takes. */
  stuck?: boolean
  /** What Azure said when it could not be deleted, in one line. */
  error?: string
} & ({ kind: 'template'; thing: SeenTemplate } | { kind: 'blob'; thing: SeenBlob })

/** Filled in as the sweep goes on; whatever is there at the end is reported, after a failure too. */
export interface SweepReport {
  /** When it was looked, milliseconds since the epoch. */
  now: number
  /** Where was looked, in words. */
  scope: string
  dryRun: boolean
  /** What was found to be left over. */
  found: Finding[]
  /** What was looked at and is not left over. */
  kept: Finding[]
}

/** Nothing is known yet. */
export function emptySweepReport(): SweepReport {
  return { now: 0, scope: '', dryRun: true, found: [], kept: [] }
}

/** The step's outputs; `json` holds all the others. */
export function sweepOutputs({ now, found, kept }: SweepReport): Record<string, string> {
  const listed = (kind: Finding['kind']): string =>
    JSON.stringify(found.filter((one) => one.kind === kind).map((one) => entry(one, now)))
  const all = {
    templates: listed('template'),
    blobs: listed('blob'),
    deleted: String(count(found, 'deleted')),
    kept: String(kept.length + count(found, 'kept')),
    failed: String(count(found, 'failed')),
  }
  return { ...all, json: JSON.stringify(all) }
}

/** How many came to this result. */
export function count(findings: readonly Finding[], result: Result): number {
  return findings.filter((one) => one.result === result).length
}

function entry(finding: Finding, now: number): object {
  const { kind, thing, origin, since, reason, result, error } = finding
  const where =
    kind === 'template'
      ? { id: thing.id, resourceGroup: groupOf(thing), stagingResourceGroup: stagingOf(thing) }
      : { storageAccount: thing.account, container: ARTIFACT_CONTAINER }
  const age =
    since === undefined ? {} : { since: new Date(since).toISOString(), ageHours: hours(now - since) }
  return {
    name: thing.name,
    ...where,
    ...origin,
    ...age,
    reason,
    result,
    ...(error === undefined ? {} : { error }),
  }
}

/** The thing by its kind and name, such as `template t_1_ab`. */
export function nameOf({ kind, thing }: Finding): string {
  return kind === 'template' ? `template ${thing.name}` : `blob ${ARTIFACT_CONTAINER}/${thing.name}`
}

/** All that is known of it, in one line. */
export function lineOf(finding: Finding, now: number): string {
  const { kind, thing, origin, since, reason } = finding
  const where = kind === 'template' ? `in ${groupOf(thing)}` : `in ${thing.account}`
  const staging = kind === 'template' ? stagingOf(thing) : ''
  return [
    `${nameOf(finding)} ${where}`,
    since === undefined ? 'age unknown' : `${age(now - since)} old`,
    originOf(origin),
    `${reason}${staging === '' ? '' : `; its staging group is ${staging}`}`,
  ].join(', ')
}

export function originOf({ repository, runId, runAttempt }: Origin): string {
  return `${repository} run ${runId} attempt ${runAttempt}`
}

/** The command that deletes it by hand. */
export function commandOf({ kind, thing }: Finding): string {
  if (kind === 'template') return deleteTemplateCommand(thing.id)
  return deleteBlobCommand(thing.account, ARTIFACT_CONTAINER, thing.name)
}

function groupOf({ id }: SeenTemplate): string {
  return parseResourceId(id)?.resourceGroup ?? ''
}

function stagingOf({ stagingResourceGroup = '' }: SeenTemplate): string {
  return lastName(stagingResourceGroup)
}

/** `3 days`, `30 h`, `12 min`. */
export function age(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  if (minutes >= 72 * 60) return `${Math.floor(minutes / 60 / 24)} days`
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h` : `${minutes} min`
}

function hours(milliseconds: number): number {
  return Math.floor(milliseconds / 360_000) / 10
}
