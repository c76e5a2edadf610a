import { describe, expect, test } from '@jest/globals'
import {
  compareVersions,
  type GalleryVersion,
  latestGalleryVersion,
  latestVersion,
  parseSourceImage,
} from '../../src/source-image.ts'
import { DEFINITION_ID, MANAGED_IMAGE_ID, resourceId, VERSION_ID } from '../support/factories.ts'

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
    ['a managed image', MANAGED_IMAGE_ID, 'managed-image', MANAGED_IMAGE_ID],
    ['an image version', VERSION_ID, 'gallery-version', VERSION_ID],
    ['an image definition', DEFINITION_ID, 'gallery-definition', DEFINITION_ID],
    ['the latest version', `${DEFINITION_ID}/versions/latest`, 'gallery-definition', DEFINITION_ID],
    ['the same in capitals', `${DEFINITION_ID}/VERSIONS/LATEST/`, 'gallery-definition', DEFINITION_ID],
    ['any letter case', VERSION_ID.toUpperCase(), 'gallery-version', VERSION_ID.toUpperCase()],
    ['a slash at its end', `${DEFINITION_ID}/`, 'gallery-definition', DEFINITION_ID],
  ])('resource ID: %s', (_, text, kind, id) => {
    expect(parseSourceImage(text, 'latest')).toEqual({ kind, id })
  })

  test.each([
    ['two parts', 'P:O', "'P:O' is not an image; use"],
    ['five parts', 'P:O:S:1:2', "'P:O:S:1:2' is not an image; use"],
    ['an empty part', 'P::S', "'P::S' is not an image; use"],
    ['an empty version', 'P:O:S:', "'P:O:S:' is not an image; use"],
    ['half an ID', '/subscriptions/x', "'/subscriptions/x' is not a resource ID; use"],
    [
      'another resource',
      resourceId('Microsoft.Compute/disks', 'd'),
      'is a Microsoft.Compute/disks, not an image; use',
    ],
  ])('refuses %s', (_, text, message) => {
    expect(parseSourceImage(text, 'latest')).toContain(message)
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
