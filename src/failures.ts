/**
 * The catalogue of failures, as data: how each is recognised, what it means and what to do about it. Sources of the
 * words: documentation of Entra ID, of Resource Manager and of Blob Storage, the troubleshooting guide of Image Builder,
 * failures that users reported. `docs/troubleshooting.md` is made from it.
 */
import { UNEXPLAINED_ANSWERS } from './failures/answers.ts'
import { AZURE_FAILURES } from './failures/azure.ts'
import { IMAGE_FAILURES } from './failures/image.ts'
import { LOG_FAILURES } from './failures/log.ts'
import { MACHINE_FAILURES } from './failures/machine.ts'
import { RUN_FAILURES } from './failures/run.ts'
import { SCRIPT_FAILURES, UNEXPLAINED_BUILDS } from './failures/script.ts'
import { SIGN_IN_FAILURES } from './failures/sign-in.ts'
import { STORAGE_FAILURES } from './failures/storage.ts'
import { UNKNOWN, WORKFLOW_FAILURES } from './failures/workflow.ts'

/** Where a failure shows. */
export type Place = 'inputs' | 'artifact' | 'sign-in' | 'submission' | 'storage' | 'run' | 'log' | 'workflow'

export interface Failure {
  /** Published, as the output `failure-code`: an identifier never changes its meaning. Words with hyphens. */
  id: string
  /** What happened, one short line without full stop. */
  title: string
  shows: Place[]
  /** How it is worded, as users see it; `…` stands for what varies. */
  words: string[]
  /** Sentences. `{name}` is replaced by a fact, and shown as `<name>` where that is not known. */
  cause: string
  /** What to do now, in lines; commands and the like stand in lines of their own, two spaces from the margin. */
  remedy: string
  /** Public documentation. */
  link: string
  /** One that fits is enough; none for what the class of an error tells. The first that fits gives the facts. */
  marks: Marks[]
}

/** What a failure is recognised by: all that is given must fit. Named groups become facts. */
export interface Marks {
  kind: 'sign-in' | 'azure' | 'build' | 'azure or build'
  /** HTTP status of the answer, as text; 200 for an operation that failed, 0 without an answer. */
  status?: RegExp
  /** Azure's error code. */
  code?: RegExp
  /** Words of the error: Entra's, Azure's, or those of the run. */
  text?: RegExp
  /** What Packer gives as the reason at its end; a script cannot say that. */
  reason?: RegExp
  /** Exit code of the step that failed. */
  exitCode?: RegExp
  /** Packer's name for the kind of step that failed; '' where the log names none. */
  provisioner?: RegExp
  /** One of the last lines that the failed step printed. */
  output?: RegExp
  /** Lines of the customization log, each of them. */
  log?: LineMark[]
  /** Lines that the log must not have. */
  without?: RegExp[]
  /** Facts that these marks tell by fitting, where no named group tells them. */
  facts?: Record<string, string>
}

/**
 * A line of the customization log. What scripts print stands there as well: only what no script would say, or in the
 * place where it means what it says.
 */
export interface LineMark {
  line: RegExp
  /** At least so often. */
  times?: number
  /**
   * Where it stood last. `deployment`: before the first step; `failed`: in the step that failed, or the last one;
   * `end`: in the last 20 lines of the log.
   */
  within?: 'deployment' | 'failed' | 'end'
}

/** In the order of trust: the first that fits counts. Codes before words, the exact before the general. */
export const FAILURES: readonly Failure[] = [
  ...WORKFLOW_FAILURES,
  ...SIGN_IN_FAILURES,
  ...AZURE_FAILURES,
  ...STORAGE_FAILURES,
  ...IMAGE_FAILURES,
  ...MACHINE_FAILURES,
  ...RUN_FAILURES,
  ...LOG_FAILURES,
  ...SCRIPT_FAILURES,
  ...UNEXPLAINED_BUILDS,
  ...UNEXPLAINED_ANSWERS,
  UNKNOWN,
]
