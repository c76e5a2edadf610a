/** Bundles the action's own way for the benchmark, as `scripts/bundle.ts` bundles the action, into `build/bench`. */
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle } from '../ncc.ts'

const root = path.join(import.meta.dirname, '..', '..')
const folder = path.join(root, 'build', 'bench')

/** Sources and where their bundles lie; a thread's script lies beside the program that starts it. */
const ENTRIES = [
  { source: 'scripts/bench/ours', file: 'index.js' },
  { source: 'src/pack-worker', file: 'pack-worker.js' },
]

/**
 * Compiles and bundles.
 * @returns path of the program
 * @throws Error with the compiler's words when the sources have mistakes
 */
export async function bundleOurs(): Promise<string> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await compile()
  for (const { source, file } of ENTRIES) {
    await bundle(path.join(folder, 'compiled', `${source}.js`), path.join(folder, 'ours', file))
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
