/** What is there already: a key never counts alone. */
import { describe, expect, test } from '@jest/globals'
import { isGallery, type Distribution, type GalleryDistributor } from '../../src/distributors.ts'
import { imageTemplate } from '../../src/image-template.ts'
import type { NewBuild } from '../../src/inputs.ts'
import type { SeenVersion } from '../../src/promotion/candidate.ts'
import {
  builtLast,
  builtMeanwhile,
  imageStands,
  leftByEarlierAttempt,
  madeBy,
  notTaken,
  refuseTaken,
  standIns,
  type SeenTemplate,
  type Sought,
} from '../../src/unchanged.ts'
import {
  DEFINITION_ID,
  findings,
  galleryDistributor,
  MANAGED_IMAGE_ID,
  newBuild,
  problemsOf,
  resourceId,
  workflowRun,
} from '../support/factories.ts'
import { region, version } from '../support/versions.ts'

const KEY = 'k'.repeat(64)
const NOW = Date.parse('2026-11-22T00:00:00Z')
const TAGS = { repository: 'contoso/web-app', 'build-key': KEY, 'workflow-run-url': workflowRun().url }
const SOUGHT: Sought = { key: KEY, repository: 'contoso/web-app', now: NOW }

/** A version that stands for the one that would be built. */
const whole = (change: Partial<SeenVersion> = {}): SeenVersion =>
  version({ tags: TAGS, excludeFromLatest: false, ...change })

function taken(versions: SeenVersion[], target: Partial<GalleryDistributor> = {}, sought = SOUGHT): string[] {
  return standIns(versions, galleryDistributor(target), sought).map(({ name }) => name)
}

describe('a gallery image version is taken', () => {
  test.each<[string, Partial<SeenVersion>, Partial<GalleryDistributor>]>([
    ['with the key', {}, {}],
    ['whatever the letter case of the repository', { tags: { ...TAGS, repository: 'Contoso/Web-App' } }, {}],
    ['with an end of life that has not come', { endOfLifeDate: '2026-11-23T00:00:00Z' }, {}],
    [
      'excluded from latest, when that is asked for',
      { excludeFromLatest: true },
      { excludeFromLatest: true },
    ],
    [
      'blessed, for a candidate',
      { tags: { ...TAGS, 'image-status': 'blessed' } },
      { excludeFromLatest: true },
    ],
    [
      'excluded from latest, when it is asked for by number',
      { excludeFromLatest: true },
      { galleryImageId: `${DEFINITION_ID}/versions/1.1.0` },
    ],
    [
      'past its end of life, when it is asked for by number',
      { endOfLifeDate: '2026-01-01T00:00:00Z' },
      { galleryImageId: `${DEFINITION_ID}/versions/1.1.0` },
    ],
    [
      'without a region that is asked for',
      {},
      { targetRegions: [{ name: 'westus2' }, { name: 'northeurope' }] },
    ],
  ])('%s', (_, change, target) => {
    expect(taken([whole(change)], target)).toEqual(['1.1.0'])
  })

  test.each<[string, Partial<SeenVersion>, Partial<GalleryDistributor>]>([
    ['with another key', { tags: { ...TAGS, 'build-key': 'other' } }, {}],
    [
      'of another repository, as when somebody wrote the tag by hand',
      { tags: { ...TAGS, repository: 'contoso/other' } },
      {},
    ],
    ['of no repository', { tags: { 'build-key': KEY } }, {}],
    ['past its end of life', { endOfLifeDate: '2026-01-01T00:00:00Z' }, {}],
    ['excluded from latest', { excludeFromLatest: true }, {}],
    ['not excluded from latest, when that is asked for', {}, { excludeFromLatest: true }],
    [
      'that was rejected',
      { excludeFromLatest: true, tags: { ...TAGS, 'image-status': 'rejected' } },
      { excludeFromLatest: true },
    ],
    [
      'that was rolled back',
      { excludeFromLatest: true, tags: { ...TAGS, 'image-status': 'blessed' } },
      { excludeFromLatest: true },
    ],
    ['of another number', {}, { galleryImageId: `${DEFINITION_ID}/versions/2.0.0` }],
  ])('not: %s', (_, change, target) => {
    expect(taken([whole(change)], target)).toEqual([])
  })

  test('in all regions rather than with a higher number, and then the highest', () => {
    const both = [region('westus2'), region('northeurope')]
    const all = [
      whole({ name: '1.0.0', regions: both }),
      whole({ name: '1.9.0' }),
      whole({ name: '1.10.0' }),
      whole({ name: '0.9.0', regions: both }),
    ]
    const target = { targetRegions: [{ name: 'westus2' }, { name: 'North Europe' }] }
    expect(taken(all, target)).toEqual(['1.0.0', '0.9.0', '1.10.0', '1.9.0'])
  })

  test('of one workflow run alone, where only that counts', () => {
    const other = whole({ tags: { ...TAGS, 'workflow-run-url': `${workflowRun().url}1` } })
    expect(taken([other, whole({ name: '1.0.0' })], {}, { ...SOUGHT, run: workflowRun().url })).toEqual([
      '1.0.0',
    ])
  })
})

describe('a version that is not taken', () => {
  test.each<[string, Partial<SeenVersion>, string | undefined]>([
    [
      'for its end of life',
      { endOfLifeDate: '2026-01-01T00:00:00Z' },
      'its end of life was 2026-01-01T00:00:00Z',
    ],
    ['as it failed', { provisioningState: 'Failed' }, 'its provisioningState is Failed'],
    [
      'as it was rejected',
      { tags: { ...TAGS, 'image-status': 'rejected' } },
      'it was rejected: its tests failed',
    ],
    ['as it is excluded', { excludeFromLatest: true }, 'it is excluded from latest'],
    ['for its key is told of otherwise', { tags: { ...TAGS, 'build-key': 'x' } }, undefined],
    ['but could be', {}, undefined],
  ])('%s', (_, change, expected) => {
    expect(notTaken(whole(change), galleryDistributor(), SOUGHT)).toBe(expected)
  })

  test('is refused when it was asked for by number', () => {
    const named = galleryDistributor({ galleryImageId: `${DEFINITION_ID}/versions/1.1.0` })
    const refuse = (): void => {
      refuseTaken([whole()], named, undefined)
    }
    expect(problemsOf(refuse).join()).toContain('gallery-image-id: version 1.1.0 exists already')
    expect(() => {
      refuseTaken([whole()], named, whole())
      refuseTaken([whole()], galleryDistributor(), undefined)
    }).not.toThrow()
  })
})

test('a managed image is taken when it is complete, ours, of the key and where it is wanted', () => {
  const image = { id: MANAGED_IMAGE_ID, location: 'West US 2', tags: TAGS, provisioningState: 'Succeeded' }
  const stands = (change: object): boolean => imageStands({ ...image, ...change }, 'westus2', SOUGHT)
  expect(stands({})).toBe(true)
  for (const change of [
    { location: 'eastus' },
    { tags: {} },
    { provisioningState: 'Failed' },
    { tags: { ...TAGS, repository: 'x/y' } },
  ])
    expect(stands(change)).toBe(false)
})

test('the last build is the one that began last, of this repository', () => {
  const at = (name: string, started: string, repository = TAGS.repository): SeenVersion =>
    whole({ name, tags: { ...TAGS, repository, 'build-started': started } })
  const all = [
    at('1.0.0', '2026-11-20T10:00:00.000Z'),
    at('0.9.0', '2026-11-21T10:00:00.000Z'),
    at('2.0.0', '2026-11-22T10:00:00.000Z', 'contoso/other'),
    whole({ name: '3.0.0' }),
  ]
  expect(builtLast(all, 'contoso/web-app')?.name).toBe('0.9.0')
  expect(
    madeBy(all, {
      repository: TAGS.repository,
      'build-key': KEY,
      'build-started': '2026-11-20T10:00:00.000Z',
    })?.name,
  ).toBe('1.0.0')
  expect(madeBy(all, { repository: TAGS.repository, 'build-key': KEY })).toBeUndefined()
})

describe('a template', () => {
  const request = (inputs: Record<string, string> = {}): NewBuild => newBuild(inputs)
  /** As attempt 1 of a build left it. */
  function left(inputs: Record<string, string> = {}, change: Partial<SeenTemplate> = {}): SeenTemplate {
    const { location, tags, properties } = imageTemplate(request(inputs), findings(), undefined, {
      version: '1.0.0',
      buildKey: KEY,
      startedAt: NOW,
    })
    return {
      id: resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't_1'),
      name: 't_1',
      location,
      tags: { ...tags, 'run-attempt': '1' },
      distribute: properties.distribute,
      body: {},
      provisioningState: 'Succeeded',
      lastRun: { runState: 'Running' },
      ...change,
    }
  }
  const both = (template: SeenTemplate, one: NewBuild): [boolean, boolean] => [
    leftByEarlierAttempt([template], one, KEY) !== undefined,
    builtMeanwhile([template], one, KEY) !== undefined,
  ]

  test('of an earlier attempt is taken over, also when it is done; of another job it is waited for', () => {
    expect(both(left(), request())).toEqual([true, true])
    expect(both(left({}, { lastRun: { runState: 'Succeeded' } }), request())).toEqual([true, false])
    expect(both(left({}, { lastRun: { runState: 'Failed' } }), request())).toEqual([false, false])
    const { tags } = left()
    expect(both(left({}, { tags: { ...tags, 'run-attempt': '2' } }), request())).toEqual([false, true])
    expect(both(left({}, { tags: { ...tags, 'run-id': '4712' } }), request())).toEqual([false, true])
  })

  test('of several attempts the last one is taken over', () => {
    const { tags } = left()
    const at = (name: string, started: string): SeenTemplate =>
      left({}, { name, tags: { ...tags, 'build-started': started } })
    const all = [
      at('b', '2026-11-21T11:00:00.000Z'),
      at('c', '2026-11-21T12:00:00.000Z'),
      at('a', '2026-11-21T10:00:00.000Z'),
    ]
    expect(leftByEarlierAttempt(all, request(), KEY)?.name).toBe('c')
    const done = at('d', '2026-11-21T13:00:00.000Z')
    const both = [{ ...done, lastRun: { runState: 'Succeeded' } }, ...all]
    expect(leftByEarlierAttempt(both, request(), KEY)?.name).toBe('c')
  })

  const MORE = { distributors: '[{type: VHD, runOutputName: other}]' }
  /** Legs of a matrix whose images differ in no more than that. */
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['another definition', {}, { 'gallery-image-id': `${DEFINITION_ID}-2` }],
    ['another region of the build', { location: 'eastus' }, { location: 'westus2' }],
    ['another region of the image', {}, { 'replication-regions': 'westus2, eastus' }],
    ['other replicas', {}, { 'replication-regions': 'westus2=2' }],
    ['another tag', { 'image-tags': 'ring=1' }, { 'image-tags': 'ring=2' }],
    ['another place in latest', {}, { 'exclude-from-latest': 'true' }],
    ['another name of the run output', {}, { 'run-output-name': 'mine' }],
    ['a further target', {}, MORE],
    ['a name of its own', {}, { 'template-name': 't_2' }],
    ['a managed image', {}, { 'gallery-image-id': '', 'managed-image-id': MANAGED_IMAGE_ID }],
    [
      'another managed image',
      { 'gallery-image-id': '', 'managed-image-id': MANAGED_IMAGE_ID },
      { 'gallery-image-id': '', 'managed-image-id': `${MANAGED_IMAGE_ID}2` },
    ],
  ])('is of another leg for %s', (_, ours, theirs) => {
    expect(both(left(ours), request(theirs))).toEqual([false, false])
    expect(both(left(ours), request(ours))).toEqual([true, true])
  })

  test.each<[string, Partial<SeenTemplate>]>([
    ['another key', { tags: { ...left().tags, 'build-key': 'other' } }],
    ['another repository', { tags: { ...left().tags, repository: 'contoso/other' } }],
  ])('is not ours for %s', (_, change) => {
    expect(both(left({}, change), request())).toEqual([false, false])
  })

  test('is the same however Azure spells it', () => {
    const spelled = left().distribute.map((body) =>
      isGallery({ body } as Distribution) && body.type === 'SharedImage'
        ? {
            ...body,
            galleryImageId: body.galleryImageId.toUpperCase(),
            targetRegions: [{ name: 'West US 2', replicaCount: 1 }],
            excludeFromLatest: false,
          }
        : body,
    )
    expect(both(left({}, { location: 'West US 2', distribute: spelled }), request())).toEqual([true, true])
  })
})
