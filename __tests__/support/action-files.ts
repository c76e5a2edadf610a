/** What `action.yml` of a sub-action promises, beside that of the action itself and the documents. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import type { RawInputs } from '../../src/input-reader.ts'

const root = path.join(import.meta.dirname, '..', '..')

export interface ActionFile {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>
  outputs: Record<string, { description: string }>
  runs: Record<string, string>
}

/** Text of a file, by its path from the root. */
export function file(name: string): string {
  return readFileSync(path.join(root, name), 'utf8')
}

export const main = parse(file('action.yml')) as ActionFile

/** The `action.yml` of a sub-action, the names of its inputs, and its defaults as the runner fills them in. */
export function subAction(folder: string): {
  action: ActionFile
  inputNames: string[]
  preset: Record<string, string>
} {
  const action = parse(file(`${folder}/action.yml`)) as ActionFile
  const inputNames = Object.keys(action.inputs)
  const preset = Object.fromEntries(inputNames.map((name) => [name, action.inputs[name]?.default ?? '']))
  return { action, inputNames, preset }
}

/** The same inputs, and the names of those that were asked for so far. */
export function recording(raw: RawInputs): { raw: RawInputs; asked: Set<string> } {
  const asked = new Set<string>()
  const recorded = (name: string): string => {
    asked.add(name)
    return raw.text(name)
  }
  return { raw: { ...raw, input: recorded, text: recorded }, asked }
}

/** First cells of the table that stands between the markers of a section. */
export function namesIn(document: string, section: string): string[] {
  const table = new RegExp(`<!-- begin ${section} -->([^]*?)<!-- end -->`).exec(file(document))?.[1] ?? ''
  return [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1] ?? '')
}
