/** Finds in Azure what the inputs name: everything side by side, every mistake in one failure, nothing created. */
import { customizationProblems } from '../customizers.ts'
import { definitionProblems, type GalleryDefinition } from '../distributors.ts'
import { InputError } from '../errors.ts'
import type { Findings, StorageAccount } from '../image-template.ts'
import type { BuildRequest } from '../inputs.ts'
import { regionName } from '../names.ts'
import { didYouMean } from '../nearest.ts'
import { formatResourceId, lastName } from '../resource-id.ts'
import type { ResourceManager } from './arm.ts'
import { allOrEveryProblem, Reader, wrong } from './reader.ts'
import { readDefinition, readSourceImage } from './source-images.ts'

/**
 * Looks everything up.
 * @throws InputError with every mistake; AzureError when Azure refused to tell; SignInError
 */
export async function lookUp(
  arm: ResourceManager,
  request: BuildRequest,
  signal?: AbortSignal,
): Promise<Findings> {
  const reader = new Reader(arm, signal)
  const [identityId, storageAccount, sourceImage, definition] = await allOrEveryProblem([
    identity(reader, request),
    storage(reader, request),
    readSourceImage(reader, request),
    targetDefinition(reader, request),
    offeredLocation(reader, request),
    resourceGroup(reader, request),
  ] as const)
  const { distributor } = request
  const problems = customizationProblems(request, sourceImage.osType)
  if (definition && distributor.type === 'gallery') {
    problems.push(...definitionProblems(definition, sourceImage, distributor.targetRegions))
  }
  if (problems.length > 0) throw new InputError(problems)
  return { identityId, sourceImage, ...(storageAccount ? { storageAccount } : {}) }
}

/** The provider's own list of regions, so that a new one works on its first day. */
async function offeredLocation(reader: Reader, { subscriptionId, location }: BuildRequest): Promise<void> {
  const namespace = 'Microsoft.VirtualMachineImages'
  const { registrationState, resourceTypes } = await reader.get<{
    registrationState: string
    resourceTypes: { resourceType: string; locations: string[] }[]
  }>(`/subscriptions/${subscriptionId}/providers/${namespace}`, 'resources', `resource provider ${namespace}`)
  if (registrationState !== 'Registered') {
    const command = `az provider register --namespace ${namespace} --subscription ${subscriptionId}`
    wrong('subscription-id', `has the resource provider ${namespace} '${registrationState}'; run: ${command}`)
  }
  const type = resourceTypes.find(({ resourceType }) => resourceType.toLowerCase() === 'imagetemplates')
  const offered = (type?.locations ?? []).map(regionName).sort()
  if (offered.includes(location)) return
  const hint = didYouMean(location, offered)
  wrong('location', `'${location}' does not offer Image Builder; these do: ${offered.join(', ')}.${hint}`)
}

async function resourceGroup(reader: Reader, request: BuildRequest): Promise<void> {
  const { resourceGroup: name, subscriptionId } = request
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${name}`
  await reader.get(path, 'resources', `resource group ${name}`, () =>
    wrong('resource-group', `'${name}' does not exist in subscription ${subscriptionId}.`),
  )
}

async function identity(reader: Reader, request: BuildRequest): Promise<string> {
  const { managedIdentity, resourceGroup, subscriptionId } = request
  const type = 'Microsoft.ManagedIdentity/userAssignedIdentities'
  const id = managedIdentity.startsWith('/')
    ? managedIdentity
    : formatResourceId({ subscriptionId, resourceGroup, type, names: [managedIdentity] })
  const what = `managed identity ${lastName(id)}`
  const found = await reader.get<{ id: string }>(id, 'identity', what, () =>
    wrong('managed-identity', `'${managedIdentity}' does not exist; looked for ${id}.`),
  )
  return found.id
}

interface AccountBody {
  id: string
  name: string
  properties: { primaryEndpoints: { blob: string }; allowSharedKeyAccess?: boolean | null }
}

async function storage(reader: Reader, request: BuildRequest): Promise<StorageAccount | undefined> {
  const { storageAccount: given, buildPath, subscriptionId } = request
  if (given === undefined || buildPath === undefined) return undefined
  const missing = (hint = ''): never =>
    wrong('storage-account', `'${given}' was not found, or the signed-in identity may not read it.${hint}`)
  const byName = async (): Promise<AccountBody> => {
    const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`
    const accounts = await reader.list<AccountBody>(path, 'storage', 'looking for the storage account')
    const names = accounts.map(({ name }) => name)
    return accounts.find(({ name }) => name === given) ?? missing(didYouMean(given, names))
  }
  const { id, name, properties } = given.startsWith('/')
    ? await reader.get<AccountBody>(given, 'storage', `storage account ${lastName(given)}`, missing)
    : await byName()
  const { primaryEndpoints, allowSharedKeyAccess } = properties
  // Azure takes no word on it for a yes.
  return { id, name, blobEndpoint: primaryEndpoints.blob, allowsKeys: allowSharedKeyAccess ?? true }
}

/** The gallery image definition that the image goes to. An explicit version must be new: versions never change. */
async function targetDefinition(
  reader: Reader,
  { distributor }: BuildRequest,
): Promise<GalleryDefinition | undefined> {
  if (distributor.type !== 'gallery') return undefined
  const id = distributor.galleryImageId
  const definitionId = id.replace(/\/versions\/[^/]+$/i, '')
  const newVersion = async (): Promise<void> => {
    if (definitionId === id || !(await reader.exists(id, 'gallery', `image version ${lastName(id)}`))) return
    wrong(
      'gallery-image-id',
      `version ${lastName(id)} exists already; give a new one, or none to have it numbered.`,
    )
  }
  const [definition] = await allOrEveryProblem([
    readDefinition(reader, definitionId, 'gallery-image-id'),
    newVersion(),
  ] as const)
  return definition
}
