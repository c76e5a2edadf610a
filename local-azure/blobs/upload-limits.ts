/**
 * What the blob service demands of an upload, where Azurite does not: metadata, sizes, the block list. Azurite itself
 * checks Content-MD5 and `x-ms-content-crc64` of blocks and blobs, and a block ID's form and length. The limit of
 * 100,000 blocks that are not committed is left out.
 */
import { createHash, type Hash } from 'node:crypto'
import { versionOf, type BlobRequest } from './access.ts'
import { storageRefusals as refuse, type StorageRefusal } from './storage-errors.ts'

const METADATA_PREFIX = 'x-ms-meta-'
/** Documented: 8 KiB, names and values together; that the prefix does not count is assumed. */
const MAX_METADATA_BYTES = 8 * 1024
const MAX_BLOCKS = 50_000
const MIB = 1024 * 1024
/** By the first API version that has them (documented), newest first: bytes of a block and of a blob put whole. */
const SIZE_LIMITS = [
  { since: '2019-12-12', block: 4000 * MIB, blob: 5000 * MIB },
  { since: '2016-05-31', block: 100 * MIB, blob: 256 * MIB },
  { since: '', block: 4 * MIB, blob: 64 * MIB },
]

/**
 * Why the service would refuse an upload by its line and headers, its caller being allowed to do it; undefined if it
 * would not. `rawHeaders` are names and values in turn, as sent. That the right is looked at first is assumed.
 */
export function findFlaw(request: BlobRequest, rawHeaders: string[]): StorageRefusal | undefined {
  if (request.method !== 'PUT') return undefined
  return findMetadataFlaw(request, rawHeaders) ?? findOversize(request)
}

/** A check of the body that goes with this request, if it needs one. */
export function bodyCheck(request: BlobRequest): BlockListCheck | undefined {
  const { method, blob, query, headers } = request
  if (method !== 'PUT' || blob === undefined || query.get('comp') !== 'blocklist') return undefined
  return new BlockListCheck(headers['content-md5'])
}

/** Reads a block list while it passes, and keeps none of it: counts its blocks, and checks its MD5. */
export class BlockListCheck {
  private readonly wanted: unknown
  private readonly hash: Hash = createHash('md5')
  private blocks = 0
  private last = ''

  constructor(wanted: unknown) {
    this.wanted = wanted
  }

  /** Takes the next bytes; the refusal as soon as they make one due. */
  add(chunk: Buffer): StorageRefusal | undefined {
    this.hash.update(chunk)
    const text = this.last + chunk.toString('latin1')
    // Latest, Committed, Uncommitted: nothing else in a block list begins so.
    this.blocks += text.match(/<[LCU]/g)?.length ?? 0
    this.last = text.slice(-1)
    return this.blocks > MAX_BLOCKS ? refuse.blockListTooLong() : undefined
  }

  end(): StorageRefusal | undefined {
    if (this.wanted === undefined) return undefined
    return this.wanted === this.hash.digest('base64') ? undefined : refuse.md5Mismatch()
  }
}

/** Only requests that set metadata are asked; others may carry such headers in vain (assumed). */
function findMetadataFlaw({ query }: BlobRequest, rawHeaders: string[]): StorageRefusal | undefined {
  if (![null, 'metadata', 'blocklist', 'snapshot'].includes(query.get('comp'))) return undefined
  const pairs = metadataOf(rawHeaders)
  const names = pairs.map(([name]) => name.toLowerCase())
  if (names.includes('')) return refuse.emptyMetadataKey()
  // A C# identifier may hold other letters, too, but a header's name may not. The code for a name that comes twice,
  // and for a value beyond ASCII, is assumed; that they are refused is documented.
  const isSound = pairs.every(([name, value]) => /^[a-z_]\w*$/i.test(name) && /^[\t -~]*$/.test(value))
  if (!isSound || new Set(names).size < names.length) return refuse.invalidMetadata()
  const size = pairs.flat().join('').length
  return size > MAX_METADATA_BYTES ? refuse.metadataTooLarge() : undefined
}

function metadataOf(rawHeaders: string[]): [string, string][] {
  return rawHeaders.flatMap((name, i): [string, string][] =>
    i % 2 === 0 && name.toLowerCase().startsWith(METADATA_PREFIX)
      ? [[name.slice(METADATA_PREFIX.length), rawHeaders[i + 1] ?? '']]
      : [],
  )
}

function findOversize(request: BlobRequest): StorageRefusal | undefined {
  const comp = request.query.get('comp')
  if (request.blob === undefined || (comp !== null && comp !== 'block')) return undefined
  const limits = SIZE_LIMITS.find(({ since }) => versionOf(request) >= since)
  const most = (comp === null ? limits?.blob : limits?.block) ?? Infinity
  return Number(request.headers['content-length']) > most ? refuse.requestBodyTooLarge() : undefined
}
