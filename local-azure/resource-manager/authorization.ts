/**
 * Azure's role-based access control, for reading: what the caller may do at a scope, role assignments and role definitions.
 * All of it comes from the world's assignments, which the front door enforces, so that what is told is what holds.
 */
import { createHash } from 'node:crypto'
import { ArmError, type ArmRequest, type ArmRoute } from '../arm.ts'
import * as refuse from './errors.ts'
import { page } from './lists.ts'
import { parseArmPath } from './paths.ts'
import { documentedRole, ROLE_FILES } from '../roles.ts'
import type { RoleAssignment } from '../seed.ts'
import type { Reply } from '../server.ts'
import type { World } from '../world.ts'

const NAMESPACE = 'Microsoft.Authorization'
/** Documented for all three; older ones exist. */
const apiVersions = ['2022-04-01', '2018-07-01', '2015-07-01']
const BELOW = `/{scope*}/providers/${NAMESPACE}`

/**
 * The rights that each call takes are documented with it (REST reference, "Permissions"). How a list is refused is
 * reported, with its scope (azure-powershell#6628); that permissions are refused like role assignments is assumed. A list
 * that was empty instead has been reported, too (azure-sdk-for-python#22873), and is not played.
 */
export function authorizationRoutes(world: World): ArmRoute[] {
  const list = (
    type: string,
    show: (world: World, request: ArmRequest, scope: string) => Reply,
  ): ArmRoute => {
    const action = `${NAMESPACE}/${type}/read`
    const handle = (request: ArmRequest): Reply => show(world, request, scopeOf(world, request, action))
    return { method: 'GET', path: `${BELOW}/${type}`, action, authorize: 'readable', apiVersions, handle }
  }
  return [
    list('permissions', permissions),
    list('roleAssignments', assignments),
    {
      method: 'GET',
      path: `${BELOW}/roleDefinitions/{definition}`,
      action: `${NAMESPACE}/roleDefinitions/read`,
      apiVersions,
      handle: (request) => definition(world, request),
    },
  ]
}

/**
 * The scope of a request, where the caller has the right to ask. A resource that does not exist is not found (assumed);
 * what lies below a resource and is none of its own here, such as a blob container, is taken as it is named.
 */
function scopeOf(world: World, request: ArmRequest, action: string): string {
  const { scope } = parseArmPath(request.method, request.url.pathname)
  if (!world.allows(request.principal, action, scope)) {
    throw refuse.authorizationFailed(request.principal, action, `${scope}/providers/${NAMESPACE}`)
  }
  const path = parseArmPath('GET', scope)
  if (path.namespace === undefined || world.resources.get(scope)) return scope
  const holder = /^(.*?\/providers\/Microsoft\.Storage\/storageAccounts\/[^/]+)\/blobServices\//i.exec(
    scope,
  )?.[1]
  if (holder !== undefined && world.resources.get(holder)) return scope
  throw refuse.resourceNotFound(path)
}

/** Documented shape: one entry a role that the caller has there, inherited ones among them. */
function permissions(world: World, request: ArmRequest, scope: string): Reply {
  const own = world.roleAssignments.filter(
    ({ principalId, scope: given }) =>
      sameText(principalId, request.principal.objectId) && isAt(scope, given),
  )
  return page(request, own.map(permissionOf))
}

/** Documented shape and filters; the list is paged (documented). */
function assignments(world: World, request: ArmRequest, scope: string): Reply {
  const filter = request.url.searchParams.get('$filter') ?? undefined
  const wanted = filterOf(filter)
  // Of one principal: at, above and below the scope; by scope alone: at and above it (documented).
  const found = world.roleAssignments.filter(
    (one) =>
      (isAt(scope, one.scope) || (wanted !== 'atScope' && isAt(one.scope, scope))) &&
      (typeof wanted !== 'object' || sameText(one.principalId, wanted.principal)),
  )
  return page(
    request,
    found.map((one) => assignmentBody(world, one)),
  )
}

type Filter = undefined | 'atScope' | { principal: string }

/** No groups are played, so that an identity's own assignments are all that are assigned to it. */
function filterOf(filter: string | undefined): Filter {
  if (filter === undefined) return undefined
  if (/^atScope\(\)$/i.test(filter)) return 'atScope'
  const match = /^(?:assignedTo\('([\w-]+)'\)|principalId eq '([\w-]+)')$/i.exec(filter)
  const principal = match?.[1] ?? match?.[2]
  if (principal === undefined) throw unsupportedFilter(filter)
  return { principal }
}

/** Code and text: reported (azure-rest-api-specs#28255); the status is assumed. */
function unsupportedFilter(filter: string): ArmError {
  return new ArmError(
    400,
    'UnsupportedQuery',
    `The filter '${filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.`,
  )
}

/** Documented shape. */
function assignmentBody(world: World, one: RoleAssignment): object {
  const { principalId, scope } = one
  const name = guidOf([principalId, scope, definitionName(one)].join())
  return {
    id: `${scope}/providers/${NAMESPACE}/roleAssignments/${name}`,
    type: `${NAMESPACE}/roleAssignments`,
    name,
    properties: {
      roleDefinitionId: `${definitionsOf(world)}/${definitionName(one)}`,
      principalId,
      principalType: 'ServicePrincipal',
      scope,
      condition: null,
      conditionVersion: null,
    },
  }
}

/** Documented shape; the role of an assignment is known here by its rights alone. */
function definition(world: World, request: ArmRequest): Reply {
  const asked = request.params['definition'] ?? ''
  const found = world.roleAssignments.find((one) => sameText(definitionName(one), asked))
  if (!found) throw definitionNotFound(asked)
  const name = definitionName(found)
  return {
    status: 200,
    body: {
      id: `${definitionsOf(world)}/${name}`,
      type: `${NAMESPACE}/roleDefinitions`,
      name,
      properties: {
        roleName: roleNameOf(found),
        type: 'CustomRole',
        description: '',
        assignableScopes: [`/subscriptions/${world.seed.subscriptionId}`],
        permissions: [permissionOf(found)],
      },
    },
  }
}

/** Text: reported. */
function definitionNotFound(name: string): ArmError {
  return new ArmError(
    404,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${name.replaceAll('-', '')}' does not exist.`,
  )
}

function permissionOf({ actions, dataActions = [] }: RoleAssignment): object {
  return { actions, notActions: [], dataActions, notDataActions: [] }
}

function roleNameOf({ actions, dataActions = [] }: RoleAssignment): string {
  const key = (all: readonly string[]): string => [...all].sort().join()
  const file = ROLE_FILES.find((one) => {
    const { Actions, DataActions } = documentedRole(one)
    return key(Actions) === key(actions) && key(DataActions) === key(dataActions)
  })
  return file === undefined ? `Custom ${definitionName({ actions, dataActions })}` : documentedRole(file).Name
}

function definitionsOf(world: World): string {
  return `/subscriptions/${world.seed.subscriptionId}/providers/${NAMESPACE}/roleDefinitions`
}

function definitionName({
  actions,
  dataActions = [],
}: Pick<RoleAssignment, 'actions' | 'dataActions'>): string {
  return guidOf(JSON.stringify([actions, dataActions]))
}

/** The same text has the same ID. */
function guidOf(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex')
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

function isAt(place: string, scope: string): boolean {
  return `${place}/`.toLowerCase().startsWith(`${scope}/`.toLowerCase())
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
