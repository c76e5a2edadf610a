/** Versions of a gallery image: looked at, and changed. */
import { AzureError } from '../errors.ts'
import type { SeenRegion, SeenVersion } from '../promotion/candidate.ts'
import { regionName } from '../names.ts'
import type { VersionChange } from '../promotion/promotion-changes.ts'
import { lastName } from '../resource-id.ts'
import type { ResourceManager } from './arm.ts'
import { API_VERSIONS, Reader, wrong } from './reader.ts'
import type { Connection, GalleryPort } from '../ports.ts'
import { signedIn, type ConnectEdges } from './signed-in.ts'

type RegionBody = Record<string, unknown> & { name: string; excludeFromLatest?: boolean | null }

interface VersionBody {
  id: string
  name: string
  location: string
  tags?: Record<string, string> | null
  properties: {
    provisioningState?: string
    publishingProfile?: {
      targetRegions?: RegionBody[] | null
      excludeFromLatest?: boolean | null
      endOfLifeDate?: string | null
    }
    replicationStatus?: {
      summary?: { region?: string; state?: string; progress?: number; details?: string }[] | null
    } | null
  }
}

export class GalleryVersions implements GalleryPort {
  private readonly arm: ResourceManager
  private readonly debug: (message: string) => void
  private readonly missing: ((id: string) => never) | undefined

  /** @param missing is asked when Azure says that there is no such version */
  constructor(arm: ResourceManager, debug: (message: string) => void, missing?: (id: string) => never) {
    this.arm = arm
    this.debug = debug
    this.missing = missing
  }

  async version(id: string, signal: AbortSignal): Promise<SeenVersion> {
    const path = `${id}?$expand=ReplicationStatus`
    const reader = new Reader(this.arm, this.debug, signal)
    const { missing: told } = this
    const missing = told && ((): never => told(id))
    return seenVersion(
      await reader.get<VersionBody>(path, 'gallery', `image version ${lastName(id)}`, missing),
    )
  }

  async versions(definitionId: string, signal: AbortSignal): Promise<SeenVersion[]> {
    return await listVersions(new Reader(this.arm, this.debug, signal), definitionId)
  }

  /**
   * A change names whole values, so one that was taken and is sent again asks for what is there: it may be repeated after
   * an answer that was lost. Should Compute still be at the first one, it refuses the second: that is `busy`.
   */
  async update(id: string, change: VersionChange, signal: AbortSignal): Promise<'taken' | 'busy'> {
    const call = {
      path: id,
      apiVersion: API_VERSIONS.gallery,
      doing: `updating image version ${lastName(id)}`,
    }
    try {
      await this.arm.request({ ...call, method: 'PATCH', body: bodyOf(change), signal, repeatable: true })
      return 'taken'
    } catch (error) {
      if (isBusy(error)) return 'busy'
      throw error
    }
  }
}

/** All versions of a definition, without the state of their regions. */
export async function listVersions(reader: Reader, definitionId: string): Promise<SeenVersion[]> {
  const doing = `listing the versions of ${lastName(definitionId)}`
  return (await reader.list<VersionBody>(`${definitionId}/versions`, 'gallery', doing)).map(seenVersion)
}

/** A conflict that is not about what is asked for: a property that cannot be changed would never become free. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof AzureError) || error.status !== 409) return false
  return (
    /^(?:OperationNotAllowed|Conflict|AnotherOperationInProgress|ConflictingUserInput)$/i.test(error.code) &&
    !/marked for deletion/i.test(error.azureMessage)
  )
}

/** The specification wants a storage profile, and takes an empty one for the source that there is (its example). */
function bodyOf({ tags, profile }: VersionChange): object {
  return {
    ...(tags ? { tags } : {}),
    ...(profile ? { properties: { storageProfile: {}, publishingProfile: profile } } : {}),
  }
}

function seenVersion({ id, name, location, tags, properties }: VersionBody): SeenVersion {
  const { provisioningState = '', publishingProfile, replicationStatus } = properties
  const { targetRegions, excludeFromLatest, endOfLifeDate } = publishingProfile ?? {}
  const states = new Map(
    (replicationStatus?.summary ?? []).map((one) => [regionName(one.region ?? ''), one] as const),
  )
  return {
    id,
    name,
    location: regionName(location),
    tags: tags ?? {},
    provisioningState,
    excludeFromLatest: excludeFromLatest ?? false,
    ...(endOfLifeDate ? { endOfLifeDate } : {}),
    regions: (targetRegions ?? []).map((body): SeenRegion => {
      const { state, progress, details } = states.get(regionName(body.name)) ?? {}
      return {
        name: regionName(body.name),
        excludeFromLatest: body.excludeFromLatest ?? false,
        ...(state === undefined ? {} : { state }),
        ...(progress === undefined ? {} : { progress }),
        ...(details ? { details } : {}),
        body: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)),
      }
    }),
  }
}

/** Azure as a promotion sees it. Nothing is asked of Azure or GitHub until the first call. */
export function connectPromoter({ signIn }: Pick<Connection, 'signIn'>, edges: ConnectEdges): GalleryPort {
  return new GalleryVersions(signedIn(signIn, edges).arm, edges.debug, (id) =>
    wrong('image-version-id', `'${id}' does not exist.`),
  )
}
