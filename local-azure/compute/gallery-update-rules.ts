/**
 * What Compute refuses of an update of a gallery image version. Texts are documented ("Troubleshoot images in an Azure
 * Compute Gallery") unless a comment says otherwise; where code or order are not known, they are assumed.
 */
import { ArmError } from '../arm.ts'
import { regionsRefusal } from '../image-builder/gallery-limits.ts'
import { regionKey, type Resource, type World } from '../world.ts'

export interface TargetRegion {
  name: string
  regionalReplicaCount?: number
  storageAccountType?: string
  excludeFromLatest?: boolean
}

interface PublishingProfile {
  targetRegions: TargetRegion[]
  replicaCount?: number
  excludeFromLatest?: boolean
  endOfLifeDate?: string
  storageAccountType?: string
  replicationMode?: 'Full' | 'Shallow'
}

export interface VersionProperties {
  publishingProfile: PublishingProfile
  storageProfile: { source?: { id?: string } }
  safetyProfile: { allowDeletionOfReplicatedLocations?: boolean }
  provisioningState: string
}

/** The body of PATCH; whatever is left out stays. */
export interface UpdateBody {
  tags?: Record<string, string>
  properties?: Partial<Omit<VersionProperties, 'publishingProfile'>> & {
    publishingProfile?: Partial<Omit<PublishingProfile, 'targetRegions'>> & {
      targetRegions?: TargetRegion[] | null
    }
  }
}

const PROFILE = 'galleryImageVersion.properties.publishingProfile'

/** Members that each part may have (specified), by its path. */
const MEMBERS: Record<string, string[]> = {
  '': ['tags', 'properties'],
  properties: ['publishingProfile', 'storageProfile', 'safetyProfile', 'securityProfile', 'restore'],
  'properties.publishingProfile': [
    'targetRegions',
    'replicaCount',
    'excludeFromLatest',
    'endOfLifeDate',
    'storageAccountType',
    'replicationMode',
    'targetExtendedLocations',
  ],
  'properties.publishingProfile.targetRegions[]': [
    'name',
    'regionalReplicaCount',
    'storageAccountType',
    'encryption',
    'excludeFromLatest',
    'additionalReplicaSets',
  ],
  'properties.storageProfile': ['source', 'osDiskImage', 'dataDiskImages'],
  'properties.safetyProfile': ['allowDeletionOfReplicatedLocations', 'blockDeletionBeforeEndOfLife'],
}

/** Throws the first refusal. */
export function checkUpdate(world: World, version: Resource, body: UpdateBody): void {
  checkState(version)
  checkMembers(body, '')
  checkTags(body.tags ?? {})
  const { properties } = body
  if (!properties) return
  // The specification requires it, be it empty; that clients which leave it out are served has been seen (assumed).
  if (!properties.storageProfile)
    throw invalid("Required parameter 'galleryImageVersion.properties.storageProfile' is missing (null).")
  const present = version.properties as unknown as VersionProperties
  const source = properties.storageProfile.source?.id
  if (source !== undefined && source.toLowerCase() !== present.storageProfile.source?.id?.toLowerCase())
    throw fixed('galleryImageVersion.properties.storageProfile.source.id')
  if (!properties.publishingProfile) return
  checkProfile(world, properties.publishingProfile, present.publishingProfile)
  const safety = { ...present.safetyProfile, ...properties.safetyProfile }
  checkRegions(
    world,
    version,
    properties.publishingProfile,
    safety.allowDeletionOfReplicatedLocations ?? false,
  )
}

/**
 * A version that is being deleted or updated is left alone. The words for the former; those for the latter and the status
 * of both are assumed. Reports differ on whether a second update is refused or takes the first one's place.
 */
function checkState({ name, properties }: Resource): void {
  const state = properties['provisioningState'] as string
  const operation = `Operation 'Update Gallery Image Version' is not allowed on ${name}; since it is`
  if (state === 'Deleting')
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `${operation} marked for deletion. You can only retry the Delete operation (or wait for an ongoing one to complete).`,
    )
  if (state === 'Updating' || state === 'Creating')
    throw new ArmError(
      409,
      'OperationNotAllowed',
      `${operation} in provisioning state '${state}'. Please retry later.`,
    )
}

/** Words: reported for virtual machines. */
function checkMembers(part: unknown, path: string): void {
  const allowed = MEMBERS[path]
  if (!allowed || part === undefined || part === null) return
  const type = path === '' ? 'GalleryImageVersion' : path.replace('[]', '').split('.').at(-1)
  for (const [name, inner] of Object.entries(part)) {
    const below = path === '' ? name : `${path}.${name}`
    if (!allowed.includes(name))
      throw new ArmError(
        400,
        'BadRequest',
        `Could not find member '${name}' on object of type '${type ?? ''}'. Path '${below}'.`,
      )
    if (Array.isArray(inner))
      inner.forEach((one) => {
        checkMembers(one, `${below}[]`)
      })
    else if (typeof inner === 'object') checkMembers(inner, below)
  }
}

/** Limits: documented by Resource Manager; code and texts assumed. */
function checkTags(tags: Record<string, string>): void {
  const entries = Object.entries(tags)
  if (entries.length > 50)
    throw new ArmError(400, 'InvalidTags', `The resource has ${entries.length} tags. At most 50 are allowed.`)
  const long = entries.find(([name, value]) => name.length > 512 || value.length > 256)
  if (long)
    throw new ArmError(
      400,
      'InvalidTags',
      `The tag '${long[0]}' is too long: 512 characters of name and 256 of value are allowed.`,
    )
}

type GivenProfile = NonNullable<NonNullable<UpdateBody['properties']>['publishingProfile']>

function checkProfile(world: World, given: GivenProfile, present: PublishingProfile): void {
  for (const field of ['replicationMode', 'storageAccountType'] as const)
    if (given[field] !== undefined && given[field] !== present[field]) throw fixed(`${PROFILE}.${field}`)
  const { endOfLifeDate, replicaCount } = given
  if (replicaCount !== undefined && (replicaCount < 1 || replicaCount > 100))
    throw invalid(
      `The value '${replicaCount}' of parameter '${PROFILE}.replicaCount' is out of range. The value must be between '1' and '100', inclusive.`,
    )
  if (endOfLifeDate === undefined) return
  const at = Date.parse(endOfLifeDate)
  if (Number.isNaN(at))
    throw invalid(
      `Could not convert string to DateTimeOffset: ${endOfLifeDate}. Path 'properties.publishingProfile.endOfLifeDate'.`,
    )
  // That a date which stays as it is may be past: assumed.
  if (at <= world.now() && at !== Date.parse(present.endOfLifeDate ?? ''))
    throw invalid('EndOfLifeDate must be set to a future date.')
}

/** An empty list, or none, leaves the regions alone: that is how the refusal puts it. */
function checkRegions(
  world: World,
  version: Resource,
  { targetRegions }: GivenProfile,
  mayShrink: boolean,
): void {
  if (!targetRegions?.length) return
  const { publishingProfile: present } = version.properties as unknown as VersionProperties
  const keys = targetRegions.map(({ name }) => regionKey(name))
  const refused = regionsRefusal(
    world,
    targetRegions.map(({ name, regionalReplicaCount }) => ({
      name,
      ...(regionalReplicaCount !== undefined && { replicas: regionalReplicaCount }),
    })),
    { replicationMode: present.replicationMode ?? 'Full', buildRegion: version.location ?? '' },
  )
  if (refused) throw refused
  const lost = present.targetRegions.filter(({ name }) => !keys.includes(regionKey(name)))
  if (lost.length > 0 && !mayShrink) throw incomplete(version.name)
  if (!keys.includes(regionKey(version.location ?? '')))
    throw invalid(
      `Gallery image version publishing profile regions '${keys.join(',')}' must contain the location of image version ` +
        `'${version.location ?? ''}'.`,
    )
  for (const region of targetRegions) checkStorage(region, present)
}

/** The type of a region is chosen once. Words of the first: reported; of the second: as for other fixed properties. */
function checkStorage(region: TargetRegion, present: PublishingProfile): void {
  const before = present.targetRegions.find(({ name }) => regionKey(name) === regionKey(region.name))
  const type = before?.storageAccountType ?? present.storageAccountType ?? 'Standard_LRS'
  if (!before) return
  if (region.storageAccountType === undefined && type !== (present.storageAccountType ?? 'Standard_LRS'))
    throw invalid(
      `Global storage account type does not match the storage account type in the existing TargetRegion: '${before.name}'. ` +
        `Please specify '${type}' as the storage account type for this region.`,
    )
  if (region.storageAccountType !== undefined && region.storageAccountType !== type)
    throw fixed(`${PROFILE}.targetRegions.storageAccountType`)
}

/** Reported for gallery application versions. */
function incomplete(name: string): ArmError {
  return new ArmError(
    400,
    'BadRequest',
    `Complete set of target locations not specified while updating gallery artifact '${name}' and type ` +
      "'GalleryImageVersion'. Deletion of previously replicated locations is not allowed, and you need to specify a " +
      'complete set of target locations in the update request or specify null or empty set for target regions in the ' +
      'update request or set allow deletion of replicated locations under safety profile property. To figure out ' +
      'complete set of target locations, you can perform a get first on gallery artifact',
  )
}

/** Status and code: reported for image definitions. */
function fixed(property: string): ArmError {
  return new ArmError(409, 'PropertyChangeNotAllowed', `Changing property '${property}' is not allowed.`)
}

function invalid(message: string): ArmError {
  return new ArmError(400, 'InvalidParameter', message)
}
