import { expect, test } from '@jest/globals'
import { deadlineOf } from '../../src/cleanup.ts'
import { bears, marksOf } from '../../src/image-template.ts'
import type { BuildState } from '../../src/ports.ts'

const NOW = Date.parse('2026-11-21T10:00:00Z')
const after = (seconds: number): number => NOW + seconds * 1000

test.each<[string, BuildState, number]>([
  ['a build that ended by itself: twenty minutes', { outcome: 'failed' }, 1200],
  [
    'a cancel just now: what is left of 285 s, without a little',
    { outcome: 'cancelled', cancelledAt: NOW },
    270,
  ],
  ['a cancel, and other steps since', { outcome: 'cancelled', cancelledAt: after(-200) }, 70],
  ['a cancel, and hardly any time left', { outcome: 'cancelled', cancelledAt: after(-280) }, 10],
  ['a cancel in the middle of the end', { outcome: 'succeeded', cancelledAt: after(-5) }, 265],
  ['a main that was killed, perhaps at the end of a cancel', {}, 255],
])('post has its deadline: %s', (_, state, seconds) => {
  expect(deadlineOf(state, NOW)).toBe(after(seconds))
})

const OURS = {
  'aib-action': '1.0.0',
  repository: 'octo/app',
  'run-id': '1',
  'run-attempt': '1',
  'build-key': 'k',
  'build-started': '2026-11-21T10:00:00.000Z',
}

test.each<[string, Record<string, string> | undefined, boolean]>([
  ['the very one', OURS, true],
  ['with tags that somebody added', { ...OURS, cost: '1' }, true],
  ['of another version of the action', { ...OURS, 'aib-action': '2.0.0' }, true],
  ['of another leg of the matrix', { ...OURS, 'build-key': 'other' }, false],
  ['of an earlier build of the same', { ...OURS, 'build-started': '2026-11-21T09:00:00.000Z' }, false],
  ['of another attempt', { ...OURS, 'run-attempt': '2' }, false],
  ['of another repository', { ...OURS, repository: 'octo/other' }, false],
  ['of somebody else', {}, false],
  ['without tags', undefined, false],
])('a template knows its job: %s', (_, tags, known) => {
  expect(bears(tags, marksOf(OURS))).toBe(known)
})

test('before there were marks, every template is ours', () => {
  expect(bears(OURS, marksOf())).toBe(true)
})
