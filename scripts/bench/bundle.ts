/** Bundles the action's own way for the benchmark, as `scripts/bundle.ts` bundles the action, into `build/bench`. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

interface NccResult {
  code: string
  assets: Record<string, { source: string | Buffer }>
}
type Ncc = (entry: string, options: Record<string, unknown>) => Promise<NccResult>

// ncc ships no types; this is the part of its documented API that is used here.
const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc

const root = path.join(import.meta.dirname, '..', '..')
const folder = path.join(root, 'build', 'bench')

/** As in `scripts/bundle.ts`: packages that the SDKs load only for what nothing here asks for. */
const EMPTY = 'data:text/javascript,'
const LEFT_OUT = { 'apache-arrow': EMPTY, open: EMPTY }

/** Sources and where their bundles lie; a thread's script lies beside the program that starts it. */
const ENTRIES = [
  { source: 'scripts/bench/ours', bundle: 'index.js' },
  { source: 'src/pack-worker', bundle: 'pack-worker.js' },
].filter(({ source }) => existsSync(path.join(root, `${source}.ts`)))

/**
 * Compiles and bundles.
 * @returns path of the program
 * @throws Error with the compiler's words when the sources have mistakes
 */
export async function bundleOurs(): Promise<string> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(path.join(folder, 'ours'), { recursive: true })
  await compile()
  for (const { source, bundle } of ENTRIES) {
    const entry = path.join(folder, 'compiled', `${source}.js`)
    const { code, assets } = await ncc(entry, { quiet: true, cache: false, externals: LEFT_OUT })
    for (const [name, { source: content }] of Object.entries({ ...assets, [bundle]: { source: code } })) {
      const file = path.join(folder, 'ours', name)
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, content)
    }
  }
  return path.join(folder, 'ours', 'index.js')
}

async function compile(): Promise<void> {
  const project = path.join(folder, 'tsconfig.json')
  const settings = {
    extends: path.join(root, 'tsconfig.build.json'),
    compilerOptions: { rootDir: root, outDir: path.join(folder, 'compiled') },
    files: ENTRIES.map(({ source }) => path.join(root, `${source}.ts`)),
    include: [],
  }
  await writeFile(project, JSON.stringify(settings))
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The sources do not compile:\n${stdout}`)
}
