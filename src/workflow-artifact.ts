/** Workflow artifacts. The large library behind them is loaded when there is one to upload or to read, which is seldom. */
import { lstat, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import type { RunArtifact } from './matrix/build-results.ts'

/** Uploads a file as the only one of a workflow artifact. Throws when GitHub does not take it. */
export async function uploadWorkflowArtifact(name: string, file: string): Promise<void> {
  const { DefaultArtifactClient } = await import('@actions/artifact')
  await new DefaultArtifactClient().uploadArtifact(name, [file], path.dirname(file))
}

/**
 * The artifacts of this workflow run, by the runner's own token. In a re-run of failed jobs those of earlier attempts are
 * among them (reported of GitHub, not documented); a re-run of all jobs begins with none.
 */
export async function listWorkflowArtifacts(): Promise<RunArtifact[]> {
  const { DefaultArtifactClient } = await import('@actions/artifact')
  const { artifacts } = await new DefaultArtifactClient().listArtifacts({ latest: true })
  return artifacts.map(({ id, name, size, digest }) => ({
    id,
    name,
    bytes: size,
    ...(digest === undefined ? {} : { digest }),
  }))
}

/** What came is not what was uploaded; another try may help. */
class DamagedArtifact extends Error {
  readonly trouble = { kind: 'unclear' } as const
}

/**
 * Text of a file in an artifact, in UTF-8.
 * @returns what is wrong with the artifact, as the end of a sentence, when it has no such file or is too large
 * @throws when GitHub does not give it
 */
export async function readWorkflowArtifact(
  { id, bytes, digest }: RunArtifact,
  file: string,
  mostBytes: number,
): Promise<{ text: string } | { mistake: string }> {
  if (bytes > mostBytes) return { mistake: `has ${bytes} bytes, more than ${mostBytes}` }
  const folder = await mkdtemp(path.join(process.env['RUNNER_TEMP'] ?? '.', 'artifact-'))
  try {
    const { DefaultArtifactClient } = await import('@actions/artifact')
    const { digestMismatch } = await new DefaultArtifactClient().downloadArtifact(id, {
      path: folder,
      ...(digest === undefined ? {} : { expectedHash: digest }),
    })
    if (digestMismatch === true) throw new DamagedArtifact('what came is not what was uploaded')
    const found = await lstat(path.join(folder, file)).catch(() => undefined)
    if (!found?.isFile()) return { mistake: `has no ${file}` }
    if (found.size > mostBytes)
      return { mistake: `has a ${file} of ${found.size} bytes, more than ${mostBytes}` }
    return { text: await readFile(path.join(folder, file), 'utf8') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
