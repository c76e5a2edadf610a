/**
 * Writes into the reusable workflows what action.yml says: its inputs as inputs of the workflow, the step's `with`, its
 * outputs. Each stands between `# begin <section>` and `# end`. Then it writes the workflows' own inputs and outputs into
 * docs/workflows.md, between `<!-- begin … -->` and `<!-- end -->`. With `--check` nothing is written, and a file that is
 * not up to date is a failure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { markdownTable } from './task-properties.ts'
import { isMap, isScalar, parse, parseDocument, stringify, Document, type YAMLMap } from 'yaml'

const root = path.join(import.meta.dirname, '..')
const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8')
const ACTION = read('action.yml')
const action = parse(ACTION) as {
  inputs: Record<string, { default?: string }>
  outputs: Record<string, { description: string }>
}

/** What a workflow that is called really demands; the other required inputs may come from a template file. */
const REQUIRED = new Set(['resource-group'])
/** Variables of the caller, of its repository, organization or of the job's environment. */
const VARIABLES: Record<string, string> = {
  'client-id': 'AZURE_CLIENT_ID',
  'tenant-id': 'AZURE_TENANT_ID',
  'subscription-id': 'AZURE_SUBSCRIPTION_ID',
}
/** What may stand between markers, by its name. */
const SECTIONS: Record<string, () => string> = {
  inputs: workflowInputs,
  outputs: () => stringify(mapped(action.outputs, workflowOutput), { lineWidth: 100 }),
  'job outputs': () => stringify(mapped(action.outputs, (name) => expression(`steps.image.outputs.${name}`))),
  'step inputs': () => stepInputs(imageValue),
  'leg inputs': () => stepInputs(legValue),
}

/** The inputs of action.yml with their comments, and with the types that a called workflow wants. */
function workflowInputs(): string {
  const document = parseDocument(ACTION)
  const inputs = document.get('inputs')
  if (!isMap(inputs)) throw new Error('action.yml has no inputs')
  for (const { key, value } of inputs.items) {
    if (isScalar(key) && isMap(value)) giveType(String(key.value), value)
  }
  return new Document(inputs).toString({ lineWidth: 100 })
}

function giveType(name: string, input: YAMLMap): void {
  const preset = action.inputs[name]?.default
  input.delete('default')
  input.delete('required')
  const type = typeOf(preset)
  input.set('type', type)
  if (REQUIRED.has(name)) input.set('required', true)
  if (preset !== undefined) input.set('default', type === 'string' ? preset : JSON.parse(preset))
}

/** Without a default an absent boolean would be `false` and an absent number 0, so those stay strings. */
function typeOf(preset: string | undefined): 'boolean' | 'number' | 'string' {
  if (preset === 'true' || preset === 'false') return 'boolean'
  return preset !== undefined && /^\d+$/.test(preset) ? 'number' : 'string'
}

function workflowOutput(name: string): { description: string; value: string } {
  return {
    description: action.outputs[name]?.description ?? '',
    value: expression(`jobs.build.outputs.${name}`),
  }
}

function stepInputs(valueOf: (name: string) => string): string {
  return stringify(mapped(action.inputs, valueOf), { lineWidth: 0 })
}

function imageValue(name: string): string {
  const value = `inputs.${name}`
  if (name === 'exclude-from-latest') return expression(`${value} || inputs.candidate`)
  return commonValue(name, value)
}

/** A leg has those inputs whose empty value is not the default; the others are empty here when it does not give them. */
function legValue(name: string): string {
  const value = `matrix.leg.${name}`
  if (name === 'exclude-from-latest') return expression(`inputs.candidate || ${value}`)
  if (name === 'record-artifact-name') return RECORD_NAME
  return commonValue(name, value)
}

const RECORD_NAME = 'build-record.${{ inputs.name }}.${{ matrix.leg.name }}.${{ github.run_attempt }}'

function commonValue(name: string, value: string): string {
  const variable = VARIABLES[name]
  if (variable !== undefined) return expression(`${value} || vars.${variable}`)
  // A tag a line: an expression has no way to write the end of one.
  if (name === 'image-tags') {
    return `${expression(value)}\n${expression("inputs.candidate && 'image-status=candidate' || ''")}\n`
  }
  return expression(value)
}

function expression(text: string): string {
  return `\${{ ${text} }}`
}

function mapped<T>(names: Record<string, unknown>, valueOf: (name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, valueOf(name)]))
}

function withSections(file: string, text: string): string {
  return text.replaceAll(
    /^( *)# begin ([\w ]+):(.*)$[^]*?^ *# end$/gm,
    (_, margin: string, name: string, why: string) => {
      const section = SECTIONS[name]
      if (!section)
        throw new Error(`${file} asks for '${name}'; there are: ${Object.keys(SECTIONS).join(', ')}`)
      const lines = section().trimEnd().split('\n')
      const inner = lines.map((line) => (line === '' ? '' : `${margin}${line}`)).join('\n')
      return `${margin}# begin ${name}:${why}\n${inner}\n${margin}# end`
    },
  )
}

/** What may stand between the markers of the document. */
const TABLES: Record<string, (file: string) => string> = {
  inputs: inputTable,
  outputs: (file) => {
    const own = Object.entries(calledBy(file).outputs).filter(([name]) => !isOfAction(file, name))
    return markdownTable(
      ['Output', 'Meaning'],
      own.map(([name, { description }]) => [`\`${name}\``, description]),
    )
  },
}

interface Called {
  inputs: Record<string, { description: string; required?: boolean; default?: unknown }>
  outputs: Record<string, { description: string }>
}

function calledBy(file: string): Called {
  return (parse(read('.github', 'workflows', file)) as { on: { workflow_call: Called } }).on.workflow_call
}

/** build-image.yml has all inputs and outputs of the action, which the README lists. */
function isOfAction(file: string, name: string): boolean {
  return file === 'build-image.yml' && (name in action.inputs || name in action.outputs)
}

function inputTable(file: string): string {
  const own = Object.entries(calledBy(file).inputs).filter(([name]) => !isOfAction(file, name))
  const rows = own.map(([name, { description, required, default: preset }]) => [
    `\`${name}\``,
    required
      ? '**required**'
      : preset === undefined
        ? ''
        : `\`${JSON.stringify(preset).replaceAll('"', '')}\``,
    description,
  ])
  return markdownTable(['Input', 'Default', 'Meaning'], rows)
}

function withTables(text: string): string {
  return text.replaceAll(
    /<!-- begin (\w+) (\S+) -->[^]*?<!-- end -->/g,
    (_, name: string, file: string) =>
      `<!-- begin ${name} ${file} -->\n\n${TABLES[name]?.(file) ?? ''}\n\n<!-- end -->`,
  )
}

async function write(file: string, parser: string, change: (text: string) => string): Promise<void> {
  const place = path.join(root, file)
  const current = readFileSync(place, 'utf8')
  const wanted = await format(change(current), { ...(await resolveConfig(place)), parser })
  if (!process.argv.includes('--check')) writeFileSync(place, wanted)
  else if (current !== wanted) {
    console.error(`${file} is not up to date; run: npm run docs`)
    process.exitCode = 1
  }
}

for (const file of ['build-image.yml', 'build-matrix.yml']) {
  await write(`.github/workflows/${file}`, 'yaml', (text) => withSections(file, text))
}
await write('docs/workflows.md', 'markdown', withTables)
