/** Bundles sources for the benchmark, as `scripts/bundle.ts` bundles the action, into `build/bench`. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle } from '../ncc.ts'

const root = path.join(import.meta.dirname, '..', '..')

/**
 * The action's own way with an artifact.
 * @returns path of the program
 * @throws Error with the compiler's words when the sources have mistakes
 */
export async function bundleOurs(): Promise<string> {
  const folder = await bundleAll('ours', {
    'index.js': 'scripts/bench/ours',
    'pack-worker.js': 'src/pack-worker',
  })
  return path.join(folder, 'index.js')
}

/**
 * The action as the sources have it now; `dist` may be older. Its post step is left out.
 * @returns a folder that a runner can run it from
 * @throws Error with the compiler's words when the sources have mistakes
 */
export async function bundleAction(): Promise<string> {
  const folder = await bundleAll('action', {
    'dist/main/index.js': 'src/main',
    'dist/main/pack-worker.js': 'src/pack-worker',
  })
  for (const name of ['action.yml', 'package.json']) await cp(path.join(root, name), path.join(folder, name))
  return folder
}

/** @param programs bundle → its source; a thread's script lies beside the program that starts it */
async function bundleAll(name: string, programs: Record<string, string>): Promise<string> {
  const folder = path.join(root, 'build', 'bench', name)
  const compiled = `${folder}-compiled`
  for (const old of [folder, compiled]) await rm(old, { recursive: true, force: true })
  await compile(Object.values(programs), compiled)
  for (const [file, source] of Object.entries(programs)) {
    await bundle(path.join(compiled, `${source}.js`), path.join(folder, file))
  }
  return folder
}

async function compile(sources: string[], outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true })
  const project = path.join(outDir, 'tsconfig.json')
  const settings = {
    extends: path.join(root, 'tsconfig.build.json'),
    compilerOptions: { rootDir: root, outDir },
    files: sources.map((source) => path.join(root, `${source}.ts`)),
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
