import { describe, expect, test } from '@jest/globals'
import { WholeLog } from '../../src/whole-log.ts'

const said = (...texts: string[]): string[] => texts.map((text) => `[0a] PACKER     azure-arm: ${text}`)

/** Reads a log in pieces of a few bytes; gives what is kept. */
async function read(log: WholeLog, text: string, piece = 7): Promise<string> {
  const bytes = Buffer.from(text)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += piece)
      yield await Promise.resolve(bytes.subarray(at, at + piece))
  }
  let kept = ''
  for await (const part of log.through(pieces())) kept += part
  return kept
}

const same = (line: string): string => line

test.each(['a\nb\n', 'a\r\nbé\r\n', 'a\nb', '\n\n', '', 'ünïcödé ☃ line\nnext\n'])(
  '%j is kept as it is',
  async (text) => {
    for (const piece of [1, 2, 3, 100]) expect(await read(new WholeLog([], same), text, piece)).toBe(text)
  },
)

test('secrets are taken out, wherever the pieces are cut', async () => {
  const log = new WholeLog([], (line) => line.replaceAll('s3cret', '***'))
  expect(await read(log, 'the s3cret\nis s3cret', 3)).toBe('the ***\nis ***')
  expect(log.rest).toEqual(['the ***', 'is ***'])
})

describe('what is left to print', () => {
  test.each<[string, string[], string[], string[], boolean]>([
    ['all, when nothing was printed', [], ['a', 'b'], ['a', 'b'], false],
    ['what follows', ['a', 'b'], ['a', 'b', 'c', 'd'], ['c', 'd'], true],
    ['nothing', ['a', 'b'], ['a', 'b'], [], true],
    ['what follows the last such place', ['a', 'b'], ['a', 'b', 'x', 'a', 'b', 'c'], ['c'], true],
    ['all, when what was printed is not in it', ['other', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c'], false],
  ])('%s', async (_, printed, lines, rest, continues) => {
    const log = new WholeLog(said(...printed), same)
    await read(log, `${said(...lines).join('\n')}\n`, 50)
    expect(log.rest).toEqual(said(...rest))
    expect(log.continues).toBe(continues)
  })
})

test('a long log is read with a bounded number of lines in hand', async () => {
  const chunk = Buffer.from(
    `${said(...Array.from({ length: 1000 }, (_, i) => `line ${i} ${'x'.repeat(80)}`)).join('\n')}\n`,
  )
  const log = new WholeLog([], same)
  async function* large(): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < 5 * 1024 * 1024; sent += chunk.length) yield await Promise.resolve(chunk)
  }
  let bytes = 0
  for await (const part of log.through(large())) bytes += part.length
  expect(bytes).toBeGreaterThanOrEqual(5 * 1024 * 1024)
  expect(log.rest.length).toBeLessThanOrEqual(10_000)
  expect(log.reading.lines).toBe(Math.round(bytes / chunk.length) * 1000)
})
