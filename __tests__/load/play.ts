/** Many builds at once, as a matrix starts them: all jobs of one run of a workflow, one principal, one subscription. */
import { setTimeout as delay } from 'node:timers/promises'
import type { JobOptions } from '../../local-azure/runner.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { leftBehind, type Stage } from '../support/run-action.ts'
import { traceBuilds } from './build-traces.ts'
import type { Played, PlayedJob } from './figures.ts'

export interface Load {
  builds: number
  /**
   * Milliseconds that the first job waits at most for all others, once for its ID token and once for its access token: a
   * matrix has a machine for each, which come to Resource Manager at once.
   */
  together?: number
  inputs?: Record<string, string>
  /** Of each job. */
  options?: Partial<JobOptions>
  onEnd?: (played: PlayedJob) => void
}

/** What each build makes is its own; the artifact is the workspace of the stage. */
export async function playLoad(
  stage: Stage,
  { builds, together = 0, inputs = {}, options = {}, onEnd = () => undefined }: Load,
): Promise<Played> {
  const { azure } = stage
  const before = azure.world.exchanges.length
  const traces = traceBuilds(azure)
  const gates = STEPS.map((step) => azure.world.watch(startingGate(step, builds, together)))
  const play = async (): Promise<PlayedJob> => {
    let toldAt: number | undefined
    const onLine = (line: string): void => {
      if (/run template: +Succeeded/.test(line)) toldAt ??= Date.now()
    }
    const job = await stage.run(inputs, { ...options, onLine })
    const played = { job, toldAt }
    onEnd(played)
    return played
  }
  const jobs = await Promise.all(Array.from({ length: builds }, () => play()))
  for (const remove of gates) remove()
  return {
    jobs,
    traces: traces(),
    exchanges: azure.world.exchanges.slice(before),
    left: await leftBehind(azure),
  }
}

/** What each job asks for once before it asks Resource Manager: an ID token, then an access token. */
const STEPS: ((exchange: Exchange) => string | undefined)[] = [
  ({ service, caller }) => (service === 'github' ? caller : undefined),
  ({ service, body }) => (service === 'entra' && body?.includes('management') ? body : undefined),
]

/** Holds the answers to a step until all jobs have come that far, or the first has waited for so long. */
function startingGate(
  step: (exchange: Exchange) => string | undefined,
  builds: number,
  milliseconds: number,
): (exchange: Exchange) => Promise<void> {
  const come = new Set<string>()
  const full = new AbortController()
  let open: Promise<unknown> | undefined
  return async (exchange) => {
    const who = step(exchange)
    if (who === undefined || come.has(who)) return
    come.add(who)
    if (come.size === builds) full.abort()
    await (open ??= delay(milliseconds, undefined, { signal: full.signal }).catch(() => undefined))
  }
}
