/**
 * Whether Compute makes the build VM that a template asks for. Codes and texts: reported, of other VMs; they are in
 * the build's log.
 */
import { usualDiskSize, VM_SIZE_NAMES, vmSize, type VmSize } from '../compute.ts'
import { MACHINE } from './build-resources.ts'
import type { ImageTemplate, TemplateProperties } from './image-template.ts'
import { policyRefusal } from '../policies.ts'
import type { SourceImage } from './source.ts'
import type { StagingGroup } from './staging-group.ts'
import { StepFailed } from './steps.ts'
import { POLICY_VIOLATION } from './submission-failure.ts'
import { newId, type World } from '../world.ts'

/** The service's own choice by generation (documented). */
const DEFAULT_SIZE = { V1: 'Standard_D1_v2', V2: 'Standard_D2ds_v4' } as const

/** Gigabytes of the system disk that the image gets: the source's, or more when the template asks for it. */
export function osDiskSize({ vmProfile }: TemplateProperties, source: SourceImage): number {
  const own = source.osDiskSizeGB ?? usualDiskSize(source.osType)
  return Math.max(own, vmProfile?.osDiskSizeGB ?? 0)
}

/** Gigabytes of the data disks that the image gets. */
export function dataDiskSizes({ additionalDataDisks = [] }: TemplateProperties): number[] {
  return additionalDataDisks.map(({ sizeGB = 0 }) => sizeGB)
}

/** Throws StepFailed when Compute makes no such VM, or a policy denies it. */
export function checkBuildMachine(
  world: World,
  { properties, location }: ImageTemplate,
  staging: StagingGroup,
  source: SourceImage,
): void {
  checkPolicies(world, staging)
  const { vmProfile = {} } = properties
  const wanted = vmProfile.vmSize ? vmSize(vmProfile.vmSize) : undefined
  if (vmProfile.vmSize && !wanted)
    throw refused(
      'InvalidParameter',
      `The value ${vmProfile.vmSize} provided for the VM size is not valid. The valid sizes in the current region ` +
        `are: ${VM_SIZE_NAMES.join(',')}.`,
    )
  // The size that the service takes for Arm64 by itself is not documented: it is not judged.
  if (wanted) checkSize(wanted, source)
  const size = wanted ?? vmSize(DEFAULT_SIZE[source.generation])
  checkDisks(properties, source, size)
  if (size) checkCapacity(world, size, location)
}

function checkPolicies(world: World, staging: StagingGroup): void {
  const group = staging.id.split('/').at(-1) ?? ''
  for (const [type, prefix] of Object.entries(MACHINE)) {
    const refusal = policyRefusal(world, { type, name: `${prefix}${newId()}`, group })
    if (refusal === undefined) continue
    const inner = { code: 'RequestDisallowedByPolicy', message: refusal }
    throw refused('InvalidTemplateDeployment', POLICY_VIOLATION, inner)
  }
}

/** Quota and capacity. Codes and texts: reported; the name of the family is made from the size's (assumed). */
function checkCapacity({ options: { limits } }: World, { name, cores }: VmSize, location: string): void {
  const { cores: limit = Infinity, soldOut = [] } = limits
  if (soldOut.some((one) => one.toLowerCase() === name.toLowerCase()))
    throw refused(
      'SkuNotAvailable',
      `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${name}' is currently ` +
        `not available in location '${location}'. Please try another size or deploy to a different location or ` +
        'different zone. See https://aka.ms/azureskunotavailable for details.',
    )
  if (cores > limit)
    throw refused(
      'QuotaExceeded',
      `Operation could not be completed as it results in exceeding approved ${familyOf(name)} Cores quota. Additional ` +
        `details - Deployment Model: Resource Manager, Location: ${location}, Current Limit: ${limit}, Current Usage: 0, ` +
        `Additional Required: ${cores}, (Minimum) New Limit Required: ${cores}. Setup Alerts when Quota reaches ` +
        'threshold.',
    )
}

/** `standardDDSv4Family` of `Standard_D2ds_v4`. */
function familyOf(size: string): string {
  const [, letter = '', features = '', version = ''] =
    /^Standard_([A-Z]+)\d+([a-z]*)_?(v\d+)?/.exec(size) ?? []
  return `standard${letter}${features.toUpperCase()}${version}Family`
}

function checkSize(size: VmSize, source: SourceImage): void {
  if (size.architecture !== source.architecture)
    throw refused(
      'BadRequest',
      `Cannot create a VM of size '${size.name}' because this VM size only supports a CPU Architecture of ` +
        `'${size.architecture}', but an image or disk given has CPU Architecture '${source.architecture}'. Please ` +
        'check that the CPU Architecture of the image or disk is compatible with that of the VM size.',
    )
  if (size.generations.includes(source.generation)) return
  throw refused(
    'BadRequest',
    `The selected VM size '${size.name}' cannot boot Hypervisor Generation '${source.generation.slice(1)}'. If this ` +
      'was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor ' +
      'Generation of the selected VM Size.',
  )
}

function checkDisks(properties: TemplateProperties, source: SourceImage, size: VmSize | undefined): void {
  const wanted = properties.vmProfile?.osDiskSizeGB ?? 0
  const own = source.osDiskSizeGB ?? usualDiskSize(source.osType)
  if (wanted > 0 && wanted < own)
    throw refused(
      'OperationNotAllowed',
      `The specified disk size ${wanted} GB is smaller than the size of the corresponding disk in the VM image: ` +
        `${own} GB. This is not allowed. Please choose equal or greater size or do not specify an explicit size.`,
    )
  const disks = dataDiskSizes(properties).length
  if (size && disks > size.dataDisks)
    throw refused(
      'OperationNotAllowed',
      `The maximum number of data disks allowed to be attached to a VM of this size is ${size.dataDisks}.`,
    )
}

/** A refusal of the deployment as Packer prints it (reported), with the one that is behind it. */
function refused(code: string, message: string, inner?: { code: string; message: string }): StepFailed {
  const shown = [
    `==> azure-arm: ERROR: -> ${code} : ${message}`,
    '==> azure-arm: ERROR:',
    ...(inner
      ? [`==> azure-arm: ERROR:   -> ${inner.code} : ${inner.message}`, '==> azure-arm: ERROR:']
      : []),
  ]
  return new StepFailed(`Code="${code}" Message="${message}"`, shown)
}
