/** Whether a version may be blessed, and what to roll back to. */
import { describe, expect, test } from '@jest/globals'
import { isAtWork, judge, rollBackTarget, tagOf, type SeenVersion } from '../../src/promotion/candidate.ts'
import { BLESSED_TAGS, CANDIDATE_TAGS, region, RUNS, version } from '../support/versions.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const pipeline = { repository: 'contoso/web-app', runs: RUNS, now: NOW }
const problems = (change: Partial<SeenVersion>): string[] =>
  judge(version(change), pipeline).flatMap(({ passed, words }) => (passed ? [] : [words]))
const tags = (change: Record<string, string>): Partial<SeenVersion> => ({
  tags: { ...CANDIDATE_TAGS, ...change },
})
const EXCLUDE = '--set publishingProfile.excludeFromLatest='

describe('may be blessed, or stay so:', () => {
  test.each<[string, Partial<SeenVersion>]>([
    ['a candidate', {}],
    ['one whose repository is spelled otherwise', tags({ repository: 'Contoso/Web-App' })],
    [
      'one whose tags are spelled otherwise',
      {
        tags: Object.fromEntries(
          Object.entries(CANDIDATE_TAGS).map(([name, value]) => [name.toUpperCase(), value]),
        ),
      },
    ],
    [
      'one whose run is spelled otherwise',
      tags({ 'workflow-run-url': `${RUNS.replace('contoso', 'Contoso')}1` }),
    ],
    ['one whose end is to come', { endOfLifeDate: '2026-11-22T12:00:01Z' }],
    ['one that is blessed', { tags: BLESSED_TAGS, excludeFromLatest: false }],
    ['one that an earlier promotion is replicating', { provisioningState: 'Updating' }],
    [
      'one that an earlier promotion could not replicate',
      { provisioningState: 'Failed', regions: [region('westus2'), region('ukwest', { state: 'Failed' })] },
    ],
  ])('%s', (_, change) => {
    expect(problems(change)).toEqual([])
  })
})

describe('may not be blessed:', () => {
  test.each<[string, Partial<SeenVersion>, string]>([
    [
      'another repository’s',
      tags({ repository: 'contoso/api' }),
      "it was built by 'contoso/api', not by contoso/web-app",
    ],
    ['nobody’s', tags({ repository: '' }), "it has no tag 'repository'"],
    [
      'a run of another repository',
      tags({ 'workflow-run-url': 'https://github.com/contoso/api/actions/runs/1' }),
      'which is no run of contoso/web-app on https://github.com',
    ],
    [
      'a run on another server',
      tags({ 'workflow-run-url': 'https://github.example.com/contoso/web-app/actions/runs/1' }),
      'which is no run of contoso/web-app',
    ],
    [
      'a run that only begins like one',
      tags({ 'workflow-run-url': `${RUNS}1/../../x` }),
      'which is no run of contoso/web-app',
    ],
    ['a page of runs', tags({ 'workflow-run-url': RUNS }), 'which is no run of contoso/web-app'],
    ['no run', tags({ 'workflow-run-url': '' }), "it has no tag 'workflow-run-url'"],
    ['no commit', tags({ commit: '' }), "it has no tag 'commit'"],
    ['no build key', tags({ 'build-key': '' }), "it has no tag 'build-key'"],
    [
      'no status',
      tags({ 'image-status': '' }),
      "it has no tag 'image-status': it was not built as a candidate",
    ],
    [
      'another status',
      tags({ 'image-status': 'tested' }),
      "its tag 'image-status' is 'tested', not candidate",
    ],
    ['rejected', tags({ 'image-status': 'rejected' }), 'it was rejected: its tests failed'],
    [
      'in latest already',
      { excludeFromLatest: false },
      `not excluded from latest: whoever asks for latest may have it, untested; to exclude it: az sig image-version update`,
    ],
    [
      'rolled back',
      { tags: BLESSED_TAGS },
      'somebody rolled it back; to undo that: az sig image-version update',
    ],
    ['past its end', { endOfLifeDate: '2026-11-22T12:00:00Z' }, 'its end of life was 2026-11-22T12:00:00Z'],
    [
      'being made',
      { provisioningState: 'Creating', regions: [region('westus2', { state: 'Replicating' })] },
      "its provisioningState is 'Creating', not Succeeded",
    ],
    [
      'never made',
      { provisioningState: 'Failed', regions: [region('westus2', { state: 'Failed' })] },
      "its provisioningState is 'Failed', not Succeeded",
    ],
    [
      'being deleted',
      { provisioningState: 'Deleting' },
      "its provisioningState is 'Deleting', not Succeeded",
    ],
  ])('%s', (_, change, words) => {
    expect(problems(change)).toEqual([expect.stringContaining(words)])
  })

  test('a foreign version: all of it is told at once', () => {
    expect(problems({ tags: {}, provisioningState: 'Creating', endOfLifeDate: '2020-01-01' })).toHaveLength(7)
  })

  test('the commands do what the words say', () => {
    expect(problems({ excludeFromLatest: false })[0]).toContain(`${EXCLUDE}true`)
    expect(problems({ tags: BLESSED_TAGS })[0]).toContain(`${EXCLUDE}false`)
  })
})

describe('the roll-back target', () => {
  const inLatest = (name: string, change: Partial<SeenVersion> = {}): SeenVersion =>
    version({ name, excludeFromLatest: false, ...change })
  test.each<[string, SeenVersion[], string | undefined]>([
    ['is the highest number, not the last text', [inLatest('1.10.0'), inLatest('1.9.0')], '1.10.0'],
    ['may be higher than the candidate', [inLatest('1.0.0'), inLatest('2.0.0')], '2.0.0'],
    ['is not the candidate itself', [inLatest('1.0.0'), inLatest('1.1.0')], '1.0.0'],
    ['is not excluded', [inLatest('1.0.0'), version({ name: '1.0.1' })], '1.0.0'],
    ['is complete', [inLatest('1.0.0'), inLatest('1.0.1', { provisioningState: 'Failed' })], '1.0.0'],
    ['is in its life', [inLatest('1.0.0'), inLatest('1.0.1', { endOfLifeDate: '2026-01-01' })], '1.0.0'],
    ['may be none', [version()], undefined],
  ])('%s', (_, versions, name) => {
    expect(rollBackTarget(versions, version(), NOW)?.name).toBe(name)
  })
})

test.each<[string, Partial<SeenVersion>, boolean]>([
  ['an update', { provisioningState: 'Updating' }, true],
  ['a region that replicates on', { regions: [region('westus2', { state: 'Replicating' })] }, true],
  ['a region of which nothing is known', { regions: [region('westus2', { state: 'Unknown' })] }, true],
  ['an end', {}, false],
  ['a failure', { provisioningState: 'Failed', regions: [region('westus2', { state: 'Failed' })] }, false],
])('Azure is at work: %s', (_, change, atWork) => {
  expect(isAtWork(version(change))).toBe(atWork)
})

test('a tag is found however its name is spelled', () => {
  expect(tagOf({ tags: { 'Image-Status': 'blessed' } }, 'image-status')).toBe('blessed')
  expect(tagOf({ tags: {} }, 'image-status')).toBe('')
})
