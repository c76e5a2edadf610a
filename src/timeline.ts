/**
 * A timeline as a Mermaid Gantt chart, which GitHub renders in job summaries. The names in it are foreign text, and
 * Mermaid has no quoting for them: what it would take for syntax is replaced.
 */
import { duration } from './report.ts'

/** A part of the build that took time. */
export interface Span {
  name: string
  /** Milliseconds since the epoch. */
  from: number
  to: number
  state: 'done' | 'failed' | 'running'
}

export interface Section {
  name: string
  spans: Span[]
}

/** Mermaid's tags: `crit` is drawn red. */
const TAGS = { done: 'done', failed: 'crit', running: 'active' } as const

/** A taller chart is no overview any more. */
const MOST_SPANS = 60
const LONGEST_NAME = 60
/** Of the whole chart: what shorter spans are drawn as. */
const THINNEST = 1 / 200
/** Ticks of the axis are so many at most: their labels would overlap. */
const MOST_TICKS = 6

/**
 * The text of a chart whose axis shows the time since `startedAt` (or since the first span, where a run is older than
 * the job that follows it). Mermaid reads and shows times in the viewer's time zone, so they all are hours of a day
 * made up, on which no clock in the world was changed.
 * @param startedAt milliseconds since the epoch
 * @returns lines for a `mermaid` code block; `''` for no spans
 */
export function gantt(sections: readonly Section[], startedAt: number): string {
  const all = sections.flatMap(({ spans }) => spans).filter(isTimed)
  if (all.length === 0) return ''
  const shown = mostTelling(all)
  const origin = Math.min(startedAt, ...[...shown].map(({ from }) => from))
  const total = Math.max(1, ...[...shown].map(({ from, to }) => Math.max(from, to) - origin))
  const body = sections.flatMap(({ name, spans }) => {
    const rows = spans.filter((span) => shown.has(span)).map((span) => row(span, origin, total))
    return rows.length === 0 ? [] : [`  section ${label(name) || '-'}`, ...rows]
  })
  return [...head(total, all.length - shown.size), ...body].join('\n')
}

function isTimed({ from, to }: Span): boolean {
  return Number.isFinite(from) && Number.isFinite(to)
}

/** Where there are too many: those that failed or still run, then the longest. */
function mostTelling(spans: Span[]): Set<Span> {
  const rank = ({ state, from, to }: Span): number => (state === 'done' ? to - from : Infinity)
  return new Set(
    [...spans].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a))).slice(0, MOST_SPANS),
  )
}

function head(total: number, left: number): string[] {
  const more = left === 0 ? [] : [`  title ${left} shorter ${left === 1 ? 'part is' : 'parts are'} not shown`]
  return [
    'gantt',
    ...more,
    '  dateFormat YYYY-MM-DD HH:mm:ss.SSS',
    `  axisFormat ${total < HOUR ? '%M:%S' : '%H:%M:%S'}`,
    `  tickInterval ${tick(total)}`,
    '  todayMarker off',
  ]
}

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]
/** Unit of Mermaid → steps of it that divide the next larger one, as Mermaid counts from that one's beginning. */
const STEPS: [unit: string, milliseconds: number, steps: number[]][] = [
  ['second', SECOND, [1, 2, 5, 10, 15, 30]],
  ['minute', MINUTE, [1, 2, 5, 10, 15, 30]],
  ['hour', HOUR, [1, 2, 3, 6, 12]],
]

function tick(total: number): string {
  for (const [unit, milliseconds, steps] of STEPS) {
    const step = steps.find((one) => total / (one * milliseconds) <= MOST_TICKS)
    if (step !== undefined) return `${step}${unit}`
  }
  return '1day'
}

function row({ name, from, to, state }: Span, origin: number, total: number): string {
  const lasted = Math.max(0, to - from)
  const thinnest = Math.ceil(total * THINNEST)
  // The axis begins with the first bar, and has no tick at zero where that begins a little later.
  const start = from - origin < thinnest ? 0 : from - origin
  const end = Math.max(from - origin + lasted, start + thinnest)
  const times = [start, end].map((offset) => new Date(DAY + offset).toISOString())
  const written = times.map((time) => time.replace('T', ' ').replace('Z', ''))
  return `    ${label(name) || '-'} (${duration(lasted)}) :${TAGS[state]}, ${written.join(', ')}`
}

/** Any day would do on which no time zone changes its clocks, with those around it. */
const DAY = Date.UTC(2001, 0, 9)

/**
 * What means something to Mermaid anywhere in a name: `:` ends it, `#` and `;` begin comments and entities in some of its
 * versions, `%%` comments, `{}` directives; the rest is for HTML and for the code block around.
 */
const REPLACED: [RegExp, string][] = [
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  [/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, ' '],
  // Invisible ones, and those that turn the direction of text.
  [/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, ''],
  [/ ?: /g, ' – '],
  [/:/g, '∶'],
  [/;/g, ','],
  [/#/g, 'no. '],
  [/%/g, ' percent'],
  [/["`]/g, "'"],
  [/</g, '‹'],
  [/>/g, '›'],
  [/&/g, '+'],
  [/[{[]/g, '('],
  [/[}\]]/g, ')'],
  [/\\/g, '/'],
]

/** What Mermaid takes for a statement at the beginning of a line (its grammar of Gantt charts, without regard to case). */
const KEYWORD =
  /^(?:gantt|title|section|dateFormat|axisFormat|tickInterval|todayMarker|topAxis|inclusiveEndDates|includes|excludes|weekday|weekend|click|call|href|acc\w+|\d{4}-\d\d-\d\d|-{3})(?!\w)/i

/** A name that Mermaid takes as it is; `''` where nothing is left of it. */
function label(name: string): string {
  const start = name.slice(0, 10 * LONGEST_NAME)
  const plain = REPLACED.reduce((text, [found, instead]) => text.replace(found, instead), start)
    .replaceAll(/ +/g, ' ')
    .trim()
  const letters = Array.from(plain)
  const short =
    letters.length > LONGEST_NAME
      ? `${letters
          .slice(0, LONGEST_NAME - 1)
          .join('')
          .trim()}…`
      : plain
  return KEYWORD.test(short) ? `'${short}'` : short
}
