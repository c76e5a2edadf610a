/** The job summary of a sweep, in Markdown as GitHub renders it. Names and Azure's words are foreign text. */
import type { Explanation } from '../explanation.ts'
import { age, count, nameOf, originOf, type Finding, type Result, type SweepReport } from './sweep-report.ts'
import { foreignMarkdown } from '../foreign-text.ts'

/** GitHub takes 1024 KiB a step (its documentation): rows of a table, and characters of a cell and of a failure. */
const [MOST_ROWS, LONG_CELL, LONG_FAILURE] = [100, 300, 3000]

const RESULTS: Record<Result, string> = {
  'would-delete': '🔎 would be deleted',
  deleted: '🧹 deleted',
  gone: '🧹 was gone already',
  kept: '⏸️ kept',
  failed: '❌ not deleted',
  'not-reached': '⏹️ not reached',
}

/** @param explanation of the failure; absent for a sweep that went well */
export function sweepSummary(report: SweepReport, explanation?: Explanation): string {
  const { found, kept, scope, dryRun } = report
  const deleted = count(found, 'deleted')
  const result = dryRun
    ? `${found.length} left over (dry run: nothing was deleted)`
    : `${deleted} of ${found.length} deleted`
  const parts = [
    '## Sweep of Azure VM image builds',
    ...(explanation
      ? [`❌ ${text(explanation.headline, LONG_FAILURE)}`]
      : [`✅ ${result}, ${kept.length} kept.`]),
    ...(scope === '' ? [] : [text(`Looked for: ${scope}.`)]),
    ...table('Left over', found, report),
    ...table('Kept', kept, report),
  ]
  return `${parts.join('\n\n')}\n`
}

function table(title: string, findings: readonly Finding[], { now }: SweepReport): string[] {
  if (findings.length === 0) return []
  const rows = findings.slice(0, MOST_ROWS).map((one) => {
    const { origin, since, reason, result, error } = one
    const known = since === undefined ? 'unknown' : age(now - since)
    const cells = [nameOf(one), known, originOf(origin), error ?? reason]
    return `| ${[...cells.map((cell) => text(cell)), RESULTS[result]].join(' | ')} |`
  })
  const more = findings.length - rows.length
  return [
    `### ${title}`,
    ['| What | Age | Of | Why | |', '| --- | --- | --- | --- | --- |', ...rows].join('\n'),
    ...(more > 0 ? [`… and ${more} more; the log has all of them.`] : []),
  ]
}

function text(foreign: string, longest = LONG_CELL): string {
  return foreignMarkdown(foreign, longest)
}
