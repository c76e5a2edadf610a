import { closest, distance } from 'fastest-levenshtein'

/** The value that a typing mistake most likely meant, or undefined when none is near. */
export function nearest(given: string, allowed: readonly string[]): string | undefined {
  if (allowed.length === 0) return undefined
  const byKey = new Map(allowed.map((value) => [value.toLowerCase(), value]))
  const key = closest(given.toLowerCase(), [...byKey.keys()])
  const near = distance(given.toLowerCase(), key) <= Math.max(2, Math.floor(key.length / 3))
  return near ? byKey.get(key) : undefined
}

/** ` Did you mean 'x'?`, or nothing; to be put behind a sentence. */
export function didYouMean(given: string, allowed: readonly string[]): string {
  const value = nearest(given, allowed)
  return value === undefined ? '' : ` Did you mean '${value}'?`
}
