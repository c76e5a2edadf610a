/** Whoever moves over finds every property and every input in the tables, under names that exist. */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import {
  BUILD_VM_IMAGE_INPUTS,
  BUILD_VM_IMAGE_OUTPUTS,
  INPUT_FIELDS,
  MAPPING_TABLES,
  markdownTable,
  TASK_OUTPUTS,
  TASK_PROPERTIES,
} from '../../scripts/task-properties.ts'

const root = path.join(import.meta.dirname, '..', '..')
const file = (...name: string[]): string => readFileSync(path.join(root, ...name), 'utf8')
const action = parse(file('action.yml')) as { inputs: object; outputs: object }
const inputs = Object.keys(action.inputs)
const migrating = file('docs', 'migrating.md')

const listed = INPUT_FIELDS.map(({ input }) => input)
const absent = (names: string[]): string[] => names.filter((name) => !listed.includes(name))
const twice = (names: string[]): string[] => names.filter((name, index) => names.indexOf(name) !== index)

test('every input of action.yml is in the table once, and nothing else', () => {
  expect(twice(listed)).toEqual([])
  expect([...listed].sort()).toEqual([...inputs].sort())
})

test.each([
  ['the task', TASK_PROPERTIES],
  ['azure/build-vm-image', BUILD_VM_IMAGE_INPUTS],
])('what %s is mapped to are inputs', (_, rows: { input: string | string[] }[]) => {
  expect(absent(rows.flatMap(({ input }) => input).filter((name) => name !== ''))).toEqual([])
})

test.each([
  ['the task', TASK_OUTPUTS],
  ['azure/build-vm-image', BUILD_VM_IMAGE_OUTPUTS],
])('what the results of %s are mapped to are outputs', (_, rows) => {
  expect(rows.map(({ output }) => output).filter((name) => !(name in action.outputs))).toEqual([])
})

test('no property, input or result of the other side is told twice', () => {
  expect(twice(TASK_PROPERTIES.flatMap(({ task }) => task || []))).toEqual([])
  expect(twice(TASK_PROPERTIES.flatMap(({ v2 }) => v2 ?? []))).toEqual([])
  expect(twice(BUILD_VM_IMAGE_INPUTS.map((row) => row.action))).toEqual([])
  expect(twice([...TASK_OUTPUTS, ...BUILD_VM_IMAGE_OUTPUTS].map(({ other }) => other))).toEqual([])
})

test.each([
  ['vmSize', 'vm-size', 'properties.vmProfile.vmSize'],
  ['replicationRegions', 'replication-regions', 'properties.distribute[].targetRegions'],
  ['packagePath', 'build-path', 'properties.customize[]'],
  ['storageAccountName', 'storage-account', ''],
])('%s is %s, which fills %s', (task, input, field) => {
  expect(TASK_PROPERTIES.find((row) => row.task === task)).toMatchObject({ input, field })
})

describe('the tables', () => {
  test.each(Object.entries(MAPPING_TABLES))('%s: rows of equal width, no newline at the end', (_, table) => {
    const [ignore, ...lines] = table().split('\n')
    const columns = lines.map((line) => line.match(/(?<!\\)\|/g)?.length)
    expect(ignore).toBe('<!-- prettier-ignore -->')
    expect(new Set(columns).size).toBe(1)
    expect(lines.at(-1)).toMatch(/ \|$/)
  })

  test('a bar in a cell stays in its cell', () => {
    expect(markdownTable(['a'], [['x|y']])).toMatch(/\| x\\\|y \|$/)
  })

  test('each stands in docs/migrating.md', () => {
    const markers = [...migrating.matchAll(/<!-- begin ([\w-]+) -->/g)].map(([, name]) => name)
    expect(markers.sort()).toEqual(Object.keys(MAPPING_TABLES).sort())
  })
})

describe('the workflows of docs/migrating.md', () => {
  const steps = [...migrating.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, yaml = '']) => stepsIn(yaml))
  const before = steps.flatMap(({ task, inputs: given = {} }) =>
    task === undefined ? [] : [{ task, given }],
  )
  const uses = (name: string): string[] =>
    steps.filter((step) => step.uses?.startsWith(name)).flatMap((step) => Object.keys(step.with ?? {}))

  test('show both sides', () => {
    expect(before.map(({ task }) => task)).toEqual(['AzureImageBuilderTask@1', 'AzureImageBuilderTaskV2@2'])
    expect(uses('azure/build-vm-image@')).not.toEqual([])
    expect(steps.filter((step) => step.uses === 'org/aib-action@v1').length).toBeGreaterThanOrEqual(3)
  })

  test('give this action inputs that it has', () => {
    expect(absent(uses('org/aib-action@'))).toEqual([])
  })

  test('give the others what the tables explain', () => {
    const second = new Set(TASK_PROPERTIES.map(({ v2 }) => v2))
    const old = new Set(BUILD_VM_IMAGE_INPUTS.map((row) => row.action))
    const properties = before.flatMap(({ given }) => Object.keys(given))
    expect(properties.filter((name) => !second.has(name))).toEqual([])
    expect(uses('azure/build-vm-image@').filter((name) => !old.has(name))).toEqual([])
  })
})

// Azure's published schema is not part of this repository; `AIB_SCHEMAS` names the folder that it lies in.
const schemaFile = path.join(
  process.env['AIB_SCHEMAS'] ?? '',
  'Microsoft.VirtualMachineImages.2025-10-01.schema.json',
)
const withSchema = process.env['AIB_SCHEMAS'] && existsSync(schemaFile) ? test : test.skip

withSchema("every field is one of Azure's published schema", () => {
  const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as Schema
  const template = schema.resourceDefinitions?.['imageTemplates'] ?? {}
  const fields = INPUT_FIELDS.map(({ field }) => field).filter((field) => field !== '')
  expect(fields.filter((field) => !isField(field.replaceAll('[]', '').split('.'), template, schema))).toEqual(
    [],
  )
})

interface Step {
  task?: string
  inputs?: Record<string, unknown>
  uses?: string
  with?: Record<string, unknown>
}

/** Steps of a pipeline, of a workflow's jobs, or of a bare list. */
function stepsIn(yaml: string): Step[] {
  const document = parse(yaml) as Step[] | { steps?: Step[]; jobs?: Record<string, { steps: Step[] }> }
  if (Array.isArray(document)) return document
  return [...(document.steps ?? []), ...Object.values(document.jobs ?? {}).flatMap(({ steps }) => steps)]
}

interface Schema {
  $ref?: string
  allOf?: Schema[]
  oneOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  definitions?: Record<string, Schema>
  resourceDefinitions?: Record<string, Schema>
}

function isField([name, ...rest]: string[], schema: Schema, published: Schema): boolean {
  if (name === undefined) return true
  return variants(schema, published).some(({ properties = {} }) => {
    const next = properties[name]
    return next !== undefined && isField(rest, next, published)
  })
}

/** What a schema may be: itself, what it refers to, its members, and its choices. */
function variants(schema: Schema, published: Schema): Schema[] {
  const local = schema.$ref?.startsWith('#/definitions/') ? schema.$ref.slice('#/definitions/'.length) : ''
  const { items, allOf = [], oneOf = [] } = schema
  const further = [published.definitions?.[local], items, ...allOf, ...oneOf]
  return [schema, ...further.flatMap((one) => (one ? variants(one, published) : []))]
}
