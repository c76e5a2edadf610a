/** Puts an action where the runner puts it: in a folder of its own, without the packages that it was made with. */
import { copyFile, cp, link, mkdir, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Manifest } from './environment.ts'

/** Installations by the folder that they are in; each is made once. */
const installed = new Map<string, Promise<string>>()

/**
 * Installs the files that an action runs from: `action.yml`, `package.json` and the folders of its entries.
 * @param source the action's folder
 * @param home folder that the installation goes with
 * @returns the folder that it runs in
 */
export function installAction(source: string, manifest: Manifest, home: string): Promise<string> {
  const folder = path.join(home, '_actions', path.relative(path.parse(source).root, path.resolve(source)))
  const known = installed.get(folder)
  if (known) return known
  const made = install(source, manifest, folder)
  installed.set(folder, made)
  return made
}

async function install(source: string, { main, post }: Manifest, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const entries = [main, ...(post === undefined ? [] : [post])].map(
    (file) => path.normalize(file).split(path.sep)[0] ?? '',
  )
  for (const name of new Set(['action.yml', 'package.json', ...entries])) {
    const from = path.join(source, name)
    const kind = await stat(from).catch(() => undefined)
    if (kind?.isDirectory()) await linkTree(from, path.join(folder, name))
    else if (kind) await linkFile(from, path.join(folder, name))
  }
  return folder
}

async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.isDirectory()) await linkTree(source, target)
    else if (entry.isFile()) await linkFile(source, target)
    else await cp(source, target, { recursive: true })
  }
}

/** A second name for the file costs nothing; across file systems it has to be a copy. */
async function linkFile(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to))
}
