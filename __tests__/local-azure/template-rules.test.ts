/** What Image Builder refuses about a template's body: one row a rule. */
import { describe, expect, test } from '@jest/globals'
import type { ImageTemplate } from '../../local-azure/image-builder/image-template.ts'
import { linkedIds, templateRefusal, updateRefusal } from '../../local-azure/image-builder/template-rules.ts'
import { DEFINITION, GROUP, IDENTITY, SUBSCRIPTION, templateBody, UBUNTU } from './image-builder-client.ts'

const VERSION = '2025-10-01'
const IMAGE = `${GROUP}/providers/Microsoft.Compute/images/x`
const SUBNETS = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets`
const BUILDS = `${SUBNETS}/builds`
const CONTAINERS = `${SUBNETS}/containers`
const gallery = { type: 'SharedImage', runOutputName: 'g', galleryImageId: DEFINITION }

/** A valid body with raw, perhaps invalid, properties. */
function body(properties: object): object {
  const valid = templateBody() as { properties: object }
  return { ...valid, properties: { ...valid.properties, ...properties } }
}
const customize = (...steps: object[]): object => body({ customize: steps })
const distribute = (...targets: object[]): object => body({ distribute: targets })

describe('accepted', () => {
  const accepted: [string, object][] = [
    ['the least', templateBody()],
    ['no customizer', body({ customize: [] })],
    [
      'the service’s own fields, as a GET returned them',
      { ...body({ provisioningState: 'Succeeded', lastRunStatus: {} }), id: 'x', name: 'x', type: 'x' },
    ],
    ['a timeout that only breaks the build', body({ buildTimeoutInMinutes: 3 })],
    ['the longest timeout', body({ buildTimeoutInMinutes: 960 })],
    [
      'a workload, data disks, a run at once',
      body({
        optimize: { workload: { state: 'Enabled', scriptUri: 'https://x/y.sh' } },
        additionalDataDisks: [{ sizeGB: 32 }],
        autoRun: { state: 'Enabled' },
        managedResourceTags: { a: 'b' },
      }),
    ],
    [
      'an image of a direct shared gallery',
      body({
        source: {
          type: 'SharedImageVersion',
          imageVersionId: `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/sharedGalleries/g/images/d/versions/1.0.0`,
        },
      }),
    ],
    ['an explicit version', distribute({ ...gallery, galleryImageId: `${DEFINITION}/versions/1.2.3` })],
    [
      'a gallery’s latest',
      body({ source: { type: 'SharedImageVersion', imageVersionId: `${DEFINITION}/versions/latest` } }),
    ],
    [
      'system with elevation',
      customize({ type: 'PowerShell', inline: ['x'], runElevated: true, runAsSystem: true }),
    ],
    [
      'regions',
      distribute({
        ...gallery,
        targetRegions: [{ name: 'x', replicaCount: 1, storageAccountType: 'Standard_ZRS' }],
      }),
    ],
    [
      'old regions with a storage type',
      distribute({ ...gallery, replicationRegions: ['x'], storageAccountType: 'Premium_LRS' }),
    ],
    [
      'no distributor when only validating',
      body({ distribute: [], validate: { sourceValidationOnly: true } }),
    ],
    [
      'a container subnet',
      body({ vmProfile: { vnetConfig: { subnetId: BUILDS, containerInstanceSubnetId: CONTAINERS } } }),
    ],
  ]
  test.each(accepted)('%s', (_, template) => {
    expect(templateRefusal('name', template, VERSION)).toBeUndefined()
  })
})

describe('refused for a value', () => {
  const bad = (container: string, field: string, value: string): string =>
    `Validation failed: '${container}': Field '${field}' has a bad value: '${value}'. Please review  ` +
    'http://aka.ms/azvmimagebuildertmplref  for details on fields requirements in the Image Builder Template.'
  const missing = (container: string, field: string): string =>
    `Validation failed: '${container}': Missing field '${field}'. Please review ` +
    'http://aka.ms/azvmimagebuildertmplref for details on fields required in the Image Builder Template.'
  const top = 'ImageTemplate'
  const own = 'ImageTemplate.properties'
  const script = { type: 'Shell', scriptUri: 'https://x/y.sh' }
  const refused: [string, object, string][] = [
    ['no identity', { ...templateBody(), identity: undefined }, missing(top, 'identity')],
    ['identity of no kind', { ...templateBody(), identity: { type: 'None' } }, missing(top, 'identity')],
    [
      'two identities',
      {
        ...templateBody(),
        identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY]: {}, '/b': {} } },
      },
      bad(`${top}.identity`, 'userAssignedIdentities', ''),
    ],
    ['no source', body({ source: undefined }), missing(own, 'source')],
    ['no distributors', body({ distribute: undefined }), missing(own, 'distribute')],
    ['an empty list of distributors', body({ distribute: [] }), bad(own, 'distribute', '')],
    [
      'source in the wrong case',
      body({ source: { ...UBUNTU, type: 'platformImage' } }),
      bad(`${own}.source`, 'type', ''),
    ],
    ['no SKU', body({ source: { ...UBUNTU, sku: undefined } }), missing(`${own}.source`, 'sku')],
    [
      'half a plan',
      body({ source: { ...UBUNTU, planInfo: { planName: 'x' } } }),
      missing(`${own}.source.planInfo`, 'planProduct'),
    ],
    [
      'a bad image ID',
      body({ source: { type: 'ManagedImage', imageId: '/x' } }),
      bad(`${own}.source`, 'imageId', '/x'),
    ],
    [
      'distributor in the wrong case',
      distribute({ ...gallery, type: 'sharedImage' }),
      bad(own, 'distribute[0].type', ''),
    ],
    ['no run output name', distribute({ type: 'VHD' }), missing(own, 'distribute[0].runOutputName')],
    [
      'a bad run output name',
      distribute({ type: 'VHD', runOutputName: 'a b' }),
      bad(own, 'distribute[0].runOutputName', 'a b'),
    ],
    [
      'a run output name twice',
      distribute({ type: 'VHD', runOutputName: 'a' }, { type: 'VHD', runOutputName: 'a' }),
      bad(own, 'distribute[1].runOutputName', 'a'),
    ],
    [
      'a bad gallery ID',
      distribute({ ...gallery, galleryImageId: '/x' }),
      bad(own, 'distribute[0].galleryImageId', '/x'),
    ],
    [
      'both kinds of regions',
      distribute({ ...gallery, replicationRegions: ['x'], targetRegions: [{ name: 'x' }] }),
      bad(own, 'distribute[0].replicationRegions', 'x'),
    ],
    [
      'a storage type without old regions',
      distribute({ ...gallery, storageAccountType: 'Standard_LRS' }),
      bad(own, 'distribute[0].storageAccountType', 'Standard_LRS'),
    ],
    [
      'an unknown storage type',
      distribute({ ...gallery, targetRegions: [{ name: 'x', storageAccountType: 'x' }] }),
      bad(own, 'distribute[0].targetRegions[0].storageAccountType', 'x'),
    ],
    [
      'no replica',
      distribute({ ...gallery, targetRegions: [{ name: 'x', replicaCount: 0 }] }),
      bad(own, 'distribute[0].targetRegions[0].replicaCount', '0'),
    ],
    [
      'versioning in the wrong case',
      distribute({ ...gallery, versioning: { scheme: 'latest' } }),
      bad(own, 'distribute[0].versioning.scheme', ''),
    ],
    [
      'a negative major version',
      distribute({ ...gallery, versioning: { scheme: 'Latest', major: -2 } }),
      bad(own, 'distribute[0].versioning.major', '-2'),
    ],
    [
      'versions after a managed image',
      body({
        source: { type: 'ManagedImage', imageId: IMAGE },
        distribute: [{ ...gallery, versioning: { scheme: 'Source' } }],
      }),
      bad(own, 'distribute[0].versioning.scheme', 'Source'),
    ],
    [
      'an image without a location',
      distribute({ type: 'ManagedImage', runOutputName: 'm', imageId: IMAGE }),
      missing(own, 'distribute[0].location'),
    ],
    ['an unknown customizer', customize({ type: 'shell', inline: ['x'] }), bad(own, 'customize[0].type', '')],
    ['no script', customize({ type: 'Shell' }), missing(own, 'customize[0].inline')],
    [
      'two scripts',
      customize({ ...script, inline: ['x'] }),
      bad(own, 'customize[0].scriptUri', script.scriptUri),
    ],
    [
      'a relative script',
      customize({ ...script, scriptUri: 'y.sh' }),
      bad(own, 'customize[0].scriptUri', 'y.sh'),
    ],
    [
      'a checksum in capitals',
      customize({ ...script, sha256Checksum: 'A'.repeat(64) }),
      bad(own, 'customize[0].sha256Checksum', 'A'.repeat(64)),
    ],
    [
      'a checksum of inline commands',
      customize({ type: 'Shell', inline: ['x'], sha256Checksum: 'a'.repeat(64) }),
      bad(own, 'customize[0].sha256Checksum', 'a'.repeat(64)),
    ],
    [
      'system without elevation',
      customize({ type: 'PowerShell', inline: ['x'], runAsSystem: true }),
      bad(own, 'customize[0].runAsSystem', 'true'),
    ],
    [
      'no destination',
      customize({ type: 'File', sourceUri: 'https://x/y' }),
      missing(own, 'customize[0].destination'),
    ],
    [
      'an empty validator',
      body({ validate: { inVMValidations: [{ type: 'Shell' }] } }),
      missing(`${own}.validate`, 'inVMValidations[0].inline'),
    ],
    ['a timeout above 960', body({ buildTimeoutInMinutes: 961 }), bad(own, 'buildTimeoutInMinutes', '961')],
    ['a negative timeout', body({ buildTimeoutInMinutes: -1 }), bad(own, 'buildTimeoutInMinutes', '-1')],
    [
      'an unknown state',
      body({ optimize: { vmBoot: { state: 'On' } } }),
      bad(`${own}.optimize.vmBoot`, 'state', 'On'),
    ],
    [
      'an unknown error handling',
      body({ errorHandling: { onCustomizerError: 'Abort' } }),
      bad(`${own}.errorHandling`, 'onCustomizerError', 'Abort'),
    ],
    [
      'a bad restart timeout',
      customize({ type: 'WindowsRestart', restartTimeout: '5 min' }),
      bad(own, 'customize[0].restartTimeout', '5 min'),
    ],
    [
      'a container subnet alone',
      body({ vmProfile: { vnetConfig: { containerInstanceSubnetId: CONTAINERS } } }),
      missing(`${own}.vmProfile.vnetConfig`, 'subnetId'),
    ],
    [
      'a proxy beside a container subnet',
      body({
        vmProfile: {
          vnetConfig: { subnetId: BUILDS, containerInstanceSubnetId: CONTAINERS, proxyVmSize: 'z' },
        },
      }),
      bad(`${own}.vmProfile.vnetConfig`, 'proxyVmSize', 'z'),
    ],
    [
      'the build VM’s subnet for the container',
      body({ vmProfile: { vnetConfig: { subnetId: BUILDS, containerInstanceSubnetId: BUILDS } } }),
      bad(`${own}.vmProfile.vnetConfig`, 'containerInstanceSubnetId', BUILDS),
    ],
    [
      'a container subnet in another network',
      body({
        vmProfile: {
          vnetConfig: {
            subnetId: BUILDS,
            containerInstanceSubnetId: `${GROUP}-2${CONTAINERS.slice(GROUP.length)}`,
          },
        },
      }),
      bad(
        `${own}.vmProfile.vnetConfig`,
        'containerInstanceSubnetId',
        `${GROUP}-2${CONTAINERS.slice(GROUP.length)}`,
      ),
    ],
    [
      'a network for a subnet',
      body({ vmProfile: { vnetConfig: { subnetId: SUBNETS.replace('/subnets', '') } } }),
      bad(`${own}.vmProfile.vnetConfig`, 'subnetId', SUBNETS.replace('/subnets', '')),
    ],
    [
      'a workload without its script',
      body({ optimize: { workload: { state: 'Enabled' } } }),
      missing(`${own}.optimize.workload`, 'scriptUri'),
    ],
    [
      'a checksum of no workload script',
      body({ optimize: { workload: { state: 'Disabled', sha256Checksum: 'a'.repeat(64) } } }),
      bad(`${own}.optimize.workload`, 'sha256Checksum', 'a'.repeat(64)),
    ],
    [
      'a negative data disk',
      body({ additionalDataDisks: [{ sizeGB: -1 }] }),
      bad(own, 'additionalDataDisks[0].sizeGB', '-1'),
    ],
    ['a bad staging group', body({ stagingResourceGroup: 'rg' }), bad(own, 'stagingResourceGroup', 'rg')],
  ]
  test.each(refused)('%s', (_, template, message) => {
    // As it arrives: without what is undefined.
    const sent: unknown = JSON.parse(JSON.stringify(template))
    expect(templateRefusal('name', sent, VERSION)).toBe(message)
  })

  test.each(['a b', 'x'.repeat(65), 'ä'])('the name %s', (name) => {
    expect(templateRefusal(name, templateBody(), VERSION)).toBe(bad(top, 'name', name))
  })
})

describe('refused for its form', () => {
  const unreadable: [string, object, string][] = [
    [
      'a field in the wrong case, in the documented words',
      body({ optimize: { vmboot: { state: 'Enabled' } } }),
      'Unmarshalling entity encountered error: unmarshalling type *v2025_10_01.ImageTemplate: struct field Properties: ' +
        'unmarshalling type *v2025_10_01.ImageTemplateProperties: struct field Optimize: unmarshalling type ' +
        '*v2025_10_01.ImageTemplatePropertiesOptimize: unmarshalling type ' +
        '*v2025_10_01.ImageTemplatePropertiesOptimize, unknown field "vmboot". There is an issue with the syntax ',
    ],
    [
      'a field of another kind of step',
      customize({ type: 'Shell', inline: ['x'], runElevated: true }),
      'unknown field "runElevated"',
    ],
    [
      'a number in quotes',
      body({ buildTimeoutInMinutes: '80' }),
      'struct field BuildTimeoutInMinutes: json: cannot unmarshal string',
    ],
    [
      'inline as one string',
      customize({ type: 'Shell', inline: 'x' }),
      'json: cannot unmarshal string into Go value of type []',
    ],
    [
      'a tag that is no string',
      { ...templateBody(), tags: { a: 1 } },
      'struct field Tags: json: cannot unmarshal object',
    ],
    ['a list instead of an object', [], 'json: cannot unmarshal array'],
  ]
  test.each(unreadable)('%s', (_, template, message) => {
    expect(templateRefusal('name', template, VERSION)).toContain(message)
  })
})

describe('updates', () => {
  const current = {
    ...templateBody(),
    properties: { distribute: [{ type: 'VHD', runOutputName: 'vhd' }], source: UBUNTU },
  } as unknown as ImageTemplate

  test('take tags, identity, VM profile and distributors alone', () => {
    expect(
      updateRefusal({ tags: {}, properties: { vmProfile: { vmSize: 'x' } } }, current, VERSION),
    ).toBeUndefined()
    expect(updateRefusal({ properties: { source: UBUNTU } }, current, VERSION)).toContain(
      'unknown field "source"',
    )
  })

  test('keep every run output', () => {
    expect(updateRefusal({ properties: { distribute: [gallery] } }, current, VERSION)).toBe(
      'Validation failed: Distribute target with Runoutput name vhd not found in the update request. Deleting a ' +
        'distribution target is not allowed.',
    )
  })
})

test('linked IDs are found in any JSON', () => {
  expect(linkedIds(null)).toEqual([])
  expect(linkedIds({ identity: 1, properties: { vmProfile: { userAssignedIdentities: ['a', 2] } } })).toEqual(
    [{ path: 'properties.vmProfile.userAssignedIdentities[0]', id: 'a' }],
  )
})
