/**
 * Inputs of the sub-action `plan`, which are YAML or JSON, to texts by their names: as the main action's inputs stand in
 * a workflow, each value a text just as it is written.
 */
import { parseDocument, visit } from 'yaml'
import { INPUT_NAMES } from '../input-names.ts'
import type { InputReader } from '../input-reader.ts'
import { regionName } from '../names.ts'
import { didYouMean } from '../nearest.ts'

/** An image of the plan, or the defaults of all images. */
export interface Given {
  /** Where it stands, for mistakes in it: `[0] (web): `, or nothing. */
  at: string
  name: string
  /** As Azure spells them; absent when it has no `locations` of its own. */
  locations?: string[]
  /** Input of the main action, or `runs-on` → value. */
  values: Map<string, string>
  /** Whether something in it is wrong, so that what is read from it may be, too. */
  flawed: boolean
}

export interface PlanInputs {
  images: Given[]
  defaults: Given
  /** Of every image that says nothing else; undefined when one of them is none. */
  locations: string[] | undefined
}

/** The workflow names these itself. */
const NAMED_BY_WORKFLOW = 'record-artifact-name'
export const RUNS_ON = 'runs-on'
/** Inputs that are lists themselves, as YAML or JSON. */
const LISTS: ReadonlySet<string> = new Set(['customizers', 'distributors'])
const KNOWN: ReadonlySet<string> = new Set([...INPUT_NAMES, RUNS_ON])
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const REGION = /^[a-z0-9]+$/

type Fields = Record<string, unknown>
/** The same value twice: every scalar as it is written, and with the types that YAML gives it. */
interface Parsed {
  text: unknown
  typed: unknown
}

/** Reads all three inputs; what is wrong is collected in `read`. */
export function readPlanInputs(read: InputReader): PlanInputs {
  return {
    images: readImages(read),
    defaults: readDefaults(read),
    locations: regions(read, 'locations', '', read.list('locations')),
  }
}

function readImages(read: InputReader): Given[] {
  if (read.required('images') === '') return []
  const parsed = parseInput(read, 'images')
  if (!parsed) return []
  const { text, typed } = parsed
  if (!Array.isArray(text) || !Array.isArray(typed)) {
    read.problem('images', 'is not a list; give a list of mappings, each with a `name`.')
    return []
  }
  if (text.length === 0) read.problem('images', 'is an empty list; give at least one image.')
  const images = text.flatMap((one: unknown, index) => readImage(read, index, one, typed[index]) ?? [])
  const seen = new Set<string>()
  for (const image of images.filter(({ name }) => name !== '')) {
    const key = image.name.toLowerCase()
    if (seen.has(key)) mistake(read, 'images', image, 'another image has that name, letter case apart.')
    seen.add(key)
  }
  return images
}

function readImage(read: InputReader, index: number, text: unknown, typed: unknown): Given | undefined {
  if (!isMapping(text) || !isMapping(typed)) {
    read.problem('images', `[${index}]: is not a mapping; give \`name\` and inputs of the action.`)
    return undefined
  }
  const { name: given, locations, ...fields } = text
  const name = typeof given === 'string' ? given : ''
  const at = `[${index}]${NAME.test(name) ? ` (${name})` : ''}: `
  const image: Given = { at, name, values: new Map(), flawed: false }
  if (given === undefined || given === '') mistake(read, 'images', image, 'has no `name`.')
  else if (!NAME.test(name)) mistake(read, 'images', image, `${nameOf(given)} is no name: ${NAME_RULE}.`)
  readValues(read, 'images', image, fields, typed)
  return withLocations(read, image, locations)
}

const NAME_RULE = "1 to 64 letters, digits, '-' or '_', the first a letter or digit"

function nameOf(given: unknown): string {
  return typeof given === 'string' ? `'${given}'` : 'a list or mapping'
}

function withLocations(read: InputReader, image: Given, given: unknown): Given {
  if (given === undefined) return image
  const list = typeof given === 'string' ? given.split(/[,\n]/) : Array.isArray(given) ? given : [undefined]
  if (!list.every((one) => typeof one === 'string')) {
    mistake(read, 'images', image, 'locations: is not a list of regions.')
    return image
  }
  const names = list.map((one) => one.trim()).filter((one) => one !== '')
  if (names.length === 0) mistake(read, 'images', image, 'locations: names no region.')
  if (image.values.has('location')) {
    mistake(read, 'images', image, 'has `location` and `locations`; give one of them.')
  }
  const locations = regions(read, 'images', `${image.at}locations: `, names)
  return { ...image, flawed: image.flawed || !locations, ...(locations && { locations }) }
}

function readDefaults(read: InputReader): Given {
  const none: Given = { at: '', name: '', values: new Map(), flawed: false }
  if (read.optional('defaults') === undefined) return none
  const parsed = parseInput(read, 'defaults')
  if (!parsed) return { ...none, flawed: true }
  if (!isMapping(parsed.text) || !isMapping(parsed.typed)) {
    read.problem('defaults', 'is not a mapping of inputs of the action.')
    return { ...none, flawed: true }
  }
  const { name, locations, ...fields } = parsed.text
  if (name !== undefined) mistake(read, 'defaults', none, 'name: every image has its own.')
  if (locations !== undefined) mistake(read, 'defaults', none, 'locations: is an input of its own here.')
  readValues(read, 'defaults', none, fields, parsed.typed)
  return none
}

/** Puts every field that is right into `given.values`. */
function readValues(read: InputReader, input: string, given: Given, text: Fields, typed: Fields): void {
  for (const [name, value] of Object.entries(text)) {
    const wrong = fieldMistake(name, value)
    if (wrong !== undefined) mistake(read, input, given, wrong)
    else given.values.set(name, typeof value === 'string' ? value : JSON.stringify(typed[name]))
  }
  const location = given.values.get('location')
  if (location === undefined || location === '') return
  const [region] = regions(read, input, `${given.at}location: `, [location]) ?? []
  if (region === undefined) given.flawed = true
  else given.values.set('location', region)
}

function fieldMistake(name: string, value: unknown): string | undefined {
  if (name === NAMED_BY_WORKFLOW)
    return `${name}: is given by the workflow, so that the record is found again.`
  if (!KNOWN.has(name)) return `'${name}' is no input of the action.${didYouMean(name, [...KNOWN])}`
  // A runner may be told by several labels, or by its group.
  if (typeof value === 'string' || name === RUNS_ON || (LISTS.has(name) && Array.isArray(value)))
    return undefined
  return `${name}: is a ${Array.isArray(value) ? 'list' : 'mapping'}; give a text.`
}

/** Regions as Azure spells them; undefined when one is none. */
function regions(
  read: InputReader,
  input: string,
  at: string,
  given: readonly string[],
): string[] | undefined {
  const wrong = given.filter((one) => !REGION.test(regionName(one)))
  for (const one of wrong) read.problem(input, `${at}'${one}' is no region such as westus2 or West US 2.`)
  return wrong.length > 0 ? undefined : given.map(regionName)
}

function mistake(read: InputReader, input: string, given: Given, message: string): void {
  given.flawed = true
  read.problem(input, `${given.at}${message}`)
}

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Booleans and numbers become the text that they were written as: `1.10` is a version, and not `1.1`. */
function parseInput(read: InputReader, input: string): Parsed | undefined {
  const document = parseDocument(read.lines(input).join('\n'), { stringKeys: true })
  const [error] = document.errors
  try {
    if (error) throw error
    const typed: unknown = document.toJS()
    visit(document, {
      Scalar: (_, node) => {
        if (typeof node.value !== 'string') node.value = node.value === null ? '' : (node.source ?? '')
      },
    })
    return { text: document.toJS(), typed }
  } catch (failure) {
    const [line = ''] = (failure as Error).message.split('\n')
    read.problem(input, `is neither YAML nor JSON: ${line.replace(/[:.]$/, '')}.`)
    return undefined
  }
}
