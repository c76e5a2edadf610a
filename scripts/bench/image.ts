/** Images of the benchmark's trees, built by the action on a local Azure. */
import path from 'node:path'
import { commonInputs } from '../../local-azure/demo.ts'
import { startLocalAzure, type LocalAzure } from '../../local-azure/index.ts'
import { runJob, type JobOptions, type JobResult } from '../../local-azure/runner.ts'
import { SUBSCRIPTION_ID } from '../../local-azure/seed.ts'

const GALLERY = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/contoso`
/** The service's own durations would be waited for in vain. */
const NO_TIME = { submit: 1, queued: 1, building: 1, customizing: 1, distributing: 1, cancel: 1, delete: 1 }

/** A local Azure that builds without delay. */
export async function startQuickAzure(): Promise<LocalAzure> {
  return await startLocalAzure({ speed: 1, durations: NO_TIME })
}

/** Inputs that bake a folder into an image; the workspace is the folder that holds it. */
export function imageInputs(azure: LocalAzure, folder: string): Record<string, string> {
  return {
    ...commonInputs(azure),
    'build-path': path.basename(folder),
    'source-image': 'Canonical:ubuntu-24_04-lts:server',
    'gallery-image-id': `${GALLERY}/images/webapp`,
  }
}

/** @throws Error with the whole log when it fails */
export async function buildImage(
  azure: LocalAzure,
  folder: string,
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  const inputs = imageInputs(azure, folder)
  const job = await runJob({ azure, workspace: path.dirname(folder), ...options, with: inputs })
  if (job.conclusion !== 'success') throw new Error(job.log)
  return job
}
