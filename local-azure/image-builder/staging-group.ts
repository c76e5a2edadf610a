/** The staging group of a template: made when the template is submitted, gone with it. */
import type { ImageTemplate } from './image-template.ts'
import type { Blobs } from '../parts.ts'
import { contentsOf } from '../resource-manager/group-contents.ts'
import { putResourceGroup } from '../resource-manager/resource-groups.ts'
import { putStorageAccount, STORAGE_ACCOUNT_TYPE } from '../resource-manager/storage-accounts.ts'
import { checkPolicy, internalError } from './submission-failure.ts'
import { newId, regionKey, type Principal, type Resource, type World } from '../world.ts'

export interface StagingGroup {
  id: string
  /** Name of its storage account: fetched files, logs, VHDs. */
  account: string
}

const TEMPLATE_TAGS = ['imageTemplateName', 'imageTemplateResourceGroupName']
/** What Contributor means here. */
const CONTRIBUTOR = { actions: ['*'] }

/**
 * Makes the staging group with its storage account, or takes the template's own group. That has to be empty, in
 * the template's region, free of another template's tags, and the identity Contributor on it (documented).
 */
export function makeStagingGroup(
  world: World,
  blobs: Blobs,
  template: ImageTemplate,
  identity: Principal,
): StagingGroup {
  const wanted = template.properties.stagingResourceGroup
  const existing = wanted ? world.resources.get(wanted) : undefined
  if (existing && !usable(world, existing, template, identity)) throw internalError('BadStagingResourceGroup')
  const name = wanted ? (wanted.split('/').at(-1) ?? '') : stagingName(template)
  const account = blobs.takeStagingAccount()
  if (!existing) checkPolicy(world, { type: 'Microsoft.Resources/resourceGroups', name, group: name })
  checkPolicy(world, { type: STORAGE_ACCOUNT_TYPE, name: account, group: name })
  const tags = {
    ...template.properties.managedResourceTags,
    ...existing?.tags,
    // `usedBy` on a user's group, `createdBy` on the service's own (documented; the value: recorded).
    [existing ? 'usedBy' : 'createdBy']: 'AzureVMImageBuilder',
    imageTemplateName: template.name,
    imageTemplateResourceGroupName: groupOf(template.id),
  }
  const group = existing ?? putResourceGroup(world, { name, location: template.location })
  group.tags = tags
  if (!existing)
    world.roleAssignments.push({ principalId: identity.objectId, scope: group.id, ...CONTRIBUTOR })
  putStorageAccount(world, {
    resourceGroup: group.name,
    name: account,
    location: template.location,
    tags: { ...template.properties.managedResourceTags },
  })
  return { id: group.id, account }
}

/** Removes the group with all it holds; of a user's own group only what the service put there. */
export async function removeStagingGroup(world: World, blobs: Blobs, staging: StagingGroup): Promise<void> {
  const group = world.resources.get(staging.id)
  if (group?.tags?.['usedBy'] === undefined) {
    world.resources.delete(staging.id)
    const assignments = world.roleAssignments.filter((one) => one.scope !== staging.id)
    world.roleAssignments.splice(0, world.roleAssignments.length, ...assignments)
  } else {
    world.resources.delete(`${staging.id}/providers/${STORAGE_ACCOUNT_TYPE}/${staging.account}`)
    // A build VM that `errorHandling` kept.
    for (const { id, tags } of contentsOf(world, staging.id)) {
      if (tags?.['createdBy'] === 'AzureVMImageBuilder') world.resources.delete(id)
    }
    // That the service takes its tags off is assumed; otherwise the group could never be used again.
    const own = Object.entries(group.tags).filter(([tag]) => !['usedBy', ...TEMPLATE_TAGS].includes(tag))
    group.tags = Object.fromEntries(own)
  }
  const endpoint = blobs.endpoint(staging.account).toLowerCase()
  for (const key of world.imageFileSystems.keys()) {
    if (key.startsWith(endpoint)) world.imageFileSystems.delete(key)
  }
  await blobs.clear(staging.account)
}

function usable(world: World, group: Resource, template: ImageTemplate, identity: Principal): boolean {
  const empty = !world.resources
    .all()
    .some(({ id }) => id.toLowerCase().startsWith(`${group.id.toLowerCase()}/`))
  return (
    empty &&
    regionKey(group.location ?? '') === regionKey(template.location) &&
    TEMPLATE_TAGS.every((tag) => group.tags?.[tag] === undefined) &&
    world.allows(identity, 'Microsoft.Storage/storageAccounts/write', group.id)
  )
}

/** `IT_`, 40 characters of group and template, a GUID (inferred from recorded names). */
function stagingName(template: ImageTemplate): string {
  return `IT_${`${groupOf(template.id)}_${template.name}`.slice(0, 40)}_${newId()}`
}

/** Name of the resource group in an ID. */
export function groupOf(id: string): string {
  return /\/resourcegroups\/([^/]+)/i.exec(id)?.[1] ?? ''
}
