/** The action's main step as a process of its own, without the runner around it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  DEFAULT_JOB,
  gitHubVariables,
  inputVariables,
  readManifest,
  runnerVariables,
  type Machine,
} from '../../local-azure/runner/environment.ts'
import { cleanEnvironment } from './ways.ts'

const root = path.join(import.meta.dirname, '..', '..')

export interface StepOptions {
  /** Is made, with all that the runner has in folders: nothing was left there, no compile cache above all. */
  folder: string
  /** Default: an empty folder. */
  workspace?: string
  inputs: Record<string, string>
  /** How the services are reached. */
  variables: Record<string, string>
}

/** What a runner gives to the step; its outputs go into the file `OUTPUT` of the folder. */
export async function stepEnvironment(options: StepOptions): Promise<Record<string, string | undefined>> {
  const { folder, inputs, variables } = options
  const at = (name: string): string => path.join(folder, name)
  const machine: Machine = {
    workspace: options.workspace ?? at('workspace'),
    runnerTemp: at('runner'),
    home: at('home'),
    temporary: at('tmp'),
    toolCache: at('tools'),
    trackingId: 'bench',
  }
  for (const name of ['workspace', 'runner', 'home', 'tmp', 'tools']) mkdirSync(at(name), { recursive: true })
  const files = ['STATE', 'OUTPUT', 'ENV', 'PATH', 'STEP_SUMMARY'].map(
    (name) => [`GITHUB_${name}`, at(name)] as const,
  )
  for (const [, file] of files) writeFileSync(file, '')
  const gitHub = gitHubVariables(DEFAULT_JOB, machine)
  mkdirSync(path.dirname(gitHub['GITHUB_EVENT_PATH'] ?? ''), { recursive: true })
  writeFileSync(gitHub['GITHUB_EVENT_PATH'] ?? '', '{}')
  return {
    ...cleanEnvironment(),
    HOME: machine.home,
    TMPDIR: machine.temporary,
    ...gitHub,
    ...runnerVariables(machine, false),
    ...Object.fromEntries(files),
    ...inputVariables(await readManifest(root), inputs).variables,
    ...variables,
  }
}
