import { afterEach, describe, expect, test } from '@jest/globals'
import {
  latestVersion,
  marketplaceImage,
  putImageVersion,
  putManagedImage,
} from '../../local-azure/compute.ts'
import { DEPLOYER, GROUP, openArm, SUBSCRIPTION, until, type Arm, type ArmOptions } from './arm-client.ts'

const COMPUTE = 'api-version=2024-03-01'
const GALLERY_API = 'api-version=2023-07-03'
const PUBLISHERS = `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/publishers`
const OFFERS = `${PUBLISHERS}/Canonical/artifacttypes/vmimage/offers`
const SKUS = `${OFFERS}/ubuntu-24_04-lts/skus`
const VERSIONS = `${SKUS}/server/versions`
const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const GALLERY = `${GROUP}/providers/Microsoft.Compute/galleries/contoso`
const BASE = `${GALLERY}/images/base-linux`

let open: Arm[] = []
afterEach(async () => {
  for (const arm of open) await arm.close()
  open = []
})
async function arm(options: ArmOptions = {}): Promise<Arm> {
  const one = await openArm(options)
  open.push(one)
  return one
}
function names(body: unknown): string[] {
  return (body as { name: string }[]).map(({ name }) => name)
}

describe('marketplace', () => {
  test('lists each level as a bare array', async () => {
    const { get } = await arm()
    expect(names((await get(`${PUBLISHERS}?${COMPUTE}`)).body)).toEqual([
      'Canonical',
      'MicrosoftWindowsServer',
      'contoso-labs',
    ])
    expect(names((await get(`${OFFERS}?${COMPUTE}`)).body)).toEqual([
      'ubuntu-24_04-lts',
      '0001-com-ubuntu-server-jammy',
      'UbuntuServer',
    ])
    expect((await get(`${SKUS}?${COMPUTE}`)).body).toEqual([
      {
        name: 'server',
        location: 'eastus',
        id: `${PUBLISHERS}/Canonical/ArtifactTypes/VMImage/Offers/ubuntu-24_04-lts/Skus/server`
          .replace('subscriptions', 'Subscriptions')
          .replace('providers', 'Providers')
          .replace('locations', 'Locations')
          .replace('publishers', 'Publishers'),
      },
      expect.objectContaining({ name: 'server-arm64' }),
    ])
    expect(names((await get(`${VERSIONS}?${COMPUTE}`)).body)).toEqual([
      '24.04.202609250',
      '24.04.202610140',
      '24.04.202611050',
    ])
  })

  test('orders versions by number and takes the first ones', async () => {
    const { get } = await arm({
      seed: (seed) => seed.marketplace[0]?.versions.splice(0, 3, '9.0.0', '10.0.0', '10.0.2', '10.0.10'),
    })
    const top = (count: number) => get(`${VERSIONS}?$orderby=name%20desc&$top=${String(count)}&${COMPUTE}`)
    expect(names((await top(1)).body)).toEqual(['10.0.10'])
    expect(names((await top(3)).body)).toEqual(['10.0.10', '10.0.2', '10.0.0'])
    expect(names((await get(`${VERSIONS}?$top=1&${COMPUTE}`)).body)).toEqual(['9.0.0'])
  })

  test('details a version, names in any case', async () => {
    const { get } = await arm()
    const answer = await get(`${VERSIONS.toLowerCase()}/24.04.202610140?${COMPUTE}`)
    expect(answer.body).toMatchObject({
      name: '24.04.202610140',
      properties: {
        osDiskImage: { operatingSystem: 'Linux' },
        hyperVGeneration: 'V2',
        architecture: 'x64',
        features: expect.arrayContaining([{ name: 'SecurityType', value: 'TrustedLaunchSupported' }]),
        imageDeprecationStatus: { imageState: 'Active' },
      },
    })
    expect(answer.text).not.toContain('"plan"')
  })

  test('shows the plan of an image that has one', async () => {
    const { get } = await arm()
    const path = 'contoso-labs/artifacttypes/vmimage/offers/hardened-linux/skus/hardened-9/versions/9.6.1'
    expect((await get(`${PUBLISHERS}/${path}?${COMPUTE}`)).body).toMatchObject({
      properties: { plan: { name: 'hardened-9', product: 'hardened-linux', publisher: 'contoso-labs' } },
    })
  })

  test.each([
    ['publisher', `${PUBLISHERS}/Nobody/artifacttypes/vmimage/offers`, 'Publisher: Nobody was not found.'],
    ['offer', `${OFFERS}/none/skus`, 'Artifact: VMImage was not found.'],
    ['SKU', `${SKUS}/none/versions`, 'Artifact: VMImage was not found.'],
    ['version', `${VERSIONS}/1.0.0`, 'Artifact: VMImage was not found.'],
  ])('an unknown %s is not found', async (_, target, message) => {
    const { get } = await arm()
    const answer = await get(`${target}?${COMPUTE}`)
    expect([answer.status, answer.body]).toEqual([404, { error: { code: 'NotFound', message } }])
  })

  test('an unknown region is refused; its display name is not', async () => {
    const { get } = await arm()
    const answer = await get(`${PUBLISHERS.replace('eastus', 'marsnorth')}?${COMPUTE}`)
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        error: {
          code: 'NoRegisteredProviderFound',
          message: expect.stringMatching(
            /^No registered resource provider found for location 'marsnorth' and API version '2024-03-01' for type 'locations\/publishers'\. .*The supported locations are 'eastus, /,
          ),
        },
      },
    ])
    expect((await get(`${PUBLISHERS.replace('eastus', 'East%20US')}?${COMPUTE}`)).status).toBe(200)
  })

  test('is found by names in any case', async () => {
    const { world } = await arm()
    expect(marketplaceImage(world, 'canonical', 'UBUNTU-24_04-LTS', 'Server')?.sku).toBe('server')
    expect(marketplaceImage(world, 'canonical', 'ubuntu-24_04-lts', 'none')).toBeUndefined()
  })
})

test.each([
  [['1.9.0', '1.10.0', '1.2.30'], '1.10.0'],
  [['1.0', '1.0.0'], '1.0.0'],
  [['24.04.202609250', '24.04.202611050', '24.04.202610140'], '24.04.202611050'],
  [[], undefined],
])('the latest of %j is %s', (versions, latest) => {
  expect(latestVersion(versions)).toBe(latest)
})

describe('managed images', () => {
  test('show operating system and generation', async () => {
    const { get } = await arm()
    expect((await get(`${IMAGES}/Base-Windows?${COMPUTE}`)).body).toMatchObject({
      id: `${IMAGES}/base-windows`,
      location: 'eastus',
      properties: {
        storageProfile: { osDisk: { osType: 'Windows', osState: 'Generalized' } },
        hyperVGeneration: 'V2',
        provisioningState: 'Succeeded',
      },
    })
  })

  test('are listed with their group in capitals', async () => {
    const { get } = await arm()
    expect((await get(`${IMAGES}?${COMPUTE}`)).body).toMatchObject({
      value: [
        { id: `${IMAGES}/base-linux`.replace('rg-images', 'RG-IMAGES'), name: 'base-linux' },
        { name: 'base-windows' },
      ],
    })
  })

  test('made by a build are there at once, tags and all', async () => {
    const { get, world } = await arm()
    const id = `${IMAGES}/built`
    putManagedImage(world, {
      id,
      location: 'westus2',
      osType: 'Linux',
      hyperVGeneration: 'V1',
      tags: { a: 'b' },
    })
    expect((await get(`${id}?${COMPUTE}`)).body).toMatchObject({ id, location: 'westus2', tags: { a: 'b' } })
  })

  test('are deleted in the background; once gone there is nothing to delete', async () => {
    const { get, send, url } = await arm(deleter('Microsoft.Compute/images/delete'))
    const started = await send('DELETE', `${IMAGES}/base-linux?${COMPUTE}`)
    expect(started.status).toBe(202)
    const target = (name: string) => String(started.headers[name]).slice(url.length)
    await until(() => get(target('location')), 200)
    expect((await get(target('azure-asyncoperation'))).body).toMatchObject({ status: 'Succeeded' })
    expect((await get(`${IMAGES}/base-linux?${COMPUTE}`)).body).toEqual({
      error: {
        code: 'ResourceNotFound',
        message: expect.stringContaining(
          "'Microsoft.Compute/images/base-linux' under resource group 'rg-images'",
        ),
      },
    })
    expect((await send('DELETE', `${IMAGES}/base-linux?${COMPUTE}`)).status).toBe(204)
  })
})

describe('galleries', () => {
  test('show a definition', async () => {
    const { get } = await arm()
    expect((await get(`${BASE}?${GALLERY_API}`)).body).toMatchObject({
      id: BASE,
      location: 'eastus',
      properties: {
        osType: 'Linux',
        osState: 'Generalized',
        hyperVGeneration: 'V2',
        architecture: 'x64',
        features: [{ name: 'SecurityType', value: 'TrustedLaunchSupported' }],
        identifier: { offer: 'base-linux' },
        provisioningState: 'Succeeded',
      },
    })
  })

  test('list versions with what decides whether one is the latest', async () => {
    const { get } = await arm()
    const answer = await get(`${BASE}/versions?${GALLERY_API}`)
    const versions = (answer.body as { value: { name: string; properties: unknown }[] }).value
    expect(versions.map(({ name }) => name)).toEqual(['1.9.0', '1.10.0', '2.0.0', '3.0.0'])
    expect(versions[1]?.properties).toMatchObject({
      provisioningState: 'Succeeded',
      publishingProfile: {
        targetRegions: [
          { name: 'East US', regionalReplicaCount: 1, storageAccountType: 'Standard_LRS' },
          { name: 'West US 2' },
        ],
        excludeFromLatest: false,
        publishedDate: expect.stringMatching(/^\d{4}-.*\+00:00$/),
        replicationMode: 'Full',
      },
    })
    expect(versions[2]?.properties).toMatchObject({ publishingProfile: { excludeFromLatest: true } })
    expect(versions[3]?.properties).toMatchObject({ provisioningState: 'Failed' })
  })

  test('page a long list', async () => {
    const { get, world, url } = await arm()
    const definitionId = `${GALLERY}/images/webapp`
    for (let i = 0; i < 120; i += 1)
      putImageVersion(world, {
        definitionId,
        version: `1.0.${String(i)}`,
        targetRegions: [{ name: 'eastus' }],
      })
    const found: string[] = []
    for (let next = `${url}${definitionId}/versions?${GALLERY_API}`; next !== '';) {
      const body = (await get(next.slice(url.length))).body as { value: unknown; nextLink?: string }
      found.push(...names(body.value))
      next = body.nextLink ?? ''
    }
    expect(new Set(found).size).toBe(120)
    expect(found).toHaveLength(120)
  })

  test('add the replication status on demand', async () => {
    const { get } = await arm()
    const version = (name: string) => get(`${BASE}/versions/${name}?$expand=ReplicationStatus&${GALLERY_API}`)
    expect((await version('1.9.0')).body).toMatchObject({
      properties: {
        replicationStatus: {
          aggregatedState: 'Completed',
          summary: [{ region: 'East US', state: 'Completed', progress: 100 }],
        },
      },
    })
    expect((await version('3.0.0')).body).toMatchObject({
      properties: { replicationStatus: { aggregatedState: 'Failed' } },
    })
    expect((await get(`${BASE}/versions/1.9.0?${GALLERY_API}`)).text).not.toContain('replicationStatus')
  })

  test('take the version that a build made', async () => {
    const { get, world } = await arm()
    const made = putImageVersion(world, {
      definitionId: BASE.toUpperCase(),
      version: '4.0.0',
      targetRegions: [{ name: 'westus2', replicas: 2, storageAccountType: 'Standard_ZRS' }],
      excludeFromLatest: true,
      tags: { commit: 'abc' },
      sourceId: `${IMAGES}/base-linux`,
    })
    expect(made.id).toBe(`${BASE}/versions/4.0.0`)
    expect((await get(`${BASE}/versions/4.0.0?${GALLERY_API}`)).body).toMatchObject({
      tags: { commit: 'abc' },
      location: 'eastus',
      properties: {
        publishingProfile: {
          targetRegions: [{ name: 'West US 2', regionalReplicaCount: 2, storageAccountType: 'Standard_ZRS' }],
          excludeFromLatest: true,
        },
        storageProfile: { source: { id: `${IMAGES}/base-linux` } },
      },
    })
  })

  test.each([
    ['gallery', 'galleries/none'],
    ['definition', 'galleries/contoso/images/none'],
    ['version', 'galleries/contoso/images/base-linux/versions/9.9.9'],
    ['version of nothing', 'galleries/none/images/none/versions/9.9.9'],
  ])('a missing %s is named by its full path', async (_, path) => {
    const { get } = await arm()
    const answer = await get(`${GROUP}/providers/Microsoft.Compute/${path}?${GALLERY_API}`)
    expect([answer.status, answer.body]).toEqual([
      404,
      {
        error: {
          code: 'ResourceNotFound',
          message: `The Resource 'Microsoft.Compute/${path}' under resource group 'rg-images' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
        },
      },
    ])
  })

  test('a list below a missing parent is refused', async () => {
    const { get } = await arm()
    const answer = await get(`${GALLERY}/images/none/versions?${GALLERY_API}`)
    expect([answer.status, answer.body]).toEqual([
      404,
      {
        error: {
          code: 'ParentResourceNotFound',
          message: `Failed to perform 'read' on resource(s) of type 'galleries/images/versions', because the parent resource '${GALLERY}/images/none' could not be found.`,
        },
      },
    ])
  })

  test('let a version go', async () => {
    const { get, send, url, world } = await arm(deleter('Microsoft.Compute/galleries/images/versions/delete'))
    world.imageFileSystems.set(`${BASE}/versions/1.9.0`.toLowerCase(), '/nowhere')
    const started = await send('DELETE', `${BASE}/versions/1.9.0?${GALLERY_API}`)
    expect(started.headers['azure-asyncoperation']).toContain('/locations/eastus/capsOperations/')
    await until(() => get(String(started.headers.location).slice(url.length)), 200)
    expect((await get(`${BASE}/versions/1.9.0?${GALLERY_API}`)).status).toBe(404)
    expect((await get(`${BASE}/versions/1.10.0?${GALLERY_API}`)).status).toBe(200)
    expect(world.imageFileSystems.size).toBe(0)
  })
})

/** The default deployer with one action more. */
function deleter(action: string): ArmOptions {
  return {
    seed: (seed) =>
      seed.roleAssignments.push({ principalId: DEPLOYER.objectId, scope: SUBSCRIPTION, actions: [action] }),
  }
}
