/** Trees of chance, packed, and unpacked by the programs that people have: what comes out is what went in. */
import { afterAll, beforeAll, describe, test } from '@jest/globals'
import { deepStrictEqual } from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import type { ArchiveFormat } from '../../src/artifact-entries.ts'
import { packInto } from '../support/archives.ts'
import {
  fingerprints,
  generatedTree,
  plantGenerated,
  type GeneratedFolder,
  type Limits,
} from '../support/generated-trees.ts'
import { temporary } from '../support/trees.ts'
import { CHECKERS, missing, runProgram, UNPACKERS, type ArchiveProgram } from '../support/unpackers.ts'

/** The same for every program, which share the trees that it gives. */
const SEED = 20_240_229
const TREES = 2
/** Milliseconds for smaller trees that fail, too. */
const SHRINKING = 20_000

const LIMITS: Record<ArchiveFormat, Limits> = {
  'tar.gz': { windowsNames: false, anyLinks: true },
  zip: { windowsNames: true, anyLinks: false },
}

let folder = ''
let remove: () => Promise<void>

beforeAll(async () => {
  ;({ folder, remove } = await temporary())
})
afterAll(() => remove())

interface Packed {
  root: string
  archive: string
}

const packed = new Map<string, Packed>()
let made = 0

async function pack(tree: GeneratedFolder, format: ArchiveFormat): Promise<Packed> {
  const key = fc.stringify([format, tree])
  const before = packed.get(key)
  if (before) return before
  const root = path.join(folder, `r${++made}`)
  plantGenerated(root, tree, LIMITS[format])
  const archive = `${root}.${format}`
  await packInto(archive, root, format)
  packed.set(key, { root, archive })
  return { root, archive }
}

/** Holds for every tree; else fast-check tells seed and tree. */
async function always(format: ArchiveFormat, holds: (packed: Packed) => void): Promise<void> {
  const property = fc.asyncProperty(generatedTree(LIMITS[format]), async (tree) => {
    holds(await pack(tree, format))
  })
  const limits = { interruptAfterTimeLimit: SHRINKING, markInterruptAsFailure: true }
  await fc.assert(property, { seed: SEED, numRuns: TREES, ...limits })
}

function testWith<T extends ArchiveProgram>(
  programs: readonly T[],
  body: (program: T) => Promise<void>,
): void {
  for (const program of programs) {
    const why = missing(program)
    const run = why === undefined ? test : test.skip
    run(`${program.name}: ${program.format}${why === undefined ? '' : ` (${why})`}`, () => body(program))
  }
}

describe('trees of chance come out as they went in, unpacked by', () => {
  testWith(UNPACKERS, ({ format, command, keeps }) =>
    always(format, ({ root, archive }) => {
      const target = path.join(folder, 'u')
      mkdirSync(target)
      try {
        runProgram(command(archive, target))
        deepStrictEqual(fingerprints(target, keeps), fingerprints(root, keeps))
      } finally {
        rmSync(target, { recursive: true, force: true })
      }
    }),
  )
})

describe('archives of trees of chance are found whole by', () => {
  testWith(CHECKERS, ({ format, command }) =>
    always(format, ({ archive }) => {
      runProgram(command(archive))
    }),
  )
})
