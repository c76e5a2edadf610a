/** What changed since the last build: the record is small, says the truth, and is never trusted. */
import { describe, expect, test } from '@jest/globals'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { keyTemplate } from '../../src/build-key.ts'
import { changesSince, partsIn, partsTags, type ContentLine, type KeyParts } from '../../src/key-parts.ts'
import { findings, newBuild, WORKSPACE } from '../support/factories.ts'

const template = (inputs: Record<string, string> = {}): KeyParts['template'] =>
  keyTemplate(newBuild(inputs), findings(), '', { workspace: WORKSPACE, version: '1.0.0' })
const parts = (content: ContentLine[], inputs: Record<string, string> = {}): KeyParts => ({
  template: template(inputs),
  content,
})

/** What a later build reads from an earlier one's tags. */
function changes(before: KeyParts, now: KeyParts) {
  const record = partsIn(partsTags(before))
  if (!record) throw new Error('There is no record.')
  return changesSince(record, now)
}

/** As a record packs its names. */
function record(text: string): string {
  const names = deflateRawSync(text)
  return Buffer.concat([Buffer.from([names.length >> 8, names.length & 255]), names]).toString('base64url')
}

const NONE = { template: [], added: [], removed: [], changed: [] }

describe('what changed', () => {
  const files: ContentLine[] = [
    ['app/a.txt', 'A', 0o644],
    ['app/b.txt', 'B', 0o644],
    ['run.sh', 'R', 0o755],
  ]

  test('is nothing for the same', () => {
    expect(changes(parts(files), parts(files))).toEqual(NONE)
  })

  test('is told of files by their names', () => {
    const now: ContentLine[] = [
      ['app/a.txt', 'other', 0o644],
      ['app/c.txt', 'B', 0o644],
      ['run.sh', 'R', 0o644],
    ]
    expect(changes(parts(files), parts(now))).toEqual({
      template: [],
      added: ['app/c.txt'],
      removed: ['app/b.txt'],
      changed: ['app/a.txt', 'run.sh'],
    })
  })

  test('is told of the template by customizers and properties', () => {
    const inputs = { 'inline-script': 'true', 'vm-size': 'Standard_D4s_v5' }
    const now = { 'inline-script': 'false', 'vm-size': 'Standard_D2s_v5', 'optimize-vm-boot': 'true' }
    expect(changes(parts([], inputs), parts([], now)).template).toEqual([
      'customizer 3 (aib-action: inline script)',
      'optimize',
      'vmProfile',
    ])
  })

  test('of a template without one that it had', () => {
    const { template: names } = changes(parts([], { 'inline-script': 'true' }), parts([]))
    expect(names).toEqual(['customizer 3 (aib-action: inline script)'])
  })
})

describe('the record', () => {
  const many = (count: number): ContentLine[] =>
    Array.from({ length: count }, (_, index): ContentLine => [
      `src/part${index % 7}/dir${index % 50}/file${index}.ts`,
      `${index}`,
      0o644,
    ])

  const withOneChanged = (files: readonly ContentLine[]): ContentLine[] =>
    files.map(([name, what, mode], index) => [name, index === 42 ? 'other' : what, mode])

  test('of a hundred files names each', () => {
    const files = many(80)
    expect(changes(parts(files), parts(withOneChanged(files))).changed).toEqual([files[42]?.[0]])
  })

  test('of forty thousand names the folders that they are in', () => {
    const files = many(40_000)
    const { changed } = changes(parts(files), parts(withOneChanged(files)))
    expect(changed).toEqual(['src/part0/'])
  })

  test('has at most four tags of 256 characters, and tells what changed of any two trees', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'lib', 'näme', 'x y', '__proto__'), { minLength: 1, maxLength: 4 })
      .map((all) => all.join('/'))
    const tree = fc.uniqueArray(fc.tuple(name, fc.constantFrom('1', '2'), fc.constantFrom(0o644, 0o755)), {
      maxLength: 60,
      selector: ([path]) => path,
    })
    fc.assert(
      fc.property(tree, tree, (before, now) => {
        const tags = partsTags(parts(before))
        expect(Object.keys(tags).length).toBeLessThanOrEqual(4)
        expect(Object.values(tags).every((value) => value.length <= 256)).toBe(true)
        const { added, removed, changed } = changes(parts(before), parts(now))
        const same = JSON.stringify(before.toSorted()) === JSON.stringify(now.toSorted())
        if (same) expect([added, removed, changed]).toEqual([[], [], []])
        const names = (all: ContentLine[]): Set<string> => new Set(all.map(([path]) => path))
        for (const path of added.filter((one) => !one.endsWith('/'))) {
          expect(names(now).has(path) && !names(before).has(path)).toBe(true)
        }
        for (const path of removed.filter((one) => !one.endsWith('/')))
          expect(names(before).has(path)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test.each<[string, Record<string, string>]>([
    ['absent', {}],
    ['no record', { 'build-parts-1': 'hello' }],
    ['another form', { 'build-parts-1': record('{"a":1}') }],
    ['a bomb', { 'build-parts-1': record('[0,[],[]'.padEnd(10_000_000, ' ')) }],
  ])('that is %s is none', (_, tags) => {
    expect(partsIn(tags)).toBeUndefined()
  })

  test('is found whatever the letter case of its tags', () => {
    const tags = Object.entries(partsTags(parts([]))).map(([name, value]) => [name.toUpperCase(), value])
    expect(partsIn(Object.fromEntries(tags) as Record<string, string>)).toBeDefined()
  })
})
