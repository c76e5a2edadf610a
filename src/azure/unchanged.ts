/** What is there already: an image of the same build key, or a template of this workflow run that still builds. */
import { BUILD_KEY_TAG } from '../build-key.ts'
import {
  definitionIdOf,
  distributionProblem,
  isGallery,
  regionsOf,
  type Distribution,
  type GalleryDistributor,
} from '../distributors.ts'
import { InputError } from '../errors.ts'
import type { NewBuild } from '../inputs.ts'
import { regionName } from '../names.ts'
import type { RunningTemplate } from '../ports.ts'
import { formatResourceId, KINDS, lastName, sameId } from '../resource-id.ts'
import { compareVersions } from '../source-image.ts'
import type { Distributor } from '../template-schema.ts'
import type { Reader } from './reader.ts'

type Tags = Record<string, string> | undefined

/**
 * Images of the build key in every target of the request.
 * @returns run output name → resource ID; undefined when one of the targets has none
 * @throws InputError when a version that the request names exists and is another image
 */
export async function findImages(
  reader: Reader,
  request: NewBuild,
  key: string,
): Promise<Record<string, string> | undefined> {
  const found = await Promise.all(
    request.distributions.map(async (one): Promise<[string, string | undefined]> => [
      one.body.runOutputName,
      await findImage(reader, one, key),
    ]),
  )
  const images = found.filter((entry): entry is [string, string] => entry[1] !== undefined)
  return images.length === found.length && images.length > 0 ? Object.fromEntries(images) : undefined
}

interface ImageBody {
  id: string
  tags: Tags
  properties: { provisioningState?: string }
}

async function findImage(reader: Reader, one: Distribution, key: string): Promise<string | undefined> {
  if (isGallery(one)) return await findVersion(reader, one, key)
  if (one.body.type !== 'ManagedImage') return undefined
  const { imageId } = one.body
  const what = `managed image ${lastName(imageId)}`
  const image = await reader.find<ImageBody>(imageId, 'compute', what)
  const complete = image?.properties.provisioningState === 'Succeeded'
  return complete && image.tags?.[BUILD_KEY_TAG] === key ? image.id : undefined
}

interface VersionBody {
  id: string
  name: string
  tags: Tags
  properties: {
    provisioningState?: string
    publishingProfile?: {
      excludeFromLatest?: boolean
      endOfLifeDate?: string | null
      targetRegions?: { name: string }[]
    }
  }
}

/** The highest version of the key, among those that could stand for the one that would be built. */
async function findVersion(
  reader: Reader,
  one: Distribution & { body: GalleryDistributor },
  key: string,
): Promise<string | undefined> {
  const wanted = /\/versions\/([^/]+)$/i.exec(one.body.galleryImageId)?.[1]
  const path = `${definitionIdOf(one.body)}/versions`
  const what = `the list of versions of ${definitionIdOf(one.body)}`
  const all =
    (await reader.ifAllowed(what, () => reader.list<VersionBody>(path, 'gallery', `reading ${what}`))) ?? []
  const named = all.find(({ name }) => name === wanted)
  if (named && named.tags?.[BUILD_KEY_TAG] !== key) {
    const message = `version ${named.name} exists already and is another image; give a new one, or none to have it numbered.`
    throw new InputError([distributionProblem(one, 'galleryImageId', message)])
  }
  return all
    .filter(
      (version) => (wanted === undefined || version.name === wanted) && version.tags?.[BUILD_KEY_TAG] === key,
    )
    .filter((version) => standsFor(version, one.body))
    .sort((a, b) => compareVersions(a.name, b.name))
    .at(-1)?.id
}

/** Whether a version is complete, in use and where it is wanted. */
function standsFor({ properties }: VersionBody, wanted: GalleryDistributor): boolean {
  const { provisioningState, publishingProfile = {} } = properties
  const { excludeFromLatest = false, endOfLifeDate, targetRegions = [] } = publishingProfile
  const regions = targetRegions.map(({ name }) => regionName(name))
  const ended = endOfLifeDate ? Date.parse(endOfLifeDate) <= Date.now() : false
  return (
    provisioningState === 'Succeeded' &&
    !ended &&
    excludeFromLatest === (wanted.excludeFromLatest ?? false) &&
    regionsOf(wanted).every((region) => regions.includes(region))
  )
}

interface TemplateBody {
  id: string
  name: string
  location: string
  tags: Tags
  properties: {
    lastRunStatus?: { runState?: string }
    exactStagingResourceGroup?: string
    distribute?: Distributor[]
  }
}

/** A template of an earlier attempt of this workflow run that builds the same for the same targets, and is at it still. */
export async function findRunning(
  reader: Reader,
  request: NewBuild,
  key: string,
): Promise<RunningTemplate | undefined> {
  const { workflowRun, location } = request
  const path = formatResourceId({ ...request, type: KINDS.template.type, names: [''] }).replace(/\/$/, '')
  const all = await reader.ifAllowed('a list of image templates', () =>
    reader.list<TemplateBody>(path, 'imageBuilder', 'listing image templates'),
  )
  const found = (all ?? []).find(
    ({ tags, location: where, properties }) =>
      tags?.['repository'] === workflowRun.repository &&
      tags['run-id'] === workflowRun.runId &&
      tags[BUILD_KEY_TAG] === key &&
      regionName(where) === location &&
      properties.lastRunStatus?.runState === 'Running' &&
      sameTargets(properties.distribute ?? [], request.distributions),
  )
  if (!found) return undefined
  const { exactStagingResourceGroup: stagingResourceGroup } = found.properties
  return {
    id: found.id,
    name: found.name,
    tags: found.tags ?? {},
    body: found,
    ...(stagingResourceGroup ? { stagingResourceGroup } : {}),
  }
}

function sameTargets(theirs: readonly Distributor[], ours: readonly Distribution[]): boolean {
  const target = (body: Distributor): string =>
    body.type === 'SharedImage'
      ? body.galleryImageId
      : body.type === 'ManagedImage'
        ? body.imageId
        : (body.uri ?? '')
  return (
    theirs.length === ours.length &&
    theirs.every((body, index) => {
      const other = ours[index]?.body
      return (
        other?.type === body.type &&
        other.runOutputName === body.runOutputName &&
        sameId(target(body), target(other))
      )
    })
  )
}
