import { describe, expect, test } from '@jest/globals'
import { BuildConsole } from '../../src/build-console.ts'

const P = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
const telemetry = (second: number, text: string): string =>
  `${P} 2023/09/14 19:01:${String(second).padStart(2, '0')} [INFO] (telemetry) ${text}`
const out = (text: string): string => `${P}     azure-arm: ${text}`
const STEPS = [
  { type: 'Shell', name: 'set up' },
  { type: 'Shell', name: 'install' },
]

/** A console, what it printed, and a clock that is set by hand. */
function console(): { console: BuildConsole; printed: string[]; at: (now: number) => void } {
  const printed: string[] = []
  let now = 0
  const runner = {
    info: (line: string): void => void printed.push(line),
    quote: (lines: readonly string[]): void => void printed.push(...lines.map((line) => `| ${line}`)),
    openGroup: (title: string): void => void printed.push(`[${title}]`),
    closeGroup: (): void => void printed.push('[/]'),
  }
  const at = (time: number): void => {
    now = time
  }
  return { console: new BuildConsole(runner, { now: () => now }, STEPS), printed, at }
}

const BUILD = [
  `${P} ==> azure-arm: Connected to SSH!`,
  telemetry(0, 'Starting provisioner shell'),
  out('a'),
  telemetry(3, 'ending shell'),
  telemetry(3, 'Starting provisioner shell'),
  out('b'),
  out('c'),
  telemetry(8, 'ending shell'),
]

test('one group a provisioner, and how long each took', () => {
  const { console: screen, printed } = console()
  screen.log(BUILD)
  screen.close()
  expect(printed).toEqual([
    '[the build VM]',
    '| ==> Connected to SSH!',
    '[/]',
    '[customizer 1 of 2: set up (shell)]',
    '| a',
    '[/]',
    '  customizer 1 of 2: set up (shell): ended (3 s)',
    '[customizer 2 of 2: install (shell)]',
    '| b',
    '| c',
    '[/]',
    '  customizer 2 of 2: install (shell): ended (5 s)',
  ])
})

test('cut in any way, the same lines in the same groups; a group that goes on says so only after words of our own', () => {
  const whole = console()
  whole.console.log(BUILD)
  const pieces = console()
  for (const line of BUILD) pieces.console.log([line])
  expect(pieces.printed).toEqual(whole.printed)
})

test('a provisioner that failed is said to have failed', () => {
  const { console: screen, printed } = console()
  screen.log([
    ...BUILD.slice(0, 3),
    `${P} ==> azure-arm: Provisioning step had errors: Running the cleanup provisioner, if present...`,
    telemetry(4, 'ending shell'),
  ])
  expect(printed.at(-1)).toBe('  customizer 1 of 2: set up (shell): failed (4 s)')
})

test('our own lines stand outside of groups, and the group goes on behind them', () => {
  const { console: screen, printed } = console()
  screen.log(BUILD.slice(1, 3))
  screen.say('Distributing (3 min 0 s)')
  screen.log([out('more')])
  expect(printed).toEqual([
    '[customizer 1 of 2: set up (shell)]',
    '| a',
    '[/]',
    '  Distributing (3 min 0 s)',
    '[customizer 1 of 2: set up (shell) (continued)]',
    '| more',
  ])
})

describe('what is known while it prints', () => {
  test('what is being done and since when, and when a line was printed last', () => {
    const { console: screen, at } = console()
    expect({ step: screen.step, saidAt: screen.saidAt }).toEqual({ step: undefined, saidAt: 0 })
    at(1000)
    screen.log(BUILD.slice(0, 2))
    expect(screen.step).toEqual({ title: 'customizer 1 of 2: set up (shell)', since: 1000 })
    at(2000)
    screen.log([])
    expect(screen.saidAt).toBe(1000)
    screen.log([BUILD[2] ?? ''])
    expect(screen.saidAt).toBe(2000)
    screen.log(BUILD.slice(3, 4))
    expect(screen.step).toBeUndefined()
  })

  test('the last raw lines, fifty at most', () => {
    const { console: screen } = console()
    const lines = Array.from({ length: 120 }, (_, i) => out(`line ${i}`))
    for (let from = 0; from < 120; from += 30) screen.log(lines.slice(from, from + 30))
    expect(screen.last).toEqual(lines.slice(70))
  })
})

test('told from the beginning again, nothing counts as said', () => {
  const { console: screen, printed } = console()
  screen.log(BUILD)
  printed.length = 0
  screen.restart()
  screen.log(BUILD.slice(0, 3))
  expect(printed).toEqual([
    '[customization log]',
    '| ==> Connected to SSH!',
    '[/]',
    '[customizer 1 of 2: set up (shell)]',
    '| a',
  ])
  expect(screen.reading.provisioners).toHaveLength(1)
})
