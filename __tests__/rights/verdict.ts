/** What came of an attempt, in the words of a table, and whether it is what the documentation promises. */
import type { JobResult } from '../../local-azure/runner.ts'
import { annotations } from '../support/run-action.ts'
import type { Played } from './play.ts'

export interface Verdict {
  /** What happened, as one cell. */
  outcome: string
  /** What is wrong with that; undefined where it is as promised. */
  fault?: string
}

/**
 * With all rights a job works, or is cancelled, without a word of complaint; with one less it complains and names that
 * one.
 */
export function verdictOn({ story, lacks, job }: Played): Verdict {
  const isCancelled = story.course === 'cancelled'
  // That a job was cancelled is an error to the runner.
  const levels = isCancelled ? (['warning', 'notice'] as const) : (['error', 'warning', 'notice'] as const)
  const complaints = levels.flatMap((level) => annotations(job, level))
  const wanted = isCancelled ? 'cancelled' : 'success'
  if (!lacks) {
    const works = job.conclusion === wanted && complaints.length === 0 && job.leaks.length === 0
    const outcome = `${job.conclusion}, ${complaints.length} complaints`
    return works ? { outcome } : { outcome, fault: [job.conclusion, ...complaints, ...job.leaks].join('\n') }
  }
  const name = story.toldAs?.[lacks.action] ?? lacks.action
  const told = complaints.join('\n').toLowerCase().includes(name.toLowerCase())
  const outcome = outcomeOf(job)
  return told ? { outcome } : { outcome, fault: `Nothing names ${name}:\n${complaints.join('\n')}` }
}

function outcomeOf(job: JobResult): string {
  const [error] = annotations(job, 'error')
  if (error !== undefined && job.conclusion === 'failure') return `fails ${errorWords(error)}`
  const [warning] = annotations(job, 'warning')
  if (warning !== undefined) return `${job.conclusion}; post warns: ${plain(warning)}`
  const [notice] = annotations(job, 'notice')
  return notice === undefined ? job.conclusion : `${job.conclusion}, with a notice: ${plain(notice)}`
}

/** `while submitting image template …: AuthorizationFailed`, or the sentence of a run that failed. */
function errorWords(message: string): string {
  const [first = ''] = message.split('\n')
  const azure = /^Failed (while .+?): (\w+)(?: \(HTTP \d+\))?: /.exec(first)
  return azure ? `${plain(azure[1] ?? '')}: \`${azure[2] ?? ''}\`` : `in the run: ${plain(first)}`
}

const LONGEST = 260

/** Without what differs from job to job, and no longer than a cell may be. */
function plain(text: string): string {
  const [first = ''] = text.split('\n')
  const short = first
    .replaceAll(/\/subscriptions\/\S*\/(?=[^\s/])/g, '…/')
    .replaceAll(/\bt_\d+_\w+|\b(?:id-)?[0-9a-f]{8}-[0-9a-f-]{27}\b|\bof-somebody-\S+/g, '…')
    .replaceAll(/(?<=\bimage version )\d+\.\d+\.\d+/g, '…')
    .replaceAll(/\bapp\/\S+\.tar\.gz/g, '…')
    // Azure's words go on; the code says enough.
    .replace(/^(.* was not .*?: Failed while .+? \w+(?: \(HTTP \d+\))?): .*$/, '$1')
    .replace(/ \(HTTP \d+\)/, '')
  return short.length > LONGEST ? `${short.slice(0, LONGEST).trimEnd()}…` : short
}

/** What the debug log says instead of what may not be looked at, by action. */
export function uncheckedBy({ main }: JobResult, action: string): string | undefined {
  const line = main.debug.find((one) => one.toLowerCase().includes(`action '${action}'`.toLowerCase()))
  const what = line && /^(.+? (?:is not checked|does not tell how long builds take)): /.exec(line)?.[1]
  return what && plain(what)
}
