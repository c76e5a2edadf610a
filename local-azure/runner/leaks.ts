/** Searches what a job left behind for secrets, plain or encoded. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { jsonEscape, uriEscape, xmlEscape } from './commands.ts'
import { COMMAND_FOLDER } from './files.ts'

export interface Place {
  /** Such as `log main` or `output image-id`. */
  name: string
  /** The content's bytes as Latin-1, so that binary files can be searched as well. */
  bytes: string
}

/** Shorter secrets would be found everywhere. */
const SHORTEST = 6

/** A place with text in it. */
export function textPlace(name: string, text: string): Place {
  return { name, bytes: latin1(text) }
}

/** Every file below a folder, the command files apart (they are searched by what they say). */
export async function filePlaces(folder: string): Promise<Place[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  const places: Place[] = []
  for (const file of files) {
    const name = path.relative(folder, file)
    if (name.startsWith(COMMAND_FOLDER + path.sep)) continue
    places.push({ name: `file ${name}`, bytes: await readFile(file, 'latin1') })
  }
  return places
}

/** One entry for each line of a place where a secret stands: `log main line 12: eyJ0eX…`. */
export function findLeaks(places: readonly Place[], secrets: Iterable<string>): string[] {
  const leaks = new Set<string>()
  const seen = sequencesOf(places)
  for (const secret of new Set(secrets)) {
    if (secret.length < SHORTEST) continue
    for (const needle of encodingsOf(secret)) {
      if (!seen.mayHold(needle)) continue
      for (const { name, bytes } of places) {
        for (const line of linesWith(bytes, needle)) {
          leaks.add(`${name} line ${line}: ${secret.slice(0, SHORTEST)}…`)
        }
      }
    }
  }
  return [...leaks]
}

/**
 * The sequences of four bytes that stand anywhere in the places, as a table by their hash. A text of which the table
 * misses one is nowhere: most secrets are ruled out by a glance at some sequences of theirs, not by a search each.
 */
class Sequences {
  private readonly table = new Uint8Array(1 << 20)

  constructor(places: readonly Place[]) {
    const mark = (hash: number): boolean => {
      this.table[hash] = 1
      return true
    }
    for (const { bytes } of places) everySequence(bytes, mark)
  }

  mayHold(needle: string): boolean {
    return everySequence(needle, (hash) => this.table[hash] === 1)
  }
}

/** By place list: a caller may search the same places for one kind of secret after the other. */
const tables = new WeakMap<readonly Place[], Sequences>()

function sequencesOf(places: readonly Place[]): Sequences {
  let found = tables.get(places)
  if (!found) tables.set(places, (found = new Sequences(places)))
  return found
}

/** Whether `holds` for the hashes, of 20 bits, of all sequences of four bytes. */
function everySequence(bytes: string, holds: (hash: number) => boolean): boolean {
  let word = 0
  for (let at = 0; at < bytes.length; at += 1) {
    word = (word >>> 8) | (bytes.charCodeAt(at) << 24)
    if (at >= 3 && !holds(Math.imul(word, 0x9e3779b1) >>> 12)) return false
  }
  return true
}

/** Numbers of the lines on which `needle` begins, counted from 1. */
function linesWith(bytes: string, needle: string): number[] {
  const lines: number[] = []
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
    lines.push(bytes.slice(0, at).split('\n').length)
  }
  return lines
}

/** By secret: those of a local Azure are searched for after each of its jobs. */
const known = new Map<string, Set<string>>()

function encodingsOf(secret: string): Set<string> {
  let found = known.get(secret)
  if (!found) known.set(secret, (found = encodings(secret)))
  return found
}

function encodings(secret: string): Set<string> {
  const texts = [secret, jsonEscape(secret), uriEscape(secret), xmlEscape(secret)].map(latin1)
  const all = [...texts, ...base64Stems(Buffer.from(secret))]
  return new Set(all.filter((needle) => needle.length >= SHORTEST))
}

/**
 * What every base64 text that contains the secret contains, wherever the secret begins in it: its whole groups of
 * three bytes, from each of the three possible offsets, in the plain and the URL-safe alphabet.
 */
function base64Stems(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const whole = bytes.subarray(shift, shift + Math.floor((bytes.length - shift) / 3) * 3)
    return [whole.toString('base64'), whole.toString('base64url')]
  })
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}
