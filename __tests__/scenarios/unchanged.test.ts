/** Nothing is built twice: `skip-unchanged`, `build-key`, and `resume` for a re-run of the same workflow run. */
import { rm, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { AT_ANY_PACE, countRequests, HELD, momentOf, pace, release, runQuickly } from '../support/moments.ts'
import { GALLERY, GROUP, IMAGE_TEMPLATES, leftBehind, openStage, type Stage } from '../support/run-action.ts'

const WRITES = /^(PUT|POST|PATCH|DELETE) \/(?!.*oauth2\/v2\.0\/token)/i
const RUNS = /^POST .*\/imageTemplates\/[^/]+\/run\?/
const SKIP = { 'skip-unchanged': 'true' }
/** Where nobody looks at what post does. */
const NO_POST = { skipPost: true }
const MADE = `${GROUP}/providers/Microsoft.Compute/images/unchanged`
/** Both kinds of target whose images can be compared. */
const BOTH = {
  distributors: `[{ "type": "ManagedImage", "imageId": "${MADE}", "location": "eastus", "runOutputName": "image" }]`,
}
const MANAGED_ALONE = { 'gallery-image-id': '', 'managed-image-id': MADE }

let stage: Stage
let first: Record<string, string>
beforeAll(async () => {
  stage = await openStage(AT_ANY_PACE)
  first = (await run(BOTH, NO_POST)).outputs
})
afterAll(() => stage.close())

/** Runs the action with its polls closer together. */
function run(inputs: Record<string, string>, options: Partial<JobOptions> = {}): Promise<JobResult> {
  return runQuickly(stage, inputs, options)
}

/** Counts writing requests to Resource Manager and Blob Storage while something is done. */
async function writesDuring<T>(act: () => Promise<T>): Promise<{ result: T; writes: string[] }> {
  const before = stage.azure.world.requests(WRITES).length
  const result = await act()
  const writes = stage.azure.world
    .requests(WRITES)
    .slice(before)
    .filter(({ service }) => service === 'resource-manager' || service === 'blob')
  return { result, writes: writes.map(({ method, target }) => `${method} ${target}`) }
}

describe('skip-unchanged', () => {
  test('every build has a key, and its images have it as a tag', () => {
    expect(first['build-key']).toMatch(/^[0-9a-f]{64}$/)
    expect(first['skipped']).toBe('false')
    const uris = Object.values(JSON.parse(first['image-uris'] ?? '') as Record<string, string>)
    expect(uris).toEqual([first['image-uri'], MADE])
    for (const uri of uris) {
      expect(stage.azure.world.resources.get(uri)?.tags).toMatchObject({ 'build-key': first['build-key'] })
    }
  })

  test('the images of the same source, template and artifact are returned, and nothing is made', async () => {
    // Times do not count.
    await utimes(path.join(stage.workspace, 'app', 'hello.txt'), new Date(0), new Date(0))
    const { result, writes } = await writesDuring(() => run({ ...BOTH, ...SKIP }))
    expect(result.conclusion).toBe('success')
    expect(result.outputs).toMatchObject({
      skipped: 'true',
      'image-uri': first['image-uri'],
      'image-uris': first['image-uris'],
      'image-version': first['image-version'],
      'build-key': first['build-key'],
      'pir-version': first['pir-version'],
    })
    expect(writes).toEqual([])
    expect(result.main.summary).toContain('unchanged')
    expect(result.post?.lines).toEqual(['nothing was created, so there is nothing to clean up'])
  })

  // That the answer is acted upon: above, and 'another script' below.
  test.each<[string, string, Record<string, string>]>([
    ['the same', 'true', {}],
    [
      'a region that the image is not in, which a build would add',
      'true',
      { 'replication-regions': 'eastus, westus2' },
    ],
    ['an image that is kept from being the latest', 'false', { 'exclude-from-latest': 'true' }],
  ])('a dry run says whether the image is there: %s: %s', async (_, skipped, change) => {
    const { main, outputs } = await run({ ...SKIP, ...change, 'dry-run': 'true' }, NO_POST)
    expect(main.lines.join('\n').includes('unchanged: ')).toBe(skipped === 'true')
    expect(outputs['skipped']).toBe(skipped)
  })

  test('another content of the artifact is another managed image', async () => {
    const more = path.join(stage.workspace, 'app', 'more.txt')
    await writeFile(more, 'more')
    const { outputs } = await run({ ...SKIP, ...MANAGED_ALONE, 'dry-run': 'true' }, NO_POST)
    await rm(more)
    expect(outputs['skipped']).toBe('false')
  })

  test('a version that was asked for by number and is another image is refused', async () => {
    const taken = first['image-uri'] ?? ''
    const inputs = { ...SKIP, 'gallery-image-id': taken, 'inline-script': 'echo other' }
    const { main } = await run(inputs, NO_POST)
    expect(main.annotations.map(({ message }) => message).join()).toContain(
      `gallery-image-id: version ${taken.split('/').at(-1) ?? ''} exists already and is another image`,
    )
  })
})

describe('resume', () => {
  test('another leg of a matrix, another script, a first attempt and resume: false build for themselves; a re-run follows', async () => {
    const before = await leftBehind(stage.azure)
    const runs = countRequests(stage.azure, RUNS)
    // A build that main is killed in, on a runner that does not come back.
    pace(stage.azure, { building: HELD })
    await run({}, { interrupt: { kill: momentOf(stage.azure, RUNS) }, ...NO_POST })
    const abandoned = without(await leftBehind(stage.azure), before)
    expect([abandoned.templates.length, abandoned.blobs.length]).toEqual([1, 1])
    const template = stage.azure.world.resources
      .list(IMAGE_TEMPLATES)
      .find(({ name }) => name === abandoned.templates[0])
    const status = (): unknown => template?.properties['lastRunStatus']
    while (!JSON.stringify(status() ?? '').includes('Building')) await delay(20)
    // The run that was left goes on until it is released; the others are brisk.
    pace(stage.azure)
    const own: [Record<string, string>, string][] = [
      [{ 'gallery-image-id': `${GALLERY}/images/base-linux` }, '2'],
      [{ ...SKIP, 'inline-script': 'true' }, '2'],
      [{ resume: 'false' }, '2'],
      [{}, '1'],
    ]
    const jobs = await Promise.all(
      own.map(([change, runAttempt]) => run(change, { job: { runAttempt }, ...NO_POST })),
    )
    expect(status()).toMatchObject({ runState: 'Running' })
    expect(jobs.map(({ outputs }) => [outputs['skipped'], outputs['run-state']])).toEqual(
      own.map(() => ['false', 'Succeeded']),
    )
    expect(jobs.map(({ conclusion }) => conclusion)).toEqual(own.map(() => 'success'))
    expect(jobs.filter(({ log }) => log.includes('taking it over'))).toEqual([])
    expect(runs()).toHaveLength(own.length + 1)
    // Without skip-unchanged, the same is built again.
    const same = jobs.slice(2).map(({ outputs }) => outputs)
    expect(same.map((outputs) => outputs['build-key'])).toEqual([first['build-key'], first['build-key']])
    expect(new Set([first, ...same].map((outputs) => outputs['image-uri'])).size).toBe(3)

    const all = await leftBehind(stage.azure)
    const onLine = (line: string): void => {
      if (line.includes('taking it over')) release(stage.azure)
    }
    const { conclusion, outputs, log } = await run({}, { job: { runAttempt: '2' }, onLine })
    expect(conclusion).toBe('success')
    expect(outputs).toMatchObject({ 'template-name': template?.name, 'run-state': 'Succeeded' })
    expect(log).toContain('taking it over')
    expect(runs()).toHaveLength(own.length + 1)
    expect(stage.azure.world.resources.get(outputs['image-uri'] ?? '')).toBeDefined()
    // What the earlier attempt left has gone with it.
    expect(await leftBehind(stage.azure)).toEqual(without(all, abandoned))
  })

  test('a build that has failed is not taken over, though its template was kept', async () => {
    stage.azure.world.options.build.failCustomizer = { index: 2, exitCode: 1, output: [] }
    const runs = countRequests(stage.azure, RUNS)
    const script = { 'inline-script': 'exit 1' }
    const jobs = [await run(script), await run(script, { job: { runAttempt: '2' }, ...NO_POST })]
    expect(jobs.map(({ outputs }) => outputs['run-state'])).toEqual(['Failed', 'Failed'])
    expect(runs()).toHaveLength(2)
    expect(jobs[1]?.log).not.toContain('taking it over')
  })
})

type Left = Awaited<ReturnType<typeof leftBehind>>

/** What is left, without some of it. */
function without(left: Left, some: Left): Left {
  const rest = (names: string[], others: string[]): string[] => names.filter((name) => !others.includes(name))
  return {
    templates: rest(left.templates, some.templates),
    stagingGroups: rest(left.stagingGroups, some.stagingGroups),
    blobs: rest(left.blobs, some.blobs),
  }
}
