/** Entry of the post step: recalls, wires, cleans up. Whatever goes wrong is a warning: the build has its verdict. */
import { connect } from './azure/connect.ts'
import { cleanUp } from './cleanup.ts'
import { told } from './explanation.ts'
import * as actions from './runner.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
try {
  const state = actions.recall()
  const { idToken, mask } = actions
  const edges = { idToken, mask, clock, debug: runner.debug, notice: runner.notice }
  if (state.connection) await cleanUp(state, { azure: connect(state.connection, edges), runner, clock })
  else runner.info('nothing was created, so there is nothing to clean up')
} catch (error) {
  runner.warning(`Cleaning up failed: ${told(error)}`)
}
actions.leave()
