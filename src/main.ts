/** Entry of the main step: reads, wires, calls, reports. The story is in `build.ts`. */
import { connect } from './azure/connect.ts'
import { buildImage } from './build.ts'
import { messageOf } from './errors.ts'
import { readInputs } from './inputs.ts'
import { outputs, summary, taskOutputBlock, type BuildReport } from './report.ts'
import * as actions from './runner.ts'
import { VERSION } from './version.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const startedAt = clock.now()
const report: BuildReport = { images: {} }

let failure: unknown
try {
  runner.info('start reading task parameters...')
  const request = readInputs(actions.rawInputs())
  if (request.buildPath !== undefined) runner.info(`found build at:  ${request.buildPath}`)
  runner.info('end reading parameters')

  const { idToken, mask, saveTemplate } = actions
  const azure = connect(request, { idToken, mask, clock, debug: runner.debug, notice: runner.notice })
  const workspace = actions.workspace()
  const story = buildImage(request, report, {
    azure,
    runner,
    clock,
    version: VERSION,
    workspace,
    saveTemplate,
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
actions.setOutputs(outputs(report))
if (message !== undefined) actions.fail(message, failure)
await actions.writeSummary(summary(report, clock.now() - startedAt, message))
actions.leave()
