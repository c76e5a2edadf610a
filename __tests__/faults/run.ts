/**
 * The exhaustive fault test: each fault at each request of a build, its processes killed and cancelled at each, and pairs
 * of faults by chance. Every one is a build of its own by the bundles in `dist`, on a local Azure, in quick time. It must
 * succeed with one image and nothing left, or fail with a clear error and nothing left that the contract does not keep.
 *
 *     npm run test:faults                           all of it, some minutes on two cores
 *     npm run test:faults -- --sample 20            every twentieth
 *     npm run test:faults -- --only '^(500|main killed) .*DELETE'
 *
 * `--only` is a regular expression for what the output calls an incident, `--build` is `image`, `log` (a script that
 * fails while its log is followed: the requests that the first one does not have) or `all`. `--pairs` says how many,
 * `--seed` which. `--json` names a file for the figures, `--logs` the folder for what went wrong, `--workers` how many
 * play side by side, `--action` the folder of another action to try, `--list` only lists.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { titleOf } from './incidents.ts'
import { plan, type Item } from './plan.ts'
import { asJson, countByGroup, isBad, isTelling, keepLog, table, type Played } from './report.ts'
import { knownRequests, nameOf, type KnownRequest } from './requests.ts'
import { EXPECTED, Stand, type BuildName } from './stand.ts'
import { judge } from './verdict.ts'

const { values } = parseArgs({
  options: {
    build: { type: 'string', default: 'all' },
    only: { type: 'string', default: '' },
    sample: { type: 'string', default: '1' },
    workers: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '150' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'string' },
    action: { type: 'string' },
    logs: { type: 'string', default: path.join(import.meta.dirname, '..', '..', 'build', 'faults') },
    list: { type: 'boolean', default: false },
  },
})
const BUILDS: BuildName[] = ['image', 'log']
const PROGRESS_MS = 30_000

const seed = whole('seed', values.seed, 0)
const builds = BUILDS.filter((build) => values.build === 'all' || values.build === build)
if (builds.length === 0)
  throw new Error(`--build: no '${values.build}'; there are: all, ${BUILDS.join(', ')}`)
const requests: Partial<Record<BuildName, KnownRequest[]>> = {}
// The requests of the first one are what the second one's are compared with.
for (const build of BUILDS) requests[build] = await recorded(build)
const items = plan(requests, {
  pairs: whole('pairs', values.pairs, 0),
  seed,
  only: new RegExp(values.only),
  sample: whole('sample', values.sample, 1),
}).filter(({ build }) => builds.includes(build))
say(`${items.length} incidents; seed ${seed}`)
if (values.list) for (const { incident } of items) say(titleOf(incident))
else process.exitCode = await playAll(items)

async function recorded(build: BuildName): Promise<KnownRequest[]> {
  const stand = await Stand.open(build, values.action)
  try {
    const { sightings, evidence } = await stand.record()
    const { name, reason } = judge(evidence, EXPECTED[build])
    if (name !== 'survived') throw new Error(`undisturbed, the build ${build} ended so: ${name}: ${reason}`)
    const known = knownRequests(sightings)
    say(`build ${build}: ${sightings.length} requests, of them taken: ${known.length}`)
    if (values.list) for (const request of known) say(`  ${nameOf(request)}`)
    return known
  } finally {
    await stand.close()
  }
}

/** @returns the exit code */
async function playAll(all: readonly Item[]): Promise<number> {
  const waiting = [...all.entries()]
  const played: Played[] = []
  const started = performance.now()
  const elapsed = (): number => Math.round((performance.now() - started) / 1000)
  const progress = setInterval(() => {
    const bad = played.filter(isBad).length
    say(`${played.length} of ${all.length} after ${elapsed()} s, bad: ${bad}`)
  }, PROGRESS_MS)
  const workers = Math.min(whole('workers', values.workers, 1), waiting.length)
  try {
    await Promise.all(Array.from({ length: workers }, () => work(waiting, played)))
  } finally {
    clearInterval(progress)
  }
  say(`\n${table(countByGroup(played))}\n`)
  for (const one of played.filter(isTelling)) say(`${one.verdict.name}: ${titleOf(one.incident)}`)
  say(`${played.length} builds in ${elapsed()} s with ${workers} workers; seed ${seed}`)
  if (values.json !== undefined) writeFileSync(values.json, `${asJson(played, seed)}\n`)
  return played.some(isBad) ? 1 : 0
}

/** Plays what is waiting, on a local Azure of its own. */
async function work(waiting: [number, Item][], played: Played[]): Promise<void> {
  let stand: { of: BuildName; at: Stand } | undefined
  try {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [number, item] = next
      if (stand?.of !== item.build) {
        await stand?.at.close()
        stand = { of: item.build, at: await Stand.open(item.build, values.action) }
      }
      const evidence = await stand.at.play(item.incident)
      const one = { ...item, evidence, verdict: judge(evidence, EXPECTED[item.build]) }
      played.push(one)
      if (!isBad(one)) continue
      say(`${one.verdict.name.toUpperCase()} ${titleOf(item.incident)}: ${one.verdict.reason}`)
      say(`  ${keepLog(values.logs, number, one)}`)
    }
  } finally {
    await stand?.at.close()
  }
}

function whole(option: string, text: string, least: number): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < least) {
    throw new Error(`--${option}: '${text}' is no whole number from ${least}`)
  }
  return number
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
