/** Entry of the main step: reads, wires, calls, reports. The story is in `build.ts`. */
import { connect } from './azure/connect.ts'
import { buildImage } from './build.ts'
import { CancelledError } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { readInputs, wantsSummary } from './inputs.ts'
import { emptyReport, outputs, taskOutputBlock } from './report.ts'
import * as actions from './runner.ts'
import { summary } from './summary.ts'
import { VERSION } from './version.ts'
import { uploadWorkflowArtifact } from './workflow-artifact.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const startedAt = clock.now()
const report = emptyReport()
const inputs = actions.rawInputs()

let failure: unknown
try {
  runner.info('start reading task parameters...')
  const request = readInputs(inputs)
  if (request.kind === 'new' && request.artifact) runner.info(`found build at:  ${request.artifact.path}`)
  runner.info('end reading parameters')

  const { idToken, mask, saveFile } = actions
  const azure = connect(request, { idToken, mask, clock, debug: runner.debug, notice: runner.notice })
  const workspace = actions.workspace()
  const story = buildImage(request, report, {
    azure,
    runner,
    clock,
    version: VERSION,
    workspace,
    saveFile,
    uploadWorkflowArtifact,
  })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
  taskOutputBlock(report).forEach(runner.info)
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const cancelled = failure instanceof CancelledError
const explanation = failure === undefined ? undefined : explain(failure, report)
runner.remember('outcome', explanation === undefined ? 'succeeded' : cancelled ? 'cancelled' : 'failed')
if (explanation) report.failureCode = explanation.id
actions.setOutputs(outputs(report))
if (explanation) actions.fail(annotation(explanation), failure, explanation.script)
const facts = { ...report, startedAt, endedAt: clock.now() }
if (wantsSummary(inputs)) await actions.writeSummary(summary(facts, explanation))
actions.leave()
