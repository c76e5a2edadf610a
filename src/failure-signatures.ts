/**
 * How failures are recognised, as data. Sources: documentation of Entra ID and of Resource Manager, troubleshooting
 * guide of Image Builder, failures that users reported.
 */

/** Marks of one failure: all that are given must be found. */
export interface Signature {
  /** Published: an identifier never changes its meaning. */
  id: string
  kind: 'sign-in' | 'azure' | 'build' | 'azure or build'
  /** HTTP status of the answer, as text; 200 for an operation that failed, 0 without an answer. */
  status?: RegExp
  /** Azure's error code. */
  code?: RegExp
  /** Words of the error: Entra's, Azure's, or those of the run. */
  text?: RegExp
  /** What Packer gives as the reason at its end. */
  reason?: RegExp
  /** Anywhere in the customization log. The words of scripts stand there as well: only what no script would say. */
  log?: RegExp[]
  /** In the last lines of the customization log. */
  end?: RegExp
}

type Marks = Omit<Signature, 'kind'>
const of = (kind: Signature['kind'], ...signatures: Marks[]): Signature[] =>
  signatures.map((marks) => ({ kind, ...marks }))
/** The run says no more than that Packer failed; its log says why. */
const ofPacker = (...signatures: Marks[]): Signature[] =>
  of('build', ...signatures.map((marks) => ({ text: PACKER_FAILED, ...marks })))

const PACKER_FAILED =
  /Packer build command has failed|during the image build,? a failure has occurred|\bPackerBuildFailed\b/i
const OUT_OF_TIME = /Timeout waiting for microservice to complete: 'context deadline exceeded'/
/** How Packer prints the errors of a deployment. */
const deployment = (words: string): RegExp => new RegExp(`azure-arm: ERROR:\\s*-> (?:${words})`)

/** In the order of trust: the first that fits counts. Codes before words, the exact before the general. */
export const SIGNATURES: readonly Signature[] = [
  ...of(
    'sign-in',
    { id: 'sign-in-subject-mismatch', text: /\bAADSTS700213\b/ },
    { id: 'sign-in-subject-case', text: /\bAADSTS7002138\b/ },
    { id: 'sign-in-issuer-mismatch', text: /\bAADSTS700211\b/ },
    { id: 'sign-in-audience-mismatch', text: /\bAADSTS700212\b/ },
    { id: 'sign-in-no-federated-credential', text: /\bAADSTS70025\b/ },
    { id: 'sign-in-credential-mismatch', text: /\bAADSTS70021\b/ },
    { id: 'sign-in-token-expired', text: /\bAADSTS700024\b/ },
    { id: 'sign-in-application-not-found', text: /\bAADSTS700016\b/ },
    { id: 'sign-in-tenant-not-found', text: /\bAADSTS90002\b|The tenant was not found/ },
    { id: 'sign-in-no-id-token', text: /GitHub (?:gives this job|gave) no ID token/ },
    { id: 'not-signed-in', text: /the runner is not signed in to Azure/ },
    { id: 'sign-in-failed' },
  ),
  ...of(
    'azure',
    { id: 'identity-not-assignable', code: /^LinkedAuthorizationFailed$/, text: /userAssignedIdentities/i },
    { id: 'missing-permission', code: /^(?:Linked)?AuthorizationFailed$/ },
    { id: 'missing-blob-role', code: /^AuthorizationPermissionMismatch$/ },
    { id: 'upload-damaged', code: /^Md5Mismatch$/ },
    { id: 'storage-keys-disabled', code: /^KeyBasedAuthenticationNotPermitted$/ },
    { id: 'storage-firewall', code: /^AuthorizationFailure$/ },
    { id: 'sas-expired', text: /Signature not valid in the specified time frame/ },
    { id: 'provider-not-registered', code: /^MissingSubscriptionRegistration$/ },
    { id: 'subscription-not-found', code: /^(?:SubscriptionNotFound|InvalidSubscriptionId)$/ },
    { id: 'region-not-available', code: /^LocationNotAvailableForResourceType$/ },
    { id: 'policy', code: /^RequestDisallowedByPolicy$/ },
    { id: 'purchase-plan-missing', code: /^PurchasePlanNotProvided$/ },
    { id: 'image-not-in-region', code: /^GalleryImageNotFound$/ },
    { id: 'quota-exceeded', code: /QuotaExceeded$/ },
    { id: 'throttled', status: /^429$/ },
    { id: 'template-exists', text: /Update\/Upgrade of image templates is currently not supported/ },
    { id: 'operation-not-allowed', text: /is not allowed in provisioning ?state/i },
  ),
  ...of(
    'azure or build',
    {
      id: 'provider-not-registered',
      text: /subscription is not registered (?:to use namespace|for the resource type)|Container Instances provider not registered/,
    },
    {
      id: 'policy',
      text: /\bRequestDisallowedByPolicy\b|was disallowed by policy|because of policy violation/,
    },
    { id: 'purchase-plan-missing', text: /Purchase Plan was not provided for image/ },
    { id: 'generation-mismatch', text: /Error with Hyper-V Version validation/ },
    { id: 'architecture-mismatch', text: /has CPU Architecture '\w+' is not supported/ },
    {
      id: 'security-type-mismatch',
      text: /only supports creation of VMs and VM Scale Sets with 'TrustedLaunch'/,
    },
    {
      id: 'source-image-not-found',
      text: /Platform Image was not found|step failed for Image Version .*(?:StatusCode=404|ResourceNotFound)/s,
    },
    { id: 'image-not-in-region', text: /The gallery image \S+ is not available in \S+ region/ },
    {
      id: 'identity-lacks-permission',
      text: /Not authorized to access the resource: .*user assigned identity|Error getting Managed Image .*(?:StatusCode=403|AuthorizationFailed)/s,
    },
    {
      id: 'identity-lacks-permission',
      text: /InterfacesClient#UpdateTags: .*StatusCode=404|Failed in distributing .*AuthorizationFailed/s,
    },
    { id: 'service-lacks-permission', text: /action 'Microsoft\.Compute\/disks\/write'.*proxyVmDisk/s },
    {
      id: 'managed-identity-unusable',
      text: /The assigned managed identity cannot be used|Managed identity is required for building/,
    },
    { id: 'download-failed', text: /Downloading external file .+ to local file .+ failed/s },
    {
      id: 'quota-exceeded',
      text: /\bQuotaExceeded\b|exceeding (?:approved .*|quota limit of .*)Cores\b|Container Instances quota exceeded/,
    },
    { id: 'container-instances-throttled', text: /Too many Azure Container Instances deployed within/ },
    { id: 'vm-size-not-available', text: /\bSkuNotAvailable\b|SKUs have failed for Capacity Restrictions/ },
    { id: 'staging-network-in-use', text: /\bNicInUseWithPrivateEndpoint\b/ },
  ),
  ...of(
    'build',
    { id: 'replication-timeout', text: /Failed in distributing .*context deadline exceeded/s },
    { id: 'distribution-failed', text: /Failed in distributing / },
    { id: 'file-customizer-slow', text: OUT_OF_TIME, end: /\d+ B \/ \d+ B +(?!100\.)\d[\d.]*%/ },
    { id: 'cancelled-in-azure', text: /ended with Canceled\b/ },
    { id: 'template-deleted', text: /was deleted while its run was under way|vanished while it was being/ },
    {
      // Sysprep then never ends: the run says that its time is up, or nothing but that it failed.
      id: 'sysprep-race',
      log: [
        /(?:azure-arm: IMAGE_STATE_UNDEPLOYABLE[\s\S]{0,400}){3}/,
        /==> azure-arm: Get-Service : Cannot find any service with service name 'WindowsAzure(?:GuestAgent|TelemetryService)'/,
      ],
    },
    { id: 'build-timeout', text: OUT_OF_TIME },
  ),
  ...ofPacker(
    { id: 'build-timeout-too-short', reason: /client_jwt will expire within 5 minutes/ },
    {
      id: 'policy',
      log: [
        deployment(String.raw`RequestDisallowedByPolicy\b|InvalidTemplateDeployment : .*policy violation`),
      ],
    },
    { id: 'quota-exceeded', log: [deployment(String.raw`QuotaExceeded\b`)] },
    { id: 'vm-size-not-available', log: [deployment(String.raw`SkuNotAvailable\b`)] },
    { id: 'security-type-mismatch', reason: /with 'TrustedLaunch' security type/ },
    { id: 'architecture-mismatch', reason: /has CPU Architecture '\w+' is not supported/ },
    { id: 'build-vm-unreachable', reason: /^Timeout waiting for (?:SSH|WinRM)/ },
    { id: 'windows-restart-timeout', reason: /Timeout waiting for machine to restart/ },
    { id: 'azure-resources-timeout', reason: /^Future#WaitForCompletion: context has been cancelled/ },
    {
      id: 'windows-update-exhausted',
      reason: /^unexpected EOF/,
      log: [/system performance: \d+% cpu/, /exited with code: (?:101|1115)\b/],
    },
    {
      id: 'windows-update-pending-restart',
      log: [
        /\(telemetry\) Starting provisioner windows-update(?![\s\S]*\(telemetry\) Starting provisioner)[\s\S]*0x80240016/,
      ],
    },
    {
      id: 'deprovisioning-script-broken',
      log: [
        /azure-arm: (?:\/tmp\/DeprovisioningScript\.sh: .*waagent: not found|Deprovisioning script \[[^\]]*\] could not be found)/,
      ],
    },
    {
      // A restart ends connections as well: the build went on if a script ends it with a code of its own.
      id: 'connection-lost',
      reason: /^(?!.*exit status: (?!2300218\b)-?\d)/,
      log: [/Communicator ended with: 2300218\b/],
    },
    {
      id: 'apt-not-ready',
      reason: /^Script exited with/,
      log: [/azure-arm: E: Could not open file \/var\/lib\/apt\/lists\//],
    },
    { id: 'powershell-broken-off', reason: /exited with non-zero exit status: 1600[01]\b/ },
    { id: 'validation-failed', text: /packerlogs\/[^/\s]+\/validation\.log/ },
    { id: 'customizer-failed', reason: /exited with non-zero exit status: -?\d+/ },
    { id: 'packer-build-failed' },
  ),
  ...of(
    'azure',
    { id: 'invalid-template', code: /^(?:ValidationFailed|InvalidRequestContent|LinkedInvalidPropertyId)$/ },
    { id: 'invalid-template', status: /^400$/, text: /Unmarshalling entity encountered error/ },
    { id: 'resource-not-found', status: /^404$/ },
    { id: 'service-unavailable', status: /^5\d\d$/ },
    { id: 'no-connection', status: /^0$/ },
    {
      // Mostly a missing right of the template's identity, or a staging group that cannot be used: it does not say.
      id: 'provisioning-failed',
      status: /^200$/,
      text: /Internal error occurred|terminal provisioning state 'Failed'/,
    },
  ),
]
