/** Inputs of the sub-action `promote` to one checked request. Names and meanings are a promise: see `promote/action.yml`. */
import { readTargetRegion, type TargetRegion } from '../distribution-inputs.ts'
import { InputError } from '../errors.ts'
import { InputReader, type RawInputs } from '../input-reader.ts'
import { parseResourceId } from '../resource-id.ts'
import { readSignIn, type SignIn } from '../sign-in.ts'

export const OPERATIONS = ['check', 'bless'] as const
/** What `needs.<job>.result` may be (GitHub's documentation). */
export const TESTS_RESULTS = ['success', 'failure', 'cancelled', 'skipped'] as const
export type TestsResult = (typeof TESTS_RESULTS)[number]

export interface PromoteRequest {
  signIn: SignIn
  operation: (typeof OPERATIONS)[number]
  /** Resource ID of an exact version. */
  imageVersionId: string
  /** Absent for `check`. */
  testsResult?: TestsResult
  /** Regions that it shall be in as well, each once. */
  regions: TargetRegion[]
  endOfLife?: EndOfLife
  imageTags: Record<string, string>
  pollIntervalSeconds: number
  /** `owner/name` of this repository. */
  repository: string
  /** What pages of its runs begin with. */
  runs: string
  /** Page of this run. */
  run: string
}

export interface EndOfLife {
  /** ISO 8601, midnight in UTC. */
  date: string
  /** Whether it was given as a number of days. */
  relative: boolean
}

/** Tags by which a version tells where it comes from and how it stands: not for users to set. */
const OWN_TAGS = new Set([
  'repository',
  'commit',
  'workflow-run-url',
  'source-version',
  'build-key',
  'build-started',
  'artifact-sha256',
  'image-status',
  'blessed-at',
  'blessed-by',
  'rejected-at',
  'rejected-by',
  'previous-version',
])

const DAY = 24 * 60 * 60_000
const MOST_DAYS = 3650

/**
 * Reads and checks all inputs.
 * @param now milliseconds since the epoch: days of `end-of-life-date` count from here
 * @throws InputError that names every mistake
 */
export function readPromoteInputs(raw: RawInputs, now: number): PromoteRequest {
  const read = new InputReader(raw)
  const { repository, runId, url } = raw.workflowRun
  const operation = read.oneOf('operation', OPERATIONS, 'bless')
  const imageVersionId = readVersionId(read)
  const testsResult = operation === 'bless' ? readTestsResult(read) : undefined
  const endOfLife = readEndOfLife(read, now)
  if (repository === '')
    read.problem('environment variable GITHUB_REPOSITORY', 'is not set: this is no workflow run.')
  const request: PromoteRequest = {
    signIn: readSignIn(read),
    operation,
    imageVersionId,
    ...(testsResult === undefined ? {} : { testsResult }),
    regions: readRegions(read),
    ...(endOfLife ? { endOfLife } : {}),
    imageTags: readTags(read),
    pollIntervalSeconds: read.integer('poll-interval-seconds', 10, '1 to 600', (s) => s >= 1 && s <= 600),
    repository,
    runs: url.slice(0, url.length - runId.length),
    run: url,
  }
  read.boolean('summary', true)
  if (read.problems.length > 0) throw new InputError(read.problems)
  return request
}

/** A definition, or `latest`, means another image tomorrow: only what is exact can have been tested. */
function readVersionId(read: InputReader): string {
  const input = 'image-version-id'
  const given = read.required(input).replace(/\/+$/, '')
  const problems = read.problems.length
  const { names = [], subscriptionId = '' } = parseResourceId(given) ?? {}
  const version = names[2]
  if (given !== '' && version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) {
    const why =
      version.toLowerCase() === 'latest' ? ', which means another image from one day to the next' : ''
    read.problem(input, `'${given}' names the version '${version}'${why}; give an exact version, x.y.z.`)
  } else read.id(input, given, ['version'])
  const subscription = read.optional('subscription-id')
  read.guid('subscription-id', subscription)
  const known = read.problems.length === problems && subscription !== undefined && given !== ''
  if (known && subscription.toLowerCase() !== subscriptionId.toLowerCase())
    read.problem(
      'subscription-id',
      `'${subscription}' is not the subscription of image-version-id, ${subscriptionId}.`,
    )
  return given
}

function readTestsResult(read: InputReader): TestsResult {
  const given = read.optional('tests-result')
  if (given === undefined)
    read.problem(
      'tests-result',
      `is required to bless: ${TESTS_RESULTS.join(', ')}, such as \${{ needs.test.result }}. Without tests nothing is blessed.`,
    )
  return read.oneOf('tests-result', TESTS_RESULTS, 'skipped')
}

function readRegions(read: InputReader): TargetRegion[] {
  const regions = read.list('replication-regions').map((entry) => readTargetRegion(read, entry))
  const names = regions.map(({ name }) => name)
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    read.problem('replication-regions', `'${name}' stands there twice.`)
  return regions
}

/** A date, or days from now, both as midnight in UTC. */
function readEndOfLife(read: InputReader, now: number): EndOfLife | undefined {
  const input = 'end-of-life-date'
  const given = read.optional(input)
  if (given === undefined) return undefined
  const days = Number(/^(\d{1,4})d$/.exec(given)?.[1] ?? 0)
  const date = days > 0 ? new Date(now + days * DAY).toISOString().slice(0, 10) : given
  const exact = `${date}T00:00:00.000Z`
  const isDate = /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(exact)) && toIso(exact) === exact
  if (!isDate || days > MOST_DAYS)
    read.problem(
      input,
      `'${given}' is neither a date, such as 2027-12-31, nor days from now, 1d to ${MOST_DAYS}d.`,
    )
  else if (Date.parse(exact) <= now) read.problem(input, `'${given}' is not in the future.`)
  return { date: exact, relative: days > 0 }
}

/** The 30th of February would become a day in March. */
function toIso(date: string): string {
  return new Date(date).toISOString()
}

function readTags(read: InputReader): Record<string, string> {
  const tags = read.tags('image-tags')
  for (const name of Object.keys(tags))
    if (OWN_TAGS.has(name.toLowerCase()))
      read.problem('image-tags', `'${name}' is set by the build and by the promotion alone.`)
  return tags
}
