/** What a build added to or changed in its image, read from the overlay's upper directory. */
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

export interface Change {
  /** Absolute, as in the image. */
  path: string
  type: 'file' | 'directory' | 'symlink'
  /** Permission bits with setuid, setgid and sticky. */
  mode: number
  /** Bytes of a file, 0 for all others. */
  size: number
  /** Where a symbolic link points, as written. */
  target?: string
}

/**
 * All changes, sorted by path. A deletion is none: its whiteout, a character device, is passed over like sockets
 * and pipes. Neither is a directory that is there only because something in it changed.
 */
export async function listChanges(
  root: string,
  original: (path: string) => Promise<Stats | undefined>,
): Promise<Change[]> {
  // With file types, since without them readdir follows symbolic links, out of the image.
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.map(({ parentPath, name }) => inImage(root, join(parentPath, name))).sort()
  const changes = await Promise.all(
    paths.map(async (path) => {
      const now = await lstat(join(root, path))
      return now.isDirectory() && isSame(now, await original(path)) ? undefined : describe(root, path, now)
    }),
  )
  return changes.filter((change) => change !== undefined)
}

function inImage(root: string, path: string): string {
  return `/${relative(root, path).replaceAll(sep, '/')}`
}

function isSame(now: Stats, before: Stats | undefined): boolean {
  return now.mode === before?.mode && now.uid === before.uid && now.gid === before.gid
}

async function describe(root: string, path: string, stats: Stats): Promise<Change | undefined> {
  const mode = stats.mode & 0o7777
  if (stats.isFile()) return { path, type: 'file', mode, size: stats.size }
  if (stats.isDirectory()) return { path, type: 'directory', mode, size: 0 }
  if (!stats.isSymbolicLink()) return undefined
  return { path, type: 'symlink', mode, size: 0, target: await readlink(join(root, path)) }
}
