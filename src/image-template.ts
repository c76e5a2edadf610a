/** The image template that is submitted: a pure function of checked inputs, look-ups and the uploaded artifact. */
import { customizers, type BuildArtifact, type Customizer } from './customizers.ts'
import { distributorBody } from './distributors.ts'
import type { BuildRequest } from './inputs.ts'
import type { WorkflowRun } from './names.ts'
import type { OsType, PurchasePlan, SourceImage } from './source-image.ts'

/** What the look-ups in Azure found out about what the inputs name. */
export interface Findings {
  /** Resource ID of the managed identity that the build uses. */
  identityId: string
  sourceImage: SourceImage
  /** Absent when there is no artifact. */
  storageAccount?: StorageAccount
}

export interface StorageAccount {
  id: string
  name: string
  /** Primary blob endpoint, with a trailing slash. */
  blobEndpoint: string
  /** Whether the account takes what is signed with its keys. */
  allowsKeys: boolean
}

/** Request body of PUT `Microsoft.VirtualMachineImages/imageTemplates`, API version 2025-10-01. */
export interface ImageTemplate {
  location: string
  tags: Record<string, string>
  identity: { type: 'UserAssigned'; userAssignedIdentities: Record<string, Record<string, never>> }
  properties: {
    source: object
    customize: Customizer[]
    distribute: object[]
    buildTimeoutInMinutes: number
    vmProfile?: { vmSize: string }
  }
}

/** Puts the template together. `version` is the action's own. */
export function imageTemplate(
  request: BuildRequest,
  findings: Findings,
  artifact: BuildArtifact | undefined,
  version: string,
): ImageTemplate {
  const { sourceImage } = findings
  return {
    location: request.location,
    tags: templateTags(request.workflowRun, version),
    identity: { type: 'UserAssigned', userAssignedIdentities: { [findings.identityId]: {} } },
    properties: {
      source: sourceBody(sourceImage),
      customize: customizers({
        osType: sourceImage.osType,
        provisioner: scriptProvisioner(request.provisioner, sourceImage.osType),
        ...(artifact ? { artifact } : {}),
        inlineScript: request.inlineScript,
        runElevated: request.runElevated,
        runAsSystem: request.runAsSystem,
        windowsUpdate: request.windowsUpdate,
      }),
      distribute: [distributorBody(request.distributor, imageTags(request.workflowRun, sourceImage))],
      buildTimeoutInMinutes: request.buildTimeoutInMinutes,
      ...(request.vmSize === undefined ? {} : { vmProfile: { vmSize: request.vmSize } }),
    },
  }
}

/** `auto` follows the source image's operating system. */
export function scriptProvisioner(
  provisioner: BuildRequest['provisioner'],
  osType: OsType,
): 'shell' | 'powershell' {
  if (provisioner !== 'auto') return provisioner
  return osType === 'Linux' ? 'shell' : 'powershell'
}

/** By these a template that was left behind can be traced to its run. */
function templateTags(run: WorkflowRun, version: string): Record<string, string> {
  return {
    'aib-action': version,
    repository: run.repository,
    'run-id': run.runId,
    'run-attempt': run.runAttempt,
  }
}

function imageTags(run: WorkflowRun, source: SourceImage): Record<string, string> {
  return {
    repository: run.repository,
    commit: run.sha,
    'workflow-run-url': run.url,
    // A tag's value holds 256 characters at most; an ID's end is what tells images apart.
    'source-version': sourceName(source).slice(-256),
  }
}

/** The source in one line, exact version included. */
export function sourceName(source: SourceImage): string {
  return source.kind === 'marketplace'
    ? [source.publisher, source.offer, source.sku, source.version].join(':')
    : source.id
}

/** `source` of the template. */
export function sourceBody(source: SourceImage): object {
  switch (source.kind) {
    case 'marketplace': {
      const { publisher, offer, sku, version, plan } = source
      return { type: 'PlatformImage', publisher, offer, sku, version, ...planInfo(plan) }
    }
    case 'managed-image':
      return { type: 'ManagedImage', imageId: source.id }
    case 'gallery-version':
      return { type: 'SharedImageVersion', imageVersionId: source.id }
  }
}

function planInfo(plan: PurchasePlan | undefined): { planInfo?: PurchasePlan } {
  return plan === undefined ? {} : { planInfo: plan }
}

/** The template as text for people: the query of every signed URL, which is a secret, replaced. */
export function printableTemplate(template: ImageTemplate): string {
  // Text by text: in JSON the backslash before a quotation mark would count as part of a URL.
  const redacted = (_: string, value: unknown): unknown =>
    typeof value === 'string' ? redactSignatures(value) : value
  return JSON.stringify(template, redacted, 2)
}

/** Replaces the query of every URL that carries a signature. */
export function redactSignatures(text: string): string {
  return text.replaceAll(/\?[^\s'"?]*\bsig=[^\s'"]*/g, '?***')
}
