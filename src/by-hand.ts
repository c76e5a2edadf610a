/** Commands of the Azure CLI that do by hand what the action could not. Azure's names go in quoted for a POSIX shell. */
import { lastName, parseResourceId } from './resource-id.ts'
import { quotePosix } from './shell.ts'

/** Deletes the image template with this resource ID, and its staging group with it. */
export function deleteTemplateCommand(id: string): string {
  return templateCommand('delete', id)
}

/** Cancels the run of the image template with this resource ID. */
export function cancelRunCommand(id: string): string {
  return templateCommand('cancel', id)
}

/** Deletes a blob, by the data role of who runs it. */
export function deleteBlobCommand(account: string, container: string, blob: string): string {
  return `az storage blob delete --auth-mode login --account-name ${account} --container-name ${container} --name ${quotePosix(blob)}`
}

function templateCommand(verb: 'delete' | 'cancel', id: string): string {
  const { subscriptionId = '', resourceGroup = '' } = parseResourceId(id) ?? {}
  return `az image builder ${verb} --name ${lastName(id)} --resource-group ${quotePosix(resourceGroup)} --subscription ${subscriptionId}`
}
