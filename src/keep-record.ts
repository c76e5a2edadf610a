/** The last thing of a build: its record, as a file for later steps and as a workflow artifact for later jobs. */
import { buildRecord, recordText, RECORD_FILE, type RecordFacts } from './build-record.ts'
import { messageOf } from './errors.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges } from './ports.ts'

/** No build fails for its record: what keeps GitHub from taking it is a warning. */
export async function keepRecord(
  { recordArtifactName, dryRun }: BuildRequest,
  facts: RecordFacts,
  {
    runner,
    saveFile,
    uploadWorkflowArtifact,
  }: Pick<BuildEdges, 'runner' | 'saveFile' | 'uploadWorkflowArtifact'>,
): Promise<void> {
  if (dryRun) return
  const { report, startedAt } = facts
  const own = report.template?.name ?? `${facts.workflow.runId}-${startedAt}`
  const path = await saveFile(
    `build-record-${own}/${RECORD_FILE}`,
    runner.redacted(recordText(buildRecord(facts))),
  )
  report.recordPath = path
  const name = recordArtifactName.replace('<template name>', own)
  if (name === '') return
  runner.openGroup('uploading the build record')
  const failure = await uploadWorkflowArtifact(name, path).catch(messageOf)
  runner.closeGroup()
  if (failure === undefined) {
    report.recordArtifact = name
    runner.info(`the build record is the workflow artifact ${name}`)
  } else {
    runner.warning(`The build record was not uploaded as workflow artifact ${name}: ${failure}`)
  }
}
