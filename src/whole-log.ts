/** The customization log of a run that has ended, read once from its beginning to its end, in bounded memory. */
import { LOG_MARKS } from './diagnosis.ts'
import { PackerLog, type LogReading } from './packer-log.ts'

/** So many of the last lines are printed at most, after those that were printed before; the file has them all. */
const PRINTED = 5000

export class WholeLog {
  /** Lines behind those that were printed while the build ran. */
  rest: string[] = []
  /** Whether those were found in it. */
  continues = false
  private readonly packer = new PackerLog(LOG_MARKS)
  private readonly printed: readonly string[]
  private readonly safe: (line: string) => string
  private readonly before: string[] = []

  /**
   * @param printed the last lines that were printed
   * @param safe takes the secrets out of a line
   */
  constructor(printed: readonly string[], safe: (line: string) => string) {
    this.printed = printed.map(safe)
    this.safe = safe
  }

  get reading(): LogReading {
    return this.packer.reading
  }

  /** Gives the text on, without secrets, and reads it on the way. */
  async *through(content: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    const decoder = new TextDecoder()
    let unfinished = ''
    for await (const chunk of content) {
      const lines = (unfinished + decoder.decode(chunk, { stream: true })).split('\n')
      unfinished = lines.pop() ?? ''
      if (lines.length > 0) yield `${lines.map((line) => this.take(line)).join('\n')}\n`
    }
    if (unfinished !== '') yield this.take(unfinished)
  }

  private take(line: string): string {
    const safe = this.safe(line)
    const plain = safe.replace(/\r$/, '')
    this.packer.take(plain)
    this.before.push(plain)
    if (this.before.length > this.printed.length) this.before.shift()
    this.rest.push(plain)
    if (this.rest.length > 2 * PRINTED) this.rest.splice(0, PRINTED)
    if (plain === this.printed.at(-1) && this.printed.every((one, at) => one === this.before[at])) {
      this.continues = true
      this.rest = []
    }
    return safe
  }
}
