/** Finding the step in a workflow: the right line, or none. */
import { describe, expect, test } from '@jest/globals'
import { findStep, type StepPlace, type WorkflowFile } from '../../src/workflow-file.ts'

const MAIN = '.github/workflows/image.yml'

/** Finds a step in one file; `inputs` are what the action got, others empty. */
function find(text: string, inputs: Record<string, string>, job = 'image'): StepPlace | undefined {
  return findStep([{ path: MAIN, text }], job, inputs)
}

/** Number of the one line that ends with `mark`. */
function lineOf(text: string, mark: string): number {
  const lines = text.split(/\r?\n/)
  const found = lines.filter((line) => line.trimEnd().endsWith(mark))
  expect({ mark, found }).toEqual({ mark, found: [expect.any(String)] })
  return lines.findIndex((line) => line.trimEnd().endsWith(mark)) + 1
}

const SCRIPT = 'set -eu\n\nsudo apt-get update\nmake install # here\n'
const INPUTS = { 'inline-script': SCRIPT, 'source-image': 'Ubuntu2404', 'template-name': '' }

const PLAIN = `on: push
jobs:
  image:
    runs-on: ubuntu-latest
    timeout-minutes: 90
    steps:
      - uses: actions/checkout@v6
        with: { fetch-depth: 0 }
      - run: make with
      - name: Build # the step
        uses: org/aib-action@v1
        timeout-minutes: 60
        with:
          source-image: Ubuntu2404
          inline-script: |
            set -eu

            sudo apt-get update
            make install # here
`

describe('the step', () => {
  test('is found with its script and time limit', () => {
    const place = find(PLAIN, INPUTS)
    expect(place).toMatchObject({ file: MAIN, line: lineOf(PLAIN, '# the step'), timeoutMinutes: 60 })
    expect(place?.lineOf('inline-script', 4)).toBe(lineOf(PLAIN, '# here'))
    expect(place?.lineOf('inline-script', 1)).toBe(lineOf(PLAIN, '            set -eu'))
  })

  test.each<[string, string, Record<string, string>]>([
    ['keys in another case', PLAIN.replace('inline-script:', 'Inline-Script:'), INPUTS],
    ['Windows line breaks in the file', PLAIN.replaceAll('\n', '\r\n'), INPUTS],
    [
      'Windows line breaks in the input',
      PLAIN,
      { ...INPUTS, 'inline-script': SCRIPT.replaceAll('\n', '\r\n') },
    ],
    ['blank lines around the input', PLAIN, { ...INPUTS, 'inline-script': `\n${SCRIPT}\n\n` }],
    ['an expression in another input', PLAIN.replace('Ubuntu2404', '${{ matrix.image }}'), INPUTS],
    [
      'an expression in a text around it',
      PLAIN.replace('Ubuntu2404', "Ubuntu${{ format('{0}}}', 24) }}04"),
      INPUTS,
    ],
    ['a step that is called by a path', PLAIN.replace('org/aib-action@v1', './'), INPUTS],
    [
      'inputs in a flow map',
      PLAIN.replace(/with:\n {10}(.*)\n[^]*/, 'with: { $1 }'),
      { 'source-image': 'Ubuntu2404' },
    ],
    [
      'the same script in another job',
      `${PLAIN}  other:\n${PLAIN.split('  image:\n')[1] ?? ''}`.replace('# the step', '#1 the step'),
      INPUTS,
    ],
  ])('is found with %s', (_, text, inputs) => {
    expect(find(text, inputs)?.line).toBe(
      text.split(/\r?\n/).findIndex((line) => line.endsWith('the step')) + 1,
    )
  })

  const twice = `${PLAIN}${PLAIN.slice(PLAIN.indexOf('      - name'))}`
  test.each<[string, string, Record<string, string>]>([
    ['stands there twice', twice, INPUTS],
    ['got another script', PLAIN, { ...INPUTS, 'inline-script': 'make' }],
    ['got a longer script', PLAIN, { ...INPUTS, 'inline-script': `${SCRIPT}reboot` }],
    ['got another image', PLAIN, { ...INPUTS, 'source-image': 'Debian12' }],
    ['got what the file does not say', PLAIN, { ...INPUTS, 'template-name': 't' }],
    ['got nothing of what the file says', PLAIN, { ...INPUTS, 'source-image': '' }],
    ['got nothing that tells', PLAIN, { 'template-name': '' }],
    ['is in an expression that does not fit', PLAIN.replace('Ubuntu', 'Deb${{ 1 }}'), INPUTS],
    ['has an expression longer than the value', PLAIN.replace('Ubuntu2404', 'Ubuntu24${{ 1 }}2404'), INPUTS],
    ['is no action', PLAIN.replace('uses: org/aib-action@v1', 'run: echo'), INPUTS],
    ['is in a file that is no YAML', `${PLAIN}   - [`, INPUTS],
    ['is in a file with a key twice', PLAIN.replace('uses: org', 'uses: org\n        uses: org'), INPUTS],
    [
      'is in a composite action',
      PLAIN.replace(/on:[^]*steps:/, 'runs:\n  using: composite\n  steps:').replaceAll('\n      ', '\n    '),
      INPUTS,
    ],
    ['is in an empty file', '', INPUTS],
    ['is in a list', '- jobs', INPUTS],
    ['has jobs that are none', 'jobs: [image]', INPUTS],
    ['has steps that are none', 'jobs: { image: { steps: { uses: x } } }', INPUTS],
    [
      'has inputs that are none',
      'jobs: { image: { steps: [{ uses: x, with: Ubuntu2404 }, y, null] } }',
      INPUTS,
    ],
    ['is nested beyond reason', `jobs: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, INPUTS],
    [
      'merges hundreds of maps',
      `m0: &m0 { jobs: { image: { steps: [{ uses: x, with: { source-image: Ubuntu2404 } }] } } }\n${Array.from({ length: 200 }, (_, n) => `m${n + 1}: &m${n + 1} { <<: *m${n} }\n`).join('')}<<: *m200`,
      { 'source-image': 'Ubuntu2404' },
    ],
    ['has an alias of nothing', 'jobs: { image: { steps: [*nothing] } }', INPUTS],
    ['merges itself', 'jobs: &a { <<: *a, image: *a }', INPUTS],
  ])('is not found when it %s', (_, text, inputs) => {
    expect(find(text, inputs)).toBeUndefined()
  })

  test('is looked for in the job that runs, where the file has its steps', () => {
    const other = PLAIN.replace('  image:', '  other:')
    expect(find(other, INPUTS)?.line).toBe(lineOf(other, '# the step'))
    expect(find(`${other}  image:\n    steps:\n      - run: make\n`, INPUTS)).toBeUndefined()
  })

  test('of a matrix is one step', () => {
    const matrix = PLAIN.replace('runs-on', 'strategy: { matrix: { os: [a, b] } }\n    runs-on')
    expect(find(matrix, INPUTS)?.line).toBe(lineOf(matrix, '# the step'))
  })

  test('with the script word for word comes before one with an expression for it', () => {
    const text = `${PLAIN}      - uses: org/aib-action@v1\n        with:\n          source-image: Ubuntu2404\n          inline-script: \${{ env.SCRIPT }}\n`
    expect(find(text, INPUTS)?.line).toBe(lineOf(text, '# the step'))
    const another = { ...INPUTS, 'inline-script': 'from the environment' }
    expect(find(text, another)?.line).toBe(lineOf(text, 'with: { fetch-depth: 0 }') + 12)
  })

  test('without any file is not found', () => {
    expect(findStep([], 'image', INPUTS)).toBeUndefined()
  })
})

describe('time limits', () => {
  test.each<[string, (text: string) => string, number | undefined]>([
    ['of the step, being shorter', (text) => text, 60],
    ['of the job, being shorter', (text) => text.replace('minutes: 90', 'minutes: 30'), 30],
    ['of the job alone', (text) => text.replace('        timeout-minutes: 60\n', ''), 90],
    [
      'that are expressions',
      (text) => text.replaceAll(/minutes: \d+/g, 'minutes: ${{ vars.LIMIT }}'),
      undefined,
    ],
    ['that are not there', (text) => text.replaceAll(/ +timeout-minutes.*\n/g, ''), undefined],
  ])('%s', (_, change, minutes) => {
    const place = find(change(PLAIN), INPUTS)
    expect(place).toBeDefined()
    expect(place?.timeoutMinutes).toBe(minutes)
  })
})

/** A workflow whose script is written like `scalar`, which begins behind `inline-script: `. */
function withScript(scalar: string): string {
  return `jobs:\n  image:\n    steps:\n      - uses: org/aib-action@v1\n        with:\n          inline-script: ${scalar}\n          source-image: Ubuntu2404\n`
}
/** Line of `inline-script:` in it. */
const KEY = 6

describe('a line of the script', () => {
  const indent = (lines: string): string => lines.replaceAll(/^(?=.)/gm, '            ')
  const block = indent('one\ntwo\n\nfour')
  test.each<[string, scalar: string, given: string, line: number, at: number | undefined]>([
    ['|', `|\n${block}`, 'one\ntwo\n\nfour\n', 4, KEY + 4],
    ['|-', `|-\n${block}`, 'one\ntwo\n\nfour', 2, KEY + 2],
    ['|+', `|+\n${block}\n\n`, 'one\ntwo\n\nfour\n\n\n', 4, KEY + 4],
    ['|2, indented further', `|2\n${indent('  one\n\n  three')}`, '  one\n\n  three\n', 3, KEY + 3],
    ['| with a comment', `| # it begins\n${block}`, 'one\ntwo\n\nfour\n', 1, KEY + 1],
    ['| with an anchor', `&script |\n${block}`, 'one\ntwo\n\nfour\n', 1, KEY + 1],
    ['| with blank lines in front', `|\n\n  \n${block}`, '\n\none\ntwo\n\nfour\n', 1, KEY + 3],
    ['| and a line beyond its end', `|\n${block}`, 'one\ntwo\n\nfour\n', 5, undefined],
    ['| and line 0', `|\n${block}`, 'one\ntwo\n\nfour\n', 0, undefined],
    ['plain', 'make install', 'make install', 1, KEY],
    ['in single quotes', "'make install'", 'make install', 1, KEY],
    ['in double quotes, two lines in one', '"one\\ntwo"', 'one\ntwo', 2, KEY],
    ['in double quotes, with Windows line breaks', '"one\\r\\ntwo"', 'one\r\ntwo', 2, KEY],
    ['folded', `>\n${block}`, 'one two\nfour\n', 1, undefined],
    ['plain, over two lines', 'make\n            install', 'make install', 1, undefined],
    ['quoted, over two lines', '"make\n\n            install"', 'make\ninstall', 2, undefined],
    ['one expression alone', '${{ inputs.script }}', 'one\ntwo', 2, KEY],
    ['before an expression', `|\n${indent('one\n${{ a }}\nlast')}`, 'one\nx\ny\nlast', 1, KEY + 1],
    ['out of an expression', `|\n${indent('one\n${{ a }}\nlast')}`, 'one\nx\ny\nlast', 3, KEY + 2],
    [
      'after an expression of two lines',
      `|\n${indent('one\n${{ a }}\nlast')}`,
      'one\nx\ny\nlast',
      4,
      KEY + 3,
    ],
    ['after an expression that became nothing', `|\n${indent('${{ a }}\nlast')}`, '\nlast', 1, KEY + 2],
    ['between two that became a line each', `|\n${indent('${{ a }}\nb\n${{ c }}')}`, 'x\nb\ny', 2, KEY + 2],
    [
      'between two that became who knows what',
      `|\n${indent('${{ a }}\nb\n${{ c }}')}`,
      'x\ny\nb\nz',
      3,
      undefined,
    ],
    ['after two of which one grew', `|\n${indent('${{ a }}\nb\n${{ c }}')}`, 'x\nb\ny\nz', 4, undefined],
    [
      'after two that make up for each other',
      `|\n${indent('${{ a }}\nb\n${{ c }}\nd')}`,
      '\nb\nx\ny\nd',
      2,
      undefined,
    ],
    ['with an expression over two lines', `|\n${indent('${{ a ||\nb }}\nlast')}`, 'x\nlast', 2, KEY + 3],
    ['out of an expression over two lines', `|\n${indent('${{ a ||\nb }}\nlast')}`, 'x\nlast', 1, undefined],
  ])('%s', (_, scalar, given, line, at) => {
    for (const text of [withScript(scalar), withScript(scalar).replaceAll('\n', '\r\n')]) {
      const place = find(text, { 'inline-script': given })
      expect(place?.line).toBe(4)
      expect(place?.lineOf('inline-script', line)).toBe(at)
    }
  })

  test('of another input is told as well, where it has no expression', () => {
    const text = withScript('make').replace(
      'source-image: Ubuntu2404',
      'validation-script: |\n            a\n            b',
    )
    expect(find(text, { 'inline-script': 'make' })?.lineOf('Validation-Script', 2)).toBe(KEY + 3)
    expect(find(text, { 'inline-script': 'make' })?.lineOf('source-image', 1)).toBeUndefined()
    const unknown = text.replace('            a', '            ${{ a }}')
    expect(find(unknown, { 'inline-script': 'make' })?.lineOf('validation-script', 2)).toBeUndefined()
  })
})

describe('anchors', () => {
  test('of a script lead to where the script stands', () => {
    const text = `jobs:
  base:
    steps:
      - uses: org/aib-action@v1
        with: { inline-script: &script "make", source-image: Debian12 }
  image:
    steps:
      - uses: org/aib-action@v1 # the step
        with: { inline-script: *script, source-image: Ubuntu2404 }
`
    const place = find(text, { 'inline-script': 'make', 'source-image': 'Ubuntu2404' })
    expect(place?.line).toBe(lineOf(text, '# the step'))
    expect(place?.lineOf('inline-script', 1)).toBe(5)
  })

  test('of a step lead to where it is used, and what is merged in counts', () => {
    const text = `x-with: &with { source-image: Ubuntu2404, inline-script: other }
x-step: &step
  uses: org/aib-action@v1
  with: { <<: [*with], inline-script: make }
jobs:
  image:
    steps:
      - *step # here
`
    const place = find(text, { 'inline-script': 'make', 'source-image': 'Ubuntu2404' })
    expect(place?.line).toBe(lineOf(text, '# here'))
    expect(find(text, { 'inline-script': 'other', 'source-image': 'Ubuntu2404' })).toBeUndefined()
  })
})

test('a map that merges itself is read all the same', () => {
  const text = withScript('make').replace('with:', 'with: &with\n          <<: *with')
  expect(find(text, { 'inline-script': 'make' })?.line).toBe(4)
})

describe('several files', () => {
  const caller = 'jobs:\n  call:\n    uses: ./.github/workflows/reusable.yml\n    with: { script: make }\n'
  const reusable: WorkflowFile = { path: '.github/workflows/reusable.yml', text: PLAIN }
  const stranger: WorkflowFile = { path: '.github/workflows/nightly.yaml', text: PLAIN }

  test.each<[string, WorkflowFile[], string | undefined]>([
    ['the workflow itself comes first', [{ path: MAIN, text: PLAIN }, reusable, stranger], MAIN],
    ['a reusable workflow that it calls', [{ path: MAIN, text: caller }, stranger, reusable], reusable.path],
    [
      'one that is called by the called',
      [
        { path: MAIN, text: caller.replace('reusable', 'between') },
        reusable,
        { path: '.github/workflows/between.yml', text: caller },
      ],
      reusable.path,
    ],
    [
      'two that are called, alike',
      [{ path: MAIN, text: `${caller}  also:\n    uses: ./${stranger.path}\n` }, stranger, reusable],
      undefined,
    ],
    ['one that nobody calls', [{ path: MAIN, text: 'jobs: {}' }, stranger], undefined],
    ['one that calls itself', [{ path: reusable.path, text: caller }], undefined],
    [
      'one that is broken',
      [
        { path: MAIN, text: caller },
        { ...reusable, text: '{' },
      ],
      undefined,
    ],
  ])('%s', (_, files, path) => {
    expect(findStep(files, 'image', INPUTS)?.file).toBe(path)
  })
})
