/** The bytes of an archive: unpacked by other programs, compared with the same files, and changed meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFile, chmod, mkdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { digestContent, packArtifact } from '../../src/archive.ts'
import type { ArchiveFormat } from '../../src/artifact-entries.ts'
import { contents, directory, file, link, plant, temporary, type Tree } from '../support/trees.ts'
import { unzip } from '../support/unzip.ts'

const run = promisify(execFile)

let [folder, root] = ['', '']
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ folder, remove } = await temporary())
  root = path.join(folder, 'root')
})
afterEach(() => remove())

const BOTH: ArchiveFormat[] = ['tar.gz', 'zip']
const LONG = 'x'.repeat(120)
/** Every kind of content, under names that both operating systems take. */
const TREE: Tree = {
  empty: '',
  binary: Buffer.from([0, 1, 2, 255, 13, 10]),
  large: randomBytes(300_000),
  'empty folder': {},
  nested: { a: { b: { c: 'deep' } } },
  '-rf': 'dash',
  '@at': 'at',
  _under: 'underscore',
  "it's $HOME `id` %TEMP%": 'quotes',
  'ünï-日本-🚀': { 'é composed': '1', 'e\u0301 decomposed': '2' },
  [LONG]: { [LONG]: { 'over 255': 'long', [`ü${LONG}`]: 'long and not ASCII' }, 'over 100': '' },
}
/** What Linux alone takes or keeps. */
const LINUX_TREE: Tree = {
  ...TREE,
  'new\nline': 'n',
  'back\\slash': 'b',
  'double "quotes" : ?': 'd',
  'trailing ': 't',
  modes: {
    'r--------': file(0o400, 'r'),
    'rw-rw-rw-': file(0o666, 'w'),
    'rwxr-xr-x': file(0o755, '#!/bin/sh'),
    'rwsr-xr-x': file(0o4755, 's'),
    'rwx------': directory(0o700, { inner: '' }),
    rwxrwxrwt: directory(0o1777),
  },
  links: {
    'to-file': link('../empty'),
    'to-folder': link('../nested/a'),
    'to-nothing': link('not there/ünï'),
    'to-far': link(`../${LONG}/${LONG}/ü${LONG}`),
    'to-here': link('.'),
  },
}

async function pack(source: string, format: ArchiveFormat): Promise<{ archive: string; sha256: string }> {
  const packed = await packArtifact(source, format)
  const bytes = await buffer(packed.content)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  expect(await packed.digest()).toMatchObject({ sha256, bytes: bytes.length })
  expect(await packed.digest()).toEqual(await packed.digest())
  const archive = path.join(folder, `packed.${format}`)
  await writeFile(archive, bytes)
  return { archive, sha256 }
}

/** Unpacks by the system's tar, as the build VM does, or as a zip. */
async function unpack(archive: string): Promise<string> {
  const target = path.join(folder, 'unpacked')
  await mkdir(target)
  if (archive.endsWith('zip')) await unzip(archive, target)
  else execFileSync('tar', ['-xpzf', archive, '-C', target])
  return target
}

describe('unpacked again', () => {
  test('a tar holds every byte, mode and link', async () => {
    await plant(root, LINUX_TREE)
    const { archive } = await pack(root, 'tar.gz')
    expect(contents(await unpack(archive))).toEqual(contents(root))
  })

  test('a zip holds every byte', async () => {
    await plant(root, TREE)
    const { archive } = await pack(root, 'zip')
    expect(contents(await unpack(archive), { modes: false })).toEqual(contents(root, { modes: false }))
  })

  test('a zip holds what links lead to', async () => {
    await plant(root, { real: { a: 'a' }, dir: link('real'), file: link('real/a') })
    const { archive } = await pack(root, 'zip')
    expect(contents(await unpack(archive), { modes: false })).toMatchObject({
      dir: 'directory',
      'dir/a': `file ${Buffer.from('a').toString('base64')}`,
      file: `file ${Buffer.from('a').toString('base64')}`,
    })
  })

  test.each(BOTH)('a single file in a %s', async (format) => {
    await plant(root, { 'app.jar': 'jar' })
    const { archive } = await pack(path.join(root, 'app.jar'), format)
    expect(Object.keys(contents(await unpack(archive)))).toEqual(['app.jar'])
  })

  test.each(BOTH)('an empty folder as a %s', async (format) => {
    await plant(root, {})
    const { archive } = await pack(root, format)
    expect(contents(await unpack(archive))).toEqual({})
  })

  test('a tar names no owner', async () => {
    await plant(root, { a: '' })
    const { archive } = await pack(root, 'tar.gz')
    const listed = execFileSync('tar', ['-tvzf', archive, '--numeric-owner', '--utc'], { encoding: 'utf8' })
    expect(listed).toMatch(/ 0\/0 +0 1980-01-01 00:00 a\n$/)
  })
})

/** Packs in a process of its own: `use` is what it does with `archive`, and prints as JSON. */
async function inChild<T>(use: string, format: ArchiveFormat, env: Record<string, string> = {}): Promise<T> {
  const archiveModule = new URL('../../src/archive.ts', import.meta.url).href
  const script = [
    `import { packArtifact } from ${JSON.stringify(archiveModule)}`,
    'const archive = await packArtifact(...process.argv.slice(1))',
    use,
  ].join('\n')
  const parameters = ['--input-type=module', '-e', script, root, format]
  const { stdout } = await run(process.execPath, parameters, { env: { ...process.env, ...env } })
  return JSON.parse(stdout) as T
}

describe.each(BOTH)('the same files give the same %s', (format) => {
  test('twice, after their times changed, and made in another order elsewhere', async () => {
    await plant(root, TREE)
    const first = await pack(root, format)
    await utimes(path.join(root, 'binary'), new Date('2001-02-03'), new Date('2001-02-03'))
    expect(await pack(root, format)).toEqual(first)
    const other = path.join(folder, 'another root')
    await plant(other, Object.fromEntries(Object.entries(TREE).reverse()))
    expect(await pack(other, format)).toEqual(first)
  })

  test('in every time zone', async () => {
    await plant(root, { a: 'a', b: {} })
    const digest =
      'for await (const _ of archive.content); console.log(JSON.stringify(await archive.digest()))'
    const zones = ['UTC', 'Pacific/Auckland', 'America/Los_Angeles', 'Asia/Kolkata']
    const digests = await Promise.all(zones.map((TZ) => inChild<{ sha256: string }>(digest, format, { TZ })))
    expect(new Set(digests.map(({ sha256 }) => sha256)).size).toBe(1)
  })

  test('and others give another', async () => {
    await plant(root, { a: 'one' })
    const { sha256 } = await pack(root, format)
    await writeFile(path.join(root, 'a'), 'two')
    expect((await pack(root, format)).sha256).not.toBe(sha256)
  })
})

test('a tar of other modes is another', async () => {
  await plant(root, { a: file(0o644), b: { a: file(0o755) } })
  const [plain, executable] = [
    await pack(path.join(root, 'a'), 'tar.gz'),
    await pack(path.join(root, 'b/a'), 'tar.gz'),
  ]
  expect(plain.sha256).not.toBe(executable.sha256)
})

/** Packs `tree`, and changes its `second.txt` when packing has begun. */
async function packWhile(
  tree: Tree,
  format: ArchiveFormat,
  change: (name: string) => Promise<void>,
): Promise<void> {
  // The first file fills every buffer, so the second is opened only when the first has been read.
  await plant(root, { ...tree, first: randomBytes(2_000_000) })
  const { content } = await packArtifact(root, format)
  let changed: Promise<void> | undefined
  for await (const chunk of content) if (chunk) await (changed ??= change(path.join(root, 'second.txt')))
}

describe.each(BOTH)('a file that changes while it is packed into a %s', (format) => {
  test.each([
    ['grows', (name: string) => appendFile(name, 'more')],
    ['shrinks', (name: string) => truncate(name, 1)],
    ['vanishes', (name: string) => rm(name)],
  ])('%s: the archive fails and names it', async (_, change) => {
    await expect(packWhile({ 'second.txt': 'second' }, format, change)).rejects.toThrow(/second\.txt/)
  })
})

test('a link is packed into a tar as it was when packing began', async () => {
  await plant(root, { first: 'first', l: link('first') })
  const packed = await packArtifact(root, 'tar.gz')
  await rm(path.join(root, 'l'))
  const archive = path.join(folder, 'packed.tar.gz')
  await writeFile(archive, await buffer(packed.content))
  expect(contents(await unpack(archive))).toMatchObject({ l: 'link first' })
})

describe.each(BOTH)('the digest of the content of a %s', (format) => {
  const digest = (exclude: string[] = []): Promise<string> => digestContent(root, format, exclude)
  const small: Tree = { a: 'one', dir: { b: 'two' }, empty: {}, l: link('a') }

  test('is that of the archive, without packing it', async () => {
    await plant(root, { ...TREE, l: link('empty') })
    const packed = await packArtifact(root, format)
    packed.content.resume()
    const { content, sha256 } = await packed.digest()
    expect(content).toBe(await digest())
    expect(content).toMatch(/^[0-9a-f]{64}$/)
    expect(content).not.toBe(sha256)
  })

  test('stays when nothing but times changes', async () => {
    await plant(root, small)
    const before = await digest()
    await utimes(path.join(root, 'a'), new Date('2001-02-03'), new Date('2001-02-03'))
    expect(await digest()).toBe(before)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a byte', () => writeFile(path.join(root, 'a'), 'eno')],
    ['a name', () => rename(path.join(root, 'dir/b'), path.join(root, 'dir/c'))],
    ['a mode', () => chmod(path.join(root, 'a'), 0o755)],
    ['an empty folder', () => rm(path.join(root, 'empty'), { recursive: true })],
    ['a new file', () => writeFile(path.join(root, 'z'), '')],
    ['what two files hold, exchanged', () => plant(root, { a: 'two', dir: { b: 'one' } })],
  ])('changes with %s', async (_, change) => {
    await plant(root, small)
    const before = await digest()
    await change()
    expect(await digest()).not.toBe(before)
  })

  test('does not see what is left out', async () => {
    await plant(root, small)
    const before = await digest()
    await plant(root, { 'x.log': 'noise' })
    expect(await digest(['*.log'])).toBe(before)
    expect(await digest()).not.toBe(before)
  })
})

test('the digest of the content changes with the target of a link in a tar', async () => {
  await plant(root, { a: '1', b: '1', l: link('a') })
  const before = await digestContent(root, 'tar.gz')
  await rm(path.join(root, 'l'))
  await plant(root, { l: link('b') })
  expect(await digestContent(root, 'tar.gz')).not.toBe(before)
})

test.each(BOTH)('a %s that cannot be read to its end has no digest', async (format) => {
  await plant(root, { first: randomBytes(2_000_000), gone: 'gone' })
  const packed = await packArtifact(root, format)
  await rm(path.join(root, 'gone'))
  packed.content.resume()
  await expect(packed.digest()).rejects.toThrow(/gone/)
})

describe.each(BOTH)('a %s', (format) => {
  test('whose reader leaves lets the process end', async () => {
    await plant(root, { a: randomBytes(2_000_000), b: randomBytes(2_000_000) })
    const leave = 'for await (const _ of archive.content) break; console.log(true)'
    expect(await inChild(leave, format)).toBe(true)
  })

  test('of 300 MB is made in little memory', async () => {
    await plant(root, { sparse: '' })
    await truncate(path.join(root, 'sparse'), 300 * 1024 * 1024)
    const growth = `const before = process.memoryUsage.rss()
      for await (const _ of archive.content);
      console.log(process.resourceUsage().maxRSS * 1024 - before)`
    expect(await inChild<number>(growth, format)).toBeLessThan(150 * 1024 * 1024)
  })
})
