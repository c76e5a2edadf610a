/**
 * Bundles both entries with ncc into `dist/main` and `dist/post`, main's worker thread beside it, and the licences of every bundled package into
 * `dist/licenses.txt`. The same sources and lockfile give the same bytes on every machine. Not minified: a bundle that
 * runs with a token in hand should be readable, and a crash should not print a line of a megabyte.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

/** A module as webpack's statistics tell of it. */
interface Module {
  nameForCondition?: string
  identifier?: string
  modules?: Module[]
}
interface NccResult {
  code: string
  assets: Record<string, { source: string | Buffer }>
  stats: { toJson: (options: Record<string, unknown>) => { modules: Module[] } }
}
type Ncc = (entry: string, options: Record<string, unknown>) => Promise<NccResult>

// ncc ships no types; this is the part of its documented API that is used here.
const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc

/** Entry → its bundle in `dist`. The worker thread is looked for beside the code that starts it. */
const BUNDLES = { main: 'main/index.js', post: 'post/index.js', 'pack-worker': 'main/pack-worker.js' }

/**
 * Loaded by the SDKs only for what nothing here asks for: blob lists in Arrow format, and signing in by browser. An
 * empty module takes their place, as there are no packages where the bundles run.
 */
const EMPTY = 'data:text/javascript,'
const LEFT_OUT = { 'apache-arrow': EMPTY, open: EMPTY }

const root = path.join(import.meta.dirname, '..')
const folders = new Set<string>()

await rm(path.join(root, 'dist'), { recursive: true, force: true })
for (const [entry, bundle] of Object.entries(BUNDLES)) {
  const result = await ncc(path.join(root, 'build', `${entry}.js`), {
    quiet: true,
    cache: false,
    externals: LEFT_OUT,
  })
  const files = { ...result.assets, [path.basename(bundle)]: { source: result.code } }
  for (const [name, { source }] of Object.entries(files)) {
    const file = path.join(root, 'dist', path.dirname(bundle), name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, source)
  }
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
