/**
 * Bundles the entries into folders of `dist`, the worker thread of main beside it, and writes the licences of every
 * bundled package into `dist/licenses.txt`. The same sources and lockfile give the same bytes on every machine. Not
 * minified: a bundle that runs with a token in hand should be readable, and a crash should not print a line of a megabyte.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { bundle, type Module, type NccResult } from './ncc.ts'

/** Entry → its bundle in `dist`. The worker thread is looked for beside the code that starts it. */
const BUNDLES = {
  main: 'main/index.js',
  post: 'post/index.js',
  'pack-worker': 'main/pack-worker.js',
  check: 'check/index.js',
  plan: 'plan/index.js',
  gather: 'gather/index.js',
  promote: 'promote/index.js',
  sweep: 'sweep/index.js',
}

const root = path.join(import.meta.dirname, '..')
const folders = new Set<string>()

await rm(path.join(root, 'dist'), { recursive: true, force: true })
for (const [entry, file] of Object.entries(BUNDLES)) {
  const result = await bundle(path.join(root, 'build', `${entry}.js`), path.join(root, 'dist', file))
  packageFolders(result).forEach((folder) => folders.add(folder))
}
const texts = new Set([...folders].map(licence))
await writeFile(
  path.join(root, 'dist', 'licenses.txt'),
  [...texts].sort().join(`\n\n${'-'.repeat(80)}\n\n`) + '\n',
)

/** The folders of all packages of which something was bundled. ncc's own list names those of one chunk alone. */
function packageFolders({ stats }: NccResult): string[] {
  const everything = {
    all: false,
    modules: true,
    nestedModules: true,
    modulesSpace: 1e9,
    nestedModulesSpace: 1e9,
  }
  const ungrouped = Object.fromEntries(
    ['Type', 'Path', 'Attributes', 'Extension', 'CacheStatus', 'Layer'].map((by) => [
      `groupModulesBy${by}`,
      false,
    ]),
  )
  const flatten = (module: Module): Module[] => [module, ...(module.modules ?? []).flatMap(flatten)]
  return stats
    .toJson({ ...everything, ...ungrouped })
    .modules.flatMap(flatten)
    .map(({ nameForCondition, identifier }) => (nameForCondition ?? identifier ?? '').replaceAll('\\', '/'))
    .map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/!|]+/.exec(file)?.[0])
    .filter((folder) => folder !== undefined)
}

function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    name: string
    version: string
    license: string
  }
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
  const text = file ? readFileSync(path.join(folder, file), 'utf8') : ''
  return [`${name} ${version}`, license, '', text.replaceAll('\r\n', '\n').trim()].join('\n').trim()
}
