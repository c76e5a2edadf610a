/**
 * Reads a workflow and all that it calls, as GitHub does before a run begins: parsed by its own parser, calls checked
 * against what they call, permissions against those of the caller. Whatever is wrong is told at once.
 */
import { readFile } from 'node:fs/promises'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token'
import { at } from './expressions.ts'
import { fieldsOf, itemsOf, literalOf, type Fields } from './fields.ts'
import { checkCall, readDefinitions, type InputDefinition } from './inputs.ts'
import { convertWorkflowTemplate, isMapping, NoOperationTraceWriter, parseWorkflow } from './parser.ts'
import { DEFAULT_PERMISSIONS, excessOf, readPermissions, type Permissions } from './permissions.ts'

export interface StepNode {
  fields: Fields
  /** Its `if` as an expression, the implicit `success()` in it. */
  condition: string
}

export interface JobNode {
  id: string
  token: TemplateToken
  fields: Fields
  condition: string
  needs: string[]
  /** What its token may do; of a call, the most that the called workflow's jobs may have. */
  permissions: Permissions
  steps: StepNode[]
  called?: Workflow
}

export interface Workflow {
  /** How errors call it: its path, with the repository's name before it where that is not the caller's. */
  file: string
  fields: Fields
  name: string
  /** `owner/name/path@ref` of a called one, the ref in full: the claim `job_workflow_ref`. */
  calledAs?: string
  jobs: JobNode[]
  /** Of `workflow_call`; of `workflow_dispatch` for the workflow that the event starts. */
  inputs: InputDefinition[]
  outputs: Fields
}

/** Where workflows stand. */
export interface Sources {
  /** `owner/name` of the caller's repository, and its ref. */
  repository: string
  ref: string
  /** The file here of one in a repository; undefined for a repository that is not here. */
  find: (repository: string, path: string) => string | undefined
  /** What is wrong with a step's `uses`. */
  checkUses: (uses: string) => string | undefined
}

/** A workflow that GitHub would not start; `errors` has all that is wrong with it. */
export class InvalidWorkflow extends Error {
  readonly errors: string[]

  constructor(errors: string[]) {
    super(`The workflow is not valid. ${errors.join('\n')}`)
    this.errors = errors
  }
}

/** Documented: a run nests ten workflows at most, the caller's own counted. */
const DEEPEST = 10
const NOT_PLAYED = ['container', 'services', 'snapshot']

/** Loads a workflow of the caller's repository and everything below it. Throws InvalidWorkflow with every error. */
export async function loadWorkflow(sources: Sources, path: string): Promise<Workflow> {
  const loader = new Loader(sources)
  const workflow = await loader.load({ repository: sources.repository, path, depth: 1 })
  if (loader.errors.size > 0 || !workflow) throw new InvalidWorkflow([...loader.errors])
  return workflow
}

/** Which file is wanted, and by whom. */
interface Wanted {
  repository: string
  path: string
  depth: number
  call?: Call
}

interface Call {
  /** As written behind `uses`. */
  ref: string
  /** The job that calls. */
  token: TemplateToken
  file: string
  permissions: Permissions
  calledAs: string
}

/** What the parser made of a job, as far as it is used here. */
interface ParsedJob {
  id: TemplateToken & { value: string }
  if: { expression: string }
  needs?: { value: string }[]
  steps?: { if?: { expression: string } }[]
}

class Loader {
  readonly errors = new Set<string>()
  private readonly sources: Sources

  constructor(sources: Sources) {
    this.sources = sources
  }

  async load(wanted: Wanted): Promise<Workflow | undefined> {
    const { repository, path, call } = wanted
    const place = this.sources.find(repository, path)
    const content = place === undefined ? undefined : await readFile(place, 'utf8').catch(() => undefined)
    if (content === undefined) {
      const who = call ? at(call.token, call.file, `error parsing called workflow "${call.ref}"`) : path
      this.errors.add(`${who}: workflow was not found.`)
      return undefined
    }
    const file = repository === this.sources.repository ? path : `${repository}/${path}`
    const parsed = await this.parse(file, content)
    if (!parsed) return undefined
    const { fields } = parsed
    const jobs = await this.loadJobs(parsed, wanted, file)
    const name = literalOf(fields.get('name')) ?? file
    const calledAs = call && { calledAs: call.calledAs }
    return { file, fields, name, ...calledAs, jobs, ...this.readInterface(fields, call) }
  }

  private async parse(
    file: string,
    content: string,
  ): Promise<{ fields: Fields; jobs: ParsedJob[] } | undefined> {
    const { context, value } = parseWorkflow({ name: file, content }, new NoOperationTraceWriter())
    const template = value && (await convertWorkflowTemplate(context, value))
    const errors = context.errors.getErrors()
    for (const { message } of errors) this.errors.add(message)
    return template && errors.length === 0 ? { fields: fieldsOf(value), jobs: template.jobs } : undefined
  }

  private async loadJobs(
    { fields, jobs }: { fields: Fields; jobs: ParsedJob[] },
    { call, repository, depth }: Wanted,
    file: string,
  ): Promise<JobNode[]> {
    const requested = readPermissions(fields.get('permissions'))
    if (requested) this.checkPermissions(call, 'The workflow', requested)
    const granted = requested ?? call?.permissions ?? DEFAULT_PERMISSIONS
    const nodes: JobNode[] = []
    for (const parsed of jobs) {
      const node = nodeOf(parsed, fieldsOf(fields.get('jobs')).get(parsed.id.value), granted)
      const own = readPermissions(node.fields.get('permissions'))
      if (own) this.checkPermissions(call, `The nested job '${node.id}'`, own)
      this.checkPlayable(node, file)
      const called = await this.loadCalled(node, { repository, file, depth })
      nodes.push({ ...node, ...(called && { called }) })
    }
    return nodes
  }

  /** `./` is the repository of the file that says so, at the same commit (documented). */
  private async loadCalled(
    node: JobNode,
    { repository, file, depth }: { repository: string; file: string; depth: number },
  ): Promise<Workflow | undefined> {
    const uses = node.fields.get('uses')
    const ref = literalOf(uses)
    if (!uses || ref === undefined) return undefined
    if (depth >= DEEPEST) {
      this.errors.add(at(uses, file, `Nested reusable workflow depth exceeded ${DEEPEST}.`))
      return undefined
    }
    const [, owner = '', remote = '', version = ''] = /^([^/]+\/[^/]+)\/(.+)@(.+)$/.exec(ref) ?? []
    const [of, path] = ref.startsWith('./') ? [repository, ref.slice(2)] : [owner, remote]
    const calledAs = `${of}/${path}@${ref.startsWith('./') ? this.sources.ref : fullRef(version)}`
    const call = { ref, token: node.token, file, permissions: node.permissions, calledAs }
    const called = await this.load({ repository: of, path, depth: depth + 1, call })
    if (called) {
      const definitions = { inputs: called.inputs, secrets: secretsOf(called) }
      for (const error of checkCall(definitions, node.fields, uses, file)) this.errors.add(error)
    }
    return called
  }

  private readInterface(fields: Fields, call: Call | undefined): Pick<Workflow, 'inputs' | 'outputs'> {
    const on = fields.get('on')
    const names = on && isMapping(on) ? [...fieldsOf(on).keys()] : [on, ...itemsOf(on)].map(literalOf)
    if (call && !names.includes('workflow_call')) {
      this.errors.add(
        at(call.token, call.file, 'workflow_call key is not defined in the referenced workflow.'),
      )
    }
    const event = fieldsOf(fieldsOf(on).get(call ? 'workflow_call' : 'workflow_dispatch'))
    return { inputs: readDefinitions(fieldsOf(event.get('inputs'))), outputs: fieldsOf(event.get('outputs')) }
  }

  private checkPermissions(call: Call | undefined, who: string, requested: Permissions): void {
    const excess = call && excessOf(requested, call.permissions)
    if (!excess) return
    const message = `Error calling workflow '${call.ref}'. ${who} is requesting '${excess.requested}', but is only allowed '${excess.allowed}'.`
    this.errors.add(at(call.token, call.file, message))
  }

  private checkPlayable({ fields, steps }: JobNode, file: string): void {
    for (const name of NOT_PLAYED) {
      const token = fields.get(name)
      if (token) this.errors.add(at(token, file, `'${name}' is not played here`))
    }
    for (const step of steps) {
      const uses = step.fields.get('uses')
      const wrong = this.sources.checkUses(literalOf(uses) ?? '')
      if (uses && wrong) this.errors.add(at(uses, file, wrong))
    }
  }
}

function nodeOf(job: ParsedJob, token: TemplateToken | undefined, granted: Permissions): JobNode {
  const fields = fieldsOf(token)
  return {
    id: job.id.value,
    token: job.id,
    fields,
    condition: job.if.expression,
    needs: (job.needs ?? []).map(({ value }) => value),
    permissions: readPermissions(fields.get('permissions')) ?? granted,
    steps: itemsOf(fields.get('steps')).map((step, index) => ({
      fields: fieldsOf(step),
      condition: job.steps?.[index]?.if?.expression ?? 'success()',
    })),
  }
}

/** Definitions of `workflow_call.secrets`: name → whether it is required. */
function secretsOf(called: Workflow): Map<string, boolean> {
  const call = fieldsOf(fieldsOf(called.fields.get('on')).get('workflow_call'))
  return new Map(
    [...fieldsOf(call.get('secrets'))].map(([name, token]) => [
      name,
      literalOf(fieldsOf(token).get('required')) === 'true',
    ]),
  )
}

/** A version is a tag here, a commit itself, anything else a branch. */
function fullRef(version: string): string {
  if (/^[0-9a-f]{40}$/.test(version) || version.startsWith('refs/')) return version
  return `refs/${/^v\d/.test(version) ? 'tags' : 'heads'}/${version}`
}
