/** Workflow artifacts. The large library behind them is loaded when there is one to upload, which is seldom. */
import path from 'node:path'

/** Uploads a file as the only one of a workflow artifact. Throws when GitHub does not take it. */
export async function uploadWorkflowArtifact(name: string, file: string): Promise<void> {
  const { DefaultArtifactClient } = await import('@actions/artifact')
  await new DefaultArtifactClient().uploadArtifact(name, [file], path.dirname(file))
}
