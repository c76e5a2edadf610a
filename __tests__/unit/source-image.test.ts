import { describe, expect, test } from '@jest/globals'
import { InputReader } from '../../src/input-reader.ts'
import {
  compareVersions,
  type GalleryVersion,
  latestGalleryVersion,
  latestVersion,
  parseSourceImage,
  readSource,
  type SourceRequest,
} from '../../src/source-image.ts'
import type { SourceBody } from '../../src/template-schema.ts'
import {
  DEFINITION_ID,
  MANAGED_IMAGE_ID,
  rawInputs,
  resourceId,
  SHARED_VERSION_ID,
  SUBSCRIPTION,
  VERSION_ID,
} from '../support/factories.ts'

const SHARED_DEFINITION_ID = SHARED_VERSION_ID.replace('/versions/1.2.3', '')

describe('forms of a source image', () => {
  test.each([
    ['three parts', 'P:O:S', 'latest'],
    ['blanks around the parts', ' P : O :S ', 'latest'],
    ['latest as its version', 'P:O:S:latest', 'latest'],
    ['an exact version, which wins', 'P:O:S:1.2.3', '1.2.3'],
  ])('marketplace: %s', (_, text, version) => {
    expect(parseSourceImage(text, 'latest')).toEqual({
      kind: 'marketplace',
      publisher: 'P',
      offer: 'O',
      sku: 'S',
      version,
    })
  })

  test.each([
    ['Ubuntu2404', 'Canonical', 'ubuntu-24_04-lts', 'server'],
    ['win2022datacenter', 'MicrosoftWindowsServer', 'WindowsServer', '2022-datacenter-g2'],
  ])('alias: %s', (text, publisher, offer, sku) => {
    expect(parseSourceImage(text, '1.2.3')).toEqual({
      kind: 'marketplace',
      publisher,
      offer,
      sku,
      version: '1.2.3',
    })
  })

  test.each([
    ['a managed image', MANAGED_IMAGE_ID, 'managed-image', MANAGED_IMAGE_ID],
    ['an image version', VERSION_ID, 'gallery-version', VERSION_ID],
    ['an image definition', DEFINITION_ID, 'gallery-definition', DEFINITION_ID],
    ['the latest version', `${DEFINITION_ID}/versions/latest`, 'gallery-definition', DEFINITION_ID],
    ['the same in capitals', `${DEFINITION_ID}/VERSIONS/LATEST/`, 'gallery-definition', DEFINITION_ID],
    ['any letter case', VERSION_ID.toUpperCase(), 'gallery-version', VERSION_ID.toUpperCase()],
    ['a slash at its end', `${DEFINITION_ID}/`, 'gallery-definition', DEFINITION_ID],
    ['a shared image version', SHARED_VERSION_ID, 'gallery-version', SHARED_VERSION_ID],
    ['a shared image definition', SHARED_DEFINITION_ID, 'gallery-definition', SHARED_DEFINITION_ID],
    [
      'the latest shared version',
      `${SHARED_DEFINITION_ID}/versions/latest`,
      'gallery-definition',
      SHARED_DEFINITION_ID,
    ],
  ])('resource ID: %s', (_, text, kind, id) => {
    expect(parseSourceImage(text, 'latest')).toEqual({ kind, id })
  })

  const WANTED = 'give that of a managed image or gallery image version or gallery image definition.'
  test.each([
    ['two parts', 'P:O', "'P:O' is not an image; use"],
    ['five parts', 'P:O:S:1:2', "'P:O:S:1:2' is not an image; use"],
    ['an empty part', 'P::S', "'P::S' is not an image; use"],
    ['an empty version', 'P:O:S:', "'P:O:S:' is not an image; use"],
    ['a mistyped alias', 'Ubuntu2405', "Did you mean 'Ubuntu2404'?"],
    ['half an ID', '/subscriptions/x', "'/subscriptions/x' is not a resource ID; use"],
    [
      'a resource group',
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/images`,
      `is the ID of a resource group; ${WANTED}`,
    ],
    ['a gallery', resourceId('Microsoft.Compute/galleries', 'g'), `is the ID of a gallery; ${WANTED}`],
    [
      'another resource',
      resourceId('Microsoft.Compute/disks', 'd'),
      `is the ID of a Microsoft.Compute/disks; ${WANTED}`,
    ],
    [
      'a version that is none',
      `${DEFINITION_ID}/versions/newest`,
      "'newest' is no version of a gallery image: use x.y.z or latest.",
    ],
    [
      'a shared version that is none',
      `${SHARED_DEFINITION_ID}/versions/1.2`,
      "'1.2' is no version of a gallery image: use x.y.z or latest.",
    ],
    [
      'a subscription by its name',
      MANAGED_IMAGE_ID.replace(SUBSCRIPTION, 'mine'),
      "names 'mine' as subscription, which is no GUID.",
    ],
    [
      'a subscription of a shared image by its name',
      SHARED_VERSION_ID.replace(SUBSCRIPTION, 'mine'),
      "names 'mine' as subscription, which is no GUID.",
    ],
  ])('refuses %s', (_, text, message) => {
    expect(parseSourceImage(text, 'latest')).toContain(message)
  })
})

const FILE = { input: 'template-file', path: 'properties.source' }

/** The source of the inputs, else of a template file. */
function read(
  given: Record<string, string>,
  file?: SourceBody,
): { source: SourceRequest | undefined; problems: string[] } {
  const reader = new InputReader(rawInputs(given))
  const source = readSource(reader, file && { source: file, place: FILE })
  return { source, problems: reader.problems.map(({ input, message }) => `${input}: ${message}`) }
}

const marketplace = (version: string): object => ({
  kind: 'marketplace',
  publisher: 'P',
  offer: 'O',
  sku: 'S',
  version,
})
const plan = { planName: 'n', planProduct: 'p', planPublisher: 'q' }

describe('the inputs', () => {
  const place = { input: 'source-image' }
  test.each<[string, Record<string, string>, object]>([
    ['an image', { 'source-image': 'P:O:S' }, { image: marketplace('latest') }],
    ['with its own version', { 'source-image': 'P:O:S:1.2.3' }, { image: marketplace('1.2.3') }],
    [
      'with source-image-version',
      { 'source-image': 'P:O:S', 'source-image-version': '1.2.3' },
      { image: marketplace('1.2.3') },
    ],
    [
      'with the same version twice',
      { 'source-image': 'P:O:S:1.2.3', 'source-image-version': '1.2.3' },
      { image: marketplace('1.2.3') },
    ],
    [
      'latest in any letter case is no version of its own',
      { 'source-image': DEFINITION_ID, 'source-image-version': 'Latest' },
      { image: { kind: 'gallery-definition', id: DEFINITION_ID } },
    ],
    ['a plan', { 'source-image': 'P:O:S', 'source-plan': 'n : p:q' }, { image: marketplace('latest'), plan }],
  ])('%s', (_, given, source) => {
    expect(read(given)).toEqual({ source: { ...source, place }, problems: [] })
  })

  test.each<[string, Record<string, string>, string]>([
    ['none', { 'source-image': '' }, 'source-image: is required and was not given.'],
    [
      'two versions that differ',
      { 'source-image': 'P:O:S:1.2.3', 'source-image-version': '1.2.4' },
      "source-image-version: '1.2.4' contradicts the version in source-image, '1.2.3'.",
    ],
    [
      'a version of its own for an ID',
      { 'source-image': DEFINITION_ID, 'source-image-version': '1.0.0' },
      `source-image-version: '1.0.0' has no meaning for ${DEFINITION_ID}; put the version into the ID.`,
    ],
    [
      'a plan for an ID',
      { 'source-image': MANAGED_IMAGE_ID, 'source-plan': 'n:p:q' },
      'source-plan: belongs to a marketplace image.',
    ],
    ...['a:b', 'a:b:c:d', ':b:c', 'a::c'].map((text): [string, Record<string, string>, string] => [
      `a plan of the form ${text}`,
      { 'source-plan': text },
      `source-plan: '${text}' is not PlanName:PlanProduct:PlanPublisher.`,
    ]),
  ])('mistake: %s', (_, given, problem) => {
    expect(read(given).problems).toEqual([problem])
  })
})

describe('a template file', () => {
  const NONE = { 'source-image': '' }
  test.each<[string, SourceBody, object]>([
    [
      'a marketplace image',
      { type: 'PlatformImage', publisher: 'P', offer: 'O', sku: 'S', version: '1.2.3' },
      { image: marketplace('1.2.3') },
    ],
    [
      'with a plan',
      { type: 'PlatformImage', publisher: 'P', offer: 'O', sku: 'S', version: 'latest', planInfo: plan },
      { image: marketplace('latest'), plan },
    ],
    [
      'a managed image',
      { type: 'ManagedImage', imageId: `${MANAGED_IMAGE_ID}/` },
      { image: { kind: 'managed-image', id: MANAGED_IMAGE_ID } },
    ],
    [
      'a gallery image version',
      { type: 'SharedImageVersion', imageVersionId: VERSION_ID },
      { image: { kind: 'gallery-version', id: VERSION_ID } },
    ],
    [
      'the latest gallery image version',
      { type: 'SharedImageVersion', imageVersionId: `${DEFINITION_ID}/versions/latest` },
      { image: { kind: 'gallery-definition', id: DEFINITION_ID } },
    ],
  ])('says it: %s', (_, body, source) => {
    expect(read(NONE, body)).toEqual({ source: { ...source, place: FILE }, problems: [] })
  })

  test('gives way to the input', () => {
    expect(read({ 'source-image': 'P:O:S' }, { type: 'ManagedImage', imageId: 'nonsense' })).toEqual({
      source: { image: marketplace('latest'), place: { input: 'source-image' } },
      problems: [],
    })
  })

  test('leaves version and plan without an image to belong to', () => {
    const given = { ...NONE, 'source-image-version': '1.2.3', 'source-plan': 'n:p:q' }
    expect(read(given, { type: 'ManagedImage', imageId: MANAGED_IMAGE_ID }).problems).toEqual([
      'source-plan: belongs to source-image, which was not given.',
      'source-image-version: belongs to source-image, which was not given.',
    ])
  })

  test.each<[string, SourceBody, string]>([
    [
      'imageId',
      { type: 'ManagedImage', imageId: resourceId('Microsoft.Compute/disks', 'd') },
      'template-file: properties.source.imageId: ',
    ],
    [
      'imageVersionId',
      { type: 'SharedImageVersion', imageVersionId: `${DEFINITION_ID}/versions/x` },
      "template-file: properties.source.imageVersionId: 'x' is no version",
    ],
  ])('a mistake in %s is told with its place', (_, body, start) => {
    expect(read(NONE, body).problems).toEqual([expect.stringContaining(start)])
  })
})

test.each([
  ['1.10.0', '1.9.0', 1],
  ['1.0.0', '1.0.0', 0],
  ['2.0', '10.0', -1],
  ['1.0', '1.0.0', 0],
  ['18.04.202306070', '18.04.202401161', -1],
])('%s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign)
  expect(Math.sign(compareVersions(b, a))).toBe(0 - sign)
})

test('the latest version goes by number, not by text', () => {
  expect(latestVersion(['1.9.0', '1.10.0', '1.2.30'])).toBe('1.10.0')
  expect(latestVersion([])).toBeUndefined()
})

describe('the latest version of a gallery image', () => {
  const version = (name: string, overrides: Partial<GalleryVersion> = {}): GalleryVersion => ({
    id: `${DEFINITION_ID}/versions/${name}`,
    name,
    provisioningState: 'Succeeded',
    excludeFromLatest: false,
    regions: ['westus2'],
    ...overrides,
  })
  const cases: [string, GalleryVersion[], string | undefined][] = [
    ['by number', [version('1.10.0'), version('1.9.0')], '1.10.0'],
    ['not one that is excluded', [version('1.0.0'), version('2.0.0', { excludeFromLatest: true })], '1.0.0'],
    ['not one that failed', [version('1.0.0'), version('2.0.0', { provisioningState: 'Failed' })], '1.0.0'],
    ['not one under way', [version('1.0.0'), version('2.0.0', { provisioningState: 'Creating' })], '1.0.0'],
    [
      'also one that is replicated elsewhere alone',
      [version('1.0.0'), version('2.0.0', { regions: [] })],
      '2.0.0',
    ],
    ['none', [version('1.0.0', { excludeFromLatest: true })], undefined],
  ]
  test.each(cases)('%s', (_, versions, name) => {
    expect(latestGalleryVersion(versions)?.name).toBe(name)
  })
})
