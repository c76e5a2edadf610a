import { expect, test } from '@jest/globals'
import { retryAfter } from '../../src/azure/arm.ts'

const now = Date.parse('2026-11-21T10:00:00Z')

test.each([
  ['absent', undefined, undefined],
  ['seconds', '17', 17_000],
  ['no wait', '0', 0],
  ['blanks around', ' 5 ', 5000],
  ['a date to come', 'Sat, 21 Nov 2026 10:01:30 GMT', 90_000],
  ['a date gone by', 'Sat, 21 Nov 2026 09:00:00 GMT', 0],
  ['empty', '', undefined],
  ['nonsense', 'soon', undefined],
])('Retry-After: %s', (_, header, milliseconds) => {
  expect(retryAfter(header, now)).toBe(milliseconds)
})
