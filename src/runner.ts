/** The GitHub runner. The only file that imports `@actions/*`. */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as core from '@actions/core'
import type { RecordedWorkflow } from './build-record.ts'
import type { RawInputs } from './input-reader.ts'
import type { WorkflowRun } from './names.ts'
import type { BuildState, Clock, Runner, ScriptLine } from './ports.ts'
import { findStep, type StepPlace } from './workflow-file.ts'

/** The facts that post may find, so that it looks for no others. */
const FACTS: Record<keyof BuildState, true> = {
  connection: true,
  cleanup: true,
  blob: true,
  uploaded: true,
  imageTemplate: true,
  marks: true,
  existingTemplate: true,
  run: true,
  outcome: true,
  cancelledAt: true,
}

/** The runner as the stories see it. */
export function actionsRunner(): Runner {
  return {
    info,
    debug: (line) => {
      core.debug(redacted(line))
    },
    notice: (message) => {
      core.notice(redacted(message))
    },
    warning: (message, at) => {
      core.warning(redacted(message), placeOf(at))
    },
    quote,
    openGroup: core.startGroup,
    closeGroup: core.endGroup,
    mask,
    redacted,
    remember: (fact, value) => {
      core.saveState(fact, JSON.stringify(value))
    },
    cancelled: cancellation(),
    limitMinutes: () => step()?.timeoutMinutes ?? hostedLimit(),
  }
}

/** A file may be called anything; a line break in its name would let it speak to the runner. */
function info(line: string): void {
  core.info(redacted(line).replaceAll(/[\r\n]/g, '␊'))
}

/**
 * Prints foreign text. The runner takes `::` where a line begins for a command; between the two lines of a fence, whose
 * token nobody can know, it takes nothing (documented). No secret comes into being in between: all of this is printed
 * at once. `##[`, which is looked for anywhere in a line and by the log's viewer as well, is broken up.
 */
function quote(lines: readonly string[]): void {
  const fence = lines.some((line) => /^\s*::/.test(line)) ? randomUUID() : undefined
  if (fence !== undefined) core.info(`::stop-commands::${fence}`)
  for (const line of lines) info(`  ${line.replaceAll('##[', '##\u2060[')}`)
  if (fence !== undefined) core.info(`::${fence}::`)
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

/** The run and job, for the build record. */
export function recordedWorkflow(): RecordedWorkflow {
  const { sha: commit, url: runUrl, ...run } = workflowRun()
  const env = (name: string): string => process.env[name] ?? ''
  return {
    ...run,
    commit,
    runUrl,
    ref: env('GITHUB_REF'),
    workflowRef: env('GITHUB_WORKFLOW_REF'),
    job: env('GITHUB_JOB'),
  }
}

/** What the inputs of these names were given. */
export function given(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, core.getInput(name, { trimWhitespace: false })]))
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

const secrets = new Set<string>()

export function mask(secret: string): void {
  if (secret === '') return
  secrets.add(secret)
  core.setSecret(secret)
}

/** The runner masks what it shows; files, and what is read before it, it does not. */
function redacted(text: string): string {
  let safe = text
  for (const secret of secrets) safe = safe.replaceAll(secret, '***')
  return safe
}

/** Writes a file that later steps may read; `RUNNER_TEMP` is emptied when the job ends. */
export async function saveFile(name: string, content: string | AsyncIterable<string>): Promise<string> {
  const file = path.join(process.env['RUNNER_TEMP'] ?? '.', name)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, typeof content !== 'string' || content.endsWith('\n') ? content : `${content}\n`)
  return file
}

export function setOutputs(outputs: Record<string, string>): void {
  for (const [name, value] of Object.entries(outputs)) core.setOutput(name, value)
}

/** A summary that cannot be written, as on a server that knows none, is no reason to fail. */
export async function writeSummary(markdown: string): Promise<void> {
  await core.summary
    .addRaw(redacted(markdown))
    .write()
    .catch((error: unknown) => {
      core.debug(`No job summary: ${String(error)}`)
    })
}

/** One error annotation, exit code 1. The cause goes to the debug log. */
export function fail(message: string, cause: unknown, at?: ScriptLine): void {
  core.error(redacted(message), placeOf(at))
  process.exitCode = core.ExitCode.Failure
  if (cause instanceof Error && cause.stack) core.debug(redacted(cause.stack))
}

/** Inputs by which a step is told from others; none with a default. */
const TELLING = [
  'inline-script',
  'validation-script',
  'gallery-image-id',
  'managed-image-id',
  'vhd-uri',
  'source-image',
  'template-name',
  'template-file',
  'location',
]

let found: { step: StepPlace | undefined } | undefined

/** This step in the user's workflow file, where there is a checkout that has it. */
function step(): StepPlace | undefined {
  if (!found) {
    const inputs = TELLING.map((name) => [name, core.getInput(name, { trimWhitespace: false })] as const)
    found = { step: findStep(workflowFiles(), process.env['GITHUB_JOB'] ?? '', Object.fromEntries(inputs)) }
  }
  return found.step
}

/** The workflow that runs comes first; a step may stand in a reusable one as well. None without a checkout of it. */
function workflowFiles(): { path: string; text: string }[] {
  const current = /(\.github\/workflows\/[^@]+)@/.exec(process.env['GITHUB_WORKFLOW_REF'] ?? '')?.[1]
  try {
    const folder = '.github/workflows'
    const files = readdirSync(path.join(workspace(), folder)).filter((name) => /\.ya?ml$/.test(name))
    const names = files.sort().map((name) => `${folder}/${name}`)
    if (current === undefined || !names.includes(current)) return []
    return [current, ...names.filter((name) => name !== current)].map((name) => ({
      path: name,
      text: readFileSync(path.join(workspace(), name), 'utf8'),
    }))
  } catch {
    return []
  }
}

/** Where an annotation points: the line of the script, else the step; nowhere when the step is not found. */
function placeOf(at?: ScriptLine): { file?: string; startLine?: number } {
  const place = step()
  if (!place) return {}
  return { file: place.file, startLine: (at && place.lineOf(at.input, at.line)) ?? place.line }
}

/** A job on a runner of GitHub's own ends after six hours, whatever it says itself (documented). */
function hostedLimit(): number | undefined {
  return process.env['RUNNER_ENVIRONMENT'] === 'github-hosted' ? 360 : undefined
}
