/**
 * Holds workflows against what they use: the inputs and outputs of this repository's actions and reusable workflows, the
 * permissions that their jobs need, pins, and what goes into shell lines.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'

export type Values = Record<string, unknown>
export interface Step {
  id?: string
  uses?: string
  run?: string
  with?: Values
}
export interface Job {
  needs?: string | string[]
  uses?: string
  with?: Values
  permissions?: Values
  strategy?: { matrix: Values | string }
  outputs?: Record<string, string>
  steps?: Step[]
  [key: string]: unknown
}
export interface Workflow {
  on: { workflow_call?: { inputs: Record<string, Input>; outputs: Record<string, { value: string }> } }
  permissions?: Values
  jobs: Record<string, Job>
}
export interface Input {
  description: string
  required?: boolean
  default?: unknown
  type?: 'boolean' | 'number' | 'string'
}

/** What may be used of this repository, by its name before the `@`. */
export interface Contract {
  inputs: Record<string, Input>
  outputs: string[]
  /** Of a reusable workflow. */
  workflow?: Workflow
}
export type Contracts = ReadonlyMap<string, Contract>

export const OWN = 'org/aib-action'
/** Outputs of actions of others, as their action.yml lists them. */
const FOREIGN_OUTPUTS: Record<string, string[]> = {
  'actions/attest': ['bundle-path', 'attestation-id', 'attestation-url'],
}

/** Reads every action.yml and every workflow that can be called, below a root. */
export function contracts(root: string): Contracts {
  const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8')
  const folders = ['.', ...readdirSync(root)].filter((one) => existsSync(path.join(root, one, 'action.yml')))
  const actions = folders.map((folder): [string, Contract] => {
    const { inputs, outputs } = parse(read(folder, 'action.yml')) as {
      inputs: Contract['inputs']
      outputs: Values
    }
    return [folder === '.' ? OWN : `${OWN}/${folder}`, { inputs, outputs: Object.keys(outputs) }]
  })
  const called = readdirSync(path.join(root, '.github/workflows')).flatMap((file): [string, Contract][] => {
    const workflow = parse(read('.github/workflows', file)) as Workflow
    const call = workflow.on.workflow_call
    if (!call) return []
    const contract = { inputs: call.inputs, outputs: Object.keys(call.outputs), workflow }
    return [[`${OWN}/.github/workflows/${file}`, contract]]
  })
  return new Map([...actions, ...called])
}

/**
 * What is wrong with a workflow, one sentence each.
 * @param ref how it has to name what is of this repository, such as `v1`
 */
export function complaints(text: string, ref: string, known: Contracts): string[] {
  const workflow = parse(text) as Workflow
  const jobs = Object.entries(workflow.jobs)
  return [
    ...pinComplaints(text),
    ...usesOf(workflow).flatMap((use) => useComplaints(use, ref, known)),
    ...jobs.flatMap(([name, job]) => stepComplaints(name, job)),
    ...jobs.flatMap(([name, job]) => outputComplaints(name, job, workflow, known)),
    ...jobs.flatMap(([name, job]) => permissionComplaints(name, job, workflow, known)),
    ...callOutputComplaints(workflow, known),
  ]
}

interface Use {
  at: string
  uses: string
  with: Values
}

/** Everything that jobs and steps use, with the names of their inputs. */
export function usesOf(workflow: Workflow): Use[] {
  return Object.entries(workflow.jobs).flatMap(([name, job]) =>
    [job, ...(job.steps ?? [])].flatMap((one) =>
      one.uses === undefined ? [] : [{ at: `jobs.${name}`, uses: one.uses, with: one.with ?? {} }],
    ),
  )
}

function isOwn(uses: string): boolean {
  return uses.startsWith(`${OWN}@`) || uses.startsWith(`${OWN}/`)
}

function pinComplaints(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^\s*(?:- )?uses: (.*)$/.exec(line)?.[1])
    .filter((uses) => uses !== undefined && !isOwn(uses))
    .filter((uses) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses ?? ''))
    .map((uses) => `${uses ?? ''} is not pinned by commit with its version as a comment`)
}

function useComplaints({ at, uses, with: given }: Use, ref: string, known: Contracts): string[] {
  if (!isOwn(uses)) return []
  const [name = '', version] = uses.split('@')
  const contract = known.get(name)
  if (!contract) return [`${at}: there is no ${name}`]
  const unknown = Object.keys(given).filter((input) => !(input in contract.inputs))
  // The main action's may be brought by a template; reading the values tells.
  const required = Object.keys(contract.inputs).filter(
    (input) => contract.inputs[input]?.required && name !== OWN,
  )
  return [
    ...(version === ref ? [] : [`${at}: ${uses} is not @${ref}`]),
    ...unknown.map((input) => `${at}: ${name} has no input ${input}`),
    ...required.filter((input) => !(input in given)).map((input) => `${at}: ${name} requires ${input}`),
    ...Object.entries(given).flatMap(([input, value]) =>
      typeComplaints(`${at}: ${input}`, contract.inputs[input], value),
    ),
  ]
}

/** GitHub takes no text for a boolean, and no boolean for a text, where a workflow is called. */
function typeComplaints(at: string, input: Input | undefined, value: unknown): string[] {
  const isExpression = typeof value === 'string' && value.includes('${{')
  if (input?.type === undefined || isExpression || typeof value === input.type) return []
  return input.type === 'string' && typeof value === 'number' ? [] : [`${at} is no ${input.type}`]
}

function stepComplaints(name: string, { steps = [] }: Job): string[] {
  return steps.flatMap((step) => [
    ...(step.run?.includes('${{') ? [`jobs.${name}: an expression stands in a shell line: ${step.run}`] : []),
    ...(step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false
      ? [`jobs.${name}: the checkout keeps the token`]
      : []),
  ])
}

function outputComplaints(name: string, job: Job, { jobs }: Workflow, known: Contracts): string[] {
  const needed = [job.needs ?? []].flat()
  return [
    ...JSON.stringify(job).matchAll(/\b(steps|needs)\.([\w-]+)\.(?:outputs\.([\w-]+)|result)/g),
  ].flatMap(([text, context, id = '', output]) => {
    const at = `jobs.${name}: ${text}:`
    if (context === 'needs' && !needed.includes(id)) return [`${at} the job does not need ${id}`]
    if (output === undefined) return []
    const step = job.steps?.find((one) => one.id === id)
    const has = context === 'needs' ? jobOutputs(jobs[id], known) : stepOutputs(step, known)
    return has.includes(output) ? [] : [`${at} there is no such output`]
  })
}

function callOutputComplaints({ on, jobs }: Workflow, known: Contracts): string[] {
  const outputs = Object.entries(on.workflow_call?.outputs ?? {})
  return outputs.flatMap(([name, { value }]) =>
    [...value.matchAll(/\bjobs\.([\w-]+)\.outputs\.([\w-]+)/g)]
      .filter(([, job = '', output = '']) => !jobOutputs(jobs[job], known).includes(output))
      .map(([text]) => `outputs.${name}: ${text}: there is no such output`),
  )
}

function jobOutputs(job: Job | undefined, known: Contracts): string[] {
  if (job?.uses === undefined) return Object.keys(job?.outputs ?? {})
  return known.get(job.uses.split('@')[0] ?? '')?.outputs ?? []
}

function stepOutputs(step: Step | undefined, known: Contracts): string[] {
  const name = step?.uses?.split('@')[0]
  if (name !== undefined) return known.get(name)?.outputs ?? FOREIGN_OUTPUTS[name] ?? []
  return [...(step?.run ?? '').matchAll(/\b([\w-]+)=\S.*>> "\$GITHUB_OUTPUT"/g)].map(
    (match) => match[1] ?? '',
  )
}

function permissionComplaints(name: string, job: Job, workflow: Workflow, known: Contracts): string[] {
  const stated = job.permissions ?? workflow.permissions
  const needed = neededBy(job, known)
  // What a called job names is asked of every caller; so what few of them want comes from those alone.
  if (!stated && workflow.on.workflow_call && needed['attestations'] === 'write') return []
  if (!stated) return [`jobs.${name}: says nothing of permissions`]
  const words = (permissions: Values): string => JSON.stringify(Object.entries(permissions).sort())
  return words(stated) === words(needed)
    ? []
    : [`jobs.${name}: has the permissions ${words(stated)}, and needs ${words(needed)}`]
}

/** The least that the job gets along with. */
function neededBy(job: Job, known: Contracts): Values {
  const called = known.get(job.uses?.split('@')[0] ?? '')?.workflow
  const all = called
    ? [
        ...Object.values(called.jobs).map((one) => one.permissions ?? {}),
        job.with?.['attest'] === true ? ATTESTING : {},
      ]
    : (job.steps ?? []).map(neededByStep)
  return all.reduce<Values>((sum, one) => {
    const stronger = Object.entries(one).filter(([scope]) => sum[scope] !== 'write')
    return { ...sum, ...Object.fromEntries(stronger) }
  }, {})
}

const ATTESTING = { 'id-token': 'write', attestations: 'write' }

function neededByStep({ uses = '', run = '', with: given = {} }: Step): Values {
  if (uses.startsWith('actions/checkout@')) return { contents: 'read' }
  if (uses.startsWith('actions/attest@')) return ATTESTING
  if (run.includes('gh attestation verify')) return { contents: 'read', attestations: 'read' }
  if (/scripts\/release\.ts (publish|move)/.test(run)) return { contents: 'write' }
  return 'client-id' in given ? { 'id-token': 'write' } : {}
}
