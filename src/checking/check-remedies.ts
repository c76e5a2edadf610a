/** What mends what is missing, as commands of the Azure CLI with the real values. They change something; the check never does. */
import { definitionFor } from './documented-roles.ts'
import type { NewBuild } from '../inputs.ts'
import type { Need } from './needs.ts'
import { roleName } from './check-report.ts'
import { lastName, parseResourceId } from '../resource-id.ts'
import { subscriptionOf } from './rights-places.ts'
import { quotePosix } from '../shell.ts'

/** Who gets a role. */
export interface Assignee {
  /** Object ID, or what the shell puts in its place. */
  objectId: string
  /** Whether it is an application or managed identity, and no user. */
  isService: boolean
}

/** Gives a role at a scope; the definition comes first, as a tenant may not have it yet. */
export function roleRemedy({ role, scope }: Pick<Need, 'role' | 'scope'>, assignee: Assignee): string[] {
  const subscriptionId = lastName(subscriptionOf(scope))
  const name = quotePosix(roleName(role))
  const definition =
    role === 'Contributor'
      ? []
      : [
          `# ${roleName(role)}: where there is such a role already, "update" in place of "create" brings it up to date.`,
          `az role definition create --role-definition ${quotePosix(JSON.stringify(definitionFor(role, subscriptionId)))}`,
        ]
  const type = assignee.isService ? ' --assignee-principal-type ServicePrincipal' : ''
  const assignment = `az role assignment create --assignee-object-id ${assignee.objectId}${type} --role ${name} --scope ${quotePosix(scope)}`
  return [...definition, assignment]
}

/** Registers a resource provider. */
export function registerCommand(namespace: string, subscriptionId: string): string {
  return `az provider register --namespace ${namespace} --subscription ${subscriptionId} --wait`
}

/** Object ID of a managed identity that may not be read, or is not made yet. */
export function principalOf(identityId: string): string {
  return `"$(az identity show --ids ${quotePosix(identityId)} --query principalId --output tsv)"`
}

/** Object ID of an application that is known by its client ID alone. */
export function principalOfClient(clientId: string): string {
  return `"$(az ad sp show --id ${quotePosix(clientId)} --query id --output tsv)"`
}

/** Makes what an input names and Azure does not have; nothing where that takes more than a command. */
export function creation(input: string, id: string, request: NewBuild): string[] {
  const { subscriptionId, resourceGroup, location } = request
  const { resourceGroup: group = resourceGroup, names = [] } = parseResourceId(id) ?? {}
  const subscription = parseResourceId(id)?.subscriptionId ?? subscriptionId
  const where = `--resource-group ${quotePosix(group)} --subscription ${subscription}`
  const name = quotePosix(lastName(id))
  switch (input) {
    case 'resource-group':
      return [`az group create --name ${name} --location ${location} --subscription ${subscriptionId}`]
    case 'managed-identity':
    case 'build-vm-identities':
      return [`az identity create --name ${name} ${where}`]
    case 'storage-account':
      return [
        `az storage account create --name ${name} ${where} --location ${location} --sku Standard_LRS --allow-shared-key-access false --allow-blob-public-access false --min-tls-version TLS1_2`,
      ]
    case 'gallery-image-id': {
      const [gallery = '', definition = ''] = names.map(quotePosix)
      return [
        '# Fill in what stands in angle brackets; generation and security type are those of the source image.',
        `az sig image-definition create --gallery-name ${gallery} ${where} --gallery-image-definition ${definition} --publisher <yours> --offer <yours> --sku <yours> --os-type <Linux or Windows> --os-state Generalized --hyper-v-generation V2 --features SecurityType=TrustedLaunchSupported`,
      ]
    }
    default:
      return []
  }
}
