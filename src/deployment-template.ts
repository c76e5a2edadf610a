/** The input `template-file`: finds the image template in it and resolves the expressions of a deployment template. */
import { didYouMean } from './nearest.ts'
import {
  evaluateText,
  ExpressionError,
  Facts,
  fail,
  type Fields,
  isFields,
  ownName,
  type TemplateFunctions,
} from './template-expressions.ts'
import { FUNCTIONS, takes } from './template-functions.ts'

/** Where the template is deployed, as far as it is known without asking Azure. */
export interface DeploymentScope {
  subscriptionId: string
  tenantId?: string
  resourceGroup: string
  /** Base URL, for `environment()`. */
  resourceManager: string
}

export interface FoundImageTemplate {
  /** The `imageTemplates` resource as it stands in the file, expressions not resolved. */
  resource: Record<string, unknown>
  /**
   * Resolves every expression within a value of the resource; values that are not passed are never looked at. `place`
   * is the value's path, such as `properties.source`. What cannot be resolved becomes undefined and is added to
   * `problems`, as a sentence that begins with the exact place and names the whole expression and the reason.
   */
  resolve: (value: unknown, place: string, problems: string[]) => unknown
}

/**
 * Finds the image template in a parsed JSON file: an `imageTemplates` body, a single ARM resource, or a whole
 * deployment template with exactly one such resource (`resources` as an array or, with languageVersion 2.0, as an
 * object). Only a deployment template has expressions; in the two others every string is literal.
 * @returns what was found, or a sentence that says what is wrong
 */
export function findImageTemplate(file: unknown, scope: DeploymentScope): FoundImageTemplate | string {
  if (!isFields(file)) return `the file holds no JSON object: ${EXPECTED}.`
  if (isImageTemplate(file)) return { resource: file, resolve: (value) => value }
  const schema = String(file['$schema'])
  if (/deploymentParameters/i.test(schema)) return `the file holds parameters alone: ${EXPECTED}.`
  if (file['resources'] !== undefined || /deploymentTemplate/i.test(schema)) {
    return new Deployment(file, scope).imageTemplate()
  }
  if (typeof file['type'] === 'string') return `the file holds a ${file['type']}: ${EXPECTED}.`
  if (isFields(file['properties'])) return { resource: file, resolve: (value) => value }
  return `the file has neither properties nor resources: ${EXPECTED}.`
}

const EXPECTED = 'give an imageTemplates body, or a deployment template with one'

/** Azure's samples have the type without its last part, too. */
function isImageTemplate({ type }: Fields): boolean {
  return typeof type === 'string' && /^Microsoft\.VirtualMachineImages(\/imageTemplates)?$/i.test(type)
}

function resourcesOf(template: Fields): Fields[] {
  return Object.values(template['resources'] ?? {}).filter(isFields)
}

function nameOf({ name }: Fields): string {
  return typeof name === 'string' ? `'${name}'` : 'without a name'
}

/** Evaluates one string or key at `place` and decides what becomes of a failure. */
type Attempt = (place: string, source: string, evaluate: () => unknown) => unknown

/** A whole deployment template. */
class Deployment {
  private readonly file: Fields
  private readonly functions: TemplateFunctions
  /** Parameters and variables that are resolved already. */
  private readonly values = new Map<string, unknown>()
  /** Those that are being resolved, outermost first. */
  private readonly open: string[] = []

  constructor(file: Fields, scope: DeploymentScope) {
    this.file = file
    this.functions = {
      ...FUNCTIONS,
      ...scopeFunctions(scope),
      parameters: takes(['string'], (name) => this.valueOf('parameter', name)),
      variables: takes(['string'], (name) => this.valueOf('variable', name)),
    }
  }

  imageTemplate(): FoundImageTemplate | string {
    const resources = resourcesOf(this.file)
    const problems: string[] = []
    const templates = resources.filter(isImageTemplate)
    const absences = templates.map((template) => this.absence(template, problems))
    if (problems[0] !== undefined) return problems[0]
    const present = templates.filter((_, index) => absences[index] === undefined)
    const [resource] = present
    if (!resource) return noImageTemplate(resources, absences.map(String))
    if (present.length > 1) {
      return `the file has ${present.length} image templates, ${present.map(nameOf).join(', ')}: keep one.`
    }
    if (resource['copy'] === undefined) return { resource, resolve: this.resolve.bind(this) }
    return `image template ${nameOf(resource)} has a copy loop, and those are not supported here: write it out once.`
  }

  /** Why a resource would not be deployed, or undefined when it would be. */
  private absence(resource: Fields, problems: string[]): string | undefined {
    const name = `image template ${nameOf(resource)}`
    if (resource['existing'] === true) return `${name} is only referred to as existing`
    const condition = this.resolve(resource['condition'] ?? true, `condition of ${name}`, problems)
    if (condition === false) return `the condition of ${name} is false`
    // Said second, and so not heard, of a condition that could not be resolved.
    if (condition !== true) problems.push(`the condition of ${name} is neither true nor false.`)
    return undefined
  }

  private resolve(value: unknown, place: string, problems: string[]): unknown {
    return this.walk(value, place, (at, source, evaluate) => {
      try {
        // The copy keeps a value that is used twice from being shared, and finds objects that Azure alone knows whole.
        return JSON.parse(JSON.stringify(evaluate())) as unknown
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error
        const sentence = `${at}: ${source} cannot be resolved: ${error.message}`
        problems.push(/[.?]$/.test(sentence) ? sentence : `${sentence}.`)
        return undefined
      }
    })
  }

  private walk(value: unknown, place: string, attempt: Attempt): unknown {
    if (typeof value === 'string') return attempt(place, value, () => evaluateText(value, this.functions))
    if (Array.isArray(value))
      return value.map((item, index) => this.walk(item, `${place}[${index}]`, attempt))
    if (!isFields(value)) return value
    if (Array.isArray(value['copy'])) return attempt(`${place}.copy`, 'the copy loop', () => fail(NO_COPY))
    const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
      const at = /^\w+$/.test(key) ? `${place}.${key}` : `${place}["${key}"]`
      const name = attempt(at, key, () => {
        const text = evaluateText(key, this.functions)
        return typeof text === 'string' ? text : fail('the name of a property must be text')
      })
      return [typeof name === 'string' ? name : key, this.walk(item, at, attempt)]
    })
    return Object.fromEntries(entries)
  }

  /** The value of a parameter or variable, evaluated when it is first asked for. */
  private valueOf(kind: 'parameter' | 'variable', name: string): unknown {
    const section = this.file[`${kind}s`]
    const all = isFields(section) ? section : {}
    const own = ownName(all, name) ?? fail(missing(kind, name, all))
    const key = `${kind} '${own}'`
    if (this.values.has(key)) return this.values.get(key)
    if (this.open.includes(key)) fail(`${[...this.open, key].join(' needs ')}, in a circle`)
    const [source, place] = kind === 'variable' ? [all[own], `variables.${own}`] : defaultOf(own, all[own])
    this.open.push(key)
    try {
      this.values.set(key, this.walk(source, place, failingAt))
      return this.values.get(key)
    } finally {
      this.open.pop()
    }
  }
}

const NO_COPY = 'copy loops are not supported here: write the elements out'

const failingAt: Attempt = (place, source, evaluate) => {
  try {
    return evaluate()
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return fail(`${place} is ${source}: ${error.message}`)
  }
}

function missing(kind: string, name: string, all: Fields): string {
  const loops: unknown[] = [all['copy']].flat()
  if (loops.some((one) => isFields(one) && one['name'] === name))
    return `${kind} '${name}' is made by a copy loop: ${NO_COPY}`
  return `there is no ${kind} '${name}'.${didYouMean(name, Object.keys(all))}`
}

/** The default of a parameter and its place; a nullable parameter (languageVersion 2.0) without one is null. */
function defaultOf(name: string, parameter: unknown): [unknown, string] {
  const { defaultValue, nullable } = isFields(parameter) ? parameter : {}
  if (defaultValue !== undefined) return [defaultValue, `parameters.${name}.defaultValue`]
  return nullable === true
    ? [null, '']
    : fail(`parameter '${name}' has no defaultValue: give it one in the file`)
}

function noImageTemplate(resources: Fields[], absent: string[]): string {
  if (absent.length > 0) return `the file has no image template to build: ${absent.join('; ')}.`
  const nested = resources.find(({ properties }) => {
    const template = isFields(properties) ? properties['template'] : undefined
    return isFields(template) && resourcesOf(template).some(isImageTemplate)
  })
  const hint = nested
    ? ` One is in the nested deployment ${nameOf(nested)}: give that template as the file.`
    : ''
  const types = [...new Set(resources.map(({ type }) => String(type)))].join(', ')
  return `the file has no image template, only ${types || 'an empty list of resources'}.${hint}`
}

/** Functions that tell of the deployment's place, in the forms that "Scope functions" documents. */
function scopeFunctions(scope: DeploymentScope): TemplateFunctions {
  const { subscriptionId, resourceGroup, tenantId, resourceManager } = scope
  const tenant = tenantId === undefined ? {} : { tenantId }
  const subscription = { subscriptionId, id: `/subscriptions/${subscriptionId}`, ...tenant }
  const group = { name: resourceGroup, id: `${subscription.id}/resourceGroups/${resourceGroup}` }
  const location = 'use the input location or write the region'
  const environment = { resourceManager: `${resourceManager.replace(/\/+$/, '')}/` }
  return {
    environment: takes([], () => new Facts('environment()', environment)),
    extensionResourceId: takes(
      ['string', 'string', 'string*'],
      (of, type, names) => of + pathOf([type, ...names], 0).path,
    ),
    resourceGroup: takes([], () => new Facts('resourceGroup()', group, { location })),
    resourceId: takes(['string', 'string', 'string*'], (first, second, rest) => {
      const { before, path } = pathOf([first, second, ...rest], 2)
      const ofGroup = before.at(-1) ?? resourceGroup
      const ofSubscription = before.length === 2 ? before[0] : subscriptionId
      return `/subscriptions/${ofSubscription}/resourceGroups/${ofGroup}${path}`
    }),
    subscription: takes([], () => new Facts('subscription()', subscription)),
    subscriptionResourceId: takes(['string', 'string', 'string*'], (first, second, rest) => {
      const { before, path } = pathOf([first, second, ...rest], 1)
      return `/subscriptions/${before[0] ?? subscriptionId}${path}`
    }),
    tenant: takes([], () => new Facts('tenant()', tenant)),
  }
}

/** `/providers/<namespace>/<type>/<name>…`, and the arguments before the type, of which there may be `most`. */
function pathOf(args: string[], most: number): { before: string[]; path: string } {
  const at = args.findIndex((one) => one.includes('/'))
  if (at < 0 || at > most)
    fail('a resource type such as Microsoft.Compute/images is expected among the arguments')
  const [namespace = '', ...types] = (args[at] ?? '').split('/')
  const names = args.slice(at + 1)
  if (names.length !== types.length)
    fail(`type ${args[at] ?? ''} has ${types.length} names, not ${names.length}`)
  const segments = types.flatMap((type, index) => [type, names[index] ?? ''])
  return { before: args.slice(0, at), path: ['/providers', namespace, ...segments].join('/') }
}
