/**
 * What an action says to the runner, parsed: command files, workflow commands, lines, masks. Pure; the facts are
 * those of the public runner (FileCommandManager, ActionCommand, ValueEncoders, SecretMasker).
 */

export interface CommandFile {
  /** In the order written; a later pair of the same name wins. Those before a bad line are kept. */
  pairs: [name: string, value: string][]
  /** Why the runner stops reading, in its words; the step then fails. */
  error?: string
}

/**
 * Reads `NAME=VALUE` and `NAME<<DELIMITER` blocks. Only LF ends a line, so a CR stays in the value.
 * An empty name is refused here for every file; the runner is confirmed to refuse it for outputs only.
 */
export function parseCommandFile(text: string): CommandFile {
  const body = text.replace(/^\uFEFF/, '')
  const lines = body.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const pairs: CommandFile['pairs'] = []
  for (let next = 0; next < lines.length;) {
    const line = lines[next++] ?? ''
    if (line === '') continue
    const equals = line.indexOf('=')
    const heredoc = line.indexOf('<<')
    if (equals > 0 && (heredoc < 0 || equals < heredoc)) {
      pairs.push([line.slice(0, equals), line.slice(equals + 1)])
      continue
    }
    if (heredoc < 0 || equals === 0) return { pairs, error: `Invalid format '${line}'` }
    const name = line.slice(0, heredoc)
    const delimiter = line.slice(heredoc + 2)
    if (name === '' || delimiter === '') {
      const reason = 'Name must not be empty and delimiter must not be empty'
      return { pairs, error: `Invalid format '${line}'. ${reason}` }
    }
    const end = lines.indexOf(delimiter, next)
    if (end < 0) return { pairs, error: unfinished(delimiter, body.endsWith('\n') || next === lines.length) }
    pairs.push([name, lines.slice(next, end).join('\n')])
    next = end + 1
  }
  return { pairs }
}

function unfinished(delimiter: string, lastLineEnded: boolean): string {
  return lastLineEnded
    ? `Invalid value. Matching delimiter not found '${delimiter}'`
    : 'Invalid value. EOF marker missing new line.'
}

export interface Command {
  /** In lower case: the runner compares names and property names without regard to case. */
  name: string
  properties: Record<string, string>
  data: string
}

const DATA_ESCAPES: [string, string][] = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%25', '%'],
]
const PROPERTY_ESCAPES: [string, string][] = [['%3A', ':'], ['%2C', ','], ...DATA_ESCAPES]
const BRACKET_ESCAPES: [string, string][] = [['%3B', ';'], ['%5D', ']'], ...DATA_ESCAPES]

/**
 * The command on a line: `::name k=v,k=v::data` after leading blanks, or the old `##[name k=v;k=v]data` anywhere.
 * Undefined for text, which a line with an unknown name is.
 */
export function parseCommand(line: string, isKnown: (name: string) => boolean): Command | undefined {
  const colons = /^\s*::(.*?)::(.*)$/s.exec(line)
  const command = colons && toCommand(colons[1], colons[2], ',', PROPERTY_ESCAPES, DATA_ESCAPES)
  if (command && isKnown(command.name)) return command
  const brackets = /##\[([^\]]*)\](.*)$/s.exec(line)
  const old = brackets && toCommand(brackets[1], brackets[2], ';', BRACKET_ESCAPES, BRACKET_ESCAPES)
  return old && isKnown(old.name) ? old : undefined
}

function toCommand(
  head = '',
  data = '',
  separator: string,
  propertyEscapes: [string, string][],
  dataEscapes: [string, string][],
): Command {
  const blank = head.indexOf(' ')
  const name = blank < 0 ? head : head.slice(0, blank)
  const properties: Record<string, string> = {}
  const written = blank < 0 ? [] : head.slice(blank).trim().split(separator)
  for (const property of written) {
    const [, key, value] = /^([^=]+)=(.+)$/s.exec(property) ?? []
    if (key && value) properties[key.toLowerCase()] = unescape(value, propertyEscapes)
  }
  return { name: name.toLowerCase(), properties, data: unescape(data, dataEscapes) }
}

function unescape(text: string, escapes: [string, string][]): string {
  return escapes.reduce((result, [escaped, plain]) => result.replaceAll(escaped, plain), text)
}

/** Cuts a stream's text into lines; LF, CRLF and a lone CR end one, also when CR and LF come in two pieces. */
export class LineSplitter {
  private rest = ''
  private afterCarriageReturn = false

  push(text: string): string[] {
    if (text === '') return []
    const fresh = this.afterCarriageReturn && text.startsWith('\n') ? text.slice(1) : text
    this.afterCarriageReturn = fresh.endsWith('\r')
    const lines = (this.rest + fresh).split(/\r\n|\r|\n/)
    this.rest = lines.pop() ?? ''
    return lines
  }

  /** The last line, when nothing ended it. */
  end(): string[] {
    const last = this.rest
    this.rest = ''
    return last === '' ? [] : [last]
  }
}

/** The job's masks. They work from their registration on, never back. */
export class Masks {
  /** What was registered, as it was given. */
  readonly values = new Set<string>()
  private readonly variants = new Set<string>()

  /** Registers a value whole, and each of its lines trimmed. A blank value registers nothing. */
  add(value: string): void {
    if (value.trim() === '') return
    this.values.add(value)
    const lines = value.split(/[\r\n]+/).map((line) => line.trim())
    for (const part of [value, ...lines]) {
      for (const variant of maskVariants(part)) this.variants.add(variant)
    }
  }

  /** Puts `***` for every variant of a value; overlapping and touching finds become one. */
  apply(text: string): string {
    let masked = ''
    let copied = 0
    for (const [start, end] of merge(this.find(text))) {
      masked += `${text.slice(copied, start)}***`
      copied = end
    }
    return masked + text.slice(copied)
  }

  private find(text: string): [start: number, end: number][] {
    const found: [number, number][] = []
    for (const variant of this.variants) {
      for (let at = text.indexOf(variant); at >= 0; at = text.indexOf(variant, at + 1)) {
        found.push([at, at + variant.length])
      }
    }
    return found.sort(([left], [right]) => left - right)
  }
}

function merge(sorted: [number, number][]): [number, number][] {
  const merged: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = merged.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}

/** A value as the runner also masks it: encoded, escaped, without outer quotes, PowerShell's `&` parts. */
export function maskVariants(value: string): string[] {
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].map((shift) => bytes.subarray(bytes.length > shift ? shift : 0).toString('base64'))
  const quoted = value.length > 8 && value.startsWith('"') && value.endsWith('"')
  const variants = [
    value,
    ...base64,
    jsonEscape(value),
    uriEscape(value),
    xmlEscape(value),
    value.replaceAll("'", "''"),
    value.replaceAll('"', '\\"'),
    quoted ? value.slice(1, -1) : '',
    ...ampersandParts(value),
  ]
  return [...new Set(variants.filter((variant) => variant !== ''))]
}

export function jsonEscape(value: string): string {
  return JSON.stringify(value).slice(1, -1)
}

/** Escapes all but RFC 3986's unreserved characters, as .NET's `Uri.EscapeDataString` does. */
export function uriEscape(value: string): string {
  const encoded = encodeURIComponent(value.toWellFormed())
  return encoded.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

const XML_ENTITIES: Record<string, string> = {
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '&': '&amp;',
}

export function xmlEscape(value: string): string {
  return value.replaceAll(/[<>"'&]/g, (sign) => XML_ENTITIES[sign] ?? sign)
}

/** PowerShell's error output breaks a value at `&+` (and colours the letter after it), else at the last `&`. */
function ampersandParts(value: string): string[] {
  const plus = value.indexOf('&+')
  const before = plus >= 0 ? plus + 2 : value.lastIndexOf('&') + 1
  if (before === 0) return []
  const after = plus >= 0 ? before + 1 : before
  return [value.slice(0, before), value.slice(after)].filter((part) => part.length >= 6)
}
