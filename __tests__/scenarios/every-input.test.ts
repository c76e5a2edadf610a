/** Every input that reaches Azure: what the template that was submitted holds, and what came of it. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { BLOB_DATA_CONTRIBUTOR, defaultSeed, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { fileSystemOf, MIB, ON_WINDOWS, workspaces } from '../support/artifacts.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { failureOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import { annotations, GALLERY, GROUP, openStage, UBUNTU, type Stage } from '../support/run-action.ts'
import { addIdentity } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { contents } from '../support/trees.ts'
import { resource, submitted, schemaMistakes, testWithSchema } from '../support/submissions.ts'

const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const IDENTITIES = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
const SUBNETS = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets`
const STAGING = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-staging`
const WEBAPP = `${GALLERY}/images/webapp`

const seed = defaultSeed()
prepare(seed)

/** A staging group, an identity for the build VM and one that reads and writes blobs, with the rights on them. */
function prepare({ resourceGroups, roleAssignments, identities }: Seed): void {
  const [builder] = identities
  if (!builder) throw new Error('The seed has no managed identity.')
  resourceGroups.push({ name: 'rg-staging', location: 'eastus', tags: { owner: 'web team' } })
  addIdentity(seed, 'id-app', () => [])
  addIdentity(seed, 'id-data', (all) => all)
  const data = identities.find(({ name }) => name === 'id-data')?.principalId ?? ''
  roleAssignments.push(
    { principalId: builder.principalId, scope: STAGING, actions: ['*'] },
    {
      principalId: builder.principalId,
      scope: `${IDENTITIES}/id-app`,
      actions: ['Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'],
    },
    {
      principalId: data,
      scope: `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`,
      actions: [],
      dataActions: BLOB_DATA_CONTRIBUTOR,
    },
  )
}

let stage: Stage
let places: Awaited<ReturnType<typeof workspaces>>
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: { ...UNRUN } }, { skipPost: true })
  places = await workspaces()
})
afterAll(async () => {
  await stage.close()
  await places.remove()
})

/** Green, without warnings and leaks. */
function expectGreen(job: JobResult): void {
  const { conclusion, leaks } = job
  const told = [...annotations(job, 'error'), ...annotations(job, 'warning')]
  expect({ conclusion, leaks, told }).toEqual({ conclusion: 'success', leaks: [], told: [] })
}

/** A URL in the account of the artifacts. */
function blobUrl(name: string): string {
  return `${stage.azure.blobs.endpoint('stcontosobuild')}${name}`
}

/** Resources of a job's staging group, by type. */
function staged({ outputs }: JobResult): string[] {
  const group = `/resourcegroups/${outputs['staging-resource-group'] ?? ''}/`.toLowerCase()
  const all = stage.azure.world.resources.all().filter(({ id }) => id.toLowerCase().includes(group))
  return all.map(({ type }) => type)
}

const FULL = {
  'gallery-image-id': WEBAPP,
  'replication-regions': 'East US=2:standard_zrs\nwestus2',
  'versioning-scheme': 'Latest',
  'versioning-major': '3',
  'exclude-from-latest': 'true',
  'replication-mode': 'full',
  'image-tags': 'owner=web team\ncost center = 42=x',
  'template-tags': 'owner=images\nrepository=mine',
  'managed-resource-tags': 'environment=build',
  'run-output-name': 'mine',
  'template-name': 'full',
  'vm-size': 'Standard_D4s_v5',
  'os-disk-size-gb': '64',
  'data-disk-sizes-gb': '10, 20',
  'build-vm-identities': 'id-app',
  'subnet-id': `${SUBNETS}/builds`,
  'container-instance-subnet-id': `${SUBNETS}/containers`,
  'optimize-vm-boot': 'true',
  'on-customizer-error': 'abort',
  'on-validation-error': 'Abort',
  'build-timeout-in-minutes': '90',
  'staging-resource-group': 'rg-fresh',
  'validation-script': 'test -f /tmp/app/hello.txt',
  cleanup: 'never',
}
const SOURCE_NUMBERED = {
  location: 'East US',
  'versioning-scheme': 'source',
  'replication-mode': 'Shallow',
  'subnet-id': `${SUBNETS}/builds`,
  'proxy-vm-size': 'Standard_A1_v2',
  'build-vm-identities': `${IDENTITIES}/id-app`,
  'staging-resource-group': STAGING,
}
const SEVERAL = {
  'source-image': `${IMAGES}/base-linux`,
  'distribute-type': 'Managed-Image',
  'managed-image-id': `${IMAGES}/made`,
  'managed-image-location': 'West US 2',
  'gallery-image-id': '',
  'managed-identity': 'id-data',
  customizers: '- type: shell\n  name: mine\n  inline:\n    - sudo sh -c "cat /opt/first > /opt/second"\n',
  'inline-script': 'sudo sh -c "echo one > /opt/first"',
  'validation-script': 'test -f /tmp/app/hello.txt\ngrep one /opt/second',
}
const VHD = {
  'gallery-image-id': '',
  'managed-identity': `${IDENTITIES}/id-data`,
  'artifact-access': 'identity',
  'inline-script': 'test -f /tmp/app/hello.txt',
  customizers: '[{"type": "Shell", "inline": ["true"]}]',
  summary: 'false',
}
/** With an explicit version. */
const WINDOWS_INPUTS = {
  ...ON_WINDOWS,
  'gallery-image-id': `${WEBAPP}-windows/versions/7.8.9`,
  provisioner: 'PowerShell',
  'inline-script': 'Write-Output "hello"',
  'validation-script': 'Test-Path C:\\buildArtifacts',
  'run-elevated': 'true',
  'run-as-system': 'true',
  'windows-restart': 'true',
  'windows-update': 'true',
  'remove-artifacts': 'true',
  'vm-size': 'Standard_D4s_v5',
  customizers: '- { type: PowerShell, inline: [Write-Output further] }',
}

/** The distributors beside the managed image. */
function further(): string {
  return `
- type: SharedImage
  galleryImageId: ${WEBAPP}
  runOutputName: gallery
  targetRegions:
    - { name: East US, replicaCount: 3 }
- { type: VHD, runOutputName: disk, uri: "${blobUrl('vhds/several.vhd')}" }`
}

describe('side by side', () => {
  let jobs: Record<'full' | 'sourceNumbered' | 'large' | 'unreadable' | 'windows' | 'sourceOnly', JobResult>
  beforeAll(async () => {
    const large = await places.make('large', { app: { bytes: randomBytes(21 * MIB) } })
    const sourceOnly = { 'source-validation-only': 'true', 'validation-script': 'true' }
    jobs = await sideBySide({
      full: () => stage.run(FULL, { skipPost: false }),
      sourceNumbered: () => stage.run(SOURCE_NUMBERED, { skipPost: false }),
      unreadable: () => stage.run({ 'artifact-access': 'identity' }),
      windows: () => stage.run(WINDOWS_INPUTS),
      sourceOnly: () => stage.run({ ...sourceOnly, 'build-path': '', 'gallery-image-id': '' }),
      large: () => stage.run({ 'artifact-transfer': 'File', 'dry-run': 'true' }, { workspace: large }),
    })
  }, 180_000)

  test('all that a gallery image version can be asked for', () => {
    expectGreen(jobs.full)
    const { distribute } = submitted(stage, jobs.full).properties
    expect(distribute).toMatchObject([
      {
        type: 'SharedImage',
        galleryImageId: WEBAPP,
        targetRegions: [
          { name: 'eastus', replicaCount: 2, storageAccountType: 'Standard_ZRS' },
          { name: 'westus2' },
        ],
        versioning: { scheme: 'Latest', major: 3 },
        excludeFromLatest: true,
        replicationMode: 'Full',
        runOutputName: 'mine',
      },
    ])
    const { outputs } = jobs.full
    expect(outputs).toMatchObject({ 'image-version': '3.0.1', 'run-output-name': 'mine' })
    expect(JSON.parse(outputs['image-uris'] ?? '')).toEqual({ mine: outputs['image-uri'] })
    const { properties, tags } = resource(stage, outputs['image-uri'])
    expect(properties['publishingProfile']).toMatchObject({
      targetRegions: [
        { name: 'East US', regionalReplicaCount: 2, storageAccountType: 'Standard_ZRS' },
        { name: 'West US 2', regionalReplicaCount: 1 },
      ],
      excludeFromLatest: true,
      replicationMode: 'Full',
    })
    expect(tags).toMatchObject({
      owner: 'web team',
      'cost center': '42=x',
      repository: 'octo-org/webapp',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      'workflow-run-url': 'https://github.com/octo-org/webapp/actions/runs/18230001',
      'source-version': `${UBUNTU}:24.04.202611050`,
    })
  })

  test('all that build VM and template can be asked for', () => {
    const { properties, tags } = submitted(stage, jobs.full)
    expect(properties).toMatchObject({
      vmProfile: {
        vmSize: 'Standard_D4s_v5',
        osDiskSizeGB: 64,
        userAssignedIdentities: [`${IDENTITIES}/id-app`],
        vnetConfig: {
          subnetId: `${SUBNETS}/builds`,
          containerInstanceSubnetId: `${SUBNETS}/containers`,
        },
      },
      additionalDataDisks: [{ sizeGB: 10 }, { sizeGB: 20 }],
      optimize: { vmBoot: { state: 'Enabled' } },
      errorHandling: { onCustomizerError: 'abort', onValidationError: 'abort' },
      buildTimeoutInMinutes: 90,
      managedResourceTags: { environment: 'build' },
      stagingResourceGroup: `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-fresh`,
      validate: {
        inVMValidations: [
          { type: 'Shell', inline: expect.arrayContaining(['test -f /tmp/app/hello.txt']) as unknown },
        ],
      },
    })
    expect(tags).toMatchObject({ owner: 'images', 'run-id': '18230001', repository: 'octo-org/webapp' })
  })

  test('cleanup: never keeps template, blob and the named staging group, with the tags asked for', async () => {
    const { outputs } = jobs.full
    expect(outputs).toMatchObject({ 'template-name': 'full', 'staging-resource-group': 'rg-fresh' })
    expect(resource(stage, outputs['template-id']).tags).toMatchObject({ owner: 'images' })
    expect(resource(stage, `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-fresh`).tags).toMatchObject({
      environment: 'build',
    })
    const { container, blob } = JSON.parse(jobs.full.state['blob'] ?? '') as Record<string, string>
    expect(await stage.azure.blobs.list('stcontosobuild')).toContain(`${container ?? ''}/${blob ?? ''}`)
  })

  test('the disks asked for are the image’s', () => {
    const { storageProfile } = resource(stage, jobs.full.outputs['image-uri']).properties
    expect(storageProfile).toMatchObject({
      osDiskImage: { sizeInGB: 64 },
      dataDiskImages: [{ sizeInGB: 10 }, { sizeInGB: 20 }],
    })
  })

  test('a version numbered like its source, one replica alone, by way of a proxy VM', () => {
    expectGreen(jobs.sourceNumbered)
    const { properties, location } = submitted(stage, jobs.sourceNumbered)
    expect(location).toBe('eastus')
    expect(properties.distribute).toMatchObject([
      {
        versioning: { scheme: 'Source' },
        replicationMode: 'Shallow',
        runOutputName: 'SharedImage_distribute',
      },
    ])
    expect(properties.vmProfile).toEqual({
      userAssignedIdentities: [`${IDENTITIES}/id-app`],
      vnetConfig: { subnetId: `${SUBNETS}/builds`, proxyVmSize: 'Standard_A1_v2' },
    })
    expect(jobs.sourceNumbered.outputs['image-version']).toBe('24.4.202611050')
  })

  test('a staging group that was there before is emptied and stays', () => {
    expect(jobs.sourceNumbered.outputs['staging-resource-group']).toBe('rg-staging')
    expect(resource(stage, STAGING).tags).toEqual({ owner: 'web team' })
    expect(staged(jobs.sourceNumbered)).toEqual([])
  })

  test('an explicit version', () => {
    const explicit = `${WEBAPP}-windows/versions/7.8.9`
    expect(jobs.windows.outputs['image-version']).toBe('7.8.9')
    expect(jobs.windows.outputs['image-uri']?.toLowerCase()).toBe(explicit.toLowerCase())
    expect(submitted(stage, jobs.windows).properties.distribute).toMatchObject([{ galleryImageId: explicit }])
  })

  test('without a role on the account, the identity cannot read the artifact, and Azure says so', () => {
    const message = failureOf(jobs.unreadable)
    expect(message).toContain('Not authorized to access the resource: ')
    expect(message).toContain(`${blobUrl('imagebuilder-vststask')}/app/`)
    expect(jobs.unreadable.log).not.toContain('starting run template')
  })

  test('all that Windows can be asked for, in its order', () => {
    expectGreen(jobs.windows)
    const { customize, validate } = submitted(stage, jobs.windows).properties
    expect(customize).toMatchObject([
      { type: 'File' },
      { type: 'PowerShell', name: 'aib-action: unpack app' },
      { type: 'PowerShell', name: 'aib-action: inline script', runElevated: true, runAsSystem: true },
      { type: 'WindowsRestart' },
      { type: 'PowerShell', inline: ['Write-Output further'] },
      {
        type: 'WindowsUpdate',
        searchCriteria: 'IsInstalled=0',
        filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
      },
      { type: 'PowerShell', name: 'aib-action: remove app' },
    ])
    expect(JSON.stringify(customize.at(-1))).toContain("'C:\\\\buildArtifacts\\\\app'")
    expect(validate).toMatchObject({
      inVMValidations: [{ type: 'PowerShell', runElevated: true, runAsSystem: true }],
    })
  })

  test('source-validation-only needs no target and makes no image', () => {
    expectGreen(jobs.sourceOnly)
    const { properties } = submitted(stage, jobs.sourceOnly)
    expect(properties).toMatchObject({
      validate: { sourceValidationOnly: true },
      distribute: [],
      customize: [],
    })
    expect(jobs.sourceOnly.outputs).toMatchObject({
      'image-uri': '',
      'image-uris': '{}',
      'run-state': 'Succeeded',
    })
  })

  test('artifact-transfer: file holds for a large artifact too, with a warning', () => {
    expect(jobs.large.conclusion).toBe('success')
    expect(jobs.large.log).toMatch(/"customize": \[\s+\{\s+"type": "File"/)
    expect(annotations(jobs.large, 'warning')).toEqual([
      expect.stringMatching(/^The artifact has 21 MiB and .* \(ignore-warnings: large-file\)$/),
    ])
  })
})

describe('side by side, with the scripts run where there is a build VM', () => {
  let jobs: Record<'several' | 'vhd', JobResult>
  beforeAll(async () => {
    stage.azure.world.options.build.runsCommands = true
    jobs = await sideBySide({
      several: () => stage.run({ ...SEVERAL, distributors: further() }),
      vhd: () => stage.run({ ...VHD, 'vhd-uri': blobUrl('vhds/mine.vhd') }),
    })
  }, 180_000)

  test('several targets at once: all are told, the first is the image', async () => {
    expectGreen(jobs.several)
    const { outputs } = jobs.several
    const uris = JSON.parse(outputs['image-uris'] ?? '') as Record<string, string>
    expect(uris).toEqual({
      ManagedImage_distribute: `${IMAGES}/made`,
      gallery: expect.stringMatching(/\/images\/webapp\/versions\/\d+\.\d+\.\d+$/),
      disk: blobUrl('vhds/several.vhd'),
    })
    expect(Object.keys(uris)).toEqual(['ManagedImage_distribute', 'gallery', 'disk'])
    expect(outputs).toMatchObject({
      'image-uri': uris['ManagedImage_distribute'],
      'run-output-name': 'ManagedImage_distribute',
      'image-version': '',
    })
    expect(resource(stage, uris['ManagedImage_distribute']).location).toBe('westus2')
    expect(resource(stage, uris['gallery']).properties['publishingProfile']).toMatchObject({
      targetRegions: [{ name: 'East US', regionalReplicaCount: 3 }],
    })
    expect(await stage.azure.blobs.read('stcontosobuild', 'vhds', 'several.vhd')).toBeDefined()
  })

  test('further customizers as YAML run after the inline script', () => {
    const { customize } = submitted(stage, jobs.several).properties
    expect(customize.slice(2)).toMatchObject([
      { name: 'aib-action: inline script' },
      { type: 'Shell', name: 'mine', inline: ['sudo sh -c "cat /opt/first > /opt/second"'] },
    ])
  })

  test('a VHD at the URL that was asked for, without any signed URL in the template', async () => {
    expectGreen(jobs.vhd)
    const template = submitted(stage, jobs.vhd)
    const identities = Object.keys(template.identity.userAssignedIdentities)
    expect(identities.map((id) => id.toLowerCase())).toEqual([`${IDENTITIES}/id-data`.toLowerCase()])
    expect(template.properties.distribute).toMatchObject([{ type: 'VHD', uri: blobUrl('vhds/mine.vhd') }])
    expect(jobs.vhd.outputs).toMatchObject({
      'image-uri': blobUrl('vhds/mine.vhd'),
      'run-output-name': 'VHD_distribute',
    })
    expect(await stage.azure.blobs.read('stcontosobuild', 'vhds', 'mine.vhd')).toBeDefined()
    expect(template.properties.customize.map(({ type }) => type)).toEqual(['File', 'Shell', 'Shell', 'Shell'])
    expect(template.properties.customize[0]).toMatchObject({
      sourceUri: expect.stringMatching(/^https:\/\/[^?]+\.tar\.gz$/),
    })
    expect(JSON.stringify(template)).not.toContain('sig=')
  })

  test('summary: false writes none', () => {
    expect(jobs.vhd.main.summary).toBe('')
    expect(jobs.several.main.summary).toContain('## Azure VM image')
  })
})

const reason = await whyNoBuildVm()
const inImage = reason === '' ? describe : describe.skip

inImage(`in the build VM${reason === '' ? '' : ` (skipped, no build VM: ${reason})`}`, () => {
  let jobs: Record<'picked' | 'distributed' | 'aborted', JobResult>
  beforeAll(async () => {
    const workspace = await places.make('picked', {
      app: {
        '.aibignore': 'docs/\n',
        'hello.txt': 'hello',
        'settings.env': 'SECRET=1',
        docs: { 'read.me': 'read' },
        src: { 'main.js': '1', 'main.test.js': '2' },
      },
    })
    const picked = {
      exclude: '*.env\n**/*.test.js',
      'artifact-transfer': 'download',
      'remove-artifacts': 'true',
      'inline-script': 'sudo cp -a /tmp/app /opt/seen\ncd /opt/seen\n  test -f hello.txt',
    }
    const invalid = { 'validation-script': 'test -f /tmp/app/hello.txt\ntest -f /tmp/app/nowhere' }
    jobs = await sideBySide({
      picked: () => stage.run(picked, { workspace }),
      distributed: () => stage.run({ ...invalid, 'continue-distribute-on-failure': 'true' }),
      aborted: () => stage.run({ 'inline-script': 'echo before\nfalse', 'on-customizer-error': 'abort' }),
    })
  }, 180_000)

  test('what exclude and .aibignore name stays out, and the artifact goes again', () => {
    expectGreen(jobs.picked)
    const root = fileSystemOf(stage, jobs.picked)
    const seen = Object.keys(contents(path.join(root, 'opt/seen')))
    expect(seen).toEqual(['.aibignore', 'hello.txt', 'src', 'src/main.js'])
    expect(jobs.picked.log).toMatch(/left out by exclude or \.aibignore: \d/)
    expect(existsSync(path.join(root, 'tmp/app'))).toBe(false)
    const left = existsSync(path.join(root, 'tmp')) ? Object.keys(contents(path.join(root, 'tmp'))) : []
    expect(left).toEqual([])
  })

  test('a small artifact is downloaded when that is asked for', () => {
    const [only, ...others] = submitted(stage, jobs.picked).properties.customize
    expect(only).toMatchObject({ type: 'Shell', name: 'aib-action: unpack app' })
    expect(JSON.stringify(only)).toMatch(/[?&]sig=/)
    expect(others.map(({ name }) => name)).toEqual(['aib-action: inline script', 'aib-action: remove app'])
  })

  test('continue-distribute-on-failure: a validation that fails fails the build all the same, and the image is told', () => {
    expect(failureOf(jobs.distributed)).toContain('ended with Failed')
    expect(jobs.distributed.outputs['run-state']).toBe('Failed')
    expect(submitted(stage, jobs.distributed).properties.validate).toMatchObject({
      continueDistributeOnFailure: true,
    })
    expect(resource(stage, jobs.distributed.outputs['image-uri']).name).toBe(
      jobs.distributed.outputs['image-version'],
    )
  })

  test('on-customizer-error: abort keeps the build VM', () => {
    expect(failureOf(jobs.aborted)).toContain('ended with Failed')
    expect(jobs.aborted.outputs).toMatchObject({ 'run-state': 'Failed', 'image-uri': '' })
    expect(submitted(stage, jobs.aborted).properties.errorHandling).toEqual({ onCustomizerError: 'abort' })
    expect(staged(jobs.aborted)).toContain('Microsoft.Compute/virtualMachines')
    expect(staged(jobs.distributed)).not.toContain('Microsoft.Compute/virtualMachines')
  })
})

testWithSchema('every template that was submitted keeps to the published schema', async () => {
  expect(await schemaMistakes(stage)).toEqual([])
})
