/** Entry of the main step: reads, wires, calls, reports. The story is in `build.ts`. */
import { connect } from './azure/connect.ts'
import { buildImage } from './build.ts'
import { CancelledError } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { readInputs, wantsSummary } from './inputs.ts'
import { Patience } from './patience.ts'
import { emptyReport, outputs, taskOutputBlock } from './report.ts'
import * as actions from './runner.ts'
import { summary } from './summary.ts'
import { VERSION } from './version.ts'
import { uploadWorkflowArtifact } from './workflow-artifact.ts'

/** How long a log may take to be uploaded; they are small. */
const UPLOAD_MS = 2 * 60_000

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const startedAt = clock.now()
const report = emptyReport()
const inputs = actions.rawInputs()

runner.cancelled.addEventListener('abort', () => {
  runner.remember('cancelledAt', clock.now())
})

let failure: unknown
try {
  runner.info('start reading task parameters...')
  const request = readInputs(inputs)
  if (request.kind === 'new' && request.artifact) runner.info(`found build at:  ${request.artifact.path}`)
  runner.info('end reading parameters')

  const { idToken, mask, saveFile } = actions
  const { debug, notice, cancelled } = runner
  const patience = new Patience({ clock, debug, notice })
  const azure = connect(request, { idToken, mask, clock, debug, notice, patience })
  const workspace = actions.workspace()
  const story = buildImage(request, report, {
    azure,
    runner,
    clock,
    version: VERSION,
    workspace,
    saveFile,
    // The library waits for ever for an answer that broke off.
    uploadWorkflowArtifact: (name, file) =>
      patience.persist(
        `uploading the workflow artifact ${name}`,
        () => patience.heard(() => uploadWorkflowArtifact(name, file), { silence: UPLOAD_MS, cancelled }),
        { limit: UPLOAD_MS, cancelled },
      ),
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
actions.setOutputs(outputs(report))
if (explanation) actions.fail(annotation(explanation), failure, explanation.script)
const facts = { ...report, startedAt, endedAt: clock.now() }
if (wantsSummary(inputs)) await actions.writeSummary(summary(facts, explanation))
actions.leave()
