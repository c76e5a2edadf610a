/** Distribution: makes the image version, managed image or VHD, and its run output. */
import { ArmError } from '../arm.ts'
import * as refuse from '../resource-manager/errors.ts'
import { latestVersion, putImageVersion, putManagedImage, replicateNew } from '../compute.ts'
import {
  RUN_OUTPUT_TYPE,
  type Distributor,
  type ImageTemplate,
  type ManagedImageTarget,
  type SharedImageTarget,
  type VhdTarget,
} from './image-template.ts'
import type { Blobs } from '../parts.ts'
import { groupOf, type StagingGroup } from './staging-group.ts'
import { notAuthorizedText } from './submission-failure.ts'
import { blobAt } from './artifacts.ts'
import { dataDiskSizes, osDiskSize } from './build-machine.ts'
import { letsIn } from '../blobs/firewall.ts'
import { regionsRefusal } from './gallery-limits.ts'
import { versionsOf, type SourceImage } from './source.ts'
import { regionsOf } from '../resource-manager/regions.ts'
import { newId, regionKey, type Principal, type World } from '../world.ts'

export interface Distribution {
  world: World
  blobs: Blobs
  template: ImageTemplate
  staging: StagingGroup
  identity: Principal
  source: SourceImage
  /** Folder with what the build put into the image; undefined where no command was run. */
  root: string | undefined
  /** The time of the build is up: replication goes on without it. */
  late: boolean
}

type Artifact = { artifactId: string } | { artifactUri: string }

/** One distributor's work. Throws an Error with the reason, in the words of the failing call. */
export async function distributeTo(distribution: Distribution, target: Distributor): Promise<void> {
  const { world, template, root } = distribution
  const { failDistribute } = world.options.build
  if (failDistribute?.runOutputName === target.runOutputName) throw new Error(failDistribute.message)
  const artifact = await makeArtifact(distribution, target)
  const key = 'artifactId' in artifact ? artifact.artifactId : artifact.artifactUri
  if (root !== undefined) world.imageFileSystems.set(key.toLowerCase(), root)
  world.resources.put({
    id: `${template.id}/runOutputs/${target.runOutputName}`,
    name: target.runOutputName,
    type: RUN_OUTPUT_TYPE,
    properties: { ...artifact, provisioningState: 'Succeeded' },
  })
}

async function makeArtifact(distribution: Distribution, target: Distributor): Promise<Artifact> {
  switch (target.type) {
    case 'SharedImage':
      return { artifactId: makeImageVersion(distribution, target) }
    case 'ManagedImage':
      return { artifactId: makeManagedImage(distribution, target) }
    case 'VHD':
      return { artifactUri: await makeVhd(distribution, target) }
  }
}

/** The service's sentence around a failing distributor. Texts: documented (gallery), reported (managed image). */
export function distributionError(
  template: ImageTemplate,
  index: number,
  error: number,
  reason: string,
): string {
  const target = template.properties.distribute[index]
  const prefix = `[Error ${error}] [Distribute ${index}] `
  if (target?.type === 'SharedImage') {
    const id = target.galleryImageId
    const [, subscription, group, gallery, image] =
      /\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/.*\/galleries\/([^/]+)\/images\/([^/]+)/i.exec(
        id,
      ) ?? []
    const place =
      `dstSubscription: ${subscription ?? ''}, dstResourceGroupName: ${group ?? ''}, dstGalleryName: ${gallery ?? ''}, ` +
      `dstGalleryImageName: ${image ?? ''}`
    return (
      `${prefix}Error publishing MDI to Azure Compute Gallery:${id}, Location:${template.location}. Error: Error ` +
      `returned from SIG client while publishing MDI to Azure Compute Gallery for dstImageLocation: ` +
      `${template.location}, ${place}. Error: ${reason}`
    )
  }
  if (target?.type === 'ManagedImage')
    return `${prefix}Error publishing MDI to managed image:${target.imageId}, Location:${target.location}. Error: ${reason}`
  return `${prefix}Error publishing VHD. Error: ${reason}`
}

function makeImageVersion(distribution: Distribution, target: SharedImageTarget): string {
  const { world, identity, staging, source } = distribution
  const definitionId = target.galleryImageId.replace(/\/versions\/[^/]+$/i, '')
  const definition = world.resources.get(definitionId)
  if (!definition) throw new Error(`The image definition '${definitionId}' was not found.`)
  const version = nextVersion(world, definitionId, target, source)
  const versionId = `${definitionId}/versions/${version}`
  authorize(world, identity, 'Microsoft.Compute/galleries/images/versions/write', versionId)
  authorize(world, identity, 'Microsoft.Compute/galleries/images/versions/read', versionId)
  // Documented as needed in the group that is distributed to, for galleries too; where each is asked for is assumed.
  const image = `${definitionId.replace(/\/galleries\/.*$/i, '')}/images/${newId()}`
  for (const right of ['write', 'read', 'delete'])
    authorize(world, identity, `Microsoft.Compute/images/${right}`, image)
  // That an existing version is refused is documented, when and with which words is assumed.
  if (world.resources.get(versionId)) {
    const message = `The image version '${versionId}' already exists.`
    throw new Error(
      failedCall('GalleryImageVersionsClient#CreateOrUpdate', new ArmError(409, 'Conflict', message)),
    )
  }
  const { targetRegions, replicationRegions, storageAccountType } = target
  const regions =
    targetRegions?.map(({ name, replicaCount, storageAccountType }) => ({
      name,
      ...(replicaCount !== undefined && { replicas: replicaCount }),
      ...(storageAccountType && { storageAccountType }),
    })) ??
    (replicationRegions ?? [definition.location ?? distribution.template.location]).map((name) => ({
      name,
      ...(storageAccountType && { storageAccountType }),
    }))
  const { replicationMode } = target
  const refused = regionsRefusal(world, regions, {
    ...(replicationMode && { replicationMode }),
    buildRegion: distribution.template.location,
  })
  if (refused) throw new Error(failedCall('GalleryImageVersionsClient#CreateOrUpdate', refused))
  const made = putImageVersion(world, {
    definitionId,
    version,
    targetRegions: regions,
    ...diskSizes(distribution),
    excludeFromLatest: target.excludeFromLatest ?? false,
    ...(replicationMode && { replicationMode }),
    ...(target.artifactTags && { tags: target.artifactTags }),
    // The service publishes from an image in the staging group (assumed name).
    sourceId: `${staging.id}/providers/Microsoft.Compute/images/${newId()}`,
  })
  // The run is told of it as of a refusal, and has no run output then (both assumed).
  const lost = replicateNew(world, made, distribution.late)
  if (lost) throw new Error(failedCall('GalleryImageVersionsClient#CreateOrUpdate', lost))
  return made.id
}

/**
 * The version that a distributor makes: its own, the next under its scheme, or by default the time in seconds since
 * 1970 in two halves of 16 bits, such as 0.24105.52755 (derived from dated samples).
 */
function nextVersion(
  world: World,
  definitionId: string,
  target: SharedImageTarget,
  source: SourceImage,
): string {
  const own = /\/versions\/([^/]+)$/i.exec(target.galleryImageId)?.[1]
  if (own !== undefined) return own
  const taken = versionsOf(world, definitionId).map(({ name }) => name)
  if (target.versioning?.scheme === 'Latest') return latestPlusOne(taken, target.versioning.major ?? -1)
  const [major, minor, first] = target.versioning
    ? numbersOf(source.exactVersion ?? '')
    : timeNumbers(world.now())
  // Numbers already taken go up by one: two builds in a second, or of the same source (assumed).
  let patch = first
  while (taken.includes(`${major}.${minor}.${patch}`)) patch += 1
  return `${major}.${minor}.${patch}`
}

function timeNumbers(milliseconds: number): [number, number, number] {
  const seconds = Math.floor(milliseconds / 1000)
  return [0, Math.floor(seconds / 65_536), seconds % 65_536]
}

/** Documented: one more than the highest, within a major version if one is asked for. The very first: assumed. */
function latestPlusOne(taken: string[], major: number): string {
  const latest = latestVersion(taken.filter((name) => major < 0 || numbersOf(name)[0] === major))
  if (latest === undefined) return `${Math.max(major, 0)}.0.1`
  const [x, y, z] = numbersOf(latest)
  return `${x}.${y}.${z + 1}`
}

function numbersOf(version: string): [number, number, number] {
  const [x = 0, y = 0, z = 0] = version.split('.').map(Number)
  return [x, y, z]
}

/** An image of that name is deleted first, whether there is one or not (reported: azvmimagebuilder#20). */
function makeManagedImage(distribution: Distribution, target: ManagedImageTarget): string {
  const { world, identity, source } = distribution
  authorize(world, identity, 'Microsoft.Compute/images/delete', target.imageId)
  authorize(world, identity, 'Microsoft.Compute/images/write', target.imageId)
  const group = groupOf(target.imageId)
  const subscription = `/subscriptions/${world.seed.subscriptionId}`
  if (!world.resources.get(`${subscription}/resourceGroups/${group}`))
    throw new Error(failedCall('ImagesClient#CreateOrUpdate', refuse.resourceGroupNotFound(group)))
  if (source.architecture === 'Arm64') {
    // Text: reported.
    const message =
      "Creating an image with sourceVirtualMachine source that has CPU Architecture 'Arm64' is not supported."
    throw new Error(
      failedCall('ImagesClient#CreateOrUpdate', new ArmError(409, 'OperationNotAllowed', message)),
    )
  }
  const regions = regionsOf(world, 'Microsoft.Compute').map(regionKey)
  if (!regions.includes(regionKey(target.location)))
    throw new Error(
      failedCall(
        'ImagesClient#CreateOrUpdate',
        refuse.locationNotAvailable(target.location, 'Microsoft.Compute/images', regions),
      ),
    )
  return putManagedImage(world, {
    id: target.imageId,
    location: target.location,
    osType: source.osType,
    hyperVGeneration: source.generation,
    ...diskSizes(distribution),
    ...(target.artifactTags && { tags: target.artifactTags }),
  }).id
}

/** What the build VM's disks leave to the image. */
function diskSizes({ template: { properties }, source }: Distribution) {
  return { osDiskSizeGB: osDiskSize(properties, source), dataDiskSizesGB: dataDiskSizes(properties) }
}

/** A VHD at the wanted URL, or in the staging account. It is a footer alone: no disk stands behind it. */
async function makeVhd(distribution: Distribution, target: VhdTarget): Promise<string> {
  const { world, blobs, identity, staging, template } = distribution
  const footer = Buffer.alloc(512)
  footer.write('conectix')
  if (!target.uri) {
    const name = `${newId()}.vhd`
    await blobs.write(staging.account, 'vhds', name, footer)
    return `${blobs.endpoint(staging.account)}vhds/${name}`
  }
  const place = blobAt(distribution, target.uri)
  const action = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
  const subnet = template.properties.vmProfile?.vnetConfig?.containerInstanceSubnetId
  const isOpen = place !== undefined && letsIn(world, place.account, { subnet })
  if (!isOpen || !world.allowsData(identity, action, place.scope))
    throw new Error(notAuthorizedText(target.uri))
  await blobs.write(place.account, place.container, place.name, footer)
  return target.uri
}

function authorize(world: World, identity: Principal, action: string, scope: string): void {
  if (world.allows(identity, action, scope)) return
  const client = action.includes('/galleries/') ? 'GalleryImageVersionsClient' : 'ImagesClient'
  const call = { delete: 'Delete', read: 'Get' }[action.split('/').at(-1) ?? ''] ?? 'CreateOrUpdate'
  throw new Error(failedCall(`${client}#${call}`, refuse.authorizationFailed(identity, action, scope)))
}

/** A refusal by Compute as the service's Go client words it. */
function failedCall(call: string, { status, code, message }: ArmError): string {
  return `compute.${call}: Failure sending request: StatusCode=${status} -- Original Error: Code="${code}" Message="${message}"`
}
