/**
 * What the customization log tells of a build, read line by line in bounded memory, whatever its length: which
 * provisioners ran and when, which one failed, Packer's last word, and the lines that a reader wants. Both formats of
 * the log are read (see `build-log.ts`). Shapes: troubleshooting guide of Image Builder and logs that users posted.
 */
import { breaksOff, detached, lineReader, type PackerLine, type ReadLine } from './build-log.ts'

/** One step of Packer: a customizer or validator of the template, or what Image Builder adds. */
export interface Provisioner {
  /** 1-based, in the order of the log. */
  number: number
  /** As Packer names it: shell powershell file windows-update windows-restart. */
  type: string
  /** Milliseconds since the epoch, by the log's own times (UTC); absent where its line has none. */
  startedAt?: number
  endedAt?: number
  /** The last one seen of any command of it; for the failed one what Packer's last word says, if it says one. */
  exitCode?: number
  /** The last 40 lines as shown, without Packer's headlines; kept of the last ten provisioners. */
  tail: string[]
}

/** Where a watched pattern was seen. */
export interface Sighting {
  /** Raw lines that it fits; many texts stand twice in a log. */
  times: number
  /** The last of them, cut at 8,192 characters. */
  line: string
  /** Number of that raw line, 1-based. */
  at: number
  /** Number of the provisioner that had started last; 0 before the first. */
  provisioner: number
  /** Named groups that took part. */
  groups: Record<string, string>
}

/** What the log has told so far. Its objects go on changing while the log is read. */
export interface LogReading {
  /** Raw lines so far. */
  lines: number
  provisioners: readonly Provisioner[]
  /** The one in which the build broke or was broken off; absent where none did, or the log does not tell. */
  failed?: Provisioner
  /** The one under way where the log stops: still running, or the log has no end. */
  running?: Provisioner
  /** What Packer says in the end (`Build 'azure-arm' errored: …`); empty for nothing. */
  reason: string
  /** The last 40 shown lines of all. */
  tail: readonly string[]
  /** Watched patterns that occurred, by the pattern. */
  seen: ReadonlyMap<RegExp, Sighting>
}

/** What a line of the log tells; a `line` is what a reader wants of it. */
export type LogEvent = { kind: 'starts' | 'ends'; provisioner: Provisioner } | { kind: 'line'; text: string }

const TAIL_LINES = 40
const SHOWN_CHARACTERS = 8192
/** More of a line is not looked at. */
const READ_CHARACTERS = 65_536
const TAILS_KEPT = 10
/** A log with more is none of Image Builder: its later provisioners are not counted. */
const MOST_PROVISIONERS = 1000
const ERRORED = /^Build 'azure-arm' errored(?: after [^:]+)?: ?(.*)$/
const FINISHED = /^Build 'azure-arm' finished\b/
const EXIT_STATUS = /\bnon-zero exit status: (-?\d+)/
const PROVISIONING_WITH = /^Provisioning with (?:Powershell\.\.\.|[\w-]+ script: |windows-shell\b)/i
/** What Packer does to the VM once provisioning is over. */
const AFTERWARDS =
  /^(?:Provisioning step had errors|Powering off|Generalizing|Capturing|Deleting|Removing|The resource group was|Step ')/

export class PackerLog {
  private readonly watched: readonly RegExp[]
  private readonly read = lineReader()
  private readonly provisioners: Provisioner[] = []
  private readonly tail: string[] = []
  private readonly seen = new Map<RegExp, Sighting>()
  private lines = 0
  /** The last provisioner has started and not ended. */
  private open = false
  /** Packer has finalized: what starts now is of another run, as a validation's behind its build. */
  private over = false
  private finished = false
  private reason = ''
  private failed: Provisioner | undefined
  /** A headline of the last provisioner was seen, so its output has begun. */
  private headed = false

  /** @param watched patterns that each raw line is tested with */
  constructor(watched: readonly RegExp[] = []) {
    this.watched = watched
  }

  /** Takes one raw line, without its line break, and gives what follows from it, in order. Never throws. */
  take(line: string): LogEvent[] {
    const raw = line.slice(0, READ_CHARACTERS).replace(/\r$/, '')
    this.lines += 1
    const read = this.read(raw)
    const events = [...this.telemetry(read)]
    this.outcome(read)
    this.watch(raw)
    if (read.shown !== undefined) {
      const text = detached(shortened(read.shown))
      this.keep(text, read)
      events.push({ kind: 'line', text })
    }
    return events
  }

  /** What the log has told so far. */
  get reading(): LogReading {
    const { lines, provisioners, reason, tail, seen } = this
    const failed = this.failedOne()
    const running = this.open ? this.last : undefined
    const found = { ...(failed && { failed }), ...(running && { running }) }
    return { lines, provisioners, ...found, reason, tail, seen }
  }

  private get last(): Provisioner | undefined {
    return this.provisioners.at(-1)
  }

  private telemetry({ starts, ends, finalizes, at }: ReadLine): LogEvent[] {
    if (starts !== undefined) return this.start(starts, at)
    if (ends !== undefined && ends === this.last?.type) return this.end(at)
    if (!finalizes) return []
    // Nothing said why: the log is over with a provisioner under way.
    if (this.open && !this.finished && !this.failedOne()) this.failed = this.last
    this.over = true
    return this.end(at)
  }

  private start(type: string, at: number | undefined): LogEvent[] {
    if (this.over) this.forgetOutcome()
    this.over = false
    const before = this.end(at)
    if (this.provisioners.length >= MOST_PROVISIONERS) return before
    const started = at === undefined ? {} : { startedAt: at }
    const number = this.provisioners.length + 1
    const provisioner: Provisioner = { number, type: detached(type), ...started, tail: [] }
    this.provisioners.push(provisioner)
    this.provisioners.at(-1 - TAILS_KEPT)?.tail.splice(0)
    this.open = true
    this.headed = false
    return [...before, { kind: 'starts', provisioner }]
  }

  private end(at: number | undefined): LogEvent[] {
    const { last } = this
    if (!this.open || !last) return []
    this.open = false
    if (at !== undefined) last.endedAt = at
    return [{ kind: 'ends', provisioner: last }]
  }

  /** The last provisioner is under way, or has ended badly: scripts always leave an exit code, and streams lag. */
  private isBroken(): boolean {
    const { last } = this
    if (!last || this.over || this.reason !== '') return false
    return this.open || (last.exitCode !== 0 && /^(?:power)?shell$/.test(last.type))
  }

  /** What the line says of success and failure. */
  private outcome(read: ReadLine): void {
    const { last } = this
    if (read.exitCode !== undefined && last && this.reason === '') last.exitCode = read.exitCode
    if (breaksOff(read)) {
      const isTold = read.kind === 'build' ? read.shown !== undefined : !this.failedOne() && this.isBroken()
      if (isTold) this.failed = last
    }
    if (read.kind !== 'word') return
    const reason = ERRORED.exec(read.text)?.[1]
    if (reason !== undefined) this.errored(shortened(reason))
    else if (FINISHED.test(read.text)) this.forgetOutcome(true)
    // "1 error(s) occurred:", and the error in a line of its own.
    else if (this.reason.endsWith('occurred:') && read.text.startsWith('* '))
      this.errored(`${this.reason} ${shortened(read.text)}`)
  }

  private errored(reason: string): void {
    this.reason = detached(reason)
    const status = EXIT_STATUS.exec(reason)?.[1]
    const { last } = this
    const isLast = this.open || status !== undefined || (last?.exitCode ?? 0) !== 0
    if (isLast && !this.failedOne()) this.failed = last
    const failed = this.failedOne()
    if (status !== undefined && failed) failed.exitCode = Number(status)
  }

  private forgetOutcome(finished = false): void {
    this.finished = finished
    this.reason = ''
    this.failed = undefined
  }

  /**
   * A script may say on its error stream that provisioning had errors, just as Packer does: that is not believed where
   * its provisioner was left with success and others followed.
   */
  private failedOne(): Provisioner | undefined {
    const { failed, last } = this
    return failed?.exitCode === 0 && failed !== last ? undefined : failed
  }

  private watch(raw: string): void {
    for (const pattern of this.watched) {
      pattern.lastIndex = 0
      const match = pattern.exec(raw)
      if (!match) continue
      const groups = Object.entries<string | undefined>(match.groups ?? {}).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, detached(shortened(value))] as const],
      )
      this.seen.set(pattern, {
        times: (this.seen.get(pattern)?.times ?? 0) + 1,
        line: detached(shortened(raw)),
        at: this.lines,
        provisioner: this.last?.number ?? 0,
        groups: Object.fromEntries(groups),
      })
    }
  }

  private keep(text: string, read: PackerLine): void {
    push(this.tail, text)
    const { last } = this
    if (!last || read.kind !== 'build') return
    const isDone = !this.open || this.failed === last
    if (read.arrow && PROVISIONING_WITH.test(read.text)) this.head()
    else if (!(read.arrow && AFTERWARDS.test(read.text) && isDone)) push(last.tail, text)
  }

  /** The streams lag: what was shown before the first headline of a provisioner was said by the one before. */
  private head(): void {
    if (this.headed || !this.last) return
    this.headed = true
    const late = this.last.tail.splice(0)
    const before = this.provisioners.at(-2)
    for (const text of late) if (before) push(before.tail, text)
  }
}

function push(tail: string[], text: string): void {
  tail.push(text)
  if (tail.length > TAIL_LINES) tail.shift()
}

function shortened(text: string): string {
  if (text.length <= SHOWN_CHARACTERS) return text
  return `${text.slice(0, SHOWN_CHARACTERS - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
