/**
 * What of the workspace goes into the artifact: every file, folder and link of the build path, less what is excluded. What
 * an image could not hold, or would hold by mistake, is told before anything is packed.
 */
import { isUtf8 } from 'node:buffer'
import fs, { type Dirent, type Stats } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import ignore, { type Ignore } from 'ignore'
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
  const walk = walkOf(buildPath, format, exclude)
  const entries: Entry[] = []
  for await (const some of walk.turns()) entries.push(...some)
  const names = walk.excluded.sort().slice(0, NAMES_TOLD)
  return { entries, leftOut: walk.leftOut.sort(), excluded: { count: walk.excluded.length, names } }
}

/**
 * The same entries in the same order, some at a time as they are found, for who need not know first that all can be had.
 * @throws InputError as `listEntries`: at once for the build path itself, for what is in it at the end
 */
export function findEntries(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): AsyncIterable<Entry[]> {
  return walkOf(buildPath, format, exclude).turns()
}

function walkOf(buildPath: string, format: ArchiveFormat, exclude: readonly string[]): Walk {
  const { top, real } = locate(buildPath)
  const name = path.basename(buildPath)
  if ([buildPath, real].some((one) => one.split(path.sep).some(isGit))) {
    refuse(`'${buildPath}' is part of .git, which holds the job's token: it is never packed.`)
  }
  if (format === 'zip' && !isWindowsName(name)) refuse(`'${name}' cannot exist on Windows: rename it.`)
  if (top.isFile()) return new Walk(real, format, undefined, fileEntry(name, real, top))
  if (!top.isDirectory()) refuse(`'${buildPath}' is neither a folder nor a file.`)
  return new Walk(real, format, patterns(real, exclude))
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

/** What the walk comes to next in a folder: a name, or what is in the folder of a name that it came to before. */
type Step = { order: string } & ({ found: Dirent; folder: Folder } | { into: Folder })

class Walk {
  readonly leftOut: string[] = []
  /** Paths, of folders with a `/` at their end. */
  readonly excluded: string[] = []
  /** What was found in this turn. */
  private found: Entry[] = []
  /** All that a zip holds, whose names Windows has to tell apart. */
  private readonly names: { path: string }[] = []
  private readonly problems: Problem[] = []
  private readonly root: string
  private readonly format: ArchiveFormat
  private readonly patterns: Ignore | undefined
  /** The steps that are left in each folder that the walk is in, their last first. */
  private readonly steps: Step[][] = []

  /** @param file all that there is, where the build path is none but a file */
  constructor(root: string, format: ArchiveFormat, patterns: Ignore | undefined, file?: Entry) {
    this.root = root
    this.format = format
    this.patterns = patterns
    if (file) this.found.push(file)
    else this.steps.push([{ order: '', into: { inside: '', source: root, linked: false } }])
  }

  /** Entries by their path, those of a turn together. Throws at the end what was a problem. */
  async *turns(): AsyncGenerator<Entry[]> {
    for (let seen = 1; this.step(); seen += 1) {
      if (seen % ENTRIES_A_TURN > 0) continue
      yield this.take()
      await nextTurn()
    }
    const last = this.take()
    this.problems.push(...sameNames(this.names))
    if (this.problems.length > 0) throw new InputError(this.problems)
    yield last
  }

  /** Nothing is kept of it that is not needed: whoever digests a large tree has no use for a list of all. */
  private take(): Entry[] {
    const { found } = this
    this.found = []
    if (this.format === 'zip') this.names.push(...found.map(({ path: inside }) => ({ path: inside })))
    return found
  }

  /** Returns whether there was one left. */
  private step(): boolean {
    const steps = this.steps.at(-1)
    const step = steps?.pop()
    if (step === undefined) this.steps.pop()
    else if ('into' in step) this.steps.push(this.read(step.into))
    else this.look(step.found, step.folder)
    return steps !== undefined
  }

  private read(folder: Folder): Step[] {
    const { inside, source } = folder
    try {
      return fs
        .readdirSync(source, { withFileTypes: true })
        .filter(({ name }) => !isGit(name))
        .map((found) => ({ order: found.name, found, folder }))
        .sort((a, b) => (a.order < b.order ? 1 : -1))
    } catch (error) {
      this.problem(unreadable(inside === '' ? source : inside, codeOf(error)))
      return []
    }
  }

  private look(found: Dirent, folder: Folder): void {
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
    } else if (found.isFile()) this.found.push(fileEntry(inside, source, found))
    else if (found.isDirectory()) this.directory(inside, source, found, folder, folder.linked)
    else if (found.isSymbolicLink()) this.link(inside, source, found, folder)
    else this.leftOut.push(inside)
  }

  private directory(inside: string, source: string, { mode }: Stats, from: Folder, linked: boolean): void {
    this.found.push({ path: inside, kind: 'directory', source, mode, size: 0, mtimeMs: 0 })
    // By path, `a-b` is between `a` and `a/b`: what is in a folder may have to wait for names that begin as its own does.
    const order = `${path.posix.basename(inside)}/`
    const steps = this.steps.at(-1) ?? []
    const next = steps.findLastIndex((step) => step.order > order)
    steps.splice(next + 1, 0, { order, into: { inside, source, from, linked } })
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
      this.found.push({ path: inside, kind: 'link', source, mode, size: 0, mtimeMs: 0, target })
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
    } else if (found.isFile()) this.found.push(fileEntry(inside, real, found))
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
