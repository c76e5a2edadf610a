/** Entry of the post step: recalls, wires, cleans up. Whatever goes wrong is a warning: the build has its verdict. */
import { connect } from './azure/connect.ts'
import { cleanUp, deadlineOf } from './cleanup.ts'
import { told } from './explanation.ts'
import { Patience } from './patience.ts'
import * as actions from './runner.ts'

const runner = actions.actionsRunner()
const clock = actions.systemClock()
try {
  const state = actions.recall()
  const deadline = deadlineOf(state, clock.now())
  const { idToken, mask } = actions
  const { debug, notice } = runner
  const patience = new Patience({ clock, debug, notice, deadline })
  const edges = { idToken, mask, clock, debug, notice, patience }
  if (state.connection) await cleanUp(state, deadline, { azure: connect(state.connection, edges), runner })
  else runner.info('nothing was created, so there is nothing to clean up')
} catch (error) {
  runner.warning(`Cleaning up failed: ${told(error)}`)
}
actions.leave()
