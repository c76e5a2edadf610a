/**
 * Inputs to one checked `BuildRequest`. Every mistake is collected and reported in one failure, each with the
 * input's name, what was given, what is allowed and, where one is near, the value that was probably meant.
 * Names and meanings are a promise to users: see `action.yml`.
 */
import path from 'node:path'
import { cloud, CLOUD_NAMES, type Cloud } from './azure/cloud.ts'
import { type Distributor, readDistributor } from './distributors.ts'
import { InputError } from './errors.ts'
import { InputReader, type RawInputs } from './input-reader.ts'
import { regionName, type WorkflowRun } from './names.ts'
import { parseSourceImage, type PurchasePlan, type SourceImageRequest } from './source-image.ts'

export const PROVISIONERS = ['auto', 'shell', 'powershell'] as const
export type Provisioner = (typeof PROVISIONERS)[number]
export const CLEANUP_POLICIES = ['on-success', 'always', 'never'] as const
export type CleanupPolicy = (typeof CLEANUP_POLICIES)[number]

export interface SignIn {
  /** Absent: the runner's ambient Azure credential. */
  clientId?: string
  tenantId?: string
  /** Audience asked of GitHub's OIDC provider. */
  audience: string
  cloud: Cloud
}

export interface BuildRequest {
  signIn: SignIn
  subscriptionId: string
  resourceGroup: string
  /** As Azure spells it: `westus2`. */
  location: string
  /** Name (in `resourceGroup`) or resource ID. */
  managedIdentity: string
  /** Name (found in the subscription) or resource ID; absent when there is no artifact. */
  storageAccount?: string
  sourceImage: SourceImageRequest
  sourcePlan?: PurchasePlan
  provisioner: Provisioner
  /** Absolute; absent for none. */
  buildPath?: string
  /** Lines as written; empty for none. */
  inlineScript: string[]
  runElevated: boolean
  runAsSystem: boolean
  windowsUpdate: boolean
  distributor: Distributor
  vmSize?: string
  /** 0 stands for the service's default, 240. */
  buildTimeoutInMinutes: number
  cleanup: CleanupPolicy
  pollIntervalSeconds: number
  workflowRun: WorkflowRun
}

/**
 * Reads and checks all inputs.
 * @throws InputError that names every mistake
 */
export function readInputs(raw: RawInputs): BuildRequest {
  const read = new InputReader(raw)
  const buildPath = readBuildPath(read, raw)
  const inlineScript = read.lines('inline-script')
  const location = regionName(read.required('location'))
  const subscriptionId = readSubscription(read)
  const request: BuildRequest = {
    signIn: readSignIn(read),
    subscriptionId,
    resourceGroup: readResourceGroup(read),
    location,
    managedIdentity: readManagedIdentity(read),
    ...optional('storageAccount', readStorageAccount(read, buildPath !== undefined)),
    sourceImage: readSourceImage(read),
    ...optional('sourcePlan', readSourcePlan(read)),
    provisioner: read.oneOf('provisioner', PROVISIONERS, 'auto'),
    ...optional('buildPath', buildPath),
    inlineScript,
    runElevated: read.boolean('run-elevated'),
    runAsSystem: read.boolean('run-as-system'),
    windowsUpdate: read.boolean('windows-update'),
    distributor: readDistributor(read, location),
    ...optional('vmSize', read.optional('vm-size')),
    buildTimeoutInMinutes: read.integer(
      'build-timeout-in-minutes',
      240,
      '0 (the service default of 240) or 6 to 960; 1 to 5 break the build',
      (minutes) => minutes === 0 || (minutes >= 6 && minutes <= 960),
    ),
    cleanup: read.oneOf('cleanup', CLEANUP_POLICIES, 'on-success'),
    pollIntervalSeconds: read.integer('poll-interval-seconds', 10, '1 to 600', (s) => s >= 1 && s <= 600),
    workflowRun: raw.workflowRun,
  }
  if (request.runAsSystem && !request.runElevated) {
    read.problem('run-as-system', "'true' needs run-elevated: true as well.")
  }
  if (read.problems.length > 0) throw new InputError(read.problems)
  return request
}

function readSignIn(read: InputReader): SignIn {
  const clientId = read.orEnvironment('client-id', 'AZURE_CLIENT_ID')
  const tenantId = read.orEnvironment('tenant-id', 'AZURE_TENANT_ID')
  const resourceManager = read.optional('resource-manager-endpoint')
  const authority = read.environment('AZURE_AUTHORITY_HOST')
  read.guid('client-id', clientId)
  if (clientId !== undefined && tenantId === undefined) {
    read.problem('tenant-id', 'is required with client-id; give it, or set AZURE_TENANT_ID.')
  }
  read.url('resource-manager-endpoint', resourceManager)
  read.url('environment variable AZURE_AUTHORITY_HOST', authority)
  return {
    ...optional('clientId', clientId),
    ...optional('tenantId', tenantId),
    audience: read.optional('audience') ?? 'api://AzureADTokenExchange',
    cloud: cloud(read.oneOf('environment', CLOUD_NAMES, 'AzureCloud'), { resourceManager, authority }),
  }
}

function readSubscription(read: InputReader): string {
  const value = read.orEnvironment('subscription-id', 'AZURE_SUBSCRIPTION_ID')
  if (value === undefined)
    read.problem('subscription-id', 'is required; give it, or set AZURE_SUBSCRIPTION_ID.')
  read.guid('subscription-id', value)
  return value ?? ''
}

function readResourceGroup(read: InputReader): string {
  const value = read.required('resource-group')
  if (value !== '' && !/^[\p{L}\p{N}_.()-]{1,89}[\p{L}\p{N}_()-]$|^[\p{L}\p{N}_()-]$/u.test(value)) {
    read.problem(
      'resource-group',
      `'${value}' is not a valid name: 1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'.`,
    )
  }
  return value
}

function readManagedIdentity(read: InputReader): string {
  const value = read.required('managed-identity').replace(/\/+$/, '')
  read.nameOrId(
    'managed-identity',
    value,
    'Microsoft.ManagedIdentity/userAssignedIdentities',
    /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/,
    "3 to 128 letters, digits, '-' or '_'",
  )
  return value
}

function readStorageAccount(read: InputReader, needed: boolean): string | undefined {
  const value = read.optional('storage-account')?.replace(/\/+$/, '')
  if (value === undefined && needed) {
    read.problem(
      'storage-account',
      "is required for the build artifact; give it, or set build-path: '' to build without one.",
    )
  }
  read.nameOrId(
    'storage-account',
    value ?? '',
    'Microsoft.Storage/storageAccounts',
    /^[a-z0-9]{3,24}$/,
    '3 to 24 lower-case letters or digits',
  )
  return needed ? value : undefined
}

function readBuildPath(read: InputReader, raw: RawInputs): string | undefined {
  const given = read.optional('build-path')
  if (given === undefined) return undefined
  const absolute = path.resolve(raw.workspace, given)
  if (!raw.exists(absolute)) read.problem('build-path', `'${given}' does not exist; looked for ${absolute}.`)
  return absolute
}

function readSourceImage(read: InputReader): SourceImageRequest {
  const text = read.required('source-image')
  const version = read.optional('source-image-version') ?? 'latest'
  const source = text === '' ? undefined : parseSourceImage(text, version)
  if (typeof source === 'object') {
    if (version.toLowerCase() !== 'latest' && source.kind !== 'marketplace') {
      read.problem(
        'source-image-version',
        `'${version}' has no meaning for ${text}; put the version into the ID.`,
      )
    }
    if (version.toLowerCase() !== 'latest' && source.kind === 'marketplace' && source.version !== version) {
      read.problem(
        'source-image-version',
        `'${version}' contradicts the version in source-image, '${source.version}'.`,
      )
    }
    return source
  }
  if (source !== undefined) read.problem('source-image', source)
  return { kind: 'managed-image', id: '' }
}

function readSourcePlan(read: InputReader): PurchasePlan | undefined {
  const value = read.optional('source-plan')
  if (value === undefined) return undefined
  const [planName, planProduct, planPublisher, ...rest] = value.split(':').map((part) => part.trim())
  if (planName && planProduct && planPublisher && rest.length === 0)
    return { planName, planProduct, planPublisher }
  read.problem('source-plan', `'${value}' is not PlanName:PlanProduct:PlanPublisher.`)
  return undefined
}

/** A property that is left out when its value is undefined. */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}
