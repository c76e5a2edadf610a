import { describe, expect, test } from '@jest/globals'
import { InputReader, problemAt, type Place } from '../../src/input-reader.ts'
import { ACCOUNT_ID, IDENTITY_ID, rawInputs } from '../support/factories.ts'

function reader(value: string, env: Record<string, string> = {}): InputReader {
  return new InputReader(rawInputs({ x: value, customizers: value }, { env }))
}
const messages = ({ problems }: InputReader): string[] => problems.map(({ message }) => message)

test.each([
  ['a value', 'v', 'v'],
  ['surrounding blanks', '  v\n', 'v'],
  ['blanks alone', ' \t', undefined],
  ['nothing', '', undefined],
])('optional: %s', (_, given, expected) => {
  expect(reader(given).optional('x')).toBe(expected)
})

test('required: a missing one is a mistake, unless missing ones are passed over', () => {
  const read = reader('')
  expect(read.required('x')).toBe('')
  expect(read.problems).toEqual([{ input: 'x', message: 'is required and was not given.' }])
  const lenient = reader('')
  lenient.lenient = true
  expect(lenient.required('x')).toBe('')
  expect(lenient.problems).toEqual([])
})

test('a mistake that is noticed twice is told once', () => {
  const read = reader('')
  read.problem('x', 'is wrong.')
  read.problem('x', 'is wrong.')
  read.problem('y', 'is wrong.')
  expect(read.problems.map(({ input }) => input)).toEqual(['x', 'y'])
})

test.each<[string, Place, string, string]>([
  ['in the whole input', { input: 'x' }, '', 'm'],
  ['in a member', { input: 'x', path: '[2]' }, '', '[2]: m'],
  ['in a field of a member', { input: 'x', path: '[2]' }, '.type', '[2].type: m'],
  ['in a field of the whole', { input: 'x' }, '.type', 'type: m'],
])('a mistake %s', (_, place, field, message) => {
  expect(problemAt(place, field, 'm')).toEqual({ input: 'x', message })
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

test.each([
  ['nothing', '', []],
  ['commas', 'a, b ,c', ['a', 'b', 'c']],
  ['lines', 'a\r\n b\n\nc', ['a', 'b', 'c']],
  ['both, and gaps', ',a,,\nb,', ['a', 'b']],
])('list: %s', (_, given, expected) => {
  expect(reader(given).list('x')).toEqual(expected)
})

test('a mistake yields the stand-in value and is kept', () => {
  const read = reader('greeen')
  expect(read.oneOf('x', ['red', 'green'], 'red')).toBe('red')
  expect(read.boolean('x')).toBe(false)
  expect(read.integer('x', 7, '1 to 9', () => true)).toBe(7)
  expect(messages(read)).toEqual([
    "'greeen' is not one of red, green. Did you mean 'green'?",
    "'greeen' is not one of true, false.",
    "'greeen' is not allowed; use 1 to 9.",
  ])
})

test('eachOneOf keeps the words that it knows, in any letter case, and names the others', () => {
  const read = reader('Red, greeen\nblue')
  expect(read.eachOneOf('x', ['red', 'green', 'blue'])).toEqual(['red', 'blue'])
  expect(messages(read)).toEqual(["'greeen' is not one of red, green, blue. Did you mean 'green'?"])
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

test.each([
  ['nothing', '', []],
  ['a name', 'store', []],
  ['an ID', ACCOUNT_ID, []],
  ['a name that breaks the rule', 'Store', ["'Store' is not a valid name: letters."]],
  [
    'an ID of another kind',
    IDENTITY_ID,
    [`'${IDENTITY_ID}' is the ID of a managed identity; give that of a storage account.`],
  ],
])('nameOrId: %s', (_, given, expected) => {
  const read = reader('')
  read.nameOrId('x', given, 'account', /^[a-z]+$/, 'letters')
  expect(messages(read)).toEqual(expected)
})

describe('tags', () => {
  test.each([
    ['nothing', '', {}],
    ['one a line', 'a=1\n  b = two words \n\n', { a: '1', b: 'two words' }],
    ['an equals sign in the value', 'url=https://x/?a=b', { url: 'https://x/?a=b' }],
    ['no value', 'a=', { a: '' }],
    ['blanks in the name', 'cost centre=7', { 'cost centre': '7' }],
    ['CRLF', 'a=1\r\nb=2\r\n', { a: '1', b: '2' }],
    ['the longest value', `a=${'x'.repeat(256)}`, { a: 'x'.repeat(256) }],
    ['the longest name', `${'x'.repeat(512)}=1`, { ['x'.repeat(512)]: '1' }],
  ])('%s', (_, given, expected) => {
    const read = reader(given)
    expect(read.tags('x')).toEqual(expected)
    expect(read.problems).toEqual([])
  })

  const RULE = '1 to 512 characters without <>%&\\?/'
  test.each([
    ['no equals sign', 'owner', "'owner' is not key=value."],
    ['no name', '=web', "'=web' is not key=value."],
    ['a slash', 'a/b=1', `'a/b' is no name of a tag: ${RULE}.`],
    ['a long name', `${'x'.repeat(513)}=1`, `'${'x'.repeat(513)}' is no name of a tag: ${RULE}.`],
    ['a long value', `a=${'x'.repeat(257)}`, "the value of 'a' has 257 characters; 256 are allowed."],
    ['the same twice, as Azure sees it', 'owner=1\nOwner=2', "'Owner' stands there twice."],
  ])('mistake: %s', (_, given, message) => {
    const read = reader(given)
    read.tags('x')
    expect(messages(read)).toEqual([message])
  })
})

describe('a list in ARM form', () => {
  const shell = { type: 'Shell', inline: ['echo hi'] }
  test.each([
    ['YAML', '- type: Shell\n  inline:\n    - echo hi'],
    ['YAML that is indented as a whole', '\n    - type: Shell\n      inline:\n        - echo hi\n'],
    ['JSON', JSON.stringify([shell], null, 2)],
    ['YAML with comments and anchors', '# what\n- &one {type: Shell, inline: [echo hi]} # why'],
  ])('%s', (_, text) => {
    const read = reader(text)
    expect(read.armList('customizers')).toEqual([
      { body: shell, place: { input: 'customizers', path: '[0]' } },
    ])
    expect(read.problems).toEqual([])
  })

  test.each([
    ['nothing', ''],
    ['an empty list', '[]'],
  ])('%s holds nothing', (_, text) => {
    const read = reader(text)
    expect(read.armList('customizers')).toEqual([])
    expect(read.problems).toEqual([])
  })

  test.each([
    ['broken JSON', '[{"type": "Shell"', /^is neither YAML nor JSON: .+\.$/],
    ['broken YAML', '- type: Shell\n inline: []', /^is neither YAML nor JSON: .+\.$/],
    ['a field twice', '- type: Shell\n  type: File', /^is neither YAML nor JSON: .*unique.*\.$/],
    ['an alias of nothing', '- *shell', /^is neither YAML nor JSON: .*alias.*\.$/i],
    ['two documents', '--- []\n--- []', /^is neither YAML nor JSON: .+\.$/],
    ['a text', 'echo hi', /^'echo hi' is not a list\.$/],
    ['comments alone', '# later', /^null is not a list\.$/],
    ['one customizer without a list', 'type: Shell\ninline: [a]', /^an object is not a list\.$/],
    [
      'a mistake in a member',
      '- {type: Shel, inline: [a]}',
      /^\[0\]\.type: 'Shel' is not one of Shell, .*'Shell'\?$/,
    ],
  ])('mistake: %s', (_, text, message) => {
    const read = reader(text)
    expect(read.armList('customizers')).toEqual([])
    expect(messages(read)).toEqual([expect.stringMatching(message)])
  })
})
