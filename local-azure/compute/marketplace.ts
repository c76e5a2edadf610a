/** Marketplace images: publishers, offers, SKUs and versions under `Microsoft.Compute/locations`. */
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import type { MarketplaceSku } from '../seed.ts'
import { checkLocation, usualDiskSize } from './vm-sizes.ts'
import type { World } from '../world.ts'

const PUBLISHERS = '/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/publishers'
const OFFERS = `${PUBLISHERS}/{publisher}/artifacttypes/vmimage/offers`
const SKUS = `${OFFERS}/{offer}/skus`
const VERSIONS = `${SKUS}/{sku}/versions`

/** A marketplace SKU, its three names compared without regard to case. */
export function marketplaceImage(
  world: World,
  publisher: string,
  offer: string,
  sku: string,
): MarketplaceSku | undefined {
  return world.seed.marketplace.find(
    (one) => same(one.publisher, publisher) && same(one.offer, offer) && same(one.sku, sku),
  )
}

/** The highest of some version numbers, compared number by number; undefined when there is none. */
export function latestVersion(versions: string[]): string | undefined {
  return [...versions].sort(compareVersions).at(-1)
}

/** Lists at each level are bare arrays (recorded). */
export function marketplaceRoutes(world: World, apiVersions: string[]): ArmRoute[] {
  const get = (path: string, action: string, answer: (request: ArmRequest) => unknown): ArmRoute => ({
    method: 'GET',
    path,
    action: `Microsoft.Compute/locations/publishers/${action}`,
    apiVersions,
    handle: (request) => {
      checkLocation(world, request, 'locations/publishers', apiVersions)
      return { status: 200, body: answer(request) }
    },
  })
  const items = (request: ArmRequest, skus: MarketplaceSku[], level: Level) =>
    uniqueBy(skus, level).map((one) => listItem(request, one[level], idOf(request, one, level)))
  return [
    get(PUBLISHERS, 'read', (request) => items(request, world.seed.marketplace, 'publisher')),
    get(OFFERS, 'artifacttypes/offers/read', (request) => items(request, skusFor(world, request), 'offer')),
    get(SKUS, 'artifacttypes/offers/skus/read', (request) => items(request, skusFor(world, request), 'sku')),
    get(VERSIONS, 'artifacttypes/offers/skus/versions/read', (request) => {
      const [sku] = skusFor(world, request)
      return versionList(request, sku)
    }),
    get(`${VERSIONS}/{version}`, 'artifacttypes/offers/skus/versions/read', (request) => {
      const [sku] = skusFor(world, request)
      return versionDetails(request, sku)
    }),
  ]
}

type Level = 'publisher' | 'offer' | 'sku'

/**
 * The SKUs that the path's publisher, offer and SKU select, as far as it names them. Both refusals are reported
 * from the live service; the second one also when merely the offer is unknown.
 */
function skusFor(world: World, request: ArmRequest): [MarketplaceSku, ...MarketplaceSku[]] {
  const { publisher = '', offer, sku } = request.params
  const published = world.seed.marketplace.filter((one) => same(one.publisher, publisher))
  if (published.length === 0) throw new ArmError(404, 'NotFound', `Publisher: ${publisher} was not found.`)
  const [first, ...rest] = published.filter(
    (one) => (offer === undefined || same(one.offer, offer)) && (sku === undefined || same(one.sku, sku)),
  )
  if (!first) throw imageNotFound()
  return [first, ...rest]
}

/** By number, ascending (assumed) or by `$orderby=name desc`; `$top` counts after ordering. */
function versionList(request: ArmRequest, sku: MarketplaceSku): unknown[] {
  const query = request.url.searchParams
  const ascending = [...sku.versions].sort(compareVersions)
  const ordered = /^name\s+desc$/i.test(query.get('$orderby') ?? '') ? ascending.reverse() : ascending
  const top = query.get('$top')
  return ordered
    .slice(0, top === null ? undefined : Number(top))
    .map((version) => listItem(request, version, versionId(request, sku, version)))
}

function versionDetails(request: ArmRequest, sku: MarketplaceSku): unknown {
  const { version = '' } = request.params
  if (!/^\d+(\.\d+)+$/.test(version))
    throw new ArmError(400, 'InvalidParameter', 'The value of parameter version is invalid.')
  if (!sku.versions.includes(version)) throw imageNotFound()
  const imageState = sku.imageStates?.[version] ?? 'Active'
  if (imageState === 'Deprecated') throw deprecated(sku, version)
  const features = sku.securityType ? [{ name: 'SecurityType', value: sku.securityType }] : []
  return {
    ...listItem(request, version, versionId(request, sku, version)),
    properties: {
      hyperVGeneration: sku.hyperVGeneration,
      architecture: sku.architecture,
      replicaType: 'Managed',
      replicaCount: 10,
      disallowed: { vmDiskType: 'Unmanaged' },
      automaticOSUpgradeProperties: { automaticOSUpgradeSupported: false },
      imageDeprecationStatus: { imageState },
      features: [...features, { name: 'IsAcceleratedNetworkSupported', value: 'True' }],
      ...(sku.plan && { plan: sku.plan }),
      osDiskImage: {
        operatingSystem: sku.osType,
        sizeInGb: sku.osDiskSizeGB ?? usualDiskSize(sku.osType),
      },
      dataDiskImages: [],
    },
  }
}

function listItem(request: ArmRequest, name: string, id: string) {
  return { location: request.params['location'], name, id }
}

/** IDs of this part of Compute begin each word with a capital (recorded). */
function idOf(request: ArmRequest, sku: MarketplaceSku, level: Level): string {
  const { subscription = '', location = '' } = request.params
  const publisher =
    `/Subscriptions/${subscription}/Providers/Microsoft.Compute/Locations/${location}` +
    `/Publishers/${sku.publisher}`
  if (level === 'publisher') return publisher
  const offer = `${publisher}/ArtifactTypes/VMImage/Offers/${sku.offer}`
  return level === 'offer' ? offer : `${offer}/Skus/${sku.sku}`
}

function versionId(request: ArmRequest, sku: MarketplaceSku, version: string): string {
  return `${idOf(request, sku, 'sku')}/Versions/${version}`
}

function imageNotFound(): ArmError {
  return new ArmError(404, 'NotFound', 'Artifact: VMImage was not found.')
}

/** Code and text: reported of reading one; the status, of making a VM from one. */
function deprecated({ publisher, offer, sku }: MarketplaceSku, version: string): ArmError {
  const message = `VM Image from publisher: ${publisher} with - Offer: ${offer}, Sku: ${sku}, Version: ${version} is deprecated.`
  return new ArmError(404, 'ImageVersionDeprecated', message)
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  const unequal = left.findIndex((number, i) => number !== right[i])
  return unequal < 0 ? left.length - right.length : (left[unequal] ?? 0) - (right[unequal] ?? -1)
}

function uniqueBy(skus: MarketplaceSku[], level: Level): MarketplaceSku[] {
  return skus.filter((one, i) => skus.findIndex((other) => same(other[level], one[level])) === i)
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
