import { describe, expect, test } from '@jest/globals'
import {
  artifactTarget,
  customizationProblems,
  type Customization,
  type Customizer,
  customizers,
  FILE_CUSTOMIZER_LIMIT_BYTES,
} from '../../src/customizers.ts'
import { buildArtifact, customization, NASTY_TEXTS } from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'

const small = buildArtifact({ bytes: FILE_CUSTOMIZER_LIMIT_BYTES })
const large = buildArtifact({ bytes: FILE_CUSTOMIZER_LIMIT_BYTES + 1 })
const script = ['echo hi']
const [linux, windows] = [{ osType: 'Linux' }, { osType: 'Windows' }] as const

/** Inline commands of the one customizer that runs a script. */
function inlineOf(list: Customizer[]): string[] {
  const [inline, ...others] = list.flatMap((one) => ('inline' in one ? [one.inline] : []))
  if (!inline || others.length > 0) throw new Error('There is not exactly one script.')
  return inline
}

const powershell = (overrides: Partial<Customization>): string =>
  inlineOf(customizers(customization({ ...windows, ...overrides }))).join('\n')

describe('order', () => {
  const copy = 'File aib-action: copy the build artifact'
  const unpack = (type: string): string => `${type} aib-action: unpack web-app`
  const run = (type: string): string => `${type} aib-action: inline script`
  const update = 'WindowsUpdate aib-action: Windows Update'
  const cases: [string, Partial<Customization>, string[]][] = [
    ['Linux: nothing', linux, []],
    ['Linux: a script', { ...linux, inlineScript: script }, [run('Shell')]],
    ['Linux: a small artifact', { ...linux, artifact: small }, [copy, unpack('Shell')]],
    ['Linux: a large artifact', { ...linux, artifact: large }, [unpack('Shell')]],
    [
      'Linux: artifact, then script',
      { ...linux, artifact: small, inlineScript: script },
      [copy, unpack('Shell'), run('Shell')],
    ],
    ['Windows: nothing', windows, []],
    ['Windows: a script', { ...windows, inlineScript: script }, [run('PowerShell')]],
    ['Windows: a small artifact', { ...windows, artifact: small }, [copy, unpack('PowerShell')]],
    ['Windows: a large artifact', { ...windows, artifact: large }, [unpack('PowerShell')]],
    ['Windows: updates alone', { ...windows, windowsUpdate: true }, [update]],
    [
      'Windows: script, then updates',
      { ...windows, inlineScript: script, windowsUpdate: true },
      [run('PowerShell'), update],
    ],
    [
      'Windows: everything',
      { ...windows, artifact: small, inlineScript: script, windowsUpdate: true },
      [copy, unpack('PowerShell'), run('PowerShell'), update],
    ],
    [
      'Windows: everything, large',
      { ...windows, artifact: large, inlineScript: script, windowsUpdate: true },
      [unpack('PowerShell'), run('PowerShell'), update],
    ],
  ]
  test.each(cases)('%s', (_, overrides, expected) => {
    expect(customizers(customization(overrides)).map(({ type, name }) => `${type} ${name}`)).toEqual(expected)
  })
})

describe('the artifact', () => {
  test.each([
    ['Linux', '/tmp/aib-artifact-0123456789abcdef.tar.gz'],
    ['Windows', 'C:\\Windows\\Temp\\aib-artifact-0123456789abcdef.zip'],
  ] as const)('is copied by the File customizer on %s, with its digest', (osType, destination) => {
    expect(customizers(customization({ osType, artifact: small }))[0]).toEqual({
      type: 'File',
      name: 'aib-action: copy the build artifact',
      sourceUri: small.url,
      destination,
      sha256Checksum: small.sha256,
    })
  })

  test('is unpacked afresh on Linux', () => {
    expect(inlineOf(customizers(customization({ artifact: small })))).toEqual([
      "echo 'aib-action: unpacking the build artifact into /tmp/web-app'",
      "sudo rm -rf '/tmp/web-app'",
      "mkdir '/tmp/web-app'",
      "(cd '/tmp/web-app' && tar -xpzf /tmp/aib-artifact-0123456789abcdef.tar.gz)",
      'rm -f /tmp/aib-artifact-0123456789abcdef.tar.gz',
    ])
  })

  test('is unpacked afresh on Windows', () => {
    const archive = String.raw`'C:\Windows\Temp\aib-artifact-0123456789abcdef.zip'`
    const target = String.raw`'C:\buildArtifacts\web-app'`
    expect(powershell({ artifact: small }).split('\n')).toEqual([
      "$ErrorActionPreference = 'Stop'",
      "$ProgressPreference = 'SilentlyContinue'",
      String.raw`Write-Output 'aib-action: unpacking the build artifact into C:\buildArtifacts\web-app'`,
      `if (Test-Path -LiteralPath ${target}) { Remove-Item -LiteralPath ${target} -Recurse -Force }`,
      `[void][System.IO.Directory]::CreateDirectory(${target})`,
      'Add-Type -AssemblyName System.IO.Compression.FileSystem',
      `[System.IO.Compression.ZipFile]::ExtractToDirectory(${archive}, ${target})`,
      `Remove-Item -LiteralPath ${archive} -Force`,
    ])
  })

  test('that is large is downloaded on Windows, and checked before it is unpacked', () => {
    const archive = String.raw`'C:\Windows\Temp\aib-artifact-0123456789abcdef.zip'`
    const [unpacking, downloading] = [powershell({ artifact: small }), powershell({ artifact: large })].map(
      (text) => text.split('\n'),
    )
    expect(downloading).toEqual([
      ...(unpacking ?? []).slice(0, 2),
      "Write-Output 'aib-action: downloading the build artifact (20971521 bytes)'",
      '[System.Net.ServicePointManager]::SecurityProtocol = [System.Net.SecurityProtocolType]::Tls12',
      'for ($aibTry = 1; ; $aibTry++) {',
      `  try { Invoke-WebRequest -UseBasicParsing -Uri '${large.url}' -OutFile ${archive}; break }`,
      '  catch { if ($aibTry -ge 5) { throw }; Start-Sleep -Seconds ($aibTry * 5) }',
      '}',
      `$aibDigest = (Get-FileHash -LiteralPath ${archive} -Algorithm SHA256).Hash.ToLowerInvariant()`,
      `if ($aibDigest -ne '${large.sha256}') { throw "The build artifact arrived damaged: SHA-256 $aibDigest" }`,
      ...(unpacking ?? []).slice(2),
    ])
  })

  // How the commands for Linux behave is shown by running them: unpacking.test.ts.
  describe.each(NASTY_TEXTS)('in a folder with %s', (_, folder) => {
    test.each([
      ['copied', 1],
      ['downloaded', FILE_CUSTOMIZER_LIMIT_BYTES + 1],
    ])('%s: PowerShell reads the folder as it is', (_how, bytes) => {
      const text = powershell({ artifact: buildArtifact({ folder, bytes }) })
      expect(syntaxErrors(text)).toEqual([])
      const target = `C:\\buildArtifacts\\${folder}`
      expect(values(text).filter((value) => value === target)).toHaveLength(4)
    })
  })
})

describe('the inline script', () => {
  test('goes to a POSIX shell as it is', () => {
    const lines = ['set -u', '  echo "$HOME"', "it's"]
    expect(customizers(customization({ inlineScript: lines }))).toEqual([
      { type: 'Shell', name: 'aib-action: inline script', inline: lines },
    ])
  })

  test.each([
    ['neither', false, false, {}],
    ['elevated', true, false, { runElevated: true }],
    ['as system', true, true, { runElevated: true, runAsSystem: true }],
  ])('runs in PowerShell %s', (_, runElevated, runAsSystem, flags) => {
    const [customizer] = customizers(
      customization({ ...windows, inlineScript: script, runElevated, runAsSystem }),
    )
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
    const text = powershell({ inlineScript: lines })
    expect(syntaxErrors(text)).toEqual([])
    const list = /^\$aibScript = @\($(.*?)^\) -join "`n"$/ms.exec(text)?.[1] ?? ''
    expect(values(list).join('\n')).toBe(lines.join('\n'))
  })
})

test('what PowerShell gets is ASCII: Windows PowerShell reads the file that Packer writes in its own code page', () => {
  const artifact = buildArtifact({ folder: 'Größe-\u0451', bytes: FILE_CUSTOMIZER_LIMIT_BYTES + 1 })
  const list = customizers(customization({ ...windows, artifact, inlineScript: ["'\u65e5\u672c \u0451'"] }))
  const inline = list.flatMap((one) => (one.type === 'PowerShell' ? one.inline : []))
  expect(inline.join('\n')).toMatch(/^[\n -~]+$/)
})

test('Windows Update takes important and recommended updates without previews', () => {
  expect(customizers(customization({ ...windows, windowsUpdate: true }))).toEqual([
    {
      type: 'WindowsUpdate',
      name: 'aib-action: Windows Update',
      searchCriteria: 'IsInstalled=0',
      filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
    },
  ])
})

test('where the artifact lands', () => {
  expect(artifactTarget('Linux', 'my app')).toBe('/tmp/my app')
  expect(artifactTarget('Windows', 'my app')).toBe('C:\\buildArtifacts\\my app')
})

describe('what an operating system cannot do', () => {
  const asked = { provisioner: 'auto', runElevated: false, windowsUpdate: false }
  test.each([
    ['auto on Linux', asked, 'Linux', []],
    ['auto on Windows', { ...asked, runElevated: true, windowsUpdate: true }, 'Windows', []],
    ['shell on Linux', { ...asked, provisioner: 'shell' }, 'Linux', []],
    [
      'shell on Windows',
      { ...asked, provisioner: 'shell' },
      'Windows',
      ["provisioner: 'shell' needs Linux; the source image is Windows."],
    ],
    [
      'PowerShell on Linux',
      { ...asked, provisioner: 'powershell' },
      'Linux',
      ["provisioner: 'powershell' needs Windows; the source image is Linux."],
    ],
    [
      'Windows alone',
      { ...asked, runElevated: true, windowsUpdate: true },
      'Linux',
      [
        'windows-update: needs Windows; the source image is Linux.',
        'run-elevated: needs PowerShell; the source image is Linux.',
      ],
    ],
  ] as const)('%s', (_, request, osType, expected) => {
    const lines = customizationProblems(request, osType).map(({ input, message }) => `${input}: ${message}`)
    expect(lines).toEqual(expected)
  })
})
