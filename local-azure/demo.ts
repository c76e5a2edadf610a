/** Runs one scenario: the bundled action, as the runner would run it, and what Azure holds afterwards. */
import { lstat, readdir, readlink } from 'node:fs/promises'
import path from 'node:path'
import { startLocalAzure, type LocalAzure } from './index.ts'
import { runJob, type JobOptions, type JobResult } from './runner.ts'
import type { Scenario } from './scenarios.ts'
import { CLIENT_ID, SUBSCRIPTION_ID, TENANT_ID } from './seed.ts'
import type { Resource } from './world.ts'

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

/** Plays a scenario on a local Azure of its own and prints it with `print`. Returns whether it ended as it should. */
export async function playScenario(scenario: Scenario, print: (line: string) => void): Promise<boolean> {
  const azure = await startLocalAzure(scenario.azure)
  try {
    return await playOn(azure, scenario, print)
  } finally {
    await azure.close()
  }
}

/** The same on a local Azure that has the scenario's options. `env` is added to the job's. */
export async function playOn(
  azure: LocalAzure,
  scenario: Scenario,
  print: (line: string) => void,
  env: Record<string, string> = {},
): Promise<boolean> {
  print(`── ${scenario.title}`)
  const job = await run(scenario, azure, env, print)
  print('')
  print(`── outputs (job: ${job.conclusion})`)
  for (const [name, value] of Object.entries(job.outputs))
    if (value && name !== 'json') print(`${name}: ${value}`)
  await printAzure(azure, print)
  if (job.leaks.length > 0) print(`!! secrets in the open: ${job.leaks.join('; ')}`)
  return job.conclusion === scenario.conclusion && job.leaks.length === 0
}

/** The job that a scenario runs on a local Azure; what others do there begins now. */
export async function jobOf(scenario: Scenario, azure: LocalAzure): Promise<JobOptions> {
  await scenario.others?.(azure)
  const further = (await scenario.late?.(azure)) ?? {}
  return {
    ...scenario.job,
    ...further,
    azure,
    workspace: path.join(ROOT, 'examples'),
    with: { ...commonInputs(azure), ...scenario.with, ...further.with },
  }
}

async function run(
  scenario: Scenario,
  azure: LocalAzure,
  env: Record<string, string>,
  print: (line: string) => void,
): Promise<JobResult> {
  const cancel = new AbortController()
  let stage = ''
  const job = await jobOf(scenario, azure)
  return await runJob({
    ...job,
    env: { ...env, ...job.env },
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

async function printAzure({ world, blobs }: LocalAzure, print: (line: string) => void): Promise<void> {
  const list = (title: string, names: string[]): void => {
    print(`${title}: ${names.length === 0 ? 'none' : names.join(', ')}`)
  }
  const names = (type: string): string[] => world.resources.list(type).map(({ name }) => name)
  const groups = names('Microsoft.Resources/resourceGroups')
  print('')
  print('── what Azure holds now')
  list('image templates', names('Microsoft.VirtualMachineImages/imageTemplates'))
  list(
    'staging resource groups',
    groups.filter((name) => name.startsWith('IT_')),
  )
  list('blobs of the build artifact', await blobs.list('stcontosobuild'))
  // The tag tells what the action made from what was there before.
  const versions = world.resources.list('Microsoft.Compute/galleries/images/versions')
  for (const version of versions.filter(({ tags }) => tags?.['workflow-run-url'] !== undefined)) {
    printVersion(version, print)
  }
  for (const [image, folder] of world.imageFileSystems) {
    print(`file system of ${image}, what the build added:`)
    for (const line of await listing(folder)) print(`  ${line}`)
  }
}

function printVersion({ id, tags, properties }: Resource, print: (line: string) => void): void {
  const { publishingProfile } = properties as {
    publishingProfile: { targetRegions: { name: string; regionalReplicaCount?: number }[] }
  }
  const replicas = publishingProfile.targetRegions.map(
    ({ name, regionalReplicaCount = 1 }) => `${name} (${String(regionalReplicaCount)})`,
  )
  print(`gallery image version ${id}`)
  print(`  replicas: ${replicas.join(', ')}`)
  print(`  tags: ${JSON.stringify(tags)}`)
}

async function listing(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  return await Promise.all(
    entries.sort().map(async (name) => {
      const file = path.join(folder, name)
      const found = await lstat(file)
      const mode = (found.mode & 0o7777).toString(8).padStart(4, '0')
      const target = found.isSymbolicLink() ? ` -> ${await readlink(file)}` : ''
      return `${mode} ${String(found.size).padStart(8)} /${name}${found.isDirectory() ? '/' : target}`
    }),
  )
}
