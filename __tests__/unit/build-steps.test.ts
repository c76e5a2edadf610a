import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { failedStep, stepsOf, titleOf, type BuildStep } from '../../src/build-steps.ts'
import { PackerLog, type LogReading } from '../../src/packer-log.ts'

const P = '[2b8e1f3c-5d00-4c1a-9a60-0123456789ab] PACKER'
const AT = '2023/09/14 19:01:18'

function read(lines: readonly string[]): LogReading {
  const log = new PackerLog()
  for (const line of lines) log.take(line)
  return log.reading
}

/** A log in which these provisioners ran. */
const ran = (...types: string[]): string[] =>
  types.flatMap((type) => [
    `${P} ${AT} [INFO] (telemetry) Starting provisioner ${type}`,
    `${P} ${AT} [INFO] RPC client: Communicator ended with: 0`,
    `${P} ${AT} [INFO] (telemetry) ending ${type}`,
  ])

/** A log whose last provisioner said this and failed. */
const failing = (before: string[], type: string, said: string[], code?: number): LogReading =>
  read([
    ...ran(...before),
    `${P} ${AT} [INFO] (telemetry) Starting provisioner ${type}`,
    ...said.map(
      (line) => `${P} ${line.startsWith('==> ') ? '' : '    '}${line.replace(/^(==> )?/, '$1azure-arm: ')}`,
    ),
    ...(code === undefined ? [] : [`${P} ${AT} [INFO] RPC client: Communicator ended with: ${code}`]),
    `${P} ==> azure-arm: Provisioning step had errors: Running the cleanup provisioner, if present...`,
  ])

const script: BuildStep = { type: 'Shell', name: 'aib-action: inline script' }
const powerShell: BuildStep = { type: 'PowerShell', name: 'aib-action: inline script' }

describe('the steps of a template', () => {
  const customize = [
    { type: 'Shell', name: 'a', inline: ['x'] },
    { type: 'File' },
    { type: 'Shell', name: '' },
  ]
  const validate = { inVMValidations: [{ type: 'Shell', name: 'aib-action: validation script' }] }

  test.each<[string, object, 'customize' | 'validate', BuildStep[]]>([
    [
      'customizers',
      { properties: { customize, validate } },
      'customize',
      [{ type: 'Shell', name: 'a' }, { type: 'File' }, { type: 'Shell' }],
    ],
    [
      'validators',
      { properties: { customize, validate } },
      'validate',
      [{ type: 'Shell', name: 'aib-action: validation script' }],
    ],
    ['none', { properties: {} }, 'customize', []],
    ['no template', {}, 'validate', []],
    ['something else', { properties: { customize: 'x' } }, 'customize', []],
    ['a step that is none', { properties: { customize: [null] } }, 'customize', [{ type: '' }]],
  ])('%s', (_, body, part, steps) => {
    expect(stepsOf(body, part)).toEqual(steps)
  })
})

describe('what a provisioner is called', () => {
  const three: BuildStep[] = [{ type: 'File', name: 'artifact' }, script, { type: 'shell' }]
  const windows: BuildStep[] = [
    { type: 'WindowsUpdate' },
    { type: 'WINDOWSRESTART', name: 'again' },
    powerShell,
  ]

  test.each<[string, string[], BuildStep[], string[]]>([
    [
      'all, and the hidden step',
      ['file', 'shell', 'shell', 'shell'],
      three,
      [
        'customizer 1 of 3: artifact (file)',
        'customizer 2 of 3: aib-action: inline script (shell)',
        'customizer 3 of 3 (shell)',
        'deprovisioning, added by Image Builder (shell)',
      ],
    ],
    [
      'of Windows, in any case',
      ['windows-update', 'windows-restart', 'powershell', 'powershell'],
      windows,
      [
        'customizer 1 of 3 (windows-update)',
        'customizer 2 of 3: again (windows-restart)',
        'customizer 3 of 3: aib-action: inline script (powershell)',
        'deprovisioning, added by Image Builder (powershell)',
      ],
    ],
    ['the first ones', ['file'], three, ['customizer 1 of 3: artifact (file)']],
    [
      'one in front',
      ['shell', 'file', 'shell', 'shell', 'shell'],
      three,
      [
        'provisioner 1 (shell)',
        'customizer 1 of 3: artifact (file)',
        'customizer 2 of 3: aib-action: inline script (shell)',
        'customizer 3 of 3 (shell)',
        'deprovisioning, added by Image Builder (shell)',
      ],
    ],
    [
      'others than the template has',
      ['powershell', 'powershell'],
      three,
      ['provisioner 1 (powershell)', 'provisioner 2 (powershell)'],
    ],
    ['an unknown type', ['shell-local'], [{ type: 'Other' }], ['provisioner 1 (shell-local)']],
    [
      'more behind',
      ['shell', 'shell', 'shell'],
      [script],
      [
        'customizer 1 of 1: aib-action: inline script (shell)',
        'deprovisioning, added by Image Builder (shell)',
        'provisioner 3 (shell)',
      ],
    ],
    [
      'a last step that is no script',
      ['shell', 'windows-restart'],
      [script],
      ['customizer 1 of 1: aib-action: inline script (shell)', 'provisioner 2 (windows-restart)'],
    ],
    ['no customizer', ['shell'], [], ['deprovisioning, added by Image Builder (shell)']],
  ])('%s', (_, types, steps, titles) => {
    const reading = read(ran(...types))
    expect(reading.provisioners.map((one) => titleOf(one, reading, steps))).toEqual(titles)
  })
})

describe('the failed step', () => {
  test('a script’s line, its exit code and what it said', () => {
    const said = [
      'installing',
      '==> E: Unable to locate package ngimx',
      '==> aib-action: inline-script, line 12: exit code 100',
    ]
    const steps: BuildStep[] = [{ type: 'File', name: 'aib-action: artifact' }, script, { type: 'Shell' }]
    expect(failedStep(failing(['file'], 'shell', said, 100), steps)).toEqual({
      title: 'customizer 2 of 3: aib-action: inline script (shell)',
      number: 2,
      total: 3,
      name: 'aib-action: inline script',
      type: 'shell',
      exitCode: 100,
      script: { input: 'inline-script', line: 12 },
      output: ['installing', '==> E: Unable to locate package ngimx'],
    })
  })

  test('one that is none of the template has no number and no name', () => {
    const step = failedStep(failing(['powershell'], 'powershell', ['x'], 1), [script])
    expect(step).toEqual({
      title: 'provisioner 2 (powershell)',
      total: 1,
      type: 'powershell',
      exitCode: 1,
      output: ['x'],
    })
  })

  test('deprovisioning', () => {
    const step = failedStep(failing(['shell'], 'shell', ['/usr/sbin/waagent: not found'], 127), [script])
    expect(step).toMatchObject({
      title: 'deprovisioning, added by Image Builder (shell)',
      total: 1,
      exitCode: 127,
    })
    expect(step).not.toHaveProperty('number')
  })

  test('none failed', () => {
    expect(failedStep(read(ran('shell', 'shell')), [script])).toBeUndefined()
  })

  test('one under way, where the log stops', () => {
    const reading = read([...ran('shell'), `${P} ${AT} [INFO] (telemetry) Starting provisioner file`])
    expect(failedStep(reading, [])).toBeUndefined()
    expect(failedStep(reading, [script, { type: 'File' }], reading.running)).toMatchObject({
      number: 2,
      type: 'file',
    })
  })

  test('its last 20 lines', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`)
    const marker = '==> aib-action: validation-script, line 3: exit code 1'
    const step = failedStep(failing([], 'shell', [...lines, marker], 1), [script])
    expect(step?.output).toEqual(lines.slice(-20))
    expect(step?.script).toEqual({ input: 'validation-script', line: 3 })
  })

  test('the exit code of the line, where Packer’s log has none', () => {
    const said = ['aib-action: inline-script, line 2: exit code -1']
    expect(failedStep(failing([], 'shell', said), [script])?.exitCode).toBe(-1)
  })
})

describe('the line of the script', () => {
  const parseError = 'inline-script, line 4: Missing closing } in statement block.'
  test.each<[string, string[], BuildStep, number | undefined]>([
    [
      'of the last command that failed',
      ['aib-action: inline-script, line 2: exit code 1', 'aib-action: inline-script, line 7: exit code 1'],
      script,
      7,
    ],
    ['of PowerShell, on its output', ['aib-action: inline-script, line 5: exit code 3'], powerShell, 5],
    [
      'that PowerShell cannot read: the first',
      [parseError, 'inline-script, line 9: Unexpected token.'],
      powerShell,
      4,
    ],
    ['that PowerShell cannot read, in today’s words', [`aib-action: ${parseError}`], powerShell, 4],
    ['that PowerShell names last', ['==> At line:1 char:1', '==> At line:3 char:9'], powerShell, 3],
    ['not of another’s script', ['==> At line:3 char:9'], { type: 'PowerShell', name: 'mine' }, undefined],
    [
      'not of a script in a file',
      [String.raw`==> At C:\DeprovisioningScript.ps1:6 char:9`],
      powerShell,
      undefined,
    ],
    ['not of a shell that talks of PowerShell', ['At line:3 char:9', parseError], script, undefined],
    ['not in the midst of a line', ['see aib-action: inline-script, line 2: exit code 1'], script, undefined],
  ])('%s', (_, said, step, line) => {
    const type = step.type.toLowerCase()
    const found = failedStep(failing([], type, said, 1), [step])
    expect(found?.script).toEqual(line === undefined ? undefined : { input: 'inline-script', line })
  })

  test.each<[string, BuildStep[], object]>([
    [
      'failing-script-since-2023',
      [{ type: 'File' }, { type: 'Shell' }, script],
      { number: 3, exitCode: 100, script: { input: 'inline-script', line: 12 } },
    ],
    [
      'failing-script-until-2022',
      [{ type: 'WindowsUpdate' }, { type: 'WindowsRestart' }, powerShell],
      { number: 3, exitCode: 1, script: { input: 'inline-script', line: 3 } },
    ],
  ])('%s', (name, steps, expected) => {
    const file = path.join(import.meta.dirname, '..', 'fixtures', 'logs', `${name}.log`)
    expect(failedStep(read(readFileSync(file, 'utf8').split(/\r?\n/)), steps)).toMatchObject(expected)
  })
})
