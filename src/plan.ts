/** Entry of the sub-action `plan`: reads, plans, reports. What a plan is tells `matrix-plan.ts`. */
import { annotation, explain } from './explanation.ts'
import { planMatrix, planOutputs } from './matrix/matrix-plan.ts'
import { emptyReport } from './report.ts'
import * as actions from './runner.ts'

const runner = actions.actionsRunner()
try {
  const legs = planMatrix(actions.rawInputs())
  runner.info(`${legs.length} ${legs.length === 1 ? 'build' : 'builds'}:`)
  for (const { name } of legs) runner.info(`  ${name}`)
  actions.setOutputs(planOutputs(legs))
} catch (error) {
  actions.fail(annotation(explain(error, emptyReport())), error)
}
actions.leave()
