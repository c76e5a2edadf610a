/** Why an image was built anew, in words. */
import { describe, expect, test } from '@jest/globals'
import { emptyReport, type BuildReport } from '../../src/report.ts'
import { changeLines } from '../../src/reuse-report.ts'
import { summary } from '../../src/summary.ts'
import { marketplaceImage } from '../support/factories.ts'

const SOURCE = 'Canonical:ubuntu-24_04-lts:server:24.04.202609010'
const NONE = { template: [], added: [], removed: [], changed: [] }

/** A build that was compared with version 1.0.0. */
function report(changes: Partial<NonNullable<BuildReport['changes']>> = {}): BuildReport {
  return {
    ...emptyReport(),
    sourceImage: marketplaceImage({ version: '24.04.202609010' }),
    changes: { since: '1.0.0', source: SOURCE, parts: NONE, ...changes },
  }
}

const lines = (changes: Partial<NonNullable<BuildReport['changes']>>): string[] =>
  changeLines(report(changes)).map(({ what, names }) => `${what}: ${names}`)

describe('what changed', () => {
  test('is told of source, template and artifact', () => {
    const source = 'Canonical:ubuntu-24_04-lts:server:24.04.202608010'
    const parts = { template: ['vmProfile'], added: ['a', 'b'], removed: ['c'], changed: ['d'] }
    expect(lines({ source, parts })).toEqual([
      `source: ${source} → ${SOURCE}`,
      'template: vmProfile',
      'added to the artifact: a, b',
      'removed from the artifact: c',
      'changed in the artifact: d',
    ])
  })

  test('is told of twenty names, and how many there are more', () => {
    const added = Array.from({ length: 25 }, (_, index) => `f${index}`)
    expect(lines({ parts: { ...NONE, added } })).toEqual([
      `added to the artifact: ${added.slice(0, 20).join(', ')}, … and 5 more`,
    ])
  })

  test.each<[string, Partial<NonNullable<BuildReport['changes']>>, string]>([
    [
      'the same is there and does not count',
      { notTaken: 'it is excluded from latest' },
      'the same, but not taken: it is excluded from latest',
    ],
    ['the record does not name it', {}, 'template: in a part that its record does not name'],
  ])('is told when %s', (_, changes, expected) => {
    expect(lines(changes)).toEqual([expected])
  })

  test('is not known without a record', () => {
    expect(changeLines({ ...report(), changes: { since: '1.0.0', source: SOURCE } })).toEqual([
      { what: 'unknown', names: 'that version has no record of its parts' },
    ])
  })

  test('of nothing is nothing', () => {
    expect(changeLines(emptyReport())).toEqual([])
  })
})

describe('the summary', () => {
  const times = { startedAt: 0, endedAt: 1000 }

  test('makes no markup of names, and no link of what is no run', () => {
    const parts = { ...NONE, added: ['a|b', '<img src=x>', '@octocat'] }
    const text = summary({ ...report({ parts, run: 'https://evil.example/' }), ...times })
    expect(text).toContain('| added to the artifact | a\\|b, &lt;img src=x&gt;, @&#8203;octocat |')
    expect(text).not.toContain('<https://evil.example/>')
  })

  test('says who built the image that was taken, and where it was added', () => {
    const run = 'https://github.com/octo/app/actions/runs/7'
    const text = summary({
      ...emptyReport(),
      skipped: true,
      reused: { run, commit: 'abc', startedAt: '2026-11-01T00:00:00.000Z', added: ['westus2'] },
      ...times,
    })
    expect(text).toContain(`| Built by | <${run}>, commit \`abc\`, \`2026-11-01T00:00:00.000Z\` |`)
    expect(text).toContain('| Regions added | westus2 |')
  })
})
