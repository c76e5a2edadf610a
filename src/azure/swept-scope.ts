/** What a sweep looks at: the templates of a group or subscription, and the storage accounts that it was given. */
import { isNotFound, type AzureError } from '../errors.ts'
import type { SeenTemplate } from '../sweeping/leftovers.ts'
import { didYouMean } from '../nearest.ts'
import { KINDS, lastName } from '../resource-id.ts'
import type { SweepRequest } from '../sweeping/sweep-inputs.ts'
import { blobAccount, type AccountBody, type BlobAccount } from './blob-access.ts'
import { allOrEveryProblem, wrong, type Reader } from './reader.ts'

/** An image template, cut down to what tells whether somebody needs it. */
export interface TemplateBody {
  id: string
  name: string
  tags?: Record<string, string> | null
  /** In the specification's model, and not in what the service was recorded to answer. */
  systemData?: { createdAt?: string }
  properties: {
    provisioningState?: string
    exactStagingResourceGroup?: string
    lastRunStatus?: { startTime?: string; endTime?: string; runState?: string } | null
  }
}

/** Resource Manager leaves out what the signed-in identity may not read. */
export async function listTemplates(
  reader: Reader,
  { subscriptionId, resourceGroup }: Pick<SweepRequest, 'subscriptionId' | 'resourceGroup'>,
): Promise<SeenTemplate[]> {
  const scope = `/subscriptions/${subscriptionId}${resourceGroup === undefined ? '' : `/resourceGroups/${resourceGroup}`}`
  try {
    const path = `${scope}/providers/${KINDS.template.type}`
    return (await reader.list<TemplateBody>(path, 'imageBuilder', 'listing image templates')).map(
      seenTemplate,
    )
  } catch (error) {
    if (resourceGroup === undefined || !isNotFound(error)) throw error
    if ((error as AzureError).code === 'SubscriptionNotFound') throw error
    return wrong('resource-group', `'${resourceGroup}' does not exist in subscription ${subscriptionId}.`)
  }
}

/** The template as the judgement wants it. */
export function seenTemplate({ id, name, tags, systemData, properties }: TemplateBody): SeenTemplate {
  const { provisioningState = '', exactStagingResourceGroup, lastRunStatus } = properties
  return {
    id,
    name,
    tags: tags ?? {},
    provisioningState,
    ...(lastRunStatus ? { lastRun: lastRunStatus } : {}),
    // The service sends an empty string until there is a group.
    ...(exactStagingResourceGroup ? { stagingResourceGroup: exactStagingResourceGroup } : {}),
    ...(systemData?.createdAt === undefined ? {} : { createdAt: systemData.createdAt }),
  }
}

/**
 * The accounts that the inputs name, each once.
 * @throws InputError with every account that is not there
 */
export async function findAccounts(
  reader: Reader,
  { subscriptionId, storageAccounts }: SweepRequest,
): Promise<BlobAccount[]> {
  const missing = (given: string, hint = ''): never =>
    wrong(
      'storage-account',
      `'${given}' was not found, or the signed-in identity may not read it (Microsoft.Storage/storageAccounts/read).${hint}`,
    )
  const isId = (given: string): boolean => given.startsWith('/')
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`
  const named = storageAccounts.every(isId)
    ? []
    : await reader.list<AccountBody>(path, 'storage', 'looking for the storage accounts')
  const find = async (given: string): Promise<AccountBody> => {
    if (isId(given)) {
      return await reader.get<AccountBody>(given, 'storage', `storage account ${lastName(given)}`, () =>
        missing(given),
      )
    }
    const names = named.map(({ name }) => name)
    return named.find(({ name }) => name === given) ?? missing(given, didYouMean(given, names))
  }
  const found = (await allOrEveryProblem(storageAccounts.map(find))).map(blobAccount)
  // One may be given by its name and by its ID.
  return [...new Map(found.map((account) => [account.id.toLowerCase(), account])).values()]
}
