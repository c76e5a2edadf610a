/** A scenario for each failure of the catalogue, by its identifier: told by the demo, played by the tests. */
import { LOG_SCENARIOS } from './failures/logs.ts'
import { REQUEST_SCENARIOS } from './failures/requests.ts'
import { RUN_SCENARIOS } from './failures/runs.ts'
import { SCRIPT_SCENARIOS } from './failures/scripts.ts'
import { SIGN_IN_SCENARIOS } from './failures/sign-in.ts'
import { SUBMISSION_SCENARIOS } from './failures/submissions.ts'
import type { Scenario } from './scenarios.ts'

export const FAILURE_SCENARIOS: Record<string, Scenario> = {
  ...REQUEST_SCENARIOS,
  ...SIGN_IN_SCENARIOS,
  ...SUBMISSION_SCENARIOS,
  ...RUN_SCENARIOS,
  ...LOG_SCENARIOS,
  ...SCRIPT_SCENARIOS,
}
