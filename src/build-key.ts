/** The build key: what decides how an image turns out, in one digest. The same key means the same image. */
import { createHash } from 'node:crypto'
import type { BuildArtifact } from './artifact-customizers.ts'
import type { ImageTemplate } from './image-template.ts'

/** Tag of every image and template that the action makes. */
export const BUILD_KEY_TAG = 'build-key'

/** Fields of `properties` that say where a build works, for how long and where the image goes, not how it turns out. */
const WITHOUT_EFFECT = new Set([
  'distribute',
  'buildTimeoutInMinutes',
  'stagingResourceGroup',
  'managedResourceTags',
  'errorHandling',
  'autoRun',
])

/**
 * SHA-256, in lower-case hexadecimal, over the template without what does not shape the image.
 * @param template built for an artifact whose URL and digest stand for its content alone, see `keyArtifact`
 */
export function buildKey(template: ImageTemplate): string {
  const shaping = Object.entries(template.properties).filter(([field]) => !WITHOUT_EFFECT.has(field))
  return createHash('sha256')
    .update(canonical(Object.fromEntries(shaping)))
    .digest('hex')
}

/** JSON with the fields of every object in order, so that the same template gives the same text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** Stands for an artifact in the template of which the key is made: neither name of blob nor way of transfer counts. */
export function keyArtifact(folder: string, content: string): BuildArtifact {
  return { folder, url: 'artifact', sha256: content, bytes: 0, transfer: 'file' }
}
