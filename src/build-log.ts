/**
 * The customization log as text: what was appended since the last look, and which of its lines a reader wants. Two
 * formats are about: `[id] PACKER OUT …` and `[id] PACKER ERR …`, and since 2023 `[id] PACKER …`; both frame Packer's
 * own output (troubleshooting guide of Image Builder, logs that users posted).
 */
import { createHash } from 'node:crypto'

/** What stands in front of Packer's words, at times without an ID; the stream is named in the older format alone. */
const PREFIX = /^(?:\[[^\]]*\] PACKER|PACKER(?= (?:OUT|ERR|\d{4}\/)))(?: (OUT|ERR)(?= |$))? ?/
/** In front of every line of Packer's log; a plugin's lines have its name, and in older versions the time again. */
const STAMP = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) /
const PLUGIN = /^packer[\w.-]*(?: plugin)?: (?:\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d )?/
/** What Packer shows its user stands in its log as well, behind this. */
const UI = /^ui(?: error)?: ?/
/** Scripts' output is indented; behind an arrow stand their errors and Packer's headlines, which look alike. */
const FROM_BUILD = /^(==> | {4}|--> )azure-arm: ?/
/** A provisioner is told of by Packer itself, not by a plugin: their lines repeat what scripts say. */
const TELEMETRY =
  /^(?:\[INFO\] )?\(telemetry\) (Starting provisioner|ending|Finalizing)\b\.?(?: ([\w-]{1,60}))?/

/** In Packer's own log, as its communicators say it. A command stands in the line, so its ends are what counts. */
const EXIT_CODES = [
  /^\[INFO\] (?:RPC (?:endpoint|client): )?Communicator ended with: (-?\d+)$/,
  /^\[INFO\] command '.*' exited with code: (-?\d+)$/,
  /^\[ERROR\] Remote command exited with '(-?\d+)'/,
]

/** Packer's own words of which a reader has no use, or which frighten and are harmless (documented). */
const NOISE_OF_PACKER = [
  /^Done exporting Packer logs to Azure/,
  /^==> Builds finished but no artifacts were created/,
  /^azure-arm: output will be in this color\.$/,
  // A File customizer says how far it is, thousands of times.
  /^\s*\S.* \d+ B \/ \d+ B +(?!100\.)\d[\d.]*%/,
]
/** Details of the build's own resources, harmless too; looked for where no provisioner runs that could have said them. */
const NOISE_OF_BUILD = [
  /^==> +-> (?!.*(?:error|fail))/i,
  /^==> (?:Getting tokens|Getting source image id|Using existing resource group|Validating deployment template)\b/,
  /^==> (?:Getting the VM's IP address|(?:Getting|Setting) the certificate's URL|Querying the machine's)\b/,
  /^==> (?:Adding to deletion queue|Attempting deletion|Deleting|Removing the created Deployment object)\b.* ?(?:->|: ')/,
  /^==> (?:Waiting for deletion of all resources|Skipping image creation|Using (?:SSH|WinRM) communicator to connect)\b/,
  /^==> The resource group was not created by Packer/,
  /^==> (?:Error deleting resource|.*(?:PublicIPAddressCannotBeDeleted|InUseNetworkSecurityGroup))/,
  /^Creating Azure Resource Manager \(ARM\) client/,
]
/** Windows Update says so every few seconds: one in a row is enough. */
const WAITING = /^Waiting for operation to complete \(system performance: .*\)\.\.\.$/

/** Repetitions follow closely; of this many different texts the last ones are remembered. */
const REMEMBERED = 2000
/** Longer texts are remembered by their digest. */
const LONG_TEXT = 200

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

/** A line of the log, taken apart. */
export interface PackerLine {
  /** The way that it took into the log; the same text may take several. */
  channel: string
  /** Milliseconds since the epoch, by Packer's log (UTC). */
  at?: number
  /** Packer's log of itself or of a plugin; its own words to the user; what stands behind `azure-arm:`. */
  kind: 'note' | 'plugin' | 'word' | 'build'
  /** `build`: behind an arrow, so a headline of Packer or a script's error. */
  arrow: boolean
  /** Without anything in front. */
  text: string
}

/** A line of the log and what it means after those before it. */
export interface ReadLine extends PackerLine {
  /**
   * As a reader wants it: a script's own output as it was printed, Packer's headlines (and a script's errors) behind
   * `==> `. Absent for Packer's log of itself, blank lines, noise and doubles: both formats have many texts on two or
   * three channels (streams, and Packer's log), in any order, others on one alone. A text is shown as often as the
   * channel has it that has it most often. It is foreign text and may look like a command to the runner.
   */
  shown?: string
  /** Type of the provisioner that starts here, told once; Packer's names, as `shell`. */
  starts?: string
  /** What ends here, told once: a type, or the builder by its name. */
  ends?: string
  /** Packer is done, well or not. */
  finalizes?: true
  /** How a command of the provisioner ended. */
  exitCode?: number
}

/** Reads one line after the other, without their line breaks, in bounded memory. */
export function lineReader(): (line: string) => ReadLine {
  const isNew = withoutDoubles()
  let inside = ''
  let last = ''
  return (line) => {
    const read = parseLine(line)
    const told = { ...telemetry(read, isNew), ...exitCodeOf(read) }
    if (told.starts !== undefined) inside = told.starts
    // The headline of a failure may as well be a script's, and nothing of a script is noise.
    else if (
      (inside !== '' && told.ends === inside) ||
      told.finalizes ||
      (read.kind !== 'build' && breaksOff(read))
    )
      inside = ''
    const shown = shownText(read, inside)
    if (shown === undefined || !isNew(read.channel, shown)) return { ...read, ...told }
    if (inside === 'windows-update' && WAITING.test(shown) && WAITING.test(last)) return { ...read, ...told }
    last = shown
    return { ...read, ...told, shown }
  }
}

/** Packer gives up the provisioner that runs; a script on its error stream may say the second, too. */
export function breaksOff({ kind, text, arrow }: PackerLine): boolean {
  if (kind === 'word' || kind === 'note')
    return /^Cancelling (?:build after receiving|builder after context) /.test(text)
  return (
    kind === 'build' &&
    arrow &&
    text.startsWith('Provisioning step had errors: Running the cleanup provisioner')
  )
}

function parseLine(line: string): PackerLine {
  const [prefix = '', stream = ''] = PREFIX.exec(line) ?? []
  const said = line.slice(prefix.length)
  const stamp = STAMP.exec(said)
  if (!stamp) return { channel: stream, ...worded(said, prefix === '') }
  const [, year, month, day, hour, minute, second] = stamp.map(Number) as [number, ...number[]]
  const at = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  const logged = said.slice(stamp[0].length)
  const channel = `${stream} log`
  const ui = UI.exec(logged)?.[0]
  if (ui !== undefined) return { channel, at, ...worded(logged.slice(ui.length)) }
  const plugin = PLUGIN.exec(logged)?.[0] ?? ''
  const kind = plugin === '' ? 'note' : 'plugin'
  return { channel, at, kind, arrow: false, text: logged.slice(plugin.length).trimEnd() }
}

/** @param bare the line has nothing in front: then Packer's log may have lost it, as in the guide's short samples. */
function worded(said: string, bare = false): Omit<PackerLine, 'channel'> {
  const [origin, arrow] = FROM_BUILD.exec(said) ?? []
  const text = said.slice(origin?.length ?? 0).trimEnd()
  // In the list of what went wrong, when all is over.
  if (arrow === '--> ') return { kind: 'word', arrow: false, text: `==> ${text}` }
  if (origin !== undefined) return { kind: 'build', arrow: arrow === '==> ', text }
  return { kind: bare && TELEMETRY.test(said) ? 'note' : 'word', arrow: false, text }
}

function telemetry(
  { kind, text, channel }: PackerLine,
  isNew: (channel: string, text: string) => boolean,
): Pick<ReadLine, 'starts' | 'ends' | 'finalizes'> {
  const [phrase, verb, type] = kind === 'note' ? (TELEMETRY.exec(text) ?? []) : []
  if (phrase === undefined || !isNew(channel, phrase)) return {}
  if (verb === 'Finalizing') return { finalizes: true }
  if (type === undefined) return {}
  if (verb === 'Starting provisioner') return { starts: type }
  return { ends: type }
}

function exitCodeOf({ kind, text }: PackerLine): { exitCode?: number } {
  if (kind !== 'note' && kind !== 'plugin') return {}
  const code = EXIT_CODES.map((pattern) => pattern.exec(text)?.[1]).find((found) => found !== undefined)
  return code === undefined ? {} : { exitCode: Number(code) }
}

function shownText({ kind, arrow, text }: PackerLine, inside: string): string | undefined {
  if (kind === 'note' || kind === 'plugin' || text === '' || text === '==>') return undefined
  if (kind === 'word') return NOISE_OF_PACKER.some((noise) => noise.test(text)) ? undefined : text
  const shown = arrow ? `==> ${text}` : text
  return inside === '' && NOISE_OF_BUILD.some((noise) => noise.test(shown)) ? undefined : shown
}

/** Tells of each text on a channel whether no other channel had it as often before. */
function withoutDoubles(): (channel: string, text: string) => boolean {
  const counts = new Map<string, { told: number; byChannel: Map<string, number> }>()
  return (channel, text) => {
    const key = text.length > LONG_TEXT ? createHash('sha256').update(text).digest('base64') : detached(text)
    const entry = counts.get(key) ?? { told: 0, byChannel: new Map<string, number>() }
    counts.delete(key)
    counts.set(key, entry)
    if (counts.size > REMEMBERED) forgetOldest(counts)
    const count = (entry.byChannel.get(channel) ?? 0) + 1
    entry.byChannel.set(channel, count)
    if (count <= entry.told) return false
    entry.told = count
    return true
  }
}

/** The same text in memory of its own: a part of a string keeps the whole alive, here perhaps all of a log. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le')
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
