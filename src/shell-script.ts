/**
 * Shell scripts that say which line failed. Packer runs `inline` as one file with `/bin/sh -e` (its documentation of
 * `inline_shebang`), and nothing of what a shell prints tells the line. So marks go between the lines of the user,
 * which stay as they are; where that could change what the script does, or name a wrong line, there are none.
 */
import { forEachChild, parse, type Command, type Statement, type SyntaxNode } from 'unbash'
import { lineNumbers } from './line-numbers.ts'

/**
 * The script with lines between those of the user. When it ends with another exit code than 0, it says on stderr
 * `aib-action: <input>, line 12: exit code 2`, the line being the one on which the statement begins that failed. What
 * stands in `$( )`, `( )` and pipelines counts to the statement around it.
 * @param script lines without their line breaks
 * @param input the input that the script came from
 * @returns the lines of `script`, with further ones between them; `script` as it is when it cannot be marked safely
 */
export function namingLines(script: readonly string[], input: string): string[] {
  const source = script.join('\n')
  const tree = parse(source)
  const traits = traitsOf(tree, source)
  const lines = traits && (markedLines(tree.commands, source, traits.functions) ?? [])
  if (traits === undefined || lines === undefined || lines.length === 0) return [...script]
  const marked = new Set(lines)
  const named = source.split('\n').flatMap((line, index) => {
    if (!marked.has(index + 1)) return [line]
    const indentation = /^[ \t]*/.exec(line)?.[0] ?? ''
    return [indentation + mark(index + 1, traits.traced), line]
  })
  // The first line stays the first when it names a shell.
  return named[0]?.startsWith('#!') ? named.toSpliced(1, 0, prologue(input)) : [prologue(input), ...named]
}

/**
 * Remembers the line and leaves `$?` as it is: with `&& :` behind it no exit code ends the script. Under `set -x` a mark
 * would be traced, so it runs where nobody reads.
 */
function mark(line: number, traced: boolean): string {
  return traced ? `{ aib_at ${line} && :; } 2>/dev/null` : `aib_at ${line} && :`
}

/** One line, for readers of the template. The report goes to stderr by way of 3, so that `set -x` does not trace it. */
function prologue(input: string): string {
  const report = `command echo "aib-action: ${input}, line $aib_line: exit code $aib_status" >&3`
  return [
    'aib_line=0',
    'aib_at() { aib_status=$?; aib_line=$1; return "$aib_status"; }',
    `aib_end() { aib_status=$?; [ "$aib_status" -eq 0 ] || ${report}; }`,
    "trap '{ aib_end; } 3>&2 2>/dev/null' EXIT",
  ].join('; ')
}

/** What of a script decides whether and how it is marked. */
interface Traits {
  /** Names of the functions that it defines. */
  functions: ReadonlySet<string>
  /** Whether it asks for traces with `set -x`. */
  traced: boolean
}

/** `$_` and `LINENO` would tell of the marks; the names are those of the marks. */
const DISTURBED = /\$_(?!\w)|\$\{_\W|\bLINENO\b|\baib_(?:at|end|line|status)\b/

/** Undefined for a script that has mistakes, or that would notice its marks. */
function traitsOf(tree: SyntaxNode, source: string): Traits | undefined {
  const functions = new Set<string>()
  const otherLanguage = source.startsWith('#!') && !/^#!.*\b(?:ba|da|a)?sh\b/.test(source)
  let [fit, traced] = [!otherLanguage && !DISTURBED.test(source), false]
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'Script' && (node.errors?.length ?? 0) > 0) fit = false
    // A shell without this kind of quotation marks takes the string to be longer.
    else if (node.type === 'AnsiCQuoted' && node.text.includes("\\'")) fit = false
    else if (node.type === 'CaseItem' && node.terminator !== undefined && node.terminator !== ';;')
      fit = false
    else if (node.type === 'Function') functions.add(node.name.value)
    else if (node.type === 'Command') {
      const [name = '', ...args] = wordsOf(node)
      if (name === 'trap' && !trapsSignals(args)) fit = false
      if (name === 'set' && showsMarks(args)) fit = false
      if (name === 'set' && asksFor(args, 'x', 'xtrace')) traced = true
    }
    forEachChild(node, visit)
  }
  visit(tree)
  return fit ? { functions, traced } : undefined
}

/** A command's words, quotation marks removed, without `command` or `builtin` in front. */
function wordsOf({ name, args }: Command): string[] {
  const words = [name?.value ?? '', ...args.map((one) => (one.type === 'Word' ? one.value : one.text))]
  return words[0] === 'command' || words[0] === 'builtin' ? words.slice(1) : words
}

/** A script that sets its own trap for the exit keeps it, and one that lists its traps sees no other. */
function trapsSignals([action = '', ...conditions]: string[]): boolean {
  const signal = /^(?:SIG)?(?:ERR|HUP|INT|QUIT|PIPE|ALRM|TERM|USR[12]|WINCH|TSTP|CONT|CHLD|[1-9]\d?)$/i
  return !/^-./.test(action) && conditions.length > 0 && conditions.every((one) => signal.test(one))
}

/** Lines echoed as they are read, variables exported or listed, nothing executed. */
function showsMarks(args: string[]): boolean {
  const long = ['verbose', 'allexport', 'noexec']
  return args.length === 0 || ['v', 'a', 'n'].some((short, index) => asksFor(args, short, long[index] ?? ''))
}

/** Whether `set` switches an option on, by its letter or by its name. */
function asksFor(args: string[], letter: string, name: string): boolean {
  const end = args.findIndex((arg) => arg === '--' || !/^[-+]/.test(arg))
  const options = end < 0 ? args : args.slice(0, end)
  const named = args.some((arg, index) => arg === name && /^-[a-z]*o$/.test(args[index - 1] ?? ''))
  return named || options.some((arg) => arg.startsWith('-') && arg.includes(letter))
}

/** A statement that is not marked would be named by the line of another one. */
class Misleading extends Error {}

/**
 * Lines, from 1, before which a mark goes: those on which a statement begins. First with the bodies of functions, and
 * where a line could be wrong then, without; undefined where it could be wrong all the same.
 */
function markedLines(
  statements: readonly Statement[],
  source: string,
  functions: ReadonlySet<string>,
): number[] | undefined {
  for (const marked of functions.size > 0 ? [functions, new Set<string>()] : [functions]) {
    try {
      const marking = new Marking(source, marked)
      marking.list(statements)
      return marking.lines
    } catch (error) {
      if (!(error instanceof Misleading)) throw error
    }
  }
  return undefined
}

/**
 * Collects marks. Each method tells whether the last mark may be another one after its node than before: what follows
 * then needs a mark of its own.
 */
class Marking {
  readonly lines: number[] = []
  private readonly source: string
  private readonly functions: ReadonlySet<string>
  private readonly lineOf: (pos: number) => number

  /** @param functions those whose bodies are marked */
  constructor(source: string, functions: ReadonlySet<string>) {
    this.source = source
    this.functions = functions
    this.lineOf = lineNumbers(source)
  }

  /** @throws Misleading */
  list(statements: readonly Statement[]): boolean {
    let [before, moved, anyMark] = [undefined as number | undefined, false, false]
    for (const { pos, command, background } of statements) {
      const line = this.lineOf(pos)
      if (this.beginsLine(pos)) {
        this.lines.push(line)
        anyMark = true
      } else if (before !== undefined && (moved || before !== line)) throw new Misleading()
      moved = background === true ? false : this.node(command)
      before = line
    }
    return anyMark || moved
  }

  private node(node: SyntaxNode): boolean {
    if (node.type === 'AndOr') {
      node.commands.slice(0, -1).forEach((one) => {
        this.unmoved(one)
      })
      const last = node.commands.at(-1)
      return last !== undefined && this.node(last)
    }
    if (node.type === 'If') {
      const lists = [node.then, ...node.elif.map((one) => one.then), ...(node.else ? [node.else] : [])]
      for (const { clause } of [node, ...node.elif]) this.unmoved(clause)
      return lists.map((one) => this.list(one.commands)).includes(true)
    }
    if (node.type === 'While') this.unmoved(node.clause)
    if (node.type === 'While' || node.type === 'For') return this.loop(node.body.commands)
    if (node.type === 'Case') return node.items.map((one) => this.list(one.body.commands)).includes(true)
    if (node.type === 'BraceGroup') return this.list(node.body.commands)
    if (node.type === 'Redirected') return this.node(node.command)
    if (node.type === 'Function') {
      const body = node.body.type === 'Redirected' ? node.body.command : node.body
      if (this.functions.has(node.name.value) && body.type === 'BraceGroup') this.list(body.body.commands)
      return false
    }
    const inSubshell = node.type === 'Subshell' || (node.type === 'Pipeline' && node.commands.length > 1)
    return !inSubshell && this.callsFunction(node)
  }

  /** The second time round, its first statement comes after its last. */
  private loop(statements: readonly Statement[]): boolean {
    const moved = this.list(statements)
    const [first] = statements
    if (moved && first && !this.beginsLine(first.pos)) throw new Misleading()
    return moved
  }

  /** What a condition or the left side of `&&` calls is followed by what has no mark. @throws Misleading */
  private unmoved(node: SyntaxNode): void {
    if (this.callsFunction(node)) throw new Misleading()
  }

  private callsFunction(node: SyntaxNode): boolean {
    if (this.functions.size === 0) return false
    const name = node.type === 'Command' ? node.name?.value : undefined
    let calls = name !== undefined && (this.functions.has(name) || name === 'eval')
    forEachChild(node, (child) => {
      calls ||= this.callsFunction(child)
    })
    return calls
  }

  /** Whether nothing but blanks stands before it on its line. */
  private beginsLine(pos: number): boolean {
    return /^[ \t]*$/.test(this.source.slice(this.source.lastIndexOf('\n', pos - 1) + 1, pos))
  }
}
