/**
 * The build key: what decides how an image turns out, in one digest. The same key means the same image. What counts and
 * what does not, and why, stands in docs/skipping.md.
 */
import { createHash } from 'node:crypto'
import type { BuildArtifact } from './artifact-customizers.ts'
import { imageTemplate, type Findings, type ImageTemplate } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { artifactFolder } from './names.ts'
import { withoutSignatures } from './signed-urls.ts'

/** Fields of `properties` that say where a build works, for how long and where the image goes, not how it turns out. */
const WITHOUT_EFFECT = new Set([
  'distribute',
  'buildTimeoutInMinutes',
  'stagingResourceGroup',
  'managedResourceTags',
  'errorHandling',
  'autoRun',
])

/** What the template holds beside the request and what was found for it. */
export interface KeyEdges {
  /** `GITHUB_WORKSPACE` */
  workspace: string
  /** The action's own version. */
  version: string
}

/**
 * SHA-256, in lower-case hexadecimal, over the template without what does not shape the image.
 * @param content digest of what goes into the image; '' for nothing
 */
export function buildKey(request: NewBuild, findings: Findings, content: string, edges: KeyEdges): string {
  const { sourceImage } = findings
  const made = sourceImage.kind === 'managed-image' ? sourceImage.made : undefined
  const shape = shapeOf(keyTemplate(request, findings, content, edges))
  return createHash('sha256')
    .update(canonical(made === undefined ? shape : { ...shape, made }))
    .digest('hex')
}

/** The template of which a build key is made: the artifact in it is its content, neither name of blob nor way of transfer. */
export function keyTemplate(
  request: NewBuild,
  findings: Findings,
  content: string,
  { workspace, version }: KeyEdges,
): ImageTemplate {
  const { artifact, workflowRun } = request
  const folder = artifact && artifactFolder(artifact.path, workspace, workflowRun.repository)
  const standIn: BuildArtifact | undefined =
    folder === undefined
      ? undefined
      : { folder, url: 'artifact', sha256: content, bytes: 0, transfer: 'file' }
  return imageTemplate(request, findings, standIn, { version })
}

/** Properties of a template that shape the image, by their names. */
export function shapeOf({ properties }: ImageTemplate): Record<string, unknown> {
  const shaping = Object.entries(properties).filter(([field]) => !WITHOUT_EFFECT.has(field))
  const { customize, validate, ...others } = Object.fromEntries(shaping) as Partial<
    ImageTemplate['properties']
  >
  return {
    ...others,
    ...(customize && { customize: customize.map(unnamed) }),
    ...(validate && { validate: { ...validate, inVMValidations: validate.inVMValidations?.map(unnamed) } }),
  }
}

/** What a step is called in the log says nothing of what it does. */
function unnamed(step: object): object {
  return Object.fromEntries(Object.entries(step).filter(([field]) => field !== 'name'))
}

/**
 * JSON with the fields of every object in order and without signatures, so that the same template gives the same text on
 * every machine and at any time.
 */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'string') return withoutSignatures(inner)
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  })
}
