/** Azure's role-based access as data: what permissions allow, and what assignments give at a place. */

/**
 * Part of a role definition, and what Azure lists of the caller at a scope. Patterns may hold `*`; what an exclusion
 * takes away, another permission may give all the same (documented).
 */
export interface Permission {
  actions: string[]
  notActions: string[]
  dataActions: string[]
  notDataActions: string[]
  /** Holds for some blobs or requests alone (attribute-based access control). */
  conditional?: boolean
}

/** A role assignment with what its role allows. */
export interface Grant {
  scope: string
  /** Undefined where the role's definition may not be read. */
  permissions: Permission[] | undefined
}

/** An action of the control plane, or of the data in a resource. */
export interface Action {
  action: string
  isData: boolean
}

/** `unclear`: only under a condition, or by a role whose definition is hidden. */
export type Answer = 'yes' | 'no' | 'unclear'

/** Whether the permissions together allow the action. */
export function allows(permissions: readonly Permission[], action: Action): Answer {
  const giving = permissions.filter((one) => gives(one, action))
  if (giving.some(({ conditional }) => conditional !== true)) return 'yes'
  return giving.length > 0 ? 'unclear' : 'no'
}

/** Whether role assignments allow the action at a resource: those at it and above it count. */
export function allowsAt(grants: readonly Grant[], place: string, action: Action): Answer {
  const inherited = grants.filter(({ scope }) => isWithin(place, scope))
  const answer = allows(
    inherited.flatMap(({ permissions = [] }) => permissions),
    action,
  )
  const hidden = inherited.some(({ permissions }) => permissions === undefined)
  return answer === 'no' && hidden ? 'unclear' : answer
}

function gives(
  { actions, notActions, dataActions, notDataActions }: Permission,
  { action, isData }: Action,
): boolean {
  const [given, taken] = isData ? [dataActions, notDataActions] : [actions, notActions]
  return given.some((one) => matches(one, action)) && !taken.some((one) => matches(one, action))
}

/** Letter case does not count, and `*` stands for any part of a name, slashes included (documented). */
function matches(pattern: string, action: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'i').test(action)
}

/** Whether a resource ID is a scope or lies below it. */
export function isWithin(id: string, scope: string): boolean {
  return `${withoutSlash(id)}/`.startsWith(`${withoutSlash(scope)}/`)
}

function withoutSlash(id: string): string {
  return id.toLowerCase().replace(/\/+$/, '')
}
