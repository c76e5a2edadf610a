/** What stands in a tar around the content of entries, in the format of POSIX.1-2001 (ustar with pax records). Pure. */
import { Header, type HeaderData } from 'tar/header'
import { Pax } from 'tar/pax'
import type { Entry } from './artifact-entries.ts'

/** Everything in a tar comes in blocks of this size. */
const BLOCK = 512
/** The earliest time that a zip can say, so that both formats say the same. */
const FIXED_TIME = new Date(Date.UTC(1980, 0, 1))
const TYPES = { file: 'File', directory: 'Directory', link: 'SymbolicLink' } as const

/** The header in front of an entry's content; a pax record before it says what does not fit into it. */
export function tarHeader({ path, kind, mode, size, target }: Entry): Buffer {
  const fields: HeaderData = {
    path: kind === 'directory' ? `${path}/` : path,
    mode: mode & 0o7777,
    uid: 0,
    gid: 0,
    size: kind === 'file' ? size : 0,
    mtime: FIXED_TIME,
    type: TYPES[kind],
    linkpath: target ?? '',
  }
  const block = Buffer.alloc(BLOCK)
  const header = new Header(fields)
  if (!header.encode(block)) return block
  // Names without an end, as a header's own may be cut off; the pax record holds them whole.
  const { path: name = '', linkpath = '', size: bytes = 0 } = fields
  const link = linkpath === '' ? {} : { linkpath }
  return Buffer.concat([new Pax({ path: name, size: bytes, ...link }).encode(), block])
}

/** Zero bytes that fill the last block of a content. */
export function tarPadding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}

/** What ends a tar. */
export const TAR_END = Buffer.alloc(2 * BLOCK)
