/** Where the image of a failed run can be used, and what is said of it. */
import { describe, expect, test } from '@jest/globals'
import { BuildFailedError } from '../../src/errors.ts'
import { explain } from '../../src/explanation.ts'
import { replicationOf } from '../../src/repair.ts'
import { emptyReport } from '../../src/report.ts'
import { beginOf, endOf } from '../../src/run-status.ts'
import { VERSION_ID } from '../support/factories.ts'
import { region, version } from '../support/versions.ts'

describe('a version', () => {
  test('can be used where it is complete, and lacks every other region that is asked for', () => {
    const seen = version({
      regions: [
        region('westus2'),
        region('eastus', { state: 'Failed', details: 'no room' }),
        region('northeurope', { state: 'Replicating' }),
      ],
    })
    expect(replicationOf(seen, [{ name: 'westus2' }, { name: 'westeurope' }])).toEqual({
      usable: ['westus2'],
      lacking: [
        { name: 'eastus', state: 'Failed', details: 'no room' },
        { name: 'northeurope', state: 'Replicating' },
        { name: 'westeurope', state: 'missing' },
      ],
    })
  })

  test('of a failed run is told with its regions, and how it gets them', () => {
    const replication = [
      {
        runOutputName: 'image',
        id: VERSION_ID,
        usable: ['westus2'],
        lacking: [{ name: 'eastus', state: 'Failed', details: 'no room' }],
      },
    ]
    const error = new BuildFailedError('The run of image template t_1 ended with Failed: x')
    const { facts } = explain(error, { ...emptyReport(), images: { image: VERSION_ID }, replication })
    expect(facts.join('\n')).toContain(
      `Image made all the same, by image; it can be used in westus2: ${VERSION_ID}`,
    )
    expect(facts.join('\n')).toContain(
      "It lacks eastus (Failed: no room). Run this job again with 'retry-replication: true'",
    )
  })

  test('that nothing is known of is told as before', () => {
    const { facts } = explain(new BuildFailedError('x'), { ...emptyReport(), images: { image: VERSION_ID } })
    expect(facts.join('\n')).toContain(`it may be usable: ${VERSION_ID}`)
    expect(facts.join('\n')).not.toContain('It lacks')
  })
})

test('how a run ended, and when it began, is told of one that is over', () => {
  expect(endOf({ runState: 'Succeeded', message: '' })).toEqual({ state: 'Succeeded', message: '' })
  expect(endOf({ runState: 'Running' })).toBeUndefined()
  expect(endOf(undefined)).toBeUndefined()
  expect(beginOf({ startTime: '2026-11-22T08:56:16.129602134Z' })).toEqual({
    startedAt: Date.parse('2026-11-22T08:56:16.129Z'),
  })
  expect(beginOf({})).toEqual({})
})
