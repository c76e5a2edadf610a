/**
 * What of the workspace goes into the artifact: every file, folder and link of the build path, less what is excluded. What
 * an image could not hold, or would hold by mistake, is told before anything is packed.
 */
import { isUtf8 } from 'node:buffer'
import fs, { type Dirent, type Stats } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import ignore, { type Ignore } from 'ignore'
import { credentialsIn, type Credential } from './credential-scan.ts'
import { InputError, type Problem } from './errors.ts'
import { isWindowsName, sameNames } from './windows-names.ts'

export type ArchiveFormat = 'tar.gz' | 'zip'

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
  /** When the file that is read was changed last, of a link's target where a zip follows it; else 0. */
  mtimeMs: number
  /** What a link leads to. */
  target?: string
}

/** What a build path holds. Every list is sorted by path. */
export interface Listing {
  entries: Entry[]
  /** Paths that no archive can hold (sockets, devices, pipes). */
  leftOut: string[]
  /** What the user's patterns kept out: a folder, with a `/` at its end, counts once. `names` are the first ten. */
  excluded: { count: number; names: string[] }
  credentials: Credential[]
}

/** Calls of the file system block, which is several times faster for many small files; this often others get a turn. */
const ENTRIES_A_TURN = 500
const NAMES_TOLD = 10

/**
 * Walks the build path. `.git` is never taken: a checkout keeps the job's token in its configuration.
 * @param exclude patterns in the syntax of `.gitignore`, beside those of an `.aibignore` in the build path
 * @throws InputError with all that cannot be read, or that an image could not hold
 */
export async function listEntries(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<Listing> {
  const { top, real } = locate(buildPath)
  const name = path.basename(buildPath)
  if ([buildPath, real].some((one) => one.split(path.sep).some(isGit))) {
    refuse(`'${buildPath}' is part of .git, which holds the job's token: it is never packed.`)
  }
  if (format === 'zip' && !isWindowsName(name)) refuse(`'${name}' cannot exist on Windows: rename it.`)
  if (top.isFile()) {
    const entries = [fileEntry(name, real, top)]
    const credentials = await credentialsIn(entries)
    return { entries, leftOut: [], excluded: { count: 0, names: [] }, credentials }
  }
  if (!top.isDirectory()) refuse(`'${buildPath}' is neither a folder nor a file.`)
  const walk = new Walk(real, format, patterns(real, exclude))
  await walk.all()
  const entries = walk.entries.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (format === 'zip') walk.problems.push(...sameNames(entries))
  if (walk.problems.length > 0) throw new InputError(walk.problems)
  const names = walk.excluded.sort().slice(0, NAMES_TOLD)
  const excluded = { count: walk.excluded.length, names }
  return { entries, leftOut: walk.leftOut.sort(), excluded, credentials: await credentialsIn(entries) }
}

/** Where letter case does not count, `.GIT` is git's folder, too. */
function isGit(name: string): boolean {
  return name.toLowerCase() === '.git'
}

function refuse(message: string): never {
  throw new InputError([{ input: 'build-path', message }])
}

function locate(buildPath: string): { top: Stats; real: string } {
  try {
    return { top: fs.statSync(buildPath), real: fs.realpathSync.native(buildPath) }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') refuse(`'${buildPath}' does not exist.`)
    return refuse(unreadable(buildPath, code))
  }
}

/** The file in the build path that says what is never packed, in the syntax of `.gitignore`. */
const IGNORE_FILE = '.aibignore'

/** Nothing where there are no patterns: then none has to be asked about 40,000 names. */
function patterns(root: string, exclude: readonly string[]): Ignore | undefined {
  let file = ''
  try {
    file = fs.readFileSync(path.join(root, IGNORE_FILE), 'utf8')
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ENOENT' && code !== 'EISDIR') refuse(unreadable(IGNORE_FILE, code))
  }
  if (file === '' && exclude.length === 0) return undefined
  // Letter case counts, as on Linux and in git there, so that the same workspace gives the same artifact everywhere.
  return ignore({ ignorecase: false })
    .add(file)
    .add([...exclude])
}

/** A folder that is to be read. */
interface Folder {
  /** Its path in the archive; '' for the root. */
  inside: string
  /** The real directory. */
  source: string
  /** The folder that led here, to notice a link that leads back. */
  from?: Folder
  /** Whether a link led here: then what lies in it has another path in the build path as well. */
  linked: boolean
}

class Walk {
  readonly entries: Entry[] = []
  readonly leftOut: string[] = []
  /** Paths, of folders with a `/` at their end. */
  readonly excluded: string[] = []
  readonly problems: Problem[] = []
  private readonly root: string
  private readonly format: ArchiveFormat
  private readonly patterns: Ignore | undefined
  private readonly folders: Folder[]

  constructor(root: string, format: ArchiveFormat, patterns: Ignore | undefined) {
    this.root = root
    this.format = format
    this.patterns = patterns
    this.folders = [{ inside: '', source: root, linked: false }]
  }

  async all(): Promise<void> {
    let seen = 0
    for (let folder = this.folders.pop(); folder; folder = this.folders.pop()) {
      for (const found of this.read(folder)) {
        if (!isGit(found.name)) this.take(found, folder)
        if (++seen % ENTRIES_A_TURN === 0) await nextTurn()
      }
    }
  }

  private read({ inside, source }: Folder): Dirent[] {
    try {
      return fs.readdirSync(source, { withFileTypes: true })
    } catch (error) {
      this.problem(unreadable(inside === '' ? source : inside, codeOf(error)))
      return []
    }
  }

  private take(found: Dirent, folder: Folder): void {
    const inside = folder.inside === '' ? found.name : `${folder.inside}/${found.name}`
    const source = folder.source + (folder.source.endsWith(path.sep) ? '' : path.sep) + found.name
    // The type comes with the name, so that a name that nothing else can be asked about can be excluded as well.
    const isDirectory = found.isDirectory()
    if (
      this.ignores(inside, isDirectory) ||
      (folder.linked && this.ignores(this.below(source), isDirectory))
    ) {
      this.excluded.push(isDirectory ? `${inside}/` : inside)
      return
    }
    try {
      this.entry(inside, source, folder)
    } catch (error) {
      this.problem(unreadable(inside, codeOf(error)))
    }
  }

  private entry(inside: string, source: string, folder: Folder): void {
    const found = fs.lstatSync(source)
    if (this.format === 'zip' && !isWindowsName(path.posix.basename(inside))) {
      this.problem(`'${inside}' cannot exist on Windows: rename it.`)
    } else if (found.isFile()) this.entries.push(fileEntry(inside, source, found))
    else if (found.isDirectory()) this.directory(inside, source, found, folder, folder.linked)
    else if (found.isSymbolicLink()) this.link(inside, source, found, folder)
    else this.leftOut.push(inside)
  }

  private directory(inside: string, source: string, { mode }: Stats, from: Folder, linked: boolean): void {
    this.entries.push({ path: inside, kind: 'directory', source, mode, size: 0, mtimeMs: 0 })
    this.folders.push({ inside, source, from, linked })
  }

  /**
   * A link inside the tree stays a link in a tar. A zip for Windows gets what it leads to, because nothing that
   * unpacks it there makes links. One that leads out of the tree would break in the image or carry foreign files.
   */
  private link(inside: string, source: string, { mode }: Stats, folder: Folder): void {
    const bytes = fs.readlinkSync(source, 'buffer')
    const target = bytes.toString()
    const lexical = path.resolve(path.dirname(source), target)
    // What a link leads to by way of other links may lie elsewhere than its words say.
    const real = realOf(source)
    if (!isUtf8(bytes)) {
      this.problem(
        `the link '${inside}' leads to '${target}', a name that is not UTF-8: remove or exclude it.`,
      )
    } else if (path.isAbsolute(target) || !this.contains(lexical) || !this.contains(real ?? lexical)) {
      this.problem(`the link '${inside}' leads out of the build path, to '${target}': remove it.`)
    } else if (this.format === 'tar.gz') {
      this.entries.push({ path: inside, kind: 'link', source, mode, size: 0, mtimeMs: 0, target })
    } else if (real === undefined) {
      this.problem(
        `the link '${inside}' leads nowhere, to '${target}'; an image of Windows gets what links lead to.`,
      )
    } else this.follow(inside, real, target, folder)
  }

  private follow(inside: string, real: string, target: string, folder: Folder): void {
    const found = fs.statSync(real)
    const below = this.below(real)
    if (below.split('/').some(isGit)) {
      this.problem(`the link '${inside}' leads to '${target}', which is not part of the artifact: remove it.`)
    } else if (this.ignores(below, found.isDirectory())) {
      this.problem(`the link '${inside}' leads to '${target}', which is left out: leave it out, too.`)
    } else if (found.isFile()) this.entries.push(fileEntry(inside, real, found))
    else if (leadsTo(folder, real)) {
      this.problem(`the link '${inside}' leads to a folder that it is in, without end: remove it.`)
    } else if (found.isDirectory()) this.directory(inside, real, found, folder, true)
    else this.leftOut.push(inside)
  }

  /** @param inside path from the root, with `/` between segments; '' for the root itself */
  private ignores(inside: string, isDirectory: boolean): boolean {
    if (inside === '' || this.patterns === undefined) return false
    return this.patterns.ignores(isDirectory ? `${inside}/` : inside)
  }

  /** The path from the root of what lies in it, with `/` between segments. */
  private below(source: string): string {
    return path.relative(this.root, source).split(path.sep).join('/')
  }

  private contains(target: string): boolean {
    const relative = path.relative(this.root, target)
    return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative)
  }

  private problem(message: string): void {
    this.problems.push({ input: 'build-path', message })
  }
}

function fileEntry(inside: string, source: string, { mode, size, mtimeMs }: Stats): Entry {
  return { path: inside, kind: 'file', source, mode, size, mtimeMs }
}

/** Nothing for a link that leads nowhere. */
function realOf(source: string): string | undefined {
  try {
    return fs.realpathSync.native(source)
  } catch {
    return undefined
  }
}

/** Whether the way from the root to `folder` comes through the directory `real`. */
function leadsTo(folder: Folder, real: string): boolean {
  for (let at: Folder | undefined = folder; at; at = at.from) if (at.source === real) return true
  return false
}

/** The code of a refusal by the file system. @throws anything else: a mistake of this program is not the user's. */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error
  return code
}

/** Why something is a problem, and what to do. `where` is its path as the user knows it. */
function unreadable(where: string, code: string): string {
  // Node puts U+FFFD where a name is not UTF-8, and then looks for a file of that name.
  if (code === 'ENOENT' && path.basename(where).includes('\ufffd')) {
    return `'${where}' is a name that is not UTF-8, which cannot be packed: rename or exclude it.`
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') return `'${where}' vanished while the build path was read.`
  const denied = code === 'EACCES' || code === 'EPERM'
  const remedy = denied ? "give the runner's user the right to read it" : 'remove it'
  return `'${where}' cannot be read (${code}): ${remedy}, or exclude it.`
}
