/** What Compute refuses of a gallery image version's regions and replicas. */
import { ArmError } from '../arm.ts'
import { regionsOf } from '../resource-manager/regions.ts'
import { regionKey, type World } from '../world.ts'

/** Replicas of an image version in one region (documented). */
const MOST_REPLICAS = 100

export interface TargetRegion {
  name: string
  replicas?: number
}

/** The first refusal of a version made in `buildRegion`; undefined when Compute takes it. */
export function regionsRefusal(
  world: World,
  regions: TargetRegion[],
  { replicationMode, buildRegion }: { replicationMode?: 'Full' | 'Shallow'; buildRegion: string },
): ArmError | undefined {
  const known = regionsOf(world, 'Microsoft.Compute').map(regionKey)
  const keys = regions.map(({ name }) => regionKey(name))
  const unknown = regions.find(({ name }) => !known.includes(regionKey(name)))
  // Rule: certain; text: assumed.
  if (unknown)
    return invalid(
      `The target region '${unknown.name}' is not valid. The valid regions are '${known.join(',')}'.`,
    )
  // Text: reported.
  if (new Set(keys).size < keys.length)
    return invalid('Duplicate regions are not allowed in target publishing regions.')
  const many = regions.find(({ replicas = 1 }) => replicas > MOST_REPLICAS)
  // Limit: documented; text: assumed.
  if (many)
    return invalid(
      `The value '${String(many.replicas)}' of parameter 'regionalReplicaCount' is out of range. It must be between ` +
        `1 and ${MOST_REPLICAS}.`,
    )
  return replicationMode === 'Shallow' ? shallowRefusal(regions, keys, buildRegion) : undefined
}

/** Shallow replication: the build's region alone, one replica (reported by Packer's makers; texts assumed). */
function shallowRefusal(regions: TargetRegion[], keys: string[], buildRegion: string): ArmError | undefined {
  if (keys.length !== 1 || keys[0] !== regionKey(buildRegion))
    return invalid(
      "Replication mode 'Shallow' supports a single target region, the one of the source image: " +
        `'${regionKey(buildRegion)}'.`,
    )
  return regions.some(({ replicas = 1 }) => replicas > 1)
    ? invalid("Replication mode 'Shallow' supports one replica only.")
    : undefined
}

function invalid(message: string): ArmError {
  return new ArmError(400, 'InvalidParameter', message)
}
