/**
 * Templates from a file: published samples as they stand, and templates of our own. `AIB_SAMPLES` names a folder of
 * samples.
 */
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { fileSystemOf, sha256 } from '../support/artifacts.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { annotations, GALLERY, GROUP, openStage, WINDOWS, type Stage } from '../support/run-action.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { expectMistakes, refusalOf, resource, submitted } from '../support/submissions.ts'

const IDENTITY = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`
const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const ACCOUNT = 'stcontosobuild'

const seed = defaultSeed()
const [builder] = seed.identities
seed.roleAssignments.push({
  principalId: builder?.principalId ?? '',
  scope: `${GROUP}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`,
  actions: [],
  dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'],
})

/** What the samples' scripts are here: an `apt` that installs nothing stands in for the network. */
const SCRIPT = `#!/bin/sh -e
sudo mkdir -p /usr/local/bin
printf '#!/bin/sh\\nexit 0\\n' | sudo tee /usr/local/bin/apt >/dev/null
sudo chmod 0755 /usr/local/bin/apt
`

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000 }, { skipPost: true })
  await stage.azure.blobs.write(ACCOUNT, 'scripts', 'any', SCRIPT)
})
afterAll(() => stage.close())

/** A file in the account that Image Builder reads as the managed identity. */
function hosted(): string {
  return `${stage.azure.blobs.endpoint(ACCOUNT)}scripts/any`
}

/** Runs a template file of this name; inputs that a file brings itself are left out, and so is the artifact. */
async function runFile(
  name: string,
  template: object | string,
  inputs: Record<string, string> = {},
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  const text = typeof template === 'string' ? template : JSON.stringify(template)
  await writeFile(path.join(stage.workspace, name), text)
  const fromFile = { location: '', 'managed-identity': '', 'source-image': '', 'gallery-image-id': '' }
  return await stage.run(
    { ...fromFile, 'template-file': name, 'build-path': '', 'storage-account': '', ...inputs },
    options,
  )
}

function expectGreen(job: JobResult): void {
  const { conclusion, leaks } = job
  expect({ conclusion, leaks, errors: annotations(job, 'error') }).toEqual({
    conclusion: 'success',
    leaks: [],
    errors: [],
  })
}

const folder = process.env['AIB_SAMPLES'] ?? ''
const samples = folder === '' ? describe.skip : describe
const names = folder === '' ? [] : readdirSync(folder).filter((name) => name.endsWith('.json'))

samples(`published samples${folder === '' ? ' (skipped: AIB_SAMPLES is not set)' : ''}`, () => {
  const windows = (name: string): boolean => name.includes('Win')
  const isManaged = (text: string): boolean => text.includes('<imageName>')

  /** The sample with its placeholders filled in and files of our own in place of those on the network. */
  function filledIn(name: string, text: string): string {
    const values: Record<string, string> = {
      region: 'eastus',
      region1: 'eastus',
      region2: 'westus2',
      imgBuilderId: IDENTITY,
      subscriptionID: SUBSCRIPTION_ID,
      rgName: 'rg-images',
      vnetRgName: 'rg-images',
      vnetName: 'vnet-builds',
      subnetName: 'builds',
      sharedImageGalName: 'contoso',
      imageDefName: windows(name) ? 'legacy-windows' : 'legacy-linux',
      imageName: 'from-sample',
      runOutputName: 'from-sample',
      scriptUrl: hosted(),
    }
    return text
      .replaceAll(/<(\w+)>/g, (placeholder, key: string) => values[key] ?? placeholder)
      .replaceAll(/https:\/\/raw\.githubusercontent\.com\/[^"]+/g, hosted())
      .replaceAll(/("sha256Checksum": ")[0-9a-f]{64}/g, `$1${sha256(Buffer.from(SCRIPT))}`)
  }

  let jobs: Record<string, JobResult>
  let texts: Record<string, string>
  beforeAll(async () => {
    const read = async (name: string) =>
      [name, filledIn(name, await readFile(path.join(folder, name), 'utf8'))] as const
    texts = Object.fromEntries(await Promise.all(names.map(read)))
    // A deployment gives parameters without a default; the VHD sample is older than identities.
    const given = (name: string): Record<string, string> => ({
      ...(windows(name) ? { location: 'eastus' } : {}),
      ...(name.includes('VHD') ? { 'managed-identity': 'id-image-builder' } : {}),
    })
    const runs = names.map((name) => [name, () => runFile(name, texts[name] ?? '', given(name))] as const)
    jobs = await sideBySide(Object.fromEntries(runs))
  }, 180_000)

  test('are all there', () => {
    expect(names.length).toBeGreaterThanOrEqual(5)
  })

  test.each(names)('%s', (name) => {
    const job = jobs[name]
    if (!job) throw new Error(`There is no job '${name}'.`)
    expectGreen(job)
    expect(job.outputs['run-output-name']).toBe('from-sample')
    const uri = job.outputs['image-uri'] ?? ''
    expect(JSON.parse(job.outputs['image-uris'] ?? '')).toEqual({ 'from-sample': uri })
    if (name.includes('VHD')) expect(uri).toMatch(/^https:.*\.vhd$/)
    else expect(resource(stage, uri).tags).toMatchObject({ repository: 'octo-org/webapp' })
    if (isManaged(texts[name] ?? '')) expect(uri).toBe(`${IMAGES}/from-sample`)
    const { source, customize } = submitted(stage, job).properties
    // Exact, where the sample says latest.
    expect(source).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    expect(customize.length).toBeGreaterThan(0)
  })
})

const PLATFORM = {
  type: 'PlatformImage',
  publisher: 'Canonical',
  offer: 'ubuntu-24_04-lts',
  sku: 'server',
  version: 'latest',
}

/** A valid body that makes a gallery image, with changes. */
function body(properties: object = {}, rest: object = {}): object {
  return {
    type: 'Microsoft.VirtualMachineImages/imageTemplates',
    apiVersion: '2024-02-01',
    location: 'East US',
    tags: { owner: 'file', 'from-file': 'yes' },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {} } },
    properties: {
      source: PLATFORM,
      customize: [{ type: 'Shell', name: 'own', inline: ['true'] }],
      distribute: [
        { type: 'SharedImage', galleryImageId: `${GALLERY}/images/webapp`, runOutputName: 'gallery' },
      ],
      buildTimeoutInMinutes: 80,
      ...properties,
    },
    ...rest,
  }
}

/** A whole deployment: parameters with defaults, variables, functions, beside a resource of another type. */
function deployment(): object {
  return {
    $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    parameters: {
      gallery: { type: 'string', defaultValue: 'contoso' },
      definition: { type: 'string', defaultValue: "[concat('web', 'app')]" },
      location: { type: 'string', defaultValue: '[resourceGroup().location]' },
      words: { type: 'array', defaultValue: ['one', 'two'] },
    },
    variables: {
      identity:
        "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', format('id-{0}', 'image-builder'))]",
      line: "[concat('test ', length(parameters('words')), ' = 2')]",
    },
    resources: [
      { type: 'Microsoft.Storage/storageAccounts', apiVersion: '2023-05-01', name: 'beside' },
      {
        type: 'Microsoft.VirtualMachineImages/imageTemplates',
        apiVersion: '2024-02-01',
        name: "[concat('t-', uniqueString(resourceGroup().id))]",
        location: "[parameters('location')]",
        tags: { owner: "[toUpper('file')]" },
        identity: {
          type: 'UserAssigned',
          userAssignedIdentities: { "[variables('identity')]": {} },
        },
        properties: {
          source: PLATFORM,
          customize: [
            { type: 'Shell', inline: ["[variables('line')]", '[[ -d /tmp ]'] },
            { type: 'Shell', name: 'own', inline: ['sudo cp /tmp/app/hello.txt /opt/own'] },
          ],
          distribute: [
            {
              type: 'SharedImage',
              runOutputName: "[if(equals(length(parameters('words')), 2), 'both', 'some')]",
              galleryImageId:
                "[resourceId('Microsoft.Compute/galleries/images', parameters('gallery'), parameters('definition'))]",
              replicationRegions: ['eastus'],
            },
          ],
        },
      },
    ],
  }
}

/** Inputs that go over the fields of the file. */
const OVER = {
  location: 'eastus',
  'managed-identity': 'id-image-builder',
  'source-image': WINDOWS,
  'gallery-image-id': `${GALLERY}/images/webapp-windows`,
  'replication-regions': 'eastus=2',
  'run-output-name': 'input',
  'build-timeout-in-minutes': '120',
  'vm-size': 'Standard_D4s_v5',
  'template-tags': 'owner=input',
  'image-tags': 'color=blue',
  'inline-script': 'Write-Output input',
  'validation-script': 'Write-Output input',
  'build-path': 'app',
  'storage-account': ACCOUNT,
}
const UNDER = {
  customize: [{ type: 'PowerShell', name: 'own', inline: ['Write-Output file'] }],
  validate: { inVMValidations: [{ type: 'PowerShell', inline: ['Write-Output file'] }] },
  vmProfile: { vmSize: 'Standard_D2s_v3', osDiskSizeGB: 130 },
  distribute: [
    {
      type: 'SharedImage',
      galleryImageId: `${GALLERY}/images/webapp`,
      runOutputName: 'file',
      replicationRegions: ['westus2'],
      excludeFromLatest: true,
      artifactTags: { color: 'red', shape: 'round' },
    },
    { type: 'VHD', runOutputName: 'disk' },
  ],
}

const reason = await whyNoBuildVm()
const inImage = reason === '' ? test : test.skip

describe('templates of our own', () => {
  let jobs: Record<'deployment' | 'fields' | 'under', JobResult>
  beforeAll(async () => {
    const workload = { state: 'Enabled', scriptUri: hosted() }
    const fileValidator = { type: 'File', sourceUri: hosted(), destination: '/tmp/validated' }
    const fields = body({
      optimize: { workload },
      validate: { inVMValidations: [fileValidator, { type: 'Shell', inline: ['test -f /tmp/validated'] }] },
      autoRun: { state: 'Enabled' },
      // Filled in by the service: a template that was exported from Azure has it.
      provisioningState: 'Succeeded',
      exactStagingResourceGroup: 'IT_old',
    })
    const artifact = { 'build-path': 'app', 'storage-account': ACCOUNT, 'remove-artifacts': 'true' }
    const order = { 'inline-script': 'cat /opt/own | sudo tee /opt/input', ...artifact }
    jobs = await sideBySide({
      deployment: () => runFile('deployment.json', deployment(), { location: 'eastus', ...order }),
      fields: () => runFile('fields.json', fields),
      under: () => runFile('under.json', body(UNDER), { ...OVER, 'ignore-warnings': 'vhd-staging' }),
    })
  }, 180_000)

  test('a deployment template: parameters, variables and functions are resolved', () => {
    expectGreen(jobs.deployment)
    const { properties, tags, identity } = submitted(stage, jobs.deployment)
    expect(properties.customize[2]).toMatchObject({ inline: ['test 2 = 2', '[ -d /tmp ]'] })
    expect(properties.distribute).toMatchObject([
      {
        runOutputName: 'both',
        galleryImageId: expect.stringMatching(/\/galleries\/contoso\/images\/webapp$/),
      },
    ])
    expect(tags['owner']).toBe('FILE')
    expect(Object.keys(identity.userAssignedIdentities)).toEqual([
      expect.stringMatching(/\/id-image-builder$/),
    ])
    expect(jobs.deployment.outputs['template-name']).toMatch(/^t_\d+_/)
  })

  test('optimize.workload and a File validator, which have no input', () => {
    expectGreen(jobs.fields)
    const { properties, location } = submitted(stage, jobs.fields)
    expect(location).toBe('eastus')
    expect(properties).toMatchObject({
      optimize: { workload: { state: 'Enabled', scriptUri: hosted() } },
      validate: {
        inVMValidations: [
          { type: 'File', sourceUri: hosted(), destination: '/tmp/validated' },
          { type: 'Shell' },
        ],
      },
      buildTimeoutInMinutes: 80,
    })
    expect(properties).not.toHaveProperty('provisioningState')
    expect(properties).not.toHaveProperty('exactStagingResourceGroup')
  })

  test('autoRun: the run that starts by itself is followed, not started twice', () => {
    expect(submitted(stage, jobs.fields).properties.autoRun).toEqual({ state: 'Enabled' })
    const name = jobs.fields.outputs['template-name'] ?? ''
    expect(stage.azure.world.requests(new RegExp(`^POST .*/${name}/run\\?`))).toEqual([])
    expect(jobs.fields.outputs).toMatchObject({ 'run-state': 'Succeeded' })
    expect(resource(stage, jobs.fields.outputs['image-uri']).tags?.['repository']).toBe('octo-org/webapp')
  })

  test('inputs go over the fields of the file; what no input names stays', () => {
    expectGreen(jobs.under)
    const { properties, tags } = submitted(stage, jobs.under)
    expect(properties).toMatchObject({
      source: { offer: 'WindowsServer', version: '20348.4405.261111' },
      vmProfile: { vmSize: 'Standard_D4s_v5', osDiskSizeGB: 130 },
      buildTimeoutInMinutes: 120,
      validate: {
        inVMValidations: [{ inline: ['Write-Output file'] }, { name: 'aib-action: validation script' }],
      },
    })
    expect(properties.customize).toMatchObject([
      { type: 'File' },
      { name: 'aib-action: unpack app' },
      { name: 'own', inline: ['Write-Output file'] },
      { name: 'aib-action: inline script' },
    ])
    expect(properties.distribute).toMatchObject([
      {
        type: 'SharedImage',
        galleryImageId: `${GALLERY}/images/webapp-windows`,
        runOutputName: 'input',
        targetRegions: [{ name: 'eastus', replicaCount: 2 }],
        excludeFromLatest: true,
        artifactTags: { color: 'blue', shape: 'round', repository: 'octo-org/webapp' },
      },
      { type: 'VHD', runOutputName: 'disk' },
    ])
    expect(properties.distribute[0]).not.toHaveProperty('replicationRegions')
    expect(tags).toMatchObject({ owner: 'input', 'from-file': 'yes', 'run-id': '18230001' })
    expect(Object.keys(JSON.parse(jobs.under.outputs['image-uris'] ?? '') as object)).toEqual([
      'input',
      'disk',
    ])
  })

  test('the artifact comes before the file’s own customizers, the inputs’ come after them', () => {
    const { customize } = submitted(stage, jobs.deployment).properties
    expect(customize.map(({ name }) => name)).toEqual([
      'aib-action: copy the build artifact',
      'aib-action: unpack app',
      undefined,
      'own',
      'aib-action: inline script',
      'aib-action: remove app',
    ])
  })

  inImage(`and so they run${reason === '' ? '' : ` (skipped, no build VM: ${reason})`}`, async () => {
    const made = path.join(fileSystemOf(stage, jobs.deployment), 'opt/input')
    expect(await readFile(made, 'utf8')).toBe('hello')
  })
})

describe('mistakes in the file', () => {
  const fromFile = { location: '', 'managed-identity': '', 'source-image': '', 'gallery-image-id': '' }
  const inputs = { ...fromFile, 'template-file': 'wrong.json', 'build-path': '', 'storage-account': '' }
  const refused = async (template: object | string): Promise<string> => {
    const text = typeof template === 'string' ? template : JSON.stringify(template)
    await writeFile(path.join(stage.workspace, 'wrong.json'), text)
    return await refusalOf(stage, inputs)
  }

  test('an expression that cannot be resolved is named with its place', async () => {
    const template = deployment()
    const message = await refused(JSON.stringify(template).replace("concat('test '", "utcNow('test '"))
    expect(message).toMatch(/^- template-file: .*\[parameters\('location'\)\] .*location/m)
    expect(message).toMatch(/^- template-file: properties\.customize\[0\]\.inline\[0\]: .*utcNow/m)
  })

  test('a field of an older API version is named', async () => {
    const distribute = [{ type: 'VHD', runOutputName: 'disk', location: 'eastus' }]
    expectMistakes(await refused(body({ distribute, vmProfile: { vmSze: 'Standard_D4s_v5' } })), [
      /^template-file: properties\.distribute\[0\]\.location: unknown field/,
      /^template-file: properties\.vmProfile\.vmSze: unknown field; .* Did you mean 'vmSize'\?/,
    ])
  })

  test('what Azure lacks is told where it stands in the file', async () => {
    const distribute = [
      { type: 'SharedImage', galleryImageId: `${GALLERY}/images/webap`, runOutputName: 'gallery' },
    ]
    const source = { ...PLATFORM, sku: 'servr' }
    expectMistakes(await refused(body({ distribute, source })), [
      /^template-file: properties\.source: Canonical:ubuntu-24_04-lts:servr is not offered in eastus/,
      /^template-file: properties\.distribute\[0\]\.galleryImageId: image definition 'webap' does not exist/,
    ])
  })
})
