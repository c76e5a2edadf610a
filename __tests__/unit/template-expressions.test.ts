import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { evaluateText, ExpressionError } from '../../src/template-expressions.ts'
import { FUNCTIONS } from '../../src/template-functions.ts'

const evaluate = (text: string): unknown => evaluateText(text, FUNCTIONS)

/** The reason why `text` cannot be evaluated. */
function reason(text: string): string {
  try {
    evaluate(text)
  } catch (error) {
    if (error instanceof ExpressionError) return error.message
    throw error
  }
  throw new Error(`${text} can be evaluated.`)
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
const json = (value: unknown): string => `json(${quoted(JSON.stringify(value))})`

describe('strings', () => {
  test.each([
    ['a plain text', 'web-01', 'web-01'],
    ['an expression', "['web']", 'web'],
    ['an escaped bracket', '[[test value]', '[test value]'],
    ['a bracket that is not closed at the end', '[test] value', '[test] value'],
    ['a shell test that only looks escaped', '[[ -f /a ]] && echo', '[[ -f /a ]] && echo'],
    ['a bracket in the middle', 'a[b]', 'a[b]'],
    ['blanks within an expression', "[ concat ( 'a' ,\n 'b' ) ]", 'ab'],
    ['a quote within a text', "['it''s']", "it's"],
    ['brackets and commas within a text', "[concat('a]', '(,')]", 'a](,'],
  ])('%s', (_, text, value) => {
    expect(evaluate(text)).toBe(value)
  })
})

describe('evaluates', () => {
  const cases: [string, unknown][] = [
    ['-3', -3],
    ["CONCAT('a', 'b')", 'ab'],
    ["createObject('a', createObject('b', createArray(1, 'x'))).a.B[1]", 'x'],
    ["createObject('a b', 1)['a b']", 1],
    ['createArray(7, 8)[sub(2, 1)]', 8],
    ["concat('a', 1, true())", 'a1True'],
    ['concat(createArray(1), createArray(2, createArray(3)))', [1, 2, [3]]],
    ["format('{0} {{0}} {1}{0}', 'a', 5)", 'a {0} 5a'],
    ["format('{{{0}{{0}}{1}}}', 123, true())", '{123{0}True}'],
    ["toLower('AbC')", 'abc'],
    ["toUpper('AbC')", 'ABC'],
    ["trim('  a b ')", 'a b'],
    ["replace('1-1-1', '-', '$&')", '1$&1$&1'],
    ["substring('one two', 4, 2)", 'tw'],
    ["substring('one two', 4)", 'two'],
    ["split('a,b;c', createArray(',', ';'))", ['a', 'b', 'c']],
    ["split('a,b', ',')", ['a', 'b']],
    ["split('ab', '')", ['ab']],
    ["join(createArray('a', 1), '-')", 'a-1'],
    ["startsWith('abcdef', 'AB')", true],
    ["startsWith('abcdef', 'b')", false],
    ["endsWith('abcdef', 'EF')", true],
    ["endsWith('abcdef', 'e')", false],
    ["indexOf('Test', 't')", 0],
    ["lastIndexOf('Test', 'T')", 3],
    ["indexOf('abcdef', 'z')", -1],
    ["padLeft('123', 10, '0')", '0000000123'],
    ['padLeft(5, 3)', '  5'],
    ["padLeft('long', 2)", 'long'],
    ["string(createObject('valueA', 10))", '{"valueA":10}'],
    ['string(false())', 'False'],
    ["int('4')", 4],
    ["bool('TRUE')", true],
    ['bool(0)', false],
    ["float('3.5')", 3.5],
    [`json('{"a": [1, null]}')`, { a: [1, null] }],
    ["json('null')", null],
    ["base64('one, two, three')", 'b25lLCB0d28sIHRocmVl'],
    ["base64ToString('b25lLCB0d28sIHRocmVl')", 'one, two, three'],
    [`base64ToJson(base64('{"a": 1}'))`, { a: 1 }],
    ["uri('http://contoso.org/firstpath', 'myscript.sh')", 'http://contoso.org/myscript.sh'],
    ["uri('http://contoso.org/firstpath/', 'myscript.sh')", 'http://contoso.org/firstpath/myscript.sh'],
    ["uriComponent('http://a.b/c d(1)')", 'http%3A%2F%2Fa.b%2Fc%20d%281%29'],
    ["uriComponentToString('a%2Fb')", 'a/b'],
    ["length('abc')", 3],
    ['length(createArray(1, 2))', 2],
    ["length(createObject('a', 1))", 1],
    ["empty('')", true],
    ['empty(null())', true],
    ["empty(createObject('a', 1))", false],
    ["contains('OneTwo', 'one')", false],
    ["contains('OneTwo', 'eT')", true],
    ["contains(createObject('One', 1), 'one')", true],
    ["contains(createArray('a', 1), 1)", true],
    ["contains(createArray('1'), 1)", false],
    ["first('abc')", 'a'],
    ["first(createArray('x', 'y'))", 'x'],
    ['first(createArray())', null],
    ["last('abc')", 'c'],
    ["last(createArray('x', 'y'))", 'y'],
    ["take('one two', 2)", 'on'],
    ['take(createArray(1, 2), 5)', [1, 2]],
    ["take('one', -1)", ''],
    ["skip('one two', 4)", 'two'],
    ['skip(createArray(1, 2), -1)', [1, 2]],
    ['range(5, 3)', [5, 6, 7]],
    ["array('a')", ['a']],
    ['array(createArray(1))', [1]],
    ['createArray()', []],
    [`length(createArray(${Array(300).fill('null()').join()}))`, 300],
    ['createObject()', {}],
    ['union(createArray(1, 2), createArray(2, 3))', [1, 2, 3]],
    [
      `union(${json({ deep: { one: 'a', three: 'c1' }, list: [1, 2] })}, ${json({ deep: { three: 'c2' }, list: [3] })})`,
      { deep: { one: 'a', three: 'c2' }, list: [3] },
    ],
    ["intersection(createArray('a', 'b', 'c'), createArray('b', 'c', 'd'))", ['b', 'c']],
    [`intersection(${json({ one: 'a', two: 'b' })}, ${json({ one: 'a', two: 'z' })})`, { one: 'a' }],
    ["coalesce(null(), json('null'), 'x', 'y')", 'x'],
    ['coalesce(null())', null],
    ["if(equals(1, 1), 'yes', div(1, 0))", 'yes'],
    ["if(false(), reference('x'), 'no')", 'no'],
    ['and(true(), true(), false())', false],
    ['or(false(), false(), true())', true],
    ['not(true())', false],
    [`equals(${json({ a: 1, b: [2] })}, ${json({ b: [2], a: 1 })})`, true],
    [`equals(${json([['a', 1]])}, ${json({ a: 1 })})`, false],
    ["equals('a', 'A')", false],
    ['less(1, 2)', true],
    ["less('A', 'a')", false],
    ["greater('A', 'a')", true],
    ['greater(2, 2)', false],
    ['lessOrEquals(2, 2)', true],
    ['greaterOrEquals(1, 2)', false],
    ['add(5, 3)', 8],
    ['sub(5, 7)', -2],
    ['mul(5, -3)', -15],
    ['div(8, 3)', 2],
    ['div(-8, 3)', -2],
    ['mod(7, 3)', 1],
    ['mod(-7, 3)', -1],
    ['min(3, 1, 2)', 1],
    ['max(createArray(3, 1, 5))', 5],
    [
      `items(${json({ item2: 'b', item1: 'a' })})`,
      [
        { key: 'item1', value: 'a' },
        { key: 'item2', value: 'b' },
      ],
    ],
    [`tryGet(${json({ a: { b: [9] } })}, 'a', 'b', 0)`, 9],
    [`tryGet(${json({ a: 1 })}, 'x', 'b')`, null],
    ['tryGet(createArray(1), 1)', null],
    ['tryGet(null(), 1)', null],
  ]
  test.each(cases)('%s', (expression, value) => {
    expect(evaluate(`[${expression}]`)).toEqual(value)
  })

  test('every function of the table stands in a case above', () => {
    const texts = cases.map(([expression]) => expression.toLowerCase()).join(' ')
    const untested = Object.keys(FUNCTIONS).filter((name) => !texts.includes(`${name.toLowerCase()}(`))
    expect(untested).toEqual([])
  })
})

describe('refuses', () => {
  const cases: [string, string][] = [
    ['', 'a function, a number or a text in single quotes is expected where the end stands'],
    ["concat('a'", "')' is expected where the end stands"],
    ["concat('a' 'b')", `')' is expected where "'b'" at character 13 stands`],
    ["concat('a'))", 'the end is expected where ")" at character 13 stands'],
    ["concat('a)", 'a text in single quotes is not closed'],
    ['concat("a")', 'texts stand in single quotes, not in double ones'],
    ['1 + 2', "the character '+' means nothing there"],
    ['true', "'true' is not a call: write true(), or 'true' in quotes for a text"],
    ["contact('a')", "there is no function contact(). Did you mean 'concat'?"],
    ["refrence('a')", "there is no function refrence(). Did you mean 'reference'?"],
    ["reference('a')", 'reference() is known to Azure alone, while it deploys: write the value, or set'],
    ["listKeys('a', 'b')", 'listKeys() is known to Azure alone: write the value'],
    ['NEWGUID()', 'NEWGUID() gives another value each time: write the value'],
    ['utcNow()', 'utcNow() gives another value each time'],
    ["uniqueString('a')", 'uniqueString() is a hash that Azure does not publish'],
    ['copyIndex()', 'copyIndex() belongs to a copy loop'],
    ["map(createArray(1), lambda('x', 1))", 'map() is not supported here'],
    ["contoso.name('a')", "contoso.name() is a function of the template's own"],
    ['base64()', 'wrong number of arguments for base64(): 0 instead of 1'],
    ["substring('a')", 'wrong number of arguments for substring(): 1 instead of 2 to 3'],
    ['union(createArray())', 'wrong number of arguments for union(): 1 instead of 2 or more'],
    ['toLower(1)', 'argument 1 of toLower() must be string, not int'],
    ["add(1, '2')", 'argument 2 of add() must be int, not string'],
    ['add(1, 2.5)', 'argument 2 of add() must be int, not float'],
    ["and(true(), true(), 'x')", 'argument 3 of and() must be bool, not string'],
    ['toLower(null())', 'argument 1 of toLower() must be string, not null'],
    ['div(1, 0)', 'it divides by 0'],
    ['mod(1, 0)', 'it divides by 0'],
    ["int('x')", "'x' is not a whole number"],
    ["bool('yes')", "'yes' is not true or false"],
    ["json('{')", 'json() fails: '],
    ["base64ToString('%')", "'%' is not base64"],
    ["uri('nowhere', 'x')", 'uri() fails: '],
    ["uriComponentToString('%zz')", 'uriComponentToString() fails: '],
    ["concat('a', createArray())", 'concat() joins texts or arrays, not both'],
    ['union(createArray(), createObject())', 'union() joins arrays or objects, not both'],
    ["format('{1}', 'a')", 'format() has no value for {1}'],
    ["format('{0:N0}', 1)", "format() does not understand '{0:N0}' here"],
    ["format('{', 1)", "format() does not understand '{' here"],
    ["substring('abc', 1, 5)", "5 characters from 1 are not within 'abc'"],
    ["substring('abc', -1)", "are not within 'abc'"],
    ["replace('a', '', 'b')", 'replace() cannot replace an empty text'],
    ["padLeft('a', 3, '00')", 'padLeft() pads with one character'],
    ['range(0, 10001)', 'range() makes 0 to 10000 numbers'],
    ["createObject('a')", 'createObject() takes pairs of a name and a value'],
    ['createObject(1, 2)', 'a name in createObject() is not text'],
    ['min(createArray())', 'exist of whole numbers alone'],
    ["less(1, 'a')", 'a text is compared with a number'],
    ["createObject('sku', 1).skew", "there is no property 'skew', only: sku. Did you mean 'sku'?"],
    ["tryGet(createObject('a', createObject()), 'a', 'b')", "there is no property 'b'"],
    ["concat('a').b", "string has no property 'b'"],
    ["concat('a')[0]", "string has no index '0'"],
    ['null().a', "null has no property 'a'"],
    ['createArray(1)[1]', 'index 1 is out of range: the array has 1 elements'],
    ['createArray(1)[-1]', 'index -1 is out of range'],
    ['createObject().constructor', "there is no property 'constructor', only: none."],
    ['not('.repeat(201), 'it is nested more than 200 levels deep'],
    [`'${'x'.repeat(24_576)}'`, 'it is longer than 24576 characters'],
  ]
  test.each(cases)('%s', (expression, message) => {
    expect(reason(`[${expression}]`)).toContain(message)
  })
})

describe('of any input', () => {
  test('a text quoted by the rules of the language is itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(evaluate(`[${quoted(text)}]`)).toBe(text)
      }),
    )
  })

  test('a JSON value quoted into json() is itself', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(evaluate(`[json(${quoted(text)})]`)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('nothing but the error of the language is thrown', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '(',
        ')',
        '[',
        ']',
        ',',
        '.',
        "'",
        "'a'",
        '0',
        '-1',
        '1.5',
        ' ',
        ...Object.keys(FUNCTIONS),
      ),
      fc.constantFrom(
        'createArray()',
        "createObject('a', 1)",
        'null()',
        "'{0'",
        "'%'",
        '99999999999999999999',
      ),
      fc.string({ maxLength: 3 }),
    )
    const call = fc
      .tuple(fc.constantFrom(...Object.keys(FUNCTIONS)), fc.array(piece, { maxLength: 4 }))
      .map(([name, args]) => `${name}(${args.join(',')})`)
    const source = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      call,
    )
    fc.assert(
      fc.property(source, (text) => {
        try {
          evaluate(`[${text}]`)
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
