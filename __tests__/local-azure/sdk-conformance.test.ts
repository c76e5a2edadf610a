/** The typed SDK drives every operation of Image Builder against the local Azure, over HTTPS and with real pollers. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ImageBuilderClient } from '@azure/arm-imagebuilder'
import { startLocalAzure, type LocalAzure } from '../../local-azure/index.ts'
import { CLIENT_ID, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { DEFINITION, IDENTITY, UBUNTU } from './image-builder-client.ts'

const GROUP = 'rg-images'
const quick = { updateIntervalInMs: 1 }
let azure: LocalAzure
let client: ImageBuilderClient

beforeAll(async () => {
  azure = await startLocalAzure({ speed: 20_000 })
  const [application] = azure.world.seed.applications
  const principal = { clientId: CLIENT_ID, objectId: application?.objectId ?? '' }
  const credential = {
    getToken: async () => ({
      token: await azure.entra.issue(principal, 'https://management.azure.com'),
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
  }
  client = new ImageBuilderClient(credential, SUBSCRIPTION_ID, {
    endpoint: azure.endpoints.resourceManager,
    tlsOptions: { ca: await readFile(azure.caFile, 'utf8') },
    retryOptions: { maxRetries: 0 },
  })
})
afterAll(async () => {
  await azure.close()
})

/** The SDK takes models whose `properties` are flattened. */
function template() {
  return {
    location: 'eastus',
    identity: { type: 'UserAssigned' as const, userAssignedIdentities: { [IDENTITY]: {} } },
    source: UBUNTU,
    distribute: [
      { type: 'SharedImage' as const, runOutputName: 'gallery', galleryImageId: DEFINITION },
      { type: 'VHD' as const, runOutputName: 'vhd' },
    ],
  }
}

async function collect<Item>(pages: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of pages) items.push(item)
  return items
}

test('create, get, list, run, read outputs, update, delete', async () => {
  const templates = client.virtualMachineImageTemplates
  const created = await templates.createOrUpdate(GROUP, 'by-sdk', template(), quick)
  expect(created).toMatchObject({ name: 'by-sdk', provisioningState: 'Succeeded' })
  expect(created.exactStagingResourceGroup).toContain('/resourceGroups/IT_rg-images_by-sdk_')

  expect(await templates.get(GROUP, 'by-sdk')).toMatchObject({
    location: 'eastus',
    source: { type: 'PlatformImage', exactVersion: '24.04.202611050' },
    distribute: [{ galleryImageId: DEFINITION }, { runOutputName: 'vhd' }],
  })
  for (const pages of [templates.list(), templates.listByResourceGroup(GROUP)])
    expect((await collect(pages)).map(({ name }) => name)).toEqual(['by-sdk'])

  await templates.run(GROUP, 'by-sdk', quick)
  const { lastRunStatus } = await templates.get(GROUP, 'by-sdk')
  expect(lastRunStatus).toMatchObject({ runState: 'Succeeded', message: '' })
  expect(lastRunStatus?.endTime?.getTime()).toBeGreaterThanOrEqual(lastRunStatus?.startTime?.getTime() ?? NaN)

  const outputs = await collect(templates.listRunOutputs(GROUP, 'by-sdk'))
  expect(outputs.map(({ name }) => name)).toEqual(['gallery', 'vhd'])
  expect((await templates.getRunOutput(GROUP, 'by-sdk', 'gallery')).artifactId).toContain(
    `${DEFINITION}/versions/0.`,
  )
  expect((await templates.getRunOutput(GROUP, 'by-sdk', 'vhd')).artifactUri).toMatch(/\/vhds\/.*\.vhd$/)

  expect((await templates.update(GROUP, 'by-sdk', { tags: { a: 'b' } }, quick)).tags).toEqual({ a: 'b' })
  await templates.update(
    GROUP,
    'by-sdk',
    { properties: { vmProfile: { vmSize: 'Standard_D2ds_v4' } } },
    quick,
  )
  expect((await templates.get(GROUP, 'by-sdk')).vmProfile?.vmSize).toBe('Standard_D2ds_v4')

  await templates.delete(GROUP, 'by-sdk', quick)
  await expect(templates.get(GROUP, 'by-sdk')).rejects.toMatchObject({
    statusCode: 404,
    code: 'ResourceNotFound',
  })
})

test('cancel', async () => {
  const templates = client.virtualMachineImageTemplates
  await templates.createOrUpdate(GROUP, 'to-cancel', template(), quick)
  azure.world.options.speed = 1
  const run = templates.run(GROUP, 'to-cancel', quick)
  await run.submitted()
  azure.world.options.speed = 20_000
  await templates.cancel(GROUP, 'to-cancel', quick)
  await expect(run).rejects.toThrow(/cancel/i)
  expect((await templates.get(GROUP, 'to-cancel')).lastRunStatus?.runState).toBe('Canceled')
})

test('a failed submission rejects with the operation’s error', async () => {
  const body = { ...template(), source: { ...UBUNTU, sku: 'no-such-sku' } }
  await expect(
    client.virtualMachineImageTemplates.createOrUpdate(GROUP, 'to-fail', body, quick),
  ).rejects.toThrow(/Platform Image was not found/)
})
