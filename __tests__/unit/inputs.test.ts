import { describe, expect, test } from '@jest/globals'
import { InputError } from '../../src/errors.ts'
import { readInputs } from '../../src/inputs.ts'
import {
  ACCOUNT_ID,
  CLIENT,
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  problemsOf,
  rawInputs,
  resourceId,
  SUBSCRIPTION,
  VERSION_ID,
  WORKSPACE,
  workflowRun,
  type RawWorld,
} from '../support/factories.ts'

type Given = Record<string, string>

const read = (given: Given = {}, world?: RawWorld): ReturnType<typeof readInputs> =>
  readInputs(rawInputs(given, world))
const problems = (given: Given, world?: RawWorld): string[] => problemsOf(() => read(given, world))

test('an emptied input takes its default', () => {
  const names = ['audience', 'environment', 'source-image-version', 'provisioner', 'run-elevated', 'cleanup']
  const numbers = ['build-timeout-in-minutes', 'poll-interval-seconds']
  const given = Object.fromEntries([...names, ...numbers].map((name) => [name, '']))
  expect(read(given)).toEqual(read())
})

test('a small valid build takes the defaults of action.yml', () => {
  expect(read()).toEqual({
    signIn: {
      clientId: CLIENT,
      tenantId: CLIENT,
      audience: 'api://AzureADTokenExchange',
      cloud: {
        resourceManager: 'https://management.azure.com',
        authority: 'https://login.microsoftonline.com',
        resourceManagerScope: 'https://management.azure.com/.default',
        storageScope: 'https://storage.azure.com/.default',
        knownAuthority: true,
      },
    },
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'builds',
    location: 'westus2',
    managedIdentity: 'builder',
    storageAccount: 'artifacts',
    sourceImage: {
      kind: 'marketplace',
      publisher: 'Canonical',
      offer: 'ubuntu-24_04-lts',
      sku: 'server',
      version: 'latest',
    },
    provisioner: 'auto',
    buildPath: WORKSPACE,
    inlineScript: [],
    runElevated: false,
    runAsSystem: false,
    windowsUpdate: false,
    distributor: {
      type: 'gallery',
      runOutputName: 'SharedImage_distribute',
      galleryImageId: DEFINITION_ID,
      targetRegions: [{ name: 'westus2' }],
    },
    buildTimeoutInMinutes: 240,
    cleanup: 'on-success',
    pollIntervalSeconds: 10,
    workflowRun: workflowRun(),
  })
})

describe('mistakes', () => {
  test('are all reported at once, each with name, value, what is allowed and the nearest value', () => {
    const given = {
      'client-id': 'my-app',
      'tenant-id': '',
      'subscription-id': '',
      environment: 'AzureClowd',
      'resource-manager-endpoint': 'http://localhost',
      'resource-group': 'ends.in.dot.',
      location: '',
      'managed-identity': 'a b',
      'storage-account': 'Has-Capitals',
      'source-image': 'Canonical:ubuntu',
      'source-plan': 'just-a-name',
      provisioner: 'powershel',
      'run-as-system': 'true',
      'windows-update': 'yes',
      'gallery-image-id': MANAGED_IMAGE_ID,
      'run-output-name': 'no spaces',
      'build-timeout-in-minutes': '5',
      cleanup: 'onsuccess',
      'poll-interval-seconds': '0',
    }
    expect(new Set(problems(given))).toEqual(
      new Set([
        "client-id: 'my-app' is not a GUID such as 00000000-0000-0000-0000-000000000000.",
        'tenant-id: is required with client-id; give it, or set AZURE_TENANT_ID.',
        'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.',
        "environment: 'AzureClowd' is not one of AzureCloud, AzureUSGovernment, AzureChinaCloud. Did you mean 'AzureCloud'?",
        "resource-manager-endpoint: 'http://localhost' is not an https:// URL.",
        "resource-group: 'ends.in.dot.' is not a valid name: 1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'.",
        'location: is required and was not given.',
        "managed-identity: 'a b' is not a valid name: 3 to 128 letters, digits, '-' or '_'.",
        "storage-account: 'Has-Capitals' is not a valid name: 3 to 24 lower-case letters or digits.",
        "source-image: 'Canonical:ubuntu' is not an image; use Publisher:Offer:Sku[:Version], or the resource ID of a managed image, a gallery image version or a gallery image definition.",
        "source-plan: 'just-a-name' is not PlanName:PlanProduct:PlanPublisher.",
        "provisioner: 'powershel' is not one of auto, shell, powershell. Did you mean 'powershell'?",
        "run-as-system: 'true' needs run-elevated: true as well.",
        "windows-update: 'yes' is not one of true, false.",
        `gallery-image-id: '${MANAGED_IMAGE_ID}' is not the resource ID of a Microsoft.Compute/galleries/images or Microsoft.Compute/galleries/images/versions.`,
        "run-output-name: 'no spaces' is not 1 to 64 letters, digits, '-', '_' or '.'.",
        "build-timeout-in-minutes: '5' is not allowed; use 0 (the service default of 240) or 6 to 960; 1 to 5 break the build.",
        "cleanup: 'onsuccess' is not one of on-success, always, never. Did you mean 'on-success'?",
        "poll-interval-seconds: '0' is not allowed; use 1 to 600.",
      ]),
    )
  })

  test('are one failure that says that nothing was created', () => {
    expect(() => read({ cleanup: 'x', 'vm-size': '', location: '' })).toThrow(
      new InputError([
        { input: 'location', message: 'is required and was not given.' },
        { input: 'cleanup', message: "'x' is not one of on-success, always, never." },
      ]),
    )
  })

  test.each(['subscription-id', 'resource-group', 'location', 'managed-identity', 'source-image'])(
    '%s is required, and blanks are no value',
    (input) => {
      const found = problems({ [input]: ' \n ' })
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(new RegExp(`^${input}: is required`))
    },
  )
})

describe('sign-in', () => {
  const env = {
    AZURE_CLIENT_ID: CLIENT,
    AZURE_TENANT_ID: 'contoso.onmicrosoft.com',
    AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
  }

  test('falls back to the environment', () => {
    const { signIn, subscriptionId } = read(
      { 'client-id': '', 'tenant-id': '', 'subscription-id': '' },
      { env },
    )
    expect(signIn).toMatchObject({ clientId: CLIENT, tenantId: 'contoso.onmicrosoft.com' })
    expect(subscriptionId).toBe(SUBSCRIPTION)
  })

  test('inputs win over the environment', () => {
    const other = '99999999-9999-9999-9999-999999999999'
    const { signIn, subscriptionId } = read(
      { 'client-id': other, 'tenant-id': other, 'subscription-id': other },
      { env },
    )
    expect([signIn.clientId, signIn.tenantId, subscriptionId]).toEqual([other, other, other])
  })

  test('blank variables are absent: then the ambient credential signs in', () => {
    const blank = { AZURE_CLIENT_ID: ' ', AZURE_TENANT_ID: '' }
    const { signIn } = read({ 'client-id': '', 'tenant-id': '' }, { env: blank })
    expect(signIn).not.toHaveProperty('clientId')
    expect(signIn).not.toHaveProperty('tenantId')
  })

  test.each(['client-id', 'subscription-id'])('%s is a GUID', (input) => {
    expect(problems({ [input]: 'my-own' })).toEqual([
      `${input}: 'my-own' is not a GUID such as 00000000-0000-0000-0000-000000000000.`,
    ])
  })

  test('a client without a tenant is a mistake', () => {
    expect(problems({ 'tenant-id': '' })).toEqual([
      'tenant-id: is required with client-id; give it, or set AZURE_TENANT_ID.',
    ])
  })

  test('takes another audience', () => {
    expect(read({ audience: 'api://mine' }).signIn.audience).toBe('api://mine')
  })

  test.each([
    ['azureusgovernment', 'https://management.usgovcloudapi.net', 'https://login.microsoftonline.us'],
    ['AZURECHINACLOUD', 'https://management.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
  ])('environment %s', (environment, resourceManager, authority) => {
    expect(read({ environment }).signIn.cloud).toMatchObject({ resourceManager, authority })
  })

  test('endpoint and authority may be others', () => {
    const given = { 'resource-manager-endpoint': 'https://management.local.azurestack.external/' }
    const { cloud } = read(given, { env: { AZURE_AUTHORITY_HOST: 'https://login.local/' } }).signIn
    expect(cloud).toMatchObject({
      resourceManager: 'https://management.local.azurestack.external',
      authority: 'https://login.local',
      knownAuthority: false,
    })
  })

  test('an authority that is no https URL is a mistake', () => {
    expect(problems({}, { env: { AZURE_AUTHORITY_HOST: 'login.local' } })).toEqual([
      "environment variable AZURE_AUTHORITY_HOST: 'login.local' is not an https:// URL.",
    ])
  })
})

describe('where it builds', () => {
  test.each(['westus2', 'West US 2', 'WESTUS2', 'west-us-2', '  West  US 2 '])('location %j', (location) => {
    expect(read({ location }).location).toBe('westus2')
  })

  test.each(['g', '(my)_group-1', 'a.b', 'gruppe-für-bilder', 'x'.repeat(90)])(
    'resource group %s is fine',
    (name) => {
      expect(read({ 'resource-group': name }).resourceGroup).toBe(name)
    },
  )

  test.each(['.', 'a.', 'a b', 'a/b', 'x'.repeat(91)])('resource group %j is not', (name) => {
    expect(problems({ 'resource-group': name })).toHaveLength(1)
  })

  test.each([
    ['managed-identity', IDENTITY_ID],
    ['managed-identity', IDENTITY_ID.toUpperCase()],
    ['storage-account', ACCOUNT_ID],
    ['storage-account', ACCOUNT_ID.toLowerCase()],
  ])('%s takes the ID %s', (input, id) => {
    expect(Object.values(read({ [input]: id }))).toContain(id)
  })

  test('a slash at the end of an ID is left out', () => {
    const given = { 'managed-identity': `${IDENTITY_ID}/`, 'storage-account': `${ACCOUNT_ID}/` }
    expect(read(given)).toMatchObject({ managedIdentity: IDENTITY_ID, storageAccount: ACCOUNT_ID })
  })

  test.each([
    ['managed-identity', ACCOUNT_ID, 'Microsoft.ManagedIdentity/userAssignedIdentities'],
    ['managed-identity', '/subscriptions/x', 'Microsoft.ManagedIdentity/userAssignedIdentities'],
    ['storage-account', IDENTITY_ID, 'Microsoft.Storage/storageAccounts'],
    ['storage-account', '/artifacts', 'Microsoft.Storage/storageAccounts'],
  ])('%s refuses the ID %s', (input, id, type) => {
    expect(problems({ [input]: id })).toEqual([`${input}: '${id}' is not the resource ID of a ${type}.`])
  })

  test.each([
    ['managed-identity', 'ab'],
    ['managed-identity', '_abc'],
    ['managed-identity', 'a'.repeat(129)],
    ['storage-account', 'ab'],
    ['storage-account', 'a'.repeat(25)],
    ['storage-account', 'my-account'],
  ])('%s refuses the name %s', (input, name) => {
    expect(problems({ [input]: name })[0]).toMatch(`${input}: '${name}' is not a valid name`)
  })
})

describe('build path', () => {
  test.each([
    ['the workspace by default', '.', WORKSPACE],
    ['a folder of it', 'dist/app', `${WORKSPACE}/dist/app`],
    ['a folder beside it', '../other', '/home/runner/work/web-app/other'],
    ['an absolute path', '/opt/app/', '/opt/app'],
  ])('%s', (_, given, absolute) => {
    expect(read({ 'build-path': given }).buildPath).toBe(absolute)
  })

  test('that does not exist is a mistake', () => {
    expect(problems({ 'build-path': 'dist' }, { exists: () => false })).toEqual([
      `build-path: 'dist' does not exist; looked for ${WORKSPACE}/dist.`,
    ])
  })

  test('an empty one means no artifact, and no storage account', () => {
    const request = read({ 'build-path': '', 'storage-account': '' }, { exists: () => false })
    expect(request).not.toHaveProperty('buildPath')
    expect(request).not.toHaveProperty('storageAccount')
  })

  test('a storage account that nothing is put into is left out, but must make sense', () => {
    expect(read({ 'build-path': '' })).not.toHaveProperty('storageAccount')
    expect(problems({ 'build-path': '', 'storage-account': 'a b' })).toHaveLength(1)
  })

  test('with an artifact a storage account is required', () => {
    expect(problems({ 'storage-account': '' })).toEqual([
      "storage-account: is required for the build artifact; give it, or set build-path: '' to build without one.",
    ])
  })
})

describe('source image', () => {
  test.each([
    ['a marketplace image', 'P:O:S', 'latest', ['P', 'O', 'S', 'latest']],
    ['with its own version', 'P:O:S:1.2.3', 'latest', ['P', 'O', 'S', '1.2.3']],
    ['with source-image-version', 'P:O:S', '1.2.3', ['P', 'O', 'S', '1.2.3']],
  ])('%s', (_, image, given, [publisher, offer, sku, version]) => {
    expect(read({ 'source-image': image, 'source-image-version': given }).sourceImage).toEqual({
      kind: 'marketplace',
      publisher,
      offer,
      sku,
      version,
    })
  })

  test.each([
    ['managed-image', MANAGED_IMAGE_ID],
    ['gallery-version', VERSION_ID],
    ['gallery-definition', DEFINITION_ID],
  ])('%s', (kind, id) => {
    expect(read({ 'source-image': id }).sourceImage).toEqual({ kind, id })
  })

  test('two versions that differ contradict each other', () => {
    const given = { 'source-image': 'P:O:S:1.2.3', 'source-image-version': '1.2.4' }
    expect(problems(given)).toEqual([
      "source-image-version: '1.2.4' contradicts the version in source-image, '1.2.3'.",
    ])
  })

  test('a version of its own has no meaning for an ID', () => {
    expect(problems({ 'source-image': DEFINITION_ID, 'source-image-version': '1.0.0' })).toEqual([
      `source-image-version: '1.0.0' has no meaning for ${DEFINITION_ID}; put the version into the ID.`,
    ])
  })

  test('latest in any letter case is no version of its own', () => {
    expect(read({ 'source-image': DEFINITION_ID, 'source-image-version': 'Latest' }).sourceImage).toEqual({
      kind: 'gallery-definition',
      id: DEFINITION_ID,
    })
  })

  test('plan', () => {
    expect(read({ 'source-plan': 'name : product:publisher' }).sourcePlan).toEqual({
      planName: 'name',
      planProduct: 'product',
      planPublisher: 'publisher',
    })
  })

  test.each(['a:b', 'a:b:c:d', ':b:c', 'a::c'])('plan %s is a mistake', (plan) => {
    expect(problems({ 'source-plan': plan })).toEqual([
      `source-plan: '${plan}' is not PlanName:PlanProduct:PlanPublisher.`,
    ])
  })
})

describe('customizing', () => {
  test('enumerations and booleans in any letter case', () => {
    const given = {
      provisioner: 'PowerShell',
      'run-elevated': 'True',
      'run-as-system': 'TRUE',
      cleanup: 'Never',
    }
    expect(read(given)).toMatchObject({
      provisioner: 'powershell',
      runElevated: true,
      runAsSystem: true,
      cleanup: 'never',
    })
  })

  test('the script keeps its indentation and inner blank lines, not those around it', () => {
    const script = '\n  \nif true; then\r\n  echo hi\n\nfi  \n\n'
    expect(read({ 'inline-script': script }).inlineScript).toEqual(['if true; then', '  echo hi', '', 'fi  '])
  })

  test('run-as-system needs run-elevated', () => {
    expect(problems({ 'run-as-system': 'true' })).toEqual([
      "run-as-system: 'true' needs run-elevated: true as well.",
    ])
    expect(read({ 'run-elevated': 'true' })).toMatchObject({ runElevated: true, runAsSystem: false })
  })
})

describe('build VM', () => {
  test.each([0, 6, 240, 960])('timeout %i', (minutes) => {
    expect(read({ 'build-timeout-in-minutes': String(minutes) }).buildTimeoutInMinutes).toBe(minutes)
  })

  test.each(['1', '5', '961', '-6', '6.5', '1e2', 'x'])('timeout %s is a mistake', (minutes) => {
    expect(problems({ 'build-timeout-in-minutes': minutes })).toEqual([
      `build-timeout-in-minutes: '${minutes}' is not allowed; use 0 (the service default of 240) or 6 to 960; 1 to 5 break the build.`,
    ])
  })

  test.each([
    ['1', 1],
    ['600', 600],
  ])('poll interval %s', (given, seconds) => {
    expect(read({ 'poll-interval-seconds': given }).pollIntervalSeconds).toBe(seconds)
  })

  test('poll interval above 600 is a mistake', () => {
    expect(problems({ 'poll-interval-seconds': '601' })).toHaveLength(1)
  })

  test('size', () => {
    expect(read({ 'vm-size': 'Standard_D4s_v5' }).vmSize).toBe('Standard_D4s_v5')
    expect(read()).not.toHaveProperty('vmSize')
  })
})

test('an image that belongs to another kind of resource is named with its type', () => {
  const id = resourceId('Microsoft.Compute/virtualMachines', 'vm')
  expect(problems({ 'source-image': id })[0]).toMatch(
    `'${id}' is a Microsoft.Compute/virtualMachines, not an image`,
  )
})
