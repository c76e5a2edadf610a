/**
 * Rights that are missing once a build is under way, in all three places where rights count, beside those of
 * `roles.test.ts`, and throttling.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, DEPLOYER_ACTIONS } from '../../local-azure/seed.ts'
import type { Fault } from '../../local-azure/world.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  IMAGE_TEMPLATES,
  leftBehind,
  onStage,
  openStage,
  type Stage,
  deleteCommand,
  keptTemplate,
} from '../support/run-action.ts'
import { addApplication, addIdentity, without } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'

const LIST_KEYS = 'Microsoft.Storage/storageAccounts/listkeys/action'
const DELEGATE = 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'
const CONTAINERS = ['read', 'write', 'getAcl/action', 'setAcl/action'].map(
  (right) => `Microsoft.Storage/storageAccounts/blobServices/containers/${right}`,
)
const VERSION_WRITE = 'Microsoft.Compute/galleries/images/versions/write'

const seed = defaultSeed()
seed.storageAccounts.push({
  resourceGroup: 'rg-images',
  name: 'stwithoutkeys',
  location: 'eastus',
  allowSharedKeyAccess: false,
})

/** An application with these rights in the subscription, and its data rights unless they are taken. */
function deployer(
  actions: string[],
  data: 'with blob role' | 'without blob role' = 'with blob role',
): string {
  return addApplication(seed, {
    roles: [data === 'with blob role' ? { actions } : { actions, dataActions: [] }],
  })
}
function lacking(action: string): string {
  return deployer(without(DEPLOYER_ACTIONS, action))
}
function lackingTemplateRight(name: string): string {
  return lacking(`${IMAGE_TEMPLATES}/${name}`)
}

const NO_BLOB_ROLE = [DELEGATE, ...CONTAINERS].reduce(without, DEPLOYER_ACTIONS)
const NO_DELEGATION = without(DEPLOYER_ACTIONS, DELEGATE)
const client = {
  cancel: lackingTemplateRight('cancel/action'),
  neitherRoleNorKeys: deployer(NO_BLOB_ROLE, 'without blob role'),
  readmeRoleNorKeys: deployer(DEPLOYER_ACTIONS, 'without blob role'),
  keys: deployer([...NO_BLOB_ROLE, LIST_KEYS], 'without blob role'),
  readmeRoleAndKeys: deployer([...DEPLOYER_ACTIONS, LIST_KEYS], 'without blob role'),
  keysInsteadOfDelegation: deployer([...NO_DELEGATION, LIST_KEYS]),
  neitherDelegationNorKeys: deployer(NO_DELEGATION),
  roleOnTheContainer: roleOnTheContainer(),
}

/** Storage Blob Data Contributor on the container alone, and Storage Blob Delegator on the account. */
function roleOnTheContainer(): string {
  const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
  return addApplication(seed, {
    roles: [
      { actions: NO_BLOB_ROLE, dataActions: [] },
      {
        scope: `${account}/blobServices/default/containers/imagebuilder-vststask`,
        actions: CONTAINERS,
      },
      { scope: account, actions: [DELEGATE], dataActions: [] },
    ],
  })
}

const identity = {
  blindToTarget: addIdentity(seed, 'id-blind-to-target', (all) =>
    without(all, 'Microsoft.Compute/galleries/images/read'),
  ),
  readOnly: addIdentity(seed, 'id-read-only', (all) => without(all, VERSION_WRITE)),
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
})
afterAll(() => stage.close())

async function blobs(): Promise<string[]> {
  return [
    ...(await stage.azure.blobs.list('stcontosobuild')),
    ...(await stage.azure.blobs.list('stwithoutkeys')),
  ]
}

describe('of the signed-in identity', () => {
  test('to cancel the run: post says what goes on and how to end it', async () => {
    const cancel = new AbortController()
    // The run is held long enough to be going on when post comes.
    const azure = { seed, speed: 300, durations: { customizing: 3 * 60 * 60_000 } }
    await onStage(azure, async (own) => {
      const job = await own.run(
        { 'client-id': client.cancel },
        {
          interrupt: { cancel: cancel.signal },
          onLine: (line) => {
            if (line.includes('Building')) cancel.abort()
          },
        },
      )
      expect(job.conclusion).toBe('cancelled')
      const [warning = '', ...others] = annotations(job, 'warning')
      expect(warning).toContain(`perform action '${IMAGE_TEMPLATES}/cancel/action' over scope '${GROUP}/`)
      expect(warning).toContain(deleteCommand(job))
      expect(others).toEqual([])
      expect((await leftBehind(own.azure)).blobs).toEqual([])
      expect(job.leaks).toEqual([])
    })
  })
})

describe('of the managed identity that builds', () => {
  let jobs: Record<keyof typeof identity, JobResult>
  beforeAll(async () => {
    jobs = await sideBySide({
      blindToTarget: () => stage.run({ 'managed-identity': identity.blindToTarget }),
      readOnly: () => stage.run({ 'managed-identity': identity.readOnly, cleanup: 'always' }),
    })
  })

  // `npm run test:rights` takes every other action away.
  test('to read where the image goes: the submission fails in Azure’s words', () => {
    const job = jobs.blindToTarget
    const resource = `${GALLERY}/images/webapp`
    const message = failureOf(job)
    expect(message).toContain(`Failed while submitting image template ${job.outputs['template-name'] ?? ''}`)
    expect(message).toContain(`Not authorized to access the resource: ${resource}.`)
    expect(message).toContain('Please check the user assigned identity has the correct permissions.')
    expect(message).toContain(`may not read or write ${resource}`)
    expect(job.log).not.toContain('starting run template')
    expect(keptTemplate(stage, job)).toBe(true)
  })

  test('to write the image: the run fails in Azure’s words, and nothing of it stays', async () => {
    const message = failureOf(jobs.readOnly)
    expect(message).toContain('ended with Failed: ')
    expect(message).toContain('AuthorizationFailed')
    expect(message).toContain(VERSION_WRITE)
    expect(jobs.readOnly.outputs['run-state']).toBe('Failed')
    expect(jobs.readOnly.outputs['image-uri']).toBe('')
    expect(keptTemplate(stage, jobs.readOnly)).toBe(false)
    const group = jobs.readOnly.outputs['staging-resource-group']
    expect(group).toMatch(/^IT_/)
    expect((await leftBehind(stage.azure)).stagingGroups).not.toContain(group)
    expect(annotations(jobs.readOnly, 'warning')).toEqual([])
  })

  test('no artifact stays', async () => {
    expect(await blobs()).toEqual([])
  })
})

describe('in Blob Storage', () => {
  const builds = {
    'the right to list keys': { 'client-id': client.keys },
    'the right to list keys, and control of containers': { 'client-id': client.readmeRoleAndKeys },
    'the blob role, and keys to sign with': { 'client-id': client.keysInsteadOfDelegation },
    'the blob role on the container alone, and delegation': { 'client-id': client.roleOnTheContainer },
  }
  const refusals = {
    'neither role nor keys': { 'client-id': client.neitherRoleNorKeys },
    'control of containers, but no blob role': { 'client-id': client.readmeRoleNorKeys },
    'the blob role without delegation or keys': { 'client-id': client.neitherDelegationNorKeys },
  }
  const keysRefused = {
    'no role, and keys that the account refuses': { 'client-id': client.keys },
    'no delegation, and keys that the account refuses': { 'client-id': client.keysInsteadOfDelegation },
  }
  type Name = keyof typeof builds | keyof typeof refusals | keyof typeof keysRefused
  let jobs: Record<Name, JobResult>
  beforeAll(async () => {
    const runs = [
      ...Object.entries({ ...builds, ...refusals }),
      ...Object.entries(keysRefused).map(
        ([name, inputs]) => [name, { ...inputs, 'storage-account': 'stwithoutkeys' }] as const,
      ),
    ].map(([name, inputs]) => [name, () => stage.run(inputs)] as const)
    jobs = await sideBySide(Object.fromEntries(runs) as Record<Name, () => Promise<JobResult>>)
  })

  test.each(Object.keys(builds) as (keyof typeof builds)[])('%s: the build works', (name) => {
    const job = jobs[name]
    expect(annotations(job, 'error')).toEqual([])
    expect(job.conclusion).toBe('success')
    expect(annotations(job, 'warning')).toEqual([])
    const keys = stage.azure.blobs.keys('stcontosobuild')
    expect(job.masks.some((mask) => keys.includes(mask))).toBe(name.includes('keys'))
    expect(job.leaks).toEqual([])
  })

  test.each(Object.keys(refusals) as (keyof typeof refusals)[])('%s: the failure names the role', (name) => {
    const job = jobs[name]
    const message = failureOf(job)
    expect(message).toContain('AuthorizationPermissionMismatch (HTTP 403): ')
    expect(message).toContain("Give the signed-in identity the role 'Storage Blob Data Contributor'")
    expect(job.state['imageTemplate']).toBeUndefined()
  })

  test('what was never uploaded is not said to be left', () => {
    const warnings = Object.keys(refusals).flatMap((name) =>
      annotations(jobs[name as keyof typeof refusals], 'warning'),
    )
    expect(warnings).toEqual([])
  })

  test.each(Object.keys(keysRefused) as (keyof typeof keysRefused)[])(
    '%s: the failure names the roles',
    (name) => {
      const job = jobs[name]
      const message = failureOf(job)
      expect(message).toContain("'Storage Blob Data Contributor'")
      expect(message).toContain("'Storage Blob Delegator'")
      expect(job.state['imageTemplate']).toBeUndefined()
    },
  )

  test('no artifact stays', async () => {
    expect(await blobs()).toEqual([])
  })
})

test('throttled requests are repeated when Azure says, and go through', async () => {
  const { azure } = stage
  const throttled = (match: string): Fault => ({
    service: 'resource-manager',
    match,
    respond: {
      status: 429,
      headers: { 'Retry-After': '1' },
      body: { error: { code: 'TooManyRequests', message: 'The request is being throttled.' } },
    },
  })
  const calls = {
    'looking up': /^GET .*\/providers\/Microsoft\.VirtualMachineImages\?/,
    submitting: /^PUT .*\/imageTemplates\//,
    running: /^POST .*\/run\?/,
    deleting: /^DELETE .*\/imageTemplates\//,
  }
  const before = await leftBehind(azure)
  for (const { source } of Object.values(calls)) azure.world.addFault(throttled(source))
  const { result: job, requests } = await requestsOf(azure, () => stage.run())
  expect(job.conclusion).toBe('success')
  const statuses = Object.values(calls).map((call) =>
    requests.filter(({ method, target }) => call.test(`${method} ${target}`)).map(({ status }) => status),
  )
  expect(statuses).toEqual([
    [429, 200],
    [429, 201],
    [429, 202],
    [429, 202],
  ])
  expect(await leftBehind(azure)).toEqual(before)
  expect(job.leaks).toEqual([])
})
