/** What a template starts from: finds the source image and says what kind of system is in it. */
import {
  latestVersion,
  marketplaceImage,
  sharedDefinition,
  sharedImageMissing,
  sharedVersionParts,
  sharedVersions,
} from '../compute.ts'
import type { Source } from './image-template.ts'
import { notAuthorized, SubmissionFailure } from './submission-failure.ts'
import type { Architecture, Generation, MarketplaceSku, OsType } from '../seed.ts'
import { regionKey, type Principal, type Resource, type World } from '../world.ts'

/** The facts about a source image that the build depends on. */
export interface SourceImage {
  /** The version behind `latest`; undefined for a managed image. */
  exactVersion?: string
  osType: OsType
  generation: Generation
  architecture: Architecture
  /** Undefined where the image does not say: a managed image never does. */
  securityType?: string
  declaresSecurity: boolean
  /** Of the system disk; undefined where the image does not say. */
  osDiskSizeGB?: number
}

/** `Microsoft.Compute/galleries/images`, as far as builds look at it. */
export interface DefinitionProperties {
  osType: OsType
  osState: string
  hyperVGeneration: Generation
  architecture?: Architecture
  features?: { name: string; value: string }[]
}

/** Finds the source with the template identity's eyes. Throws a SubmissionFailure. */
export function findSource(world: World, source: Source, location: string, identity: Principal): SourceImage {
  switch (source.type) {
    case 'PlatformImage':
      return platformImage(world, source, location)
    case 'ManagedImage':
      return managedImage(world, source.imageId, location, identity)
    case 'SharedImageVersion':
      return sharedVersionParts(source.imageVersionId)
        ? sharedImageVersion(world, source.imageVersionId, location)
        : imageVersion(world, source.imageVersionId, location, identity)
  }
}

function platformImage(
  world: World,
  source: Source & { type: 'PlatformImage' },
  location: string,
): SourceImage {
  const { publisher, offer, sku, version, planInfo } = source
  const image = marketplaceImage(world, publisher, offer, sku)
  const exactVersion = version === 'latest' ? latestVersion(inUse(image)) : version
  const named = `location: ${location}, publisherName: ${publisher}, offer: ${offer}, sku: ${sku}, version: ${version}`
  if (!image || exactVersion === undefined || !image.versions.includes(exactVersion)) {
    const message =
      `Platform Image was not found. ${named}. Please check the specified source image version in Image Builder ` +
      'Template exists. For information on how to check available versions, types, review ' +
      'https://aka.ms/azvmimagebuilderts.'
    throw new SubmissionFailure('PlatformImageNotFound', message, 'BadPIRSource') // text: reported; code: assumed
  }
  if (image.imageStates?.[exactVersion] === 'Deprecated') {
    // Code and text: reported of VMs; that a submission says so already is assumed.
    const message = `The platform image '${publisher}:${offer}:${sku}:${exactVersion}' is deprecated.`
    throw new SubmissionFailure('ImageVersionDeprecated', message, 'BadPIRSource')
  }
  if (image.plan && !samePlan(image, planInfo)) {
    const message =
      `Purchase Plan was not provided for image: ${named}. Update the Azure Image Builder Template to include Plan ` +
      `Infomartion details, publisher: ${image.plan.publisher}, name: ${image.plan.name}, product: ${image.plan.product}.`
    throw new SubmissionFailure('PurchasePlanNotProvided', message, 'BadPIRSource') // reported up to `details`
  }
  const { osType, hyperVGeneration: generation, architecture, securityType, osDiskSizeGB } = image
  return {
    exactVersion,
    ...(osDiskSizeGB !== undefined && { osDiskSizeGB }),
    osType,
    generation,
    architecture,
    ...(securityType && { securityType }),
    declaresSecurity: true,
  }
}

/** Versions that `latest` may stand for: none that is deprecated (assumed). */
function inUse(image: MarketplaceSku | undefined): string[] {
  return (image?.versions ?? []).filter((version) => image?.imageStates?.[version] !== 'Deprecated')
}

function samePlan({ plan }: MarketplaceSku, sent: (Source & { type: 'PlatformImage' })['planInfo']): boolean {
  return (
    sent?.planName === plan?.name &&
    sent?.planProduct === plan?.product &&
    sent?.planPublisher === plan?.publisher
  )
}

/** A managed image must be in the template's region (documented). */
function managedImage(world: World, imageId: string, location: string, identity: Principal): SourceImage {
  demand(world, identity, 'Microsoft.Compute/images/read', imageId)
  const image = world.resources.get(imageId)
  if (!image) {
    const message =
      `Build (Managed Image) step failed: Error getting Managed Image '${imageId}': Error getting managed image ` +
      `(${lastName(imageId)}): compute.ImagesClient#Get: Failure responding to request: ${notFound(imageId)}`
    throw new SubmissionFailure('BadManagedImageSource', message) // text: by analogy with a missing image version
  }
  if (regionKey(image.location ?? '') !== regionKey(location)) {
    const message =
      `Build (Managed Image) step failed: the source image '${imageId}' is in region '${image.location ?? ''}', ` +
      `the image template in '${location}'.` // text: assumed
    throw new SubmissionFailure('BadManagedImageSource', message)
  }
  const { storageProfile, hyperVGeneration } = image.properties as {
    storageProfile: { osDisk: { osType: OsType; diskSizeGB: number } }
    hyperVGeneration: Generation
  }
  // Managed images of Arm64 machines do not exist (reported).
  const { osType, diskSizeGB: osDiskSizeGB } = storageProfile.osDisk
  return { osType, generation: hyperVGeneration, architecture: 'x64', declaresSecurity: false, osDiskSizeGB }
}

function imageVersion(world: World, versionId: string, location: string, identity: Principal): SourceImage {
  const definitionId = versionId.replace(/\/versions\/[^/]+$/i, '')
  demandGallery(world, identity, definitionId)
  demand(world, identity, 'Microsoft.Compute/galleries/images/versions/read', versionId)
  const wanted = lastName(versionId).toLowerCase() === 'latest' ? latestOf(world, definitionId) : versionId
  const version = wanted === undefined ? undefined : world.resources.get(wanted)
  const definition = world.resources.get(definitionId)
  if (!version || !definition) throw versionMissing(versionId)
  const { publishingProfile, storageProfile } = version.properties as unknown as VersionProperties
  if (!publishingProfile.targetRegions.some(({ name }) => regionKey(name) === regionKey(location))) {
    const message = sharedImageMissing(version.id, location)
    throw new SubmissionFailure('GalleryImageNotFound', message, 'BadSharedImageVersionSource')
  }
  const { osType, hyperVGeneration, architecture = 'x64', features } = definitionOf(definition)
  const securityType = securityOf(features)
  return {
    exactVersion: version.name,
    osType,
    generation: hyperVGeneration,
    architecture,
    ...(securityType && { securityType }),
    declaresSecurity: true,
    osDiskSizeGB: storageProfile.osDiskImage.sizeInGB,
  }
}

/**
 * An image that another subscription shares with this one. Whoever is in the subscription may use it, the template's
 * identity without a right of its own (assumed); the region in its ID and its replicas are the template's (assumed).
 */
function sharedImageVersion(world: World, versionId: string, location: string): SourceImage {
  const parts = sharedVersionParts(versionId)
  const { gallery, image, version } = parts ?? { gallery: '', image: '', version: '' }
  const definition = sharedDefinition(world, gallery, image)
  const replicated = definition ? sharedVersions(definition, location) : []
  const current = replicated.filter((one) => !one.excludeFromLatest).map(({ name }) => name)
  const wanted = version.toLowerCase() === 'latest' ? latestVersion(current) : version
  const found = replicated.find(({ name }) => name === wanted)
  if (!definition || !found || regionKey(parts?.location ?? '') !== regionKey(location)) {
    const uniqueId = `/SharedGalleries/${gallery}/Images/${image}/Versions/${version}`
    const message = sharedImageMissing(uniqueId, location)
    throw new SubmissionFailure('GalleryImageNotFound', message, 'BadSharedImageVersionSource')
  }
  const { osType, hyperVGeneration, architecture, securityType } = definition
  return {
    exactVersion: found.name,
    osType,
    generation: hyperVGeneration,
    architecture,
    ...(securityType && { securityType }),
    declaresSecurity: true,
    ...(found.osDiskSizeGB !== undefined && { osDiskSizeGB: found.osDiskSizeGB }),
  }
}

interface VersionProperties {
  storageProfile: { osDiskImage: { sizeInGB: number } }
  publishingProfile: { targetRegions: { name: string }[]; excludeFromLatest?: boolean }
  provisioningState: string
}

/** Latest by number, neither excluded nor failed. */
function latestOf(world: World, definitionId: string): string | undefined {
  const names = versionsOf(world, definitionId)
    .filter((one) => {
      const { publishingProfile, provisioningState } = one.properties as unknown as VersionProperties
      return provisioningState === 'Succeeded' && publishingProfile.excludeFromLatest !== true
    })
    .map((one) => one.name)
  const latest = latestVersion(names)
  return latest === undefined ? undefined : `${definitionId}/versions/${latest}`
}

/** Throws what a submission fails with where the template's identity lacks a right. */
export function demand(world: World, identity: Principal, action: string, id: string): void {
  if (!world.allows(identity, action, id)) throw notAuthorized(id)
}

/** What reading from a gallery takes beside its versions, and writing into it as well (permissions document). */
export function demandGallery(world: World, identity: Principal, definitionId: string): void {
  demand(world, identity, 'Microsoft.Compute/galleries/images/read', definitionId)
  demand(world, identity, 'Microsoft.Compute/galleries/read', definitionId.replace(/\/images\/[^/]+$/i, ''))
}

/** All versions of an image definition. */
export function versionsOf(world: World, definitionId: string): Resource[] {
  return world.resources.list('Microsoft.Compute/galleries/images/versions', `${definitionId}/versions/`)
}

export function definitionOf(definition: Resource): DefinitionProperties {
  return definition.properties as unknown as DefinitionProperties
}

export function securityOf(features: DefinitionProperties['features']): string | undefined {
  return features?.find(({ name }) => name === 'SecurityType')?.value
}

/** Text: documented. */
function versionMissing(id: string): SubmissionFailure {
  const message =
    `Build (Shared Image Version) step failed for Image Version '${id}': Error getting Image Version '${id}': Error ` +
    `getting image version '${lastName(id.replace(/\/versions\/[^/]+$/i, ''))}:${lastName(id)}': ` +
    `compute.GalleryImageVersionsClient#Get: Failure responding to request: ${notFound(id)}`
  return new SubmissionFailure('BadSharedImageVersionSource', message)
}

function notFound(id: string): string {
  const [, group = '', rest = ''] = /\/resourceGroups\/([^/]+)\/providers\/(.+)$/i.exec(id) ?? []
  return (
    'StatusCode=404 -- Original Error: autorest/azure: Service returned an error. Status=404 ' +
    `Code="ResourceNotFound" Message="The Resource '${rest}' under resource group '${group}' was not found."`
  )
}

function lastName(id: string): string {
  return id.split('/').at(-1) ?? ''
}
