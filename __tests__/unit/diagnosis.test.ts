import { describe, expect, test } from '@jest/globals'
import { azureRemedy, signInFailure } from '../../src/diagnosis.ts'

const CLAIMS = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:contoso/web-app:ref:refs/heads/main',
  aud: 'api://AzureADTokenExchange',
  jti: 'a-claim-that-is-nobodys-business',
}
const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
const ASSERTION = `${part({ alg: 'RS256', kid: 'key-1' })}.${part(CLAIMS)}.c2lnbmF0dXJl`
const PRESENTED =
  'Presented: issuer https://token.actions.githubusercontent.com, subject repo:contoso/web-app:ref:refs/heads/main, audience api://AzureADTokenExchange'

/** As the identity library words a refusal of Entra. */
const refusal = (text: string): string =>
  `AuthenticationRequiredError: invalid_client: Error(s): 1 - Timestamp: 2026-11-21 10:00:00Z - Description: ${text} Trace ID: 1111 Correlation ID: 2222 Timestamp: 2026-11-21 10:00:00Z - Correlation ID: 2222 - Trace ID: 1111`

describe('signing in', () => {
  test.each([
    [
      'AADSTS700213: No matching federated identity record found for presented assertion subject.',
      'Add one with exactly the subject below',
    ],
    [
      'AADSTS7002138: No matching federated identity record found. The subject matches with case-insensitive comparison.',
      'differs from the one below in upper and lower case',
    ],
    ['AADSTS700211: No matching record for presented assertion issuer.', 'must be the issuer below'],
    [
      'AADSTS700212: No matching record for presented assertion audience.',
      "the input 'audience' sets what is asked",
    ],
    ['AADSTS70021: No matching federated identity record found.', 'No federated credential matches'],
    ['AADSTS700024: Client assertion is not within its valid time range.', 'check the clock'],
    ["AADSTS700016: Application with identifier 'x' was not found.", "check 'client-id' and 'tenant-id'"],
    ["AADSTS90002: Tenant 'x' not found.", "check 'tenant-id' and 'environment'"],
  ])('%s', (text, remedy) => {
    const [title, advice, presented, ...rest] = signInFailure(refusal(text), ASSERTION).split('\n')
    expect(title).toBe(`Entra ID refused the sign-in: ${text}`)
    expect(advice).toContain(remedy)
    expect(presented).toBe(PRESENTED)
    expect(rest).toEqual([])
  })

  test('shows the public claims alone, never the token or a part of it', () => {
    const message = signInFailure(refusal('AADSTS700213: No.'), ASSERTION)
    for (const secret of [...ASSERTION.split('.'), CLAIMS.jti]) expect(message).not.toContain(secret)
  })

  test('is told without claims where GitHub gave no token', () => {
    expect(signInFailure(refusal('AADSTS90002: No tenant.'), '')).toMatch(
      /^Entra ID refused the sign-in: AADSTS90002: No tenant\.\nThe tenant was not found.*'\.$/,
    )
  })

  test.each([
    'Error: Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable',
    'Error: Unable to get ACTIONS_ID_TOKEN_REQUEST_TOKEN env variable',
  ])('without the permission names it: %s', (failure) => {
    const message = signInFailure(failure, '')
    expect(message).toContain('permissions:\n  id-token: write\n  contents: read')
    expect(message).toContain('A reusable workflow needs the same')
    expect(message).toContain('a pull request from a fork')
  })

  test('without client-id on a runner that is not signed in', () => {
    const failure =
      'ChainedTokenCredential authentication failed.\nCredentialUnavailableError: AzureCliCredential'
    const message = signInFailure(failure, '')
    expect(message).toMatch(/^No client-id was given and the runner is not signed in to Azure\./)
    expect(message).toContain(failure)
  })

  test.each([
    ['a code that is not known', refusal('AADSTS50034: The user account does not exist.')],
    ['no code at all', 'Error: getaddrinfo ENOTFOUND login.microsoftonline.com'],
    ['a refusal of the Azure CLI', 'AzureCliCredential: AADSTS50076: multi-factor authentication'],
  ])('%s is told as it came', (_, failure) => {
    expect(signInFailure(failure, ASSERTION)).toBe(`Signing in to Azure failed: ${failure}`)
  })

  test('an ID token that cannot be read does not hide the failure', () => {
    expect(signInFailure(refusal('AADSTS700213: No.'), 'a.b.c')).toContain('AADSTS700213: No.')
  })
})

describe('refusals of Azure', () => {
  const remedies: [string, string, string, string | undefined][] = [
    [
      'the identity may not be assigned',
      'LinkedAuthorizationFailed',
      "perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'",
      'Managed Identity Operator',
    ],
    ['another linked scope', 'LinkedAuthorizationFailed', 'on a subnet', undefined],
    [
      'no right to Image Builder',
      'AuthorizationFailed',
      "perform action 'Microsoft.VirtualMachineImages/imageTemplates/write'",
      'the Image Builder rights on the resource group',
    ],
    [
      'no right to something else',
      'AuthorizationFailed',
      "perform action 'Microsoft.Compute/galleries/read'",
      'a role with this action at this scope',
    ],
    [
      'a provider that is not registered',
      'MissingSubscriptionRegistration',
      'not registered',
      'az provider register --namespace Microsoft.VirtualMachineImages',
    ],
    ['no subscription', 'SubscriptionNotFound', 'not found', "'subscription-id'"],
    ['no data role', 'AuthorizationPermissionMismatch', '', 'Storage Blob Data Contributor'],
    ['keys are forbidden', 'KeyBasedAuthenticationNotPermitted', '', 'Storage Blob Delegator'],
    ['a firewall', 'AuthorizationFailure', '', 'firewall'],
    [
      "the template's identity lacks a right",
      'Unauthorized',
      'Please check the user assigned identity has the correct permissions.',
      'The managed identity of the template lacks a right',
    ],
    ['another Unauthorized', 'Unauthorized', 'bad token', undefined],
    ['a code that holds a known one', 'NotAuthorizationFailed', 'Microsoft.VirtualMachineImages', undefined],
    ['anything else', 'InternalOperationError', 'Internal error occurred.', undefined],
  ]
  test.each(remedies)('%s', (_, code, message, words) => {
    const { remedy } = azureRemedy(code, message)
    if (words === undefined) expect(remedy).toBeUndefined()
    else expect(remedy).toContain(words)
  })
})
