import { describe, expect, test } from '@jest/globals'
import {
  customizationLogLocation,
  type LastRunStatus,
  type RunSighting,
  runStatus,
  type RunStatus,
} from '../../src/run-status.ts'

const [BEFORE, NOW] = ['2026-11-01T08:00:00Z', '2026-11-21T10:00:00Z']
const failed = { status: 'Failed', error: { code: 'PackerBuildFailed', message: 'exit status 1' } }
const under = (phase: string, operationEnded = false): RunStatus => ({ ended: false, phase, operationEnded })
const over = (
  state: 'Succeeded' | 'PartiallySucceeded' | 'Failed' | 'Canceled',
  message = '',
): RunStatus => ({
  ended: true,
  state,
  message,
})
const template = (runState: string, more: object = {}): LastRunStatus => ({
  startTime: NOW,
  runState,
  message: '',
  ...more,
})

describe('while the operation is not final', () => {
  const cases: [string, RunSighting, RunStatus][] = [
    ['nothing could be read', {}, under('Queued')],
    ['the template shows no run yet', { operation: { status: 'InProgress' } }, under('Queued')],
    ['queued', { template: template('Running', { runSubState: 'Queued' }) }, under('Queued')],
    ['building', { template: template('Running', { runSubState: 'Building' }) }, under('Building')],
    ['a phase without a name', { template: template('Running') }, under('Running')],
    [
      'being cancelled',
      { template: template('Canceling', { message: 'Canceling image build' }) },
      under('Canceling'),
    ],
    [
      'being cancelled, while the sub-state is still that of before',
      { template: template('Canceling', { runSubState: 'Customizing' }) },
      under('Canceling'),
    ],
    ['a status without a state', { template: { startTime: NOW } }, under('Running')],
    [
      "the previous run's success is still shown",
      { template: template('Succeeded', { startTime: BEFORE }), operation: { status: 'InProgress' } },
      under('Queued'),
    ],
    [
      "the previous run's failure is still shown, and this one's operation has ended",
      { template: template('Failed', { startTime: BEFORE }), operation: { status: 'Succeeded' } },
      under('Queued', true),
    ],
    ['a status without a start', { template: { runState: 'Succeeded' } }, under('Queued')],
    [
      'the operation ended first',
      { template: template('Running', { runSubState: 'Distributing' }), operation: { status: 'Succeeded' } },
      under('Distributing', true),
    ],
    [
      'the template could not be read, and the operation failed',
      { operation: failed },
      under('Queued', true),
    ],
    [
      'the template ended first',
      { template: template('Succeeded'), operation: { status: 'InProgress' } },
      over('Succeeded'),
    ],
    [
      'both ended',
      { template: template('Succeeded'), operation: { status: 'Succeeded' } },
      over('Succeeded'),
    ],
    [
      'some distributors failed, while the operation succeeded',
      {
        template: template('PartiallySucceeded', { message: 'one of two' }),
        operation: { status: 'Succeeded' },
      },
      over('PartiallySucceeded', 'one of two'),
    ],
    ['cancelled', { template: template('Canceled'), operation: { status: 'InProgress' } }, over('Canceled')],
    [
      "failed: the template's words come first",
      { template: template('Failed', { message: 'the template says' }), operation: failed },
      over('Failed', 'the template says'),
    ],
    [
      "failed without a word: the operation's",
      { template: template('Failed'), operation: failed },
      over('Failed', 'PackerBuildFailed: exit status 1'),
    ],
    ['failed without any word', { template: template('Failed', { message: undefined }) }, over('Failed')],
  ]
  test.each(cases)('%s', (_, sighting, expected) => {
    expect(runStatus(sighting, BEFORE, false)).toEqual(expected)
  })
})

describe('when the template has had its time', () => {
  const cases: [string, RunSighting, RunStatus][] = [
    ["the operation's success counts", { operation: { status: 'Succeeded' } }, over('Succeeded')],
    [
      "and its failure, with the previous run's status in the template",
      { template: template('Succeeded', { startTime: BEFORE }), operation: failed },
      over('Failed', 'PackerBuildFailed: exit status 1'),
    ],
    [
      'the template still has the last word',
      { template: template('PartiallySucceeded'), operation: { status: 'Succeeded' } },
      over('PartiallySucceeded'),
    ],
    ['an operation under way ends nothing', { operation: { status: 'InProgress' } }, under('Queued')],
  ]
  test.each(cases)('%s', (_, sighting, expected) => {
    expect(runStatus(sighting, BEFORE, true)).toEqual(expected)
  })
})

test("a template's first run has no run before it", () => {
  expect(runStatus({ template: template('Succeeded') }, undefined, false)).toEqual(over('Succeeded'))
})

describe('where the customization log lies', () => {
  const log = '3e9f77e1-0000-4000-8000-0123456789ab/customization.log'
  const group = '/subscriptions/s/resourceGroups/IT_g_t_x/providers/Microsoft.Storage'
  test.each([
    [
      'old wording',
      `Packer build command has failed: exit status 1. Image Build log location: https://abc123.blob.core.windows.net/packerlogs/${log}. OperationId: x. Use this operationId.`,
      { account: 'abc123', blob: log },
    ],
    [
      'old wording in another cloud',
      `Image build log location: https://abc123.blob.core.usgovcloudapi.net/packerlogs/${log}.`,
      { account: 'abc123', blob: log },
    ],
    [
      'present wording',
      `During the image build a failure has occurred. Packer build logs are at location ${group}/storageAccounts/abc123/blobServices/default/containers/packerlogs/${log}. Please navigate to this location to search the logs.`,
      { account: 'abc123', blob: log },
    ],
    [
      'a validation log',
      `location ${group}/storageAccounts/abc123/blobServices/default/containers/packerlogs/3e9f/validation.log.`,
      { account: 'abc123', blob: '3e9f/validation.log' },
    ],
    ['a timeout', "Timeout waiting for microservice to complete: 'context deadline exceeded'", undefined],
    ['nothing', '', undefined],
  ])('%s', (_, message, location) => {
    expect(customizationLogLocation(message)).toEqual(location)
  })
})
