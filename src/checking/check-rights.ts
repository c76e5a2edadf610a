/** Rights that a build needs, held against what Azure says of both identities. */
import { roleRemedy, type Assignee } from './check-remedies.ts'
import type { Finding, State } from './check-report.ts'
import type { Need, Right } from './needs.ts'
import { allows, allowsAt, type Answer, type Grant, type Permission } from './permissions.ts'

/** What is known of a right. */
export interface Judgement {
  state: State
  detail: string
}

const OK: Judgement = { state: 'ok', detail: '' }
const STATES: Record<Answer, State> = { yes: 'ok', no: 'missing', unclear: 'unknown' }
const CONDITION = 'it is given under a condition, or by a role whose definition may not be read'

/**
 * A right of the signed-in identity.
 * @param wide its permissions where the role is to be given; undefined where it may not list them
 * @param near the same at the resource itself, what is inherited among them
 */
export function judgeOwn(
  { notFound }: Need,
  right: Right,
  wide: readonly Permission[] | undefined,
  near: readonly Permission[] | undefined,
): Judgement {
  if (wide && allows(wide, right) === 'yes') return OK
  if (notFound !== undefined) return beforeFound(notFound)
  if (!near) return { state: 'unknown', detail: 'it may not list its own permissions there' }
  return judged(allows(near, right))
}

/** The role assignments of the managed identity, or what there is in place of them. */
export type Grants = readonly Grant[] | 'no identity' | 'hidden identity' | 'hidden assignments'

const READ_ASSIGNMENTS = { action: 'Microsoft.Authorization/roleAssignments/read', isData: false }

/**
 * An empty list is believed only where the signed-in identity is known to have the right to see: without it, the service
 * has been reported to answer with an empty one (azure-sdk-for-python#22873).
 * @param found undefined where they may not be read
 * @param own permissions of the signed-in identity in the subscription
 */
export function believable(
  found: readonly Grant[] | undefined,
  own: readonly Permission[] | undefined,
): Grants {
  if (found === undefined) return 'hidden assignments'
  const maySee = allows(own ?? [], READ_ASSIGNMENTS) === 'yes'
  return found.length > 0 || maySee ? found : 'hidden assignments'
}

/** A right of the managed identity. */
export function judgeBuilder({ notFound }: Need, right: Right, grants: Grants): Judgement {
  if (grants === 'no identity') return { state: 'missing', detail: '' }
  if (grants === 'hidden identity') {
    return { state: 'unknown', detail: 'the signed-in identity may not read the managed identity' }
  }
  if (grants === 'hidden assignments') {
    return { state: 'unknown', detail: 'the signed-in identity may not read role assignments' }
  }
  const answer = allowsAt(grants, right.at, right)
  return answer !== 'yes' && notFound !== undefined ? beforeFound(notFound) : judged(answer)
}

function beforeFound(what: string): Judgement {
  return { state: 'unknown', detail: `it cannot be told before ${what} is found` }
}

function judged(answer: Answer): Judgement {
  return { state: STATES[answer], detail: answer === 'unclear' ? CONDITION : '' }
}

/** What lets the signed-in identity see what is hidden from it at a scope. */
export type Doctor = (scope: string) => string[]

/** A finding a right. */
export function rightFindings(
  need: Need,
  judgements: readonly Judgement[],
  assignee: Assignee,
  doctor: Doctor,
): Finding[] {
  const { required, role, who, scope } = need
  return need.rights.map(({ action, isData, at }, index): Finding => {
    const { state, detail } = judgements[index] ?? { state: 'unknown', detail: '' }
    const remedy = { ok: [], missing: roleRemedy(need, assignee), unknown: need.notFound ? [] : doctor(at) }[
      state
    ]
    return {
      kind: 'right',
      state,
      name: action,
      scope: at,
      need: { role, who, scope, isData },
      required,
      detail,
      remedy,
    }
  })
}
