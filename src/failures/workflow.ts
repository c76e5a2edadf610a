/** Failures that the action itself tells: by the class of the error. */
import type { Failure } from '../failures.ts'
import { GITHUB, GUIDE } from './links.ts'

export const WORKFLOW_FAILURES: readonly Failure[] = [
  {
    id: 'invalid-input',
    title: 'An input needs a change',
    shows: ['inputs'],
    words: ['… inputs need a change; nothing was created.'],
    cause:
      'The inputs, or what they name in Azure, cannot make an image. All mistakes are listed together, each with its input.',
    remedy:
      "Change the inputs under 'with' as the list says. An input that an expression leaves empty counts as not given: look at the variable that it reads.",
    link: `${GITHUB}/reference/workflows-and-actions/workflow-syntax`,
    marks: [],
  },
  {
    id: 'artifact-changed',
    title: 'The build artifact changed while it was packed',
    shows: ['artifact'],
    words: ['… changed while it was packed.', '… cannot be read.'],
    cause: 'A file below the build path changed, vanished or could not be read while it was packed.',
    remedy:
      "Let nothing write into 'build-path' while the action runs: end or wait for earlier steps that work in the background. Leave logs, caches and sockets out with 'exclude' or a file .aibignore.",
    link: `${GITHUB}/reference/workflows-and-actions/workflow-syntax`,
    marks: [],
  },
  {
    id: 'cancelled',
    title: 'The workflow was cancelled',
    shows: ['workflow'],
    words: ['The workflow was cancelled.', 'The operation was canceled.'],
    cause:
      "Somebody cancelled the run, a newer run of the same 'concurrency' group took its place, or the job reached its time limit: 'timeout-minutes', or six hours on runners of GitHub.",
    remedy:
      "Run the workflow again. If it was the time limit, give 'timeout-minutes' of the job more than 'build-timeout-in-minutes'; replicate to fewer regions with 'replication-regions'; or set 'wait' to false.",
    link: `${GITHUB}/how-tos/manage-workflow-runs/cancel-a-workflow-run`,
    marks: [],
  },
]

/** No cause is certain. */
export const UNKNOWN: Failure = {
  id: 'unknown',
  title: 'No cause is certain',
  shows: ['workflow'],
  words: [],
  cause: '',
  remedy:
    'Read what Azure and the log say. For Azure support, take the operation and correlation IDs along; for a defect of this action, open an issue with the log.',
  link: GUIDE,
  marks: [],
}
