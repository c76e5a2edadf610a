import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import path from 'node:path'
import { archiveFormat, packArtifact } from '../../src/archive.ts'
import { listEntries, type ArchiveFormat } from '../../src/artifact-entries.ts'
import { InputError } from '../../src/errors.ts'
import { linesOf } from '../support/factories.ts'
import { file, link, plant, temporary, type Tree } from '../support/trees.ts'

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

/** The problems that keep a tree from being packed, sorted: they come in the order of the file system. */
async function problems(format: ArchiveFormat, tree: Tree): Promise<string[]> {
  await plant(root, tree)
  const outcome = await listEntries(root, format).catch((error: unknown) => error)
  if (!(outcome instanceof InputError)) throw new Error('No InputError was thrown.')
  return linesOf(outcome).sort()
}

test('every operating system unpacks its own format', () => {
  expect([archiveFormat('Linux'), archiveFormat('Windows')]).toEqual(['tar.gz', 'zip'])
})

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

  test('never .git, at any depth, as a folder or as the file of a submodule', async () => {
    const tree = {
      '.git': { config: 'token' },
      sub: { '.git': 'gitdir: ../.git/modules/sub', deeper: { '.git': { config: '' }, kept: '' } },
      '.github': { 'ci.yml': '' },
      '.gitignore': '',
      'bare.git': { HEAD: '' },
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
    ])
  })

  test('one file, where the build path is a file', async () => {
    await plant(root, { 'app.jar': file(0o640, 'jar') })
    const { entries } = await listEntries(path.join(root, 'app.jar'), format)
    expect(entries.map(({ path: inside, mode, size }) => [inside, mode & 0o777, size])).toEqual([
      ['app.jar', 0o640, 3],
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

  test('the numbers are those of the files', async () => {
    await plant(root, { a: 'four', b: { c: 'six...' }, l: link('a') })
    const archive = await packArtifact(root, format)
    archive.content.resume()
    await once(archive.content, 'end')
    // A zip holds what the link leads to.
    expect([archive.files, archive.contentBytes]).toEqual(format === 'zip' ? [3, 14] : [2, 10])
    expect(archive.contentType).toBe(format === 'zip' ? 'application/zip' : 'application/gzip')
    expect(archive.leftOut).toEqual([])
  })

  test('nothing from a path that does not exist', async () => {
    const missing = path.join(folder, 'missing')
    await expect(packArtifact(missing, format)).rejects.toThrow(
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

/** What is packed of `tree`, and how much was kept out. */
async function listed(
  tree: Tree,
  exclude: string[],
  format: ArchiveFormat = 'tar.gz',
): Promise<{ paths: string[]; excluded: number }> {
  await plant(root, tree)
  const { entries, excluded } = await listEntries(root, format, exclude)
  return { paths: entries.map((entry) => entry.path), excluded }
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
    expect([entries.map((entry) => entry.path), leftOut, excluded]).toEqual([['a'], [], 4])
  })

  test('a single file is taken as it was asked for', async () => {
    await plant(root, { 'app.jar': 'jar', '.aibignore': '*' })
    const { entries, excluded } = await listEntries(path.join(root, 'app.jar'), 'zip', ['*.jar'])
    expect([entries.length, excluded]).toEqual([1, 0])
  })

  test('the archive tells how much was kept out', async () => {
    await plant(root, TREE)
    const archive = await packArtifact(root, 'zip', ['*.log', 'out'])
    archive.content.resume()
    await archive.digest()
    expect([archive.files, archive.excluded]).toEqual([1, 4])
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
    await expect(packArtifact(path.join(root, 'a:b'), 'zip')).rejects.toThrow(
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
