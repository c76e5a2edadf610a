/** The image template that is submitted: a pure function of checked inputs, look-ups and the uploaded artifact. */
import type { BuildArtifact } from './artifact-customizers.ts'
import { customizers, scriptValidators } from './customizers.ts'
import type { NewBuild } from './inputs.ts'
import type { WorkflowRun } from './names.ts'
import type { Warning } from './preflight.ts'
import { redactSignatures } from './signed-urls.ts'
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
  /** What the build key was made of, see `key-parts.ts`; for images alone. */
  parts?: Record<string, string>
}

/** Tag of every template and image: what decided how the image turned out, see `build-key.ts`. */
export const BUILD_KEY_TAG = 'build-key'

/** Tag of every template and image: with the time of an image's publication it tells the next build how long this one took. */
export const BUILD_STARTED_TAG = 'build-started'

/** Tag of every image that an artifact went into: its SHA-256, as in the build record. */
const ARTIFACT_TAG = 'artifact-sha256'

/** An image may have 50 tags (Resource Manager's documentation); a promotion needs four of them. */
const ROOMY_TAGS = 45

/** Puts the template together. */
export function imageTemplate(
  request: NewBuild,
  findings: Findings,
  artifact: BuildArtifact | undefined,
  { version, buildKey, startedAt, parts = {} }: Marks,
): ImageTemplate {
  const { customization, distributions, workflowRun, location } = request
  const { sourceImage, identityId } = findings
  const unpacked = artifact && { ...artifact, remove: request.artifact?.remove ?? false }
  const keyTag = buildKey === undefined ? {} : { [BUILD_KEY_TAG]: buildKey }
  const startTag = startedAt === undefined ? {} : { [BUILD_STARTED_TAG]: new Date(startedAt).toISOString() }
  const ownTags = tagsOfImage(workflowRun, sourceImage, artifact)
  const imageTags = [request.imageTags, ownTags, keyTag, startTag]
  const withParts = (tags: Record<string, string>): Record<string, string> => {
    const all = mergedTags(tags, parts)
    return Object.keys(all).length > ROOMY_TAGS ? tags : all
  }
  return {
    location,
    tags: mergedTags(request.templateTags, tagsOfTemplate(request, version), keyTag, startTag),
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
    properties: {
      ...settingsWithScript(request, sourceImage),
      source: sourceBody(sourceImage),
      customize: customizers(customization, sourceImage.osType, unpacked),
      distribute: distributions.map(({ body }) => ({
        ...body,
        artifactTags: withParts(mergedTags(body.artifactTags ?? {}, ...imageTags)),
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
function tagsOfTemplate({ workflowRun, wait }: NewBuild, version: string): Record<string, string> {
  return {
    'aib-action': version,
    repository: workflowRun.repository,
    'run-id': workflowRun.runId,
    'run-attempt': workflowRun.runAttempt,
    ...(wait ? {} : { [HANDED_ON_TAG]: 'true' }),
  }
}

/** Tag of a template whose job does not wait: another one takes over what becomes of it. */
const HANDED_ON_TAG = 'handed-on'

/** Whether a job of this repository started the template's run for another one to follow. */
export function isHandedOn(tags: Record<string, string> | undefined, { repository }: WorkflowRun): boolean {
  return tags?.[HANDED_ON_TAG] === 'true' && tags['repository']?.toLowerCase() === repository.toLowerCase()
}

/** Tags by which a job knows its own template. */
const OWN_TAGS = ['repository', 'run-id', 'run-attempt', BUILD_KEY_TAG, BUILD_STARTED_TAG]

/** Tags that the action gives to images: what a build is, not what its user says of it. */
const OWN_IMAGE_TAGS =
  /^(?:repository|commit|workflow-run-url|source-version|artifact-sha256|build-key|build-started|build-parts-\d)$/

/** Whether the action itself gives a tag of this name to images. */
export function isOwnTag(name: string): boolean {
  return OWN_IMAGE_TAGS.test(name.toLowerCase())
}

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
