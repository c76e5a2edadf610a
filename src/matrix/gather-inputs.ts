/** Inputs of the sub-action `gather` to one checked request. Names and meanings are a promise: see `gather/action.yml`. */
import * as v from 'valibot'
import { InputError } from '../errors.ts'
import { InputReader, type RawInputs } from '../input-reader.ts'

/** A build of the plan, as far as its result speaks of it. */
export interface PlannedBuild {
  name: string
  image: string
  location?: string
}

export interface GatherRequest {
  builds: PlannedBuild[]
  /** The middle of the artifacts' names. */
  name: string
  /** The run whose records count. */
  run: { repository: string; runId: string }
}

/** A name of a leg; no dot, so that it ends where the next part of an artifact's name begins. */
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,255}$/))
const builds = v.array(
  v.object({ name, image: name, location: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9]{0,64}$/))) }),
)
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/**
 * Reads and checks all inputs.
 * @throws InputError that names every mistake
 */
export function readGatherInputs(raw: RawInputs): GatherRequest {
  const read = new InputReader(raw)
  const { repository, runId } = raw.workflowRun
  const request: GatherRequest = {
    builds: readBuilds(read),
    name: read.optional('name') ?? 'images',
    run: { repository, runId },
  }
  if (!NAME.test(request.name)) {
    read.problem(
      'name',
      `'${request.name}' is not 1 to 64 letters, digits, '-' or '_', the first a letter or digit.`,
    )
  }
  read.boolean('summary', true)
  if (read.problems.length > 0) throw new InputError(read.problems)
  return request
}

function readBuilds(read: InputReader): PlannedBuild[] {
  const text = read.optional('legs')
  if (text === undefined) {
    read.problem(
      'legs',
      'is required and empty; the runner drops a job output that holds a masked value, so keep IDs in variables, not in secrets.',
    )
    return []
  }
  const parsed = v.safeParse(builds, parseJson(text))
  if (!parsed.success) {
    read.problem('legs', 'is not what plan gives: a JSON array of objects with name, image and location.')
    return []
  }
  const found = parsed.output.map(({ location, ...build }) => ({ ...build, ...(location && { location }) }))
  const names = new Set(found.map((build) => build.name.toLowerCase()))
  if (names.size < found.length) read.problem('legs', 'has builds of the same name.')
  return found
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
