/** Endpoints and token scopes of the Azure clouds. Source: the clouds' published endpoint lists. */

export interface Cloud {
  resourceManager: string
  authority: string
  /** Scope of Resource Manager tokens. */
  resourceManagerScope: string
  /** Scope of blob tokens: the same in every cloud. */
  storageScope: string
  /** An authority outside the public clouds cannot be looked up in the public list of instances. */
  knownAuthority: boolean
}

export const CLOUD_NAMES = ['AzureCloud', 'AzureUSGovernment', 'AzureChinaCloud'] as const
export type CloudName = (typeof CLOUD_NAMES)[number]

const CLOUDS: Record<CloudName, { resourceManager: string; authority: string }> = {
  AzureCloud: {
    resourceManager: 'https://management.azure.com',
    authority: 'https://login.microsoftonline.com',
  },
  AzureUSGovernment: {
    resourceManager: 'https://management.usgovcloudapi.net',
    authority: 'https://login.microsoftonline.us',
  },
  AzureChinaCloud: {
    resourceManager: 'https://management.chinacloudapi.cn',
    authority: 'https://login.chinacloudapi.cn',
  },
}

/** The endpoints of a cloud, with what the user put in place of them. */
export function cloud(
  name: CloudName,
  overrides: { resourceManager?: string | undefined; authority?: string | undefined } = {},
): Cloud {
  const { resourceManager, authority } = CLOUDS[name]
  const chosen = withoutSlash(overrides.authority ?? authority)
  return {
    resourceManager: withoutSlash(overrides.resourceManager ?? resourceManager),
    authority: chosen,
    // A token's audience belongs to the cloud, not to the address it is reached at.
    resourceManagerScope: `${resourceManager}/.default`,
    storageScope: 'https://storage.azure.com/.default',
    knownAuthority: Object.values(CLOUDS).some((known) => known.authority === chosen),
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
