/** Facts about the roles of the managed identity that Image Builder works as; sources are named in `role-notes.ts`. */
import type { RoleNote } from './role-notes.ts'

const BLOB_SERVICES = 'Microsoft.Storage/storageAccounts/blobServices'
const BLOBS = `${BLOB_SERVICES}/containers/blobs`
const GALLERIES = 'Microsoft.Compute/galleries'
const IMAGES = 'Microsoft.Compute/images'
const NETWORKS = 'Microsoft.Network/virtualNetworks'
const IDENTITIES = 'Microsoft.ManagedIdentity/userAssignedIdentities'
const BUILDER = 'managed identity'

export const BUILDER_NOTES: Record<string, RoleNote> = {
  'image-writer': {
    needed: 'main',
    who: BUILDER,
    scope: 'the resource group of the gallery, or of the managed images',
    when: 'a gallery image or managed image as the target',
    actions: {
      [`${GALLERIES}/read`]: ['finding the gallery', 'document'],
      [`${GALLERIES}/images/read`]: ['finding the image definition', 'document'],
      [`${GALLERIES}/images/versions/read`]: ['following the new version', 'document'],
      [`${GALLERIES}/images/versions/write`]: ['publishing it', 'document'],
      [`${IMAGES}/read`]: ['documented for every target; what a gallery needs it for is not', 'document'],
      [`${IMAGES}/write`]: ['the same', 'document'],
      [`${IMAGES}/delete`]: ['the same', 'document'],
    },
  },
  'image-writer-managed-image': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the resource group of the managed images',
    when: 'managed images alone as targets, instead of `image-writer`',
    actions: {
      [`${IMAGES}/read`]: ['looking for an image of that name', 'document'],
      [`${IMAGES}/write`]: ['making the image', 'document'],
      [`${IMAGES}/delete`]: ['deleting one of that name before', 'document'],
    },
  },
  'image-writer-vhd': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the container that the VHD goes to',
    when: '`vhd-uri`; a VHD in the staging group takes no role at all',
    actions: { [`${BLOBS}/write`]: ['writing it (that this is enough is assumed)', 'reference'] },
  },
  'image-writer-source-gallery': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the gallery of the source',
    when: 'a gallery image as the source',
    actions: {
      [`${GALLERIES}/read`]: ['finding the gallery', 'document'],
      [`${GALLERIES}/images/read`]: ['finding the image definition', 'document'],
      [`${GALLERIES}/images/versions/read`]: ['reading the image', 'document'],
    },
  },
  'image-writer-source-managed-image': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the image, or its resource group',
    when: 'a managed image as the source',
    actions: { [`${IMAGES}/read`]: ['reading the image', 'document'] },
  },
  'image-writer-artifact': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the container `imagebuilder-vststask`, or the storage account',
    when: '`artifact-access: identity`; `Storage Blob Data Reader` holds it',
    actions: { [`${BLOBS}/read`]: ['reading the artifact', 'document'] },
  },
  'image-writer-network': {
    needed: 'variant',
    who: BUILDER,
    scope: 'the virtual network',
    when: '`subnet-id`',
    actions: {
      [`${NETWORKS}/read`]: ['finding the network', 'document'],
      [`${NETWORKS}/subnets/join/action`]: ['putting the build VM into the subnet', 'document'],
    },
  },
  'image-writer-build-vm-identities': {
    needed: 'variant',
    who: BUILDER,
    scope: 'each of these identities',
    when: '`build-vm-identities`; `Managed Identity Operator` holds it',
    actions: { [`${IDENTITIES}/assign/action`]: ['giving them to the build VM', 'reference'] },
  },
}
