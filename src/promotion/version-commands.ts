/** Commands of the Azure CLI for a gallery image version. Azure's names go in quoted for a POSIX shell. */
import { parseResourceId } from '../resource-id.ts'
import { quotePosix } from '../shell.ts'

/**
 * Takes the version out of what `latest` means, or puts it back (form: Azure's documentation on updating image versions).
 * @param id resource ID of a gallery image version
 */
export function latestCommand(id: string, exclude: boolean): string {
  return versionCommand(id, `--set publishingProfile.excludeFromLatest=${exclude}`)
}

/** A region as Compute shows it. */
interface Region {
  name: string
  regionalReplicaCount?: number
  storageAccountType?: string
}

/** Leaves the version in these regions alone: Azure's own advice for one in which the replication goes on failing. */
export function keepRegionsCommand(id: string, regions: readonly Region[]): string {
  const targets = regions.map(({ name, regionalReplicaCount = 1, storageAccountType = 'Standard_LRS' }) =>
    quotePosix(`${name}=${regionalReplicaCount}=${storageAccountType.toLowerCase()}`),
  )
  return versionCommand(id, `--allow-replicated-location-deletion true --target-regions ${targets.join(' ')}`)
}

function versionCommand(id: string, change: string): string {
  const { subscriptionId = '', resourceGroup = '', names = [] } = parseResourceId(id) ?? {}
  const [gallery = '', definition = '', version = ''] = names
  const where = `--resource-group ${quotePosix(resourceGroup)} --subscription ${subscriptionId}`
  const which = `--gallery-name ${gallery} --gallery-image-definition ${definition} --gallery-image-version ${version}`
  return `az sig image-version update ${which} ${where} ${change}`
}
