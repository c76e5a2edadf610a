/**
 * Whatever a folder, a blob or a resource group is called, it stays a name: in the scripts for the build VM and in the
 * commands that users are given. For POSIX shells by running them, for PowerShell by reading them as it does.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { artifactCustomizers, removeArtifactCustomizer } from '../../src/artifact-customizers.ts'
import { cleanUp, type CleanupEdges } from '../../src/cleanup.ts'
import { AzureError } from '../../src/errors.ts'
import { FAILURES } from '../../src/failures.ts'
import { unreadableLog } from '../../src/log-access.ts'
import type { BuildState } from '../../src/ports.ts'
import { quotePosix, quotePowerShell } from '../../src/shell.ts'
import type { Customizer } from '../../src/template-schema.ts'
import { runScript } from '../support/bare-image.ts'
import { buildArtifact } from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'

const onLinux = process.platform === 'linux' ? describe : describe.skip

/** What ends a string, begins a command or means something in one shell or the other. */
const PIECES = [
  ...[
    "'",
    '"',
    '`',
    '\\',
    '$',
    '$(touch /tmp/x)',
    '`touch /tmp/x`',
    '${IFS}',
    '$env:TEMP',
    '%PATH%',
    '%0A',
    '%',
  ],
  ...[
    '\n',
    '\r',
    '\t',
    '\u0007',
    ' ',
    '  ',
    ';',
    '&',
    '|',
    '&&',
    '||',
    '<',
    '>',
    '(',
    ')',
    '{',
    '}',
    '[a]',
    '*',
    '?',
  ],
  ...[
    '~',
    '#',
    '!',
    '!!',
    '^',
    '@',
    ',',
    '=',
    '-',
    '-rf',
    '--',
    '/*',
    '..',
    "''",
    "'''",
    '@"',
    "@'",
    '"@',
    '<#',
    '#>',
  ],
  ...[
    '\u2018',
    '\u2019',
    '\u201a',
    '\u201b',
    '\u201c',
    '\u201d',
    '\u201e',
    '\u2013',
    '\u0451',
    '\ud83d\ude80',
    '한글',
  ],
  ...['\u00a0', '\u2028', '\u202e', 'e\u0301', 'a', 'B', '0', '_', '.'],
]
const anyText = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...PIECES) },
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((pieces) => pieces.join('').replaceAll('\0', '').toWellFormed())
/** A file system takes anything else. */
const folderName = anyText
  .map((text) => text.replaceAll('/', '|'))
  .filter((text) => !['', '.', '..'].includes(text) && Buffer.byteLength(text) <= 100)
/** "1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'" (documented). */
const resourceGroup = fc
  .array(fc.constantFrom('a', 'Z', '0', '_', '-', '.', '(', ')', 'é', '한'), { minLength: 1, maxLength: 30 })
  .map((letters) => `${letters.join('')}x`)

const SAMPLE = { numRuns: 80, seed: 6 }

onLinux('a POSIX shell', () => {
  test('reads every text as one word, and nothing else happens', () => {
    const texts = fc.sample(anyText, SAMPLE)
    const script = `printf '%s\\0' ${texts.map(quotePosix).join(' ')}`
    const read = execFileSync('/bin/sh', ['-ec', script], { encoding: 'utf8', env: {} })
    expect(read.split('\0').slice(0, -1)).toEqual(texts)
  })

  describe('of the build VM', () => {
    const stem = `aib-injection-${randomBytes(6).toString('hex')}`
    let [folder, archive, sha256] = ['', '', '']
    beforeAll(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'injection-'))
      await mkdir(path.join(folder, 'tree'))
      await writeFile(path.join(folder, 'tree', 'inside'), '')
      archive = path.join(folder, 'tree.tar.gz')
      execFileSync('tar', ['-czf', archive, '-C', path.join(folder, 'tree'), '.'])
      sha256 = createHash('sha256')
        .update(await readFile(archive))
        .digest('hex')
    })
    afterAll(async () => {
      const leftovers = (await readdir('/tmp')).filter((name) => name.includes(stem))
      for (const name of leftovers) await rm(path.join('/tmp', name), { recursive: true })
      await rm(folder, { recursive: true })
    })

    const image = () => ({
      folder,
      programs: ['tar', 'gzip', 'mkdir'],
      deletable: `*${stem}|/tmp/aib-artifact-${sha256.slice(0, 16)}.tar.gz`,
    })
    const found = async (): Promise<string[]> => (await readdir('/tmp')).filter((name) => name.includes(stem))

    test('unpacks the artifact into a folder of any name, and removes that folder alone', async () => {
      const before = new Set(await readdir('/tmp'))
      for (const name of fc.sample(folderName, { ...SAMPLE, numRuns: 5 })) {
        const called = `${name}${stem}`
        await copyFile(archive, `/tmp/aib-artifact-${sha256.slice(0, 16)}.tar.gz`)
        const artifact = buildArtifact({ folder: called, sha256 })
        const unpacked = await runScript(artifactCustomizers('Linux', artifact), image())
        expect({ called, code: unpacked.code, found: await found() }).toEqual({
          called,
          code: 0,
          found: [called],
        })
        expect(await readdir(`/tmp/${called}`)).toEqual(['inside'])
        const removed = await runScript([removeArtifactCustomizer('Linux', called)], image())
        expect({ called, code: removed.code, found: await found() }).toEqual({ called, code: 0, found: [] })
      }
      expect((await readdir('/tmp')).filter((name) => name === 'x' && !before.has(name))).toEqual([])
    })
  })
})

describe('PowerShell', () => {
  const inlineOf = (list: Customizer[]): string =>
    list.flatMap((one) => ('inline' in one ? (one.inline ?? []) : [])).join('\n')

  test('reads every text as one string, and nothing else stands there', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const script = `Write-Output ${quotePowerShell(text)}`
        expect({ errors: syntaxErrors(script), read: values(script) }).toEqual({ errors: [], read: [text] })
      }),
      SAMPLE,
    )
  })

  test('unpacks the artifact into a folder of any name', () => {
    fc.assert(
      fc.property(folderName, fc.constantFrom('file', 'download'), (folder, transfer) => {
        const script = inlineOf(artifactCustomizers('Windows', buildArtifact({ folder, transfer })))
        const target = `C:\\buildArtifacts\\${folder}`
        expect(syntaxErrors(script)).toEqual([])
        expect(values(script).filter((value) => value === target)).toHaveLength(4)
      }),
      { ...SAMPLE, numRuns: 25 },
    )
  })
})

onLinux('a command that users are given', () => {
  let bin = ''
  beforeAll(async () => {
    bin = await mkdtemp(path.join(os.tmpdir(), 'az-'))
    const script = `#!/bin/sh\nprintf '%s\\0' $# "$@" >>'${bin}/calls'\n`
    await writeFile(path.join(bin, 'az'), script, { mode: 0o755 })
  })
  afterAll(() => rm(bin, { recursive: true }))

  /**
   * The arguments of each call of `az` when a user runs the commands, one after the other; nothing but `az` is there to
   * be run.
   */
  function callsBy(commands: string[]): string[][] {
    const file = path.join(bin, 'calls')
    const script = [`: >'${file}'`, ...commands].join('\n')
    execFileSync('/bin/sh', ['-ec', script], { env: { PATH: bin }, stdio: 'pipe' })
    const words = readFileSync(file, 'utf8').split('\0').slice(0, -1)
    const calls: string[][] = []
    while (words.length > 0) calls.push(words.splice(0, Number(words.shift())))
    return calls
  }

  const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
  const idIn = (group: string): string =>
    `/subscriptions/${SUBSCRIPTION}/resourceGroups/${group}/providers/Microsoft.VirtualMachineImages/imageTemplates/t_1`

  /** What `cleanUp` says of a state, where no blob can be deleted. */
  async function told(state: Partial<BuildState>): Promise<string> {
    const lines: string[] = []
    const say = (line: string): void => void lines.push(line)
    const refused = new AzureError({ doing: 'deleting', status: 409, code: 'Refused', message: 'No.' })
    const artifactStore = () => ({ delete: () => Promise.reject(refused) })
    const edges = { azure: { artifactStore }, runner: { info: say, warning: say } } as unknown as CleanupEdges
    await cleanUp({ ...state, connection: {} } as BuildState, Date.now() + 60_000, edges)
    return lines.join('\n')
  }
  const commandIn = (text: string): string => /\baz (?:image|storage)[^]*$/.exec(text)?.[0] ?? ''

  test('names the template’s group as it is', async () => {
    const groups = fc.sample(resourceGroup, SAMPLE)
    const lines = groups.map((group) => told({ run: 'left', imageTemplate: idIn(group) }))
    const before = ['image', 'builder', 'delete', '--name', 't_1', '--resource-group']
    expect(callsBy((await Promise.all(lines)).map(commandIn))).toEqual(
      groups.map((group) => [...before, group, '--subscription', SUBSCRIPTION]),
    )
  })

  test('names the blob as it is', async () => {
    const account = {
      id: '/a',
      name: 'stcontosobuild',
      blobEndpoint: 'https://a/',
      allowsKeys: true,
      refusesNetworks: false,
    }
    const container = 'imagebuilder-vststask'
    const blobs = fc.sample(folderName, SAMPLE).map((folder) => `${folder}/1-1/${folder}_1_a.tar.gz`)
    const lines = blobs.map((blob) => told({ uploaded: true, blob: { account, container, blob } }))
    const before = ['storage', 'blob', 'delete', '--auth-mode', 'login', '--account-name', account.name]
    expect(callsBy((await Promise.all(lines)).map(commandIn))).toEqual(
      blobs.map((blob) => [...before, '--container-name', container, '--name', blob]),
    )
  })

  test('names the staging group as it is', () => {
    const groups = fc.sample(resourceGroup, SAMPLE)
    const commands = groups.map((group) =>
      commandIn(
        unreadableLog(`/subscriptions/${SUBSCRIPTION}/resourceGroups/${group}`, undefined, { reason: 'No.' }),
      ),
    )
    const calls = callsBy(commands)
    expect(
      calls.filter((_, at) => at % 2 === 0).map((words) => words[words.indexOf('--resource-group') + 1]),
    ).toEqual(groups)
    expect(calls.filter((_, at) => at % 2 === 1).every((words) => words.includes('packerlogs'))).toBe(true)
  })
})

describe('a fact in a command of the catalogue of failures', () => {
  const MEANINGFUL = [
    '$(id)',
    '`id`',
    ';id',
    '|id',
    '&id',
    '>x',
    '<x',
    '(x)',
    '\\',
    '#',
    '*',
    '~',
    '!',
    '"',
    "'",
    ' x',
    '\n',
  ]

  /** Each fact in a command of a remedy with the pattern that it was read by, and whether `'…'` is around it. */
  const facts = FAILURES.flatMap(({ id, remedy, marks }) => {
    const commands = remedy.split('\n').filter((line) => line.startsWith('  '))
    return commands.flatMap((command) =>
      [...command.matchAll(/\{(\w+)\}/g)].flatMap(([, name = ''], at) => {
        const place = command
          .split(/\{\w+\}/)
          .slice(0, at + 1)
          .join('')
        const quoted = place.split("'").length % 2 === 0
        return marks.flatMap(({ text, output, log = [] }) =>
          [text, output, ...log.map(({ line }) => line)].flatMap((pattern) => {
            const source = pattern && groupOf(pattern.source, name)
            return source === undefined ? [] : [{ id, name, source, quoted }]
          }),
        )
      }),
    )
  })

  /** What stands in a named group of a pattern. */
  function groupOf(source: string, name: string): string | undefined {
    const begin = source.indexOf(`(?<${name}>`)
    if (begin < 0) return undefined
    const inside = source.slice(begin + name.length + 4)
    let depth = 1
    let isClass = false
    for (let at = 0; at < inside.length; at += 1) {
      const letter = inside[at]
      if (letter === '\\') at += 1
      else if (isClass) isClass = letter !== ']'
      else if (letter === '[') isClass = true
      else if (letter === '(') depth += 1
      else if (letter === ')' && (depth -= 1) === 0) return inside.slice(0, at)
    }
    return undefined
  }

  test('there are such', () => {
    expect(facts.length).toBeGreaterThan(10)
  })

  test.each(facts)('$id: {$name} is read by $source', ({ source, quoted }) => {
    const whole = new RegExp(`^(?:${source})$`)
    const dangerous = quoted ? ["'"] : MEANINGFUL
    expect(dangerous.filter((sign) => whole.test(`a${sign}b`))).toEqual([])
  })
})
