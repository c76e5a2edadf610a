/** The job summary. How it looks is seen in a browser, by scripts/screenshot.ts. */
import { describe, expect, test } from '@jest/globals'
import type { Explanation } from '../../src/explanation.ts'
import type { LogReading, Provisioner } from '../../src/packer-log.ts'
import { emptyReport } from '../../src/report.ts'
import { stepSpans, summary, type SummaryFacts } from '../../src/summary.ts'
import { buildReport, MANAGED_IMAGE_ID, VERSION_ID } from '../support/factories.ts'

const START = Date.UTC(2026, 8, 14, 9, 30)

function facts(overrides: Partial<SummaryFacts> = {}): SummaryFacts {
  return { ...buildReport(), startedAt: START, endedAt: START + 1_234_000, ...overrides }
}

function explanation(overrides: Partial<Explanation> = {}): Explanation {
  return {
    id: 'script-failed',
    headline: 'Customizer 1 of 2 failed',
    details: ['make: *** no rule'],
    cause: 'A command failed.',
    remedy: 'Correct it.\nThen look around:\n  az vm list\n  az vm show\nand again.',
    link: 'https://learn.microsoft.com/azure/a_b#c',
    advice: [],
    facts: ['Azure said so.'],
    ...overrides,
  }
}

function provisioner(number: number, times: Partial<Provisioner> = {}): Provisioner {
  return { number, type: 'shell', tail: [], ...times }
}

function reading(overrides: Partial<LogReading> = {}): LogReading {
  return { lines: 0, provisioners: [], reason: '', tail: [], seen: new Map(), ...overrides }
}

const FAILED = { images: {}, runState: 'Failed' } as const

/** What stands in code blocks, read as Markdown does: a block ends at a line of as many backticks, or more. */
function blocks(markdown: string): { language: string; text: string }[] {
  const found: { language: string; text: string; fence: string; open: boolean }[] = []
  for (const line of markdown.split('\n')) {
    const [, fence = '', rest = ''] = /^(`{3,})([^`]*)$/.exec(line) ?? []
    const last = found.at(-1)
    if (!last?.open) {
      if (fence !== '') found.push({ language: rest, text: '', fence, open: true })
    } else if (fence.length >= last.fence.length && rest.trim() === '') last.open = false
    else last.text += `${line}\n`
  }
  expect(found.filter(({ open }) => open)).toEqual([])
  return found.map(({ language, text }) => ({ language, text }))
}

/** What stands outside of them. */
function around(markdown: string): string {
  return blocks(markdown).reduce((text, block) => text.replace(block.text, ''), markdown)
}

describe('of a build that went well', () => {
  test('is a table', () => {
    expect(summary(facts())).toBe(
      [
        '## Azure VM image',
        '',
        '| | |',
        '| --- | --- |',
        '| Result | ✅ image built |',
        `| Image (SharedImage_distribute) | \`${VERSION_ID}\` |`,
        '| Source | `Canonical:ubuntu-24_04-lts:server:24.04.202609010` |',
        '| Image template | `t_1_ab` |',
        '| Run | Succeeded |',
        '| Time | 20 min 34 s |',
        '',
      ].join('\n'),
    )
  })

  test.each<[string, Partial<SummaryFacts>, string]>([
    ['a dry run', { dryRun: true }, '| Result | ✅ checked (dry run): nothing was created |'],
    ['one that nobody waits for', { runState: 'Running' }, '| Result | ⏳ build started, not waited for |'],
    ['an image that is there', { skipped: true }, '| Result | ⏭️ unchanged: the image is there already |'],
    [
      'several images',
      { images: { a: VERSION_ID, b: MANAGED_IMAGE_ID } },
      `| Image (a) | \`${VERSION_ID}\` |\n| Image (b) | \`${MANAGED_IMAGE_ID}\` |`,
    ],
    [
      'regions',
      { regions: [{ name: 'eastus' }, { name: 'westus2', replicas: 2 }] },
      '| Regions | eastus, westus2 (2 replicas) |',
    ],
    [
      'a run with its time',
      {
        run: [
          { name: 'Building', from: START + 1000, to: START + 5000, state: 'done' },
          { name: 'Distributing', from: START + 5000, to: START + 62_000, state: 'done' },
        ],
      },
      '| Run | Succeeded, 1 min 1 s |',
    ],
    ['a log that was kept', { logPath: 'D:\\a\\_temp\\x.log' }, '| Log | `D:\\a\\_temp\\x.log` |'],
    [
      'a log that was uploaded',
      { logPath: '/x', logArtifact: 'customization-log-t' },
      '| Log | workflow artifact `customization-log-t` |',
    ],
  ])('tells of %s', (_, overrides, row) => {
    expect(summary(facts(overrides))).toContain(`\n${row}\n`)
  })

  test('has a chart of job, run and customizers', () => {
    const text = summary(
      facts({
        job: [{ name: 'submitting', from: START, to: START + 9000, state: 'done' }],
        run: [{ name: 'Building', from: START + 9000, to: START + 60_000, state: 'done' }],
        steps: [{ type: 'Shell', name: 'aib-action: inline script' }],
        reading: reading({ provisioners: [provisioner(1, { startedAt: START + 10_000 })], tail: ['x'] }),
      }),
    )
    const chart = blocks(text)
    expect(chart).toEqual([{ language: 'mermaid', text: expect.stringMatching(/^gantt\n/) }])
    expect(chart[0]?.text.match(/section \w+|^ {4}.*\)/gm)).toEqual([
      'section Job',
      '    submitting (9 s)',
      'section Run',
      '    Building (51 s)',
      'section Customizers',
      '    1 of 1 – inline script (shell) (50 s)',
    ])
    expect(text).not.toContain('<details>')
  })
})

describe('of a failure', () => {
  test('says first what, why and what to do, then all else', () => {
    const text = summary(
      facts({
        ...FAILED,
        run: [{ name: 'Customizing', from: START, to: START + 9000, state: 'failed' }],
        reading: reading({ tail: ['one', 'two'] }),
      }),
      explanation(),
    )
    const order = [
      '### ❌ Customizer 1 of 2 failed\n\n**Cause:** A command failed.\n\n',
      '**What to do:** Correct it.<br>\nThen look around:\n\n```text\naz vm list\naz vm show\n```\n\nand again.\n\n',
      '**More:** <https://learn.microsoft.com/azure/a_b#c> (failure code `script-failed`)\n\n',
      '```text\nmake: *** no rule\n```\n\n**Further facts:** Azure said so.\n\n',
      '| | |\n| --- | --- |\n| Result | ❌ failed |\n',
      '| Staging resource group | `IT_builds_t_1_ab_x` |\n',
      '| Failure code | `script-failed` |\n',
      '### Timeline\n\n```mermaid\n',
      '<details>\n<summary>The last 2 lines of the log</summary>\n\n```text\none\ntwo\n```\n\n</details>\n',
    ].map((part) => text.indexOf(part))
    expect(order).not.toContain(-1)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(text).not.toContain('| Image (')
  })

  test('of a validation has a chart of validators', () => {
    const text = summary(
      facts({
        validators: [{ type: 'Shell', name: 'aib-action: validation script' }],
        reading: reading({ provisioners: [provisioner(1, { startedAt: START, endedAt: START + 5000 })] }),
      }),
      explanation({ validating: true }),
    )
    expect(text).toContain('  section Validators\n    1 of 1 – validation script (shell) (5 s) :done')
  })

  test('without anything known has no empty parts', () => {
    const empty = { ...emptyReport(), startedAt: START, endedAt: START }
    const bare = explanation({
      id: 'unknown',
      headline: 'No.',
      details: [],
      cause: '',
      remedy: '',
      link: '',
      facts: [],
    })
    expect(summary(empty, bare)).toBe(
      '## Azure VM image\n\n### ❌ No.\n\n| | |\n| --- | --- |\n| Result | ❌ failed |\n| Failure code | `unknown` |\n| Time | 0 s |\n',
    )
  })

  test('by mistaken inputs lists each', () => {
    const text = summary(
      facts(),
      explanation({ headline: '2 inputs need a change.\n- a: *x*\n- b: y', details: [] }),
    )
    expect(text).toContain('### ❌ 2 inputs need a change.\n')
    expect(blocks(text)).toContainEqual({ language: 'text', text: '- a: *x*\n- b: y\n' })
  })

  test('in a long sentence has a short headline', () => {
    const long = `Failed while submitting: Conflict: ${'very '.repeat(50)}`
    expect(summary(facts(), explanation({ headline: long }))).toContain(
      `### ❌ The build failed\n\n${long.trim()}`,
    )
  })

  test('that is none, as somebody cancelled', () => {
    const text = summary(facts(), explanation({ id: 'cancelled', headline: 'The workflow was cancelled.' }))
    expect(text).toContain('### ⏹️ The workflow was cancelled.\n')
    expect(text).toContain('| Result | ⏹️ cancelled |')
  })
})

describe('foreign text', () => {
  test.each<[string, foreign: string, shown: string]>([
    ['markup', '<img src=x> &amp;', '&lt;img src=x&gt; &amp;amp;'],
    ['mentions', '@octocat', '@&#8203;octocat'],
    ['references', 'GH#12', 'GH\\#&#8203;12'],
    ['links', '[x](https://evil.example) ', '\\[x\\](:)'],
    ['images', '![x](y)', '!\\[x\\](y)'],
    ['emphasis', '*a* _b_ ~c~ a_b', '\\*a\\* \\_b\\_ \\~c\\~ a_b'],
    ['formulas', '$a$', '<span>$</span>a<span>$</span>'],
    ['a lone backtick', 'a ` b', 'a \\` b'],
    ['backslashes', 'C:\\*', 'C:\\\\\\*'],
    ['addresses', 'http://a www.b.c', 'http:&#8203;//a www&#8203;.b.c'],
    ['colours', '\u001b[31mred\u001b[0m\u202e', 'red'],
  ])('has its %s as text', (_, foreign, shown) => {
    const text = summary(facts(), explanation({ headline: foreign, cause: foreign, facts: [foreign] }))
    if (foreign.startsWith('[x]')) {
      // In sentences an address is shown as it is, as a link that cannot pass for another.
      expect(text).toContain('### ❌ \\[x\\](https:&#8203;//evil.example)')
      expect(text).toContain('**Cause:** \\[x\\](<https://evil.example>)')
    } else {
      expect(text).toContain(`### ❌ ${shown}\n`)
      expect(text).toContain(`**Cause:** ${shown}\n`)
      expect(text).toContain(`**Further facts:** ${shown}\n`)
    }
  })

  test('begins no list, rule or title in sentences', () => {
    const text = summary(facts(), explanation({ cause: 'x\n- a\n1. b\n===\n# c\n> d\n+ e\n```\nf' }))
    expect(text).toContain(
      '**Cause:** x<br>\n\\- a<br>\n1\\. b<br>\n\\===<br>\n\\#&#8203; c<br>\n&gt; d<br>\n\\+ e<br>\n\\`\\`\\`<br>\nf\n',
    )
  })

  test('in backticks is code, whatever it is', () => {
    const text = summary(facts(), explanation({ cause: 'Add `a || <b>` to `@x`.' }))
    expect(text).toContain('**Cause:** Add <code>a &#124;&#124; &#60;b&#62;</code> to `@x`.\n')
  })

  test('cannot leave a cell of the table', () => {
    const text = summary(facts({ images: { 'a|b\nc': 'x|y`z\n| d <e>' }, logPath: '`|`' }))
    const rows = text.split('\n').filter((line) => line.startsWith('|'))
    expect(rows.map((row) => row.split(/(?<!\\)\|/).length)).toEqual(rows.map(() => 4))
    expect(rows[3]).toBe('| Image (a\\|b c) | <code>x&#124;y&#96;z &#124; d &#60;e&#62;</code> |')
  })

  test.each(['```', '````\n# x', '</details>', '~~~', '`'.repeat(9), 'a\t```text'])(
    'cannot leave a code block: %j',
    (foreign) => {
      const lines = foreign.split('\n')
      const text = summary(
        facts({ reading: reading({ tail: lines }) }),
        explanation({
          details: lines,
          facts: [],
          remedy: `x\n${lines.map((line) => `  ${line}`).join('\n')}`,
        }),
      )
      expect(blocks(text)).toEqual(
        Array.from({ length: 3 }, () => ({ language: 'text', text: `${foreign}\n` })),
      )
      expect(around(text)).not.toContain('# x')
    },
  )

  test('in a log is shown as it is, without what a terminal hides', () => {
    const tail = ['a\tb', '\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x', 'c\u0000\u202ed', '10%\r20%']
    const text = summary(facts({ reading: reading({ tail }) }), explanation({ details: [] }))
    expect(blocks(text).at(-1)?.text).toBe('a\tb\nred x\ncd\n10%\n20%\n')
  })
})

describe('size', () => {
  const MOST = 1024 * 1024
  const bytes = (text: string): number => Buffer.byteLength(text)
  const lines = (count: number, text: string): string[] =>
    Array.from({ length: count }, (_, at) => `${at} ${text}`)

  test('too much log is cut at its beginning, and says so', () => {
    const text = summary(
      facts({ reading: reading({ tail: lines(2000, 'ü'.repeat(1000)) }) }),
      explanation({ details: lines(100, 'output') }),
    )
    expect(bytes(text)).toBeLessThan(MOST)
    expect(bytes(text)).toBeGreaterThan(MOST * 0.9)
    const [output, log] = blocks(text).slice(1)
    expect(output?.text).toBe(`${lines(100, 'output').join('\n')}\n`)
    expect(log?.text).toMatch(/^… 1\d{3} lines are left out here …\n\d+ ü+\n/)
    expect(log?.text).toMatch(/\n1999 ü+\n$/)
  })

  test('too much output leaves no room for the log', () => {
    const tail = lines(50, 'x'.repeat(1000))
    const text = summary(
      facts({ reading: reading({ tail }) }),
      explanation({ details: lines(300, 'y'.repeat(5000)) }),
    )
    expect(bytes(text)).toBeLessThan(MOST)
    const [output, log] = blocks(text).slice(1)
    expect(output?.text).toMatch(/^… \d+ lines are left out here …\n/)
    expect(output?.text).toContain('\n299 y')
    expect(log?.text.split('\n').length).toBeLessThan(10)
  })

  test('of everything at its worst is small enough', () => {
    const worst = '`$|@<&'.repeat(200_000)
    const fences = lines(500, '`'.repeat(9000))
    const images = Object.fromEntries(lines(500, worst.slice(0, 900)).map((name) => [name, name]))
    const text = summary(
      facts({
        images,
        logPath: worst,
        regions: lines(500, worst.slice(0, 900)).map((name) => ({ name, replicas: 2 })),
        job: lines(500, worst).map((name) => ({ name, from: START, to: START, state: 'failed' })),
        reading: reading({ tail: fences }),
      }),
      explanation({
        headline: worst,
        cause: worst,
        remedy: worst,
        link: worst,
        facts: [worst],
        details: fences,
      }),
    )
    expect(bytes(text)).toBeLessThan(MOST)
    expect(text).toContain('| Further images | 450 |')
    expect(text).toContain('characters more)')
  })
})

describe('spans of customizers', () => {
  const steps = [{ type: 'Shell', name: 'mine' }, { type: 'Shell' }]

  test('have the log’s own times, and an end where the log has none', () => {
    const provisioners = [
      provisioner(1, { startedAt: 1000 }),
      provisioner(2, { startedAt: 3000, endedAt: 4000 }),
      provisioner(3, { startedAt: 4000 }),
    ]
    expect(stepSpans(reading({ provisioners }), steps, 9000)).toEqual([
      { name: '1 of 2: mine (shell)', from: 1000, to: 3000, state: 'done' },
      { name: '2 of 2 (shell)', from: 3000, to: 4000, state: 'done' },
      { name: 'deprovisioning, added by Image Builder (shell)', from: 4000, to: 9000, state: 'done' },
    ])
  })

  test('tell which failed, and which was running', () => {
    const [first, second] = [provisioner(1, { startedAt: 0 }), provisioner(2, { startedAt: 5 })]
    const both = [first, second]
    const states = (log: Partial<LogReading>): string[] =>
      stepSpans(reading({ provisioners: both, ...log }), steps, 9).map(({ state }) => state)
    expect(states({ failed: second })).toEqual(['done', 'failed'])
    expect(states({ running: second })).toEqual(['done', 'running'])
  })

  test('are left out where the log has no times', () => {
    expect(stepSpans(reading({ provisioners: [provisioner(1)] }), steps, 9)).toEqual([])
  })
})
