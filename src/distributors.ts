/** Where the image goes: managed image, Compute Gallery, VHD. From inputs to `distribute[]` of the template. */
import type { Problem } from './errors.ts'
import type { InputReader } from './input-reader.ts'
import { regionName } from './names.ts'
import { didYouMean } from './nearest.ts'
import { isOfType, parseResourceId } from './resource-id.ts'
import type { ImageFacts } from './source-image.ts'

export const DISTRIBUTE_TYPES = ['managed-image', 'gallery', 'vhd'] as const
export type DistributeType = (typeof DISTRIBUTE_TYPES)[number]

export const STORAGE_ACCOUNT_TYPES = ['Standard_LRS', 'Standard_ZRS', 'Premium_LRS'] as const

export interface TargetRegion {
  /** As Azure spells it: `westus2`. */
  name: string
  replicas?: number
  storageAccountType?: (typeof STORAGE_ACCOUNT_TYPES)[number]
}

export type Distributor = { runOutputName: string } & (
  | { type: 'managed-image'; imageId: string; location: string }
  | { type: 'gallery'; galleryImageId: string; targetRegions: TargetRegion[] }
  | { type: 'vhd' }
)

/** Kept from the Azure DevOps task. */
const DEFAULT_RUN_OUTPUT_NAMES: Record<DistributeType, string> = {
  'managed-image': 'ManagedImage_distribute',
  gallery: 'SharedImage_distribute',
  vhd: 'VHD_distribute',
}

/** The inputs that a target is inferred from. */
const ID_INPUTS: { type: DistributeType; input: string }[] = [
  { type: 'managed-image', input: 'managed-image-id' },
  { type: 'gallery', input: 'gallery-image-id' },
]

/** Inputs that one target alone understands. */
const OWN_INPUTS: { type: DistributeType; input: string }[] = [
  { type: 'managed-image', input: 'managed-image-location' },
  { type: 'gallery', input: 'replication-regions' },
]

/** Reads the inputs that say where the image goes; problems are reported to `read`. */
export function readDistributor(read: InputReader, location: string): Distributor {
  const type = readType(read)
  for (const stray of OWN_INPUTS.filter(
    (own) => own.type !== type && read.optional(own.input) !== undefined,
  )) {
    read.problem(stray.input, `has no meaning for ${type}; it belongs to ${stray.type}.`)
  }
  const runOutputName = read.optional('run-output-name') ?? DEFAULT_RUN_OUTPUT_NAMES[type]
  if (!/^[A-Za-z0-9-_.]{1,64}$/.test(runOutputName)) {
    read.problem('run-output-name', `'${runOutputName}' is not 1 to 64 letters, digits, '-', '_' or '.'.`)
  }
  switch (type) {
    case 'managed-image': {
      const given = read.optional('managed-image-location')
      const imageId = readId(read, 'managed-image-id', ['Microsoft.Compute/images'])
      return { type, runOutputName, imageId, location: given === undefined ? location : regionName(given) }
    }
    case 'gallery':
      return {
        type,
        runOutputName,
        galleryImageId: readId(read, 'gallery-image-id', [
          'Microsoft.Compute/galleries/images',
          'Microsoft.Compute/galleries/images/versions',
        ]),
        targetRegions: readTargetRegions(read, location),
      }
    case 'vhd':
      return { type, runOutputName }
  }
}

function readType(read: InputReader): DistributeType {
  const given = ID_INPUTS.filter(({ input }) => read.optional(input) !== undefined)
  const inferred = given[0]?.type ?? 'vhd'
  if (read.optional('distribute-type') !== undefined) {
    const type = read.oneOf('distribute-type', DISTRIBUTE_TYPES, inferred)
    for (const stray of given.filter((other) => other.type !== type)) {
      read.problem(stray.input, `has no meaning with distribute-type: ${type}.`)
    }
    return type
  }
  if (given.length === 0) {
    read.problem(
      'distribute-type',
      'says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
    )
  } else if (given.length > 1) {
    read.problem('distribute-type', 'is needed to choose between managed-image-id and gallery-image-id.')
  }
  return inferred
}

function readId(read: InputReader, name: string, types: string[]): string {
  const value = read.required(name)
  const id = parseResourceId(value)
  if (value !== '' && !types.some((type) => id && isOfType(id, type))) {
    read.problem(name, `'${value}' is not the resource ID of a ${types.join(' or ')}.`)
  }
  return value.replace(/\/+$/, '')
}

/** `region`, `region=replicas` or `region=replicas:storage-account-type`, comma or newline separated. */
function readTargetRegions(read: InputReader, location: string): TargetRegion[] {
  const entries = (read.optional('replication-regions') ?? location)
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  const regions = entries.map((entry) => readTargetRegion(read, entry))
  const twice = regions.find(
    (region, index) => regions.findIndex(({ name }) => name === region.name) !== index,
  )
  if (twice) read.problem('replication-regions', `'${twice.name}' stands there twice.`)
  return regions
}

function readTargetRegion(read: InputReader, entry: string): TargetRegion {
  const [region = '', count, type, ...rest] = entry.split(/[=:]/).map((part) => part.trim())
  const storageAccountType = STORAGE_ACCOUNT_TYPES.find(
    (known) => known.toLowerCase() === type?.toLowerCase(),
  )
  const wrongCount = count !== undefined && !/^([1-9]\d?|100)$/.test(count)
  if (region === '' || wrongCount || rest.length > 0) {
    read.problem(
      'replication-regions',
      `'${entry}' is not region, region=replicas or region=replicas:storage-account-type, with 1 to 100 replicas.`,
    )
  }
  if (type !== undefined && storageAccountType === undefined) {
    const hint = didYouMean(type, STORAGE_ACCOUNT_TYPES)
    read.problem('replication-regions', `'${type}' is not one of ${STORAGE_ACCOUNT_TYPES.join(', ')}.${hint}`)
  }
  return {
    name: regionName(region),
    ...(count === undefined || wrongCount ? {} : { replicas: Number(count) }),
    ...(storageAccountType === undefined ? {} : { storageAccountType }),
  }
}

/** A gallery image definition, cut down to what a build must agree with. */
export interface GalleryDefinition extends ImageFacts {
  osState: string
  /** Home region of the gallery image, as `regionName` spells it. */
  location: string
}

/** What keeps an image of this source out of this definition; Azure would say so after the build, or never. */
export function definitionProblems(
  definition: GalleryDefinition,
  source: ImageFacts,
  targetRegions: readonly TargetRegion[],
): Problem[] {
  const problems: string[] = []
  if (definition.osState !== 'Generalized') {
    problems.push(
      `the image definition is for ${definition.osState} images; Image Builder makes Generalized ones.`,
    )
  }
  const facts: [string, string | undefined, string | undefined][] = [
    ['operating system', definition.osType, source.osType],
    ['Hyper-V generation', definition.hyperVGeneration, source.hyperVGeneration],
    ['architecture', definition.architecture, source.architecture],
  ]
  for (const [fact, wanted, got] of facts) {
    if (wanted !== undefined && got !== undefined && wanted !== got) {
      problems.push(
        `the image definition has ${fact} ${wanted}, the source image ${got}; they must be the same.`,
      )
    }
  }
  const mismatches = problems.map((message) => ({ input: 'gallery-image-id', message }))
  if (targetRegions.some(({ name }) => name === definition.location)) return mismatches
  const message = `must hold the gallery's own region, ${definition.location}; given: ${targetRegions.map(({ name }) => name).join(', ')}.`
  return [...mismatches, { input: 'replication-regions', message }]
}

/** A distributor as `distribute[]` takes it. */
export function distributorBody(distributor: Distributor, artifactTags: Record<string, string>): object {
  const { runOutputName } = distributor
  switch (distributor.type) {
    case 'managed-image':
      return {
        type: 'ManagedImage',
        runOutputName,
        artifactTags,
        imageId: distributor.imageId,
        location: distributor.location,
      }
    case 'gallery':
      return {
        type: 'SharedImage',
        runOutputName,
        artifactTags,
        galleryImageId: distributor.galleryImageId,
        targetRegions: distributor.targetRegions.map(({ name, replicas, storageAccountType }) => ({
          name,
          ...(replicas === undefined ? {} : { replicaCount: replicas }),
          ...(storageAccountType === undefined ? {} : { storageAccountType }),
        })),
      }
    case 'vhd':
      return { type: 'VHD', runOutputName, artifactTags }
  }
}
