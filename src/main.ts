/** Entry of the main step: reads, wires, calls, reports. The story is in `build.ts`. */
import { connect } from './azure/connect.ts'
import { buildImage } from './build.ts'
import { CancelledError } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { INPUT_NAMES } from './input-names.ts'
import { readInputs, wantsSummary, type BuildRequest } from './inputs.ts'
import { keepRecord } from './keep-record.ts'
import { Patience } from './patience.ts'
import { emptyReport, outputs, taskOutputBlock } from './report.ts'
import * as actions from './runner.ts'
import { summary } from './summary.ts'
import { VERSION } from './version.ts'
import { uploadWorkflowArtifact } from './workflow-artifact.ts'

/** How long a log or record may take to be uploaded; they are small. */
const UPLOAD_MS = 2 * 60_000

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const startedAt = clock.now()
const report = emptyReport()
const inputs = actions.rawInputs()
const patience = new Patience({ clock, debug: runner.debug, notice: runner.notice })

/** The library waits for ever for an answer that broke off. */
const upload = (name: string, file: string): Promise<void> => {
  const { cancelled } = runner
  return patience.persist(
    `uploading the workflow artifact ${name}`,
    () => patience.heard(() => uploadWorkflowArtifact(name, file), { silence: UPLOAD_MS, cancelled }),
    { limit: UPLOAD_MS, cancelled },
  )
}

runner.cancelled.addEventListener('abort', () => {
  runner.remember('cancelledAt', clock.now())
})

let request: BuildRequest | undefined
let failure: unknown
try {
  runner.info('start reading task parameters...')
  request = readInputs(inputs)
  if (request.kind === 'new' && request.artifact) runner.info(`found build at:  ${request.artifact.path}`)
  runner.info('end reading parameters')

  const { idToken, mask, saveFile } = actions
  const { debug, notice } = runner
  const azure = connect(request, { idToken, mask, clock, debug, notice, patience })
  const workspace = actions.workspace()
  const story = buildImage(request, report, {
    azure,
    runner,
    clock,
    version: VERSION,
    workspace,
    saveFile,
    uploadWorkflowArtifact: upload,
  })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
  taskOutputBlock(report).forEach(runner.info)
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const wasCancelled = failure instanceof CancelledError
const explanation = failure === undefined ? undefined : explain(failure, report)
runner.remember('outcome', explanation === undefined ? 'succeeded' : wasCancelled ? 'cancelled' : 'failed')
if (explanation) report.failureCode = explanation.id
if (request && !wasCancelled) {
  const facts = {
    report,
    version: VERSION,
    workflow: actions.recordedWorkflow(),
    inputs: actions.given(INPUT_NAMES),
  }
  const times = { startedAt, endedAt: clock.now() }
  const edges = { runner, saveFile: actions.saveFile, uploadWorkflowArtifact: upload }
  await keepRecord(request, { ...facts, ...times, failed: explanation !== undefined }, edges)
}
actions.setOutputs(outputs(report))
if (explanation) actions.fail(annotation(explanation), failure, explanation.script)
const facts = { ...report, startedAt, endedAt: clock.now() }
if (wantsSummary(inputs)) await actions.writeSummary(summary(facts, explanation))
actions.leave()
