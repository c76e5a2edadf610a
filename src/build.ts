/**
 * The story of a build, top to bottom: look up, pack and upload, submit, run, collect. Main tells it; what comes
 * afterwards, whatever happened, is told in `cleanup.ts`, and the long wait in the middle in `run-template.ts`.
 */
import { archiveFormat, packArtifact, readThrough, type Archive } from './archive.ts'
import { chosenTransfer, type BuildArtifact } from './artifact-customizers.ts'
import { contentLines, credentialWarnings, packedLine, uploadWatch } from './artifact-report.ts'
import type { Uploaded } from './azure/block-upload.ts'
import { replicasOf } from './distributors.ts'
import { BuildFailedError } from './errors.ts'
import { buildKey, keyTemplate } from './build-key.ts'
import { stepsOf } from './build-steps.ts'
import {
  imageTemplate,
  isHandedOn,
  marksOf,
  printableTemplate,
  sourceBody,
  type Findings,
} from './image-template.ts'
import type { BuildRequest, ExistingBuild, NewBuild } from './inputs.ts'
import { partsTags } from './key-parts.ts'
import { ARTIFACT_CONTAINER, artifactFolder, blobMetadata, blobName, templateName } from './names.ts'
import type { BuildEdges, ReadyTemplate, RunEnd } from './ports.ts'
import { artifactWarnings, sizeProblem, type Warning } from './preflight.ts'
import { runFailure, type BuildReport } from './report.ts'
import { formatResourceId, KINDS } from './resource-id.ts'
import { repair } from './repair.ts'
import { inherit, reuse, runOutputNamesOf } from './reuse.ts'
import { runTemplate } from './run-template.ts'
import { signaturesIn } from './signed-urls.ts'
import type { SourceName } from './source-image.ts'
import { buildMinutes } from './template-settings.ts'
import { jobLimitWarning } from './time-warnings.ts'
import { beginOf, endOf } from './run-status.ts'
import type { Span } from './timeline.ts'

/**
 * Builds one image. What is known goes into `report` as it becomes known, so that a build that fails or is
 * cancelled reports what it had.
 * @throws InputError, SignInError, AzureError, BuildFailedError, CancelledError
 */
export async function buildImage(
  request: BuildRequest,
  report: BuildReport,
  edges: BuildEdges,
): Promise<void> {
  const { signIn, subscriptionId, pollIntervalSeconds, cleanup } = request
  edges.runner.remember('connection', { signIn, subscriptionId, pollIntervalSeconds })
  edges.runner.remember('cleanup', cleanup)

  const template = await (request.kind === 'new'
    ? make(request, report, edges)
    : find(request, report, edges))
  if (!template) return
  const end = await runTemplate(template, request, report, edges)
  if (end) await collect(template, end, request, report, edges)
}

/** A template of our own, submitted; undefined when there is nothing to run: in a dry run, and for an unchanged image. */
async function make(
  request: NewBuild,
  report: BuildReport,
  edges: BuildEdges,
): Promise<ReadyTemplate | undefined> {
  const { inlineScript, validationScript } = request.customization
  report.scripts = { 'inline-script': inlineScript, 'validation-script': validationScript }
  report.regions = replicasOf(request.distributions)
  const timed = stopwatch(report, edges)
  const findings = await timed('looking up', () => lookUp(request, report, edges))
  const there = await reuse(request, findings, report, edges)
  if (there) return there === 'unchanged' ? undefined : there
  const artifact = await timed('packing and uploading', () => upload(request, findings, report, edges))
  return await timed('submitting', () => submit(request, findings, artifact, report, edges))
}

/** Notes how long each part of the job takes, for the timeline. */
function stopwatch(
  { job }: BuildReport,
  { clock }: BuildEdges,
): <T>(name: string, act: () => Promise<T>) => Promise<T> {
  return async (name, act) => {
    const span: Span = { name, from: clock.now(), to: clock.now(), state: 'failed' }
    job.push(span)
    try {
      const result = await act()
      span.state = 'done'
      return result
    } finally {
      span.to = clock.now()
    }
  }
}

/** Everything that the inputs name is found, and every mistake in them told, before anything is created. */
async function lookUp(
  request: NewBuild,
  report: BuildReport,
  { azure, runner, version }: BuildEdges,
): Promise<Findings> {
  const { artifact, registerProviders, dryRun } = request
  if (registerProviders && !dryRun) {
    const onRegister = (namespace: string): void => {
      runner.info(`registering the resource provider ${namespace}...`)
    }
    await azure.registerProviders(request, onRegister, runner.cancelled)
  }
  if (artifact) runner.info(`getting storage account details for ${artifact.storageAccount}`)
  const findings = await azure.lookUp(request, runner.cancelled)
  sizeProblem(JSON.stringify(imageTemplate(request, findings, undefined, { version })))
  report.sourceImage = findings.sourceImage
  findings.unregistered.forEach((one) => {
    runner.info(`the resource provider ${one} is not registered: a build would register it`)
  })
  warn(findings.warnings, request, runner)
  const limit = runner.limitMinutes()
  if (limit !== undefined && request.wait) warn(jobLimitWarning(request.settings, limit), request, runner)
  return findings
}

function warn(
  warnings: readonly Warning[],
  { ignoreWarnings }: BuildRequest,
  runner: BuildEdges['runner'],
): void {
  for (const { name, message, at } of warnings) {
    if (ignoreWarnings.includes(name)) runner.debug(`${message} (${name}, ignored)`)
    else runner.warning(`${message} (ignore-warnings: ${name})`, at)
  }
}

/** The workspace goes to Blob Storage in one stream: packed, digested and uploaded without touching the disk. */
async function upload(
  request: NewBuild,
  findings: Findings,
  report: BuildReport,
  edges: BuildEdges,
): Promise<BuildArtifact | undefined> {
  const { azure, runner, clock, workspace } = edges
  const { artifact, workflowRun, settings } = request
  const { storageAccount, sourceImage } = findings
  if (artifact === undefined || storageAccount === undefined) {
    report.buildKey = buildKey(request, findings, '', edges)
    return undefined
  }
  const format = archiveFormat(sourceImage.osType)
  const folder = artifactFolder(artifact.path, workspace, workflowRun.repository)
  const name = { container: ARTIFACT_CONTAINER, blob: blobName(folder, workflowRun, format, clock.unique()) }
  const archive = await packArtifact(artifact.path, format, artifact.exclude)
  for (const entry of archive.leftOut) runner.warning(`'${entry}' is no file, folder or link: left out.`)
  warn(credentialWarnings(archive), request, runner)
  contentLines(archive).forEach(runner.info)

  const store = azure.artifactStore(storageAccount)
  const startedAt = clock.now()
  if (request.dryRun) await readThrough(archive)
  else {
    runner.remember('blob', { ...name, account: storageAccount })
    const onProgress = progressOf(archive, edges)
    await store.upload(name, archive, blobMetadata(workflowRun), onProgress, runner.cancelled)
    runner.remember('uploaded', true)
  }
  const digest = archive.digest()
  const { sha256, bytes, content } = digest
  report.artifact = { folder, bytes, sha256 }
  report.content = content.lines
  report.buildKey = buildKey(request, findings, content.digest, edges)
  const done = request.dryRun ? 'not uploaded, packed' : 'uploaded'
  runner.info(`created archive ${name.blob}`)
  runner.info(packedLine(archive, digest, done, clock.now() - startedAt))
  warn(artifactWarnings(request, bytes), request, runner)

  // The File customizer is read when the template is submitted, a download during the build; part of the former may
  // happen during the build as well (newest networking documentation), so both get the time of a whole build.
  const minutes = buildMinutes(settings) + 60
  const expiresOn = new Date(clock.now() + minutes * 60_000)
  const signed = artifact.access === 'sas' && !request.dryRun
  const url = signed ? await store.readUrl(name, expiresOn, runner.cancelled) : store.url(name)
  return { folder, sha256, bytes, url, transfer: chosenTransfer(artifact, bytes) }
}

/** Says at sensible moments how far an upload has come. */
function progressOf(archive: Archive, { runner, clock }: BuildEdges): (uploaded: Uploaded) => void {
  const watch = uploadWatch(archive.contentBytes, clock.now())
  return (uploaded) => {
    const line = watch(uploaded, clock.now())
    if (line !== undefined) runner.info(line)
  }
}

/** The template is made and taken in by Image Builder, which now copies what it points at. */
async function submit(
  request: NewBuild,
  findings: Findings,
  artifact: BuildArtifact | undefined,
  report: BuildReport,
  edges: BuildEdges,
): Promise<ReadyTemplate | undefined> {
  const { azure, runner, clock, version } = edges
  const name = request.templateName ?? templateName(clock.unique())
  const id = formatResourceId({ ...request, type: KINDS.template.type, names: [name] })
  const parts = { template: keyTemplate(request, findings, '', edges), content: report.content ?? [] }
  const marks = { version, buildKey: report.buildKey, startedAt: clock.now(), parts: partsTags(parts) }
  const body = imageTemplate(request, findings, artifact, marks)
  const runOutputNames = runOutputNamesOf(request)
  await show({ name, id, body, source: findings.sourceImage, runOutputNames }, request, report, edges)
  if (request.dryRun) return undefined

  runner.info('starting put template...')
  report.marks = marksOf(body.tags)
  runner.remember('marks', report.marks)
  runner.remember('imageTemplate', id)
  const { provisioningState, stagingResourceGroup } = await azure.imageBuilder.submit(
    id,
    body,
    runner.cancelled,
  )
  if (stagingResourceGroup) report.stagingResourceGroup = stagingResourceGroup
  runner.info(`put template:  ${provisioningState}`)
  return { id, runOutputNames, runs: request.settings.autoRun?.state === 'Enabled', whose: 'ours' }
}

/**
 * A template that is there already. What somebody else made is run as it is, and kept; one whose run an earlier job handed
 * on (`wait: false`) is followed, never started anew, and seen to afterwards as if this job had made it.
 */
async function find(
  request: ExistingBuild,
  report: BuildReport,
  edges: BuildEdges,
): Promise<ReadyTemplate | undefined> {
  const { azure, runner } = edges
  const found = await azure.findTemplate(request, runner.cancelled)
  const { id, runOutputNames, lastRun, stagingResourceGroup } = found
  if (stagingResourceGroup) report.stagingResourceGroup = stagingResourceGroup
  report.sourceImage = found.source
  await show({ ...found, name: request.templateName }, request, report, edges)
  if (request.dryRun) return undefined

  const inherited = request.resume && isHandedOn(found.tags, request.workflowRun) && lastRun !== undefined
  if (inherited) {
    // Until its end is seen it stays as it is, whatever becomes of this job.
    runner.remember('run', 'left')
    inherit(found, runner)
  } else {
    runner.remember('existingTemplate', true)
    runner.remember('imageTemplate', id)
  }
  const runs = lastRun?.runState === 'Running'
  if (!inherited) return { id, runOutputNames, runs, whose: runs ? 'others' : 'ours' }
  const end = endOf(lastRun)
  const by = `run ${found.tags?.['run-id'] ?? ''}`
  runner.info(end ? `${by} started its run, which is over` : `${by} started its run: following that one`)
  return { id, runOutputNames, runs: true, whose: 'inherited', ...beginOf(lastRun), ...(end && { end }) }
}

/** Tells what is going to be run and keeps it as a file; in a dry run the log has all of it. */
async function show(
  template: { name: string; id: string; body: object; source: SourceName; runOutputNames: string[] },
  { dryRun }: BuildRequest,
  report: BuildReport,
  { runner, saveFile }: BuildEdges,
): Promise<void> {
  const { name, id, body, source, runOutputNames } = template
  // Those of a user's own customizers, too: Azure quotes URLs in its messages.
  signaturesIn(body).forEach(runner.mask)
  report.template = { name, id }
  report.steps = stepsOf(body)
  report.validators = stepsOf(body, 'validate')
  report.runOutputName = runOutputNames[0] ?? ''
  runner.info(`Source for image:  ${JSON.stringify(sourceBody(source))}`)
  runner.info(`template name:  ${name}`)
  const text = printableTemplate(body)
  report.templateText = text
  report.templatePath = await saveFile(`${name}.json`, text)
  report.dryRun = dryRun
  if (!dryRun) return
  runner.openGroup('image template (dry run: nothing is created or started)')
  runner.quote(text.split('\n'))
  runner.closeGroup()
}

/** What the run made. A run that failed may have made images all the same: then their IDs are reported, too. */
async function collect(
  { id, runOutputNames }: ReadyTemplate,
  end: RunEnd,
  request: BuildRequest,
  report: BuildReport,
  edges: BuildEdges,
): Promise<void> {
  const { azure, runner } = edges
  for (const name of runOutputNames) runner.info(`getting runOutput for  ${name}`)
  const outputs = await Promise.all(runOutputNames.map((name) => azure.imageBuilder.runOutput(id, name)))
  runOutputNames.forEach((name, index) => {
    const uri = outputs[index]?.uri
    if (uri !== undefined) report.images[name] = uri
  })
  if (end.state !== 'Succeeded') {
    const failure = runFailure(report.template?.name ?? id, end, report.stagingResourceGroup)
    report.repaired = end.state !== 'Canceled' && (await repair(runOutputNames, request, report, edges))
    if (!report.repaired) throw failure
    runner.warning(
      `${failure.message}\nThe image is there all the same, in all regions now: nothing needs to be built again.`,
    )
    return
  }
  const missing = runOutputNames.filter((_, index) => !outputs[index])
  if (missing.length > 0) {
    throw new BuildFailedError(`The run succeeded, but there is no run output ${missing.join(', ')}.`)
  }
}
