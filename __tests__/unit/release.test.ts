/** What a release has to say, which tags move with it, and that nothing moves backwards: on real git repositories. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  distProblems,
  movingTags,
  moveTags,
  publishArguments,
  releaseNotes,
  versionOf,
  versionProblems,
  type Files,
} from '../../scripts/release.ts'
import { VERSION } from '../../src/version.ts'

const root = path.join(import.meta.dirname, '..', '..')

test.each([
  ['v1.2.3', { text: '1.2.3', numbers: [1, 2, 3], isPreRelease: false }],
  ['v0.10.0', { text: '0.10.0', numbers: [0, 10, 0], isPreRelease: false }],
  ['v1.2.3-rc.1', { text: '1.2.3-rc.1', numbers: [1, 2, 3], isPreRelease: true }],
  ['v1', undefined],
  ['v1.2', undefined],
  ['v01.2.3', undefined],
  ['1.2.3', undefined],
  ['v1.2.3 ', undefined],
  ['v1.2.3+build', undefined],
  ['v1.2.3;id', undefined],
])('%s is read as %j', (tag, version) => {
  expect(versionOf(tag)).toEqual(version)
})

test.each([
  ['the first of all', 'v1.0.0', [], ['v1', 'v1.0']],
  ['the next patch', 'v1.2.3', ['v1.2.2', 'v1.2.3', 'v1.2', 'v1'], ['v1', 'v1.2']],
  ['the next minor', 'v1.10.0', ['v1.9.9'], ['v1', 'v1.10']],
  ['a patch of an older minor', 'v1.2.3', ['v1.3.0', 'v1.2.2'], ['v1.2']],
  ['the next major', 'v2.0.0', ['v1.9.0'], ['v2', 'v2.0']],
  ['a patch of an older major', 'v1.9.1', ['v1.9.0', 'v2.0.0'], ['v1', 'v1.9']],
  ['a patch that a later one overtook', 'v1.2.3', ['v1.2.10'], []],
  ['a pre-release', 'v1.3.0-rc.1', ['v1.2.0'], []],
  ['a release before a pre-release', 'v1.2.3', ['v1.3.0-rc.1', 'v1.2.4-rc.1'], ['v1', 'v1.2']],
  ['the same again', 'v1.2.3', ['v1.2.3'], ['v1', 'v1.2']],
  ['no release', 'nightly', [], []],
])('with %s, %s, among %j move %j', (_, tag, tags, moved) => {
  expect(movingTags(tag, tags)).toEqual(moved)
})

test.each([
  ['v1.2.3', ['v1.2.3', 'v1.2.2'], false, ['create', '--prerelease=false', '--latest=true']],
  ['v1.2.3', ['v1.2.3'], true, ['edit', '--prerelease=false', '--latest=true']],
  ['v1.2.3', ['v1.3.0'], false, ['create', '--prerelease=false', '--latest=false']],
  ['v1.3.0-rc.1', ['v1.2.0'], false, ['create', '--prerelease=true', '--latest=false']],
])('%s among %j, there already: %s, is published by gh release %j', (tag, tags, exists, [verb, ...flags]) => {
  expect(publishArguments(tag, tags, exists)).toEqual([
    'release',
    verb,
    tag,
    '--verify-tag',
    '--title',
    tag,
    '--notes-file',
    '-',
    ...flags,
  ])
})

const CHANGELOG = `# Changelog

## [1.2.3] - 2026-11-22

### Fixed

- Sysprep.

## [1.2.2] - 2026-10-01

- Older.
`
const FILES: Files = {
  'package.json': '{"version":"1.2.3"}',
  'package-lock.json': '{"version":"1.2.3"}',
  'src/version.ts': "export const VERSION = '1.2.3'\n",
  'CHANGELOG.md': CHANGELOG,
  '.github/workflows/build.yml': '- uses: org/aib-action@v1.2.3\n- uses: org/aib-action/plan@v1.2.3\n',
}

describe('a release says one version', () => {
  test('and then nothing is wrong', () => {
    expect(versionProblems('v1.2.3', FILES)).toEqual([])
  })

  test.each([
    ['package.json', '{"version":"1.2.2"}', 'package.json says 1.2.2, not 1.2.3.'],
    ['package-lock.json', '{}', 'package-lock.json says nothing, not 1.2.3.'],
    ['src/version.ts', "export const VERSION = '1.2.4'", 'src/version.ts says 1.2.4, not 1.2.3.'],
    [
      '.github/workflows/build.yml',
      'uses: org/aib-action@v1.2.3\nuses: org/aib-action/plan@v1.2.2',
      '.github/workflows/build.yml says 1.2.2, not 1.2.3.',
    ],
    ['CHANGELOG.md', CHANGELOG.replace('[1.2.3]', '[Unreleased]'), 'CHANGELOG.md has no section [1.2.3].'],
    [
      'CHANGELOG.md',
      CHANGELOG.replace('2026-11-22', 'unreleased'),
      "CHANGELOG.md does not date the section [1.2.3]: '## [1.2.3] - unreleased'.",
    ],
    [
      'CHANGELOG.md',
      '## [1.2.3] - 2026-11-22\n\n## [1.2.2] - 2026-10-01\n',
      'CHANGELOG.md says nothing of 1.2.3.',
    ],
  ])('%s: %j', (file, text, problem) => {
    expect(versionProblems('v1.2.3', { ...FILES, [file]: text })).toEqual([problem])
  })

  test('all that is wrong is said at once', () => {
    expect(versionProblems('v1.2.4', FILES)).toHaveLength(5)
    expect(versionProblems('release', FILES)).toEqual([
      'release is no version such as v1.2.3 or v1.2.3-rc.1.',
    ])
  })

  test('and this repository does, but for the date', () => {
    const names = [
      'package.json',
      'package-lock.json',
      'src/version.ts',
      'CHANGELOG.md',
      '.github/workflows/build-image.yml',
    ]
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(path.join(root, name), 'utf8')]))
    const undated = (problem: string): boolean => problem.includes('does not date the section')
    expect(versionProblems(`v${VERSION}`, files).filter((problem) => !undated(problem))).toEqual([])
  })
})

test('the notes are the section, without its heading', () => {
  expect(releaseNotes(CHANGELOG, '1.2.3')).toBe('### Fixed\n\n- Sysprep.')
  expect(releaseNotes(CHANGELOG, '1.2.2')).toBe('- Older.')
  expect(releaseNotes(CHANGELOG, '1.2')).toBeUndefined()
})

describe('in a repository', () => {
  let folder: string
  let checkout: string
  const git = (...args: string[]): string =>
    execFileSync(
      'git',
      ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgSign=false', ...args],
      {
        cwd: checkout,
        encoding: 'utf8',
      },
    ).trim()

  /** Commits, tags and pushes the tag, as a maintainer does. @returns the commit */
  function release(tag: string): string {
    writeFileSync(path.join(checkout, 'dist', 'index.js'), `// ${tag}\n`)
    git('add', '.')
    git('commit', '--quiet', '-m', tag)
    git('-c', 'tag.gpgSign=false', 'tag', '-a', '-m', tag, tag)
    git('push', '--quiet', 'origin', 'HEAD', tag)
    return git('rev-parse', 'HEAD')
  }
  const at = (tag: string): string => git('ls-remote', 'origin', `refs/tags/${tag}`).split('\t')[0] ?? ''

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'aib-release-'))
    checkout = path.join(folder, 'checkout')
    mkdirSync(path.join(checkout, 'dist'), { recursive: true })
    execFileSync('git', ['init', '--quiet', '--bare', path.join(folder, 'remote.git')])
    git('init', '--quiet', '-b', 'main')
    git('config', 'core.autocrlf', 'false')
    git('remote', 'add', 'origin', path.join(folder, 'remote.git'))
    writeFileSync(path.join(checkout, '.gitignore'), '*.map\n')
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test('tags move to the commit of the release, and never back', () => {
    const first = release('v1.2.0')
    expect(moveTags(checkout, 'v1.2.0')).toEqual(['v1', 'v1.2'])
    expect([at('v1'), at('v1.2')]).toEqual([first, first])

    const second = release('v1.3.0')
    expect(moveTags(checkout, 'v1.3.0')).toEqual(['v1', 'v1.3'])
    const patch = release('v1.2.1')
    expect(moveTags(checkout, 'v1.2.1')).toEqual(['v1.2'])
    release('v1.4.0-rc.1')
    expect(moveTags(checkout, 'v1.4.0-rc.1')).toEqual([])
    expect([at('v1'), at('v1.2'), at('v1.3')]).toEqual([second, patch, second])
  })

  test('what counts is the remote, whatever the checkout knows of it', () => {
    release('v1.2.0')
    const later = release('v1.3.0')
    moveTags(checkout, 'v1.3.0')
    git('tag', '-d', 'v1.3.0')
    expect(moveTags(checkout, 'v1.2.0')).toEqual(['v1.2'])
    expect(at('v1')).toBe(later)
  })

  test('a tag that is not there moves nothing', () => {
    release('v1.2.0')
    expect(() => moveTags(checkout, 'v1.5.0')).toThrow()
    expect(at('v1')).toBe('')
  })

  test.each([
    ['nothing', {}, []],
    ['a file', { 'dist/index.js': '// other\n' }, [' M dist/index.js']],
    ['a new file', { 'dist/9.index.js': '' }, ['?? dist/9.index.js']],
    ['a new file that git ignores', { 'dist/index.js.map': '' }, ['!! dist/index.js.map']],
    ['a file elsewhere', { 'README.md': '' }, []],
  ])('dist with %s changed by the build', (_, files, lines) => {
    release('v1.0.0')
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(checkout, name), text)
    expect(distProblems(checkout)).toEqual(
      lines.map((line) => `${checkout}: dist is not what the sources make: ${line}`),
    )
  })

  test('dist that is not committed at all is none', () => {
    expect(distProblems(checkout)).toEqual([`${checkout}: no file of dist is committed.`])
  })
})
