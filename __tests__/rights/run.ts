/**
 * Shows that every action of every role in `docs/roles` is needed, and that no other is:
 *
 *     npm run test:rights               all of it, some three minutes on two cores; needs `dist` as `npm run build` makes it
 *     npm run test:rights -- --write    and writes `docs/rights.md`
 *     npm run test:rights -- artifact   the stories with that word in their names
 *
 * Each build is played with exactly the roles that it is documented to need, which must work without a complaint, and
 * once without each of their actions, which must be told by name. Ends with exit code 1 where one is not.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { documentedRole, ROLE_FILES } from '../../local-azure/roles.ts'
import type { Outcomes } from '../../scripts/roles.ts'
import { playAll, type Played } from './play.ts'
import { rightsDocument } from './rights-document.ts'
import { STORIES, UNCHECKED } from './stories.ts'
import { uncheckedBy, verdictOn } from './verdict.ts'

const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const chosen = STORIES.filter(({ name }) => positionals.every((word) => name.includes(word)))
const outcomes: Record<string, Outcomes> = {}
const faults: string[] = []

/** Roles of sub-actions; their own scenarios play what is said without them, where no build does. */
const OF_SUB_ACTIONS = {
  'deployer-doctor': 'works; the check says `unknown` of what it cannot see',
  promoter: 'fails, and names the action',
}
for (const [role, outcome] of Object.entries(OF_SUB_ACTIONS)) {
  const { Actions } = documentedRole(role)
  outcomes[role] = Object.fromEntries(Actions.map((action) => [action, outcome]))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function note(played: Played): void {
  const { story, lacks } = played
  const { outcome, fault } = verdictOn(played)
  const what = lacks ? `${lacks.role} without ${lacks.action}` : `${story.name}: exact roles`
  say(`${fault === undefined ? 'ok  ' : 'WRONG'} ${what}: ${outcome}`)
  if (fault !== undefined) faults.push(`${what} (${story.name})\n${fault}`)
  if (lacks) (outcomes[lacks.role] ??= {})[lacks.action] = outcome
}

/** What is never needed: the build is played without the whole role, and its debug log tells what was not looked at. */
function noteUnchecked({ story, job }: Played): void {
  for (const role of story.probed) {
    for (const action of documentedRole(role).Actions) {
      const line = uncheckedBy(job, action)
      ;(outcomes[role] ??= {})[action] = line === undefined ? 'works' : `works; the debug log: ${line}`
    }
  }
}

const began = performance.now()
const played = await playAll(chosen, note)
const unchecked = await playAll(
  UNCHECKED.map((story) => ({
    ...story,
    elsewhere: story.probed.flatMap((role) => documentedRole(role).Actions),
  })),
  (one) => {
    note(one)
    noteUnchecked(one)
  },
)
const missing = ROLE_FILES.flatMap((role) =>
  [...documentedRole(role).Actions, ...documentedRole(role).DataActions]
    .filter((action) => outcomes[role]?.[action] === undefined)
    .map((action) => `${role}: ${action} was not tried`),
)
if (positionals.length === 0) faults.push(...missing)

const seconds = Math.round((performance.now() - began) / 1000)
const whole = played.filter(({ lacks }) => !lacks).length + unchecked.length
say(
  `\n${whole} builds with exact roles, ${played.length + unchecked.length - whole} with one action less, ${seconds} s`,
)
if (values.write && positionals.length === 0) {
  const file = path.join(import.meta.dirname, '..', '..', 'docs', 'rights.md')
  const options = await resolveConfig(file)
  writeFileSync(file, await format(rightsDocument(outcomes), { ...options, parser: 'markdown' }))
}
if (faults.length > 0) {
  say(`\n${faults.length} not as promised:\n\n${faults.join('\n\n')}`)
  process.exitCode = 1
}
