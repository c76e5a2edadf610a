/** What jobs leave to those that need them. The rules are documented. Pure. */
import type { Conclusion } from '../runner.ts'
import type { Status } from './expressions.ts'
import type { JobNode } from './workflow-file.ts'

export type Result = Conclusion | 'skipped'

export interface Outcome {
  result: Result
  outputs: Record<string, string>
}

/** All that a job needs, directly or not. */
export function ancestorsOf(node: JobNode, jobs: JobNode[], found = new Set<string>()): string[] {
  for (const id of node.needs.filter((need) => !found.has(need))) {
    found.add(id)
    const needed = jobs.find((job) => job.id === id)
    if (needed) ancestorsOf(needed, jobs, found)
  }
  return [...found]
}

/**
 * The status functions of a job's condition: `success()` wants every ancestor to have succeeded, so that a skip goes down
 * the whole chain; `failure()` wants one that failed. After a cancel neither holds.
 */
export function statusAfter(ancestors: Result[], cancelled: boolean): Status {
  return {
    cancelled,
    success: !cancelled && ancestors.every((result) => result === 'success'),
    failure: !cancelled && ancestors.includes('failure'),
  }
}

/** What legs, or the jobs of a called workflow, come to together. That of skipped ones alone is assumed. */
export function combine(results: Result[]): Result {
  const order: Result[] = ['failure', 'cancelled', 'success']
  return order.find((result) => results.includes(result)) ?? 'skipped'
}

/**
 * The outputs of a matrix: the leg that ends last overwrites the others. Empty ones are none. Of legs that call a
 * workflow, only those count that succeeded.
 */
export function mergeOutputs(inOrderOfEnd: Outcome[], onlySuccessful: boolean): Record<string, string> {
  const counting = inOrderOfEnd.filter(({ result }) => !onlySuccessful || result === 'success')
  const entries = counting.flatMap(({ outputs }) => Object.entries(outputs))
  return Object.fromEntries(entries.filter(([, value]) => value !== ''))
}
