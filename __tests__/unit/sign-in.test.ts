import { describe, expect, test } from '@jest/globals'
import { InputReader } from '../../src/input-reader.ts'
import { readResourceGroup, readSignIn, readSubscription, type SignIn } from '../../src/sign-in.ts'
import { CLIENT, rawInputs, SUBSCRIPTION } from '../support/factories.ts'

type Given = Record<string, string>

/** What `reading` makes of the inputs, and the mistakes that it finds. */
function read<T>(
  reading: (reader: InputReader) => T,
  given: Given,
  env: Given = {},
): { value: T; problems: string[] } {
  const reader = new InputReader(rawInputs(given, { env }))
  const value = reading(reader)
  return { value, problems: reader.problems.map(({ input, message }) => `${input}: ${message}`) }
}

const signIn = (given: Given, env?: Given): { value: SignIn; problems: string[] } =>
  read(readSignIn, given, env)

const OTHER = '99999999-9999-9999-9999-999999999999'
const ENV = {
  AZURE_CLIENT_ID: CLIENT,
  AZURE_TENANT_ID: 'contoso.onmicrosoft.com',
  AZURE_SUBSCRIPTION_ID: SUBSCRIPTION,
}

describe('who signs in', () => {
  test('the environment says it where the inputs do not', () => {
    const { value, problems } = signIn({ 'client-id': '', 'tenant-id': '' }, ENV)
    expect(value).toMatchObject({ clientId: CLIENT, tenantId: 'contoso.onmicrosoft.com' })
    expect(problems).toEqual([])
    expect(read(readSubscription, { 'subscription-id': '' }, ENV)).toEqual({
      value: SUBSCRIPTION,
      problems: [],
    })
  })

  test('inputs win over the environment', () => {
    const { value } = signIn({ 'client-id': OTHER, 'tenant-id': OTHER }, ENV)
    expect([value.clientId, value.tenantId]).toEqual([OTHER, OTHER])
    expect(read(readSubscription, { 'subscription-id': OTHER }, ENV).value).toBe(OTHER)
  })

  test('blank variables are absent: then the ambient credential signs in', () => {
    const blank = { AZURE_CLIENT_ID: ' ', AZURE_TENANT_ID: '' }
    const { value, problems } = signIn({ 'client-id': '', 'tenant-id': '' }, blank)
    expect(value).not.toHaveProperty('clientId')
    expect(value).not.toHaveProperty('tenantId')
    expect(problems).toEqual([])
  })

  test.each<[string, (reader: InputReader) => unknown]>([
    ['client-id', readSignIn],
    ['subscription-id', readSubscription],
  ])('%s is a GUID', (input, reading) => {
    expect(read(reading, { [input]: 'my-own' }).problems).toEqual([
      `${input}: 'my-own' is not a GUID such as 00000000-0000-0000-0000-000000000000.`,
    ])
  })

  test('a client without a tenant is a mistake', () => {
    expect(signIn({ 'tenant-id': '' }).problems).toEqual([
      'tenant-id: is required with client-id; give it, or set AZURE_TENANT_ID.',
    ])
  })

  test('a tenant without a client is none', () => {
    const { value, problems } = signIn({ 'client-id': '' })
    expect(value).not.toHaveProperty('clientId')
    expect([value.tenantId, problems]).toEqual([CLIENT, []])
  })

  test('without a subscription nothing goes', () => {
    expect(read(readSubscription, { 'subscription-id': '' }).problems).toEqual([
      'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.',
    ])
  })

  test.each([
    ['', 'api://AzureADTokenExchange'],
    ['api://AzureADTokenExchangeUSGov', 'api://AzureADTokenExchangeUSGov'],
  ])('audience %j is %s', (audience, expected) => {
    expect(signIn({ audience }).value.audience).toBe(expected)
  })
})

describe('where it signs in', () => {
  test.each([
    ['azurecloud', 'https://management.azure.com', 'https://login.microsoftonline.com'],
    ['azureusgovernment', 'https://management.usgovcloudapi.net', 'https://login.microsoftonline.us'],
    ['AZURECHINACLOUD', 'https://management.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
  ])('environment %s', (environment, resourceManager, authority) => {
    const { value, problems } = signIn({ environment })
    expect(value.cloud).toMatchObject({ resourceManager, authority, knownAuthority: true })
    expect(problems).toEqual([])
  })

  test('an environment that does not exist is a mistake', () => {
    expect(signIn({ environment: 'AzureClowd' }).problems).toEqual([
      "environment: 'AzureClowd' is not one of AzureCloud, AzureUSGovernment, AzureChinaCloud. Did you mean 'AzureCloud'?",
    ])
  })

  test('endpoint and authority may be others', () => {
    const given = { 'resource-manager-endpoint': 'https://management.local.azurestack.external/' }
    const { value, problems } = signIn(given, { AZURE_AUTHORITY_HOST: 'https://login.local/' })
    expect(value.cloud).toMatchObject({
      resourceManager: 'https://management.local.azurestack.external',
      authority: 'https://login.local',
      knownAuthority: false,
    })
    expect(problems).toEqual([])
  })

  test.each<[string, Given, Given]>([
    ['resource-manager-endpoint', { 'resource-manager-endpoint': 'http://localhost' }, {}],
    ['environment variable AZURE_AUTHORITY_HOST', {}, { AZURE_AUTHORITY_HOST: 'http://localhost' }],
  ])('%s must be an https URL', (input, given, env) => {
    expect(signIn(given, env).problems).toEqual([`${input}: 'http://localhost' is not an https:// URL.`])
  })
})

describe('resource group', () => {
  const group = (name: string): { value: string; problems: string[] } =>
    read(readResourceGroup, { 'resource-group': name })

  test.each(['g', '(my)_group-1', 'a.b', '.a', 'gruppe-für-bilder', 'x'.repeat(90)])('%s is fine', (name) => {
    expect(group(name)).toEqual({ value: name, problems: [] })
  })

  test.each(['.', 'a.', 'a b', 'a/b', 'x'.repeat(91)])('%j is not', (name) => {
    expect(group(name).problems).toEqual([
      `resource-group: '${name}' is not a valid name: 1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'.`,
    ])
  })

  test('is required, and blanks are no name', () => {
    expect(group(' \n').problems).toEqual(['resource-group: is required and was not given.'])
  })
})
