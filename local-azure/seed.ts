/**
 * What a local Azure holds when it starts: one plain, JSON-shaped value. A test or a scenario takes
 * `defaultSeed()` and changes what its story needs; nothing here is read again after the start.
 */
import { rightsOf } from './roles.ts'
import type { GalleryImageDefinition, GalleryImageVersion, OsType, Seed } from './seed-schema.ts'

export type * from './seed-schema.ts'

export const TENANT_ID = '7f3c1d9e-52c4-4b0a-9d27-0c8a4c1f6e10'
export const SUBSCRIPTION_ID = '3b1e7a54-9c0d-4e7b-8f2a-6d5c4b3a2f10'
export const CLIENT_ID = 'c0a8e2f4-1d3b-4c5a-9e7f-2b4d6f8a0c1e'
const DEPLOYER_OBJECT_ID = '51d2f7a3-8e64-4f0b-b1c9-3a5e7d9f1b24'
const BUILDER_PRINCIPAL_ID = '94e6b0d8-2f71-4a3c-8d5e-7c1b9a0f3e62'
const BUILDER_CLIENT_ID = 'a7c5e3b1-6d4f-4208-9b1d-5f3e7a9c0d84'

/** The gallery that another subscription shares with this one. */
export const SHARED_GALLERY_NAME = '1f2e3d4c-5b6a-4798-8a7b-6c5d4e3f2a1b-PLATFORM'
/** The address that the runner's requests come from, as a storage account's firewall sees them. */
export const RUNNER_IP = '20.81.0.10'

/** Regions where Image Builder is on offer here; the names as Resource Manager displays them. */
const IMAGE_BUILDER_REGIONS = [
  'East US',
  'East US 2',
  'West US',
  'West US 2',
  'West US 3',
  'West Central US',
  'South Central US',
  'North Europe',
  'West Europe',
  'UK South',
  'Southeast Asia',
  'Korea Central',
  'Japan East',
]
const ALL_REGIONS = [...IMAGE_BUILDER_REGIONS, 'Central US', 'UK West', 'France Central', 'Korea South']

/**
 * What the deploying identity may do in the subscription: builds of every source with an artifact, and what the action
 * checks before them. The roles are the documented ones, here all at the widest scope.
 */
const DEPLOYER = rightsOf([
  'deployer',
  'deployer-artifact',
  'deployer-source-marketplace',
  'deployer-source-gallery',
  'deployer-source-shared-gallery',
  'deployer-source-managed-image',
  'deployer-checks',
])
export const DEPLOYER_ACTIONS = DEPLOYER.actions
/** As much of the built-in role Storage Blob Data Contributor as an artifact takes. */
export const BLOB_DATA_CONTRIBUTOR = DEPLOYER.dataActions

/** What reads a build's live log, in the staging group: part of the built-in role Reader. */
export const LIVE_LOG_ACTIONS = rightsOf(['deployer-live-log']).actions

const BUILDER_ACTIONS = rightsOf(['image-writer']).actions

/** What the builder's identity needs on a virtual network of the user's own (documented). */
export const NETWORK_ACTIONS = rightsOf(['image-writer-network']).actions

/** A small company: one identity to deploy with, one to build with, a gallery, sources of every kind. */
export function defaultSeed(): Seed {
  const scope = `/subscriptions/${SUBSCRIPTION_ID}`
  return {
    tenantId: TENANT_ID,
    subscriptionId: SUBSCRIPTION_ID,
    applications: [
      {
        clientId: CLIENT_ID,
        objectId: DEPLOYER_OBJECT_ID,
        federatedCredentials: [
          {
            issuer: 'https://token.actions.githubusercontent.com',
            subject: 'repo:octo-org/webapp:ref:refs/heads/main',
            audience: 'api://AzureADTokenExchange',
          },
        ],
      },
    ],
    roleAssignments: [
      {
        principalId: DEPLOYER_OBJECT_ID,
        scope,
        actions: [...DEPLOYER_ACTIONS],
        dataActions: [...BLOB_DATA_CONTRIBUTOR],
      },
      {
        principalId: BUILDER_PRINCIPAL_ID,
        scope: `${scope}/resourceGroups/rg-images`,
        actions: [...BUILDER_ACTIONS],
      },
      {
        principalId: BUILDER_PRINCIPAL_ID,
        scope: `${scope}/resourceGroups/rg-images/providers/Microsoft.Network/virtualNetworks/vnet-builds`,
        actions: [...NETWORK_ACTIONS],
      },
    ],
    resourceProviders: [
      {
        namespace: 'Microsoft.VirtualMachineImages',
        registrationState: 'Registered',
        resourceTypes: {
          imageTemplates: IMAGE_BUILDER_REGIONS,
          'imageTemplates/runOutputs': IMAGE_BUILDER_REGIONS,
          'locations/operations': IMAGE_BUILDER_REGIONS,
        },
      },
      {
        namespace: 'Microsoft.Compute',
        registrationState: 'Registered',
        resourceTypes: {
          images: ALL_REGIONS,
          galleries: ALL_REGIONS,
          'galleries/images': ALL_REGIONS,
          'galleries/images/versions': ALL_REGIONS,
          'locations/vmSizes': ALL_REGIONS,
          'locations/sharedGalleries': ALL_REGIONS,
        },
      },
      {
        namespace: 'Microsoft.Storage',
        registrationState: 'Registered',
        resourceTypes: { storageAccounts: ALL_REGIONS },
      },
      {
        namespace: 'Microsoft.Network',
        registrationState: 'Registered',
        resourceTypes: { virtualNetworks: ALL_REGIONS, 'virtualNetworks/subnets': ALL_REGIONS },
      },
      {
        namespace: 'Microsoft.KeyVault',
        registrationState: 'Registered',
        resourceTypes: { vaults: ALL_REGIONS },
      },
      {
        namespace: 'Microsoft.ContainerInstance',
        registrationState: 'Registered',
        resourceTypes: { containerGroups: ALL_REGIONS },
      },
      {
        namespace: 'Microsoft.ManagedIdentity',
        registrationState: 'Registered',
        resourceTypes: { userAssignedIdentities: ALL_REGIONS },
      },
    ],
    resourceGroups: [{ name: 'rg-images', location: 'eastus' }],
    storageAccounts: [{ resourceGroup: 'rg-images', name: 'stcontosobuild', location: 'eastus' }],
    identities: [
      {
        resourceGroup: 'rg-images',
        name: 'id-image-builder',
        location: 'eastus',
        principalId: BUILDER_PRINCIPAL_ID,
        clientId: BUILDER_CLIENT_ID,
      },
    ],
    marketplace: [
      {
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: 'server',
        osType: 'Linux',
        hyperVGeneration: 'V2',
        architecture: 'x64',
        securityType: 'TrustedLaunchSupported',
        versions: ['24.04.202609250', '24.04.202610140', '24.04.202611050'],
      },
      {
        publisher: 'Canonical',
        offer: '0001-com-ubuntu-server-jammy',
        sku: '22_04-lts',
        osType: 'Linux',
        hyperVGeneration: 'V1',
        architecture: 'x64',
        versions: ['22.04.202609090', '22.04.202610220'],
      },
      {
        publisher: 'MicrosoftWindowsServer',
        offer: 'WindowsServer',
        sku: '2022-datacenter-g2',
        osType: 'Windows',
        hyperVGeneration: 'V2',
        architecture: 'x64',
        securityType: 'TrustedLaunchSupported',
        versions: ['20348.4171.250903', '20348.4294.251009', '20348.4405.261111'],
      },
      {
        publisher: 'contoso-labs',
        offer: 'hardened-linux',
        sku: 'hardened-9',
        osType: 'Linux',
        hyperVGeneration: 'V2',
        architecture: 'x64',
        plan: { name: 'hardened-9', product: 'hardened-linux', publisher: 'contoso-labs' },
        versions: ['9.6.1'],
      },
      {
        publisher: 'Canonical',
        offer: 'UbuntuServer',
        sku: '18.04-LTS',
        osType: 'Linux',
        hyperVGeneration: 'V1',
        architecture: 'x64',
        versions: ['18.04.202401161', '18.04.202306070'],
      },
      {
        publisher: 'MicrosoftWindowsServer',
        offer: 'WindowsServer',
        sku: '2019-Datacenter',
        osType: 'Windows',
        hyperVGeneration: 'V1',
        architecture: 'x64',
        versions: ['17763.7792.250904', '17763.8027.261108'],
      },
      {
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: 'server-arm64',
        osType: 'Linux',
        hyperVGeneration: 'V2',
        architecture: 'Arm64',
        versions: ['24.04.202610140', '24.04.202611050'],
      },
    ],
    managedImages: [
      {
        resourceGroup: 'rg-images',
        name: 'base-linux',
        location: 'eastus',
        osType: 'Linux',
        hyperVGeneration: 'V2',
      },
      {
        resourceGroup: 'rg-images',
        name: 'base-windows',
        location: 'eastus',
        osType: 'Windows',
        hyperVGeneration: 'V2',
      },
    ],
    galleries: [
      {
        resourceGroup: 'rg-images',
        name: 'contoso',
        location: 'eastus',
        definitions: [
          definition('webapp', 'Linux', []),
          definition('webapp-windows', 'Windows', []),
          definition('base-linux', 'Linux', [
            { name: '1.9.0', targetRegions: ['East US'] },
            { name: '1.10.0', targetRegions: ['East US', 'West US 2'] },
            { name: '2.0.0', targetRegions: ['East US'], excludeFromLatest: true },
            { name: '3.0.0', targetRegions: ['East US'], provisioningState: 'Failed' },
          ]),
          definition('base-windows', 'Windows', [{ name: '1.0.0', targetRegions: ['East US'] }]),
          legacyDefinition('legacy-linux', 'Linux'),
          legacyDefinition('legacy-windows', 'Windows'),
        ],
      },
    ],
    sharedGalleries: [
      {
        uniqueName: SHARED_GALLERY_NAME,
        definitions: [
          definition('golden-linux', 'Linux', [
            { name: '1.0.0', targetRegions: ['East US'] },
            { name: '1.1.0', targetRegions: ['East US', 'West US 2'] },
          ]),
        ],
      },
    ],
    virtualNetworks: [
      {
        resourceGroup: 'rg-images',
        name: 'vnet-builds',
        location: 'eastus',
        subnets: [
          { name: 'builds', privateLinkServiceNetworkPolicies: 'Disabled' },
          { name: 'containers', delegations: ['Microsoft.ContainerInstance/containerGroups'] },
          { name: 'untouched' },
        ],
      },
    ],
  }
}

function definition(name: string, osType: OsType, versions: GalleryImageVersion[]): GalleryImageDefinition {
  return {
    name,
    location: 'eastus',
    osType,
    osState: 'Generalized',
    hyperVGeneration: 'V2',
    architecture: 'x64',
    securityType: 'TrustedLaunchSupported',
    versions,
  }
}

/** For images of the first Hyper-V generation, which know no security type. */
function legacyDefinition(name: string, osType: OsType): GalleryImageDefinition {
  return {
    name,
    location: 'eastus',
    osType,
    osState: 'Generalized',
    hyperVGeneration: 'V1',
    architecture: 'x64',
    versions: [],
  }
}
