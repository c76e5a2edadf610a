/**
 * What the roles of `docs/roles` are for: who gets each, where, and what every action in it does. The README's tables and
 * `docs/rights.md` are made from it; which actions a role has is said by its file alone.
 */
import { documentedRole } from '../local-azure/roles.ts'
import { ROLE_NOTES, type Evidence, type RoleNote } from './role-notes.ts'
import { markdownTable } from './task-properties.ts'

/** What the names are known from, in the words of the tables. */
export const EVIDENCE: Record<Evidence, string> = {
  reference: 'Azure’s permissions reference',
  document: 'Image Builder’s permissions document',
  microsoft: 'messages of the service, or roles that Microsoft publishes',
  assumed: '**assumed**, by the resource type’s name',
}

/** The actions of a role, data actions last. */
export function actionsOf(file: string): { action: string; isData: boolean }[] {
  const { Actions, DataActions } = documentedRole(file)
  return [
    ...Actions.map((action) => ({ action, isData: false })),
    ...DataActions.map((action) => ({ action, isData: true })),
  ]
}

/** Rows of the README: role, who gets it and where, when. */
export function roleTable(needed: string): string {
  const rows = Object.entries(ROLE_NOTES)
    .filter(([, note]) => note.needed === needed)
    .map(([file, { who, scope, when }]) => [link(file), who, scope, when])
  return markdownTable(['Role', 'of the', 'on', 'for'], rows)
}

function link(file: string): string {
  return `[\`${file}\`](docs/roles/${file}.json)`
}

/** Role definitions as they stand in their files, the empty lists and what every one says left out. */
export function roleListing(files: string): string {
  return files
    .split(',')
    .map((file) => {
      const { Name, Actions, DataActions } = documentedRole(file)
      const data = DataActions.length > 0 ? { DataActions } : {}
      // As prettier would have it: an array of one in one line.
      const body = JSON.stringify({ Name, Actions, ...data }, undefined, 2).replace(
        /\[\s*("[^"]*")\s*\]/g,
        '[$1]',
      )
      return `\`\`\`json\n${body}\n\`\`\``
    })
    .join('\n\n')
}

/** What happened without each action of a role, by action. */
export type Outcomes = Record<string, string>

/** The section of `docs/rights.md` on one role. */
export function roleSection(file: string, outcomes: Outcomes): string {
  const note = ROLE_NOTES[file]
  if (!note) throw new Error(`scripts/role-notes.ts says nothing of docs/roles/${file}.json.`)
  const rows = actionsOf(file).map(({ action, isData }) => {
    const [purpose, evidence] = noteOf(note, file, action)
    const outcome = outcomes[action] ?? ''
    return [`\`${action}\`${isData ? ' (data action)' : ''}`, purpose, outcome, EVIDENCE[evidence]]
  })
  return [
    `### ${file}`,
    `[\`docs/roles/${file}.json\`](roles/${file}.json), “${documentedRole(file).Name}”. Of the ${note.who}, on ${note.scope}; for ${note.when}.`,
    markdownTable(['Action', 'What for', 'Without it', 'Name known from'], rows),
  ].join('\n\n')
}

function noteOf({ actions }: RoleNote, file: string, action: string): readonly [string, Evidence] {
  const found = actions[action]
  if (!found) throw new Error(`scripts/role-notes.ts does not say what ${action} is for in ${file}.`)
  return found
}
