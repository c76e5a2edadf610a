/**
 * The run that finds nothing to build: the bundled action with `skip-unchanged`, from its start to its end, beside the
 * programs that anybody has for the digests of a folder's files.
 */
import { readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { markdownTable } from '../task-properties.ts'
import type { BuiltAzure } from './built-azure.ts'
import { bundleAction } from './bundle.ts'
import { startServer } from './child.ts'
import { megabytes, median, seconds, verdict } from './report.ts'
import { stepEnvironment } from './step.ts'
import { BENCH_FOLDER, comparedTree, type Tree } from './trees.ts'
import { measure, type Usage } from './usage.ts'
import { cleanEnvironment } from './ways.ts'

const LIMITS = { wall: 0.7, memory: 200e6 }

const digests = (program: string): string => `find -type f -print0 | xargs -0 ${program} > /dev/null`

/** How it is called in the table, what it runs in the tree's folder, and what this action may take of its time. */
const WAYS = {
  sha256sum: { title: '`find | xargs sha256sum`', script: digests('sha256sum'), limit: LIMITS.wall },
  openssl: {
    title: '`find | xargs openssl dgst -sha256`',
    script: digests('openssl dgst -sha256'),
    limit: undefined,
  },
  ours: { title: 'this action, unchanged', script: '"$NODE" "$ACTION"', limit: undefined },
}
type WayName = keyof typeof WAYS
const NAMES = Object.keys(WAYS) as WayName[]

/** Builds the tree's image once, then goes all ways in turns; each round begins with another one. @returns Markdown */
export async function measureUnchanged(
  { rounds, scale }: { rounds: number; scale: number },
  say: (line: string) => void,
): Promise<string> {
  const action = await bundleAction()
  const tree = comparedTree('small', scale)
  say(`building an image of ${tree.files} files, ${tree.bytes} bytes`)
  const azure = await startServer<BuiltAzure>('built-azure.ts', [tree.folder, action])
  const program = path.join(action, 'dist', 'main', 'index.js')
  const measured: Record<WayName, Usage[]> = { sha256sum: [], openssl: [], ours: [] }
  try {
    // The first round is not measured: after it, what each of them reads is in the system's cache.
    for (let round = 0; round <= rounds; round += 1) {
      const first = round % NAMES.length
      for (const way of [...NAMES.slice(first), ...NAMES.slice(0, first)]) {
        const usage = await go(way, tree, program, azure.facts)
        if (round === 0) continue
        measured[way].push(usage)
        say(`round ${round}, ${way}: ${seconds(usage.wallMs)} s, ${megabytes(usage.memory)} MB of memory`)
      }
    }
  } finally {
    await azure.close()
  }
  const amount = `${tree.files.toLocaleString('en')} files, ${megabytes(tree.bytes)} MB`
  return [`Medians of ${rounds} rounds over the tree **small**: ${amount}.`, table(measured)].join('\n\n')
}

/** @throws Error when it fails, or when the action did not end as for an unchanged image */
async function go(way: WayName, tree: Tree, program: string, azure: BuiltAzure): Promise<Usage> {
  const work = path.join(BENCH_FOLDER, 'work', String(process.pid))
  const step = await stepEnvironment({
    folder: work,
    workspace: path.dirname(tree.folder),
    inputs: { ...azure.inputs, 'skip-unchanged': 'true' },
    variables: azure.variables,
  })
  const env = way === 'ours' ? { ...step, NODE: process.execPath, ACTION: program } : cleanEnvironment()
  try {
    const temporary = path.join(work, 'tmp')
    const usage = await measure({ script: WAYS[way].script, cwd: tree.folder, env, temporary })
    const outputs = readFileSync(path.join(work, 'OUTPUT'), 'utf8')
    if (way === 'ours' && !/^skipped<<.*\r?\ntrue\r?$/m.test(outputs))
      throw new Error(`The image was not found unchanged:\n${outputs}`)
    return usage
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function table(measured: Record<WayName, Usage[]>): string {
  const wallOf = (way: WayName): number[] => measured[way].map(({ wallMs }) => wallMs)
  const ours = median(wallOf('ours'))
  const rows = NAMES.map((way) => {
    const wall = wallOf(way)
    const isOurs = way === 'ours'
    const most = mostMemory(measured[way])
    return [
      WAYS[way].title,
      seconds(median(wall)),
      `${seconds(Math.min(...wall))} to ${seconds(Math.max(...wall))}`,
      seconds(median(measured[way].map(({ cpuMs }) => cpuMs))),
      isOurs ? verdict(most, LIMITS.memory, (bytes) => `${megabytes(bytes)} MB`) : `${megabytes(most)} MB`,
      isOurs ? '' : verdict(ours / median(wall), WAYS[way].limit),
    ]
  })
  const head = ['Way', 'Wall (s)', 'least to most', 'CPU (s)', 'Most memory', 'Wall of this action to it']
  return markdownTable(head, rows)
}

/** Undefined where the system does not tell. */
function mostMemory(runs: Usage[]): number | undefined {
  const values = runs.map(({ memory }) => memory).filter((value) => value !== undefined)
  return values.length === 0 ? undefined : Math.max(...values)
}
