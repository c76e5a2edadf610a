import { expect, test } from '@jest/globals'
import { cloud } from '../../src/azure/cloud.ts'

test.each([
  ['AzureCloud', 'https://management.azure.com', 'https://login.microsoftonline.com'],
  ['AzureUSGovernment', 'https://management.usgovcloudapi.net', 'https://login.microsoftonline.us'],
  ['AzureChinaCloud', 'https://management.chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
] as const)('%s', (name, resourceManager, authority) => {
  expect(cloud(name)).toEqual({
    resourceManager,
    authority,
    resourceManagerScope: `${resourceManager}/.default`,
    storageScope: 'https://storage.azure.com/.default',
    knownAuthority: true,
  })
})

test('another endpoint keeps the scope of the cloud', () => {
  expect(cloud('AzureCloud', { resourceManager: 'https://localhost:1234//' })).toMatchObject({
    resourceManager: 'https://localhost:1234',
    resourceManagerScope: 'https://management.azure.com/.default',
    knownAuthority: true,
  })
})

test.each([
  ['a public one with a slash', 'https://login.microsoftonline.com/', true],
  ["another public cloud's", 'https://login.microsoftonline.us', true],
  ['a private one', 'https://login.contoso.example/', false],
])('authority: %s', (_, authority, knownAuthority) => {
  const chosen = cloud('AzureCloud', { authority })
  expect(chosen).toMatchObject({ authority: authority.replace(/\/$/, ''), knownAuthority })
})
