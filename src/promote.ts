/** Entry of the sub-action `promote`: reads, wires, calls, reports. The story is in `promotion.ts`. */
import { connectPromoter } from './azure/gallery-version.ts'
import { CancelledError } from './errors.ts'
import { annotation } from './explanation.ts'
import { wantsSummary } from './inputs.ts'
import { Patience } from './patience.ts'
import { readPromoteInputs } from './promotion/promote-inputs.ts'
import { emptyPromoteReport, explainPromotion, promoteOutputs } from './promotion/promote-report.ts'
import { promoteSummary } from './promotion/promote-summary.ts'
import { promote } from './promotion/promotion.ts'
import * as actions from './runner.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const report = emptyPromoteReport()
const inputs = actions.rawInputs()

let failure: unknown
try {
  const request = readPromoteInputs(inputs, clock.now())
  const { idToken, mask } = actions
  const { debug, notice } = runner
  const edges = { idToken, mask, clock, debug, notice, patience: new Patience({ clock, debug, notice }) }
  const story = promote(request, report, { azure: connectPromoter(request, edges), runner, clock })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const explanation = failure === undefined ? undefined : explainPromotion(failure, report)
if (explanation) report.failureCode = explanation.id
actions.setOutputs(promoteOutputs(report))
if (explanation) actions.fail(annotation(explanation), failure)
if (wantsSummary(inputs)) await actions.writeSummary(promoteSummary(report, explanation))
actions.leave()
