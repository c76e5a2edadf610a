/**
 * The builds that show what each documented role is needed for: every principal has exactly the roles that stand here, at
 * the narrowest scope that `docs/rights.md` promises, and once each of their actions less.
 */
import { LIVE_LOG_ACTIONS, SHARED_GALLERY_NAME, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { GALLERY, GROUP } from '../support/run-action.ts'

/** A role of `docs/roles` at a scope. */
export interface Grant {
  role: string
  scope: string
}

/** How a job goes: to its end, cancelled in the middle, with every provider unregistered, or slowly enough to be watched. */
export type Course = 'to its end' | 'cancelled' | 'unregistered' | 'watched'

export interface Story {
  name: string
  deployer: Grant[]
  builder: Grant[]
  inputs: Record<string, string>
  /** Inputs of a build that the same principal runs before, if any. */
  before?: Record<string, string>
  course?: Course
  /** Roles each of whose actions is taken away once. */
  probed: string[]
  /** Those of their actions that another story probes. */
  elsewhere?: string[]
  /** Actions whose lack is told by the names of roles. */
  toldAs?: Record<string, string>
}

const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const CONTAINER = `${ACCOUNT}/blobServices/default/containers`
const NETWORK = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds`
const BASE_IMAGE = `${GROUP}/providers/Microsoft.Compute/images/base-linux`
const IDENTITIES = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
const SHARED = `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/sharedGalleries/${SHARED_GALLERY_NAME}`
const CANCEL = 'Microsoft.VirtualMachineImages/imageTemplates/cancel/action'
const VERSION_READ = 'Microsoft.Compute/galleries/images/versions/read'
const BLOB_READ = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
const [FIND_CONTAINERS = '', READ_LOGS = ''] = LIVE_LOG_ACTIONS

const BASE: Grant = { role: 'deployer', scope: GROUP }
const ARTIFACT: Grant = { role: 'deployer-artifact', scope: ACCOUNT }
const MARKETPLACE: Grant = { role: 'deployer-source-marketplace', scope: SUBSCRIPTION }
const WRITER: Grant = { role: 'image-writer', scope: GROUP }

/** A build of the marketplace image to a gallery, without an artifact. */
const BARE = { deployer: [BASE, MARKETPLACE], builder: [WRITER] }
const NO_ARTIFACT = { 'build-path': '', 'storage-account': '' }
/** A VHD in the staging group, where the managed identity is Contributor. */
const TO_VHD = { 'gallery-image-id': '', 'distribute-type': 'vhd', 'ignore-warnings': 'vhd-staging' }
const TO_MANAGED_IMAGE = {
  'gallery-image-id': '',
  'managed-image-id': `${GROUP}/providers/Microsoft.Compute/images/made`,
}
const EXISTING = { 'existing-template': 'true', 'source-image': '', 'gallery-image-id': '' }
/** By ID, Azure itself says what is missing. */
const BY_ID = { 'storage-account': ACCOUNT }

/** What these stories find in the subscription, beside the usual. */
export const PLAIN_IDENTITY = 'id-of-the-build-vm'
export const STAGING_GROUP = 'rg-staging'

/** The first two are what `npm test` plays, too. */
export const STORIES: Story[] = [
  {
    name: 'marketplace image and artifact to a gallery',
    deployer: [BASE, ARTIFACT, MARKETPLACE],
    builder: [WRITER],
    inputs: BY_ID,
    probed: ['deployer', 'deployer-artifact', 'deployer-source-marketplace', 'image-writer'],
    elsewhere: [CANCEL],
  },
  {
    name: 'gallery image to a managed image',
    deployer: [BASE, { role: 'deployer-source-gallery', scope: GALLERY }],
    builder: [
      { role: 'image-writer-managed-image', scope: GROUP },
      { role: 'image-writer-source-gallery', scope: GALLERY },
    ],
    inputs: { ...NO_ARTIFACT, ...TO_MANAGED_IMAGE, 'source-image': `${GALLERY}/images/base-linux` },
    probed: ['deployer-source-gallery', 'image-writer-managed-image', 'image-writer-source-gallery'],
  },
  {
    name: 'the same, cancelled',
    ...BARE,
    inputs: NO_ARTIFACT,
    course: 'cancelled',
    probed: ['deployer'],
  },
  {
    name: 'managed image to a VHD in the staging group',
    deployer: [BASE, { role: 'deployer-source-managed-image', scope: BASE_IMAGE }],
    builder: [{ role: 'image-writer-source-managed-image', scope: BASE_IMAGE }],
    inputs: { ...NO_ARTIFACT, ...TO_VHD, 'source-image': BASE_IMAGE },
    probed: ['deployer-source-managed-image', 'image-writer-source-managed-image'],
  },
  {
    name: 'directly shared image to a VHD in the staging group',
    deployer: [BASE, { role: 'deployer-source-shared-gallery', scope: SUBSCRIPTION }],
    builder: [],
    inputs: { ...NO_ARTIFACT, ...TO_VHD, 'source-image': `${SHARED}/images/golden-linux/versions/1.1.0` },
    probed: ['deployer-source-shared-gallery'],
  },
  {
    name: 'marketplace image to a VHD of one’s own',
    deployer: [BASE, MARKETPLACE],
    builder: [{ role: 'image-writer-vhd', scope: `${CONTAINER}/disks` }],
    // Below the account's endpoint.
    inputs: { ...NO_ARTIFACT, ...TO_VHD, 'vhd-uri': 'disks/mine.vhd' },
    probed: ['image-writer-vhd'],
  },
  {
    name: 'artifact by account key',
    deployer: [BASE, { role: 'deployer-artifact-by-key', scope: ACCOUNT }, MARKETPLACE],
    builder: [WRITER],
    inputs: BY_ID,
    probed: ['deployer-artifact-by-key'],
  },
  {
    name: 'artifact without a signed URL',
    deployer: [BASE, ARTIFACT, MARKETPLACE],
    builder: [WRITER, { role: 'image-writer-artifact', scope: `${CONTAINER}/imagebuilder-vststask` }],
    inputs: { 'artifact-access': 'identity' },
    probed: ['image-writer-artifact'],
  },
  {
    name: 'in a subnet of one’s own',
    deployer: BARE.deployer,
    builder: [WRITER, { role: 'image-writer-network', scope: NETWORK }],
    inputs: { ...NO_ARTIFACT, 'subnet-id': `${NETWORK}/subnets/builds` },
    probed: ['image-writer-network'],
  },
  {
    name: 'with an identity on the build VM',
    deployer: BARE.deployer,
    builder: [WRITER, { role: 'image-writer-build-vm-identities', scope: `${IDENTITIES}/${PLAIN_IDENTITY}` }],
    inputs: { ...NO_ARTIFACT, 'build-vm-identities': PLAIN_IDENTITY },
    probed: ['image-writer-build-vm-identities'],
  },
  {
    name: 'a template of somebody else',
    deployer: [{ role: 'deployer-existing-template', scope: GROUP }],
    builder: [],
    inputs: { ...NO_ARTIFACT, ...EXISTING },
    probed: ['deployer-existing-template'],
    elsewhere: [CANCEL],
  },
  {
    name: 'a template of somebody else, cancelled',
    deployer: [{ role: 'deployer-existing-template', scope: GROUP }],
    builder: [],
    inputs: { ...NO_ARTIFACT, ...EXISTING },
    course: 'cancelled',
    probed: ['deployer-existing-template'],
  },
  {
    name: 'providers that are not registered',
    deployer: [BASE, MARKETPLACE, { role: 'deployer-register-providers', scope: SUBSCRIPTION }],
    builder: [WRITER],
    inputs: { ...NO_ARTIFACT, 'register-providers': 'true' },
    course: 'unregistered',
    probed: ['deployer-register-providers'],
  },
  {
    name: 'regions added to an image that is there',
    deployer: [...BARE.deployer, { role: 'promoter', scope: GALLERY }],
    builder: BARE.builder,
    inputs: { ...NO_ARTIFACT, 'skip-unchanged': 'true', 'replication-regions': 'eastus, westus2' },
    before: { 'skip-unchanged': 'false', 'replication-regions': 'eastus' },
    probed: ['promoter'],
    // Without it no image is found: it is built.
    elsewhere: [VERSION_READ],
  },
  {
    name: 'the log while it builds',
    deployer: [...BARE.deployer, { role: 'deployer-live-log', scope: SUBSCRIPTION }],
    builder: BARE.builder,
    inputs: { ...NO_ARTIFACT, 'follow-log': 'true' },
    course: 'watched',
    probed: ['deployer-live-log'],
    toldAs: { [FIND_CONTAINERS]: READ_LOGS },
  },
  {
    name: 'the log afterwards',
    deployer: [...BARE.deployer, { role: 'deployer-log', scope: SUBSCRIPTION }],
    builder: BARE.builder,
    inputs: { ...NO_ARTIFACT, 'keep-log': 'true' },
    probed: ['deployer-log'],
    toldAs: {
      'Microsoft.Storage/storageAccounts/read': "the roles 'Reader' and 'Storage Blob Data Reader'",
      [BLOB_READ]: "the role 'Storage Blob Data Reader'",
    },
  },
]

/** Builds without the roles of better checks: what the debug log says instead of each. */
export const UNCHECKED: Story[] = [
  {
    name: 'without checks',
    deployer: [BASE, ARTIFACT, MARKETPLACE],
    builder: [WRITER],
    inputs: {
      'skip-unchanged': 'true',
      distributors: JSON.stringify([
        {
          type: 'ManagedImage',
          runOutputName: 'managed',
          imageId: `${GROUP}/providers/Microsoft.Compute/images/unchecked`,
          location: 'eastus',
        },
      ]),
    },
    probed: ['deployer-checks'],
  },
  {
    name: 'without checks of network and staging group',
    deployer: BARE.deployer,
    builder: [WRITER, { role: 'image-writer-network', scope: NETWORK }],
    inputs: {
      ...NO_ARTIFACT,
      'subnet-id': `${NETWORK}/subnets/builds`,
      'staging-resource-group': STAGING_GROUP,
    },
    probed: ['deployer-network-checks'],
  },
]
