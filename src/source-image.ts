/** The source image: the forms in which a user may name it, and the choice of its exact version. */
import { IMAGE_ALIASES, imageOfAlias } from './image-aliases.ts'
import type { InputReader, Place } from './input-reader.ts'
import { problemAt } from './input-reader.ts'
import { didYouMean } from './nearest.ts'
import { GUID, idMistake, isOfType, parseResourceId, resourceGroupOfId } from './resource-id.ts'
import type { SourceBody } from './template-schema.ts'

export type OsType = 'Linux' | 'Windows'

export interface PurchasePlan {
  planName: string
  planProduct: string
  planPublisher: string
}

/** What the user asked for; `latest` not yet resolved. */
export type SourceImageRequest =
  | { kind: 'marketplace'; publisher: string; offer: string; sku: string; version: string }
  | { kind: 'managed-image'; id: string }
  /** `id` of a version, also of a direct shared gallery's. */
  | { kind: 'gallery-version'; id: string }
  | { kind: 'gallery-definition'; id: string }

/** The source as asked for, and where the user wrote it. */
export interface SourceRequest {
  image: SourceImageRequest
  /** Overrides the plan that a marketplace image tells of itself. */
  plan?: PurchasePlan
  place: Place
}

/** Facts of the image that decide how it is customized and where it may go. */
export interface ImageFacts {
  osType: OsType
  /** `V1` or `V2`; absent where Azure does not say. */
  hyperVGeneration?: string | undefined
  /** `x64` or `Arm64`; absent where Azure does not say. */
  architecture?: string | undefined
  /** Such as `TrustedLaunchSupported`; '' for none; absent where Azure does not say. */
  securityType?: string | undefined
  /** Size of the operating system's disk; absent where Azure does not say. */
  osDiskSizeGB?: number | undefined
  /** Such as `ScheduledForDeprecation`; absent for an image that is in use. */
  deprecation?: string | undefined
}

/** The exact image, as it is named. */
export type SourceName =
  | {
      kind: 'marketplace'
      publisher: string
      offer: string
      sku: string
      version: string
      plan?: PurchasePlan
    }
  /** `made` tells the image from one that takes its place under the same name. */
  | { kind: 'managed-image'; id: string; made?: string }
  | { kind: 'gallery-version'; id: string }

/** The exact image that the build starts from. */
export type SourceImage = ImageFacts & SourceName

const FORMS =
  'use Publisher:Offer:Sku[:Version], an alias such as Ubuntu2404, or the resource ID of a managed image, a gallery image version or a gallery image definition'

/** `/subscriptions/<id>/providers/Microsoft.Compute/locations/<region>/sharedGalleries/<gallery>/images/<definition>`, with version. */
const SHARED_GALLERY =
  /^(\/subscriptions\/([^/]+)\/providers\/Microsoft\.Compute\/locations\/[^/]+\/sharedGalleries\/[^/]+\/images\/[^/]+)(?:\/versions\/([^/]+))?$/i

/**
 * Reads `source-image`; its form says its kind.
 * @returns the request, or a sentence that says what is wrong
 */
export function parseSourceImage(text: string, version: string): SourceImageRequest | string {
  if (text.startsWith('/')) return parseImageId(text.replace(/\/+$/, ''))
  const parts = text.split(':').map((part) => part.trim())
  const [publisher, offer, sku, ownVersion] = parts
  const alias = parts.length === 1 ? imageOfAlias(text) : undefined
  if (alias) return { kind: 'marketplace', ...alias, version }
  if (parts.length > 4 || !publisher || !offer || !sku || ownVersion === '') {
    const hint = parts.length === 1 ? didYouMean(text, Object.keys(IMAGE_ALIASES)) : ''
    return `'${text}' is not an image; ${FORMS}.${hint}`
  }
  return { kind: 'marketplace', publisher, offer, sku, version: ownVersion ?? version }
}

function parseImageId(text: string): SourceImageRequest | string {
  const [, sharedDefinition, subscription = '', sharedVersion] = SHARED_GALLERY.exec(text) ?? []
  if (sharedDefinition) {
    if (!GUID.test(subscription))
      return `'${text}' names '${subscription}' as subscription, which is no GUID.`
    return galleryImage(text, sharedDefinition, sharedVersion)
  }
  const id = parseResourceId(text)
  if (!id && resourceGroupOfId(text) === undefined) return `'${text}' is not a resource ID; ${FORMS}.`
  const mistake = idMistake(text, ['image', 'version', 'definition'])
  if (!id || mistake !== undefined) return mistake ?? ''
  if (isOfType(id, 'Microsoft.Compute/images')) return { kind: 'managed-image', id: text }
  return galleryImage(text, text.replace(/\/versions\/[^/]+$/i, ''), id.names[2])
}

function galleryImage(
  id: string,
  definitionId: string,
  version: string | undefined,
): SourceImageRequest | string {
  if (version === undefined || version.toLowerCase() === 'latest')
    return { kind: 'gallery-definition', id: definitionId }
  if (/^\d+\.\d+\.\d+$/.test(version)) return { kind: 'gallery-version', id }
  return `'${version}' is no version of a gallery image: use x.y.z or latest.`
}

/** Reads the source from the inputs, else from a template file; undefined when neither has one. */
export function readSource(
  read: InputReader,
  file: { source: SourceBody; place: Place } | undefined,
): SourceRequest | undefined {
  const text = read.optional('source-image')
  if (text !== undefined) return readSourceInput(read, text)
  for (const input of ['source-plan', 'source-image-version']) {
    const given = read.optional(input)
    if (given !== undefined && given.toLowerCase() !== 'latest')
      read.problem(input, 'belongs to source-image, which was not given.')
  }
  if (file) return readSourceBody(read, file)
  read.required('source-image')
  return undefined
}

function readSourceInput(read: InputReader, text: string): SourceRequest | undefined {
  const place = { input: 'source-image' }
  const version = read.optional('source-image-version') ?? 'latest'
  const image = parseSourceImage(text, version)
  const plan = readSourcePlan(read)
  if (typeof image === 'string') {
    read.problem('source-image', image)
    return undefined
  }
  if (plan && image.kind !== 'marketplace') read.problem('source-plan', 'belongs to a marketplace image.')
  if (version.toLowerCase() !== 'latest') {
    if (image.kind !== 'marketplace') {
      read.problem(
        'source-image-version',
        `'${version}' has no meaning for ${text}; put the version into the ID.`,
      )
    } else if (image.version !== version) {
      const contradiction = `'${version}' contradicts the version in source-image, '${image.version}'.`
      read.problem('source-image-version', contradiction)
    }
  }
  return { image, ...(plan ? { plan } : {}), place }
}

function readSourceBody(
  read: InputReader,
  { source, place }: { source: SourceBody; place: Place },
): SourceRequest | undefined {
  if (source.type === 'PlatformImage') {
    const { publisher, offer, sku, version, planInfo } = source
    const image = { kind: 'marketplace', publisher, offer, sku, version } as const
    return { image, ...(planInfo ? { plan: planInfo } : {}), place }
  }
  const [id, field] =
    source.type === 'ManagedImage' ? [source.imageId, '.imageId'] : [source.imageVersionId, '.imageVersionId']
  const image = parseImageId(id.replace(/\/+$/, ''))
  if (typeof image === 'string') {
    read.problems.push(problemAt(place, field, image))
    return undefined
  }
  if ((source.type === 'ManagedImage') === (image.kind === 'managed-image')) return { image, place }
  read.problems.push(problemAt(place, field, `'${id}' is no image of the type ${source.type}.`))
  return undefined
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

/** Compares versions number by number: `1.10.0` comes after `1.9.0`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')]
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = Number(left[index] ?? 0) - Number(right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The highest version by number, or undefined for an empty list. */
export function latestVersion(versions: readonly string[]): string | undefined {
  return [...versions].sort(compareVersions).at(-1)
}

/** A version of a gallery image as Compute lists it, cut down to what the choice needs. */
export interface GalleryVersion {
  id: string
  name: string
  provisioningState: string
  excludeFromLatest: boolean
  /** Regions that hold a replica, in the spelling of `regionName`. */
  regions: string[]
  /** Absent where Azure does not say. */
  osDiskSizeGB?: number | undefined
}

/**
 * The version that `latest` means: the highest number among those that are complete and not excluded from
 * latest. Whether it has a replica where it is needed is checked afterwards, so that a missing replica is
 * reported instead of an older image being built on in silence.
 */
export function latestGalleryVersion(versions: readonly GalleryVersion[]): GalleryVersion | undefined {
  return versions
    .filter((version) => version.provisioningState === 'Succeeded' && !version.excludeFromLatest)
    .sort((a, b) => compareVersions(a.name, b.name))
    .at(-1)
}
