/** Puts an action where the runner puts it: in a folder of its own, without the packages that it was made with. */
import { createHash, randomUUID } from 'node:crypto'
import { copyFile, cp, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Manifest } from './environment.ts'

/** Installations by the folder that they are in; each is made once. */
const installed = new Map<string, Promise<string>>()

export interface Installation {
  /** The folder that the action runs in. */
  folder: string
  /** Where Node keeps what it compiled of it: nothing that an action sees, and nobody compiles the same bundle twice. */
  compiled: string
}

/**
 * Installs the files that an action runs from: `action.yml`, `package.json` and the folders of its entries. An action
 * with packages keeps its installation among their caches, for all that run it; any other's goes with `home`.
 * @param source the action's folder; for an action in a subfolder of its repository, that one
 */
export async function installAction(source: string, manifest: Manifest, home: string): Promise<Installation> {
  const { root, subfolder, entries } = repositoryOf(source, manifest)
  const { folder, compiled } = await installRepository(root, entries, home)
  return { folder: path.join(folder, subfolder), compiled }
}

/** The runner unpacks the whole repository: an action in a subfolder of it reaches its bundles by `..`. */
function repositoryOf(
  source: string,
  { main, post }: Manifest,
): { root: string; subfolder: string; entries: string[] } {
  const files = [main, ...(post === undefined ? [] : [post])].map((file) => path.resolve(source, file))
  let root = path.resolve(source)
  while (files.some((file) => !file.startsWith(root + path.sep))) root = path.dirname(root)
  return {
    root,
    subfolder: path.relative(root, source),
    entries: files.map((file) => path.relative(root, file)),
  }
}

/** @param entries files in `source` that are run */
async function installRepository(source: string, entries: string[], home: string): Promise<Installation> {
  const packages = path.join(source, 'node_modules')
  const isShared = await stat(packages).then(
    () => true,
    () => false,
  )
  const cache = isShared ? path.join(packages, '.cache', 'runner') : home
  const name = path.relative(path.parse(source).root, path.resolve(source))
  const folder = path.join(cache, '_actions', isShared ? await versionOf(source, entries) : '', name)
  let made = installed.get(folder)
  if (!made) installed.set(folder, (made = install(source, entries, folder)))
  return { folder: await made, compiled: path.join(cache, 'compile-cache') }
}

/** Another one for every build of the bundles. */
async function versionOf(source: string, files: string[]): Promise<string> {
  const facts = await Promise.all(files.map((file) => stat(path.join(source, file)).catch(() => undefined)))
  const text = facts.map((found) => `${found?.ino ?? ''} ${found?.size ?? ''} ${found?.mtimeMs ?? ''}`).join()
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Complete or not there: several processes may be at it. */
async function install(source: string, files: string[], folder: string): Promise<string> {
  if (
    await stat(folder).then(
      () => true,
      () => false,
    )
  )
    return folder
  const unfinished = `${folder}.${randomUUID()}`
  await mkdir(unfinished, { recursive: true })
  const entries = files.map((file) => path.normalize(file).split(path.sep)[0] ?? '')
  for (const name of new Set(['action.yml', 'package.json', ...entries])) {
    const from = path.join(source, name)
    const kind = await stat(from).catch(() => undefined)
    if (kind?.isDirectory()) await linkTree(from, path.join(unfinished, name))
    else if (kind) await linkFile(from, path.join(unfinished, name))
  }
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }))
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
