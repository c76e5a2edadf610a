/** From the inputs that say where the image goes to `distribute[]` of the template. */
import { distributionProblems, tidy, type Distribution, type GalleryDistributor } from './distributors.ts'
import type { InputReader, Placed } from './input-reader.ts'
import { regionName } from './names.ts'
import { didYouMean } from './nearest.ts'
import { NAME_PATTERN, NAME_RULE, STORAGE_ACCOUNT_TYPES, type Distributor } from './template-schema.ts'

export const DISTRIBUTE_TYPES = ['managed-image', 'gallery', 'vhd'] as const
export type DistributeType = (typeof DISTRIBUTE_TYPES)[number]
export const VERSIONING_SCHEMES = ['latest', 'source'] as const
export const REPLICATION_MODES = ['full', 'shallow'] as const

export type TargetRegion = NonNullable<GalleryDistributor['targetRegions']>[number]

/** Names of the service's kinds, and the run output names that the Azure DevOps task gives. */
const ARM_TYPES = { 'managed-image': 'ManagedImage', gallery: 'SharedImage', vhd: 'VHD' } as const
const DEFAULT_RUN_OUTPUT_NAMES: Record<DistributeType, string> = {
  'managed-image': 'ManagedImage_distribute',
  gallery: 'SharedImage_distribute',
  vhd: 'VHD_distribute',
}

/** The input of each field; a target is inferred from the first of its inputs. */
const FIELDS: Record<DistributeType, Record<string, string>> = {
  'managed-image': { imageId: 'managed-image-id', location: 'managed-image-location' },
  gallery: {
    galleryImageId: 'gallery-image-id',
    targetRegions: 'replication-regions',
    versioning: 'versioning-scheme',
    major: 'versioning-major',
    excludeFromLatest: 'exclude-from-latest',
    replicationMode: 'replication-mode',
  },
  vhd: { uri: 'vhd-uri' },
}

/**
 * Reads where the image goes; problems are reported to `read`. Inputs override fields of the first distributor of a
 * template file when they are of its kind, else they replace it; the file's others stay, and those of `distributors`
 * come last.
 */
export function readDistributions(
  read: InputReader,
  location: string,
  fromFile: readonly Placed<Distributor>[],
): Distribution[] {
  const [first, ...others] = fromFile
  const own = readOwn(read, location, first)
  const further = [...others, ...read.armList('distributors')].map((one) => ({ ...one, inputs: {} }))
  const all = [...(own ? [own] : []), ...further].map((one) => ({ ...one, body: tidy(one.body) }))
  read.problems.push(...distributionProblems(all))
  return all
}

function readOwn(
  read: InputReader,
  location: string,
  file: Placed<Distributor> | undefined,
): Distribution | undefined {
  const type = readType(read, file?.body)
  if (type === undefined) return undefined
  const base = file?.body.type === ARM_TYPES[type] ? file : undefined
  const given = readFields(read, type, location, base?.body)
  const body = {
    runOutputName: DEFAULT_RUN_OUTPUT_NAMES[type],
    ...base?.body,
    type: ARM_TYPES[type],
    ...given,
    ...runOutputName(read),
  } as Distributor
  const inputs = Object.fromEntries(
    Object.entries({ ...FIELDS[type], runOutputName: 'run-output-name' }).filter(
      ([field]) =>
        base === undefined ||
        field in given ||
        (field === 'runOutputName' && read.optional('run-output-name')),
    ),
  )
  const placed = base?.place ?? { input: FIELDS[type][Object.keys(FIELDS[type])[0] ?? ''] ?? '' }
  return { body: body.type === 'SharedImage' ? withoutBoth(body, given) : body, place: placed, inputs }
}

/** Regions given as input take the place of the file's, in whichever of its two forms they stand there. */
function withoutBoth(body: GalleryDistributor, given: object): GalleryDistributor {
  const entries = Object.entries(body).filter(
    ([field]) => !(field === 'replicationRegions' || field === 'storageAccountType'),
  )
  return 'targetRegions' in given ? (Object.fromEntries(entries) as GalleryDistributor) : body
}

function runOutputName(read: InputReader): { runOutputName?: string } {
  const name = read.optional('run-output-name')
  if (name === undefined) return {}
  if (!NAME_PATTERN.test(name)) read.problem('run-output-name', `'${name}' is not ${NAME_RULE}.`)
  return { runOutputName: name }
}

function isGiven(read: InputReader, input: string): boolean {
  return input === 'exclude-from-latest' ? read.boolean(input) : read.optional(input) !== undefined
}

/** The kind of the main distributor; undefined when `distributors` alone say where the image goes. */
function readType(read: InputReader, file: Distributor | undefined): DistributeType | undefined {
  const fileType = DISTRIBUTE_TYPES.find((type) => ARM_TYPES[type] === file?.type)
  const named = DISTRIBUTE_TYPES.filter((type) => isGiven(read, Object.values(FIELDS[type])[0] ?? ''))
  const explicit = read.optional('distribute-type') !== undefined
  const inferred = named[0] ?? fileType
  const type = explicit ? read.oneOf('distribute-type', DISTRIBUTE_TYPES, inferred ?? 'vhd') : inferred
  if (type === undefined && read.optional('distributors') !== undefined) {
    strays(read, undefined)
    if (read.optional('run-output-name') !== undefined) {
      read.problem('run-output-name', 'has no meaning without a target of its own.')
    }
    return undefined
  }
  if (!explicit && named.length > 1) {
    const inputs = named.map((one) => Object.values(FIELDS[one])[0] ?? '')
    read.problem(
      'distribute-type',
      `is needed to choose between ${inputs.join(' and ')}; or put one into distributors.`,
    )
  } else if (type === undefined) {
    read.problem(
      'distribute-type',
      'says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
    )
  } else strays(read, type)
  return type ?? 'vhd'
}

/** Inputs that the chosen target does not understand. */
function strays(read: InputReader, type: DistributeType | undefined): void {
  if (read.lenient && type === undefined) return
  for (const other of DISTRIBUTE_TYPES.filter((one) => one !== type)) {
    for (const input of Object.values(FIELDS[other]).filter((one) => isGiven(read, one))) {
      const reason = type === undefined ? 'without a target of its own' : `with distribute-type: ${type}`
      read.problem(input, `has no meaning ${reason}; it belongs to ${other}.`)
    }
  }
}

type Fields = Partial<Record<string, unknown>>

/** The fields that inputs set; `base` is the distributor of a template file that they go over. */
function readFields(
  read: InputReader,
  type: DistributeType,
  location: string,
  base: Distributor | undefined,
): Fields {
  switch (type) {
    case 'managed-image': {
      const region = read.optional('managed-image-location')
      const home = base === undefined && region === undefined ? location : region
      return {
        ...id(read, 'imageId', 'managed-image-id', base),
        ...(home === undefined ? {} : { location: regionName(home) }),
      }
    }
    case 'gallery':
      return {
        ...id(read, 'galleryImageId', 'gallery-image-id', base),
        ...readTargetRegions(read, location, base),
        ...readVersioning(read),
        ...(read.boolean('exclude-from-latest') ? { excludeFromLatest: true } : {}),
        ...readReplicationMode(read),
      }
    case 'vhd': {
      const uri = read.optional('vhd-uri')
      read.url('vhd-uri', uri)
      return uri === undefined ? {} : { uri }
    }
  }
}

function id(read: InputReader, field: string, input: string, base: Distributor | undefined): Fields {
  const value = base === undefined ? read.required(input) : read.optional(input)
  return value === undefined ? {} : { [field]: value.replace(/\/+$/, '') }
}

function readVersioning(read: InputReader): Fields {
  const major = read.optional('versioning-major')
  const none = read.optional('versioning-scheme') === undefined
  const scheme = read.oneOf('versioning-scheme', VERSIONING_SCHEMES, 'latest')
  if (major !== undefined && (none || scheme === 'source')) {
    read.problem('versioning-major', 'needs versioning-scheme: latest.')
  }
  const value = read.integer('versioning-major', -1, 'a whole number from 0 on', (number) => number < 2 ** 31)
  if (none) return {}
  if (scheme === 'source') return { versioning: { scheme: 'Source' } }
  return { versioning: { scheme: 'Latest', ...(major === undefined ? {} : { major: value }) } }
}

function readReplicationMode(read: InputReader): Fields {
  if (read.optional('replication-mode') === undefined) return {}
  return {
    replicationMode:
      read.oneOf('replication-mode', REPLICATION_MODES, 'full') === 'shallow' ? 'Shallow' : 'Full',
  }
}

/** `region`, `region=replicas` or `region=replicas:storage-account-type`, comma or newline separated. */
function readTargetRegions(read: InputReader, location: string, base: Distributor | undefined): Fields {
  const entries = read.list('replication-regions')
  const inFile = base?.type === 'SharedImage' && (base.targetRegions ?? base.replicationRegions) !== undefined
  if (entries.length === 0) return inFile ? {} : { targetRegions: [{ name: location }] }
  return { targetRegions: entries.map((entry) => readTargetRegion(read, entry)) }
}

/** Reads one entry of `replication-regions`; a mistake is reported to `read`. */
export function readTargetRegion(read: InputReader, entry: string): TargetRegion {
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
    ...(count === undefined || wrongCount ? {} : { replicaCount: Number(count) }),
    ...(storageAccountType === undefined ? {} : { storageAccountType }),
  }
}
