/**
 * The trees that are packed: made from fixed seeds and the project's own packages, so the same on every machine, and
 * kept for the next run in a folder below the system's temporary one.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { below, chanceOf, logNormal, noise, Text, type Chance } from './content.ts'

/** Everything that the benchmark leaves on this machine, programs apart. */
export const BENCH_FOLDER = path.join(os.tmpdir(), 'aib-bench')

export interface Tree {
  name: string
  folder: string
  files: number
  bytes: number
}

/** What a kind of tree is, for readers; sizes at scale 1. */
export const TREES = {
  small: '40,000 files of about 20 KB on average in nested folders, source code but for a twentieth',
  large: '5 files, 2 GiB in all, that compress about 3:1',
  random: 'files of 3 to 100 MB, 1 GiB in all, that do not compress',
}
export type TreeName = keyof typeof TREES

const GIB = 2 ** 30
const CHUNK_BYTES = 4 * 1024 * 1024
const READ_BUFFER = Buffer.alloc(CHUNK_BYTES)

/** The tree of a comparison; `scale` multiplies the number of small files and the bytes of the others. */
export function comparedTree(name: TreeName, scale: number): Tree {
  if (name === 'small')
    return made(name, Math.round(40_000 * scale), (folder, files) => {
      writeSmallFiles(folder, files)
    })
  return name === 'large' ? textTree(Math.round(2 * GIB * scale)) : randomTree(Math.round(GIB * scale))
}

/** A few large files of text with a tenth of noise. */
export function textTree(bytes: number): Tree {
  return made('large', bytes, writeLargeFiles)
}

export function randomTree(bytes: number): Tree {
  return made('random', bytes, writeRandomFiles)
}

export function removeTree({ folder }: Tree): void {
  rmSync(folder, { recursive: true, force: true })
}

/** A tree of an earlier run is taken when this file, `content.ts` and the packages are still what made it. */
function made(kind: string, amount: number, write: (folder: string, amount: number) => void): Tree {
  const name = `${kind}-${amount}-${recipe()}`
  const folder = path.join(BENCH_FOLDER, 'trees', name)
  if (!existsSync(folder)) {
    const partial = `${folder}.partial`
    rmSync(partial, { recursive: true, force: true })
    mkdirSync(partial, { recursive: true })
    write(partial, amount)
    renameSync(partial, folder)
  }
  return { name: kind, folder, ...contentOf(folder) }
}

function recipe(): string {
  const hash = createHash('sha256')
  for (const file of ['trees.ts', 'content.ts', path.join('..', '..', 'package-lock.json')])
    hash.update(readFileSync(path.join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 8)
}

/** Reads every file once, so that each way finds all of them in the system's cache. */
function contentOf(folder: string): { files: number; bytes: number } {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const sizes = all.map(({ parentPath, name }) => readThrough(path.join(parentPath, name)))
  return { files: all.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function readThrough(file: string): number {
  const descriptor = openSync(file, 'r')
  try {
    let bytes = 0
    for (let got = -1; got !== 0; bytes += got) got = readSync(descriptor, READ_BUFFER)
    return bytes
  } finally {
    closeSync(descriptor)
  }
}

/** Packages with nested folders, as below `node_modules`. */
function writeSmallFiles(root: string, files: number): void {
  const chance = chanceOf(1)
  const text = new Text(2)
  const random = noise('small')
  let folders = [root]
  for (let count = 0; count < files; count += 1) {
    if (count % 36 === 0) folders = makePackage(root, count / 36, chance)
    const size = Math.min(logNormal(chance, MEDIAN_BYTES, SIGMA), 4 * CHUNK_BYTES)
    const isText = chance() >= 0.05
    const content = isText ? Buffer.alloc(size) : random(size)
    if (isText) text.fill(content)
    const folder = folders[below(chance, folders.length)] ?? root
    const extension = isText ? TEXT_ENDS[count % TEXT_ENDS.length] : NOISE_ENDS[count % NOISE_ENDS.length]
    writeFileSync(path.join(folder, `module-${count.toString(36)}.${extension}`), content)
  }
}

/** Log-normal with a mean of about 20 KB. */
const MEDIAN_BYTES = 5200
const SIGMA = 1.65
const TEXT_ENDS = ['js', 'js', 'd.ts', 'json', 'js.map', 'md', 'ts', 'mjs']
const NOISE_ENDS = ['png', 'woff2', 'gz']
const FOLDERS = ['lib', 'lib/internal', 'dist', 'dist/esm', 'dist/esm/runtime', 'src', 'src/helpers', 'test']

/** The folders of one package that files may go into. */
function makePackage(root: string, number: number, chance: Chance): string[] {
  const scope = number % 4 === 0 ? `@scope-${number % 28}/` : ''
  const top = path.join(root, 'node_modules', `${scope}package-${number}`)
  const chosen = FOLDERS.filter(() => chance() < 0.4).map((folder) => path.join(top, folder))
  const folders = [top, ...chosen]
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  return folders
}

function writeLargeFiles(root: string, bytes: number): void {
  const chance = chanceOf(3)
  const text = new Text(4)
  const random = noise('large')
  ;[1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16].forEach((share, index) => {
    writeInChunks(path.join(root, `disk-${index}.img`), Math.round(bytes * share), (chunk) => {
      text.fill(chunk)
      for (let at = 0; at < chunk.length; at += 64 * 1024) {
        if (chance() < 0.11) random(Math.min(64 * 1024, chunk.length - at)).copy(chunk, at)
      }
    })
  })
}

function writeRandomFiles(root: string, bytes: number): void {
  const chance = chanceOf(5)
  const random = noise('random')
  for (let left = bytes, index = 0; left > 0; index += 1) {
    const size = Math.min(left, Math.round(3e6 * (100 / 3) ** chance()))
    writeInChunks(path.join(root, `part-${index}.bin`), size, (chunk) => {
      random(chunk.length).copy(chunk)
    })
    left -= size
  }
}

function writeInChunks(file: string, bytes: number, fill: (chunk: Buffer) => void): void {
  const descriptor = openSync(file, 'w')
  try {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) {
      const chunk = Buffer.alloc(Math.min(left, CHUNK_BYTES))
      fill(chunk)
      for (let at = 0; at < chunk.length;) at += writeSync(descriptor, chunk, at)
    }
  } finally {
    closeSync(descriptor)
  }
}
