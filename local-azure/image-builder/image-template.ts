/** An image template's shape: what a request holds once `template-rules.ts` has passed it, and what the service adds. */
import type { Resource } from '../world.ts'

export const TEMPLATE_TYPE = 'Microsoft.VirtualMachineImages/imageTemplates'
export const RUN_OUTPUT_TYPE = `${TEMPLATE_TYPE}/runOutputs`
export const API_VERSION = '2025-10-01'

export type Source =
  | {
      type: 'PlatformImage'
      publisher: string
      offer: string
      sku: string
      version: string
      exactVersion?: string
      planInfo?: { planName: string; planProduct: string; planPublisher: string }
    }
  | { type: 'ManagedImage'; imageId: string }
  | { type: 'SharedImageVersion'; imageVersionId: string; exactVersion?: string }

interface Script {
  name?: string
  inline?: string[]
  scriptUri?: string
  sha256Checksum?: string
}
export interface ShellStep extends Script {
  type: 'Shell'
}
export interface PowerShellStep extends Script {
  type: 'PowerShell'
  runElevated?: boolean
  runAsSystem?: boolean
  validExitCodes?: number[]
}
export interface FileStep {
  type: 'File'
  name?: string
  sourceUri: string
  destination: string
  sha256Checksum?: string
}
interface WindowsRestartStep {
  type: 'WindowsRestart'
  name?: string
}
interface WindowsUpdateStep {
  type: 'WindowsUpdate'
  name?: string
}
export type Validator = ShellStep | PowerShellStep | FileStep
export type Customizer = Validator | WindowsRestartStep | WindowsUpdateStep

interface Target {
  runOutputName: string
  artifactTags?: Record<string, string>
}
export interface ManagedImageTarget extends Target {
  type: 'ManagedImage'
  imageId: string
  location: string
}
export interface SharedImageTarget extends Target {
  type: 'SharedImage'
  galleryImageId: string
  replicationRegions?: string[]
  storageAccountType?: string
  targetRegions?: { name: string; replicaCount?: number; storageAccountType?: string }[]
  excludeFromLatest?: boolean
  replicationMode?: 'Full' | 'Shallow'
  versioning?: { scheme: 'Latest'; major?: number } | { scheme: 'Source' }
}
export interface VhdTarget extends Target {
  type: 'VHD'
  uri?: string
}
export type Distributor = ManagedImageTarget | SharedImageTarget | VhdTarget

export interface VmProfile {
  vmSize?: string
  osDiskSizeGB?: number
  userAssignedIdentities?: string[]
  vnetConfig?: { subnetId?: string; containerInstanceSubnetId?: string; proxyVmSize?: string }
}

/** A script that readies the image for a kind of work. */
export interface Workload {
  state?: string
  scriptUri?: string
  sha256Checksum?: string
}

export interface LastRunStatus {
  startTime: string
  /** `0001-01-01T00:00:00Z` while there is no end (recorded). */
  endTime: string
  runState: 'Running' | 'Canceling' | 'Succeeded' | 'PartiallySucceeded' | 'Failed' | 'Canceled'
  runSubState?: RunSubState
  message: string
}
export type RunSubState = 'Queued' | 'Building' | 'Customizing' | 'Optimizing' | 'Validating' | 'Distributing'

export interface TemplateProperties {
  source: Source
  customize?: Customizer[]
  optimize?: { vmBoot?: { state?: string }; workload?: Workload }
  validate?: {
    continueDistributeOnFailure?: boolean
    sourceValidationOnly?: boolean
    inVMValidations?: Validator[]
  }
  distribute: Distributor[]
  errorHandling?: { onCustomizerError?: string; onValidationError?: string }
  buildTimeoutInMinutes?: number
  vmProfile?: VmProfile
  additionalDataDisks?: { sizeGB?: number }[]
  stagingResourceGroup?: string
  autoRun?: { state?: string }
  managedResourceTags?: Record<string, string>
  provisioningState: 'Creating' | 'Updating' | 'Succeeded' | 'Failed' | 'Deleting'
  provisioningError?: { provisioningErrorCode: string; message: string }
  lastRunStatus?: LastRunStatus
  /** Empty until the template is made. */
  exactStagingResourceGroup: string
}

export interface TemplateIdentity {
  type: string
  userAssignedIdentities: Record<string, { principalId?: string; clientId?: string }>
}

/** A template as it is stored: a resource whose properties are known. */
export type ImageTemplate = Resource & {
  location: string
  identity: TemplateIdentity & Record<string, unknown>
  properties: TemplateProperties & Record<string, unknown>
}

/** The part of a PUT's body that the rules have passed. */
export type TemplateBody = Pick<ImageTemplate, 'location' | 'identity'> & {
  tags?: Record<string, string>
  properties: Omit<TemplateProperties, 'provisioningState' | 'exactStagingResourceGroup'>
}

export function isTemplate(resource: Resource | undefined): resource is ImageTemplate {
  return resource?.type === TEMPLATE_TYPE
}

/** Go's zero time: how the service writes "no end yet" (recorded). */
export const NO_TIME = '0001-01-01T00:00:00Z'

/** A time with as many fractional digits as the service writes: 7 in operations, 9 in runs (recorded). */
export function preciseTime(milliseconds: number, digits: 7 | 9): string {
  const invented = String(Math.floor(Math.random() * 10 ** (digits - 3))).padStart(digits - 3, '0')
  return new Date(milliseconds).toISOString().replace('Z', `${invented}Z`)
}
