/**
 * The build record: who built which image out of what, as JSON. It is kept as a file and as a workflow artifact, for
 * people, for the jobs that follow, and as what an attestation speaks of.
 */
import { createHash } from 'node:crypto'
import { nameOfSource, printableTemplate } from './image-template.ts'
import type { BuildReport } from './report.ts'

/** Of the record's form; another form gets another number. */
export const RECORD_SCHEMA = 'aib-action/build-record/v1'
/** The only file of the workflow artifact. */
export const RECORD_FILE = 'build-record.json'

/**
 * How a build ended. `cancelled`: its run was, by somebody else; a cancelled workflow leaves no record. `unchanged`: the
 * image was there already; `started`: nobody waits for it.
 */
export const RECORD_RESULTS = [
  'succeeded',
  'partially-succeeded',
  'failed',
  'cancelled',
  'unchanged',
  'started',
] as const
export type RecordResult = (typeof RECORD_RESULTS)[number]

/** The workflow run and job that built, as GitHub describes them to every step. */
export interface RecordedWorkflow {
  /** `owner/name` */
  repository: string
  commit: string
  ref: string
  runId: string
  runAttempt: string
  runUrl: string
  /** The workflow's file, as `owner/name/.github/workflows/x.yml@refs/heads/main`. */
  workflowRef: string
  job: string
}

export interface BuildRecord {
  schema: typeof RECORD_SCHEMA
  result: RecordResult
  action: { version: string }
  workflow: RecordedWorkflow
  /** As given; of scripts, and of what may hold some, the digest alone. */
  inputs: Record<string, string>
  /** `sha256` is that of the file `template-path`; in `body` the digest stands for every script. */
  template?: { name: string; id: string; sha256?: string; body?: unknown }
  /** `name` holds the exact version. */
  source?: { kind: string; name: string }
  artifact?: RecordedArtifact
  buildKey?: string
  /** Run output name → resource ID of the image (exact version) or URL of the VHD. */
  images: Record<string, string>
  regions?: string[]
  runState?: string
  failureCode?: string
  /** ISO 8601, of the step. */
  times: { started: string; ended: string }
}

/** The archive that was put into the image; `sha256` is the image's tag `artifact-sha256`, too. */
export interface RecordedArtifact {
  folder: string
  bytes: number
  sha256: string
}

export interface RecordFacts {
  report: BuildReport
  version: string
  workflow: RecordedWorkflow
  /** Input name → value, as the user wrote it; empty ones are left out of the record. */
  inputs: Record<string, string>
  failed: boolean
  /** Milliseconds since the epoch. */
  startedAt: number
  endedAt: number
}

/** Inputs that hold scripts, or customizers with scripts in them: people put into them what should not be kept. */
const SCRIPTS = new Set(['inline-script', 'validation-script', 'customizers', 'distributors'])

/** Puts the record together. It holds no secret that the action knows of; the caller takes the masked ones out as well. */
export function buildRecord({
  report,
  version,
  workflow,
  inputs,
  failed,
  ...times
}: RecordFacts): BuildRecord {
  const { sourceImage, template, artifact, buildKey, images, regions, runState, failureCode } = report
  const { text, body } = report.templateText === undefined ? {} : templateOf(report.templateText)
  return {
    schema: RECORD_SCHEMA,
    result: resultOf(report, failed),
    action: { version },
    workflow,
    inputs: recordedInputs(inputs),
    ...(template && {
      template: { ...template, ...(text === undefined ? {} : { sha256: sha256(text), body }) },
    }),
    ...(sourceImage && { source: { kind: sourceImage.kind, name: nameOfSource(sourceImage) } }),
    ...(artifact && { artifact }),
    ...(buildKey !== undefined && { buildKey }),
    images,
    ...(regions && { regions: regions.map(({ name }) => name) }),
    ...(runState && { runState }),
    ...(failureCode !== undefined && { failureCode }),
    times: {
      started: new Date(times.startedAt).toISOString(),
      ended: new Date(times.endedAt).toISOString(),
    },
  }
}

function resultOf({ runState, skipped, repaired }: BuildReport, failed: boolean): RecordResult {
  // What the run left undone was done afterwards.
  if (repaired) return 'succeeded'
  if (runState === 'PartiallySucceeded') return 'partially-succeeded'
  if (runState === 'Canceled') return 'cancelled'
  if (failed) return 'failed'
  if (skipped) return 'unchanged'
  return runState === 'Running' ? 'started' : 'succeeded'
}

function recordedInputs(inputs: Record<string, string>): Record<string, string> {
  const given = Object.entries(inputs).filter(([, value]) => value.trim() !== '')
  return Object.fromEntries(
    given.map(([name, value]) => [name, SCRIPTS.has(name) ? `sha256:${sha256(value)}` : value.trim()]),
  )
}

/** @param printable the template as it is shown, signatures replaced */
function templateOf(printable: string): { text: string; body: unknown } {
  const body: unknown = JSON.parse(printable, (field, value: unknown) =>
    field === 'inline' && Array.isArray(value) ? [`sha256:${sha256(value.join('\n'))}`] : value,
  )
  return { text: `${printable}\n`, body }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The record as text. */
export function recordText(record: BuildRecord): string {
  return printableTemplate(record)
}
