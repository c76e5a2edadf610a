/** Reads the source image from Compute: its exact version, operating system, generation, architecture and plan. */
import { createHash } from 'node:crypto'
import { canonical } from '../build-key.ts'
import { BUILD_STARTED_TAG } from '../image-template.ts'
import { problemAt, type Place } from '../input-reader.ts'
import { InputError, type Problem } from '../errors.ts'
import type { NewBuild } from '../inputs.ts'
import { regionName } from '../names.ts'
import type { GalleryDefinition } from '../image-match.ts'
import { lastName, parseResourceId, withoutVersion } from '../resource-id.ts'
import {
  latestGalleryVersion,
  latestVersion,
  type GalleryVersion,
  type OsType,
  type SourceImage,
  type SourceImageRequest,
} from '../source-image.ts'
import { allOrEveryProblem, type Reader } from './reader.ts'

/** Resolves the source to the exact image that the build will start from. */
export async function readSourceImage(reader: Reader, request: NewBuild): Promise<SourceImage> {
  const { image, plan, place } = request.source
  const { location } = request
  const wrong = (message: string): never => {
    throw new InputError([problemAt(place, '', message)])
  }
  switch (image.kind) {
    case 'managed-image':
      return await readManagedImage(reader, image.id, location, wrong)
    case 'gallery-version':
      return await readVersion(reader, image.id, location, place, wrong)
    case 'gallery-definition':
      return await readLatestVersion(reader, image.id, location, place, wrong)
    case 'marketplace': {
      const found = await readMarketplaceImage(reader, image, request, wrong)
      return plan ? { ...found, plan } : found
    }
  }
}

/** Reports a mistake in the source. */
type Wrong = (message: string) => never

interface Feature {
  name: string
  value: string
}

/** The security type that an image or a definition tells of itself; '' for none. */
function securityType(features: Feature[] | null | undefined): string {
  const value = features?.find(({ name }) => name.toLowerCase() === 'securitytype')?.value ?? ''
  return value.toLowerCase() === 'standard' ? '' : value
}

interface MarketplaceBody {
  properties: {
    osDiskImage: { operatingSystem: OsType; sizeInGb?: number }
    hyperVGeneration?: string
    architecture?: string
    features?: Feature[] | null
    plan?: { publisher: string; name: string; product: string }
    imageDeprecationStatus?: { imageState?: string } | null
  }
}

type MarketplaceRequest = Extract<SourceImageRequest, { kind: 'marketplace' }>
type MarketplaceImage = Extract<SourceImage, { kind: 'marketplace' }>

async function readMarketplaceImage(
  reader: Reader,
  { publisher, offer, sku, version: wanted }: MarketplaceRequest,
  { subscriptionId, location }: NewBuild,
  wrong: Wrong,
): Promise<MarketplaceImage> {
  const name = `${publisher}:${offer}:${sku}`
  const [p, o, s] = [publisher, offer, sku].map(encodeURIComponent)
  const compute = `/subscriptions/${subscriptionId}/providers/Microsoft.Compute/locations/${location}`
  const path = `${compute}/publishers/${p}/artifacttypes/vmimage/offers/${o}/skus/${s}/versions`
  const missing = (what: string) => (): never =>
    wrong(`${what} is not offered in ${location}; az vm image list --all shows what is.`)

  // All versions are read and compared by number: the service orders them as text.
  const latest = async (): Promise<string> => {
    const all = await reader.get<{ name: string }[]>(path, 'compute', `versions of ${name}`, missing(name))
    return latestVersion(all.map((one) => one.name)) ?? missing(name)()
  }
  const version = wanted.toLowerCase() === 'latest' ? await latest() : wanted
  const exact = `${name}:${version}`
  const { properties } = await reader.get<MarketplaceBody>(
    `${path}/${encodeURIComponent(version)}`,
    'compute',
    `marketplace image ${exact}`,
    missing(exact),
  )
  return { kind: 'marketplace', publisher, offer, sku, version, ...marketplaceFacts(properties) }
}

function marketplaceFacts(
  properties: MarketplaceBody['properties'],
): Omit<MarketplaceImage, 'kind' | 'publisher' | 'offer' | 'sku' | 'version'> {
  const { osDiskImage, hyperVGeneration, architecture, features, plan, imageDeprecationStatus } = properties
  const state = imageDeprecationStatus?.imageState
  const planInfo = plan && { planName: plan.name, planProduct: plan.product, planPublisher: plan.publisher }
  return {
    osType: osDiskImage.operatingSystem,
    hyperVGeneration,
    architecture,
    securityType: securityType(features),
    osDiskSizeGB: osDiskImage.sizeInGb,
    deprecation: state?.toLowerCase() === 'active' ? undefined : state,
    ...(planInfo && { plan: planInfo }),
  }
}

interface ManagedImageBody {
  id: string
  location: string
  tags?: Record<string, string> | null
  properties: {
    sourceVirtualMachine?: { id?: string } | null
    storageProfile: { osDisk: { osType: OsType; diskSizeGB?: number } }
    hyperVGeneration?: string
  }
}

async function readManagedImage(
  reader: Reader,
  id: string,
  location: string,
  wrong: Wrong,
): Promise<SourceImage> {
  const image = await reader.get<ManagedImageBody>(id, 'compute', `managed image ${lastName(id)}`, () =>
    wrong(`'${id}' does not exist.`),
  )
  const home = regionName(image.location)
  if (home !== location)
    wrong(`is in ${home}; a managed image must be in the template's region, ${location}.`)
  const { storageProfile, hyperVGeneration } = image.properties
  const { osType, diskSizeGB: osDiskSizeGB } = storageProfile.osDisk
  return {
    kind: 'managed-image',
    id: image.id,
    made: originOf(image),
    osType,
    hyperVGeneration,
    osDiskSizeGB,
  }
}

/**
 * What tells a managed image from one made anew under its name: its disks, the machine that it was taken from and, where
 * this action made it, when. That each is made of disks of its own is assumed; Compute tells no time of creation.
 */
function originOf({ properties, tags }: ManagedImageBody): string {
  const { storageProfile, sourceVirtualMachine } = properties
  const started = tags?.[BUILD_STARTED_TAG] ?? ''
  const origin = canonical([storageProfile, sourceVirtualMachine?.id ?? '', started])
  return createHash('sha256').update(origin).digest('hex')
}

interface GalleryVersionBody {
  name: string
  properties: {
    provisioningState?: string
    publishingProfile?: { excludeFromLatest?: boolean; targetRegions?: { name: string }[] }
    /** Direct shared galleries have it here. */
    excludeFromLatest?: boolean
    storageProfile?: { osDiskImage?: { sizeInGB?: number; diskSizeGB?: number } }
  }
}

async function readVersion(
  reader: Reader,
  id: string,
  location: string,
  place: Place,
  wrong: Wrong,
): Promise<SourceImage> {
  const definitionId = withoutVersion(id)
  const [definition, version] = await allOrEveryProblem([
    readDefinition(reader, definitionId, (message) => problemAt(place, '', message)),
    reader.get<GalleryVersionBody>(id, 'gallery', `image version ${id}`, () =>
      wrong(`'${id}' does not exist.`),
    ),
  ] as const)
  return replicatedVersion(galleryVersion(definitionId, version), definition, location, wrong)
}

async function readLatestVersion(
  reader: Reader,
  definitionId: string,
  location: string,
  place: Place,
  wrong: Wrong,
): Promise<SourceImage> {
  const definition = await readDefinition(reader, definitionId, (message) => problemAt(place, '', message))
  const doing = `listing the versions of ${definitionId}`
  const all = await reader.list<GalleryVersionBody>(`${definitionId}/versions`, 'gallery', doing)
  const latest = latestGalleryVersion(all.map((version) => galleryVersion(definitionId, version)))
  if (latest) return replicatedVersion(latest, definition, location, wrong)
  return wrong(`'${definitionId}' has no complete version that is not excluded from latest.`)
}

/** Image Builder reads the source in the template's region: without a replica there the build would fail. */
function replicatedVersion(
  { id, name, regions, osDiskSizeGB }: GalleryVersion,
  { osType, hyperVGeneration, architecture, securityType }: GalleryDefinition,
  location: string,
  wrong: Wrong,
): SourceImage {
  if (!regions.includes(location)) {
    wrong(
      `version ${name} has no replica in ${location}, only in ${regions.join(', ')}; add one, or build there.`,
    )
  }
  return { kind: 'gallery-version', id, osType, hyperVGeneration, architecture, securityType, osDiskSizeGB }
}

/** A direct shared gallery is seen region by region, and each version that is seen there is complete there. */
const SHARED_REGION = /\/locations\/([^/]+)\/sharedGalleries\//i

function galleryVersion(definitionId: string, { name, properties }: GalleryVersionBody): GalleryVersion {
  const { provisioningState, publishingProfile, storageProfile } = properties
  const shared = SHARED_REGION.exec(definitionId)?.[1]
  const disk = storageProfile?.osDiskImage
  return {
    id: `${definitionId}/versions/${name}`,
    name,
    provisioningState: provisioningState ?? (shared === undefined ? '' : 'Succeeded'),
    excludeFromLatest: publishingProfile?.excludeFromLatest ?? properties.excludeFromLatest ?? false,
    regions:
      shared === undefined
        ? (publishingProfile?.targetRegions ?? []).map((region) => regionName(region.name))
        : [regionName(shared)],
    osDiskSizeGB: disk?.sizeInGB ?? disk?.diskSizeGB,
  }
}

interface DefinitionBody {
  location: string
  properties: {
    osType: OsType
    osState: string
    hyperVGeneration?: string
    architecture?: string
    features?: Feature[] | null
  }
}

/** Reads a gallery image definition. @param problem makes a mistake of it where the user named it */
export async function readDefinition(
  reader: Reader,
  id: string,
  problem: (message: string) => Problem,
): Promise<GalleryDefinition> {
  const { resourceGroup, names: [gallery = '', name = lastName(id)] = [] } = parseResourceId(id) ?? {}
  const where =
    resourceGroup === undefined ? '' : ` in gallery '${gallery}' of resource group '${resourceGroup}'`
  const message = `image definition '${name}' does not exist${where}; gallery and definition must exist before the build.`
  const { location, properties } = await reader.get<DefinitionBody>(
    id,
    'gallery',
    `image definition ${name}`,
    () => {
      throw new InputError([problem(message)])
    },
  )
  const { osType, osState, hyperVGeneration, architecture, features } = properties
  return {
    location: regionName(location),
    osType,
    osState,
    hyperVGeneration,
    architecture,
    securityType: securityType(features),
  }
}
