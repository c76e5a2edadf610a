/**
 * The load test: many builds at once of the bundled action, each in processes of its own, against one subscription
 * that Resource Manager throttles as documented, in real time.
 *
 *     npm run test:load                                 64 builds; about five minutes on two cores
 *     npm run test:load -- --builds 8 --seconds 30      a quick look
 *     npm run test:load -- --share 0.4                  others who use the same principal leave 40 % of its requests
 *
 * Prints the figures and writes them to `--out`, `build/load.json`. Fails when a build does, when a name is given
 * twice, or when anything is left behind. Azure's part of a run takes `--seconds`, not 20 minutes; nothing else is
 * quicker than it is: intervals, buckets of requests and pauses are the real ones.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { DOCUMENTED } from '../../local-azure/resource-manager/throttling.ts'
import type { Durations, Limits, RequestBucket } from '../../local-azure/world.ts'
import { openStage } from '../support/run-action.ts'
import { figuresOf, isGood, type Figures } from './figures.ts'
import { playLoad } from './play.ts'

const { values } = parseArgs({
  options: {
    builds: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '90' },
    share: { type: 'string', default: '1' },
    out: { type: 'string', default: 'build/load.json' },
  },
})
const ROOT = path.join(import.meta.dirname, '..', '..')
/** As long as an answer may take before the action would ask again, or a little less. */
const TOGETHER_MS = 50_000

process.exitCode = (await run(Number(values.builds), Number(values.seconds), Number(values.share))) ? 0 : 1

async function run(builds: number, seconds: number, share: number): Promise<boolean> {
  const limits = { requests: requestsLeft(share) }
  const stage = await openStage({ speed: 1, durations: shortened(seconds), limits })
  try {
    unevenly(stage.azure.world.options.durations)
    const inputs = await usual('poll-interval-seconds', 'follow-log')
    let ended = 0
    const onEnd = (): void => {
      ended += 1
      say(`\r${ended} of ${builds} jobs have ended`)
    }
    const started = performance.now()
    const played = await playLoad(stage, { builds, together: TOGETHER_MS, inputs, onEnd })
    const lasted = Math.round((performance.now() - started) / 1000)
    const figures = {
      on: new Date().toISOString().slice(0, 10),
      lasted,
      runSeconds: seconds,
      share,
      ...figuresOf(played),
    }
    await mkdir(path.dirname(values.out), { recursive: true })
    await writeFile(values.out, `${JSON.stringify(figures, null, 2)}\n`)
    say(`\n\n${told(figures).join('\n')}\n\nWritten to ${values.out}.\n`)
    return isGood(figures)
  } finally {
    await stage.close()
  }
}

/** Submitting takes as long as it does; the phases of a run keep their shares. */
function shortened(seconds: number): Partial<Durations> {
  const share = (part: number): number => part * seconds * 1000
  return {
    queued: share(0.05),
    building: share(0.25),
    customizing: share(0.3),
    distributing: share(0.4),
    cancel: 10_000,
    delete: 20_000,
  }
}

function requestsLeft(share: number): Limits['requests'] & object {
  const left = ({ bucket, perSecond }: RequestBucket): RequestBucket => ({
    bucket: bucket * share,
    perSecond: perSecond * share,
  })
  const { reads, writes, deletes } = DOCUMENTED
  return { reads: left(reads), writes: left(writes), deletes: left(deletes) }
}

/**
 * No two builds take the same time: the ends of their runs must not fall together with their intervals, nor all at once
 * where all jobs share one machine.
 */
function unevenly(durations: Durations): void {
  const { distributing } = durations
  const get = (): number => distributing * (1 + 2 * Math.random())
  Object.defineProperty(durations, 'distributing', { get })
}

/** What inputs are when nobody sets them. */
async function usual(...names: string[]): Promise<Record<string, string>> {
  const { inputs } = parse(await readFile(path.join(ROOT, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { default: string } | undefined>
  }
  return Object.fromEntries(names.map((name) => [name, inputs[name]?.default ?? '']))
}

function told(figures: Figures & { lasted: number }): string[] {
  const { requests, peakPerSecond, made, left, answerSeconds, noticeSeconds, requestsPerBuildHour } = figures
  const { all = 0, ...services } = requests
  const ofService = Object.entries(services).map(([name, number]) => `${name} ${number}`)
  return [
    `builds                     ${figures.builds}, succeeded ${figures.succeeded}, in ${figures.lasted} s`,
    ...figures.failures.map((failure) => `  failed: ${failure.split('\n')[0] ?? ''}`),
    `requests                   ${all} (${ofService.join(', ')})`,
    `most in a second           ${peakPerSecond.all}, Resource Manager ${peakPerSecond.resourceManager}`,
    `answers 429                ${figures.throttled}`,
    `most tries of a request    ${figures.mostTries}, shortest pause ${figures.shortestPauseSeconds} s`,
    ...Object.entries(figures.longestWaitSeconds).map(
      ([kind, seconds]) => `longest wait after a 429   ${seconds} s, ${kind}`,
    ),
    `made                       ${made.templates} templates, ${made.blobs} blobs, ${made.images} images`,
    `names given twice          ${figures.collisions}`,
    `left behind                ${Object.values(left).flat().length}`,
    `run's end to an answer     ${medianAndLongest(answerSeconds)}`,
    `run's end to the log       ${medianAndLongest(noticeSeconds)}`,
    `requests a build hour      median ${requestsPerBuildHour.median}, highest ${requestsPerBuildHour.highest}`,
  ]
}

function medianAndLongest({ median, longest }: Figures['noticeSeconds']): string {
  return `median ${median.toFixed(1)} s, longest ${longest.toFixed(1)} s`
}

function say(text: string): void {
  process.stdout.write(text)
}
