/**
 * The story of a build, top to bottom: look up, pack and upload, submit, run, collect. Main tells it; what comes
 * afterwards, whatever happened, is told in `cleanup.ts`.
 */
import { archiveFormat, packArtifact } from './archive.ts'
import type { BuildArtifact } from './customizers.ts'
import { BuildFailedError, CancelledError } from './errors.ts'
import { imageTemplate, printableTemplate, sourceBody, type Findings } from './image-template.ts'
import type { BuildRequest } from './inputs.ts'
import { ARTIFACT_CONTAINER, artifactFolder, blobName, templateName } from './names.ts'
import type { BuildEdges, RunEnd } from './ports.ts'
import { duration, runFailure, VHD_NOTICE, type BuildReport } from './report.ts'
import { formatResourceId } from './resource-id.ts'

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

  const findings = await lookUp(request, report, edges)
  const artifact = await upload(request, findings, edges)
  const id = await submit(request, findings, artifact, report, edges)
  const end = await run(id, report, edges)
  await collect(id, end, request, report, edges)
}

/** Everything that the inputs name is found, and every mistake in them told, before anything is created. */
async function lookUp(
  request: BuildRequest,
  report: BuildReport,
  { azure, runner }: BuildEdges,
): Promise<Findings> {
  if (request.storageAccount) runner.info(`getting storage account details for ${request.storageAccount}`)
  const findings = await azure.lookUp(request, runner.cancelled)
  report.sourceImage = findings.sourceImage
  return findings
}

/** The workspace goes to Blob Storage in one stream: packed, digested and uploaded without touching the disk. */
async function upload(
  request: BuildRequest,
  { storageAccount, sourceImage }: Findings,
  { azure, runner, clock, workspace }: BuildEdges,
): Promise<BuildArtifact | undefined> {
  const { buildPath, workflowRun, buildTimeoutInMinutes } = request
  if (buildPath === undefined || storageAccount === undefined) return undefined
  const format = archiveFormat(sourceImage.osType)
  const folder = artifactFolder(buildPath, workspace, workflowRun.repository)
  const name = { container: ARTIFACT_CONTAINER, blob: blobName(folder, workflowRun, format, clock.unique()) }
  const archive = await packArtifact(buildPath, format)
  for (const entry of archive.leftOut) runner.warning(`'${entry}' is no file, folder or link: left out.`)

  runner.remember('blob', { ...name, account: storageAccount })
  const startedAt = clock.now()
  const store = azure.artifactStore(storageAccount)
  await store.upload(name, archive, runner.cancelled)
  runner.remember('uploaded', true)
  const { sha256, bytes } = archive.digest()
  const time = duration(clock.now() - startedAt)
  runner.info(`created archive ${name.blob}`)
  runner.info(
    `  files: ${archive.files}, bytes: ${archive.contentBytes}, packed: ${bytes}, uploaded in ${time}`,
  )

  // The File customizer is read when the template is submitted, a download during the build; part of the former may
  // happen during the build as well (newest networking documentation), so both get the time of a whole build.
  const expiresOn = new Date(clock.now() + ((buildTimeoutInMinutes || 240) + 60) * 60_000)
  return { folder, sha256, bytes, url: await store.readUrl(name, expiresOn, runner.cancelled) }
}

/** The template is made and taken in by Image Builder, which now copies what it points at. */
async function submit(
  request: BuildRequest,
  findings: Findings,
  artifact: BuildArtifact | undefined,
  report: BuildReport,
  { azure, runner, clock, version, saveTemplate }: BuildEdges,
): Promise<string> {
  runner.info(`Source for image:  ${JSON.stringify(sourceBody(findings.sourceImage))}`)
  const name = templateName(clock.unique())
  const id = formatResourceId({
    ...request,
    type: 'Microsoft.VirtualMachineImages/imageTemplates',
    names: [name],
  })
  const template = imageTemplate(request, findings, artifact, version)
  report.template = { name, id }
  runner.info(`template name:  ${name}`)
  report.templatePath = await saveTemplate(name, printableTemplate(template))

  runner.info('starting put template...')
  runner.remember('imageTemplate', id)
  const { provisioningState, stagingResourceGroup } = await azure.imageBuilder.submit(
    id,
    template,
    runner.cancelled,
  )
  if (stagingResourceGroup) report.stagingResourceGroup = stagingResourceGroup
  runner.info(`put template:  ${provisioningState}`)
  return id
}

/** The build itself, 20 to 60 minutes. When the workflow is cancelled, so is the run: with one call, at once. */
async function run(id: string, report: BuildReport, { azure, runner, clock }: BuildEdges): Promise<RunEnd> {
  runner.info('starting run template...')
  runner.remember('run', 'started')
  const startedAt = clock.now()
  try {
    const templateRun = await azure.imageBuilder.startRun(id, runner.cancelled)
    const onPhase = (phase: string): void => {
      runner.info(`  ${phase} (${duration(clock.now() - startedAt)})`)
    }
    const end = await azure.imageBuilder.followRun(templateRun, onPhase, runner.cancelled)
    runner.remember('run', end.state)
    report.runState = end.state
    runner.info(`run template:  ${end.state}`)
    return end
  } catch (error) {
    if (!runner.cancelled.aborted) throw error
    runner.info('the workflow was cancelled: cancelling the run...')
    await azure.imageBuilder.cancelRun(id)
    throw new CancelledError()
  }
}

/** What the run made. A run that failed may have made an image all the same: then its ID is reported, too. */
async function collect(
  id: string,
  end: RunEnd,
  { distributor, cleanup }: BuildRequest,
  report: BuildReport,
  { azure, runner }: BuildEdges,
): Promise<void> {
  const { runOutputName } = distributor
  report.runOutputName = runOutputName
  runner.info(`getting runOutput for  ${runOutputName}`)
  const output = await azure.imageBuilder.runOutput(id, runOutputName)
  if (output) report.images[runOutputName] = output.uri
  if (end.state !== 'Succeeded') {
    throw runFailure(report.template?.name ?? id, end, report.stagingResourceGroup)
  }
  if (!output) throw new BuildFailedError(`The run succeeded, but there is no run output ${runOutputName}.`)
  if (distributor.type === 'vhd' && cleanup !== 'never') runner.notice(VHD_NOTICE)
}
