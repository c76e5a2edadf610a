/** Nothing is built twice: `skip-unchanged`, `build-key`, and `resume` for a re-run of the same workflow run. */
import { writeFile, utimes } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { AT_ANY_PACE, HELD, pace, UNRUN } from '../support/moments.ts'
import {
  GALLERY,
  GROUP,
  IMAGE_TEMPLATES,
  leftBehind,
  NOTHING,
  onStage,
  openStage,
  type Stage,
} from '../support/run-action.ts'

const WRITES = /^(PUT|POST|PATCH|DELETE) \/(?!.*oauth2\/v2\.0\/token)/i
const RUNS = /^POST .*\/imageTemplates\/[^/]+\/run\?/
const SKIP = { 'skip-unchanged': 'true' }
const FAST = { speed: 3000, build: UNRUN }

/** Counts writing requests to Resource Manager and Blob Storage while something is done. */
async function writesDuring<T>(
  stage: Stage,
  act: () => Promise<T>,
): Promise<{ result: T; writes: string[] }> {
  const before = stage.azure.world.requests(WRITES).length
  const result = await act()
  const writes = stage.azure.world
    .requests(WRITES)
    .slice(before)
    .filter(({ service }) => service === 'resource-manager' || service === 'blob')
  return { result, writes: writes.map(({ method, target }) => `${method} ${target}`) }
}

describe('skip-unchanged', () => {
  let stage: Stage
  let first: Record<string, string>
  beforeAll(async () => {
    stage = await openStage(FAST)
    first = (await stage.run()).outputs
  })
  afterAll(() => stage.close())

  test('every build has a key, and its image has it as a tag', () => {
    expect(first['build-key']).toMatch(/^[0-9a-f]{64}$/)
    expect(first['skipped']).toBe('false')
    expect(stage.azure.world.resources.get(first['image-uri'] ?? '')?.tags).toMatchObject({
      'build-key': first['build-key'],
    })
  })

  test('the image of the same source, template and artifact is returned, and nothing is made', async () => {
    // Times do not count.
    await utimes(path.join(stage.workspace, 'app', 'hello.txt'), new Date(0), new Date(0))
    const { result, writes } = await writesDuring(stage, () => stage.run(SKIP))
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

  test('without it, the same is built again', async () => {
    const { outputs } = await stage.run()
    expect(outputs['build-key']).toBe(first['build-key'])
    expect(outputs['image-uri']).not.toBe(first['image-uri'])
  })

  test.each<[string, Record<string, string>]>([
    ['another script', { 'inline-script': 'true' }],
    ['a region that the image is not in', { 'replication-regions': 'eastus, westus2' }],
    ['an image that is kept from being the latest', { 'exclude-from-latest': 'true' }],
  ])('%s is built', async (_, change) => {
    const { outputs } = await stage.run({ ...SKIP, ...change })
    expect(outputs).toMatchObject({ skipped: 'false', 'run-state': 'Succeeded' })
  })

  test('a version that was asked for by number and is another image is refused', async () => {
    const taken = first['image-uri'] ?? ''
    const { main } = await stage.run({ ...SKIP, 'gallery-image-id': taken, 'inline-script': 'echo other' })
    expect(main.annotations.map(({ message }) => message).join()).toContain(
      `gallery-image-id: version ${taken.split('/').at(-1) ?? ''} exists already and is another image`,
    )
  })

  test('a dry run says that the image is there', async () => {
    const { main, outputs } = await stage.run({ ...SKIP, 'dry-run': 'true' })
    expect(main.lines.join('\n')).toContain('unchanged: ')
    expect(outputs['skipped']).toBe('true')
  })

  test('a managed image is compared as well', async () => {
    const managed = {
      'gallery-image-id': '',
      'managed-image-id': `${GROUP}/providers/Microsoft.Compute/images/unchanged`,
      ...SKIP,
    }
    const built = await stage.run(managed)
    const again = await stage.run(managed)
    await writeFile(path.join(stage.workspace, 'app', 'more.txt'), 'more')
    const changed = await stage.run(managed)
    const skipped = [built, again, changed].map(({ outputs }) => outputs['skipped'])
    expect(skipped).toEqual(['false', 'true', 'false'])
  })
})

describe('resume', () => {
  /** Begins a build that main is killed in, on a runner that does not come back. */
  async function abandoned(stage: Stage, inputs: Record<string, string> = {}): Promise<void> {
    const kill = new AbortController()
    const stop = stage.azure.world.watch(({ method, target }) => {
      if (RUNS.test(`${method} ${target}`)) kill.abort()
    })
    await stage.run(inputs, { interrupt: { kill: kill.signal }, skipPost: true })
    stop()
  }

  test('a re-run follows the template that an earlier attempt left building', async () => {
    await onStage({ speed: 300 }, async (stage) => {
      await abandoned(stage)
      const [template] = stage.azure.world.resources.list(IMAGE_TEMPLATES)
      const { conclusion, outputs, main } = await stage.run({}, { job: { runAttempt: '2' } })
      expect(conclusion).toBe('success')
      expect(outputs).toMatchObject({ 'template-name': template?.name, 'run-state': 'Succeeded' })
      expect(main.lines.join('\n')).toContain('taking it over')
      expect(stage.azure.world.requests(RUNS)).toHaveLength(1)
      expect(stage.azure.world.resources.get(outputs['image-uri'] ?? '')).toBeDefined()
      expect(await leftBehind(stage.azure)).toEqual(NOTHING)
    })
  })

  test('another leg of a matrix, another script, a first attempt and resume: false build for themselves', async () => {
    await onStage(AT_ANY_PACE, async (stage) => {
      pace(stage.azure, { building: HELD })
      await abandoned(stage)
      const [template] = stage.azure.world.resources.list(IMAGE_TEMPLATES)
      const status = (): unknown => template?.properties['lastRunStatus']
      while (!JSON.stringify(status() ?? '').includes('Building')) await delay(20)
      // The run that was left goes on for as long as this test; the others are brisk.
      pace(stage.azure)
      const own: [Record<string, string>, string][] = [
        [{ 'gallery-image-id': `${GALLERY}/images/base-linux` }, '2'],
        [{ 'inline-script': 'true' }, '2'],
        [{ resume: 'false' }, '2'],
        [{}, '1'],
      ]
      const jobs = await Promise.all(
        own.map(([change, runAttempt]) => stage.run(change, { job: { runAttempt } })),
      )
      expect(status()).toMatchObject({ runState: 'Running' })
      expect(jobs.map(({ conclusion }) => conclusion)).toEqual(own.map(() => 'success'))
      expect(jobs.filter(({ log }) => log.includes('taking it over'))).toEqual([])
      expect(stage.azure.world.requests(RUNS)).toHaveLength(own.length + 1)
    })
  })

  test('a build that has failed is not taken over, though its template was kept', async () => {
    await onStage(
      { ...FAST, build: { ...UNRUN, failCustomizer: { index: 2, exitCode: 1, output: [] } } },
      async (stage) => {
        const script = { 'inline-script': 'exit 1' }
        const jobs = [await stage.run(script), await stage.run(script, { job: { runAttempt: '2' } })]
        expect(jobs.map(({ outputs }) => outputs['run-state'])).toEqual(['Failed', 'Failed'])
        expect(stage.azure.world.requests(RUNS)).toHaveLength(2)
        expect(jobs[1]?.log).not.toContain('taking it over')
      },
    )
  })
})
