/**
 * Which roles of `docs/roles` a build needs, for whom and where: the table behind the sub-action `check`. The actions
 * come from the role files themselves; which build needs which role is what `docs/rights.md` tells, and a test compares.
 */
import { definitionIdOf, isGallery, regionsOf } from '../distributors.ts'
import type { BuildRequest, ExistingBuild, NewBuild } from '../inputs.ts'
import { ARTIFACT_CONTAINER } from '../names.ts'
import { forBuilder, forDeployer, type Need } from './needs.ts'
import { isWithin } from './permissions.ts'
import { formatResourceId, KINDS, sameId, withoutVersion } from '../resource-id.ts'
import { containerIn, containerOf, distinct, galleryOf, groupScope, isShared } from './rights-places.ts'
import type { SourceImageRequest } from '../source-image.ts'

/** What of Azure decides which roles are needed. */
export interface Found {
  /** The account of the artifact; absent where it is not found. */
  account?: { id: string; allowsKeys: boolean }
  /** Resource ID of the account that `vhd-uri` is in; absent where it is not found. */
  vhdAccount?: string
  /** Providers that are not registered. */
  unregistered: readonly string[]
  /** Whether the group of `staging-resource-group` is there: one that is not is made by Image Builder. */
  stagingGroup: boolean
}

/** All roles that the build needs, those of the deploying identity first. */
export function rightsNeeded(request: BuildRequest, found: Found): Need[] {
  return request.kind === 'existing' ? ofExisting(request, found) : ofNew(request, found)
}

function ofExisting(request: ExistingBuild, found: Found): Need[] {
  const template = formatResourceId({
    ...request,
    type: KINDS.template.type,
    names: [request.templateName],
  })
  return [
    forDeployer('deployer-existing-template', groupOf(request), { targets: [template] }),
    ...ofLog(request, found),
  ]
}

function ofNew(request: NewBuild, found: Found): Need[] {
  return [
    ...ofTemplate(request),
    ...ofArtifact(request, found),
    ...ofSource(request.source.image, request.subscriptionId),
    ...ofRegistration(request, found),
    ...ofRegions(request),
    ...ofLog(request, found),
    ...ofChecks(request, found),
    ...ofTargets(request, found),
    ...ofBuilderSource(request.source.image),
    ...ofSurroundings(request, found),
  ]
}

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'

/** The template in its group; identities may lie in another one, where the role is to be given as well. */
function ofTemplate(request: NewBuild): Need[] {
  const group = groupOf(request)
  const identities = identitiesOf(request)
  const inside = identities.filter((id) => isWithin(id, group))
  const own = forDeployer('deployer', group, {
    targets: inside,
    wanted: (action) => action !== ASSIGN || inside.length > 0,
  })
  const elsewhere = identities.filter((id) => !isWithin(id, group))
  const only = (action: string): boolean => action === ASSIGN
  return [own, ...elsewhere.map((id) => forDeployer('deployer', id, { targets: [id], wanted: only }))]
}

const DELEGATION = 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'

function ofArtifact(request: NewBuild, { account }: Found): Need[] {
  const { artifact, subscriptionId } = request
  if (!artifact) return []
  const scope = account?.id ?? `/subscriptions/${subscriptionId}`
  const targets = account ? [containerOf(account.id, ARTIFACT_CONTAINER)] : []
  const where = { targets, ...(account ? {} : { notFound: `storage account ${artifact.storageAccount}` }) }
  // Nobody else reads the blob where the managed identity does.
  const wanted = (action: string): boolean => artifact.access === 'sas' || action !== DELEGATION
  const byKey = account?.allowsKeys ? { instead: forDeployer('deployer-artifact-by-key', scope, where) } : {}
  return [
    { ...forDeployer('deployer-artifact', scope, { ...where, wanted }), ...byKey },
    ...(artifact.access === 'identity' ? [forBuilder('image-writer-artifact', scope, where)] : []),
  ]
}

function ofSource(image: SourceImageRequest, subscriptionId: string): Need[] {
  const subscription = `/subscriptions/${subscriptionId}`
  if (image.kind === 'marketplace') return [forDeployer('deployer-source-marketplace', subscription)]
  if (image.kind === 'managed-image') return [forDeployer('deployer-source-managed-image', image.id)]
  if (isShared(image.id)) return [forDeployer('deployer-source-shared-gallery', subscription)]
  const targets = [withoutVersion(image.id)]
  return [forDeployer('deployer-source-gallery', galleryOf(image.id), { targets })]
}

function ofBuilderSource(image: SourceImageRequest): Need[] {
  if (image.kind === 'managed-image') return [forBuilder('image-writer-source-managed-image', image.id)]
  if (image.kind === 'marketplace' || isShared(image.id)) return []
  const targets = [withoutVersion(image.id)]
  return [forBuilder('image-writer-source-gallery', galleryOf(image.id), { targets })]
}

/** Only providers that are not registered ask for the right to register them. */
function ofRegistration({ registerProviders, subscriptionId }: NewBuild, { unregistered }: Found): Need[] {
  if (!registerProviders || unregistered.length === 0) return []
  const actions = unregistered.map((namespace) => `${namespace}/register/action`.toLowerCase())
  const wanted = (action: string): boolean =>
    !action.endsWith('/register/action') || actions.includes(action.toLowerCase())
  return [forDeployer('deployer-register-providers', `/subscriptions/${subscriptionId}`, { wanted })]
}

/** Regions that an image lacks which is there already are added to it, with no build: of one region none is lacking. */
function ofRegions({ distributions, skipUnchanged, retryReplication }: NewBuild): Need[] {
  const grown = distributions
    .filter(isGallery)
    .filter(({ body }) => retryReplication || (skipUnchanged && regionsOf(body).length > 1))
    .map(({ body }) => definitionIdOf(body))
  return distinct(grown.map(galleryOf)).map((gallery) =>
    forDeployer('promoter', gallery, { targets: grown.filter((id) => isWithin(id, gallery)) }),
  )
}

/** A build whose log may not be read says so, and goes on. */
function ofLog(request: BuildRequest, { stagingGroup }: Found): Need[] {
  const staging = request.kind === 'new' ? request.settings.stagingResourceGroup : undefined
  const scope = staging && stagingGroup ? staging : `/subscriptions/${request.subscriptionId}`
  const roles = [
    ...(request.log.follow ? (['deployer-live-log'] as const) : []),
    // The log of a failed build is fetched in any case.
    'deployer-log' as const,
  ]
  return roles.map((role) => forDeployer(role, scope, { required: false }))
}

/** What lets the action look before it leaps; of the role, what this build has a use for. */
function ofChecks(request: NewBuild, { account, stagingGroup }: Found): Need[] {
  const { subscriptionId, distributions, skipUnchanged, settings } = request
  const definitions = distributions.filter(isGallery).map(({ body }) => definitionIdOf(body))
  const container = account ? [containerOf(account.id, ARTIFACT_CONTAINER)] : []
  const readsImages = skipUnchanged && distributions.some(({ body }) => body.type === 'ManagedImage')
  const uses: [part: string, used: boolean][] = [
    ['Microsoft.Compute/images/', readsImages],
    ['Microsoft.Compute/galleries/', definitions.length > 0],
    ['Microsoft.Storage/', container.length > 0],
  ]
  const checks = forDeployer('deployer-checks', `/subscriptions/${subscriptionId}`, {
    required: false,
    targets: [groupOf(request), ...identitiesOf(request), ...definitions, ...container],
    wanted: (action) => uses.every(([part, used]) => used || !action.startsWith(part)),
  })
  const staging = stagingGroup ? settings.stagingResourceGroup : undefined
  return [checks, ...ofNetworkChecks(subnetsOf(request), staging)]
}

function ofNetworkChecks(subnets: readonly string[], stagingGroup: string | undefined): Need[] {
  const of = (scope: string, part: string, targets: string[]): Need =>
    forDeployer('deployer-network-checks', scope, {
      required: false,
      targets,
      wanted: (action) => action.startsWith(part),
    })
  return [
    ...networksOf(subnets).map(([network, inIt]) => of(network, 'Microsoft.Network/', inIt)),
    ...(stagingGroup ? [of(stagingGroup, 'Microsoft.Resources/', [])] : []),
  ]
}

/** Where the image goes: galleries, groups of managed images, a VHD in an account of one's own. */
function ofTargets({ distributions, subscriptionId }: NewBuild, { vhdAccount }: Found): Need[] {
  const definitions = distributions.filter(isGallery).map(({ body }) => definitionIdOf(body))
  const galleryGroups = distinct(definitions.map(groupScope))
  const imageGroups = distributions.flatMap(({ body }) =>
    body.type === 'ManagedImage' ? [groupScope(body.imageId)] : [],
  )
  const alone = distinct(imageGroups).filter((group) => !galleryGroups.some((one) => sameId(one, group)))
  const vhds = distributions.flatMap(({ body }) =>
    body.type === 'VHD' && body.uri !== undefined ? [body.uri] : [],
  )
  return [
    ...galleryGroups.map((group) =>
      forBuilder('image-writer', group, { targets: definitions.filter((id) => isWithin(id, group)) }),
    ),
    ...alone.map((group) => forBuilder('image-writer-managed-image', group)),
    ...vhds.map((uri) =>
      vhdAccount === undefined
        ? forBuilder('image-writer-vhd', `/subscriptions/${subscriptionId}`, {
            notFound: `the storage account of ${new URL(uri).host}`,
          })
        : forBuilder('image-writer-vhd', containerOf(vhdAccount, containerIn(uri))),
    ),
  ]
}

/** Networks, identities of the build VM and a staging group that the user brings. */
function ofSurroundings(request: NewBuild, { stagingGroup }: Found): Need[] {
  const { vmProfile, stagingResourceGroup } = request.settings
  return [
    ...networksOf(subnetsOf(request)).map(([network, targets]) =>
      forBuilder('image-writer-network', network, { targets }),
    ),
    ...(vmProfile?.userAssignedIdentities ?? []).map((id) =>
      forBuilder('image-writer-build-vm-identities', id),
    ),
    ...(stagingGroup && stagingResourceGroup ? [contributor(stagingResourceGroup)] : []),
  ]
}

/** Documented: nothing less than the role itself does, which is known by its wildcard. */
function contributor(scope: string): Need {
  const rights = [{ action: '*', isData: false, at: scope }]
  return { role: 'Contributor', who: 'managed identity', scope, rights, required: true }
}

/** The managed identity, and those of the build VM. */
function identitiesOf({ managedIdentity, settings }: NewBuild): string[] {
  return distinct([managedIdentity, ...(settings.vmProfile?.userAssignedIdentities ?? [])])
}

function subnetsOf({ settings }: NewBuild): string[] {
  const { subnetId, containerInstanceSubnetId } = settings.vmProfile?.vnetConfig ?? {}
  return [subnetId, containerInstanceSubnetId].filter((id) => id !== undefined)
}

/** Virtual networks, each with its subnets. */
function networksOf(subnets: readonly string[]): [network: string, subnets: string[]][] {
  const networks = distinct(subnets.map((id) => id.replace(/\/subnets\/[^/]+$/i, '')))
  return networks.map((network) => [network, subnets.filter((id) => isWithin(id, network))])
}

/** The resource group of template and, as a rule, identity. */
export function groupOf({ subscriptionId, resourceGroup }: BuildRequest): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`
}
