import { describe, expect, test } from '@jest/globals'
import { advice, diagnose, filled, remedyFor, signInFailure } from '../../src/diagnosis.ts'
import { AzureError, SignInError } from '../../src/errors.ts'
import { complains, ended, errored, FAILED_2023, fails, of2020, readingOf } from '../support/failed-builds.ts'

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

const azureError = (code: string, message: string, overrides: object = {}): AzureError =>
  new AzureError({ doing: 'reading it', status: 403, code, message, ...overrides })

/** What a reader is told of a failed sign-in, by the words of the libraries alone. */
const adviceOn = (failure: string, assertion = ASSERTION): string =>
  advice(diagnose(new SignInError(signInFailure(failure, assertion)))).join('\n')

describe('a refused sign-in', () => {
  test.each([
    [
      'AADSTS700213: No matching federated identity record found for presented assertion subject.',
      '"subject":"repo:contoso/web-app:ref:refs/heads/main"',
    ],
    [
      'AADSTS7002138: No matching federated identity record found. The subject matches with case-insensitive comparison.',
      'in other upper and lower case',
    ],
    ['AADSTS700211: No matching record for presented assertion issuer.', `the issuer ${CLAIMS.iss}`],
    ['AADSTS700212: No matching record for presented assertion audience.', `the audience ${CLAIMS.aud}`],
    ['AADSTS70021: No matching federated identity record found.', 'Compare the three'],
    ['AADSTS70025: The client has no configured federated identity credentials.', 'trusts no workflow yet'],
    ['AADSTS700024: Client assertion is not within its valid time range.', 'the clock of the runner'],
    ["AADSTS700016: Application with identifier 'app-1' was not found.", 'az ad sp create --id app-1'],
    ["AADSTS7000112: Application 'app-1'(web) is disabled.", 'az ad sp update --id app-1'],
    ['AADSTS53003: Access has been blocked by Conditional Access policies.', 'Conditional Access policy'],
    [
      'AADSTS500011: The resource principal named https://management.azure.com/ was not found in the tenant named x.',
      'no service principal for https://management.azure.com/:',
    ],
    ["AADSTS90002: Tenant 'x' not found.", "Check 'tenant-id' and 'environment'"],
  ])('is told in the words of Entra, and explained by the catalogue: %s', (text, words) => {
    const told = signInFailure(refusal(text), ASSERTION)
    expect(told).toBe(`Entra ID refused the sign-in: ${text}\n${PRESENTED}`)
    expect(adviceOn(refusal(text))).toContain(words)
  })

  test('shows the public claims alone, never the token or a part of it', () => {
    const failure = refusal('AADSTS700213: No.')
    const told = `${signInFailure(failure, ASSERTION)}\n${adviceOn(failure)}`
    for (const secret of [...ASSERTION.split('.'), CLAIMS.jti]) expect(told).not.toContain(secret)
  })

  test('is told without claims where GitHub gave no token', () => {
    expect(signInFailure(refusal('AADSTS90002: No tenant.'), '')).toBe(
      'Entra ID refused the sign-in: AADSTS90002: No tenant.',
    )
  })

  test.each([
    'Error: Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable',
    'Error: Unable to get ACTIONS_ID_TOKEN_REQUEST_TOKEN env variable',
  ])('for lack of the permission names it: %s', (failure) => {
    expect(signInFailure(failure, '')).toBe('GitHub gives this job no ID token.')
    const told = adviceOn(failure, '')
    expect(told).toContain('\n  permissions:\n    id-token: write\n    contents: read\n')
    expect(told).toContain('a reusable workflow needs the same')
    expect(told).toContain('a pull request from a fork')
  })

  test.each([
    [
      'Error: Failed to get ID Token. \n \n        Error Code : 503\n \n        Error Message: Service Unavailable',
      'HTTP 503: Service Unavailable',
    ],
    [
      'Error: Error message: Response json body do not have ID Token field',
      'its answer has no ID Token field.',
    ],
  ])('by GitHub is told in its words', (failure, words) => {
    expect(signInFailure(failure, '')).toBe(`GitHub gave no ID token to sign in with: ${words}`)
    expect(adviceOn(failure, '')).toContain('(failure-code: sign-in-no-id-token)')
  })

  test('for a tenant that the libraries do not find', () => {
    const failure = 'ClientAuthError: endpoints_resolution_error: Endpoints cannot be resolved'
    expect(signInFailure(failure, '')).toBe('Entra ID refused the sign-in. The tenant was not found.')
    expect(adviceOn(failure, '')).toContain('(failure-code: sign-in-tenant-not-found)')
  })

  test('without client-id on a runner that is not signed in', () => {
    const failure =
      'ChainedTokenCredential authentication failed.\nCredentialUnavailableError: AzureCliCredential'
    expect(signInFailure(failure, '')).toBe(
      `No client-id was given and the runner is not signed in to Azure.\n${failure}`,
    )
    expect(adviceOn(failure, '')).toContain("Give 'client-id', 'tenant-id' and 'subscription-id'")
  })

  test.each([
    ['a code that is not known', refusal('AADSTS50034: The user account does not exist.')],
    ['no code at all', 'Error: getaddrinfo ENOTFOUND login.microsoftonline.com'],
    ['a refusal of the Azure CLI', 'AzureCliCredential: AADSTS50076: multi-factor authentication'],
  ])('%s is told as it came', (_, failure) => {
    expect(signInFailure(failure, ASSERTION)).toBe(`Signing in to Azure failed: ${failure}`)
    expect(adviceOn(failure)).toContain('(failure-code: sign-in-failed)')
  })

  test('an ID token that cannot be read does not hide the failure', () => {
    expect(signInFailure(refusal('AADSTS700213: No.'), 'a.b.c')).toContain('AADSTS700213: No.')
  })
})

describe('facts', () => {
  const RIGHT =
    "The client 'c' with object id 'o-1' does not have authorization to perform action 'Microsoft.Compute/galleries/read' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid."
  const of = (error: unknown, log?: string[]): Record<string, string> =>
    diagnose(error, log && readingOf(log)).facts
  const azure = (code: string, message: string, overrides?: object): Record<string, string> =>
    of(azureError(code, message, overrides))
  const packer = (...log: Parameters<typeof of2020>[0]): Record<string, string> =>
    of(ended(FAILED_2023), of2020(log))

  test.each<[string, Record<string, string>, Record<string, string>]>([
    [
      'of a right',
      azure('AuthorizationFailed', RIGHT),
      {
        principal: 'o-1',
        action: 'Microsoft.Compute/galleries/read',
        scope: '/subscriptions/s/resourceGroups/g',
      },
    ],
    [
      'of an identity that may not be assigned',
      azure(
        'LinkedAuthorizationFailed',
        "The client with object id 'o-1' has permission, however, it does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '/i' or the linked scope(s) are invalid.",
      ),
      { principal: 'o-1', scope: '/i' },
    ],
    [
      'of a provider',
      azure(
        'MissingSubscriptionRegistration',
        "The subscription is not registered to use namespace 'Microsoft.KeyVault'.",
      ),
      { namespace: 'Microsoft.KeyVault' },
    ],
    [
      'of container instances',
      of(ended('Azure Container Instances provider not registered for your subscription.')),
      { namespace: 'Microsoft.ContainerInstance' },
    ],
    [
      'of a policy',
      azure('RequestDisallowedByPolicy', "Resource 'IT_g' was disallowed by policy."),
      { resource: 'IT_g' },
    ],
    [
      'of a quota',
      of(ended('results in exceeding approved standardDv2Family Cores quota.')),
      { quota: 'standardDv2Family Cores' },
    ],
    [
      'of a pause',
      azure('TooManyRequests', "Try again after '17' seconds.", { status: 429 }),
      { seconds: '17' },
    ],
    [
      'of a source image',
      of(
        ended(
          'Platform Image was not found. location: eastus, publisherName: Canonical, offer: o, sku: s, version: latest.',
        ),
      ),
      { location: 'eastus', publisher: 'Canonical' },
    ],
    [
      'of an image without a replica',
      of(ended('The gallery image /subscriptions/s/v is not available in eastus region.')),
      { image: '/subscriptions/s/v', region: 'eastus' },
    ],
    [
      'of a VM size in the log',
      packer(
        ...complains(
          'ERROR:   -> SkuNotAvailable : Following SKUs have failed for Capacity Restrictions: Standard_D1_v2',
        ),
      ),
      { size: 'Standard_D1_v2' },
    ],
    [
      'of a VM size as the last word',
      packer(errored("The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'.")),
      { size: 'Standard_D1_v2' },
    ],
    [
      'of a disk',
      packer(
        errored(
          'The specified disk size 20 GB is smaller than the size of the corresponding disk in the VM image: 30 GB.',
        ),
      ),
      { wanted: '20', own: '30' },
    ],
    ['of a file', packer(...fails('file', 'scp: /etc/a: Permission denied')), { destination: '/etc/a' }],
    ['of an exit code', packer(...fails('shell', 3)), { code: '3' }],
    [
      'of a package',
      packer(...fails('shell', 100, ...complains('E: Unable to locate package g++-9'))),
      { package: 'g++-9' },
    ],
    [
      'of a command',
      packer(...fails('shell', 127, ...complains('/tmp/s.sh: 12: npm: not found'))),
      { command: 'npm' },
    ],
    [
      'of a host',
      packer(...fails('shell', 6, ...complains('curl: (6) Could not resolve host: a.b'))),
      { host: 'a.b' },
    ],
    [
      'of a lock',
      packer(
        ...fails(
          'shell',
          100,
          ...complains('E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by 9'),
        ),
      ),
      { lock: '/var/lib/dpkg/lock-frontend' },
    ],
  ])('%s', (_, facts, expected) => {
    expect(facts).toEqual(expected)
  })

  test.each([
    [
      'of a blob that may not be read',
      'Not authorized to access the resource: https://a.blob.core.windows.net/c/app.tar.gz?sv=2024&sig=abc%3D. Please check the user assigned identity has the correct permissions.',
      'resource',
    ],
    [
      'of a file that was not fetched',
      'Downloading external file (https://a.blob.core.windows.net/c/app.tar.gz?sv=2024&sig=abc%3D) to local file (x) [attempt 1 of 10] failed: no',
      'file',
    ],
  ])('%s hold no signature', (_, message, name) => {
    const { facts } = diagnose(azureError('x', message, { status: 200 }))
    expect(facts[name]).toBe('https://a.blob.core.windows.net/c/app.tar.gz')
  })

  test('are of one line', () => {
    const message = RIGHT.replace('resourceGroups/g', 'resourceGroups/\n  g')
    expect(azure('AuthorizationFailed', message)['scope']).toBe('/subscriptions/s/resourceGroups/ g')
  })

  test('take their places in a text; one that is missing is named', () => {
    const facts = { image: '/i', size: 'Standard_D1_v2' }
    expect(filled('{image} on {size} in {region}: {"a":"{size}"} { size }', facts)).toBe(
      '/i on Standard_D1_v2 in <region>: {"a":"Standard_D1_v2"} { size }',
    )
    expect(filled('{toString} {constructor}', {})).toBe('<toString> <constructor>')
    expect(filled('{image}', { image: '$& {size}' })).toBe('$& {size}')
  })
})

describe('advice', () => {
  const forbidden = azureError('AuthorizationFailed', "perform action 'a/read' over scope '/s'")

  test('is cause, remedy and link', () => {
    expect(advice(diagnose(forbidden))).toEqual([
      'Cause: The identity that the workflow signs in as has no role with the action a/read at /s.',
      expect.stringMatching(
        /^What to do: Give it a role .*\n {2}az role assignment create .* --scope '\/s'$/,
      ),
      'See: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting (failure-code: missing-permission)',
    ])
  })

  test('is none where no cause is certain', () => {
    expect(advice(diagnose(new Error('x')))).toEqual([])
    expect(remedyFor(azureError('Odd', 'x'))).toBeUndefined()
  })

  test.each([
    ['that the catalogue knows', 'AuthorizationFailure', 3],
    ['that is unknown', 'Odd', 1],
  ])('prefers the remedy of the error itself, of one %s', (_, code, lines) => {
    const error = azureError(code, 'No.', { remedy: 'Close it.' })
    const told = advice(diagnose(error))
    expect(told).toHaveLength(lines)
    expect(told).toContain('What to do: Close it.')
    expect(remedyFor(error)).toBe('Close it.')
  })

  test('on what Azure refused is told beside a build, too', () => {
    expect(remedyFor(azureError('AuthorizationPermissionMismatch', 'No.'))).toContain(
      "the role 'Storage Blob Data Contributor'",
    )
    expect(remedyFor(forbidden)).toContain("--scope '/s'")
  })
})
