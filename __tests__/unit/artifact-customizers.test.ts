import { describe, expect, test } from '@jest/globals'
import {
  artifactCustomizers,
  chosenTransfer,
  FILE_CUSTOMIZER_LIMIT_BYTES,
  readArtifact,
  removeArtifactCustomizer,
  type ArtifactRequest,
} from '../../src/artifact-customizers.ts'
import { artifactTarget } from '../../src/artifact-scripts.ts'
import { InputReader } from '../../src/input-reader.ts'
import type { Customizer } from '../../src/template-schema.ts'
import {
  ACCOUNT_ID,
  artifactRequest,
  buildArtifact,
  IDENTITY_ID,
  NASTY_TEXTS,
  rawInputs,
  SIGNATURE,
} from '../support/factories.ts'
import { syntaxErrors, values } from '../support/powershell.ts'

const PATH = '/work/dist'

/** What the inputs say of an artifact in `PATH`, or of none. */
function read(
  given: Record<string, string>,
  path: string | undefined = PATH,
): { artifact: ArtifactRequest | undefined; problems: string[] } {
  const reader = new InputReader(rawInputs(given))
  const artifact = readArtifact(reader, path === '' ? undefined : path)
  return { artifact, problems: reader.problems.map(({ input, message }) => `${input}: ${message}`) }
}

describe('the inputs', () => {
  test.each<[string, Record<string, string>, Partial<ArtifactRequest>]>([
    ['nothing said', {}, {}],
    [
      'everything said',
      {
        exclude: '  *.log\n\n!keep.log\n# a comment\n',
        'artifact-transfer': 'File',
        'artifact-access': 'Identity',
        'remove-artifacts': 'TRUE',
      },
      { exclude: ['*.log', '!keep.log', '# a comment'], transfer: 'file', access: 'identity', remove: true },
    ],
    ['the account by its ID', { 'storage-account': ACCOUNT_ID }, { storageAccount: ACCOUNT_ID }],
    [
      'the ID with a slash at its end',
      { 'storage-account': `${ACCOUNT_ID}/` },
      { storageAccount: ACCOUNT_ID },
    ],
    ['emptied inputs', { 'artifact-transfer': '', 'artifact-access': '', 'remove-artifacts': '' }, {}],
    ['a download by SAS', { 'artifact-transfer': 'download' }, { transfer: 'download' }],
  ])('%s', (_, given, expected) => {
    expect(read(given)).toEqual({ artifact: artifactRequest({ path: PATH, ...expected }), problems: [] })
  })

  const NAME_RULE = 'is not a valid name: 3 to 24 lower-case letters or digits.'
  test.each<[string, Record<string, string>, string]>([
    [
      'no account',
      { 'storage-account': '' },
      "storage-account: is required for the build artifact; give it, or set build-path: '' to build without one.",
    ],
    ['a short name', { 'storage-account': 'ab' }, `storage-account: 'ab' ${NAME_RULE}`],
    [
      'a long name',
      { 'storage-account': 'a'.repeat(25) },
      `storage-account: '${'a'.repeat(25)}' ${NAME_RULE}`,
    ],
    ['a dash in the name', { 'storage-account': 'my-account' }, `storage-account: 'my-account' ${NAME_RULE}`],
    [
      'the ID of something else',
      { 'storage-account': IDENTITY_ID },
      `storage-account: '${IDENTITY_ID}' is the ID of a managed identity; give that of a storage account.`,
    ],
    [
      'half an ID',
      { 'storage-account': '/artifacts' },
      "storage-account: '/artifacts' is not the resource ID of a storage account: /subscriptions/…/providers/Microsoft.Storage/storageAccounts/<name>.",
    ],
    [
      'a download without a SAS',
      { 'artifact-transfer': 'download', 'artifact-access': 'identity' },
      "artifact-transfer: 'download' needs a URL with a SAS, for the managed identity is Image Builder's and not the build VM's: use artifact-access: sas, or artifact-transfer: file.",
    ],
    [
      'an unknown transfer',
      { 'artifact-transfer': 'copy' },
      "artifact-transfer: 'copy' is not one of auto, file, download.",
    ],
    [
      'an unknown access',
      { 'artifact-access': 'key' },
      "artifact-access: 'key' is not one of sas, identity.",
    ],
  ])('mistake: %s', (_, given, problem) => {
    expect(read(given).problems).toEqual([problem])
  })

  test('without an artifact there is nothing to leave out, to remove or to store', () => {
    expect(read({ 'storage-account': '' }, '')).toEqual({ artifact: undefined, problems: [] })
    expect(
      read({ exclude: '*.log', 'remove-artifacts': 'true', 'storage-account': 'a b' }, '').problems,
    ).toEqual([
      `storage-account: 'a b' ${NAME_RULE}`,
      'exclude: has no meaning without build-path.',
      'remove-artifacts: has no meaning without build-path.',
    ])
  })
})

describe('the way into the image', () => {
  const [most, more] = [FILE_CUSTOMIZER_LIMIT_BYTES, FILE_CUSTOMIZER_LIMIT_BYTES + 1]
  test.each([
    ['auto', 'sas', most, 'file'],
    ['auto', 'sas', more, 'download'],
    ['auto', 'identity', more, 'file'],
    ['file', 'sas', more, 'file'],
    ['file', 'identity', more, 'file'],
    ['download', 'sas', 1, 'download'],
  ] as const)('%s by %s, %i bytes: %s', (transfer, access, bytes, expected) => {
    expect(chosenTransfer({ transfer, access }, bytes)).toBe(expected)
  })

  test('the limit is 20 MiB', () => {
    expect(FILE_CUSTOMIZER_LIMIT_BYTES).toBe(20_971_520)
  })
})

test('where the artifact lands', () => {
  expect(artifactTarget('Linux', 'my app')).toBe('/tmp/my app')
  expect(artifactTarget('Windows', 'my app')).toBe('C:\\buildArtifacts\\my app')
})

const [copied, downloaded] = [buildArtifact(), buildArtifact({ transfer: 'download' })]

/** Commands of the one customizer that runs a script. */
function inlineOf(list: Customizer[]): string[] {
  const [inline, ...others] = list.flatMap((one) => ('inline' in one ? [one.inline ?? []] : []))
  if (!inline || others.length > 0) throw new Error('There is not exactly one script.')
  return inline
}

describe('copied by Image Builder', () => {
  test.each([
    ['Linux', '/tmp/aib-artifact-0123456789abcdef.tar.gz', 'Shell'],
    ['Windows', 'C:\\Windows\\Temp\\aib-artifact-0123456789abcdef.zip', 'PowerShell'],
  ] as const)('on %s: the File customizer with the digest, then a script', (osType, destination, type) => {
    expect(artifactCustomizers(osType, copied)).toEqual([
      {
        type: 'File',
        name: 'aib-action: copy the build artifact',
        sourceUri: copied.url,
        destination,
        sha256Checksum: copied.sha256,
      },
      { type, name: 'aib-action: unpack web-app', inline: expect.any(Array) as unknown },
    ])
  })

  test('unpacked afresh on Linux', () => {
    expect(inlineOf(artifactCustomizers('Linux', copied))).toEqual([
      `trap 'rm -f /tmp/aib-artifact-0123456789abcdef.tar.gz; echo "aib-action: deleted /tmp/aib-artifact-0123456789abcdef.tar.gz"' EXIT`,
      "echo 'aib-action: unpacking the build artifact into /tmp/web-app'",
      "sudo rm -rf '/tmp/web-app'",
      "mkdir '/tmp/web-app'",
      "(cd '/tmp/web-app' && tar -xpzf /tmp/aib-artifact-0123456789abcdef.tar.gz)",
    ])
  })

  test('unpacked afresh on Windows', () => {
    const archive = String.raw`'C:\Windows\Temp\aib-artifact-0123456789abcdef.zip'`
    const target = String.raw`'C:\buildArtifacts\web-app'`
    expect(inlineOf(artifactCustomizers('Windows', copied))).toEqual([
      "$ErrorActionPreference = 'Stop'",
      "$ProgressPreference = 'SilentlyContinue'",
      'try {',
      String.raw`  Write-Output 'aib-action: unpacking the build artifact into C:\buildArtifacts\web-app'`,
      `  if (Test-Path -LiteralPath ${target}) { Remove-Item -LiteralPath ${target} -Recurse -Force }`,
      `  [void][System.IO.Directory]::CreateDirectory(${target})`,
      '  Add-Type -AssemblyName System.IO.Compression.FileSystem',
      `  [System.IO.Compression.ZipFile]::ExtractToDirectory(${archive}, ${target})`,
      '} finally {',
      `  [System.IO.File]::Delete(${archive})`,
      String.raw`  Write-Output 'aib-action: deleted C:\Windows\Temp\aib-artifact-0123456789abcdef.zip'`,
      '}',
    ])
  })
})

describe('downloaded by the build VM', () => {
  test.each([
    ['Linux', 'Shell'],
    ['Windows', 'PowerShell'],
  ] as const)('on %s: one script', (osType, type) => {
    expect(artifactCustomizers(osType, downloaded)).toEqual([
      { type, name: 'aib-action: unpack web-app', inline: expect.any(Array) as unknown },
    ])
  })

  test('checked before it is unpacked on Windows', () => {
    const archive = String.raw`'C:\Windows\Temp\aib-artifact-0123456789abcdef.zip'`
    const unpacking = inlineOf(artifactCustomizers('Windows', copied))
    expect(inlineOf(artifactCustomizers('Windows', downloaded))).toEqual([
      ...unpacking.slice(0, 3),
      "  Write-Output 'aib-action: downloading the build artifact (0.0 MiB) from artifacts.blob.core.windows.net/imagebuilder-vststask/web-app/a.tar.gz'",
      '  [System.Net.ServicePointManager]::SecurityProtocol = [System.Net.SecurityProtocolType]::Tls12',
      `  $aibUrl = '${downloaded.url}'`,
      '  for ($aibTry = 1; ; $aibTry++) {',
      '    try {',
      `      (New-Object System.Net.WebClient).DownloadFile($aibUrl, ${archive})`,
      `      $aibDigest = (Get-FileHash -LiteralPath ${archive} -Algorithm SHA256).Hash.ToLowerInvariant()`,
      `      if ($aibDigest -eq '${downloaded.sha256}') { break }`,
      `      $aibProblem = "SHA-256 $aibDigest instead of ${downloaded.sha256}"`,
      String.raw`    } catch { $aibProblem = $_.Exception.GetBaseException().Message -replace '\?.*', '?***' }`,
      '    Write-Output "aib-action: try $aibTry of 5 failed: $aibProblem"',
      "    if ($aibTry -eq 5) { throw 'aib-action: the download failed 5 times' }",
      '    Start-Sleep -Seconds ($aibTry * 5)',
      '  }',
      `  Write-Output 'aib-action: the SHA-256 is right: ${downloaded.sha256}'`,
      ...unpacking.slice(3),
    ])
  })

  test('PowerShell sees the URL on one line, which cannot fail: it shows the line of an error', () => {
    const lines = inlineOf(artifactCustomizers('Windows', downloaded))
    const holding = lines.filter((line) => line.includes(SIGNATURE))
    expect(holding).toEqual([`  $aibUrl = '${downloaded.url}'`])
    expect(syntaxErrors(lines.join('\n'))).toEqual([])
  })

  test.each([
    [25 * 1024 * 1024, '25.0 MiB'],
    [1_572_864_000, '1500.0 MiB'],
  ])('%i bytes are told as %s, with the place of the blob and without the SAS', (bytes, size) => {
    const artifact = buildArtifact({ transfer: 'download', bytes })
    const told = `aib-action: downloading the build artifact (${size}) from artifacts.blob.core.windows.net/imagebuilder-vststask/web-app/a.tar.gz'`
    for (const osType of ['Linux', 'Windows'] as const) {
      const lines = inlineOf(artifactCustomizers(osType, artifact))
      expect(lines.filter((line) => line.endsWith(told))).toHaveLength(1)
    }
  })
})

// How the commands for Linux behave is shown by running them: unpacking.test.ts.
describe.each(NASTY_TEXTS)('in a folder with %s', (_, folder) => {
  const target = `C:\\buildArtifacts\\${folder}`
  test.each(['file', 'download'] as const)('by %s: PowerShell reads the folder as it is', (transfer) => {
    const text = inlineOf(artifactCustomizers('Windows', buildArtifact({ folder, transfer }))).join('\n')
    expect(syntaxErrors(text)).toEqual([])
    expect(values(text).filter((value) => value === target)).toHaveLength(4)
  })

  test('PowerShell removes that folder and no other', () => {
    const text = inlineOf([removeArtifactCustomizer('Windows', folder)]).join('\n')
    expect(syntaxErrors(text)).toEqual([])
    expect(values(text)).toEqual(['Stop', 'SilentlyContinue', target, target])
  })
})

describe('removing the artifact', () => {
  test('on Linux', () => {
    expect(removeArtifactCustomizer('Linux', "it's")).toEqual({
      type: 'Shell',
      name: "aib-action: remove it's",
      inline: [String.raw`sudo rm -rf '/tmp/it'\''s'`],
    })
  })

  test('on Windows, though a script may have removed it already', () => {
    const target = String.raw`'C:\buildArtifacts\web-app'`
    expect(removeArtifactCustomizer('Windows', 'web-app')).toEqual({
      type: 'PowerShell',
      name: 'aib-action: remove web-app',
      inline: [
        "$ErrorActionPreference = 'Stop'",
        "$ProgressPreference = 'SilentlyContinue'",
        `if (Test-Path -LiteralPath ${target}) { Remove-Item -LiteralPath ${target} -Recurse -Force }`,
      ],
    })
  })
})

test('what PowerShell gets is ASCII: Windows PowerShell reads the file that Packer writes in its own code page', () => {
  const artifact = buildArtifact({ folder: 'Größe-\u0451', transfer: 'download' })
  const list = [
    ...inlineOf(artifactCustomizers('Windows', artifact)),
    ...inlineOf([removeArtifactCustomizer('Windows', artifact.folder)]),
  ]
  expect(list.join('\n')).toMatch(/^[\n -~]+$/)
})
