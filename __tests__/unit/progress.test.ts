import { describe, expect, test } from '@jest/globals'
import { Progress, usualDuration } from '../../src/progress.ts'

const MINUTE = 60_000

describe('what is said of a run', () => {
  test('each phase once, with the time since the start', () => {
    const progress = new Progress(0)
    expect(progress.look('Queued', 0, 0)).toBe('Queued (0 s)')
    expect(progress.look('Queued', MINUTE, 0)).toBeUndefined()
    expect(progress.look('Building', 2 * MINUTE, 0)).toBe('Building (2 min 0 s)')
    expect(progress.look('Building', 2 * MINUTE + 10_000, 2 * MINUTE)).toBeUndefined()
  })

  test('after five minutes of silence a sign of life, with what is being done where the log tells', () => {
    const progress = new Progress(0)
    progress.look('Customizing', 0, 0)
    expect(progress.look('Customizing', 5 * MINUTE - 1, 0)).toBeUndefined()
    expect(progress.look('Customizing', 5 * MINUTE, 0)).toBe('still Customizing (5 min 0 s)')
    expect(progress.look('Customizing', 6 * MINUTE, 5 * MINUTE)).toBeUndefined()
    const step = { title: 'customizer 2 of 3: setup (shell)', since: MINUTE }
    expect(progress.look('Customizing', 10 * MINUTE, 5 * MINUTE, step)).toBe(
      'still Customizing (10 min 0 s); customizer 2 of 3: setup (shell), for 9 min 0 s',
    )
  })

  test('with the usual time, where earlier builds told it', () => {
    const progress = new Progress(0, 24 * MINUTE)
    expect(progress.look('Building', MINUTE, 0)).toBe('Building (1 min 0 s of about 24 min 0 s)')
  })
})

test('phases follow one another without gaps; the last one is what failed', () => {
  const progress = new Progress(0)
  for (const [phase, at] of [
    ['Queued', 0],
    ['Queued', 10],
    ['Building', 20],
    ['Customizing', 50],
  ] as const)
    progress.look(phase, at, at)
  expect(progress.phases(80, true)).toEqual([
    { name: 'Queued', from: 0, to: 20, state: 'done' },
    { name: 'Building', from: 20, to: 50, state: 'done' },
    { name: 'Customizing', from: 50, to: 80, state: 'failed' },
  ])
  expect(progress.phases(80, false).at(-1)?.state).toBe('done')
  expect(new Progress(0).phases(80, true)).toEqual([])
})

describe('the usual duration', () => {
  const build = (day: number, minutes: number): { startedAt: string; publishedAt: string } => {
    const startedAt = Date.UTC(2026, 0, day)
    return {
      startedAt: new Date(startedAt).toISOString(),
      publishedAt: new Date(startedAt + minutes * MINUTE).toISOString(),
    }
  }
  test.each<[string, ReturnType<typeof build>[], number | undefined]>([
    ['of none', [], undefined],
    ['of one', [build(1, 20)], 20],
    ['is the median', [build(1, 20), build(2, 90), build(3, 22)], 22],
    [
      'is that of the latest five',
      [90, 90, 90, 90, 20, 21, 22, 23, 24].map((minutes, index) => build(index + 1, minutes)),
      22,
    ],
    ['leaves out what cannot be', [build(1, -5), build(2, 0), build(3, 3000), build(4, 30)], 30],
    ['leaves out what is no time', [{ startedAt: 'soon', publishedAt: 'never' }], undefined],
  ])('%s', (_, builds, minutes) => {
    expect(usualDuration(builds)).toBe(minutes === undefined ? undefined : minutes * MINUTE)
  })
})
