/** Where the image goes: managed image, Compute Gallery, VHD; what a distributor must keep to by itself. */
import type { Problem } from './errors.ts'
import { problemAt, type Placed } from './input-reader.ts'
import { regionName } from './names.ts'
import { idMistake, withoutVersion } from './resource-id.ts'
import type { Distributor } from './template-schema.ts'

export type GalleryDistributor = Extract<Distributor, { type: 'SharedImage' }>
/** A distributor, and which input each of its fields came from. */
export interface Distribution extends Placed<Distributor> {
  /** Inputs that set fields of this one, for mistakes in them. */
  inputs: Partial<Record<string, string>>
}

/** Every mistake in distributors that shows without asking Azure. */
export function distributionProblems(all: readonly Distribution[]): Problem[] {
  return [...all.flatMap((one) => [...formProblems(one), ...bodyProblems(one)]), ...sameNames(all)]
}

/** A mistake in a field, told where the user wrote it. */
export function distributionProblem(
  { place, inputs }: Distribution,
  field: string,
  message: string,
): Problem {
  const input = inputs[field]
  return input === undefined ? problemAt(place, `.${field}`, message) : { input, message }
}

function formProblems(one: Distribution): Problem[] {
  const { body } = one
  const mistakes: [field: string, mistake: string | undefined][] =
    body.type === 'ManagedImage'
      ? [['imageId', given(body.imageId, ['image'])]]
      : body.type === 'SharedImage'
        ? [['galleryImageId', given(body.galleryImageId, ['definition', 'version'])]]
        : []
  return mistakes.flatMap(([field, mistake]) =>
    mistake === undefined ? [] : [distributionProblem(one, field, mistake)],
  )
}

/** An ID that was not given at all has been told of already. */
function given(value: string, kinds: Parameters<typeof idMistake>[1]): string | undefined {
  return value === '' ? undefined : idMistake(value, kinds)
}

/** Fields that exclude each other. */
function bodyProblems(one: Distribution): Problem[] {
  const { body } = one
  if (body.type !== 'SharedImage') return []
  const { galleryImageId, targetRegions = [], replicationRegions = [], storageAccountType, versioning } = body
  const problem = (field: string, message: string): Problem => distributionProblem(one, field, message)
  const version = /\/versions\/([^/]*)$/i.exec(galleryImageId)?.[1]
  const problems: Problem[] = []
  if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) {
    problems.push(
      problem(
        'galleryImageId',
        `'${version}' is no version of a gallery image: use x.y.z, or none to have it numbered.`,
      ),
    )
  }
  if (version !== undefined && versioning !== undefined) {
    problems.push(problem('versioning', `has no meaning with a version of its own, ${version}.`))
  }
  if (targetRegions.length > 0 && replicationRegions.length > 0) {
    problems.push(problem('replicationRegions', 'excludes targetRegions: give one of them.'))
  }
  if (storageAccountType !== undefined && replicationRegions.length === 0) {
    problems.push(
      problem(
        'storageAccountType',
        'goes with replicationRegions alone; in targetRegions each region has its own.',
      ),
    )
  }
  const names = regionsOf(body)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  const field = targetRegions.length > 0 ? 'targetRegions' : 'replicationRegions'
  if (twice !== undefined) problems.push(problem(field, `'${twice}' stands there twice.`))
  return problems
}

/** The service keeps run outputs by name, and Resource Manager does not tell names apart by letter case. */
function sameNames(all: readonly Distribution[]): Problem[] {
  const names = all.map(({ body }) => body.runOutputName.toLowerCase())
  return all
    .filter(({ body }, index) => names.indexOf(body.runOutputName.toLowerCase()) !== index)
    .map((one) =>
      distributionProblem(
        one,
        'runOutputName',
        `'${one.body.runOutputName}' stands there twice; each distributor needs a name of its own.`,
      ),
    )
}

/** Regions as Azure spells them, IDs without a slash at the end. */
export function tidy(body: Distributor): Distributor {
  switch (body.type) {
    case 'ManagedImage':
      return { ...body, imageId: body.imageId.replace(/\/+$/, ''), location: regionName(body.location) }
    case 'SharedImage':
      return {
        ...body,
        galleryImageId: body.galleryImageId.replace(/\/+$/, ''),
        ...(body.targetRegions && {
          targetRegions: body.targetRegions.map((region) => ({ ...region, name: regionName(region.name) })),
        }),
        ...(body.replicationRegions && { replicationRegions: body.replicationRegions.map(regionName) }),
      }
    case 'VHD':
      return body
  }
}

export type WantedRegion = NonNullable<GalleryDistributor['targetRegions']>[number]

/** The regions that a gallery image version goes to, as `regionName` spells them, with what is asked of each. */
export function wantedRegions({
  targetRegions = [],
  replicationRegions = [],
  storageAccountType,
}: GalleryDistributor): WantedRegion[] {
  const bare = replicationRegions.map((name) => ({ name, ...(storageAccountType && { storageAccountType }) }))
  return [...targetRegions, ...bare].map((region) => ({ ...region, name: regionName(region.name) }))
}

/** The names alone. */
export function regionsOf(body: GalleryDistributor): string[] {
  return wantedRegions(body).map(({ name }) => name)
}

/** Regions of the first gallery target, and how often the image stands in each, for people to read. */
export function replicasOf(distributions: readonly Distribution[]): { name: string; replicas: number }[] {
  const gallery = distributions.find(isGallery)
  if (!gallery) return []
  return wantedRegions(gallery.body).map(({ name, replicaCount = 1 }) => ({ name, replicas: replicaCount }))
}

/** The image definition that a gallery distributor adds a version to. */
export function definitionIdOf({ galleryImageId }: GalleryDistributor): string {
  return withoutVersion(galleryImageId)
}

export function isGallery(one: Distribution): one is Distribution & { body: GalleryDistributor } {
  return one.body.type === 'SharedImage'
}
