/** Failures as the services word them (documented, recorded or reported), and the entry of the catalogue that each is. */
import { ArtifactError, BuildFailedError, CancelledError, InputError } from '../../src/errors.ts'
import {
  type Sample,
  signIn,
  azure,
  submission,
  ended,
  run,
  FAILED_2020,
  FAILED_2023,
  OUT_OF_TIME,
  note,
  P,
  of2020,
  of2023,
  says,
  complains,
  errored,
  step,
  fails,
  undeployable,
  NO_AGENT,
  BROKEN_OFF,
  deploymentError,
  packer,
} from './failed-builds.ts'

const FEDERATED = 'Entra ID refused the sign-in: AADSTS'
const DISK =
  'The specified disk size 20 GB is smaller than the size of the corresponding disk in the VM image: 30 GB. This is not allowed.'

export const SAMPLES: readonly Sample[] = [
  {
    name: 'a wrong input',
    error: new InputError([{ input: 'location', message: 'is wrong' }]),
    id: 'invalid-input',
  },
  { name: 'a file that changed', error: new ArtifactError("'a' changed."), id: 'artifact-changed' },
  { name: 'a cancelled workflow', error: new CancelledError(), id: 'cancelled' },
  { name: 'a defect', error: new TypeError('x is not a function'), id: 'unknown' },

  signIn('sign-in-subject-mismatch', `${FEDERATED}700213: No matching federated identity record`),
  signIn('sign-in-subject-case', `${FEDERATED}7002138: No matching federated identity record`),
  signIn('sign-in-issuer-mismatch', `${FEDERATED}700211: No matching record for presented assertion issuer`),
  signIn(
    'sign-in-audience-mismatch',
    `${FEDERATED}700212: No matching record for presented assertion audience`,
  ),
  signIn('sign-in-credential-mismatch', `${FEDERATED}70021: No matching federated identity record found.`),
  signIn('sign-in-no-federated-credential', `${FEDERATED}70025: The client has no configured credentials.`),
  signIn('sign-in-token-expired', `${FEDERATED}700024: Client assertion is not within its valid time range.`),
  signIn(
    'sign-in-application-not-found',
    `${FEDERATED}700016: Application with identifier 'x' was not found`,
  ),
  signIn('sign-in-application-disabled', `${FEDERATED}7000112: Application 'x'(app) is disabled.`),
  signIn('sign-in-blocked', `${FEDERATED}53003: Access has been blocked by Conditional Access policies.`),
  signIn('sign-in-blocked', `${FEDERATED}530035: Access has been blocked by security defaults.`),
  signIn('sign-in-resource-not-found', `${FEDERATED}500011: The resource principal named x was not found in`),
  signIn('sign-in-tenant-not-found', `${FEDERATED}90002: Tenant 'x' not found.`),
  signIn('sign-in-tenant-not-found', 'Entra ID refused the sign-in. The tenant was not found.'),
  signIn(
    'certificate-not-trusted',
    'GitHub gave no ID token to sign in with: unable to verify the first certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
  ),
  signIn(
    'certificate-not-trusted',
    'Signing in to Azure failed: AuthenticationRequiredError: network_error (self-signed certificate in certificate chain)',
  ),
  azure(
    'certificate-not-trusted',
    "Hostname/IP does not match certificate's altnames: Host: management.azure.com. is not in the cert's altnames: DNS:proxy",
    { status: 0, code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  ),
  azure('certificate-not-trusted', 'certificate signature failure', {
    status: 0,
    code: 'CERT_SIGNATURE_FAILURE',
  }),
  signIn('sign-in-no-id-token', 'GitHub gives this job no ID token.'),
  signIn('sign-in-no-id-token', 'GitHub gave no ID token to sign in with: HTTP 503'),
  signIn(
    'not-signed-in',
    'No client-id was given and the runner is not signed in to Azure.\nAzureCliCredential: …',
  ),
  signIn('sign-in-failed', 'Signing in to Azure failed: AADSTS50034: The user account does not exist.'),

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
    "does not have permission to perform action 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) '/s'",
    { status: 403, code: 'LinkedAuthorizationFailed' },
  ),
  azure('missing-permission', 'No.', { status: 403, code: 'AuthorizationFailed' }),
  azure(
    'missing-blob-role',
    'This request is not authorized to perform this operation using this permission.',
    {
      status: 403,
      code: 'AuthorizationPermissionMismatch',
    },
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
    {
      status: 403,
      code: 'AuthenticationFailed',
    },
  ),
  azure(
    'provider-not-registered',
    "The subscription is not registered to use namespace 'Microsoft.Compute'.",
    {
      status: 409,
      code: 'MissingSubscriptionRegistration',
    },
  ),
  azure('provider-not-registered', 'Register it.', { status: 409, code: 'MissingSubscriptionRegistration' }),
  azure(
    'provider-not-registered',
    "The subscription is not registered for the resource type 'imageTemplates'.",
    {
      status: 409,
      code: 'Conflict',
    },
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
  azure('policy', 'No.', { status: 403, code: 'RequestDisallowedByPolicy' }),
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
    {
      status: 504,
      code: 'GatewayTimeout',
    },
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
  submission('purchase-plan-missing', 'Purchase Plan was not provided for image: location: eastus'),
  submission(
    'image-not-in-region',
    'The gallery image /subscriptions/s/v is not available in eastus region. Please contact image owner',
    'GalleryImageNotFound',
  ),
  submission('purchase-plan-missing', 'No.', 'PurchasePlanNotProvided'),
  submission('image-not-in-region', 'No.', 'GalleryImageNotFound'),
  submission(
    'download-failed',
    "Downloading external file (app.zip) to local file (x.0.customizer.fp) [attempt 1 of 10] failed: Error downloading 'app.zip'",
  ),
  submission('download-failed', 'Downloading external file a b to local file c failed'),
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
    `Failed in building/customizing image: Failed while waiting for packerizer: ${OUT_OF_TIME}`,
  ),
  run('build-timeout', OUT_OF_TIME, of2020([...step('shell'), ...fails('shell', 'gone', ...BROKEN_OFF)])),
  run('file-customizer-slow', OUT_OF_TIME, [
    `${P} OUT `,
    'big.zip 826 B / 826000 B  1.00%',
    `${P} OUT `,
    'big.zip 1652 B / 826000 B  2.00%',
    `${P} OUT `,
  ]),
  run('file-customizer-slow', OUT_OF_TIME, [
    ...of2023([note('[INFO] (telemetry) Starting provisioner file')]),
    ...of2023(says('big.zip 1652 B / 826000 B  2.00%')),
    ...of2023(BROKEN_OFF),
  ]),
  run(
    'replication-timeout',
    'Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] Error publishing MDI to shared image gallery. Error: Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded}',
  ),
  run(
    'replication-failed',
    `Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] Code="ReplicationJobsFailed" Message="Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: '{region:westus2, detail:No room.}'."}`,
  ),
  {
    id: 'replication-failed',
    name: 'in our own words',
    error: new BuildFailedError('Version 1.2.3 was not replicated to westus2.\n- westus2: No room.'),
  },
  run(
    'identity-lacks-permission',
    'Failed in distributing 1 images out of total 1: {[Error 0] [Distribute 0] StatusCode=403 Code="AuthorizationFailed"}',
  ),
  run(
    'distribution-failed',
    'Failed in distributing 1 images out of total 2: {[Error 0] [Distribute 0] Some error happened, please check}',
  ),
  run(
    'staging-resource-not-found',
    `network.InterfacesClient#UpdateTags: Failure responding to request: StatusCode=404 -- Original Error: autorest/azure: Service returned an error. Status=404 Code="ResourceNotFound" Message="The Resource 'Microsoft.Network/networkInterfaces/aibpls.nic.x' under resource group 'IT_g' was not found."`,
  ),
  run('provider-not-registered', 'Azure Container Instances provider not registered for your subscription.'),
  run('quota-exceeded', 'Azure Container Instances quota exceeded'),
  run('quota-exceeded', 'Code="QuotaExceeded" Message="No."'),
  run(
    'quota-exceeded',
    'Operation could not be completed as it results in exceeding approved standardDv2Family Cores quota.',
  ),
  run(
    'container-instances-throttled',
    'Too many Azure Container Instances deployed within a period of time.',
  ),
  run('vm-size-not-available', 'Code="SkuNotAvailable" The requested VM size is currently not available'),
  run('vm-size-unsuitable', "The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'."),
  run(
    'architecture-mismatch',
    "Creating an image with sourceVirtualMachine source that has CPU Architecture 'Arm64' is not supported.",
  ),
  run(
    'staging-network-in-use',
    'Original Error: Code="NicInUseWithPrivateEndpoint" Message="Network interface"',
  ),
  run('packer-build-failed', FAILED_2020),
  run('packer-build-failed', FAILED_2023),
  run('validation-failed', FAILED_2023.replace('customization.log', 'validation.log')),
  { name: 'a run that was cancelled in Azure', error: ended('', 'Canceled'), id: 'cancelled-in-azure' },
  {
    name: 'a run that stays in Canceling',
    error: new BuildFailedError('Image template t_1: its run has been Canceling for 5 minutes.'),
    id: 'stuck-canceling',
  },
  {
    name: 'a template that went',
    error: new BuildFailedError('Image template t_1 was deleted while its run was under way.'),
    id: 'template-deleted',
  },

  ...packer('customizer-failed', 'a script', [...step('file'), ...fails('shell', 1, ...says('no'))]),
  ...packer('customizer-failed', 'a script in PowerShell', fails('powershell', 2, ...complains('no'))),
  ...packer('azure-resources-timeout', 'resources', [
    errored(
      'Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded',
    ),
    note('Cancelling builder after context cancellation context canceled'),
  ]),
  ...packer('windows-update-exhausted', 'Windows Update on a small VM', [
    note('[INFO] (telemetry) Starting provisioner windows-update'),
    ...says('Waiting for operation to complete (system performance: 1% cpu; 37% memory)...'),
    note("packer: 2020/04/30 23:38:58 [INFO] command 'PowerShell -File C:/x.ps1' exited with code: 101"),
    ...complains('Restarting the machine...', 'A system shutdown is in progress.(1115)'),
    errored('unexpected EOF'),
  ]),
  ...packer('sysprep-race', 'Sysprep', [
    ...step('powershell'),
    note('[INFO] (telemetry) Starting provisioner powershell'),
    ...says(
      "  if ($imageState -eq 'IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE') { break }",
      'IMAGE_STATE_COMPLETE',
    ),
    ...complains(NO_AGENT),
    ...undeployable(11),
    ...BROKEN_OFF,
  ]),
  run('sysprep-race', OUT_OF_TIME, of2023([...complains(NO_AGENT), ...undeployable(11), ...BROKEN_OFF])),
  ...packer('connection-lost', 'a firewall', [
    note('[INFO] (telemetry) Starting provisioner shell'),
    ...BROKEN_OFF,
    note(
      'packer-builder-azure-arm plugin: [ERROR] Remote command exited without exit status or exit signal.',
    ),
    note('packer-builder-azure-arm plugin: [INFO] RPC endpoint: Communicator ended with: 2300218'),
  ]),
  ...packer('connection-lost', 'a firewall, by its code', fails('shell', 2300218)),
  ...packer('build-vm-unreachable', 'SSH', [errored('Timeout waiting for SSH.')]),
  ...packer('build-vm-unreachable', 'WinRM', [errored('Timeout waiting for WinRM.')]),
  ...packer(
    'windows-restart-timeout',
    'a restart',
    fails('windows-restart', 'Timeout waiting for machine to restart.'),
  ),
  ...packer('windows-restart-timeout', 'a restart, in the list at the end', [
    ...complains('A system shutdown has already been scheduled.(1190)'),
    '--> azure-arm: Timeout waiting for machine to restart.',
  ]),
  ...packer('build-timeout-too-short', 'a build timeout of 3', [
    'Error: Failed to prepare build: "azure-arm"',
    '* client_jwt will expire within 5 minutes, please use a JWT that is valid for at least 5 minutes',
  ]),
  run('build-timeout-too-short', FAILED_2020, [
    'PACKER OUT Error: Failed to prepare build: "azure-arm"',
    'PACKER ERR * client_jwt will expire within 5 minutes, please use a JWT that is valid for at least 5 minutes',
  ]),
  ...packer('security-type-mismatch', 'trusted launch', [
    errored(
      "The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type.",
    ),
  ]),
  ...packer(
    'policy',
    'policy',
    deploymentError(
      'InvalidTemplateDeployment : The template deployment failed because of policy violation.',
    ),
  ),
  ...packer('quota-exceeded', 'quota', deploymentError('QuotaExceeded : exceeding quota limit')),
  ...packer('vm-size-not-available', 'VM size', deploymentError('SkuNotAvailable : The requested VM size')),
  ...packer('vm-size-unsuitable', 'generation of the VM size', [
    errored(
      `Code="BadRequest" Message="The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'."`,
    ),
  ]),
  ...packer(
    'vm-size-unsuitable',
    'architecture of the VM size',
    deploymentError(
      "BadRequest : Cannot create a VM of size 'Standard_D2ps_v5' because this VM size only supports a CPU Architecture of 'Arm64'",
    ),
  ),
  ...packer('disk-too-small', 'disk', [
    errored(
      'Code="OperationNotAllowed" Message="The specified disk size 20 GB is smaller than the size of the corresponding disk in the VM image: 30 GB."',
    ),
  ]),
  ...packer('disk-too-small', 'disk, in the deployment', deploymentError(`OperationNotAllowed : ${DISK}`)),
  ...packer('vm-size-unsuitable', 'architecture, as the last word', [
    errored(
      "Cannot create a VM of size 'Standard_D2ps_v5' because this VM size only supports a CPU Architecture of 'Arm64'",
    ),
  ]),
  ...packer('architecture-mismatch', 'architecture of a managed image', [
    errored("Creating an image that has CPU Architecture 'Arm64' is not supported."),
  ]),
  ...packer('build-timeout-too-short', 'a build timeout of 3, as the last word', [
    errored('client_jwt will expire within 5 minutes'),
  ]),
  ...packer('file-destination-denied', 'a file below /etc', fails('file', 'scp: /etc/a: Permission denied')),
  ...packer('powershell-broken-off', 'PowerShell', fails('powershell', 16001)),
  ...packer(
    'deprovisioning-script-broken',
    'waagent',
    fails('shell', 127, ...says('/tmp/DeprovisioningScript.sh: 1: /usr/sbin/waagent: not found')),
  ),
  ...packer(
    'deprovisioning-script-broken',
    'no script',
    fails(
      'powershell',
      1,
      ...says(
        'Deprovisioning script [c:\\DeprovisioningScript.ps1] could not be found. Image build may fail.',
      ),
    ),
  ),
  ...packer(
    'windows-update-pending-restart',
    'updates before a restart',
    fails('windows-update', 1, ...complains('Exception from HRESULT: 0x80240016')),
  ),
  ...packer(
    'artifact-download-failed',
    'download',
    fails(
      'shell',
      1,
      ...complains(
        'aib-action: try 5 of 5 failed: 0 of 9 bytes came',
        'aib-action: the download failed 5 times',
      ),
    ),
  ),
  ...packer(
    'apt-not-ready',
    'apt',
    fails('shell', 100, ...complains('E: Could not open file /var/lib/apt/lists/x_InRelease - open')),
  ),
  ...packer(
    'apt-locked',
    'apt with a lock',
    fails(
      'shell',
      100,
      ...complains(
        'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 2112 (unattended-upgr)',
        'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
        'aib-action: inline-script, line 3: exit code 100',
      ),
    ),
  ),
  ...packer(
    'package-not-found',
    'a package',
    fails('shell', 100, ...complains('E: Unable to locate package ngnix')),
  ),
  ...packer(
    'package-not-found',
    'a package that went',
    fails('shell', 100, ...complains("E: Package 'python' has no installation candidate")),
  ),
  ...packer(
    'host-not-resolved',
    'curl',
    fails('shell', 6, ...complains('curl: (6) Could not resolve host: repo.contoso.com')),
  ),
  ...packer(
    'host-not-resolved',
    'git',
    fails(
      'shell',
      128,
      ...complains("fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com"),
    ),
  ),
  ...packer(
    'host-not-resolved',
    'apt',
    fails(
      'shell',
      100,
      ...complains(
        "  Temporary failure resolving 'azure.archive.ubuntu.com'",
        'E: Some index files failed to download.',
      ),
    ),
  ),
  ...packer(
    'disk-full',
    'tar',
    fails(
      'shell',
      2,
      ...complains(
        'tar: app/model.bin: Cannot write: No space left on device',
        'tar: Exiting with failure status due to previous errors',
      ),
    ),
  ),
  ...packer(
    'disk-full',
    'Python',
    fails('shell', 1, ...complains("OSError: [Errno 28] No space left on device: '/opt/x'")),
  ),
  ...packer('out-of-memory', 'dash', fails('shell', 137, ...complains('Killed'))),
  ...packer(
    'out-of-memory',
    'bash',
    fails('shell', 137, ...complains('/tmp/script_1.sh: line 7:  2112 Killed                  npm ci')),
  ),
  ...packer(
    'command-not-found',
    'dash',
    fails(
      'shell',
      127,
      ...complains(
        '/tmp/script_1.sh: 12: npm: not found',
        'aib-action: inline-script, line 4: exit code 127',
      ),
    ),
  ),
  ...packer(
    'command-not-found',
    'bash',
    fails('shell', 127, ...complains('/tmp/script_1.sh: line 3: dotnet: command not found')),
  ),
]
