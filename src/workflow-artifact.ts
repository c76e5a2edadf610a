/** Workflow artifacts. A file of its own, because post needs nothing of the large library behind it. */
import path from 'node:path'
import { DefaultArtifactClient } from '@actions/artifact'

/** Uploads a file as the only one of a workflow artifact. Throws when GitHub does not take it. */
export async function uploadWorkflowArtifact(name: string, file: string): Promise<void> {
  await new DefaultArtifactClient().uploadArtifact(name, [file], path.dirname(file))
}
