/** Who may do what: permissions of the signed-in identity, role assignments of another, and what may not be read at all. */
import type { DoctorPort, SignedIn } from '../checking/doctor.ts'
import { AzureError, InputError, isNotFound, type Problem } from '../errors.ts'
import type { BuildRequest } from '../inputs.ts'
import type { Grant, Permission } from '../checking/permissions.ts'
import type { ArmCall, ResourceManager } from './arm.ts'
import { blobAccount, type AccountBody, type BlobAccount } from './blob-access.ts'
import type { Credential } from './credential.ts'
import { findTemplate } from './existing-template.ts'
import { lookUp } from './lookups.ts'
import { readProviders } from './providers.ts'
import { Reader, type Api } from './reader.ts'
import type { Connection } from '../ports.ts'
import { signedIn, type ConnectEdges } from './signed-in.ts'

export interface AccessEdges {
  arm: ResourceManager
  credential: Credential
  /** Of tokens for Resource Manager. */
  scope: string
  debug: (message: string) => void
}

/** Version of Microsoft.Authorization whose answers are used here (documented). */
const API_VERSION = '2022-04-01'
const AUTHORIZATION = 'providers/Microsoft.Authorization'

/** Part of a role definition, or of the caller's permissions. A list may be absent (reported for older versions). */
interface PermissionBody {
  actions?: string[] | null
  notActions?: string[] | null
  dataActions?: string[] | null
  notDataActions?: string[] | null
  condition?: string | null
}

interface AssignmentBody {
  properties: { scope: string; roleDefinitionId: string; condition?: string | null }
}

/** Looks, and never changes a thing. */
export class Access implements DoctorPort {
  private readonly edges: AccessEdges
  private readonly known = new Map<string, Promise<Permission[] | undefined>>()

  constructor(edges: AccessEdges) {
    this.edges = edges
  }

  /** What the access token says of its owner; Resource Manager itself is not asked. */
  async signedIn(signal: AbortSignal): Promise<SignedIn> {
    const { credential, scope } = this.edges
    const { token } = await credential.getToken(scope, { abortSignal: signal })
    const claims = claimsOf(token)
    return {
      ...(typeof claims['oid'] === 'string' ? { objectId: claims['oid'] } : {}),
      isService: claims['idtyp'] === 'app',
    }
  }

  /**
   * All that the signed-in identity may do at a scope, what it inherits there among them. Documented for groups and
   * resources; that a subscription answers as well is reported (azure-rest-api-specs#19473). Undefined where it may not
   * list them.
   */
  permissions(scope: string, signal: AbortSignal): Promise<Permission[] | undefined> {
    const key = scope.toLowerCase()
    const asked = this.known.get(key) ?? this.permissionsAt(scope, signal)
    this.known.set(key, asked)
    return asked
  }

  private async permissionsAt(scope: string, signal: AbortSignal): Promise<Permission[] | undefined> {
    const path = `${scope}/${AUTHORIZATION}/permissions`
    try {
      const all = await this.unlessRefused(() =>
        this.list<PermissionBody>(path, `listing the permissions at ${scope}`, signal),
      )
      return all?.map(permission)
    } catch (error) {
      // What is not there yet inherits all that it will have without a role of its own. That a resource may not know the
      // question at all is assumed, for the parts of storage accounts.
      const above = parentOf(scope)
      const isNoPlace = error instanceof AzureError && [400, 404, 405].includes(error.status)
      if (!isNoPlace || above === undefined) throw error
      return await this.permissions(above, signal)
    }
  }

  /**
   * The role assignments of an identity at, above and below a subscription, with those of its groups (documented).
   * Undefined where they may not be read.
   */
  async grants(
    subscriptionId: string,
    principalId: string,
    signal: AbortSignal,
  ): Promise<Grant[] | undefined> {
    const subscription = `/subscriptions/${subscriptionId}`
    const path = `${subscription}/${AUTHORIZATION}/roleAssignments?$filter=assignedTo('${principalId}')`
    const doing = `listing the role assignments of ${principalId}`
    const all = await this.unlessRefused(() => this.list<AssignmentBody>(path, doing, signal))
    if (!all) return undefined
    const ids = new Set(all.map(({ properties }) => properties.roleDefinitionId))
    const definitions = new Map(
      await Promise.all([...ids].map(async (id) => [id, await this.definition(id, signal)] as const)),
    )
    return all.map(({ properties: { scope, roleDefinitionId, condition } }) => ({
      // What stands above the subscription, at a management group, holds in all of it.
      scope: /^\/subscriptions\//i.test(scope) ? scope : subscription,
      permissions: definitions
        .get(roleDefinitionId)
        ?.map((one) => (condition ? { ...one, conditional: true } : one)),
    }))
  }

  private async definition(id: string, signal: AbortSignal): Promise<Permission[] | undefined> {
    const doing = `reading role definition ${id}`
    const call: ArmCall = { method: 'GET', path: id, apiVersion: API_VERSION, doing, signal }
    const found = await this.unlessRefused(() =>
      this.edges.arm.request<{ properties: { permissions: PermissionBody[] } }>(call),
    )
    return found?.body.properties.permissions.map(permission)
  }

  async providers(subscriptionId: string, signal: AbortSignal): ReturnType<DoctorPort['providers']> {
    return await readProviders(this.reader(signal), subscriptionId)
  }

  /** Those that the signed-in identity may read; Azure leaves the others out. */
  async accounts(subscriptionId: string, signal: AbortSignal): Promise<BlobAccount[]> {
    const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`
    const reader = this.reader(signal)
    const all = await reader.ifAllowed('a list of storage accounts', () =>
      reader.list<AccountBody>(path, 'storage', 'listing storage accounts'),
    )
    return (all ?? []).map(blobAccount)
  }

  async principal(identityId: string, signal: AbortSignal): ReturnType<DoctorPort['principal']> {
    const what = `managed identity ${identityId}`
    try {
      const found = await this.reader(signal).glimpse<{ properties: { principalId: string } }>(
        identityId,
        'identity',
        what,
      )
      return found ? { objectId: found.properties.principalId } : 'hidden'
    } catch (error) {
      if (isNotFound(error)) return 'missing'
      throw error
    }
  }

  async exists(group: string, signal: AbortSignal): Promise<boolean> {
    return (await this.reader(signal).find(group, 'resources', `resource group ${group}`)) !== undefined
  }

  /** Looks up what the inputs name, as the build will; a refusal is noted, and is no failure. */
  async lookUp(request: BuildRequest, signal: AbortSignal): ReturnType<DoctorPort['lookUp']> {
    const reader = new NotingReader(this.edges.arm, this.edges.debug, signal)
    // Registrations are looked at by themselves.
    const look =
      request.kind === 'existing'
        ? findTemplate(reader, request)
        : lookUp(reader, { ...request, registerProviders: true })
    const problems = await look.then((): Problem[] => [], problemsOf)
    return { problems, refused: reader.refused }
  }

  private async unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
    return await this.reader(undefined).ifAllowed('what belongs to access control', ask)
  }

  private async list<T>(path: string, doing: string, signal: AbortSignal): Promise<T[]> {
    return await this.edges.arm.list<T>({ path, apiVersion: API_VERSION, doing, signal })
  }

  private reader(signal: AbortSignal | undefined): Reader {
    return new Reader(this.edges.arm, this.edges.debug, signal)
  }
}

/** A reader that keeps in mind what it was refused. */
class NotingReader extends Reader {
  readonly refused: string[] = []

  override async get<T>(path: string, api: Api, what: string, missing?: () => never): Promise<T> {
    return await super.get<T>(path, api, what, missing).catch((error: unknown) => this.note(path, error))
  }

  override async list<T>(path: string, api: Api, doing: string): Promise<T[]> {
    return await super.list<T>(path, api, doing).catch((error: unknown) => this.note(path, error))
  }

  private note(path: string, error: unknown): never {
    if (isRefusal(error)) this.refused.push(path)
    throw error
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof AzureError && error.status === 403
}

function problemsOf(error: unknown): Problem[] {
  if (error instanceof InputError) return error.problems
  if (isRefusal(error)) return []
  throw error
}

function permission(body: PermissionBody): Permission {
  const { actions, notActions, dataActions, notDataActions, condition } = body
  return {
    actions: actions ?? [],
    notActions: notActions ?? [],
    dataActions: dataActions ?? [],
    notDataActions: notDataActions ?? [],
    ...(condition ? { conditional: true } : {}),
  }
}

/** What holds a resource or a group: one name less, and one type; undefined for a subscription. */
function parentOf(scope: string): string | undefined {
  const parts = scope.split('/')
  if (parts.length <= 3) return undefined
  const above = parts.slice(0, -2)
  // `/providers/<namespace>` is no scope.
  return (above.at(-2)?.toLowerCase() === 'providers' ? above.slice(0, -2) : above).join('/')
}

/** The payload of a token; nothing where it is none that can be read. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    return JSON.parse(payload) as Record<string, unknown>
  } catch {
    return {}
  }
}

/** Azure as a check sees it. Nothing is asked of Azure or GitHub until the first call. */
export function connectDoctor({ signIn }: Pick<Connection, 'signIn'>, edges: ConnectEdges): DoctorPort {
  return new Access({ ...signedIn(signIn, edges), scope: signIn.cloud.resourceManagerScope })
}
