/**
 * PATCH of a gallery image version. Certain: what can be changed (documented), that regions are one complete list
 * (reported for the PATCH of gallery application versions), 200 with `Updating` and `Azure-AsyncOperation` alone
 * (specified; recorded for PUT). What a body leaves out stays as it is (assumed).
 */
import { ArmError, type ArmRequest } from '../arm.ts'
import type { Reply } from '../server.ts'
import { regionKey, type Resource, type World } from '../world.ts'
import type { ComputeOperations, Operation } from './operations.ts'
import { checkUpdate, type UpdateBody, type VersionProperties } from './gallery-update-rules.ts'
import { displayRegion } from '../resource-manager/regions.ts'

const [REPLICATION, UPDATE] = [8 * 60_000, 150_000]
/** Code: assumed. */
const FAILED = 'ReplicationJobsFailed'
/** Regions of versions, by `regionKey`; what is not there stands as the version itself does. */
const REGIONS = new WeakMap<Resource, Map<string, RegionState>>()

/** How far a region is. */
export interface RegionState {
  state: 'Replicating' | 'Completed' | 'Failed'
  progress: number
  details: string
}

export class GalleryUpdates {
  private readonly world: World
  private readonly operations: ComputeOperations

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
    const states = statesOf(version)
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
    const own = REGIONS.get(version)?.get(regionKey(region))
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

  /** Regions without a complete replica: new ones, and those in which an earlier try failed. The others are settled. */
  private pendingRegions(version: Resource, { properties }: UpdateBody): string[] {
    const { publishingProfile } = version.properties as unknown as VersionProperties
    const states = statesOf(version)
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
    const failed = byKey(failing)
    const states = statesOf(version)
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

  private finish(operation: Operation, version: Resource, lost: string[]): void {
    version.properties['provisioningState'] = lost.length > 0 ? 'Failed' : 'Succeeded'
    const message = failureText(lost.map((region) => [region, this.stateOf(version, region).details]))
    this.operations.end(operation, lost.length > 0 ? { code: FAILED, message } : undefined)
  }
}

/** Words: reported. */
function failureText(lost: [region: string, details: string][]): string {
  const details = lost.map(([region, why]) => `{region:${region}, detail:${why}}`)
  return (
    `Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: ` +
    `'${details.join(', ')}'. If retry does not work, then please do an update by removing the failed regions and ` +
    'update again by adding them back.'
  )
}

function statesOf(version: Resource): Map<string, RegionState> {
  const states = REGIONS.get(version) ?? new Map<string, RegionState>()
  REGIONS.set(version, states)
  return states
}

function byKey(failing: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(failing).map(([region, why]) => [regionKey(region), why]))
}

/**
 * How far a version is that was just made: its own region has it first, and another one may fail (that the version is
 * `Failed` then, and usable where it is complete, is assumed).
 * @param late the other regions are still at it, for as long as a replication takes, and the version is `Creating`
 * @returns what its maker is told when a region failed
 */
export function replicateNew(world: World, version: Resource, late: boolean): ArmError | undefined {
  const properties = version.properties as unknown as VersionProperties
  const { failing = {}, duration = REPLICATION } = world.options.replication ?? {}
  const failed = byKey(failing)
  const home = regionKey(version.location ?? '')
  const others = properties.publishingProfile.targetRegions
    .map(({ name }) => regionKey(name))
    .filter((region) => region !== home)
  const lost = others.filter((region) => failed.has(region))
  const states = statesOf(version)
  for (const region of lost)
    states.set(region, { state: 'Failed', progress: 50, details: failed.get(region) ?? '' })
  const settled = lost.length > 0 ? 'Failed' : 'Succeeded'
  const whole = [home, ...others].filter((region) => !lost.includes(region))
  const open = late ? whole.slice(others.length > 0 ? 1 : 0) : []
  for (const region of whole)
    states.set(
      region,
      open.includes(region)
        ? { state: 'Replicating', progress: 50, details: '' }
        : { state: 'Completed', progress: 100, details: '' },
    )
  properties.provisioningState = open.length > 0 ? 'Creating' : settled
  if (open.length > 0) {
    const complete = world.elapse(duration).then(() => {
      for (const region of open) states.set(region, { state: 'Completed', progress: 100, details: '' })
      properties.provisioningState = settled
    })
    // Rejected by the end of the local Azure alone.
    world.background(complete.catch(() => undefined))
  }
  if (lost.length === 0) return undefined
  // Status: assumed.
  return new ArmError(409, FAILED, failureText(lost.map((region) => [region, failed.get(region) ?? ''])))
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
