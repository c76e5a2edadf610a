/**
 * The build artifact: the files of a folder as one archive, made while it is uploaded and never written to disk.
 * The same files give the same bytes: entries are sorted, times are fixed, owners are left out.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream'
import { pipeline as pipe } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack, type Pack } from 'tar-stream'
import { ZipFile } from 'yazl'
import { InputError, type Problem } from './errors.ts'
import type { OsType } from './source-image.ts'

export type ArchiveFormat = 'tar.gz' | 'zip'

/** What every image of the operating system can unpack by itself. */
export function archiveFormat(osType: OsType): ArchiveFormat {
  return osType === 'Linux' ? 'tar.gz' : 'zip'
}

/** A file-system entry that goes into the archive. */
export interface Entry {
  /** Relative to the root, with `/` between segments. */
  path: string
  kind: 'file' | 'directory' | 'link'
  /** Where its content is read from. */
  source: string
  mode: number
  /** Bytes of a file, else 0. */
  size: number
}

export interface Archive {
  content: Readable
  contentType: string
  files: number
  /** Bytes of the files before compression. */
  contentBytes: number
  /** Entries that no archive can hold (sockets, devices, pipes). */
  leftOut: string[]
  /** Known when `content` has been read to its end. */
  digest: () => { sha256: string; bytes: number }
}

/** The earliest time that a zip can hold. A zip has no time zone and yazl writes the local one, hence two values. */
const FIXED_TIME = new Date(Date.UTC(1980, 0, 1))
const FIXED_LOCAL_TIME = new Date(1980, 0, 1)

/**
 * Lists what goes in and starts an archive of it.
 * @param buildPath absolute path of a directory or a file
 * @throws InputError when the path does not exist or something in it cannot be packed
 */
export async function packArtifact(buildPath: string, format: ArchiveFormat): Promise<Archive> {
  const { entries, leftOut } = await listEntries(buildPath, format)
  const raw = format === 'zip' ? zipStream(entries) : tarStream(entries)
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
  let digest: { sha256: string; bytes: number } | undefined
  return {
    content,
    contentType: format === 'zip' ? 'application/zip' : 'application/gzip',
    files: entries.filter(({ kind }) => kind === 'file').length,
    contentBytes: entries.reduce((sum, { size }) => sum + size, 0),
    leftOut,
    digest: () => (digest ??= { sha256: hash.digest('hex'), bytes }),
  }
}

/** Walks the build path. `.git` is never taken: a checkout keeps the job's token in its configuration. */
export async function listEntries(
  buildPath: string,
  format: ArchiveFormat,
): Promise<{ entries: Entry[]; leftOut: string[] }> {
  const top = await stat(buildPath).catch(() => undefined)
  if (!top) throw new InputError([{ input: 'build-path', message: `'${buildPath}' does not exist.` }])
  const name = path.basename(buildPath)
  const real = await realpath(buildPath)
  const refuse = (message: string): never => {
    throw new InputError([{ input: 'build-path', message }])
  }
  if ([buildPath, real].some((one) => one.split(path.sep).includes('.git'))) {
    refuse(`'${buildPath}' is part of .git, which holds the job's token: it is never packed.`)
  }
  if (format === 'zip' && !isWindowsName(name)) refuse(`'${name}' cannot exist on Windows: rename it.`)
  if (top.isFile()) {
    const entry: Entry = { path: name, kind: 'file', source: buildPath, mode: top.mode, size: top.size }
    return { entries: [entry], leftOut: [] }
  }
  const walk = new Walk(real, format)
  await walk.directory('', walk.root, [walk.root])
  const entries = walk.entries.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (format === 'zip') walk.problems.push(...sameNames(entries))
  if (walk.problems.length > 0) throw new InputError(walk.problems)
  return { entries, leftOut: walk.leftOut.sort() }
}

/** Paths that differ in letter case alone: Windows has room for one of them. */
function sameNames(entries: readonly Entry[]): Problem[] {
  const seen = new Map<string, string>()
  return entries.flatMap(({ path: inside }) => {
    const first = seen.get(inside.toLowerCase())
    if (first === undefined) seen.set(inside.toLowerCase(), inside)
    const message = `'${first}' and '${inside}' are one name on Windows: rename one.`
    return first === undefined ? [] : [{ input: 'build-path', message }]
  })
}

class Walk {
  readonly entries: Entry[] = []
  readonly leftOut: string[] = []
  readonly problems: Problem[] = []
  readonly root: string
  private readonly format: ArchiveFormat

  constructor(root: string, format: ArchiveFormat) {
    this.root = root
    this.format = format
  }

  /**
   * Takes what is in `source`, a real directory, as what is in `inside` of the archive.
   * @param trail the real directories that lead here, to notice a link that leads back
   */
  async directory(inside: string, source: string, trail: readonly string[]): Promise<void> {
    for (const name of await readdir(source)) {
      if (name === '.git') continue
      await this.entry(inside === '' ? name : `${inside}/${name}`, path.join(source, name), trail)
    }
  }

  private async entry(inside: string, source: string, trail: readonly string[]): Promise<void> {
    const { mode, size, ...is } = await kindOf(source)
    if (this.format === 'zip' && !isWindowsName(path.posix.basename(inside))) {
      this.problem(`'${inside}' cannot exist on Windows: rename it.`)
    } else if (is.kind === 'directory') {
      this.entries.push({ path: inside, kind: 'directory', source, mode, size: 0 })
      await this.directory(inside, source, [...trail, source])
    } else if (is.kind === 'file') {
      this.entries.push({ path: inside, kind: 'file', source, mode, size })
    } else if (is.kind === 'link') await this.link(inside, source, mode, trail)
    else this.leftOut.push(inside)
  }

  /**
   * A link inside the tree stays a link in a tar. A zip for Windows gets what it leads to, because nothing that
   * unpacks it there makes links. One that leads out of the tree would break in the image or carry foreign files.
   */
  private async link(inside: string, source: string, mode: number, trail: readonly string[]): Promise<void> {
    const target = await readlink(source)
    const lexical = path.resolve(path.dirname(source), target)
    // What a link leads to by way of other links may lie elsewhere than its words say.
    const real = await realpath(source).catch(() => lexical)
    if (path.isAbsolute(target) || !this.contains(lexical) || !this.contains(real)) {
      this.problem(`the link '${inside}' leads out of the build path, to '${target}': remove it.`)
    } else if (this.format === 'tar.gz') {
      this.entries.push({ path: inside, kind: 'link', source, mode, size: 0 })
    } else await this.follow(inside, source, target, trail)
  }

  private async follow(
    inside: string,
    source: string,
    target: string,
    trail: readonly string[],
  ): Promise<void> {
    const real = await realpath(source).catch(() => undefined)
    const found = real === undefined ? undefined : await stat(real)
    if (real === undefined || found === undefined) {
      this.problem(
        `the link '${inside}' leads nowhere, to '${target}'; an image of Windows gets what links lead to.`,
      )
    } else if (path.relative(this.root, real).split(path.sep).includes('.git')) {
      this.problem(`the link '${inside}' leads to '${target}', which is not part of the artifact: remove it.`)
    } else if (found.isFile()) {
      this.entries.push({ path: inside, kind: 'file', source: real, mode: found.mode, size: found.size })
    } else if (trail.includes(real)) {
      this.problem(`the link '${inside}' leads to a folder that it is in, without end: remove it.`)
    } else {
      this.entries.push({ path: inside, kind: 'directory', source: real, mode: found.mode, size: 0 })
      await this.directory(inside, real, [...trail, real])
    }
  }

  private contains(target: string): boolean {
    const relative = path.relative(this.root, target)
    return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)
  }

  private problem(message: string): void {
    this.problems.push({ input: 'build-path', message })
  }
}

async function kindOf(
  source: string,
): Promise<{ kind: 'file' | 'directory' | 'link' | 'other'; mode: number; size: number }> {
  const found = await lstat(source)
  const kind = found.isSymbolicLink()
    ? 'link'
    : found.isDirectory()
      ? 'directory'
      : found.isFile()
        ? 'file'
        : 'other'
  return { kind, mode: found.mode, size: found.size }
}

/** "Naming Files, Paths, and Namespaces" (Windows documentation). */
function isWindowsName(name: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return !/[<>:"|?*\\\u0000-\u001f]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name)
}

function tarStream(entries: Entry[]): Readable {
  const tar = pack()
  const gzip = createGzip()
  addToTar(tar, entries).catch((error: unknown) => {
    tar.destroy(error as Error)
  })
  return pipeline(tar, gzip, () => undefined)
}

/** One entry after the other; the next begins when the one before has been taken, so memory stays flat. */
async function addToTar(tar: Pack, entries: Entry[]): Promise<void> {
  for (const { path: name, kind, source, mode, size } of entries) {
    const header = { name, mode: mode & 0o7777, mtime: FIXED_TIME, uid: 0, gid: 0 }
    if (kind === 'directory') tar.entry({ ...header, type: 'directory' })
    else if (kind === 'link') tar.entry({ ...header, type: 'symlink', linkname: await readlink(source) })
    else await pipe(createReadStream(source), sized(name, size), tar.entry({ ...header, size }))
  }
  tar.finalize()
}

/** Passes exactly `size` bytes: the header has told the size already, so a file that changes meanwhile is an error. */
function sized(name: string, size: number): Transform {
  let seen = 0
  const changed = (): Error => new Error(`'${name}' changed while it was packed (${size} bytes at first).`)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (seen > size) done(changed())
      else done(null, chunk)
    },
    flush(done) {
      done(seen === size ? null : changed())
    },
  })
}

function zipStream(entries: Entry[]): Readable {
  const zip = new ZipFile()
  const content = new PassThrough()
  zip.on('error', (error: Error) => content.destroy(error))
  zip.outputStream.pipe(content)
  for (const { path: name, kind, source, mode, size } of entries) {
    const options = { mtime: FIXED_LOCAL_TIME, mode, forceDosTimestamp: true }
    if (kind === 'directory') zip.addEmptyDirectory(name, options)
    else
      zip.addReadStreamLazy(name, { ...options, size }, (take) => {
        take(
          null,
          pipeline(createReadStream(source), sized(name, size), (error) => {
            if (error) content.destroy(error)
          }),
        )
      })
  }
  zip.end()
  return content
}
