/** The image template that is submitted: a pure function of checked inputs, look-ups and the uploaded artifact. */
import type { BuildArtifact } from './artifact-customizers.ts'
import { BUILD_KEY_TAG } from './build-key.ts'
import { customizers, scriptValidators } from './customizers.ts'
import type { NewBuild } from './inputs.ts'
import type { WorkflowRun } from './names.ts'
import type { Warning } from './preflight.ts'
import type { PurchasePlan, SourceImage, SourceName } from './source-image.ts'
import type { Customizer, Distributor, TemplateSettings } from './template-schema.ts'

/** What the look-ups in Azure found out about what the inputs name. */
export interface Findings {
  /** Resource ID of the managed identity that the build uses. */
  identityId: string
  sourceImage: SourceImage
  /** Absent when there is no artifact. */
  storageAccount?: StorageAccount
  warnings: Warning[]
  /** Resource providers that are to be registered yet. */
  unregistered: string[]
}

export interface StorageAccount {
  id: string
  name: string
  /** Primary blob endpoint, with a trailing slash. */
  blobEndpoint: string
  /** Whether the account takes what is signed with its keys. */
  allowsKeys: boolean
  /** Whether its firewall refuses whatever is not allowed by name. */
  refusesNetworks: boolean
}

/** Request body of PUT `Microsoft.VirtualMachineImages/imageTemplates`, API version 2025-10-01. */
export interface ImageTemplate {
  location: string
  tags: Record<string, string>
  identity: { type: 'UserAssigned'; userAssignedIdentities: Record<string, Record<string, never>> }
  properties: TemplateSettings & { source: object; customize: Customizer[]; distribute: Distributor[] }
}

/** What the template is marked with. */
export interface Marks {
  /** The action's own version. */
  version: string
  /** See `build-key.ts`; absent while it is being made. */
  buildKey?: string | undefined
  /** When the build began; milliseconds since the epoch. */
  startedAt?: number
}

/** Tag of every template and image: with the time of an image's publication it tells the next build how long this one took. */
export const BUILD_STARTED_TAG = 'build-started'

/** Tag of every image that an artifact went into: its SHA-256, as in the build record. */
const ARTIFACT_TAG = 'artifact-sha256'

/** Puts the template together. */
export function imageTemplate(
  request: NewBuild,
  findings: Findings,
  artifact: BuildArtifact | undefined,
  { version, buildKey, startedAt }: Marks,
): ImageTemplate {
  const { customization, distributions, workflowRun, location } = request
  const { sourceImage, identityId } = findings
  const unpacked = artifact && { ...artifact, remove: request.artifact?.remove ?? false }
  const keyTag = buildKey === undefined ? {} : { [BUILD_KEY_TAG]: buildKey }
  const startTag = startedAt === undefined ? {} : { [BUILD_STARTED_TAG]: new Date(startedAt).toISOString() }
  const ownTags = tagsOfImage(workflowRun, sourceImage, artifact)
  const imageTags = [request.imageTags, ownTags, keyTag, startTag]
  return {
    location,
    tags: mergedTags(request.templateTags, tagsOfTemplate(workflowRun, version), keyTag, startTag),
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
    properties: {
      ...settingsWithScript(request, sourceImage),
      source: sourceBody(sourceImage),
      customize: customizers(customization, sourceImage.osType, unpacked),
      distribute: distributions.map(({ body }) => ({
        ...body,
        artifactTags: mergedTags(body.artifactTags ?? {}, ...imageTags),
      })),
    },
  }
}

/** The settings, with `validation-script` behind the validators of a template file. */
function settingsWithScript(
  { settings, customization }: NewBuild,
  { osType }: SourceImage,
): TemplateSettings {
  const added = scriptValidators(customization, osType)
  if (added.length === 0) return settings
  const { validate } = settings
  return {
    ...settings,
    validate: { ...validate, inVMValidations: [...(validate?.inVMValidations ?? []), ...added] },
  }
}

/** The later ones win; Azure does not tell the names of tags apart by letter case (Resource Manager's documentation). */
export function mergedTags(...all: Record<string, string>[]): Record<string, string> {
  const byName = all
    .flatMap((tags) => Object.entries(tags))
    .map((tag) => [tag[0].toLowerCase(), tag] as const)
  return Object.fromEntries(new Map(byName).values())
}

/** By these a template that was left behind can be traced to its run. */
function tagsOfTemplate(run: WorkflowRun, version: string): Record<string, string> {
  return {
    'aib-action': version,
    repository: run.repository,
    'run-id': run.runId,
    'run-attempt': run.runAttempt,
  }
}

/** Tags by which a job knows its own template. */
const OWN_TAGS = ['repository', 'run-id', 'run-attempt', BUILD_KEY_TAG, BUILD_STARTED_TAG]

/** What a template's tags say of the job that made it. */
export function marksOf(tags: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => OWN_TAGS.includes(name)))
}

/** Whether a template bears these marks: another job may have given its template the same name. */
export function bears(tags: Record<string, string> | undefined, marks: Record<string, string>): boolean {
  return Object.entries(marks).every(([name, value]) => tags?.[name] === value)
}

function tagsOfImage(
  run: WorkflowRun,
  source: SourceImage,
  artifact: BuildArtifact | undefined,
): Record<string, string> {
  return {
    repository: run.repository,
    commit: run.sha,
    'workflow-run-url': run.url,
    // A tag's value holds 256 characters at most; an ID's end is what tells images apart.
    'source-version': nameOfSource(source).slice(-256),
    ...(artifact && { [ARTIFACT_TAG]: artifact.sha256 }),
  }
}

/** The source in one line, exact version included. */
export function nameOfSource(source: SourceName): string {
  return source.kind === 'marketplace'
    ? [source.publisher, source.offer, source.sku, source.version].join(':')
    : source.id
}

/** `source` of the template. */
export function sourceBody(source: SourceName): object {
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
export function printableTemplate(template: object): string {
  // Text by text: in JSON the backslash before a quotation mark would count as part of a URL.
  const redacted = (_: string, value: unknown): unknown =>
    typeof value === 'string' ? redactSignatures(value) : value
  return JSON.stringify(template, redacted, 2)
}

/** Signatures in the URLs of a template: as they stand there, and decoded, as Azure may quote them. */
export function signaturesIn(template: object): string[] {
  const found = [...JSON.stringify(template).matchAll(/[?&]sig=([^&\s'"\\]+)/g)].map(([, sig = '']) => sig)
  return found.flatMap((signature) => [signature, decoded(signature)])
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Replaces the query of every URL that carries a signature. */
export function redactSignatures(text: string): string {
  return text.replaceAll(/\?[^\s'"?]*\bsig=[^\s'"]*/g, '?***')
}
