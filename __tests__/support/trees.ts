/** Trees of real files in temporary directories, and what is in them. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

/** A text is a file, an object a directory; `file`, `directory` and `link` make the others. */
export interface Tree {
  [name: string]: Tree | string | Buffer | Special
}

class Special {
  readonly make: (target: string) => Promise<void>

  constructor(make: (target: string) => Promise<void>) {
    this.make = make
  }
}

export function file(mode: number, content = ''): Special {
  return new Special(async (target) => {
    await writeFile(target, content)
    await chmod(target, mode)
  })
}

export function directory(mode: number, tree: Tree = {}): Special {
  return new Special(async (target) => {
    await plant(target, tree)
    await chmod(target, mode)
  })
}

export function link(to: string): Special {
  return new Special((target) => symlink(to, target))
}

/** Makes `tree` in the directory `root`, in the order in which it is written. */
export async function plant(root: string, tree: Tree): Promise<void> {
  await mkdir(root, { recursive: true })
  for (const [name, entry] of Object.entries(tree)) {
    const target = path.join(root, name)
    if (entry instanceof Special) await entry.make(target)
    else if (typeof entry === 'string' || Buffer.isBuffer(entry)) await writeFile(target, entry)
    else await plant(target, entry)
  }
}

/** A new temporary directory, and its end. */
export async function temporary(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tree-'))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** Everything below `root`: path → `<mode> directory`, `<mode> file <base64>` or `link <target>`. */
export function contents(root: string, { modes = true, inside = '' } = {}): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(path.join(root, inside)).sort()) {
    const below = path.join(inside, name)
    const absolute = path.join(root, below)
    const stats = lstatSync(absolute)
    const mode = modes ? `${(stats.mode & 0o7777).toString(8)} ` : ''
    if (stats.isSymbolicLink()) found[below] = `link ${readlinkSync(absolute)}`
    else if (stats.isDirectory()) {
      found[below] = `${mode}directory`
      Object.assign(found, contents(root, { modes, inside: below }))
    } else found[below] = `${mode}file ${readFileSync(absolute, 'base64')}`
  }
  return found
}
