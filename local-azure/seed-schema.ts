/** The shape of a seed: what a local Azure holds when it starts, as one plain value. */

export interface FederatedCredential {
  issuer: string
  subject: string
  audience: string
}

export interface Application {
  clientId: string
  objectId: string
  federatedCredentials: FederatedCredential[]
  /** Somebody has switched its service principal off. */
  disabled?: boolean
  /** A Conditional Access policy for workload identities blocks it. */
  blockedByConditionalAccess?: boolean
  /** What its credentials do not match is worded as before the three claims had codes of their own (reported). */
  oldWording?: boolean
}

/**
 * What a principal may do at a scope and below it. `actions` and `dataActions` are Azure operation names,
 * `*` standing for any run of characters, compared without regard to case, as in an Azure role definition.
 */
export interface RoleAssignment {
  principalId: string
  scope: string
  actions: string[]
  dataActions?: string[]
}

export type OsType = 'Linux' | 'Windows'
export type Generation = 'V1' | 'V2'
export type Architecture = 'x64' | 'Arm64'

export interface PurchasePlan {
  name: string
  product: string
  publisher: string
}

export type ImageState = 'Active' | 'ScheduledForDeprecation' | 'Deprecated'

export interface MarketplaceSku {
  publisher: string
  offer: string
  sku: string
  osType: OsType
  hyperVGeneration: Generation
  architecture: Architecture
  securityType?: string
  plan?: PurchasePlan
  /** Version numbers on offer, in any order. */
  versions: string[]
  /** Version → state, where it is not `Active`. A `Deprecated` one can be neither read nor used. */
  imageStates?: Record<string, ImageState>
  /** Default: 30 on Linux, 127 on Windows. */
  osDiskSizeGB?: number
}

export interface ManagedImage {
  resourceGroup: string
  name: string
  location: string
  osType: OsType
  hyperVGeneration: Generation
  /** Default: 30 on Linux, 127 on Windows. */
  osDiskSizeGB?: number
}

export interface GalleryImageVersion {
  name: string
  targetRegions: string[]
  excludeFromLatest?: boolean
  provisioningState?: 'Succeeded' | 'Failed' | 'Creating'
  tags?: Record<string, string>
  /** Default: 30 on Linux, 127 on Windows. */
  osDiskSizeGB?: number
  /** ISO 8601. Shown, never enforced: an image that reached it can still be used (documented). */
  endOfLifeDate?: string
}

export interface GalleryImageDefinition {
  name: string
  location: string
  osType: OsType
  osState: 'Generalized' | 'Specialized'
  hyperVGeneration: Generation
  architecture: Architecture
  securityType?: string
  purchasePlan?: PurchasePlan
  /** ISO 8601. */
  endOfLifeDate?: string
  versions: GalleryImageVersion[]
}

export interface Gallery {
  resourceGroup: string
  name: string
  location: string
  definitions: GalleryImageDefinition[]
}

/** A gallery of somebody else's that is shared with the subscription: known by its unique name alone. */
export interface SharedGallery {
  /** The owner's subscription and the gallery's name, such as `1a2b3c4d-…-PLATFORM`. */
  uniqueName: string
  definitions: GalleryImageDefinition[]
}

/** The firewall of a storage account. Omitted lists are empty. */
export interface NetworkAcls {
  defaultAction: 'Allow' | 'Deny'
  /** Default `AzureServices`; Image Builder is none of the services that it lets through (documented). */
  bypass?: string
  /** Addresses or CIDR blocks that may come in; the runner's own is `RUNNER_IP`. */
  ipRules?: { value: string; action?: 'Allow' }[]
  /** Subnet IDs that may come in. */
  virtualNetworkRules?: { id: string; action?: 'Allow' }[]
}

export interface StorageAccount {
  resourceGroup: string
  name: string
  location: string
  /** `false` refuses everything that is signed with the account key. */
  allowSharedKeyAccess?: boolean
  /** `true` lets containers be public. Default `false`, as for new accounts (documented). */
  allowBlobPublicAccess?: boolean
  networkAcls?: NetworkAcls
  /** `Disabled` refuses every request, whatever the rules say. */
  publicNetworkAccess?: 'Enabled' | 'Disabled'
}

export interface Subnet {
  name: string
  /** Default `Enabled`, as Azure makes subnets; Image Builder without a container subnet needs `Disabled`. */
  privateLinkServiceNetworkPolicies?: 'Enabled' | 'Disabled'
  /** Service names, such as `Microsoft.ContainerInstance/containerGroups`. */
  delegations?: string[]
}

export interface VirtualNetwork {
  resourceGroup: string
  name: string
  location: string
  subnets: Subnet[]
}

export interface UserAssignedIdentity {
  resourceGroup: string
  name: string
  location: string
  principalId: string
  clientId: string
}

export interface ResourceProvider {
  namespace: string
  registrationState: 'Registered' | 'NotRegistered' | 'Registering'
  /** Resource type → display names of its regions. */
  resourceTypes: Record<string, string[]>
}

export interface Seed {
  tenantId: string
  subscriptionId: string
  applications: Application[]
  roleAssignments: RoleAssignment[]
  resourceProviders: ResourceProvider[]
  resourceGroups: { name: string; location: string; tags?: Record<string, string> }[]
  storageAccounts: StorageAccount[]
  identities: UserAssignedIdentity[]
  marketplace: MarketplaceSku[]
  managedImages: ManagedImage[]
  galleries: Gallery[]
  sharedGalleries: SharedGallery[]
  virtualNetworks: VirtualNetwork[]
}
