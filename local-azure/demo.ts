/** Runs one scenario: the bundled action, as the runner would run it, and what Azure holds afterwards. */
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { startLocalAzure, type LocalAzure } from './index.ts'
import { runJob, type JobResult } from './runner.ts'
import type { Scenario } from './scenarios.ts'
import { CLIENT_ID, SUBSCRIPTION_ID, TENANT_ID } from './seed.ts'

const ROOT = path.join(import.meta.dirname, '..')

/** Sign-in, scope and artifact of every scenario. */
export function commonInputs(azure: LocalAzure): Record<string, string> {
  return {
    'client-id': CLIENT_ID,
    'tenant-id': TENANT_ID,
    'subscription-id': SUBSCRIPTION_ID,
    'resource-manager-endpoint': azure.endpoints.resourceManager,
    'resource-group': 'rg-images',
    location: 'East US',
    'managed-identity': 'id-image-builder',
    'storage-account': 'stcontosobuild',
    'build-path': 'webapp',
    'poll-interval-seconds': '1',
  }
}

/** Plays a scenario and prints it with `print`. Returns whether it ended as it should. */
export async function playScenario(scenario: Scenario, print: (line: string) => void): Promise<boolean> {
  print(`── ${scenario.title}`)
  const azure = await startLocalAzure(scenario.azure)
  try {
    const job = await run(scenario, azure, print)
    print('')
    print(`── outputs (job: ${job.conclusion})`)
    for (const [name, value] of Object.entries(job.outputs))
      if (value && name !== 'json') print(`${name}: ${value}`)
    await printAzure(azure, print)
    if (job.leaks.length > 0) print(`!! secrets in the open: ${job.leaks.join('; ')}`)
    return job.conclusion === scenario.conclusion && job.leaks.length === 0
  } finally {
    await azure.close()
  }
}

async function run(scenario: Scenario, azure: LocalAzure, print: (line: string) => void): Promise<JobResult> {
  const cancel = new AbortController()
  let stage = ''
  return await runJob({
    azure,
    workspace: path.join(ROOT, 'examples'),
    with: { ...commonInputs(azure), ...scenario.with },
    interrupt: { cancel: cancel.signal },
    onLine: (line, of) => {
      if (of !== stage) print(`\n── ${(stage = of)} step`)
      print(line)
      if (scenario.cancelAt?.test(line) && !cancel.signal.aborted) {
        print('── (the user cancels the workflow)')
        cancel.abort()
      }
    },
  })
}

async function printAzure(azure: LocalAzure, print: (line: string) => void): Promise<void> {
  const { world, blobs } = azure
  const seeded = new Set(
    world.seed.galleries.flatMap(({ definitions }) => definitions.flatMap((d) => d.versions)),
  )
  print('')
  print('── what Azure holds now')
  const list = (title: string, names: string[]): void => {
    print(`${title}: ${names.length === 0 ? 'none' : names.join(', ')}`)
  }
  const names = (type: string): string[] => world.resources.list(type).map(({ name }) => name)
  list('image templates', names('Microsoft.VirtualMachineImages/imageTemplates'))
  list(
    'staging resource groups',
    names('Microsoft.Resources/resourceGroups').filter((name) => name.startsWith('IT_')),
  )
  list('blobs of the build artifact', await blobs.list('stcontosobuild'))
  const before = new Set([...seeded].map(({ name }) => name))
  for (const version of world.resources.list('Microsoft.Compute/galleries/images/versions')) {
    if (before.has(version.name)) continue
    const { publishingProfile } = version.properties as {
      publishingProfile: { targetRegions: { name: string; regionalReplicaCount?: number }[] }
    }
    const regions = publishingProfile.targetRegions.map(
      (r) => `${r.name} (${String(r.regionalReplicaCount ?? 1)})`,
    )
    print(`gallery image version ${version.id}`)
    print(`  replicas: ${regions.join(', ')}`)
    print(`  tags: ${JSON.stringify(version.tags)}`)
  }
  for (const [image, folder] of world.imageFileSystems) {
    print(`file system of ${image}, what the build added:`)
    for (const line of await listing(folder)) print(`  ${line}`)
  }
}

async function listing(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  const lines = await Promise.all(
    entries.sort().map(async (name) => {
      const { mode, size } = await lstat(path.join(folder, name))
      return `${(mode & 0o7777).toString(8).padStart(4, '0')} ${String(size).padStart(8)} /${name}`
    }),
  )
  return lines
}
