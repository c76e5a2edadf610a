/**
 * Where in the user's workflow the step stands that runs the action, and each line of its script. A wrong place is
 * worse than none: what is not certain comes out as undefined.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Scalar } from 'yaml'

export interface WorkflowFile {
  /** From the workspace, with `/` between its segments. */
  path: string
  text: string
}

export interface StepPlace {
  file: string
  /** Of the step, 1-based. */
  line: number
  /**
   * The file's line with the given line of a script, as the action numbers it: 1-based, blank lines at the script's
   * beginning not counted. Undefined where the text is folded, or an expression hides how many lines it became.
   */
  lineOf: (input: string, scriptLine: number) => number | undefined
  /** The shorter of the step's and the job's `timeout-minutes`; absent where neither is a number. */
  timeoutMinutes?: number
}

/**
 * Finds the one step whose `with` agrees with what the action was given.
 * @param files that of the workflow first, then others of the workspace; of these, the ones it calls count
 * @param job `GITHUB_JOB`: the key of the job. A file that has a job of that name with steps has the step there or not
 *   at all; in others, it may stand in any job.
 * @param inputs values of telling inputs without a default, as the action got them; `''` for what was not given
 * @returns undefined where no step agrees or several do. Never throws.
 */
export function findStep(
  files: readonly WorkflowFile[],
  job: string,
  inputs: Record<string, string>,
): StepPlace | undefined {
  const main = files[0] && readFile(files[0])
  if (!main) return undefined
  const own = stepsLike(inputs, main, job)
  const all = own.length > 0 ? own : calledFiles(main, files).flatMap((file) => stepsLike(inputs, file, job))
  return onlyPlace(all, inputs)
}

interface Read {
  path: string
  text: string
  doc: Document
  lines: LineCounter
  /** Job's key → its nodes; none in a file that is no workflow, or no YAML. */
  jobs: Map<string, Fields>
}

/** Values by key, aliases and merge keys resolved. */
type Fields = Map<string, unknown>

/** A step that may be ours. */
interface Step {
  file: Read
  job: Fields
  fields: Fields
  /** Keys in lower case: GitHub compares names of inputs without regard to case. */
  inputs: Fields
  offset: number
}

function readFile({ path, text }: WorkflowFile): Read {
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, logLevel: 'silent' })
  const jobs = doc.errors.length > 0 ? undefined : fieldsOf(doc.contents, doc).get('jobs')
  const read = [...fieldsOf(jobs, doc)].map(([key, job]) => [key, fieldsOf(job, doc)] as const)
  return { path, text, doc, lines, jobs: new Map(read) }
}

/** Maps merged into one; more than that no one writes, and each is looked for in the whole file. */
const MOST_MERGED = 100

/** Members of a map. What `<<` merges in comes after its own; GitHub refuses merge keys, other tools expand them. */
function fieldsOf(node: unknown, doc: Document, seen = new Set<unknown>()): Fields {
  const map = resolved(node, doc)
  const fields: Fields = new Map()
  if (!isMap(map) || seen.has(map) || seen.size > MOST_MERGED) return fields
  seen.add(map)
  const merged: unknown[] = []
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? textOf(key) : undefined
    if (name === '<<') merged.push(...membersOf(value, doc))
    else if (name !== undefined) fields.set(name, resolved(value, doc))
  }
  for (const [name, value] of merged.flatMap((one) => [...fieldsOf(one, doc, seen)])) {
    if (!fields.has(name)) fields.set(name, value)
  }
  return fields
}

/** A merge key has one map, or a list of them. */
function membersOf(value: unknown, doc: Document): unknown[] {
  const node = resolved(value, doc)
  return isSeq(node) ? node.items : [node]
}

function resolved(node: unknown, doc: Document): unknown {
  return isAlias(node) ? node.resolve(doc) : node
}

/** A scalar as the runner hands it over: numbers as they are written, null as an empty text. */
function textOf({ value, source }: Scalar): string {
  if (typeof value === 'string') return value
  return value === null ? '' : (source ?? '')
}

/** The workflows that a file calls, and those that these call: `uses: ./.github/workflows/…` of a job. */
function calledFiles(main: Read, files: readonly WorkflowFile[]): Read[] {
  const [pending, called] = [[main], new Map<string, Read>()]
  for (let from = pending.pop(); from; from = pending.pop()) {
    const names = [...from.jobs.values()].map((job) => scalarText(job.get('uses'))?.replace(/^\.\//, ''))
    const found = files.filter(({ path }) => names.includes(path) && !called.has(path))
    for (const file of found) {
      const read = readFile(file)
      called.set(file.path, read)
      pending.push(read)
    }
  }
  return [...called.values()]
}

function scalarText(node: unknown): string | undefined {
  return isScalar(node) ? textOf(node) : undefined
}

function stepsLike(inputs: Record<string, string>, file: Read, job: string): Step[] {
  const own = file.jobs.get(job)
  const jobs = own?.has('steps') ? [own] : [...file.jobs.values()]
  return jobs.flatMap((one) => stepsOf(one, file)).filter((step) => agrees(step, inputs))
}

function stepsOf(job: Fields, file: Read): Step[] {
  const { doc } = file
  const steps = job.get('steps')
  if (!isSeq(steps)) return []
  return steps.items.flatMap((item) => {
    const fields = fieldsOf(item, doc)
    const given = [...fieldsOf(fields.get('with'), doc)].map(
      ([key, value]) => [key.toLowerCase(), value] as const,
    )
    // An alias stands where the step is used, and so is what is told of.
    const range = (item as { range?: [number, number, number] }).range
    const isAction = scalarText(fields.get('uses')) !== undefined
    return isAction && range ? [{ file, job, fields, inputs: new Map(given), offset: range[0] }] : []
  })
}

/** Whether every input could have come from the step, and at least one that was given stands there. */
function agrees(step: Step, inputs: Record<string, string>): boolean {
  const pairs = Object.entries(inputs).map(
    ([name, value]) => [scalarText(step.inputs.get(name.toLowerCase())), value.trim()] as const,
  )
  const isThere = pairs.some(([written, value]) => written !== undefined && value !== '')
  return isThere && pairs.every(([written, value]) => couldBe(written ?? '', value))
}

/** `${{ … }}`; a text in it stands between single quotes and may hold braces. */
const EXPRESSION = /\$\{\{(?:[^'}]|'[^']*'|\}(?!\}))*\}\}/g

/** Whether `written` may have become `value`: an expression may have become anything. */
function couldBe(written: string, value: string): boolean {
  const parts = written.replaceAll('\r\n', '\n').trim().split(EXPRESSION)
  const actual = value.replaceAll('\r\n', '\n').trim()
  // One that became nothing takes the blanks around it along, where it stands at an end.
  const [head = '', ...rest] = parts.map((part) => part.trim())
  const tail = rest.pop()
  if (tail === undefined) return head === actual
  let at = head.length
  for (const part of rest) {
    const found = actual.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return actual.startsWith(head) && actual.endsWith(tail) && at + tail.length <= actual.length
}

/** The script is the strongest sign: a step that has it word for word comes before one that has an expression for it. */
function onlyPlace(steps: Step[], inputs: Record<string, string>): StepPlace | undefined {
  const literal = steps.filter((step) => {
    const script = scalarText(step.inputs.get('inline-script'))?.trim() ?? ''
    return script !== '' && script.search(EXPRESSION) < 0
  })
  const [step, another] = literal.length > 0 ? literal : steps
  if (!step || another) return undefined
  const timeouts = [step.fields, step.job]
    .map((fields) => fields.get('timeout-minutes'))
    .flatMap((node) => (isScalar(node) && typeof node.value === 'number' ? [node.value] : []))
  return {
    file: step.file.path,
    line: lineAt(step.file, step.offset),
    lineOf: (input, scriptLine) => lineOfScript(step, input, scriptLine, inputs[input]),
    ...(timeouts.length > 0 ? { timeoutMinutes: Math.min(...timeouts) } : {}),
  }
}

function lineAt({ lines }: Read, offset: number): number {
  return lines.linePos(offset).line
}

/** `given` is what the action got; without it, nobody knows what expressions became. */
function lineOfScript(
  step: Step,
  input: string,
  line: number,
  given: string | undefined,
): number | undefined {
  const node = step.inputs.get(input.toLowerCase())
  if (!isScalar(node) || !node.range) return undefined
  const [start, end] = node.range
  const text = textOf(node)
  if (given === undefined && text.search(EXPRESSION) >= 0) return undefined
  const [written, actual] = [linesOf(text), linesOf(given ?? text)]
  if (line < 1 || line > actual.lines.length) return undefined
  if (node.type === 'BLOCK_LITERAL') {
    const at = lineBefore(written.lines, actual.lines, line)
    return at === undefined ? undefined : lineAt(step.file, start) + written.blank + at
  }
  const isOnOneLine = !step.file.text.slice(start, end).includes('\n')
  return isOnOneLine ? lineAt(step.file, start) : undefined
}

/** Lines of a script as the action numbers them, and how many blank ones it drops in front. */
function linesOf(text: string): { lines: string[]; blank: number } {
  const lines = text.split(/\r?\n/)
  const isText = (one: string): boolean => one.trim() !== ''
  const blank = Math.max(0, lines.findIndex(isText))
  return { lines: lines.slice(blank, lines.findLastIndex(isText) + 1), blank }
}

/** Which line of the script as written became line `line` of the script as given, both 1-based. */
function lineBefore(written: string[], actual: string[], line: number): number | undefined {
  const touched = linesWithExpressions(written.join('\n'))
  const [first, last] = [touched[0], touched.at(-1)]
  const grown = actual.length - written.length
  if (first === undefined || last === undefined || line < first)
    return line <= written.length ? line : undefined
  if (line > last + grown) return line - grown
  if (first === last) return first
  // Each expression became a part of its own line, as it mostly does: then every line agrees.
  const isEach = grown === 0 && written.every((one, index) => couldBe(one, actual[index] ?? ''))
  return isEach ? line : undefined
}

/** 1-based numbers of the lines that an expression stands in, in order. */
function linesWithExpressions(text: string): number[] {
  const breaks = (part: string): number => part.split('\n').length - 1
  return [...text.matchAll(EXPRESSION)].flatMap((found) => {
    const from = breaks(text.slice(0, found.index)) + 1
    return Array.from({ length: breaks(found[0]) + 1 }, (_, index) => from + index)
  })
}
