/** The sub-action `promote` on a local Azure, as a runner runs it, by the documented role. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import path from 'node:path'
import { putImageVersion } from '../../local-azure/compute.ts'
import { documentedRole } from '../../local-azure/roles.ts'
import { runJob, type JobOptions, type JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, SUBSCRIPTION_ID, TENANT_ID } from '../../local-azure/seed.ts'
import type { Exchange, Resource } from '../../local-azure/world.ts'
import { changes, failureOf, requestsOf } from '../support/failures.ts'
import { momentOf, quickTime } from '../support/moments.ts'
import { annotations, GALLERY, openStage, type Stage } from '../support/run-action.ts'
import { addApplication, without } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'

const root = path.join(import.meta.dirname, '..', '..')
const DEFINITION = `${GALLERY}/images/webapp`
const OTHER = `${GALLERY}/images/webapp-windows`
const WRITE = 'Microsoft.Compute/galleries/images/versions/write'
const RUN = 'https://github.com/octo-org/webapp/actions/runs/18230001'
const CANDIDATE = {
  repository: 'octo-org/webapp',
  commit: '0123456789abcdef0123456789abcdef01234567',
  'workflow-run-url': 'https://github.com/octo-org/webapp/actions/runs/18220000',
  'source-version': 'Canonical:ubuntu-24_04-lts:server:24.04.202609250',
  'build-key': 'abc',
  'image-status': 'candidate',
}

const SPEED = 5000
const seed = defaultSeed()
const { Actions: actions } = documentedRole('promoter')
const client = {
  promoter: addApplication(seed, { roles: [{ actions, scope: GALLERY }] }),
  reader: addApplication(seed, { roles: [{ actions: without(actions, WRITE), scope: GALLERY }] }),
}

type Name =
  'checked' | 'wrong' | 'blessed' | 'again' | 'failed' | 'powerless' | 'cancelled' | 'killed' | 'stuck'
let stage: Stage
let jobs: Record<Name | 'revived' | 'retried', JobResult>
let sent: Exchange[]
/** The blessed version, before it was to be blessed again. */
let whenBlessed: string
/** `METHOD target` of what changed the version with this name. */
const changed = (version: string): string[] =>
  changes(sent).filter((line) => line.includes(`/versions/${version}?`))

beforeAll(async () => {
  // An update takes longer than the pause before a repetition, which therefore meets it under way.
  const update = 300 * SPEED
  const failing = { ukwest: 'Failed with internal server error.' }
  stage = await openStage({ seed, speed: SPEED, replication: { update, failing } })
  populate()
  const { azure } = stage
  // The first answer to the blessing is lost: whether it was taken, nobody knows.
  azure.world.addFault({
    service: 'resource-manager',
    match: '^PATCH .*/1.1.0\\?',
    skip: 1,
    respond: 'reset',
    when: 'after',
  })
  const patched = (version: string): AbortSignal =>
    momentOf(azure, new RegExp(`^PATCH .*/versions/${version}\\?`))
  const { result, requests } = await requestsOf(azure, async () => {
    const first = await sideBySide<Exclude<Name, 'again'>>({
      checked: () => promote('1.1.0', { operation: 'check', 'tests-result': '' }),
      wrong: () => promote('0.9.0', { operation: 'check', 'tests-result': '' }),
      failed: () => promote('1.2.0', { 'tests-result': 'failure' }),
      powerless: () => promote('1.3.0', { 'client-id': client.reader }),
      cancelled: () => promote('1.4.0', TO_NORTH, { interrupt: { cancel: patched('1.4.0') } }),
      killed: () => promote('1.5.0', TO_NORTH, { interrupt: { kill: patched('1.5.0') } }),
      stuck: () => promote('1.6.0', { 'replication-regions': 'northeurope, ukwest' }),
      // Alone in its definition, lest the others become its predecessor.
      blessed: () =>
        promote('1.1.0', {
          'image-version-id': `${OTHER}/versions/1.1.0`,
          'replication-regions': 'North Europe=2\neastus',
          'end-of-life-date': '90d',
          'image-tags': 'release=2026-11',
        }),
    })
    azure.world.options.replication = { update }
    whenBlessed = JSON.stringify(resourceOf(`${OTHER}/versions/1.1.0`))
    const second = await sideBySide<'again' | 'revived' | 'retried'>({
      again: () =>
        promote('1.1.0', {
          'image-version-id': `${OTHER}/versions/1.1.0`,
          'replication-regions': 'northeurope',
        }),
      revived: () => promote('1.5.0', TO_NORTH),
      retried: () => promote('1.6.0', { 'replication-regions': 'ukwest' }),
    })
    return { ...first, ...second }
  })
  jobs = result
  sent = requests
}, 120_000)
afterAll(() => stage.close())

const TO_NORTH = { 'replication-regions': 'northeurope' }

function populate(): void {
  const put = (
    version: string,
    tags: Record<string, string>,
    more: object = {},
    definitionId = DEFINITION,
  ): void => {
    putImageVersion(stage.azure.world, {
      definitionId,
      version,
      targetRegions: [{ name: 'eastus' }],
      tags,
      excludeFromLatest: true,
      ...more,
    })
  }
  put('1.0.0', { team: 'web' }, { excludeFromLatest: false })
  put('1.0.0', { team: 'web' }, { excludeFromLatest: false }, OTHER)
  put(
    '0.9.0',
    { ...CANDIDATE, repository: 'octo-org/api', commit: '', 'image-status': 'rejected' },
    { endOfLifeDate: '2020-01-01T00:00:00Z' },
  )
  put('1.1.0', { ...CANDIDATE, Team: '@web | <b>' }, {}, OTHER)
  for (const version of ['1.1.0', '1.2.0', '1.3.0', '1.4.0', '1.5.0', '1.6.0']) put(version, CANDIDATE)
}

/** Runs the sub-action: unless it says otherwise, to bless a version of the definition whose tests passed. */
async function promote(
  version: string,
  given: Record<string, string> = {},
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  const { azure, workspace } = stage
  return await runJob({
    azure,
    workspace,
    actionFolder: path.join(root, 'promote'),
    env: quickTime(),
    ...options,
    with: {
      'client-id': client.promoter,
      'tenant-id': TENANT_ID,
      'resource-manager-endpoint': azure.endpoints.resourceManager,
      'image-version-id': `${DEFINITION}/versions/${version}`,
      'tests-result': 'success',
      'poll-interval-seconds': '1',
      ...given,
    },
  })
}

const resourceOf = (id: string): Resource => {
  const found = stage.azure.world.resources.get(id)
  if (!found) throw new Error(`There is no ${id}.`)
  return found
}
const statusOf = (version: string): string =>
  resourceOf(`${DEFINITION}/versions/${version}`).tags?.['image-status'] ?? ''
const profileOf = (
  id: string,
): { excludeFromLatest: boolean; endOfLifeDate?: string; targetRegions: { name: string }[] } =>
  resourceOf(id).properties['publishingProfile'] as ReturnType<typeof profileOf>

describe('a check', () => {
  test('tells of a candidate where it comes from and what to roll back to, and changes nothing', () => {
    const { checked } = jobs
    expect(checked.conclusion).toBe('success')
    expect(checked.outputs).toMatchObject({
      'image-uri': `${DEFINITION}/versions/1.1.0`,
      'image-version': '1.1.0',
      'image-status': 'candidate',
      result: 'checked',
      'previous-version': '1.0.0',
      'previous-image-uri': `${DEFINITION}/versions/1.0.0`,
      regions: '["eastus"]',
      'roll-back-command': '',
      'failure-code': '',
    })
    for (const words of [
      'made from: Canonical:ubuntu-24_04-lts:server:24.04.202609250',
      `ok: by the run ${CANDIDATE['workflow-run-url']}`,
      `ok: of commit ${CANDIDATE.commit}`,
      'latest is version 1.0.0 now; the roll-back target is version 1.0.0 of webapp',
    ])
      expect(checked.log).toContain(words)
    expect(changes(sent).filter((line) => line.includes('/webapp/versions/1.1.0?'))).toEqual([])
  })

  test('tells everything that is wrong in one failure', () => {
    const message = failureOf(jobs.wrong)
    expect(message.split('\n')).toEqual([
      `${DEFINITION}/versions/0.9.0 is not to be blessed; nothing was changed.`,
      "- it was built by 'octo-org/api', not by octo-org/webapp",
      "- it has no tag 'commit': what the pipeline of octo-org/webapp makes has one",
      '- its end of life was 2020-01-01T00:00:00Z',
      '- it was rejected: its tests failed; build a new version',
    ])
    expect(jobs.wrong.outputs).toMatchObject({ result: 'refused', 'failure-code': 'not-a-candidate' })
    expect(changed('0.9.0')).toEqual([])
  })
})

describe('a blessing', () => {
  test('replicates first, and then says so by tags and latest, in spite of an answer that was lost', () => {
    const { blessed } = jobs
    expect(annotations(blessed, 'error')).toEqual([])
    const { tags, properties } = resourceOf(`${OTHER}/versions/1.1.0`)
    expect(tags).toEqual({
      ...CANDIDATE,
      Team: '@web | <b>',
      release: '2026-11',
      'image-status': 'blessed',
      'blessed-at': expect.stringMatching(/^20\d\d-.*Z$/),
      'blessed-by': RUN,
      'previous-version': '1.0.0',
    })
    expect(properties).toMatchObject({
      provisioningState: 'Succeeded',
      publishingProfile: {
        excludeFromLatest: false,
        endOfLifeDate: expect.stringMatching(/T00:00:00.000Z$/),
        targetRegions: [
          { name: 'East US', regionalReplicaCount: 1 },
          { name: 'North Europe', regionalReplicaCount: 2 },
        ],
      },
    })
    const bodies = sent
      .filter(({ method, target }) => method === 'PATCH' && target.includes('/webapp-windows/'))
      .flatMap(({ body }) => (body === undefined ? [] : [JSON.parse(body) as object]))
    expect(bodies[0]).toMatchObject({ properties: { publishingProfile: { excludeFromLatest: true } } })
    expect(bodies[0]).not.toHaveProperty('tags')
    expect(jobs.blessed.log).toContain('another update of the version is under way: waiting for its end')
    expect(bodies[1]).toMatchObject({ tags, properties: { publishingProfile: { excludeFromLatest: false } } })
  })

  test('tells how the regions come on, and how to go back', () => {
    const { log, outputs } = jobs.blessed
    const command = `az sig image-version update --gallery-name contoso --gallery-image-definition webapp-windows --gallery-image-version 1.1.0 --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID} --set publishingProfile.excludeFromLatest=true`
    expect(outputs).toMatchObject({
      result: 'blessed',
      'image-status': 'blessed',
      'previous-version': '1.0.0',
      regions: '["eastus","northeurope"]',
      'roll-back-command': command,
    })
    expect(log).toContain('it is in eastus already: kept there as it is')
    expect(log).toMatch(/northeurope: replicating, \d+ %[^]*northeurope: completed/)
    expect(log.match(/northeurope: completed/g)).toHaveLength(1)
    expect(log).toContain(`to roll it back: ${command}`)
  })

  test('has it all in the summary, where foreign text is no markup', () => {
    const { summary } = jobs.blessed.main
    expect(summary).toContain('**✅ blessed**')
    expect(summary).toContain('| Previous version | 1.0.0 |')
    expect(summary).toMatch(/\| Roll back \| <code>az sig image-version update /)
    expect(summary).not.toMatch(/@web|<b>/)
  })

  test('that is asked for again changes nothing', () => {
    const { again } = jobs
    expect(again.conclusion).toBe('success')
    expect(again.outputs).toMatchObject({ result: 'already-blessed', 'previous-version': '1.0.0' })
    expect(JSON.stringify(resourceOf(`${OTHER}/versions/1.1.0`))).toBe(whenBlessed)
  })
})

test('failed tests mark the version as rejected, and fail the step', () => {
  expect(failureOf(jobs.failed)).toBe(
    'The tests of version 1.2.0 failed. It is marked as rejected and stays excluded from latest; build a new version.',
  )
  expect(jobs.failed.outputs).toMatchObject({
    result: 'rejected',
    'failure-code': 'tests-failed',
    'image-status': 'rejected',
  })
  const { tags } = resourceOf(`${DEFINITION}/versions/1.2.0`)
  expect(tags).toMatchObject({ ...CANDIDATE, 'image-status': 'rejected', 'rejected-by': RUN })
  expect(profileOf(`${DEFINITION}/versions/1.2.0`).excludeFromLatest).toBe(true)
})

test('a missing right to write is told by its name', () => {
  const message = failureOf(jobs.powerless)
  expect(message).toContain('Failed while updating image version 1.3.0: AuthorizationFailed (HTTP 403)')
  expect(message).toContain(`has no role with the action ${WRITE} at ${DEFINITION}/versions/1.3.0`)
  expect(jobs.powerless.outputs).toMatchObject({ result: '', 'failure-code': 'missing-permission' })
  expect(statusOf('1.3.0')).toBe('candidate')
})

test('a cancel says that Azure goes on, and that nothing is blessed', () => {
  expect(jobs.cancelled.conclusion).toBe('cancelled')
  expect(annotations(jobs.cancelled, 'error')).toContain(
    'The workflow was cancelled. Azure goes on replicating version 1.4.0 to northeurope. It is not blessed. Run this step again to go on from there.',
  )
  expect(jobs.cancelled.outputs).toMatchObject({ result: '', 'failure-code': 'cancelled' })
  expect(changed('1.4.0')).toHaveLength(1)
  expect(statusOf('1.4.0')).toBe('candidate')
})

test('what was killed in the middle goes on where it stood', () => {
  expect(jobs.killed.main.signal).toBe('SIGKILL')
  expect(jobs.revived.outputs).toMatchObject({ result: 'blessed', regions: '["eastus","northeurope"]' })
  expect(changed('1.5.0')).toHaveLength(2)
  expect(statusOf('1.5.0')).toBe('blessed')
})

describe('a region that Azure does not get it into', () => {
  test('is named, with what Azure says and what to do; nothing is blessed', () => {
    const message = failureOf(jobs.stuck)
    expect(message).toContain(
      'Version 1.6.0 was not replicated to ukwest. It is not blessed, and stays excluded from latest.',
    )
    expect(message).toContain('- ukwest: Failed with internal server error.')
    expect(message).toContain(
      "--allow-replicated-location-deletion true --target-regions 'eastus=1=standard_lrs' 'northeurope=1=standard_lrs'",
    )
    expect(jobs.stuck.outputs).toMatchObject({
      result: '',
      'failure-code': 'replication-failed',
      'image-status': 'candidate',
    })
  })

  test('is tried again when the step runs again', () => {
    expect(jobs.retried.outputs).toMatchObject({
      result: 'blessed',
      regions: '["eastus","northeurope","ukwest"]',
    })
    expect(profileOf(`${DEFINITION}/versions/1.6.0`).excludeFromLatest).toBe(false)
  })
})
