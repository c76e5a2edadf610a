/** A failure in the words that its reader needs: what failed exactly, why, what to do now, and what Azure said. */
import { failedStep, type FailedStep } from './build-steps.ts'
import { advice, diagnose, filled, type Diagnosis } from './diagnosis.ts'
import { BuildFailedError, InputError, messageOf } from './errors.ts'
import type { LogReading } from './packer-log.ts'
import type { Replication } from './repair.ts'
import { emptyReport, type BuildReport } from './report.ts'

export interface Explanation {
  /** The output `failure-code`. */
  id: string
  /** One line as a rule; a failure of several lines that says it all by itself has no more than this. */
  headline: string
  /** The failing part's last output, or the end of the log: foreign text. */
  details: string[]
  /** Empty where no cause is certain. */
  cause: string
  remedy: string
  /** Public documentation. */
  link: string
  /** The three of them as lines. */
  advice: string[]
  /** Azure's words, images that were made all the same, IDs for Azure's support, where the log lies. */
  facts: string[]
  /** The line of the user's script that failed. */
  script?: { input: string; line: number }
  /** Whether it is the validation that failed, whose log is one of its own. */
  validating?: boolean
}

/** @param error what main failed with */
export function explain(error: unknown, report: BuildReport): Explanation {
  const { failure, facts } = diagnose(error, report.reading)
  const bare = { id: failure.id, details: [], cause: '', remedy: '', link: '', advice: [], facts: [] }
  // Each mistake in it stands with its own remedy.
  if (error instanceof InputError) return { ...bare, headline: messageOf(error) }
  const diagnosis = { failure, facts: { ...factsOf(report), ...facts } }
  const told = { ...bare, ...wordsOf(diagnosis) }
  return error instanceof BuildFailedError
    ? { ...told, ...buildFailure(error, failure, report) }
    : { ...told, headline: messageOf(error) }
}

function wordsOf({ failure, facts }: Diagnosis): Pick<Explanation, 'cause' | 'remedy' | 'link' | 'advice'> {
  const lines = advice({ failure, facts })
  if (lines.length === 0) return { cause: '', remedy: '', link: '', advice: [] }
  const [cause, remedy] = [filled(failure.cause, facts), filled(failure.remedy, facts)]
  return { cause, remedy, link: failure.link, advice: lines }
}

function factsOf({ images, template }: BuildReport): Record<string, string> {
  const [image] = Object.values(images)
  return { ...(image === undefined ? {} : { image }), ...(template ? { template: template.name } : {}) }
}

/** What failed in the build, before Azure's words for it, which are the same for most. */
function buildFailure(
  error: BuildFailedError,
  failure: Diagnosis['failure'],
  report: BuildReport,
): Pick<Explanation, 'headline' | 'details' | 'facts' | 'script' | 'validating'> {
  const { reading } = report
  const isCertain = failure.cause !== ''
  const [azure = '', ...more] = messageOf(error).split('\n')
  const validating = azure.includes('/validation.log')
  const step = reading && brokenStep(reading, validating, report)
  const what = step ? headlineOf(step, report) : isCertain ? `${failure.title}.` : undefined
  const [headline = '', ...rest] = what === undefined ? [azure] : [what, azure]
  return {
    headline,
    details: step ? step.output : isCertain ? [] : (reading?.tail ?? []).slice(-20),
    facts: [...rest, ...more, ...usableImages(report), ...supportIds(report)],
    ...(step?.script ? { script: step.script } : {}),
    validating,
  }
}

type BrokenStep = FailedStep & { outOfTime: boolean }

/** The steps of a validation are the validators. */
function brokenStep(reading: LogReading, validating: boolean, report: BuildReport): BrokenStep | undefined {
  const steps = validating ? report.validators : report.steps
  const failed = failedStep(reading, steps)
  const step = failed ?? (reading.running && failedStep(reading, steps, reading.running))
  const title = validating ? step?.title.replace(/^customizer/, 'validator') : step?.title
  return step && { ...step, title: title ?? '', outOfTime: failed === undefined }
}

/** `Customizer 3 of 4: aib-action: inline script (shell) failed with exit code 2 at line 12 of inline-script: ls /x` */
function headlineOf({ title, exitCode, script, outOfTime }: BrokenStep, { scripts }: BuildReport): string {
  const name = `${title.charAt(0).toUpperCase()}${title.slice(1)}`
  if (outOfTime) return `${name} was still under way when the build ended`
  const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`
  const command = script && scripts[script.input]?.[script.line - 1]?.trim()
  const line = script ? ` at line ${script.line} of ${script.input}${command ? `: ${command}` : ''}` : ''
  return `${name} failed${code}${line}`
}

/** A run that failed may have made images all the same: those of a replication that goes on, for example. */
function usableImages({ images, replication = [] }: BuildReport): string[] {
  const lines = Object.entries(images).map(([name, id]) => {
    const where = replication.find(({ runOutputName }) => runOutputName === name)
    if (!where || where.usable.length === 0)
      return `Image made all the same, by ${name}; it may be usable: ${id}`
    return `Image made all the same, by ${name}; it can be used in ${where.usable.join(', ')}: ${id}`
  })
  return [...lines, ...lackingRegions(replication)]
}

/** Where images are not, or not yet, and how they get there without another build. */
function lackingRegions(replication: readonly Replication[]): string[] {
  const lacking = replication.flatMap(({ lacking: regions }) => regions)
  if (lacking.length === 0) return []
  const regions = lacking.map(
    ({ name, state, details }) => `${name} (${state}${details ? `: ${details}` : ''})`,
  )
  return [
    `It lacks ${regions.join(', ')}. Run this job again with 'retry-replication: true': that adds these regions to the image instead of building again.`,
  ]
}

function supportIds({ support }: BuildReport): string[] {
  const ids = [
    ...(support?.operationId === undefined ? [] : [`operation ${support.operationId}`]),
    ...(support?.correlationId === undefined ? [] : [`correlation ${support.correlationId}`]),
  ]
  return ids.length > 0 ? [`For Azure's support: ${ids.join(', ')}`] : []
}

/**
 * What the annotation takes of the failing part's output; the rest stands above it in the log. GitHub cuts annotations at
 * 4,096 characters (documented for the runner), so what matters comes first; the log has all.
 */
const OUTPUT_LINES = 10
const OUTPUT_LENGTH = 200

/** The text of the error annotation. */
export function annotation({ headline, details, advice: words, facts }: Explanation): string {
  const output = details.slice(-OUTPUT_LINES).map((line) => `    ${line.slice(0, OUTPUT_LENGTH)}`)
  return [headline, ...output, ...words, ...facts].join('\n')
}

/** What went wrong, why and what to do, for failures beside a build. */
export function told(error: unknown): string {
  return annotation(explain(error, emptyReport()))
}
