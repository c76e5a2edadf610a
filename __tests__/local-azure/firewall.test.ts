/** The firewall of storage accounts in the local Azure: who comes in, the runner and Image Builder itself. */
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { RUNNER_IP, type NetworkAcls, type Seed, type StorageAccount } from '../../local-azure/seed.ts'
import { GROUP, startImageBuilder, templateBody, type ImageBuilder } from './image-builder-client.ts'
import { readFile } from 'node:fs/promises'
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'

const SUBNETS = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets`
const CONTAINERS = `${SUBNETS}/containers`
const own: NetworkAcls = { defaultAction: 'Deny', virtualNetworkRules: [{ id: CONTAINERS, action: 'Allow' }] }
const ACCOUNTS: Record<string, Omit<StorageAccount, 'resourceGroup' | 'name' | 'location'>> = {
  stopen: {},
  stallow: { networkAcls: { defaultAction: 'Allow' }, publicNetworkAccess: 'Enabled' },
  stdeny: { networkAcls: { defaultAction: 'Deny', bypass: 'AzureServices' } },
  stother: { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '20.81.1.0/24' }] } },
  strunner: { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: RUNNER_IP, action: 'Allow' }] } },
  stblock: { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '20.81.0.0/16' }] } },
  stsubnet: { networkAcls: own },
  stpublic: { networkAcls: { defaultAction: 'Deny' }, allowBlobPublicAccess: true },
  stprivate: { networkAcls: { defaultAction: 'Allow' }, publicNetworkAccess: 'Disabled' },
}

let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(20_000, withAccounts)
  for (const account of Object.keys(ACCOUNTS))
    await builder.azure.blobs.write(account, 'files', 'a.sh', '#!/bin/sh\n')
})
afterAll(async () => {
  await builder.azure.close()
})

function withAccounts(seed: Seed): void {
  const place = { resourceGroup: 'rg-images', location: 'eastus' }
  for (const [name, settings] of Object.entries(ACCOUNTS))
    seed.storageAccounts.push({ ...place, name, ...settings })
  seed.roleAssignments.push({
    principalId: seed.identities[0]?.principalId ?? '',
    scope: GROUP,
    actions: [],
    dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*'],
  })
}

function url(account: string): string {
  return `${builder.azure.blobs.endpoint(account)}files/a.sh`
}

function signed(account: string): string {
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'files',
      blobName: 'a.sh',
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 3_600_000),
    },
    new StorageSharedKeyCredential(account, builder.azure.blobs.keys(account)[0]),
  )
  return `${url(account)}?${sas.toString()}`
}

async function fetched(target: string, method = 'GET'): Promise<[number | undefined, unknown]> {
  const ca = await readFile(builder.azure.caFile)
  return await new Promise((resolve, reject) => {
    const sent = request(target, { ca, method, agent: false }, (answer) => {
      answer.resume()
      resolve([answer.statusCode, answer.headers['x-ms-error-code']])
    })
    sent.on('error', reject).end()
  })
}

describe('the runner', () => {
  const refused = [403, 'AuthorizationFailure']
  test.each<[string, unknown[]]>([
    ['stopen', [200, undefined]],
    ['stallow', [200, undefined]],
    ['strunner', [200, undefined]],
    ['stblock', [200, undefined]],
    ['stdeny', refused],
    ['stother', refused],
    ['stsubnet', refused],
    ['stpublic', refused],
    ['stprivate', refused],
  ])('at %s', async (account, answer) => {
    expect(await fetched(signed(account))).toEqual(answer)
  })

  test('is refused before anything else is said', async () => {
    expect(await fetched(url('stdeny'))).toEqual(refused)
    expect(await fetched(url('stpublic'))).toEqual(refused)
    expect(await fetched(`${builder.azure.blobs.endpoint('stdeny')}files?restype=container`, 'PUT')).toEqual(
      refused,
    )
  })
})

describe('Image Builder', () => {
  const vnetConfig = { subnetId: `${SUBNETS}/builds`, containerInstanceSubnetId: CONTAINERS }
  const cases: [string, boolean, boolean, 'Succeeded' | 'Failed'][] = [
    ['stopen', false, false, 'Succeeded'],
    ['stdeny', false, false, 'Failed'],
    ['strunner', false, false, 'Failed'],
    ['stprivate', true, false, 'Failed'],
    ['stsubnet', false, false, 'Failed'],
    ['stsubnet', true, false, 'Succeeded'],
    ['stdeny', true, true, 'Failed'],
    ['strunner', false, true, 'Failed'],
    ['stsubnet', true, true, 'Succeeded'],
    ['stopen', false, true, 'Succeeded'],
  ]
  test.each(cases)('fetching from %s, own subnet: %s, SAS: %s', async (account, subnet, sas, status) => {
    const name = `${account}-${String(subnet)}-${String(sas)}`
    const scriptUri = sas ? signed(account) : url(account)
    const operation = await builder.create(
      name,
      templateBody({
        customize: [{ type: 'Shell', scriptUri }],
        ...(subnet && { vmProfile: { vnetConfig } }),
      }),
    )
    expect(operation.status).toBe(status)
    if (status === 'Failed')
      expect(operation.error?.message).toMatch(/^Downloading external file \(.*files\/a\.sh.*\) .* failed: /)
  })

  test('may not put a VHD into a closed account', async () => {
    const uri = `${builder.azure.blobs.endpoint('stdeny')}vhds/x.vhd`
    const { error } = await builder.build('closed-vhd', {
      distribute: [{ type: 'VHD', runOutputName: 'vhd', uri }],
    })
    expect(error?.message).toContain('Not authorized to access the resource')
  })
})

test('the account shows its rules', async () => {
  const shown = async (account: string): Promise<unknown> => {
    const target = `${GROUP}/providers/Microsoft.Storage/storageAccounts/${account}?api-version=2023-01-01`
    return ((await builder.send('GET', target)).body as { properties: unknown }).properties
  }
  const open = { bypass: 'AzureServices', virtualNetworkRules: [], ipRules: [], defaultAction: 'Allow' }
  expect(await shown('stopen')).toMatchObject({ networkAcls: open })
  expect(await shown('stopen')).not.toHaveProperty('publicNetworkAccess')
  expect(await shown('stsubnet')).toMatchObject({ networkAcls: { ...open, ...own } })
  expect(await shown('stprivate')).toMatchObject({ publicNetworkAccess: 'Disabled' })
})
