/**
 * Every failure of the catalogue, as the local Azure produces it: the job fails with its identifier, and its annotation
 * has the entry's cause and what to do. One local Azure plays them all, one after the other, and is as new before each.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { jobOf } from '../../local-azure/demo.ts'
import { FAILURE_SCENARIOS } from '../../local-azure/failures.ts'
import { runJob, type JobResult } from '../../local-azure/runner.ts'
import type { Scenario } from '../../local-azure/scenarios.ts'
import { FAILURES } from '../../src/failures.ts'
import { failureOf } from '../support/failures.ts'
import { quickTime } from '../support/moments.ts'
import { openOneAzure, type OneAzure } from '../support/one-azure.ts'
import { annotations } from '../support/run-action.ts'

/** Entries without a scenario, and why. */
const NOT_PLAYED: Record<string, string> = {
  unknown: 'what could be played would be known',
}
/** In these the action waits and tries again, for minutes. */
const PATIENT = ['no-connection', 'service-unavailable', 'throttled', 'stuck-canceling']

let one: OneAzure
beforeAll(async () => {
  one = await openOneAzure()
})
afterAll(() => one.azure.close())

async function play(id: string, scenario: Scenario): Promise<JobResult> {
  // What waits for the build's timeout waits for an hour.
  const speed = scenario.azure.build?.packer?.never ? 20_000 : 5000
  one.become({ ...scenario.azure, speed })
  const job = await jobOf(scenario, one.azure)
  const cancel = new AbortController()
  return await runJob({
    ...job,
    env: { ...quickTime(PATIENT.includes(id) ? 100 : 20), ...job.env },
    // The log is read once the build has failed; following it is tested elsewhere.
    with: { 'follow-log': 'false', ...job.with, 'log-artifact-name': '', 'record-artifact-name': '' },
    skipPost: true,
    interrupt: { cancel: cancel.signal },
    onLine: (line) => {
      if (scenario.cancelAt?.test(line)) cancel.abort()
    },
  })
}

/** What stands between the facts of a text, which each failure fills in. */
function pieces(text: string): string[] {
  return text.split(/\{\w+\}/).map(squeezed)
}

/** However its lines are broken and set in. */
function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

test('every entry of the catalogue has a scenario, and every scenario an entry', () => {
  const ids = FAILURES.map(({ id }) => id).filter((id) => !(id in NOT_PLAYED))
  expect(Object.keys(FAILURE_SCENARIOS).sort()).toEqual(ids.sort())
})

test.each(Object.entries(FAILURE_SCENARIOS))('%s', async (id, scenario) => {
  const job = await play(id, scenario)
  const told = squeezed(annotations(job, 'error').join('\n'))
  expect({ told, code: job.outputs['failure-code'] }).toMatchObject({ code: id })
  expect(job.conclusion).toBe(scenario.conclusion)
  if (scenario.conclusion === 'failure') failureOf(job)
  expect(job.leaks).toEqual([])
  // Each mistake in the inputs stands with its own remedy.
  if (id === 'invalid-input') return
  const { cause, remedy, link } = FAILURES.find((entry) => entry.id === id) ?? {
    cause: '',
    remedy: '',
    link: '',
  }
  const [whatToDo = ''] = remedy.split('\n')
  for (const words of [...pieces(cause), ...pieces(whatToDo), link]) expect(told).toContain(words)
})
