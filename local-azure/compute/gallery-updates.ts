/**
 * PATCH of a gallery image version. Certain: what can be changed (documented), that regions are one complete list
 * (reported for the PATCH of gallery application versions), 200 with `Updating` and `Azure-AsyncOperation` alone
 * (specified; recorded for PUT). What a body leaves out stays as it is (assumed).
 */
import type { ArmRequest } from '../arm.ts'
import type { Reply } from '../server.ts'
import { regionKey, type Resource, type World } from '../world.ts'
import type { ComputeOperations, Operation } from './operations.ts'
import { checkUpdate, type UpdateBody, type VersionProperties } from './gallery-update-rules.ts'
import { displayRegion } from '../resource-manager/regions.ts'

const [REPLICATION, UPDATE] = [8 * 60_000, 150_000]
/** Code: assumed. */
const FAILED = 'ReplicationJobsFailed'

/** How far a region is. */
export interface RegionState {
  state: 'Replicating' | 'Completed' | 'Failed'
  progress: number
  details: string
}

export class GalleryUpdates {
  private readonly world: World
  private readonly operations: ComputeOperations
  /** Regions of versions that were updated, by `regionKey`; what is not there stands as the version itself does. */
  private readonly regions = new WeakMap<Resource, Map<string, RegionState>>()

  constructor(world: World, operations: ComputeOperations) {
    this.world = world
    this.operations = operations
  }

  /** Takes the update and replicates in the background. An update while another one is under way is refused. */
  update(request: ArmRequest, version: Resource): Reply {
    const body = request.json() as UpdateBody
    const properties = version.properties as unknown as VersionProperties
    checkUpdate(this.world, version, body)
    const pending = this.pendingRegions(version, body)
    apply(this.world, version, body)
    const { operation, url, version: query } = this.operations.begin(request, version, 'capsOperations')
    properties.provisioningState = 'Updating'
    const states = this.statesOf(version)
    for (const region of pending) states.set(region, { state: 'Replicating', progress: 0, details: '' })
    this.world.background(this.replicate(operation, version, pending))
    return {
      status: 200,
      headers: { 'Azure-AsyncOperation': `${url}?${query}` },
      body: structuredClone(version),
    }
  }

  /** How far a region of a version is; a version that was never updated is everywhere as it is itself. */
  stateOf(version: Resource, region: string): RegionState {
    const own = this.regions.get(version)?.get(regionKey(region))
    if (own) return own
    const { provisioningState } = version.properties as unknown as VersionProperties
    switch (provisioningState) {
      case 'Succeeded':
      case 'Updating':
        return { state: 'Completed', progress: 100, details: '' }
      case 'Failed':
        return { state: 'Failed', progress: 0, details: '' }
      default:
        return { state: 'Replicating', progress: 0, details: '' }
    }
  }

  private statesOf(version: Resource): Map<string, RegionState> {
    const states = this.regions.get(version) ?? new Map<string, RegionState>()
    this.regions.set(version, states)
    return states
  }

  /** Regions without a complete replica: new ones, and those in which an earlier try failed. The others are settled. */
  private pendingRegions(version: Resource, { properties }: UpdateBody): string[] {
    const { publishingProfile } = version.properties as unknown as VersionProperties
    const states = this.statesOf(version)
    const present = new Set<string>()
    for (const { name } of publishingProfile.targetRegions) {
      const known = this.stateOf(version, name)
      states.set(regionKey(name), known)
      if (known.state === 'Completed') present.add(regionKey(name))
    }
    const given = properties?.publishingProfile?.targetRegions
    const wanted = (given?.length ? given : publishingProfile.targetRegions).map(({ name }) =>
      regionKey(name),
    )
    for (const region of states.keys()) if (!wanted.includes(region)) states.delete(region)
    return wanted.filter((region) => !present.has(region))
  }

  private async replicate(operation: Operation, version: Resource, pending: string[]): Promise<void> {
    const {
      duration = REPLICATION,
      update = UPDATE,
      failing = {},
      lag = 0,
    } = this.world.options.replication ?? {}
    const failed = new Map(Object.entries(failing).map(([region, why]) => [regionKey(region), why] as const))
    const states = this.statesOf(version)
    const set = (regions: string[], state: RegionState): void => {
      for (const region of regions) states.set(region, state)
    }
    try {
      await this.world.elapse((pending.length > 0 ? duration : update) / 2)
      set(pending, { state: 'Replicating', progress: 50, details: '' })
      await this.world.elapse((pending.length > 0 ? duration : update) / 2)
      const lost = pending.filter((region) => failed.has(region))
      for (const region of lost)
        set([region], { state: 'Failed', progress: 50, details: failed.get(region) ?? '' })
      this.finish(operation, version, lost)
      if (lag > 0) await this.world.elapse(lag)
      set(
        pending.filter((region) => !lost.includes(region)),
        { state: 'Completed', progress: 100, details: '' },
      )
    } catch {
      // The local Azure has closed.
    }
  }

  /** Words of a failure: reported. */
  private finish(operation: Operation, version: Resource, lost: string[]): void {
    version.properties['provisioningState'] = lost.length > 0 ? 'Failed' : 'Succeeded'
    const details = lost.map(
      (region) => `{region:${region}, detail:${this.stateOf(version, region).details}}`,
    )
    const message =
      `Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: ` +
      `'${details.join(', ')}'. If retry does not work, then please do an update by removing the failed regions and ` +
      'update again by adding them back.'
    this.operations.end(operation, lost.length > 0 ? { code: FAILED, message } : undefined)
  }
}

/** Tags and regions take the place of those that were there, each as a whole. */
function apply(world: World, version: Resource, { tags, properties }: UpdateBody): void {
  if (tags) version.tags = tags
  const { publishingProfile: given, safetyProfile } = properties ?? {}
  const target = version.properties as unknown as VersionProperties
  if (safetyProfile) target.safetyProfile = { ...target.safetyProfile, ...safetyProfile }
  if (!given) return
  const { targetRegions, ...others } = given
  Object.assign(target.publishingProfile, others)
  if (!targetRegions?.length) return
  target.publishingProfile.targetRegions = targetRegions.map(({ name, ...region }) => ({
    name: displayRegion(world, name),
    regionalReplicaCount: target.publishingProfile.replicaCount ?? 1,
    storageAccountType: target.publishingProfile.storageAccountType ?? 'Standard_LRS',
    ...region,
  }))
}
