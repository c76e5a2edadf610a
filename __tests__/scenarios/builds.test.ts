/** Builds that succeed: every kind of source, target and operating system, through the bundled action. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { GALLERY, GROUP, leftBehind, openStage, UBUNTU, WINDOWS, type Stage } from '../support/run-action.ts'
import { schemaMistakes, testWithSchema } from '../support/submissions.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ speed: 5000 })
})
afterAll(() => stage.close())

const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const SOURCES = {
  marketplace: { Linux: UBUNTU, Windows: WINDOWS },
  'managed image': { Linux: `${IMAGES}/base-linux`, Windows: `${IMAGES}/base-windows` },
  'gallery version': {
    Linux: `${GALLERY}/images/base-linux/versions/1.9.0`,
    Windows: `${GALLERY}/images/base-windows/versions/1.0.0`,
  },
  'gallery definition': {
    Linux: `${GALLERY}/images/base-linux`,
    Windows: `${GALLERY}/images/base-windows`,
  },
}
const EXACT = {
  marketplace: { Linux: `${UBUNTU}:24.04.202611050`, Windows: `${WINDOWS}:20348.4405.261111` },
  'managed image': SOURCES['managed image'],
  'gallery version': SOURCES['gallery version'],
  'gallery definition': {
    Linux: `${GALLERY}/images/base-linux/versions/1.10.0`,
    Windows: `${GALLERY}/images/base-windows/versions/1.0.0`,
  },
}
const TARGETS = {
  gallery: {
    Linux: { 'gallery-image-id': `${GALLERY}/images/webapp` },
    Windows: { 'gallery-image-id': `${GALLERY}/images/webapp-windows` },
  },
  'managed image': {
    Linux: { 'managed-image-id': `${IMAGES}/made-linux`, 'gallery-image-id': '' },
    Windows: { 'managed-image-id': `${IMAGES}/made-windows`, 'gallery-image-id': '' },
  },
  vhd: {
    Linux: { 'distribute-type': 'vhd', 'gallery-image-id': '' },
    Windows: { 'distribute-type': 'vhd', 'gallery-image-id': '' },
  },
}
const URI = {
  gallery: new RegExp(`^${GALLERY}/images/webapp(-windows)?/versions/\\d+\\.\\d+\\.\\d+$`, 'i'),
  'managed image': new RegExp(`^${IMAGES}/made-(linux|windows)$`, 'i'),
  vhd: /^https:\/\/.+\/vhds\/.+\.vhd$/,
}

type Source = keyof typeof SOURCES
type Target = keyof typeof TARGETS
type OsType = 'Linux' | 'Windows'

/** Runs a build, which makes what was asked for. */
async function build(
  [source, target, osType]: [Source, Target, OsType],
  inputs: Record<string, string> = {},
  options: Partial<JobOptions> = { skipPost: true },
): Promise<JobResult> {
  const job = await stage.run(
    {
      'source-image': SOURCES[source][osType],
      ...TARGETS[target][osType],
      'inline-script':
        osType === 'Linux' ? 'test -f /tmp/app/hello.txt' : 'Get-ChildItem C:\\buildArtifacts\\app',
      'windows-update': String(osType === 'Windows'),
      ...inputs,
    },
    options,
  )
  expect(job.conclusion).toBe('success')
  expect(job.outputs['image-uri']).toMatch(URI[target])
  expect(job.outputs['run-state']).toBe('Succeeded')
  const {
    'pir-publisher': publisher,
    'pir-offer': offer,
    'pir-sku': sku,
    'pir-version': version,
  } = job.outputs
  const exact =
    source === 'marketplace' ? [publisher, offer, sku, version].join(':') : job.outputs['source-image-id']
  expect(exact).toBe(EXACT[source][osType])
  expect(job.leaks).toEqual([])
  return job
}

/** With the jobs below: every source, and every target on every system. */
test.each<[Source, Target, OsType]>([
  ['marketplace', 'managed image', 'Windows'],
  ['managed image', 'vhd', 'Windows'],
  ['gallery version', 'vhd', 'Linux'],
])('%s to %s on %s', async (...kinds) => {
  await build(kinds)
})

describe('marketplace to gallery on Linux', () => {
  let before: Awaited<ReturnType<typeof leftBehind>>
  let job: JobResult
  beforeAll(async () => {
    before = await leftBehind(stage.azure)
    const inputs = { 'replication-regions': 'East US, westus2=2:Standard_ZRS', 'run-output-name': 'mine' }
    job = await build(['marketplace', 'gallery', 'Linux'], inputs, {})
  })

  test('the image has the regions, replicas and tags asked for, and a number of its own', () => {
    const version = stage.azure.world.resources.get(job.outputs['image-uri'] ?? '')
    expect(version?.properties['publishingProfile']).toMatchObject({
      targetRegions: [
        { name: 'East US', regionalReplicaCount: 1 },
        { name: 'West US 2', regionalReplicaCount: 2, storageAccountType: 'Standard_ZRS' },
      ],
    })
    expect(version?.tags).toMatchObject({
      repository: 'octo-org/webapp',
      'workflow-run-url': 'https://github.com/octo-org/webapp/actions/runs/18230001',
      'source-version': `${UBUNTU}:24.04.202611050`,
    })
    expect(job.outputs['image-version']).toBe(version?.name)
  })

  test('the log holds the lines that users search for, in their order', () => {
    const name = job.outputs['template-name'] ?? ''
    const lines = [
      'start reading task parameters...',
      `found build at:  ${stage.workspace}/app`,
      'end reading parameters',
      'getting storage account details for stcontosobuild',
      'created archive app/18230001-1/app_',
      'Source for image:  {',
      `template name:  ${name}`,
      'starting put template...',
      'put template:  Succeeded',
      'starting run template...',
      'run template:  Succeeded',
      'getting runOutput for  mine',
      '## task output variables ##',
      `$(imageUri) =  ${job.outputs['image-uri'] ?? ''}`,
      `deleting template ${name}...`,
      'deleting storage blob imagebuilder-vststask/app/18230001-1/app_',
      'is deleted',
      'delete template:  Succeeded',
    ]
    let from = 0
    for (const line of lines) {
      const at = job.log.indexOf(line, from)
      expect({ line, found: at >= 0 }).toEqual({ line, found: true })
      from = at + line.length
    }
    expect(name).toMatch(/^t_\d{13}_[0-9a-z]+$/)
  })

  test('nothing is left but the image', async () => {
    expect(await leftBehind(stage.azure)).toEqual(before)
  })
})

test('gallery definition to gallery on Windows: the image takes the explicit version', async () => {
  const id = `${GALLERY}/images/webapp-windows/versions/7.8.9`
  const job = await build(['gallery definition', 'gallery', 'Windows'], { 'gallery-image-id': id })
  expect(job.outputs['image-uri']?.toLowerCase()).toBe(id.toLowerCase())
  expect(job.outputs['image-version']).toBe('7.8.9')
})

test('managed image to managed image on Linux: without an artifact nothing is uploaded and no account is needed', async () => {
  const before = stage.azure.world.requests(/stcontosobuild/).length
  const inputs = { 'build-path': '', 'storage-account': '', 'inline-script': 'true' }
  await build(['managed image', 'managed image', 'Linux'], inputs)
  expect(stage.azure.world.requests(/stcontosobuild/).length).toBe(before)
})

test('the template carries size, timeout and plan, and the tags that trace it to its run', async () => {
  const before = await leftBehind(stage.azure)
  const job = await stage.run({
    'source-image': 'contoso-labs:hardened-linux:hardened-9',
    'gallery-image-id': '',
    'managed-image-id': `${GROUP}/providers/Microsoft.Compute/images/hardened`,
    'vm-size': 'Standard_D4s_v5',
    'build-timeout-in-minutes': '90',
    cleanup: 'never',
  })
  const template = stage.azure.world.resources.get(job.outputs['template-id'] ?? '')
  expect(template?.properties).toMatchObject({
    vmProfile: { vmSize: 'Standard_D4s_v5' },
    buildTimeoutInMinutes: 90,
    source: {
      planInfo: { planName: 'hardened-9', planProduct: 'hardened-linux', planPublisher: 'contoso-labs' },
    },
  })
  expect(template?.tags).toMatchObject({
    'aib-action': expect.any(String),
    repository: 'octo-org/webapp',
    'run-id': '18230001',
    'run-attempt': '1',
  })
  expect((await leftBehind(stage.azure)).blobs).toHaveLength(before.blobs.length + 1)
  expect(job.log).toContain('cleanup is never: keeping')
})

testWithSchema('every template that was submitted keeps to the published schema', async () => {
  expect(await schemaMistakes(stage)).toEqual([])
})
