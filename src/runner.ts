/** The GitHub runner. The only file that imports `@actions/*`. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as core from '@actions/core'
import type { RawInputs } from './input-reader.ts'
import type { WorkflowRun } from './names.ts'
import type { BuildState, Clock, Runner } from './ports.ts'

/** The facts that post may find, so that it looks for no others. */
const FACTS: Record<keyof BuildState, true> = {
  connection: true,
  cleanup: true,
  blob: true,
  uploaded: true,
  imageTemplate: true,
  existingTemplate: true,
  run: true,
  outcome: true,
}

/** The runner as the stories see it. */
export function actionsRunner(): Runner {
  return {
    info,
    debug: core.debug,
    notice: core.notice,
    warning: core.warning,
    quote,
    group: (title, lines) => {
      core.startGroup(title)
      lines.forEach(quote)
      core.endGroup()
    },
    remember: (fact, value) => {
      core.saveState(fact, JSON.stringify(value))
    },
    cancelled: cancellation(),
  }
}

/** A file may be called anything; a line break in its name would let it speak to the runner. */
function info(line: string): void {
  core.info(line.replaceAll(/[\r\n]/g, '␊'))
}

/** The runner looks for `::` where a line begins and for `##[` anywhere. */
function quote(line: string): void {
  info(`  ${line.replace(/^(\s*)::/, '$1∷').replaceAll('##[', '##⁠[')}`)
}

/**
 * Aborted at the first signal of the runner: SIGINT, then SIGTERM 7.5 s later, on Windows CTRL_BREAK instead. The
 * later ones are caught as well, so that what is being said to Azure is not cut off.
 */
function cancellation(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
    process.on(signal, () => {
      controller.abort(new Error('The workflow was cancelled.'))
    })
  }
  return controller.signal
}

/** The runner kills 10 s after the first signal; what is not said by then never is. */
const LAST_WORDS_MS = 8_500

/** Rejects a while after a cancel, so that no call without an answer holds main back from its end. */
export async function afterCancel(cancelled: AbortSignal): Promise<never> {
  if (!cancelled.aborted) await once(cancelled, 'abort')
  await delay(LAST_WORDS_MS)
  throw cancelled.reason
}

/**
 * Ends the process, once the log is written: a stalled connection, or a timer that a library forgot, would keep it
 * and the step.
 */
export function leave(): void {
  process.stdout.write('', () => process.exit())
}

/** What main remembered. */
export function recall(): BuildState {
  const facts = Object.keys(FACTS)
    .map((fact) => [fact, core.getState(fact)] as const)
    .filter(([, text]) => text !== '')
  return Object.fromEntries(facts.map(([fact, text]) => [fact, JSON.parse(text) as unknown]))
}

export function rawInputs(): RawInputs {
  return {
    input: (name) => core.getInput(name),
    text: (name) => core.getInput(name, { trimWhitespace: false }),
    env: (name) => process.env[name],
    workspace: workspace(),
    exists: existsSync,
    readFile: (file) => readFileSync(file, 'utf8'),
    workflowRun: workflowRun(),
  }
}

export function workspace(): string {
  return process.env['GITHUB_WORKSPACE'] ?? process.cwd()
}

function workflowRun(): WorkflowRun {
  const env = (name: string): string => process.env[name] ?? ''
  const repository = env('GITHUB_REPOSITORY')
  const runId = env('GITHUB_RUN_ID')
  return {
    repository,
    runId,
    runAttempt: env('GITHUB_RUN_ATTEMPT'),
    sha: env('GITHUB_SHA'),
    url: `${env('GITHUB_SERVER_URL')}/${repository}/actions/runs/${runId}`,
  }
}

/** Real time and chance. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal ? { signal } : {}),
    unique: () => ({ now: Date.now(), random: randomBytes(4).toString('hex') }),
  }
}

/** Asks GitHub for an ID token; masked by the toolkit. */
export function idToken(audience: string): Promise<string> {
  return core.getIDToken(audience)
}

export function mask(secret: string): void {
  if (secret !== '') core.setSecret(secret)
}

/** Writes a file that later steps may read; `RUNNER_TEMP` is emptied when the job ends. */
export async function saveFile(name: string, text: string): Promise<string> {
  const file = path.join(process.env['RUNNER_TEMP'] ?? '.', name)
  await writeFile(file, text.endsWith('\n') ? text : `${text}\n`)
  return file
}

export function setOutputs(outputs: Record<string, string>): void {
  for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value)
}

/** A summary that cannot be written, as on a server that knows none, is no reason to fail. */
export async function writeSummary(markdown: string): Promise<void> {
  await core.summary
    .addRaw(markdown)
    .write()
    .catch((error: unknown) => {
      core.debug(`No job summary: ${String(error)}`)
    })
}

/** One error annotation, exit code 1. The cause goes to the debug log. */
export function fail(message: string, cause: unknown): void {
  core.setFailed(message)
  if (cause instanceof Error && cause.stack) core.debug(cause.stack)
}
