/** Entry of the main step: reads, wires, calls, reports. The story is in `build.ts`. */
import { connect } from './azure/connect.ts'
import { buildImage } from './build.ts'
import { messageOf } from './errors.ts'
import { failureCode } from './failure-codes.ts'
import { readInputs, wantsSummary } from './inputs.ts'
import { outputs, summary, taskOutputBlock, type BuildReport } from './report.ts'
import * as actions from './runner.ts'
import { VERSION } from './version.ts'
import { uploadWorkflowArtifact } from './workflow-artifact.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const startedAt = clock.now()
const report: BuildReport = { images: {} }
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
  failure = error
}

const cancelled = failure !== undefined && runner.cancelled.aborted
const message = cancelled
  ? 'The workflow was cancelled.'
  : failure === undefined
    ? undefined
    : messageOf(failure)
runner.remember('outcome', message === undefined ? 'succeeded' : cancelled ? 'cancelled' : 'failed')
if (message !== undefined) report.failureCode = cancelled ? 'cancelled' : failureCode(failure, report.log)
actions.setOutputs(outputs(report))
if (message !== undefined) actions.fail(message, failure)
if (wantsSummary(inputs)) await actions.writeSummary(summary(report, clock.now() - startedAt, message))
actions.leave()
