/**
 * The image template in ARM form, as a user may write parts of it: fields, choices and ranges of API version
 * 2025-10-01 (published schema and "Create an Azure Image Builder Bicep or ARM template"). What the user wrote is
 * read strictly, because the service would refuse an unknown field, too, only later and in fewer words.
 */
import * as v from 'valibot'

/** An object that takes no further fields. The rest's message holds the known ones, for `sentence`. */
function object<T extends v.ObjectEntries>(entries: T): v.StrictObjectSchema<T, undefined> {
  const known = Object.keys(entries).join(', ')
  return v.objectWithRest(entries, v.never(known)) as unknown as v.StrictObjectSchema<T, undefined>
}

/** One of several words; letter case does not count, as everywhere in the inputs. */
function choice<const T extends readonly string[]>(...values: T): v.GenericSchema<string, T[number]> {
  const spelled = (given: string): string =>
    values.find((value) => value.toLowerCase() === given.toLowerCase()) ?? given
  return v.pipe(v.string(), v.transform(spelled), v.picklist(values, `one of ${values.join(', ')}`))
}

/** Members of a union, told apart by `tag`, whose letter case does not count either. */
function tagged<T>(
  tag: string,
  names: readonly string[],
  union: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, T> {
  const spelled = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const given = (value as Record<string, unknown>)[tag]
    const name = names.find((one) => one.toLowerCase() === String(given).toLowerCase())
    return name === undefined ? value : { ...value, [tag]: name }
  }
  return v.pipe(v.unknown(), v.transform(spelled), union)
}

/** Values by names of the user's own. The library's record takes lists as well. */
function map<T>(
  names: v.GenericSchema<string, string>,
  values: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, Record<string, T>> {
  const noList = v.custom<Record<string, unknown>>((value) => !Array.isArray(value), 'an object with fields')
  return v.pipe(noList, v.record(names, values))
}

const optional = v.optional
const text = v.string()
const flag = v.boolean()
const strings = v.array(v.string())
const url = v.pipe(text, v.regex(/^https?:\/\/[^\s/]+\S*$/i, 'an http:// or https:// URL'))
const checksum = v.pipe(text, v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 of 64 lower-case hexadecimal digits'))
const wholeNumber = (minimum: number, maximum: number): v.GenericSchema<number, number> => {
  const range = `a whole number from ${minimum} to ${maximum}`
  return v.pipe(v.number(range), v.integer(range), v.minValue(minimum, range), v.maxValue(maximum, range))
}
const state = choice('Enabled', 'Disabled')

/** Names of tags (Resource Manager's documentation). */
export const TAG_NAME_PATTERN = /^[^<>%&\\?/]{1,512}$/
export const TAG_NAME_RULE = '1 to 512 characters without <>%&\\?/'

/** A tag's value holds 256 characters at most, its name 512 (Resource Manager's documentation). */
const tags = map(
  v.pipe(text, v.regex(TAG_NAME_PATTERN, TAG_NAME_RULE)),
  v.pipe(text, v.maxLength(256, 'a text of at most 256 characters')),
)

/** Names of run outputs and of templates (published schema). */
export const NAME_PATTERN = /^[A-Za-z0-9-_.]{1,64}$/
export const NAME_RULE = "1 to 64 letters, digits, '-', '_' or '.'"
const runOutputName = v.pipe(text, v.regex(NAME_PATTERN, NAME_RULE))

export const STORAGE_ACCOUNT_TYPES = ['Standard_LRS', 'Standard_ZRS', 'Premium_LRS'] as const
const storageAccountType = choice(...STORAGE_ACCOUNT_TYPES)

const name = optional(text)
const script = {
  name,
  inline: optional(strings),
  scriptUri: optional(url),
  sha256Checksum: optional(checksum),
}
const shell = object({ type: v.literal('Shell'), ...script })
const powerShell = object({
  type: v.literal('PowerShell'),
  ...script,
  runElevated: optional(flag),
  runAsSystem: optional(flag),
  validExitCodes: optional(v.array(wholeNumber(-(2 ** 31), 2 ** 32))),
})
const file = object({
  type: v.literal('File'),
  name,
  sourceUri: url,
  destination: text,
  sha256Checksum: optional(checksum),
})
const windowsRestart = object({
  type: v.literal('WindowsRestart'),
  name,
  restartCommand: optional(text),
  restartCheckCommand: optional(text),
  restartTimeout: optional(v.pipe(text, v.regex(/^(\d+(\.\d+)?[hms])+$/, 'a time such as 5m or 2h'))),
})
const windowsUpdate = object({
  type: v.literal('WindowsUpdate'),
  name,
  searchCriteria: optional(text),
  filters: optional(strings),
  updateLimit: optional(wholeNumber(0, 2 ** 31 - 1)),
})

const VALIDATOR_TYPES = ['Shell', 'PowerShell', 'File'] as const
const CUSTOMIZER_TYPES = [...VALIDATOR_TYPES, 'WindowsRestart', 'WindowsUpdate'] as const

const validator = tagged('type', VALIDATOR_TYPES, scripted(v.variant('type', [shell, powerShell, file])))
const customizer = tagged(
  'type',
  CUSTOMIZER_TYPES,
  scripted(v.variant('type', [shell, powerShell, file, windowsRestart, windowsUpdate])),
)

/** What every script must keep to; the service says so only when the template is submitted. */
function scripted<T extends { type: string }>(
  schema: v.GenericSchema<unknown, T>,
): v.GenericSchema<unknown, T> {
  const isScript = (step: { type: string }): boolean => step.type === 'Shell' || step.type === 'PowerShell'
  interface Script {
    type: string
    inline?: string[]
    scriptUri?: string
    sha256Checksum?: string
    runElevated?: boolean
    runAsSystem?: boolean
  }
  const holds = (rule: (step: Script) => boolean) => (step: T) => !isScript(step) || rule(step)
  return v.pipe(
    schema,
    v.check(
      holds(({ inline = [], scriptUri }) => inline.length > 0 !== (scriptUri !== undefined)),
      'needs either inline or scriptUri',
    ),
    v.check(
      holds(({ scriptUri, sha256Checksum }) => sha256Checksum === undefined || scriptUri !== undefined),
      'has a sha256Checksum, which belongs to scriptUri',
    ),
    v.check(
      holds(({ runElevated, runAsSystem }) => runAsSystem !== true || runElevated === true),
      'has runAsSystem, which needs runElevated: true',
    ),
  )
}

const versioning = tagged(
  'scheme',
  ['Latest', 'Source'],
  v.variant('scheme', [
    object({ scheme: v.literal('Latest'), major: optional(wholeNumber(-1, 2 ** 31 - 1)) }),
    object({ scheme: v.literal('Source') }),
  ]),
)
const target = { runOutputName, artifactTags: optional(tags) }
const managedImage = object({ type: v.literal('ManagedImage'), ...target, imageId: text, location: text })
const sharedImage = object({
  type: v.literal('SharedImage'),
  ...target,
  galleryImageId: text,
  targetRegions: optional(
    v.array(
      object({
        name: text,
        replicaCount: optional(wholeNumber(1, 100)),
        storageAccountType: optional(storageAccountType),
      }),
    ),
  ),
  replicationRegions: optional(strings),
  storageAccountType: optional(storageAccountType),
  excludeFromLatest: optional(flag),
  replicationMode: optional(choice('Full', 'Shallow')),
  versioning: optional(versioning),
})
const vhd = object({ type: v.literal('VHD'), ...target, uri: optional(url) })
const distributor = tagged(
  'type',
  ['ManagedImage', 'SharedImage', 'VHD'],
  v.variant('type', [managedImage, sharedImage, vhd]),
)

/** Filled in by the service: a template that was read from it holds it. */
const exactVersion = optional(v.unknown())
const source = tagged(
  'type',
  ['PlatformImage', 'ManagedImage', 'SharedImageVersion'],
  v.variant('type', [
    object({
      type: v.literal('PlatformImage'),
      publisher: text,
      offer: text,
      sku: text,
      version: optional(text, 'latest'),
      planInfo: optional(object({ planName: text, planProduct: text, planPublisher: text })),
      exactVersion,
    }),
    object({ type: v.literal('ManagedImage'), imageId: text }),
    object({ type: v.literal('SharedImageVersion'), imageVersionId: text, exactVersion }),
  ]),
)

const onError = optional(choice('cleanup', 'abort'))

/** Everything of a template that neither inputs nor look-ups make anew. */
const settings = {
  optimize: optional(
    object({
      vmBoot: optional(object({ state: optional(state) })),
      workload: optional(
        object({ state: optional(state), scriptUri: optional(url), sha256Checksum: optional(checksum) }),
      ),
    }),
  ),
  validate: optional(
    object({
      continueDistributeOnFailure: optional(flag),
      sourceValidationOnly: optional(flag),
      inVMValidations: optional(v.array(validator)),
    }),
  ),
  errorHandling: optional(object({ onCustomizerError: onError, onValidationError: onError })),
  buildTimeoutInMinutes: optional(wholeNumber(0, 960)),
  vmProfile: optional(
    object({
      vmSize: optional(text),
      osDiskSizeGB: optional(wholeNumber(0, 4095)),
      userAssignedIdentities: optional(strings),
      vnetConfig: optional(
        object({
          subnetId: optional(text),
          containerInstanceSubnetId: optional(text),
          proxyVmSize: optional(text),
        }),
      ),
    }),
  ),
  additionalDataDisks: optional(v.array(object({ sizeGB: wholeNumber(1, 32_767) }))),
  stagingResourceGroup: optional(text),
  autoRun: optional(object({ state: optional(state) })),
  managedResourceTags: optional(tags),
}

/** The template of a `template-file`, once its expressions are resolved and what the service fills in is gone. */
const imageTemplateFile = object({
  location: optional(text),
  tags: optional(tags),
  identity: optional(
    object({ type: optional(text), userAssignedIdentities: optional(map(text, v.unknown())) }),
  ),
  properties: object({
    source: optional(source),
    customize: optional(v.array(customizer)),
    distribute: optional(v.array(distributor)),
    ...settings,
  }),
})

export type Customizer = v.InferOutput<typeof customizer>
export type Validator = v.InferOutput<typeof validator>
export type Distributor = v.InferOutput<typeof distributor>
export type SourceBody = v.InferOutput<typeof source>
export type ImageTemplateFile = v.InferOutput<typeof imageTemplateFile>
/** The fields of `properties` that go into the template as they are. */
export type TemplateSettings = Omit<ImageTemplateFile['properties'], 'source' | 'customize' | 'distribute'>

/** What may be read by itself. */
export const ARM_FORMS = {
  customizers: v.array(customizer),
  distributors: v.array(distributor),
  imageTemplate: imageTemplateFile,
} as const
export type ArmForms = { [K in keyof typeof ARM_FORMS]: v.InferOutput<(typeof ARM_FORMS)[K]> }
