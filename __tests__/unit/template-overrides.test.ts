/**
 * Several inputs at once, and inputs over a template file: rows as in `template-cases.test.ts`, each body held against
 * Azure's published schema where `AIB_SCHEMAS` names a folder that has it.
 */
import { describe, expect, test } from '@jest/globals'
import { namingLines } from '../../src/shell-script.ts'
import {
  buildArtifact,
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  OWN_IDENTITY_ID,
  resourceId,
  SUBNET_ID,
  VERSION_ID,
} from '../support/factories.ts'
import {
  bodyOf,
  FILE_ALONE,
  LATEST,
  placesOf,
  schemaMistakes,
  type Surroundings,
} from '../support/template-body.ts'

type Row = [shows: string, inputs: Record<string, string>, body: Record<string, unknown>]

function check(inputs: Record<string, string>, surroundings: Surroundings, expected: Row[2]): void {
  const body = bodyOf(inputs, surroundings)
  expect(placesOf(body, Object.keys(expected))).toEqual(expected)
  expect(schemaMistakes?.(body) ?? []).toEqual([])
}

const FILE_IDENTITY = resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'of-file')
const FILE_DEFINITION = resourceId('Microsoft.Compute/galleries/images', 'gallery', 'of-file')
const FILE_SUBNET = resourceId('Microsoft.Network/virtualNetworks/subnets', 'network', 'of-file')
const DEBIAN = { publisher: 'Debian', offer: 'debian-12', sku: '12-gen2' }
const OWN_VALIDATOR = { type: 'File', sourceUri: 'https://contoso.com/check', destination: '/tmp/check' }
const SCRIPT_VALIDATOR = {
  type: 'Shell',
  name: 'aib-action: validation script',
  inline: namingLines(['true'], 'validation-script'),
}

/** A template file with something in every field that inputs override. */
const FILE = {
  location: 'North Europe',
  tags: { team: 'file', stage: 'test' },
  identity: { type: 'UserAssigned', userAssignedIdentities: { [FILE_IDENTITY]: {} } },
  properties: {
    source: { type: 'PlatformImage', ...DEBIAN, version: 'latest' },
    customize: [
      { type: 'Shell', name: 'own 1', inline: ['true'] },
      { type: 'Shell', name: 'own 2', inline: ['true'] },
    ],
    distribute: [
      {
        type: 'SharedImage',
        runOutputName: 'of-file',
        galleryImageId: FILE_DEFINITION,
        replicationRegions: ['North Europe'],
        storageAccountType: 'Standard_ZRS',
        excludeFromLatest: true,
        artifactTags: { from: 'file', repository: 'file' },
      },
      { type: 'VHD', runOutputName: 'second' },
    ],
    optimize: { vmBoot: { state: 'Disabled' }, workload: { state: 'Disabled' } },
    validate: { continueDistributeOnFailure: true, inVMValidations: [OWN_VALIDATOR] },
    errorHandling: { onCustomizerError: 'cleanup', onValidationError: 'abort' },
    buildTimeoutInMinutes: 480,
    vmProfile: {
      vmSize: 'Standard_D2s_v5',
      osDiskSizeGB: 64,
      userAssignedIdentities: [FILE_IDENTITY],
      vnetConfig: { subnetId: FILE_SUBNET, proxyVmSize: 'Standard_A1_v2' },
    },
    additionalDataDisks: [{ sizeGB: 8 }],
    autoRun: { state: 'Disabled' },
    managedResourceTags: { team: 'file', stage: 'test' },
  },
}
const { properties } = FILE
const [GALLERY_TARGET, VHD_TARGET] = properties.distribute
const always = (source: string): object => ({
  repository: 'contoso/web-app',
  commit: '0123456789abcdef0123456789abcdef01234567',
  'workflow-run-url': 'https://github.com/contoso/web-app/actions/runs/4711',
  'source-version': source,
})
const debianTags = always(`Debian:debian-12:12-gen2:${LATEST.marketplace}`)

const OVER_A_FILE: Row[] = [
  [
    'nothing: all fields stay, and those that no input has with them',
    {},
    {
      location: 'northeurope',
      'identity.userAssignedIdentities': { [FILE_IDENTITY]: {} },
      'properties.source': { type: 'PlatformImage', ...DEBIAN, version: LATEST.marketplace },
      'properties.customize': properties.customize,
      'properties.distribute': [
        {
          ...GALLERY_TARGET,
          replicationRegions: ['northeurope'],
          artifactTags: { from: 'file', ...debianTags },
        },
        { ...VHD_TARGET, artifactTags: debianTags },
      ],
      'properties.optimize': properties.optimize,
      'properties.validate': properties.validate,
      'properties.errorHandling': properties.errorHandling,
      'properties.buildTimeoutInMinutes': 480,
      'properties.vmProfile': properties.vmProfile,
      'properties.additionalDataDisks': properties.additionalDataDisks,
      'properties.autoRun': properties.autoRun,
      'properties.managedResourceTags': properties.managedResourceTags,
    },
  ],
  [
    'location, but not the regions of the file',
    { location: 'West US 2' },
    { location: 'westus2', 'properties.distribute[0].replicationRegions': ['northeurope'] },
  ],
  [
    'the identity',
    { 'managed-identity': 'builder' },
    { 'identity.userAssignedIdentities': { [OWN_IDENTITY_ID]: {} } },
  ],
  [
    'the source',
    { 'source-image': VERSION_ID },
    { 'properties.source': { type: 'SharedImageVersion', imageVersionId: VERSION_ID } },
  ],
  [
    'a field of the first target; its other fields and the other targets stay',
    { 'gallery-image-id': DEFINITION_ID },
    {
      'properties.distribute[].galleryImageId': [DEFINITION_ID],
      'properties.distribute[].type': ['SharedImage', 'VHD'],
      'properties.distribute[0].runOutputName': 'of-file',
      'properties.distribute[0].replicationRegions': ['northeurope'],
      'properties.distribute[0].targetRegions': undefined,
      'properties.distribute[0].excludeFromLatest': true,
    },
  ],
  [
    'regions of the first target, in whichever form the file has them',
    { 'replication-regions': 'westus2=2' },
    {
      'properties.distribute[0].targetRegions': [{ name: 'westus2', replicaCount: 2 }],
      'properties.distribute[0].replicationRegions': undefined,
      'properties.distribute[0].storageAccountType': undefined,
      'properties.distribute[0].galleryImageId': FILE_DEFINITION,
    },
  ],
  [
    'the name of the first run output',
    { 'run-output-name': 'mine' },
    { 'properties.distribute[].runOutputName': ['mine', 'second'] },
  ],
  [
    'the first target, by one of another kind',
    { 'managed-image-id': MANAGED_IMAGE_ID },
    {
      'properties.distribute[].type': ['ManagedImage', 'VHD'],
      'properties.distribute[].runOutputName': ['ManagedImage_distribute', 'second'],
      'properties.distribute[0].location': 'northeurope',
      'properties.distribute[0].excludeFromLatest': undefined,
      'properties.distribute[0].artifactTags': debianTags,
    },
  ],
  [
    'further targets, behind those of the file',
    { distributors: '- {type: VHD, runOutputName: third}' },
    { 'properties.distribute[].runOutputName': ['of-file', 'second', 'third'] },
  ],
  [
    'tags of every image',
    { 'image-tags': 'from=input' },
    {
      'properties.distribute[].artifactTags.from': ['input', 'input'],
      'properties.distribute[].artifactTags.repository': ['contoso/web-app', 'contoso/web-app'],
    },
  ],
  [
    'one field of the build VM; the others stay',
    { 'vm-size': 'Standard_D4s_v5' },
    { 'properties.vmProfile': { ...properties.vmProfile, vmSize: 'Standard_D4s_v5' } },
  ],
  [
    'every field of the build VM',
    { 'os-disk-size-gb': '128', 'build-vm-identities': IDENTITY_ID, 'subnet-id': SUBNET_ID },
    {
      'properties.vmProfile': {
        vmSize: 'Standard_D2s_v5',
        osDiskSizeGB: 128,
        userAssignedIdentities: [IDENTITY_ID],
        vnetConfig: { subnetId: SUBNET_ID, proxyVmSize: 'Standard_A1_v2' },
      },
    },
  ],
  [
    'data disks, all of them',
    { 'data-disk-sizes-gb': '64,32' },
    { 'properties.additionalDataDisks': [{ sizeGB: 64 }, { sizeGB: 32 }] },
  ],
  [
    'a validation script, behind the validators of the file',
    { 'validation-script': 'true' },
    {
      'properties.validate': {
        continueDistributeOnFailure: true,
        inVMValidations: [OWN_VALIDATOR, SCRIPT_VALIDATOR],
      },
    },
  ],
  [
    'an option of validation, for the validators of the file',
    { 'source-validation-only': 'true' },
    { 'properties.validate': { ...properties.validate, sourceValidationOnly: true } },
  ],
  [
    'one kind of error; the other stays',
    { 'on-customizer-error': 'abort' },
    { 'properties.errorHandling': { onCustomizerError: 'abort', onValidationError: 'abort' } },
  ],
  [
    'the start of VMs; the rest of optimize stays',
    { 'optimize-vm-boot': 'true' },
    { 'properties.optimize': { vmBoot: { state: 'Enabled' }, workload: { state: 'Disabled' } } },
  ],
  [
    'tags of the template, name by name',
    { 'template-tags': 'team=input' },
    { 'tags.team': 'input', 'tags.stage': 'test' },
  ],
  [
    'tags of managed resources, name by name',
    { 'managed-resource-tags': 'team=input' },
    { 'properties.managedResourceTags': { team: 'input', stage: 'test' } },
  ],
  ['the timeout', { 'build-timeout-in-minutes': '60' }, { 'properties.buildTimeoutInMinutes': 60 }],
  [
    'the timeout, by that of the service',
    { 'build-timeout-in-minutes': '0' },
    { 'properties.buildTimeoutInMinutes': 0 },
  ],
  [
    'nothing with a default, as nobody can tell that the user wrote it',
    {
      'build-timeout-in-minutes': '240',
      'exclude-from-latest': 'false',
      'continue-distribute-on-failure': 'false',
      'on-validation-error': 'cleanup',
    },
    {
      'properties.buildTimeoutInMinutes': 480,
      'properties.distribute[0].excludeFromLatest': true,
      'properties.validate.continueDistributeOnFailure': true,
      'properties.errorHandling.onValidationError': 'abort',
    },
  ],
  [
    'customizers: the artifact first, those of the file, then what the inputs ask for',
    {
      'build-path': '.',
      'inline-script': 'id',
      customizers: '[{type: Shell, name: further, inline: [id]}]',
      'remove-artifacts': 'true',
    },
    {
      steps: [
        'File aib-action: copy the build artifact',
        'Shell aib-action: unpack web-app',
        'Shell own 1',
        'Shell own 2',
        'Shell aib-action: inline script',
        'Shell further',
        'Shell aib-action: remove web-app',
      ],
    },
  ],
]

describe('inputs over a template file override', () => {
  test.each(OVER_A_FILE)('%s', (_, inputs, expected) => {
    check({ ...FILE_ALONE, ...inputs }, { file: FILE }, expected)
  })

  test('nothing that the file leaves out: there the action has its defaults', () => {
    check(
      {},
      { file: { properties: {} } },
      { 'properties.buildTimeoutInMinutes': 240, 'properties.vmProfile': undefined },
    )
  })
})

const WINDOWS_FILE = {
  properties: { customize: [{ type: 'PowerShell', name: 'own', inline: ['Get-Date'] }] },
}
const EVERY_STEP = {
  'build-path': 'out/site',
  'inline-script': 'hostname',
  'remove-artifacts': 'true',
  'validation-script': 'hostname',
}
const EVERY_WINDOWS_STEP = {
  ...EVERY_STEP,
  'source-image': 'Win2022Datacenter',
  'windows-restart': 'true',
  'windows-update': 'true',
  customizers: '[{type: WindowsRestart, name: further}]',
}
const AFTER_UNPACKING = [
  'PowerShell own',
  'PowerShell aib-action: inline script',
  'WindowsRestart aib-action: restart',
  'WindowsRestart further',
  'WindowsUpdate aib-action: Windows Update',
  'PowerShell aib-action: remove site',
]

describe('all customizers at once, in the order in which they run', () => {
  test.each<[string, Record<string, string>, Surroundings, string[]]>([
    [
      'Linux',
      { ...EVERY_STEP, customizers: '[{type: Shell, name: further, inline: [id]}]' },
      {},
      [
        'File aib-action: copy the build artifact',
        'Shell aib-action: unpack site',
        'Shell aib-action: inline script',
        'Shell further',
        'Shell aib-action: remove site',
      ],
    ],
    [
      'Windows',
      EVERY_WINDOWS_STEP,
      { file: WINDOWS_FILE },
      ['File aib-action: copy the build artifact', 'PowerShell aib-action: unpack site', ...AFTER_UNPACKING],
    ],
    [
      'Windows, a large artifact: downloaded by the customizer that unpacks it',
      EVERY_WINDOWS_STEP,
      { file: WINDOWS_FILE, bytes: 20 * 1024 * 1024 + 1 },
      ['PowerShell aib-action: unpack site', ...AFTER_UNPACKING],
    ],
  ])('%s', (_, inputs, surroundings, steps) => {
    check(inputs, surroundings, { steps })
  })
})

describe('several targets at once', () => {
  const THREE = `
- type: ManagedImage
  runOutputName: image
  imageId: ${MANAGED_IMAGE_ID}
  location: North Europe
  artifactTags: { kind: image }
- type: VHD
  runOutputName: disk
- type: SharedImage
  runOutputName: second-gallery
  galleryImageId: ${FILE_DEFINITION}
  targetRegions: [{ name: East US, replicaCount: 2, storageAccountType: standard_zrs }]
  replicationMode: shallow
  versioning: { scheme: latest, major: 2 }
`
  test('each has the tags of all, over its own', () => {
    const tags = {
      team: 'web',
      ...always(`Canonical:ubuntu-24_04-lts:server:${LATEST.marketplace}`),
      'artifact-sha256': buildArtifact().sha256,
    }
    check(
      { 'image-tags': 'team=web', 'replication-regions': 'westus2,eastus', distributors: THREE },
      {},
      {
        'properties.distribute': [
          {
            type: 'SharedImage',
            runOutputName: 'SharedImage_distribute',
            galleryImageId: DEFINITION_ID,
            targetRegions: [{ name: 'westus2' }, { name: 'eastus' }],
            artifactTags: tags,
          },
          {
            type: 'ManagedImage',
            runOutputName: 'image',
            imageId: MANAGED_IMAGE_ID,
            location: 'northeurope',
            artifactTags: { kind: 'image', ...tags },
          },
          { type: 'VHD', runOutputName: 'disk', artifactTags: tags },
          {
            type: 'SharedImage',
            runOutputName: 'second-gallery',
            galleryImageId: FILE_DEFINITION,
            targetRegions: [{ name: 'eastus', replicaCount: 2, storageAccountType: 'Standard_ZRS' }],
            replicationMode: 'Shallow',
            versioning: { scheme: 'Latest', major: 2 },
            artifactTags: tags,
          },
        ],
      },
    )
  })

  // Azure does not tell tags apart by letter case: two that differ by it alone would be one.
  test.each<[string, Record<string, string>, Surroundings, string, object]>([
    [
      'an image, one of the user',
      { 'image-tags': 'Repository=mine' },
      {},
      'properties.distribute[0].artifactTags',
      { repository: 'contoso/web-app' },
    ],
    ['a template, one of the user', { 'template-tags': 'Run-ID=mine' }, {}, 'tags', { 'run-id': '4711' }],
    [
      'a template, one of the file',
      { 'template-tags': 'team=input' },
      { file: { tags: { Team: 'file' }, properties: {} } },
      'tags',
      { team: 'input' },
    ],
    [
      'what Image Builder makes, one of the file',
      { 'managed-resource-tags': 'team=input' },
      { file: { properties: { managedResourceTags: { Team: 'file' } } } },
      'properties.managedResourceTags',
      { team: 'input' },
    ],
  ])('a tag of %s, is replaced whatever its letter case', (_, inputs, surroundings, place, expected) => {
    const tags = Object.entries(placesOf(bodyOf(inputs, surroundings), [place])[place] as object)
    const [[name, value] = ['', '']] = Object.entries(expected) as [string, string][]
    expect(tags.filter(([key]) => key.toLowerCase() === name)).toEqual([[name, value]])
  })
})

test('letter case does not count in words, regions and IDs', () => {
  check(
    {
      location: 'WEST US 2',
      'source-image': 'UBUNTU2404',
      'source-image-version': 'Latest',
      'build-path': '',
      'inline-script': 'id',
      provisioner: 'Shell',
      'distribute-type': 'Gallery',
      'gallery-image-id': DEFINITION_ID.toUpperCase(),
      'replication-regions': 'WestUS2=1:STANDARD_LRS, North-Europe',
      'versioning-scheme': 'LATEST',
      'replication-mode': 'SHALLOW',
      'exclude-from-latest': 'True',
      'on-customizer-error': 'Abort',
      customizers: '[{type: shell, inline: [id]}]',
    },
    {},
    {
      location: 'westus2',
      'properties.source.version': LATEST.marketplace,
      'properties.customize[].type': ['Shell', 'Shell'],
      'properties.distribute[0].galleryImageId': DEFINITION_ID.toUpperCase(),
      'properties.distribute[0].targetRegions': [
        { name: 'westus2', replicaCount: 1, storageAccountType: 'Standard_LRS' },
        { name: 'northeurope' },
      ],
      'properties.distribute[0].versioning': { scheme: 'Latest' },
      'properties.distribute[0].replicationMode': 'Shallow',
      'properties.distribute[0].excludeFromLatest': true,
      'properties.errorHandling': { onCustomizerError: 'abort' },
    },
  )
})

if (!schemaMistakes) {
  test.skip('no body is held against the published schema: AIB_SCHEMAS names no folder that has it', () =>
    undefined)
}
