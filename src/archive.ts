/**
 * The build artifact: the files of a folder as one archive, made while it is uploaded and never written to disk.
 * The same files give the same bytes: entries are sorted, times are fixed, owners are left out.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream'
import { finished, pipeline as pipe } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import { ZipFile } from 'yazl'
import { listEntries, type ArchiveFormat, type Entry } from './artifact-entries.ts'
import type { OsType } from './source-image.ts'

/** What every image of the operating system can unpack by itself. */
export function archiveFormat(osType: OsType): ArchiveFormat {
  return osType === 'Linux' ? 'tar.gz' : 'zip'
}

export interface Archive {
  content: Readable
  contentType: string
  files: number
  /** Bytes of the files before compression. */
  contentBytes: number
  /** Entries that no archive can hold (sockets, devices, pipes). */
  leftOut: string[]
  /** How many entries the user's patterns kept out; a folder with all that is in it counts once. */
  excluded: number
  /** Settles when `content` has been read to its end. */
  digest: () => Promise<ArchiveDigest>
}

export interface ArchiveDigest {
  /** Of the archive, in lower-case hexadecimal. */
  sha256: string
  /** Size of the archive. */
  bytes: number
  /** As `digestContent` gives it. */
  content: string
}

/** The earliest time that a zip can hold. A zip has no time zone and yazl writes the local one, hence two values. */
const FIXED_TIME = new Date(Date.UTC(1980, 0, 1))
const FIXED_LOCAL_TIME = new Date(1980, 0, 1)

/**
 * Lists what goes in and starts an archive of it.
 * @param buildPath absolute path of a directory or a file
 * @param exclude patterns in the syntax of `.gitignore`, beside those of an `.aibignore` in the build path
 * @throws InputError when the path does not exist or something in it cannot be packed
 */
export async function packArtifact(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<Archive> {
  const { entries, leftOut, excluded } = await listEntries(buildPath, format, exclude)
  const digests = new Map<string, string>()
  const raw = format === 'zip' ? zipStream(entries, digests) : tarStream(entries, digests)
  const hash = createHash('sha256')
  let bytes = 0
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      done(null, chunk)
    },
  })
  // Errors reach the reader of `counted`, which the callback of `pipeline` destroys with them.
  const content = pipeline(raw, counted, () => undefined)
  let digest: ArchiveDigest | undefined
  return {
    content,
    contentType: format === 'zip' ? 'application/zip' : 'application/gzip',
    files: entries.filter(({ kind }) => kind === 'file').length,
    contentBytes: entries.reduce((sum, { size }) => sum + size, 0),
    leftOut,
    excluded,
    digest: async () => {
      await finished(content)
      return (digest ??= { sha256: hash.digest('hex'), bytes, content: contentDigest(entries, digests) })
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
  const digests = new Map<string, string>()
  for (const entry of entries.filter(({ kind }) => kind === 'file')) {
    const hashing = sized(entry, digests).resume()
    await pipe(createReadStream(entry.source), hashing)
  }
  return contentDigest(entries, digests)
}

/** @param digests SHA-256 of each file's content, by its path */
function contentDigest(entries: readonly Entry[], digests: ReadonlyMap<string, string>): string {
  const lines = entries.map(({ path: name, kind, mode, target }) =>
    JSON.stringify([name, kind, (mode & 0o7777).toString(8), digests.get(name) ?? target ?? '']),
  )
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

/** Digests of files are put into the map as they are read. */
type FileDigests = Map<string, string>

function tarStream(entries: Entry[], digests: FileDigests): Readable {
  const tar = pack()
  const gzip = createGzip()
  addToTar(tar, entries, digests).catch((error: unknown) => {
    tar.destroy(error as Error)
  })
  return pipeline(tar, gzip, () => undefined)
}

/** One entry after the other; the next begins when the one before has been taken, so memory stays flat. */
async function addToTar(tar: Pack, entries: Entry[], digests: FileDigests): Promise<void> {
  for (const entry of entries) {
    const { path: name, kind, source, mode, size, target } = entry
    const header = { name, mode: mode & 0o7777, mtime: FIXED_TIME, uid: 0, gid: 0 }
    if (kind === 'directory') tar.entry({ ...header, type: 'directory' })
    else if (kind === 'link') tar.entry({ ...header, type: 'symlink', linkname: target ?? '' })
    else await pipe(createReadStream(source), sized(entry, digests), tar.entry({ ...header, size }))
  }
  tar.finalize()
}

/**
 * Passes exactly as many bytes as the entry tells, and keeps their digest: the header has told the size already, so a
 * file that changes meanwhile is an error.
 */
function sized({ path: name, size }: Entry, digests: FileDigests): Transform {
  const hash = createHash('sha256')
  let seen = 0
  const changed = (): Error => new Error(`'${name}' changed while it was packed (${size} bytes at first).`)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      hash.update(chunk)
      if (seen > size) done(changed())
      else done(null, chunk)
    },
    flush(done) {
      digests.set(name, hash.digest('hex'))
      done(seen === size ? null : changed())
    },
  })
}

function zipStream(entries: Entry[], digests: FileDigests): Readable {
  const zip = new ZipFile()
  const content = new PassThrough()
  zip.on('error', (error: Error) => content.destroy(error))
  zip.outputStream.pipe(content)
  for (const entry of entries) {
    const { path: name, kind, source, mode, size } = entry
    const options = { mtime: FIXED_LOCAL_TIME, mode, forceDosTimestamp: true }
    if (kind === 'directory') zip.addEmptyDirectory(name, options)
    else
      zip.addReadStreamLazy(name, { ...options, size }, (take) => {
        take(
          null,
          pipeline(createReadStream(source), sized(entry, digests), (error) => {
            if (error) content.destroy(error)
          }),
        )
      })
  }
  zip.end()
  return content
}
