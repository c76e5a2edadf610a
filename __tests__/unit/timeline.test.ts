/** The timeline as Mermaid reads it. What Mermaid makes of it is seen in a browser, by scripts/screenshot.ts. */
import { describe, expect, test } from '@jest/globals'
import { gantt, type Section, type Span } from '../../src/timeline.ts'

const START = Date.UTC(2026, 8, 14, 9, 30)

/** A span in seconds since the start. */
function span(name: string, from: number, to: number, state: Span['state'] = 'done'): Span {
  return { name, from: START + from * 1000, to: START + to * 1000, state }
}

function chart(spans: Span[], name = 'Job', startedAt = START): string[] {
  return gantt([{ name, spans }], startedAt).split('\n')
}

/** Lines of spans, taken apart as Mermaid does it: at the first colon, then at commas. */
function rows(lines: string[]): { text: string; tag: string; from: string; to: string }[] {
  return lines
    .filter((line) => line.startsWith('    '))
    .map((line) => {
      const [text = '', ...data] = line.split(':')
      const [tag = '', from = '', to = '', ...more] = data.join(':').split(', ')
      expect(more).toEqual([])
      return { text: text.trim(), tag, from, to }
    })
}

test('a build: sections, states, times since the start', () => {
  const sections: Section[] = [
    { name: 'Job', spans: [span('looking up', 0, 4.5)] },
    { name: 'Nothing', spans: [] },
    { name: 'Run', spans: [span('Building', 60, 1500), span('Customizing', 1500, 1800, 'failed')] },
    { name: 'Customizers', spans: [span('customizer 1 of 2', 1500, 1800, 'running')] },
  ]
  expect(gantt(sections, START).split('\n')).toEqual([
    'gantt',
    '  dateFormat YYYY-MM-DD HH:mm:ss.SSS',
    '  axisFormat %M:%S',
    '  tickInterval 5minute',
    '  todayMarker off',
    '  section Job',
    '    looking up (5 s) :done, 2001-01-09 00:00:00.000, 2001-01-09 00:00:09.000',
    '  section Run',
    '    Building (24 min 0 s) :done, 2001-01-09 00:01:00.000, 2001-01-09 00:25:00.000',
    '    Customizing (5 min 0 s) :crit, 2001-01-09 00:25:00.000, 2001-01-09 00:30:00.000',
    '  section Customizers',
    '    customizer 1 of 2 (5 min 0 s) :active, 2001-01-09 00:25:00.000, 2001-01-09 00:30:00.000',
  ])
})

test.each<[string, Section[]]>([
  ['no sections', []],
  ['empty sections', [{ name: 'Job', spans: [] }]],
  ['a span without times', [{ name: 'Job', spans: [{ ...span('x', 0, 1), to: NaN }] }]],
])('of %s is nothing', (_, sections) => {
  expect(gantt(sections, START)).toBe('')
})

describe('the axis', () => {
  test.each<[seconds: number, format: string, tick: string]>([
    [0, '%M:%S', '1second'],
    [6, '%M:%S', '1second'],
    [60, '%M:%S', '10second'],
    [200, '%M:%S', '1minute'],
    [3599, '%M:%S', '10minute'],
    [3600, '%H:%M:%S', '10minute'],
    [4 * 3600, '%H:%M:%S', '1hour'],
    [16 * 3600, '%H:%M:%S', '3hour'],
    [100 * 3600, '%H:%M:%S', '1day'],
  ])('of %i seconds is %s by %s', (seconds, format, tick) => {
    expect(chart([span('x', 0, seconds)])).toEqual(
      expect.arrayContaining([`  axisFormat ${format}`, `  tickInterval ${tick}`]),
    )
  })

  test('begins with the job, where nothing is known of its first minute', () => {
    expect(rows(chart([span('x', 60, 61)]))[0]?.from).toBe('2001-01-09 00:01:00.000')
  })

  test('begins at zero, where the first span begins a little later', () => {
    expect(rows(chart([span('x', 0.02, 10), span('y', 5, 2000)]))).toMatchObject([
      { text: 'x (10 s)', from: '2001-01-09 00:00:00.000', to: '2001-01-09 00:00:10.000' },
      { from: '2001-01-09 00:00:00.000' },
    ])
  })

  test('begins with the first span, where that is older than the job', () => {
    const [first, second] = rows(chart([span('run', -60, 0), span('job', 0, 1)]))
    expect(first?.from).toBe('2001-01-09 00:00:00.000')
    expect(second?.from).toBe('2001-01-09 00:01:00.000')
  })

  test('is in no time zone a day on which clocks change', () => {
    const offsets = (timeZone: string): Set<string | undefined> => {
      const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
      const hours = Array.from({ length: 96 }, (_, hour) => Date.UTC(2001, 0, 8, hour))
      return new Set(
        hours.map((at) => format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value),
      )
    }
    const changing = Intl.supportedValuesOf('timeZone').filter((zone) => offsets(zone).size !== 1)
    expect(changing).toEqual([])
  })
})

describe('a span', () => {
  test.each([
    ['of no time', 0],
    ['that ends before it begins', -5],
  ])('%s can be seen, and says that it took none', (_, seconds) => {
    const [first] = rows(chart([span('blink', 10, 10 + seconds), span('x', 0, 2000)]))
    expect(first).toMatchObject({
      text: 'blink (0 s)',
      from: '2001-01-09 00:00:10.000',
      to: '2001-01-09 00:00:20.000',
    })
  })

  test.each<[string, name: string, shown: string]>([
    ['colons', 'customizer 3 of 4: aib-action: x 12:30', 'customizer 3 of 4 – aib-action – x 12∶30'],
    ['semicolons and number signs', 'C# ; #35; x', 'Cno. , no. 35, x'],
    ['comments and directives', '%%{init: {}}%%', 'percent percent(init – ()) percent percent'],
    ['quotes and code', '"a" `b`', "'a' 'b'"],
    ['brackets', '[x](y) {z}', '(x)(y) (z)'],
    ['markup', '<br>a & &lt;b&gt;', '‹br›a + +lt,b+gt,'],
    ['line breaks', 'a\r\nsection b\u2028c\td', 'a section b c d'],
    ['text that is turned around', '\u202eevil\u202c\u200b', 'evil'],
    ['a control character', 'a\u0000b\u001b[31m', 'a b (31m'],
    ['backslashes', 'C:\\new', 'C∶/new'],
    ['nothing', ' \n ', '-'],
    ['letters of all the world', 'Größe 日本語 🚀', 'Größe 日本語 🚀'],
    ['a name of an object', '__proto__', '__proto__'],
    ['the beginning of a statement', 'title of it', "'title of it'"],
    ['another one in capitals', 'SECTION x', "'SECTION x'"],
    ['a statement alone', 'gantt', "'gantt'"],
    ['a word that begins like one', 'sectional titles', 'sectional titles'],
    ['a title for screen readers', 'accTitle: x', "'accTitle – x'"],
    ['a date', '2026-09-14 x', "'2026-09-14 x'"],
    ['a rule', '--- x', "'--- x'"],
    ['a link', 'click x', "'click x'"],
    ['too much', '🚀'.repeat(61), `${'🚀'.repeat(59)}…`],
  ])('is shown with %s made safe', (_, name, shown) => {
    const lines = chart([span(name, 0, 1)], name)
    expect(lines).toHaveLength(7)
    expect(lines[5]).toBe(`  section ${shown}`)
    expect(rows(lines)).toEqual([expect.objectContaining({ text: `${shown} (1 s)`, tag: 'done' })])
  })
})

test('of more than 60 spans the shortest that went well are left out, and counted', () => {
  const many = Array.from({ length: 70 }, (_, index) => span(`s${index}`, index, index + 100 - index))
  const spans = [...many, span('failed', 99, 99, 'failed'), span('running', 99, 99, 'running')]
  const lines = gantt(
    [
      { name: 'A', spans: spans.slice(0, 65) },
      { name: 'B', spans: spans.slice(65) },
    ],
    START,
  )
  expect(lines).toContain('\n  title 12 shorter parts are not shown\n')
  const names = rows(lines.split('\n')).map(({ text }) => text.split(' ')[0])
  expect(names).toEqual([...Array.from({ length: 58 }, (_, index) => `s${index}`), 'failed', 'running'])
  expect(chart(many.slice(0, 61))).toContain('  title 1 shorter part is not shown')
  expect(chart(many.slice(0, 60)).join('\n')).not.toContain('title')
})
