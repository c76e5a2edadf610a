/** What the benchmark's files hold: source code, and bytes that cannot be compressed. */
import { createCipheriv, createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** A number from 0 to below 1, the next one of a fixed series. */
export type Chance = () => number

/** The series of a seed (mulberry32, public domain): small and fast, and more than good enough for file sizes. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number below `limit`. */
export function below(chance: Chance, limit: number): number {
  return Math.floor(chance() * limit)
}

/** A size in bytes whose logarithm is normally distributed (Box and Muller), as sizes of real files nearly are. */
export function logNormal(chance: Chance, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
  return Math.round(median * Math.exp(sigma * normal))
}

/** A source of bytes without end: the key stream of AES in counter mode, which no compressor finds anything in. */
export function noise(seed: string): (bytes: number) => Buffer {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return (bytes) => cipher.update(Buffer.alloc(bytes))
}

/** Packages that every checkout has after `npm ci`, and the ends of their text files. */
const PACKAGES = ['@azure', '@babel', '@typescript-eslint', 'azurite', 'eslint', 'prettier']
const TEXT_FILES = /\.(?:[cm]?[jt]s|json|md|map)$/
/** Larger ones are bundles of many, and would make up most of the pool. */
const LARGEST_BYTES = 256 * 1024
/** A stretch of the pool that goes into a file as it is. Deflate sees 32 KiB back: hardly ever the same one again. */
const STRETCH = { least: 16 * 1024, most: 256 * 1024 }

/** Fills buffers with source code, the same series for the same seed: stretches of this project's own packages. */
export class Text {
  private readonly pool = Buffer.concat(textFiles().map((file) => readFileSync(file)))
  private readonly chance: Chance

  constructor(seed: number) {
    this.chance = chanceOf(seed)
  }

  fill(target: Buffer): void {
    const { least, most } = STRETCH
    for (let at = 0; at < target.length;) {
      const length = least + below(this.chance, most - least)
      const start = below(this.chance, this.pool.length - most)
      at += this.pool.copy(target, at, start, start + length)
    }
  }
}

function textFiles(): string[] {
  const packages = path.join(import.meta.dirname, '..', '..', 'node_modules')
  return PACKAGES.flatMap((name) =>
    readdirSync(path.join(packages, name), { recursive: true, withFileTypes: true }),
  )
    .filter((entry) => entry.isFile() && TEXT_FILES.test(entry.name))
    .map(({ parentPath, name }) => path.join(parentPath, name))
    .filter((file) => statSync(file).size <= LARGEST_BYTES)
    .sort()
}
