/** One blob out of blocks that are uploaded side by side, each with its checksum; how far it has come is told. */
import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { BlockBlobClient } from '@azure/storage-blob'
import type { ArchivePart } from '../archive.ts'
import { giveBack } from '../memory.ts'
import type { Action } from './blob-access.ts'

/** What the service has taken so far. */
export interface Uploaded {
  /** Of the archive. */
  bytes: number
  /** Of the files in it. */
  contentBytes: number
}

/** With as many blocks as a blob may have (50,000, documented) this makes blobs of 195 GiB. */
const BLOCK_BYTES = 4 * 1024 * 1024
const MOST_BLOCKS = 50_000
/** Few enough that the buffers, filled ones and one being filled, stay at 16 MiB. */
const IN_FLIGHT = 3
const PART_BYTES = 64 * 1024

/** Does one thing with the blob, as often as it takes. */
type Send = (
  action: (client: BlockBlobClient, ...edges: Parameters<Action<unknown>>) => Promise<unknown>,
  cancelled: AbortSignal,
) => Promise<unknown>

/**
 * Uploads `content` as uncommitted blocks; buffers are used again, so memory does not grow with it.
 * @param expected about how many bytes come, at most
 * @returns the blocks' IDs, in order
 */
export async function stageBlocks(
  sendBlock: Send,
  content: AsyncIterable<ArchivePart>,
  expected: number,
  onProgress: (uploaded: Uploaded) => void,
  cancelled: AbortSignal,
): Promise<string[]> {
  const blockBytes = Math.max(BLOCK_BYTES, Math.ceil(expected / (MOST_BLOCKS * 0.9)))
  const failed = new AbortController()
  const abortSignal = AbortSignal.any([cancelled, failed.signal])
  const uploaded: Uploaded = { bytes: 0, contentBytes: 0 }
  const ids: string[] = []
  const inFlight = new Set<Promise<void>>()
  const free: Buffer[] = []

  const send = (buffer: Buffer, bytes: number, contentBytes: number): void => {
    // All IDs of a blob must have one length (documented).
    const id = Buffer.from(String(ids.length).padStart(8, '0')).toString('base64')
    ids.push(id)
    const sending = stage(sendBlock, id, buffer.subarray(0, bytes), abortSignal).then(() => {
      free.push(buffer)
      inFlight.delete(sending)
      uploaded.bytes += bytes
      uploaded.contentBytes += contentBytes
      onProgress({ ...uploaded })
    })
    sending.catch(() => undefined) // told by whoever waits for it
    inFlight.add(sending)
  }

  try {
    for await (const block of blocks(
      content,
      blockBytes,
      () => free.pop() ?? Buffer.allocUnsafeSlow(blockBytes),
    )) {
      cancelled.throwIfAborted()
      send(block.buffer, block.bytes, block.contentBytes)
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
    }
    await Promise.all(inFlight)
    return ids
  } finally {
    failed.abort()
  }
}

/** Fills one buffer after the other. */
async function* blocks(
  content: AsyncIterable<ArchivePart>,
  blockBytes: number,
  empty: () => Buffer,
): AsyncGenerator<{ buffer: Buffer; bytes: number; contentBytes: number }> {
  let buffer = empty()
  let [bytes, contentBytes] = [0, 0]
  for await (const part of content) {
    for (let at = 0; at < part.bytes.length;) {
      const taken = part.bytes.subarray(at, at + blockBytes - bytes)
      buffer.set(taken, bytes)
      bytes += taken.length
      at += taken.length
      if (at === part.bytes.length) contentBytes += part.contentBytes
      if (bytes < blockBytes) continue
      yield { buffer, bytes, contentBytes }
      buffer = empty()
      bytes = 0
      contentBytes = 0
    }
    giveBack(part.bytes)
  }
  if (bytes > 0) yield { buffer, bytes, contentBytes }
}

/** Every part that goes out is a sign of life: a slow link may take as long as it needs. */
async function stage(sendBlock: Send, id: string, block: Buffer, cancelled: AbortSignal): Promise<void> {
  const transactionalContentMD5 = hash('md5', block, 'buffer')
  await sendBlock(
    (client, abortSignal, onProgress) =>
      client.stageBlock(id, () => inParts(block), block.length, {
        transactionalContentMD5,
        abortSignal,
        onProgress,
      }),
    cancelled,
  )
}

function inParts(block: Buffer): Readable {
  function* parts(): Generator<Buffer> {
    for (let at = 0; at < block.length; at += PART_BYTES) yield block.subarray(at, at + PART_BYTES)
  }
  return Readable.from(parts(), { objectMode: false, highWaterMark: PART_BYTES })
}
