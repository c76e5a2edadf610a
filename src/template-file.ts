/**
 * `template-file`: a template that the user brings, as the body of an `imageTemplates` resource or inside a deployment
 * template. What inputs override is not even looked at: an expression there harms nobody.
 */
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser'
import { readArmForm } from './arm-form.ts'
import { findImageTemplate, type DeploymentScope } from './deployment-template.ts'
import type { InputReader, Placed } from './input-reader.ts'
import type { ImageTemplateFile } from './template-schema.ts'

/** Fields of any resource, or filled in by the service: nothing that a request body holds. */
const NOT_IN_BODY = [
  'id',
  'name',
  'type',
  'apiVersion',
  'dependsOn',
  'comments',
  'condition',
  'scope',
  'systemData',
  'etag',
  'resourceGroup',
]
const READ_ONLY = ['provisioningState', 'provisioningError', 'lastRunStatus', 'exactStagingResourceGroup']

/** The template as far as inputs do not override it. */
export type TemplateFile = ImageTemplateFile

/**
 * Reads the file; undefined when there is none or when it cannot be used at all.
 * @param text the file's content
 * @param overridden the fields that inputs override: `location`, `identity`, `properties.source`
 */
export function readTemplateFile(
  read: InputReader,
  text: string,
  scope: DeploymentScope,
  overridden: ReadonlySet<string>,
): TemplateFile | undefined {
  const errors: ParseError[] = []
  const json: unknown = parse(text, errors, { allowTrailingComma: true })
  if (errors[0]) {
    read.problem('template-file', `is not JSON: ${jsonMistake(text, errors[0])}.`)
    return undefined
  }
  const found = findImageTemplate(json, scope)
  if (typeof found === 'string') {
    read.problem('template-file', found)
    return undefined
  }
  const problems: string[] = []
  const wanted = withoutOverridden(found.resource, overridden)
  const body = mapEntries(wanted, (value, field) =>
    field === 'properties' && isObject(value)
      ? mapEntries(value, (inner, name) => found.resolve(inner, `properties.${name}`, problems))
      : found.resolve(value, field, problems),
  )
  const placeholders = new Set(placeholdersIn(body))
  if (placeholders.size > 0)
    problems.push(`holds placeholders that nobody has filled in: ${[...placeholders].join(', ')}.`)
  // What could not be resolved would only be told of once more.
  const { value, mistakes } =
    problems.length > 0 ? { value: undefined, mistakes: problems } : readArmForm('imageTemplate', body)
  for (const mistake of mistakes) read.problem('template-file', mistake)
  return value
}

function jsonMistake(text: string, { error, offset }: ParseError): string {
  const before = text.slice(0, offset).split('\n')
  const words = printParseErrorCode(error)
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase()
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${words}`
}

function withoutOverridden(
  resource: Record<string, unknown>,
  overridden: ReadonlySet<string>,
): Record<string, unknown> {
  const kept = Object.entries(resource).filter(
    ([field]) => !NOT_IN_BODY.includes(field) && !overridden.has(field),
  )
  const { properties, ...rest } = Object.fromEntries(kept)
  if (!isObject(properties)) return { ...rest, properties }
  const inner = Object.entries(properties).filter(
    ([field]) => !READ_ONLY.includes(field) && !overridden.has(`properties.${field}`),
  )
  return { ...rest, properties: Object.fromEntries(inner) }
}

function mapEntries(
  object: Record<string, unknown>,
  change: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]))
}

/** Texts in which `<` and `>` mean something else. */
const FREE_TEXT = new Set([
  'inline',
  'filters',
  'searchCriteria',
  'restartCommand',
  'restartCheckCommand',
  'tags',
  'artifactTags',
  'managedResourceTags',
])

/** `<region>`, as published samples have them for their readers to fill in. */
function placeholdersIn(value: unknown): string[] {
  if (typeof value === 'string') return value.match(/<[\w ]+>/g) ?? []
  if (Array.isArray(value)) return value.flatMap(placeholdersIn)
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    FREE_TEXT.has(key) ? [] : [...placeholdersIn(key), ...placeholdersIn(inner)],
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of a list in the file, each with its place there. */
export function placed<T>(
  list: readonly T[] | undefined,
  field: 'customize' | 'distribute' | 'validate.inVMValidations',
): Placed<T>[] {
  return (list ?? []).map((body, index) => ({
    body,
    place: { input: 'template-file', path: `properties.${field}[${index}]` },
  }))
}

/** The one managed identity of a template, as its ID. */
export function identityOf({ identity }: TemplateFile): string | undefined {
  const ids = Object.keys(identity?.userAssignedIdentities ?? {})
  return ids.length === 1 ? ids[0] : undefined
}
