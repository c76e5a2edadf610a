/** What a build lacks is told by the sub-action `check` in one run, and nothing is touched. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import path from 'node:path'
import { rightsOf } from '../../local-azure/roles.ts'
import { runJob, type JobResult } from '../../local-azure/runner.ts'
import {
  BLOB_DATA_CONTRIBUTOR,
  CLIENT_ID,
  defaultSeed,
  DEPLOYER_ACTIONS,
  SUBSCRIPTION_ID,
} from '../../local-azure/seed.ts'
import { CHECK_INPUTS } from '../../src/checking/check-inputs.ts'
import { failureOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  IMAGE_TEMPLATES,
  openStage,
  ROOMY,
  workingInputs,
  type Stage,
} from '../support/run-action.ts'
import { addApplication, addIdentity, without } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'

const root = path.join(import.meta.dirname, '..', '..')
const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const NETWORK = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds`
const WRITE_BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
const WRITE_VERSIONS = 'Microsoft.Compute/galleries/images/versions/write'
const DOCTOR = rightsOf(['deployer-doctor']).actions
const CONTAINERS = 'Microsoft.ContainerInstance'

const seed = defaultSeed()
seed.resourceGroups.push({ name: 'rg-staging', location: 'eastus' })
const client = {
  doctor: addApplication(seed, { roles: [{ actions: [...DEPLOYER_ACTIONS, ...DOCTOR] }] }),
  lacking: addApplication(seed, {
    roles: [
      {
        actions: [...DEPLOYER_ACTIONS, ...DOCTOR],
        dataActions: without(BLOB_DATA_CONTRIBUTOR, WRITE_BLOBS),
      },
    ],
  }),
  unknown: addApplication(seed, {
    credentials: [{ subject: 'repo:octo-org/webapp:environment:production' }],
  }),
  /** May look, and run nothing. */
  looker: addApplication(seed, { roles: [{ actions: DOCTOR, dataActions: [] }] }),
  nobody: addApplication(seed, { roles: [{ actions: ['Microsoft.Compute/disks/read'], dataActions: [] }] }),
}
const unableToPublish = addIdentity(seed, 'id-read-only', (all) => without(all, WRITE_VERSIONS))

interface Entry {
  kind: string
  name: string
  scope: string
  who: string
  role: string
  required: boolean
  remedy: string
}

let stage: Stage
let jobs: Record<'ready' | 'blind' | 'existing' | 'stranger' | 'nobody' | 'lacking', JobResult>
let writes: unknown[]
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
  const others = await sideBySide({
    ready: () => check({ 'client-id': client.doctor, 'follow-log': 'true' }),
    blind: () => check({ 'client-id': CLIENT_ID, 'register-providers': 'true' }),
    existing: () =>
      check({
        'client-id': client.looker,
        ...{ 'existing-template': 'true', 'template-name': 'of-somebody' },
        ...{ 'source-image': '', 'gallery-image-id': '', 'build-path': '.', 'storage-account': '' },
      }),
    stranger: () => check({ 'client-id': client.unknown }),
    nobody: () => check({ 'client-id': client.nobody }),
  })
  const provider = stage.azure.world.resources.get(`${SUBSCRIPTION}/providers/${CONTAINERS}`)
  Object.assign(provider?.properties ?? {}, { registrationState: 'NotRegistered' })
  const lacking = await check({
    'client-id': client.lacking,
    'managed-identity': unableToPublish,
    'gallery-image-id': `${GALLERY}/images/webap`,
    'subnet-id': `${NETWORK}/subnets/builds`,
    'staging-resource-group': 'rg-staging',
  })
  jobs = { ...others, lacking }
  writes = stage.azure.world.writes()
})
afterAll(() => stage.close())

/** Runs the sub-action with the inputs of a build that works, of which it takes those that it knows. */
async function check(given: Record<string, string>): Promise<JobResult> {
  const { azure, workspace } = stage
  const inputs = Object.entries(workingInputs(azure)).filter(([name]) =>
    CHECK_INPUTS.some((one) => one === name),
  )
  return await runJob({
    azure,
    workspace,
    actionFolder: path.join(root, 'check'),
    env: ROOMY,
    with: { ...Object.fromEntries(inputs), 'build-path': 'not-there', ...given },
  })
}

const entries = (job: JobResult, output: 'missing' | 'unknown'): Entry[] =>
  JSON.parse(job.outputs[output] ?? '') as Entry[]
const required = (job: JobResult, output: 'missing' | 'unknown'): Entry[] =>
  entries(job, output).filter((one) => one.required)

describe('the default rights and the role of the doctor', () => {
  test('all is there', () => {
    const { ready } = jobs
    expect(annotations(ready, 'error')).toEqual([])
    expect(ready.conclusion).toBe('success')
    expect(ready.outputs).toMatchObject({ ok: 'true', unknown: '[]' })
    expect(required(ready, 'missing')).toEqual([])
    expect(ready.log).toContain('all that this build needs is there')
    expect(ready.main.summary).toContain('✅ All that this build needs is there.')
  })

  test('what would be good to have is told apart', () => {
    const { ready } = jobs
    expect(new Set(entries(ready, 'missing').map(({ role }) => role))).toEqual(new Set(['deployer-live-log']))
    expect(ready.log).toContain(
      `missing  Microsoft.ContainerInstance/containerGroups/read on subscription ${SUBSCRIPTION_ID} (role aib-action live log); good to have, no build needs it`,
    )
  })
})

test('without the role of the doctor, rights are unknown: neither there nor missing', () => {
  const { blind } = jobs
  expect(annotations(blind, 'error')).toEqual([])
  expect(blind.outputs).toMatchObject({ ok: 'false', missing: '[]' })
  const unknown = required(blind, 'unknown')
  expect(new Set(unknown.map(({ role }) => role))).toEqual(
    new Set(['deployer', 'deployer-artifact', 'deployer-source-marketplace', 'image-writer']),
  )
  expect(new Set(unknown.map(({ who }) => who))).toEqual(new Set(['deploying identity', 'managed identity']))
  expect(unknown[0]?.remedy).toMatch(
    /^az role definition create --role-definition '\{"Name":"aib-action doctor",.*\naz role assignment create .* --role 'aib-action doctor' --scope '\/subscriptions\/[\w-]+'$/,
  )
  expect(blind.log).toContain(
    'unknown  aib-action on resource group rg-images, 7 rights: it may not list its own permissions there',
  )
  expect(blind.log).toContain('ok       managed identity id-image-builder')
})

test('the template of somebody else: its own rights, and nobody else’s', () => {
  const { existing } = jobs
  const actions = ['read', 'run/action', 'cancel/action', 'runOutputs/read']
  expect(failureOf(existing).split('\n').slice(1)).toEqual(
    actions.map(
      (action) =>
        `- right of the deploying identity: ${IMAGE_TEMPLATES}/${action} on imageTemplates/of-somebody (role aib-action existing template)`,
    ),
  )
  expect(required(existing, 'unknown')).toEqual([
    expect.objectContaining({ kind: 'resource', name: 'image template of-somebody' }),
  ])
  expect(existing.log).not.toContain('rights of the managed identity')
})

test('a refused sign-in is what is missing, with what was presented', () => {
  const { stranger } = jobs
  const message = failureOf(stranger)
  expect(message).toContain('AADSTS700213')
  expect(message).toContain('subject repo:octo-org/webapp:ref:refs/heads/main')
  const [found, ...others] = entries(stranger, 'missing')
  expect(found).toMatchObject({ kind: 'sign-in', required: true })
  expect(found?.remedy).toContain('"subject":"repo:octo-org/webapp:ref:refs/heads/main"')
  expect(others).toEqual([])
  expect(stranger.outputs['ok']).toBe('false')
})

test('who may see next to nothing is told what cannot be seen', () => {
  const { nobody } = jobs
  const message = failureOf(nobody)
  // The only thing that is certain: the build itself would not find it either.
  expect(message.split('\n')).toEqual([
    '1 thing is missing for this build; the log has what to do:',
    expect.stringContaining("storage account stcontosobuild: 'stcontosobuild' was not found, or"),
  ])
  const unknown = required(nobody, 'unknown')
  expect(new Set(unknown.map(({ kind }) => kind))).toEqual(new Set(['registration', 'resource', 'right']))
  expect(nobody.log).toContain('unknown  resource group rg-images: the signed-in identity may not read it')
  expect(nobody.log).toMatch(/unknown {2}source image Canonical:ubuntu-24_04-lts:server:latest: /)
})

describe('several things missing at once', () => {
  test('one failure names all of them', () => {
    expect(failureOf(jobs.lacking).split('\n')).toEqual([
      '7 things are missing for this build; the log has what to do:',
      '- registration: Microsoft.ContainerInstance: NotRegistered',
      "- resource: image definition webap: image definition 'webap' does not exist in gallery 'contoso' of resource group 'rg-images'; gallery and definition must exist before the build.",
      `- right of the deploying identity: ${WRITE_BLOBS} (data action) on containers/imagebuilder-vststask (role aib-action artifact)`,
      `- right of the managed identity: ${WRITE_VERSIONS} on images/webap (role aib-action image writer)`,
      '- right of the managed identity: Microsoft.Network/virtualNetworks/read on virtualNetworks/vnet-builds (role aib-action network joiner)',
      '- right of the managed identity: Microsoft.Network/virtualNetworks/subnets/join/action on subnets/builds (role aib-action network joiner)',
      '- right of the managed identity: all actions on resource group rg-staging (role Contributor)',
    ])
  })

  test('each as data, with what mends it', () => {
    const missing = required(jobs.lacking, 'missing')
    const principal = seed.identities.find(({ name }) => name === unableToPublish)?.principalId ?? ''
    const own = seed.applications.find(({ clientId }) => clientId === client.lacking)?.objectId ?? ''
    const assign = (id: string, role: string, scope: string): string =>
      `az role assignment create --assignee-object-id ${id} --assignee-principal-type ServicePrincipal --role '${role}' --scope '${scope}'`
    expect(missing.map(({ remedy }) => remedy.split('\n').at(-1))).toEqual([
      `az provider register --namespace ${CONTAINERS} --subscription ${SUBSCRIPTION_ID} --wait`,
      expect.stringContaining(
        `az sig image-definition create --gallery-name 'contoso' --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID} --gallery-image-definition 'webap' `,
      ),
      assign(own, 'aib-action artifact', ACCOUNT),
      assign(principal, 'aib-action image writer', GROUP),
      assign(principal, 'aib-action network joiner', NETWORK),
      assign(principal, 'aib-action network joiner', NETWORK),
      assign(principal, 'Contributor', `${SUBSCRIPTION}/resourceGroups/rg-staging`),
    ])
    expect(missing[3]).toMatchObject({
      kind: 'right',
      name: WRITE_VERSIONS,
      scope: `${GALLERY}/images/webap`,
      who: 'managed identity',
      role: 'image-writer',
      required: true,
    })
    expect(jobs.lacking.outputs['ok']).toBe('false')
  })

  test('a role that lacks several rights is to be given once', () => {
    const lines = jobs.lacking.log
      .split('\n')
      .filter((line) => line.includes("--role 'aib-action network joiner'"))
    expect(lines).toHaveLength(1)
  })

  test('the summary has all of it', () => {
    const { summary } = jobs.lacking.main
    expect(summary).toContain('❌ 7 missing for this build.')
    expect(summary).toContain('### Rights of the managed identity')
    expect(summary).toContain('az sig image-definition create')
  })
})

test('nothing is created, registered or asked for a key', () => {
  expect(writes).toEqual([])
})

test('no secret gets out', () => {
  expect(Object.values(jobs).flatMap(({ leaks }) => leaks)).toEqual([])
})
