/** A run's time: phases of the service's own length, real commands inside them, `buildTimeoutInMinutes` over all. */
import type { ImageTemplate } from './image-template.ts'
import type { World } from '../world.ts'

/** The run outlived its `buildTimeoutInMinutes`. */
export class OutOfTime extends Error {}

/**
 * Real commands do not run faster when the clock does: however little of the budget is left, they get this long
 * (milliseconds) before they are broken off.
 */
const REAL_MINIMUM = 20_000

/** Milliseconds that a run of the template may take; the service's default is 240 minutes (documented). */
export function buildTimeout({ properties: { buildTimeoutInMinutes = 0 } }: ImageTemplate): number {
  return (buildTimeoutInMinutes || 240) * 60_000
}

export class BuildClock {
  private readonly world: World
  private readonly cancelled: AbortSignal
  private readonly budget: number
  private spent = 0

  /** `budget` in milliseconds of the service. */
  constructor(world: World, budget: number, cancelled: AbortSignal) {
    this.world = world
    this.budget = budget
    this.cancelled = cancelled
  }

  /** Milliseconds of the service so far. */
  get elapsed(): number {
    return this.spent
  }

  /**
   * Lasts `duration` (milliseconds of the service), or as long as `work`; ends with the first failure of either. A
   * phase of infinite duration lasts as long as there is time; its work is no real command and gets no longer.
   * Rejects with OutOfTime when the budget is used up, with an abort when the run is cancelled.
   */
  async phase(duration: number, work: (signal: AbortSignal) => Promise<void> = nothing): Promise<void> {
    const left = this.budget - this.spent
    const deadline = new AbortController()
    const failed = new AbortController()
    const breakOff = (): void => {
      deadline.abort(new OutOfTime())
    }
    const minimum = duration === Infinity ? 0 : REAL_MINIMUM
    const timer = setTimeout(breakOff, Math.max(left / this.world.options.speed, minimum))
    const doWork = async (): Promise<void> => {
      await work(AbortSignal.any([this.cancelled, this.world.closed, deadline.signal])).catch(
        (error: unknown) => {
          failed.abort()
          throw error
        },
      )
    }
    const wait = this.world.elapse(Math.min(duration, left), AbortSignal.any([this.cancelled, failed.signal]))
    const [worked, waited] = await Promise.allSettled([doWork(), wait])
    clearTimeout(timer)
    this.spent += Math.min(duration, left)
    if (deadline.signal.aborted) throw new OutOfTime()
    if (worked.status === 'rejected') throw worked.reason
    if (waited.status === 'rejected') throw waited.reason
    if (duration > left) throw new OutOfTime()
  }
}

function nothing(): Promise<void> {
  return Promise.resolve()
}
