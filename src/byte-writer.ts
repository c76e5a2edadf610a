/** Writes binary records, numbers with their lowest byte first, into memory that grows and is used again. */
export class ByteWriter {
  private room = Buffer.alloc(64 * 1024)
  /** Bytes written since the last `take`. */
  length = 0

  u16(...values: number[]): this {
    this.reserve(values.length * 2)
    for (const value of values) this.length = this.room.writeUInt16LE(value, this.length)
    return this
  }

  u32(...values: number[]): this {
    this.reserve(values.length * 4)
    for (const value of values) this.length = this.room.writeUInt32LE(value, this.length)
    return this
  }

  u64(...values: number[]): this {
    this.reserve(values.length * 8)
    for (const value of values) this.length = this.room.writeBigUInt64LE(BigInt(value), this.length)
    return this
  }

  /** In UTF-8. */
  text(text: string): this {
    this.reserve(text.length * 3)
    this.length += this.room.write(text, this.length)
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.reserve(bytes.length)
    this.room.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  /** What was written, in memory of its own. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.room.subarray(0, this.length))
    this.length = 0
    return taken
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.room.length) return
    const room = Buffer.allocUnsafeSlow(Math.max(this.room.length * 2, this.length + bytes))
    this.room.copy(room, 0, 0, this.length)
    this.room = room
  }
}
