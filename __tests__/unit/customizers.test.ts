import { describe, expect, test } from '@jest/globals'
import {
  customizationProblems,
  customizers,
  readCustomization,
  scriptValidators,
  type Customization,
} from '../../src/customizers.ts'
import { InputReader, type Placed } from '../../src/input-reader.ts'
import type { OsType } from '../../src/source-image.ts'
import type { Customizer, Validator } from '../../src/template-schema.ts'
import { buildArtifact, customization, rawInputs } from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'

const script = ['echo hi']
const placed = (body: Customizer, input = 'customizers', path = '[0]'): Placed<Customizer> => ({
  body,
  place: { input, path },
})
const OWN = placed(
  { type: 'Shell', name: 'own', inline: ['true'] },
  'template-file',
  'properties.customize[0]',
)
const FURTHER = placed({ type: 'File', name: 'further', sourceUri: 'https://x/y', destination: '/tmp/y' })

function read(
  given: Record<string, string>,
  own: Placed<Customizer>[] = [],
  validators: Placed<Validator>[] = [],
): { customization: Customization; problems: string[] } {
  const reader = new InputReader(rawInputs(given))
  const read = readCustomization(reader, own, validators)
  return {
    customization: read,
    problems: reader.problems.map(({ input, message }) => `${input}: ${message}`),
  }
}

describe('the inputs', () => {
  test('say nothing by default', () => {
    expect(read({})).toEqual({ customization: customization(), problems: [] })
  })

  test('everything said', () => {
    const given = {
      provisioner: 'PowerShell',
      'inline-script': '\n  \nif ($x) {\r\n  choco install git\n\n}  \n\n',
      'validation-script': 'git --version',
      'run-elevated': 'True',
      'run-as-system': 'TRUE',
      'windows-restart': 'true',
      'windows-update': 'true',
      customizers: '- {type: WindowsRestart, restartTimeout: 10m}',
    }
    expect(read(given, [OWN])).toEqual({
      customization: {
        provisioner: 'powershell',
        // Indentation and inner blank lines stay, those around the script go.
        inlineScript: ['if ($x) {', '  choco install git', '', '}  '],
        validationScript: ['git --version'],
        runElevated: true,
        runAsSystem: true,
        windowsRestart: true,
        windowsUpdate: true,
        own: [OWN],
        validators: [],
        further: [placed({ type: 'WindowsRestart', restartTimeout: '10m' })],
      },
      problems: [],
    })
  })

  test.each<[string, Record<string, string>, string[]]>([
    [
      'system without elevation',
      { 'run-as-system': 'true' },
      ["run-as-system: 'true' needs run-elevated: true as well."],
    ],
    [
      'Windows alone, by a POSIX shell',
      { provisioner: 'shell', 'windows-update': 'true', 'windows-restart': 'true', 'run-elevated': 'true' },
      ['windows-update', 'windows-restart', 'run-elevated'].map(
        (input) => `${input}: needs Windows; provisioner is 'shell'.`,
      ),
    ],
    [
      'a customizer that does not exist',
      { customizers: '- {type: Ansible}' },
      [
        "customizers: [0].type: 'Ansible' is not one of Shell, PowerShell, File, WindowsRestart, WindowsUpdate.",
      ],
    ],
  ])('mistake: %s', (_, given, problems) => {
    expect(read(given).problems).toEqual(problems)
  })
})

describe('order', () => {
  const copy = 'File aib-action: copy the build artifact'
  const [own, further] = ['Shell own', 'File further']
  const unpack = (type: string): string => `${type} aib-action: unpack web-app`
  const run = (type: string): string => `${type} aib-action: inline script`
  const restart = 'WindowsRestart aib-action: restart'
  const update = 'WindowsUpdate aib-action: Windows Update'
  const remove = (type: string): string => `${type} aib-action: remove web-app`
  const [copied, downloaded] = [
    { ...buildArtifact(), remove: false },
    { ...buildArtifact({ transfer: 'download' }), remove: false },
  ]
  const everything = {
    inlineScript: script,
    windowsRestart: true,
    windowsUpdate: true,
    own: [OWN],
    further: [FURTHER],
  }
  type Artifact = Parameters<typeof customizers>[2]
  test.each<[string, OsType, Partial<Customization>, Artifact, string[]]>([
    ['nothing', 'Linux', {}, undefined, []],
    ['nothing', 'Windows', {}, undefined, []],
    ['a script', 'Linux', { inlineScript: script }, undefined, [run('Shell')]],
    ['a script', 'Windows', { inlineScript: script }, undefined, [run('PowerShell')]],
    ['a copied artifact', 'Linux', {}, copied, [copy, unpack('Shell')]],
    ['a copied artifact', 'Windows', {}, copied, [copy, unpack('PowerShell')]],
    ['a downloaded artifact', 'Linux', {}, downloaded, [unpack('Shell')]],
    ['a downloaded artifact', 'Windows', {}, downloaded, [unpack('PowerShell')]],
    [
      'an artifact that goes again',
      'Linux',
      {},
      { ...copied, remove: true },
      [copy, unpack('Shell'), remove('Shell')],
    ],
    [
      'artifact, then script',
      'Linux',
      { inlineScript: script },
      copied,
      [copy, unpack('Shell'), run('Shell')],
    ],
    [
      "the file's own, then the script, then further ones",
      'Linux',
      { inlineScript: script, own: [OWN], further: [FURTHER] },
      copied,
      [copy, unpack('Shell'), own, run('Shell'), further],
    ],
    ['updates alone', 'Windows', { windowsUpdate: true }, undefined, [update]],
    ['a restart alone', 'Windows', { windowsRestart: true }, undefined, [restart]],
    [
      'everything',
      'Windows',
      everything,
      { ...copied, remove: true },
      [copy, unpack('PowerShell'), own, run('PowerShell'), restart, further, update, remove('PowerShell')],
    ],
  ])('%s on %s', (_, osType, overrides, artifact, expected) => {
    const list = customizers(customization(overrides), osType, artifact)
    expect(list.map(({ type, name }) => `${type} ${name ?? ''}`)).toEqual(expected)
  })

  test('what the user wrote in ARM form stays as it is', () => {
    const list = customizers(customization({ own: [OWN], further: [FURTHER] }), 'Linux')
    expect(list).toEqual([OWN.body, FURTHER.body])
  })
})

/** Text of the script that PowerShell gets for `lines`. */
function powershell(lines: string[]): string {
  const [one] = customizers(customization({ inlineScript: lines }), 'Windows')
  return one && 'inline' in one ? (one.inline ?? []).join('\n') : ''
}

describe('the inline script', () => {
  test('goes to a POSIX shell line by line, with what names the line that fails', () => {
    const lines = ['set -u', '', '  echo "$HOME"']
    expect(customizers(customization({ inlineScript: lines }), 'Linux')).toEqual([
      {
        type: 'Shell',
        name: 'aib-action: inline script',
        inline: [
          expect.stringContaining('aib-action: inline-script, line '),
          'aib_at 1 && :',
          'set -u',
          '',
          '  aib_at 3 && :',
          '  echo "$HOME"',
        ],
      },
    ])
  })

  test('goes to a POSIX shell as it is when it is none', () => {
    const lines = ['set -u', "it's"]
    expect(customizers(customization({ inlineScript: lines }), 'Linux')).toEqual([
      { type: 'Shell', name: 'aib-action: inline script', inline: lines },
    ])
  })

  test('tells in PowerShell of a bad exit code and of a mistake in the same words', () => {
    const text = powershell(['robocopy a b'])
    expect(text).toContain(
      'Write-Host "aib-action: inline-script, line ${Line}: exit code $global:LASTEXITCODE"',
    )
    expect(text).toContain(
      'Write-Host "aib-action: inline-script, line $($_.Extent.StartLineNumber): $($_.Message)"',
    )
  })

  test.each([
    ['auto', 'Linux', 'Shell'],
    ['auto', 'Windows', 'PowerShell'],
    ['shell', 'Linux', 'Shell'],
    ['powershell', 'Windows', 'PowerShell'],
  ] as const)('provisioner %s on %s is %s', (provisioner, osType, type) => {
    const asked = customization({ provisioner, inlineScript: script, validationScript: script })
    expect([...customizers(asked, osType), ...scriptValidators(asked, osType)]).toEqual([
      expect.objectContaining({ type }),
      expect.objectContaining({ type }),
    ])
  })

  test.each([
    ['neither', false, false, {}],
    ['elevated', true, false, { runElevated: true }],
    ['as system', true, true, { runElevated: true, runAsSystem: true }],
  ])('runs in PowerShell %s', (_, runElevated, runAsSystem, flags) => {
    const asked = customization({ inlineScript: script, runElevated, runAsSystem })
    const [customizer] = customizers(asked, 'Windows')
    expect({ ...customizer, inline: [] }).toEqual({
      type: 'PowerShell',
      name: 'aib-action: inline script',
      inline: [],
      ...flags,
    })
  })

  test.each<[string, string[]]>([
    ['one line', ['Write-Output hi']],
    ['quotes of both kinds', [`Write-Output "it's" 'he said ""hi""'`]],
    ['typographic quotes', ['Write-Output \u2018a\u2019 \u201cb\u201d']],
    ['a block over several lines', ['if ($true) {', '  choco install git', '}', '', 'exit 0']],
    ['here-strings', ["@'", "it's $x", "'@ | Out-File a", '@"', '"$x"', '"@ | Out-File b']],
    ['the end of a here-string alone', ["'@", '"@']],
    ['continued lines', ['robocopy a b `', '  /E']],
    ['a comment at its end', ['Get-Item . # done', '<#', 'no more', '#>']],
    ['blank lines and blanks', ['a', '', '   ', '\tb  ']],
    ['other scripts', ["Write-Output 'Grüße, \u65e5\u672c, \u0451, \ud83d\ude80'", 'C:\\new\\table\\u0041']],
    ['half a statement, for PowerShell to complain about', ['if ($x) {', "'"]],
    ['names of the wrapper', ["$aibScript = ') -join ", '`n`0 $(throw)']],
  ])('arrives in PowerShell as it was written: %s', (_, lines) => {
    const text = powershell(lines)
    expect(syntaxErrors(text)).toEqual([])
    const list = /^\$aibScript = @\($(.*?)^\) -join "`n"$/ms.exec(text)?.[1] ?? ''
    expect(values(list).join('\n')).toBe(lines.join('\n'))
  })

  test('is ASCII: Windows PowerShell reads the file that Packer writes in its own code page', () => {
    expect(powershell(["'\u65e5\u672c \u0451'"])).toMatch(/^[\n -~]+$/)
  })
})

describe('the validation script', () => {
  test('is none by default', () => {
    expect(scriptValidators(customization({ inlineScript: script }), 'Linux')).toEqual([])
  })

  test('goes to a POSIX shell with what names the line that fails, under its own name', () => {
    expect(scriptValidators(customization({ validationScript: ['nginx -t'] }), 'Linux')).toEqual([
      {
        type: 'Shell',
        name: 'aib-action: validation script',
        inline: [
          expect.stringContaining('aib-action: validation-script, line '),
          'aib_at 1 && :',
          'nginx -t',
        ],
      },
    ])
  })

  test('fails as fast in PowerShell, under its own name, with the same rights', () => {
    const asked = customization({ validationScript: script, inlineScript: ['other'], runElevated: true })
    const [validator, ...others] = scriptValidators(asked, 'Windows')
    expect(others).toEqual([])
    expect(validator).toMatchObject({
      type: 'PowerShell',
      name: 'aib-action: validation script',
      runElevated: true,
    })
    const text = validator && 'inline' in validator ? (validator.inline ?? []).join('\n') : ''
    expect(syntaxErrors(text)).toEqual([])
    expect(values(text)).toContain('echo hi')
    expect(text).toContain('validation-script, line ')
    expect(text).not.toContain('inline-script')
  })
})

test('Windows Update takes important and recommended updates without previews', () => {
  expect(customizers(customization({ windowsUpdate: true }), 'Windows')).toEqual([
    {
      type: 'WindowsUpdate',
      name: 'aib-action: Windows Update',
      searchCriteria: 'IsInstalled=0',
      filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
    },
  ])
})

describe('what an operating system cannot do', () => {
  const update: Customizer = { type: 'WindowsUpdate' }
  const ps: Customizer = { type: 'PowerShell', inline: ['hi'] }
  test.each<[string, Partial<Customization>, OsType, string[]]>([
    ['auto on Linux', { own: [OWN], further: [FURTHER] }, 'Linux', []],
    [
      'all on Windows',
      { runElevated: true, windowsUpdate: true, windowsRestart: true, further: [FURTHER, placed(ps)] },
      'Windows',
      [],
    ],
    ['shell on Linux', { provisioner: 'shell' }, 'Linux', []],
    ['PowerShell on Windows', { provisioner: 'powershell' }, 'Windows', []],
    [
      'shell on Windows',
      { provisioner: 'shell' },
      'Windows',
      ["provisioner: 'shell' needs Linux; the source image is Windows."],
    ],
    [
      'PowerShell on Linux',
      { provisioner: 'powershell' },
      'Linux',
      ["provisioner: 'powershell' needs Windows; the source image is Linux."],
    ],
    [
      'Windows alone',
      { runElevated: true, windowsUpdate: true, windowsRestart: true },
      'Linux',
      ['windows-update', 'windows-restart', 'run-elevated'].map(
        (input) => `${input}: needs Windows; the source image is Linux.`,
      ),
    ],
    [
      'customizers of the user',
      { further: [FURTHER, placed(update, 'customizers', '[1]'), placed(ps, 'customizers', '[2]')] },
      'Linux',
      [
        "customizers: [1].type: 'WindowsUpdate' needs Windows; the source image is Linux.",
        "customizers: [2].type: 'PowerShell' needs Windows; the source image is Linux.",
      ],
    ],
    [
      'customizers of a template file',
      { own: [OWN] },
      'Windows',
      ["template-file: properties.customize[0].type: 'Shell' needs Linux; the source image is Windows."],
    ],
  ])('%s', (_, overrides, osType, expected) => {
    const found = customizationProblems(customization(overrides), osType)
    expect(found.map(({ input, message }) => `${input}: ${message}`)).toEqual(expected)
  })
})
