/** Trees of chance: names, sizes, contents, modes and links that a workspace may hold, made by fast-check. */
import { createCipheriv, createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'

const MIB = 1024 * 1024
/** Where blocks, samples, pieces and slices of the archive begin and end. */
const EDGES = [0, 1, 511, 512, 513, 4095, 4096, 4097, 32_767, 32_768, 32_769, 100_000]
const LARGE = [MIB - 513, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 7]

export interface GeneratedFile {
  kind: 'file'
  size: number
  content: 'text' | 'random' | 'zeros'
  /** Other content for other numbers. */
  seed: number
  mode: number
}
export interface GeneratedFolder {
  kind: 'folder'
  mode: number
  entries: [name: string, node: GeneratedNode][]
}
/** To the entry of that number in the tree's `targets`, or to one that is not there. */
export interface GeneratedLink {
  kind: 'link'
  to: number
  broken: boolean
}
export type GeneratedNode = GeneratedFile | GeneratedFolder | GeneratedLink

/** Which of what Linux allows is generated. */
export interface Limits {
  /** Names that Windows takes, too. */
  windowsNames: boolean
  /** Links to nothing and to folders. */
  anyLinks: boolean
}

const awkward = fc.constantFrom(
  ...[
    '-rf',
    '--help',
    '-',
    '@file',
    '~',
    '#',
    '%TEMP%',
    '$HOME',
    '`id`',
    "it's",
    'a;12',
    '[a-z]',
    '{b}',
    '!',
  ],
  ...[
    ' front',
    '...',
    '..a',
    '.hidden',
    'a&b',
    'a,b=c',
    '+',
    '^',
    'é',
    'e\u0301',
    'ﬁ',
    'ß',
    '\u202e rtl',
    '\u200b',
  ],
  ...[
    '👩‍👩‍👧',
    '🏴‍☠️',
    '日本',
    '\u007f',
    '\u0085',
    '\ue000',
    'ü'.repeat(127),
    'x'.repeat(99),
    'x'.repeat(100),
    'x'.repeat(101),
  ],
  ...['x'.repeat(155), 'x'.repeat(156), 'x'.repeat(255), '🚀'.repeat(25), '日'.repeat(85)],
)
const linuxAwkward = fc.constantFrom(
  ...[
    'new\nline',
    '\n',
    'tab\t',
    'back\\slash',
    '"quoted"',
    'a:b',
    '*',
    '?',
    'con',
    'end ',
    'end.',
    '\u0001',
    '<>|',
  ],
)

function nameOf({ windowsNames }: Limits): fc.Arbitrary<string> {
  const plain = fc.oneof(
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }) },
    { weight: 3, arbitrary: awkward },
    { weight: windowsNames ? 0 : 2, arbitrary: linuxAwkward },
  )
  return plain.map((name) => {
    const one = name.replace(/[/\0]/g, '_').replace(/^\.{1,2}$|^\.git$|^\.aibignore$/, '_$&')
    return windowsNames ? asOnWindows(one) : one
  })
}

/** "Naming Files, Paths, and Namespaces" (Windows documentation). */
function asOnWindows(name: string): string {
  return (
    name
      // eslint-disable-next-line no-control-regex -- Windows takes no control characters
      .replace(/[<>:"|?*\\\u0000-\u001f]/g, '_')
      .replace(/[ .]$/, '_')
      .replace(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i, '_$&')
  )
}

const file = (sizes: fc.Arbitrary<number>): fc.Arbitrary<GeneratedFile> =>
  fc.record({
    kind: fc.constant('file' as const),
    size: sizes,
    content: fc.constantFrom('text' as const, 'random' as const, 'zeros' as const),
    seed: fc.nat(0xffff),
    mode: fc.constantFrom(0o644, 0o755, 0o600, 0o400, 0o444, 0o777, 0o4755, 0o2755, 0o6711),
  })

const folder = (entries: fc.Arbitrary<GeneratedFolder['entries']>): fc.Arbitrary<GeneratedFolder> =>
  fc.record({
    kind: fc.constant('folder' as const),
    mode: fc.constantFrom(0o755, 0o700, 0o1777, 0o2770),
    entries,
  })

/**
 * A tree of some 60 entries with a file of every size at which something in the archive begins or ends, and one path
 * about as long as Linux takes.
 */
export function generatedTree(limits: Limits): fc.Arbitrary<GeneratedFolder> {
  const name = nameOf(limits)
  const inFolder = (
    node: fc.Arbitrary<GeneratedNode>,
    maxLength: number,
  ): fc.Arbitrary<GeneratedFolder['entries']> =>
    // One name where letter case and composition do not count.
    fc.uniqueArray(fc.tuple(name, node), {
      maxLength,
      selector: ([one]) => one.normalize('NFKD').toLowerCase(),
    })
  const small = file(fc.oneof(fc.constantFrom(...EDGES), fc.nat(3000)))
  const link = fc.record({
    kind: fc.constant('link' as const),
    to: fc.nat(1000),
    broken: limits.anyLinks ? fc.boolean() : fc.constant(false),
  })
  const below = (depth: number): fc.Arbitrary<GeneratedFolder> =>
    folder(
      inFolder(
        depth === 0
          ? fc.oneof({ weight: 4, arbitrary: small }, { weight: 1, arbitrary: link })
          : fc.oneof(
              { weight: 4, arbitrary: small },
              { weight: 1, arbitrary: link },
              { weight: 2, arbitrary: below(depth - 1) },
            ),
        8,
      ),
    )
  const chain = fc
    .tuple(fc.array(name, { minLength: 8, maxLength: 40 }), small)
    .map(([names, end]) => names.slice(0, fitting(names)).reduceRight<GeneratedNode>(within, end))
  const sized = fc
    .tuple(
      ...EDGES.map((size) => file(fc.constant(size))),
      file(fc.constantFrom(...LARGE)),
      file(fc.constantFrom(...LARGE)),
    )
    .map((files) => files.map((one, index): [string, GeneratedNode] => [`sized ${index}`, one]))
  return fc.tuple(below(2), below(2), chain, sized).map(([one, two, long, sizes]) => ({
    kind: 'folder',
    mode: 0o755,
    entries: [['one', one], ['two', two], ['long', long], ...sizes],
  }))
}

function within(node: GeneratedNode, name: string): GeneratedNode {
  return { kind: 'folder', mode: 0o755, entries: [[name, node]] }
}

/** How many of the names make a path for which 4,096 bytes are enough, behind that of a temporary folder. */
function fitting(names: readonly string[]): number {
  let bytes = 256
  const over = names.findIndex((name) => (bytes += Buffer.byteLength(name) + 1) > 4096)
  return over === -1 ? names.length : over
}

/** Makes the tree in the folder `root`, which must not exist. */
export function plantGenerated(root: string, tree: GeneratedFolder, limits: Limits): void {
  const [files, folders, links]: [string[], [string, number][], [string, GeneratedLink][]] = [[], [], []]
  const make = (target: string, node: GeneratedNode): void => {
    if (node.kind === 'link') links.push([target, node])
    else if (node.kind === 'file') {
      fs.writeFileSync(target, contentOf(node))
      fs.chmodSync(target, node.mode)
      files.push(target)
    } else {
      fs.mkdirSync(target)
      folders.push([target, node.mode])
      for (const [name, below] of node.entries) make(path.join(target, name), below)
    }
  }
  make(root, tree)
  const targets = limits.anyLinks ? [...files, ...folders.slice(1).map(([target]) => target)] : files
  for (const [target, { to, broken }] of links) {
    const chosen = targets[to % targets.length] ?? root
    const relative = path.relative(path.dirname(target), broken ? path.join(chosen, '..', 'gone') : chosen)
    fs.symlinkSync(relative === '' ? '.' : relative, target)
  }
  for (const [target, mode] of folders) fs.chmodSync(target, mode)
}

function contentOf({ size, content, seed }: GeneratedFile): Buffer {
  if (content === 'zeros' || size === 0) return Buffer.alloc(size)
  if (content === 'text') return Buffer.alloc(size, `line ${seed} of a text that comes again\n`)
  const key = createHash('sha256').update(String(seed)).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** What a program keeps of a tree. */
export interface Kept {
  /** These bits of the modes. */
  modes: number
  /** Links; else what they lead to. */
  links: boolean
  /** How names are composed; else as Unicode's form C has it. */
  composition: boolean
}

/** Everything below `root`: path → kind, mode and SHA-256 of the content or target of a link. */
export function fingerprints(root: string, kept: Kept): Record<string, string> {
  const found: Record<string, string> = {}
  const asKept = (name: string): string => (kept.composition ? name : name.normalize('NFC'))
  const add = (inside: string): void => {
    for (const name of fs.readdirSync(path.join(root, inside))) {
      const below = path.join(inside, name)
      const absolute = path.join(root, below)
      const stats = kept.links ? fs.lstatSync(absolute) : fs.statSync(absolute)
      const mode = (stats.mode & kept.modes).toString(8)
      const key = asKept(below)
      if (stats.isSymbolicLink()) found[key] = `link ${asKept(fs.readlinkSync(absolute))}`
      else if (stats.isFile()) {
        const sha256 = createHash('sha256').update(fs.readFileSync(absolute)).digest('hex')
        found[key] = `file ${mode} ${stats.size} ${sha256}`
      } else {
        found[key] = `folder ${mode}`
        add(below)
      }
    }
  }
  add('')
  return found
}
