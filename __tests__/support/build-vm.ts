/** Whether builds really run on this machine, for scenarios that look into the image. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createBuildVm } from '../../local-azure/build-vm.ts'

/** Why the commands of a build do not run here, to be told in the name of what is skipped; empty when they do. */
export async function whyNoBuildVm(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'build-vm-'))
  try {
    const caFile = path.join(folder, 'ca.pem')
    await writeFile(caFile, '')
    const vm = await createBuildVm({ folder, caFile })
    await vm.close()
    return vm.reason
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
