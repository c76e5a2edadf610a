/** The commands of a shell script, as a reader finds them: by name, with what is known of their arguments and their input. */
import {
  forEachChild,
  parse,
  type Command,
  type Redirection,
  type Statement,
  type SyntaxNode,
  type Word,
} from 'unbash'
import { lineNumbers } from './line-numbers.ts'

/** A word of a command. */
export interface Argument {
  /** As it is written. */
  text: string
  /** Without quotation marks; undefined where only the run tells. */
  value: string | undefined
}

/** A command that the script runs, without `sudo` and the like in front. */
export interface Call {
  /** Without its folder; '' where only the run tells. */
  name: string
  args: Argument[]
  /** From 1. */
  line: number
  /** Whether its standard input may come from a pipe or a file. */
  fed: boolean
  /** Whether it is run whatever happens, as long as nothing fails. */
  always: boolean
  /** Whether nothing comes after it. */
  last: boolean
  inFunction: boolean
}

/** A shell script, read. */
export interface ShellScript {
  source: string
  /** In the order of the text. */
  calls: Call[]
  /** Whether a range of the source belongs to a command and is not quoted. */
  unquoted: (from: number, to: number) => boolean
}

type Context = Pick<Call, 'fed' | 'always' | 'last' | 'inFunction'>

/** Undefined for a script that has mistakes. */
export function readShell(lines: readonly string[]): ShellScript | undefined {
  const source = lines.join('\n')
  const tree = parse(source)
  if (tree.errors !== undefined && tree.errors.length > 0) return undefined
  const reading = new Reading(source)
  reading.statements(tree.commands, { fed: false, always: true, last: true, inFunction: false })
  const calls = reading.calls.filter(({ name }) => !reading.defined.has(name))
  // `exec <file` feeds all that follows, and who feeds a function feeds what is in it.
  const functionsFed = reading.calls.some(({ name, fed }) => fed && reading.defined.has(name))
  const isFed = (call: Call): boolean =>
    call.fed || reading.execRedirects || (call.inFunction && (functionsFed || call.name === 'read'))
  return {
    source,
    calls: calls.map((call) => ({ ...call, fed: isFed(call) })),
    unquoted: (from, to) =>
      reading.commands.some(([pos, end]) => pos <= from && to <= end) &&
      !reading.quoted.some(([pos, end]) => pos <= from && from < end),
  }
}

class Reading {
  readonly calls: Call[] = []
  readonly commands: [pos: number, end: number][] = []
  readonly quoted: [pos: number, end: number][] = []
  /** Functions and aliases: their names are no programs. */
  readonly defined = new Set<string>()
  execRedirects = false
  private readonly lineOf: (pos: number) => number

  constructor(source: string) {
    this.lineOf = lineNumbers(source)
  }

  statements(list: readonly Statement[], context: Context): void {
    list.forEach(({ command, background }, index) => {
      const last = context.last && index === list.length - 1
      // A background job has no terminal, and what follows does not wait for it.
      this.node(command, { ...context, last, fed: context.fed || background === true })
    })
  }

  private node(node: SyntaxNode, context: Context): void {
    const sometimes = { ...context, always: false }
    if (node.type === 'Command') this.command(node, context)
    else if (node.type === 'AndOr') {
      node.commands.forEach((one, index) => {
        const certain = node.operators.slice(0, index).every((operator) => operator === '&&')
        const last = context.last && index === node.commands.length - 1
        this.node(one, { ...context, last, always: context.always && certain })
      })
    } else if (node.type === 'Pipeline') {
      node.commands.forEach((one, index) => {
        this.node(one, { ...context, fed: context.fed || index > 0 })
      })
    } else if (node.type === 'Redirected') {
      this.node(node.command, { ...context, fed: context.fed || node.redirects.some(feeds) })
      for (const one of node.redirects) this.inside(one, sometimes)
    } else if (node.type === 'Function') {
      this.defined.add(node.name.value)
      this.inside(node.body, { ...sometimes, inFunction: true })
    } else if (node.type === 'BraceGroup' || node.type === 'Subshell') {
      this.statements(node.body.commands, context)
    } else if (node.type === 'Script') {
      // Places in a decoded text are none of this one.
      if (node.source === undefined) this.statements(node.commands, sometimes)
    } else this.inside(node, sometimes)
  }

  private inside(node: SyntaxNode, context: Context): void {
    const isQuoted = /^(SingleQuoted|DoubleQuoted|AnsiCQuoted|LocaleString|HereDocBody)$/.test(node.type)
    if (isQuoted) this.quoted.push([node.pos, node.end])
    const statements: Statement[] = []
    forEachChild(node, (child) => {
      if (child.type === 'Statement') statements.push(child)
      else this.node(child, context)
    })
    this.statements(statements, context)
  }

  private command(node: Command, context: Context): void {
    this.commands.push([node.pos, node.end])
    const fed = context.fed || node.redirects.some(feeds)
    const words = [node.name, ...node.args].flatMap((one) => (one ? [argumentOf(one)] : []))
    const [name, ...args] = unwrapped(words) ?? []
    if (words[0]?.value === 'exec' && words.length === 1 && fed) this.execRedirects = true
    if (words[0]?.value === 'alias') {
      words.slice(1).forEach(({ text }) => this.defined.add(text.split('=')[0] ?? ''))
    }
    if (name) {
      const line = this.lineOf(node.pos)
      this.calls.push({ ...context, name: (name.value ?? '').replace(/^.*\//, ''), args, line, fed })
    }
    this.inside(node, { ...context, always: false, fed })
  }
}

/** Whether standard input comes from what is named. */
function feeds({ operator, descriptor }: Redirection): boolean {
  const number = descriptor === undefined ? 0 : descriptor.type === 'FileDescriptor' ? descriptor.value : -1
  return operator.startsWith('<') && number === 0
}

function argumentOf(node: Word | { type: 'Assignment'; text: string }): Argument {
  if (node.type === 'Assignment') return { text: node.text, value: node.text }
  return { text: node.text, value: isKnown(node) ? node.value : undefined }
}

/** Whether nothing is put into a word while it runs. */
function isKnown(node: SyntaxNode): boolean {
  let known = !/Expansion$|^ProcessSubstitution$/.test(node.type) || node.type === 'BraceExpansion'
  forEachChild(node, (child) => {
    known &&= isKnown(child)
  })
  return known
}

/** Programs that run another one, and their options that take a value. */
const WRAPPERS: Record<string, RegExp> = {
  sudo: /^(?:-[AbEHknPSiBN]*[CDghpRTtrUu]|--(?:user|group|host|prompt|chdir|chroot|other-user))$/,
  env: /^(?:-u|--unset|-C|--chdir)$/,
  command: /^$/,
  builtin: /^$/,
  exec: /^-a$/,
  nohup: /^$/,
  setsid: /^$/,
  time: /^$/,
  nice: /^(?:-n|--adjustment)$/,
  ionice: /^(?:-[cn])$/,
  stdbuf: /^(?:-[ioe])$/,
  eatmydata: /^$/,
}

/** A command's words without what runs it; undefined when it runs nothing, or nobody can tell what. */
function unwrapped(words: Argument[]): Argument[] | undefined {
  const [first, ...rest] = words
  const takesValue = WRAPPERS[(first?.value ?? '').replace(/^.*\//, '')]
  if (first === undefined || takesValue === undefined) return words
  if (first.value === 'command' && /^-[vV]/.test(rest[0]?.text ?? '')) return undefined
  let at = 0
  for (; /^-.|^\w+=/.test(rest[at]?.text ?? ''); at++) {
    const text = rest[at]?.text ?? ''
    if (text === '--') {
      at++
      break
    }
    if (takesValue.test(text)) at++
  }
  return at < rest.length ? unwrapped(rest.slice(at)) : undefined
}
