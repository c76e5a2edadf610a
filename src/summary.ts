/**
 * The job summary, in Markdown as GitHub renders it. Names, causes and logs are foreign text: nothing in them becomes
 * markup, a mention, or the end of a code block.
 */
import { titleOf, type BuildStep } from './build-steps.ts'
import type { Explanation } from './explanation.ts'
import { nameOfSource } from './image-template.ts'
import type { LogReading } from './packer-log.ts'
import { duration, type Builder, type BuildReport } from './report.ts'
import { lastName } from './resource-id.ts'
import { changeLines } from './reuse-report.ts'
import { gantt, type Section, type Span } from './timeline.ts'

export interface SummaryFacts extends BuildReport {
  /** Of the job, milliseconds since the epoch. */
  startedAt: number
  endedAt: number
}

/** GitHub takes 1024 KiB a step (its documentation); the rest is for what stands around the parts that are cut. */
const MOST_BYTES = 960 * 1024
const MOST_IMAGES = 50
/** Characters: of a table's cell, of a cause, of a line of a log. */
const [LONG_CELL, LONG_TEXT, LONG_LINE] = [500, 5000, 8192]
/** A longer first line is no headline. */
const LONG_HEADLINE = 200

/**
 * The summary. After a failure, cause and remedy stand first; where everything is too long for GitHub, the end of the
 * log is cut, then the output.
 * @param explanation of the failure; absent for a build that went well
 */
export function summary(facts: SummaryFacts, explanation?: Explanation): string {
  const tail = explanation ? (facts.reading?.tail ?? []) : []
  const bare = assembled(facts, explanation, [], [])
  const output = explanation ? fitting(outputOf(explanation), MOST_BYTES - bytesOf(bare)) : []
  const room = MOST_BYTES - bytesOf(assembled(facts, explanation, output, []))
  return assembled(facts, explanation, output, fitting(tail, room))
}

function assembled(
  facts: SummaryFacts,
  explanation: Explanation | undefined,
  output: string[],
  tail: string[],
): string {
  const chart = gantt(sectionsOf(facts, explanation), facts.startedAt)
  const parts = [
    ['## Azure VM image'],
    ...(explanation ? failure(explanation, output) : []),
    table(facts, explanation),
    ...whyBuilt(facts),
    ...(chart === '' ? [] : [['### Timeline'], fence(chart.split('\n'), 'mermaid')]),
    ...(tail.length === 0 ? [] : logTail(tail)),
  ]
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

/** Headline, cause and remedy, then what failed exactly and what else is known. */
function failure({ id, headline, cause, remedy, link, facts }: Explanation, output: string[]): string[][] {
  const icon = id === 'cancelled' ? '⏹️' : '❌'
  const [first = ''] = headline.split('\n')
  const isTitle = first.length <= LONG_HEADLINE
  return [
    [`### ${icon} ${isTitle ? escaped(first) : 'The build failed'}`],
    ...(isTitle ? [] : [[unlisted(prose(cut(first, LONG_TEXT)))]]),
    ...advice('Cause', cause),
    ...advice('What to do', remedy),
    ...(link === '' ? [] : [[`**More:** ${prose(cut(link, LONG_CELL))} (failure code ${code(id)})`]]),
    ...(output.length === 0 ? [] : [fence(output)]),
    ...advice('Further facts', facts.join('\n')),
  ]
}

/** What failed exactly; a message that says it all by itself is headline and output. */
function outputOf({ headline, details }: Explanation): string[] {
  return [...headline.split('\n').slice(1), ...details]
}

/** Lines of sentences; commands, two spaces from the margin, become code blocks. */
function advice(label: string, text: string): string[][] {
  if (text === '') return []
  const blocks: { isCode: boolean; lines: string[] }[] = [{ isCode: false, lines: [] }]
  for (const line of cut(text, LONG_TEXT).trimEnd().split(/\r?\n/)) {
    const isCode = /^ {2,}\S/.test(line)
    if (blocks.at(-1)?.isCode !== isCode) blocks.push({ isCode, lines: [] })
    blocks.at(-1)?.lines.push(line)
  }
  return blocks.map(({ isCode, lines }, index) => {
    if (isCode) return fence(lines.map((line) => line.slice(2)))
    const sentences = lines.map((line) => unlisted(prose(line))).join('<br>\n')
    return [index === 0 ? `**${label}:** ${sentences}` : sentences]
  })
}

function table(facts: SummaryFacts, explanation: Explanation | undefined): string[] {
  const images = Object.entries(facts.images)
  const rows: [string, string][] = [
    ['Result', explanation ? failedResult(explanation) : result(facts)],
    ...images
      .slice(0, MOST_IMAGES)
      .map(([name, uri]): [string, string] => [`Image (${escaped(cut(name, LONG_CELL))})`, code(uri)]),
    ['Further images', images.length > MOST_IMAGES ? String(images.length - MOST_IMAGES) : ''],
    ['Built by', facts.reused ? builder(facts.reused) : ''],
    ['Regions added', escaped((facts.reused?.added ?? []).join(', '))],
    ['Regions', (facts.regions ?? []).slice(0, MOST_IMAGES).map(region).join(', ')],
    ['Source', facts.sourceImage ? code(nameOfSource(facts.sourceImage)) : ''],
    ['Image template', code(facts.template?.name ?? '')],
    ['Run', escaped([facts.runState ?? '', timeOf(facts.run)].filter(Boolean).join(', '))],
    ['Staging resource group', explanation ? code(lastName(facts.stagingResourceGroup ?? '')) : ''],
    ['Log', facts.logArtifact ? `workflow artifact ${code(facts.logArtifact)}` : code(facts.logPath ?? '')],
    ['Build record', facts.recordArtifact ? `workflow artifact ${code(facts.recordArtifact)}` : ''],
    ['Failure code', explanation ? code(explanation.id) : ''],
    ['Time', duration(facts.endedAt - facts.startedAt)],
  ]
  const shown = rows.filter(([, value]) => value !== '').map(([name, value]) => `| ${name} | ${value} |`)
  return ['| | |', '| --- | --- |', ...shown]
}

/** A run's page is a link where it is one; whoever may write tags may write anything. */
function builder({ run = '', commit, startedAt }: Builder): string {
  const page = /^https:\/\/[\w.-]+(?::\d+)?\/[\w.-]+\/[\w.-]+\/actions\/runs\/\d+$/.test(run)
  const parts = [
    page ? `<${run}>` : code(run),
    ...(commit ? [`commit ${code(commit)}`] : []),
    ...(startedAt ? [code(startedAt)] : []),
  ]
  return parts.filter(Boolean).join(', ')
}

/** What is other than in the last build: the price of not skipping. */
function whyBuilt(facts: SummaryFacts): string[][] {
  const { changes } = facts
  if (!changes) return []
  const rows = changeLines(facts).map(
    ({ what, names }) => `| ${escaped(what)} | ${escaped(cut(names, LONG_TEXT))} |`,
  )
  const by = builder(changes)
  return [
    [`### Why it was built`],
    [`Compared with version ${code(changes.since)}${by === '' ? '' : `, built by ${by}`}:`],
    ['| Changed | |', '| --- | --- |', ...rows],
  ]
}

function failedResult({ id }: Explanation): string {
  return id === 'cancelled' ? '⏹️ cancelled' : '❌ failed'
}

function result({ dryRun, runState, skipped, repaired }: SummaryFacts): string {
  if (repaired) return '✅ image built, and replicated after a run that failed'
  if (skipped) return '⏭️ unchanged: the image is there already'
  if (dryRun) return '✅ checked (dry run): nothing was created'
  return runState === 'Running' ? '⏳ build started, not waited for' : '✅ image built'
}

function region({ name, replicas = 1 }: { name: string; replicas?: number }): string {
  return `${escaped(cut(name, LONG_CELL))}${replicas === 1 ? '' : ` (${replicas} replicas)`}`
}

function timeOf(run: readonly Span[]): string {
  if (run.length === 0) return ''
  return duration(Math.max(...run.map(({ to }) => to)) - Math.min(...run.map(({ from }) => from)))
}

function sectionsOf(
  { job, run, reading, steps, validators, endedAt }: SummaryFacts,
  explanation: Explanation | undefined,
): Section[] {
  const isValidation = explanation?.validating === true
  const end = run.at(-1)?.to ?? endedAt
  return [
    { name: 'Job', spans: job },
    { name: 'Run', spans: run },
    {
      name: isValidation ? 'Validators' : 'Customizers',
      spans: reading ? stepSpans(reading, isValidation ? validators : steps, end) : [],
    },
  ]
}

/**
 * A span for each provisioner whose beginning the log tells.
 * @param end when the run ended: one without an end of its own lasted until the next one began, or until then
 */
export function stepSpans(reading: LogReading, steps: readonly BuildStep[], end: number): Span[] {
  const { provisioners, failed, running } = reading
  return provisioners.flatMap((one, index) => {
    if (one.startedAt === undefined) return []
    const to = one.endedAt ?? provisioners[index + 1]?.startedAt ?? Math.max(one.startedAt, end)
    const state = one === failed ? 'failed' : one === running ? 'running' : 'done'
    // The section's name says what they are; the action's own are the most.
    const name = titleOf(one, reading, steps).replace(/^customizer (\d+ of \d+: )?(aib-action: )?/, '$1')
    return [{ name, from: one.startedAt, to, state }]
  })
}

function logTail(lines: string[]): string[][] {
  return [
    ['<details>', `<summary>The last ${lines.length} lines of the log</summary>`],
    fence(lines),
    ['</details>'],
  ]
}

/** A code block that its text cannot end. */
function fence(lines: readonly string[], language = 'text'): string[] {
  const text = lines.map(plain)
  const runs = text.flatMap((line) => line.match(/`+/g) ?? []).map((run) => run.length)
  const ticks = '`'.repeat(Math.max(3, ...runs.map((length) => length + 1)))
  return [`${ticks}${language}`, ...text, ticks]
}

/** Without the colours of a terminal and other invisible characters, some of which turn the direction of text. */
function plain(line: string): string {
  return (
    line
      // eslint-disable-next-line no-control-regex -- the sequences are what is looked for
      .replaceAll(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|.)?/g, '')
      // eslint-disable-next-line no-control-regex -- a tab is all that may stay
      .replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '')
  )
}

/** The last lines that fit into so many bytes, below a line that tells how many are left out. */
function fitting(lines: readonly string[], bytes: number): string[] {
  const all = lines.flatMap((line) => line.split(/\r\n|\r|\n/)).map((line) => cut(line, LONG_LINE))
  const kept: string[] = []
  let left = bytes
  for (const line of all.toReversed()) {
    left -= bytesOf(line) + 1
    if (left < 0) break
    kept.unshift(line)
  }
  const missing = all.length - kept.length
  return missing === 0 ? kept : [`… ${missing} lines are left out here …`, ...kept]
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)} … (${text.length - length} characters more)`
}

/** Text of one line as code, in a table, too. */
function code(text: string): string {
  const line = cut(plain(text.replaceAll(/\s+/g, ' ')), LONG_CELL)
  if (line === '') return ''
  // What Markdown cannot hold in backticks, or a table in a cell, is spelled in numbers.
  if (!/[`|]/.test(line)) return `\`${line}\``
  return `<code>${line.replaceAll(/[!-/:-@[-`{-~]/g, (found) => `&#${found.charCodeAt(0)};`)}</code>`
}

/** Sentences of one line, in which code stands in backticks and links as they are; all else is text. */
function prose(line: string): string {
  return line
    .split(/(`[^`]+`|https:\/\/[^\s<>"'`()[\]|\\]*[\w/])/)
    .map((part, index) => {
      if (index % 2 === 0) return escaped(part)
      return part.startsWith('`') ? code(part.slice(1, -1)) : `<${part}>`
    })
    .join('')
}

/**
 * Text of one line that Markdown leaves alone. An invisible character keeps GitHub from seeing mentions, references and
 * addresses (as bots do it); a dollar sign in a span begins no formula (GitHub's documentation).
 */
function escaped(text: string): string {
  return plain(text.replaceAll(/\s+/g, ' '))
    .replaceAll(/[\\`*[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('#', '\\#&#8203;')
    .replaceAll('$', '<span>$$</span>')
    .replaceAll('@', '@&#8203;')
    .replaceAll('://', ':&#8203;//')
    .replaceAll(/www(?=\.)/gi, '$&&#8203;')
}

/** What would begin a list or a rule at the beginning of a line is text there. */
function unlisted(line: string): string {
  return line.replace(/^(\s*)(\d*)([-+=.)])/, '$1$2\\$3')
}
