/** The rules of the house, as CONTRIBUTING.md tells them: who may import whom, and what is in dist. */
import { describe, expect, test } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..', '..')

/** Files below a folder, as paths from the root with `/` between segments. */
function filesIn(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
}

const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')

type Kind = 'entry' | 'story' | 'pure' | 'archive' | 'runner' | 'azure' | 'outside'

const STORIES =
  /^src\/(build|reuse|tell-changes|repair|replication|run-template|follow-log|keep-record|cleanup|sweeping\/sweep(er|-away)|checking\/doctor|matrix\/gathering|promotion\/promotion(-steps)?)\.ts$/

/** A file that is none of the named ones is pure: the strictest rule is the default. */
function kindOf(file: string): Kind {
  if (!file.startsWith('src/')) return 'outside'
  if (/^src\/(main|post|check|plan|gather|promote|sweep)\.ts$/.test(file)) return 'entry'
  if (STORIES.test(file)) return 'story'
  if (/^src\/(archive|artifact-entries|credential-scan|pack-piece|pack-worker|packers)\.ts$/.test(file))
    return 'archive'
  if (/^src\/(runner|workflow-artifact)\.ts$/.test(file)) return 'runner'
  return file.startsWith('src/azure/') && file !== 'src/azure/cloud.ts' ? 'azure' : 'pure'
}

const MAY_IMPORT: Record<Kind, { files: Kind[]; packages: RegExp }> = {
  entry: { files: ['story', 'pure', 'runner', 'azure'], packages: /^$/ },
  story: { files: ['story', 'pure', 'archive'], packages: /^$/ },
  pure: {
    files: ['pure'],
    packages:
      /^(node:path|node:crypto|node:zlib|fastest-levenshtein|jsonc-parser|tar\/(header|pax)|unbash|valibot|yaml|docs\/roles\/[\w-]+\.json)$/,
  },
  archive: { files: ['archive', 'pure'], packages: /^(node:.*|ignore)$/ },
  runner: { files: ['pure'], packages: /^(node:|@actions\/)/ },
  azure: { files: ['pure', 'azure'], packages: /^(node:|@azure\/)/ },
  outside: { files: [], packages: /^$/ },
}

/** What a file imports, own files as paths from the root. Types cost nothing at run time. */
function importsOf(file: string, text: string): { from: string; typeOnly: boolean }[] {
  const statements = text.matchAll(
    /^(?:import|export)(\s+type\b)?[^'"]*?\bfrom\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]/gm,
  )
  return [...statements].map(([, type, from, bare]) => {
    const name = from ?? bare ?? ''
    const own = name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name) : name
    return { from: own, typeOnly: type !== undefined }
  })
}

const IMPORTS_LATE = /\bimport\(|\brequire\(/
/** Loads a library of two megabytes when it is needed. */
const LATE = 'src/workflow-artifact.ts'

/** Sentences about what a file must not do. */
function violations(file: string, text: string): string[] {
  const { files, packages } = MAY_IMPORT[kindOf(file)]
  const forbidden = importsOf(file, text).filter(({ from, typeOnly }) => {
    const isFile = from.endsWith('.ts')
    if (isFile && kindOf(from) === 'outside') return true
    return !typeOnly && !(isFile ? files.includes(kindOf(from)) : packages.test(from))
  })
  return [
    ...forbidden.map(({ from }) => `${file} imports ${from}`),
    ...(IMPORTS_LATE.test(text) && file !== LATE ? [`${file} imports while it runs`] : []),
    ...(/\bprocess\.\w/.test(text) && kindOf(file) !== 'runner' ? [`${file} uses process`] : []),
    ...(/NODE_ENV|JEST/.test(text) ? [`${file} asks whether it is under test`] : []),
  ]
}

describe('imports', () => {
  test.each(filesIn('src'))('%s', (file) => {
    expect(violations(file, read(file))).toEqual([])
  })

  test.each([
    ['src/names.ts', "import { readFile } from 'node:fs/promises'"],
    ['src/names.ts', "import {\n  a,\n  b,\n} from './archive.ts'"],
    ['src/build.ts', "import { connect } from './azure/connect.ts'"],
    ['src/azure/arm.ts', "import * as core from '@actions/core'"],
    ['src/runner.ts', "import { BlobServiceClient } from '@azure/storage-blob'"],
    ['src/azure/arm.ts', "import '../runner.ts'"],
    ['src/main.ts', "import type { Seed } from '../local-azure/seed.ts'"],
    ['src/new-file.ts', "export { helper } from '../__tests__/support.ts'"],
    ['src/cleanup.ts', "const fs = await import('node:fs')"],
    ['src/report.ts', "if (process.env['NODE_ENV']) {}"],
  ])('notices what is forbidden in %s: %s', (file, text) => {
    expect(violations(file, text)).not.toEqual([])
  })

  test('of the local Azure take nothing from the action: it must not agree with it by sharing its code', () => {
    const shared = filesIn('local-azure').flatMap((file) =>
      importsOf(file, read(file)).filter(({ from }) => from.startsWith('src/')),
    )
    expect(shared).toEqual([])
  })
})

describe('dist', () => {
  const MARKER = 'LocalAzureDefect'

  test('holds nothing of the local Azure', () => {
    const withMarker = (folder: string): string[] =>
      filesIn(folder).filter((name) => read(name).includes(MARKER))
    expect(withMarker('local-azure')).not.toEqual([])
    expect(withMarker('dist')).toEqual([])
  })

  /** Runs a bundle as its own process, with nothing in its environment, and where no packages are, as on a runner. */
  function start(bundle: string): { status: number | null; lines: string[]; stderr: string } {
    const cwd = mkdtempSync(path.join(os.tmpdir(), 'aib-action-'))
    try {
      cpSync(path.join(root, path.dirname(bundle)), cwd, { recursive: true })
      const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(cwd, 'index.js')], {
        cwd,
        env: {},
        encoding: 'utf8',
      })
      return { status, lines: stdout.split(/\r?\n/), stderr }
    } finally {
      rmSync(cwd, { recursive: true })
    }
  }

  test('main starts, and fails for the inputs that it was not given', () => {
    const { status, lines, stderr } = start('dist/main/index.js')
    expect(lines[0]).toBe('start reading task parameters...')
    expect(lines.filter((line) => line.startsWith('::error::'))).toEqual([
      expect.stringContaining('resource-group: is required and was not given.'),
    ])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
  })

  test.each([
    ['sweep', 'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.'],
    ['check', 'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.'],
    ['promote', 'image-version-id: is required'],
    ['plan', 'images: is required'],
    ['gather', 'legs: is required'],
  ])('%s starts, and fails for the inputs that it was not given', (name, message) => {
    const { status, lines, stderr } = start(`dist/${name}/index.js`)
    expect(lines.filter((line) => line.startsWith('::error::'))).toEqual([expect.stringContaining(message)])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
  })

  test('post starts, and has nothing to do', () => {
    const { status, lines, stderr } = start('dist/post/index.js')
    expect(lines).toEqual(['nothing was created, so there is nothing to clean up', ''])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
