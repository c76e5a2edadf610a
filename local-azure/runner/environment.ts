/** What an action finds when it starts: its inputs, the machine's variables, and those of GitHub and the runner. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'yaml'
import type { LocalAzure } from '../index.ts'
import type { WorkflowJob } from '../parts.ts'

export type Variables = Record<string, string>

export interface Manifest {
  /** Input ID → default as the runner passes it, `''` without one. */
  readonly inputs: ReadonlyMap<string, string>
  readonly main: string
  readonly post?: string
}

interface ActionFile {
  inputs?: Record<string, { default?: unknown } | null>
  runs: { using: string; main: string; post?: string; pre?: string; 'post-if'?: string }
}

/** By their text, as every job of an action reads the same. */
const manifests = new Map<string, Manifest>()

/** Reads `action.yml` of a Node action. Throws for what this harness does not play. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(path.join(folder, 'action.yml'), 'utf8')
  let manifest = manifests.get(text)
  if (!manifest) manifests.set(text, (manifest = parseManifest(text)))
  return manifest
}

function parseManifest(text: string): Manifest {
  const { inputs, runs } = parse(text) as ActionFile
  if (!/^node2[04]$/.test(runs.using)) throw new Error(`Not a Node action: using '${runs.using}'`)
  if (runs.pre !== undefined) throw new Error('An action with `pre` is not played here')
  if ((runs['post-if'] ?? 'always()') !== 'always()') throw new Error('`post-if` must be `always()` here')
  const defaults = Object.entries(inputs ?? {}).map(
    ([id, input]) => [id, literal(id, input?.default)] as const,
  )
  return { inputs: new Map(defaults), main: runs.main, ...(runs.post !== undefined && { post: runs.post }) }
}

/** Unquoted YAML scalars are typed before they become text: `True` is `true`, `1.10` is `1.1`, `~` is empty. */
function literal(id: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw new Error(`The default of input '${id}' is not a scalar`)
  }
  const text = String(value)
  if (text.includes('${{')) throw new Error(`The default of input '${id}' is an expression: ${text}`)
  return text
}

export interface Inputs {
  variables: Variables
  /** The runner's warning, when `with` has a key that the action does not declare. */
  warning?: string
}

/** `INPUT_*` for every declared input and every given key; a default stands in for an absent key alone. */
export function inputVariables(manifest: Manifest, given: Record<string, string>): Inputs {
  const declared = [...manifest.inputs.keys()]
  const known = new Set(declared.map((id) => id.toLowerCase()))
  const unexpected = Object.keys(given).filter((key) => !known.has(key.toLowerCase()))
  const entries = [...manifest.inputs, ...Object.entries(given)]
  const variables = Object.fromEntries(entries.map(([id, value]) => [inputVariable(id), value]))
  if (unexpected.length === 0) return { variables }
  const warning = `Unexpected input(s) '${unexpected.join("', '")}', valid inputs are ['${declared.join("', '")}']`
  return { variables, warning }
}

/** Blanks become `_`, dashes stay. */
function inputVariable(id: string): string {
  return `INPUT_${id.replaceAll(' ', '_').toUpperCase()}`
}

export const DEFAULT_JOB: WorkflowJob = {
  repository: 'octo-org/webapp',
  repositoryId: '674210385',
  repositoryOwnerId: '8214307',
  ref: 'refs/heads/main',
  sha: '9f2c4e6a8b0d1f3e5a7c9b1d3f5e7a9c0b2d4f6e',
  runId: '18230001',
  runNumber: '57',
  runAttempt: '1',
  workflow: 'Bake image',
  eventName: 'push',
}

/** How the workflow names the action; the step has no name of its own. */
const ACTION = { repository: 'octo-org/aib-action', ref: 'v1' }
export const STEP_NAME = `Run ${ACTION.repository}@${ACTION.ref}`

export interface Machine {
  workspace: string
  /** `RUNNER_TEMP` */
  runnerTemp: string
  home: string
  /** `TMPDIR` */
  temporary: string
  toolCache: string
  /** Value of `RUNNER_TRACKING_ID`, which all processes of the job inherit. */
  trackingId: string
}

/** For variables that are asked for before there is a machine. */
export function blankMachine(): Machine {
  return { workspace: '', runnerTemp: '', home: '', temporary: '', toolCache: '', trackingId: '' }
}

/** The environment that the runner itself has; of this computer's own, the way to its programs alone. */
export function machineVariables(machine: Machine, azure: LocalAzure): Variables {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: machine.home,
    USER: 'runner',
    LANG: 'C.UTF-8',
    TMPDIR: machine.temporary,
    NODE_EXTRA_CA_CERTS: azure.caFile,
    AZURE_AUTHORITY_HOST: azure.endpoints.authority,
  }
}

/** `GITHUB_*`, command files apart. There is no `GITHUB_TOKEN`. Branches of a pull request are not played. */
export function gitHubVariables(job: WorkflowJob, machine: Machine): Variables {
  const [owner = ''] = job.repository.split('/')
  const workflowFile = `${job.repository}/${job.workflowFile ?? '.github/workflows/bake.yml'}`
  return {
    GITHUB_ACTION: `__${ACTION.repository.replace('/', '_')}`,
    GITHUB_ACTION_REF: ACTION.ref,
    GITHUB_ACTION_REPOSITORY: ACTION.repository,
    GITHUB_ACTOR: 'octocat',
    GITHUB_ACTOR_ID: '583231',
    GITHUB_TRIGGERING_ACTOR: 'octocat',
    GITHUB_API_URL: 'https://api.github.com',
    GITHUB_GRAPHQL_URL: 'https://api.github.com/graphql',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_BASE_REF: '',
    GITHUB_HEAD_REF: '',
    GITHUB_EVENT_NAME: job.eventName,
    GITHUB_EVENT_PATH: path.join(machine.runnerTemp, '_github_workflow', 'event.json'),
    GITHUB_JOB: 'bake',
    GITHUB_REF: job.ref,
    GITHUB_REF_NAME: job.ref.replace(/^refs\/(heads|tags|pull)\//, ''),
    GITHUB_REF_TYPE: job.ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    GITHUB_REF_PROTECTED: 'false',
    GITHUB_REPOSITORY: job.repository,
    GITHUB_REPOSITORY_ID: job.repositoryId,
    GITHUB_REPOSITORY_OWNER: owner,
    GITHUB_REPOSITORY_OWNER_ID: job.repositoryOwnerId,
    GITHUB_RETENTION_DAYS: '90',
    GITHUB_RUN_ID: job.runId,
    GITHUB_RUN_NUMBER: job.runNumber,
    GITHUB_RUN_ATTEMPT: job.runAttempt,
    GITHUB_SHA: job.sha,
    GITHUB_WORKFLOW: job.workflow,
    GITHUB_WORKFLOW_REF: `${workflowFile}@${job.ref}`,
    GITHUB_WORKFLOW_SHA: job.sha,
    GITHUB_WORKSPACE: machine.workspace,
  }
}

const SYSTEMS: Record<string, string> = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' }
const ARCHITECTURES: Record<string, string> = { x64: 'X64', arm64: 'ARM64', arm: 'ARM', ia32: 'X86' }

/** `RUNNER_*`. */
export function runnerVariables(machine: Machine, debug: boolean): Variables {
  return {
    RUNNER_OS: SYSTEMS[process.platform] ?? 'Linux',
    RUNNER_ARCH: ARCHITECTURES[process.arch] ?? 'X64',
    RUNNER_NAME: 'GitHub Actions 7',
    RUNNER_ENVIRONMENT: 'github-hosted',
    RUNNER_TEMP: machine.runnerTemp,
    RUNNER_TOOL_CACHE: machine.toolCache,
    RUNNER_WORKSPACE: path.dirname(machine.workspace),
    RUNNER_TRACKING_ID: machine.trackingId,
    ...(debug && { RUNNER_DEBUG: '1' }),
  }
}

/** `ACTIONS_*`: with `id-token: write` the way to an ID token; its request token is the runtime token. */
export function serviceVariables(github: LocalAzure['github'], token: string, idToken: boolean): Variables {
  return {
    ACTIONS_RUNTIME_URL: github.resultsUrl,
    ACTIONS_RUNTIME_TOKEN: token,
    ACTIONS_RESULTS_URL: github.resultsUrl,
    ...(idToken && {
      ACTIONS_ID_TOKEN_REQUEST_URL: github.idTokenRequestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: token,
    }),
  }
}
