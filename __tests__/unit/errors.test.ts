import { describe, expect, test } from '@jest/globals'
import {
  AzureError,
  BuildFailedError,
  CancelledError,
  InputError,
  isNotAllowedNow,
  isNotFound,
  messageOf,
  SignInError,
} from '../../src/errors.ts'

const azureError = (overrides: object = {}): AzureError =>
  new AzureError({ doing: 'reading it', status: 403, code: 'Forbidden', message: 'No.', ...overrides })

describe('InputError', () => {
  const [one, two] = [
    { input: 'a', message: 'is wrong.' },
    { input: 'b', message: 'too.' },
  ]
  test.each([
    ['one mistake', [one], '1 input needs a change; nothing was created.\n- a: is wrong.'],
    ['two', [one, two], '2 inputs need a change; nothing was created.\n- a: is wrong.\n- b: too.'],
  ])('names every mistake: %s', (_, problems, message) => {
    const error = new InputError(problems)
    expect(error.message).toBe(message)
    expect(error.problems).toEqual(problems)
  })
})

describe('AzureError', () => {
  test.each([
    ['at its least', {}, 'Failed while reading it: Forbidden (HTTP 403): No.'],
    ['without an answer', { status: 0, code: 'ECONNRESET' }, 'Failed while reading it: ECONNRESET: No.'],
    [
      'with a request ID',
      { requestId: 'r1' },
      'Failed while reading it: Forbidden (HTTP 403): No. [request r1]',
    ],
    [
      'with both IDs for support',
      { requestId: 'r1', correlationId: 'c1' },
      'Failed while reading it: Forbidden (HTTP 403): No. [request r1, correlation c1]',
    ],
    [
      'with a correlation ID',
      { correlationId: 'c1' },
      'Failed while reading it: Forbidden (HTTP 403): No. [correlation c1]',
    ],
    [
      'with a remedy, which is told elsewhere',
      { remedy: 'Do it.' },
      'Failed while reading it: Forbidden (HTTP 403): No.',
    ],
    [
      'with a code that the catalogue knows',
      { code: 'AuthorizationFailed' },
      'Failed while reading it: AuthorizationFailed (HTTP 403): No.',
    ],
  ])('%s', (_, overrides, message) => {
    expect(azureError(overrides).message).toBe(message)
  })

  test('keeps what others decide by', () => {
    const ids = { requestId: 'r1', correlationId: 'c1' }
    expect(azureError({ ambiguous: true, remedy: 'Do it.', ...ids })).toMatchObject({
      doing: 'reading it',
      status: 403,
      code: 'Forbidden',
      azureMessage: 'No.',
      ambiguous: true,
      remedy: 'Do it.',
      ...ids,
    })
    expect(azureError().ambiguous).toBe(false)
    expect(azureError().remedy).toBeUndefined()
  })
})

test.each([
  [azureError({ status: 404 }), true],
  [azureError(), false],
  [new Error('404'), false],
  ['404', false],
])('not found: %s', (error, expected) => {
  expect(isNotFound(error)).toBe(expected)
})

test.each([
  ["Operation '../delete' is not allowed in provisioningState: 'provisioned', runState: 'running'", true],
  ['Operation x/delete is not allowed in provisioning state: provisioned or run state: running.', true],
  ["Operation 'DELETE' is not allowed in provisioningState: 'creating'", true],
  ['The operation is not allowed by policy', false],
])('not allowed now: %s', (message, expected) => {
  expect(isNotAllowedNow(azureError({ message }))).toBe(expected)
  expect(isNotAllowedNow(new Error(message))).toBe(false)
})

test.each([
  ['an error', new Error('why'), 'why'],
  ['a text', 'why', 'why'],
  ['nothing', undefined, 'undefined'],
])('message of %s', (_, thrown, message) => {
  expect(messageOf(thrown)).toBe(message)
})

test.each<[Error, string]>([
  [new InputError([]), 'InputError'],
  [new SignInError('x'), 'SignInError'],
  [azureError(), 'AzureError'],
  [new BuildFailedError('x'), 'BuildFailedError'],
  [new CancelledError(), 'CancelledError'],
])('%s has a name', (error, name) => {
  expect(error.name).toBe(name)
})

test('a cause is kept', () => {
  const cause = new Error('below')
  const options = { cause }
  expect(new SignInError('x', options).cause).toBe(cause)
  expect(new BuildFailedError('x', options).cause).toBe(cause)
  expect(new AzureError({ doing: '', status: 0, code: '', message: '' }, options).cause).toBe(cause)
})
