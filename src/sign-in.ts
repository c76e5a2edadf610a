/** Who signs in where: the inputs that every build has before anything else. */
import { cloud, CLOUD_NAMES, type Cloud } from './azure/cloud.ts'
import type { InputReader } from './input-reader.ts'

export interface SignIn {
  /** Absent: the runner's ambient Azure credential. */
  clientId?: string
  tenantId?: string
  /** Audience asked of GitHub's OIDC provider. */
  audience: string
  cloud: Cloud
}

export function readSignIn(read: InputReader): SignIn {
  const clientId = read.orEnvironment('client-id', 'AZURE_CLIENT_ID')
  const tenantId = read.orEnvironment('tenant-id', 'AZURE_TENANT_ID')
  const resourceManager = read.optional('resource-manager-endpoint')
  const authority = read.environment('AZURE_AUTHORITY_HOST')
  read.guid('client-id', clientId)
  if (clientId !== undefined && tenantId === undefined) {
    read.problem('tenant-id', 'is required with client-id; give it, or set AZURE_TENANT_ID.')
  }
  read.url('resource-manager-endpoint', resourceManager)
  read.url('environment variable AZURE_AUTHORITY_HOST', authority)
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(tenantId === undefined ? {} : { tenantId }),
    audience: read.optional('audience') ?? 'api://AzureADTokenExchange',
    cloud: cloud(read.oneOf('environment', CLOUD_NAMES, 'AzureCloud'), { resourceManager, authority }),
  }
}

export function readSubscription(read: InputReader): string {
  const value = read.orEnvironment('subscription-id', 'AZURE_SUBSCRIPTION_ID')
  if (value === undefined)
    read.problem('subscription-id', 'is required; give it, or set AZURE_SUBSCRIPTION_ID.')
  read.guid('subscription-id', value)
  return value ?? ''
}

export function readResourceGroup(read: InputReader): string {
  const value = read.required('resource-group')
  if (value !== '' && !/^[\p{L}\p{N}_.()-]{1,89}[\p{L}\p{N}_()-]$|^[\p{L}\p{N}_()-]$/u.test(value)) {
    read.problem(
      'resource-group',
      `'${value}' is not a valid name: 1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'.`,
    )
  }
  return value
}
