/** The catalogue itself, and that the diagnosis finds each of its entries, and not where there is none. */
import { describe, expect, test } from '@jest/globals'
import { diagnose, LOG_MARKS } from '../../src/diagnosis.ts'
import { FAILURES } from '../../src/failures.ts'
import { SCRIPT_FAILURES } from '../../src/failures/script.ts'
import { PackerLog } from '../../src/packer-log.ts'
import { complains, ended, FAILED_2023, fails, idOf, of2020, says } from '../support/failed-builds.ts'
import { SAMPLES } from '../support/failure-samples.ts'
import { DECOYS, LOOK_ALIKES } from '../support/look-alikes.ts'

describe('a failure is recognised', () => {
  test.each(SAMPLES)('$id: $name', (sample) => {
    expect(idOf(sample)).toBe(sample.id)
  })

  test('and every entry of the catalogue by one of these', () => {
    const reached = new Set(SAMPLES.map(idOf))
    expect([...reached].sort()).toEqual(FAILURES.map(({ id }) => id).sort())
  })
})

describe('what looks like a failure of the catalogue and is none', () => {
  test.each(LOOK_ALIKES)('$name', (sample) => {
    expect(idOf(sample)).toBe(sample.id)
  })

  test('is tried in more than sixty ways, each once', () => {
    const names = new Set(LOOK_ALIKES.map(({ name }) => name.replace(/, as (?:until|since) \d+$/, '')))
    expect(names.size).toBeGreaterThan(60)
    expect(new Set(LOOK_ALIKES.map(({ name }) => name)).size).toBe(LOOK_ALIKES.length)
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'QuotaExceeded'],
    ['a thing without a prototype', Object.create(null)],
    ['a thing that looks like an error', { name: 'AzureError', code: 'AuthorizationFailed', status: 403 }],
  ])('%s is nothing known', (_, error) => {
    expect(idOf({ error })).toBe('unknown')
  })
})

describe('the log explains why Packer failed, and nothing else', () => {
  const logs = SAMPLES.filter(({ log }) => log !== undefined)
  test.each(logs)('no run that failed for another reason: $id, $name', ({ log = [] }) => {
    expect(idOf({ error: ended('Something new.'), log })).toBe('unknown')
  })

  const ofScripts = logs.filter(({ id }) => SCRIPT_FAILURES.some((failure) => failure.id === id))
  test.each(ofScripts)('no script without Packer’s last word on it: $id, $name', ({ log = [] }) => {
    const cut = log.filter((line) => !/Build 'azure-arm' errored|--> azure-arm/.test(line))
    expect(idOf({ error: ended(FAILED_2023), log: cut })).toBe('packer-build-failed')
  })
})

test.each(DECOYS.filter(({ log }) => log))('beside a decoy the real error counts: $name', ({ log = [] }) => {
  const real = of2020(fails('shell', 100, ...complains('E: Unable to locate package ngnix')))
  expect(idOf({ error: ended(FAILED_2023), log: [...log, ...real] })).toBe('package-not-found')
})

describe('the catalogue', () => {
  test('has identifiers of words with hyphens between, each once', () => {
    const ids = FAILURES.map(({ id }) => id)
    expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*$/.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('has titles of one short line, each once', () => {
    const titles = FAILURES.map(({ title }) => title)
    expect(titles.filter((title) => !/^\S.{5,80}[^.\s]$/.test(title))).toEqual([])
    expect(new Set(titles).size).toBe(titles.length)
  })

  test.each(FAILURES.filter(({ id }) => id !== 'unknown'))(
    '$id says where it shows, in which words, why and what to do',
    (failure) => {
      const { shows, words, cause, remedy, link } = failure
      expect(shows).not.toEqual([])
      expect(words).not.toEqual([])
      expect(cause).toMatch(/^\S.{20,}\.$/)
      expect(remedy).toMatch(/^\S.{20,}/)
      expect(link).toMatch(
        /^https:\/\/(?:learn\.microsoft\.com|docs\.github\.com)\/[\w./-]+(?:#[a-z0-9-]+)?$/,
      )
    },
  )

  /** What is known of a build without its failure. */
  const OF_THE_BUILD = ['template', 'image', 'step']
  test.each(FAILURES)('$id asks for no fact that nothing tells', ({ cause, remedy, marks }) => {
    const asked = [...`${cause}${remedy}`.matchAll(/\{([a-z]\w*)\}/gi)].map(([, name]) => name ?? '')
    const told = marks.flatMap(({ facts = {}, log = [], text, reason, output }) => {
      const patterns = [text, reason, output, ...log.map(({ line }) => line)]
      const groups = patterns.flatMap((pattern) => [...(pattern?.source ?? '').matchAll(/\(\?<(\w+)>/g)])
      return [...groups.map(([, name]) => name ?? ''), ...Object.keys(facts)]
    })
    expect(asked.filter((name) => ![...told, ...OF_THE_BUILD].includes(name))).toEqual([])
  })

  test('claims no cause where none is certain', () => {
    expect(FAILURES.at(-1)).toMatchObject({ id: 'unknown', cause: '' })
    expect(FAILURES.filter(({ cause }) => cause === '')).toHaveLength(1)
  })

  test('has patterns that can be used again and again', () => {
    const marks = FAILURES.flatMap((failure) =>
      failure.marks.flatMap((one) => Object.values(one) as unknown[]),
    )
    const patterns = [...marks, ...LOG_MARKS].filter((one) => one instanceof RegExp)
    expect(patterns.length).toBeGreaterThan(LOG_MARKS.length)
    expect(patterns.filter((one) => one.global || one.sticky)).toEqual([])
  })
})

test('a log of 12 MB is judged in a moment', () => {
  const log = new PackerLog(LOG_MARKS)
  const [line = ''] = of2020(says(`IMAGE_STATE_UNDEPLOYABLE, ${'x'.repeat(40)}`))
  for (let i = 0; i < 100_000; i += 1) log.take(line)
  for (const last of of2020(fails('shell', 1))) log.take(last)
  expect(diagnose(ended(FAILED_2023), log.reading).failure.id).toBe('customizer-failed')
}, 30_000)
