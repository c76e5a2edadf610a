/** A run is watched from look to look until it ends, through whatever the service says of it in between. */
import { BuildFailedError, messageOf, SignInError } from '../errors.ts'
import { pauseBefore, troubleOf } from '../patience.ts'
import type { Clock, RunEnd, TemplateRun, TemplateView } from '../ports.ts'
import { lastName } from '../resource-id.ts'
import { runStatus, type OperationStatus, type RunSighting } from '../run-status.ts'

/** The template is given this long to agree with an operation that has ended. */
const AGREEMENT_MS = 2 * 60_000
/** How long the service may be unreadable in one stretch while a build goes on (reported: minutes). */
const BLIND_MS = 15 * 60_000
/** From here on that is told. */
const LONG_BLIND_MS = 60_000
/** Every so many looks the operation is read as well: the template tells more, and mostly first. */
const OPERATION_EVERY = 6
/** Resource Manager may not show for a moment what is there: gone is what is not there so many looks in a row. */
export const GONE_AFTER = 3
/** A run that is being cancelled for longer is stuck (reported: hours to days); it makes no image any more. */
const CANCELING_MS = 5 * 60_000

/** One try each: the next look is the next try. */
export interface RunReads {
  /** Undefined when there is no such template. */
  template: () => Promise<TemplateView | undefined>
  operation: (url: string) => Promise<OperationStatus & { retryAfterMs?: number }>
}

export interface WatchEdges {
  clock: Clock
  debug: (message: string) => void
  notice: (message: string) => void
}

/** One run under way. */
export class RunWatch {
  private readonly run: TemplateRun
  private readonly reads: RunReads
  private readonly edges: WatchEdges
  private readonly pollMs: number
  private looks = 0
  /** Looks in a row that did not find the template. */
  private misses = 0
  /** Looks in a row that failed, since when, and whether that was told. */
  private failures = 0
  private seenAt: number
  private told = false
  private operationEndedAt: number | undefined
  private cancelingSince: number | undefined
  /** What the service asked for when the operation was last read. */
  private retryAfterMs = 0

  constructor(run: TemplateRun, reads: RunReads, edges: WatchEdges, pollMs: number) {
    this.run = run
    this.reads = reads
    this.edges = edges
    this.pollMs = pollMs
    this.seenAt = edges.clock.now()
  }

  /**
   * @param onLook is told the phase at every look that saw one
   * @throws BuildFailedError when the template is gone or its run is stuck in Canceling; SignInError; what kept the service
   * from being read for a quarter of an hour
   */
  async untilItEnds(onLook: (phase: string) => void, signal: AbortSignal): Promise<RunEnd> {
    const { clock } = this.edges
    for (;;) {
      const { sighting, pauseMs } = await this.look(signal)
      const now = clock.now()
      const final = this.operationEndedAt !== undefined && now - this.operationEndedAt > AGREEMENT_MS
      const status = runStatus(sighting, this.run.previousStart, final)
      if (status.ended) return { state: status.state, message: status.message }
      if (status.operationEnded) this.operationEndedAt ??= now
      if (sighting.template) onLook(status.phase)
      this.checkCancel(status.phase, now)
      await clock.sleep(Math.max(this.pollMs, pauseMs), signal)
    }
  }

  private async look(signal: AbortSignal): Promise<{ sighting: RunSighting; pauseMs: number }> {
    this.looks += 1
    const { view, pauseMs } = await this.readTemplate(signal)
    const wanted = !view || this.operationEndedAt !== undefined || this.looks % OPERATION_EVERY === 0
    const { operationUrl } = this.run
    // Nothing hangs on it alone: where it may not be read or is not known any more, the template tells.
    const operation =
      wanted && operationUrl !== undefined
        ? await this.reads.operation(operationUrl).catch(() => undefined)
        : undefined
    signal.throwIfAborted()
    if (operation) this.retryAfterMs = operation.retryAfterMs ?? 0
    const sighting = {
      ...(view?.lastRun ? { template: view.lastRun } : {}),
      ...(operation ? { operation } : {}),
    }
    return { sighting, pauseMs: Math.max(pauseMs, this.retryAfterMs) }
  }

  /** A build goes on while its template cannot be read, so that is no failure for a long time. */
  private async readTemplate(signal: AbortSignal): Promise<{ view?: TemplateView; pauseMs: number }> {
    try {
      const view = await this.reads.template()
      this.seenAt = this.edges.clock.now()
      this.failures = 0
      this.told = false
      this.misses = view ? 0 : this.misses + 1
      if (this.misses === GONE_AFTER) {
        const name = lastName(this.run.imageTemplate)
        throw new BuildFailedError(`Image template ${name} was deleted while its run was under way.`)
      }
      return { ...(view ? { view } : {}), pauseMs: 0 }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof BuildFailedError) throw error
      return { pauseMs: this.bearWith(error) }
    }
  }

  /** How long to wait after a look that failed. */
  private bearWith(error: unknown): number {
    const { clock, debug, notice } = this.edges
    const blindMs = clock.now() - this.seenAt
    if (error instanceof SignInError || blindMs > BLIND_MS) throw error
    this.failures += 1
    debug(`${messageOf(error)}; looking again later`)
    if (blindMs > LONG_BLIND_MS && !this.told) {
      this.told = true
      notice(`${messageOf(error)}\nThe build goes on meanwhile, and the action goes on looking.`)
    }
    return pauseBefore(this.failures, troubleOf(error) ?? { kind: 'unclear' })
  }

  /** A cancel that somebody asked for in Azure may never end. */
  private checkCancel(phase: string, now: number): void {
    if (phase !== 'Canceling') return
    this.cancelingSince ??= now
    if (now - this.cancelingSince < CANCELING_MS) return
    throw new BuildFailedError(
      `Image template ${lastName(this.run.imageTemplate)}: its run has been Canceling for ${CANCELING_MS / 60_000} minutes.`,
    )
  }
}
