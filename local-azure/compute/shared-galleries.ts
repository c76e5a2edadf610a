/**
 * Direct shared galleries: images of another subscription, known by the gallery's unique name and the region that
 * one asks in. Shapes: documented (samples of the specification).
 */
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import { page } from '../resource-manager/lists.ts'
import { checkLocation, usualDiskSize } from './vm-sizes.ts'
import type { GalleryImageDefinition, GalleryImageVersion, SharedGallery } from '../seed.ts'
import type { Reply } from '../server.ts'
import { regionKey, type World } from '../world.ts'

const GALLERIES =
  '/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/sharedGalleries'
const IMAGES = `${GALLERIES}/{gallery}/images`
const VERSIONS = `${IMAGES}/{image}/versions`
/** Operation names below `Microsoft.Compute/locations` (assumed). */
const TYPE = 'Microsoft.Compute/locations/sharedGalleries'

export interface SharedImageVersion {
  definition: GalleryImageDefinition
  version: GalleryImageVersion
}

/** The parts of a shared image version's ID; undefined when it is none. */
export function sharedVersionParts(
  id: string,
): { location: string; gallery: string; image: string; version: string } | undefined {
  const pattern =
    /\/providers\/Microsoft\.Compute\/locations\/([^/]+)\/sharedGalleries\/([^/]+)\/images\/([^/]+)\/versions\/([^/]+)$/i
  const [, location, gallery, image, version] = pattern.exec(id) ?? []
  return location && gallery && image && version ? { location, gallery, image, version } : undefined
}

/** An image definition that is shared with the subscription; names compare without regard to case. */
export function sharedDefinition(
  world: World,
  gallery: string,
  image: string,
): GalleryImageDefinition | undefined {
  return findGallery(world, gallery)?.definitions.find(({ name }) => same(name, image))
}

/** Versions of a shared image that have a replica in a region. */
export function sharedVersions(definition: GalleryImageDefinition, location: string): GalleryImageVersion[] {
  return definition.versions.filter(({ targetRegions }) =>
    targetRegions.some((region) => regionKey(region) === regionKey(location)),
  )
}

/** What Compute says of an image that is not there for this caller in this region. Text: reported. */
export function sharedImageMissing(uniqueId: string, location: string): string {
  return (
    `The gallery image ${uniqueId} is not available in ${regionKey(location)} region. Please contact image owner ` +
    'to replicate to this region, or change your requested region.'
  )
}

export function sharedGalleryRoutes(world: World, apiVersions: string[]): ArmRoute[] {
  const get = (path: string, type: string, handle: (request: ArmRequest) => Reply): ArmRoute => ({
    method: 'GET',
    path,
    action: `${TYPE}${type}/read`,
    apiVersions,
    handle: (request) => {
      checkLocation(world, request, 'locations/sharedGalleries', apiVersions)
      return handle(request)
    },
  })
  const one = (body: unknown): Reply => ({ status: 200, body })
  return [
    get(GALLERIES, '', (request) =>
      page(
        request,
        world.seed.sharedGalleries.map((gallery) => describeGallery(request, gallery)),
      ),
    ),
    get(`${GALLERIES}/{gallery}`, '', (request) => one(describeGallery(request, galleryOf(world, request)))),
    get(IMAGES, '/images', (request) =>
      page(
        request,
        galleryOf(world, request).definitions.map((image) => describeImage(request, image)),
      ),
    ),
    get(`${IMAGES}/{image}`, '/images', (request) => one(describeImage(request, imageOf(world, request)))),
    get(VERSIONS, '/images/versions', (request) => {
      const definition = imageOf(world, request)
      const versions = sharedVersions(definition, request.params['location'] ?? '')
      return page(
        request,
        versions.map((version) => describeVersion(request, definition, version)),
      )
    }),
    get(`${VERSIONS}/{version}`, '/images/versions', (request) =>
      one(describeVersion(request, ...versionOf(world, request))),
    ),
  ]
}

function galleryOf(world: World, request: ArmRequest): SharedGallery {
  const gallery = findGallery(world, request.params['gallery'] ?? '')
  if (!gallery) throw missing(request)
  return gallery
}

function imageOf(world: World, request: ArmRequest): GalleryImageDefinition {
  const { gallery = '', image = '' } = request.params
  const definition = sharedDefinition(world, gallery, image)
  if (!definition) throw missing(request)
  return definition
}

function versionOf(world: World, request: ArmRequest): [GalleryImageDefinition, GalleryImageVersion] {
  const { location = '', version = '' } = request.params
  const definition = imageOf(world, request)
  const found = sharedVersions(definition, location).find(({ name }) => name === version)
  if (!found) throw missing(request)
  return [definition, found]
}

/** Reported of a VM that is made from a missing one; that reading one says the same is assumed. */
function missing(request: ArmRequest): ArmError {
  const message = sharedImageMissing(uniqueId(request), request.params['location'] ?? '')
  return new ArmError(404, 'GalleryImageNotFound', message)
}

function describeGallery(request: ArmRequest, { uniqueName }: SharedGallery): unknown {
  return {
    name: uniqueName,
    location: request.params['location'],
    identifier: { uniqueId: `/SharedGalleries/${uniqueName}` },
  }
}

function describeImage(request: ArmRequest, definition: GalleryImageDefinition): unknown {
  const { name, osType, osState, hyperVGeneration, architecture, securityType, purchasePlan } = definition
  return {
    properties: {
      osType,
      osState,
      hyperVGeneration,
      architecture,
      ...(securityType && { features: [{ name: 'SecurityType', value: securityType }] }),
      ...(purchasePlan && { purchasePlan }),
      identifier: { publisher: 'contoso', offer: name, sku: hyperVGeneration },
    },
    location: request.params['location'],
    name,
    identifier: { uniqueId: `/SharedGalleries/${request.params['gallery'] ?? ''}/Images/${name}` },
  }
}

/** These list `publishedDate` and the like at the top, not in a `publishingProfile`. */
function describeVersion(
  request: ArmRequest,
  { name: image, osType }: GalleryImageDefinition,
  version: GalleryImageVersion,
): unknown {
  const { name, excludeFromLatest = false, osDiskSizeGB, endOfLifeDate } = version
  return {
    properties: {
      publishedDate: '2026-01-05T08:00:00Z',
      ...(endOfLifeDate && { endOfLifeDate }),
      excludeFromLatest,
      storageProfile: {
        osDiskImage: { diskSizeGB: osDiskSizeGB ?? usualDiskSize(osType), hostCaching: 'None' },
      },
    },
    location: request.params['location'],
    name,
    identifier: {
      uniqueId: `/SharedGalleries/${request.params['gallery'] ?? ''}/Images/${image}/Versions/${name}`,
    },
  }
}

function uniqueId({ params: { gallery = '', image, version } }: ArmRequest): string {
  const parts = [`/SharedGalleries/${gallery}`, image && `Images/${image}`, version && `Versions/${version}`]
  return parts.filter(Boolean).join('/')
}

function findGallery(world: World, uniqueName: string): SharedGallery | undefined {
  return world.seed.sharedGalleries.find((one) => same(one.uniqueName, uniqueName))
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
