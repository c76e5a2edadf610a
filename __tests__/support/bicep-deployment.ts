/**
 * What a Bicep file deploys, worked out without Azure: its expressions are put into JavaScript, token by token, and
 * evaluated. What the set-up uses of the language is here and no more; anything else fails.
 */
import path from 'node:path'
import vm from 'node:vm'
import { children, declarations, literalOf, parse, read, type Declaration, type Node } from './bicep.ts'

export const SUBSCRIPTION_ID = '7c4f5e2a-6a55-4c5e-9a2b-3d1f0c8b6e11'
export const TENANT_ID = '2b8d1c77-90f3-4a3e-8d52-5e6f7a8b9c0d'
const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`

type Values = Record<string, unknown>

export interface DeployedResource {
  type: string
  id: string
  name: string
  /** ID of what it is on: its resource group or the subscription, or what an extension's `scope` names. */
  scope: string
  body: Values
}
export interface Deployment {
  resources: DeployedResource[]
  outputs: Values
}

/** One run through a file: what is declared is worked out when it is asked for, once. */
interface Run {
  file: string
  scope: string
  context: Values
  resources: DeployedResource[]
  /** What went wrong first: errors do not come out of a context as they are thrown in it. */
  failure?: Error
}

/**
 * @param scope ID of the resource group or subscription that it is deployed to
 * @throws when a parameter is missing, unknown or not used right, or a name is unknown
 */
export function deploy(file: string, params: Values, scope = SUBSCRIPTION): Deployment {
  const run: Run = { file, scope, context: {}, resources: [] }
  vm.createContext(Object.assign(run.context, builtIns(run)))
  const declared = declarations(parse(read(file)))
  const unknown = Object.keys(params).filter(
    (name) => !declared.some((one) => one.kind === 'parameter' && one.name === name),
  )
  if (unknown.length > 0) throw new Error(`${file} has no parameter ${unknown.join(', ')}`)
  for (const one of declared) define(run, one, params)
  const deployed = declared.filter(({ kind }) => kind === 'resource' || kind === 'module')
  // Asking for one deploys it.
  deployed.forEach(({ name }) => Reflect.get(run.context, name))
  const outputs = declared.filter(({ kind }) => kind === 'output')
  return {
    resources: run.resources,
    outputs: Object.fromEntries(outputs.map(({ name, node }) => [name, plain(evaluate(run, valueOf(node)))])),
  }
}

/** Values of a parameters file, which assigns as variables are declared. */
export function parametersOf(file: string): Values {
  const run: Run = { file, scope: '', context: vm.createContext({}), resources: [] }
  const variables = declarations(parse(asVariables(read(file))))
  return Object.fromEntries(variables.map(({ name, node }) => [name, plain(evaluate(run, valueOf(node)))]))
}

/** A parameters file as the grammar can read it: it knows no parameter without a type. */
export function asVariables(text: string): string {
  return text.replaceAll(/^param (\w+) =/gm, 'var $1 =')
}

function define(run: Run, one: Declaration, params: Values): void {
  if (one.kind === 'output' || one.kind === 'metadata' || one.kind === 'type') return
  let value: unknown
  let known = false
  Object.defineProperty(run.context, one.name, {
    enumerable: true,
    get: () => {
      try {
        if (!known) value = resolve(run, one, params)
      } catch (error) {
        run.failure ??= error as Error
        throw error
      }
      known = true
      return value
    },
  })
}

function resolve(run: Run, one: Declaration, params: Values): unknown {
  switch (one.kind) {
    case 'parameter':
      return one.name in params ? params[one.name] : parameterDefault(run, one)
    case 'variable':
      return evaluate(run, valueOf(one.node))
    case 'user_defined_function':
      return evaluate(run, functionOf(one.node))
    default:
      return each(run, one)
  }
}

function parameterDefault(run: Run, { name, node }: Declaration): unknown {
  if (!children(node).some(({ type }) => type === '='))
    throw new Error(`${run.file}: parameter ${name} is missing`)
  return evaluate(run, valueOf(node))
}

/** What a resource or module declares: one thing, one for each round of its loop, or none where its condition is false. */
function each(run: Run, one: Declaration): unknown {
  const make = one.kind === 'module' ? deployModule : deployResource
  const bodies = evaluate(run, valueOf(one.node))
  if (Array.isArray(bodies)) return bodies.filter(Boolean).map((body) => make(run, one, body as Values))
  return bodies === false ? null : make(run, one, bodies as Values)
}

function deployResource(run: Run, { node }: Declaration, body: Values): unknown {
  const type = literalOf(node).replace(/@.*/, '')
  const parent = body['parent'] as DeployedResource | undefined
  const scope = (body['scope'] as DeployedResource | undefined)?.id ?? run.scope
  const name = String(body['name'])
  const resource = { type, name, id: idOf(type, name, scope, parent), scope, body: plain(body) as Values }
  if (!children(node).some((child) => child.type === 'existing')) run.resources.push(resource)
  return { ...resource, properties: identityProperties(name) }
}

function idOf(type: string, name: string, scope: string, parent: DeployedResource | undefined): string {
  if (parent) return `${parent.id}/${type.slice(type.lastIndexOf('/') + 1)}/${name}`
  return type === 'Microsoft.Resources/resourceGroups'
    ? `${scope}/resourceGroups/${name}`
    : `${scope}/providers/${type}/${name}`
}

/** What Azure gives an identity: made of its name here, so that it can be told whose it is. */
function identityProperties(name: string): Values {
  return { clientId: `client of ${name}`, principalId: `principal of ${name}` }
}

function deployModule(run: Run, { node }: Declaration, body: Values): unknown {
  const scope = (body['scope'] as DeployedResource | undefined)?.id ?? run.scope
  const file = path.join(path.dirname(run.file), literalOf(node))
  const { resources, outputs } = deploy(file, plain(body['params']) as Values, scope)
  run.resources.push(...resources)
  return { outputs: new Proxy(outputs, { get: (all, name) => all[name as string] ?? noOutput(file, name) }) }
}

function noOutput(file: string, name: string | symbol): never {
  throw new Error(`${file} has no output ${String(name)}`)
}

/** Functions of Bicep, with the meanings that its documentation gives them. */
function builtIns(run: Run): Values {
  const group = { id: run.scope, name: path.posix.basename(run.scope) }
  const lists = {
    concat: (...all: unknown[][]) => all.flat(),
    contains: (whole: string | unknown[], part: string) => whole.includes(part),
    empty: (value: string | unknown[]) => value.length === 0,
    filter: (list: unknown[], test: (one: unknown) => boolean) => list.filter((one) => test(one)),
    join: (list: string[], between: string) => list.join(between),
    length: (value: string | unknown[]) => value.length,
    map: (list: unknown[], change: (one: unknown) => unknown) => list.map((one) => change(one)),
    range: (start: number, count: number) => Array.from({ length: count }, (_, i) => start + i),
    take: (value: string, count: number) => value.slice(0, count),
  }
  return {
    ...lists,
    guid: (...parts: string[]) => `guid(${parts.join(', ')})`,
    loadJsonContent: (file: string) => JSON.parse(read(path.join(path.dirname(run.file), file))) as unknown,
    replace: (text: string, from: string, to: string) => text.replaceAll(from, to),
    resourceGroup: () => group,
    split: (text: string, at: string) => text.split(at),
    subscription: () => ({ id: SUBSCRIPTION, subscriptionId: SUBSCRIPTION_ID, tenantId: TENANT_ID }),
    subscriptionResourceId: (type: string, name: string) => `${SUBSCRIPTION}/providers/${type}/${name}`,
    substring: (text: string, start: number, count: number) => text.slice(start, start + count),
    toLower: (text: string) => text.toLowerCase(),
  }
}

function evaluate(run: Run, script: string): unknown {
  try {
    return vm.runInContext(`(${script})`, run.context)
  } catch (error) {
    run.failure ??= error instanceof Error ? error : new Error(`${run.file}: ${String(error)} in ${script}`)
    throw run.failure
  }
}

/** What stands behind a declaration's `=`. */
function valueOf(node: Node): string {
  const parts = children(node)
  return parts
    .slice(parts.findIndex(({ type }) => type === '=') + 1)
    .map(script)
    .join('')
}

function functionOf(node: Node): string {
  const parts = children(node)
  const parameters = parts.find(({ type }) => type === 'parameters')
  const names = children(parameters ?? node).filter(({ type }) => type === 'parameter')
  const body = parts.slice(parts.findIndex(({ type }) => type === '=>') + 1)
  return `(${names.map((one) => children(one)[0]?.text ?? '').join()}) => ${body.map(script).join('')}`
}

/** A piece of Bicep as JavaScript. */
function script(node: Node): string {
  const parts = children(node)
  switch (node.type) {
    case 'comment':
    case 'decorators':
      return ''
    case 'string':
      return template(node)
    case 'object':
      return `({${parts
        .filter(({ type }) => type === 'object_property')
        .map(script)
        .join()}})`
    case 'array':
      return `[${parts
        .filter(({ type }) => !/^(?:[[\],]|comment)$/.test(type))
        .map(script)
        .join()}]`
    case 'for_statement':
      return loop(parts)
    case 'if_statement':
      return parts.slice(1).map(script).join(' && ')
    case 'member_expression':
      // A `!` here says that something is there; the one that negates belongs to another node.
      return parts
        .filter(({ type }) => type !== '!')
        .map(script)
        .join(' ')
    default:
      return parts.length > 0 ? parts.map(script).join(' ') : token(node)
  }
}

function token({ text }: Node): string {
  if (text === '.?') return '?.'
  return text === '==' || text === '!=' ? `${text}=` : text
}

function template(node: Node): string {
  const parts = children(node).slice(1, -1)
  const pieces = parts.map((part) => {
    if (part.type === 'interpolation') return `\${${children(part).slice(1, -1).map(script).join(' ')}}`
    return part.type === 'escape_sequence' ? part.text : part.text.replaceAll('`', '\\`')
  })
  return `\`${pieces.join('')}\``
}

function loop(parts: Node[]): string {
  const [, , names] = parts
  const at = parts.findIndex(({ type }) => type === ':')
  const from = parts.findIndex(({ type }) => type === 'in') + 1
  const variables = names?.type === 'for_loop_parameters' ? names.text : `(${names?.text ?? ''})`
  const list = parts.slice(from, at).map(script).join(' ')
  const body = parts
    .slice(at + 1, -1)
    .map(script)
    .join(' ')
  return `(${list}).map(${variables} => (${body}))`
}

/** A value without the context that it comes from, and without links to resources. */
function plain(value: unknown): unknown {
  if (value === undefined) return undefined
  const json = JSON.stringify(value, (key, inner: unknown) =>
    key === 'parent' || key === 'dependsOn' || key === 'scope' ? undefined : inner,
  )
  return JSON.parse(json) as unknown
}
