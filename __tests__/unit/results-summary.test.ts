import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { BuildResult } from '../../src/matrix/build-results.ts'
import { explain } from '../../src/explanation.ts'
import { FAILURES } from '../../src/failures.ts'
import { emptyReport } from '../../src/report.ts'
import { anchor, resultLines, resultsSummary, troubleshootingUrl } from '../../src/matrix/results-summary.ts'
import { VERSION_ID } from '../support/factories.ts'

const DOCUMENT = 'https://github.com/org/aib-action/blob/v1/docs/troubleshooting.md'

function result(change: Partial<BuildResult> = {}): BuildResult {
  return {
    name: 'web-eastus',
    image: 'web',
    location: 'eastus',
    result: 'succeeded',
    'image-uri': VERSION_ID,
    'image-version': '1.2.3',
    source: 'Canonical:ubuntu:server:1',
    minutes: 20.1,
    ...change,
  }
}
const FAILED = result({
  image: 'db',
  result: 'failed',
  'image-uri': '',
  'failure-code': 'missing-permission',
})
delete FAILED['image-uri']
delete FAILED['image-version']

const summary = (results: BuildResult[], refused: string[] = []): string =>
  resultsSummary({ results, refused, troubleshooting: DOCUMENT })

test('the summary has a row a build', () => {
  const missing: BuildResult = { name: 'own', image: 'own', result: 'missing' }
  expect(summary([result(), FAILED, missing])).toBe(`## Azure VM images

1 succeeded, 1 failed, 1 missing.

| Image | Location | Result | Version | Source | Minutes | Failure code |
| --- | --- | --- | --- | --- | --- | --- |
| web | eastus | ✅ succeeded | 1.2.3 | Canonical:ubuntu:server:1 | 20.1 |  |
| db | eastus | ❌ failed |  | Canonical:ubuntu:server:1 | 20.1 | [missing-permission](${DOCUMENT}#the-signed-in-identity-lacks-a-right) |
| own |  | ❔ missing |  |  |  |  |
`)
})

test('the log has the same in columns', () => {
  expect(resultLines([result(), FAILED])).toEqual([
    'Image  Location  Result     Version  Source                     Minutes  Failure code',
    'web    eastus    succeeded  1.2.3    Canonical:ubuntu:server:1  20.1',
    'db     eastus    failed              Canonical:ubuntu:server:1  20.1     missing-permission',
    '1 succeeded, 1 failed.',
  ])
})

test.each([
  ['a code that is not known', { 'failure-code': 'new-thing' }, DOCUMENT, '| new-thing |'],
  ['a code without a section', { 'failure-code': 'unknown' }, DOCUMENT, '| unknown |'],
  ['no document', { 'failure-code': 'missing-permission' }, undefined, '| missing-permission |'],
])('%s is no link', (_, change, troubleshooting, cell) => {
  const text = resultsSummary({ results: [result(change)], refused: [], troubleshooting })
  expect(text).toContain(cell)
  expect(text).not.toContain('](')
})

test.each([
  ['a managed image by its name', { 'image-uri': '/subscriptions/1/images/web-1' }, 'web-1'],
  ['a VHD by its name', { 'image-uri': 'https://a.blob.core.windows.net/vhds/x.vhd' }, 'x.vhd'],
  ['a source by the end of its ID', { source: VERSION_ID }, 'web/versions/1.2.3'],
])('the log names %s', (_, change, name) => {
  const one = result(change)
  delete one['image-version']
  expect(resultLines([one])[1]?.split(/ {2,}/)).toContain(name)
})

describe('foreign text', () => {
  const NASTY = '</td>|\n::error::x\u202e <img src=x> [a](b) `c` @octocat #1 https://x.example ${{ x }}'

  test('stays text in the summary, wherever it stands', () => {
    const text = summary([result({ source: NASTY, 'failure-code': NASTY, 'image-version': NASTY })], [NASTY])
    const lines = text.split('\n')
    expect(lines.filter((line) => line.startsWith('|'))).toHaveLength(3)
    expect(lines[6]?.match(/\|/g)).toHaveLength(8)
    const foreign = lines
      .slice(6)
      .join('')
      .replaceAll(/&#\d+;/g, '')
    expect(foreign).not.toMatch(/[<>[\]`@#\u202e$/]/)
  })

  test('has one line in the log', () => {
    const lines = resultLines([result({ source: NASTY })])
    expect(lines).toHaveLength(3)
    expect(lines.join('')).not.toMatch(/[\u202e\n]/)
  })

  test('is cut when it has no end', () => {
    const all = Array.from({ length: 256 }, () =>
      result({
        source: '<'.repeat(4000),
        'failure-code': '<'.repeat(256),
        image: '_'.repeat(256),
        'image-version': '<'.repeat(4000),
      }),
    )
    const refused = all.map(() => '<'.repeat(4000))
    expect(Buffer.byteLength(summary(all, refused))).toBeLessThan(1024 * 1024)
  })
})

test('a failure, and records that do not count, are told', () => {
  const facts = { results: [], refused: ['build-record.images.a.1 is no record.'], troubleshooting: DOCUMENT }
  const text = resultsSummary(facts, explain(new Error('Failed while listing.'), emptyReport()))
  expect(text).toBe(
    '## Azure VM images\n\n❌ Failed while listing.\n\nNo builds.\n\n- build-record.images.a.1 is no record.\n',
  )
})

test('every anchor is one of docs/troubleshooting.md', () => {
  const file = path.join(import.meta.dirname, '..', '..', 'docs', 'troubleshooting.md')
  const listed = new Set(
    [...readFileSync(file, 'utf8').matchAll(/\]\(#([^)]+)\): `([a-z-]+)`/g)].map(
      ([, at, id]) => `${id ?? ''} ${at ?? ''}`,
    ),
  )
  const linked = FAILURES.filter(({ cause }) => cause !== '').map(({ id, title }) => `${id} ${anchor(title)}`)
  expect(linked.filter((one) => !listed.has(one))).toEqual([])
})

test.each([
  [
    {
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_ACTION_REPOSITORY: 'org/aib-action',
      GITHUB_ACTION_REF: 'v1',
    },
    DOCUMENT,
  ],
  [
    { GITHUB_SERVER_URL: 'https://github.com', GITHUB_ACTION_REPOSITORY: '', GITHUB_ACTION_REF: '' },
    undefined,
  ],
  [{}, undefined],
])('the document is that of the action that runs: %j', (env: Record<string, string>, expected) => {
  expect(troubleshootingUrl((name) => env[name])).toBe(expected)
})
