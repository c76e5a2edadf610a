/** What every failure of the action has in common, and what it may have touched. */
import { expect } from '@jest/globals'
import type { LocalAzure } from '../../local-azure/index.ts'
import type { JobResult } from '../../local-azure/runner.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { annotations } from './run-action.ts'

/**
 * The message of a job that failed as it should: exit code 1, one error annotation, no stack trace, no secret.
 * Throws for any other end.
 */
export function failureOf(job: JobResult): string {
  const errors = annotations(job, 'error')
  expect({
    exitCode: job.main.exitCode,
    conclusion: job.conclusion,
    errors,
    stackTrace: /^\s+at .+[:(]/m.exec(job.log)?.[0],
    leaks: job.leaks,
  }).toEqual({
    exitCode: 1,
    conclusion: 'failure',
    errors: [expect.any(String)],
    stackTrace: undefined,
    leaks: [],
  })
  return errors[0] ?? ''
}

/** What `play` comes to, and the requests that were made meanwhile. */
export async function requestsOf<T>(
  { world }: LocalAzure,
  play: () => Promise<T>,
): Promise<{ result: T; requests: Exchange[] }> {
  const before = world.exchanges.length
  const result = await play()
  return { result, requests: world.exchanges.slice(before) }
}

/** The requests that could have created or changed something in Azure, as `METHOD target`. */
export function changes(requests: Exchange[]): string[] {
  return requests
    .filter(({ service }) => service === 'resource-manager' || service === 'blob')
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ method, target }) => `${method} ${target}`)
}
