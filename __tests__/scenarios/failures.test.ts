/**
 * Every failure of the catalogue, as the local Azure produces it: the job fails with its identifier, and its annotation
 * has the entry's cause and what to do. One local Azure plays them all, one after the other, and is as new before each.
 * Where a log differs from that of another entry in nothing but its words, the diagnosis alone reads it, without a job.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { commonInputs, jobOf } from '../../local-azure/demo.ts'
import { FAILURE_SCENARIOS } from '../../local-azure/failures.ts'
import { makeTemplate, send, templateId } from '../../local-azure/failures/others.ts'
import type { ImageTemplate } from '../../local-azure/image-builder/image-template.ts'
import { runJob, type JobResult } from '../../local-azure/runner.ts'
import type { Scenario } from '../../local-azure/scenarios.ts'
import { advice, diagnose } from '../../src/diagnosis.ts'
import { FAILURES } from '../../src/failures.ts'
import { ended, readingOf } from '../support/failed-builds.ts'
import { failureOf } from '../support/failures.ts'
import { quickTime } from '../support/moments.ts'
import { openOneAzure, type OneAzure } from '../support/one-azure.ts'
import { annotations } from '../support/run-action.ts'
import { bodyOf } from '../support/template-body.ts'
import { stagingAccount } from '../local-azure/image-builder-client.ts'

/** Entries without a scenario, and why. */
const NOT_PLAYED: Record<string, string> = {
  unknown: 'what could be played would be known',
}
/** In these the action waits and tries again, for minutes. */
const PATIENT = ['no-connection', 'service-unavailable', 'throttled', 'stuck-canceling', 'upload-damaged']
/** In these somebody acts while the run is under way: it must not be over by then, on however busy a machine. */
const IN_TIME = ['cancelled', 'cancelled-in-azure', 'stuck-canceling', 'template-deleted']

/**
 * The words of the log alone tell these apart: their way into a job is that of `sysprep-race`, `customizer-failed` and
 * `artifact-download-failed`.
 */
const LOG_ALONE = [
  'azure-resources-timeout',
  'build-vm-unreachable',
  'connection-lost',
  'windows-update-exhausted',
  'windows-update-pending-restart',
  'windows-restart-timeout',
  'deprovisioning-script-broken',
  'packer-build-failed',
  'disk-full',
  'out-of-memory',
  'command-not-found',
  'apt-locked',
  'apt-not-ready',
  'package-not-found',
  'host-not-resolved',
  'powershell-broken-off',
]

let one: OneAzure
beforeAll(async () => {
  one = await openOneAzure()
})
afterAll(() => one.azure.close())

async function play(id: string, scenario: Scenario): Promise<JobResult> {
  // What waits for the build's timeout waits for an hour.
  const waits = scenario.azure.build?.packer?.never
  const speed = waits ? 20_000 : IN_TIME.includes(id) ? 100 : 5000
  one.become({ ...scenario.azure, speed })
  const job = await jobOf(scenario, one.azure)
  const cancel = new AbortController()
  return await runJob({
    ...job,
    env: { ...quickTime(PATIENT.includes(id) ? 100 : 20), ...job.env },
    // The log is read once the build has failed; following it is tested elsewhere.
    with: {
      'follow-log': 'false',
      ...job.with,
      'log-artifact-name': '',
      'record-artifact-name': '',
      ...(PATIENT.includes(id) && { 'poll-interval-seconds': '10' }),
    },
    skipPost: true,
    interrupt: { cancel: cancel.signal },
    onLine: (line) => {
      if (scenario.cancelAt?.test(line)) cancel.abort()
    },
  })
}

/** Runs the template that the scenario's inputs make. Returns what its run ends with. */
async function runAlone({
  azure: options,
  ...scenario
}: Scenario): Promise<{ message: string; log: string[] }> {
  const { azure } = one
  one.become({ ...options, speed: 200_000 })
  const { properties } = bodyOf({ ...commonInputs(azure), ...scenario.with })
  const name = 'alone'
  const source = { ...properties.source, version: 'latest' }
  await makeTemplate(azure, name, {
    ...properties,
    source,
    distribute: [{ type: 'VHD', runOutputName: 'vhd' }],
  })
  await send(azure, 'POST', `${templateId(name)}/run`)
  const template = (): ImageTemplate['properties'] =>
    azure.world.resources.get(templateId(name))?.properties as unknown as ImageTemplate['properties']
  while (template().lastRunStatus?.runState === 'Running') await send(azure, 'GET', templateId(name))
  const { lastRunStatus, exactStagingResourceGroup } = template()
  const account = stagingAccount(azure, exactStagingResourceGroup)
  const blob = (await azure.blobs.list(account)).find((file) => file.endsWith('/customization.log')) ?? ''
  const [container = '', ...rest] = blob.split('/')
  const log = String(await azure.blobs.read(account, container, rest.join('/')))
  return { message: lastRunStatus?.message ?? '', log: log.split('\n') }
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

const ALL = Object.entries(FAILURE_SCENARIOS)

test.each(ALL.filter(([id]) => !LOG_ALONE.includes(id)))('%s', async (id, scenario) => {
  const job = await play(id, scenario)
  const told = annotations(job, 'error').join('\n')
  expect({ told, code: job.outputs['failure-code'] }).toMatchObject({ code: id })
  expect(job.conclusion).toBe(scenario.conclusion)
  if (scenario.conclusion === 'failure') failureOf(job)
  expect(job.leaks).toEqual([])
  // Each mistake in the inputs stands with its own remedy.
  if (id !== 'invalid-input') expectExplained(id, told)
})

test.each(ALL.filter(([id]) => LOG_ALONE.includes(id)))('%s, by the log', async (id, scenario) => {
  const { message, log } = await runAlone(scenario)
  const diagnosis = diagnose(ended(message), readingOf(log))
  expect({ message, log, id: diagnosis.failure.id }).toMatchObject({ id })
  expectExplained(id, advice(diagnosis).join('\n'))
})

/** That it has the entry's cause, what to do, and where to read on. */
function expectExplained(id: string, message: string): void {
  const told = squeezed(message)
  const { cause, remedy, link } = FAILURES.find((entry) => entry.id === id) ?? {
    cause: '',
    remedy: '',
    link: '',
  }
  const [whatToDo = ''] = remedy.split('\n')
  for (const words of [...pieces(cause), ...pieces(whatToDo), link]) expect(told).toContain(words)
}
