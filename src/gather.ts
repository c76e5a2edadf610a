/** Entry of the sub-action `gather`: reads, wires, calls, reports. The story is in `gathering.ts`. */
import { resultOutputs, type RunArtifact } from './matrix/build-results.ts'
import { CancelledError, messageOf } from './errors.ts'
import { annotation, explain } from './explanation.ts'
import { readGatherInputs } from './matrix/gather-inputs.ts'
import { gather, type ArtifactsPort, type GatherReport } from './matrix/gathering.ts'
import { wantsSummary } from './inputs.ts'
import { Patience } from './patience.ts'
import { emptyReport } from './report.ts'
import { resultsSummary, troubleshootingUrl } from './matrix/results-summary.ts'
import * as actions from './runner.ts'
import { listWorkflowArtifacts, readWorkflowArtifact } from './workflow-artifact.ts'

/** How long an answer may take; lists and records are small. */
const ANSWER_MS = 3 * 60_000

const runner = actions.actionsRunner()
const clock = actions.systemClock()
const inputs = actions.rawInputs()
const patience = new Patience({ clock, debug: runner.debug, notice: runner.notice })
const report: GatherReport = { results: [], refused: [] }

/** The library tries again by itself, but waits for ever for an answer that broke off. */
async function persist<T>(doing: string, call: () => Promise<T>): Promise<T> {
  const { cancelled } = runner
  const heard = (): Promise<T> => patience.heard(call, { silence: ANSWER_MS, cancelled })
  try {
    return await patience.persist(doing, heard, { limit: ANSWER_MS, cancelled })
  } catch (error) {
    throw new Error(`Failed while ${doing}: ${messageOf(error)}`, { cause: error })
  }
}

const artifacts: ArtifactsPort = {
  list: () => persist('listing the workflow artifacts of this run', listWorkflowArtifacts),
  read: (artifact: RunArtifact, file, mostBytes) =>
    persist(`reading the workflow artifact ${artifact.name}`, () =>
      readWorkflowArtifact(artifact, file, mostBytes),
    ),
}

let failure: unknown
try {
  const story = gather(readGatherInputs(inputs), report, { artifacts, runner })
  await Promise.race([story, actions.afterCancel(runner.cancelled)])
} catch (error) {
  failure = runner.cancelled.aborted ? new CancelledError() : error
}

const explanation = failure === undefined ? undefined : explain(failure, emptyReport())
actions.setOutputs(resultOutputs(report.results))
if (explanation) actions.fail(annotation(explanation), failure)
if (wantsSummary(inputs)) {
  const facts = { ...report, troubleshooting: troubleshootingUrl(inputs.env) }
  await actions.writeSummary(resultsSummary(facts, explanation))
}
actions.leave()
