/** The part of a PUT that goes on after its answer: source, rights, targets, staging group, files. */
import type {
  Customizer,
  Distributor,
  ImageTemplate,
  SharedImageTarget,
  Validator,
} from './image-template.ts'
import { checkNetwork } from './network.ts'
import { checkSubmissionProviders } from './providers.ts'
import type { Blobs } from '../parts.ts'
import type { Architecture, Generation, OsType } from '../seed.ts'
import { makeStagingGroup, type StagingGroup } from './staging-group.ts'
import { internalError, notAuthorized, SubmissionFailure } from './submission-failure.ts'
import { stageArtifacts } from './artifacts.ts'
import { authorizationFailed } from '../resource-manager/errors.ts'
import { definitionOf, demand, demandGallery, findSource, type SourceImage } from './source.ts'
import { regionKey, type Principal, type World } from '../world.ts'

export interface Submission {
  world: World
  blobs: Blobs
  /** File with the certificate authority that downloads trust. */
  caFile: string
  template: ImageTemplate
  /** Called as soon as there is a staging group, so that a failed template can be deleted with it. */
  onStaging: (staging: StagingGroup) => void
}

/**
 * Checks and prepares an accepted template. Fills in what the service does: exact version, staging group,
 * checksums, the identity's IDs. Throws a SubmissionFailure.
 */
export async function submitTemplate(submission: Submission): Promise<void> {
  const { world, blobs, caFile, template, onStaging } = submission
  const { properties } = template
  checkSubmissionProviders(world)
  const identity = templateIdentity(world, template)
  const source = findSource(world, properties.source, template.location, identity)
  if (source.exactVersion !== undefined)
    Object.assign(properties.source, { exactVersion: source.exactVersion })
  checkSteps(properties.customize ?? [], properties.validate?.inVMValidations ?? [], source.osType)
  checkTargets(world, properties.distribute, source, identity)
  checkBuildVmIdentities(world, template, identity)
  checkNetwork(world, template, identity)
  const staging = makeStagingGroup(world, blobs, template, identity)
  properties.exactStagingResourceGroup = staging.id
  onStaging(staging)
  checkServiceRights(world, template, source)
  const subnet = properties.vmProfile?.vnetConfig?.containerInstanceSubnetId
  const fetching = { world, blobs, caFile, identity, account: staging.account, subnet }
  await stageArtifacts(fetching, properties)
  for (const key of Object.keys(template.identity.userAssignedIdentities)) {
    template.identity.userAssignedIdentities[key] = {
      principalId: identity.objectId,
      clientId: identity.clientId,
    }
  }
}

/** Image Builder itself: the service principal that every tenant has of it (reported). */
export const IMAGE_BUILDER = {
  clientId: 'cf32a0cc-373c-47c9-9156-0db11f6a6dfc',
  objectId: '6df32502-fe22-4e39-bd69-10873965ac04',
}

/**
 * Windows, in a group and a network of the user's own: the service makes the proxy VM's disk by itself, for which it
 * needs a right there (documented; the text too). That the submission fails of it, and with which code, is assumed.
 */
function checkServiceRights(world: World, template: ImageTemplate, source: SourceImage): void {
  const { stagingResourceGroup: group, vmProfile } = template.properties
  const { subnetId, containerInstanceSubnetId } = vmProfile?.vnetConfig ?? {}
  if (!group || !subnetId || containerInstanceSubnetId || source.osType !== 'Windows') return
  const disk = `${group}/providers/Microsoft.Compute/disks/proxyVmDiskWin_${world.now()}`
  if (world.allows(IMAGE_BUILDER, 'Microsoft.Compute/disks/write', disk)) return
  const { message } = authorizationFailed(IMAGE_BUILDER, 'Microsoft.Compute/disks/write', disk)
  throw new SubmissionFailure('InternalOperationError', message, 'Other')
}

/** The principal behind the template's one identity. */
export function templateIdentity(world: World, template: ImageTemplate): Principal {
  const [id = ''] = Object.keys(template.identity.userAssignedIdentities)
  const identity = world.resources.get(id)
  if (!identity) {
    const message =
      'The assigned managed identity cannot be used. Please remove the existing one and re-assign a new identity. ' +
      'For more troubleshooting steps go to https://aka.ms/azvmimagebuilderts.'
    throw new SubmissionFailure(internalError('Other').code, message, 'Other') // text: documented; code: assumed
  }
  const { principalId, clientId } = identity.properties as { principalId: string; clientId: string }
  return { objectId: principalId, clientId }
}

/** Shell is for Linux; PowerShell and the Windows steps are for Windows (documented; texts assumed). */
function checkSteps(customizers: Customizer[], validators: Validator[], osType: OsType): void {
  const fits = ({ type }: { type: string }): boolean =>
    type === 'File' || (type === 'Shell') === (osType === 'Linux')
  const customizer = customizers.find((step) => !fits(step))
  if (customizer)
    throw new SubmissionFailure(
      'UnsupportedCustomizerType',
      `Customizer type '${customizer.type}' is not supported for a source image with OS type '${osType}'.`,
    )
  const validator = validators.find((step) => !fits(step))
  if (validator)
    throw new SubmissionFailure(
      'UnsupportedValidatorType',
      `Validator type '${validator.type}' is not supported for a source image with OS type '${osType}'.`,
    )
}

/** Checks where the image shall go, as far as the service looks at it before a build. */
export function checkTargets(
  world: World,
  distribute: Distributor[],
  source: SourceImage,
  identity: Principal,
): void {
  for (const target of distribute) {
    if (target.type === 'SharedImage') checkGallery(world, target, source, identity)
    if (target.type === 'ManagedImage')
      demand(world, identity, 'Microsoft.Compute/images/read', target.imageId)
  }
}

function checkGallery(
  world: World,
  target: SharedImageTarget,
  source: SourceImage,
  identity: Principal,
): void {
  const definitionId = target.galleryImageId.replace(/\/versions\/[^/]+$/i, '')
  demandGallery(world, identity, definitionId)
  const definition = world.resources.get(definitionId)
  if (!definition) throw badGallery(`The image definition '${definitionId}' was not found.`)
  const { osType, osState, hyperVGeneration, architecture = 'x64' } = definitionOf(definition)
  if (hyperVGeneration !== source.generation)
    throw new SubmissionFailure(
      'ValidationFailed',
      generationText(definitionId, hyperVGeneration, source.generation),
      'BadSharedImageDistribute',
    )
  checkSystem(definitionId, { osType, osState, architecture }, source)
  const regions = regionsOf(target)
  if (
    regions.length > 0 &&
    !regions.some((region) => regionKey(region) === regionKey(definition.location ?? ''))
  )
    throw badGallery(
      `The target regions '${regions.join(', ')}' of the image definition '${definitionId}' do not include the ` +
        `region of the gallery, '${definition.location ?? ''}'.`,
    )
}

/** Only generalized definitions of the same system take the image (documented; texts assumed). */
function checkSystem(
  definitionId: string,
  definition: { osType: OsType; osState: string; architecture: Architecture },
  source: SourceImage,
): void {
  const differences: [string, string, string][] = [
    ['OS state', definition.osState, 'Generalized'],
    ['OS type', definition.osType, source.osType],
    ['architecture', definition.architecture, source.architecture],
  ]
  for (const [what, theirs, ours] of differences) {
    if (theirs !== ours)
      throw badGallery(
        `The image definition '${definitionId}' has ${what} '${theirs}', the image to distribute has '${ours}'.`,
      )
  }
}

/** Regions that a distributor names, by either of its two fields. */
export function regionsOf(target: SharedImageTarget): string[] {
  return target.targetRegions?.map(({ name }) => name) ?? target.replicationRegions ?? []
}

/** Text: documented. */
function generationText(definitionId: string, theirs: Generation, ours: Generation): string {
  return (
    'Validation failed: Error with Hyper-V Version validation (cross-generation for multiple Hyper-V Versions is not ' +
    `supported). The provided SIG: ${definitionId}, has a different Hyper-V Generation: ${theirs}, than source ` +
    `image: ${ours}.`
  )
}

function badGallery(message: string): SubmissionFailure {
  return new SubmissionFailure('BadSharedImageDistribute', message) // texts: assumed
}

/**
 * The template's identity must be Managed Identity Operator of those on the build VM (documented), and they must
 * exist. That a submission looks at both is assumed; the text of a missing one is Resource Manager's for VMs.
 */
function checkBuildVmIdentities(world: World, template: ImageTemplate, identity: Principal): void {
  const action = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'
  const own = Object.keys(template.identity.userAssignedIdentities).map((id) => id.toLowerCase())
  for (const id of template.properties.vmProfile?.userAssignedIdentities ?? []) {
    if (!own.includes(id.toLowerCase()) && !world.allows(identity, action, id)) throw notAuthorized(id)
    if (!world.resources.get(id))
      throw new SubmissionFailure(
        'FailedIdentityOperation',
        "Failed to perform resource identity operation. Status: 'BadRequest'. Response: " +
          `'{"error":{"code":"BadRequest","message":"Resource '${id}' was not found."}}'.`,
        'Other',
      )
  }
}
