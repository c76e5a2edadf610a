/** The verdict on a build that something happened to: a pure function of what it came to. */
import type { Evidence } from './evidence.ts'

export const VERDICTS = [
  'not struck',
  'survived',
  'survived, leftovers told',
  'failed clean',
  'leaked',
  'double',
  'hung',
  'unclear',
] as const
export type VerdictName = (typeof VERDICTS)[number]
/** Those that must not be. */
export const BAD: readonly VerdictName[] = ['leaked', 'double', 'hung', 'unclear']

export interface Verdict {
  name: VerdictName
  /** Why, in a few words; empty for the good ones. */
  reason: string
}

/** What the build comes to when nothing happens to it: an image, or the failure of a script with this headline. */
export interface Expected {
  headline?: RegExp
}

type Facts = Omit<Evidence, 'durationMs' | 'cancelCallMs'>

/** The first objection there is, worst first; without one, how the build stands it. */
export function judge(facts: Facts, expected: Expected = {}): Verdict {
  const objection =
    said('hung', hanging(facts)) ??
    said('double', doubled(facts)) ??
    said('leaked', leaked(facts)) ??
    said('unclear', unclear(facts, expected))
  if (objection) return objection
  if (!facts.struck) return { name: 'not struck', reason: '' }
  if (!isAsExpected(facts, expected)) return { name: 'failed clean', reason: '' }
  return { name: isAllGone(facts, expected) ? 'survived' : 'survived, leftovers told', reason: '' }
}

function said(name: VerdictName, reason: string | undefined): Verdict | undefined {
  return reason === undefined ? undefined : { name, reason }
}

function hanging({ hung }: Facts): string | undefined {
  return hung.length > 0 ? `${hung.join(' and ')} had to be ended` : undefined
}

function doubled({ templates, runs, images }: Facts): string | undefined {
  if (templates > 1) return `${templates} templates were made`
  if (runs > 1) return `${runs} runs were started`
  return images > 1 ? `${images} image versions were made` : undefined
}

/** A secret, a run that nobody waits for, and things left that nobody told of. */
function leaked(facts: Facts): string | undefined {
  const { leaks, goingOn, left } = facts
  if (leaks.length > 0) return `secrets: ${leaks.join('; ')}`
  const untold = goingOn.filter((name) => !isToldOf(facts, name))
  if (untold.length > 0) return `the run of ${untold.join(', ')} goes on`
  for (const name of left.templates) {
    if (!isToldOf(facts, name)) return `template ${name} is left`
  }
  const orphans = left.stagingGroups.filter(
    (group) => !left.templates.some((template) => group.includes(template)),
  )
  if (orphans.length > 0) return `staging group ${orphans.join(', ')} is left`
  const blobs = left.blobs.filter((blob) => !isBlobToldOf(facts, blob))
  return blobs.length > 0 ? `blob ${blobs.join(', ')} is left` : undefined
}

/** By a warning of post with the command, or, after a failure of main's own, in post's log. */
function isToldOf({ kind, warnings, postLog, main }: Facts, template: string): boolean {
  const command = `az image builder delete --name ${template} `
  const hasFailed = kind === 'faults' && main.exitCode === 1
  return warnings.some((text) => text.includes(command)) || (hasFailed && postLog.includes(command))
}

function isBlobToldOf({ warnings }: Facts, blob: string): boolean {
  const name = blob.slice(blob.indexOf('/') + 1)
  return warnings.some((text) => text.includes('az storage blob delete ') && text.includes(name))
}

/** A failure of the script keeps its template. */
function isAllGone({ left }: Facts, { headline }: Expected): boolean {
  const { templates, stagingGroups, blobs } = left
  return blobs.length === 0 && (headline !== undefined || templates.length + stagingGroups.length === 0)
}

function isAsExpected(
  { conclusion, images, runs, templates, errors }: Facts,
  { headline }: Expected,
): boolean {
  if (runs !== 1 || templates !== 1) return false
  if (headline === undefined) return conclusion === 'success' && images === 1
  return conclusion === 'failure' && images === 0 && headline.test(errors[0] ?? '')
}

function unclear(facts: Facts, expected: Expected): string | undefined {
  if (/^\s+at .+[:(]/m.test(facts.log)) return 'a stack trace in the log'
  if (facts.postExitCode !== 0) return `post ended with ${facts.postExitCode ?? 'a signal'}`
  switch (facts.kind) {
    case 'faults':
      return unclearEnd(facts, expected)
    case 'kill':
      return facts.struck && facts.main.signal !== 'SIGKILL'
        ? 'main was not killed'
        : warned(facts, 'nothing was in the way of post')
    case 'kill post':
      return facts.main.exitCode !== 0 && expected.headline === undefined
        ? 'main failed'
        : warned(facts, 'nothing was in the way of the second post')
    case 'cancel':
      return facts.struck ? unclearCancel(facts) : undefined
  }
}

function warned({ warnings, left }: Facts, why: string): string | undefined {
  if (left.templates.length > 0) return `a template is left, and ${why}`
  return warnings.length > 0 ? `a warning, and ${why}: ${warnings[0] ?? ''}` : undefined
}

function unclearEnd(facts: Facts, expected: Expected): string | undefined {
  const { conclusion, errors, images, main, left, warnings, runs } = facts
  if (conclusion === 'success') {
    if (errors.length > 0) return 'an error, and yet a success'
    if (images !== 1) return `a success with ${images} images`
    if (runs !== 1) return `a success with ${runs} runs`
    if (left.templates.length > 0 && warnings.length === 0) return 'a template is left without a warning'
    return expected.headline === undefined ? undefined : 'a success, and yet the script fails'
  }
  if (conclusion !== 'failure') return `it ended ${conclusion}`
  if (main.exitCode !== 1) return `main ended with ${main.exitCode ?? main.signal ?? 'nothing'}`
  const [error = '', ...others] = errors
  if (errors.length === 0) return 'a failure without an error'
  if (others.length > 0) return `${errors.length} errors`
  return expected.headline?.test(error) ? undefined : unclearError(error, expected)
}

/** The beginnings of the action's errors: what was being done, or what of the build it was that failed. */
const SAYS_WHAT =
  /^(?:Failed while \w+ing .+: .+|GitHub gave no ID token .+: .+|Entra ID .+|Signing in .+|Image template \S+ .+|The (?:run|build) .+)/
const SAYS_WHAT_TO_DO = /^(?:Cause|What to do): .+/m
/** What the incidents look like from the action's side; an error that knows nothing of it blames the user. */
const SAYS_WHY =
  /HTTP [45]\d\d|HTTP status|status code|in trouble|hang up|disconnect|ECONN|EPROTO|NoAnswer|nothing (?:happened|came)|no answer|time(?:d |-)?out|gave no more words|not JSON|incomplete|aborted|terminated|premature|closed|broke|TLS|handshake|network|Downloading external file/i

function unclearError(error: string, { headline }: Expected): string | undefined {
  if (!SAYS_WHAT.test(error)) return `the error does not say what failed: ${error}`
  if (!SAYS_WHAT_TO_DO.test(error)) return `the error does not say why, nor what to do: ${error}`
  // The failing script fails for a reason of its own.
  const blames = headline === undefined && !SAYS_WHY.test(error)
  return blames ? `the error blames something else: ${error}` : undefined
}

/** Main has left by itself, and has said so. */
function unclearCancel(facts: Facts): string | undefined {
  const { conclusion, main, errors, images } = facts
  if (conclusion !== 'cancelled') return `it ended ${conclusion}`
  if (main.signal !== null) return `main did not leave in time: ${main.signal}`
  if (errors.some((text) => !/^The (?:workflow|operation) was cancell?ed\./.test(text))) {
    return `an error that is none of a cancel: ${errors.join(' | ')}`
  }
  if (images > 1) return `${images} images`
  return warned(facts, 'nothing was in the way of post')
}
