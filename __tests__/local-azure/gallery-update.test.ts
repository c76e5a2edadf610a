/** PATCH of a gallery image version: what it changes, what it refuses, how it replicates. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { putImageVersion } from '../../local-azure/compute.ts'
import { defaultSeed } from '../../local-azure/seed.ts'
import {
  DEFINITION,
  startImageBuilder,
  SUBSCRIPTION,
  WRITER,
  type Answer,
  type Failure,
  type ImageBuilder,
} from './image-builder-client.ts'

const WRITE = 'Microsoft.Compute/galleries/images/versions/write'
const SPEED = 20_000
/** A phase of replication that lasts until it is ended. */
const HELD = 60 * 60_000 * SPEED

let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(SPEED, (seed) => {
    const principalId = defaultSeed().applications[0]?.objectId ?? ''
    const actions = [WRITE, 'Microsoft.Compute/locations/capsOperations/read']
    seed.roleAssignments.push({ principalId, scope: SUBSCRIPTION, actions })
  })
})
afterAll(() => builder.azure.close())

interface Region {
  name: string
  regionalReplicaCount?: number
  storageAccountType?: string
  excludeFromLatest?: boolean
}
interface Version {
  tags: Record<string, string>
  properties: {
    provisioningState: string
    publishingProfile: { targetRegions: Region[]; excludeFromLatest: boolean; endOfLifeDate?: string }
    replicationStatus: {
      aggregatedState: string
      summary: { region: string; state: string; progress: number; details: string }[]
    }
  }
}

const EAST: Region = { name: 'East US', regionalReplicaCount: 1, storageAccountType: 'Standard_LRS' }
const ZONED: Region = { name: 'West US 2', regionalReplicaCount: 2, storageAccountType: 'Standard_ZRS' }
let number = 0
let name = ''
/** A new candidate in two regions for each test. */
beforeEach(() => {
  number += 1
  name = `1.0.${number}`
  delete builder.azure.world.options.replication
  putImageVersion(builder.azure.world, {
    definitionId: DEFINITION,
    version: name,
    targetRegions: [{ name: 'eastus' }, { name: 'westus2', replicas: 2, storageAccountType: 'Standard_ZRS' }],
    excludeFromLatest: true,
    tags: { commit: 'abc', team: 'web' },
    sourceId: `${SUBSCRIPTION}/source`,
  })
})

function url(query = ''): string {
  return `${builder.azure.endpoints.resourceManager}${DEFINITION}/versions/${name}?${query}api-version=2023-07-03`
}
const patch = (body: unknown): Promise<Answer> => builder.send('PATCH', url(), body)
async function read(): Promise<Version> {
  return (await builder.send('GET', url('$expand=ReplicationStatus&'))).body as Version
}
/** An update of the publishing profile. */
const published = (publishingProfile: object, others: object = {}): object => ({
  properties: { storageProfile: {}, publishingProfile, ...others },
})
const failureOf = (answer: Answer): Failure => (answer.body as { error: Failure }).error
const states = ({ properties }: Version): string[] =>
  properties.replicationStatus.summary.map(({ region, state }) => `${region} ${state}`)

describe('an update', () => {
  test('changes what it names, and leaves the rest as it was', async () => {
    const answer = await patch({
      tags: { 'image-status': 'blessed' },
      ...published({ excludeFromLatest: false, endOfLifeDate: '2099-01-01T00:00:00Z' }),
    })
    expect(answer.status).toBe(200)
    expect(answer.headers['azure-asyncoperation']).toContain('/locations/eastus/capsOperations/')
    expect(answer.headers.location).toBeUndefined()
    expect(answer.body).toMatchObject({ properties: { provisioningState: 'Updating' } })
    expect(await builder.ended(answer)).toMatchObject({ status: 'Succeeded' })
    const { tags, properties } = await read()
    expect(tags).toEqual({ 'image-status': 'blessed' })
    expect(properties).toMatchObject({
      provisioningState: 'Succeeded',
      publishingProfile: {
        targetRegions: [EAST, ZONED],
        excludeFromLatest: false,
        endOfLifeDate: '2099-01-01T00:00:00Z',
      },
    })
  })

  test.each([
    ['tags alone', { tags: { a: 'b' } }],
    ['a list without regions', published({ targetRegions: [] })],
    ['no list', published({ targetRegions: null })],
  ])('may have %s', async (_, body) => {
    await builder.ended(await patch(body))
    expect((await read()).properties.publishingProfile.targetRegions).toEqual([EAST, ZONED])
  })

  test('needs the right to write versions', async () => {
    const refused = await builder.send('PATCH', url(), {}, WRITER)
    expect({ status: refused.status, ...failureOf(refused) }).toMatchObject({
      status: 403,
      message: expect.stringContaining(
        `perform action '${WRITE}' over scope '${DEFINITION}/versions/${name}'`,
      ),
    })
  })

  test('of a version that is not there', async () => {
    name = '9.9.9'
    expect((await patch({ tags: {} })).status).toBe(404)
  })
})

describe('is refused:', () => {
  const NAMED = 'galleryImageVersion.properties.publishingProfile'
  const notAllowed = (what: string): string => `Changing property '${NAMED}.${what}' is not allowed.`
  test.each<[string, object, number, string, string]>([
    [
      'a region less',
      published({ targetRegions: [EAST] }),
      400,
      'BadRequest',
      "Complete set of target locations not specified while updating gallery artifact '1.0.",
    ],
    [
      'the version’s own region less, where regions may go',
      published({ targetRegions: [ZONED] }, { safetyProfile: { allowDeletionOfReplicatedLocations: true } }),
      400,
      'InvalidParameter',
      "regions 'westus2' must contain the location of image version 'eastus'",
    ],
    [
      'an unknown region',
      published({ targetRegions: [EAST, ZONED, { name: 'eastus9' }] }),
      400,
      'InvalidParameter',
      "'eastus9'",
    ],
    [
      'a region twice',
      published({ targetRegions: [EAST, ZONED, { name: 'eastus' }] }),
      400,
      'InvalidParameter',
      'Duplicate regions are not allowed in target publishing regions.',
    ],
    [
      'another type of storage',
      published({ targetRegions: [{ ...EAST, storageAccountType: 'Premium_LRS' }, ZONED] }),
      409,
      'PropertyChangeNotAllowed',
      notAllowed('targetRegions.storageAccountType'),
    ],
    [
      'a type of storage left out that is not the usual one',
      published({ targetRegions: [EAST, { name: 'West US 2' }] }),
      400,
      'InvalidParameter',
      "existing TargetRegion: 'West US 2'. Please specify 'Standard_ZRS' as the storage account type",
    ],
    [
      'another replication mode',
      published({ replicationMode: 'Shallow' }),
      409,
      'PropertyChangeNotAllowed',
      notAllowed('replicationMode'),
    ],
    [
      'another source',
      { properties: { storageProfile: { source: { id: '/x' } } } },
      409,
      'PropertyChangeNotAllowed',
      "'galleryImageVersion.properties.storageProfile.source.id'",
    ],
    [
      'an end that has been',
      published({ endOfLifeDate: '2020-01-01' }),
      400,
      'InvalidParameter',
      'EndOfLifeDate must be set to a future date.',
    ],
    [
      'an end that is no date',
      published({ endOfLifeDate: 'soon' }),
      400,
      'InvalidParameter',
      'Could not convert string to DateTimeOffset: soon.',
    ],
    [
      'too many replicas',
      published({ targetRegions: [{ ...EAST, regionalReplicaCount: 101 }, ZONED] }),
      400,
      'InvalidParameter',
      'It must be between 1 and 100',
    ],
    [
      'properties without a storage profile',
      { properties: {} },
      400,
      'InvalidParameter',
      "Required parameter 'galleryImageVersion.properties.storageProfile' is missing (null).",
    ],
    [
      'a misspelt member',
      published({ excludeFromlatest: false }),
      400,
      'BadRequest',
      "Could not find member 'excludeFromlatest' on object of type 'publishingProfile'",
    ],
    [
      'more than 50 tags',
      { tags: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`t${index}`, ''])) },
      400,
      'InvalidTags',
      '51 tags',
    ],
  ])('%s', async (_, body, status, code, words) => {
    const before = JSON.stringify(await read())
    const answer = await patch(body)
    expect({ status: answer.status, ...failureOf(answer) }).toEqual({
      status,
      code,
      message: expect.stringContaining(words),
    })
    expect(JSON.stringify(await read())).toBe(before)
  })

  test('any while another one is under way, or the version is being deleted', async () => {
    builder.azure.world.options.replication = { update: HELD }
    const first = await patch({ tags: {} })
    const second = await patch({ tags: { a: 'b' } })
    expect({ status: second.status, ...failureOf(second) }).toMatchObject({
      status: 409,
      code: 'OperationNotAllowed',
      message: expect.stringContaining("since it is in provisioning state 'Updating'"),
    })
    builder.azure.world.options.replication = {}
    builder.azure.world.hasten()
    await readUntil(
      () => {
        builder.azure.world.hasten()
      },
      ({ properties }) => properties.provisioningState === 'Succeeded',
    )
    await builder.ended(first)
    const version = builder.azure.world.resources.get(`${DEFINITION}/versions/${name}`)
    if (version) version.properties['provisioningState'] = 'Deleting'
    expect(failureOf(await patch({ tags: {} })).message).toContain('since it is marked for deletion')
  })
})

/** Looks until the version is as wanted, and does something before each further look. */
async function readUntil(meanwhile: () => void, wanted: (version: Version) => boolean): Promise<Version> {
  for (;;) {
    const version = await read()
    if (wanted(version)) return version
    meanwhile()
  }
}

describe('a new region', () => {
  const added = published({ targetRegions: [EAST, ZONED, { name: 'northeurope' }] })
  const nothing = (): void => undefined

  test('replicates, half done at half time, and is complete when the operation ends', async () => {
    builder.azure.world.options.replication = { duration: HELD }
    const answer = await patch(added)
    const seen = [await read()]
    builder.azure.world.hasten()
    seen.push(
      await readUntil(nothing, ({ properties }) => properties.replicationStatus.summary[2]?.progress === 50),
    )
    builder.azure.world.hasten()
    expect(await builder.ended(answer)).toMatchObject({ status: 'Succeeded' })
    seen.push(await read())
    const look = ({ properties: { provisioningState, replicationStatus } }: Version): unknown[] => [
      provisioningState,
      replicationStatus.aggregatedState,
      ...replicationStatus.summary.map(({ region, state, progress }) => `${region} ${state} ${progress}`),
    ]
    const done = ['East US Completed 100', 'West US 2 Completed 100']
    expect(seen.map(look)).toEqual([
      ['Updating', 'InProgress', ...done, 'North Europe Replicating 0'],
      ['Updating', 'InProgress', ...done, 'North Europe Replicating 50'],
      ['Succeeded', 'Completed', ...done, 'North Europe Completed 100'],
    ])
    expect(seen[2]?.properties.publishingProfile.targetRegions[2]).toEqual({ ...EAST, name: 'North Europe' })
  })

  test('may replicate on when the operation has ended', async () => {
    builder.azure.world.options.replication = { lag: HELD }
    expect(await builder.ended(await patch(added))).toMatchObject({ status: 'Succeeded' })
    const version = await read()
    expect(version.properties.provisioningState).toBe('Succeeded')
    expect(states(version)).toContain('North Europe Replicating')
    builder.azure.world.hasten()
    await readUntil(nothing, (later) => states(later).includes('North Europe Completed'))
  })

  test('fails alone, in the operation’s words, and is tried again by the next update', async () => {
    builder.azure.world.options.replication = {
      failing: { northeurope: 'Failed with internal server error.' },
    }
    const { status, error } = await builder.ended(await patch(added))
    expect({ status, message: error?.message }).toEqual({
      status: 'Failed',
      message: expect.stringContaining(
        "The failing regions' details are as follows: '{region:northeurope, detail:Failed with internal server error.}'. If retry does not work",
      ),
    })
    const failed = await read()
    expect(failed.properties.provisioningState).toBe('Failed')
    expect(states(failed)).toEqual(['East US Completed', 'West US 2 Completed', 'North Europe Failed'])
    expect(failed.properties.replicationStatus.summary[2]?.details).toBe('Failed with internal server error.')
    builder.azure.world.options.replication = {}
    expect(await builder.ended(await patch(added))).toMatchObject({ status: 'Succeeded' })
    expect(states(await read())).toContain('North Europe Completed')
  })

  test('goes again where the safety profile allows it', async () => {
    const body = published(
      { targetRegions: [EAST] },
      { safetyProfile: { allowDeletionOfReplicatedLocations: true } },
    )
    await builder.ended(await patch(body))
    expect((await read()).properties.publishingProfile.targetRegions).toEqual([EAST])
  })
})
