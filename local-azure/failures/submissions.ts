/** Scenarios of templates that are taken and then not provisioned: the operation of the PUT fails. */
import type { LocalAzure } from '../index.ts'
import type { Scenario } from '../scenarios.ts'
import { CLIENTS, GALLERY, GROUP, IDENTITIES, SUBSCRIPTION } from './company.ts'
import { atRequest, SUBMITTED } from './others.ts'
import { failing, WINDOWS } from './story.ts'

const VERSION = `${GALLERY}/images/base-linux/versions/1.10.0`
const BLIND = { 'client-id': CLIENTS.seesLittle }

export const SUBMISSION_SCENARIOS: Record<string, Scenario> = {
  'purchase-plan-missing': failing('a purchase plan that is not the image’s', {
    with: {
      'source-image': 'contoso-labs:hardened-linux:hardened-9',
      'gallery-image-id': '',
      'managed-image-id': `${GROUP}/providers/Microsoft.Compute/images/hardened`,
      'source-plan': 'hardened-8:hardened-linux:contoso-labs',
    },
  }),
  'source-image-not-found': failing('a source version that is deleted a moment before it is used', {
    with: { 'source-image': VERSION },
    others: (azure) => {
      atRequest(azure, SUBMITTED, () => void azure.world.resources.delete(VERSION))
    },
  }),
  'image-not-in-region': failing('a source version that loses its replica a moment before', {
    with: { 'source-image': VERSION },
    others: (azure) => {
      atRequest(azure, SUBMITTED, () => {
        replicate(azure, ['West US 2'])
      })
    },
  }),
  'generation-mismatch': failing('an image definition of another generation, which the check cannot see', {
    with: { ...BLIND, 'gallery-image-id': `${GALLERY}/images/legacy-linux` },
  }),
  'identity-lacks-permission': failing('a managed identity that may not read the image definition', {
    with: { 'managed-identity': IDENTITIES.blind },
  }),
  'managed-identity-unusable': failing('a managed identity that is deleted a moment before it is used', {
    with: { 'managed-identity': IDENTITIES.shortLived },
    others: (azure) => {
      const id = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${IDENTITIES.shortLived}`
      atRequest(azure, SUBMITTED, () => void azure.world.resources.delete(id))
    },
  }),
  'service-lacks-permission': failing('Windows in a group and a network of the user’s own', {
    with: {
      ...WINDOWS,
      'staging-resource-group': 'rg-staging',
      'subnet-id': `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/builds`,
    },
  }),
  'download-failed': failing('a customizer with a file that is not there', {
    with: {
      customizers: '- { type: File, sourceUri: "https://127.0.0.1:9/app.zip", destination: /tmp/app.zip }',
    },
  }),
  policy: failing('a policy that denies the storage account of the staging group', {
    azure: {
      policies: [
        {
          name: 'Secure storage',
          definition: 'Storage accounts should disable public network access',
          denies: 'Microsoft.Storage/storageAccounts',
          inGroups: '^IT_',
        },
      ],
    },
  }),
  // The check would tell if the identity might list what is in the group.
  'provisioning-failed': failing('a staging group that is in use', {
    with: { 'staging-resource-group': `${SUBSCRIPTION}/resourceGroups/rg-busy` },
  }),
}

function replicate({ world }: LocalAzure, regions: string[]): void {
  const version = world.resources.get(VERSION)
  const publishingProfile = { targetRegions: regions.map((name) => ({ name })) }
  if (version) world.resources.put({ ...version, properties: { ...version.properties, publishingProfile } })
}
