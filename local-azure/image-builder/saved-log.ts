/** A customization log that is saved as a blob while it grows, as the container's log does. */
import { CustomizationLog } from './customization-log.ts'

/** It is saved by itself whenever it has grown by so many characters, and by so large a share of itself. */
const SAVED_AFTER = { characters: 64 * 1024, share: 1 / 8 }

export class SavedLog extends CustomizationLog {
  private readonly upload: (text: string) => Promise<void>
  private saving: Promise<void> = Promise.resolve()
  private length = 0
  private lengthSaved = 0

  constructor(operationId: string, now: () => number, upload: (text: string) => Promise<void>) {
    super(operationId, now)
    this.upload = upload
  }

  /** One upload after the other, so that none puts an older text over a newer one. */
  async save(): Promise<void> {
    this.lengthSaved = this.length
    const saving = this.saving.then(() => this.upload(this.text))
    this.saving = saving.catch(() => undefined)
    await saving
  }

  protected override write(line: string): void {
    super.write(line)
    this.length += line.length
    const grown = this.length - this.lengthSaved
    if (grown < SAVED_AFTER.characters || grown < this.length * SAVED_AFTER.share) return
    this.save().catch(() => undefined) // the next one tells
  }
}
