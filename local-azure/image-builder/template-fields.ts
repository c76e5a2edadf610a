/**
 * The fields of an image template as data: names, JSON types, choices and ranges of API version 2025-10-01, as its
 * published schema and documentation give them. `template-rules.ts` walks it.
 */
import type { Field, ObjectField } from './template-walk.ts'

const text: Field = { kind: 'string' }
const flag: Field = { kind: 'boolean' }
const tags: Field = { kind: 'tags' }
/** What the service fills in; accepted in a request and ignored. */
const readOnly: Field = { kind: 'ignored' }
const wholeNumber = (minimum: number, maximum = 2 ** 31 - 1): Field => ({ kind: 'integer', minimum, maximum })
const choice = (...values: string[]): Field => ({ kind: 'choice', values })
const like = (pattern: RegExp): Field => ({ kind: 'string', pattern })
const list = (of: Field): Field => ({ kind: 'list', of })
const object = (type: string, fields: Record<string, Field>, required: string[] = []): ObjectField => ({
  kind: 'object',
  type,
  fields,
  required,
})

/** Names of templates, run outputs and triggers (schema). */
export const NAME = /^[A-Za-z0-9-_.]{1,64}$/

const GROUP_ID = String.raw`^/subscriptions/[^/]+/resourceGroups/[^/]+`
const COMPUTE = String.raw`${GROUP_ID}/providers/Microsoft\.Compute`
const SHARED_GALLERY = String.raw`^/subscriptions/[^/]+/providers/Microsoft\.Compute/locations/[^/]+/sharedGalleries`
const IMAGE_ID = new RegExp(String.raw`${COMPUTE}/images/[^/]+$`, 'i')
const VERSION_ID = new RegExp(
  String.raw`(${COMPUTE}/galleries|${SHARED_GALLERY})/[^/]+/images/[^/]+/versions/(\d+\.\d+\.\d+|latest)$`,
  'i',
)
const DEFINITION_ID = new RegExp(
  String.raw`${COMPUTE}/galleries/[^/]+/images/[^/]+(/versions/\d+\.\d+\.\d+)?$`,
  'i',
)
const SUBNET_ID = like(
  new RegExp(
    String.raw`${GROUP_ID}/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+$|^$`,
    'i',
  ),
)
const STORAGE_TYPES = choice('Standard_LRS', 'Standard_ZRS', 'Premium_LRS')
const STATE = choice('Enabled', 'Disabled')

/** Lower case only (documented). */
const checksum = like(/^[0-9a-f]{64}$/)
const url = like(/^https?:\/\/\S+$/i)
const downloaded = { scriptUri: url, sha256Checksum: checksum }
const shell = { inline: list(text), ...downloaded }
const powerShell = {
  ...shell,
  runElevated: flag,
  runAsSystem: flag,
  validExitCodes: list(wholeNumber(-(2 ** 31))),
}
const file = { sourceUri: url, destination: text, sha256Checksum: checksum }

function variants(tag: string, common: Record<string, Field>, members: Record<string, ObjectField>): Field {
  const merged = Object.entries(members).map(([value, member]): [string, ObjectField] => [
    value,
    { ...member, fields: { [tag]: text, ...common, ...member.fields } },
  ])
  return { kind: 'variant', tag, members: Object.fromEntries(merged) }
}

const source = variants(
  'type',
  {},
  {
    PlatformImage: object(
      'ImageTemplatePlatformImageSource',
      {
        publisher: text,
        offer: text,
        sku: text,
        version: text,
        exactVersion: readOnly,
        planInfo: object(
          'PlatformImagePurchasePlan',
          { planName: text, planProduct: text, planPublisher: text },
          ['planName', 'planProduct', 'planPublisher'],
        ),
      },
      ['publisher', 'offer', 'sku', 'version'],
    ),
    ManagedImage: object('ImageTemplateManagedImageSource', { imageId: like(IMAGE_ID) }, ['imageId']),
    SharedImageVersion: object(
      'ImageTemplateSharedImageVersionSource',
      { imageVersionId: like(VERSION_ID), exactVersion: readOnly },
      ['imageVersionId'],
    ),
  },
)

const customizers = variants(
  'type',
  { name: text },
  {
    Shell: object('ImageTemplateShellCustomizer', shell),
    PowerShell: object('ImageTemplatePowerShellCustomizer', powerShell),
    File: object('ImageTemplateFileCustomizer', file, ['sourceUri', 'destination']),
    WindowsRestart: object('ImageTemplateRestartCustomizer', {
      restartCommand: text,
      restartCheckCommand: text,
      // Magnitude and unit, such as 5m or 2h (documented).
      restartTimeout: like(/^(\d+(\.\d+)?(h|m|s))+$/),
    }),
    WindowsUpdate: object('ImageTemplateWindowsUpdateCustomizer', {
      searchCriteria: text,
      filters: list(text),
      updateLimit: wholeNumber(0),
    }),
  },
)

const validators = variants(
  'type',
  { name: text },
  {
    Shell: object('ImageTemplateShellValidator', shell),
    PowerShell: object('ImageTemplatePowerShellValidator', powerShell),
    File: object('ImageTemplateFileValidator', file, ['sourceUri', 'destination']),
  },
)

const versioning = variants(
  'scheme',
  {},
  {
    Latest: object('DistributeVersionerLatest', { major: wholeNumber(-1) }),
    Source: object('DistributeVersionerSource', {}),
  },
)

const targetRegion = object(
  'TargetRegion',
  { name: text, replicaCount: wholeNumber(1), storageAccountType: STORAGE_TYPES },
  ['name'],
)

const distributors = variants(
  'type',
  { runOutputName: like(NAME), artifactTags: tags },
  {
    ManagedImage: object(
      'ImageTemplateManagedImageDistributor',
      { imageId: like(IMAGE_ID), location: text },
      ['imageId', 'location', 'runOutputName'],
    ),
    SharedImage: object(
      'ImageTemplateSharedImageDistributor',
      {
        galleryImageId: like(DEFINITION_ID),
        replicationRegions: list(text),
        excludeFromLatest: flag,
        storageAccountType: STORAGE_TYPES,
        replicationMode: choice('Full', 'Shallow'),
        targetRegions: list(targetRegion),
        versioning,
      },
      ['galleryImageId', 'runOutputName'],
    ),
    VHD: object('ImageTemplateVhdDistributor', { uri: url }, ['runOutputName']),
  },
)

const vmProfile = object('ImageTemplateVMProfile', {
  vmSize: text,
  osDiskSizeGB: wholeNumber(0),
  userAssignedIdentities: list(text),
  vnetConfig: object('VirtualNetworkConfig', {
    subnetId: SUBNET_ID,
    containerInstanceSubnetId: SUBNET_ID,
    proxyVmSize: text,
  }),
})

const scripted = object('ImageTemplatePropertiesOptimizeWorkload', { state: STATE, ...downloaded })

const properties = object(
  'ImageTemplateProperties',
  {
    source,
    customize: list(customizers),
    optimize: object('ImageTemplatePropertiesOptimize', {
      vmBoot: object('ImageTemplatePropertiesOptimizeVMBoot', { state: STATE }),
      workload: scripted,
    }),
    validate: object('ImageTemplatePropertiesValidate', {
      continueDistributeOnFailure: flag,
      sourceValidationOnly: flag,
      inVMValidations: list(validators),
    }),
    distribute: list(distributors),
    errorHandling: object('ImageTemplatePropertiesErrorHandling', {
      onCustomizerError: choice('cleanup', 'abort'),
      onValidationError: choice('cleanup', 'abort'),
    }),
    buildTimeoutInMinutes: wholeNumber(0, 960),
    vmProfile,
    additionalDataDisks: list(object('DataDisk', { sizeGB: wholeNumber(0) })),
    stagingResourceGroup: like(new RegExp(String.raw`${GROUP_ID}$|^$`, 'i')),
    autoRun: object('ImageTemplateAutoRun', { state: STATE }),
    managedResourceTags: tags,
    provisioningState: readOnly,
    provisioningError: readOnly,
    lastRunStatus: readOnly,
    exactStagingResourceGroup: readOnly,
  },
  ['source', 'distribute'],
)

const identity = object('ImageTemplateIdentity', {
  type: choice('UserAssigned', 'None'),
  userAssignedIdentities: { kind: 'ignored' },
})

/** Body of a PUT. */
export const TEMPLATE = object(
  'ImageTemplate',
  {
    id: readOnly,
    name: readOnly,
    type: readOnly,
    systemData: readOnly,
    location: text,
    tags,
    identity,
    properties,
  },
  ['identity', 'properties'],
)

/** Body of a PATCH. */
export const TEMPLATE_UPDATE = object('ImageTemplateUpdateParameters', {
  tags,
  identity,
  properties: object('ImageTemplateUpdateParametersProperties', {
    distribute: list(distributors),
    vmProfile,
  }),
})
