/** Entry of the sub-action `sweep`: reads, wires, calls, reports. The story is in `sweeper.ts`. */
import { connectSweeper } from './azure/leftovers.ts'
import { CancelledError } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { wantsSummary } from './inputs.ts'
import { Patience } from './patience.ts'
import { emptyReport } from './report.ts'
import * as actions from './runner.ts'
import { readSweepInputs } from './sweeping/sweep-inputs.ts'
import { emptySweepReport, sweepOutputs } from './sweeping/sweep-report.ts'
import { sweepSummary } from './sweeping/sweep-summary.ts'
import { sweep } from './sweeping/sweeper.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const report = emptySweepReport()
const inputs = actions.rawInputs()

let failure: unknown
try {
  const request = readSweepInputs(inputs)
  const { idToken, mask } = actions
  const { debug, notice } = runner
  const edges = { idToken, mask, clock, debug, notice, patience: new Patience({ clock, debug, notice }) }
  const story = sweep(request, report, { azure: connectSweeper(request, edges), runner, clock })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const explanation = failure === undefined ? undefined : explain(failure, emptyReport())
actions.setOutputs(sweepOutputs(report))
if (explanation) actions.fail(annotation(explanation), failure)
if (wantsSummary(inputs)) await actions.writeSummary(sweepSummary(report, explanation))
actions.leave()
