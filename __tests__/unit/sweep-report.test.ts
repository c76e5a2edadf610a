/** What a sweep tells: foreign text in it stays text, and commands do what they say. */
import { describe, expect, test } from '@jest/globals'
import { AzureError } from '../../src/errors.ts'
import { failureText } from '../../src/sweeping/sweep-away.ts'
import {
  commandOf,
  emptySweepReport,
  lineOf,
  sweepOutputs,
  type Finding,
} from '../../src/sweeping/sweep-report.ts'
import { sweepSummary } from '../../src/sweeping/sweep-summary.ts'
import { resourceIdIn } from '../support/factories.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const HOUR = 60 * 60_000
const judged = {
  origin: { repository: 'contoso/web-app', runId: '4711', runAttempt: '2' },
  since: NOW - 30.26 * HOUR,
  reason: 'no build of its run is under way',
  result: 'would-delete',
} as const

function template(overrides: Partial<Finding> = {}, group = 'builds'): Finding {
  const thing = {
    id: resourceIdIn(group, 'Microsoft.VirtualMachineImages/imageTemplates', 't_1_ab'),
    name: 't_1_ab',
    tags: {},
    provisioningState: 'Succeeded',
    stagingResourceGroup: '/subscriptions/s/resourceGroups/IT_builds_t_1_ab_x',
  }
  return { ...judged, kind: 'template', thing, ...overrides } as Finding
}

function blob(name: string, overrides: Partial<Finding> = {}): Finding {
  const thing = { account: 'artifacts', name, metadata: {}, lastModified: NOW, etag: '"0x1"' }
  return { ...judged, kind: 'blob', thing, ...overrides } as Finding
}

test.each<[string, number | undefined, string]>([
  ['minutes', NOW - 0.5 * HOUR, '30 min old'],
  ['hours', NOW - 71 * HOUR, '71 h old'],
  ['days', NOW - 72 * HOUR, '3 days old'],
  ['a clock that is ahead', NOW + HOUR, '0 min old'],
  ['nothing', undefined, 'age unknown'],
])('an age in %s', (_, since, words) => {
  const finding = template()
  delete finding.since
  expect(lineOf(since === undefined ? finding : { ...finding, since }, NOW)).toContain(words)
})

test('a line says where, how old, whose and why', () => {
  expect(lineOf(template(), NOW)).toBe(
    'template t_1_ab in builds, 30 h old, contoso/web-app run 4711 attempt 2, no build of its run is under way; its staging group is IT_builds_t_1_ab_x',
  )
})

test('a resource group or blob of any name is one word of the command', () => {
  expect(commandOf(template({}, "it's (mine)"))).toContain(String.raw`--resource-group 'it'\''s (mine)' `)
  expect(commandOf(blob("a $(touch x) 'b'"))).toMatch(
    / --container-name imagebuilder-vststask --name 'a \$\(touch x\) '\\''b'\\'''$/,
  )
})

test('outputs count what came to which end', () => {
  const results = ['deleted', 'deleted', 'kept', 'failed', 'gone', 'not-reached'] as const
  const found = results.map((result) => blob('a', { result }))
  const outputs = sweepOutputs({ ...emptySweepReport(), now: NOW, found, kept: [template()] })
  expect(outputs).toMatchObject({ templates: '[]', deleted: '2', kept: '2', failed: '1' })
  expect(JSON.parse(outputs['blobs'] ?? '')).toHaveLength(6)
  const { json = '', ...others } = outputs
  expect(JSON.parse(json)).toEqual(others)
})

test('an entry of the outputs has what a script needs', () => {
  const found = [blob('a/b.zip', { result: 'failed', error: 'Locked' })]
  const { blobs = '' } = sweepOutputs({ ...emptySweepReport(), now: NOW, found })
  expect(JSON.parse(blobs)).toEqual([
    {
      name: 'a/b.zip',
      storageAccount: 'artifacts',
      container: 'imagebuilder-vststask',
      repository: 'contoso/web-app',
      runId: '4711',
      runAttempt: '2',
      since: '2026-11-20T05:44:24.000Z',
      ageHours: 30.2,
      reason: 'no build of its run is under way',
      result: 'failed',
      error: 'Locked',
    },
  ])
})

describe('the summary', () => {
  const NASTY = '<b>|`x` @octocat #1 [a](https://x.test) **y** \n| --- |\u202e'

  test('takes no name for markup', () => {
    const found = [
      blob(NASTY, { origin: { repository: NASTY, runId: NASTY, runAttempt: NASTY }, error: NASTY }),
    ]
    const text = sweepSummary({ ...emptySweepReport(), now: NOW, scope: NASTY, found })
    const rows = text.split('\n').filter((line) => line.startsWith('| blob'))
    expect(rows).toHaveLength(1)
    expect(rows[0]?.match(/\|/g)).toHaveLength(6)
    expect(text).not.toMatch(/<b>|@octocat|#1 |\]\(|`x`|\*\*|\u202e|https:\/\//)
  })

  test('stays within what GitHub takes', () => {
    const found = Array.from({ length: 5000 }, () => blob('|'.repeat(1024), { error: '|'.repeat(5000) }))
    const text = sweepSummary({ ...emptySweepReport(), now: NOW, found, kept: found })
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024)
    expect(text).toContain('… and 4900 more')
  })
})

test('what fails in the same way is told once, with all that it happened to', () => {
  const refused = (name: string, code: string): AzureError =>
    new AzureError({ doing: `deleting image template ${name}`, status: 403, code, message: `No ${name}.` })
  const failure = (name: string, code = 'Denied'): Parameters<typeof failureText>[0][number] => ({
    what: `template ${name}`,
    fate: 'was not deleted',
    error: refused(name, code),
  })
  const many = Array.from({ length: 25 }, (_, index) => failure(`m${index}`))
  const lines = failureText([failure('a'), failure('b', 'Locked'), failure('c'), ...many]).split('\n')
  expect(lines.filter((line) => line.includes(' was not deleted: '))).toEqual([
    'Template a was not deleted: Failed while deleting image template a: Denied (HTTP 403): No a.',
    'Template b was not deleted: Failed while deleting image template b: Locked (HTTP 403): No b.',
  ])
  expect(lines.filter((line) => line.startsWith('The same happened to '))).toEqual([
    expect.stringMatching(/^The same happened to template c, template m0, .*template m18 and 6 more\.$/),
  ])
})
