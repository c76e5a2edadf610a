/** One table of all builds of a matrix, for the job summary and for the log. What records say is foreign text. */
import type { BuildResult } from './build-results.ts'
import type { Explanation } from '../explanation.ts'
import { FAILURES } from '../failures.ts'
import { foreignLine, foreignMarkdown } from '../foreign-text.ts'

/** Characters of a cell, of a sentence and of a failure, and sentences: GitHub takes 1024 KiB a step (its documentation). */
const [LONG_CELL, LONG_SENTENCE, LONG_FAILURE, MOST_SENTENCES] = [120, 300, 3000, 50]

const ICONS: Record<BuildResult['result'], string> = {
  succeeded: '✅',
  unchanged: '⏭️',
  started: '⏳',
  'partially-succeeded': '⚠️',
  failed: '❌',
  cancelled: '⏹️',
  missing: '❔',
}

const HEADS = ['Image', 'Location', 'Result', 'Version', 'Source', 'Minutes', 'Failure code']
const [RESULT, FAILURE_CODE] = [2, 6]

export interface ResultsFacts {
  results: readonly BuildResult[]
  /** Records that are there and do not count, and why, in sentences. */
  refused: readonly string[]
  /** URL of docs/troubleshooting.md of this action, where it is known. */
  troubleshooting?: string | undefined
}

/** @param explanation of the failure to gather; absent when all was gathered */
export function resultsSummary(
  { results, refused, troubleshooting }: ResultsFacts,
  explanation?: Explanation,
): string {
  const rows = results.map((one) => {
    const cells = cellsOf(one).map((cell) => text(cell))
    cells[RESULT] = `${ICONS[one.result]} ${one.result}`
    cells[FAILURE_CODE] = failureLink(one['failure-code'] ?? '', troubleshooting)
    return row(cells)
  })
  const parts = [
    '## Azure VM images',
    ...(explanation ? [`❌ ${text(explanation.headline, LONG_FAILURE)}`] : []),
    `${countsOf(results)}.`,
    ...(rows.length === 0 ? [] : [[row(HEADS), row(HEADS.map(() => '---')), ...rows].join('\n')]),
    ...(refused.length === 0 ? [] : [refusals(refused)]),
  ]
  return `${parts.join('\n\n')}\n`
}

function refusals(refused: readonly string[]): string {
  const more = refused.length - MOST_SENTENCES
  const shown = refused.slice(0, MOST_SENTENCES).map((one) => `- ${text(one, LONG_SENTENCE)}`)
  return [...shown, ...(more > 0 ? [`- and ${more} more; the log has all of them`] : [])].join('\n')
}

/** The same table in columns, for the log. */
export function resultLines(results: readonly BuildResult[]): string[] {
  const table = [HEADS, ...results.map(cellsOf)].map((cells) =>
    cells.map((cell) => foreignLine(cell, LONG_CELL)),
  )
  const widths = HEADS.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const lines = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [...lines, `${countsOf(results)}.`]
}

function cellsOf(one: BuildResult): string[] {
  const { image, location = '', result, source = '', minutes } = one
  const version = one['image-version'] ?? one['image-uri']?.replace(/.*\//, '') ?? ''
  const time = minutes === undefined ? '' : String(minutes)
  // Of a resource ID the end is what tells images apart.
  const from = source.replace(/^\/.*\/images\//i, '')
  return [image, location, result, version, from, time, one['failure-code'] ?? '']
}

/** `2 succeeded, 1 failed`, in the order of the icons. */
function countsOf(results: readonly BuildResult[]): string {
  const counts = Object.keys(ICONS).map((name) => ({
    name,
    count: results.filter(({ result }) => result === name).length,
  }))
  const told = counts.filter(({ count }) => count > 0).map(({ name, count }) => `${count} ${name}`)
  return told.length === 0 ? 'No builds' : told.join(', ')
}

/** A link to the failure's section, when it is one of the catalogue. */
function failureLink(code: string, troubleshooting: string | undefined): string {
  const failure = FAILURES.find(({ id, cause }) => id === code && cause !== '')
  return failure && troubleshooting !== undefined
    ? `[${text(code)}](${troubleshooting}#${anchor(failure.title)})`
    : text(code)
}

/** The anchor that GitHub gives to a heading; a test compares with docs/troubleshooting.md. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function text(foreign: string, longest = LONG_CELL): string {
  return foreignMarkdown(foreign, longest)
}

/**
 * URL of the document with every failure code, as it is in the version of the action that runs.
 * @param env of the step; for an action of the workflow's own repository GitHub names no repository
 */
export function troubleshootingUrl(env: (name: string) => string | undefined): string | undefined {
  const [server = '', repository = '', ref = ''] = [
    'GITHUB_SERVER_URL',
    'GITHUB_ACTION_REPOSITORY',
    'GITHUB_ACTION_REF',
  ].map((name) => env(name) ?? '')
  if (server === '' || repository === '' || ref === '') return undefined
  return `${server}/${repository}/blob/${ref}/docs/troubleshooting.md`
}
