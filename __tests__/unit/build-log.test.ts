import { describe, expect, test } from '@jest/globals'
import { lineReader, newLines } from '../../src/build-log.ts'

/** One line after the other, as it is shown. */
function shownLines(): (line: string) => string | undefined {
  const read = lineReader()
  return (line) => read(line).shown
}

const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join('')
const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`)

describe('what was appended', () => {
  test.each<[string, string, string, string[]]>([
    ['to nothing', '', lines('a', 'b'), ['a', 'b']],
    ['nothing', lines('a', 'b'), lines('a', 'b'), []],
    ['two lines', lines('a', 'b'), lines('a', 'b', 'c', 'd'), ['c', 'd']],
    ['the same line again', lines('a', 'a'), lines('a', 'a', 'a'), ['a']],
    ['with Windows line breaks', 'a\r\n', 'a\r\nb\r\n', ['b']],
    ['an empty line', lines('a'), lines('a', '', 'b'), ['', 'b']],
    ['half a line, which waits for its other half', lines('a'), 'a\nb', []],
    ['the other half, and one more', 'a\nb', lines('a', 'bc', 'd'), ['bc', 'd']],
    ['an older answer', lines('a', 'b', 'c'), lines('a', 'b'), []],
    ['no answer', lines('a'), '', []],
  ])('%s', (_, previous, current, expected) => {
    expect(newLines(previous, current)).toEqual(expected)
  })

  describe('when the beginning was cut off', () => {
    test.each<[string, string[], string[], string[]]>([
      ['at a line', numbered(1, 6), numbered(3, 9), numbered(7, 9)],
      ['in the midst of a line', numbered(1, 6), ['ne 3', ...numbered(4, 9)], numbered(7, 9)],
      ['down to the last line known', numbered(1, 6), numbered(6, 8), ['line 7', 'line 8']],
      ['and nothing was added', numbered(1, 6), numbered(3, 6), []],
      ['further than what was known', numbered(1, 3), numbered(7, 9), numbered(7, 9)],
      ['where lines repeat themselves', ['a', 'b', 'a', 'b', 'c'], ['a', 'b', 'c', 'a', 'b'], ['a', 'b']],
    ])('%s', (_, previous, current, expected) => {
      expect(newLines(lines(...previous), lines(...current))).toEqual(expected)
    })

    test('whatever the cut, in a log of many like lines: nothing twice, nothing lost', () => {
      const all = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? `step ${i}` : 'waiting'))
      for (let cut = 1; cut < 40; cut += 1) {
        expect(newLines(lines(...all.slice(0, 45)), lines(...all.slice(cut)))).toEqual(all.slice(45))
      }
    })
  })

  test('a log of 4 MB that was cut is compared in one pass', () => {
    const all = Array.from({ length: 60_000 }, (_, i) => (i % 100 === 0 ? `step ${i}` : 'waiting '.repeat(8)))
    const [previous, current] = [lines(...all.slice(0, 58_000)), lines(...all.slice(1500))]
    expect(newLines(previous, current)).toEqual(all.slice(58_000))
  }, 30_000)
})

const OLD = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
const NEW = '[2b8e1f3c-0000-4000-8000-0123456789ab] PACKER'
const AT = '2023/09/14 19:01:18'

describe('a line as it is shown', () => {
  test.each<[string, string, string | undefined]>([
    ['output, old', `${OLD} OUT     azure-arm: installing`, 'installing'],
    ['output, new', `${NEW}     azure-arm: installing`, 'installing'],
    ['output in Packer’s log, new', `${NEW} ${AT} ui:     azure-arm: installing`, 'installing'],
    ['indented output', `${NEW}     azure-arm:   - part`, '  - part'],
    ['output that looks like a prefix', `${NEW}     azure-arm: [x] PACKER OUT y`, '[x] PACKER OUT y'],
    ['a headline, old', `${OLD} OUT ==> azure-arm: Connected to SSH!`, '==> Connected to SSH!'],
    ['a headline, new', `${NEW} ==> azure-arm: Connected to SSH!`, '==> Connected to SSH!'],
    ['an error, new', `${NEW} ${AT} ui error: ==> azure-arm: E: no such package`, '==> E: no such package'],
    [
      'an error’s details, old',
      `${OLD} OUT ==> azure-arm:     + CategoryInfo : ObjectNotFound`,
      '==>     + CategoryInfo : ObjectNotFound',
    ],
    [
      'the end',
      `${OLD} OUT Build 'azure-arm' errored: unexpected EOF`,
      "Build 'azure-arm' errored: unexpected EOF",
    ],
    ['the reason', `${NEW} --> azure-arm: Script exited`, '==> Script exited'],
    ['a placeholder for the ID', '[<log_id>] PACKER ==> Wait completed', '==> Wait completed'],
    ['without a prefix', 'plain words', 'plain words'],
    ['without a prefix, logged', `${AT} ui: ==> azure-arm: Deploying`, '==> Deploying'],
    ['a finished file', 'app.zip 826000 B / 826000 B  100.00%', 'app.zip 826000 B / 826000 B  100.00%'],
    ['without an ID, old', `PACKER OUT ==> azure-arm: Deploying`, '==> Deploying'],
    ['without an ID, logged', `PACKER ERR ${AT} Waiting for SSH`, undefined],
    ['an error about a resource', `${NEW} ==> azure-arm:  -> Error: Conflict`, '==>  -> Error: Conflict'],
    ['blank, old', `${OLD} OUT `, undefined],
    ['blank, cut', `${OLD} OUT`, undefined],
    ['blank, new', `${NEW} ${AT} ui: `, undefined],
    ['a blank headline', `${OLD} OUT ==> azure-arm: `, undefined],
    ['Packer’s own log, old', `${OLD} ERR 2020/04/30 23:38:58 packer: ${AT} [INFO] command 'x'`, undefined],
    ['Packer’s own log, new', `${NEW} ${AT} [INFO] (telemetry) Starting provisioner shell`, undefined],
    ['a file under way', 'app.zip 1652 B / 826000 B  2.00%', undefined],
    ['harmless', `${NEW} ==> Builds finished but no artifacts were created.`, undefined],
    ['harmless, too', `${NEW} ==> azure-arm: Skipping image creation...`, undefined],
    ['a detail', `${NEW} ==> azure-arm:  -> Location          : 'eastus'`, undefined],
    ['the export', '[<log_id>] PACKER Done exporting Packer logs to Azure Storage.', undefined],
    ['colours', `${NEW} azure-arm: output will be in this color.`, undefined],
    [
      'what is deleted',
      `${NEW} ==> azure-arm: Adding to deletion queue -> Microsoft.Compute/virtualMachines : 'pkrvm'`,
      undefined,
    ],
    [
      'that it deletes',
      `${NEW} ==> azure-arm: Deleting individual resources ...`,
      '==> Deleting individual resources ...',
    ],
    ['the export, old', `Done exporting Packer logs to Azure for Packer prefix: ${OLD} OUT`, undefined],
  ])('%s', (_, line, expected) => {
    expect(shownLines()(line)).toBe(expected)
  })
})

describe('what a script says is never noise', () => {
  const starts = `${OLD} ERR ${AT} [INFO] (telemetry) Starting provisioner shell`
  const ends = `${OLD} ERR ${AT} [INFO] (telemetry) ending shell`

  test.each<[string, string]>([
    ['harmless words of Packer', `${OLD} OUT ==> azure-arm: Skipping image creation...`],
    ['details', `${OLD} OUT ==> azure-arm:  -> Location          : 'eastus'`],
    ['tokens', `${OLD} OUT ==> azure-arm: Getting tokens for the registry`],
    ['the client', `${OLD} OUT     azure-arm: Creating Azure Resource Manager (ARM) client ...`],
  ])('%s', (_, line) => {
    const show = shownLines()
    expect(show(line)).toBeUndefined()
    expect(show(starts)).toBeUndefined()
    const text = line.replace(/^.*?azure-arm: /, '')
    expect(show(line)).toBe(line.includes('==> ') ? `==> ${text}` : text)
    show(ends)
    expect(show(line)).toBeUndefined()
  })

  test('a percentage that it prints', () => {
    const [at, said] = [`${OLD} OUT     azure-arm: `, 'app.zip 1652 B / 826000 B  2.00%']
    expect(shownLines()(at + said)).toBe(said)
  })

  test('also when something else ends', () => {
    const show = shownLines()
    show(starts)
    show(ends.replace('shell', 'azure-arm'))
    expect(show(`${OLD} OUT ==> azure-arm: Skipping image creation...`)).toBe(
      '==> Skipping image creation...',
    )
  })

  test('also after it said that provisioning had errors', () => {
    const show = shownLines()
    show(starts)
    show(
      `${OLD} OUT ==> azure-arm: Provisioning step had errors: Running the cleanup provisioner, if present...`,
    )
    expect(show(`${OLD} OUT ==> azure-arm: Skipping image creation...`)).toBe(
      '==> Skipping image creation...',
    )
  })
})

test('that Windows Update waits is told once in a row', () => {
  const waiting = (percent: number): string =>
    `${OLD} OUT     azure-arm: Waiting for operation to complete (system performance: ${percent}% cpu; 37% memory)...`
  const log = [
    `${OLD} ERR ${AT} [INFO] (telemetry) Starting provisioner windows-update`,
    ...[1, 2, 3].map(waiting),
    `${OLD} OUT     azure-arm: Restarting the machine`,
    ...[4, 5].map(waiting),
  ]
  const shown = log.map(shownLines()).filter((line) => line !== undefined)
  expect(shown.map((line) => /\d+% cpu|Restarting/.exec(line)?.[0])).toEqual([
    '1% cpu',
    'Restarting',
    '4% cpu',
  ])
})

describe('without doubles', () => {
  const shown = (...log: string[]): string[] => log.map(shownLines()).filter((line) => line !== undefined)

  test('a text of Packer’s log and of its output, in either order', () => {
    const [logged, printed] = [`${NEW} ${AT} ui:     azure-arm: a`, `${NEW}     azure-arm: a`]
    expect(shown(logged, printed)).toEqual(['a'])
    expect(shown(printed, logged)).toEqual(['a'])
  })

  test('a text on both streams, with others between', () => {
    const text = "==> Some builds didn't complete successfully and had errors:"
    expect(shown(`${OLD} ERR ${text}`, `${OLD} OUT `, `${OLD} ERR ${AT} x`, `${OLD} OUT ${text}`)).toEqual([
      text,
    ])
  })

  test('what a script prints twice is shown twice', () => {
    const [logged, printed] = [`${NEW} ${AT} ui:     azure-arm: a`, `${NEW}     azure-arm: a`]
    expect(shown(printed, printed)).toEqual(['a', 'a'])
    expect(shown(logged, printed, logged, printed)).toEqual(['a', 'a'])
    expect(shown(logged, logged, printed, printed)).toEqual(['a', 'a'])
  })

  test('a text that Packer’s log alone has, as the guide shows it for 2023', () => {
    const finished = "Build 'azure-arm' finished after 3 minutes 13 seconds."
    expect(shown(`${NEW} ${AT} ui: ${finished}`, `${NEW} ${AT} ui: `, `${NEW} ==> Wait completed`)).toEqual([
      finished,
      '==> Wait completed',
    ])
  })

  test('remembers no more than it needs to', () => {
    const show = shownLines()
    for (let i = 0; i < 100_000; i += 1) show(`${NEW}     azure-arm: line ${i}`)
    expect(show(`${NEW} ${AT} ui:     azure-arm: line 99999`)).toBeUndefined()
    expect(show(`${NEW} ${AT} ui:     azure-arm: line 0`)).toBe('line 0')
  })
})
