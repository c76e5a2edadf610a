/** The build artifact on Linux: what arrives in the image is the workspace, byte for byte, and nothing else. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, truncate } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import {
  artifactOf,
  ARTIFACTS,
  BASIC,
  customizersOf,
  fileSystemOf,
  GIT,
  LONG,
  MIB,
  packable,
  sha256,
  stagedBlob,
  TOKEN,
  TREE,
  workspaces,
} from '../support/artifacts.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { eavesdrop, peakMemory } from '../support/eavesdrop.ts'
import { annotations, openStage, type Stage } from '../support/run-action.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { contents, directory, file, link, type Tree } from '../support/trees.ts'

let stage: Stage
let places: Awaited<ReturnType<typeof workspaces>>
beforeAll(async () => {
  stage = await openStage({ speed: 5000 }, { skipPost: true })
  places = await workspaces()
})
afterAll(async () => {
  await stage.close()
  await places.remove()
})

/** What Linux alone takes or keeps, and all the rest. */
const LINUX_TREE: Tree = {
  ...TREE,
  ...GIT,
  'dou"ble': '15',
  'back\\slash': '16',
  'new\nline': '17',
  'a:b*c?d|e<f>': '18',
  ' blank at both ends ': '19',
  modes: {
    '0400': file(0o400, 'x'),
    '0640': file(0o640, 'x'),
    '0666': file(0o666, 'x'),
    '0755': file(0o755, 'x'),
    '4755': file(0o4755, 'x'),
    'folder 0700': directory(0o700, { inside: 'x' }),
    'folder 0555': directory(0o555, { inside: 'x' }),
    'folder 1777': directory(0o1777),
    'folder 2775': directory(0o2775),
  },
  links: {
    'to a file': link('../empty'),
    'to a folder': link('../hollow/er'),
    'to nothing': link('$(touch y) gone'),
    'to itself': link('.'),
    'far away': link(`../long/${LONG.join('/')}`),
    inner: { upwards: link("../../it's") },
  },
}
/** A backslash among it, which Blob Storage takes for a slash. */
const ODD = `_it's "odd" 한글 $HOME \`id\` 100%#1? [x]* back\\slash`
const LARGE = randomBytes(21 * MIB)

/** What a File customizer or a download reads the artifact with: that one blob, for as long as a build may last. */
function checkUrl(text: string, { startedAt, minutes }: { startedAt: number; minutes: number }): void {
  const url = new URL(text)
  const query = Object.fromEntries(url.searchParams)
  const signer = stage.azure.world.seed.applications[0]?.objectId
  expect(query).toMatchObject({ sr: 'b', sp: 'r', spr: 'https', skoid: signer })
  expect(url.pathname).toMatch(new RegExp(`^/stcontosobuild/${ARTIFACTS}/.+\\.tar\\.gz$`))
  const expiry = Date.parse(query['se'] ?? '')
  expect(expiry).toBeGreaterThan(startedAt + minutes * 60_000)
  expect(expiry).toBeLessThanOrEqual(Date.now() + (minutes + 60) * 60_000)
}

const reason = await whyNoBuildVm()
const inImage = reason === '' ? describe : describe.skip

inImage(`in the image${reason === '' ? '' : ` (skipped, no build VM: ${reason})`}`, () => {
  let [oddRoot, wholeRoot] = ['', '']
  let startedAt = 0
  let jobs: Record<'odd' | 'whole' | 'single' | 'large', JobResult>

  beforeAll(async () => {
    const script = file(0o755, 'echo started')
    oddRoot = await places.make('work space', { [ODD]: LINUX_TREE })
    wholeRoot = await places.make('whole', { ...TREE, ...GIT })
    const singleRoot = await places.make('single', { bin: { "it's @ start.sh": script } })
    const largeRoot = await places.make('large', { big: { bytes: LARGE } })
    execFileSync('mkfifo', [path.join(largeRoot, 'big', 'my pipe')])
    const copy = { 'inline-script': 'sudo cp -a /tmp/_* /opt/out' }
    const whole = { 'build-path': '.', 'build-timeout-in-minutes': '90', cleanup: 'never' }
    const large = { 'build-path': 'big/', cleanup: 'never' }
    startedAt = Date.now()
    jobs = await sideBySide({
      odd: () => stage.run({ 'build-path': ODD, ...copy }, { workspace: oddRoot, secrets: [TOKEN] }),
      whole: () => stage.run(whole, { workspace: wholeRoot, secrets: [TOKEN] }),
      single: () => stage.run({ 'build-path': "bin/it's @ start.sh" }, { workspace: singleRoot }),
      large: () => stage.run(large, { workspace: largeRoot }),
    })
  })

  test.each(['odd', 'whole', 'single', 'large'] as const)(
    'the %s one: the build succeeds, tells no secret and leaves no archive there',
    async (name) => {
      const job = jobs[name]
      expect({ errors: annotations(job, 'error'), leaks: job.leaks }).toEqual({ errors: [], leaks: [] })
      expect(await readdir(path.join(fileSystemOf(stage, job), 'tmp'))).toHaveLength(1)
    },
  )

  test('every name, byte, mode and link is there, in a folder whose name is odd itself', async () => {
    const root = fileSystemOf(stage, jobs.odd)
    expect(await readdir(path.join(root, 'tmp'))).toEqual([ODD])
    const wanted = packable(path.join(oddRoot, ODD))
    expect(contents(path.join(root, 'opt/out'))).toEqual(wanted)
    expect(Object.keys(wanted).length).toBeGreaterThan(50)
  })

  test('the whole workspace bears the name of the repository', () => {
    const root = fileSystemOf(stage, jobs.whole)
    expect(contents(path.join(root, 'tmp/webapp'))).toEqual(packable(wholeRoot))
  })

  test('a single file lies in a folder of its name', () => {
    expect(contents(path.join(fileSystemOf(stage, jobs.single), 'tmp'))).toEqual({
      "it's @ start.sh": '755 directory',
      "it's @ start.sh/it's @ start.sh": `755 file ${Buffer.from('echo started').toString('base64')}`,
    })
  })

  test('what a checkout keeps secret is not in the archive', async () => {
    const archive = gunzipSync(await artifactOf(stage, jobs.whole)).toString('latin1')
    expect(archive).toContain('.gitignore')
    for (const secret of [TOKEN, BASIC, 'extraheader', 'gitdir:', '.git/']) {
      expect({ secret, found: archive.includes(secret) }).toEqual({ secret, found: false })
    }
  })

  test('up to 20 MiB it comes by a File customizer with its digest', async () => {
    const [copy, unpack] = customizersOf(stage, jobs.whole)
    const digest = sha256(await artifactOf(stage, jobs.whole))
    expect(copy).toMatchObject({ type: 'File', sha256Checksum: digest })
    expect(unpack?.type).toBe('Shell')
    checkUrl(copy?.sourceUri ?? '', { startedAt, minutes: 90 })
  })

  test('above 20 MiB the build VM downloads it', async () => {
    const { length } = await artifactOf(stage, jobs.large)
    expect(length).toBeGreaterThan(20 * MIB)
    const [only, ...others] = customizersOf(stage, jobs.large)
    expect([only?.type, others]).toEqual(['Shell', []])
    const [, url = ''] = /^(https:\S+)$/m.exec(only?.inline?.join('\n') ?? '') ?? []
    checkUrl(url, { startedAt, minutes: 240 })
    const log = (await stagedBlob(stage, jobs.large, '/customization.log')).toString()
    const { host, pathname } = new URL(url)
    const megabytes = (length / MIB).toFixed(1)
    expect(log).toContain(`downloading the build artifact (${megabytes} MiB) from ${host}${pathname}\n`)
    expect(log).toContain(`the SHA-256 is right: ${sha256(await artifactOf(stage, jobs.large))}`)
    const arrived = await readFile(path.join(fileSystemOf(stage, jobs.large), 'tmp/big/bytes'))
    expect(arrived.equals(LARGE)).toBe(true)
  })

  test('a pipe is left out and named', async () => {
    expect(annotations(jobs.large, 'warning')).toEqual([expect.stringContaining("'my pipe'")])
    expect(await readdir(path.join(fileSystemOf(stage, jobs.large), 'tmp/big'))).toEqual(['bytes'])
  })
})

test('300 MiB are packed and uploaded in little memory, and the largest files are named', async () => {
  const workspace = await places.make('huge', { app: { huge: '', large: '', small: 'x' } })
  await truncate(path.join(workspace, 'app', 'huge'), 280 * MIB)
  await truncate(path.join(workspace, 'app', 'large'), 20 * MIB)
  const heard = path.join(stage.azure.folder, 'heard')
  await mkdir(heard)
  const cancelled = new AbortController()
  const job = await stage.run(
    {},
    {
      workspace,
      env: eavesdrop(heard),
      interrupt: { cancel: cancelled.signal },
      onLine: (line) => {
        if (line.startsWith('created archive')) cancelled.abort()
      },
    },
  )
  expect(job.log).toContain('packing 3 files, 300 MiB\n')
  expect(job.log).toContain('  the largest: huge (280 MiB), large (20.0 MiB), small (1 byte)\n')
  expect(job.log).toContain(`bytes: ${300 * MIB + 1}`)
  expect(job.leaks).toEqual([])
  expect(await peakMemory(heard)).toBeLessThan(250e6 / MIB)
})
