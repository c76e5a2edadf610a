/** Reads the source image from Compute: its exact version, operating system, generation, architecture and plan. */
import type { GalleryDefinition } from '../distributors.ts'
import type { BuildRequest } from '../inputs.ts'
import { regionName } from '../names.ts'
import { lastName, parseResourceId } from '../resource-id.ts'
import {
  latestGalleryVersion,
  latestVersion,
  type GalleryVersion,
  type OsType,
  type SourceImage,
  type SourceImageRequest,
} from '../source-image.ts'
import { allOrEveryProblem, wrong, type Reader } from './reader.ts'

/** Resolves `source-image` to the exact image that the build will start from. */
export async function readSourceImage(reader: Reader, request: BuildRequest): Promise<SourceImage> {
  const { sourceImage, sourcePlan, location } = request
  switch (sourceImage.kind) {
    case 'managed-image':
      return await readManagedImage(reader, sourceImage.id, location)
    case 'gallery-version':
      return await readVersion(reader, sourceImage.id, location)
    case 'gallery-definition':
      return await readLatestVersion(reader, sourceImage.id, location)
    case 'marketplace': {
      const image = await readMarketplaceImage(reader, sourceImage, request)
      return sourcePlan ? { ...image, plan: sourcePlan } : image
    }
  }
}

interface MarketplaceBody {
  properties: {
    osDiskImage: { operatingSystem: OsType }
    hyperVGeneration?: string
    architecture?: string
    plan?: { publisher: string; name: string; product: string }
  }
}

type MarketplaceRequest = Extract<SourceImageRequest, { kind: 'marketplace' }>
type MarketplaceImage = Extract<SourceImage, { kind: 'marketplace' }>

async function readMarketplaceImage(
  reader: Reader,
  { publisher, offer, sku, version: wanted }: MarketplaceRequest,
  { subscriptionId, location }: BuildRequest,
): Promise<MarketplaceImage> {
  const name = `${publisher}:${offer}:${sku}`
  const [p, o, s] = [publisher, offer, sku].map(encodeURIComponent)
  const compute = `/subscriptions/${subscriptionId}/providers/Microsoft.Compute/locations/${location}`
  const path = `${compute}/publishers/${p}/artifacttypes/vmimage/offers/${o}/skus/${s}/versions`
  const missing = (what: string) => (): never =>
    wrong('source-image', `${what} is not offered in ${location}; az vm image list --all shows what is.`)

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
  const { osDiskImage, hyperVGeneration, architecture, plan } = properties
  const planInfo = plan && { planName: plan.name, planProduct: plan.product, planPublisher: plan.publisher }
  const facts = { osType: osDiskImage.operatingSystem, hyperVGeneration, architecture }
  return {
    kind: 'marketplace',
    publisher,
    offer,
    sku,
    version,
    ...facts,
    ...(planInfo && { plan: planInfo }),
  }
}

interface ManagedImageBody {
  id: string
  location: string
  properties: { storageProfile: { osDisk: { osType: OsType } }; hyperVGeneration?: string }
}

async function readManagedImage(reader: Reader, id: string, location: string): Promise<SourceImage> {
  const image = await reader.get<ManagedImageBody>(id, 'compute', `managed image ${lastName(id)}`, () =>
    wrong('source-image', `'${id}' does not exist.`),
  )
  const home = regionName(image.location)
  if (home !== location) {
    wrong('source-image', `is in ${home}; a managed image must be in the template's region, ${location}.`)
  }
  const { storageProfile, hyperVGeneration } = image.properties
  return { kind: 'managed-image', id: image.id, osType: storageProfile.osDisk.osType, hyperVGeneration }
}

interface GalleryVersionBody {
  id: string
  name: string
  properties: {
    provisioningState?: string
    publishingProfile?: { excludeFromLatest?: boolean; targetRegions?: { name: string }[] }
  }
}

async function readVersion(reader: Reader, id: string, location: string): Promise<SourceImage> {
  const [definition, version] = await allOrEveryProblem([
    readDefinition(reader, id.replace(/\/versions\/[^/]+\/?$/i, ''), 'source-image'),
    reader.get<GalleryVersionBody>(id, 'gallery', `image version ${id}`, () =>
      wrong('source-image', `'${id}' does not exist.`),
    ),
  ] as const)
  return replicatedVersion(galleryVersion(version), definition, location)
}

async function readLatestVersion(
  reader: Reader,
  definitionId: string,
  location: string,
): Promise<SourceImage> {
  const definition = await readDefinition(reader, definitionId, 'source-image')
  const doing = `listing the versions of ${definitionId}`
  const all = await reader.list<GalleryVersionBody>(`${definitionId}/versions`, 'gallery', doing)
  const latest = latestGalleryVersion(all.map(galleryVersion))
  if (latest) return replicatedVersion(latest, definition, location)
  return wrong('source-image', `'${definitionId}' has no complete version that is not excluded from latest.`)
}

/** Image Builder reads the source in the template's region: without a replica there the build would fail. */
function replicatedVersion(
  { id, name, regions }: GalleryVersion,
  { osType, hyperVGeneration, architecture }: GalleryDefinition,
  location: string,
): SourceImage {
  if (!regions.includes(location)) {
    const where = regions.join(', ')
    wrong(
      'source-image',
      `version ${name} has no replica in ${location}, only in ${where}; add one, or build there.`,
    )
  }
  return { kind: 'gallery-version', id, osType, hyperVGeneration, architecture }
}

function galleryVersion({ id, name, properties }: GalleryVersionBody): GalleryVersion {
  const { provisioningState = '', publishingProfile } = properties
  return {
    id,
    name,
    provisioningState,
    excludeFromLatest: publishingProfile?.excludeFromLatest ?? false,
    regions: (publishingProfile?.targetRegions ?? []).map((region) => regionName(region.name)),
  }
}

interface DefinitionBody {
  location: string
  properties: { osType: OsType; osState: string; hyperVGeneration?: string; architecture?: string }
}

/** Reads a gallery image definition that `input` names. */
export async function readDefinition(reader: Reader, id: string, input: string): Promise<GalleryDefinition> {
  const { resourceGroup = '', names: [gallery = '', name = ''] = [] } = parseResourceId(id) ?? {}
  const { location, properties } = await reader.get<DefinitionBody>(
    id,
    'gallery',
    `image definition ${name}`,
    () =>
      wrong(
        input,
        `image definition '${name}' does not exist in gallery '${gallery}' of resource group '${resourceGroup}'; gallery and definition must exist before the build.`,
      ),
  )
  const { osType, osState, hyperVGeneration, architecture } = properties
  return { location: regionName(location), osType, osState, hyperVGeneration, architecture }
}
