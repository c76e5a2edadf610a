/**
 * Facts about the roles of `docs/roles`, by file. Sources of the actions' names: Azure's permissions reference
 * (learn.microsoft.com/azure/role-based-access-control/permissions), which does not list Image Builder's own; Image
 * Builder's permissions document (learn.microsoft.com/azure/virtual-machines/linux/image-builder-permissions-cli).
 */
import { BUILDER_NOTES } from './builder-role-notes.ts'

export type Evidence = 'reference' | 'document' | 'microsoft' | 'assumed'

export interface RoleNote {
  /** `main`: the first workflow of the README; `variant`: instead of one of those, or beside them; `better`: never needed. */
  needed: 'main' | 'variant' | 'better'
  who: 'deploying identity' | 'managed identity'
  /** The narrowest scope that does. */
  scope: string
  when: string
  /** What each action is for, and where its name is known from. */
  actions: Record<string, readonly [string, Evidence]>
}

const TEMPLATES = 'Microsoft.VirtualMachineImages/imageTemplates'
const BLOB_SERVICES = 'Microsoft.Storage/storageAccounts/blobServices'
const BLOBS = `${BLOB_SERVICES}/containers/blobs`
const ACCOUNT = 'Microsoft.Storage/storageAccounts/read'
const GALLERIES = 'Microsoft.Compute/galleries'
const SHARED = 'Microsoft.Compute/locations/sharedGalleries/images'
const IMAGES = 'Microsoft.Compute/images'
const NETWORKS = 'Microsoft.Network/virtualNetworks'
const IDENTITIES = 'Microsoft.ManagedIdentity/userAssignedIdentities'
const CONTAINER_GROUPS = 'Microsoft.ContainerInstance/containerGroups'
const RESOURCES = 'Microsoft.Resources/subscriptions'
const AUTHORIZATION = 'Microsoft.Authorization'
const DEPLOYER = 'deploying identity'

const DEPLOYER_NOTES: Record<string, RoleNote> = {
  deployer: {
    needed: 'main',
    who: DEPLOYER,
    scope: 'the resource group of template and managed identity',
    when: 'every build that makes a template',
    actions: {
      [`${TEMPLATES}/read`]: ['following the submission, the run and the deletion', 'microsoft'],
      [`${TEMPLATES}/write`]: ['submitting the template', 'assumed'],
      [`${TEMPLATES}/delete`]: ['deleting it afterwards', 'microsoft'],
      [`${TEMPLATES}/run/action`]: ['starting the run', 'microsoft'],
      [`${TEMPLATES}/cancel/action`]: ['cancelling the run with the workflow', 'microsoft'],
      [`${TEMPLATES}/runOutputs/read`]: ['the ID of the image that was made', 'assumed'],
      [`${IDENTITIES}/assign/action`]: ['handing the managed identity to Image Builder', 'reference'],
    },
  },
  'deployer-artifact': {
    needed: 'main',
    who: DEPLOYER,
    scope: 'the storage account',
    when: 'a build artifact',
    actions: {
      [ACCOUNT]: ['looking the account up', 'reference'],
      [`${BLOB_SERVICES}/generateUserDelegationKey/action`]: ['signing the URL without a key', 'reference'],
      [`${BLOB_SERVICES}/containers/read`]: ['seeing that the container is not public', 'reference'],
      [`${BLOB_SERVICES}/containers/write`]: ['making the container where it is missing', 'reference'],
      [`${BLOBS}/read`]: ['seeing that blobs are in reach; what the signed URL may do', 'reference'],
      [`${BLOBS}/write`]: ['uploading', 'reference'],
      [`${BLOBS}/delete`]: ['deleting the artifact afterwards', 'reference'],
    },
  },
  'deployer-source-marketplace': {
    needed: 'main',
    who: DEPLOYER,
    scope: 'the subscription: these images are in no resource group',
    when: 'a source in the marketplace',
    actions: {
      'Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read': [
        'the exact version, operating system and plan of the source',
        'reference',
      ],
    },
  },
  'deployer-artifact-by-key': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the storage account',
    when: 'an artifact without any data role, instead of `deployer-artifact`; the account must allow shared keys',
    actions: {
      [ACCOUNT]: ['looking the account up', 'reference'],
      'Microsoft.Storage/storageAccounts/listkeys/action': ['its key', 'reference'],
    },
  },
  'deployer-source-gallery': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the gallery',
    when: 'a gallery image as the source, instead of `deployer-source-marketplace`',
    actions: {
      [`${GALLERIES}/images/read`]: [
        'operating system, generation and architecture of the source',
        'reference',
      ],
      [`${GALLERIES}/images/versions/read`]: ['its latest version, and where that has replicas', 'reference'],
    },
  },
  'deployer-source-shared-gallery': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the subscription',
    when: 'a directly shared gallery image as the source',
    actions: {
      [`${SHARED}/read`]: ['operating system, generation and architecture of the source', 'reference'],
      [`${SHARED}/versions/read`]: ['its version', 'reference'],
    },
  },
  'deployer-source-managed-image': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the image, or its resource group',
    when: 'a managed image as the source',
    actions: { [`${IMAGES}/read`]: ['region, operating system and generation of the source', 'reference'] },
  },
  'deployer-existing-template': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the template, or its resource group',
    when: '`existing-template`, instead of `deployer`',
    actions: {
      [`${TEMPLATES}/read`]: ['finding and following it', 'microsoft'],
      [`${TEMPLATES}/run/action`]: ['starting the run', 'microsoft'],
      [`${TEMPLATES}/cancel/action`]: ['cancelling the run with the workflow', 'microsoft'],
      [`${TEMPLATES}/runOutputs/read`]: ['the ID of the image that was made', 'assumed'],
    },
  },
  'deployer-register-providers': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the subscription',
    when: '`register-providers`, where some are not registered',
    actions: {
      [`${RESOURCES}/providers/read`]: ['finding those that are missing', 'microsoft'],
      ...Object.fromEntries(
        ['VirtualMachineImages', 'Compute', 'Storage', 'Network', 'KeyVault', 'ContainerInstance'].map(
          (name): [string, readonly [string, Evidence]] => [
            `Microsoft.${name}/register/action`,
            ['registering it', name === 'VirtualMachineImages' ? 'assumed' : 'reference'],
          ],
        ),
      ),
    },
  },
  promoter: {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the gallery',
    when: 'the sub-action `promote`, best as an identity of its own; of builds those alone that add regions to an image that is there (`skip-unchanged`, `retry-replication`)',
    actions: {
      [`${GALLERIES}/images/versions/read`]: ['the version, and what else is in latest', 'reference'],
      [`${GALLERIES}/images/versions/write`]: [
        'replicating and blessing it; regions that a build adds; not for a check',
        'reference',
      ],
    },
  },
  'deployer-live-log': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the subscription, or the group of `staging-resource-group`',
    when: 'the log while it builds (`follow-log`)',
    actions: {
      [`${CONTAINER_GROUPS}/read`]: ['finding the container that builds', 'reference'],
      [`${CONTAINER_GROUPS}/containers/logs/read`]: ['its log', 'reference'],
    },
  },
  'deployer-log': {
    needed: 'variant',
    who: DEPLOYER,
    scope: 'the subscription, or the group of `staging-resource-group`',
    when: 'the log afterwards (failures, `keep-log`, `log-path`)',
    actions: {
      [ACCOUNT]: ['finding the storage account of the staging group', 'reference'],
      [`${BLOBS}/read`]: ['finding and reading the log', 'reference'],
    },
  },
  'deployer-checks': {
    needed: 'better',
    who: DEPLOYER,
    scope: 'the subscription',
    when: 'more checks before a build, and `skip-unchanged`',
    actions: {
      [`${RESOURCES}/resourceGroups/read`]: ['whether the groups that the inputs name exist', 'reference'],
      [`${RESOURCES}/providers/read`]: [
        'whether providers are registered, and offer the regions',
        'microsoft',
      ],
      'Microsoft.VirtualMachineImages/locations/operations/read': [
        'the operation itself, beside the template: more words when a submission fails',
        'assumed',
      ],
      [`${IDENTITIES}/read`]: ['whether the managed identities exist', 'reference'],
      [`${IMAGES}/read`]: ['`skip-unchanged` with a managed image as the target', 'reference'],
      [`${GALLERIES}/images/read`]: ['whether the image definition exists and takes the source', 'reference'],
      [`${GALLERIES}/images/versions/read`]: [
        'whether a version is there already; `skip-unchanged`; how long earlier builds took',
        'reference',
      ],
      [`${BLOB_SERVICES}/containers/getAcl/action`]: [
        'closing a container that somebody made public; else that build fails, and says how to close it',
        'reference',
      ],
      [`${BLOB_SERVICES}/containers/setAcl/action`]: ['the same', 'reference'],
    },
  },
  'deployer-doctor': {
    needed: 'better',
    who: DEPLOYER,
    scope: 'the subscription',
    when: 'the sub-action `check`, which tells what a build lacks ([docs/checking.md](docs/checking.md))',
    actions: {
      [`${AUTHORIZATION}/permissions/read`]: ['the rights of the deploying identity itself', 'reference'],
      [`${AUTHORIZATION}/roleAssignments/read`]: ['the roles of the managed identity', 'reference'],
      [`${AUTHORIZATION}/roleDefinitions/read`]: ['what is in them', 'reference'],
      [`${IDENTITIES}/read`]: ['who the managed identity is', 'reference'],
      [`${RESOURCES}/providers/read`]: ['which providers are registered', 'microsoft'],
      [`${RESOURCES}/resourceGroups/read`]: ['whether the groups that the inputs name exist', 'reference'],
      [ACCOUNT]: ['the storage account, where `deployer-artifact` is still missing', 'reference'],
    },
  },
  'deployer-network-checks': {
    needed: 'better',
    who: DEPLOYER,
    scope: 'the virtual network and the staging group, or the subscription',
    when: 'checks of `subnet-id` and `staging-resource-group`',
    actions: {
      [`${RESOURCES}/resourceGroups/read`]: ['region and tags of the staging group', 'reference'],
      [`${RESOURCES}/resourceGroups/resources/read`]: ['whether it is empty', 'reference'],
      [`${NETWORKS}/read`]: ['the region of the network', 'reference'],
      [`${NETWORKS}/subnets/read`]: ['delegation and policies of the subnets', 'reference'],
    },
  },
}

export const ROLE_NOTES: Record<string, RoleNote> = { ...DEPLOYER_NOTES, ...BUILDER_NOTES }
