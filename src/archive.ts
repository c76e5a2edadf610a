/**
 * The build artifact: the files of a folder as one archive, made while it is uploaded and never written to disk. It is cut
 * into pieces that worker threads read and compress, and joined in order. The same files give the same bytes: entries
 * are sorted, times are fixed, owners are left out.
 */
import { createHash } from 'node:crypto'
import { listEntries, type ArchiveFormat, type Entry, type Listing } from './artifact-entries.ts'
import { ArtifactError } from './errors.ts'
import { giveBack } from './memory.ts'
import {
  gzipMember,
  packPiece,
  UnreadableFile,
  type PackedPiece,
  type PieceTask,
  type Slice,
} from './pack-piece.ts'
import { Packers } from './packers.ts'
import type { OsType } from './source-image.ts'
import { TAR_END } from './tar-format.ts'
import { ZipWriter } from './zip-writer.ts'

/** What every image of the operating system can unpack by itself. */
export function archiveFormat(osType: OsType): ArchiveFormat {
  return osType === 'Linux' ? 'tar.gz' : 'zip'
}

/** Bytes of an archive, in order. */
export interface ArchivePart {
  bytes: Uint8Array
  /** How many bytes of files they hold, before compression. */
  contentBytes: number
}

export interface Archive extends Omit<Listing, 'entries'> {
  /** To be read once. Throws an ArtifactError when a file changes, vanishes or cannot be read. */
  content: AsyncIterable<ArchivePart>
  contentType: string
  files: number
  /** Bytes of the files before compression. */
  contentBytes: number
  /** The largest files first, at most five. */
  largest: { path: string; size: number }[]
  /** Of `content`, once it has been read to its end. */
  digest: () => ArchiveDigest
}

export interface ArchiveDigest {
  /** Of the archive, in lower-case hexadecimal. */
  sha256: string
  /** Size of the archive. */
  bytes: number
  /** As `digestContent` gives it. */
  content: string
}

/** Bytes of files in a piece, and in a slice of a large file. Larger pieces pack no better and hold more memory. */
const PIECE_BYTES = 1024 * 1024
/** What a small file costs besides its bytes, in bytes: pieces of many of them must not grow large in number. */
const ENTRY_COST = 512
const LARGEST = 5

/**
 * Lists what goes in and makes ready an archive of it; nothing is read before `content` is.
 * @param buildPath absolute path of a directory or a file
 * @param exclude patterns in the syntax of `.gitignore`, beside those of an `.aibignore` in the build path
 * @throws InputError when the path does not exist or something in it cannot be packed
 */
export async function packArtifact(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<Archive> {
  const { entries, ...listing } = await listEntries(buildPath, format, exclude)
  const files = entries.filter(({ kind }) => kind === 'file')
  const digests = new ContentDigest()
  const sha256 = createHash('sha256')
  let bytes = 0
  let digest: ArchiveDigest | undefined
  async function* content(): AsyncGenerator<ArchivePart> {
    for await (const part of format === 'zip' ? zip(entries, digests) : tarGz(entries, digests)) {
      sha256.update(part.bytes)
      bytes += part.bytes.length
      yield part
    }
    digest = { sha256: sha256.digest('hex'), bytes, content: digests.end() }
  }
  return {
    ...listing,
    content: content(),
    contentType: format === 'zip' ? 'application/zip' : 'application/gzip',
    files: files.length,
    contentBytes: files.reduce((sum, { size }) => sum + size, 0),
    largest: files.toSorted((a, b) => b.size - a.size).slice(0, LARGEST),
    digest: () => {
      if (!digest) throw new Error('The archive has not been read to its end.')
      return digest
    },
  }
}

/**
 * SHA-256 over what goes in: paths, modes, links and bytes. Unlike the archive's own it does not depend on how it is
 * packed, nor on times.
 */
export async function digestContent(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<string> {
  const { entries } = await listEntries(buildPath, format, exclude)
  const digests = new ContentDigest()
  for await (const { slices, packed } of packedPieces(entries, 'digest')) digests.add(slices, packed)
  return digests.end()
}

/** Makes the archive and drops it, for its digest. */
export async function readThrough({ content }: Archive): Promise<void> {
  const parts = content[Symbol.asyncIterator]()
  while ((await parts.next()).done !== true);
}

/** SHA-256 over a line for each entry, taken as their pieces come. */
class ContentDigest {
  private readonly all = createHash('sha256')
  /** A large file's digest is that over its slices' digests, as those are read side by side. */
  private large = createHash('sha256')

  add(slices: readonly Slice[], { digests }: PackedPiece): void {
    slices.forEach(({ entry, from, length }, index) => {
      const digest = digests.subarray(index * 32, (index + 1) * 32)
      if (length === entry.size) this.line(entry, Buffer.from(digest).toString('hex'))
      else {
        if (from === 0) this.large = createHash('sha256')
        this.large.update(digest)
        if (from + length === entry.size) this.line(entry, this.large.digest('hex'))
      }
    })
  }

  /** Once, after the last piece. */
  end(): string {
    return this.all.digest('hex')
  }

  private line({ path: name, kind, mode, target }: Entry, digest: string): void {
    const content = kind === 'file' ? digest : (target ?? '')
    this.all.update(`${JSON.stringify([name, kind, (mode & 0o7777).toString(8), content])}\n`)
  }
}

/** One gzip member a piece; any number of them are one gzip file. */
async function* tarGz(entries: readonly Entry[], digests: ContentDigest): AsyncGenerator<ArchivePart> {
  for await (const { slices, packed } of packedPieces(entries, 'gzip')) {
    digests.add(slices, packed)
    yield { bytes: packed.bytes, contentBytes: bytesOf(slices) }
  }
  yield { bytes: gzipMember(TAR_END), contentBytes: 0 }
}

/** Headers are put between the slices, which come deflated apart. */
async function* zip(entries: readonly Entry[], digests: ContentDigest): AsyncGenerator<ArchivePart> {
  const writer = new ZipWriter()
  for await (const { slices, packed } of packedPieces(entries, 'deflate')) {
    digests.add(slices, packed)
    const bytes = writer.add(slices, packed)
    giveBack(packed.bytes)
    yield { bytes, contentBytes: bytesOf(slices) }
  }
  for (const bytes of writer.end()) yield { bytes, contentBytes: 0 }
}

function bytesOf(slices: readonly Slice[]): number {
  return slices.reduce((sum, { length }) => sum + length, 0)
}

interface Packed {
  slices: Slice[]
  packed: PackedPiece
}

/** What goes in, packed, in order. A single piece is sooner done here than a thread is started. */
async function* packedPieces(entries: readonly Entry[], form: PieceTask['form']): AsyncGenerator<Packed> {
  const cost = entries.reduce((sum, { size }) => sum + size + ENTRY_COST, 0)
  try {
    yield* cost < PIECE_BYTES ? packedHere(entries, form) : packedInThreads(entries, form)
  } catch (error) {
    throw error instanceof UnreadableFile ? new ArtifactError(error.message) : error
  }
}

function* packedHere(entries: readonly Entry[], form: PieceTask['form']): Generator<Packed> {
  for (const slices of pieces(entries)) yield { slices, packed: packPiece({ form, slices }) }
}

/** A few are under way at any time. */
async function* packedInThreads(entries: readonly Entry[], form: PieceTask['form']): AsyncGenerator<Packed> {
  const packers = new Packers()
  const underWay: { slices: Slice[]; packing: Promise<PackedPiece> }[] = []
  async function* oldest(): AsyncGenerator<Packed> {
    const piece = underWay.shift()
    if (piece) yield { slices: piece.slices, packed: await piece.packing }
  }
  try {
    for (const slices of pieces(entries)) {
      if (underWay.length >= packers.width) yield* oldest()
      const packing = packers.pack({ form, slices })
      packing.catch(() => undefined) // told when its turn comes
      underWay.push({ slices, packing })
    }
    while (underWay.length > 0) yield* oldest()
  } finally {
    await packers.close()
  }
}

/** Cuts what goes in: small entries together, large files into slices, which neither depends on the machine. */
export function* pieces(entries: readonly Entry[]): Generator<Slice[]> {
  let piece: Slice[] = []
  let cost = 0
  for (const entry of entries) {
    let from = 0
    do {
      const length = Math.min(PIECE_BYTES, entry.size - from)
      piece.push({ entry, from, length })
      cost += length + ENTRY_COST
      from += length
      if (cost < PIECE_BYTES) continue
      yield piece
      piece = []
      cost = 0
    } while (from < entry.size)
  }
  if (piece.length > 0) yield piece
}
