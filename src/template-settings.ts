/** Build VM, network, validation, timeouts and tags: what goes into the template as it is, unlike source and targets. */
import { mergedTags } from './image-template.ts'
import type { InputReader } from './input-reader.ts'
import { formatResourceId, idMistake, KINDS, resourceGroupOfId } from './resource-id.ts'
import type { TemplateSettings } from './template-schema.ts'

export const ERROR_HANDLINGS = ['cleanup', 'abort'] as const

/** Where names in the inputs are looked for. */
export interface Home {
  subscriptionId: string
  resourceGroup: string
}

const DEFAULT_TIMEOUT_MINUTES = 240

/**
 * Reads the inputs over the settings of a template file. An input at its default says nothing, as nobody can tell
 * whether the user wrote it: then the file's own value stays.
 */
export function readSettings(read: InputReader, file: TemplateSettings, home: Home): TemplateSettings {
  const dataDisks = readDataDisks(read)
  const vmProfile = readVmProfile(read, file.vmProfile ?? {}, home)
  const stagingResourceGroup = readStagingGroup(read, file.stagingResourceGroup, home)
  return {
    ...file,
    ...section('optimize', {
      ...file.optimize,
      ...(read.boolean('optimize-vm-boot') ? { vmBoot: { state: 'Enabled' as const } } : {}),
    }),
    ...section('validate', { ...file.validate, ...readValidation(read) }),
    ...section('errorHandling', { ...file.errorHandling, ...readErrorHandling(read) }),
    ...section('vmProfile', vmProfile),
    ...section(
      'managedResourceTags',
      mergedTags(file.managedResourceTags ?? {}, read.tags('managed-resource-tags')),
    ),
    ...(dataDisks.length > 0 ? { additionalDataDisks: dataDisks } : {}),
    ...(stagingResourceGroup === undefined ? {} : { stagingResourceGroup }),
    buildTimeoutInMinutes: readTimeout(read, file.buildTimeoutInMinutes),
  }
}

/** A part of the template, left out when it is empty. */
function section<K extends string, T extends object>(name: K, fields: T): Partial<Record<K, T>> {
  return Object.keys(fields).length > 0 ? ({ [name]: fields } as Record<K, T>) : {}
}

function readValidation(read: InputReader): NonNullable<TemplateSettings['validate']> {
  return {
    ...(read.boolean('continue-distribute-on-failure') ? { continueDistributeOnFailure: true } : {}),
    ...(read.boolean('source-validation-only') ? { sourceValidationOnly: true } : {}),
  }
}

function readErrorHandling(read: InputReader): NonNullable<TemplateSettings['errorHandling']> {
  const customizer = read.oneOf('on-customizer-error', ERROR_HANDLINGS, 'cleanup')
  const validation = read.oneOf('on-validation-error', ERROR_HANDLINGS, 'cleanup')
  return {
    ...(customizer === 'abort' ? { onCustomizerError: customizer } : {}),
    ...(validation === 'abort' ? { onValidationError: validation } : {}),
  }
}

/** How long a build may take, distribution included; 0 and nothing stand for the service's default. */
export function buildMinutes({ buildTimeoutInMinutes = 0 }: TemplateSettings): number {
  return buildTimeoutInMinutes === 0 ? DEFAULT_TIMEOUT_MINUTES : buildTimeoutInMinutes
}

/** A value of an input, else of the template file, and the way to report a mistake in it where it stands. */
interface Given<T> {
  value: T | undefined
  fromFile: boolean
  problem: (message: string) => void
}

function givenOf<T>(
  read: InputReader,
  input: string,
  value: T | undefined,
  file: T | undefined,
  path: string,
): Given<T> {
  const fromFile = value === undefined
  return {
    value: value ?? file,
    fromFile,
    problem: (message) => {
      if (fromFile) read.problem('template-file', `${path}: ${message}`)
      else read.problem(input, message)
    },
  }
}

/** 1 to 5 minutes pass the schema, but the build breaks: its token lives no longer (reported). */
function readTimeout(read: InputReader, file: number | undefined): number {
  const rule = '0 (the service default of 240) or 6 to 960; 1 to 5 break the build'
  const allowed = (minutes: number): boolean => minutes === 0 || (minutes >= 6 && minutes <= 960)
  const given = read.integer('build-timeout-in-minutes', DEFAULT_TIMEOUT_MINUTES, rule, allowed)
  if (given !== DEFAULT_TIMEOUT_MINUTES || file === undefined) return given
  if (!allowed(file)) {
    read.problem('template-file', `properties.buildTimeoutInMinutes: '${file}' is not allowed; use ${rule}.`)
  }
  return file
}

type VmProfile = NonNullable<TemplateSettings['vmProfile']>

function readVmProfile(read: InputReader, file: VmProfile, home: Home): VmProfile {
  const vmSize = readVmSize(read, 'vm-size', file.vmSize, 'properties.vmProfile.vmSize').value
  const osDiskSizeGB = read.integer('os-disk-size-gb', 0, '1 to 4095 GB', (size) => size >= 1 && size <= 4095)
  const identities = readIdentities(read, file.userAssignedIdentities ?? [], home)
  return {
    ...file,
    ...(vmSize === undefined ? {} : { vmSize }),
    ...(osDiskSizeGB === 0 ? {} : { osDiskSizeGB }),
    ...(identities.length > 0 ? { userAssignedIdentities: identities } : {}),
    ...section('vnetConfig', readNetwork(read, file.vnetConfig ?? {})),
  }
}

/** Azure's names of sizes: `Standard_D2ds_v5`. Which of them a region has, only Azure can tell. */
function readVmSize(read: InputReader, input: string, file: string | undefined, path: string): Given<string> {
  const size = givenOf(read, input, read.optional(input), file, path)
  if (size.value !== undefined && !/^[A-Za-z]+(_[A-Za-z0-9-]+)+$/.test(size.value)) {
    size.problem(`'${size.value}' is no VM size; use a name such as Standard_D2ds_v5.`)
  }
  return size
}

/** Those of the inputs, which may be names, else those of the file, which are IDs. */
function readIdentities(read: InputReader, file: string[], home: Home): string[] {
  const values = read.list('build-vm-identities')
  if (values.length === 0) {
    file.forEach((value, index) => {
      const mistake = idMistake(value, ['identity'])
      const place = `properties.vmProfile.userAssignedIdentities[${index}]`
      if (mistake !== undefined) read.problem('template-file', `${place}: ${mistake}`)
    })
    return file
  }
  return values.map((value) => {
    checkIdentity(read, 'build-vm-identities', value)
    return identityId(value, home)
  })
}

/** A managed identity by name or ID. */
export function checkIdentity(read: InputReader, input: string, value: string): void {
  read.nameOrId(
    input,
    value,
    'identity',
    /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/,
    "3 to 128 letters, digits, '-' or '_'",
  )
}

/** The ID of a managed identity that is given by its name in `home`, or by its ID. */
export function identityId(nameOrId: string, home: Home): string {
  if (nameOrId.startsWith('/')) return nameOrId.replace(/\/+$/, '')
  return formatResourceId({ ...home, type: KINDS.identity.type, names: [nameOrId] })
}

type Network = NonNullable<VmProfile['vnetConfig']>

/** With a subnet for its container, Image Builder needs no proxy VM, and takes none ("networking options"). */
function readNetwork(read: InputReader, file: Network): Network {
  const path = 'properties.vmProfile.vnetConfig'
  const subnetOf = (input: string, field: 'subnetId' | 'containerInstanceSubnetId'): Given<string> => {
    const subnet = givenOf(read, input, read.optional(input), file[field], `${path}.${field}`)
    const mistake = subnet.value === undefined ? undefined : idMistake(subnet.value, ['subnet'])
    if (mistake !== undefined) subnet.problem(mistake)
    return subnet
  }
  const subnet = subnetOf('subnet-id', 'subnetId')
  const container = subnetOf('container-instance-subnet-id', 'containerInstanceSubnetId')
  const proxy = readVmSize(read, 'proxy-vm-size', file.proxyVmSize, `${path}.proxyVmSize`)
  if (proxy.value !== undefined && container.value !== undefined) {
    proxy.problem(`'${proxy.value}' excludes container-instance-subnet-id: with it there is no proxy VM.`)
  }
  if (subnet.value === undefined && !read.lenient) {
    if (proxy.value !== undefined) proxy.problem(`'${proxy.value}' needs subnet-id.`)
    if (container.value !== undefined) container.problem('needs subnet-id, for the build VM.')
  }
  return {
    ...file,
    ...(subnet.value === undefined ? {} : { subnetId: subnet.value }),
    ...(container.value === undefined ? {} : { containerInstanceSubnetId: container.value }),
    ...(proxy.value === undefined ? {} : { proxyVmSize: proxy.value }),
  }
}

function readDataDisks(read: InputReader): { sizeGB: number }[] {
  return read.list('data-disk-sizes-gb').flatMap((entry) => {
    const sizeGB = Number(entry)
    if (/^\d+$/.test(entry) && sizeGB >= 1 && sizeGB <= 32_767) return [{ sizeGB }]
    read.problem('data-disk-sizes-gb', `'${entry}' is not a size in GB from 1 to 32767.`)
    return []
  })
}

/** An ID, or as input the name of a group in the template's subscription. */
function readStagingGroup(read: InputReader, file: string | undefined, home: Home): string | undefined {
  const { subscriptionId, resourceGroup } = home
  const path = 'properties.stagingResourceGroup'
  const { value, fromFile, problem } = givenOf(
    read,
    'staging-resource-group',
    read.optional('staging-resource-group'),
    file,
    path,
  )
  // The service takes an empty one for none.
  if (value === undefined || value === '') return value
  const byName = !fromFile && !value.startsWith('/')
  const id = byName ? `/subscriptions/${subscriptionId}/resourceGroups/${value}` : value.replace(/\/+$/, '')
  const name = resourceGroupOfId(id)
  if (name === undefined) {
    problem(`'${value}' is not the ${fromFile ? '' : 'name or the '}ID of a resource group.`)
  } else if (!id.toLowerCase().startsWith(`/subscriptions/${subscriptionId.toLowerCase()}/`)) {
    problem(`'${value}' is in another subscription; it must be in that of the template.`)
  } else if (name.toLowerCase() === resourceGroup.toLowerCase()) {
    problem(`'${value}' is the group of the template; staging needs an empty one of its own.`)
  }
  return id
}
