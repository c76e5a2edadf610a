/**
 * The benchmark: how fast the action packs and uploads, beside tools that anybody has.
 *
 *     npm run bench                                           the comparison, about half an hour on two cores
 *     npm run bench -- --memory                               peak memory over trees of 0.5 to 4 GiB
 *     npm run bench -- --unchanged                            the run that finds nothing to build, beside sha256sum
 *     npm run bench -- --start                                time to the first request, beside an empty Node
 *     npm run bench -- --arrival                              whether 40,000 files and 4 GiB arrive byte for byte
 *     npm run bench -- --all                                  the five, one after the other
 *     npm run bench -- --scale 0.05 --rounds 2                a quick look
 *     npm run bench -- --trees small,random --ways tar,ours-tar
 *     npm run bench -- --clean                                removes the trees that are kept for the next run
 *
 * A comparison of all trees and ways at full size, with five rounds or more, and the others at full size, the unchanged
 * run with five rounds as well, are written into `docs/performance.md`; `--write` writes any. `--start` and `--arrival`
 * run `dist`, as `npm run build` made it; the others compile and bundle the sources themselves, into `build/bench`.
 * Comparison and memory need bash, zip, GNU tar, pigz and, but for Linux on x64, azcopy; the unchanged run needs bash,
 * xargs, sha256sum and openssl. Trees need 4 GB of the temporary folder, archives and blobs 8 GB more for a while. Memory is
 * read from `/proc`, so it is told on Linux alone.
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { checkArrival } from './bench/arrival.ts'
import { bundleOurs } from './bench/bundle.ts'
import { compare, type ComparisonOptions } from './bench/comparison.ts'
import { measureMemory } from './bench/memory.ts'
import { PAGE, writeSection } from './bench/report.ts'
import { measureStart } from './bench/start.ts'
import { findDigesters, findTools, machine } from './bench/tools.ts'
import { BENCH_FOLDER, TREES, type TreeName } from './bench/trees.ts'
import { measureUnchanged } from './bench/unchanged.ts'
import { WAYS, type WayName } from './bench/ways.ts'

const flag = { type: 'boolean', default: false } as const
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    trees: { type: 'string', default: Object.keys(TREES).join() },
    ways: { type: 'string', default: Object.keys(WAYS).join() },
    memory: flag,
    unchanged: flag,
    start: flag,
    arrival: flag,
    all: flag,
    write: flag,
    clean: flag,
  },
})

if (values.clean) rmSync(BENCH_FOLDER, { recursive: true, force: true })
else await bench()

async function bench(): Promise<void> {
  const { memory, unchanged, start, arrival, all } = values
  const comparison = all || !(memory || unchanged || start || arrival)
  const options: ComparisonOptions = {
    trees: chosen<TreeName>('trees', Object.keys(TREES), values.trees),
    ways: chosen<WayName>('ways', Object.keys(WAYS), values.ways),
    rounds: positive('rounds', values.rounds),
    scale: positive('scale', values.scale),
  }
  const tools = comparison || memory ? findTools() : undefined
  const digesters = all || unchanged ? findDigesters() : undefined
  const isKept = values.write || isFull(options, { comparison, unchanged: digesters !== undefined })
  // Each as soon as it is there: the next one may take half an hour, and fail.
  const tell = (name: string, text: string, versions: readonly string[] = []): void => {
    const day = new Date().toISOString().slice(0, 10)
    const section = [`On ${day}:`, machine(versions).join('\n'), text].join('\n\n')
    console.log(`\n── ${name}\n\n${section}\n`)
    if (isKept) writeSection(name, section)
  }
  if (all || start) tell('start', await measureStart(say))
  if (all || arrival) tell('arrival', await checkArrival(options.scale, say))
  if (digesters) tell('unchanged', await measureUnchanged(options, say), digesters)
  if (tools) {
    const { azcopy, versions } = tools
    const programs = { azcopy, ours: await bundleOurs() }
    if (comparison) tell('comparison', await compare(options, programs, say), versions)
    if (all || memory) tell('memory', await measureMemory(options.scale, programs, say), versions)
  }
  console.log(isKept ? `Written into ${PAGE}.` : `A quick look: ${PAGE} is left as it is.`)
}

function isFull(
  { trees, ways, rounds, scale }: ComparisonOptions,
  measured: { comparison: boolean; unchanged: boolean },
): boolean {
  const everything = trees.length === Object.keys(TREES).length && ways.length === Object.keys(WAYS).length
  const inRounds = measured.comparison || measured.unchanged
  return scale === 1 && (!inRounds || rounds >= 5) && (!measured.comparison || everything)
}

function chosen<T extends string>(option: string, known: string[], text: string): T[] {
  const names = text.split(',')
  const wrong = names.find((name) => !known.includes(name))
  if (wrong !== undefined) throw new Error(`--${option}: no '${wrong}'; there are: ${known.join(', ')}`)
  return names as T[]
}

function positive(option: string, text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`--${option}: '${text}' is no number above 0`)
  return number
}

function say(line: string): void {
  console.log(`${new Date().toTimeString().slice(0, 8)}  ${line}`)
}
