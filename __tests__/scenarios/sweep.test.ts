/** What builds left behind is found and deleted by the sub-action `sweep`, and nothing else is touched. */
import { BlobServiceClient, StorageSharedKeyCredential, type ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { runJob, type JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, SUBSCRIPTION_ID, TENANT_ID } from '../../local-azure/seed.ts'
import type { Exchange, Resource } from '../../local-azure/world.ts'
import { changes, failureOf, requestsOf } from '../support/failures.ts'
import { quickTime, whenAt, UNRUN } from '../support/moments.ts'
import {
  annotations,
  GROUP,
  IMAGE_TEMPLATES,
  leftBehind,
  openStage,
  type Stage,
} from '../support/run-action.ts'
import { addApplication, without } from '../support/seeds.ts'

const root = path.join(import.meta.dirname, '..', '..')
const HOUR = 60 * 60_000
const CONTAINER = 'imagebuilder-vststask'
const ACCOUNT = 'stcontosobuild'
/** By somebody else, while the sweep goes on. */
const REWRITTEN = `PUT /${ACCOUNT}/${CONTAINER}/changes`
const OTHER_GROUP = GROUP.replace('rg-images', 'rg-others')
const RUNNING = {
  startTime: new Date(Date.now() + 28 * HOUR).toISOString(),
  endTime: '0001-01-01T00:00:00Z',
  runState: 'Running',
  runSubState: 'Building',
  message: '',
}

/** The role that the document asks for, and no right besides. */
const role = JSON.parse(
  /```json\n(\{[^]*?\n\})\n```/.exec(readFileSync(path.join(root, 'docs', 'sweeping.md'), 'utf8'))?.[1] ?? '',
) as { Actions: string[]; DataActions: string[] }
const seed = defaultSeed()
seed.resourceGroups.push({ name: 'rg-others', location: 'eastus' })
const { Actions: actions, DataActions: dataActions } = role
const client = {
  sweeper: addApplication(seed, { roles: [{ actions, dataActions }] }),
  powerless: addApplication(seed, {
    roles: [{ actions: without(actions, `${IMAGE_TEMPLATES}/delete`), dataActions: [] }],
  }),
}

let stage: Stage
let container: ContainerClient
/** What the build left that was never cleaned up. */
const left = { template: '', blob: '' }
let jobs: Record<'young' | 'dry' | 'refused' | 'mistaken' | 'swept', JobResult>
let touched: Record<'young' | 'dry' | 'swept', string[]>
let remains: Awaited<ReturnType<typeof leftBehind>>

beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
  container = await containerOf()
  const build = await stage.run({}, { skipPost: true })
  expect(build.conclusion).toBe('success')
  const { templates, blobs } = await leftBehind(stage.azure)
  Object.assign(left, { template: templates[0], blob: blobs[0]?.replace(`${CONTAINER}/`, '') })

  const young = await watched({ 'dry-run': 'false', 'storage-account': ACCOUNT }, 0)
  await populate()
  const dry = await watched({ 'resource-group': 'rg-images', 'storage-account': ACCOUNT })
  const [refused, mistaken] = await Promise.all([
    sweep({ 'client-id': client.powerless, 'dry-run': 'false', 'storage-account': ACCOUNT }),
    sweep({ 'resource-group': 'rg-image', 'storage-account': 'stcontosobuil\nnowhere' }),
  ])
  meddle()
  const swept = await watched({ 'dry-run': 'false', 'storage-account': `${ACCOUNT}\n${accountId()}/` })
  jobs = { young: young.result, dry: dry.result, refused, mistaken, swept: swept.result }
  touched = {
    young: changes(young.requests),
    dry: changes(dry.requests),
    swept: changes(swept.requests),
  }
  remains = await leftBehind(stage.azure)
}, 120_000)
afterAll(() => stage.close())

/** By the account's key, as its owner. */
async function containerOf(): Promise<ContainerClient> {
  const { blobs, caFile } = stage.azure
  const credential = new StorageSharedKeyCredential(ACCOUNT, blobs.keys(ACCOUNT)[0])
  const options = { tlsOptions: { ca: await readFile(caFile, 'utf8') }, retryOptions: { maxTries: 1 } }
  return new BlobServiceClient(blobs.endpoint(ACCOUNT), credential, options).getContainerClient(CONTAINER)
}

function accountId(): string {
  return `${GROUP}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
}

/** Runs the sub-action some hours later. */
async function sweep(given: Record<string, string>, hoursLater = 30): Promise<JobResult> {
  const { azure, workspace } = stage
  const { NODE_OPTIONS = '', ...quick } = quickTime()
  const later = new URL('../support/later.js', import.meta.url).href
  return await runJob({
    azure,
    workspace,
    actionFolder: path.join(root, 'sweep'),
    env: { ...quick, NODE_OPTIONS: `${NODE_OPTIONS} --import=${later}`, HOURS_LATER: String(hoursLater) },
    with: {
      'client-id': client.sweeper,
      'tenant-id': TENANT_ID,
      'subscription-id': SUBSCRIPTION_ID,
      'resource-manager-endpoint': azure.endpoints.resourceManager,
      ...given,
    },
  })
}

function watched(
  given: Record<string, string>,
  hoursLater?: number,
): Promise<{ result: JobResult; requests: Exchange[] }> {
  return requestsOf(stage.azure, () => sweep(given, hoursLater))
}

const idOf = (name: string, group = GROUP): string => `${group}/providers/${IMAGE_TEMPLATES}/${name}`
const resourceOf = (id: string): Resource => {
  const found = stage.azure.world.resources.get(id)
  if (!found) throw new Error(`There is no ${id}.`)
  return found
}

/** Puts a copy of the template that the build left beside it, or over it when it has its name. */
function plant(name: string, change: Partial<Resource> = {}, group = GROUP, from = left.template): void {
  const copy = { ...structuredClone(resourceOf(idOf(from))), id: idOf(name, group), name }
  stage.azure.world.resources.put({
    ...copy,
    ...change,
    properties: { ...copy.properties, ...change.properties },
  })
}

/** Things of others, things in use, and a few more that are left over. */
async function populate(): Promise<void> {
  const { tags = {} } = resourceOf(idOf(left.template))
  const of = (run: string): Record<string, string> => ({ ...tags, 'run-id': run })
  // More than a page of a list, in front of and behind what is looked for.
  for (let index = 0; index < 60; index += 1) plant(`base-${index}`, { tags: { team: 'platform' } })
  plant('other-repository', { tags: { ...tags, repository: 'octo-org/api' } })
  plant('building', { tags: of('900'), properties: { lastRunStatus: RUNNING } })
  plant('stuck', {
    tags: of('902'),
    properties: {
      lastRunStatus: {
        ...RUNNING,
        startTime: new Date(Date.now() - HOUR).toISOString(),
        runState: 'Canceling',
      },
    },
  })
  plant('recent', {
    properties: {
      lastRunStatus: {
        ...RUNNING,
        runState: 'Failed',
        endTime: new Date(Date.now() + 29 * HOUR).toISOString(),
      },
    },
  })
  for (const name of ['comes-alive-early', 'comes-alive-late', 'goes', 'locked']) plant(name)
  plant('elsewhere', {}, OTHER_GROUP)
  await stage.azure.blobs.write(ACCOUNT, CONTAINER, 'webapp/18230001-1/of-the-devops-task.zip', 'theirs')
  await upload('of-the-build', { run_id: '900' })
  await upload('of-another-repository', { repository: 'octo-org/api' })
  await upload('changes', { run_id: '901' })
}

async function upload(name: string, change: Record<string, string>): Promise<void> {
  const original = await container.getBlobClient(left.blob).getProperties()
  await container
    .getBlockBlobClient(name)
    .uploadData(Buffer.from('archive'), { metadata: { ...original.metadata, ...change } })
}

/** Others are at work while the sweep is. */
function meddle(): void {
  const { azure } = stage
  const { world } = azure
  whenAt(azure, new RegExp(`^GET /${ACCOUNT}/${CONTAINER}\\?.*comp=list`), async () => {
    plant('comes-alive-early', { properties: { lastRunStatus: RUNNING } })
    world.resources.delete(idOf('goes'))
    await upload('changes', { run_id: '901' })
  })
  // A copy takes its place: the answer that is on its way shows it as it was.
  whenAt(azure, /^GET .*\/comes-alive-late\?/, () => {
    plant('comes-alive-late', { properties: { lastRunStatus: RUNNING } })
  })
  const message = `The scope '${idOf('locked')}' cannot perform delete operation because following scope(s) are locked: '${GROUP}'. Please remove the lock and try again.`
  world.addFault({
    service: 'resource-manager',
    match: '^DELETE .*/locked\\?',
    respond: { status: 409, body: { error: { code: 'ScopeLocked', message } } },
  })
}

interface Listed {
  name: string
  result: string
  reason: string
  ageHours: number
  error?: string
}
const listed = (job: JobResult, output: 'templates' | 'blobs'): Listed[] =>
  JSON.parse(job.outputs[output] ?? '') as Listed[]
const results = (job: JobResult, output: 'templates' | 'blobs'): Record<string, string> =>
  Object.fromEntries(listed(job, output).map(({ name, result }) => [name, result]))

test('what a build has just left is too young, whatever it is', () => {
  const { young } = jobs
  expect(young.conclusion).toBe('success')
  expect(young.outputs).toMatchObject({ templates: '[]', blobs: '[]', deleted: '0', kept: '2', failed: '0' })
  expect(young.log).toMatch(new RegExp(`template ${left.template} in rg-images, .*, younger than 24 h`))
  expect(young.log).toContain(
    `nothing is left over: octo-org/webapp, older than 24 h, in subscription ${SUBSCRIPTION_ID}. What the signed-in identity may not read does not show.`,
  )
  expect(touched.young).toEqual([])
})

describe('without a word on it, a dry run', () => {
  test('tells what is left over in the resource group, and why', () => {
    const { dry } = jobs
    expect(annotations(dry, 'error')).toEqual([])
    expect(results(dry, 'templates')).toEqual({
      [left.template]: 'would-delete',
      'comes-alive-early': 'would-delete',
      'comes-alive-late': 'would-delete',
      goes: 'would-delete',
      locked: 'would-delete',
    })
    expect(results(dry, 'blobs')).toEqual({ [left.blob]: 'would-delete', changes: 'would-delete' })
    expect(listed(dry, 'templates')[0]).toMatchObject({
      name: left.template,
      id: expect.stringMatching(new RegExp(`/imageTemplates/${left.template}$`)),
      resourceGroup: 'rg-images',
      stagingResourceGroup: expect.stringMatching(/^IT_rg-images_t_/),
      repository: 'octo-org/webapp',
      runId: '18230001',
      runAttempt: '1',
      reason: 'its run ended with Succeeded',
    })
    expect(Math.floor(listed(dry, 'templates')[0]?.ageHours ?? 0)).toBe(30)
    expect(dry.log).toContain('dry-run: false deletes what is left over')
  })

  test('tells what it keeps, and counts what is none of its business', () => {
    const { dry } = jobs
    expect(dry.log).toContain(
      'image templates: 69 seen, 8 of them ours; 60 that this action did not make, 1 of other repositories',
    )
    expect(dry.log).toMatch(
      / template building in rg-images, 2 h old, octo-org\/webapp run 900 attempt 1, its run is Running/,
    )
    expect(dry.log).toMatch(/ template recent in rg-images, 1 h old, .* younger than 24 h/)
    expect(dry.log).toMatch(
      / blob imagebuilder-vststask\/of-the-build in .*, a build of the same run is under way/,
    )
    expect(dry.outputs['kept']).toBe('4')
    expect(dry.main.summary).toContain('### Left over')
  })

  test('warns of a run that is being cancelled for ever, with the command', () => {
    const [warning = '', ...others] = annotations(jobs.dry, 'warning')
    expect(warning).toContain('its run is Canceling, for longer than Image Builder ever takes')
    expect(warning).toContain(
      `az image builder delete --name stuck --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID}`,
    )
    expect(others).toEqual([])
  })

  test('changes nothing', () => {
    expect(touched.dry).toEqual([])
  })
})

describe('a sweep', () => {
  test('deletes what is left over, in all of the subscription, and goes on after what cannot be deleted', () => {
    const { swept } = jobs
    expect(results(swept, 'templates')).toEqual({
      [left.template]: 'deleted',
      'comes-alive-early': 'kept',
      'comes-alive-late': 'kept',
      goes: 'gone',
      locked: 'failed',
      elsewhere: 'deleted',
    })
    expect(results(swept, 'blobs')).toEqual({ [left.blob]: 'deleted', changes: 'kept' })
    expect(swept.outputs).toMatchObject({ deleted: '3', failed: '1', kept: '7' })
  })

  test('says in Azure’s words what it could not delete, and the command', () => {
    const message = failureOf(jobs.swept)
    expect(message).toContain(
      'Template locked was not deleted: Failed while deleting image template locked: ScopeLocked',
    )
    expect(message).toContain('following scope(s) are locked')
    expect(jobs.swept.log).toContain(
      `by hand: az image builder delete --name locked --resource-group 'rg-images'`,
    )
  })

  test('leaves everything else where it is', () => {
    const foreign = Array.from({ length: 60 }, (_, index) => `base-${index}`)
    const others = [
      'other-repository',
      'building',
      'stuck',
      'recent',
      'comes-alive-early',
      'comes-alive-late',
      'locked',
    ]
    expect([...remains.templates].sort()).toEqual([...foreign, ...others].sort())
    expect(remains.blobs).toEqual(
      ['changes', 'of-another-repository', 'of-the-build', 'webapp/18230001-1/of-the-devops-task.zip'].map(
        (name) => `${CONTAINER}/${name}`,
      ),
    )
    expect(remains.stagingGroups).toEqual([])
  })

  test('cancels nothing, and asks to delete nothing else', () => {
    const asked = touched.swept
      .filter((one) => one !== REWRITTEN)
      .map((one) => one.replace(/\?.*/, '').replace(/.*\//, ''))
    expect(touched.swept.filter((one) => !one.startsWith('DELETE ') && one !== REWRITTEN)).toEqual([])
    expect([...asked].sort()).toEqual(
      [
        left.template,
        left.blob.replace(/.*\//, ''),
        'changes',
        'comes-alive-late',
        'elsewhere',
        'locked',
      ].sort(),
    )
  })
})

test('rights that are missing: the failure names them, and what gives them', () => {
  const { refused } = jobs
  const message = failureOf(refused)
  expect(message).toContain("Give the signed-in identity the role 'Storage Blob Data Contributor'")
  expect(message).toContain(`perform action '${IMAGE_TEMPLATES}/delete' over scope`)
  expect(refused.log).toContain(`has no role with the action ${IMAGE_TEMPLATES}/delete`)
  expect(refused.outputs).toMatchObject({ deleted: '0', failed: '6' })
})

test('mistakes in what the inputs name are told at once', () => {
  const message = failureOf(jobs.mistaken)
  expect(message).toContain(`resource-group: 'rg-image' does not exist in subscription ${SUBSCRIPTION_ID}.`)
  expect(message).toContain(
    `storage-account: 'stcontosobuil' was not found, or the signed-in identity may not read it (Microsoft.Storage/storageAccounts/read). Did you mean '${ACCOUNT}'?`,
  )
  expect(message).toContain("storage-account: 'nowhere' was not found")
})

test('no secret gets out', () => {
  expect(Object.values(jobs).flatMap(({ leaks }) => leaks)).toEqual([])
})
