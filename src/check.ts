/** Entry of the sub-action `check`: reads, wires, calls, reports. The story is in `doctor.ts`. */
import { connectDoctor } from './azure/access.ts'
import { readCheckInputs } from './checking/check-inputs.ts'
import { checkOutputs, emptyCheckReport } from './checking/check-report.ts'
import { checkSummary } from './checking/check-summary.ts'
import { checkUp } from './checking/doctor.ts'
import { CancelledError } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { wantsSummary } from './inputs.ts'
import { Patience } from './patience.ts'
import { emptyReport } from './report.ts'
import * as actions from './runner.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const report = emptyCheckReport()
const inputs = actions.rawInputs()

let failure: unknown
try {
  const request = readCheckInputs(inputs)
  const { idToken, mask } = actions
  const { debug, notice } = runner
  const edges = { idToken, mask, clock, debug, notice, patience: new Patience({ clock, debug, notice }) }
  const story = checkUp(request, report, { azure: connectDoctor(request, edges), runner })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const explanation = failure === undefined ? undefined : explain(failure, emptyReport())
actions.setOutputs(checkOutputs(report))
if (explanation) actions.fail(annotation(explanation), failure)
if (wantsSummary(inputs)) await actions.writeSummary(checkSummary(report, explanation))
actions.leave()
