/** Joins slices of files, deflated apart, to a zip: headers in front, sizes behind large files, the directory at the end. */
import { ByteWriter } from './byte-writer.ts'
import type { PackedPiece, Slice } from './pack-piece.ts'
import {
  descriptor,
  directoryEnd,
  directoryEntry,
  joinedCrc,
  localHeader,
  streamedHeader,
  type ZipContent,
  type ZipRecord,
} from './zip-format.ts'

const NOTHING: ZipContent = { method: 8, crc: 0, size: 0, packedSize: 0 }

/** Pieces are to be added in order. */
export class ZipWriter {
  private readonly out = new ByteWriter()
  private readonly directory = new ByteWriter()
  private entries = 0
  /** Bytes of the archive before what is in `out`. */
  private before = 0
  /** The large file whose slices are coming. */
  private large: ZipRecord | undefined

  /** @returns what comes next in the archive */
  add(slices: readonly Slice[], { bytes, ends, crcs, stored }: PackedPiece): Uint8Array {
    let begin = 0
    slices.forEach((slice, index) => {
      const end = ends[index] ?? begin
      const content = bytes.subarray(begin, end)
      if (slice.length === slice.entry.size) this.whole(slice, content, crcs[index] ?? 0, stored[index] === 1)
      else this.part(slice, content, crcs[index] ?? 0)
      begin = end
    })
    return this.take()
  }

  /** What ends the archive. */
  end(): Uint8Array[] {
    const { before, entries } = this
    const directory = this.directory.take()
    directoryEnd(this.out, entries, directory.length, before)
    return [directory, this.take()]
  }

  private whole({ entry, length }: Slice, bytes: Uint8Array, crc: number, stored: boolean): void {
    const content: ZipContent = { method: stored ? 0 : 8, crc, size: length, packedSize: bytes.length }
    this.list({ ...content, entry, offset: this.before + this.out.length, streamed: false })
    localHeader(this.out, entry, content)
    this.out.bytes(bytes)
  }

  private part({ entry, from, length }: Slice, bytes: Uint8Array, crc: number): void {
    if (from === 0) {
      this.large = { ...NOTHING, entry, offset: this.before + this.out.length, streamed: true }
      streamedHeader(this.out, entry)
    }
    const { large } = this
    if (large?.entry.path !== entry.path) throw new Error(`'${entry.path}' begins in its middle.`)
    this.out.bytes(bytes)
    large.crc = joinedCrc(large.crc, crc, length)
    large.size += length
    large.packedSize += bytes.length
    if (from + length < entry.size) return
    descriptor(this.out, entry, large)
    this.list(large)
  }

  private list(record: ZipRecord): void {
    directoryEntry(this.directory, record)
    this.entries += 1
  }

  private take(): Uint8Array {
    this.before += this.out.length
    return this.out.take()
  }
}
