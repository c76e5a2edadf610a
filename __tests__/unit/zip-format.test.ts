/** The records of a zip, above all those for what is too large to be packed in a test, read back by a library. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { crc32, deflateRawSync, constants as zlib } from 'node:zlib'
import fc from 'fast-check'
import { fromBufferPromise, openPromise, type Entry as ZipEntry, type ZipFile } from 'yauzl'
import type { Entry } from '../../src/artifact-entries.ts'
import { ByteWriter } from '../../src/byte-writer.ts'
import type { PackedPiece } from '../../src/pack-piece.ts'
import { directoryEnd, directoryEntry, joinedCrc, localHeader, type ZipRecord } from '../../src/zip-format.ts'
import { ZipWriter } from '../../src/zip-writer.ts'
import { temporary } from '../support/trees.ts'
import { missing, runProgram, UNPACKERS } from '../support/unpackers.ts'

let folder = ''
let remove: () => Promise<void>

beforeEach(async () => {
  ;({ folder, remove } = await temporary())
})
afterEach(() => remove())

const testOnLinux = process.platform === 'linux' ? test : test.skip
const MIB = 1024 ** 2
const GIB = 1024 ** 3
const MAX_32 = 2 ** 32 - 1

function entryOf(name: string, size = 0, kind: Entry['kind'] = 'file'): Entry {
  return { path: name, kind, source: '', mode: kind === 'file' ? 0o100644 : 0o40755, size, mtimeMs: 0 }
}

/** Writes the parts at their places into a file that is empty between them, and takes no room there. */
async function sparseFile(...parts: [at: number, bytes: Uint8Array][]): Promise<string> {
  const name = path.join(folder, 'sparse.zip')
  const file = await open(name, 'w')
  for (const [at, bytes] of parts) await file.write(bytes, 0, bytes.length, at)
  await file.close()
  return name
}

/** A zip of one file of three bytes whose header is at `offset`, which nothing is in front of. */
async function zipWithEntryAt(offset: number): Promise<string> {
  const content = Buffer.from('far')
  const entry = entryOf('far away', content.length)
  const packed = { method: 0, crc: crc32(content), size: content.length, packedSize: content.length } as const
  const [local, directory, end] = [new ByteWriter(), new ByteWriter(), new ByteWriter()]
  localHeader(local, entry, packed)
  local.bytes(content)
  directoryEntry(directory, { ...packed, entry, offset, streamed: false })
  const start = offset + local.length
  directoryEnd(end, 1, directory.length, start)
  const directoryBytes = directory.take()
  return sparseFile(
    [offset, local.take()],
    [start, directoryBytes],
    [start + directoryBytes.length, end.take()],
  )
}

async function entriesOf(bytes: Buffer): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = []
  for await (const entry of (await fromBufferPromise(bytes)).eachEntry()) entries.push(entry)
  return entries
}

/** The only entry of a zip, and what it holds; the library compares its CRC. */
async function onlyEntry(zip: ZipFile): Promise<{ entry: ZipEntry; content: Buffer }> {
  for await (const entry of zip.eachEntry()) {
    expect(zip.entryCount).toBe(1)
    return { entry, content: await buffer(await zip.openReadStreamPromise(entry)) }
  }
  throw new Error('The zip is empty.')
}

describe('an archive', () => {
  // Elsewhere the room in front of the entry would be taken.
  testOnLinux.each([
    ['0 bytes', 0],
    ['a byte less than a field of 32 bits can say', MAX_32 - 1],
    ['what stands for "see elsewhere" in a field of 32 bits', MAX_32],
    ['4 GiB', MAX_32 + 1],
    ['a TiB', 1024 * GIB],
  ])('of an entry behind %s is read', async (_, offset) => {
    const { entry, content } = await onlyEntry(await openPromise(await zipWithEntryAt(offset)))
    expect(entry).toMatchObject({ fileName: 'far away', relativeOffsetOfLocalHeader: offset })
    expect(String(content)).toBe('far')
  })

  const zipPrograms = UNPACKERS.filter(({ format, name }) => format === 'zip' && !name.includes('pipe'))
  for (const program of zipPrograms) {
    const why = missing(program)
    const run = why === undefined ? test : test.skip
    run(
      `of an entry behind 5 GiB is unpacked by ${program.name}${why === undefined ? '' : ` (${why})`}`,
      async () => {
        runProgram(program.command(await zipWithEntryAt(5 * GIB), folder))
        expect(execFileSync('cat', [path.join(folder, 'far away')], { encoding: 'utf8' })).toBe('far')
      },
    )
  }

  // Which number of entries is the first that needs it is told below, by the end alone.
  test('of more entries than a field of 16 bits can say is read', async () => {
    const count = 70_000
    const slices = Array.from({ length: count }, (__, at) => ({
      entry: entryOf(`folder ${at}`, 0, 'directory'),
      from: 0,
      length: 0,
    }))
    const bytes = zipOf(new ZipWriter(), [
      [
        slices,
        pieceOf(
          slices.map(() => new Uint8Array()),
          true,
        ),
      ],
    ])
    const entries = await entriesOf(bytes)
    const names = entries.map(({ fileName }) => fileName)
    expect(names.join()).toBe(slices.map(({ entry }) => `${entry.path}/`).join())
    expect(bytes.includes(Buffer.from('PK\x06\x06', 'latin1'))).toBe(true)
  })
})

type Slices = Parameters<ZipWriter['add']>[0]

function pieceOf(contents: Uint8Array[], stored: boolean): PackedPiece {
  let end = 0
  return {
    bytes: Buffer.concat(contents),
    digests: new Uint8Array(),
    ends: Uint32Array.from(contents, ({ length }) => (end += length)),
    crcs: new Uint32Array(contents.length),
    stored: new Uint8Array(contents.length).fill(stored ? 1 : 0),
  }
}

function zipOf(writer: ZipWriter, pieces: [Slices, PackedPiece][]): Buffer {
  const parts = pieces.map(([slices, piece]) => writer.add(slices, piece))
  return Buffer.concat([...parts, ...writer.end()])
}

/** A zip of a file that is said to be of `size` bytes, in slices of up to a GiB, and of a small one behind it. */
function zipOfLarge(size: number): { bytes: Buffer; packed: Buffer } {
  const large = entryOf('large', size)
  const pieces: [Slices, PackedPiece][] = []
  for (let from = 0; from < size; from += GIB) {
    const length = Math.min(GIB, size - from)
    pieces.push([[{ entry: large, from, length }], pieceOf([Buffer.from(`slice at ${from};`)], false)])
  }
  const small = { entry: entryOf('small', 5), from: 0, length: 5 }
  pieces.push([[small], pieceOf([Buffer.from('small')], true)])
  const packed = Buffer.concat(pieces.slice(0, -1).map(([, { bytes }]) => bytes))
  return { bytes: zipOf(new ZipWriter(), pieces), packed }
}

describe('a file that is packed slice by slice', () => {
  test.each([
    ['2 GiB', 2 * GIB, false],
    // From here on it may be more when it is packed.
    ['3.75 GiB less a byte', 0xf0000000 - 1, false],
    ['3.75 GiB', 0xf0000000, true],
    ['a byte less than a field of 32 bits can say', MAX_32 - 1, true],
    ['what stands for "see elsewhere" in a field of 32 bits', MAX_32, true],
    ['5 GiB', 5 * GIB, true],
    ['a TiB', 1024 * GIB, true],
  ])('of %s has its sizes in the directory and behind its content', async (_, size, isZip64) => {
    const { bytes, packed } = zipOfLarge(size)
    const [large, small] = await entriesOf(bytes)
    expect(large).toMatchObject({ fileName: 'large', uncompressedSize: size, compressedSize: packed.length })
    expect(large?.compressionMethod).toBe(8)

    const [flags, nameBytes, extraBytes] = [6, 26, 28].map((at) => bytes.readUInt16LE(at))
    expect([flags, nameBytes, extraBytes]).toEqual([0x808, 5, isZip64 ? 20 : 0])
    const extra = [0x0001, 16, ...Array<number>(8).fill(0)]
    expect(words(bytes.subarray(35, 35 + (extraBytes ?? 0)))).toEqual(isZip64 ? extra : [])
    expect([18, 22].map((at) => bytes.readUInt32LE(at))).toEqual(isZip64 ? [MAX_32, MAX_32] : [0, 0])

    const content = 35 + (extraBytes ?? 0)
    const behind = bytes.subarray(content + packed.length, small?.relativeOffsetOfLocalHeader)
    expect(bytes.subarray(content, content + packed.length)).toEqual(packed)
    expect(behind.toString('latin1', 0, 4)).toBe('PK\x07\x08')
    const sizes = isZip64
      ? [behind.readBigUInt64LE(8), behind.readBigUInt64LE(16)]
      : [behind.readUInt32LE(8), behind.readUInt32LE(12)]
    expect([behind.length, ...sizes.map(Number)]).toEqual([isZip64 ? 24 : 16, packed.length, size])
  })

  test('is read with its CRC', async () => {
    const content = Buffer.alloc(3 * MIB + 5, 'slice after slice\n')
    const entry = entryOf('sliced', content.length)
    const pieces = [0, 1, 2, 3].map((at): [Slices, PackedPiece] => {
      const slice = content.subarray(at * MIB, (at + 1) * MIB)
      const packed = deflateRawSync(slice, { finishFlush: at === 3 ? zlib.Z_FINISH : zlib.Z_FULL_FLUSH })
      const piece = { ...pieceOf([packed], false), crcs: Uint32Array.of(crc32(slice)) }
      return [[{ entry, from: at * MIB, length: slice.length }], piece]
    })
    const read = await onlyEntry(await fromBufferPromise(zipOf(new ZipWriter(), pieces)))
    expect(read.entry).toMatchObject({ crc32: crc32(content), uncompressedSize: content.length })
    expect(read.content.equals(content)).toBe(true)
  })

  test('cannot begin in its middle', () => {
    const slices = [{ entry: entryOf('large', 2 * GIB), from: GIB, length: GIB }]
    expect(() => new ZipWriter().add(slices, pieceOf([Buffer.from('x')], false))).toThrow(/'large'/)
  })
})

function words(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readUInt16LE(at * 2))
}

test.each<[string, number, Partial<ZipRecord>]>([
  ['size', 1, { size: 6 * GIB }],
  ['packed size', 1, { packedSize: 7 * GIB }],
  ['size and packed size', 2, { size: 6 * GIB, packedSize: 7 * GIB }],
  ['offset', 1, { offset: 8 * GIB }],
  ['packed size and offset', 2, { packedSize: 7 * GIB, offset: 8 * GIB }],
  ['all of them', 3, { size: MAX_32, packedSize: MAX_32, offset: MAX_32 }],
])('the directory says a large %s, and small ones beside', async (_, fields, large) => {
  const entry = entryOf('ünï', 0)
  const small = { method: 8, crc: 0xfedcba98, size: 30, packedSize: 20, offset: 0, streamed: true } as const
  const record: ZipRecord = { ...small, entry, ...large }
  const out = new ByteWriter()
  directoryEntry(out, record)
  directoryEnd(out, 1, out.length, 0)
  const [read] = await entriesOf(Buffer.from(out.take()))
  expect(read).toMatchObject({
    fileName: 'ünï',
    crc32: record.crc,
    uncompressedSize: record.size,
    compressedSize: record.packedSize,
    relativeOffsetOfLocalHeader: record.offset,
  })
  expect(read?.extraFields.map(({ id, data }) => [id, data.length])).toEqual([[0x0001, fields * 8]])
})

test.each([
  ['nothing large', 65_534, MAX_32 - 1, MAX_32 - 1, false],
  ['many entries', 65_535, 46, 0, true],
  ['a large directory', 1, MAX_32, 0, true],
  ['a directory far away', 1, 46, MAX_32, true],
])('an archive with %s ends as it must', (_, count, bytes, start, isZip64) => {
  const out = new ByteWriter()
  directoryEnd(out, count, bytes, start)
  const end = Buffer.from(out.take())
  expect(end.length).toBe(isZip64 ? 56 + 20 + 22 : 22)
  const last = end.subarray(-22)
  expect([last.readUInt16LE(10), last.readUInt32LE(12), last.readUInt32LE(16)]).toEqual([count, bytes, start])
  if (isZip64)
    expect([32, 40, 48].map((at) => Number(end.readBigUInt64LE(at)))).toEqual([count, bytes, start])
})

test('the CRC of two runs of bytes is that of both together', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.uint8Array({ maxLength: 3000 }), (first, second) => {
      expect(joinedCrc(crc32(first), crc32(second), second.length)).toBe(
        crc32(Buffer.concat([first, second])),
      )
    }),
  )
})

test.each([1, 255, 65_536, MIB, 5 * MIB + 3])('the CRC of bytes and %d more', (length) => {
  const [first, second] = [Buffer.from('first'), Buffer.alloc(length, 'second')]
  expect(joinedCrc(crc32(first), crc32(second), length)).toBe(crc32(Buffer.concat([first, second])))
})

describe('what is written into growing memory', () => {
  const written = fc.oneof(
    fc.nat(0xffff).map((value): [Buffer, (out: ByteWriter) => void] => {
      const bytes = Buffer.alloc(2)
      bytes.writeUInt16LE(value)
      return [bytes, (out) => out.u16(value)]
    }),
    fc.nat(MAX_32).map((value): [Buffer, (out: ByteWriter) => void] => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(value)
      return [bytes, (out) => out.u32(value)]
    }),
    fc.maxSafeNat().map((value): [Buffer, (out: ByteWriter) => void] => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigUInt64LE(BigInt(value))
      return [bytes, (out) => out.u64(value)]
    }),
    fc
      .string({ unit: 'binary' })
      .map((text): [Buffer, (out: ByteWriter) => void] => [Buffer.from(text), (out) => out.text(text)]),
    fc.nat(200_000).map((length): [Buffer, (out: ByteWriter) => void] => {
      const bytes = Buffer.alloc(length, length % 251)
      return [bytes, (out) => out.bytes(bytes)]
    }),
  )

  test('comes out as it went in, and again after it was taken', () => {
    fc.assert(
      fc.property(fc.array(fc.array(written, { maxLength: 12 }), { maxLength: 4 }), (rounds) => {
        const out = new ByteWriter()
        const taken = rounds.map((round) => {
          for (const [, write] of round) write(out)
          expect(out.length).toBe(round.reduce((sum, [{ length }]) => sum + length, 0))
          return Buffer.from(out.take())
        })
        taken.forEach((bytes, at) => {
          expect(bytes.equals(Buffer.concat((rounds[at] ?? []).map(([one]) => one)))).toBe(true)
        })
      }),
    )
  })

  test('has room for text whose letters take three bytes', () => {
    const text = '日本'.repeat(100_000)
    expect(Buffer.from(new ByteWriter().text(text).take()).equals(Buffer.from(text))).toBe(true)
  })

  test('stays as it was taken when more is written', () => {
    const out = new ByteWriter()
    const taken = out.text('first').take()
    out.text('again')
    expect(String(Buffer.from(taken))).toBe('first')
  })
})
