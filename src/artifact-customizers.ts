/** How the build artifact comes into the image: brought by Image Builder or downloaded by the build VM, then unpacked. */
import type { InputReader } from './input-reader.ts'
import { POWERSHELL_PREFERENCES } from './powershell-script.ts'
import { quotePosix, quotePowerShell } from './shell.ts'
import type { OsType } from './source-image.ts'
import type { Customizer } from './template-schema.ts'

export const ARTIFACT_TRANSFERS = ['auto', 'file', 'download'] as const
export type ArtifactTransfer = (typeof ARTIFACT_TRANSFERS)[number]
export const ARTIFACT_ACCESSES = ['sas', 'identity'] as const
export type ArtifactAccess = (typeof ARTIFACT_ACCESSES)[number]

/** What goes into the image, and how. */
export interface ArtifactRequest {
  /** Absolute path of a directory or a file. */
  path: string
  /** Patterns in the syntax of `.gitignore` of what stays out. */
  exclude: string[]
  transfer: ArtifactTransfer
  access: ArtifactAccess
  /** Name (found in the subscription) or resource ID. */
  storageAccount: string
  /** Whether a last customizer deletes what was unpacked. */
  remove: boolean
}

/** The uploaded build artifact, as the build VM gets it. */
export interface BuildArtifact {
  /** Name of the folder that it becomes in the image. */
  folder: string
  /** Readable URL: with a SAS, hence a secret, unless the managed identity reads it. */
  url: string
  /** Lower-case hexadecimal. */
  sha256: string
  /** Size of the archive. */
  bytes: number
  transfer: 'file' | 'download'
}

/**
 * Above this the File customizer takes hours or fails: Azure's advice for it is files below 20 MB, and larger ones
 * are to be downloaded by a script ("Troubleshoot Azure VM Image Builder").
 */
export const FILE_CUSTOMIZER_LIMIT_BYTES = 20 * 1024 * 1024

/** `auto`: by size; without a SAS nobody but Image Builder itself can read the blob. */
export function chosenTransfer(
  { transfer, access }: Pick<ArtifactRequest, 'transfer' | 'access'>,
  bytes: number,
): 'file' | 'download' {
  if (transfer !== 'auto') return transfer
  return bytes <= FILE_CUSTOMIZER_LIMIT_BYTES || access === 'identity' ? 'file' : 'download'
}

/**
 * Reads what goes into the image; undefined when there is no artifact. `artifactPath` is checked by then.
 * @param unused whether nothing will be put into the image all the same, so that no account is needed
 */
export function readArtifact(
  read: InputReader,
  artifactPath: string | undefined,
  unused = false,
): ArtifactRequest | undefined {
  const exclude = read
    .lines('exclude')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const transfer = read.oneOf('artifact-transfer', ARTIFACT_TRANSFERS, 'auto')
  const access = read.oneOf('artifact-access', ARTIFACT_ACCESSES, 'sas')
  const remove = read.boolean('remove-artifacts')
  const storageAccount = read.optional('storage-account')?.replace(/\/+$/, '')
  read.nameOrId(
    'storage-account',
    storageAccount ?? '',
    'account',
    /^[a-z0-9]{3,24}$/,
    '3 to 24 lower-case letters or digits',
  )
  if (artifactPath === undefined) {
    if (exclude.length > 0) read.problem('exclude', 'has no meaning without build-path.')
    if (remove) read.problem('remove-artifacts', 'has no meaning without build-path.')
    return undefined
  }
  if (access === 'identity' && transfer === 'download') {
    read.problem(
      'artifact-transfer',
      "'download' needs artifact-access: sas; the build VM cannot read the blob as the managed identity.",
    )
  }
  if (storageAccount === undefined && !unused) {
    read.problem(
      'storage-account',
      "is required for the build artifact; give it, or set build-path: '' to build without one.",
    )
  }
  return { path: artifactPath, exclude, transfer, access, remove, storageAccount: storageAccount ?? '' }
}

/** Where the artifact is unpacked: `/tmp/<folder>` or `C:\buildArtifacts\<folder>`. */
export function artifactTarget(osType: OsType, folder: string): string {
  return osType === 'Linux' ? `/tmp/${folder}` : `C:\\buildArtifacts\\${folder}`
}

/** Brings the artifact into the image and unpacks it. */
export function artifactCustomizers(osType: OsType, artifact: BuildArtifact): Customizer[] {
  const name = `aib-action: unpack ${artifact.folder}`
  // The digest keeps the archive's name free of anything that the user chose. Both folders exist in every image,
  // as the File customizer demands; on Linux it may write to /tmp alone.
  const stem = `aib-artifact-${artifact.sha256.slice(0, 16)}`
  const archive = osType === 'Linux' ? `/tmp/${stem}.tar.gz` : `C:\\Windows\\Temp\\${stem}.zip`
  const byFile = artifact.transfer === 'file'
  const bring: Customizer[] = byFile
    ? [
        {
          type: 'File',
          name: 'aib-action: copy the build artifact',
          sourceUri: artifact.url,
          destination: archive,
          sha256Checksum: artifact.sha256,
        },
      ]
    : []
  if (osType === 'Linux') {
    const download = byFile ? [] : downloadByShell(artifact, archive)
    return [...bring, { type: 'Shell', name, inline: [...download, ...unpackByShell(artifact, archive)] }]
  }
  const download = byFile ? [] : downloadByPowerShell(artifact, archive)
  const inline = [...POWERSHELL_PREFERENCES, ...download, ...unpackByPowerShell(artifact, archive)]
  return [...bring, { type: 'PowerShell', name, inline }]
}

/** Deletes what was unpacked: the last customizer, where the image is to hold what was installed alone. */
export function removeArtifactCustomizer(osType: OsType, folder: string): Customizer {
  const name = `aib-action: remove ${folder}`
  const target = artifactTarget(osType, folder)
  if (osType === 'Linux') return { type: 'Shell', name, inline: [`sudo rm -rf ${quotePosix(target)}`] }
  const path = quotePowerShell(target)
  return {
    type: 'PowerShell',
    name,
    inline: [
      ...POWERSHELL_PREFERENCES,
      `if (Test-Path -LiteralPath ${path}) { Remove-Item -LiteralPath ${path} -Recurse -Force }`,
    ],
  }
}

/** Packer runs inline shell commands as one script with `/bin/sh -e`: the first that fails ends the build. */
function unpackByShell({ folder }: BuildArtifact, archive: string): string[] {
  const target = quotePosix(artifactTarget('Linux', folder))
  return [
    `echo ${quotePosix(`aib-action: unpacking the build artifact into /tmp/${folder}`)}`,
    // The base image may still hold the folder from an earlier build, owned by somebody else.
    `sudo rm -rf ${target}`,
    `mkdir ${target}`,
    // Not by tar's -C, which reads backslashes in a name as escapes.
    `(cd ${target} && tar -xpzf ${archive})`,
    `rm -f ${archive}`,
  ]
}

/** Whatever of curl, wget and python3 the image has; several tries, and nothing is unpacked unless the digest is right. */
function downloadByShell({ url, sha256, bytes }: BuildArtifact, archive: string): string[] {
  return [
    `echo 'aib-action: downloading the build artifact (${bytes} bytes)'`,
    'aib_download() {',
    '  if command -v curl >/dev/null; then curl -fsS -o "$2" "$1"',
    '  elif command -v wget >/dev/null; then wget -q -O "$2" "$1"',
    '  elif command -v python3 >/dev/null; then',
    `    python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' "$1" "$2"`,
    `  else echo 'aib-action: the image has none of curl, wget and python3' >&2; exit 1; fi`,
    '}',
    'for aib_try in 1 2 3 4 5; do',
    `  if aib_download ${quotePosix(url)} ${archive}; then break; fi`,
    `  if [ "$aib_try" = 5 ]; then echo 'aib-action: the download failed 5 times' >&2; exit 1; fi`,
    '  sleep $((aib_try * 5))',
    'done',
    `echo '${sha256}  ${archive}' | sha256sum -c -`,
  ]
}

/** For Windows PowerShell 5.1 and later. `Expand-Archive` is left out: slow, and it treats `[` in a path as a pattern. */
function unpackByPowerShell({ folder }: BuildArtifact, archive: string): string[] {
  const target = quotePowerShell(artifactTarget('Windows', folder))
  return [
    `Write-Output ${quotePowerShell(`aib-action: unpacking the build artifact into C:\\buildArtifacts\\${folder}`)}`,
    `if (Test-Path -LiteralPath ${target}) { Remove-Item -LiteralPath ${target} -Recurse -Force }`,
    `[void][System.IO.Directory]::CreateDirectory(${target})`,
    'Add-Type -AssemblyName System.IO.Compression.FileSystem',
    `[System.IO.Compression.ZipFile]::ExtractToDirectory('${archive}', ${target})`,
    `Remove-Item -LiteralPath '${archive}' -Force`,
  ]
}

function downloadByPowerShell({ url, sha256, bytes }: BuildArtifact, archive: string): string[] {
  return [
    `Write-Output 'aib-action: downloading the build artifact (${bytes} bytes)'`,
    // Windows Server 2016 offers TLS 1.0 alone unless told.
    '[System.Net.ServicePointManager]::SecurityProtocol = [System.Net.SecurityProtocolType]::Tls12',
    'for ($aibTry = 1; ; $aibTry++) {',
    `  try { Invoke-WebRequest -UseBasicParsing -Uri ${quotePowerShell(url)} -OutFile '${archive}'; break }`,
    '  catch { if ($aibTry -ge 5) { throw }; Start-Sleep -Seconds ($aibTry * 5) }',
    '}',
    `$aibDigest = (Get-FileHash -LiteralPath '${archive}' -Algorithm SHA256).Hash.ToLowerInvariant()`,
    `if ($aibDigest -ne '${sha256}') { throw "The build artifact arrived damaged: SHA-256 $aibDigest" }`,
  ]
}
