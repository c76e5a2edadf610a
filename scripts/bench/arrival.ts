/**
 * No benchmark: whether large trees arrive whole. The bundled action builds an image of each on the local Azure, whose
 * build VM downloads and unpacks the artifact for real, and every file of the image is compared with the tree's.
 */
import { createHash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { LocalAzure } from '../../local-azure/index.ts'
import { buildImage, startQuickAzure } from './image.ts'
import { comparedTree, removeTree, textTree, type Tree } from './trees.ts'

const GIB = 2 ** 30

/** @returns a line for each tree. Throws when one did not arrive, or not whole. */
export async function checkArrival(scale: number, say: (line: string) => void): Promise<string> {
  const lines: string[] = []
  const small = comparedTree('small', scale)
  lines.push(await arrive(small, say))
  const large = textTree(Math.round(4 * GIB * scale))
  lines.push(await arrive(large, say))
  removeTree(large)
  return lines.map((line) => `- ${line}`).join('\n')
}

async function arrive({ folder, files, bytes }: Tree, say: (line: string) => void): Promise<string> {
  const azure = await startQuickAzure()
  try {
    say(`building an image with ${files} files, ${bytes} bytes`)
    const startedAt = Date.now()
    const image = await build(azure, folder)
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    const [sent, arrived] = [await digests(folder), await digests(image)]
    const different = [...sent].filter(([name, digest]) => arrived.get(name) !== digest)
    if (different.length > 0 || arrived.size !== sent.size)
      throw new Error(`${different.length} of ${sent.size} are different, ${arrived.size} arrived`)
    return `${files} files, ${bytes} bytes arrived byte for byte; the whole job took ${seconds} s`
  } finally {
    await azure.close()
  }
}

/** @returns the folder of the image that holds the artifact */
async function build(azure: LocalAzure, tree: string): Promise<string> {
  const { outputs, log } = await buildImage(azure, tree)
  const image = azure.world.imageFileSystems.get((outputs['image-uri'] ?? '').toLowerCase())
  if (image === undefined) throw new Error(log)
  return path.join(image, 'tmp', path.basename(tree))
}

/** Path → mode and SHA-256 of its content, of everything below a folder. */
async function digests(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const { mode } = await lstat(file)
    found.set(path.relative(root, file), `${(mode & 0o7777).toString(8)} ${await contentOf(entry, file)}`)
  }
  return found
}

async function contentOf(entry: Dirent, file: string): Promise<string> {
  if (entry.isDirectory()) return 'directory'
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
