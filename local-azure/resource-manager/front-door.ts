/**
 * Resource Manager's front door: what every request passes before a resource provider sees it, and what every
 * answer carries. Order of the checks: that rights are checked before a resource group's existence is confirmed
 * by the service team's words (Azure/azure-powershell#12115); the rest of the order is assumed.
 */
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { parseArmPath, type ArmPath } from './paths.ts'
import type { Certificates } from '../certificates.ts'
import type { TokenAuthority } from '../parts.ts'
import { regionsOf } from './regions.ts'
import { serve, type Reply, type Request, type RunningServer } from '../server.ts'
import { Throttling } from './throttling.ts'
import { newId, regionKey, type Principal, type Resource, type World } from '../world.ts'

/** Audiences that Resource Manager accepts, in the order in which its refusal lists them (recorded). */
const AUDIENCES = [
  'https://management.core.windows.net/',
  'https://management.core.windows.net',
  'https://management.azure.com/',
  'https://management.azure.com',
]

/** Largest body of a request, in bytes (documented). */
const LARGEST_BODY = 4 * 1024 * 1024

/** Serves routes behind the front door. */
export async function serveResourceManager(
  world: World,
  certificates: Certificates,
  entra: TokenAuthority,
  routes: ArmRoute[],
): Promise<RunningServer> {
  const door = new FrontDoor(world, entra, routes)
  return await serve({
    service: 'resource-manager',
    world,
    certificates,
    routes: routes.map((route) => ({
      method: route.method,
      path: route.path,
      handle: (request) => door.answer(request, route),
    })),
    notFound: (request) => door.answer(request, undefined),
    commonHeaders,
  })
}

class FrontDoor {
  private readonly world: World
  private readonly entra: TokenAuthority
  private readonly routes: ArmRoute[]
  private readonly throttling: Throttling

  constructor(world: World, entra: TokenAuthority, routes: ArmRoute[]) {
    this.world = world
    this.entra = entra
    this.routes = routes
    this.throttling = new Throttling(world)
  }

  /** Who may come in is asked first: the buckets of requests are a principal's. */
  async answer(request: Request, route: ArmRoute | undefined): Promise<Reply> {
    let remaining: Record<string, string> = {}
    try {
      const principal = await this.authenticate(request)
      const { subscription } = parseArmPath(request.method, request.url.pathname)
      remaining = this.throttling.admit(request.method, subscription, principal)
      const reply = await this.checkAndHandle(request, principal, route)
      return { ...reply, headers: { ...remaining, ...reply.headers } }
    } catch (error) {
      if (error instanceof ArmError) return errorReply(error, remaining)
      throw error
    }
  }

  private async checkAndHandle(
    request: Request,
    principal: Principal,
    route: ArmRoute | undefined,
  ): Promise<Reply> {
    if (request.body.length > LARGEST_BODY) throw refuse.requestContentTooLarge()
    const apiVersion = request.url.searchParams.get('api-version')
    if (!apiVersion) throw refuse.missingApiVersion()
    const path = parseArmPath(request.method, request.url.pathname)
    if (!route) throw this.unknown(request, path, apiVersion)
    this.checkApiVersion(route, path, apiVersion)
    this.checkSubscription(path)
    this.checkRegistration(request.method, path)
    this.authorize(principal, route, request, path)
    this.checkGroup(request.method, path)
    const armRequest: ArmRequest = { ...request, principal, apiVersion, json: () => parseJson(request.body) }
    return await route.handle(armRequest)
  }

  private async authenticate(request: Request): Promise<Principal> {
    const { tenantId } = this.world.seed
    const { authorization } = request.headers
    if (!authorization) {
      const message = "Authentication failed. The 'Authorization' header is missing."
      const reason = "The authentication failed because of missing 'Authorization' header."
      throw refuse.unauthenticated(tenantId, 'AuthenticationFailed', message, reason)
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    if (token === undefined) {
      const message = "Authentication failed. The 'Authorization' header is provided in an invalid format."
      throw refuse.unauthenticated(tenantId, 'AuthenticationFailedInvalidHeader', message)
    }
    const result = await this.entra.verify(token, AUDIENCES)
    if ('objectId' in result) return result
    throw refuse.unauthenticated(tenantId, result.code, result.message)
  }

  /** Why no route matches. A type that is known but a call that is not modelled is the local Azure's own limit. */
  private unknown(request: Request, path: ArmPath, apiVersion: string): ArmError {
    this.checkSubscription(path)
    const { namespace, type } = path
    if (namespace === undefined) return refuse.invalidUrl(request.url.pathname)
    if (!this.provider(namespace)) return refuse.invalidResourceNamespace(namespace)
    if (!this.hasType(namespace, type)) return refuse.invalidResourceType({ namespace, type }, apiVersion)
    const message = `${request.method} ${request.url.pathname} is not part of the local Azure.`
    return new ArmError(501, 'LocalAzureNotModelled', message)
  }

  private checkApiVersion(route: ArmRoute, path: ArmPath, apiVersion: string): void {
    if (route.apiVersions.includes(apiVersion)) return
    const { namespace, type } = path
    if (namespace === undefined || type === '') throw refuse.invalidApiVersion(apiVersion, route.apiVersions)
    const location = this.locationOf(path)
    if (location === undefined)
      throw refuse.invalidResourceType({ namespace, type }, apiVersion, route.apiVersions)
    const locations = regionsOf(this.world, namespace).map(regionKey)
    const { apiVersions } = route
    throw refuse.noRegisteredProvider({ location, apiVersion, type, apiVersions, locations })
  }

  private checkSubscription({ subscription }: ArmPath): void {
    if (subscription === undefined) return
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(subscription))
      throw refuse.invalidSubscriptionId(subscription)
    if (subscription.toLowerCase() !== this.world.seed.subscriptionId.toLowerCase())
      throw refuse.subscriptionNotFound(subscription)
  }

  private checkRegistration(method: string, path: ArmPath): void {
    if (['GET', 'HEAD'].includes(method) || path.namespace === undefined || path.type === '') return
    const provider = this.provider(path.namespace)
    if (provider && provider.properties['registrationState'] !== 'Registered')
      throw refuse.notRegistered(provider.name)
  }

  private authorize(principal: Principal, route: ArmRoute, request: Request, path: ArmPath): void {
    const action = route.action.replaceAll(/\{(\w+)\}/g, (_, name: string) => request.params[name] ?? '')
    // A filtered list needs no right of its own, yet some right somewhere in the subscription (assumed).
    const allowed =
      route.authorize === 'readable'
        ? this.world.roleAssignments.some(
            ({ principalId }) => principalId.toLowerCase() === principal.objectId.toLowerCase(),
          )
        : this.world.allows(principal, action, path.scope)
    if (!allowed) throw refuse.authorizationFailed(principal, action, path.scope)
  }

  private checkGroup(method: string, path: ArmPath): void {
    if (path.resourceGroup === undefined || !path.belowGroup) return
    const group = this.group(path)
    if (!group) throw refuse.resourceGroupNotFound(path.resourceGroup)
    const write = !['GET', 'HEAD', 'DELETE'].includes(method)
    if (write && group.properties['provisioningState'] === 'Deleting')
      throw refuse.resourceGroupBeingDeleted(path.resourceGroup)
  }

  private group(path: ArmPath): Resource | undefined {
    return this.world.resources.get(
      `/subscriptions/${path.subscription ?? ''}/resourceGroups/${path.resourceGroup ?? ''}`,
    )
  }

  /** Where a request would be routed: the resource's region, else its group's (which one: assumed). */
  private locationOf(path: ArmPath): string | undefined {
    return this.world.resources.get(path.scope)?.location ?? this.group(path)?.location
  }

  private provider(namespace: string): Resource | undefined {
    return this.world.resources.get(`/subscriptions/${this.world.seed.subscriptionId}/providers/${namespace}`)
  }

  private hasType(namespace: string, type: string): boolean {
    const known = [
      ...this.routes.map((route) => parseArmPath(route.method, route.path)),
      ...this.world.seed.resourceProviders.flatMap((provider) =>
        Object.keys(provider.resourceTypes).map((name) => ({ namespace: provider.namespace, type: name })),
      ),
    ]
    const asked = `${namespace}/${type}`.toLowerCase()
    return known.some((one) => `${one.namespace ?? ''}/${one.type}`.toLowerCase() === asked)
  }
}

function errorReply(error: ArmError, headers: Record<string, string>): Reply {
  return {
    status: error.status,
    headers: { ...headers, ...error.headers },
    body: { error: { code: error.code, message: error.message } },
  }
}

/** Headers of every answer (recorded); what is left of a principal's requests comes with those that are counted. */
function commonHeaders(request: Pick<Request, 'method' | 'headers'>): Record<string, string> {
  const requestId = newId()
  const correlationId = request.headers['x-ms-correlation-request-id']
  return {
    'Cache-Control': 'no-cache',
    Pragma: 'no-cache',
    Expires: '-1',
    'x-ms-request-id': requestId,
    'x-ms-correlation-request-id': typeof correlationId === 'string' ? correlationId : requestId,
    'x-ms-routing-request-id': `EASTUS:${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}:${newId()}`,
    ...echoedClientRequestId(request),
  }
}

/** The client's own request ID comes back to those who ask for it alone. */
function echoedClientRequestId({ headers }: Pick<Request, 'headers'>): Record<string, string> {
  const id = headers['x-ms-client-request-id']
  const asked = headers['x-ms-return-client-request-id'] === 'true'
  return asked && typeof id === 'string' ? { 'x-ms-client-request-id': id } : {}
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw refuse.invalidRequestContent(error instanceof Error ? error.message : String(error))
  }
}
