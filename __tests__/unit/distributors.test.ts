import { describe, expect, test } from '@jest/globals'
import {
  definitionProblems,
  type Distributor,
  distributorBody,
  type GalleryDefinition,
  readDistributor,
  type TargetRegion,
} from '../../src/distributors.ts'
import { InputReader } from '../../src/input-reader.ts'
import {
  DEFINITION_ID,
  galleryDistributor,
  MANAGED_IMAGE_ID,
  rawInputs,
  VERSION_ID,
} from '../support/factories.ts'

type Given = Record<string, string>

function read(given: Given): { distributor: Distributor; problems: string[] } {
  const reader = new InputReader(rawInputs({ 'gallery-image-id': '', ...given }))
  const distributor = readDistributor(reader, 'westus2')
  return { distributor, problems: reader.problems.map(({ input, message }) => `${input}: ${message}`) }
}

const managedImage = {
  type: 'managed-image',
  runOutputName: 'ManagedImage_distribute',
  imageId: MANAGED_IMAGE_ID,
  location: 'westus2',
}

describe('where the image goes', () => {
  test.each<[string, Given, object]>([
    ['inferred: a managed image', { 'managed-image-id': MANAGED_IMAGE_ID }, managedImage],
    ['inferred: a gallery', { 'gallery-image-id': DEFINITION_ID }, galleryDistributor()],
    [
      'said: a managed image',
      { 'distribute-type': 'Managed-Image', 'managed-image-id': MANAGED_IMAGE_ID },
      managedImage,
    ],
    [
      'said: a gallery',
      { 'distribute-type': 'gallery', 'gallery-image-id': DEFINITION_ID },
      galleryDistributor(),
    ],
    ['said: a VHD', { 'distribute-type': 'VHD' }, { type: 'vhd', runOutputName: 'VHD_distribute' }],
    [
      'one gallery image version',
      { 'gallery-image-id': VERSION_ID },
      galleryDistributor({ galleryImageId: VERSION_ID }),
    ],
    [
      'an ID in other letters and with a slash at its end',
      { 'gallery-image-id': `${DEFINITION_ID.toUpperCase()}/` },
      galleryDistributor({ galleryImageId: DEFINITION_ID.toUpperCase() }),
    ],
    [
      'another region for the managed image',
      { 'managed-image-id': MANAGED_IMAGE_ID, 'managed-image-location': 'North Europe' },
      { ...managedImage, location: 'northeurope' },
    ],
    [
      'a run output of its own name',
      { 'distribute-type': 'vhd', 'run-output-name': 'my-vhd_1.0' },
      { type: 'vhd', runOutputName: 'my-vhd_1.0' },
    ],
  ])('%s', (_, given, distributor) => {
    expect(read(given)).toEqual({ distributor, problems: [] })
  })

  test.each<[string, Given, string[]]>([
    [
      'nothing said',
      {},
      [
        'distribute-type: says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
      ],
    ],
    [
      'two IDs',
      { 'gallery-image-id': DEFINITION_ID, 'managed-image-id': MANAGED_IMAGE_ID },
      ['distribute-type: is needed to choose between managed-image-id and gallery-image-id.'],
    ],
    [
      'an ID that contradicts the type',
      {
        'distribute-type': 'gallery',
        'gallery-image-id': DEFINITION_ID,
        'managed-image-id': MANAGED_IMAGE_ID,
      },
      ['managed-image-id: has no meaning with distribute-type: gallery.'],
    ],
    [
      'regions for a managed image',
      { 'managed-image-id': MANAGED_IMAGE_ID, 'replication-regions': 'westus2' },
      ['replication-regions: has no meaning for managed-image; it belongs to gallery.'],
    ],
    [
      'a location of a managed image for a gallery',
      { 'gallery-image-id': DEFINITION_ID, 'managed-image-location': 'westus2' },
      ['managed-image-location: has no meaning for gallery; it belongs to managed-image.'],
    ],
    [
      'a VHD with an ID',
      { 'distribute-type': 'vhd', 'gallery-image-id': DEFINITION_ID },
      ['gallery-image-id: has no meaning with distribute-type: vhd.'],
    ],
    [
      'a type without its ID',
      { 'distribute-type': 'managed-image' },
      ['managed-image-id: is required and was not given.'],
    ],
    [
      'an unknown type',
      { 'distribute-type': 'managedimage', 'managed-image-id': MANAGED_IMAGE_ID },
      [
        "distribute-type: 'managedimage' is not one of managed-image, gallery, vhd. Did you mean 'managed-image'?",
      ],
    ],
    [
      'an ID of another type',
      { 'managed-image-id': DEFINITION_ID },
      [`managed-image-id: '${DEFINITION_ID}' is not the resource ID of a Microsoft.Compute/images.`],
    ],
    [
      'a run output whose name is too long',
      { 'distribute-type': 'vhd', 'run-output-name': 'x'.repeat(65) },
      [`run-output-name: '${'x'.repeat(65)}' is not 1 to 64 letters, digits, '-', '_' or '.'.`],
    ],
  ])('mistake: %s', (_, given, problems) => {
    expect(read(given).problems).toEqual(problems)
  })
})

describe('replication regions', () => {
  const regions = (text: string): ReturnType<typeof read> =>
    read({ 'gallery-image-id': DEFINITION_ID, 'replication-regions': text })

  test.each<[string, string, TargetRegion[]]>([
    ['the build region by default', '', [{ name: 'westus2' }]],
    ['comma separated', 'westus2, West Europe', [{ name: 'westus2' }, { name: 'westeurope' }]],
    ['one a line', 'westus2\r\n\n  eastus\n', [{ name: 'westus2' }, { name: 'eastus' }]],
    ['with replicas', 'westus2=3', [{ name: 'westus2', replicas: 3 }]],
    ['with the most replicas', 'westus2 = 100', [{ name: 'westus2', replicas: 100 }]],
    [
      'with replicas and storage type',
      'westus2=2:premium_lrs',
      [{ name: 'westus2', replicas: 2, storageAccountType: 'Premium_LRS' }],
    ],
  ])('%s', (_, text, targetRegions) => {
    expect(regions(text)).toEqual({ distributor: galleryDistributor({ targetRegions }), problems: [] })
  })

  const FORM =
    'is not region, region=replicas or region=replicas:storage-account-type, with 1 to 100 replicas.'
  test.each([
    ['no replicas', 'westus2=0', `'westus2=0' ${FORM}`],
    ['too many replicas', 'westus2=101', `'westus2=101' ${FORM}`],
    ['replicas that are no number', 'westus2=many', `'westus2=many' ${FORM}`],
    ['no region', '=2', `'=2' ${FORM}`],
    ['too many parts', 'westus2=1:Standard_LRS:x', `'westus2=1:Standard_LRS:x' ${FORM}`],
    [
      'an unknown storage type',
      'westus2=1:Standard_LSR',
      "'Standard_LSR' is not one of Standard_LRS, Standard_ZRS, Premium_LRS. Did you mean 'Standard_LRS'?",
    ],
    ['a region twice, spelled in two ways', 'westus2, West US 2', "'westus2' stands there twice."],
  ])('mistake: %s', (_, text, message) => {
    expect(regions(text).problems).toEqual([`replication-regions: ${message}`])
  })
})

describe('what a gallery image definition demands', () => {
  const definition: GalleryDefinition = {
    osType: 'Linux',
    osState: 'Generalized',
    hyperVGeneration: 'V2',
    architecture: 'x64',
    location: 'westus2',
  }
  const source = { osType: 'Linux', hyperVGeneration: 'V2', architecture: 'x64' } as const
  const here = [{ name: 'eastus' }, { name: 'westus2' }]

  test.each([
    ['all the same', source],
    ['a source that does not say', { osType: 'Linux' } as const],
  ])('fits: %s', (_, image) => {
    expect(definitionProblems(definition, image, here)).toEqual([])
  })

  test.each([
    [
      'operating system',
      { ...source, osType: 'Windows' } as const,
      'has operating system Linux, the source image Windows',
    ],
    ['generation', { ...source, hyperVGeneration: 'V1' }, 'has Hyper-V generation V2, the source image V1'],
    ['architecture', { ...source, architecture: 'Arm64' }, 'has architecture x64, the source image Arm64'],
  ])('another %s', (_, image, words) => {
    expect(definitionProblems(definition, image, here)).toEqual([
      { input: 'gallery-image-id', message: `the image definition ${words}; they must be the same.` },
    ])
  })

  test('specialized images are not what Image Builder makes', () => {
    const [problem, ...others] = definitionProblems({ ...definition, osState: 'Specialized' }, source, here)
    expect(others).toEqual([])
    expect(problem?.message).toBe(
      'the image definition is for Specialized images; Image Builder makes Generalized ones.',
    )
  })

  test("the gallery's own region must be among the target regions", () => {
    expect(definitionProblems(definition, source, [{ name: 'eastus' }, { name: 'northeurope' }])).toEqual([
      {
        input: 'replication-regions',
        message: "must hold the gallery's own region, westus2; given: eastus, northeurope.",
      },
    ])
  })

  test('everything is told at once', () => {
    const wrong = { ...definition, osState: 'Specialized', osType: 'Windows', location: 'eastus2' } as const
    expect(definitionProblems(wrong, source, here)).toHaveLength(3)
  })
})

test.each<[string, Distributor, object]>([
  [
    'managed image',
    { type: 'managed-image', runOutputName: 'm', imageId: MANAGED_IMAGE_ID, location: 'westus2' },
    { type: 'ManagedImage', runOutputName: 'm', imageId: MANAGED_IMAGE_ID, location: 'westus2' },
  ],
  [
    'gallery',
    galleryDistributor({
      targetRegions: [
        { name: 'westus2', replicas: 2, storageAccountType: 'Premium_LRS' },
        { name: 'eastus', replicas: 1 },
        { name: 'westeurope' },
      ],
    }),
    {
      type: 'SharedImage',
      runOutputName: 'SharedImage_distribute',
      galleryImageId: DEFINITION_ID,
      targetRegions: [
        { name: 'westus2', replicaCount: 2, storageAccountType: 'Premium_LRS' },
        { name: 'eastus', replicaCount: 1 },
        { name: 'westeurope' },
      ],
    },
  ],
  ['VHD', { type: 'vhd', runOutputName: 'v' }, { type: 'VHD', runOutputName: 'v' }],
])('%s in ARM form', (_, distributor, body) => {
  expect(distributorBody(distributor, { commit: 'abc' })).toEqual({
    ...body,
    artifactTags: { commit: 'abc' },
  })
})
