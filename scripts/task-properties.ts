/**
 * How the action's inputs relate to the image template, to the Azure DevOps task and to `azure/build-vm-image`, and the
 * Markdown tables that the documentation makes of it.
 *
 * Sources, read in November 2026: "Azure VM Image Builder service DevOps task" on Microsoft Learn and public pipelines
 * for `AzureImageBuilderTask@1`; `action.yml`, `TaskParameters.js` and `BuildTemplate.js` of Azure/build-vm-image.
 * The task.json of neither task could be read. What `AzureImageBuilderTaskV2@2` calls its own properties is taken from
 * public source of the first task with the same additions, and that it keeps the first one's names is assumed.
 */

export interface InputField {
  input: string
  /** Path in the body of an `imageTemplates` resource, `[]` for each member of an array; '' where it goes nowhere. */
  field: string
}

export interface TaskProperty {
  /** Name in `AzureImageBuilderTask@1`; '' where it has none. */
  task: string
  /** Name in `AzureImageBuilderTaskV2@2`. */
  v2?: string
  input: string | string[]
  /** As in `InputField`; several are separated by a comma and a blank. */
  field: string
  note?: string
}

export interface ActionInput {
  /** Name in `azure/build-vm-image`. */
  action: string
  /** Empty where nothing corresponds. */
  input: string | string[]
  note?: string
}

/** A variable or an output of the other side, and the output that has the same. */
export interface OutputName {
  other: string
  output: string
  note?: string
}

/** Inputs that fill no field: they say who builds, where, and how; a line break is a blank. */
const WITHOUT_FIELD = `
client-id tenant-id subscription-id audience environment resource-manager-endpoint resource-group
storage-account exclude template-name existing-template template-file cleanup wait dry-run
register-providers log-artifact-name record-artifact-name poll-interval-seconds follow-log keep-log ignore-warnings summary
skip-unchanged resume retry-replication
`

/** Fields, each with the inputs that fill it or a part of it. */
const WITH_FIELD = `
location                                                  location
identity.userAssignedIdentities                           managed-identity
properties.source                                         source-image
properties.source.version                                 source-image-version
properties.source.planInfo                                source-plan
properties.customize[].type                               provisioner
properties.customize[]                                    build-path artifact-transfer windows-update windows-restart remove-artifacts customizers
properties.customize[].sourceUri                          artifact-access
properties.customize[].inline                             inline-script
properties.customize[].runElevated                        run-elevated
properties.customize[].runAsSystem                        run-as-system
properties.validate.inVMValidations[]                     validation-script
properties.validate.continueDistributeOnFailure           continue-distribute-on-failure
properties.validate.sourceValidationOnly                  source-validation-only
properties.distribute[].type                              distribute-type
properties.distribute[].imageId                           managed-image-id
properties.distribute[].location                          managed-image-location
properties.distribute[].galleryImageId                    gallery-image-id
properties.distribute[].targetRegions                     replication-regions
properties.distribute[].versioning.scheme                 versioning-scheme
properties.distribute[].versioning.major                  versioning-major
properties.distribute[].excludeFromLatest                 exclude-from-latest
properties.distribute[].replicationMode                   replication-mode
properties.distribute[].uri                               vhd-uri
properties.distribute[].artifactTags                      image-tags
properties.distribute[].runOutputName                     run-output-name
properties.distribute[]                                   distributors
properties.vmProfile.vmSize                               vm-size
properties.vmProfile.osDiskSizeGB                         os-disk-size-gb
properties.additionalDataDisks[].sizeGB                   data-disk-sizes-gb
properties.vmProfile.userAssignedIdentities               build-vm-identities
properties.vmProfile.vnetConfig.subnetId                  subnet-id
properties.vmProfile.vnetConfig.containerInstanceSubnetId container-instance-subnet-id
properties.vmProfile.vnetConfig.proxyVmSize               proxy-vm-size
properties.buildTimeoutInMinutes                          build-timeout-in-minutes
properties.optimize.vmBoot.state                          optimize-vm-boot
properties.errorHandling.onCustomizerError                on-customizer-error
properties.errorHandling.onValidationError                on-validation-error
properties.stagingResourceGroup                           staging-resource-group
properties.managedResourceTags                            managed-resource-tags
tags                                                      template-tags
`

/** Every input of `action.yml`. */
export const INPUT_FIELDS: InputField[] = [
  ...words(WITHOUT_FIELD).map((input) => ({ input, field: '' })),
  ...WITH_FIELD.trim()
    .split('\n')
    .flatMap((line) => {
      const [field = '', ...inputs] = words(line)
      return inputs.map((input) => ({ input, field }))
    }),
]

type Row = [theirs: string, ours: string, note?: string]

/** Properties of `AzureImageBuilderTask@1`; several inputs are separated by blanks. */
const FIRST_TASK: Row[] = [
  ['ibSubscription', 'client-id tenant-id subscription-id', 'A service connection there.'],
  ['ibAzureResourceGroup', 'resource-group'],
  ['ibLocation', 'location'],
  ['managedIdentity', 'managed-identity', 'A resource ID, or a name in `resource-group`.'],
  ['vnetSubnetId', 'subnet-id'],
  ['imageSource', 'source-image', 'Not needed: the form of `source-image` says its kind.'],
  ['baseImage', 'source-image', 'Without an end such as `:linux` or `:windows`.'],
  ['baseImagePubOfferSku', 'source-image'],
  ['baseImageVersion', 'source-image-version'],
  ['platformImagePurchasePlan', 'source-plan', 'Not needed: the plan of a marketplace image is found.'],
  ['customImageResourceId', 'source-image', 'The managed image.'],
  ['imageVersionId', 'source-image', 'Or the image definition, for its latest version.'],
  ['packagePath', 'build-path', 'Relative to the workspace; may be empty.'],
  ['provisioner', 'provisioner', 'Not needed: `auto` follows the source image.'],
  ['inlineScript', 'inline-script'],
  ['windowsUpdateProvisioner', 'windows-update'],
  ['runElevated', 'run-elevated'],
  ['runAsSystem', 'run-as-system'],
  ['storageAccountName', 'storage-account', 'Not needed without an artifact.'],
  ['distributeType', 'distribute-type', '`sig` is `gallery`, `managedimage` is `managed-image`.'],
  ['imageIdForDistribute', 'managed-image-id'],
  ['managedImageLocation', 'managed-image-location', 'Default: `location`.'],
  ['galleryImageId', 'gallery-image-id'],
  ['replicationRegions', 'replication-regions', 'Replicas and storage type may follow each region.'],
  ['buildTimeoutInMinutes', 'build-timeout-in-minutes', 'Not in every version of the task.'],
  ['vmSize', 'vm-size'],
]

/** What `AzureImageBuilderTaskV2@2` has besides. */
const SECOND_TASK: Row[] = [
  ['buildVmIdentities', 'build-vm-identities'],
  ['containerInstanceSubnetId', 'container-instance-subnet-id'],
  ['proxyVmSize', 'proxy-vm-size'],
  ['osDiskSizeGB', 'os-disk-size-gb'],
  ['enableValidation', 'validation-script', 'Not needed: a validation script is enough.'],
  ['validationInlineScript', 'validation-script'],
  ['sourceValidationOnly', 'source-validation-only'],
  ['continueDistributeOnFailure', 'continue-distribute-on-failure'],
  ['targetRegions', 'replication-regions'],
  ['distributeStorageAccountType', 'replication-regions', '`region=replicas:Standard_ZRS`, for each region.'],
  ['excludeFromLatest', 'exclude-from-latest'],
  ['distributeVersioningScheme', 'versioning-scheme'],
  ['distributeVersioningMajor', 'versioning-major'],
  ['vhdUri', 'vhd-uri'],
  ['optimizeVmBoot', 'optimize-vm-boot', 'Off unless asked for.'],
  ['autoRun', 'template-file', 'No input: the action starts the build itself.'],
  ['stagingResourceGroup', 'staging-resource-group'],
  ['managedResourceTags', 'managed-resource-tags', 'JSON there, `key=value` lines here.'],
  ['errorHandlingOnCustomizerError', 'on-customizer-error'],
  ['errorHandlingOnValidationError', 'on-validation-error'],
]

/** Every property of the Azure DevOps task. */
export const TASK_PROPERTIES: TaskProperty[] = [
  ...FIRST_TASK.map(([name, ours, note]) => ({ task: name, v2: name, ...mapped(ours), ...noted(note) })),
  ...SECOND_TASK.map(([name, ours, note]) => ({ task: '', v2: name, ...mapped(ours), ...noted(note) })),
]

/** Every input of `azure/build-vm-image`, of all its versions. */
export const BUILD_VM_IMAGE_INPUTS: ActionInput[] = (
  [
    ['action-run-mode', 'wait', '`nowait` is `false`; `buildonly` and `custom` have nothing.'],
    ['action-run-mode-time-minutes', '', 'Nothing: the step waits for the end, or not at all.'],
    ['delete-storage', '', 'No account is made; see `storage-account`.'],
    ['location', 'location', 'Every region in which Image Builder is offered.'],
    ['resource-group-name', 'resource-group'],
    [
      'image-builder-template-name',
      'template-name template-file',
      'There the file wins over inputs; here they win.',
    ],
    ['build-timeout-in-minutes', 'build-timeout-in-minutes'],
    ['vm-size', 'vm-size', "Default: the service's, not `Standard_D1_v2`."],
    ['managed-identity', 'managed-identity'],
    ['source-image-type', 'source-image', 'Not needed: the form of `source-image` says its kind.'],
    ['source-os-type', 'provisioner', 'Not needed: read from the source image.'],
    ['source-image', 'source-image', 'The version may be left out.'],
    ['customizer-source', 'build-path', 'Default: the workspace, not its folder `workflow-artifacts`.'],
    ['customizer-script', 'inline-script'],
    ['customizer-windows-update', 'windows-update'],
    ['dist-type', 'distribute-type', '`SharedImageGallery` is `gallery`, `ManagedImage` is `managed-image`.'],
    ['dist-resource-id', 'managed-image-id gallery-image-id', 'Must be given: no name is made up.'],
    ['dist-location', 'replication-regions managed-image-location'],
    ['run-output-name', 'run-output-name', 'Default: fixed for each kind of target.'],
    ['dist-image-tags', 'image-tags', '`key=value`, one a line, not `key:value` with commas.'],
  ] satisfies Row[]
).map(([action, ours, note]) => ({ action, input: inputsOf(ours), ...noted(note) }))

/** Variables that the task sets for later steps; the last one by `AzureImageBuilderTaskV2@2` alone. */
export const TASK_OUTPUTS: OutputName[] = [
  { other: '$(imageUri)', output: 'image-uri' },
  { other: '$(pirPublisher)', output: 'pir-publisher' },
  { other: '$(pirOffer)', output: 'pir-offer' },
  { other: '$(pirSku)', output: 'pir-sku' },
  { other: '$(pirVersion)', output: 'pir-version', note: 'Always the exact version.' },
  { other: '$(templateName)', output: 'template-name' },
]

/** Outputs of `azure/build-vm-image`, those that its `action.yml` leaves out among them. */
export const BUILD_VM_IMAGE_OUTPUTS: OutputName[] = [
  { other: 'custom-image-uri', output: 'image-uri' },
  { other: 'imagebuilder-run-status', output: 'run-state', note: '`Succeeded`, not `succeeded`.' },
  { other: 'run-output-name', output: 'run-output-name' },
  { other: 'templateName', output: 'template-name' },
  { other: 'templateId', output: 'template-id' },
  ...TASK_OUTPUTS.slice(1, 5).map(({ other, output }) => ({ other: other.slice(2, -1), output })),
]

/** The tables, by the name in the marker that they stand behind; no trailing newline. */
export const MAPPING_TABLES: Record<string, () => string> = {
  'input-fields': () => {
    const fields = new Set(INPUT_FIELDS.map(({ field }) => field).filter((field) => field !== ''))
    const inputs = (of: string): string[] =>
      INPUT_FIELDS.filter(({ field }) => field === of).map(({ input }) => input)
    const rows = [...fields].map((field) => [code(field), codes(inputs(field))])
    return markdownTable(['Field of the template', 'Input'], rows)
  },
  'task-properties': () =>
    markdownTable(
      ['Task v1', 'Task v2', 'Input', 'Field of the template', 'Note'],
      TASK_PROPERTIES.map(({ task, v2 = '', input, field, note = '' }) => [
        code(task),
        v2 === task ? 'same' : code(v2),
        codes(input),
        field.split(', ').map(code).join(', '),
        note,
      ]),
    ),
  'task-outputs': () => outputTable('Variable of the task', TASK_OUTPUTS),
  'build-vm-image': () =>
    markdownTable(
      ['`azure/build-vm-image`', 'Input', 'What differs'],
      BUILD_VM_IMAGE_INPUTS.map(({ action, input, note = '' }) => [code(action), codes(input), note]),
    ),
  'build-vm-image-outputs': () => outputTable('Output there', BUILD_VM_IMAGE_OUTPUTS),
}

/** A table whose rows take one line each, which the formatter would pad to the longest. */
export function markdownTable(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return ['<!-- prettier-ignore -->', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function outputTable(other: string, names: OutputName[]): string {
  const rows = names.map((name) => [code(name.other), code(name.output), name.note ?? ''])
  return markdownTable([other, 'Output', 'What differs'], rows)
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

function codes(input: string | string[]): string {
  return [input].flat().map(code).join(', ')
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

function inputsOf(names: string): string | string[] {
  const list = words(names)
  return list.length === 1 ? names : list
}

/** Inputs and the fields that they fill, each once. */
function mapped(names: string): { input: string | string[]; field: string } {
  const fields = words(names)
    .map((name) => INPUT_FIELDS.find(({ input }) => input === name)?.field ?? '')
    .filter((field) => field !== '')
  return { input: inputsOf(names), field: [...new Set(fields)].join(', ') }
}

function noted(note: string | undefined): { note?: string } {
  return note === undefined ? {} : { note }
}
