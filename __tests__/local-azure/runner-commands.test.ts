import { describe, expect, test } from '@jest/globals'
import {
  LineSplitter,
  Masks,
  maskVariants,
  parseCommand,
  parseCommandFile,
} from '../../local-azure/runner/commands.ts'

describe('command files', () => {
  test.each([
    ['a plain pair', 'a=1\n', [['a', '1']]],
    ['a pair without a line end', 'a=1', [['a', '1']]],
    ['an equals sign and << in the value', 'a=b=c<<d\n', [['a', 'b=c<<d']]],
    ['an empty value', 'a=\n', [['a', '']]],
    [
      'blank lines between',
      '\na=1\n\nb=2\n',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a block', 'a<<END\none\n\ntwo=2\nEND\n', [['a', 'one\n\ntwo=2']]],
    ['an empty block whose end is the last line', 'a<<END\nEND', [['a', '']]],
    ['<< before = as a block', 'a<<E=F\nx\nE=F\n', [['a', 'x']]],
    ['a CR, which stays', 'a=1\r\n', [['a', '1\r']]],
    ['a byte order mark', '\uFEFFa=1\n', [['a', '1']]],
  ])('takes %s', (_, text, pairs) => {
    expect(parseCommandFile(text)).toEqual({ pairs })
  })

  test.each([
    ['a line without either sign', 'a=1\nnonsense\nb=2\n', "Invalid format 'nonsense'"],
    ['an empty name', 'a=1\n=x\n', "Invalid format '=x'"],
    [
      'a block without a delimiter',
      'a=1\nb<<\n',
      "Invalid format 'b<<'. Name must not be empty and delimiter must not be empty",
    ],
    ['a block without an end', 'a=1\nb<<END\nx\n', "Invalid value. Matching delimiter not found 'END'"],
    ['a block that only begins', 'a=1\nb<<END', "Invalid value. Matching delimiter not found 'END'"],
    ['an end glued to the text', 'a=1\nb<<END\nxEND', 'Invalid value. EOF marker missing new line.'],
  ])('stops at %s and keeps what came before', (_, text, error) => {
    expect(parseCommandFile(text)).toEqual({ pairs: [['a', '1']], error })
  })
})

describe('workflow commands', () => {
  const known = (name: string): boolean => ['error', 'set-output', 'add-mask'].includes(name)

  test('takes properties and data, unescaped', () => {
    expect(parseCommand('::error file=a%2Cb,line=3,title=50%25 %3A%0A::50%25%0D%0Aof%3A', known)).toEqual({
      name: 'error',
      properties: { file: 'a,b', line: '3', title: '50% :\n' },
      data: '50%\r\nof%3A',
    })
  })

  test('an escaped escape stays an escape', () => {
    expect(parseCommand('::error::%250A', known)?.data).toBe('%0A')
  })

  test.each(['  \t::error::x', '::ERROR::x', 'build: ##[error]x', 'a ##[error file=f;line=1]x'])(
    '%j is one',
    (line) => {
      expect(parseCommand(line, known)).toMatchObject({ name: 'error', data: 'x' })
    },
  )

  test('the old form has escapes of its own', () => {
    expect(parseCommand('##[set-output name=a%5D%3Bb;]c%3Bd%2C', known)).toEqual({
      name: 'set-output',
      properties: { name: 'a];b' },
      data: 'c;d%2C',
    })
  })

  test.each([
    'x ::error::y',
    '::error',
    '::unknown::x',
    '::constructor::x',
    '##[unknown]x',
    'error::x::',
    '',
  ])('%j is text', (line) => {
    expect(parseCommand(line, known)).toBeUndefined()
  })
})

describe('lines', () => {
  test('LF, CRLF and a lone CR end one, wherever the pieces part', () => {
    const text = 'a\nb\r\nc\rd\r\n\r\n\ne'
    for (let size = 1; size <= text.length; size++) {
      const splitter = new LineSplitter()
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      const lines = [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()]
      expect(lines).toEqual(['a', 'b', 'c', 'd', '', '', 'e'])
    }
  })
})

describe('masks', () => {
  const secret = `p&s "q'u"<>/é+${'x'.repeat(3)}`
  const masked = (value: string, text: string): string => {
    const masks = new Masks()
    masks.add(value)
    return masks.apply(text)
  }

  test.each([
    ['itself', secret],
    ['base64', Buffer.from(secret).toString('base64')],
    ['base64 without its first byte', Buffer.from(secret).subarray(1).toString('base64')],
    ['base64 without its first two bytes', Buffer.from(secret).subarray(2).toString('base64')],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['URI', 'p%26s%20%22q%27u%22%3C%3E%2F%C3%A9%2Bxxx'],
    ['XML', 'p&amp;s &quot;q&apos;u&quot;&lt;&gt;/é+xxx'],
    ['doubled single quotes', secret.replaceAll("'", "''")],
    ['backslashed double quotes', secret.replaceAll('"', '\\"')],
  ])('cover a value as %s', (_, written) => {
    expect(masked(secret, `a ${written} b`)).toBe('a *** b')
  })

  test('cover a value without its outer quotes, when it is long', () => {
    expect(maskVariants('"12345678"')).toContain('12345678')
    expect(maskVariants('"123"')).not.toContain('123')
  })

  test('cover the parts that PowerShell prints', () => {
    expect(maskVariants('secret1&secret2&secret3')).toEqual(
      expect.arrayContaining(['secret1&secret2&', 'secret3']),
    )
    expect(maskVariants('secret1&+secret2')).toEqual(expect.arrayContaining(['secret1&+', 'ecret2']))
    expect(maskVariants('a&b')).not.toContain('a&')
  })

  test('cover each line of a value, trimmed', () => {
    expect(masked('{\n  "key": 1\n}', 'x "key": 1 {')).toBe('x *** ***')
  })

  test('know case, are as short as they are given, and not blank', () => {
    expect(masked('Abc', 'abc Abc')).toBe('abc ***')
    expect(masked('x', 'axb')).toBe('a***b')
    expect(masked('  ', 'a  b')).toBe('a  b')
  })

  test('become one where they overlap or touch', () => {
    const masks = new Masks()
    masks.add('aba')
    masks.add('cde')
    expect(masks.apply('xababay abacde')).toBe('x***y ***')
  })
})
