/** Runs the bundled action on a local Azure, as the runner would, for the scenario tests. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startLocalAzure, type LocalAzure, type LocalAzureOptions } from '../../local-azure/index.ts'
import { runJob, type JobOptions, type JobResult } from '../../local-azure/runner.ts'
import { CLIENT_ID, SUBSCRIPTION_ID, TENANT_ID } from '../../local-azure/seed.ts'

export const GROUP = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images`
export const GALLERY = `${GROUP}/providers/Microsoft.Compute/galleries/contoso`
export const UBUNTU = 'Canonical:ubuntu-24_04-lts:server'
export const WINDOWS = 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2'
export const IMAGE_TEMPLATES = 'Microsoft.VirtualMachineImages/imageTemplates'

/** A stage: a local Azure and a workspace with a small artifact. */
export interface Stage {
  azure: LocalAzure
  workspace: string
  /** Runs the action; `with` is put over the inputs of a build that works. */
  run: (inputs?: Record<string, string>, options?: Partial<JobOptions>) => Promise<JobResult>
  close: () => Promise<void>
}

/** What a line of the guard begins with, and the option that preloads it: network-guard.js. */
const GUARD_LINE = 'network-guard: refused '
export const GUARD = `--import=${new URL('network-guard.js', import.meta.url).href}`

/**
 * Room for what is young: a process of a second need not collect any of it. And the guard, which lets nothing out of
 * this machine.
 */
export const ROOMY = { NODE_OPTIONS: `${GUARD} --max-semi-space-size=64`, NETWORK_GUARD: 'loopback' }

/** @param usual what holds for every job: `skipPost`, where nobody looks at what post does, saves a process each */
export async function openStage(
  options: LocalAzureOptions = {},
  usual: Partial<JobOptions> = {},
): Promise<Stage> {
  const azure = await startLocalAzure(options)
  const workspace = await mkdtemp(path.join(os.tmpdir(), 'workspace-'))
  await mkdir(path.join(workspace, 'app'))
  await writeFile(path.join(workspace, 'app', 'hello.txt'), 'hello')
  return {
    azure,
    workspace,
    run: async (inputs = {}, more = {}) => {
      const given = { ...workingInputs(azure), ...inputs }
      const options = { azure, workspace, env: ROOMY, ...usual, ...more, with: given }
      return passed(await runJob({ ...options, env: guarded(azure, options.env, given) }))
    },
    close: async () => {
      await azure.close()
      await rm(workspace, { recursive: true, force: true })
    },
  }
}

/** Where a user may send the action, by variables and inputs. */
const ADDRESSES = ['AZURE_AUTHORITY_HOST', 'AZURE_POD_IDENTITY_AUTHORITY_HOST', 'HTTPS_PROXY', 'HTTP_PROXY']

/**
 * `env` with the guard in front of the other options: the processes reach the local Azure's endpoints, what the job
 * itself names as an address, and nothing else.
 */
function guarded(
  { endpoints, github, blobs }: LocalAzure,
  env: Record<string, string>,
  inputs: Record<string, string>,
): Record<string, string> {
  const urls = [
    endpoints.resourceManager,
    endpoints.authority,
    github.idTokenRequestUrl,
    github.resultsUrl,
    blobs.endpoint('stcontosobuild'),
    inputs['resource-manager-endpoint'] ?? '',
    ...ADDRESSES.map((name) => env[name] ?? ''),
  ]
  const { NODE_OPTIONS = '' } = env
  return {
    ...env,
    NODE_OPTIONS: NODE_OPTIONS.includes(GUARD) ? NODE_OPTIONS : `${GUARD} ${NODE_OPTIONS}`,
    NETWORK_GUARD: urls
      .filter((url) => URL.canParse(url))
      .map(addressOf)
      .join(' '),
  }
}

function addressOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return `${hostname}:${port || (protocol === 'http:' ? '80' : '443')}`
}

/** Throws what the guard refused, which a library may have swallowed. */
function passed(job: JobResult): JobResult {
  const refused = job.log.split('\n').filter((line) => line.includes(GUARD_LINE))
  if (refused.length > 0) throw new Error(`The action tried what it must not:\n${refused.join('\n')}`)
  return job
}

/** Opens a stage for one test alone. */
export async function onStage<T>(options: LocalAzureOptions, play: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await openStage(options)
  try {
    return await play(stage)
  } finally {
    await stage.close()
  }
}

/** Ubuntu to a gallery image in one region. */
export function workingInputs(azure: LocalAzure): Record<string, string> {
  return {
    'client-id': CLIENT_ID,
    'tenant-id': TENANT_ID,
    'subscription-id': SUBSCRIPTION_ID,
    'resource-manager-endpoint': azure.endpoints.resourceManager,
    'resource-group': 'rg-images',
    location: 'eastus',
    'managed-identity': 'id-image-builder',
    'storage-account': 'stcontosobuild',
    'source-image': UBUNTU,
    'gallery-image-id': `${GALLERY}/images/webapp`,
    'build-path': 'app',
    'poll-interval-seconds': '1',
    // A look at the log every second costs more than most of what is tested; the tests of the log follow it.
    'follow-log': 'false',
    // An upload each that no test looks at, but one.
    'record-artifact-name': '',
  }
}

/** What a build may leave behind, beside the image: names of templates, staging groups and blobs of the artifact. */
export async function leftBehind({ world, blobs }: LocalAzure): Promise<{
  templates: string[]
  stagingGroups: string[]
  blobs: string[]
}> {
  return {
    templates: world.resources.list(IMAGE_TEMPLATES).map(({ name }) => name),
    stagingGroups: world.resources
      .list('Microsoft.Resources/resourceGroups')
      .map(({ name }) => name)
      .filter((name) => name.startsWith('IT_')),
    blobs: await blobs.list('stcontosobuild'),
  }
}

export const NOTHING = { templates: [], stagingGroups: [], blobs: [] }

/** Messages of the annotations of a level, main's and post's. */
export function annotations({ main, post }: JobResult, level: 'error' | 'warning' | 'notice'): string[] {
  return [...main.annotations, ...(post?.annotations ?? [])]
    .filter((annotation) => annotation.level === level)
    .map(({ message }) => message)
}

/** Whether a job's template still exists. */
export function keptTemplate({ azure }: Stage, { outputs }: JobResult): boolean {
  return azure.world.resources.get(outputs['template-id'] ?? '') !== undefined
}

/** The command that deletes a job's template, as the action gives it. */
export function deleteCommand({ outputs }: JobResult): string {
  const name = outputs['template-name'] ?? ''
  return `az image builder delete --name ${name} --resource-group 'rg-images' --subscription ${SUBSCRIPTION_ID}`
}
