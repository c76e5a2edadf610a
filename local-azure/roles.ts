/** The roles that `docs/roles` hands to users: what the principals of a local Azure may do is read from the same files. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A role definition as `az role definition create` takes it. */
export interface RoleDefinition {
  Name: string
  IsCustom: boolean
  Description: string
  Actions: string[]
  NotActions: string[]
  DataActions: string[]
  NotDataActions: string[]
  AssignableScopes: string[]
}

const FOLDER = path.join(import.meta.dirname, '..', 'docs', 'roles')

/** Names of the files, without `.json`. */
export const ROLE_FILES: readonly string[] = readdirSync(FOLDER)
  .map((file) => path.basename(file, '.json'))
  .sort()

/** @param file name of a file in `docs/roles`, without `.json` */
export function documentedRole(file: string): RoleDefinition {
  return JSON.parse(readFileSync(path.join(FOLDER, `${file}.json`), 'utf8')) as RoleDefinition
}

/** Control and data actions of several roles together, each once. */
export function rightsOf(files: readonly string[]): { actions: string[]; dataActions: string[] } {
  const roles = files.map(documentedRole)
  return {
    actions: [...new Set(roles.flatMap(({ Actions }) => Actions))],
    dataActions: [...new Set(roles.flatMap(({ DataActions }) => DataActions))],
  }
}
