import { describe, expect, test } from '@jest/globals'
import type { Archive } from '../../src/archive.ts'
import { contentLines, credentialWarnings, packedLine, size, uploadWatch } from '../../src/artifact-report.ts'

const [KIB, MIB, GIB] = [1024, 1024 ** 2, 1024 ** 3]

describe('size', () => {
  test.each<[bytes: number, text: string]>([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1023 bytes'],
    [KIB, '1.0 KiB'],
    [1.5 * KIB, '1.5 KiB'],
    [99.9 * KIB, '99.9 KiB'],
    [99.97 * KIB, '100 KiB'],
    [100.4 * KIB, '100 KiB'],
    [20.1 * MIB, '20.1 MiB'],
    [4 * GIB, '4.0 GiB'],
    [2 * 1024 ** 4, '2.0 TiB'],
    [3000 * 1024 ** 4, '3000 TiB'],
  ])('%d is %s', (bytes, text) => {
    expect(size(bytes)).toBe(text)
  })
})

type Content = Pick<Archive, 'files' | 'contentBytes' | 'excluded' | 'largest' | 'credentials'>

/** As much of an archive as the log speaks of. */
function archive(overrides: Partial<Content> = {}): Archive {
  const small: Content = {
    files: 3,
    contentBytes: 1.5 * MIB,
    excluded: { count: 0, names: [] },
    largest: [
      { path: 'data/model.bin', size: MIB },
      { path: 'app.js', size: 0.5 * MIB },
    ],
    credentials: [],
  }
  return { ...small, ...overrides } as Archive
}
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}.log`)

describe('what goes in', () => {
  const PACKING = 'packing 3 files, 1.5 MiB'
  const LARGEST = '  the largest: data/model.bin (1.0 MiB), app.js (512 KiB)'
  test.each<[string, Partial<Content>, string[]]>([
    ['files and bytes', {}, [PACKING]],
    ['nothing', { files: 0, contentBytes: 0, largest: [] }, ['packing 0 files, 0 bytes']],
    [
      'what is left out, by name',
      { excluded: { count: 2, names: ['.env', 'node_modules/'] } },
      [PACKING, '  left out by exclude or .aibignore: 2 (.env, node_modules/)'],
    ],
    [
      'no dots when every name is told',
      { excluded: { count: 3, names: names(3) } },
      [PACKING, '  left out by exclude or .aibignore: 3 (0.log, 1.log, 2.log)'],
    ],
    [
      'the first names of many',
      { excluded: { count: 812, names: names(2) } },
      [PACKING, '  left out by exclude or .aibignore: 812 (0.log, 1.log, …)'],
    ],
    ['no largest files up to 100 MiB', { contentBytes: 100 * MIB }, ['packing 3 files, 100 MiB']],
    ['the largest files above', { contentBytes: 100 * MIB + 1 }, ['packing 3 files, 100 MiB', LARGEST]],
    [
      'everything, in this order',
      { contentBytes: 2 * GIB, excluded: { count: 1, names: ['a'] } },
      ['packing 3 files, 2.0 GiB', '  left out by exclude or .aibignore: 1 (a)', LARGEST],
    ],
  ])('%s', (_, overrides, lines) => {
    expect(contentLines(archive(overrides))).toEqual(lines)
  })
})

test('what became of it, with the SHA-256', () => {
  const digest = { sha256: 'ab'.repeat(32), bytes: 700, content: { digest: 'cd'.repeat(32), lines: [] } }
  expect(packedLine(archive(), digest, 'uploaded', 61_000)).toBe(
    `  files: 3, bytes: ${1.5 * MIB}, packed: 700, uploaded in 1 min 1 s, SHA-256: ${'ab'.repeat(32)}`,
  )
})

describe('what looks like a credential', () => {
  test('is not spoken of where there is none', () => {
    expect(credentialWarnings(archive())).toEqual([])
  })

  test('is one warning, however many there are, with a line each', () => {
    const credentials = [
      { path: '.env', kind: 'environment file' },
      { path: 'ssh/id_ed25519', kind: 'private key' },
    ]
    const [warning, ...others] = credentialWarnings(archive({ credentials }))
    expect(others).toEqual([])
    expect(warning?.name).toBe('credential-files')
    expect(warning?.message.split('\n')).toEqual([
      expect.stringMatching(/exclude or \.aibignore/),
      '- .env: environment file',
      '- ssh/id_ed25519: private key',
      '',
    ])
  })
})

describe('the watch over an upload', () => {
  const START = 1_800_000_000_000
  const TOTAL = 1000 * MIB
  type Step = [second: number, contentMiB: number, packedMiB: number, line: string | undefined]

  /** The lines of an upload of 1000 MiB, of which so much has been taken at these moments. */
  function lines(steps: Step[]): (string | undefined)[] {
    const watch = uploadWatch(TOTAL, START)
    return steps.map(([second, content, packed]) =>
      watch({ contentBytes: content * MIB, bytes: packed * MIB }, START + second * 1000),
    )
  }

  test.each<[string, Step[]]>([
    [
      'says nothing of one that is done in ten seconds',
      [
        [0, 0, 0, undefined],
        [5, 500, 250, undefined],
        [9.999, 1000, 500, undefined],
      ],
    ],
    [
      'speaks after ten seconds, then every thirty',
      [
        [9.999, 90, 40, undefined],
        [10, 100, 50, '  10 % of 1000 MiB uploaded, packed to 50.0 MiB, 5.0 MiB/s, 1 min 30 s left'],
        [10.1, 101, 51, undefined],
        [39.9, 300, 150, undefined],
        [40, 400, 200, '  40 % of 1000 MiB uploaded, packed to 200 MiB, 5.0 MiB/s, 1 min 0 s left'],
        [69.9, 500, 250, undefined],
        [80, 800, 400, '  80 % of 1000 MiB uploaded, packed to 400 MiB, 5.0 MiB/s, 20 s left'],
        [100, 1000, 500, undefined],
      ],
    ],
    [
      'has its pause from the line that was, not from the one that was due',
      [
        [35, 350, 175, '  35 % of 1000 MiB uploaded, packed to 175 MiB, 5.0 MiB/s, 1 min 5 s left'],
        [41, 410, 205, undefined],
        [64, 640, 320, undefined],
        [65, 650, 325, '  65 % of 1000 MiB uploaded, packed to 325 MiB, 5.0 MiB/s, 35 s left'],
      ],
    ],
    [
      'never says 100 % before the end, nor anything at it',
      [
        [20, 999.9, 500, '  99 % of 1000 MiB uploaded, packed to 500 MiB, 25.0 MiB/s, 0 s left'],
        [3600, 1000, 500, undefined],
      ],
    ],
    [
      'does not guess the time left before any file has come through',
      [[12, 0, 4, '  0 % of 1000 MiB uploaded, packed to 4.0 MiB, 341 KiB/s']],
    ],
  ])('%s', (_, steps) => {
    expect(lines(steps)).toEqual(steps.map(([, , , line]) => line))
  })

  test('has nothing to say of folders and links alone', () => {
    const watch = uploadWatch(0, START)
    expect(watch({ contentBytes: 0, bytes: 1000 }, START + 60_000)).toBeUndefined()
  })
})
