/** What the inputs of `promote` mean, and which are mistakes. */
import { describe, expect, test } from '@jest/globals'
import { readPromoteInputs, type PromoteRequest } from '../../src/promotion/promote-inputs.ts'
import {
  DEFINITION_ID,
  problemsOf,
  rawInputs,
  resourceId,
  SHARED_VERSION_ID,
  SUBSCRIPTION,
  VERSION_ID,
} from '../support/factories.ts'

const NOW = Date.parse('2026-11-22T13:14:15Z')
const VALID = { 'image-version-id': VERSION_ID, 'tests-result': 'success', 'subscription-id': '' }
const read = (given: Record<string, string> = {}): PromoteRequest =>
  readPromoteInputs(rawInputs({ ...VALID, ...given }), NOW)
const problems = (given: Record<string, string>): string[] => problemsOf(() => read(given))

test('the least that blesses', () => {
  expect(read()).toMatchObject({
    operation: 'bless',
    imageVersionId: VERSION_ID,
    testsResult: 'success',
    regions: [],
    imageTags: {},
    pollIntervalSeconds: 10,
    repository: 'contoso/web-app',
    runs: 'https://github.com/contoso/web-app/actions/runs/',
    run: 'https://github.com/contoso/web-app/actions/runs/4711',
  })
  expect(read()).not.toHaveProperty('endOfLife')
})

describe('image-version-id', () => {
  test.each([VERSION_ID, `${VERSION_ID}/`, VERSION_ID.toUpperCase().replace('/VERSIONS/', '/versions/')])(
    'may be %s',
    (id) => {
      expect(read({ 'image-version-id': id }).imageVersionId).toBe(id.replace(/\/$/, ''))
    },
  )

  test.each([
    ['', 'is required and was not given.'],
    [DEFINITION_ID, 'is the ID of a gallery image definition; give that of a gallery image version.'],
    [
      `${DEFINITION_ID}/versions/latest`,
      "names the version 'latest', which means another image from one day to the next; give an exact version, x.y.z.",
    ],
    [`${DEFINITION_ID}/versions/1.2`, "names the version '1.2'; give an exact version, x.y.z."],
    [
      resourceId('Microsoft.Compute/images', 'web'),
      'is the ID of a managed image; give that of a gallery image version.',
    ],
    [SHARED_VERSION_ID, 'is not the resource ID of a gallery image version'],
    ['1.2.3', 'is not the resource ID of a gallery image version'],
  ])('is not %s', (id, words) => {
    expect(problems({ 'image-version-id': id })).toEqual([expect.stringContaining(words)])
  })

  test('is in the subscription that is given, if one is', () => {
    expect(read({ 'subscription-id': SUBSCRIPTION.toUpperCase() })).toBeDefined()
    const other = '99999999-2222-3333-4444-555555555555'
    expect(problems({ 'subscription-id': other })).toEqual([
      `subscription-id: '${other}' is not the subscription of image-version-id, ${SUBSCRIPTION}.`,
    ])
  })
})

describe('tests-result', () => {
  test.each(['success', 'failure', 'cancelled', 'skipped'])('may be %s', (result) => {
    expect(read({ 'tests-result': result }).testsResult).toBe(result)
  })

  test('must be given to bless, and is nothing to a check', () => {
    expect(problems({ 'tests-result': '' })).toEqual([
      expect.stringContaining('tests-result: is required to bless'),
    ])
    expect(problems({ 'tests-result': 'passed' })).toEqual([
      expect.stringContaining("'passed' is not one of success, failure"),
    ])
    expect(read({ operation: 'check', 'tests-result': '' })).not.toHaveProperty('testsResult')
  })
})

describe('end-of-life-date', () => {
  test.each([
    ['2027-12-31', '2027-12-31T00:00:00.000Z', false],
    ['2028-02-29', '2028-02-29T00:00:00.000Z', false],
    ['1d', '2026-11-23T00:00:00.000Z', true],
    ['90d', '2027-02-20T00:00:00.000Z', true],
  ])('may be %s', (given, date, relative) => {
    expect(read({ 'end-of-life-date': given }).endOfLife).toEqual({ date, relative })
  })

  test.each([
    '2027-02-30',
    '2027-13-01',
    '31.12.2027',
    '2027-12-31T00:00:00Z',
    '0d',
    '3651d',
    '90 days',
    '-1d',
  ])('is not %s', (given) => {
    expect(problems({ 'end-of-life-date': given })).toEqual([
      expect.stringContaining('is neither a date, such as 2027-12-31, nor days from now'),
    ])
  })

  test.each(['2026-11-22', '2020-01-01'])('is not past: %s', (given) => {
    expect(problems({ 'end-of-life-date': given })).toEqual([
      `end-of-life-date: '${given}' is not in the future.`,
    ])
  })
})

describe('replication-regions', () => {
  test('are written as for a build', () => {
    expect(
      read({ 'replication-regions': 'West US 2=3:standard_zrs, northeurope\nukwest=2' }).regions,
    ).toEqual([
      { name: 'westus2', replicaCount: 3, storageAccountType: 'Standard_ZRS' },
      { name: 'northeurope' },
      { name: 'ukwest', replicaCount: 2 },
    ])
  })

  test.each([
    ['ukwest=0', "'ukwest=0' is not region, region=replicas"],
    ['ukwest, UK West', "'ukwest' stands there twice."],
  ])('are not %s', (given, words) => {
    expect(problems({ 'replication-regions': given })).toEqual([expect.stringContaining(words)])
  })
})

test('tags that tell where an image comes from are not for users', () => {
  expect(
    problems({
      'image-tags': 'release=7\nRepository=contoso/api\nimage-status=blessed\nprevious-version=1.0.0',
    }),
  ).toEqual(
    ['Repository', 'image-status', 'previous-version'].map(
      (name) => `image-tags: '${name}' is set by the build and by the promotion alone.`,
    ),
  )
})

test('every mistake is told at once', () => {
  const given = {
    operation: 'promote',
    'image-version-id': DEFINITION_ID,
    'tests-result': 'yes',
    'end-of-life-date': 'soon',
    'client-id': 'me',
    'replication-regions': '=1',
    'image-tags': 'x',
    'poll-interval-seconds': '0',
    summary: 'maybe',
  }
  expect(problems(given).map((problem) => problem.split(':')[0])).toEqual(Object.keys(given))
})

test('outside a workflow run nothing is anybody’s', () => {
  const raw = rawInputs(VALID)
  const bare = { ...raw, workflowRun: { ...raw.workflowRun, repository: '' } }
  expect(problemsOf(() => readPromoteInputs(bare, NOW))).toEqual([
    'environment variable GITHUB_REPOSITORY: is not set: this is no workflow run.',
  ])
})
