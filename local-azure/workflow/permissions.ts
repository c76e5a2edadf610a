/** What a job's token may do, and what a called workflow may ask for. The rules are those of the public runner's parser. */
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { fieldsOf, literalOf } from './fields.ts'
import { isMapping } from './parser.ts'

/** Scope → `read` or `write`; one that is not there is `none`. */
export type Permissions = Record<string, string>

/** Of a repository with GitHub's default for new ones: read its contents and packages. */
export const DEFAULT_PERMISSIONS: Permissions = { contents: 'read', packages: 'read' }

const LEVELS = ['none', 'read', 'write']
/** Every scope that `read-all` and `write-all` stand for. */
const SCOPES = [
  ...['actions', 'artifact-metadata', 'attestations', 'checks', 'contents', 'deployments', 'discussions'],
  ...['id-token', 'issues', 'models', 'packages', 'pages', 'pull-requests', 'repository-projects'],
  ...['security-events', 'statuses'],
]

/** Reads `permissions`; undefined where there is none. The parser has refused what is none of its values. */
export function readPermissions(token: TemplateToken | undefined): Permissions | undefined {
  if (token === undefined) return undefined
  if (isMapping(token)) {
    const levels = [...fieldsOf(token)].map(([scope, level]) => [scope, literalOf(level) ?? 'none'] as const)
    return Object.fromEntries(levels.filter(([, level]) => level !== 'none'))
  }
  const level = literalOf(token) === 'write-all' ? 'write' : 'read'
  // An ID token cannot be read: there is `write` and nothing else.
  return Object.fromEntries(
    SCOPES.filter((scope) => level === 'write' || scope !== 'id-token').map((scope) => [scope, level]),
  )
}

export interface Excess {
  requested: string
  allowed: string
}

/** What is asked for beyond what is allowed, as GitHub lists it; undefined where nothing is. */
export function excessOf(requested: Permissions, allowed: Permissions): Excess | undefined {
  const level = (permissions: Permissions, scope: string): string => permissions[scope] ?? 'none'
  const beyond = Object.keys(requested).filter(
    (scope) => LEVELS.indexOf(level(requested, scope)) > LEVELS.indexOf(level(allowed, scope)),
  )
  if (beyond.length === 0) return undefined
  const list = (permissions: Permissions): string =>
    beyond.map((scope) => `${scope}: ${level(permissions, scope)}`).join(', ')
  return { requested: list(requested), allowed: list(allowed) }
}
