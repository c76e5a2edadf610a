/**
 * Bundles both entries with ncc into `dist/main` and `dist/post`, and the licences of everything bundled
 * into `dist/licenses.txt`. The same sources and lockfile give the same bytes on every machine.
 */
import { createRequire } from 'node:module'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

interface NccResult {
  code: string
  assets: Record<string, { source: string | Buffer; permissions?: number }>
}
type Ncc = (entry: string, options: Record<string, unknown>) => Promise<NccResult>

// ncc ships no types; this is the part of its documented API that is used here.
const ncc = createRequire(import.meta.url)('@vercel/ncc') as Ncc

const root = path.join(import.meta.dirname, '..')
const licenses = new Set<string>()

await rm(path.join(root, 'dist'), { recursive: true, force: true })
for (const entry of ['main', 'post']) {
  const folder = path.join(root, 'dist', entry)
  const { code, assets } = await ncc(path.join(root, 'build', `${entry}.js`), {
    minify: true,
    license: 'licenses.txt',
    quiet: true,
    cache: false,
  })
  for (const [name, asset] of Object.entries({ ...assets, 'index.js': { source: code } })) {
    const file = path.join(folder, name)
    if (name === 'licenses.txt') {
      splitLicenses(asset.source.toString()).forEach((text) => licenses.add(text))
      continue
    }
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, asset.source)
  }
}
await writeFile(path.join(root, 'dist', 'licenses.txt'), [...licenses].sort().join('\n\n') + '\n')

/** ncc writes one block a package: its name alone on a line, its licence, a blank line. */
function splitLicenses(text: string): string[] {
  return text.split(/\n\n(?=(?:@[\w.-]+\/)?[\w.-]+\n[A-Za-z0-9()./ -]+\n)/).map((block) => block.trimEnd())
}
