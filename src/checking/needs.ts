/** What a build needs of somebody somewhere: a role of `docs/roles`, and each of its actions at its place. */
import { ROLES, type RoleFile } from './documented-roles.ts'
import type { Action } from './permissions.ts'
import { placesOf } from './rights-places.ts'

export type Who = 'deploying identity' | 'managed identity'

/** An action, and the narrowest resource that the build does it to. */
export interface Right extends Action {
  at: string
}

/** A role that a build needs at a scope. */
export interface Need {
  /** Of `docs/roles`, or the built-in role that Image Builder demands on a staging group. */
  role: RoleFile | 'Contributor'
  who: Who
  /** Where the role is given. */
  scope: string
  rights: Right[]
  /** Whether there is no build without it. */
  required: boolean
  /** A role that does as well. */
  instead?: Need
  /** What has to be found before its rights can be told; `scope` is then the subscription. */
  notFound?: string
}

type Demand = Omit<Need, 'rights' | 'role'> & {
  role: RoleFile
  /** Resources that the rights are about; the scope where none fits an action. */
  targets?: readonly string[]
  /** Which actions of the role this build needs; default: all. */
  wanted?: (action: string) => boolean
}

type Details = Partial<Pick<Demand, 'targets' | 'wanted' | 'required' | 'notFound'>>

/** A role of the identity that the workflow signs in as. */
export function forDeployer(role: RoleFile, scope: string, details: Details = {}): Need {
  return need({ role, who: 'deploying identity', scope, required: true, ...details })
}

/** A role of the identity that Image Builder works as. */
export function forBuilder(role: RoleFile, scope: string, details: Details = {}): Need {
  return need({ role, who: 'managed identity', scope, required: true, ...details })
}

function need({ targets = [], wanted = () => true, ...rest }: Demand): Need {
  const { Actions, DataActions } = ROLES[rest.role]
  const actions = [
    ...Actions.map((action) => ({ action, isData: false })),
    ...DataActions.map((action) => ({ action, isData: true })),
  ]
  const rights = actions
    .filter(({ action }) => wanted(action))
    .flatMap((one) => placesOf(one.action, rest.scope, targets).map((at) => ({ ...one, at })))
  return { ...rest, rights }
}
