/** The last thing of a build: its record, as a file for later steps and as a workflow artifact for later jobs. */
import { buildRecord, recordText, RECORD_FILE, type RecordFacts } from './build-record.ts'
import type { BuildRequest } from './inputs.ts'
import type { BuildEdges } from './ports.ts'
import { uploadArtifact } from './upload-artifact.ts'

/** Stands for the template's name in that of the artifact. */
const TEMPLATE_NAME = '<template name>'

/** No build fails for its record: what keeps GitHub from taking it is a warning. */
export async function keepRecord(
  { recordArtifactName, dryRun }: BuildRequest,
  facts: RecordFacts,
  edges: Pick<BuildEdges, 'runner' | 'saveFile' | 'uploadWorkflowArtifact'>,
): Promise<void> {
  if (dryRun) return
  const { runner, saveFile } = edges
  const { report, startedAt } = facts
  const own = report.template?.name ?? `${facts.workflow.runId}-${startedAt}`
  const path = await saveFile(
    `build-record-${own}/${RECORD_FILE}`,
    runner.redacted(recordText(buildRecord(facts))),
  )
  report.recordPath = path
  // Where nothing was built there is no template to name the artifact after: it is uploaded by a name of its own alone.
  if (report.skipped === true && recordArtifactName.includes(TEMPLATE_NAME)) return
  const name = recordArtifactName.replace(TEMPLATE_NAME, own)
  const uploaded = await uploadArtifact('build record', name, path, edges)
  if (uploaded !== undefined) report.recordArtifact = uploaded
}
