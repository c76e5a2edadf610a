/** What the versions of a gallery image tell of the builds that made them. */
import { definitionIdOf, isGallery } from '../distributors.ts'
import { AzureError, messageOf } from '../errors.ts'
import { BUILD_STARTED_TAG } from '../image-template.ts'
import type { NewBuild } from '../inputs.ts'
import type { EarlierBuild } from '../progress.ts'
import type { Reader } from './reader.ts'

interface VersionBody {
  tags?: Record<string, string>
  properties: { publishingProfile?: { publishedDate?: string } }
}

/** Builds of the first gallery target that this action made; none where they cannot be read: nothing depends on them. */
export async function earlierBuilds(reader: Reader, { distributions }: NewBuild): Promise<EarlierBuild[]> {
  const gallery = distributions.find(isGallery)
  if (!gallery) return []
  const what = `the list of versions of ${definitionIdOf(gallery.body)}`
  try {
    const path = `${definitionIdOf(gallery.body)}/versions`
    const versions = await reader.list<VersionBody>(path, 'gallery', `reading ${what}`)
    return versions.flatMap(({ tags, properties }) => {
      const startedAt = tags?.[BUILD_STARTED_TAG]
      const publishedAt = properties.publishingProfile?.publishedDate
      return startedAt !== undefined && publishedAt !== undefined ? [{ startedAt, publishedAt }] : []
    })
  } catch (error) {
    if (!(error instanceof AzureError)) throw error
    reader.debug(`${what} does not tell how long builds take: ${messageOf(error)}`)
    return []
  }
}
