/** What Windows cannot have as names of files. Pure. */
import type { Problem } from './errors.ts'

/** "Naming Files, Paths, and Namespaces" (Windows documentation). */
export function isWindowsName(name: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return !/[<>:"|?*\\\u0000-\u001f]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)
}

/** Paths that differ in letter case alone: Windows has room for one of them. */
export function sameNames(entries: readonly { path: string }[]): Problem[] {
  // One of two such has capitals. The many that have none are looked up here and need no memory.
  const capitals = new Map<string, string>()
  for (const { path: inside } of entries) {
    const folded = inside.toLowerCase()
    if (folded !== inside && !capitals.has(folded)) capitals.set(folded, inside)
  }
  return entries
    .filter(({ path: inside }) => (capitals.get(inside.toLowerCase()) ?? inside) !== inside)
    .map(({ path: inside }) => {
      const names = [capitals.get(inside.toLowerCase()), inside].sort()
      return {
        input: 'build-path',
        message: `'${names.join("' and '")}' are one name on Windows: rename one.`,
      }
    })
}
