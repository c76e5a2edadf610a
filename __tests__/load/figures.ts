/** What many builds at once come to, in figures: read off the requests that the local Azure answered. */
import { parseArmPath } from '../../local-azure/resource-manager/paths.ts'
import type { JobResult } from '../../local-azure/runner.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { annotations, type leftBehind } from '../support/run-action.ts'
import type { BuildTrace } from './build-traces.ts'

/** One job of many, and when its log said that the run had succeeded. */
export interface PlayedJob {
  job: JobResult
  /** Milliseconds since the epoch; undefined when it never did. */
  toldAt: number | undefined
}

export interface Played {
  jobs: PlayedJob[]
  traces: BuildTrace[]
  /** All requests of these jobs, in the order in which they were answered. */
  exchanges: Exchange[]
  left: Awaited<ReturnType<typeof leftBehind>>
}

export interface Figures {
  builds: number
  succeeded: number
  /** Of each build that did not: its first error. */
  failures: string[]
  /** In all, and by service. */
  requests: Record<string, number>
  /** Most requests in one second. */
  peakPerSecond: { all: number; resourceManager: number }
  /** Answers 429. */
  throttled: number
  /** Most tries of one request that Resource Manager throttled, the last one included; 0 without any. */
  mostTries: number
  /** From a 429 to the next try: the shortest, in seconds; 0 without any. */
  shortestPauseSeconds: number
  /**
   * From a request's first 429 to an answer that is none: the longest, in seconds, of each kind of request. A look that
   * is not repeated is followed by the next one of its kind.
   */
  longestWaitSeconds: Record<string, number>
  /** Different names of each, and how many were given twice. */
  made: { templates: number; blobs: number; images: number }
  collisions: number
  left: Played['left']
  /**
   * From a run's end in Azure to the answer that tells it, which is a matter of the interval alone, and to the line in
   * the job's log, in seconds.
   */
  answerSeconds: { median: number; longest: number }
  noticeSeconds: { median: number; longest: number }
  /** Of one build while its run goes on, all services together, scaled to an hour. */
  requestsPerBuildHour: { median: number; highest: number }
}

/** How long a run has gone on when what it begins with is over, in milliseconds: from then on polling is steady. */
const SETTLED_MS = 15_000

export function figuresOf({ jobs, traces, exchanges, left }: Played): Figures {
  const failed = jobs.filter(({ job }) => job.conclusion !== 'success')
  const tries = triesAfterThrottling(exchanges)
  const made = namesGiven(jobs, exchanges)
  const answers = traces.flatMap(answerSeconds)
  const notices = jobs.flatMap((one) => noticeSeconds(one, traces))
  const hourly = traces.flatMap(requestsPerHour)
  return {
    builds: jobs.length,
    succeeded: jobs.length - failed.length,
    failures: failed.map(
      ({ job }) => annotations(job, 'error')[0] ?? (job.log.slice(-500) || job.conclusion),
    ),
    requests: { all: exchanges.length, ...count(exchanges.map(({ service }) => service)) },
    peakPerSecond: {
      all: peak(exchanges),
      resourceManager: peak(exchanges.filter(({ service }) => service === 'resource-manager')),
    },
    throttled: exchanges.filter(({ status }) => status === 429).length,
    mostTries: highest(tries.map(({ times }) => times.length)),
    shortestPauseSeconds: tries.length > 0 ? Math.min(...tries.flatMap(pauses)) / 1000 : 0,
    longestWaitSeconds: longestWaits(tries),
    made: {
      templates: new Set(made.templates).size,
      blobs: new Set(made.blobs).size,
      images: new Set(made.images).size,
    },
    collisions: Object.values(made).reduce((sum, names) => sum + names.length - new Set(names).size, 0),
    left,
    answerSeconds: { median: median(answers), longest: highest(answers) },
    noticeSeconds: { median: median(notices), longest: highest(notices) },
    requestsPerBuildHour: { median: median(hourly), highest: highest(hourly) },
  }
}

/** Whether every build went as it should. */
export function isGood({ builds, succeeded, made, collisions, left }: Figures): boolean {
  const complete = Object.values(made).every((number) => number === builds)
  return succeeded === builds && complete && collisions === 0 && Object.values(left).flat().length === 0
}

/** Names of what the builds made, one a build: templates and blobs as they were asked for, images as reported. */
function namesGiven(jobs: PlayedJob[], exchanges: Exchange[]): Record<keyof Figures['made'], string[]> {
  const written = (pattern: RegExp): string[] =>
    exchanges
      .filter(({ method, status }) => method === 'PUT' && status === 201)
      .flatMap(({ target }) => pattern.exec(target)?.[1] ?? [])
  return {
    templates: written(/\/imageTemplates\/([^/?]+)\?/),
    blobs: written(/^\/stcontosobuild\/([^/?]+\/[^?]+)(?:\?(?!.*comp=block&).*)?$/),
    images: jobs.map(({ job }) => job.outputs['image-uri'] ?? '').filter((uri) => uri !== ''),
  }
}

/** The tries of a request that was throttled: when, from the first 429 to the try that was not. */
interface Tries {
  kind: string
  times: number[]
}

function triesAfterThrottling(exchanges: Exchange[]): Tries[] {
  const trying = new Map<string, Tries>()
  const done: Tries[] = []
  for (const { service, caller = '', method, target, status, at } of exchanges) {
    if (service !== 'resource-manager') continue
    const key = [caller, method, target].join(' ')
    const tries = trying.get(key) ?? { kind: kindOf(method, target), times: [] }
    if (status !== 429 && tries.times.length === 0) continue
    tries.times.push(at)
    trying.set(key, tries)
    if (status === 429) continue
    done.push(tries)
    trying.delete(key)
  }
  return [...done, ...trying.values()]
}

/** Such as `GET Microsoft.Compute/galleries/images`. */
function kindOf(method: string, target: string): string {
  const { namespace = '', type } = parseArmPath(method, target.replace(/\?.*/, ''))
  return `${method} ${namespace}/${type}`
}

function longestWaits(tries: Tries[]): Record<string, number> {
  const waits: Record<string, number> = {}
  for (const { kind, times } of tries)
    waits[kind] = Math.max(waits[kind] ?? 0, ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000)
  return waits
}

function pauses({ times }: Tries): number[] {
  return times.slice(1).map((at, i) => at - (times[i] ?? 0))
}

function answerSeconds({ template, runTo, exchanges }: BuildTrace): number[] {
  const asked = exchanges.find(
    ({ method, target, status, at }) =>
      method === 'GET' && target.includes(`/imageTemplates/${template}?`) && status === 200 && at >= runTo,
  )
  return asked ? [(asked.at - runTo) / 1000] : []
}

function noticeSeconds({ job, toldAt }: PlayedJob, traces: BuildTrace[]): number[] {
  const trace = traces.find(({ template }) => template === job.outputs['template-name'])
  return trace && toldAt !== undefined ? [(toldAt - trace.runTo) / 1000] : []
}

function requestsPerHour({ runFrom, runTo, exchanges }: BuildTrace): number[] {
  const from = runFrom + SETTLED_MS
  if (!(runTo > from)) return []
  const within = exchanges.filter(({ at }) => at >= from && at < runTo)
  return [Math.round((within.length / (runTo - from)) * 3_600_000)]
}

function peak(exchanges: Exchange[]): number {
  return highest(Object.values(count(exchanges.map(({ at }) => String(Math.floor(at / 1000))))))
}

function count(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function highest(numbers: number[]): number {
  return Math.max(0, ...numbers)
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
