/**
 * Writes into README.md what other files say: inputs and outputs from `action.yml`, recipes from `examples/workflows`.
 * Each stands between `<!-- begin … -->` and `<!-- end -->`. With `--check` nothing is written, and a README that is
 * not up to date is a failure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isMap, isSeq, parse, parseDocument } from 'yaml'

interface ActionFile {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>
  outputs: Record<string, { description: string }>
}

const root = path.join(import.meta.dirname, '..')
const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8')
const action = parse(read('action.yml')) as ActionFile

/** What may stand between markers, by the first word of the marker; the second is a file in `examples/workflows`. */
const SECTIONS: Record<string, (file: string) => string> = {
  inputs: () =>
    table(
      ['Input', 'Default', 'Meaning'],
      Object.entries(action.inputs).map(([name, { description, required, default: preset }]) => [
        code(name),
        required ? '**required**' : preset === undefined ? '' : code(preset),
        description,
      ]),
    ),
  outputs: () =>
    table(
      ['Output', 'Meaning'],
      Object.entries(action.outputs).map(([name, { description }]) => [code(name), description]),
    ),
  workflow: (file) => fenced(read('examples', 'workflows', file)),
  step: (file) => fenced(actionStep(read('examples', 'workflows', file))),
}

/** Rows of any length in one line each, which the formatter would pad to the longest. */
function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return ['<!-- prettier-ignore -->', line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
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

function withSections(readme: string): string {
  return readme.replaceAll(
    /<!-- begin (\w+) ?(\S*) -->[\s\S]*?<!-- end -->/g,
    (_, name: string, file: string) => {
      const section = SECTIONS[name]
      if (!section)
        throw new Error(`README.md asks for '${name}'; there are: ${Object.keys(SECTIONS).join(', ')}`)
      const marker = [name, file].join(' ').trim()
      return `<!-- begin ${marker} -->\n\n${section(file)}\n\n<!-- end -->`
    },
  )
}

const current = read('README.md')
const wanted = withSections(current)
if (!process.argv.includes('--check')) writeFileSync(path.join(root, 'README.md'), wanted)
else if (current !== wanted) {
  console.error('README.md is not up to date; run: npm run docs')
  process.exitCode = 1
}
