import { describe, expect, test } from '@jest/globals'
import {
  definitionIdOf,
  distributionProblem,
  distributionProblems,
  isGallery,
  regionsOf,
  tidy,
  type Distribution,
} from '../../src/distributors.ts'
import type { Distributor } from '../../src/template-schema.ts'
import {
  DEFINITION_ID,
  furtherDistributor,
  galleryDistributor,
  MANAGED_IMAGE_ID,
  VERSION_ID,
} from '../support/factories.ts'

const vhd = (runOutputName: string, index = 0): Distribution =>
  furtherDistributor({ type: 'VHD', runOutputName }, index)
const managedImage = (imageId: string): Distributor => ({
  type: 'ManagedImage',
  runOutputName: 'm',
  imageId,
  location: 'westus2',
})
/** The same gallery as a member of `distributors`. */
const further = (overrides: Parameters<typeof galleryDistributor>[0]): Distribution =>
  furtherDistributor(galleryDistributor(overrides).body)

const problems = (...all: Distribution[]): string[] =>
  distributionProblems(all).map(({ input, message }) => `${input}: ${message}`)

describe('what a distributor must keep to', () => {
  const withoutRegions = {
    type: 'SharedImage',
    runOutputName: 'SharedImage_distribute',
    galleryImageId: DEFINITION_ID,
  } as const
  test.each<[string, Distribution[]]>([
    ['a gallery image definition', [galleryDistributor()]],
    ['a gallery image version', [galleryDistributor({ galleryImageId: VERSION_ID })]],
    ['a managed image', [furtherDistributor(managedImage(MANAGED_IMAGE_ID))]],
    ['two VHDs', [vhd('a'), vhd('b')]],
    [
      'the older form of regions',
      [
        furtherDistributor({
          ...withoutRegions,
          replicationRegions: ['westus2', 'eastus'],
          storageAccountType: 'Standard_LRS',
        }),
      ],
    ],
    ['an ID that was not given, which is told of elsewhere', [galleryDistributor({ galleryImageId: '' })]],
    ['none at all', []],
  ])('fits: %s', (_, all) => {
    expect(problems(...all)).toEqual([])
  })

  const GALLERY_KINDS = 'give that of a gallery image definition or gallery image version.'
  test.each<[string, Distribution[], string[]]>([
    [
      'a managed image that goes into a gallery',
      [galleryDistributor({ galleryImageId: MANAGED_IMAGE_ID })],
      [`gallery-image-id: '${MANAGED_IMAGE_ID}' is the ID of a managed image; ${GALLERY_KINDS}`],
    ],
    [
      'a gallery image version as a managed image',
      [furtherDistributor(managedImage(VERSION_ID), 3)],
      [
        `distributors: [3].imageId: '${VERSION_ID}' is the ID of a gallery image version; give that of a managed image.`,
      ],
    ],
    [
      'a version that is none',
      [galleryDistributor({ galleryImageId: `${DEFINITION_ID}/versions/latest` })],
      [
        "gallery-image-id: 'latest' is no version of a gallery image: use x.y.z, or none to have it numbered.",
      ],
    ],
    [
      'a version, and how to number it',
      [further({ galleryImageId: VERSION_ID, versioning: { scheme: 'Source' } })],
      ['distributors: [0].versioning: has no meaning with a version of its own, 1.2.3.'],
    ],
    [
      'regions in both forms',
      [further({ replicationRegions: ['eastus'] })],
      ['distributors: [0].replicationRegions: excludes targetRegions: give one of them.'],
    ],
    [
      'a storage type for all regions in the newer form',
      [further({ storageAccountType: 'Standard_ZRS' })],
      [
        'distributors: [0].storageAccountType: goes with replicationRegions alone; in targetRegions each region has its own.',
      ],
    ],
    [
      'a region twice',
      [further({ targetRegions: [{ name: 'westus2' }, { name: 'West US 2' }] })],
      ["distributors: [0].targetRegions: 'westus2' stands there twice."],
    ],
    [
      'a region twice in the older form',
      [furtherDistributor({ ...withoutRegions, replicationRegions: ['eastus', 'East US'] })],
      ["distributors: [0].replicationRegions: 'eastus' stands there twice."],
    ],
    [
      'run outputs of the same name',
      [vhd('a'), vhd('b', 1), vhd('a', 2)],
      ["distributors: [2].runOutputName: 'a' stands there twice; each distributor needs a name of its own."],
    ],
    [
      'run outputs whose names Azure takes for the same',
      [vhd('disk'), vhd('Disk', 1)],
      [
        "distributors: [1].runOutputName: 'Disk' stands there twice; each distributor needs a name of its own.",
      ],
    ],
    [
      'everything at once',
      [galleryDistributor({ galleryImageId: 'web' }), furtherDistributor(managedImage('web'))],
      [
        "gallery-image-id: 'web' is not the resource ID of a gallery image definition or gallery image version: /subscriptions/…/providers/Microsoft.Compute/galleries/<name>/images/<name> or /subscriptions/…/providers/Microsoft.Compute/galleries/<name>/images/<name>/versions/<name>.",
        "distributors: [0].imageId: 'web' is not the resource ID of a managed image: /subscriptions/…/providers/Microsoft.Compute/images/<name>.",
      ],
    ],
  ])('mistake: %s', (_, all, expected) => {
    expect(problems(...all)).toEqual(expected)
  })
})

test('a mistake is told of the input that the field came from, else of its place', () => {
  expect(distributionProblem(galleryDistributor(), 'galleryImageId', 'm.')).toEqual({
    input: 'gallery-image-id',
    message: 'm.',
  })
  expect(distributionProblem(vhd('a', 1), 'uri', 'm.')).toEqual({
    input: 'distributors',
    message: '[1].uri: m.',
  })
})

test.each<[string, Distributor, Distributor]>([
  [
    'a managed image',
    { ...managedImage(`${MANAGED_IMAGE_ID}/`), location: 'West US 2' } as Distributor,
    managedImage(MANAGED_IMAGE_ID),
  ],
  [
    'a gallery',
    galleryDistributor({
      galleryImageId: `${DEFINITION_ID}//`,
      targetRegions: [{ name: 'West US 2', replicaCount: 2, storageAccountType: 'Premium_LRS' }],
    }).body,
    galleryDistributor({
      targetRegions: [{ name: 'westus2', replicaCount: 2, storageAccountType: 'Premium_LRS' }],
    }).body,
  ],
  [
    'a gallery in the older form',
    galleryDistributor({ targetRegions: [], replicationRegions: ['East US'] }).body,
    galleryDistributor({ targetRegions: [], replicationRegions: ['eastus'] }).body,
  ],
  ['a VHD', vhd('a').body, vhd('a').body],
])('tidy: %s', (_, given, expected) => {
  expect(tidy(given)).toEqual(expected)
})

test('regions of a gallery image version, in either form', () => {
  const { body } = galleryDistributor({
    targetRegions: [{ name: 'West US 2' }],
    replicationRegions: ['eastus'],
  })
  expect(regionsOf(body)).toEqual(['westus2', 'eastus'])
})

test.each([
  ['a definition', DEFINITION_ID],
  ['a version', VERSION_ID],
  ['a version in capitals', `${DEFINITION_ID}/VERSIONS/1.2.3`],
])('the definition of %s', (_, galleryImageId) => {
  expect(definitionIdOf(galleryDistributor({ galleryImageId }).body)).toBe(DEFINITION_ID)
})

test('only a gallery is a gallery', () => {
  expect([galleryDistributor(), vhd('a')].map(isGallery)).toEqual([true, false])
})
