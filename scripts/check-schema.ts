/**
 * Validates image template bodies against Azure's published resource schema, which is not part of this repository:
 *
 *     node scripts/check-schema.ts <folder with the schema> [body.json ...]
 *
 * Exits 1 when a body breaks the schema, with one line for each mistake.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import ajvDraft04, { type ErrorObject } from 'ajv-draft-04'

const API_VERSION = '2025-10-01'
const SCHEMA_FILE = `Microsoft.VirtualMachineImages.${API_VERSION}.schema.json`

type Json = null | boolean | number | string | Json[] | JsonObject
interface JsonObject {
  [key: string]: Json
}

/** Reads the schema; the function it returns lists what is wrong with a template's body, nothing when it is valid. */
export async function templateValidator(
  schemaFolder: string,
): Promise<(name: string, body: unknown) => string[]> {
  const published = JSON.parse(await readFile(path.join(schemaFolder, SCHEMA_FILE), 'utf8')) as JsonObject
  const ajv = new ajvDraft04.default({ strict: false, allErrors: true, discriminator: true })
  const definitions = mapValues(objectAt(published, 'definitions'), (schema) => literal(schema, published))
  const template = literal(objectAt(published, 'resourceDefinitions')['imageTemplates'] ?? {}, published)
  const validate = ajv.compile({ ...(template as object), definitions })
  return (name, body) => {
    const resource = {
      ...(body as object),
      name,
      type: 'Microsoft.VirtualMachineImages/imageTemplates',
      apiVersion: API_VERSION,
    }
    return validate(resource) ? [] : (validate.errors ?? []).map(inWords)
  }
}

/**
 * The schema as it is meant. Taken literally it refuses every member of a union, whose base forbids all further
 * fields: here each member is its own object with the fields of both. Objects take no unknown fields, and values
 * no template expressions: a request body has none.
 */
function literal(schema: Json, root: JsonObject): Json {
  if (Array.isArray(schema)) return schema.map((item) => literal(item, root))
  if (typeof schema !== 'object' || schema === null) return schema
  const union = unionOf(schema, root)
  if (union) return union
  const alternatives = schema['oneOf']
  if (Array.isArray(alternatives)) {
    const [only, ...others] = alternatives.filter((one) => !isExpression(one))
    if (only !== undefined && others.length === 0) return literal(only, root)
  }
  const inner = mapValues(schema, (value) => literal(value, root))
  const fields = schema['properties']
  const closed = isObject(fields) && Object.keys(fields).length > 0 && !('additionalProperties' in schema)
  return closed && schema['type'] === 'object' ? { ...inner, additionalProperties: false } : inner
}

/** `allOf: [base, {oneOf: [allOf: [member, {tag: const}]]}]` as a discriminated `oneOf` of merged objects. */
function unionOf(schema: JsonObject, root: JsonObject): JsonObject | undefined {
  const [base, choice] = Array.isArray(schema['allOf']) ? schema['allOf'] : []
  if (!isObject(base) || !isObject(choice) || !Array.isArray(choice['oneOf'])) return undefined
  let tag = ''
  const members = choice['oneOf'].map((member): JsonObject => {
    const [reference, constant] = (member as { allOf: [{ $ref: string }, JsonObject] }).allOf
    const own = objectAt(objectAt(root, 'definitions'), reference.$ref.split('/').at(-1) ?? '')
    const [[name, value] = ['', {}]] = Object.entries(objectAt(constant, 'properties'))
    tag = name
    return {
      type: 'object',
      properties: {
        ...(literal(objectAt(base, 'properties'), root) as JsonObject),
        ...(literal(objectAt(own, 'properties'), root) as JsonObject),
        [name]: { enum: [(value as { const: string }).const] },
      },
      required: [...new Set([...listAt(base, 'required'), ...listAt(own, 'required')])],
      additionalProperties: false,
    }
  })
  return { type: 'object', discriminator: { propertyName: tag }, required: [tag], oneOf: members }
}

function isExpression(schema: Json): boolean {
  return isObject(schema) && typeof schema['$ref'] === 'string' && schema['$ref'].endsWith('/expression')
}

function inWords({ instancePath, message, params }: ErrorObject): string {
  const details = Object.values(params as object)
    .flat()
    .join(', ')
  return `${instancePath || '/'} ${message ?? 'is invalid'}${details ? ` (${details})` : ''}`
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key]
  if (!isObject(value)) throw new Error(`The schema has no object at '${key}'.`)
  return value
}

function listAt(parent: JsonObject, key: string): Json[] {
  const value = parent[key]
  return Array.isArray(value) ? value : []
}

function mapValues(object: JsonObject, map: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
}

async function main([schemaFolder, ...files]: string[]): Promise<number> {
  if (schemaFolder === undefined) {
    console.error('usage: check-schema.ts <folder with the schema> [body.json ...]')
    return 2
  }
  const check = await templateValidator(schemaFolder)
  let mistakes = 0
  for (const file of files) {
    const errors = check(path.basename(file, '.json'), JSON.parse(await readFile(file, 'utf8')))
    errors.forEach((error) => {
      console.error(`${file}: ${error}`)
    })
    mistakes += errors.length
    if (errors.length === 0) console.log(`${file}: valid`)
  }
  return mistakes === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2))
}
