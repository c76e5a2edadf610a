/** Facts of source and target that do not go together, found before the build. */
import { describe, expect, test } from '@jest/globals'
import { InputError, type Problem } from '../../src/errors.ts'
import {
  definitionProblems,
  diskProblems,
  managedImageProblems,
  type GalleryDefinition,
} from '../../src/image-match.ts'
import type { ImageFacts } from '../../src/source-image.ts'
import {
  DEFINITION_ID,
  furtherDistributor,
  galleryDistributor,
  linesOf,
  MANAGED_IMAGE_ID,
} from '../support/factories.ts'
import { requestOf } from '../support/template-body.ts'

const lines = (problems: Problem[]): string[] => linesOf(new InputError(problems))

const UBUNTU: ImageFacts = {
  osType: 'Linux',
  hyperVGeneration: 'V2',
  architecture: 'x64',
  securityType: 'TrustedLaunchSupported',
}
const DEFINITION: GalleryDefinition = { ...UBUNTU, osState: 'Generalized', location: 'westus2' }
const BOTH = 'they must be the same.'
const LAUNCH = 'both must support trusted launch, or neither.'

describe('a gallery image definition', () => {
  test.each<[string, Partial<GalleryDefinition>, Partial<ImageFacts>, string[]]>([
    ['the same as the source', {}, {}, []],
    [
      'for machines that keep their users',
      { osState: 'Specialized' },
      {},
      ['the image definition is for Specialized images; Image Builder makes Generalized ones.'],
    ],
    [
      'of another operating system',
      { osType: 'Windows' },
      {},
      [`the image definition has operating system Windows, the source image Linux; ${BOTH}`],
    ],
    [
      'of another generation',
      { hyperVGeneration: 'V1' },
      {},
      [`the image definition has Hyper-V generation V1, the source image V2; ${BOTH}`],
    ],
    [
      'of another architecture',
      { architecture: 'Arm64' },
      {},
      [`the image definition has architecture Arm64, the source image x64; ${BOTH}`],
    ],
    [
      'of other everything',
      { osType: 'Windows', hyperVGeneration: 'V1', architecture: 'Arm64', securityType: '' },
      {},
      [
        `the image definition has operating system Windows, the source image Linux; ${BOTH}`,
        `the image definition has Hyper-V generation V1, the source image V2; ${BOTH}`,
        `the image definition has architecture Arm64, the source image x64; ${BOTH}`,
        `the image definition has security type none, the source image TrustedLaunchSupported; ${LAUNCH}`,
      ],
    ],
    [
      'whose facts the source does not tell',
      {},
      { hyperVGeneration: undefined, architecture: undefined, securityType: undefined },
      [],
    ],
    [
      'that does not tell its own facts',
      { hyperVGeneration: undefined, architecture: undefined, securityType: undefined },
      {},
      [],
    ],
    ['without trusted launch, as the source', { securityType: '' }, { securityType: '' }, []],
    [
      'with trusted launch, unlike the source',
      {},
      { securityType: '' },
      [`the image definition has security type TrustedLaunchSupported, the source image none; ${LAUNCH}`],
    ],
    [
      'with trusted launch under another name',
      { securityType: 'TrustedLaunchAndConfidentialVmSupported' },
      {},
      [],
    ],
    [
      'with nothing but trusted launch',
      { securityType: 'TrustedLaunch' },
      {},
      [
        `the image definition has security type TrustedLaunch, the source image TrustedLaunchSupported; ${LAUNCH}`,
      ],
    ],
    ['for confidential VMs, of which nothing certain is known', { securityType: 'ConfidentialVM' }, {}, []],
  ])('%s', (_, definition, source, expected) => {
    const problems = definitionProblems(
      galleryDistributor(),
      { ...DEFINITION, ...definition },
      { ...UBUNTU, ...source },
    )
    expect(lines(problems)).toEqual(expected.map((message) => `gallery-image-id: ${message}`))
  })

  const home = "must hold the gallery's own region, westus2; given: eastus, northeurope."
  const regions = { targetRegions: [{ name: 'East US' }, { name: 'northeurope' }] }
  test.each([
    ['in another region than all replicas', galleryDistributor(regions), [`replication-regions: ${home}`]],
    [
      'in the region of one replica',
      galleryDistributor({ targetRegions: [{ name: 'eastus' }, { name: 'West US 2' }] }),
      [],
    ],
    ['whose regions are left to the service', galleryDistributor({ targetRegions: [] }), []],
  ])('%s', (_, distribution, expected) => {
    expect(lines(definitionProblems(distribution, DEFINITION, UBUNTU))).toEqual(expected)
  })

  test('of the input distributors: the place there is told', () => {
    const body = {
      type: 'SharedImage',
      runOutputName: 'a',
      galleryImageId: DEFINITION_ID,
      ...regions,
    } as const
    const distribution = { ...furtherDistributor(body, 1), body }
    expect(lines(definitionProblems(distribution, { ...DEFINITION, osType: 'Windows' }, UBUNTU))).toEqual([
      `distributors: [1].galleryImageId: the image definition has operating system Windows, the source image Linux; ${BOTH}`,
      `distributors: [1].targetRegions: ${home}`,
    ])
  })
})

describe('a managed image', () => {
  const managed = furtherDistributor({
    type: 'ManagedImage',
    runOutputName: 'a',
    imageId: MANAGED_IMAGE_ID,
    location: 'westus2',
  })
  const refusal =
    'distributors: [0].imageId: a managed image cannot hold Arm64, which the source image is; use a gallery.'

  test.each<[string, string | undefined, string[]]>([
    ['of x64', 'x64', []],
    ['of an architecture that is not told', undefined, []],
    ['of Arm64', 'Arm64', [refusal]],
    ['of Arm64 in other letters', 'ARM64', [refusal]],
  ])('%s', (_, architecture, expected) => {
    const problems = managedImageProblems([galleryDistributor(), managed], { osType: 'Linux', architecture })
    expect(lines(problems)).toEqual(expected)
  })
})

test.each<[string, string, number | undefined, string[]]>([
  ['larger', '64', 30, []],
  ['the same', '30', 30, []],
  ['smaller', '29', 30, ["os-disk-size-gb: '29' is less than the source image's disk of 30 GB."]],
  ['not asked for', '', 30, []],
  ['of a size that nobody can compare', '29', undefined, []],
])('a disk that is %s', (_, wanted, osDiskSizeGB, expected) => {
  expect(
    lines(diskProblems(requestOf({ 'os-disk-size-gb': wanted }), { osType: 'Linux', osDiskSizeGB })),
  ).toEqual(expected)
})
