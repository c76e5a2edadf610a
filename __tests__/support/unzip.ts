import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openPromise } from 'yauzl'

/** Unpacks a zip into a folder; checksums and names are checked by the library. */
export async function unzip(archive: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true })
  const zip = await openPromise(archive)
  for await (const entry of zip.eachEntry()) {
    const file = path.join(target, entry.fileName)
    await mkdir(entry.fileName.endsWith('/') ? file : path.dirname(file), { recursive: true })
    if (entry.fileName.endsWith('/')) continue
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(file))
  }
}
