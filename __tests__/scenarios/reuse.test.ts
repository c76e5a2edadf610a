/** Builds of others and runs that were left: waited for, taken over, followed. And what a build says of why it was one. */
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { existing } from '../../local-azure/failures/story.ts'
import { documentedRole } from '../../local-azure/roles.ts'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, type Seed } from '../../local-azure/seed.ts'
import {
  AT_ANY_PACE,
  countRequests,
  HELD,
  momentOf,
  pace,
  release,
  runQuickly,
  UNRUN,
} from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  leftBehind,
  onStage,
  openStage,
  type Stage,
} from '../support/run-action.ts'

const RUNS = /^POST .*\/imageTemplates\/[^/]+\/run\?/
const PATCHES = /^PATCH /
const WRITES = /^(?:PUT|POST|PATCH|DELETE) .*\/subscriptions\//
const SKIP = { 'skip-unchanged': 'true' }
const NO_POST = { skipPost: true }
const BRISK_REPLICATION = { duration: 200, update: 100 }

/** The usual company, whose deploying identity may also update versions of the gallery. */
function seedWithUpdates(): Seed {
  const seed = defaultSeed()
  const { Actions: actions } = documentedRole('promoter')
  const principalId = seed.applications[0]?.objectId ?? ''
  return { ...seed, roleAssignments: [...seed.roleAssignments, { principalId, scope: GALLERY, actions }] }
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ ...AT_ANY_PACE, seed: seedWithUpdates() })
})
beforeEach(() => {
  pace(stage.azure)
  stage.azure.world.options.replication = BRISK_REPLICATION
})
afterAll(() => stage.close())

/** A build of content of its own, so that tests know nothing of one another. */
function run(
  script: string,
  inputs: Record<string, string> = {},
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  return runQuickly(stage, { 'inline-script': `# ${script}`, ...inputs }, options)
}

/** A job that is told to go on when a line of its log has come. */
function releasing(line: string): Partial<JobOptions> {
  return {
    onLine: (said) => {
      if (said.includes(line)) release(stage.azure)
    },
  }
}

const other = (runId: string): Partial<JobOptions> => ({ job: { runId } })
const again: Partial<JobOptions> = { job: { runAttempt: '2' } }
describe('regions that an image lacks', () => {
  let first: JobResult
  beforeAll(async () => {
    first = await run('regions')
  })

  test('are added to it by one PATCH, and nothing is built', async () => {
    const [patches, writes] = [countRequests(stage.azure, PATCHES), countRequests(stage.azure, WRITES)]
    const job = await run('regions', { ...SKIP, 'replication-regions': 'eastus, West US 2' })
    expect(job.conclusion).toBe('success')
    expect(job.outputs).toMatchObject({ skipped: 'true', 'image-uri': first.outputs['image-uri'] })
    expect([patches().length, writes().length]).toEqual([1, 1])
    const version = stage.azure.world.resources.get(first.outputs['image-uri'] ?? '')
    expect(JSON.stringify(version?.properties)).toContain('West US 2')
    expect(version?.properties['provisioningState']).toBe('Succeeded')
    // Every other property of it stays, and every tag.
    expect(version?.tags).toMatchObject({
      'build-key': first.outputs['build-key'],
      repository: 'octo-org/webapp',
    })
    expect(job.main.summary).toContain('| Regions added | westus2 |')
    expect(job.main.summary).toMatch(
      /\| Built by \| <https:\/\/github\.com\/octo-org\/webapp\/actions\/runs\/\d+>/,
    )
  })

  test('are asked for and not waited for with wait: false', async () => {
    stage.azure.world.options.replication = { duration: HELD }
    const job = await run(
      'regions',
      { ...SKIP, wait: 'false', 'replication-regions': 'eastus, westus2, westus3' },
      NO_POST,
    )
    const uri = first.outputs['image-uri'] ?? ''
    expect(job.outputs).toMatchObject({ skipped: 'true', 'image-uri': uri })
    expect(stage.azure.world.resources.get(uri)?.properties['provisioningState']).toBe('Updating')
    release(stage.azure)
  })

  test('of an image whose tag somebody changed, so that it is of another repository, are not added: it is built', async () => {
    const version = stage.azure.world.resources.get(first.outputs['image-uri'] ?? '')
    if (version?.tags) version.tags['repository'] = 'octo/other'
    const { outputs } = await run('regions', { ...SKIP, 'dry-run': 'true' }, NO_POST)
    expect(outputs['skipped']).toBe('false')
  })
})

test('a build that is no skip says what changed since the last one, by names alone', async () => {
  const secret = path.join(stage.workspace, 'app', 'more.txt')
  await run('changes', {}, NO_POST)
  await writeFile(secret, 'what is in it is told nobody')
  const { main } = await run('changes', { ...SKIP, 'optimize-vm-boot': 'true', 'dry-run': 'true' }, NO_POST)
  await rm(secret)
  expect(main.summary).toContain('### Why it was built')
  expect(main.summary).toContain('| template | optimize |')
  expect(main.summary).toContain('| added to the artifact | more.txt |')
  expect(main.lines.join('\n')).toContain('added to the artifact: more.txt')
  expect(main.summary).not.toContain('what is in it')
})

describe('while another job builds the same', () => {
  test('its image is waited for, and taken; two builds make one run', async () => {
    const runs = countRequests(stage.azure, RUNS)
    pace(stage.azure, { building: HELD })
    const started = momentOf(stage.azure, RUNS)
    const owner = run('one', SKIP, other('100'))
    await new Promise((resolve) => {
      started.addEventListener('abort', resolve)
    })
    const guest = await run('one', SKIP, { ...other('200'), ...releasing('waiting for its image') })
    const built = await owner
    expect([built.conclusion, guest.conclusion]).toEqual(['success', 'success'])
    expect(guest.outputs).toMatchObject({ skipped: 'true', 'image-uri': built.outputs['image-uri'] })
    expect(runs()).toHaveLength(1)
    expect(guest.post?.lines).toEqual(['nothing was created, so there is nothing to clean up'])
  })

  test('and is cancelled, this one builds for itself', async () => {
    const runs = countRequests(stage.azure, RUNS)
    const cancel = new AbortController()
    pace(stage.azure, { building: HELD })
    const started = momentOf(stage.azure, RUNS)
    const owner = run('two', SKIP, { ...other('100'), interrupt: { cancel: cancel.signal } })
    await new Promise((resolve) => {
      started.addEventListener('abort', resolve)
    })
    const guest = await run('two', SKIP, {
      ...other('200'),
      onLine: (line) => {
        if (!line.includes('waiting for its image')) return
        pace(stage.azure)
        cancel.abort()
      },
    })
    expect((await owner).conclusion).toBe('cancelled')
    expect(guest.conclusion).toBe('success')
    expect(guest.outputs).toMatchObject({ skipped: 'false', 'run-state': 'Succeeded' })
    expect(guest.log).toContain('left no image to take: building')
    expect(runs()).toHaveLength(2)
  })

  test('without skip-unchanged each builds for itself, and two that look at the same moment make one build too many at most', async () => {
    const runs = countRequests(stage.azure, RUNS)
    const jobs = await Promise.all(['100', '200'].map((id) => run('three', SKIP, other(id))))
    expect(jobs.map(({ conclusion }) => conclusion)).toEqual(['success', 'success'])
    expect(runs().length).toBeLessThanOrEqual(2)
    for (const { outputs } of jobs) {
      const image = stage.azure.world.resources.get(outputs['image-uri'] ?? '')
      expect(image?.tags?.['build-key']).toBe(outputs['build-key'])
    }
  })
})

describe('a run that was left', () => {
  /** Main is killed while its run is under way, on a runner that does not come back. */
  async function abandoned(script: string, inputs: Record<string, string> = {}): Promise<void> {
    pace(stage.azure, { building: HELD })
    await run(script, inputs, { interrupt: { kill: momentOf(stage.azure, RUNS) }, ...NO_POST })
    pace(stage.azure)
  }

  test('and is over when the job runs again gives its image, is not run once more, and goes', async () => {
    const runs = countRequests(stage.azure, RUNS)
    const before = await leftBehind(stage.azure)
    await abandoned('left')
    const { templates } = await leftBehind(stage.azure)
    const [name = ''] = templates.filter((one) => !before.templates.includes(one))
    release(stage.azure)
    const id = `${GROUP}/providers/Microsoft.VirtualMachineImages/imageTemplates/${name}`
    await until(() =>
      JSON.stringify(stage.azure.world.resources.get(id)?.properties).includes('"runState":"Succeeded"'),
    )
    const job = await run('left', {}, again)
    expect(job.conclusion).toBe('success')
    expect(job.outputs).toMatchObject({ 'template-name': name, 'run-state': 'Succeeded', skipped: 'false' })
    expect(stage.azure.world.resources.get(job.outputs['image-uri'] ?? '')).toBeDefined()
    expect(runs()).toHaveLength(1)
    expect(await leftBehind(stage.azure)).toEqual(before)
  })

  test.each([
    ['is followed by the job that names it', true],
    ['is over by then: its image is taken', false],
  ])('by wait: false %s; it is never started anew, and cleaned up', async (_, building) => {
    const runs = countRequests(stage.azure, RUNS)
    const before = await leftBehind(stage.azure)
    if (building) pace(stage.azure, { building: HELD })
    const first = await run(`handed on ${building}`, { wait: 'false' })
    const name = first.outputs['template-name'] ?? ''
    expect(first.outputs['run-state']).toBe('Running')
    if (!building)
      await until(() =>
        JSON.stringify(
          stage.azure.world.resources.get(first.outputs['template-id'] ?? '')?.properties,
        ).includes('"runState":"Succeeded"'),
      )
    const job = await runQuickly(
      stage,
      { ...existing(name), 'build-path': '.', 'resource-group': 'rg-images' },
      {
        ...other('300'),
        ...releasing('following that one'),
      },
    )
    expect(job.conclusion).toBe('success')
    expect(job.outputs).toMatchObject({ 'template-name': name, 'run-state': 'Succeeded' })
    expect(stage.azure.world.resources.get(job.outputs['image-uri'] ?? '')).toBeDefined()
    expect(runs()).toHaveLength(1)
    expect(await leftBehind(stage.azure)).toEqual(before)
  })
})

describe('a run that failed in replication', () => {
  const REGIONS = { 'replication-regions': 'eastus, westus2' }
  const RETRY = { ...REGIONS, 'retry-replication': 'true' }
  const failing = (): void => {
    stage.azure.world.options.replication = { ...BRISK_REPLICATION, failing: { westus2: 'no room there' } }
  }
  /** As soon as the run is over there is room. */
  const healing: Partial<JobOptions> = {
    onLine: (line) => {
      if (line.includes('run template:  ')) stage.azure.world.options.replication = BRISK_REPLICATION
    },
  }

  test('tells where the image can be used, what it lacks, and what adds that; a re-run does, and builds nothing', async () => {
    failing()
    const runs = countRequests(stage.azure, RUNS)
    const job = await run('replication', REGIONS)
    expect(job.conclusion).toBe('failure')
    expect(job.outputs).toMatchObject({
      'failure-code': 'replication-failed',
      'run-state': 'Failed',
      skipped: 'false',
    })
    const uri = job.outputs['image-uri'] ?? ''
    expect(stage.azure.world.resources.get(uri)).toBeDefined()
    const [error = ''] = annotations(job, 'error')
    expect(error).toContain(`it can be used in eastus: ${uri}`)
    expect(error).toContain('It lacks westus2 (Failed: no room there).')
    expect(error).toContain("'retry-replication: true'")

    stage.azure.world.options.replication = BRISK_REPLICATION
    const retried = await run('replication', RETRY, { ...again, ...NO_POST })
    expect(retried.conclusion).toBe('success')
    expect(retried.outputs).toMatchObject({ skipped: 'true', 'image-uri': uri })
    expect(stage.azure.world.resources.get(uri)?.properties['provisioningState']).toBe('Succeeded')
    expect(runs()).toHaveLength(1)
  })

  test('goes on with retry-replication until the image is in all regions, and does not fail', async () => {
    failing()
    const job = await run('healed', RETRY, healing)
    expect(job.conclusion).toBe('success')
    expect(job.outputs).toMatchObject({ 'run-state': 'Failed', 'failure-code': '' })
    const uri = job.outputs['image-uri'] ?? ''
    expect(stage.azure.world.resources.get(uri)?.properties['provisioningState']).toBe('Succeeded')
    expect(annotations(job, 'warning').join()).toContain('nothing needs to be built again')
    expect(job.main.summary).toContain('replicated after a run that failed')
    // As after any build that went well.
    expect(job.post?.lines.at(-1)).toBe('delete template:  Succeeded')
  })

  test('fails when the region goes on failing, with the command that takes it out', async () => {
    failing()
    const job = await run('hopeless', RETRY, NO_POST)
    expect(job.conclusion).toBe('failure')
    expect(job.outputs['failure-code']).toBe('replication-failed')
    expect(annotations(job, 'warning').join()).toContain('was not replicated to westus2')
    expect(annotations(job, 'warning').join()).toContain('--target-regions')
  })

  test('which outlived the timeout, is waited for', async () => {
    const [minute, speed] = [60_000, 300]
    const options = {
      ...AT_ANY_PACE,
      speed,
      durations: { ...AT_ANY_PACE.durations, distributing: 60 * minute },
      replication: { duration: 20 * minute },
    }
    await onStage({ ...options, seed: seedWithUpdates() }, async (own) => {
      const job = await own.run({ ...RETRY, 'build-timeout-in-minutes': '30' }, NO_POST)
      expect(job.conclusion).toBe('success')
      expect(job.outputs['run-state']).toBe('Failed')
      const version = own.azure.world.resources.get(job.outputs['image-uri'] ?? '')
      expect(version?.properties['provisioningState']).toBe('Succeeded')
      // Nothing was asked of Azure but to be looked at.
      expect(own.azure.world.requests(PATCHES)).toEqual([])
    })
  })

  test('and in validation, stays a failure: the image there is not to be taken for good', async () => {
    failing()
    stage.azure.world.options.build = { ...UNRUN, failValidator: { index: 0, exitCode: 1 } }
    const validated = { 'validation-script': 'false', 'continue-distribute-on-failure': 'true' }
    const job = await run('invalid', { ...RETRY, ...validated }, { ...healing, ...NO_POST })
    stage.azure.world.options.build = { ...UNRUN }
    expect(job.conclusion).toBe('failure')
  })
})

/** Waits for what the local Azure does at its own pace. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20))
}
