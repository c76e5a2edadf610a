/**
 * What of the workspace goes into the artifact: every file, folder and link of the build path, less what is excluded. What
 * an image could not hold, or would hold by mistake, is told before anything is packed.
 */
import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import ignore, { type Ignore } from 'ignore'
import { InputError, type Problem } from './errors.ts'

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
  /** What a link leads to. */
  target?: string
}

/** Walks the build path. `.git` is never taken: a checkout keeps the job's token in its configuration. */
export async function listEntries(
  buildPath: string,
  format: ArchiveFormat,
  exclude: readonly string[] = [],
): Promise<{ entries: Entry[]; leftOut: string[]; excluded: number }> {
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
    return { entries: [entry], leftOut: [], excluded: 0 }
  }
  const walk = new Walk(real, format, await patterns(real, exclude))
  await walk.directory('', walk.root, [walk.root])
  const entries = walk.entries.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (format === 'zip') walk.problems.push(...sameNames(entries))
  if (walk.problems.length > 0) throw new InputError(walk.problems)
  return { entries, leftOut: walk.leftOut.sort(), excluded: walk.excluded }
}

/** The file in the build path that says what is never packed, in the syntax of `.gitignore`. */
const IGNORE_FILE = '.aibignore'

async function patterns(root: string, exclude: readonly string[]): Promise<Ignore> {
  const file = await readFile(path.join(root, IGNORE_FILE), 'utf8').catch((error: unknown) => {
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  })
  // Letter case counts, as on Linux and in git there, so that the same workspace gives the same artifact everywhere.
  return ignore({ ignorecase: false })
    .add(file)
    .add([...exclude])
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
  excluded = 0
  private readonly format: ArchiveFormat
  private readonly patterns: Ignore

  constructor(root: string, format: ArchiveFormat, patterns: Ignore) {
    this.root = root
    this.format = format
    this.patterns = patterns
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
    if (this.ignores(inside, is.kind === 'directory')) {
      this.excluded += 1
      return
    }
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
      this.entries.push({ path: inside, kind: 'link', source, mode, size: 0, target })
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
    } else if (this.ignores(path.relative(this.root, real).split(path.sep).join('/'), found.isDirectory())) {
      this.problem(`the link '${inside}' leads to '${target}', which is left out: leave it out, too.`)
    } else if (found.isFile()) {
      this.entries.push({ path: inside, kind: 'file', source: real, mode: found.mode, size: found.size })
    } else if (trail.includes(real)) {
      this.problem(`the link '${inside}' leads to a folder that it is in, without end: remove it.`)
    } else {
      this.entries.push({ path: inside, kind: 'directory', source: real, mode: found.mode, size: 0 })
      await this.directory(inside, real, [...trail, real])
    }
  }

  /** @param inside path from the root, with `/` between segments; '' for the root itself */
  private ignores(inside: string, isDirectory: boolean): boolean {
    return inside !== '' && this.patterns.ignores(isDirectory ? `${inside}/` : inside)
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
