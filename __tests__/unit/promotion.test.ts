/** The story of a promotion in a gallery of one's own: whatever others do meanwhile, and wherever it is killed. */
import { describe, expect, test } from '@jest/globals'
import { isBlessed, type SeenVersion } from '../../src/promotion/candidate.ts'
import type { PromoteRequest } from '../../src/promotion/promote-inputs.ts'
import { emptyPromoteReport, PromotionError, type PromoteReport } from '../../src/promotion/promote-report.ts'
import type { VersionChange } from '../../src/promotion/promotion-changes.ts'
import { promote, type PromotionEdges } from '../../src/promotion/promotion.ts'
import { CANDIDATE_TAGS, promoteRequest, region, version } from '../support/versions.ts'

class Killed extends Error {}

/** A gallery whose replicas are there at the second look after an update. */
class Gallery {
  now = Date.parse('2026-11-22T12:00:00Z')
  versions: SeenVersion[]
  updates: VersionChange[] = []
  log: string[] = []
  warnings: string[] = []
  /** Regions in which the replication fails. */
  failing: string[] = []
  /** Calls left before the process dies; it dies before or after the last one has acted. */
  life = Infinity
  diesAfter = false
  /** What somebody else does when Azure is called for the time with this number. */
  others = new Map<number, () => void>()
  /** Updates that are refused because of another one. */
  busy = 0
  whenSettled: () => void = () => undefined
  calls = 0
  private looks = 0

  constructor(...versions: SeenVersion[]) {
    this.versions = versions
  }

  get candidate(): SeenVersion {
    const found = this.versions.find(({ name }) => name === '1.1.0')
    if (!found) throw new Error('There is no candidate.')
    return found
  }

  change(change: Partial<SeenVersion>): void {
    Object.assign(this.candidate, change)
  }

  edges(): PromotionEdges {
    const call = <T>(act: () => T): Promise<T> => Promise.resolve().then(() => this.call(act))
    return {
      azure: {
        version: () => call(() => this.look()),
        versions: () => call(() => structuredClone(this.versions)),
        update: (_, change) => call(() => this.update(change)),
      },
      runner: {
        info: (line) => this.log.push(line),
        quote: (lines) => this.log.push(...lines),
        warning: (message) => this.warnings.push(message),
        cancelled: new AbortController().signal,
      },
      clock: {
        now: () => this.now,
        sleep: (milliseconds) => {
          this.now += milliseconds
          return Promise.resolve()
        },
      },
    }
  }

  private call<T>(act: () => T): T {
    this.calls += 1
    this.others.get(this.calls)?.()
    this.life -= 1
    if (this.life < 0 && !this.diesAfter) throw new Killed()
    const result = act()
    if (this.life < 0) throw new Killed()
    return result
  }

  private look(): SeenVersion {
    const { candidate } = this
    if (candidate.provisioningState === 'Updating' && (this.looks -= 1) < 0) this.settle()
    return structuredClone(candidate)
  }

  private settle(): void {
    for (const one of this.candidate.regions.filter(({ state }) => state === 'Replicating'))
      Object.assign(
        one,
        this.failing.includes(one.name)
          ? { state: 'Failed', details: 'no room' }
          : { state: 'Completed', progress: 100 },
      )
    const failed = this.candidate.regions.some(({ state }) => state === 'Failed')
    this.candidate.provisioningState = failed ? 'Failed' : 'Succeeded'
    this.whenSettled()
  }

  private update({ tags, profile }: VersionChange): 'taken' | 'busy' {
    const { candidate } = this
    if (candidate.provisioningState === 'Updating' || this.busy > 0) {
      this.busy -= 1
      return 'busy'
    }
    this.updates.push({ ...(tags ? { tags } : {}), ...(profile ? { profile } : {}) })
    if (tags) candidate.tags = tags
    if (profile) {
      const { targetRegions, excludeFromLatest, endOfLifeDate } = profile
      candidate.excludeFromLatest = excludeFromLatest
      if (endOfLifeDate !== undefined) candidate.endOfLifeDate = endOfLifeDate
      candidate.regions = targetRegions.map((body) => {
        const name = String(body['name'])
        const before = candidate.regions.find((one) => one.name === name)
        const kept =
          before?.state === 'Completed' ? before : region(name, { state: 'Replicating', progress: 0 })
        return { ...kept, body, excludeFromLatest: body['excludeFromLatest'] === true }
      })
    }
    candidate.provisioningState = 'Updating'
    this.looks = 1
    return 'taken'
  }
}

const older = (): SeenVersion => version({ name: '1.0.0', excludeFromLatest: false, tags: {} })
const gallery = (change: Partial<SeenVersion> = {}): Gallery =>
  new Gallery(older(), version(structuredClone(change)))

async function run(
  world: Gallery,
  change: Partial<PromoteRequest> = {},
): Promise<{ report: PromoteReport; error?: unknown }> {
  const report = emptyPromoteReport()
  try {
    await promote(promoteRequest(change), report, world.edges())
    return { report }
  } catch (error) {
    return { report, error }
  }
}

const MORE = {
  regions: [
    { name: 'northeurope', replicaCount: 2 },
    { name: 'westus2', replicaCount: 9 },
  ],
  endOfLife: { date: '2027-12-31T00:00:00.000Z', relative: false },
  imageTags: { release: '7' },
}

describe('a blessing', () => {
  test('first replicates, then marks, then looks again', async () => {
    const world = gallery()
    const { report, error } = await run(world, MORE)
    expect(error).toBeUndefined()
    expect(report).toMatchObject({ result: 'blessed', previous: '1.0.0', added: ['northeurope'] })
    const here = version().regions[0]?.body
    const there = { name: 'northeurope', regionalReplicaCount: 2 }
    expect(world.updates).toEqual([
      { profile: { targetRegions: [here, there], excludeFromLatest: true } },
      {
        tags: {
          ...CANDIDATE_TAGS,
          release: '7',
          'image-status': 'blessed',
          'blessed-at': expect.stringMatching(/^2026-11-22T12:0/),
          'blessed-by': `https://github.com/contoso/web-app/actions/runs/4711`,
          'previous-version': '1.0.0',
        },
        profile: {
          targetRegions: [here, there],
          excludeFromLatest: false,
          endOfLifeDate: MORE.endOfLife.date,
        },
      },
    ])
    expect(world.log).toContain('it is in westus2 already: kept there as it is')
    expect(world.log.filter((line) => line.startsWith('  northeurope'))).toEqual([
      '  northeurope: replicating, 0 %',
      '  northeurope: completed',
    ])
  })

  test('without a region more is one update', async () => {
    const world = gallery()
    expect((await run(world)).report.result).toBe('blessed')
    expect(world.updates).toHaveLength(1)
  })

  test('includes regions that were excluded one by one, and keeps all else of them', async () => {
    const body = { name: 'westus2', encryption: { x: 1 }, excludeFromLatest: true }
    const world = gallery({ regions: [region('westus2', { excludeFromLatest: true, body })] })
    await run(world)
    expect(world.updates[0]?.profile?.targetRegions).toEqual([{ ...body, excludeFromLatest: false }])
  })

  test('of one without a predecessor says so, and sets no tag', async () => {
    const world = new Gallery(version())
    const { report } = await run(world)
    expect(report.previous).toBeUndefined()
    expect(world.candidate.tags).not.toHaveProperty('previous-version')
    expect(world.log.join('\n')).toContain(
      'there is no other version of web in latest: nothing to roll back to',
    )
  })

  test('of a lower number than latest warns', async () => {
    const world = new Gallery(older(), version(), version({ name: '2.0.0', excludeFromLatest: false }))
    const { report } = await run(world)
    expect(report).toMatchObject({ result: 'blessed', previous: '2.0.0' })
    expect(world.warnings).toEqual([
      expect.stringContaining('Version 2.0.0 has a higher number than 1.1.0 and stays latest'),
    ])
  })

  test('names as its predecessor what is latest when it blesses, not when it began', async () => {
    const world = gallery()
    world.others.set(6, () => world.versions.push(version({ name: '1.0.9', excludeFromLatest: false })))
    await run(world, MORE)
    expect(world.candidate.tags).toMatchObject({ 'previous-version': '1.0.9' })
  })
})

describe('what is blessed already', () => {
  test('gets what is missing, and keeps its predecessor', async () => {
    const world = gallery()
    await run(world)
    world.versions.push(version({ name: '3.0.0', excludeFromLatest: false }))
    world.updates = []
    const { report } = await run(world, MORE)
    expect(report).toMatchObject({ result: 'already-blessed', previous: '1.0.0' })
    expect(world.updates).toHaveLength(2)
    expect(world.candidate.tags).toMatchObject({ release: '7', 'previous-version': '1.0.0' })
    expect(world.candidate.excludeFromLatest).toBe(false)
  })

  test('is not changed when nothing is missing, nor its end put off by days that were counted before', async () => {
    const world = gallery()
    await run(world, { ...MORE, endOfLife: { date: '2027-01-01T00:00:00.000Z', relative: true } })
    world.updates = []
    const { report } = await run(world, {
      ...MORE,
      endOfLife: { date: '2027-02-01T00:00:00.000Z', relative: true },
    })
    expect(report.result).toBe('already-blessed')
    expect(world.updates).toEqual([])
  })
})

describe('is refused, and nothing is changed:', () => {
  test.each<[string, Partial<SeenVersion>, Partial<PromoteRequest>, string, string]>([
    ['a foreign version', { tags: {} }, {}, 'not-a-candidate', "it has no tag 'repository'"],
    [
      'a foreign version whose tests failed',
      { tags: {} },
      { testsResult: 'failure' },
      'not-a-candidate',
      'not to be blessed',
    ],
    [
      'too many tags',
      {
        tags: {
          ...CANDIDATE_TAGS,
          ...Object.fromEntries(Array.from({ length: 43 }, (_, i) => [`t${i}`, ''])),
        },
      },
      {},
      'not-a-candidate',
      'it would have 1 tags more than the 50',
    ],
    [
      'tests that were cancelled',
      {},
      { testsResult: 'cancelled' },
      'tests-not-run',
      "tests-result is 'cancelled'",
    ],
    ['tests that were skipped', {}, { testsResult: 'skipped' }, 'tests-not-run', "tests-result is 'skipped'"],
    [
      'failed tests of what is blessed',
      { tags: { ...CANDIDATE_TAGS, 'image-status': 'blessed' }, excludeFromLatest: false },
      { testsResult: 'failure' },
      'tests-failed',
      'which is blessed already',
    ],
  ])('%s', async (_, change, request, code, words) => {
    const world = gallery(change)
    const { report, error } = await run(world, request)
    expect(error).toBeInstanceOf(PromotionError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
    expect(report.result).toBe('refused')
    expect(world.updates).toEqual([])
  })
})

test('a check changes nothing, whatever the tests say', async () => {
  const world = gallery()
  const { report } = await run(world, { ...MORE, operation: 'check' })
  expect(report).toMatchObject({ result: 'checked', previous: '1.0.0', latest: '1.0.0' })
  expect(world.updates).toEqual([])
})

describe('failed tests', () => {
  test('mark the candidate, twice as well', async () => {
    const world = gallery()
    for (let times = 0; times < 2; times += 1) {
      const { report, error } = await run(world, { testsResult: 'failure' })
      expect(error).toMatchObject({ code: 'tests-failed' })
      expect(report.result).toBe('rejected')
    }
    expect(world.updates).toEqual([
      {
        tags: {
          ...CANDIDATE_TAGS,
          'image-status': 'rejected',
          'rejected-at': expect.any(String),
          'rejected-by': expect.any(String),
        },
      },
    ])
    expect(world.candidate.excludeFromLatest).toBe(true)
  })

  test('do not mark what somebody blessed meanwhile', async () => {
    const world = gallery()
    world.others.set(3, () => {
      world.change({ tags: { ...CANDIDATE_TAGS, 'image-status': 'blessed' }, excludeFromLatest: false })
    })
    expect(await run(world, { testsResult: 'failure' })).toMatchObject({ report: { result: 'refused' } })
    expect(world.updates).toEqual([])
  })
})

describe('others at work:', () => {
  test('an update that is under way is waited for', async () => {
    const world = gallery({
      provisioningState: 'Updating',
      regions: [region('westus2'), region('northeurope', { state: 'Replicating' })],
    })
    expect((await run(world, MORE)).report.result).toBe('blessed')
    expect(world.updates).toHaveLength(1)
  })

  test('an update that comes in between is waited for', async () => {
    const world = gallery()
    world.busy = 3
    expect((await run(world, MORE)).report.result).toBe('blessed')
  })

  test('a rejection meanwhile counts', async () => {
    const world = gallery()
    world.others.set(5, () => {
      world.change({ tags: { ...CANDIDATE_TAGS, 'image-status': 'rejected' } })
    })
    const { report, error } = await run(world, MORE)
    expect(error).toMatchObject({
      code: 'not-a-candidate',
      message: expect.stringContaining('it changed since it was looked at first'),
    })
    expect(report.result).toBe('refused')
    expect(isBlessed(world.candidate)).toBe(false)
  })

  test('a tag that came while it replicated stays', async () => {
    const world = gallery()
    world.others.set(5, () => {
      world.change({ tags: { ...world.candidate.tags, scanned: 'yes' } })
    })
    await run(world, MORE)
    expect(world.candidate.tags).toMatchObject({ scanned: 'yes', 'image-status': 'blessed' })
  })

  test('a blessing that somebody takes back again and again is given up, and told', async () => {
    const world = gallery()
    world.whenSettled = () => {
      world.change({ tags: CANDIDATE_TAGS, excludeFromLatest: true })
    }
    const { report, error } = await run(world)
    expect(error).toMatchObject({
      code: 'promotion-not-reached',
      message: expect.stringContaining("image-status is 'candidate', it is excluded from latest"),
    })
    expect(world.updates).toHaveLength(3)
    expect(report.result).toBeUndefined()
  })
})

describe('a region without room', () => {
  test('is tried once, and named', async () => {
    const world = gallery()
    world.failing = ['northeurope']
    const { report, error } = await run(world, MORE)
    expect(error).toMatchObject({
      code: 'replication-failed',
      message: expect.stringContaining('- northeurope: no room'),
    })
    expect(report.result).toBeUndefined()
    expect(world.updates).toHaveLength(1)
    expect(isBlessed(world.candidate)).toBe(false)
    world.failing = []
    expect((await run(world, MORE)).report.result).toBe('blessed')
  })

  test('that never tells is not waited for longer than six hours', async () => {
    const world = gallery({ regions: [region('westus2'), region('ukwest', { state: 'Replicating' })] })
    const { error } = await run(world)
    expect(error).toMatchObject({
      code: 'replication-unfinished',
      message: expect.stringContaining('in ukwest'),
    })
  })
})

describe('killed at any call, before or after it acted, it is finished by the next one', () => {
  const calls = async (): Promise<number> => {
    const world = gallery()
    await run(world, MORE)
    return world.calls
  }
  test.each([false, true])('after: %s', async (diesAfter) => {
    const most = await calls()
    for (let life = 0; life < most; life += 1) {
      const world = gallery()
      Object.assign(world, { life, diesAfter })
      expect((await run(world, MORE)).error).toBeInstanceOf(Killed)
      world.life = Infinity
      const { report } = await run(world, MORE)
      expect(['blessed', 'already-blessed']).toContain(report.result)
      expect(world.candidate).toMatchObject({
        excludeFromLatest: false,
        tags: { 'image-status': 'blessed', 'previous-version': '1.0.0', release: '7' },
      })
      // Nothing is done twice.
      expect(world.updates).toHaveLength(2)
    }
  })
})
