/**
 * The bytes of an archive: unpacked again, compared with the same files, and changed meanwhile. Trees of chance and the
 * programs that unpack them are in archive-fuzz.test.ts.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, lstatSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import {
  appendFile,
  chmod,
  mkdir,
  open,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { openPromise } from 'yauzl'
import { digestContent, packArtifact, pieces } from '../../src/archive.ts'
import { listEntries, type ArchiveFormat } from '../../src/artifact-entries.ts'
import { ArtifactError, InputError } from '../../src/errors.ts'
import { gzipMember, type PackedPiece, type PieceTask } from '../../src/pack-piece.ts'
import { Packers } from '../../src/packers.ts'
import { TAR_END } from '../../src/tar-format.ts'
import { atEachPart, bytesOf, packInto } from '../support/archives.ts'
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
const MIB = 1024 * 1024
const testOnLinux = process.platform === 'linux' ? test : test.skip
const LONG = 'x'.repeat(120)
/** Every kind of content, under names that both operating systems take. */
const TREE: Tree = {
  empty: '',
  binary: Buffer.from([0, 1, 2, 255, 13, 10]),
  large: randomBytes(100_000),
  sliced: Buffer.concat([randomBytes(MIB), Buffer.alloc(MIB, 'a line of text\n'), Buffer.from('end')]),
  // More than a piece of the archive holds.
  parts: Object.fromEntries(
    Array.from({ length: 24 }, (_, at) => [`${at}`, Buffer.alloc(60_000, `part ${at}`)]),
  ),
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
  const target = path.join(folder, `packed.${format}`)
  const { archive, sha256, bytes } = await packInto(target, source, format)
  expect(archive.digest()).toMatchObject({ sha256, bytes })
  expect(archive.digest()).toEqual(archive.digest())
  return { archive: target, sha256 }
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
  testOnLinux('a tar holds every byte, mode and link', async () => {
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

  test('a tar.gz says neither when nor on which system it was packed', async () => {
    await plant(root, { a: '' })
    const bytes = await bytesOf(await packArtifact(root, 'tar.gz'))
    // RFC 1952: four bytes of time, flags, and 255 for an unknown system.
    expect([...bytes.subarray(4, 8), bytes[9]]).toEqual([0, 0, 0, 0, 255])
  })

  test('a tar names no owner', async () => {
    await plant(root, { a: '' })
    const { archive } = await pack(root, 'tar.gz')
    const listed = execFileSync('tar', ['-tvzf', archive, '--numeric-owner', '--utc'], { encoding: 'utf8' })
    expect(listed).toMatch(/ 0\/0 +0 1980-01-01 00:00 a\n$/)
  })
})

/** Runs a script in a process of its own, which knows `readThrough` and what `packArtifact` is; it prints JSON. */
async function inChild<T>(use: string, ...args: string[]): Promise<T> {
  const archiveModule = new URL('../../src/archive.ts', import.meta.url).href
  const script = path.join(folder, 'use.mjs')
  const imports = `import { packArtifact, readThrough } from ${JSON.stringify(archiveModule)}`
  await writeFile(script, [imports, use].join('\n'))
  const { stdout } = await run(process.execPath, [script, root, ...args])
  return JSON.parse(stdout) as T
}

/** All pieces, packed at the same time. */
async function packedBy(
  cores: number,
  form: PieceTask['form'],
  entries: PieceTask['slices'][number]['entry'][],
): Promise<Buffer> {
  const packers = new Packers(cores)
  try {
    const packing: Promise<PackedPiece>[] = []
    for await (const slices of pieces([entries], MIB)) packing.push(packers.pack({ form, slices }))
    const packed = await Promise.all(packing)
    expect(packed.length).toBeGreaterThan(cores)
    return Buffer.concat(packed.map(({ bytes }) => bytes))
  } finally {
    await packers.close()
  }
}

describe.each(BOTH)('the same files give the same %s', (format) => {
  test('twice, after their times changed, and made in another order elsewhere', async () => {
    await plant(root, TREE)
    const first = await pack(root, format)
    const other = path.join(folder, 'another root')
    await plant(other, Object.fromEntries(Object.entries(TREE).reverse()))
    await utimes(path.join(other, 'binary'), new Date('2001-02-03'), new Date('2001-02-03'))
    expect(await pack(other, format)).toEqual(first)
  })

  test('on one core and on many', async () => {
    await plant(root, { ...TREE, more: randomBytes(4 * MIB + 1) })
    const form = format === 'zip' ? 'deflate' : 'gzip'
    const { entries } = await listEntries(root, format)
    const one = await packedBy(1, form, entries)
    expect(one.equals(await packedBy(6, form, entries))).toBe(true)
    if (format === 'zip') return
    const bytes = await bytesOf(await packArtifact(root, format))
    expect(bytes.equals(Buffer.concat([one, gzipMember(TAR_END)]))).toBe(true)
  })

  test('and others give another', async () => {
    await plant(root, { a: 'one' })
    const { sha256 } = await pack(root, format)
    await writeFile(path.join(root, 'a'), 'two')
    expect((await pack(root, format)).sha256).not.toBe(sha256)
  })
})

test('in every time zone the same files give the same archives', async () => {
  await plant(root, { a: 'a', b: {} })
  const digests = `const told = []
    for (const zone of ['Pacific/Auckland', 'America/Los_Angeles']) {
      process.env.TZ = zone
      for (const format of process.argv.slice(3)) {
        const archive = await packArtifact(process.argv[2], format)
        await readThrough(archive)
        told.push([new Date(0).getHours(), archive.digest().sha256])
      }
    }
    console.log(JSON.stringify(told))`
  const [first, second, ...others] = await inChild<[hours: number, sha256: string][]>(digests, ...BOTH)
  expect(others).toEqual([
    [16, first?.[1]],
    [16, second?.[1]],
  ])
  expect([first?.[0], second?.[0]]).toEqual([12, 12])
})

test('a tar of other modes is another', async () => {
  await plant(root, { a: file(0o644), b: { a: file(0o755) } })
  const [plain, executable] = [
    await pack(path.join(root, 'a'), 'tar.gz'),
    await pack(path.join(root, 'b/a'), 'tar.gz'),
  ]
  expect(plain.sha256).not.toBe(executable.sha256)
})

type Change = (name: string) => Promise<unknown>

/** Puts something else where the file was. */
const instead =
  (make: Change): Change =>
  async (name) => {
    await rename(name, path.join(folder, 'was here'))
    await make(name)
  }

/** When the files that change were written: whole seconds, which can be set again. */
const WRITTEN = new Date('2001-02-03')

const CHANGES: [what: string, change: Change][] = [
  ['grows', (name) => appendFile(name, 'more')],
  ['shrinks', (name) => truncate(name, 1)],
  ['loses all it held', (name) => truncate(name, 0)],
  ['is written again', (name) => utimes(name, new Date('2001-02-04'), new Date('2001-02-04'))],
  ['grows, as if not written', (name) => appendFile(name, 'more').then(() => utimes(name, WRITTEN, WRITTEN))],
  ['vanishes', (name) => rm(name)],
  ['becomes a folder', instead((name) => mkdir(name))],
]
const LINUX_CHANGES: [what: string, change: Change][] = [
  // Of the same size and time: nothing but that it is a link tells them apart.
  ['becomes a link to one like it', instead((name) => symlink(path.join(folder, 'was here'), name))],
  ['becomes a pipe', instead((name) => run('mkfifo', [name]))],
  ['has no folder any more', (name) => rename(path.dirname(name), path.join(folder, 'was here'))],
]

describe.each(BOTH)('a file that changes after it was put on the list of a %s', (format) => {
  const fails = async (
    change: Change,
    { text = 'second', words = /^'dir\/second\.txt' / }: { text?: string; words?: string | RegExp } = {},
  ): Promise<void> => {
    await plant(root, { first: '1', dir: { 'second.txt': text, third: '3' } })
    await utimes(path.join(root, 'dir/second.txt'), WRITTEN, WRITTEN)
    const archive = await packArtifact(root, format)
    await change(path.join(root, 'dir/second.txt'))
    await expect(bytesOf(archive)).rejects.toThrow(words)
    expect(() => archive.digest()).toThrow(/not been read to its end/)
  }

  test.each(CHANGES)('and %s fails the archive and is named', (_, change) => fails(change))
  testOnLinux.each(LINUX_CHANGES)('and %s fails the archive and is named', (_, change) => fails(change))

  const asRoot = process.getuid?.() === 0
  const testOfRights = asRoot || process.platform === 'win32' ? test.skip : test
  testOfRights(
    `and may not be read fails the archive and is named${asRoot ? ' (root may read all)' : ''}`,
    () => fails((name) => chmod(name, 0)),
  )

  test('and vanishes is told in these words', () =>
    fails((name) => rm(name), { words: "'dir/second.txt' vanished while it was packed." }))

  test('and was empty before fails the archive and is named', () =>
    fails((name) => appendFile(name, 'no more'), { text: '' }))
})

/** Packs a large file, and changes `second.txt` when packing has begun. */
async function packWhile(format: ArchiveFormat, change: Change): Promise<void> {
  // Behind more pieces than are under way at any time.
  await plant(root, { 'second.txt': 'second', first: '' })
  await truncate(path.join(root, 'first'), 10 * MIB)
  await utimes(path.join(root, 'second.txt'), WRITTEN, WRITTEN)
  let changed: Promise<unknown> | undefined
  await atEachPart(
    await packArtifact(root, format),
    () => (changed ??= change(path.join(root, 'second.txt'))),
  )
}

describe.each(BOTH)('a file that changes while it is packed into a %s', (format) => {
  const changes = CHANGES.filter(([what]) => ['grows', 'shrinks', 'vanishes'].includes(what))
  test.each(changes)('%s: the archive fails and names it', async (_, change) => {
    await expect(packWhile(format, change)).rejects.toThrow(/second\.txt/)
  })

  test('in its middle: the archive fails and names it', async () => {
    await plant(root, { large: '' })
    const large = path.join(root, 'large')
    await truncate(large, 10 * MIB)
    const { mtime } = await stat(large)
    let changed = false
    const packing = atEachPart(await packArtifact(root, format), async () => {
      if (changed) return
      changed = true
      const file = await open(large, 'r+')
      await file.write('x', 9 * MIB)
      await file.close()
      await utimes(large, mtime, new Date(mtime.getTime() + 1000))
    })
    await expect(packing).rejects.toThrow("'large' changed while it was packed.")
  })
})

test('a link is packed into a tar as it was when packing began', async () => {
  await plant(root, { first: 'first', l: link('first') })
  const packed = await packArtifact(root, 'tar.gz')
  await rm(path.join(root, 'l'))
  const archive = path.join(folder, 'packed.tar.gz')
  await writeFile(archive, await bytesOf(packed))
  expect(contents(await unpack(archive))).toMatchObject({ l: 'link first' })
})

describe.each(BOTH)('the digest of the content of a %s', (format) => {
  const digest = async (exclude: string[] = []): Promise<string> =>
    (await digestContent(root, format, exclude)).digest
  const large = Buffer.alloc(2 * MIB + 1, 'text\n')
  const small: Tree = { a: 'one', dir: { b: 'two' }, empty: {}, l: link('a') }

  test('is that of the archive, without packing it; until this is read to its end, none is told', async () => {
    await plant(root, { ...TREE, l: link('empty') })
    const packed = await packArtifact(root, format)
    const noDigest = 'The archive has not been read to its end.'
    expect(() => packed.digest()).toThrow(noDigest)
    let [parts, told] = [0, 0]
    for await (const { contentBytes } of packed.content) {
      expect(() => packed.digest()).toThrow(noDigest)
      parts += 1
      told += contentBytes
    }
    expect(parts).toBeGreaterThan(3)
    // The parts add up to what the files hold.
    expect(told).toBe(packed.contentBytes)
    const { content, sha256 } = packed.digest()
    expect(sha256).toMatch(/^[0-9a-f]{64}$/)
    expect(content).toEqual(await digestContent(root, format))
    expect(content.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(content.digest).not.toBe(sha256)
  })

  test('stays when nothing but times changes', async () => {
    await plant(root, small)
    const before = await digest()
    await utimes(path.join(root, 'a'), new Date('2001-02-03'), new Date('2001-02-03'))
    expect(await digest()).toBe(before)
  })

  test('changes with the last byte of a large file, and with a slice of it', async () => {
    const slice = Buffer.from(large).fill('more\n', MIB, 2 * MIB)
    const found: string[] = []
    for (const bytes of [large, large.with(-1, 0), slice]) {
      await plant(root, { large: Buffer.from(bytes) })
      found.push(await digest())
    }
    expect(new Set(found).size).toBe(3)
  })

  test.each<[string, () => Promise<unknown>]>([
    ['a byte', () => writeFile(path.join(root, 'a'), 'eno')],
    ['a name', () => rename(path.join(root, 'dir/b'), path.join(root, 'dir/c'))],
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

/** Whether a change to the tree that is there changes the digest. */
async function changesDigest(
  format: (typeof BOTH)[number],
  change: () => Promise<unknown>,
): Promise<boolean> {
  const { digest: before } = await digestContent(root, format)
  await change()
  return (await digestContent(root, format)).digest !== before
}

/** What the digest of a tree for Linux is made of, as no release may change it: images would all be built again. */
function digestOf(tree: string): string {
  const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
  const contentOf = (bytes: Buffer): string => {
    const slices = Array.from({ length: Math.ceil(bytes.length / MIB) }, (_, at) =>
      sha256(bytes.subarray(at * MIB, (at + 1) * MIB)),
    )
    return (slices.length > 1 ? sha256(Buffer.concat(slices)) : sha256(bytes)).toString('hex')
  }
  const lines = Object.keys(contents(tree))
    .sort()
    .map((name) => {
      const found = lstatSync(path.join(tree, name))
      const mode = (found.mode & 0o7777).toString(8)
      if (found.isDirectory()) return [name, 'directory', mode, '']
      if (found.isSymbolicLink()) return [name, 'link', mode, readlinkSync(path.join(tree, name))]
      return [name, 'file', mode, contentOf(readFileSync(path.join(tree, name)))]
    })
  return sha256(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))).toString('hex')
}

testOnLinux(
  'the digest of the content is what it was in every release, and in every size of a tree',
  async () => {
    await plant(root, { ...LINUX_TREE, 'nested-': '', 'nested!': {} })
    // More pieces than are under way at any time, and more entries than are found in a turn.
    const many = Array.from({ length: 24 }, (_, at) => [`large ${at}`, randomBytes(MIB + at)] as const)
    const tiny = Array.from({ length: 1200 }, (_, at) => [`${at}`, `${at}`] as const)
    await plant(path.join(root, 'more'), { ...Object.fromEntries(many), tiny: Object.fromEntries(tiny) })
    expect((await digestContent(root, 'tar.gz')).digest).toBe(digestOf(root))
  },
)

test('all that keeps a tree from being packed keeps it from being digested, whatever was digested before', async () => {
  await plant(root, { a: randomBytes(4 * MIB), dir: { l: link('/') }, z: link('..') })
  const digesting = digestContent(root, 'tar.gz')
  await expect(digesting).rejects.toThrow(InputError)
  await expect(digesting).rejects.toThrow(/'dir\/l' leads out[^]*'z' leads out/)
})

test.each<[string, (name: string) => void]>([
  ['vanishes', rmSync],
  [
    'grows',
    (name) => {
      appendFileSync(name, 'more')
    },
  ],
])('a file that %s before its turn to be digested fails the digest and is named', async (_, change) => {
  // The first of so many are found before others get their turn, and read after that.
  await plant(root, Object.fromEntries(Array.from({ length: 1200 }, (__, at) => [`f${at}`, ''])))
  const digesting = digestContent(root, 'tar.gz')
  setImmediate(change, path.join(root, 'f0'))
  await expect(digesting).rejects.toThrow(ArtifactError)
  await expect(digesting).rejects.toThrow(/^'f0' /)
})

test('the digest of the content changes with the target of a link in a tar', async () => {
  await plant(root, { a: '1', b: '1', l: link('a') })
  const relink = async (): Promise<void> => {
    await rm(path.join(root, 'l'))
    await plant(root, { l: link('b') })
  }
  expect(await changesDigest('tar.gz', relink)).toBe(true)
})

test('the digest of the content changes with a mode for Linux, and not for Windows, which knows none', async () => {
  await plant(root, { a: 'one' })
  const modeOf = (mode: number) => () => chmod(path.join(root, 'a'), mode)
  expect(await changesDigest('tar.gz', modeOf(0o755))).toBe(true)
  expect(await changesDigest('zip', modeOf(0o700))).toBe(false)
})

test('what the digest is made of is told of files and links, not of folders', async () => {
  await plant(root, { a: 'one', dir: { b: 'two' }, l: link('a') })
  const { lines } = await digestContent(root, 'tar.gz')
  expect(lines.map(([name]) => name)).toEqual(['a', 'dir/b', 'l'])
  expect(lines.map(([, content]) => content)).toEqual([
    expect.stringMatching(/^[0-9a-f]{64}$/),
    expect.stringMatching(/^[0-9a-f]{64}$/),
    'a',
  ])
})

describe.each(BOTH)('what is compressed already, in a %s,', (format) => {
  const grown = async (): Promise<number> => {
    const archive = await packArtifact(root, format)
    const { length } = await bytesOf(archive)
    return length / archive.contentBytes
  }

  test('grows by less than a thousandth', async () => {
    const tree = { a: randomBytes(500_000), b: randomBytes(MIB), c: randomBytes(2 * MIB + 5) }
    await plant(root, { ...tree, small: randomBytes(40_000) })
    expect(await grown()).toBeLessThan(1.001)
  })

  test('does not keep text from being made small', async () => {
    const text = Buffer.alloc(MIB, 'a line of text that comes again and again\n')
    await plant(root, { large: Buffer.concat([text, text]), random: randomBytes(50_000), text })
    expect(await grown()).toBeLessThan(0.1)
  })
})

test('a zip holds as it is what is compressed already, up to a MiB, and deflates the rest', async () => {
  const text = Buffer.alloc(100_000, 'a line of text that comes again and again\n')
  const squeezed = { tiny: randomBytes(20), small: randomBytes(40_000), mib: randomBytes(MIB) }
  await plant(root, { ...squeezed, text, empty: '', 'more than a mib': randomBytes(MIB + 1) })
  const { archive } = await pack(root, 'zip')
  const zip = await openPromise(archive)
  const methods: Record<string, number> = {}
  for await (const { fileName, compressionMethod } of zip.eachEntry()) methods[fileName] = compressionMethod
  expect(methods).toEqual({ tiny: 0, small: 0, mib: 0, empty: 0, text: 8, 'more than a mib': 8 })
})

test.each(BOTH)(
  'a process that packs a %s ends when a reader leaves, keeps no thread, and takes no more memory for ten times as much',
  async (format) => {
    await plant(root, { sparse: '' })
    // The first archive starts the threads, which take their memory. Linux alone tells how many threads there are.
    const found = `const { existsSync, readdirSync, truncateSync } = await import('node:fs')
      const archiveOf = (mebibytes) => {
        truncateSync(process.argv[2] + '/sparse', mebibytes * ${MIB})
        return packArtifact(...process.argv.slice(2))
      }
      const threads = () => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0)
      await readThrough(await archiveOf(10))
      const [memory, before] = [process.resourceUsage().maxRSS, threads()]
      await readThrough(await archiveOf(100))
      const grown = (process.resourceUsage().maxRSS - memory) * 1024
      for (const isRead of [true, false, true, false]) {
        const another = await archiveOf(3)
        if (isRead) await readThrough(another)
        else for await (const part of another.content) break
      }
      console.log(JSON.stringify({ grown, more: threads() - before }))`
    const { grown, more } = await inChild<{ grown: number; more: number }>(found, format)
    expect(more).toBeLessThan(2)
    expect(grown).toBeLessThan(40 * MIB)
  },
)
