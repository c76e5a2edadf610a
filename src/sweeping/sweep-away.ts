/** The end of the story of a sweep: what is left over is deleted, each thing only if it still is. */
import { AzureError, messageOf } from '../errors.ts'
import { told } from '../explanation.ts'
import { judgeTemplate, type Wanted } from './leftovers.ts'
import { commandOf, nameOf, type Finding, type SweepReport } from './sweep-report.ts'
import type { Sighting, SweepEdges } from './sweeper.ts'

/** More at once would not be quicker: deleting a template takes Image Builder two minutes (recorded). */
const AT_ONCE = 8

/** What could not be done. */
export interface Failure {
  /** Such as `template t_1_ab`. */
  what: string
  /** Such as `was not deleted`. */
  fate: string
  error: unknown
}

/** @returns what could not be deleted; the others are deleted all the same */
export async function deleteAll(
  sighting: Sighting,
  wanted: Wanted,
  { found }: SweepReport,
  edges: SweepEdges,
): Promise<Failure[]> {
  const { runner } = edges
  const failures: Failure[] = []
  const remove = async (finding: Finding): Promise<void> => {
    try {
      await (finding.kind === 'template'
        ? deleteTemplate(finding, wanted, edges)
        : deleteBlob(finding, sighting, edges))
    } catch (error) {
      runner.cancelled.throwIfAborted()
      finding.result = 'failed'
      finding.error = azureWords(error)
      failures.push({ what: nameOf(finding), fate: 'was not deleted', error })
      runner.quote([
        `${nameOf(finding)} was not deleted: ${finding.error}`,
        `  by hand: ${commandOf(finding)}`,
      ])
    }
  }
  const waiting = [...found]
  const workOff = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await remove(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, workOff))
  return failures
}

/** Looks once more just before: Resource Manager has no condition for deleting, yet refuses while a run is under way. */
async function deleteTemplate(
  finding: Finding & { kind: 'template' },
  wanted: Wanted,
  { azure, runner, clock }: SweepEdges,
): Promise<void> {
  const { id } = finding.thing
  const present = await azure.template(id, runner.cancelled)
  if (!present) {
    settle(finding, 'gone', runner)
    return
  }
  const verdict = judgeTemplate(present, { ...wanted, now: clock.now() })
  if (verdict.is !== 'left over') {
    keep(finding, verdict.is === 'kept' ? verdict.reason : `it is ${verdict.because} now`, runner)
    return
  }
  runner.quote([`deleting ${nameOf(finding)}...`])
  const outcome = await azure.deleteTemplate(id, runner.cancelled)
  if (outcome === 'busy') keep(finding, 'Image Builder began to work on it', runner)
  else settle(finding, outcome, runner)
}

async function deleteBlob(
  finding: Finding & { kind: 'blob' },
  { accounts }: Sighting,
  { azure, runner }: SweepEdges,
): Promise<void> {
  const account = accounts.find(({ name }) => name === finding.thing.account)
  if (!account) return
  const outcome = await azure.deleteBlob(account, finding.thing, runner.cancelled)
  if (outcome === 'changed') keep(finding, 'it was written anew meanwhile', runner)
  else settle(finding, outcome, runner)
}

function settle(finding: Finding, result: 'deleted' | 'gone', runner: SweepEdges['runner']): void {
  finding.result = result
  runner.quote([`${nameOf(finding)} ${result === 'deleted' ? 'is deleted' : 'was gone already'}`])
}

function keep(finding: Finding, reason: string, runner: SweepEdges['runner']): void {
  finding.result = 'kept'
  finding.reason = reason
  runner.quote([`${nameOf(finding)} is kept after all: ${reason}`])
}

/** In one line, without what was being done and Azure's own names of the request. */
function azureWords(error: unknown): string {
  const words =
    error instanceof AzureError
      ? `${error.code} (HTTP ${error.status}): ${error.azureMessage}`
      : messageOf(error)
  return words.replaceAll(/\s+/g, ' ')
}

/** More names than these nobody reads in an annotation; the log has all. */
const MOST_NAMES = 20

/** All that could not be done. A right that is missing fails many things in the same way: that is told once. */
export function failureText(failures: readonly Failure[]): string {
  const alike = Map.groupBy(failures, ({ error }) =>
    error instanceof AzureError ? error.code : messageOf(error),
  )
  return [...alike.values()]
    .flatMap(([first, ...others]) => {
      if (!first) return []
      const names = others.slice(0, MOST_NAMES).map(({ what }) => what)
      const more = others.length - names.length
      const same = `The same happened to ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`
      const sentence = `${first.what} ${first.fate}: ${told(first.error)}`
      return [`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`, ...(others.length > 0 ? [same] : [])]
    })
    .join('\n')
}
