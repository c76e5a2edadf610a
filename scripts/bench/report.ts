/** How figures are told: medians, units, tables, and the page that keeps them. */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'performance.md')

/** The middle of an odd number of values, the mean of the two in the middle of an even one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  const [low = NaN, high = NaN] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]]
  return (low + high) / 2
}

/** Milliseconds as seconds. */
export function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(2)
}

/** Bytes as megabytes of a million; a dash for what this system cannot tell. */
export function megabytes(bytes: number | undefined): string {
  if (bytes === undefined) return '–'
  return bytes === 0 ? '0' : (bytes / 1e6).toFixed(bytes < 100e6 ? 1 : 0)
}

/** A value beside its target, which it meets when it is no greater. */
export function verdict(
  value: number | undefined,
  target?: number,
  format: (value: number) => string = (number) => number.toFixed(2),
): string {
  if (value === undefined) return '–'
  if (target === undefined) return format(value)
  const met = value <= target ? 'met' : '**missed**'
  return `${format(value)} (${target === 0 ? '' : '≤ '}${format(target)}: ${met})`
}

/** Puts a section between its markers on the page; what stands around them is kept. */
export function writeSection(name: string, section: string): void {
  const text = readFileSync(PAGE, 'utf8')
  const marker = new RegExp(`<!-- begin ${name} -->[\\s\\S]*?<!-- end -->`)
  if (!marker.test(text)) throw new Error(`${PAGE} has no section '${name}'`)
  writeFileSync(
    PAGE,
    text.replace(marker, () => `<!-- begin ${name} -->\n\n${section}\n\n<!-- end -->`),
  )
}
