/** The story of gathering: list the artifacts of the run, read each build's record, join them with the plan, tell. */
import {
  chooseRecords,
  missing,
  MOST_RECORD_BYTES,
  readResult,
  type BuildResult,
  type RunArtifact,
} from './build-results.ts'
import { RECORD_FILE } from '../build-record.ts'
import { messageOf } from '../errors.ts'
import type { GatherRequest } from './gather-inputs.ts'
import type { Runner } from '../ports.ts'
import { resultLines } from './results-summary.ts'

export interface GatherEdges {
  artifacts: ArtifactsPort
  runner: Pick<Runner, 'info' | 'quote' | 'warning' | 'openGroup' | 'closeGroup'>
}

/** Workflow artifacts of this run. */
export interface ArtifactsPort {
  list: () => Promise<RunArtifact[]>
  /** Text of a file in an artifact, or what is wrong with the artifact, as the end of a sentence. Throws when GitHub fails. */
  read: (
    artifact: RunArtifact,
    file: string,
    mostBytes: number,
  ) => Promise<{ text: string } | { mistake: string }>
}

/** Filled in as the gathering goes on; whatever is there at the end is reported, after a failure too. */
export interface GatherReport {
  results: BuildResult[]
  /** Records that are there and do not count, and why, in sentences. */
  refused: string[]
}

/** Records that are read at a time. */
const AT_ONCE = 4

/**
 * Gathers what the builds of the plan left. A build that failed is no failure here.
 * @throws what GitHub refused, once everything else is done
 */
export async function gather(
  request: GatherRequest,
  report: GatherReport,
  edges: GatherEdges,
): Promise<void> {
  const { runner, artifacts } = edges
  report.results = request.builds.map((build) => missing(build))
  runner.openGroup('reading the build records')
  const { records, unread } = await readAll(request, report, artifacts).finally(runner.closeGroup)
  runner.quote(resultLines(report.results))
  if (report.refused.length > 0) runner.warning(`Not every record counts:\n${report.refused.join('\n')}`)
  if (unread.length > 0) {
    throw new Error(
      `${unread.length} of ${records} build records could not be read; re-run this job, the records stay where they are.\n${unread.join('\n')}`,
    )
  }
}

/** Puts the result of every record into the report; returns how many there are, what could not be read, and why. */
async function readAll(
  request: GatherRequest,
  report: GatherReport,
  artifacts: ArtifactsPort,
): Promise<{ records: number; unread: string[] }> {
  const records = chooseRecords(request, await artifacts.list())
  const results = new Map<string, BuildResult>()
  const refused = new Map<string, string>()
  const unread = new Map<string, string>()
  const queue = records.values()
  const workOff = async (): Promise<void> => {
    for (const found of queue) {
      const { build, artifact } = found
      try {
        const read = await artifacts.read(artifact, RECORD_FILE, MOST_RECORD_BYTES)
        const told = 'text' in read ? readResult(found, read.text, request.run) : read
        if ('mistake' in told) refused.set(build.name, `${artifact.name} ${told.mistake}.`)
        results.set(build.name, 'mistake' in told ? missing(build, found) : told)
      } catch (error) {
        unread.set(build.name, messageOf(error))
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, workOff))
  report.results = request.builds.map((build) => results.get(build.name) ?? missing(build))
  const inOrder = (told: Map<string, string>): string[] =>
    request.builds.flatMap(({ name }) => told.get(name) ?? [])
  report.refused = inOrder(refused)
  return { records: records.length, unread: inOrder(unread) }
}
