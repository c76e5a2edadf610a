/**
 * What the build VM does with the archive of the build artifact: downloads and unpacks it, and deletes it.
 *
 * What the scripts promise of the SAS: it stands on no command line (but for BusyBox's wget) and in no message,
 * for what comes from a program passes through a filter that ends a line at its `?`. What they cannot change: Packer
 * keeps the script as a file in the VM while it runs, and a Windows image whose policy asks for script block logging
 * (event 4104) records it. Such a record is soon worth nothing: the SAS expires, and its blob goes after the build.
 */
import type { BuildArtifact } from './artifact-customizers.ts'
import { quotePosix, quotePowerShell } from './shell.ts'
import type { OsType } from './source-image.ts'

const TRIES = 5

/** Where the artifact is unpacked: `/tmp/<folder>` or `C:\buildArtifacts\<folder>`. */
export function artifactTarget(osType: OsType, folder: string): string {
  return osType === 'Linux' ? `/tmp/${folder}` : `C:\\buildArtifacts\\${folder}`
}

/** Packer runs inline shell commands as one script with `/bin/sh -e`: the first that fails ends the build. */
export function unpackByShell({ folder }: BuildArtifact, archive: string): string[] {
  const target = quotePosix(artifactTarget('Linux', folder))
  return [
    `echo ${quotePosix(`aib-action: unpacking the build artifact into /tmp/${folder}`)}`,
    // The base image may still hold the folder from an earlier build, owned by somebody else.
    `sudo rm -rf ${target}`,
    `mkdir ${target}`,
    // Not by tar's -C, which reads backslashes in a name as escapes.
    `(cd ${target} && tar -xpzf ${archive})`,
  ]
}

/** The archive is gone in the end, whatever happened. */
export function deletingByShell(archive: string): string {
  return `trap 'rm -f ${archive}; echo "aib-action: deleted ${archive}"' EXIT`
}

/** Several tries with whatever the image has; the digest alone says whether one went well, before anything is unpacked. */
export function downloadByShell(artifact: BuildArtifact, archive: string): string[] {
  const { url, sha256, bytes } = artifact
  return [
    // A here-document: commands read the URL, and none has it as an argument.
    'aib_url() {',
    "cat <<'AIB_URL'",
    url,
    'AIB_URL',
    '}',
    ...byFirstOf('curl, wget and python3', 'aib_get', downloaders(bytes, archive)),
    ...byFirstOf('sha256sum, shasum, openssl and python3', 'aib_sha256', DIGESTERS),
    `echo ${quotePosix(downloading(artifact))}`,
    // The base image may hold one from an earlier build, owned by somebody else.
    `sudo rm -rf ${archive}`,
    `for aib_try in 1 2 3 4 ${TRIES}; do`,
    `  aib_words=$(umask 077; : >${archive}; aib_get 2>&1 | sed 's/?.*/?***/')`,
    `  aib_digest=$(aib_sha256 <${archive} | cut -c 1-64)`,
    `  if [ "$aib_digest" = ${sha256} ]; then break; fi`,
    `  echo "aib-action: try $aib_try of ${TRIES} failed: $(wc -c <${archive}) of ${bytes} bytes came, SHA-256 $aib_digest instead of ${sha256}" >&2`,
    `  printf '%s\\n' "$aib_words" >&2`,
    `  if [ "$aib_try" = ${TRIES} ]; then echo 'aib-action: the download failed ${TRIES} times' >&2; exit 1; fi`,
    '  sleep $((aib_try * 5))',
    'done',
    `echo 'aib-action: the SHA-256 is right: ${sha256}'`,
  ]
}

/** How to tell whether the image has a program, and the command that runs it. */
type Way = [condition: string, ...command: string[]]

/** Defines a shell function by the first of these ways that the image has; without any, the script ends and says so. */
function byFirstOf(programs: string, name: string, ways: Way[]): string[] {
  return [
    ...ways.flatMap(([condition, ...command], index) => [
      `${index === 0 ? 'if' : 'elif'} ${condition}; then ${name}() {`,
      ...command,
      '}',
    ]),
    `else echo 'aib-action: the image has none of ${programs}' >&2; exit 1; fi`,
  ]
}

/** A connection that stands still for a minute is given up. None of the programs tries again by itself. */
function downloaders(bytes: number, archive: string): Way[] {
  return [
    [
      'command -v curl >/dev/null',
      `aib_url | sed 's/.*/url = "&"/' | curl -fsSg --connect-timeout 60 --speed-limit 1024 --speed-time 60 -o ${archive} --config -`,
    ],
    [
      'wget --help 2>&1 | grep -q -e --input-file',
      `aib_url | wget -nv --tries=1 --timeout=60 -O ${archive} -i -`,
    ],
    [
      'command -v python3 >/dev/null',
      "aib_url | python3 -c 'import shutil, sys, urllib.request",
      'try:',
      `  with urllib.request.urlopen(sys.stdin.readline().strip(), timeout=60) as source, open("${archive}", "wb") as file:`,
      '    shutil.copyfileobj(source, file)',
      'except Exception as error:',
      '  sys.exit("python3: %s" % error)',
      "'",
    ],
    [
      // BusyBox's takes a URL as an argument alone, and not every build of it has a time limit: 1 MiB a second is asked.
      'command -v wget >/dev/null',
      `timeout ${60 + Math.ceil(bytes / 1024 / 1024)} wget -q -O ${archive} "$(aib_url)"`,
    ],
  ]
}

/** Of what comes by standard input; the digest is the first word. */
const DIGESTERS: Way[] = [
  ['command -v sha256sum >/dev/null', 'sha256sum'],
  ['command -v shasum >/dev/null', 'shasum -a 256'],
  ['command -v openssl >/dev/null', 'openssl dgst -sha256 -r'],
  [
    'command -v python3 >/dev/null',
    "python3 -c 'import hashlib, sys",
    'digest = hashlib.sha256()',
    'for piece in iter(lambda: sys.stdin.buffer.read(1 << 20), b""): digest.update(piece)',
    "print(digest.hexdigest())'",
  ],
]

function downloading({ url, bytes }: BuildArtifact): string {
  const { host, pathname } = new URL(url)
  const size = `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  return `aib-action: downloading the build artifact (${size}) from ${host}${pathname}`
}

/** For Windows PowerShell 5.1 and later. `Expand-Archive` is left out: slow, and it treats `[` in a path as a pattern. */
export function unpackByPowerShell({ folder }: BuildArtifact, archive: string): string[] {
  const target = quotePowerShell(artifactTarget('Windows', folder))
  return [
    `Write-Output ${quotePowerShell(`aib-action: unpacking the build artifact into C:\\buildArtifacts\\${folder}`)}`,
    `if (Test-Path -LiteralPath ${target}) { Remove-Item -LiteralPath ${target} -Recurse -Force }`,
    `[void][System.IO.Directory]::CreateDirectory(${target})`,
    'Add-Type -AssemblyName System.IO.Compression.FileSystem',
    `[System.IO.Compression.ZipFile]::ExtractToDirectory('${archive}', ${target})`,
  ]
}

export function deletingByPowerShell(archive: string, steps: string[]): string[] {
  return [
    'try {',
    ...steps.map((line) => `  ${line}`),
    '} finally {',
    `  [System.IO.File]::Delete('${archive}')`,
    `  Write-Output 'aib-action: deleted ${archive}'`,
    '}',
  ]
}

/**
 * By `WebClient`: it writes to the file as the bytes come and gives up by itself (100 s without an answer, 5 minutes
 * without a byte: documented defaults of HttpWebRequest), while Invoke-WebRequest of Windows PowerShell 5.1 holds the
 * file in memory (dsccommunity/xPSDesiredStateConfiguration#344, PowerShell/PowerShell#21443). The error is told by its
 * message, which names no URL; the whole of it would come with the line of the script.
 */
export function downloadByPowerShell(artifact: BuildArtifact, archive: string): string[] {
  return [
    `Write-Output ${quotePowerShell(downloading(artifact))}`,
    // Windows Server 2016 offers TLS 1.0 alone unless told.
    '[System.Net.ServicePointManager]::SecurityProtocol = [System.Net.SecurityProtocolType]::Tls12',
    `$aibUrl = ${quotePowerShell(artifact.url)}`,
    'for ($aibTry = 1; ; $aibTry++) {',
    '  try {',
    `    (New-Object System.Net.WebClient).DownloadFile($aibUrl, '${archive}')`,
    `    $aibDigest = (Get-FileHash -LiteralPath '${archive}' -Algorithm SHA256).Hash.ToLowerInvariant()`,
    `    if ($aibDigest -eq '${artifact.sha256}') { break }`,
    `    $aibProblem = "SHA-256 $aibDigest instead of ${artifact.sha256}"`,
    `  } catch { $aibProblem = $_.Exception.GetBaseException().Message -replace '\\?.*', '?***' }`,
    `  Write-Output "aib-action: try $aibTry of ${TRIES} failed: $aibProblem"`,
    `  if ($aibTry -eq ${TRIES}) { throw 'aib-action: the download failed ${TRIES} times' }`,
    '  Start-Sleep -Seconds ($aibTry * 5)',
    '}',
    `Write-Output 'aib-action: the SHA-256 is right: ${artifact.sha256}'`,
  ]
}
