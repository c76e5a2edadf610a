/** Whether memory grows with what is packed: the action's own way over trees of 0.5 to 4 GiB. */
import { markdownTable } from '../task-properties.ts'
import { MEMORY_LIMIT } from './comparison.ts'
import { startPlace } from './place.ts'
import { megabytes, seconds, verdict } from './report.ts'
import { randomTree, removeTree, textTree } from './trees.ts'
import { go, WAYS, type Programs } from './ways.ts'

const SIZES_GIB = [0.5, 1, 2, 4]
const KINDS = { compressible: textTree, incompressible: randomTree }
const OURS = ['ours-tar', 'ours-zip'] as const

/** Trees are made one after the other and removed again. @returns Markdown */
export async function measureMemory(
  scale: number,
  programs: Programs,
  say: (line: string) => void,
): Promise<string> {
  const rows: string[][] = []
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const size of SIZES_GIB) {
      say(`making a tree of ${size * scale} GiB, ${kind}`)
      const tree = make(Math.round(size * scale * 2 ** 30))
      for (const way of OURS) {
        const place = await startPlace()
        const { memory, wallMs, archive } = await go(way, tree, place, programs).finally(place.close)
        const peak = verdict(memory, MEMORY_LIMIT, (bytes) => `${megabytes(bytes)} MB`)
        rows.push([kind, `${size * scale} GiB`, WAYS[way].title, peak, seconds(wallMs), megabytes(archive)])
        say(rows.at(-1)?.join(', ') ?? '')
      }
      removeTree(tree)
    }
  }
  return markdownTable(['Content', 'Size', 'Way', 'Peak memory', 'Wall (s)', 'Archive (MB)'], rows)
}
