/** The comparison: every way over every tree, in rounds, and what comes of it as tables. */
import { spawnSync } from 'node:child_process'
import { markdownTable } from '../task-properties.ts'
import { startPlace } from './place.ts'
import { megabytes, median, seconds, verdict } from './report.ts'
import { comparedTree, TREES, type Tree, type TreeName } from './trees.ts'
import { go, WAYS, type Measured, type Programs, type WayName } from './ways.ts'

export interface ComparisonOptions {
  trees: TreeName[]
  ways: WayName[]
  rounds: number
  scale: number
}

interface Target {
  against: WayName
  ours: WayName
  tree: TreeName
  wall: number
  archive?: number
}

const TARGETS: Target[] = [
  { against: 'zip', ours: 'ours-zip', tree: 'small', wall: 0.25 },
  { against: 'tar', ours: 'ours-tar', tree: 'small', wall: 0.85, archive: 1.15 },
  { against: 'tar', ours: 'ours-tar', tree: 'large', wall: 0.85, archive: 1.15 },
  { against: 'tar', ours: 'ours-tar', tree: 'random', wall: 0.6 },
]
export const MEMORY_LIMIT = 250e6

type Results = Map<WayName, Measured[]>

/** @returns Markdown: a table of figures, and one of ratios beside the targets */
export async function compare(
  { trees, ways, rounds, scale }: ComparisonOptions,
  programs: Programs,
  say: (line: string) => void,
): Promise<string> {
  const all = new Map<TreeName, Results>()
  const descriptions: string[] = []
  for (const name of trees) {
    say(`making the tree '${name}'`)
    const tree = comparedTree(name, scale)
    const amount = `${tree.files.toLocaleString('en')} files, ${megabytes(tree.bytes)} MB`
    descriptions.push(`- **${name}**: ${TREES[name]}. Here: ${amount}.`)
    all.set(name, await inRounds(tree, ways, rounds, programs, say))
  }
  const scaled = scale === 1 ? '' : ` This is a quick look at ${scale} times the size.`
  return [
    `Medians of ${rounds} rounds.${scaled}`,
    descriptions.join('\n'),
    figures(all),
    'Ratios of medians, this action to the other way:',
    ratios(all),
  ].join('\n\n')
}

/** Each round has a fresh local Azure, and begins with another way. */
async function inRounds(
  tree: Tree,
  ways: WayName[],
  rounds: number,
  programs: Programs,
  say: (line: string) => void,
): Promise<Results> {
  const results: Results = new Map(ways.map((way) => [way, []]))
  const warmUp = comparedTree('random', WARM_UP_SCALE)
  for (let round = 0; round < rounds; round += 1) {
    const place = await startPlace()
    try {
      await go('tar', warmUp, place, programs)
      const first = round % ways.length
      for (const way of [...ways.slice(first), ...ways.slice(0, first)]) {
        settle()
        const measured = await go(way, tree, place, programs)
        results.get(way)?.push(measured)
        say(`${tree.name}, round ${round + 1}, ${way}: ${progress(measured)}`)
      }
    } finally {
      await place.close()
    }
  }
  return results
}

/** A first upload, that is not measured: what the server compiles for it is nobody's cost. 64 MiB. */
const WARM_UP_SCALE = 1 / 16

/** What was written before is on the disk before the next one starts. */
function settle(): void {
  spawnSync('sync')
}

function progress({ wallMs, cpuMs, memory, temporary, archive }: Measured): string {
  const used = `${seconds(wallMs)} s, ${seconds(cpuMs)} s of processor, ${megabytes(memory)} MB of memory`
  return `${used}, ${megabytes(temporary)} MB on disk, archive ${megabytes(archive)} MB`
}

function figures(all: Map<TreeName, Results>): string {
  const head = [
    'Tree',
    'Way',
    'Wall (s)',
    'least to most',
    'CPU (s)',
    'Memory (MB)',
    'On disk (MB)',
    'Written (MB)',
    'Archive (MB)',
  ]
  const rows = [...all].flatMap(([tree, results]) =>
    [...results].map(([way, runs]) => {
      const wall = runs.map(({ wallMs }) => wallMs)
      return [
        tree,
        WAYS[way].title,
        seconds(median(wall)),
        `${seconds(Math.min(...wall))} to ${seconds(Math.max(...wall))}`,
        seconds(median(runs.map(({ cpuMs }) => cpuMs))),
        megabytes(medianOf(runs, 'memory')),
        megabytes(medianOf(runs, 'temporary')),
        megabytes(medianOf(runs, 'written')),
        megabytes(medianOf(runs, 'archive')),
      ]
    }),
  )
  return markdownTable(head, rows)
}

/** Undefined when the system does not tell, as for all that comes from these. */
function valuesOf(runs: Measured[], field: keyof Measured): number[] | undefined {
  const values = runs.map((run) => run[field]).filter((value) => value !== undefined)
  return values.length === runs.length ? values : undefined
}

function medianOf(runs: Measured[], field: keyof Measured): number | undefined {
  const values = valuesOf(runs, field)
  return values && median(values)
}

function ratios(all: Map<TreeName, Results>): string {
  const head = ['Against', 'Tree', 'Wall', 'CPU', 'Archive', 'Memory', 'Most on disk', 'Most memory']
  const rows = TARGETS.flatMap((target) => {
    const [theirs, ours] = [target.against, target.ours].map((way) => all.get(target.tree)?.get(way))
    return theirs && ours ? [[WAYS[target.against].title, target.tree, ...judged(target, theirs, ours)]] : []
  })
  return markdownTable(head, rows)
}

function judged(target: Target, theirs: Measured[], ours: Measured[]): string[] {
  const ratio = (field: keyof Measured): number | undefined => {
    const [mine, other] = [medianOf(ours, field), medianOf(theirs, field)]
    return mine === undefined || other === undefined ? undefined : mine / other
  }
  const most = (field: keyof Measured): number | undefined => {
    const values = valuesOf(ours, field)
    return values && Math.max(...values)
  }
  return [
    verdict(ratio('wallMs'), target.wall),
    verdict(ratio('cpuMs')),
    verdict(ratio('archive'), target.archive),
    verdict(ratio('memory'), 1),
    verdict(most('temporary'), 0, (bytes) => `${bytes} bytes`),
    verdict(most('memory'), MEMORY_LIMIT, (bytes) => `${megabytes(bytes)} MB`),
  ]
}
