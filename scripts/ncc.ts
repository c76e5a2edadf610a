/** Bundles one program with ncc, as the action is bundled. */
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

/** A module as webpack's statistics tell of it. */
export interface Module {
  nameForCondition?: string
  identifier?: string
  modules?: Module[]
}
export interface NccResult {
  code: string
  assets: Record<string, { source: string | Buffer }>
  stats: { toJson: (options: Record<string, unknown>) => { modules: Module[] } }
}
type Ncc = (entry: string, options: Record<string, unknown>) => Promise<NccResult>

// ncc ships no types; this is the part of its documented API that is used here.
const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc

/**
 * Loaded by the SDKs only for what nothing here asks for: blob lists in Arrow format, and signing in by browser. An
 * empty module takes their place, as there are no packages where the bundles run.
 */
const EMPTY = 'data:text/javascript,'
const LEFT_OUT = { 'apache-arrow': EMPTY, open: EMPTY }

/** Writes the bundle of `entry`, a compiled program, to `target`, and beside it what it loads later. Folders are made. */
export async function bundle(entry: string, target: string): Promise<NccResult> {
  const result = await ncc(entry, { quiet: true, cache: false, externals: LEFT_OUT })
  const files = { ...result.assets, [path.basename(target)]: { source: result.code } }
  for (const [name, { source }] of Object.entries(files)) {
    const file = path.join(path.dirname(target), name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, source)
  }
  return result
}
