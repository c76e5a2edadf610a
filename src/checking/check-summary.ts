/** The job summary of a check, in Markdown as GitHub renders it. Names and Azure's words are foreign text. */
import { isReady, lacking, remedies, tables, type CheckReport, type Row, type State } from './check-report.ts'
import type { Explanation } from '../explanation.ts'
import { foreignMarkdown } from '../foreign-text.ts'

/** GitHub takes 1024 KiB a step (its documentation): rows of a table, and characters of a cell, a command, a failure. */
const [MOST_ROWS, LONG_CELL, LONG_COMMAND, LONG_FAILURE] = [150, 500, 3000, 4000]

const STATES: Record<State, string> = { ok: '✅ ok', missing: '❌ missing', unknown: '❔ unknown' }

/** @param explanation of the failure; absent for a check that went well */
export function checkSummary(report: CheckReport, explanation?: Explanation): string {
  const { subject, findings } = report
  const commands = remedies(report)
  const ready = isReady(findings)
    ? '✅ All that this build needs is there.'
    : '❔ Nothing is known to be missing, but not all of it may be seen.'
  const missing = lacking(findings).length
  const headline = missing > 0 ? `${missing} missing for this build.` : (explanation?.headline ?? '')
  const parts = [
    '## Check before the first build',
    explanation ? `❌ ${text(headline, LONG_FAILURE)}` : ready,
    ...(subject === '' ? [] : [text(`Checked for: ${subject}.`)]),
    ...tables(report).flatMap(({ title, rows }) => table(title, rows)),
    ...(commands.length > 0 ? ['### What to do', listing(commands)] : []),
  ]
  return `${parts.join('\n\n')}\n`
}

function table(title: string, all: readonly Row[]): string[] {
  const rows = all.slice(0, MOST_ROWS).map((row) => `| ${STATES[row.state]} | ${text(row.text)} |`)
  const more = all.length - rows.length
  return [
    `### ${title.charAt(0).toUpperCase()}${title.slice(1)}`,
    ['| | |', '| --- | --- |', ...rows].join('\n'),
    ...(more > 0 ? [`… and ${more} more; the log has all of them.`] : []),
  ]
}

/** Lines to copy, as they are. */
function listing(lines: readonly string[]): string {
  return `<pre>${lines.map((line) => text(line, LONG_COMMAND)).join('\n')}</pre>`
}

function text(foreign: string, longest = LONG_CELL): string {
  return foreignMarkdown(foreign, longest)
}
