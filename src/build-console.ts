/** What a running build prints: its log in groups, one a provisioner, and the action's own lines between them. */
import { titleOf, type BuildStep } from './build-steps.ts'
import { LOG_MARKS } from './diagnosis.ts'
import { PackerLog, type LogReading, type Provisioner } from './packer-log.ts'
import type { Clock, Runner } from './ports.ts'
import { duration } from './report.ts'

/** How many lines are remembered, to find in the whole log what has been printed of it. */
const REMEMBERED = 50

export class BuildConsole {
  /** When the last line was printed; milliseconds since the epoch. */
  saidAt: number
  /** The raw lines that came last. */
  readonly last: string[] = []
  private readonly runner: Pick<Runner, 'info' | 'quote' | 'openGroup' | 'closeGroup'>
  private readonly clock: Pick<Clock, 'now'>
  private readonly steps: readonly BuildStep[]
  private packer = new PackerLog(LOG_MARKS)
  private current: { provisioner: Provisioner; since: number } | undefined
  private title = 'the build VM'
  private begun = false
  private open = false

  constructor(
    runner: Pick<Runner, 'info' | 'quote' | 'openGroup' | 'closeGroup'>,
    clock: Pick<Clock, 'now'>,
    steps: readonly BuildStep[],
  ) {
    this.runner = runner
    this.clock = clock
    this.steps = steps
    this.saidAt = clock.now()
  }

  /** What the lines so far tell. */
  get reading(): LogReading {
    return this.packer.reading
  }

  /** What is being done in the build VM, and since when; absent between two provisioners. */
  get step(): { title: string; since: number } | undefined {
    return this.current && { title: this.name(this.current.provisioner), since: this.current.since }
  }

  /** A line of the action's own, outside of every group, where nobody has to unfold it. */
  say(line: string): void {
    this.close()
    this.runner.info(`  ${line}`)
    this.saidAt = this.clock.now()
  }

  /** Lines of the log, as they come. */
  log(lines: readonly string[]): void {
    let shown: string[] = []
    for (const line of lines) {
      for (const event of this.packer.take(line)) {
        if (event.kind === 'line') shown.push(event.text)
        else {
          this.print(shown)
          shown = []
          if (event.kind === 'starts') this.begin(event.provisioner)
          else this.end(event.provisioner)
        }
      }
    }
    this.print(shown)
    this.last.push(...lines.slice(-REMEMBERED))
    this.last.splice(0, this.last.length - REMEMBERED)
  }

  /** Forgets what was printed: the log is told from its beginning. */
  restart(): void {
    this.close()
    this.packer = new PackerLog(LOG_MARKS)
    this.current = undefined
    this.turnTo('customization log')
  }

  /** Closes what is open, for lines that are no part of the build. */
  close(): void {
    if (this.open) this.runner.closeGroup()
    this.open = false
  }

  private begin(provisioner: Provisioner): void {
    this.current = { provisioner, since: this.clock.now() }
    this.turnTo(this.name(provisioner))
  }

  private end(provisioner: Provisioner): void {
    const { startedAt, endedAt } = provisioner
    const took = startedAt !== undefined && endedAt !== undefined ? ` (${duration(endedAt - startedAt)})` : ''
    const outcome = this.packer.reading.failed === provisioner ? 'failed' : 'ended'
    this.say(`${this.name(provisioner)}: ${outcome}${took}`)
    this.current = undefined
    this.turnTo('the end of the build')
  }

  private name(provisioner: Provisioner): string {
    return titleOf(provisioner, this.packer.reading, this.steps)
  }

  private turnTo(title: string): void {
    this.close()
    this.title = title
    this.begun = false
  }

  private print(lines: readonly string[]): void {
    if (lines.length === 0) return
    if (!this.open) this.runner.openGroup(this.begun ? `${this.title} (continued)` : this.title)
    this.open = true
    this.begun = true
    this.runner.quote(lines)
    this.saidAt = this.clock.now()
  }
}
