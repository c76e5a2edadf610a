/** Virtual networks in the local Azure: how they are shown, and what Image Builder refuses about subnets. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { VmProfile } from '../../local-azure/image-builder/image-template.ts'
import { NETWORK_ACTIONS, type Seed } from '../../local-azure/seed.ts'
import {
  GROUP,
  IDENTITY,
  READER,
  startImageBuilder,
  templateBody,
  TEMPLATES,
} from './image-builder-client.ts'
import type { Failure, ImageBuilder } from './image-builder-client.ts'

const NETWORKS = `${GROUP}/providers/Microsoft.Network/virtualNetworks`
const SUBNETS = `${NETWORKS}/vnet-builds/subnets`
const API = 'api-version=2024-05-01'
const UNREGISTERED = 'Microsoft.ContainerInstance'
let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(20_000, networked)
})
afterAll(async () => {
  await builder.azure.close()
})

/** The deployer may read networks, the builder all of them, the reader none of them join. */
function networked(seed: Seed): void {
  const [deployer, builderRole] = seed.roleAssignments
  const reader = seed.identities.find(({ name }) => name === 'id-reader')
  seed.virtualNetworks.push({
    resourceGroup: 'rg-images',
    name: 'vnet-far',
    location: 'westus2',
    subnets: [{ name: 'builds', privateLinkServiceNetworkPolicies: 'Disabled' }],
  })
  for (const [principal, actions] of [
    [deployer?.principalId, ['Microsoft.Network/*/read']],
    [builderRole?.principalId, NETWORK_ACTIONS],
    [reader?.principalId, ['Microsoft.Network/virtualNetworks/read']],
  ] as const)
    seed.roleAssignments.push({ principalId: principal ?? '', scope: GROUP, actions: [...actions] })
}

describe('shown', () => {
  test('a network with its subnets', async () => {
    const { status, body } = await builder.send('GET', `${NETWORKS}/vnet-builds?${API}`)
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        id: `${NETWORKS}/vnet-builds`,
        type: 'Microsoft.Network/virtualNetworks',
        location: 'eastus',
        properties: expect.objectContaining({
          provisioningState: 'Succeeded',
          addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
          subnets: ['builds', 'containers', 'untouched'].map((name): unknown =>
            expect.objectContaining({ name, id: `${SUBNETS}/${name}` }),
          ),
        }),
      }),
    ])
  })

  test.each([
    ['builds', 'Disabled', []],
    ['untouched', 'Enabled', []],
    ['containers', 'Enabled', ['Microsoft.ContainerInstance/containerGroups']],
  ])('the subnet %s', async (name, policies, services) => {
    const { body } = await builder.send('GET', `${SUBNETS}/${name.toUpperCase()}?${API}`)
    expect(body).toMatchObject({
      id: `${SUBNETS}/${name}`,
      properties: {
        privateLinkServiceNetworkPolicies: policies,
        delegations: services.map((serviceName) => ({ properties: { serviceName } })),
      },
    })
  })

  test.each([
    [
      'network',
      `${NETWORKS}/gone`,
      'ResourceNotFound',
      /'Microsoft.Network\/virtualNetworks\/gone' under resource group/,
    ],
    [
      'subnet’s network',
      `${NETWORKS}/gone/subnets/builds`,
      'ResourceNotFound',
      /'Microsoft.Network\/virtualNetworks\/gone' under/,
    ],
    ['subnet', `${SUBNETS}/gone`, 'NotFound', /^Resource .*\/vnet-builds\/subnets\/gone not found\.$/],
  ])('a missing %s is not found', async (_, target, code, message) => {
    const { status, body } = await builder.send('GET', `${target}?${API}`)
    expect([status, body]).toEqual([404, { error: { code, message: expect.stringMatching(message) } }])
  })
})

const vnetConfig = (vnet: NonNullable<VmProfile['vnetConfig']>) => ({ vmProfile: { vnetConfig: vnet } })

describe('a submission', () => {
  test.each<[string, string, string, string, RegExp]>([
    [
      'a network that does not exist',
      `${NETWORKS}/gone/subnets/x`,
      IDENTITY,
      'ValidationFailed',
      /Error getting subnet .*StatusCode=404 .*ResourceNotFound/,
    ],
    [
      'a subnet that does not exist',
      `${SUBNETS}/gone`,
      IDENTITY,
      'ValidationFailed',
      /Error getting subnet .*Code="NotFound" Message="Resource .*gone not found\."/,
    ],
    [
      'a network in another region',
      `${NETWORKS}/vnet-far/subnets/builds`,
      IDENTITY,
      'ValidationFailed',
      /vnet-far' is in region 'westus2', the image template in 'eastus'/,
    ],
    [
      'a subnet that the identity may not join',
      `${SUBNETS}/builds`,
      READER,
      'Unauthorized',
      /^Not authorized to access the resource: .*vnet-builds\/subnets\/builds\./,
    ],
  ])('refuses %s', async (title, subnetId, identity, code, message) => {
    const name = title.replaceAll(' ', '-')
    const { error } = await builder.create(name, templateBody(vnetConfig({ subnetId }), identity))
    expect(error).toEqual({ code, message: expect.stringMatching(message) })
  })

  test('refuses a container subnet that the identity may not join, once it is asked for', async () => {
    await builder.create('patched-network', templateBody())
    const patch = { properties: vnetConfig({ subnetId: `${SUBNETS}/gone` }) }
    const { error } = await builder.ended(await builder.send('PATCH', `${TEMPLATES}/patched-network`, patch))
    expect(error?.message).toMatch(/gone not found/)
  })
})

describe('a build', () => {
  test.each<[string, NonNullable<VmProfile['vnetConfig']>, string]>([
    [
      'without a container subnet where private link policies apply',
      { subnetId: `${SUBNETS}/untouched` },
      'PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled',
    ],
    [
      'with a container subnet that is not delegated',
      { subnetId: `${SUBNETS}/builds`, containerInstanceSubnetId: `${SUBNETS}/untouched` },
      'SubnetMissingRequiredDelegation',
    ],
  ])('fails %s', async (title, vnet, code) => {
    const name = title.replaceAll(' ', '-').slice(0, 60)
    const { error } = await builder.build(name, vnetConfig(vnet))
    expect(error).toEqual({ code: 'InternalOperationError', message: expect.stringContaining(code) })
    expect((await builder.get(name)).properties.lastRunStatus?.runState).toBe('Failed')
  })

  test.each<[string, NonNullable<VmProfile['vnetConfig']>]>([
    [
      'both-subnets',
      { subnetId: `${SUBNETS}/untouched`, containerInstanceSubnetId: `${SUBNETS}/containers` },
    ],
    ['one-subnet', { subnetId: `${SUBNETS}/builds`, proxyVmSize: 'Standard_A1_v2' }],
  ])('works with %s', async (name, vnet) => {
    expect((await builder.build(name, vnetConfig(vnet))).status).toBe('Succeeded')
  })
})

describe('without a provider', () => {
  const state = (namespace: string, registrationState: string): void => {
    const id = `${GROUP.replace(/\/resourceGroups.*/, '')}/providers/${namespace}`
    Object.assign(builder.azure.world.resources.get(id)?.properties ?? {}, { registrationState })
  }
  test.each([
    [UNREGISTERED, 'InternalOperationError', /^Azure Container Instances provider not registered/],
    ['Microsoft.Network', 'MissingSubscriptionRegistration', /use namespace 'Microsoft\.Network'/],
    ['Microsoft.Compute', 'MissingSubscriptionRegistration', /use namespace 'Microsoft\.Compute'/],
  ])('%s a build fails', async (namespace, code, message) => {
    await builder.create(`without-${namespace}`, templateBody())
    state(namespace, 'NotRegistered')
    const { error } = await builder.ended(await builder.send('POST', `${TEMPLATES}/without-${namespace}/run`))
    state(namespace, 'Registered')
    expect(error).toEqual({ code, message: expect.stringMatching(message) })
  })

  test('Microsoft.Storage a submission fails', async () => {
    state('Microsoft.Storage', 'NotRegistered')
    const { error } = await builder.create('without-storage', templateBody())
    state('Microsoft.Storage', 'Registered')
    expect(error?.code).toBe('MissingSubscriptionRegistration')
  })

  test('Microsoft.VirtualMachineImages there is no PUT', async () => {
    state('Microsoft.VirtualMachineImages', 'NotRegistered')
    const { status, body } = await builder.send('PUT', `${TEMPLATES}/without-aib`, templateBody())
    state('Microsoft.VirtualMachineImages', 'Registered')
    expect([status, (body as { error: Failure }).error.code]).toEqual([
      409,
      'MissingSubscriptionRegistration',
    ])
  })
})
