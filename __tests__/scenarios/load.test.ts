/** Several builds at once while Resource Manager takes fewer requests than they send. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { figuresOf, isGood, type Figures } from '../load/figures.ts'
import { playLoad } from '../load/play.ts'
import { AT_ANY_PACE, quickTime } from '../support/moments.ts'
import { NOTHING, openStage, type Stage } from '../support/run-action.ts'

const BUILDS = 4
const FACTOR = 20
/** Less than what one build asks for while it looks up; `Retry-After` is one second. */
const FEW = { bucket: 3, perSecond: 15 }
const ONE = { bucket: 1, perSecond: 5 }

let stage: Stage
let figures: Figures
beforeAll(async () => {
  stage = await openStage({ ...AT_ANY_PACE, limits: { requests: { reads: FEW, writes: ONE, deletes: ONE } } })
  // Polls of four builds at the usual interval are what such a bucket still gives.
  const inputs = { 'poll-interval-seconds': '10' }
  figures = figuresOf(await playLoad(stage, { builds: BUILDS, inputs, options: { env: quickTime(FACTOR) } }))
})
afterAll(() => stage.close())

test('all succeed, each with a template, a blob and an image of its own, and leave nothing', () => {
  expect(figures.failures).toEqual([])
  expect(figures).toMatchObject({
    succeeded: BUILDS,
    made: { templates: BUILDS, blobs: BUILDS, images: BUILDS },
    collisions: 0,
    left: NOTHING,
  })
  expect(isGood(figures)).toBe(true)
})

test('they are refused, and come back no sooner than they are asked to', () => {
  expect(figures.throttled).toBeGreaterThan(0)
  // Of the second that they are asked to wait; a timer may be early by a little.
  expect(figures.shortestPauseSeconds).toBeGreaterThan(0.9 / FACTOR)
})
