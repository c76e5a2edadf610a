import { expect, test } from '@jest/globals'
import { InputReader } from '../../src/input-reader.ts'
import { rawInputs } from '../support/factories.ts'

function reader(value: string, env: Record<string, string> = {}): InputReader {
  return new InputReader(rawInputs({ x: value }, { env }))
}

test.each([
  ['a value', 'v', 'v'],
  ['surrounding blanks', '  v\n', 'v'],
  ['blanks alone', ' \t', undefined],
  ['nothing', '', undefined],
])('optional: %s', (_, given, expected) => {
  expect(reader(given).optional('x')).toBe(expected)
})

test.each([
  ['the input first', 'input', { X: 'variable' }, 'input'],
  ['then the variable, trimmed', '', { X: ' variable ' }, 'variable'],
  ['a blank variable is absent', '', { X: ' ' }, undefined],
  ['no variable', '', {}, undefined],
])('orEnvironment: %s', (_, given, env, expected) => {
  expect(reader(given, env as Record<string, string>).orEnvironment('x', 'X')).toBe(expected)
})

test.each([
  ['nothing', '', []],
  ['blank lines alone', '\n  \n\t\n', []],
  ['one line', 'a', ['a']],
  ['indentation of the first line', '  a\n    b', ['  a', '    b']],
  ['CRLF', 'a\r\nb\r\n', ['a', 'b']],
])('lines: %s', (_, given, expected) => {
  expect(reader(given).lines('x')).toEqual(expected)
})

test('a mistake yields the stand-in value and is kept', () => {
  const read = reader('greeen')
  expect(read.oneOf('x', ['red', 'green'], 'red')).toBe('red')
  expect(read.boolean('x')).toBe(false)
  expect(read.integer('x', 7, '1 to 9', () => true)).toBe(7)
  expect(read.problems.map(({ message }) => message)).toEqual([
    "'greeen' is not one of red, green. Did you mean 'green'?",
    "'greeen' is not one of true, false.",
    "'greeen' is not allowed; use 1 to 9.",
  ])
})

test.each([
  ['https://management.azure.com', 0],
  ['HTTPS://x', 0],
  ['http://x', 1],
  ['management.azure.com', 1],
  ['https://', 1],
])('url: %s', (url, mistakes) => {
  const read = reader('')
  read.url('x', url)
  expect(read.problems).toHaveLength(mistakes)
})

test.each([
  ['11111111-2222-3333-4444-555555555555', 0],
  ['AAAAAAAA-bbbb-CCCC-dddd-eeeeeeeeeeee', 0],
  ['11111111222233334444555555555555', 1],
  ['g1111111-2222-3333-4444-555555555555', 1],
])('guid: %s', (guid, mistakes) => {
  const read = reader('')
  read.guid('x', guid)
  expect(read.problems).toHaveLength(mistakes)
})
