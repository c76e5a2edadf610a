/**
 * What a build key was made of, small enough to be kept with the image as tags: the next build reads it and says what
 * changed. A record of names and short digests; nothing is decided by it, so it need not be trusted.
 */
import { createHash, type Hash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as v from 'valibot'
import { canonical, shapeOf } from './build-key.ts'
import type { ImageTemplate } from './image-template.ts'

/** A file or link of the artifact: its path, the digest of its content or what it leads to, its mode. */
export type ContentLine = readonly [path: string, content: string, mode: number]

/** What a key is made of. */
export interface KeyParts {
  /** The template for an artifact without content: one that changes is no change of the template. */
  template: ImageTemplate
  /** Files and links of the artifact; empty for none. */
  content: readonly ContentLine[]
}

/** What is kept: short digests by name. A path that ends in `/` stands for all that lies below it. */
export interface PartsRecord {
  template: Map<string, string>
  content: Map<string, string>
  /** So many segments of each path are kept. */
  depth: number
}

/** Names of what is other than it was, each list sorted. */
export interface Changes {
  /** Parts of the template, in words. */
  template: string[]
  added: string[]
  removed: string[]
  changed: string[]
}

const TAG = 'build-parts'
/** A tag's value holds 256 characters (Resource Manager's documentation), and nobody wants many such tags. */
const [TAG_LENGTH, MOST_TAGS] = [256, 4]
/** More entries never fit; counting them is quicker than packing them. */
const MOST_ENTRIES = 400
/** What a record unpacks to at most: whoever may write tags may write any. */
const MOST_BYTES = 64 * 1024
/** 24 bits: one change in 16 million goes unseen. */
const DIGEST_BYTES = 3
/** In front of the names, as they are packed: how many bytes they take. */
const LENGTH_BYTES = 2

/** The record as tags; with more files than fit, it names the folders that hold them. */
export function partsTags(parts: KeyParts): Record<string, string> {
  const template = templateDigests(parts.template)
  const deepest = Math.max(0, ...parts.content.map(([path]) => path.split('/').length))
  for (let depth = deepest; depth >= 0; depth -= 1) {
    const content = contentDigests(parts.content, depth)
    if (content === undefined) continue
    const text = packed({ template, content, depth })
    if (text.length <= TAG_LENGTH * MOST_TAGS) return tagsOf(text)
  }
  return {}
}

/** The record that an image's tags hold; undefined where there is none that can be read. */
export function partsIn(tags: Record<string, string>): PartsRecord | undefined {
  const byName = new Map(Object.entries(tags).map(([name, value]) => [name.toLowerCase(), value]))
  const values = Array.from({ length: MOST_TAGS }, (_, index) => byName.get(`${TAG}-${index + 1}`) ?? '')
  const text = values.join('')
  return text === '' ? undefined : unpacked(text)
}

/** What is other in the parts than in the record of an earlier build. */
export function changesSince(before: PartsRecord, parts: KeyParts): Changes {
  const template = templateDigests(parts.template)
  const content = contentDigests(parts.content, before.depth, Infinity) ?? new Map<string, string>()
  const [ours, theirs] = [[...content.keys()].sort(), [...before.content.keys()].sort()]
  const names = [...new Set([...before.template.keys(), ...template.keys()])]
  return {
    template: names.filter((name) => before.template.get(name) !== template.get(name)).sort(),
    added: ours.filter((name) => !before.content.has(name)),
    removed: theirs.filter((name) => !content.has(name)),
    changed: ours.filter(
      (name) => before.content.has(name) && before.content.get(name) !== content.get(name),
    ),
  }
}

/** A digest for each property but the source, which a tag tells in words; of customizers for each, as they have an order. */
function templateDigests(template: ImageTemplate): Map<string, string> {
  const { customize = [], ...others } = shapeOf(template)
  const names = template.properties.customize.map(
    ({ name, type }, index) => `customizer ${index + 1} (${name ?? type})`,
  )
  const steps = (customize as unknown[]).map((step, index): [string, unknown] => [names[index] ?? '', step])
  const all = [...steps, ...Object.entries(others).filter(([field]) => field !== 'source')]
  return new Map(all.map(([name, part]) => [name, short(createHash('sha256').update(canonical(part)))]))
}

/** Undefined when there are more than `most` entries. */
function contentDigests(
  content: readonly ContentLine[],
  depth: number,
  most = MOST_ENTRIES,
): Map<string, string> | undefined {
  const groups = new Map<string, Hash>()
  for (const [path, what, mode] of content) {
    const segments = path.split('/')
    const name = segments.length <= depth ? path : [...segments.slice(0, depth), ''].join('/') || './'
    let group = groups.get(name)
    if (!group) {
      if (groups.size === most) return undefined
      groups.set(name, (group = createHash('sha256')))
    }
    group.update(`${JSON.stringify([path, what, mode & 0o7777])}\n`)
  }
  return new Map([...groups].map(([name, group]) => [name, short(group)]))
}

function short(hash: Hash): string {
  return hash.digest().subarray(0, DIGEST_BYTES).toString('base64')
}

/** Names are packed, digests, which get no shorter, stand behind them in the same order. */
function packed({ template, content, depth }: PartsRecord): string {
  const text = JSON.stringify([depth, [...template.keys()], [...content.keys()]])
  const names = deflateRawSync(text, { level: 9 })
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt16BE(Math.min(names.length, 0xffff))
  const digests = [...template.values(), ...content.values()].map((digest) => Buffer.from(digest, 'base64'))
  return Buffer.concat([length, names, ...digests]).toString('base64url')
}

const form = v.tuple([
  v.pipe(v.number(), v.integer(), v.minValue(0)),
  v.array(v.string()),
  v.array(v.string()),
])

function unpacked(text: string): PartsRecord | undefined {
  try {
    const bytes = Buffer.from(text, 'base64url')
    const end = LENGTH_BYTES + bytes.readUInt16BE()
    const json = inflateRawSync(bytes.subarray(LENGTH_BYTES, end), { maxOutputLength: MOST_BYTES }).toString()
    const [depth, template, content] = v.parse(form, JSON.parse(json))
    const digest = (index: number): string =>
      bytes.subarray(end + index * DIGEST_BYTES, end + (index + 1) * DIGEST_BYTES).toString('base64')
    return {
      depth,
      template: new Map(template.map((name, index) => [name, digest(index)])),
      content: new Map(content.map((name, index) => [name, digest(template.length + index)])),
    }
  } catch {
    return undefined
  }
}

function tagsOf(text: string): Record<string, string> {
  const values = text.match(new RegExp(`.{1,${TAG_LENGTH}}`, 'g')) ?? []
  return Object.fromEntries(values.map((value, index) => [`${TAG}-${index + 1}`, value]))
}
