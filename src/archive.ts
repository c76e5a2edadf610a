/**
 * The build artifact: the files of a folder as one archive, made while it is uploaded and never written to disk. It is cut
 * into pieces that worker threads read and compress, and joined in order. The same files give the same bytes: entries
 * are sorted, times are fixed, owners are left out.
 */
import { createHash } from 'node:crypto'
import { findEntries, listEntries, type ArchiveFormat, type Entry, type Listing } from './artifact-entries.ts'
import { credentialsIn, type Credential } from './credential-scan.ts'
import { ArtifactError } from './errors.ts'
import type { ContentLine } from './key-parts.ts'
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
  /** What looks like a secret, sorted by path. */
  credentials: Credential[]
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
  content: ArtifactContent
}

/** What goes in, whatever it is packed like. */
export interface ArtifactContent {
  /** SHA-256 in lower-case hexadecimal, over paths, modes, links and bytes. */
  digest: string
  /** Files and links, each with what the digest is made of. */
  lines: ContentLine[]
}

/** Bytes of files in a slice of a large file, and in a piece. Larger pieces pack no better and hold more memory. */
const SLICE_BYTES = 1024 * 1024
/** What is digested alone is read slice by slice: fewer pieces cost less to hand over. */
const PIECE_BYTES = { gzip: SLICE_BYTES, deflate: SLICE_BYTES, digest: 2 * SLICE_BYTES }
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
  const digests = new ContentDigest(format)
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
    credentials: await credentialsIn(entries),
    largest: files.toSorted((a, b) => b.size - a.size).slice(0, LARGEST),
    digest: () => {
      if (!digest) throw new Error('The archive has not been read to its end.')
      return digest
    },
  }
}

/**
 * Digests what goes in. Unlike the archive's own digest this one does not depend on how it is packed, nor on times. Files
 * are read while others are looked for, so that no core waits for the list.
 * @throws InputError as `packArtifact`, or an ArtifactError when a file changes, vanishes or cannot be read
 */
export async function digestContent(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<ArtifactContent> {
  const entries = findEntries(buildPath, format, exclude)
  const digests = new ContentDigest(format)
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
  private readonly lines: ContentLine[] = []
  private readonly hasModes: boolean

  /** Windows knows no modes, so what the runner's system makes of them changes no image there. */
  constructor(format: ArchiveFormat) {
    this.hasModes = format !== 'zip'
  }

  add(slices: readonly Slice[], { digests: { buffer, byteOffset } }: PackedPiece): void {
    const lines = slices.map(({ entry, from, length }, index) => {
      const digest = Buffer.from(buffer, byteOffset + index * 32, 32)
      if (length === entry.size) return this.line(entry, digest)
      if (from === 0) this.large = createHash('sha256')
      this.large.update(digest)
      return from + length === entry.size ? this.line(entry, this.large.digest()) : ''
    })
    this.all.update(lines.join(''))
  }

  /** Once, after the last piece. */
  end(): ArtifactContent {
    return { digest: this.all.digest('hex'), lines: this.lines }
  }

  private line({ path: name, kind, mode: found, target }: Entry, digest: Buffer): string {
    const content = kind === 'file' ? digest.toString('hex') : (target ?? '')
    const mode = this.hasModes ? found & 0o7777 : 0
    if (kind !== 'directory') this.lines.push([name, content, mode])
    return `${JSON.stringify([name, kind, mode.toString(8), content])}\n`
  }
}

/** One gzip member a piece; any number of them are one gzip file. */
async function* tarGz(entries: readonly Entry[], digests: ContentDigest): AsyncGenerator<ArchivePart> {
  for await (const { slices, packed } of packedPieces([entries], 'gzip')) {
    digests.add(slices, packed)
    yield { bytes: packed.bytes, contentBytes: bytesOf(slices) }
  }
  yield { bytes: gzipMember(TAR_END), contentBytes: 0 }
}

/** Headers are put between the slices, which come deflated apart. */
async function* zip(entries: readonly Entry[], digests: ContentDigest): AsyncGenerator<ArchivePart> {
  const writer = new ZipWriter()
  for await (const { slices, packed } of packedPieces([entries], 'deflate')) {
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

function costOf(slices: readonly Slice[]): number {
  return bytesOf(slices) + slices.length * ENTRY_COST
}

interface Packed {
  slices: Slice[]
  packed: PackedPiece
}

/** Entries in their order, some at a time. */
type Entries = Iterable<readonly Entry[]> | AsyncIterable<readonly Entry[]>

/** What goes in, packed, in order. A few pieces are under way at any time. */
async function* packedPieces(entries: Entries, form: PieceTask['form']): AsyncGenerator<Packed> {
  const packers = new Packers()
  const underWay: { slices: Slice[]; packing: Promise<PackedPiece> }[] = []
  async function* oldest(): AsyncGenerator<Packed> {
    const piece = underWay.shift()
    if (piece) yield { slices: piece.slices, packed: await piece.packing }
  }
  try {
    for await (const slices of pieces(entries, PIECE_BYTES[form])) {
      // A single piece is sooner done here than a thread is started.
      if (underWay.length === 0 && costOf(slices) < PIECE_BYTES[form]) {
        yield { slices, packed: packPiece({ form, slices }) }
        continue
      }
      if (underWay.length >= packers.width) yield* oldest()
      const packing = packers.pack({ form, slices })
      packing.catch(() => undefined) // told when its turn comes
      underWay.push({ slices, packing })
    }
    while (underWay.length > 0) yield* oldest()
  } catch (error) {
    throw error instanceof UnreadableFile ? new ArtifactError(error.message) : error
  } finally {
    await packers.close()
  }
}

/** Cuts what goes in: small entries together, large files into slices, which neither depends on the machine. */
export async function* pieces(entries: Entries, pieceBytes: number): AsyncGenerator<Slice[]> {
  let piece: Slice[] = []
  let cost = 0
  for await (const some of entries) {
    for (const entry of some) {
      let from = 0
      do {
        const length = Math.min(SLICE_BYTES, entry.size - from)
        piece.push({ entry, from, length })
        cost += length + ENTRY_COST
        from += length
        if (cost < pieceBytes) continue
        yield piece
        piece = []
        cost = 0
      } while (from < entry.size)
    }
  }
  if (piece.length > 0) yield piece
}
