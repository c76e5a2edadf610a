/** For scenarios that turn on a moment: a service at the pace they need, and something that happens at one request. */
import type { LocalAzure, LocalAzureOptions } from '../../local-azure/index.ts'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import type { Durations, Exchange } from '../../local-azure/world.ts'
import { ROOMY, type Stage } from './run-action.ts'

/** Does something at the moment of a request, before its answer leaves. */
export { atRequest as whenAt } from '../../local-azure/failures/others.ts'

/** Milliseconds of real time, so that no build runs out of its time while one phase is held. */
const BRISK: Durations = {
  submit: 50,
  queued: 50,
  building: 50,
  customizing: 50,
  optimizing: 50,
  validating: 50,
  distributing: 50,
  cancel: 50,
  delete: 50,
}
/** Longer than any test: a phase that ends when it is cancelled, or released. */
export const HELD = 10 * 60_000

/**
 * The documented buckets of requests for clients whose clock runs up to 20 times faster: they may be asked 20 times as
 * much in a second of ours, and by as many jobs side by side as a test runs.
 */
const BRISK_REQUESTS = {
  reads: { bucket: 2500, perSecond: 25 * 20 },
  writes: { bucket: 2000, perSecond: 10 * 20 },
  deletes: { bucket: 2000, perSecond: 10 * 20 },
}

/** For tests to which what the build VM does is nothing. */
export const UNRUN = { runsCommands: false }

/** A local Azure in which a run takes a quarter of a second and any phase can be held with `pace`. */
export const AT_ANY_PACE: LocalAzureOptions = {
  speed: 1,
  durations: BRISK,
  build: UNRUN,
  limits: { requests: BRISK_REQUESTS },
}

/** Sets how long phases that begin from now on last, in milliseconds; the others are brisk again. */
export function pace({ world }: LocalAzure, durations: Partial<Durations> = {}): void {
  Object.assign(world.options.durations, BRISK, durations)
}

/** Lets what is held go on, and everything is brisk again. */
export function release(azure: LocalAzure): void {
  pace(azure)
  azure.world.hasten()
}

/** `env` of a job whose clock runs `factor` times faster and whose waits are as much shorter: 10 s are half a second. */
export function quickTime(factor = 20): Record<string, string> {
  const preload = new URL('quick-time.js', import.meta.url).href
  return { ...ROOMY, NODE_OPTIONS: `--import=${preload} ${ROOMY.NODE_OPTIONS}`, QUICK_TIME: String(factor) }
}

/** `env` of a job whose clock is wrong by some minutes. */
export function clockAhead(minutes: number): Record<string, string> {
  return { ...quickTime(1), CLOCK_AHEAD: String(minutes) }
}

/** Runs the action in quick time. */
export function runQuickly(
  stage: Stage,
  inputs: Record<string, string> = {},
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  return stage.run(inputs, { ...options, env: { ...quickTime(), ...options.env } })
}

/**
 * Aborted by the first request that matches `request` (`METHOD /path?query`) and `holds`: after the service has acted
 * on it, before its answer leaves.
 */
export function momentOf(
  { world }: LocalAzure,
  request: RegExp,
  holds: (exchange: Exchange) => boolean = () => true,
): AbortSignal {
  const moment = new AbortController()
  const release = world.watch((exchange) => {
    if (!request.test(`${exchange.method} ${exchange.target}`) || !holds(exchange)) return
    release()
    moment.abort()
  })
  return moment.signal
}

/** Requests of a service that have matched since now. */
export function countRequests({ world }: LocalAzure, request: RegExp): () => Exchange[] {
  const before = world.requests(request).length
  return () => world.requests(request).slice(before)
}

/** How the template of a request stands: its `provisioningState`, then the run's phase, then `run <its end state>`. */
export function templateState({ world }: LocalAzure, { target }: Exchange): string {
  const id = target.replace(/\?.*/, '').replace(/(\/imageTemplates\/[^/]+).*/i, '$1')
  const { provisioningState, lastRunStatus } = (world.resources.get(id)?.properties ?? {}) as {
    provisioningState?: string
    lastRunStatus?: { runState: string; runSubState?: string }
  }
  if (lastRunStatus) return lastRunStatus.runSubState ?? `run ${lastRunStatus.runState}`
  return provisioningState ?? 'absent'
}
