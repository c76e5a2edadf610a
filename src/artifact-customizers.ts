/** How the build artifact comes into the image: brought by Image Builder or downloaded by the build VM, then unpacked. */
import {
  artifactTarget,
  deletingByPowerShell,
  deletingByShell,
  downloadByPowerShell,
  downloadByShell,
  unpackByPowerShell,
  unpackByShell,
} from './artifact-scripts.ts'
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
      "'download' needs a URL with a SAS, for the managed identity is Image Builder's and not the build VM's: use artifact-access: sas, or artifact-transfer: file.",
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
    const inline = [deletingByShell(archive), ...download, ...unpackByShell(artifact, archive)]
    return [...bring, { type: 'Shell', name, inline }]
  }
  const download = byFile ? [] : downloadByPowerShell(artifact, archive)
  const steps = [...download, ...unpackByPowerShell(artifact, archive)]
  const inline = [...POWERSHELL_PREFERENCES, ...deletingByPowerShell(archive, steps)]
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
