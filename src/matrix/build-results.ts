/** The results of a matrix: what the plan asked for, joined with what the build records of the run tell. */
import * as v from 'valibot'
import { RECORD_RESULTS, RECORD_SCHEMA, type RecordResult } from '../build-record.ts'
import type { GatherRequest, PlannedBuild } from './gather-inputs.ts'
import { lastName } from '../resource-id.ts'

/** A workflow artifact of this run, as GitHub lists it. */
export interface RunArtifact {
  id: number
  name: string
  /** Of its zip. */
  bytes: number
  /** `sha256:…` of its zip, where GitHub tells. */
  digest?: string
}

/** The record that counts for a build: that of its last attempt. */
export interface FoundRecord {
  build: PlannedBuild
  attempt: number
  artifact: RunArtifact
}

/** One object of the output `images`; what is not known is absent. */
export interface BuildResult {
  name: string
  image: string
  location?: string
  result: RecordResult | 'missing'
  'image-uri'?: string
  'image-version'?: string
  'image-uris'?: Record<string, string>
  source?: string
  'artifact-sha256'?: string
  'build-key'?: string
  'failure-code'?: string
  minutes?: number
  /** Name of the workflow artifact. */
  record?: string
  attempt?: number
}

/** A record is some 20 KB; what is larger is none. */
export const MOST_RECORD_BYTES = 1024 * 1024

/** `build-record.<name>.<leg>.<run attempt>`; no part but the whole name may hold a dot. */
export function recordArtifact(name: string, leg: string, attempt: number | string): string {
  return `build-record.${name}.${leg}.${attempt}`
}

/**
 * The record of each build of the plan that has one, in the order of the plan. A re-run leaves another one beside the
 * first, with its attempt's number in the name; a copy of a name that GitHub keeps of each attempt has the same content.
 */
export function chooseRecords(
  { builds, name }: GatherRequest,
  artifacts: readonly RunArtifact[],
): FoundRecord[] {
  const byName = new Map(artifacts.map((artifact) => [artifact.name, artifact]))
  return builds.flatMap((build) => {
    const prefix = recordArtifact(name, build.name, '')
    const attempts = [...byName.keys()]
      .filter((one) => one.startsWith(prefix))
      .map((one) => one.slice(prefix.length))
      .filter((rest) => /^[1-9]\d{0,8}$/.test(rest))
      .map(Number)
    const attempt = Math.max(...attempts)
    const artifact = byName.get(recordArtifact(name, build.name, attempt))
    return artifact ? [{ build, attempt, artifact }] : []
  })
}

const text = v.pipe(v.string(), v.maxLength(4096))
const shortText = v.pipe(v.string(), v.maxLength(256))
/** What is read of a record; the rest is for others. */
const record = v.object({
  schema: v.literal(RECORD_SCHEMA),
  result: v.picklist(RECORD_RESULTS),
  workflow: v.object({ repository: text, runId: text, runAttempt: text }),
  inputs: v.record(v.string(), v.string()),
  template: v.optional(v.object({ body: v.optional(v.unknown()) })),
  source: v.optional(v.object({ name: text })),
  artifact: v.optional(v.object({ sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) })),
  buildKey: v.optional(shortText),
  images: v.record(text, text),
  failureCode: v.optional(shortText),
  times: v.object({ started: shortText, ended: shortText }),
})
type ReadRecord = v.InferOutput<typeof record>

/**
 * The result that a record tells. It is foreign text: any job of the run may leave an artifact of that name.
 * @param run that the record must be of
 * @returns what is wrong with it, as the end of a sentence, where it cannot be used
 */
export function readResult(
  found: FoundRecord,
  content: string,
  run: GatherRequest['run'],
): BuildResult | { mistake: string } {
  const parsed = v.safeParse(record, parseJson(content))
  if (!parsed.success) return { mistake: `is not a build record (${formMistake(parsed.issues)})` }
  const mistake = originMistake(found, parsed.output, run)
  return mistake === undefined ? resultOf(found, parsed.output) : { mistake }
}

function formMistake([issue]: [v.BaseIssue<unknown>, ...unknown[]]): string {
  const place = v.getDotPath(issue)
  return place === null ? 'no JSON object' : `its ${place.slice(0, 100)} is not what it has to be`
}

/** Where the record says of itself that it is another build's. */
function originMistake(
  { artifact, attempt }: FoundRecord,
  { workflow, inputs }: ReadRecord,
  run: GatherRequest['run'],
): string | undefined {
  const facts: [what: string, said: string | undefined, wanted: string][] = [
    ['repository', workflow.repository, run.repository],
    ['run', workflow.runId, run.runId],
    ['attempt', workflow.runAttempt, String(attempt)],
    ['record-artifact-name', inputs['record-artifact-name'], artifact.name],
  ]
  const wrong = facts.find(([, said, wanted]) => said !== wanted)
  if (!wrong) return undefined
  const [what, said = 'none', wanted] = wrong
  return `is of another build: its ${what} is ${said.slice(0, 256)}, not ${wanted}`
}

function resultOf({ build, attempt, artifact }: FoundRecord, told: ReadRecord): BuildResult {
  const { result, images, source, times, template } = told
  const uri = imageUri(images, template?.body)
  const version = uri === undefined || !/\/versions\//i.test(uri) ? undefined : lastName(uri)
  const minutes = (Date.parse(times.ended) - Date.parse(times.started)) / 60_000
  return {
    ...build,
    result,
    ...(uri !== undefined && { 'image-uri': uri }),
    ...(version !== undefined && { 'image-version': version }),
    ...(Object.keys(images).length > 0 && { 'image-uris': images }),
    ...(source && { source: source.name }),
    ...(told.artifact && { 'artifact-sha256': told.artifact.sha256 }),
    ...(told.buildKey !== undefined && { 'build-key': told.buildKey }),
    ...(told.failureCode !== undefined && { 'failure-code': told.failureCode }),
    ...(minutes >= 0 && { minutes: Math.round(minutes * 10) / 10 }),
    record: artifact.name,
    attempt,
  }
}

/** That of the first distributor, as the main action's own output; the template names them in their order. */
function imageUri(images: Record<string, string>, body: unknown): string | undefined {
  const distributors = v.safeParse(
    v.object({ properties: v.object({ distribute: v.array(v.object({ runOutputName: v.string() })) }) }),
    body,
  )
  const [first] = distributors.success ? distributors.output.properties.distribute : []
  const name = first?.runOutputName ?? Object.keys(images)[0] ?? ''
  return Object.hasOwn(images, name) ? images[name] : undefined
}

/** The result of a build whose record is not there, or cannot be used. */
export function missing(build: PlannedBuild, found?: FoundRecord): BuildResult {
  return {
    ...build,
    result: 'missing',
    ...(found && { record: found.artifact.name, attempt: found.attempt }),
  }
}

/** The step's outputs; `json` holds all the others. */
export function resultOutputs(results: readonly BuildResult[]): Record<string, string> {
  const isGood = ({ result }: BuildResult): boolean => result === 'succeeded' || result === 'unchanged'
  const failed = results.filter((one) => !isGood(one))
  const all = {
    images: JSON.stringify(results),
    succeeded: JSON.stringify(results.filter(isGood)),
    failed: JSON.stringify(failed),
    'all-succeeded': String(results.length > 0 && failed.length === 0),
  }
  return { ...all, json: JSON.stringify(all) }
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
