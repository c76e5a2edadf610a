/** `docs/rights.md`: the words around the tables of roles. */
import { ROLE_FILES } from '../../local-azure/roles.ts'
import { ROLE_NOTES } from '../../scripts/role-notes.ts'
import { roleSection, type Outcomes } from '../../scripts/roles.ts'

const HEAD = `# Rights: which role has which action, and what happens without it

Roles are small, so that each can be given where it is needed and nowhere else; [the README](../README.md#what-azure-needs) says which of them a build takes. The files in [docs/roles](roles) are role definitions for \`az role definition create\`; put your subscription's ID in for \`SUBSCRIPTION_ID\`.

\`npm run test:rights\` plays all of this on the local Azure, which enforces the roles of these very files at the scopes that stand here: with exactly them a build works without an error, a warning or a notice, and without any one action what stands under “Without it” happens, and the message names the action. Where Azure's own answer names none, the action does: Blob Storage says no more than \`AuthorizationPermissionMismatch\`, and Image Builder names the resource that its managed identity may not access. Two actions that read logs are told by the built-in roles that hold them.

What no build needs stands at the end: the action looks, is refused, says so in its debug log and goes on.

This has not been tried against Azure itself. That Azure knows an action by its name is known from where the last column says; in \`Microsoft.VirtualMachineImages\`, which Azure's reference does not list, \`imageTemplates/delete\` and \`cancel/action\` stand in refusals of the service, \`read\` and \`run/action\` in roles that Microsoft publishes. Which call asks the managed identity for which of its documented actions is assumed.

<!-- Made by npm run test:rights -- --write. -->`

const PARTS = {
  main: 'What a build of a marketplace image with an artifact into a gallery needs',
  variant: 'What other builds need, instead or as well',
  better: 'Good to have',
}

const TAIL = `## Built-in roles instead

- \`Storage Blob Data Contributor\` on the account, with \`Reader\` there, holds all of \`deployer-artifact\` and more. On the container \`imagebuilder-vststask\` alone it does as well, with \`Storage Blob Delegator\` and \`Reader\` on the account.
- \`Managed Identity Operator\` on the managed identity holds its \`assign/action\`.
- \`Reader\` on the subscription holds all of \`deployer-checks\`, \`deployer-network-checks\` and \`deployer-live-log\` but \`containers/getAcl/action\` and \`containers/setAcl/action\`, and the lookups of every source.
- A staging group of your own: the managed identity must be \`Contributor\` of it (documented), and Image Builder's own application as well for Windows in a subnet of yours.`

/** @param outcomes what happened without each action, by role */
export function rightsDocument(outcomes: Record<string, Outcomes>): string {
  const parts = Object.entries(PARTS).map(([needed, title]) => {
    const files = Object.keys(ROLE_NOTES).filter((file) => ROLE_NOTES[file]?.needed === needed)
    return [`## ${title}`, ...files.map((file) => roleSection(file, outcomes[file] ?? {}))].join('\n\n')
  })
  const unknown = ROLE_FILES.filter((file) => !ROLE_NOTES[file])
  if (unknown.length > 0) throw new Error(`scripts/role-notes.ts says nothing of: ${unknown.join(', ')}`)
  return [HEAD, ...parts, TAIL].join('\n\n')
}
