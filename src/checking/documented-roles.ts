/** The role definitions of `docs/roles`, as they stand there: the bundle has their text in it. */
import artifact from '../../docs/roles/deployer-artifact.json' with { type: 'json' }
import artifactByKey from '../../docs/roles/deployer-artifact-by-key.json' with { type: 'json' }
import checks from '../../docs/roles/deployer-checks.json' with { type: 'json' }
import deployer from '../../docs/roles/deployer.json' with { type: 'json' }
import doctor from '../../docs/roles/deployer-doctor.json' with { type: 'json' }
import existingTemplate from '../../docs/roles/deployer-existing-template.json' with { type: 'json' }
import liveLog from '../../docs/roles/deployer-live-log.json' with { type: 'json' }
import log from '../../docs/roles/deployer-log.json' with { type: 'json' }
import networkChecks from '../../docs/roles/deployer-network-checks.json' with { type: 'json' }
import registerProviders from '../../docs/roles/deployer-register-providers.json' with { type: 'json' }
import sourceGallery from '../../docs/roles/deployer-source-gallery.json' with { type: 'json' }
import sourceManagedImage from '../../docs/roles/deployer-source-managed-image.json' with { type: 'json' }
import sourceMarketplace from '../../docs/roles/deployer-source-marketplace.json' with { type: 'json' }
import sourceSharedGallery from '../../docs/roles/deployer-source-shared-gallery.json' with { type: 'json' }
import promoter from '../../docs/roles/promoter.json' with { type: 'json' }
import writer from '../../docs/roles/image-writer.json' with { type: 'json' }
import writerArtifact from '../../docs/roles/image-writer-artifact.json' with { type: 'json' }
import writerIdentities from '../../docs/roles/image-writer-build-vm-identities.json' with { type: 'json' }
import writerManagedImage from '../../docs/roles/image-writer-managed-image.json' with { type: 'json' }
import writerNetwork from '../../docs/roles/image-writer-network.json' with { type: 'json' }
import writerSourceGallery from '../../docs/roles/image-writer-source-gallery.json' with { type: 'json' }
import writerSourceManagedImage from '../../docs/roles/image-writer-source-managed-image.json' with { type: 'json' }
import writerVhd from '../../docs/roles/image-writer-vhd.json' with { type: 'json' }

/** As `az role definition create` takes it. */
export interface RoleDefinition {
  Name: string
  IsCustom: boolean
  Description: string
  Actions: string[]
  NotActions: string[]
  DataActions: string[]
  NotDataActions: string[]
  AssignableScopes: string[]
}

const BY_FILE = {
  deployer,
  'deployer-artifact': artifact,
  'deployer-artifact-by-key': artifactByKey,
  'deployer-checks': checks,
  'deployer-doctor': doctor,
  'deployer-existing-template': existingTemplate,
  'deployer-live-log': liveLog,
  'deployer-log': log,
  'deployer-network-checks': networkChecks,
  'deployer-register-providers': registerProviders,
  'deployer-source-gallery': sourceGallery,
  'deployer-source-managed-image': sourceManagedImage,
  'deployer-source-marketplace': sourceMarketplace,
  'deployer-source-shared-gallery': sourceSharedGallery,
  promoter,
  'image-writer': writer,
  'image-writer-artifact': writerArtifact,
  'image-writer-build-vm-identities': writerIdentities,
  'image-writer-managed-image': writerManagedImage,
  'image-writer-network': writerNetwork,
  'image-writer-source-gallery': writerSourceGallery,
  'image-writer-source-managed-image': writerSourceManagedImage,
  'image-writer-vhd': writerVhd,
}

/** Name of a file in `docs/roles`, without `.json`. */
export type RoleFile = keyof typeof BY_FILE
export const ROLES: Readonly<Record<RoleFile, RoleDefinition>> = BY_FILE

/** The definition with the subscription's ID in its place. */
export function definitionFor(role: RoleFile, subscriptionId: string): RoleDefinition {
  return { ...ROLES[role], AssignableScopes: [`/subscriptions/${subscriptionId}`] }
}
