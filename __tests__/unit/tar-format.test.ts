/** Headers of a tar for what is too large to be packed in a test. What can be packed is in archive-fuzz.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import path from 'node:path'
import type { Entry } from '../../src/artifact-entries.ts'
import { TAR_END, tarHeader, tarPadding } from '../../src/tar-format.ts'
import { temporary } from '../support/trees.ts'
import { missing, UNPACKERS } from '../support/unpackers.ts'

let folder = ''
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ folder, remove } = await temporary())
})
afterEach(() => remove())

const GIB = 1024 ** 3
/** More than eleven octal digits can say. */
const OVER = 8 * GIB + 5

function entryOf(name: string, size: number): Entry {
  return { path: name, kind: 'file', source: '', mode: 0o100644, size, mtimeMs: 0 }
}

/** A tar whose first file is a hole of that size, which takes no room on the disk, and a small file behind it. */
async function tarWithHole(size: number): Promise<string> {
  const name = path.join(folder, 'holes.tar')
  const file = await open(name, 'w')
  const first = tarHeader(entryOf('large', size))
  await file.write(first, 0, first.length, 0)
  const second = Buffer.concat([tarHeader(entryOf('behind', 0)), TAR_END])
  await file.write(second, 0, second.length, first.length + size + tarPadding(size))
  await file.close()
  return name
}

describe('a file over 8 GiB, and what is behind it, is found by', () => {
  for (const program of UNPACKERS.filter(({ format }) => format === 'tar.gz')) {
    const why = missing(program)
    const run = why === undefined ? test : test.skip
    run(`${program.name}${why === undefined ? '' : ` (${why})`}`, async () => {
      const [tar, ...options] = program.name.startsWith('busybox') ? ['busybox', 'tar'] : [program.probe[0]]
      const list = [...options, '-tvf', await tarWithHole(OVER)]
      const lines = execFileSync(tar, list, { encoding: 'utf8' }).trim().split('\n')
      expect(lines).toEqual([
        expect.stringMatching(new RegExp(` ${OVER} .* large$`)),
        expect.stringMatching(/ 0 .* behind$/),
      ])
    })
  }
})

test.each([
  [0, 0],
  [1, 511],
  [512, 0],
  [513, 511],
  [OVER, 507],
])('content of %d bytes is filled up with %d', (size, padding) => {
  expect(tarPadding(size)).toBe(padding)
})
