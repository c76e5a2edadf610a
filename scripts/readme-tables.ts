/**
 * Writes into the documentation what other files say: inputs and outputs from `action.yml` of the action and of its
 * sub-actions, recipes from `examples/workflows`, roles from `docs/roles`, what corresponds to what from
 * `task-properties.ts`. Each stands between `<!-- begin … -->` and `<!-- end -->`. With `--check` nothing is written, and a document that is not up to date is a failure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isMap, isScalar, isSeq, parse, parseDocument } from 'yaml'
import { roleListing, roleTable } from './roles.ts'
import { MAPPING_TABLES, markdownTable } from './task-properties.ts'

interface ActionFile {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>
  outputs: Record<string, { description: string }>
}

const root = path.join(import.meta.dirname, '..')
const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8')
const actionFile = (...file: string[]): ActionFile => parse(read(...file)) as ActionFile
const action = actionFile('action.yml')
/** Folders of the sub-actions. */
const SUB_ACTIONS = ['check', 'gather', 'plan', 'promote', 'sweep']

/** What may stand between markers, by the first word of the marker; the second says which, such as a file in `examples/workflows`. */
const SECTIONS: Record<string, (file: string) => string> = {
  inputs: () =>
    inputGroups()
      .map(({ title, names }) => `### ${title}\n\n${inputTable(action, names)}`)
      .join('\n\n'),
  outputs: () => outputTable(action),
  ...Object.fromEntries(SUB_ACTIONS.flatMap((folder) => Object.entries(subActionTables(folder)))),
  workflow: (file) => fenced(read('examples', 'workflows', file)),
  ...MAPPING_TABLES,
  step: (file) => fenced(actionStep(read('examples', 'workflows', file))),
  roles: roleTable,
  'role-listing': roleListing,
}

/** `sweep-inputs`, `sweep-outputs` … */
function subActionTables(folder: string): typeof SECTIONS {
  const subAction = actionFile(folder, 'action.yml')
  return {
    [`${folder}-inputs`]: () => inputTable(subAction, Object.keys(subAction.inputs)),
    [`${folder}-outputs`]: () => outputTable(subAction),
  }
}

/** Inputs under the comments that stand between them in `action.yml`. */
function inputGroups(): { title: string; names: string[] }[] {
  const inputs = parseDocument(read('action.yml')).get('inputs')
  if (!isMap(inputs)) throw new Error('action.yml has no inputs')
  const groups: { title: string; names: string[] }[] = []
  inputs.items.forEach(({ key }, index) => {
    if (!isScalar(key)) return
    // The comment before the first input belongs to the map itself.
    const comment = key.commentBefore ?? (index === 0 ? inputs.commentBefore : undefined)
    if (comment) groups.push({ title: comment.trim(), names: [] })
    groups.at(-1)?.names.push(String(key.value))
  })
  return groups
}

function inputTable({ inputs }: ActionFile, names: string[]): string {
  const rows = names.map((name) => {
    const { description = '', required, default: preset } = inputs[name] ?? {}
    return [code(name), required ? '**required**' : preset === undefined ? '' : code(preset), description]
  })
  return markdownTable(['Input', 'Default', 'Meaning'], rows)
}

function outputTable({ outputs }: ActionFile): string {
  const rows = Object.entries(outputs).map(([name, { description }]) => [code(name), description])
  return markdownTable(['Output', 'Meaning'], rows)
}

function code(text: string): string {
  return `\`${text}\``
}

function fenced(yaml: string): string {
  return `\`\`\`yaml\n${yaml.trimEnd()}\n\`\`\``
}

/** The lines of the step that uses the action, moved to the left margin. */
function actionStep(workflow: string): string {
  const steps = parseDocument(workflow).getIn(['jobs', 'image', 'steps'])
  const found = isSeq(steps)
    ? steps.items.find((step) => isMap(step) && String(step.get('uses')).startsWith('org/aib-action@'))
    : undefined
  if (!isMap(found) || !found.range) throw new Error('the workflow has no step that uses the action')
  const start = workflow.lastIndexOf('\n', found.range[0]) + 1
  const lines = workflow.slice(start, found.range[1]).trimEnd().split('\n')
  const margin = (lines[0] ?? '').indexOf('-')
  return lines.map((line) => line.slice(margin)).join('\n')
}

function withSections(document: string, text: string): string {
  return text.replaceAll(
    /<!-- begin ([\w-]+) ?(\S*) -->[\s\S]*?<!-- end -->/g,
    (_, name: string, file: string) => {
      const section = SECTIONS[name]
      if (!section) {
        throw new Error(`${document} asks for '${name}'; there are: ${Object.keys(SECTIONS).join(', ')}`)
      }
      const marker = [name, file].join(' ').trim()
      return `<!-- begin ${marker} -->\n\n${section(file)}\n\n<!-- end -->`
    },
  )
}

const DOCUMENTS = ['migrating', 'sweeping', 'matrix', 'promotion', 'checking', 'setup'].map(
  (name) => `docs/${name}.md`,
)

for (const document of ['README.md', ...DOCUMENTS]) {
  const current = read(document)
  const wanted = withSections(document, current)
  if (!process.argv.includes('--check')) writeFileSync(path.join(root, document), wanted)
  else if (current !== wanted) {
    console.error(`${document} is not up to date; run: npm run docs`)
    process.exitCode = 1
  }
}
