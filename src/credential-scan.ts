/** Looks through the files that go into the artifact for what looks like a secret. */
import fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Entry } from './artifact-entries.ts'
import { credentialKind } from './credential-files.ts'

/** A file that goes into the archive and looks like a secret. What is in it is told nowhere. */
export interface Credential {
  path: string
  /** In a user's words, such as `private key`. */
  kind: string
}

/** Names take microseconds; this often others get a turn. */
const ENTRIES_A_TURN = 500
/** How much of a file is looked at: a secret stands at the beginning of the files that are asked about. */
const BEGINNING_BYTES = 64 * 1024

/** In the order of the entries. */
export async function credentialsIn(entries: readonly Entry[]): Promise<Credential[]> {
  const found: Credential[] = []
  let seen = 0
  for (const { path: inside, source, size } of entries) {
    const is = size > 0 && credentialKind(inside, () => beginningOf(source, size))
    if (is) found.push({ path: inside, kind: is })
    if (++seen % ENTRIES_A_TURN === 0) await nextTurn()
  }
  return found
}

/** Nothing of a file that cannot be read: packing tells that. */
function beginningOf(source: string, size: number): Buffer | undefined {
  const bytes = Buffer.alloc(Math.min(size, BEGINNING_BYTES))
  try {
    const file = fs.openSync(source, 'r')
    try {
      return bytes.subarray(0, fs.readSync(file, bytes))
    } finally {
      fs.closeSync(file)
    }
  } catch {
    return undefined
  }
}
