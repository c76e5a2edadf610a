/** What goes into the artifact, what is kept out and what is told about it, over trees of real files. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, utimes } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { packArtifact } from '../../src/archive.ts'
import { listEntries, type ArchiveFormat } from '../../src/artifact-entries.ts'
import { InputError } from '../../src/errors.ts'
import { linesOf } from '../support/factories.ts'
import { directory, file, link, plant, temporary, type Tree } from '../support/trees.ts'

let [folder, root] = ['', '']
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ folder, remove } = await temporary())
  root = path.join(folder, 'root')
})
afterEach(() => remove())

const BOTH: ArchiveFormat[] = ['tar.gz', 'zip']

async function list(format: ArchiveFormat, tree: Tree): Promise<string[]> {
  await plant(root, tree)
  const { entries } = await listEntries(root, format)
  return entries.map(({ kind, path: inside }) => `${kind} ${inside}`)
}

/** The problems that keep a tree from being packed, sorted. */
async function problems(format: ArchiveFormat, tree: Tree): Promise<string[]> {
  await plant(root, tree)
  const outcome = await listEntries(root, format).catch((error: unknown) => error)
  if (!(outcome instanceof InputError)) throw new Error('No InputError was thrown.')
  return linesOf(outcome).sort()
}

describe.each(BOTH)('what goes into a %s', (format) => {
  test('everything below the build path, sorted, folders before what is in them', async () => {
    expect(await list(format, { b: { 'z.txt': '', a: {} }, 'b-x': '', 'a.txt': '', C: 'x' })).toEqual([
      'file C',
      'file a.txt',
      'directory b',
      'file b-x',
      'directory b/a',
      'file b/z.txt',
    ])
  })

  test('by their whole paths, whatever comes between a folder and what is in it', async () => {
    const folders = ['a', 'a!', 'a-', 'a-b', 'a0', 'aa', 'real', '\u{1f680}', '\uff21']
    const inside: Tree = { '!': '', '-': { b: '' }, '0': '', deep: { a: { b: '' }, 'a-': '' }, é: '' }
    await plant(root, {
      ...Object.fromEntries(folders.map((name) => [name, inside])),
      'a.b': '',
      l: link('real'),
      'l-': link('real'),
      'l-b': '',
    })
    const { entries } = await listEntries(root, format)
    const paths = entries.map((entry) => entry.path)
    expect(paths).toHaveLength(format === 'zip' ? 112 : 94)
    expect(paths).toEqual(paths.toSorted())
  })

  test('never .git, at any depth, as a folder or as the file of a submodule', async () => {
    const tree = {
      '.git': { config: 'token' },
      sub: { '.git': 'gitdir: ../.git/modules/sub', deeper: { '.git': { config: '' }, kept: '' } },
      '.github': { 'ci.yml': '' },
      '.gitignore': '',
      'bare.git': { HEAD: '' },
      upper: { '.GIT': { config: 'of a disk where letter case does not count' } },
    }
    expect(await list(format, tree)).toEqual([
      'directory .github',
      'file .github/ci.yml',
      'file .gitignore',
      'directory bare.git',
      'file bare.git/HEAD',
      'directory sub',
      'directory sub/deeper',
      'file sub/deeper/kept',
      'directory upper',
    ])
  })

  test('one file, where the build path is a file', async () => {
    await plant(root, { 'app.jar': file(0o640, 'jar') })
    const { entries } = await listEntries(path.join(root, 'app.jar'), format)
    expect(entries.map(({ path: inside, mode, size }) => [inside, mode & 0o777, size])).toEqual([
      ['app.jar', 0o640, 3],
    ])
  })

  test('the file that a link leads to, where the build path is one', async () => {
    await plant(root, { 'app-1.jar': 'jar', current: link('app-1.jar') })
    const { entries } = await listEntries(path.join(root, 'current'), format)
    expect(entries).toMatchObject([
      { path: 'current', kind: 'file', size: 3, source: path.join(root, 'app-1.jar') },
    ])
  })

  test('what a link leads to, where the build path is one', async () => {
    await plant(folder, { root: { a: '', l: link('a') }, current: link('root') })
    expect((await listEntries(path.join(folder, 'current'), format)).entries).toMatchObject([
      { path: 'a' },
      { path: 'l' },
    ])
  })

  test('nothing from an empty folder', async () => {
    expect(await list(format, {})).toEqual([])
  })

  test('no pipes and sockets, which are named', async () => {
    await plant(root, { a: '', dir: {} })
    execFileSync('mkfifo', [path.join(root, 'dir', 'pipe')])
    const server = createServer().listen(path.join(root, 'a.sock'))
    await once(server, 'listening')
    const { entries, leftOut } = await listEntries(root, format)
    await once(server.close(), 'close')
    expect(entries.map((entry) => entry.path)).toEqual(['a', 'dir'])
    expect(leftOut).toEqual(['a.sock', 'dir/pipe'])
  })

  test('nothing from a path that does not exist', async () => {
    const missing = path.join(folder, 'missing')
    await expect(listEntries(missing, format)).rejects.toThrow(
      new InputError([{ input: 'build-path', message: `'${missing}' does not exist.` }]),
    )
  })

  test.each([
    ['a relative link that leads out', '../secret', '../secret'],
    ['one that leads out and back in', '../root/a', undefined],
    ['a link to the folder above', '..', '..'],
    ['an absolute link', '/etc/passwd', '/etc/passwd'],
    ['an absolute link into the tree', 'ROOT/a', 'ROOT/a'],
  ])('refused: %s', async (_, to, refused) => {
    const target = to.replace('ROOT', root)
    const outcome = problems(format, { a: '', dir: {}, l: link(target) })
    if (refused === undefined) await expect(outcome).rejects.toThrow('No InputError')
    else {
      expect(await outcome).toEqual([
        `build-path: the link 'l' leads out of the build path, to '${target}': remove it.`,
      ])
    }
  })

  test('every mistake is reported at once', async () => {
    expect(await problems(format, { x: link('../../up'), dir: { y: link('/root') } })).toHaveLength(2)
  })
})

test.each(BOTH)('a %s knows when each file was changed, of a link what it stands for', async (format) => {
  await plant(root, { dir: { old: 'x' }, new: 'y', l: link('new') })
  await utimes(path.join(root, 'dir/old'), 1000, 1000)
  await utimes(path.join(root, 'new'), 2000, 2000.25)
  const { entries } = await listEntries(root, format)
  expect(Object.fromEntries(entries.map(({ path: inside, mtimeMs }) => [inside, mtimeMs]))).toEqual({
    dir: 0,
    'dir/old': 1_000_000,
    l: format === 'zip' ? 2_000_250 : 0,
    new: 2_000_250,
  })
})

/** What is packed of `tree`, and how much was kept out. */
async function listed(
  tree: Tree,
  exclude: string[],
  format: ArchiveFormat = 'tar.gz',
): Promise<{ paths: string[]; excluded: number }> {
  await plant(root, tree)
  const { entries, excluded } = await listEntries(root, format, exclude)
  return { paths: entries.map((entry) => entry.path), excluded: excluded.count }
}

describe('what is left out on request', () => {
  const TREE = {
    'a.log': '',
    'keep.log': '',
    src: { 'b.log': '', 'c.ts': '' },
    out: { d: '', deep: { e: '' } },
  }
  test.each<[string, string[], string[], number]>([
    [
      'nothing',
      [],
      ['a.log', 'keep.log', 'out', 'out/d', 'out/deep', 'out/deep/e', 'src', 'src/b.log', 'src/c.ts'],
      0,
    ],
    ['a name at any depth', ['*.log'], ['out', 'out/d', 'out/deep', 'out/deep/e', 'src', 'src/c.ts'], 3],
    ['a folder with all that is in it, counted once', ['out/', '*.log'], ['src', 'src/c.ts'], 4],
    ['a path from the top alone', ['/*.log', 'out'], ['src', 'src/b.log', 'src/c.ts'], 3],
    ['all but one', ['*.log', '!keep.log', 'out'], ['keep.log', 'src', 'src/c.ts'], 3],
    ['what lies below, at any depth', ['**/deep', 'src'], ['a.log', 'keep.log', 'out', 'out/d'], 2],
    [
      'no folder, where a pattern for folders names a file',
      ['keep.log/', 'src', 'out'],
      ['a.log', 'keep.log'],
      2,
    ],
    ['comments and blank lines mean nothing', ['# *.ts', '', 'out', '*.log'], ['src', 'src/c.ts'], 4],
    ['letter case counts', ['*.LOG', 'out', 'src'], ['a.log', 'keep.log'], 2],
    ['everything', ['*'], [], 4],
  ])('%s', async (_, exclude, paths, excluded) => {
    expect(await listed(TREE, exclude)).toEqual({ paths, excluded })
  })

  test('names with blanks, marks and other letters are meant as they are', async () => {
    const tree = { 'my file': '', '[x]': '', ünï: '', '#a': '', '!b': '', kept: '' }
    const exclude = ['my file', String.raw`\[x\]`, 'ünï', String.raw`\#a`, String.raw`\!b`]
    expect(await listed(tree, exclude)).toEqual({ paths: ['kept'], excluded: 5 })
  })

  test('.aibignore in the build path says it as well, and goes along unless it names itself', async () => {
    const tree = { '.aibignore': '# ours\r\n*.log\r\n', 'a.log': '', 'b.txt': '', c: '' }
    expect(await listed(tree, [])).toEqual({ paths: ['.aibignore', 'b.txt', 'c'], excluded: 1 })
    expect(await listed(tree, ['*.txt', '!a.log'])).toEqual({
      paths: ['.aibignore', 'a.log', 'c'],
      excluded: 1,
    })
    await plant(root, { '.aibignore': '.aibignore\n' })
    expect(await listed({}, [])).toEqual({ paths: ['a.log', 'b.txt', 'c'], excluded: 1 })
  })

  test('.aibignore and .gitignore of other folders say nothing', async () => {
    const tree = { '.gitignore': 'a', a: '', sub: { '.aibignore': 'b', b: '' } }
    expect(await listed(tree, [])).toEqual({
      paths: ['.gitignore', 'a', 'sub', 'sub/.aibignore', 'sub/b'],
      excluded: 0,
    })
  })

  test('the path of a linked folder is that of its name in the build path', async () => {
    await plant(root, { 'a.log': '', b: '' })
    await plant(folder, { current: link('root') })
    const { entries } = await listEntries(path.join(folder, 'current'), 'tar.gz', ['/a.log'])
    expect(entries.map((entry) => entry.path)).toEqual(['b'])
  })

  test.each(BOTH)('.git is never in a %s, whatever stands there', async (format) => {
    const tree = {
      '.aibignore': '!.git\n!.git/**\n',
      '.git': { config: 'token' },
      sub: { '.git': '' },
      a: '',
    }
    expect(await listed(tree, ['!.git', '!**/.git', '!.git/config'], format)).toEqual({
      paths: ['.aibignore', 'a', 'sub'],
      excluded: 0,
    })
  })

  test('what is left out is no mistake: names, links and pipes', async () => {
    await plant(root, { 'con.txt': '', out: link('/etc'), gone: link('not/there'), a: '' })
    execFileSync('mkfifo', [path.join(root, 'pipe')])
    const { entries, leftOut, excluded } = await listEntries(root, 'zip', ['con.txt', 'out', 'gone', 'pipe'])
    expect([entries.map((entry) => entry.path), leftOut, excluded.count]).toEqual([['a'], [], 4])
  })

  test('the first ten of them are named, sorted, folders as such', async () => {
    const logs = Array.from({ length: 12 }, (_, index) => `${index + 10}.log`)
    await plant(root, { ...Object.fromEntries(logs.map((name) => [name, ''])), '1': { out: { a: '' } } })
    const { excluded } = await listEntries(root, 'tar.gz', ['*.log', 'out'])
    expect(excluded).toEqual({ count: 13, names: ['1/out/', ...logs.slice(0, 9)] })
  })

  test('what is kept out stays out where a link leads to its folder', async () => {
    await plant(root, { real: { secret: '', deep: { secret: '', kept: '' } }, l: link('real') })
    const { entries, excluded } = await listEntries(root, 'zip', ['/real/secret', '/real/deep/secret'])
    expect(entries.map((entry) => entry.path)).toEqual([
      'l',
      'l/deep',
      'l/deep/kept',
      'real',
      'real/deep',
      'real/deep/kept',
    ])
    expect(excluded.names).toEqual(['l/deep/secret', 'l/secret', 'real/deep/secret', 'real/secret'])
  })

  test('a link to what is kept out is refused in a zip', async () => {
    await plant(root, { 'a.log': '', l: link('a.log') })
    const message = "the link 'l' leads to 'a.log', which is left out: leave it out, too."
    await expect(listEntries(root, 'zip', ['*.log'])).rejects.toThrow(
      new InputError([{ input: 'build-path', message }]),
    )
    expect((await listEntries(root, 'zip', ['*.log', 'l'])).excluded.count).toBe(2)
  })

  test('a single file is taken as it was asked for', async () => {
    await plant(root, { 'app.jar': 'jar', '.aibignore': '*' })
    const { entries, excluded } = await listEntries(path.join(root, 'app.jar'), 'zip', ['*.jar'])
    expect([entries.length, excluded.count]).toEqual([1, 0])
  })
})

test.each(BOTH)('the build path is never part of .git itself, as a %s', async (format) => {
  await plant(root, { '.git': { config: 'token', hooks: {} } })
  await plant(folder, { link: link('root/.git/hooks') })
  for (const inside of ['root/.git', 'root/.git/config', 'root/.git/hooks', 'link']) {
    const buildPath = path.join(folder, inside)
    await expect(listEntries(buildPath, format)).rejects.toThrow(
      new InputError([
        {
          input: 'build-path',
          message: `'${buildPath}' is part of .git, which holds the job's token: it is never packed.`,
        },
      ]),
    )
  }
})

describe('links in a tar', () => {
  test('stay links, to files, folders, upwards and to nothing', async () => {
    const tree = {
      file: '',
      dir: { up: link('../file'), 'to-root': link('..') },
      'to-dir': link('dir'),
      dangling: link('not/there'),
    }
    expect(await list('tar.gz', tree)).toEqual([
      'link dangling',
      'directory dir',
      'link dir/to-root',
      'link dir/up',
      'file file',
      'link to-dir',
    ])
  })
})

describe('links in a zip', () => {
  test('are what they lead to', async () => {
    const tree = {
      real: { 'a.txt': '', deep: { b: '' } },
      dir: link('real/deep'),
      file: link('real/a.txt'),
      chain: link('file'),
    }
    expect(await list('zip', tree)).toEqual([
      'file chain',
      'directory dir',
      'file dir/b',
      'file file',
      'directory real',
      'file real/a.txt',
      'directory real/deep',
      'file real/deep/b',
    ])
  })

  const NO_PART = 'which is not part of the artifact: remove it.'
  test.each<[string, Tree, string]>([
    [
      'to nothing',
      { l: link('not/there') },
      "the link 'l' leads nowhere, to 'not/there'; an image of Windows gets what links lead to.",
    ],
    [
      'into .git',
      { '.git': { config: 'token' }, l: link('.git/config') },
      `the link 'l' leads to '.git/config', ${NO_PART}`,
    ],
    [
      'to .git itself',
      { sub: { '.git': {} }, l: link('sub/.git') },
      `the link 'l' leads to 'sub/.git', ${NO_PART}`,
    ],
    [
      'out of the tree by way of another link',
      { here: link('.'), l: link('here/../outside') },
      "the link 'l' leads out of the build path, to 'here/../outside': remove it.",
    ],
    [
      'to a folder that it is in',
      { a: { b: { l: link('../../a') } } },
      "the link 'a/b/l' leads to a folder that it is in, without end: remove it.",
    ],
    [
      'to the build path itself',
      { l: link('.') },
      "the link 'l' leads to a folder that it is in, without end: remove it.",
    ],
  ])('are refused: %s', async (_, tree, message) => {
    await plant(folder, { outside: 'secret' })
    expect(await problems('zip', tree)).toContain(`build-path: ${message}`)
  })

  test('that lead to each other end', async () => {
    const tree = { a: { l: link('../b') }, b: { l: link('../a') } }
    expect(await problems('zip', tree)).toEqual([
      "build-path: the link 'a/l/l' leads to a folder that it is in, without end: remove it.",
      "build-path: the link 'b/l/l' leads to a folder that it is in, without end: remove it.",
    ])
  })
})

describe('names on Windows', () => {
  test.each([
    'a:b',
    'a?b',
    'a*',
    'a<b>',
    'a|b',
    'a"b',
    'a\\b',
    'a\tb',
    'a\nb',
    'end.',
    'end ',
    'con',
    'NUL.txt',
    'Com1',
    'lpt9.log',
  ])('%j is refused', async (name) => {
    expect(await problems('zip', { dir: { [name]: '' } })).toEqual([
      `build-path: 'dir/${name}' cannot exist on Windows: rename it.`,
    ])
  })

  test('a single file is refused as well', async () => {
    await plant(root, { 'a:b': '' })
    await expect(listEntries(path.join(root, 'a:b'), 'zip')).rejects.toThrow(
      new InputError([{ input: 'build-path', message: "'a:b' cannot exist on Windows: rename it." }]),
    )
  })

  test('a folder is refused as a whole', async () => {
    expect(await problems('zip', { 'a:b': { 'c:d': '' } })).toHaveLength(1)
  })

  test('two that differ in letter case alone cannot lie side by side', async () => {
    expect(await problems('zip', { dir: { README: '', readme: '' } })).toEqual([
      "build-path: 'dir/README' and 'dir/readme' are one name on Windows: rename one.",
    ])
  })

  test.each(['console', 'com10', 'nul-x', '.env', "it's", '-x', '@x', 'ü', ' lead', 'a%b'])(
    '%j is fine',
    async (name) => {
      expect(await list('zip', { [name]: '' })).toEqual([`file ${name}`])
    },
  )

  test('Linux takes them all', async () => {
    expect(await list('tar.gz', { 'a:b': '', con: '', 'end.': '', README: '', readme: '' })).toHaveLength(5)
  })
})

/** A path in the root that ends in the bytes of `name`, which need not be UTF-8. */
function bytePath(name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])
}

describe.each(BOTH)('what cannot be read for a %s', (format) => {
  test('a name that is not UTF-8', async () => {
    await plant(root, { dir: {}, 'gut\ufffd': '', ünï: '' })
    writeFileSync(bytePath('dir/caf\xe9'), '')
    expect(await problems(format, {})).toEqual([
      "build-path: 'dir/caf\ufffd' is a name that is not UTF-8, which cannot be packed: rename or exclude it.",
    ])
    const { entries, excluded } = await listEntries(root, format, ['caf?'])
    expect(entries.map((entry) => entry.path)).toEqual(['dir', 'gut\ufffd', 'ünï'])
    expect(excluded.names).toEqual(['dir/caf\ufffd'])
  })

  test('a link to a name that is not UTF-8', async () => {
    await plant(root, {})
    symlinkSync(Buffer.from('caf\xe9', 'latin1'), path.join(root, 'l'))
    expect(await problems(format, {})).toEqual([
      "build-path: the link 'l' leads to 'caf\ufffd', a name that is not UTF-8: remove or exclude it.",
    ])
  })

  test('a file that vanishes meanwhile', async () => {
    const names = Array.from({ length: 1200 }, (_, index) => `f${index}`)
    await plant(root, { dir: Object.fromEntries(names.map((name) => [name, ''])) })
    const listing = listEntries(root, format).catch((error: unknown) => error)
    // The names have been read by now, the files not all: the walk lets others have their turn.
    for (const name of names) rmSync(path.join(root, 'dir', name))
    const outcome = await listing
    expect(outcome).toBeInstanceOf(InputError)
    for (const line of linesOf(outcome as InputError)) {
      expect(line).toMatch(/^build-path: 'dir\/f\d+' vanished while the build path was read\.$/)
    }
  })

  test('a folder without the right to it', async () => {
    await plant(root, { a: '', closed: directory(0o000, { b: '' }) })
    const refused = await asSomebody(() => problems(format, {}))
    const { entries } = await asSomebody(() => listEntries(root, format, ['closed']))
    await chmod(path.join(root, 'closed'), 0o755)
    expect(refused).toEqual([
      "build-path: 'closed' cannot be read (EACCES): give the runner's user the right to read it, or exclude it.",
    ])
    expect(entries.map((entry) => entry.path)).toEqual(['a'])
  })

  test('the build path itself, and an .aibignore, without the right to them', async () => {
    const remedy = "cannot be read (EACCES): give the runner's user the right to read it, or exclude it."
    await plant(root, { '.aibignore': file(0o000, 'a') })
    expect(await asSomebody(() => problems(format, {}))).toEqual([`build-path: '.aibignore' ${remedy}`])
    await chmod(root, 0o000)
    const inside = path.join(root, 'sub')
    const outcome = await asSomebody(() => listEntries(inside, format).catch((error: unknown) => error))
    await chmod(root, 0o755)
    expect(linesOf(outcome as InputError)).toEqual([`build-path: '${inside}' ${remedy}`])
  })

  test('a build path that is a pipe', async () => {
    await plant(root, {})
    const pipe = path.join(root, 'pipe')
    execFileSync('mkfifo', [pipe])
    await expect(listEntries(pipe, format)).rejects.toThrow(
      new InputError([{ input: 'build-path', message: `'${pipe}' is neither a folder nor a file.` }]),
    )
  })
})

/** Does it without the rights of root, who may read everything. */
async function asSomebody<T>(act: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return act()
  await chmod(folder, 0o755)
  process.seteuid?.(65534)
  try {
    return await act()
  } finally {
    process.seteuid?.(0)
  }
}

test('others get their turn during a long walk', async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `f${index}`)
  await plant(root, Object.fromEntries(names.map((name) => [name, ''])))
  let turns = 0
  const count = (): void => {
    turns += 1
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  await listEntries(root, 'tar.gz')
  clearImmediate(timer)
  expect(turns).toBeGreaterThan(1)
})

describe('what looks like a secret', () => {
  const SECRET = 'planted'
  const TREE: Tree = {
    '.env': `TOKEN=${SECRET}`,
    '.env.example': 'TOKEN=',
    '.npmrc': 'registry=https://registry.example/\n',
    empty: { '.git-credentials': '' },
    web: { '.npmrc': `//registry.example/:_authToken=${SECRET}\n`, 'vault.kdbx': SECRET },
    '.git': { '.env': `TOKEN=${SECRET}` },
  }

  test.each(BOTH)('is named in a %s, sorted, and never quoted', async (format) => {
    await plant(root, TREE)
    expect((await packArtifact(root, format)).credentials).toEqual([
      { path: '.env', kind: 'environment file' },
      { path: 'web/.npmrc', kind: 'npm token' },
      { path: 'web/vault.kdbx', kind: 'password store' },
    ])
  })

  test('is no matter where it is kept out', async () => {
    await plant(root, TREE)
    const { credentials } = await packArtifact(root, 'tar.gz', ['.env', 'web/*'])
    expect(credentials).toEqual([])
  })

  test('is found where the build path is the file', async () => {
    await plant(root, TREE)
    const { credentials } = await packArtifact(path.join(root, '.env'), 'tar.gz')
    expect(credentials).toEqual([{ path: '.env', kind: 'environment file' }])
  })

  test('is found below a link that a zip follows, by the name in the zip', async () => {
    await plant(root, { plain: `TOKEN=${SECRET}`, l: { '.env': link('../plain') } })
    expect((await packArtifact(root, 'zip')).credentials).toEqual([
      { path: 'l/.env', kind: 'environment file' },
    ])
    expect((await packArtifact(root, 'tar.gz')).credentials).toEqual([])
  })

  test('is looked for in the first 64 KiB', async () => {
    const line = `TOKEN=${SECRET}\n`
    const before = (bytes: number): string => '#'.repeat(bytes - 1) + '\n' + line
    await plant(root, { a: { '.env': before(65536 - line.length) }, b: { '.env': before(65536) } })
    const { credentials } = await packArtifact(root, 'tar.gz')
    expect(credentials.map((one) => one.path)).toEqual(['a/.env'])
  })

  test('is none where the file cannot be read: packing tells that', async () => {
    await plant(root, { '.env': file(0o000, `TOKEN=${SECRET}`), '.vault-token': file(0o000, SECRET) })
    const { files, credentials } = await asSomebody(() => packArtifact(root, 'tar.gz'))
    expect(files).toBe(2)
    // The name alone tells of this one.
    expect(credentials).toEqual([{ path: '.vault-token', kind: 'Vault token' }])
  })
})
