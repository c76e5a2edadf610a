/** What Compute shows of images that an input may name: states, sizes, plans, ends of life, shared galleries, sizes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { SHARED_GALLERY_NAME, type Seed } from '../../local-azure/seed.ts'
import { GROUP, openArm, SUBSCRIPTION, type Arm } from './arm-client.ts'

const LOCATION = `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus`
const SKU = `${LOCATION}/publishers/Canonical/artifacttypes/vmimage/offers/ubuntu-24_04-lts/skus/server`
const DEFINITIONS = `${GROUP}/providers/Microsoft.Compute/galleries/contoso/images`
const SHARED = `${LOCATION}/sharedGalleries/${SHARED_GALLERY_NAME}`
const COMPUTE = 'api-version=2024-03-01'
const GALLERY = 'api-version=2023-07-03'

let arm: Arm
beforeAll(async () => {
  arm = await openArm({ seed: change })
})
afterAll(async () => {
  await arm.close()
})

function change(seed: Seed): void {
  const plan = { name: 'p', product: 'q', publisher: 'r' }
  const [ubuntu] = seed.marketplace
  Object.assign(ubuntu ?? {}, {
    osDiskSizeGB: 64,
    imageStates: { '24.04.202609250': 'Deprecated', '24.04.202610140': 'ScheduledForDeprecation' },
  })
  const webapp = seed.galleries[0]?.definitions[0]
  Object.assign(webapp ?? {}, {
    purchasePlan: plan,
    endOfLifeDate: '2027-01-01T00:00:00Z',
    versions: [
      { name: '1.0.0', targetRegions: ['East US'], osDiskSizeGB: 40, endOfLifeDate: '2026-12-01T00:00:00Z' },
    ],
  })
  Object.assign(seed.managedImages[0] ?? {}, { osDiskSizeGB: 50 })
}

describe('images show', () => {
  test.each<[string, string, object]>([
    [
      'state and disk of a marketplace version',
      `${SKU}/versions/24.04.202611050?${COMPUTE}`,
      { imageDeprecationStatus: { imageState: 'Active' }, osDiskImage: { sizeInGb: 64 } },
    ],
    [
      'that one is to be deprecated',
      `${SKU}/versions/24.04.202610140?${COMPUTE}`,
      { imageDeprecationStatus: { imageState: 'ScheduledForDeprecation' } },
    ],
    [
      'another architecture',
      `${SKU}-arm64/versions/24.04.202611050?${COMPUTE}`,
      { architecture: 'Arm64', hyperVGeneration: 'V2', osDiskImage: { sizeInGb: 30 } },
    ],
    [
      'the usual disk of Windows',
      `${LOCATION}/publishers/MicrosoftWindowsServer/artifacttypes/vmimage/offers/WindowsServer/skus/2019-Datacenter/versions/17763.8027.261108?${COMPUTE}`,
      { hyperVGeneration: 'V1', osDiskImage: { operatingSystem: 'Windows', sizeInGb: 127 } },
    ],
    [
      'disk and end of life of an image version',
      `${DEFINITIONS}/webapp/versions/1.0.0?${GALLERY}`,
      {
        storageProfile: { osDiskImage: { sizeInGB: 40 } },
        publishingProfile: { endOfLifeDate: '2026-12-01T00:00:00Z' },
      },
    ],
    [
      'plan and end of life of a definition',
      `${DEFINITIONS}/webapp?${GALLERY}`,
      {
        purchasePlan: { name: 'p', product: 'q', publisher: 'r' },
        endOfLifeDate: '2027-01-01T00:00:00Z',
      },
    ],
    ['the first generation', `${DEFINITIONS}/legacy-windows?${GALLERY}`, { hyperVGeneration: 'V1' }],
    [
      'the disk of a managed image',
      `${GROUP}/providers/Microsoft.Compute/images/base-linux?${COMPUTE}`,
      { storageProfile: { osDisk: { diskSizeGB: 50 }, dataDisks: [] } },
    ],
  ])('%s', async (_, target, properties) => {
    const answer = await arm.get(target)
    expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({})])
    expect(answer.body).toMatchObject({ properties })
  })

  test('nothing of a deprecated one', async () => {
    const answer = await arm.get(`${SKU}/versions/24.04.202609250?${COMPUTE}`)
    const message =
      'VM Image from publisher: Canonical with - Offer: ubuntu-24_04-lts, Sku: server, Version: 24.04.202609250 is deprecated.'
    expect([answer.status, answer.body]).toEqual([
      404,
      { error: { code: 'ImageVersionDeprecated', message } },
    ])
  })
})

describe('direct shared galleries', () => {
  const unique = `/SharedGalleries/${SHARED_GALLERY_NAME}`
  test.each<[string, string, object]>([
    ['a gallery', SHARED, { name: SHARED_GALLERY_NAME, identifier: { uniqueId: unique } }],
    [
      'an image',
      `${SHARED}/images/golden-linux`,
      {
        name: 'golden-linux',
        location: 'eastus',
        identifier: { uniqueId: `${unique}/Images/golden-linux` },
        properties: {
          osType: 'Linux',
          osState: 'Generalized',
          hyperVGeneration: 'V2',
          architecture: 'x64',
          features: [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }],
        },
      },
    ],
    [
      'a version',
      `${SHARED}/images/golden-linux/versions/1.1.0`,
      {
        name: '1.1.0',
        identifier: { uniqueId: `${unique}/Images/golden-linux/Versions/1.1.0` },
        properties: { excludeFromLatest: false, storageProfile: { osDiskImage: { diskSizeGB: 30 } } },
      },
    ],
  ])('show %s', async (_, target, body) => {
    expect((await arm.get(`${target}?${GALLERY}`)).body).toMatchObject(body)
  })

  test.each([
    ['galleries', `${LOCATION}/sharedGalleries`, [SHARED_GALLERY_NAME]],
    ['images', `${SHARED}/images`, ['golden-linux']],
    ['versions of a region', `${SHARED}/images/golden-linux/versions`, ['1.0.0', '1.1.0']],
    [
      'versions of another region',
      `${SHARED.replace('eastus', 'westus2')}/images/golden-linux/versions`,
      ['1.1.0'],
    ],
  ])('list %s', async (_, target, names) => {
    const { value } = (await arm.get(`${target}?${GALLERY}`)).body as { value: { name: string }[] }
    expect(value.map(({ name }) => name)).toEqual(names)
  })

  test.each([
    ['gallery', `${LOCATION}/sharedGalleries/none`],
    ['image', `${SHARED}/images/none`],
    ['version', `${SHARED}/images/golden-linux/versions/9.9.9`],
    ['version in this region', `${SHARED.replace('eastus', 'westus2')}/images/golden-linux/versions/1.0.0`],
  ])('without such a %s', async (_, target) => {
    const answer = await arm.get(`${target}?${GALLERY}`)
    expect([answer.status, answer.body]).toEqual([
      404,
      {
        error: {
          code: 'GalleryImageNotFound',
          message: expect.stringMatching(/^The gallery image \/SharedGalleries\/.* is not available in /),
        },
      },
    ])
  })
})

describe('sizes of virtual machines', () => {
  test('are listed for a region', async () => {
    const { value } = (await arm.get(`${LOCATION}/vmSizes?${COMPUTE}`)).body as { value: unknown[] }
    expect(value).toContainEqual({
      name: 'Standard_D4s_v5',
      numberOfCores: 4,
      osDiskSizeInMB: 1_047_552,
      resourceDiskSizeInMB: 51_200,
      memoryInMB: 16_384,
      maxDataDiskCount: 8,
    })
  })

  test('are not for a region that does not exist', async () => {
    const answer = await arm.get(`${LOCATION.replace('eastus', 'marsnorth')}/vmSizes?${COMPUTE}`)
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('NoRegisteredProviderFound')])
  })
})

test.each(['images', 'galleries/images/versions'])('Compute lists the regions of %s', async (type) => {
  const answer = await arm.get(`${SUBSCRIPTION}/providers/Microsoft.Compute?api-version=2021-04-01`)
  const { resourceTypes } = answer.body as { resourceTypes: { resourceType: string; locations: string[] }[] }
  expect(resourceTypes.find(({ resourceType }) => resourceType === type)?.locations).toContain('West US 2')
})
