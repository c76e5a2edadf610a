/** How a run is getting on: which phase it is in, since when, and what to say when nothing else is said. */
import { duration } from './report.ts'
import type { Span } from './timeline.ts'

/** After so long without any line the reader hears that the build is alive; milliseconds. */
const SILENCE_MS = 5 * 60_000

/** Watches one run. Times are milliseconds since the epoch. */
export class Progress {
  private readonly startedAt: number
  private readonly usualMs: number | undefined
  private readonly seen: { name: string; from: number; to: number }[] = []

  /** @param usualMs how long earlier builds of the image took, where that is known */
  constructor(startedAt: number, usualMs?: number) {
    this.startedAt = startedAt
    this.usualMs = usualMs
  }

  /**
   * One look at the run.
   * @param phase `Queued`, `Building`, `Customizing` …
   * @param saidAt when the last line was printed, of whatever kind
   * @param step what is being done in the build VM, where the log tells
   * @returns a line to print, if there is anything to say
   */
  look(
    phase: string,
    now: number,
    saidAt: number,
    step?: { title: string; since: number },
  ): string | undefined {
    const current = this.seen.at(-1)
    if (current) current.to = now
    if (current?.name !== phase) {
      this.seen.push({ name: phase, from: now, to: now })
      return `${phase} (${this.elapsed(now)})`
    }
    if (now - saidAt < SILENCE_MS) return undefined
    const doing = step ? `; ${step.title}, for ${duration(now - step.since)}` : ''
    return `still ${phase} (${this.elapsed(now)})${doing}`
  }

  /** The phases so far; the last one lasts until `now`. */
  phases(now: number, failed: boolean): Span[] {
    return this.seen.map((phase, index) => {
      const last = index === this.seen.length - 1
      return { ...phase, to: last ? now : phase.to, state: last && failed ? 'failed' : 'done' }
    })
  }

  private elapsed(now: number): string {
    const elapsed = duration(now - this.startedAt)
    return this.usualMs === undefined ? elapsed : `${elapsed} of about ${duration(this.usualMs)}`
  }
}

/** A finished build of the same image. */
export interface EarlierBuild {
  /** Both as the image version tells them: ISO 8601. */
  startedAt: string
  publishedAt: string
}

/** Of these many latest builds the usual time is taken. */
const COUNTED = 5
/** A day: what took longer has waited for somebody. */
const LONGEST_MS = 24 * 60 * 60_000

/** The usual time of a build until its image is published, in milliseconds: the median of the latest. */
export function usualDuration(builds: readonly EarlierBuild[]): number | undefined {
  const times = builds
    .map(({ startedAt, publishedAt }) => ({
      at: Date.parse(publishedAt),
      took: Date.parse(publishedAt) - Date.parse(startedAt),
    }))
    .filter(({ took }) => took > 0 && took < LONGEST_MS)
    .sort((a, b) => b.at - a.at)
    .slice(0, COUNTED)
    .map(({ took }) => took)
    .sort((a, b) => a - b)
  return times[Math.floor(times.length / 2)]
}
