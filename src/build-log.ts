/**
 * The customization log as text: what was appended since the last look, and which of its lines a reader wants. Two
 * formats are about: `[id] PACKER OUT …` and `[id] PACKER ERR …`, and since 2023 `[id] PACKER …`; both frame Packer's
 * own output (troubleshooting guide of Image Builder, logs that users posted).
 */

/** What stands in front of Packer's words; the stream is named in the older format alone. */
const PREFIX = /^\[[^\]]*\] PACKER(?: (OUT|ERR)(?= |$))? ?/i
/** Packer's own log has the time in front of every line; what it shows its user stands there behind `ui:`. */
const LOGGED = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (?:ui(?: error)?: ?(.*))?/
const FROM_BUILD = /^(==> | {4}|--> )azure-arm: ?/
/** A File customizer says how far it is, thousands of times. */
const PROGRESS = /^\s*\S.* \d+ B \/ \d+ B +(?!100\.)\d[\d.]*%/

/** True in good builds as well, and frightening (documented as harmless), or details of the build's own resources. */
const NOISE = [
  /^Done exporting Packer logs to Azure/,
  /^==> Builds finished but no artifacts were created/,
  /^==> +-> /,
  /^==> (?:Getting tokens|Getting source image id|Using existing resource group|Validating deployment template)\b/,
  /^==> Skipping image creation/,
  /^==> The resource group was not created by Packer/,
  /^==> (?:Error deleting resource|.*(?:PublicIPAddressCannotBeDeleted|InUseNetworkSecurityGroup))/,
  /^Creating Azure Resource Manager \(ARM\) client/,
  PROGRESS,
]

/** Repetitions follow closely; of this many different texts the last ones are remembered. */
const REMEMBERED = 2000

/**
 * The whole lines that `current` has after those of `previous`. An unfinished last line counts once it ends. The log of
 * a container loses its beginning as it grows (4 MB are kept, documented): the longest end of `previous` that
 * `current` begins with tells where it goes on. Without any, all of `current` is new. An answer that is older than
 * `previous` has nothing new.
 */
export function newLines(previous: string, current: string): string[] {
  const [before, now] = [whole(previous), whole(current)]
  if (now.startsWith(before)) return linesOf(now.slice(before.length))
  if (before.startsWith(now)) return []
  const [old, lines] = [linesOf(before), linesOf(now)]
  // The cut may go through a line, whose rest then is like none.
  const uncut = lines.slice(1)
  const [known, knownOfUncut] = [overlap(old, lines), overlap(old, uncut)]
  return knownOfUncut > known ? uncut.slice(knownOfUncut) : lines.slice(known)
}

/**
 * A line as a reader wants it, without what Image Builder and Packer put in front: a script's own output as it was
 * printed, Packer's headlines (and, in the older format, a script's errors) behind `==> `. Undefined for Packer's log of
 * itself, blank lines and noise. A text that the log has twice is shown twice: see `shownLines`. It is foreign text
 * and may look like a command to the runner.
 */
export function shownLine(line: string): string | undefined {
  return readLine(line).shown
}

/** Whether a reader wants the line. */
export function isShown(line: string): boolean {
  return shownLine(line) !== undefined
}

/**
 * `shownLine` for one line after the other, without doubles: both formats have many texts on two or three channels
 * (streams, and Packer's log), in any order, others on one alone. A text is shown as often as the channel has it that
 * has it most often.
 */
export function shownLines(): (line: string) => string | undefined {
  const counts = new Map<string, { shown: number; byChannel: Map<string, number> }>()
  return (line) => {
    const { shown, channel } = readLine(line)
    if (shown === undefined) return undefined
    const entry = counts.get(shown) ?? { shown: 0, byChannel: new Map<string, number>() }
    counts.delete(shown)
    counts.set(shown, entry)
    if (counts.size > REMEMBERED) forgetOldest(counts)
    const count = (entry.byChannel.get(channel) ?? 0) + 1
    entry.byChannel.set(channel, count)
    if (count <= entry.shown) return undefined
    entry.shown = count
    return shown
  }
}

function readLine(line: string): { shown: string | undefined; channel: string } {
  const [prefix = '', stream = ''] = PREFIX.exec(line) ?? []
  const said = line.slice(prefix.length)
  const [logged, ui] = LOGGED.exec(said) ?? []
  const channel = logged === undefined ? stream : 'log'
  return { shown: worded(logged === undefined ? said : (ui ?? '')), channel }
}

function worded(said: string): string | undefined {
  const [origin, arrow = ''] = FROM_BUILD.exec(said) ?? []
  const text = `${arrow.trim() && '==> '}${said.slice(origin?.length ?? 0)}`.trimEnd()
  return text === '' || text === '==>' || NOISE.some((noise) => noise.test(text)) ? undefined : text
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}

function whole(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1)
}

/** Lines of a text that ends with a line break, or is empty. */
function linesOf(text: string): string[] {
  return text.split(/\r?\n/).slice(0, -1)
}

/** How many lines at the end of `old` are those at the beginning of `lines` (Knuth, Morris and Pratt: in one pass). */
function overlap(old: string[], lines: string[]): number {
  const borders = [0]
  const extend = (length: number, line: string | undefined): number => {
    let known = length
    while (known > 0 && lines[known] !== line) known = borders[known - 1] ?? 0
    return lines[known] === line ? known + 1 : known
  }
  for (let at = 1; at < lines.length; at += 1) borders.push(extend(borders[at - 1] ?? 0, lines[at]))
  let known = 0
  for (const line of old) {
    known = lines.length === 0 ? 0 : extend(known, line)
  }
  return known
}
