/**
 * Finds in Azure what the inputs name: everything side by side, every mistake in one failure, nothing created.
 * API versions are the newest that the answers used here were confirmed with.
 */
import { definitionProblems, type GalleryDefinition } from '../distributors.ts'
import { customizationProblems } from '../customizers.ts'
import { InputError, isNotFound, type AzureError, type Problem } from '../errors.ts'
import type { Findings, StorageAccount } from '../image-template.ts'
import type { BuildRequest } from '../inputs.ts'
import { regionName } from '../names.ts'
import { didYouMean } from '../nearest.ts'
import { formatResourceId, lastName, parseResourceId } from '../resource-id.ts'
import {
  latestGalleryVersion,
  latestVersion,
  type GalleryVersion,
  type OsType,
  type SourceImage,
  type SourceImageRequest,
} from '../source-image.ts'
import type { ResourceManager } from './arm.ts'

const COMPUTE = '2024-03-01'
const GALLERY = '2023-07-03'
const RESOURCES = '2021-04-01'
const STORAGE = '2023-05-01'
const IDENTITY = '2023-01-31'

/**
 * Looks everything up.
 * @throws InputError with every mistake; AzureError when Azure refused to tell
 */
export async function lookUp(
  arm: ResourceManager,
  request: BuildRequest,
  signal?: AbortSignal,
): Promise<Findings> {
  const look = new Lookups(arm, request, signal)
  const [, , identityId, storageAccount, sourceImage, definition] = await allOrEveryProblem([
    look.location(),
    look.resourceGroup(),
    look.identity(),
    look.storageAccount(),
    look.sourceImage(),
    look.definition(),
  ] as const)
  const { distributor } = request
  const problems = [
    ...customizationProblems(request, sourceImage.osType),
    ...(definition && distributor.type === 'gallery'
      ? definitionProblems(definition, sourceImage, distributor.targetRegions)
      : []),
  ]
  if (problems.length > 0) throw new InputError(problems)
  return { identityId, sourceImage, ...(storageAccount ? { storageAccount } : {}) }
}

/** Waits for all; throws one error that holds what went wrong in any. */
async function allOrEveryProblem<T extends readonly unknown[]>(
  lookups: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(lookups)
  const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
  const other = reasons.find((reason) => !(reason instanceof InputError))
  if (other !== undefined) throw other
  const problems = reasons.flatMap((reason) => (reason instanceof InputError ? reason.problems : []))
  if (problems.length > 0) throw new InputError(problems)
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>
  }
}

class Lookups {
  private readonly arm: ResourceManager
  private readonly request: BuildRequest
  private readonly signal: AbortSignal | undefined
  private readonly subscription: string

  constructor(arm: ResourceManager, request: BuildRequest, signal: AbortSignal | undefined) {
    this.arm = arm
    this.request = request
    this.signal = signal
    this.subscription = `/subscriptions/${request.subscriptionId}`
  }

  /** The provider's own list of regions, so that a new one works on its first day. */
  async location(): Promise<void> {
    const provider = await this.get<{
      registrationState: string
      resourceTypes: { resourceType: string; locations: string[] }[]
    }>(
      `${this.subscription}/providers/Microsoft.VirtualMachineImages`,
      RESOURCES,
      'resource provider of Image Builder',
    )
    if (provider.registrationState !== 'Registered') {
      wrong(
        'subscription-id',
        `has the resource provider Microsoft.VirtualMachineImages in state '${provider.registrationState}'; run: az provider register --namespace Microsoft.VirtualMachineImages --subscription ${this.request.subscriptionId}`,
      )
    }
    const type = provider.resourceTypes.find(
      ({ resourceType }) => resourceType.toLowerCase() === 'imagetemplates',
    )
    const offered = (type?.locations ?? []).map(regionName).sort()
    const { location } = this.request
    if (!offered.includes(location)) {
      const hint = didYouMean(location, offered)
      wrong('location', `'${location}' does not offer Image Builder; these do: ${offered.join(', ')}.${hint}`)
    }
  }

  async resourceGroup(): Promise<void> {
    const { resourceGroup, subscriptionId } = this.request
    await this.get(
      `${this.subscription}/resourceGroups/${resourceGroup}`,
      RESOURCES,
      `resource group ${resourceGroup}`,
      () => wrong('resource-group', `'${resourceGroup}' does not exist in subscription ${subscriptionId}.`),
    )
  }

  async identity(): Promise<string> {
    const { managedIdentity, resourceGroup, subscriptionId } = this.request
    const id = managedIdentity.startsWith('/')
      ? managedIdentity
      : formatResourceId({
          subscriptionId,
          resourceGroup,
          type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
          names: [managedIdentity],
        })
    const found = await this.get<{ id: string }>(id, IDENTITY, `managed identity ${managedIdentity}`, () =>
      wrong('managed-identity', `'${managedIdentity}' does not exist; looked for ${id}.`),
    )
    return found.id
  }

  async storageAccount(): Promise<StorageAccount | undefined> {
    const { storageAccount, buildPath } = this.request
    if (storageAccount === undefined || buildPath === undefined) return undefined
    interface Account {
      id: string
      name: string
      properties: { primaryEndpoints: { blob: string } }
    }
    const missing = (hint = ''): never =>
      wrong(
        'storage-account',
        `'${storageAccount}' was not found, or the signed-in identity may not read it.${hint}`,
      )
    const found = storageAccount.startsWith('/')
      ? await this.get<Account>(storageAccount, STORAGE, `storage account ${storageAccount}`, missing)
      : await this.accountByName<Account>(storageAccount, missing)
    return { id: found.id, name: found.name, blobEndpoint: found.properties.primaryEndpoints.blob }
  }

  private async accountByName<T extends { name: string }>(
    name: string,
    missing: (hint: string) => never,
  ): Promise<T> {
    const accounts = await this.arm.list<T>({
      path: `${this.subscription}/providers/Microsoft.Storage/storageAccounts`,
      apiVersion: STORAGE,
      doing: 'looking for the storage account',
      signal: this.signal,
    })
    const found = accounts.find((account) => account.name.toLowerCase() === name.toLowerCase())
    return (
      found ??
      missing(
        didYouMean(
          name,
          accounts.map((account) => account.name),
        ),
      )
    )
  }

  async sourceImage(): Promise<SourceImage> {
    const { sourceImage, sourcePlan } = this.request
    if (sourceImage.kind === 'managed-image') return await this.managedImage(sourceImage.id)
    if (sourceImage.kind === 'gallery-version') return await this.galleryVersion(sourceImage.id)
    if (sourceImage.kind === 'gallery-definition') return await this.latestOf(sourceImage.id)
    const image = await this.marketplaceImage(sourceImage)
    return sourcePlan && image.kind === 'marketplace' ? { ...image, plan: sourcePlan } : image
  }

  private async marketplaceImage(
    source: Extract<SourceImageRequest, { kind: 'marketplace' }>,
  ): Promise<SourceImage> {
    const { publisher, offer, sku } = source
    const name = `${publisher}:${offer}:${sku}`
    const versions = [
      `${this.subscription}/providers/Microsoft.Compute/locations/${this.request.location}`,
      `publishers/${encodeURIComponent(publisher)}/artifacttypes/vmimage/offers/${encodeURIComponent(offer)}`,
      `skus/${encodeURIComponent(sku)}/versions`,
    ].join('/')
    const missing = (what: string): never =>
      wrong('source-image', `${what} is not offered in ${this.request.location}; see az vm image list --all.`)
    const wantsLatest = source.version.toLowerCase() === 'latest'
    const version = wantsLatest
      ? await this.latestMarketplaceVersion(versions, name, missing)
      : source.version
    const { properties } = await this.get<{ properties: MarketplaceProperties }>(
      `${versions}/${encodeURIComponent(version)}`,
      COMPUTE,
      `marketplace image ${name}:${version}`,
      () => missing(`${name}:${version}`),
    )
    return {
      kind: 'marketplace',
      publisher,
      offer,
      sku,
      version,
      osType: properties.osDiskImage.operatingSystem,
      ...facts(properties),
      ...(properties.plan ? { plan: planOf(properties.plan) } : {}),
    }
  }

  /** All versions are read and compared by number: the service's own order is by text. */
  private async latestMarketplaceVersion(
    path: string,
    name: string,
    missing: (what: string) => never,
  ): Promise<string> {
    const versions = await this.get<{ name: string }[]>(path, COMPUTE, `versions of ${name}`, () =>
      missing(name),
    )
    return latestVersion(versions.map((version) => version.name)) ?? missing(name)
  }

  private async managedImage(id: string): Promise<SourceImage> {
    const image = await this.get<{
      id: string
      location: string
      properties: { storageProfile: { osDisk: { osType: OsType } }; hyperVGeneration?: string }
    }>(id, COMPUTE, `managed image ${lastName(id)}`, () => wrong('source-image', `'${id}' does not exist.`))
    if (regionName(image.location) !== this.request.location) {
      wrong(
        'source-image',
        `is in ${regionName(image.location)}; a managed image must be in the template's region, ${this.request.location}.`,
      )
    }
    return {
      kind: 'managed-image',
      id: image.id,
      osType: image.properties.storageProfile.osDisk.osType,
      ...facts(image.properties),
    }
  }

  private async galleryVersion(id: string): Promise<SourceImage> {
    const [definition, version] = await allOrEveryProblem([
      this.readDefinition(id.replace(/\/versions\/[^/]+\/?$/i, ''), 'source-image'),
      this.get<GalleryVersionBody>(id, GALLERY, `image version ${id}`, () =>
        wrong('source-image', `'${id}' does not exist.`),
      ),
    ] as const)
    return this.sourceVersion(galleryVersionOf(version), definition)
  }

  private async latestOf(definitionId: string): Promise<SourceImage> {
    const definition = await this.readDefinition(definitionId, 'source-image')
    const versions = await this.arm.list<GalleryVersionBody>({
      path: `${definitionId}/versions`,
      apiVersion: GALLERY,
      doing: `listing the versions of ${definitionId}`,
      signal: this.signal,
    })
    const latest = latestGalleryVersion(versions.map(galleryVersionOf))
    if (!latest)
      return wrong(
        'source-image',
        `'${definitionId}' has no complete version that is not excluded from latest.`,
      )
    return this.sourceVersion(latest, definition)
  }

  private sourceVersion(version: GalleryVersion, definition: GalleryDefinition): SourceImage {
    if (!version.regions.includes(this.request.location)) {
      wrong(
        'source-image',
        `version ${version.name} has no replica in ${this.request.location}, only in ${version.regions.join(', ')}; replicate it there or build in one of these.`,
      )
    }
    const { osType, hyperVGeneration, architecture } = definition
    return {
      kind: 'gallery-version',
      id: version.id,
      osType,
      ...(hyperVGeneration === undefined ? {} : { hyperVGeneration }),
      ...(architecture === undefined ? {} : { architecture }),
    }
  }

  /** The gallery image definition that the image is to go to. */
  async definition(): Promise<GalleryDefinition | undefined> {
    const { distributor } = this.request
    if (distributor.type !== 'gallery') return undefined
    const definitionId = distributor.galleryImageId.replace(/\/versions\/[^/]+$/i, '')
    const [definition] = await allOrEveryProblem([
      this.readDefinition(definitionId, 'gallery-image-id'),
      this.newVersion(distributor.galleryImageId),
    ] as const)
    return definition
  }

  /** An explicit target version must not exist yet: versions are immutable. */
  private async newVersion(id: string): Promise<void> {
    if (!/\/versions\//i.test(id)) return
    const exists = await this.exists(id, GALLERY, `image version ${lastName(id)}`)
    if (exists)
      wrong(
        'gallery-image-id',
        `version ${lastName(id)} exists already; give a new version, or none to have it numbered.`,
      )
  }

  private async readDefinition(id: string, input: string): Promise<GalleryDefinition> {
    const { location, properties } = await this.get<{
      location: string
      properties: { osType: OsType; osState: string; hyperVGeneration?: string; architecture?: string }
    }>(id, GALLERY, `gallery image definition ${lastName(id)}`, () => this.missingDefinition(id, input))
    return {
      location: regionName(location),
      osType: properties.osType,
      osState: properties.osState,
      ...facts(properties),
    }
  }

  private missingDefinition(id: string, input: string): never {
    const { resourceGroup = '', names: [gallery = '', definition = ''] = [] } = parseResourceId(id) ?? {}
    return wrong(
      input,
      `image definition '${definition}' does not exist in gallery '${gallery}' of resource group '${resourceGroup}'; the gallery and the definition must exist before the build.`,
    )
  }

  private async exists(path: string, apiVersion: string, what: string): Promise<boolean> {
    try {
      await this.get(path, apiVersion, what)
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  private async get<T>(path: string, apiVersion: string, what: string, missing?: () => never): Promise<T> {
    try {
      const call = { path, apiVersion, doing: `reading ${what}`, signal: this.signal }
      return (await this.arm.request<T>({ ...call, method: 'GET', repeatable: true })).body
    } catch (error) {
      // A 404 for the subscription is about another input, and Azure's own words say it best.
      if (missing && isNotFound(error) && (error as AzureError).code !== 'SubscriptionNotFound')
        return missing()
      throw error
    }
  }
}

interface MarketplaceProperties {
  osDiskImage: { operatingSystem: OsType }
  hyperVGeneration?: string
  architecture?: string
  plan?: { publisher: string; name: string; product: string }
}

interface GalleryVersionBody {
  id: string
  name: string
  properties: {
    provisioningState?: string
    publishingProfile?: { excludeFromLatest?: boolean; targetRegions?: { name: string }[] }
  }
}

function galleryVersionOf({ id, name, properties }: GalleryVersionBody): GalleryVersion {
  return {
    id,
    name,
    provisioningState: properties.provisioningState ?? '',
    excludeFromLatest: properties.publishingProfile?.excludeFromLatest ?? false,
    regions: (properties.publishingProfile?.targetRegions ?? []).map((region) => regionName(region.name)),
  }
}

function facts(of: { hyperVGeneration?: string; architecture?: string }): {
  hyperVGeneration?: string
  architecture?: string
} {
  const { hyperVGeneration, architecture } = of
  return {
    ...(hyperVGeneration === undefined ? {} : { hyperVGeneration }),
    ...(architecture === undefined ? {} : { architecture }),
  }
}

function planOf(plan: { publisher: string; name: string; product: string }): {
  planName: string
  planProduct: string
  planPublisher: string
} {
  return { planName: plan.name, planProduct: plan.product, planPublisher: plan.publisher }
}

function wrong(input: string, message: string): never {
  const problem: Problem = { input, message }
  throw new InputError([problem])
}
