/** Archives that tests pack to disk. */
import { createHash } from 'node:crypto'
import { openSync, closeSync, writeSync } from 'node:fs'
import { packArtifact, type Archive } from '../../src/archive.ts'
import type { ArchiveFormat } from '../../src/artifact-entries.ts'

/** Reads an archive to its end. */
export async function bytesOf({ content }: Pick<Archive, 'content'>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const { bytes } of content) parts.push(bytes)
  return Buffer.concat(parts)
}

/** Reads an archive to its end and does something at every part. */
export async function atEachPart({ content }: Pick<Archive, 'content'>, act: () => unknown): Promise<void> {
  const parts = content[Symbol.asyncIterator]()
  while (!(await parts.next()).done) await act()
}

/** Packs `source` into the file `target`. `sha256` and `bytes` are those of the file, not what the archive says. */
export async function packInto(
  target: string,
  source: string,
  format: ArchiveFormat,
): Promise<{ archive: Archive; sha256: string; bytes: number }> {
  const archive = await packArtifact(source, format)
  const hash = createHash('sha256')
  let written = 0
  const file = openSync(target, 'w')
  try {
    for await (const { bytes } of archive.content) {
      hash.update(bytes)
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
      written += bytes.length
    }
  } finally {
    closeSync(file)
  }
  return { archive, sha256: hash.digest('hex'), bytes: written }
}
