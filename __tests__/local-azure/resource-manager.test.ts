import { afterEach, describe, expect, test } from '@jest/globals'
import { SUBSCRIPTION_ID, TENANT_ID } from '../../local-azure/seed.ts'
import { DEPLOYER, GROUP, openArm, SUBSCRIPTION, until, type Arm, type ArmOptions } from './arm-client.ts'

const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const STORAGE = 'api-version=2023-01-01'
const RESOURCES = 'api-version=2021-04-01'

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
function error(code: string, message: string | RegExp): unknown {
  const text: unknown = typeof message === 'string' ? message : expect.stringMatching(message)
  return { error: { code, message: text } }
}
/** A seed whose deployer holds these actions alone, at one scope. */
function allowed(actions: string[], scope = SUBSCRIPTION): ArmOptions {
  return {
    seed: (seed) => {
      seed.roleAssignments = [{ principalId: DEPLOYER.objectId, scope, actions }]
    },
  }
}

describe('who asks', () => {
  test('a request without a token is challenged', async () => {
    const { send } = await arm()
    const answer = await send('GET', `${ACCOUNT}?${STORAGE}`, { authorization: '' })
    expect(answer.status).toBe(401)
    expect(answer.body).toEqual(
      error('AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing."),
    )
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer authorization_uri="https://login.windows.net/${TENANT_ID}", error="invalid_token", ` +
        `error_description="The authentication failed because of missing 'Authorization' header."`,
    )
  })

  test.each([
    ['Basic eDp5', 'AuthenticationFailedInvalidHeader', /provided in an invalid format/],
    ['Bearer eyJ.e30.x', 'InvalidAuthenticationToken', /^The access token is invalid\.$/],
  ])('%s is refused', async (authorization, code, message) => {
    const { send } = await arm()
    const answer = await send('GET', `${ACCOUNT}?${STORAGE}`, { authorization })
    expect([answer.status, answer.body]).toEqual([401, error(code, message)])
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer authorization_uri=.*error="invalid_token"/)
  })

  test('a token for another audience is refused', async () => {
    const { send, entra } = await arm()
    const token = await entra.issue(DEPLOYER, 'https://storage.azure.com')
    const answer = await send('GET', `${ACCOUNT}?${STORAGE}`, { authorization: `Bearer ${token}` })
    expect(answer.body).toEqual(error('InvalidAuthenticationTokenAudience', /wrong audience.*storage\.azure/))
  })

  test.each(['https://management.azure.com/', 'https://management.core.windows.net/'])(
    'a token for %s is taken',
    async (audience) => {
      const { send, entra } = await arm()
      const token = await entra.issue(DEPLOYER, audience)
      const answer = await send('GET', `${ACCOUNT}?${STORAGE}`, { authorization: `Bearer ${token}` })
      expect(answer.status).toBe(200)
    },
  )

  test('an expired token is refused', async () => {
    const { get } = await arm({ accessTokenLifetimeSeconds: -1 })
    const answer = await get(`${ACCOUNT}?${STORAGE}`)
    expect([answer.status, answer.body]).toEqual([
      401,
      error('ExpiredAuthenticationToken', /expiry UTC time '.*' is earlier/),
    ])
  })
})

describe('what is asked', () => {
  test.each([
    [
      'no API version',
      ACCOUNT,
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    ],
    [
      'an API version that a regional type does not have',
      `${ACCOUNT}?api-version=1999-01-01`,
      400,
      'NoRegisteredProviderFound',
      /^No registered resource provider found for location 'eastus' and API version '1999-01-01' for type 'storageAccounts'\. The supported api-versions are '2025-06-01, .*'\. The supported locations are 'eastus, eastus2, .*'\.$/,
    ],
    [
      'an API version that a type does not have in a subscription',
      `${SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts?api-version=1999-01-01`,
      404,
      'InvalidResourceType',
      /^The resource type 'storageAccounts' could not be found in the namespace 'Microsoft\.Storage' for api version '1999-01-01'\. The supported api-versions are '2025-06-01,.*'\.$/,
    ],
    [
      'an API version that Resource Manager itself does not have',
      `${GROUP}?api-version=2017-05-10x`,
      400,
      'InvalidApiVersionParameter',
      /^The api-version '2017-05-10x' is invalid\. The supported versions are '2025-04-01,/,
    ],
    [
      'another subscription',
      `/subscriptions/00000000-0000-4000-8000-000000000000/resourceGroups/rg-images?${RESOURCES}`,
      404,
      'SubscriptionNotFound',
      "The subscription '00000000-0000-4000-8000-000000000000' could not be found.",
    ],
    [
      'a subscription that is no GUID',
      `/subscriptions/mine/resourceGroups/rg-images?${RESOURCES}`,
      400,
      'InvalidSubscriptionId',
      "The provided subscription identifier 'mine' is malformed or invalid.",
    ],
    [
      'a type that does not exist',
      `${GROUP}/providers/Microsoft.Compute/imagez/x?api-version=2024-03-01`,
      404,
      'InvalidResourceType',
      "The resource type could not be found in the namespace 'Microsoft.Compute' for api version '2024-03-01'.",
    ],
    [
      'a namespace that does not exist',
      `${GROUP}/providers/Contoso.Nothing/things/x?api-version=2024-03-01`,
      404,
      'InvalidResourceNamespace',
      "The resource namespace 'Contoso.Nothing' is invalid.",
    ],
    [
      'a group that does not exist',
      `${SUBSCRIPTION}/resourceGroups/rg-none/providers/Microsoft.Storage/storageAccounts/x?${STORAGE}`,
      404,
      'ResourceGroupNotFound',
      "Resource group 'rg-none' could not be found.",
    ],
    [
      'a resource that does not exist',
      `${GROUP}/providers/Microsoft.Storage/storageAccounts/stNone?${STORAGE}`,
      404,
      'ResourceNotFound',
      "The Resource 'Microsoft.Storage/storageAccounts/stNone' under resource group 'rg-images' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    ],
  ])('%s', async (_, target, status, code, message) => {
    const { get } = await arm()
    const answer = await get(target)
    expect([answer.status, answer.body]).toEqual([status, error(code, message)])
  })

  test('a call that Azure has and the local Azure has not is no refusal of Azure', async () => {
    const { send } = await arm()
    const answer = await send('PUT', `${ACCOUNT}?${STORAGE}`)
    expect([answer.status, answer.body]).toEqual([501, error('LocalAzureNotModelled', /PUT/)])
  })
})

describe('rights', () => {
  test('a caller without the right is named with action and scope', async () => {
    const { get } = await arm(allowed(['Microsoft.Compute/*']))
    const answer = await get(`${ACCOUNT}?${STORAGE}`)
    expect(answer.status).toBe(403)
    expect(answer.body).toEqual(
      error(
        'AuthorizationFailed',
        `The client '${DEPLOYER.clientId}' with object id '${DEPLOYER.objectId}' does not have authorization to ` +
          `perform action 'Microsoft.Storage/storageAccounts/read' over scope '${ACCOUNT}' or the scope is ` +
          'invalid. If access was recently granted, please refresh your credentials.',
      ),
    )
  })

  test('rights are checked before a group is said to be missing', async () => {
    const { get } = await arm(allowed(['Microsoft.Storage/*'], GROUP))
    const answer = await get(`${ACCOUNT.replace('rg-images', 'rg-none')}?${STORAGE}`)
    expect(answer.body).toEqual(error('AuthorizationFailed', /over scope '.*\/rg-none\//))
  })

  test('a list holds what its caller may read', async () => {
    const target = `${SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts?${STORAGE}`
    const reader = await arm(allowed(['Microsoft.Storage/storageAccounts/read'], GROUP))
    const stranger = await arm(allowed(['Microsoft.Compute/*'], GROUP))
    expect((await reader.get(target)).body).toEqual({
      value: [expect.objectContaining({ name: 'stcontosobuild' })],
    })
    expect((await stranger.get(target)).body).toEqual({ value: [] })
  })

  test('a list is refused to who has no right in the subscription', async () => {
    const { get } = await arm({ seed: (seed) => (seed.roleAssignments = []) })
    const answer = await get(`${SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts?${STORAGE}`)
    expect(answer.body).toEqual(error('AuthorizationFailed', new RegExp(`over scope '${SUBSCRIPTION}'`)))
  })
})

describe('every answer', () => {
  test('carries IDs and what is left of the rate limit', async () => {
    const { get } = await arm()
    const [first, second] = [await get(`${ACCOUNT}?${STORAGE}`), await get(`${ACCOUNT}?${STORAGE}`)]
    expect(first.headers).toMatchObject({
      'cache-control': 'no-cache',
      'x-ms-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'x-ms-correlation-request-id': first.headers['x-ms-request-id'],
      'x-ms-routing-request-id': expect.stringMatching(/^[A-Z]+:\d{8}T\d{6}Z:[0-9a-f-]{36}$/),
      'x-ms-ratelimit-remaining-subscription-reads': expect.stringMatching(/^\d+$/),
    })
    expect(first.headers['x-ms-request-id']).not.toBe(second.headers['x-ms-request-id'])
  })

  test('repeats the correlation ID, a refusal too; the client request ID on demand alone', async () => {
    const { send } = await arm()
    const own = { 'x-ms-correlation-request-id': 'c-1', 'x-ms-client-request-id': 'r-1' }
    const plain = await send('GET', ACCOUNT, own)
    const asked = await send('GET', ACCOUNT, { ...own, 'x-ms-return-client-request-id': 'true' })
    expect(plain.headers['x-ms-correlation-request-id']).toBe('c-1')
    expect(plain.headers['x-ms-client-request-id']).toBeUndefined()
    expect(asked.headers['x-ms-client-request-id']).toBe('r-1')
  })

  test('are on what a fault answers, too, unless it has its own', async () => {
    const { world, get } = await arm()
    const respond = { status: 429, headers: { 'Retry-After': '1', 'x-ms-request-id': 'own' }, body: {} }
    world.addFault({ service: 'resource-manager', match: 'storageAccounts', respond })
    expect((await get(ACCOUNT)).headers).toMatchObject({
      'retry-after': '1',
      'x-ms-request-id': 'own',
      'x-ms-correlation-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })
})

describe('storage accounts', () => {
  test('come back in their stored spelling, however they are asked for', async () => {
    const { get } = await arm()
    const answer = await get(`${ACCOUNT.toUpperCase()}?${STORAGE}`)
    expect(answer.body).toMatchObject({
      id: ACCOUNT,
      name: 'stcontosobuild',
      type: 'Microsoft.Storage/storageAccounts',
      location: 'eastus',
      sku: { name: 'Standard_LRS' },
      kind: 'StorageV2',
      properties: {
        primaryEndpoints: { blob: 'https://127.0.0.1:10000/stcontosobuild/' },
        provisioningState: 'Succeeded',
        allowBlobPublicAccess: false,
        minimumTlsVersion: 'TLS1_2',
      },
    })
    expect(answer.text).not.toContain('allowSharedKeyAccess')
  })

  test('say when shared keys are switched off', async () => {
    const { get } = await arm({
      seed: (seed) => {
        for (const account of seed.storageAccounts) account.allowSharedKeyAccess = false
      },
    })
    expect((await get(`${ACCOUNT}?${STORAGE}`)).body).toMatchObject({
      properties: { allowSharedKeyAccess: false },
    })
  })

  test('hand their keys to who may list them, and the world learns that they are secret', async () => {
    const { send, world } = await arm(allowed(['Microsoft.Storage/storageAccounts/listKeys/action']))
    const answer = await send('POST', `${ACCOUNT}/listKeys?${STORAGE}`)
    expect(answer.body).toMatchObject({
      keys: [
        { keyName: 'key1', value: 'stcontosobuild-key-1', permissions: 'FULL' },
        { keyName: 'key2', value: 'stcontosobuild-key-2' },
      ],
    })
    expect([...world.secrets]).toContain('stcontosobuild-key-1')
  })

  test('keep their keys from readers', async () => {
    const { send } = await arm()
    const answer = await send('POST', `${ACCOUNT}/listKeys?${STORAGE}`)
    expect([answer.status, answer.body]).toEqual([
      403,
      error(
        'AuthorizationFailed',
        new RegExp(`action 'Microsoft.Storage/storageAccounts/listkeys/action' over scope '${ACCOUNT}'`),
      ),
    ])
  })
})

describe('identities', () => {
  test('show principal, client and tenant', async () => {
    const { get, world } = await arm()
    const target = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`
    const [identity] = world.seed.identities
    expect((await get(`${target}?api-version=2023-01-31`)).body).toMatchObject({
      id: target.replace('resourceGroups', 'resourcegroups'),
      properties: {
        principalId: identity?.principalId,
        clientId: identity?.clientId,
        tenantId: TENANT_ID,
      },
    })
  })
})

describe('resource groups', () => {
  test('are read, looked for and listed', async () => {
    const { get, send } = await arm()
    const group = { id: GROUP, name: 'rg-images', location: 'eastus' }
    expect((await get(`${GROUP}?${RESOURCES}`)).body).toMatchObject(group)
    expect((await send('HEAD', `${GROUP}?${RESOURCES}`)).status).toBe(204)
    expect((await send('HEAD', `${SUBSCRIPTION}/resourceGroups/none?${RESOURCES}`)).status).toBe(404)
    expect((await get(`${SUBSCRIPTION}/resourcegroups?${RESOURCES}`)).body).toMatchObject({ value: [group] })
  })

  test('go with all that is in them; the location tells when', async () => {
    const { send, get, world, cleared, url } = await arm(allowed(['*']))
    world.resources.put({
      id: `${SUBSCRIPTION}/resourceGroups/rg-images-2`,
      name: 'rg-images-2',
      type: 'Microsoft.Resources/resourceGroups',
      properties: {},
    })
    const started = await send('DELETE', `${GROUP}?${RESOURCES}`)
    expect(started.status).toBe(202)
    const location = started.headers.location ?? ''
    expect(location.startsWith(url)).toBe(true)
    await until(() => get(location.slice(url.length)), 200)
    expect((await get(`${GROUP}?${RESOURCES}`)).body).toEqual(
      error('ResourceGroupNotFound', "Resource group 'rg-images' could not be found."),
    )
    expect((await get(`${ACCOUNT}?${STORAGE}`)).status).toBe(404)
    expect(cleared).toEqual(['stcontosobuild'])
    expect((await get(`${GROUP}-2?${RESOURCES}`)).status).toBe(200)
  })

  test('take nothing new while they go', async () => {
    const { send, get, url } = await arm({ ...allowed(['*']), speed: 0.001 })
    const started = await send('DELETE', `${GROUP}?${RESOURCES}`)
    expect((await get(String(started.headers.location).slice(url.length))).status).toBe(202)
    expect((await get(`${GROUP}?${RESOURCES}`)).body).toMatchObject({
      properties: { provisioningState: 'Deleting' },
    })
    const answer = await send('POST', `${ACCOUNT}/listKeys?${STORAGE}`)
    expect([answer.status, answer.body]).toEqual([
      409,
      error('ResourceGroupBeingDeleted', /'rg-images' is in deprovisioning state/),
    ])
  })
})

describe('resource providers', () => {
  const images = `${SUBSCRIPTION}/providers/Microsoft.VirtualMachineImages`
  const unregistered: ArmOptions['seed'] = (seed) => {
    for (const provider of seed.resourceProviders) provider.registrationState = 'NotRegistered'
    seed.roleAssignments = [{ principalId: DEPLOYER.objectId, scope: SUBSCRIPTION, actions: ['*'] }]
  }

  test('show registration, regions and API versions', async () => {
    const { get } = await arm()
    expect((await get(`${images}?${RESOURCES}`)).body).toMatchObject({
      id: images,
      namespace: 'Microsoft.VirtualMachineImages',
      registrationState: 'Registered',
      resourceTypes: expect.arrayContaining([
        expect.objectContaining({
          resourceType: 'imageTemplates',
          locations: expect.arrayContaining(['West US 2']),
        }),
      ]),
    })
    expect((await get(`${SUBSCRIPTION}/providers/microsoft.storage?${RESOURCES}`)).body).toMatchObject({
      namespace: 'Microsoft.Storage',
      resourceTypes: [
        { resourceType: 'storageAccounts', apiVersions: expect.arrayContaining(['2023-01-01']) },
      ],
    })
    const list = (await get(`${SUBSCRIPTION}/providers?${RESOURCES}`)).body as { value: unknown[] }
    expect(list.value).toHaveLength(7)
  })

  test('an unknown one is refused', async () => {
    const { get } = await arm()
    const answer = await get(`${SUBSCRIPTION}/providers/Contoso.Nothing?${RESOURCES}`)
    expect([answer.status, answer.body]).toEqual([
      404,
      error('InvalidResourceNamespace', /'Contoso\.Nothing'/),
    ])
  })

  test('an unregistered one reads but does not write', async () => {
    const { get, send } = await arm({ seed: unregistered })
    expect((await get(`${ACCOUNT}?${STORAGE}`)).status).toBe(200)
    const answer = await send('POST', `${ACCOUNT}/listKeys?${STORAGE}`)
    expect([answer.status, answer.body]).toEqual([
      409,
      error(
        'MissingSubscriptionRegistration',
        "The subscription is not registered to use namespace 'Microsoft.Storage'. See https://aka.ms/rps-not-found for how to register subscriptions.",
      ),
    ])
  })

  test('registration takes a while', async () => {
    const { get, send, world } = await arm({ seed: unregistered })
    const answer = await send('POST', `${images}/register?${RESOURCES}`)
    expect(answer.body).toMatchObject({ registrationState: 'Registering' })
    await world.settled()
    expect((await get(`${images}?${RESOURCES}`)).body).toMatchObject({ registrationState: 'Registered' })
  })

  test('registration needs its own right', async () => {
    const { send } = await arm()
    const answer = await send('POST', `${images}/register?${RESOURCES}`)
    expect(answer.body).toEqual(
      error(
        'AuthorizationFailed',
        new RegExp(`action 'Microsoft.VirtualMachineImages/register/action' over scope '${SUBSCRIPTION}'`),
      ),
    )
  })
})

test('the subscription shows itself and its regions', async () => {
  const { get } = await arm(allowed(['*']))
  expect((await get(`${SUBSCRIPTION}?api-version=2022-12-01`)).body).toMatchObject({
    subscriptionId: SUBSCRIPTION_ID,
    tenantId: TENANT_ID,
    state: 'Enabled',
  })
  expect((await get(`${SUBSCRIPTION}/locations?api-version=2022-12-01`)).body).toMatchObject({
    value: expect.arrayContaining([expect.objectContaining({ name: 'westus2', displayName: 'West US 2' })]),
  })
})
