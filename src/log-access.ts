/** What to say where the log of a build cannot be read: what is missing, where to give it, how to do without. */
import { lastName } from './resource-id.ts'
import { quotePosix } from './shell.ts'

/** What is in the way of the customization log. */
export interface Obstacle {
  /** Azure's words. */
  reason: string
  /** Roles that would do, where it is a right that is missing. */
  roles?: string[]
  /** What to do in another case, where that is certain. */
  remedy?: string
}

/** The notice of a build whose log cannot be followed. The built-in role Reader holds the action (documented). */
export function noLiveLog(stagingGroup: string): string {
  return `The build's log cannot be followed: the signed-in identity lacks the action Microsoft.ContainerInstance/containerGroups/containers/logs/read. Give it the role 'Reader' ${scope(stagingGroup)}, or set 'follow-log' to false. The build goes on.`
}

/**
 * Why the customization log cannot be read, what to do about it, and the command that fetches it.
 * @param named where the run says that it lies
 */
export function unreadableLog(
  stagingGroup: string,
  named: { account: string; blob: string } | undefined,
  { reason, roles, remedy }: Obstacle,
): string {
  const words = roles?.map((role) => `'${role}'`).join(' and ')
  const advice = roles
    ? `Give the signed-in identity the role${roles.length > 1 ? 's' : ''} ${words ?? ''} ${scope(stagingGroup)}.`
    : (remedy ?? '')
  return [
    `The customization log could not be read: ${reason.replace(/[.\s]*$/, '.')}`,
    ...(advice === '' ? [] : [advice]),
    `To fetch it by hand: ${command(stagingGroup, named)}`,
  ].join(advice.includes('\n') ? '\n' : ' ')
}

/** Where a role has to be given: the staging group of the next build is another one. */
function scope(stagingGroup: string): string {
  const [, , subscription = ''] = stagingGroup.split('/')
  return `on subscription ${subscription}, or on the group that 'staging-resource-group' names (here ${lastName(stagingGroup)})`
}

function command(stagingGroup: string, named: { account: string; blob: string } | undefined): string {
  const download = 'az storage blob download'
  if (named)
    return `${download} --auth-mode login --account-name ${named.account} --container-name packerlogs --name ${named.blob} --file customization.log`
  const [, , subscription = ''] = stagingGroup.split('/')
  const group = quotePosix(lastName(stagingGroup))
  const account = `az storage account list --subscription ${subscription} --resource-group ${group} --query '[0].name' --output tsv`
  return `${download}-batch --auth-mode login --account-name "$(${account})" --source packerlogs --destination .`
}
