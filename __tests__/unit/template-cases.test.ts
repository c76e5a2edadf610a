/**
 * The table of the template: what users write, and the body that is submitted for it. The inputs of each row go over
 * those of a small valid build, without an artifact unless the row has one; what is expected stands by its place in the
 * body, `undefined` for nothing there.
 */
import { describe, expect, test } from '@jest/globals'
import { INPUT_FIELDS } from '../../scripts/task-properties.ts'
import { InputError } from '../../src/errors.ts'
import { IMAGE_ALIASES } from '../../src/image-aliases.ts'
import type { ImageTemplate } from '../../src/image-template.ts'
import { namingLines } from '../../src/shell-script.ts'
import {
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  OWN_IDENTITY_ID,
  resourceId,
  SHARED_VERSION_ID,
  SUBNET_ID,
  SUBSCRIPTION,
  VERSION_ID,
} from '../support/factories.ts'
import { bodyOf, LATEST, placesOf, schemaMistakes, valuesAt, VERSION } from '../support/template-body.ts'

type Row = [shows: string, inputs: Record<string, string>, body: Record<string, unknown>]

const WINDOWS = { 'source-image': 'Win2022Datacenter' }
const VHD = { 'distribute-type': 'vhd', 'gallery-image-id': '' }
const MANAGED = { 'managed-image-id': MANAGED_IMAGE_ID, 'gallery-image-id': '' }
const CONTAINER_SUBNET = resourceId('Microsoft.Network/virtualNetworks/subnets', 'network', 'containers')

const at = (place: string, body: unknown): Row[2] => ({ [place]: body })
const source = (body: unknown): Row[2] => at('properties.source', body)
const platform = (version = LATEST.marketplace): object => ({
  type: 'PlatformImage',
  ...IMAGE_ALIASES['Ubuntu2404'],
  version,
})
/** A field of the first distributor. */
const target = (field: string, value: unknown): Row[2] => at(`properties.distribute[0].${field}`, value)
const profile = (field: string, value: unknown): Row[2] => at(`properties.vmProfile.${field}`, value)
const step = (index: number, field: string, value: unknown): Row[2] =>
  at(`properties.customize[${index}].${field}`, value)
const validator = (field: string, value: unknown): Row[2] =>
  at(`properties.validate.inVMValidations[0].${field}`, value)
const script = (type: string, input = 'inline script'): string => `${type} aib-action: ${input}`
const COPY = 'File aib-action: copy the build artifact'
const steps = (...names: string[]): Row[2] => ({ steps: names })

/** The name of each row begins with the input that it is about. */
const INPUTS_ONE_BY_ONE: Row[] = [
  ['location: a name as the portal shows it', { location: 'West US 2' }, { location: 'westus2' }],
  [
    'managed-identity: a name in the resource group of the template',
    { 'managed-identity': 'builder' },
    at('identity', { type: 'UserAssigned', userAssignedIdentities: { [OWN_IDENTITY_ID]: {} } }),
  ],
  [
    'managed-identity: a resource ID',
    { 'managed-identity': `${IDENTITY_ID}/` },
    at('identity.userAssignedIdentities', { [IDENTITY_ID]: {} }),
  ],
  [
    'source-image: a marketplace image, its latest version found out',
    { 'source-image': 'Canonical:ubuntu-24_04-lts:server' },
    source(platform()),
  ],
  [
    'source-image: a marketplace image with its version',
    { 'source-image': 'Canonical:ubuntu-24_04-lts:server:24.04.1' },
    source(platform('24.04.1')),
  ],
  ['source-image: an alias of Azure CLI', { 'source-image': 'Ubuntu2404' }, source(platform())],
  [
    'source-image: a managed image',
    { 'source-image': MANAGED_IMAGE_ID },
    source({ type: 'ManagedImage', imageId: MANAGED_IMAGE_ID }),
  ],
  [
    'source-image: a gallery image version',
    { 'source-image': VERSION_ID },
    source({ type: 'SharedImageVersion', imageVersionId: VERSION_ID }),
  ],
  [
    'source-image: a gallery image definition, by its latest version',
    { 'source-image': DEFINITION_ID },
    source({ type: 'SharedImageVersion', imageVersionId: `${DEFINITION_ID}/versions/${LATEST.gallery}` }),
  ],
  [
    'source-image: a version in a direct shared gallery',
    { 'source-image': SHARED_VERSION_ID },
    source({ type: 'SharedImageVersion', imageVersionId: SHARED_VERSION_ID }),
  ],
  [
    'source-image-version: of an alias',
    { 'source-image': 'Ubuntu2404', 'source-image-version': '24.04.1' },
    source(platform('24.04.1')),
  ],
  [
    'source-plan: over the one that the image tells of itself',
    { 'source-plan': 'hardened-9:hardened-linux:contoso' },
    at('properties.source.planInfo', {
      planName: 'hardened-9',
      planProduct: 'hardened-linux',
      planPublisher: 'contoso',
    }),
  ],

  [
    'provisioner: auto follows the source image, Linux',
    { provisioner: 'auto', 'inline-script': 'id' },
    step(0, 'type', 'Shell'),
  ],
  [
    'provisioner: auto follows the source image, Windows',
    { ...WINDOWS, provisioner: 'auto', 'inline-script': 'Get-Date' },
    step(0, 'type', 'PowerShell'),
  ],
  [
    'build-path: the workspace, under the name of the repository',
    { 'build-path': '.' },
    steps(COPY, script('Shell', 'unpack web-app')),
  ],
  [
    'build-path: a folder, under its own name',
    { 'build-path': 'out/site' },
    steps(COPY, script('Shell', 'unpack site')),
  ],
  ['build-path: nothing', { 'build-path': '' }, at('properties.customize', [])],
  [
    'build-path: on Windows',
    { ...WINDOWS, 'build-path': 'out/site' },
    {
      ...steps(COPY, script('PowerShell', 'unpack site')),
      ...step(0, 'destination', String.raw`C:\Windows\Temp\aib-artifact-0123456789abcdef.zip`),
    },
  ],
  [
    'artifact-transfer: a small artifact that is downloaded all the same',
    { 'build-path': '.', 'artifact-transfer': 'download' },
    steps(script('Shell', 'unpack web-app')),
  ],
  [
    'artifact-access: no signed URL, the managed identity reads the blob',
    { 'build-path': '.', 'artifact-access': 'identity' },
    step(0, 'sourceUri', 'https://artifacts.blob.core.windows.net/imagebuilder-vststask/web-app/a.tar.gz'),
  ],
  [
    'inline-script: line by line, as written, with what names the line that fails',
    { 'inline-script': '\nset -u\n\n  echo "$HOME"  \n' },
    at('properties.customize', [
      {
        type: 'Shell',
        name: 'aib-action: inline script',
        inline: namingLines(['set -u', '', '  echo "$HOME"  '], 'inline-script'),
      },
    ]),
  ],
  ['inline-script: on Windows', { ...WINDOWS, 'inline-script': 'Get-Date' }, steps(script('PowerShell'))],
  [
    'run-elevated: the script',
    { ...WINDOWS, 'inline-script': 'Get-Date', 'run-elevated': 'true' },
    { ...step(0, 'runElevated', true), ...step(0, 'runAsSystem', undefined) },
  ],
  [
    'run-as-system: the script',
    { ...WINDOWS, 'inline-script': 'Get-Date', 'run-elevated': 'true', 'run-as-system': 'true' },
    { ...step(0, 'runElevated', true), ...step(0, 'runAsSystem', true) },
  ],
  [
    'windows-update: the criteria of the Azure DevOps task',
    { ...WINDOWS, 'windows-update': 'true' },
    at('properties.customize', [
      {
        type: 'WindowsUpdate',
        name: 'aib-action: Windows Update',
        searchCriteria: 'IsInstalled=0',
        filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
      },
    ]),
  ],
  [
    'windows-restart: behind the script',
    { ...WINDOWS, 'inline-script': 'Get-Date', 'windows-restart': 'true' },
    steps(script('PowerShell'), 'WindowsRestart aib-action: restart'),
  ],
  [
    'remove-artifacts: the last thing',
    { 'build-path': '.', 'remove-artifacts': 'true', 'inline-script': 'id' },
    {
      ...steps(COPY, script('Shell', 'unpack web-app'), script('Shell'), script('Shell', 'remove web-app')),
      ...step(3, 'inline', ["sudo rm -rf '/tmp/web-app'"]),
    },
  ],
  [
    'customizers: a list in YAML, behind the script',
    { 'inline-script': 'id', customizers: '- type: Shell\n  name: own\n  inline: [whoami]' },
    {
      ...steps(script('Shell'), 'Shell own'),
      ...at('properties.customize[1]', { type: 'Shell', name: 'own', inline: ['whoami'] }),
    },
  ],
  [
    'customizers: a list in JSON',
    { customizers: '[{"type": "File", "sourceUri": "https://contoso.com/a", "destination": "/tmp/a"}]' },
    at('properties.customize', [{ type: 'File', sourceUri: 'https://contoso.com/a', destination: '/tmp/a' }]),
  ],

  [
    'validation-script: by the same provisioner',
    { 'validation-script': 'test -d /opt/app' },
    at('properties.validate', {
      inVMValidations: [
        {
          type: 'Shell',
          name: 'aib-action: validation script',
          inline: namingLines(['test -d /opt/app'], 'validation-script'),
        },
      ],
    }),
  ],
  [
    'validation-script: on Windows, elevated as the inline script',
    { ...WINDOWS, 'validation-script': 'Get-Date', 'run-elevated': 'true' },
    { ...validator('type', 'PowerShell'), ...validator('runElevated', true) },
  ],
  [
    'continue-distribute-on-failure: beside what validates',
    { 'validation-script': 'true', 'continue-distribute-on-failure': 'true' },
    at('properties.validate.continueDistributeOnFailure', true),
  ],
  [
    'source-validation-only: nothing is put into the image',
    { 'build-path': '.', 'validation-script': 'true', 'source-validation-only': 'true' },
    at('properties.customize', []),
  ],
  [
    'source-validation-only: no target is needed',
    { 'validation-script': 'true', 'source-validation-only': 'true', 'gallery-image-id': '' },
    { 'properties.validate.sourceValidationOnly': true, 'properties.distribute': [] },
  ],

  [
    'distribute-type: a VHD in the staging group',
    VHD,
    { ...target('type', 'VHD'), ...target('uri', undefined), ...target('runOutputName', 'VHD_distribute') },
  ],
  [
    'managed-image-id: in the region of the template',
    MANAGED,
    {
      ...target('type', 'ManagedImage'),
      ...target('imageId', MANAGED_IMAGE_ID),
      ...target('location', 'westus2'),
      ...target('runOutputName', 'ManagedImage_distribute'),
    },
  ],
  [
    'managed-image-location: a region of its own',
    { ...MANAGED, 'managed-image-location': 'East US' },
    target('location', 'eastus'),
  ],
  [
    'gallery-image-id: an image definition, in the region of the template',
    { 'gallery-image-id': DEFINITION_ID },
    {
      ...target('type', 'SharedImage'),
      ...target('galleryImageId', DEFINITION_ID),
      ...target('targetRegions', [{ name: 'westus2' }]),
      ...target('runOutputName', 'SharedImage_distribute'),
    },
  ],
  [
    'gallery-image-id: that very version',
    { 'gallery-image-id': VERSION_ID },
    target('galleryImageId', VERSION_ID),
  ],
  [
    'replication-regions: replicas and storage of each',
    { 'replication-regions': 'West US 2, eastus=3\nnortheurope=1:Premium_LRS' },
    target('targetRegions', [
      { name: 'westus2' },
      { name: 'eastus', replicaCount: 3 },
      { name: 'northeurope', replicaCount: 1, storageAccountType: 'Premium_LRS' },
    ]),
  ],
  [
    'versioning-scheme: one more than the highest',
    { 'versioning-scheme': 'latest' },
    target('versioning', { scheme: 'Latest' }),
  ],
  [
    'versioning-scheme: as the source image',
    { 'versioning-scheme': 'source' },
    target('versioning', { scheme: 'Source' }),
  ],
  [
    'versioning-major: the version within which to count',
    { 'versioning-scheme': 'latest', 'versioning-major': '2' },
    target('versioning', { scheme: 'Latest', major: 2 }),
  ],
  [
    'exclude-from-latest: the new version',
    { 'exclude-from-latest': 'true' },
    target('excludeFromLatest', true),
  ],
  ['exclude-from-latest: not said', {}, target('excludeFromLatest', undefined)],
  ['replication-mode: for tests', { 'replication-mode': 'shallow' }, target('replicationMode', 'Shallow')],
  ['replication-mode: in full', { 'replication-mode': 'full' }, target('replicationMode', 'Full')],
  [
    'vhd-uri: a blob of the user, which says the type as well',
    { 'vhd-uri': 'https://contoso.blob.core.windows.net/vhds/web.vhd', 'gallery-image-id': '' },
    { ...target('type', 'VHD'), ...target('uri', 'https://contoso.blob.core.windows.net/vhds/web.vhd') },
  ],
  [
    'image-tags: beside those that are always there',
    { 'image-tags': 'team=web\n cost centre = 47=11 \n\nempty=' },
    target('artifactTags', {
      team: 'web',
      'cost centre': '47=11',
      empty: '',
      repository: 'contoso/web-app',
      commit: '0123456789abcdef0123456789abcdef01234567',
      'workflow-run-url': 'https://github.com/contoso/web-app/actions/runs/4711',
      'source-version': `Canonical:ubuntu-24_04-lts:server:${LATEST.marketplace}`,
    }),
  ],
  [
    'run-output-name: instead of the one of its kind',
    { 'run-output-name': 'my.own_name-1' },
    target('runOutputName', 'my.own_name-1'),
  ],
  [
    'distributors: behind the one of the inputs',
    { distributors: '- {type: VHD, runOutputName: copy}' },
    {
      'properties.distribute[].type': ['SharedImage', 'VHD'],
      'properties.distribute[1].runOutputName': 'copy',
    },
  ],
  [
    'distributors: alone',
    {
      'gallery-image-id': '',
      distributors: `- {type: ManagedImage, runOutputName: a, imageId: ${MANAGED_IMAGE_ID}, location: East US}`,
    },
    { 'properties.distribute[].type': ['ManagedImage'], ...target('location', 'eastus') },
  ],

  ['vm-size: of the build VM', { 'vm-size': 'Standard_D4s_v5' }, profile('vmSize', 'Standard_D4s_v5')],
  ['vm-size: not said, nor anything else of the build VM', {}, at('properties.vmProfile', undefined)],
  ['os-disk-size-gb: a number', { 'os-disk-size-gb': '127' }, profile('osDiskSizeGB', 127)],
  [
    'data-disk-sizes-gb: one disk each',
    { 'data-disk-sizes-gb': '64, 128' },
    at('properties.additionalDataDisks', [{ sizeGB: 64 }, { sizeGB: 128 }]),
  ],
  [
    'build-vm-identities: names and IDs',
    { 'build-vm-identities': `builder, ${IDENTITY_ID}` },
    profile('userAssignedIdentities', [OWN_IDENTITY_ID, IDENTITY_ID]),
  ],
  ['subnet-id: of the build VM', { 'subnet-id': SUBNET_ID }, profile('vnetConfig', { subnetId: SUBNET_ID })],
  [
    'container-instance-subnet-id: beside that of the build VM',
    { 'subnet-id': SUBNET_ID, 'container-instance-subnet-id': CONTAINER_SUBNET },
    profile('vnetConfig', { subnetId: SUBNET_ID, containerInstanceSubnetId: CONTAINER_SUBNET }),
  ],
  [
    'proxy-vm-size: of the VM before the subnet',
    { 'subnet-id': SUBNET_ID, 'proxy-vm-size': 'Standard_A1_v2' },
    profile('vnetConfig', { subnetId: SUBNET_ID, proxyVmSize: 'Standard_A1_v2' }),
  ],
  [
    'build-timeout-in-minutes: the longest',
    { 'build-timeout-in-minutes': '960' },
    at('properties.buildTimeoutInMinutes', 960),
  ],
  [
    'build-timeout-in-minutes: as the service has it',
    { 'build-timeout-in-minutes': '0' },
    at('properties.buildTimeoutInMinutes', 0),
  ],
  ['build-timeout-in-minutes: by default', {}, at('properties.buildTimeoutInMinutes', 240)],
  [
    'optimize-vm-boot: on',
    { 'optimize-vm-boot': 'true' },
    at('properties.optimize', { vmBoot: { state: 'Enabled' } }),
  ],
  [
    'on-customizer-error: the build VM stays',
    { 'on-customizer-error': 'abort' },
    at('properties.errorHandling', { onCustomizerError: 'abort' }),
  ],
  [
    'on-validation-error: the build VM stays',
    { 'on-validation-error': 'abort' },
    at('properties.errorHandling', { onValidationError: 'abort' }),
  ],
  [
    'staging-resource-group: a name in the subscription of the template',
    { 'staging-resource-group': 'staging' },
    at('properties.stagingResourceGroup', `/subscriptions/${SUBSCRIPTION}/resourceGroups/staging`),
  ],
  [
    'managed-resource-tags: of what Image Builder makes',
    { 'managed-resource-tags': 'team=web\ncost=4711' },
    at('properties.managedResourceTags', { team: 'web', cost: '4711' }),
  ],
  [
    'template-tags: beside those by which a template is traced to its run',
    { 'template-tags': 'team=web' },
    {
      tags: {
        team: 'web',
        'aib-action': VERSION,
        repository: 'contoso/web-app',
        'run-id': '4711',
        'run-attempt': '2',
      },
    },
  ],
]

const withoutArtifact = (inputs: Record<string, string>): Record<string, string> => ({
  'build-path': '',
  ...inputs,
})

describe('the body', () => {
  test.each(INPUTS_ONE_BY_ONE)('%s', (_, inputs, expected) => {
    const body = bodyOf(withoutArtifact(inputs))
    expect(placesOf(body, Object.keys(expected))).toEqual(expected)
    expect(schemaMistakes?.(body) ?? []).toEqual([])
  })

  if (!schemaMistakes) {
    test.skip('is not held against the published schema: AIB_SCHEMAS names no folder that has it', () =>
      undefined)
  }
})

describe('every input that fills a field has a row, and without it something else stands there:', () => {
  const fields = INPUT_FIELDS.filter(({ field }) => field !== '').map(
    ({ input, field }) => [input, field] as const,
  )

  test.each(fields)('%s fills %s', (input, field) => {
    const rows = INPUTS_ONE_BY_ONE.filter(([shows, given]) => shows.startsWith(`${input}: `) && given[input])
    const bodies = rows.map(([, given]) => [bodyOf(withoutArtifact(given)), without(input, given)] as const)
    expect(bodies.filter(([body]) => valuesAt(body, field).length > 0)).not.toEqual([])
    // `provisioner` can only say what the source image says as well: anything else is refused.
    if (input === 'provisioner') return
    const differs = bodies.filter(
      ([body, other]) => JSON.stringify(valuesAt(body, field)) !== JSON.stringify(valuesAt(other, field)),
    )
    expect(differs).not.toEqual([])
  })

  /** The body of a row that leaves its input out; nothing where that is a mistake. */
  function without(input: string, given: Record<string, string>): ImageTemplate | undefined {
    try {
      return bodyOf(withoutArtifact({ ...given, [input]: '' }))
    } catch (error) {
      if (error instanceof InputError) return undefined
      throw error
    }
  }
})
