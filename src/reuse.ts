/** The story before the story: whether the image, or a build of it, is there already. */
import { archiveFormat, digestContent } from './archive.ts'
import { buildKey, keyArtifact } from './build-key.ts'
import { imageTemplate, marksOf, type Findings } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { artifactBlobIn, artifactFolder } from './names.ts'
import type { BuildEdges, ReadyTemplate } from './ports.ts'
import type { BuildReport } from './report.ts'

/** Nothing is built twice: an image that would be the same is taken, and a run of an earlier attempt is followed. */
export async function reuse(
  request: NewBuild,
  findings: Findings,
  report: BuildReport,
  edges: BuildEdges,
): Promise<ReadyTemplate | 'unchanged' | undefined> {
  const { artifact, skipUnchanged, resume, workflowRun, dryRun } = request
  const { azure, runner } = edges
  report.skipped = false
  const again = resume && !dryRun && Number(workflowRun.runAttempt) > 1
  if (!skipUnchanged && !again) return undefined
  const format = archiveFormat(findings.sourceImage.osType)
  const content = artifact ? await digestContent(artifact.path, format, artifact.exclude) : ''
  const key = keyOf(request, findings, content, edges)
  report.buildKey = key

  const images = skipUnchanged ? await azure.findImages(request, key, runner.cancelled) : undefined
  if (images) {
    runner.info(`unchanged: ${Object.values(images).join(', ')} was built from the same (build key ${key})`)
    Object.assign(report.images, images)
    report.skipped = true
    report.runOutputName = runOutputNamesOf(request)[0] ?? ''
    return dryRun ? undefined : 'unchanged'
  }
  const running = again ? await azure.findRunning(request, key, runner.cancelled) : undefined
  if (!running) return undefined
  const { id, name, tags, body, stagingResourceGroup } = running
  runner.info(`template name:  ${name}`)
  runner.info('it is building still, for an earlier attempt of this workflow run: taking it over')
  report.template = { name, id }
  report.runOutputName = runOutputNamesOf(request)[0] ?? ''
  if (stagingResourceGroup) report.stagingResourceGroup = stagingResourceGroup
  runner.remember('marks', marksOf(tags))
  runner.remember('imageTemplate', id)
  const account = findings.storageAccount
  const blob = account && artifactBlobIn(JSON.stringify(body), account.blobEndpoint)
  if (blob) {
    runner.remember('blob', { ...blob, account })
    runner.remember('uploaded', true)
  }
  return { id, runOutputNames: runOutputNamesOf(request), runs: true }
}

/** Names of the run outputs of a build, in the order of its distributors. */
export function runOutputNamesOf({ distributions }: NewBuild): string[] {
  return distributions.map(({ body }) => body.runOutputName)
}

/**
 * The build key of a request.
 * @param content digest of what goes into the image; '' for nothing
 */
export function keyOf(
  request: NewBuild,
  findings: Findings,
  content: string,
  { workspace, version }: BuildEdges,
): string {
  const { artifact, workflowRun } = request
  const folder = artifact && artifactFolder(artifact.path, workspace, workflowRun.repository)
  const standIn = folder === undefined ? undefined : keyArtifact(folder, content)
  return buildKey(imageTemplate(request, findings, standIn, { version }))
}
