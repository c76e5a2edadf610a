/** Handing a file of the build to later jobs and to people, as a workflow artifact of its own. */
import { messageOf } from './errors.ts'
import type { BuildEdges } from './ports.ts'

/**
 * No build fails for what GitHub does not take: that is a warning.
 * @param what is uploaded, such as `build record`
 * @param name of the artifact; '' for none
 * @returns the artifact's name; undefined when there is none
 */
export async function uploadArtifact(
  what: string,
  name: string,
  file: string,
  { runner, uploadWorkflowArtifact }: Pick<BuildEdges, 'runner' | 'uploadWorkflowArtifact'>,
): Promise<string | undefined> {
  if (name === '') return undefined
  runner.openGroup(`uploading the ${what}`)
  const failure = await uploadWorkflowArtifact(name, file).catch(messageOf)
  runner.closeGroup()
  if (failure === undefined) {
    runner.info(`the ${what} is the workflow artifact ${name}`)
    return name
  }
  runner.warning(`The ${what} was not uploaded as workflow artifact ${name}: ${failure}`)
  return undefined
}
