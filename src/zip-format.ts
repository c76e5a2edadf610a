/**
 * The records of a zip ("APPNOTE.TXT", PKWARE) around entries that are compressed already. No library takes those, and
 * one that compresses by itself does it entry after entry on one core. Pure: what goes in comes out, byte for byte.
 */
import type { Entry } from './artifact-entries.ts'
import type { ByteWriter } from './byte-writer.ts'

/** 0: as it is; 8: deflated. */
export type ZipMethod = 0 | 8

/** What became of an entry's content. Sizes in bytes. */
export interface ZipContent {
  method: ZipMethod
  crc: number
  size: number
  packedSize: number
}

/** An entry as the directory at the archive's end lists it. */
export interface ZipRecord extends ZipContent {
  entry: Entry
  /** Where its local header begins. */
  offset: number
  /** Whether sizes and CRC stand behind its content, as they were not known in front of it. */
  streamed: boolean
}

/** The largest value of a 32-bit field stands for "see the zip64 record". */
const MAX_32 = 0xffffffff
const MAX_16 = 0xffff
/** A larger file's deflated bytes may pass 4 GiB, which must be known before they are there. */
const SURELY_32 = 0xf0000000
const ZIP64 = 0x0001
const [PLAIN_VERSION, ZIP64_VERSION] = [20, 45]
/** Bit 3: sizes behind the content. Bit 11: names in UTF-8. */
const [BEHIND, UTF8] = [1 << 3, 1 << 11]
/** Upper byte: the attributes are Unix modes. */
const MADE_BY = (3 << 8) | ZIP64_VERSION
/** 1980-01-01, the earliest that a zip can say, at midnight of no zone. */
const [DOS_TIME, DOS_DATE] = [0, (1 << 5) | 1]
const DOS_DIRECTORY = 0x10

/** The header in front of an entry whose content is known. */
export function localHeader(out: ByteWriter, entry: Entry, content: ZipContent): void {
  local(out, entry, UTF8, PLAIN_VERSION, content, [])
}

/** The header in front of an entry whose content is still being packed; a `descriptor` follows the content. */
export function streamedHeader(out: ByteWriter, entry: Entry): void {
  const unknown: ZipContent = { method: 8, crc: 0, size: 0, packedSize: 0 }
  const see = { ...unknown, size: MAX_32, packedSize: MAX_32 }
  if (isLarge(entry)) local(out, entry, BEHIND | UTF8, ZIP64_VERSION, see, [0, 0])
  else local(out, entry, BEHIND | UTF8, PLAIN_VERSION, unknown, [])
}

/** What follows the content of an entry with a `streamedHeader`. */
export function descriptor(out: ByteWriter, entry: Entry, { crc, size, packedSize }: ZipContent): void {
  out.u32(0x08074b50, crc)
  if (isLarge(entry)) out.u64(packedSize, size)
  else out.u32(packedSize, size)
}

/** The entry as the directory at the archive's end lists it. */
export function directoryEntry(out: ByteWriter, record: ZipRecord): void {
  const { entry, method, crc, size, packedSize, offset, streamed } = record
  const large = [size, packedSize, offset].filter((value) => value >= MAX_32)
  const version = large.length > 0 || (streamed && isLarge(entry)) ? ZIP64_VERSION : PLAIN_VERSION
  const name = nameOf(entry)
  out.u32(0x02014b50)
  out.u16(MADE_BY, version, streamed ? BEHIND | UTF8 : UTF8, method, DOS_TIME, DOS_DATE)
  out.u32(crc, Math.min(packedSize, MAX_32), Math.min(size, MAX_32))
  out.u16(Buffer.byteLength(name), extraBytes(large))
  out.u16(0, 0, 0) // no comment, first disk, no internal attributes
  out.u32(((entry.mode << 16) | (entry.kind === 'directory' ? DOS_DIRECTORY : 0)) >>> 0)
  out.u32(Math.min(offset, MAX_32)).text(name)
  zip64Extra(out, large)
}

/**
 * What ends the archive.
 * @param count entries of the directory
 * @param bytes its length
 * @param start where it begins
 */
export function directoryEnd(out: ByteWriter, count: number, bytes: number, start: number): void {
  if (count >= MAX_16 || bytes >= MAX_32 || start >= MAX_32) {
    out.u32(0x06064b50).u64(44) // bytes that follow in this record
    out.u16(MADE_BY, ZIP64_VERSION).u32(0, 0) // one disk
    out.u64(count, count, bytes, start)
    out
      .u32(0x07064b50, 0)
      .u64(start + bytes)
      .u32(1) // where that record is, of one disk
  }
  out.u32(0x06054b50).u16(0, 0) // one disk
  out.u16(Math.min(count, MAX_16), Math.min(count, MAX_16))
  out.u32(Math.min(bytes, MAX_32), Math.min(start, MAX_32)).u16(0) // no comment
}

function local(
  out: ByteWriter,
  entry: Entry,
  flags: number,
  version: number,
  { method, crc, size, packedSize }: ZipContent,
  large: number[],
): void {
  const name = nameOf(entry)
  out.u32(0x04034b50).u16(version, flags, method, DOS_TIME, DOS_DATE)
  out.u32(crc, packedSize, size).u16(Buffer.byteLength(name), extraBytes(large)).text(name)
  zip64Extra(out, large)
}

function extraBytes(large: readonly number[]): number {
  return large.length === 0 ? 0 : 4 + large.length * 8
}

function zip64Extra(out: ByteWriter, large: readonly number[]): void {
  if (large.length > 0) out.u16(ZIP64, large.length * 8).u64(...large)
}

function isLarge({ size }: Entry): boolean {
  return size >= SURELY_32
}

function nameOf({ path, kind }: Entry): string {
  return kind === 'directory' ? `${path}/` : path
}

/**
 * CRC-32 of two runs of bytes one after the other, from the CRC of each: the first is moved on by as many zero bytes as
 * the second has, which is a multiplication by x^(8n) modulo the CRC's polynomial.
 */
export function joinedCrc(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX(secondBytes * 8), first) ^ second) >>> 0
}

/** Bit-reversed, as CRC-32 is computed. */
const POLYNOMIAL = 0xedb88320

/** x^n: squared for each bit of n from the lowest, multiplied in where it is set. */
function powerOfX(n: number): number {
  let [result, square] = [0x80000000, 0x40000000] // x^0, x^1
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(square, result)
    square = multiply(square, square)
  }
  return result
}

function multiply(a: number, b: number): number {
  let [product, shifted] = [0, b]
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1
  }
  return product >>> 0
}
