import { distance } from 'fastest-levenshtein'

/** The value that a typing mistake most likely meant, or undefined when none is near. */
export function nearest(given: string, allowed: readonly string[]): string | undefined {
  const wanted = given.toLowerCase()
  const near = allowed
    .map((value) => ({ value, key: value.toLowerCase() }))
    .map(({ value, key }) => ({ value, key, edits: distance(wanted, key) }))
    .filter(({ key, edits }) => edits <= Math.max(2, Math.floor(key.length / 3)))
  const fewest = Math.min(...near.map(({ edits }) => edits))
  // Letters are left out more often than they are mixed up: `westu2` means `westus2` rather than `westus`.
  return near
    .filter(({ edits }) => edits === fewest)
    .sort((a, b) => Number(holds(b.key, wanted)) - Number(holds(a.key, wanted)))[0]?.value
}

/** Whether all letters of `part` stand in `whole`, in their order. */
function holds(whole: string, part: string): boolean {
  let from = 0
  return Array.from(part).every((letter) => {
    const at = whole.indexOf(letter, from)
    from = at + 1
    return at >= 0
  })
}

/** ` Did you mean 'x'?`, or nothing; to be put behind a sentence. */
export function didYouMean(given: string, allowed: readonly string[]): string {
  const value = nearest(given, allowed)
  return value === undefined ? '' : ` Did you mean '${value}'?`
}
