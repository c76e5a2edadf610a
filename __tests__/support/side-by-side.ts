/** Jobs that do not disturb each other wait for each other's polls no longer: they run side by side. */
import type { JobResult } from '../../local-azure/runner.ts'

/** More at once would only take turns on the processors. */
const AT_ONCE = 5

/** Runs jobs, a few at a time, and returns each one's result under its name. */
export async function sideBySide<Name extends string>(
  jobs: Record<Name, () => Promise<JobResult>>,
): Promise<Record<Name, JobResult>> {
  const waiting = Object.entries(jobs) as [Name, () => Promise<JobResult>][]
  const results: Partial<Record<Name, JobResult>> = {}
  const workOff = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await next[1]()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, workOff))
  return results as Record<Name, JobResult>
}
