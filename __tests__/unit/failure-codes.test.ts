/** Failures as the services word them (documented, recorded or reported), and the identifier that each has. */
import { describe, expect, test } from '@jest/globals'
import {
  AzureError,
  BuildFailedError,
  ArtifactError,
  CancelledError,
  InputError,
  SignInError,
  type AzureFailure,
} from '../../src/errors.ts'
import { FAILURE_CODES, failureCode } from '../../src/failure-codes.ts'

interface Sample {
  name: string
  error: unknown
  log?: string
  code: string
}

const signIn = (code: string, message: string): Sample => ({
  name: message,
  error: new SignInError(message),
  code,
})

function azure(code: string, message: string, failure: Partial<AzureFailure> = {}): Sample {
  const error = new AzureError({
    doing: 'submitting image template t_1',
    status: 400,
    code: 'x',
    message,
    ...failure,
  })
  return { name: `${failure.code ?? failure.status ?? ''} ${message}`.slice(0, 150), error, code }
}

/** The operation of a submission that failed. */
const submission = (code: string, message: string, errorCode = 'InternalOperationError'): Sample =>
  azure(code, message, { status: 200, code: errorCode })

const ended = (message: string, state = 'Failed'): BuildFailedError =>
  new BuildFailedError(`The run of image template t_1 ended with ${state}: ${message}`)

const run = (code: string, message: string, log?: string): Sample => ({
  name: message.slice(0, 150),
  error: ended(message),
  ...(log === undefined ? {} : { log }),
  code,
})

const LOG = '3e9f77e1-0000-4000-8000-0123456789ab'
const PACKER_OLD = `Failed while waiting for packerizer: Microservice has failed: Failed while processing request: Error when executing packerizer: Packer build command has failed: exit status 1. During the image build, a failure has occurred, please review the build log to identify which build/customization step failed. Image Build log location: https://abc.blob.core.windows.net/packerlogs/${LOG}/customization.log. OperationId: x.`
const PACKER_NEW = `During the image build a failure has occurred. Packer build logs are at location /subscriptions/s/resourceGroups/IT_g/providers/Microsoft.Storage/storageAccounts/abc/blobServices/default/containers/packerlogs/${LOG}/customization.log. Please navigate to this location.`

const P = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
const reason = (text: string): string => `${P} OUT Build 'azure-arm' errored: ${text}`
const script = (code: number): string =>
  `Script exited with non-zero exit status: ${code}. Allowed exit codes are: [0]`

/** A run that failed, by what its log says. */
function packer(code: string, name: string, ...log: string[]): Sample[] {
  const text = log.join('\n')
  const windows = log.join('\r\n')
  return [
    { name: `${name}, wording until 2022`, error: ended(PACKER_OLD), log: text, code },
    { name: `${name}, wording since 2023`, error: ended(PACKER_NEW), log: windows, code },
  ]
}

const SAMPLES: Sample[] = [
  {
    name: 'a wrong input',
    error: new InputError([{ input: 'location', message: 'is wrong' }]),
    code: 'invalid-input',
  },
  {
    name: 'a file that changed',
    error: new ArtifactError("'a' changed while it was packed."),
    code: 'artifact-changed',
  },
  { name: 'a cancelled workflow', error: new CancelledError(), code: 'cancelled' },

  signIn(
    'sign-in-subject-mismatch',
    'Entra ID refused the sign-in: AADSTS700213: No matching federated identity record',
  ),
  signIn(
    'sign-in-subject-case',
    'Entra ID refused the sign-in: AADSTS7002138: No matching federated identity record',
  ),
  signIn(
    'sign-in-issuer-mismatch',
    'AADSTS700211: No matching federated identity record found for presented assertion issuer',
  ),
  signIn(
    'sign-in-audience-mismatch',
    'AADSTS700212: No matching record found for presented assertion audience',
  ),
  signIn(
    'sign-in-credential-mismatch',
    'AADSTS70021: No matching federated identity record found for presented assertion.',
  ),
  signIn(
    'sign-in-no-federated-credential',
    'AADSTS70025: The client has no configured federated identity credentials.',
  ),
  signIn('sign-in-token-expired', 'AADSTS700024: Client assertion is not within its valid time range.'),
  signIn('sign-in-application-not-found', "AADSTS700016: Application with identifier 'x' was not found"),
  signIn('sign-in-tenant-not-found', "AADSTS90002: Tenant 'x' not found."),
  signIn(
    'sign-in-tenant-not-found',
    "Entra ID refused the sign-in. The tenant was not found: check 'tenant-id'.",
  ),
  signIn('sign-in-no-id-token', 'GitHub gives this job no ID token. Add this to the job'),
  signIn('sign-in-no-id-token', 'GitHub gave no ID token to sign in with: HTTP 503'),
  signIn('not-signed-in', 'No client-id was given and the runner is not signed in to Azure.'),
  signIn('sign-in-failed', 'AADSTS53003: Access has been blocked by Conditional Access policies.'),

  azure(
    'missing-permission',
    "The client 'c' does not have authorization to perform action 'Microsoft.VirtualMachineImages/imageTemplates/write'",
    { status: 403, code: 'AuthorizationFailed' },
  ),
  azure(
    'identity-not-assignable',
    "does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s)",
    { status: 403, code: 'LinkedAuthorizationFailed' },
  ),
  azure(
    'missing-permission',
    "does not have permission to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s)",
    { status: 403, code: 'LinkedAuthorizationFailed' },
  ),
  azure(
    'missing-blob-role',
    'This request is not authorized to perform this operation using this permission.',
    { status: 403, code: 'AuthorizationPermissionMismatch' },
  ),
  azure('upload-damaged', 'The MD5 value specified in the request did not match.', { code: 'Md5Mismatch' }),
  azure('storage-keys-disabled', 'Key based authentication is not permitted on this storage account.', {
    status: 403,
    code: 'KeyBasedAuthenticationNotPermitted',
  }),
  azure('storage-firewall', 'This request is not authorized to perform this operation.', {
    status: 403,
    code: 'AuthorizationFailure',
  }),
  azure(
    'sas-expired',
    'Signature not valid in the specified time frame: Start [..] - Expiry [..] - Current [..]',
    { status: 403, code: 'AuthenticationFailed' },
  ),
  azure(
    'provider-not-registered',
    "The subscription is not registered to use namespace 'Microsoft.VirtualMachineImages'.",
    { status: 409, code: 'MissingSubscriptionRegistration' },
  ),
  azure(
    'provider-not-registered',
    "The subscription is not registered for the resource type 'imageTemplates'.",
    { status: 409, code: 'Conflict' },
  ),
  azure('subscription-not-found', "The subscription 's' could not be found.", {
    status: 404,
    code: 'SubscriptionNotFound',
  }),
  azure('region-not-available', "The provided location 'x' is not available for resource type", {
    code: 'LocationNotAvailableForResourceType',
  }),
  azure('policy', "Resource 'IT_g' was disallowed by policy. Policy identifiers: ..", {
    status: 403,
    code: 'RequestDisallowedByPolicy',
  }),
  azure('throttled', 'The number of requests for subscription has exceeded the limit', {
    status: 429,
    code: 'TooManyRequests',
  }),
  azure('template-exists', 'Update/Upgrade of image templates is currently not supported', {
    status: 409,
    code: 'Conflict',
  }),
  azure(
    'operation-not-allowed',
    'Operation Microsoft.VirtualMachineImages/imageTemplates/delete is not allowed in provisioning state: provisioned or run state: running.',
    { status: 405, code: 'OperationNotAllowed' },
  ),
  azure('operation-not-allowed', "Operation 'DELETE' is not allowed in provisioningState: 'creating'", {
    status: 409,
    code: 'Conflict',
  }),
  azure('invalid-template', "Validation failed: 'ImageTemplate': Missing field 'identity'. ..", {
    code: 'ValidationFailed',
  }),
  azure('invalid-template', "Property id '' at path '' is invalid. Expect fully qualified resource Id", {
    code: 'LinkedInvalidPropertyId',
  }),
  azure('invalid-template', 'Unmarshalling entity encountered error: .. unknown field "vmboot". ..', {
    code: 'BadRequest',
  }),
  azure(
    'generation-mismatch',
    'Validation failed: Error with Hyper-V Version validation (cross-generation is not supported).',
    { code: 'ValidationFailed' },
  ),
  azure('resource-not-found', "The Resource 'x' under resource group 'g' was not found.", {
    status: 404,
    code: 'ResourceNotFound',
  }),
  azure(
    'service-unavailable',
    "The gateway did not receive a response from 'Microsoft.VirtualMachineImages'",
    { status: 504, code: 'GatewayTimeout' },
  ),
  azure('no-connection', 'getaddrinfo ENOTFOUND management.azure.com', { status: 0, code: 'ENOTFOUND' }),
  azure('quota-exceeded', 'Resource has reached its limit.', { status: 409, code: 'ResourceQuotaExceeded' }),

  submission(
    'identity-lacks-permission',
    'Not authorized to access the resource: /subscriptions/s/x. Please check the user assigned identity has the correct permissions. ..',
    'Unauthorized',
  ),
  submission(
    'identity-lacks-permission',
    `Build (Managed Image) step failed: Error getting Managed Image '/subscriptions/s': Error getting managed image (..): compute.\nImagesClient#Get: Failure responding to request: StatusCode=403 -- Original Error: Code="AuthorizationFailed"`,
  ),
  submission(
    'source-image-not-found',
    'Build (Shared Image Version) step failed for Image Version /subscriptions/s: compute.GalleryImageVersionsClient#Get: Failure responding to request: StatusCode=404 -- Original Error:\nStatus=404 Code="ResourceNotFound"',
  ),
  submission(
    'source-image-not-found',
    'Platform Image was not found. location: eastus, publisherName: p, offer: o, sku: s, version: latest.',
  ),
  submission(
    'purchase-plan-missing',
    'Purchase Plan was not provided for image: location: eastus, publisherName: p',
    'PurchasePlanNotProvided',
  ),
  submission(
    'purchase-plan-missing',
    'Purchase Plan was not provided for image: location: eastus, publisherName: p',
  ),
  submission(
    'image-not-in-region',
    'The gallery image /subscriptions/s/v is not available in eastus region. Please contact image owner',
    'GalleryImageNotFound',
  ),
  submission(
    'download-failed',
    "Downloading external file (app.zip) to local file (x.0.customizer.fp) [attempt 1 of 10] failed: Error downloading 'app.zip'",
  ),
  submission('managed-identity-unusable', 'The assigned managed identity cannot be used. ..'),
  submission(
    'service-lacks-permission',
    "does not have authorization to perform action 'Microsoft.Compute/disks/write' over scope '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/proxyVmDiskx'",
  ),
  submission('provisioning-failed', 'Internal error occurred. This is a generic error.'),
  submission(
    'provisioning-failed',
    "The resource operation completed with terminal provisioning state 'Failed'.",
    'ResourceDeploymentFailure',
  ),
  submission(
    'policy',
    'The template deployment failed because of policy violation.',
    'InvalidTemplateDeployment',
  ),

  run(
    'build-timeout',
    "Failed in building/customizing image: Failed while waiting for packerizer: Timeout waiting for microservice to complete: 'context deadline exceeded'",
  ),
  run(
    'file-customizer-slow',
    "Timeout waiting for microservice to complete: 'context deadline exceeded'",
    `${P} OUT \nbig.zip 826 B / 826000 B  1.00%\n${P} OUT \nbig.zip 1652 B / 826000 B  2.00%\n${P} OUT \n`,
  ),
  run(
    'build-timeout',
    "Timeout waiting for microservice to complete: 'context deadline exceeded'",
    `big.zip 826 B / 826 B  100.00%\n${P} OUT     azure-arm: Do you want to continue? [Y/n]`,
  ),
  run(
    'replication-timeout',
    'Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] Error publishing MDI to shared image gallery. Error: Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded}',
  ),
  run(
    'identity-lacks-permission',
    'Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] StatusCode=403 Code="AuthorizationFailed"}',
  ),
  run(
    'distribution-failed',
    'Failed in distributing 1 images out of total 2: {[Error 0] [Distribute 0] Some error happened, please check}',
  ),
  run(
    'identity-lacks-permission',
    'network.InterfacesClient#UpdateTags: Failure responding to request: StatusCode=404 -- Original Error: Code="ResourceNotFound"',
  ),
  run('provider-not-registered', 'Azure Container Instances provider not registered for your subscription.'),
  run('quota-exceeded', 'Azure Container Instances quota exceeded'),
  run(
    'quota-exceeded',
    'Operation could not be completed as it results in exceeding approved standardDv2Family Cores quota.',
  ),
  run(
    'container-instances-throttled',
    'Too many Azure Container Instances deployed within a period of time.',
  ),
  run('vm-size-not-available', 'Code="SkuNotAvailable" The requested VM size is currently not available'),
  run(
    'architecture-mismatch',
    "Creating an image with sourceVirtualMachine source that has CPU Architecture 'Arm64' is not supported.",
  ),
  run('staging-network-in-use', 'Code="NicInUseWithPrivateEndpoint"'),
  run('packer-build-failed', PACKER_OLD),
  run('packer-build-failed', PACKER_NEW),
  run('validation-failed', PACKER_NEW.replace('customization.log', 'validation.log')),
  { name: 'a run that was cancelled in Azure', error: ended('', 'Canceled'), code: 'cancelled-in-azure' },
  {
    name: 'a template that went',
    error: new BuildFailedError('Image template t_1 was deleted while its run was under way.'),
    code: 'template-deleted',
  },

  ...packer('customizer-failed', 'a script', `${P} OUT     azure-arm: no`, reason(script(1))),
  ...packer(
    'customizer-failed',
    'a script, logged',
    `${P} 2023/09/14 19:01:18 ui error: Build 'azure-arm' errored after 3 minutes 7 seconds: ${script(2)}`,
  ),
  ...packer(
    'azure-resources-timeout',
    'resources',
    reason(
      'Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded',
    ),
  ),
  ...packer(
    'windows-update-exhausted',
    'Windows Update on a small VM',
    `${P} OUT     azure-arm: Waiting for operation to complete (system performance: 1% cpu; 37% memory)...`,
    `${P} ERR 2020/04/30 23:38:58 packer: [INFO] command 'PowerShell' exited with code: 101`,
    reason('unexpected EOF'),
  ),
  ...packer(
    'sysprep-race',
    'Sysprep',
    `${P} OUT ==> azure-arm: Get-Service : Cannot find any service with service name 'WindowsAzureGuestAgent'.`,
    ...Array.from({ length: 11 }, () => `${P} OUT     azure-arm: IMAGE_STATE_UNDEPLOYABLE`),
    `${P} ERR 2020/05/05 22:26:17 Cancelling builder after context cancellation context canceled`,
  ),
  ...packer(
    'connection-lost',
    'a firewall',
    `${P} ERR 2020/03/26 22:11:23 packer-builder-azure-arm plugin: Cancelling hook after context cancellation context canceled`,
    `${P} ERR 2020/03/26 22:11:25 packer-builder-azure-arm plugin: [INFO] RPC endpoint: Communicator ended with: 2300218`,
  ),
  ...packer(
    'connection-lost',
    'a firewall, by its code',
    `${P} ERR [INFO] RPC client: Communicator ended with: 2300218`,
    reason(script(2300218)),
  ),
  ...packer('build-vm-unreachable', 'SSH', reason('Timeout waiting for SSH.')),
  ...packer('windows-restart-timeout', 'a restart', reason('Timeout waiting for machine to restart.')),
  ...packer(
    'build-timeout-too-short',
    'a build timeout of 3',
    reason('client_jwt will expire within 5 minutes'),
  ),
  ...packer(
    'security-type-mismatch',
    'trusted launch',
    reason(
      "The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type.",
    ),
  ),
  ...packer(
    'policy',
    'policy',
    `${P} OUT ==> azure-arm: ERROR: -> InvalidTemplateDeployment : The template deployment failed because of policy violation.`,
  ),
  ...packer(
    'quota-exceeded',
    'quota',
    `${P} OUT ==> azure-arm: ERROR:   -> QuotaExceeded : exceeding quota limit`,
  ),
  ...packer(
    'vm-size-not-available',
    'VM size',
    `${P} OUT ==> azure-arm: ERROR:   -> SkuNotAvailable : The requested VM size`,
  ),
  ...packer(
    'apt-not-ready',
    'apt',
    `${P} OUT ==> azure-arm: E: Could not open file /var/lib/apt/lists/x_InRelease - open`,
    reason(script(100)),
  ),
  ...packer('powershell-broken-off', 'PowerShell', reason(script(16001))),
  ...packer(
    'deprovisioning-script-broken',
    'waagent',
    `${P} OUT     azure-arm: /tmp/DeprovisioningScript.sh: 1: /usr/sbin/waagent: not found`,
    reason(script(127)),
  ),
  ...packer(
    'windows-update-pending-restart',
    'updates before a restart',
    `${P} ERR [INFO] (telemetry) Starting provisioner windows-update`,
    `${P} OUT ==> azure-arm: Exception from HRESULT: 0x80240016`,
    reason(script(1)),
  ),
]

test.each(SAMPLES)('$code: $name', ({ error, log, code }) => {
  expect(failureCode(error, log)).toBe(code)
})

describe('no cause is certain', () => {
  const done = `${P} OUT ==> Builds finished but no artifacts were created.`
  test.each<[string, unknown, string]>([
    ['a defect', new TypeError('x is not a function'), ''],
    ['no error', undefined, ''],
    ['a failed run without a reason', ended('Image Builder gave no reason.'), ''],
    ['an unknown code', azure('', 'Something new.', { code: 'SomethingNew' }).error, ''],
    [
      'harmless lines of a good build',
      ended(''),
      `${done}\n${P} OUT ==> azure-arm: Skipping image creation...`,
    ],
    [
      'a failure that the log of a lost connection does not explain',
      ended(''),
      'Communicator ended with: 2300218',
    ],
  ])('%s', (_, error, log) => {
    expect(failureCode(error, log)).toBe('unknown')
  })

  test.each<[string, string, string]>([
    ['a script that speaks of a quota', `${P} OUT     azure-arm: QuotaExceeded`, 'packer-build-failed'],
    [
      'a script that prints Packer’s last words',
      `${P} OUT     azure-arm: Build 'azure-arm' errored: Timeout waiting for SSH.`,
      'packer-build-failed',
    ],
    [
      'a restart that ends a connection, before a script that fails',
      `${P} ERR [INFO] RPC client: Communicator ended with: 2300218\n${reason(script(3))}`,
      'customizer-failed',
    ],
    [
      'an update’s complaint, before a script that fails',
      `${P} ERR [INFO] (telemetry) Starting provisioner windows-update\n0x80240016\n${P} ERR [INFO] (telemetry) Starting provisioner powershell\n${reason(script(3))}`,
      'customizer-failed',
    ],
    [
      'the deprovisioning script’s own text',
      `${P} OUT Found command: if( TEST-PATH c:\\x ){cat c:\\x} else {echo "Deprovisioning script [c:\\x] could not be found."}\n${reason(script(3))}`,
      'customizer-failed',
    ],
    [
      'a Sysprep that takes its time',
      `${P} OUT     azure-arm: IMAGE_STATE_UNDEPLOYABLE\n`.repeat(20),
      'packer-build-failed',
    ],
  ])('%s', (_, log, expected) => {
    expect(failureCode(ended(PACKER_NEW), log)).toBe(expected)
  })
})

describe('the identifiers', () => {
  test('are all reached by a sample', () => {
    const reached = new Set([
      ...SAMPLES.map(({ error, log }) => failureCode(error, log)),
      failureCode(undefined),
    ])
    expect([...reached].sort()).toEqual([...FAILURE_CODES].sort())
  })

  test('are words with hyphens between, each once', () => {
    expect(FAILURE_CODES.filter((code) => !/^[a-z]+(-[a-z]+)+$|^[a-z]+$/.test(code))).toEqual([])
    expect(new Set(FAILURE_CODES).size).toBe(FAILURE_CODES.length)
  })
})

test('a log of 50 MB is judged in seconds', () => {
  const log = `${`${P} OUT     azure-arm: IMAGE_STATE_UNDEPLOYABLE, ${'x'.repeat(40)}\n`.repeat(400_000)}${reason(script(1))}\n`
  expect(failureCode(ended(PACKER_NEW), log)).toBe('customizer-failed')
}, 20_000)
