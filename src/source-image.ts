/** The source image: the forms in which a user may name it, and the choice of its exact version. */
import { isOfType, parseResourceId } from './resource-id.ts'

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
  | { kind: 'gallery-version'; id: string }
  | { kind: 'gallery-definition'; id: string }

/** Facts of the image that decide how it is customized and where it may go. */
export interface ImageFacts {
  osType: OsType
  /** `V1` or `V2`; absent where Azure does not say. */
  hyperVGeneration?: string | undefined
  /** `x64` or `Arm64`; absent where Azure does not say. */
  architecture?: string | undefined
}

/** The exact image that the build starts from. */
export type SourceImage = ImageFacts &
  (
    | {
        kind: 'marketplace'
        publisher: string
        offer: string
        sku: string
        version: string
        plan?: PurchasePlan
      }
    | { kind: 'managed-image'; id: string }
    | { kind: 'gallery-version'; id: string }
  )

const FORMS =
  'use Publisher:Offer:Sku[:Version], or the resource ID of a managed image, a gallery image version or a gallery image definition'

/**
 * Reads `source-image`; its form says its kind.
 * @returns the request, or a sentence that says what is wrong
 */
export function parseSourceImage(text: string, version: string): SourceImageRequest | string {
  if (text.startsWith('/')) return parseImageId(text)
  const parts = text.split(':').map((part) => part.trim())
  const [publisher, offer, sku, ownVersion] = parts
  if (parts.length > 4 || !publisher || !offer || !sku || ownVersion === '') {
    return `'${text}' is not an image; ${FORMS}.`
  }
  return { kind: 'marketplace', publisher, offer, sku, version: ownVersion ?? version }
}

function parseImageId(given: string): SourceImageRequest | string {
  const text = given.replace(/\/+$/, '')
  const id = parseResourceId(text)
  if (!id) return `'${text}' is not a resource ID; ${FORMS}.`
  if (isOfType(id, 'Microsoft.Compute/images')) return { kind: 'managed-image', id: text }
  if (isOfType(id, 'Microsoft.Compute/galleries/images/versions')) {
    const latest = id.names[2]?.toLowerCase() === 'latest'
    return latest
      ? { kind: 'gallery-definition', id: text.replace(/\/versions\/[^/]+$/i, '') }
      : { kind: 'gallery-version', id: text }
  }
  if (isOfType(id, 'Microsoft.Compute/galleries/images')) return { kind: 'gallery-definition', id: text }
  return `'${text}' is a ${id.type}, not an image; ${FORMS}.`
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
