/** What a promotion tells: outputs, lines, failures, summary. */
import { describe, expect, test } from '@jest/globals'
import { AzureError, CancelledError, InputError } from '../../src/errors.ts'
import {
  cancelledWords,
  emptyPromoteReport,
  explainPromotion,
  progressLines,
  PromotionError,
  promoteOutputs,
  replicationFailure,
  type PromoteReport,
} from '../../src/promotion/promote-report.ts'
import { promoteSummary } from '../../src/promotion/promote-summary.ts'
import { DEFINITION_ID, SUBSCRIPTION } from '../support/factories.ts'
import { BLESSED_TAGS, region, version } from '../support/versions.ts'

const COMMAND = `az sig image-version update --gallery-name gallery --gallery-image-definition web --gallery-image-version 1.1.0 --resource-group 'images' --subscription ${SUBSCRIPTION} --set publishingProfile.excludeFromLatest=true`
const blessed = (change: Partial<PromoteReport> = {}): PromoteReport => ({
  ...emptyPromoteReport(),
  version: version({
    tags: BLESSED_TAGS,
    excludeFromLatest: false,
    regions: [region('westus2'), region('ukwest')],
  }),
  checks: [{ passed: true, words: 'it was built by contoso/web-app' }],
  previous: '1.0.0',
  result: 'blessed',
  ...change,
})

describe('outputs', () => {
  test('of a blessing', () => {
    const { json, ...outputs } = promoteOutputs(blessed())
    expect(outputs).toEqual({
      'image-uri': `${DEFINITION_ID}/versions/1.1.0`,
      'image-version': '1.1.0',
      'image-status': 'blessed',
      result: 'blessed',
      'previous-version': '1.0.0',
      'previous-image-uri': `${DEFINITION_ID}/versions/1.0.0`,
      regions: '["westus2","ukwest"]',
      'roll-back-command': COMMAND,
      'failure-code': '',
    })
    expect(JSON.parse(json ?? '')).toEqual(outputs)
  })

  test('of a candidate name no way back, as it went nowhere', () => {
    expect(promoteOutputs(blessed({ version: version() }))['roll-back-command']).toBe('')
  })

  test('are empty where nothing is known', () => {
    const { json, ...outputs } = promoteOutputs(emptyPromoteReport())
    expect(new Set(Object.values(outputs))).toEqual(new Set(['']))
    expect(json).not.toBe('')
  })
})

test('a region is told when it stands otherwise than before, and not at all when it was complete from the beginning', () => {
  const seen = new Map<string, string>()
  const looks = [
    { state: 'Replicating', progress: 0 },
    { state: 'Replicating', progress: 0 },
    { state: 'Replicating', progress: 60 },
    { state: 'Failed' },
    { state: 'Completed' },
    { state: 'Completed' },
  ]
  const lines = looks.map((look) =>
    progressLines(version({ regions: [region('westus2'), region('ukwest', look)] }), seen),
  )
  expect(lines).toEqual([
    ['  ukwest: replicating, 0 %'],
    [],
    ['  ukwest: replicating, 60 %'],
    ['  ukwest: failed'],
    ['  ukwest: completed'],
    [],
  ])
})

test('a replication that failed names regions, reasons and the command that takes them out', () => {
  const regions = [
    region('westus2'),
    region('ukwest', { state: 'Failed', details: 'no room' }),
    region('ukeast', { state: 'Failed' }),
  ]
  const { message, code } = replicationFailure(version({ regions }))
  expect(code).toBe('replication-failed')
  expect(message.split('\n')).toEqual([
    'Version 1.1.0 was not replicated to ukwest, ukeast. It is not blessed, and stays excluded from latest.',
    '- ukwest: no room',
    '- ukeast: Azure gave no reason',
    expect.stringContaining('What to do: run this step again'),
    expect.stringMatching(
      /^ {2}az sig image-version update .* --allow-replicated-location-deletion true --target-regions 'westus2=1=standard_lrs'$/,
    ),
  ])
})

test.each<[PromoteReport['doing'], string]>([
  [undefined, 'The workflow was cancelled. Nothing was changed.'],
  ['replicating', 'Azure goes on replicating version 1.1.0 to ukwest. It is not blessed.'],
  ['blessing', 'Azure may have taken the change all the same'],
  ['rejecting', 'Azure may have taken the change all the same'],
])('a cancel while %s', (doing, words) => {
  expect(cancelledWords(blessed({ ...(doing === undefined ? {} : { doing }), added: ['ukwest'] }))).toContain(
    words,
  )
})

test.each<[string, Error, string, RegExp]>([
  [
    'its own failure',
    new PromotionError('tests-failed', 'The tests failed.'),
    'tests-failed',
    /^The tests failed\.$/,
  ],
  ['a cancel', new CancelledError(), 'cancelled', /Nothing was changed\.$/],
  [
    'a mistake',
    new InputError([{ input: 'operation', message: 'is wrong.' }]),
    'invalid-input',
    /operation: is wrong/,
  ],
  [
    'a refusal of Azure',
    new AzureError({
      doing: 'updating',
      status: 403,
      code: 'AuthorizationFailed',
      message: "may not perform action 'x/write' over scope '/y'",
    }),
    'missing-permission',
    /AuthorizationFailed/,
  ],
])('the failure code of %s', (_, error, id, headline) => {
  const explanation = explainPromotion(error, emptyPromoteReport())
  expect(explanation).toMatchObject({ id, headline: expect.stringMatching(headline) })
  // What to do stands in its own words, or in the catalogue.
  expect(explanation.advice.length > 0).toBe(error instanceof AzureError)
})

describe('the summary', () => {
  test('of a blessing', () => {
    const summary = promoteSummary(blessed())
    for (const words of [
      '## Promotion of image version 1.1.0',
      '**✅ blessed**',
      '| Status | blessed |',
      '| In latest | yes |',
      '| Regions | westus2, ukwest |',
      '| Previous version | 1.0.0 |',
      '### What was checked',
      '- ✅ it was built by contoso&#47;web-app',
    ])
      expect(summary).toContain(words)
    expect(summary).toContain('<code>az sig image-version update --gallery-name gallery')
  })

  test('of a failure before anything was seen', () => {
    const error = new PromotionError('not-a-candidate', 'It is wrong.')
    const report = { ...emptyPromoteReport(), imageVersionId: version().id }
    const summary = promoteSummary(report, explainPromotion(error, report))
    expect(summary).toContain('## Promotion of image version 1.1.0\n\n**❌ not blessed**\n\nIt is wrong.')
    expect(summary).not.toContain('What was checked')
  })

  test('holds no markup of others', () => {
    const nasty = '@all | <img src=x> `a` **b** [c](d)\n# e'
    const seen = version({ tags: { 'image-status': nasty }, endOfLifeDate: nasty })
    const report = blessed({ version: seen, checks: [{ passed: false, words: nasty }] })
    const summary = promoteSummary(
      report,
      explainPromotion(new PromotionError('tests-failed', nasty), report),
    )
    expect(summary).not.toMatch(/@all|<img|`a`|\*\*b|\[c\]|^# e/m)
  })
})
