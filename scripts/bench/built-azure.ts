/**
 * A local Azure in which an image was built: prints what the same job finds there, as one line of JSON, and runs until
 * its standard input ends. Usage: `node built-azure.ts <folder of the artifact> <folder of the action>`.
 */
import { once } from 'node:events'
import { DEFAULT_JOB, serviceVariables } from '../../local-azure/runner/environment.ts'
import { buildImage, imageInputs, startQuickAzure } from './image.ts'

/** What a job is told that may use the local Azure. */
export interface BuiltAzure {
  inputs: Record<string, string>
  variables: Record<string, string>
}

const [folder = '', actionFolder = ''] = process.argv.slice(2)
const azure = await startQuickAzure()
await buildImage(azure, folder, { actionFolder, skipPost: true })
const built: BuiltAzure = {
  inputs: imageInputs(azure, folder),
  variables: {
    NODE_EXTRA_CA_CERTS: azure.caFile,
    AZURE_AUTHORITY_HOST: azure.endpoints.authority,
    ...serviceVariables(azure.github, await azure.github.startJob(DEFAULT_JOB), true),
  },
}
console.log(JSON.stringify(built))
await once(process.stdin.resume(), 'end')
await azure.close()
