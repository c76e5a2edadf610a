/**
 * The commands of a PowerShell script, as far as they can be told without PowerShell: comments, strings and
 * here-strings are none (about_Comments, about_Quoting_Rules), nor is what stands in a script block that is handed on.
 */
import { lineNumbers } from './line-numbers.ts'

export interface PowerShellWord {
  /** Without quotation marks. */
  value: string
  /** Whether it begins with a quotation mark. */
  quoted: boolean
  /** Whether only the run tells. */
  dynamic: boolean
}

export interface PowerShellCall {
  /** In lower case, without folder and `.exe`. */
  name: string
  args: PowerShellWord[]
  /** From 1. */
  line: number
}

/** A PowerShell script, read. */
export interface PowerShellScript {
  source: string
  /** In the order of the text. */
  calls: PowerShellCall[]
  /** How many statements stand at the top. */
  statements: number
  /** The text with blanks for comments and all that is quoted. */
  bare: string
}

/** Undefined for a script that ends in the middle of something. */
export function readPowerShell(lines: readonly string[]): PowerShellScript | undefined {
  const reading = new Reading(lines.join('\n'))
  try {
    return reading.script()
  } catch (error) {
    if (error instanceof Unfinished) return undefined
    throw error
  }
}

class Unfinished extends Error {}

/** PowerShell takes typographic quotation marks for plain ones (the language's tokenizer). */
const SINGLE = "'\u2018\u2019\u201a\u201b"
const DOUBLE = '"\u201c\u201d\u201e'
const KEYWORDS =
  /^(?:if|elseif|else|foreach|for|while|do|until|switch|try|catch|finally|return|throw|exit|begin|process|end|trap|in)$/i
/** Their blocks run; those of any other command may run elsewhere, later, or never. */
const RUNS_BLOCK = /^(?:foreach-object|foreach|%|where-object|\?|measure-command)$/i

interface Found extends PowerShellCall {
  /** The function around it. */
  inside: string | undefined
}

/** Where a block stands: whether it is run, and in which function. */
interface Place {
  runs: boolean
  inside: string | undefined
}

class Reading {
  private readonly text: string
  private readonly lineOf: (place: number) => number
  private readonly bare: string[]
  private readonly found: Found[] = []
  private readonly functions = new Set<string>()
  private at = 0
  private statements = 0

  constructor(text: string) {
    this.text = text
    this.lineOf = lineNumbers(text)
    this.bare = text.split('')
  }

  script(): PowerShellScript {
    this.block('', { runs: true, inside: undefined }, true)
    const called = new Set(this.found.map(({ name }) => name))
    const calls = this.found.filter(
      ({ name, inside }) => !this.functions.has(name) && (inside === undefined || called.has(inside)),
    )
    return { source: this.text, calls, statements: this.statements, bare: this.bare.join('') }
  }

  /** Reads up to the bracket that closes it. */
  private block(closing: string, place: Place, top = false): void {
    let statement: { words: PowerShellWord[]; start: number; called: boolean } = this.nothing()
    const flush = (): void => {
      if (top && statement.words.length > 0) this.statements++
      if (place.runs) this.note(statement, place)
      statement = this.nothing()
    }
    for (;;) {
      this.skipBlanks()
      const char = this.text[this.at]
      if (char === undefined || char === closing) {
        if (char === undefined && closing !== '') throw new Unfinished()
        this.at++
        flush()
        return
      }
      if (statement.words.length === 0) statement.start = this.at
      if (/[\n;|]/.test(char) || this.text.startsWith('&&', this.at)) {
        this.at += char === '&' ? 2 : 1
        flush()
      } else if (char === '&' || (char === '.' && /\s/.test(this.text[this.at + 1] ?? ''))) {
        this.at++
        statement.called = true
      } else if (/[,)}]/.test(char)) {
        this.at++
      } else if (/^[@$]?[({]/.test(this.text.slice(this.at, this.at + 2))) {
        if (this.bracket(statement.words, place)) flush()
      } else {
        statement.words.push(this.word())
      }
    }
  }

  /** @returns whether the statement ends with it */
  private bracket(words: PowerShellWord[], place: Place): boolean {
    const sign = /[@$]/.test(this.text[this.at] ?? '') ? this.text[this.at++] : ''
    const opening = this.text[this.at++]
    const before = words.at(-1)?.value ?? ''
    const first = words[0]?.value ?? ''
    const attached = sign === '' && /[\w\]]/.test(this.text[this.at - 2] ?? '')
    words.push({ value: '', quoted: false, dynamic: true })
    if (opening === '(') {
      // What a method gets are values.
      const isMethod = attached && !KEYWORDS.test(before)
      this.block(')', { ...place, runs: place.runs && !isMethod })
      return false
    }
    if (/^(?:function|filter)$/i.test(first)) {
      const name = (words[1]?.value ?? '').toLowerCase()
      this.functions.add(name)
      this.block('}', { runs: true, inside: name })
      return true
    }
    const control = KEYWORDS.test(first)
    this.block('}', { ...place, runs: place.runs && sign === '' && (control || RUNS_BLOCK.test(first)) })
    return control
  }

  private nothing(): { words: PowerShellWord[]; start: number; called: boolean } {
    return { words: [], start: this.at, called: false }
  }

  private note(
    { words, start, called }: { words: PowerShellWord[]; start: number; called: boolean },
    { inside }: Place,
  ): void {
    const [first, ...args] = commandOf(words)
    if (first === undefined || first.dynamic || (first.quoted && !called)) return
    const name = first.value
      .replace(/^.*[\\/]/, '')
      .replace(/\.exe$/i, '')
      .toLowerCase()
    const line = this.lineOf(start)
    this.found.push({ name, args, line, inside })
  }

  /** Blanks, continued lines and comments. */
  private skipBlanks(): void {
    const blank = /(?:[ \t\r\u00a0]|`\r?\n)+|<#[^]*?(?:#>|$)|#[^\n]*/y
    for (;;) {
      blank.lastIndex = this.at
      const [skipped = ''] = blank.exec(this.text) ?? []
      if (skipped === '') return
      if (skipped.startsWith('<#') && !skipped.endsWith('#>')) throw new Unfinished()
      this.blank(this.at, this.at + skipped.length)
      this.at += skipped.length
    }
  }

  private word(): PowerShellWord {
    const start = this.at
    let [value, dynamic] = ['', false]
    for (let char = this.text[this.at]; char !== undefined; char = this.text[this.at]) {
      const ends = char === '&' ? this.text[this.at - 1] !== '>' : /[\s;|(){},]/.test(char)
      if (ends) break
      if (
        SINGLE.includes(char) ||
        DOUBLE.includes(char) ||
        /^@['"]\r?\n/.test(this.text.slice(this.at, this.at + 4))
      ) {
        const text = this.string()
        dynamic ||= text === undefined
        value += text ?? ''
      } else {
        dynamic ||= char === '$'
        if (char === '`') this.at++
        value += this.text[this.at++] ?? ''
      }
    }
    const quoted =
      (SINGLE + DOUBLE).includes(this.text[start] ?? '') || /^@['"]/.test(this.text.slice(start, start + 2))
    // A variable is known by its name.
    return {
      value: value === '' ? this.text.slice(start, this.at) : value,
      quoted,
      dynamic: dynamic && quoted,
    }
  }

  /** A string; undefined when something is put into it. */
  private string(): string | undefined {
    const start = this.at
    const [here] = /^@(['"])\r?\n(?:[^]*?\n)??\1@/.exec(this.text.slice(start)) ?? []
    if (this.text[start] === '@') {
      if (here === undefined) throw new Unfinished()
      this.at += here.length
      this.blank(start, this.at)
      return here.startsWith("@'") ? here.slice(2, -2) : undefined
    }
    const marks = SINGLE.includes(this.text[start] ?? '') ? SINGLE : DOUBLE
    let [value, fixed] = ['', true]
    for (this.at++; ; this.at++) {
      const char = this.text[this.at]
      if (char === undefined) throw new Unfinished()
      if (marks.includes(char)) {
        this.at++
        if (!marks.includes(this.text[this.at] ?? ' ')) break
      } else if (marks === DOUBLE && char === '`') this.at++
      else if (marks === DOUBLE && char === '$') {
        fixed = false
        if (this.text[this.at + 1] === '(') {
          this.at += 2
          this.block(')', { runs: false, inside: undefined })
          this.at--
        }
      }
      value += this.text[this.at] ?? ''
    }
    this.blank(start, this.at)
    return fixed ? value : undefined
  }

  private blank(from: number, to: number): void {
    for (let at = from; at < to; at++) if (this.bare[at] !== '\n') this.bare[at] = ' '
  }
}

/** The words of the command in a statement: without `return`, and without what its outcome goes into. */
function commandOf(words: PowerShellWord[]): PowerShellWord[] {
  const [first, ...rest] = words
  if (first === undefined || first.quoted) return words
  if (KEYWORDS.test(first.value)) return commandOf(rest)
  if (/^(?:function|filter|param|using|class|enum)$/i.test(first.value)) return []
  if (!/^(?:\[.*\])?\$|^\[/.test(first.value)) return words
  const joined = /^[^=]*[^=!<>]=(?!=)(.*)$/s.exec(first.value)
  if (joined) {
    const value = joined[1] ?? ''
    return value === '' ? commandOf(rest) : [{ ...first, value }, ...rest]
  }
  const sign = words.findIndex(({ value, quoted }) => !quoted && /^[-+*/%?]{0,2}=$/.test(value))
  if (sign > 0) return commandOf(words.slice(sign + 1))
  return first.value.startsWith('[') ? words : []
}
