/** What is left over and what is not: every reason to keep a thing, and to take it. */
import { describe, expect, test } from '@jest/globals'
import {
  buildingOrigins,
  judgeBlob,
  judgeTemplate,
  type SeenBlob,
  type SeenTemplate,
  type Wanted,
} from '../../src/sweeping/leftovers.ts'
import { resourceId } from '../support/factories.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const HOUR = 60 * 60_000
const WANTED: Wanted = { repository: 'contoso/web-app', olderThanHours: 24, now: NOW }
const ORIGIN = { repository: 'contoso/web-app', runId: '4711', runAttempt: '2' }
const TAGS = { 'aib-action': '1.0.0', repository: 'contoso/web-app', 'run-id': '4711', 'run-attempt': '2' }

const hoursAgo = (hours: number): string => new Date(NOW - hours * HOUR).toISOString()
const named = (hours: number): string => `t_${NOW - hours * HOUR}_0a1b2c3d`

/** One that is left over: made 30 hours ago, its build failed. */
function template(overrides: Partial<SeenTemplate> = {}): SeenTemplate {
  const name = overrides.name ?? named(30)
  return {
    id: resourceId('Microsoft.VirtualMachineImages/imageTemplates', name),
    name,
    tags: TAGS,
    provisioningState: 'Succeeded',
    lastRun: { startTime: hoursAgo(30), endTime: hoursAgo(29), runState: 'Failed' },
    ...overrides,
  }
}

function blob(overrides: Partial<SeenBlob> = {}): SeenBlob {
  return {
    account: 'artifacts',
    name: 'web-app/4711-2/web-app_1_ab.tar.gz',
    metadata: {
      repository: 'contoso/web-app',
      commit: 'abc',
      run_id: '4711',
      run_attempt: '2',
      sha256: 'ff',
    },
    lastModified: NOW - 30 * HOUR,
    etag: '"0x1"',
    ...overrides,
  }
}

describe('a template is left over', () => {
  const neverRun = template()
  delete neverRun.lastRun
  test.each<[string, SeenTemplate, string]>([
    ['when its run failed', template(), 'its run ended with Failed'],
    [
      'when its run succeeded',
      template({ lastRun: { runState: 'Succeeded' } }),
      'its run ended with Succeeded',
    ],
    [
      'when its run made a part of the images',
      template({ lastRun: { runState: 'PartiallySucceeded' } }),
      'its run ended with PartiallySucceeded',
    ],
    [
      'when its run was cancelled',
      template({ lastRun: { runState: 'Canceled' } }),
      'its run ended with Canceled',
    ],
    ['when it was made and never run', neverRun, 'it was made and never run'],
    ['when it was refused', { ...neverRun, provisioningState: 'Failed' }, 'its submission ended with Failed'],
    [
      'however the repository is spelled',
      template({ tags: { ...TAGS, repository: 'Contoso/Web-App' } }),
      'its run ended with Failed',
    ],
    [
      'however Azure spells the names of tags',
      template({
        tags: { 'AIB-Action': '1', Repository: 'contoso/web-app', 'Run-Id': '4711', 'Run-Attempt': '2' },
      }),
      'its run ended with Failed',
    ],
    [
      'after exactly the hours',
      template({ name: named(24), lastRun: { runState: 'Failed' } }),
      'its run ended with Failed',
    ],
  ])('%s', (_name, seen, reason) => {
    expect(judgeTemplate(seen, WANTED)).toMatchObject({ is: 'left over', reason })
  })

  test('of every repository, when that is asked for', () => {
    const other = template({ tags: { ...TAGS, repository: 'fabrikam/api' } })
    expect(judgeTemplate(other, { ...WANTED, repository: '*' })).toMatchObject({
      is: 'left over',
      origin: { ...ORIGIN, repository: 'fabrikam/api' },
    })
  })
})

describe('a template is foreign', () => {
  test.each<[string, Record<string, string>, string]>([
    ['without tags', {}, 'made by others'],
    ['with the other tags alone', { repository: 'contoso/web-app', 'run-id': '1' }, 'made by others'],
    ['of another repository', { ...TAGS, repository: 'contoso/web' }, 'of another repository'],
    ['of no repository', { 'aib-action': '1' }, 'of another repository'],
  ])('%s', (_, tags, because) => {
    expect(judgeTemplate(template({ tags }), WANTED)).toEqual({ is: 'foreign', because })
  })
})

describe('a template is kept', () => {
  const run = (runState: string, hours: number): NonNullable<SeenTemplate['lastRun']> => ({
    startTime: hoursAgo(hours),
    endTime: '0001-01-01T00:00:00Z',
    runState,
  })
  test.each<[string, Partial<SeenTemplate>, string]>([
    ['while it is made', { provisioningState: 'Creating' }, 'Image Builder has it in Creating'],
    ['while it is changed', { provisioningState: 'Updating' }, 'Image Builder has it in Updating'],
    ['while it is deleted', { provisioningState: 'Deleting' }, 'Image Builder has it in Deleting'],
    ['in a state that is not known', { provisioningState: 'Moving' }, 'Image Builder has it in Moving'],
    ['in no state', { provisioningState: '' }, 'Image Builder has it in no state'],
    ['while it runs', { lastRun: run('Running', 2) }, 'its run is Running'],
    ['while its run is cancelled', { lastRun: run('Canceling', 2) }, 'its run is Canceling'],
    ['in a state of its run that is not known', { lastRun: run('Pausing', 2) }, 'its run is Pausing'],
    ['when it is young', { name: named(23), lastRun: { runState: 'Failed' } }, 'younger than 24 h'],
    [
      'when its run began a short while ago',
      { lastRun: { startTime: hoursAgo(3), runState: 'Failed' } },
      'younger than 24 h',
    ],
    [
      'when its run ended a short while ago',
      { lastRun: { endTime: hoursAgo(3), runState: 'Failed' } },
      'younger than 24 h',
    ],
    [
      'when nothing tells its age',
      { name: 'my-own', lastRun: { runState: 'Failed' } },
      'nothing tells how old it is',
    ],
    [
      'when its name only looks like a time',
      { name: 't_123_ab', lastRun: { runState: 'Failed' } },
      'nothing tells how old it is',
    ],
    [
      'when its name is from the future',
      { name: named(-9999), lastRun: { runState: 'Failed' } },
      'younger than 24 h',
    ],
  ])('%s', (_, overrides, reason) => {
    const verdict = judgeTemplate(template(overrides), WANTED)
    const { is, ...rest } = verdict as { is: string; reason: string }
    expect(is).toBe('kept')
    expect(rest.reason.startsWith(reason)).toBe(true)
  })

  test.each<[string, Partial<SeenTemplate>, boolean]>([
    ['cancelling for 16 hours', { lastRun: run('Canceling', 16) }, false],
    ['cancelling for 18 hours', { lastRun: run('Canceling', 18) }, true],
    ['running for 18 hours', { lastRun: run('Running', 18) }, true],
    ['being made for 30 hours', { provisioningState: 'Creating', lastRun: {} }, true],
    ['cancelling since nobody knows when', { name: 'my-own', lastRun: { runState: 'Canceling' } }, false],
  ])('and told to be stuck or not: %s', (_, overrides, stuck) => {
    const since = stuck ? 'for longer than Image Builder ever takes' : ''
    const verdict = judgeTemplate(template({ name: named(18), ...overrides }), WANTED)
    expect(verdict).toMatchObject({ is: 'kept', stuck })
    expect(verdict).toHaveProperty('reason', expect.stringContaining(since))
  })
})

describe('the age of a template', () => {
  test.each<[string, Partial<SeenTemplate>, number]>([
    [
      'Resource Manager’s word before all others',
      { createdAt: hoursAgo(40), tags: { ...TAGS, 'build-started': hoursAgo(50) } },
      40,
    ],
    [
      'the tag with the time of its build before its name',
      { tags: { ...TAGS, 'Build-Started': hoursAgo(50) } },
      50,
    ],
    ['its name where nothing else tells', {}, 30],
    [
      'the end of its run, when that came later',
      { lastRun: { endTime: hoursAgo(26), runState: 'Failed' } },
      26,
    ],
    [
      'the begin of a run, where nothing tells when it was made',
      { name: 'own', lastRun: { startTime: hoursAgo(33), runState: 'Failed' } },
      33,
    ],
    ['not a time in the year 1', { lastRun: { endTime: '0001-01-01T00:00:00Z', runState: 'Failed' } }, 30],
    ['not what is no time', { createdAt: 'soon', lastRun: { runState: 'Failed' } }, 30],
  ])('is %s', (_, overrides, hours) => {
    const seen = { ...template({ lastRun: { runState: 'Failed' } }), ...overrides }
    expect(judgeTemplate(seen, WANTED)).toMatchObject({ is: 'left over', since: NOW - hours * HOUR })
  })
})

describe('a blob', () => {
  test('is left over with all that the action writes to it', () => {
    expect(judgeBlob(blob(), WANTED, [])).toEqual({
      is: 'left over',
      origin: ORIGIN,
      since: NOW - 30 * HOUR,
      reason: 'no build of its run is under way',
    })
  })

  test('however the storage account spells the names', () => {
    const metadata = Object.fromEntries(
      Object.entries(blob().metadata).map(([name, value]) => [name.toUpperCase(), value]),
    )
    expect(judgeBlob(blob({ metadata }), WANTED, [])).toMatchObject({ is: 'left over' })
  })

  test.each(Object.keys(blob().metadata))('is of others without %s', (name) => {
    const metadata = Object.fromEntries(Object.entries(blob().metadata).filter(([key]) => key !== name))
    expect(judgeBlob(blob({ metadata }), WANTED, [])).toEqual({ is: 'foreign', because: 'made by others' })
  })

  test('is foreign when another repository made it', () => {
    const metadata = { ...blob().metadata, repository: 'contoso/web' }
    expect(judgeBlob(blob({ metadata }), WANTED, [])).toEqual({
      is: 'foreign',
      because: 'of another repository',
    })
  })

  test.each<[string, Partial<SeenBlob>, object[], string]>([
    ['while a build of its run goes on', {}, [ORIGIN], 'a build of the same run is under way'],
    [
      'of a repository that is spelled otherwise',
      {},
      [{ ...ORIGIN, repository: 'Contoso/web-app' }],
      'a build of the same run is under way',
    ],
    ['when it is young', { lastModified: NOW - 23.9 * HOUR }, [], 'younger than 24 h'],
  ])('is kept %s', (_, overrides, building, reason) => {
    expect(judgeBlob(blob(overrides), WANTED, building as (typeof ORIGIN)[])).toMatchObject({
      is: 'kept',
      reason,
    })
  })

  test.each([
    ['another run', { ...ORIGIN, runId: '4712' }],
    ['another attempt', { ...ORIGIN, runAttempt: '1' }],
    ['another repository', { ...ORIGIN, repository: 'contoso/web' }],
  ])('is not held by the build of %s', (_, origin) => {
    expect(judgeBlob(blob(), WANTED, [origin])).toMatchObject({ is: 'left over' })
  })
})

test('builds are under way where Image Builder works on a template of the action, of any repository and age', () => {
  const running = { lastRun: { runState: 'Running', startTime: hoursAgo(99) } }
  const found = buildingOrigins([
    template(running),
    template({ provisioningState: 'Creating', tags: { ...TAGS, repository: 'fabrikam/api' } }),
    template(),
    template({ ...running, tags: {} }),
  ])
  expect(found).toEqual([ORIGIN, { ...ORIGIN, repository: 'fabrikam/api' }])
})
