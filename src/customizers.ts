/**
 * What happens inside the build VM, in order: the artifact is brought and unpacked, the user's script runs, Windows
 * Update comes last. From checked inputs to `customize[]` of the template.
 */
import type { Problem } from './errors.ts'
import type { OsType } from './source-image.ts'
import { quotePosix, quotePowerShell } from './shell.ts'

/** A customizer in ARM form. */
export type Customizer =
  | { type: 'File'; name: string; sourceUri: string; destination: string; sha256Checksum: string }
  | { type: 'Shell'; name: string; inline: string[] }
  | { type: 'PowerShell'; name: string; inline: string[]; runElevated?: true; runAsSystem?: true }
  | { type: 'WindowsUpdate'; name: string; searchCriteria: string; filters: string[] }

/** The uploaded build artifact, as the build VM gets it. */
export interface BuildArtifact {
  /** Name of the folder that it becomes in the image. */
  folder: string
  /** Readable URL: with a SAS, hence a secret. */
  url: string
  /** Lower-case hexadecimal. */
  sha256: string
  /** Size of the archive. */
  bytes: number
}

export interface Customization {
  osType: OsType
  /** How scripts run; `auto` is decided by then. */
  provisioner: 'shell' | 'powershell'
  artifact?: BuildArtifact
  inlineScript: string[]
  runElevated: boolean
  runAsSystem: boolean
  windowsUpdate: boolean
}

/**
 * Above this the File customizer takes hours or fails: Azure's advice for it is files below 20 MB, and larger ones
 * are to be downloaded by a script ("Troubleshoot Azure VM Image Builder").
 */
export const FILE_CUSTOMIZER_LIMIT_BYTES = 20 * 1024 * 1024

/** Where the artifact is unpacked: `/tmp/<folder>` or `C:\buildArtifacts\<folder>`. */
export function artifactTarget(osType: OsType, folder: string): string {
  return osType === 'Linux' ? `/tmp/${folder}` : `C:\\buildArtifacts\\${folder}`
}

/** What the inputs ask of an operating system that cannot do it. */
export function customizationProblems(
  request: Pick<Customization, 'runElevated' | 'windowsUpdate'> & { provisioner: string },
  osType: OsType,
): Problem[] {
  const os = `the source image is ${osType}`
  const shell = request.provisioner === 'shell' || (request.provisioner === 'auto' && osType === 'Linux')
  const problems: [boolean, Problem][] = [
    [
      osType === 'Linux' && request.windowsUpdate,
      { input: 'windows-update', message: `needs Windows; ${os}.` },
    ],
    [
      osType === 'Windows' && request.provisioner === 'shell',
      { input: 'provisioner', message: `'shell' needs Linux; ${os}.` },
    ],
    [
      osType === 'Linux' && request.provisioner === 'powershell',
      { input: 'provisioner', message: `'powershell' needs Windows; ${os}.` },
    ],
    [shell && request.runElevated, { input: 'run-elevated', message: `needs PowerShell; ${os}.` }],
  ]
  return problems.filter(([wrong]) => wrong).map(([, problem]) => problem)
}

/** All customizers of a build, in the order in which they run. */
export function customizers(customization: Customization): Customizer[] {
  const { artifact, inlineScript, windowsUpdate } = customization
  const list: Customizer[] = []
  if (artifact) list.push(...artifactCustomizers(customization.osType, artifact))
  if (inlineScript.length > 0) list.push(inlineScriptCustomizer(customization))
  if (windowsUpdate) list.push(WINDOWS_UPDATE)
  return list
}

/** Important and recommended updates, without previews: the criteria of the Azure DevOps task, letter by letter. */
const WINDOWS_UPDATE: Customizer = {
  type: 'WindowsUpdate',
  name: 'aib-action: Windows Update',
  searchCriteria: 'IsInstalled=0',
  filters: ["exclude:$_.Title -like '*Preview*'", 'include:$true'],
}

function artifactCustomizers(osType: OsType, artifact: BuildArtifact): Customizer[] {
  const name = `aib-action: unpack ${artifact.folder}`
  // The digest keeps the archive's name free of anything that the user chose. Both folders exist in every image,
  // as the File customizer demands; on Linux it may write to /tmp alone.
  const stem = `aib-artifact-${artifact.sha256.slice(0, 16)}`
  const archive = osType === 'Linux' ? `/tmp/${stem}.tar.gz` : `C:\\Windows\\Temp\\${stem}.zip`
  const byFile = artifact.bytes <= FILE_CUSTOMIZER_LIMIT_BYTES
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

const POWERSHELL_PREFERENCES = ["$ErrorActionPreference = 'Stop'", "$ProgressPreference = 'SilentlyContinue'"]

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

function inlineScriptCustomizer(customization: Customization): Customizer {
  const { inlineScript, runElevated, runAsSystem, provisioner } = customization
  const name = 'aib-action: inline script'
  if (provisioner === 'shell') return { type: 'Shell', name, inline: inlineScript }
  return {
    type: 'PowerShell',
    name,
    inline: failingFast(inlineScript),
    ...(runElevated ? { runElevated: true } : {}),
    ...(runAsSystem ? { runAsSystem: true } : {}),
  }
}

/**
 * PowerShell goes on after a native command that failed. So the script is handed over as text, PowerShell's own parser
 * finds the statements that call commands, at any depth, and a look at the exit code is put behind each; then the
 * script runs as one, in its own words: `param`, `using`, `return`, blocks and here-strings mean what they always do.
 * What stands in a condition is left alone: there an exit code is an answer.
 */
function failingFast(script: string[]): string[] {
  return [
    ...POWERSHELL_PREFERENCES,
    '$aibScript = @(',
    script.map((line) => `  ${quotePowerShell(line)}`).join(',\n'),
    ') -join "`n"',
    '$aibTokens = $aibErrors = $null',
    '$aibTree = [System.Management.Automation.Language.Parser]::ParseInput($aibScript, [ref]$aibTokens, [ref]$aibErrors)',
    'if ($aibErrors) {',
    '  $aibErrors | ForEach-Object { Write-Host "inline-script, line $($_.Extent.StartLineNumber): $($_.Message)" }',
    '  exit 1',
    '}',
    'function Assert-AibExitCode([int]$Line) {',
    '  if ($global:LASTEXITCODE -ne 0) {',
    '    Write-Host "inline-script, line ${Line}: exit code $global:LASTEXITCODE"',
    '    exit $global:LASTEXITCODE',
    '  }',
    '}',
    '$aibCallsCommand = {',
    '  param($aibNode)',
    '  $aibStep = $aibNode',
    '  if ($aibNode -is [System.Management.Automation.Language.AssignmentStatementAst]) { $aibStep = $aibNode.Right }',
    '  $aibInBlock = $aibNode.Parent -is [System.Management.Automation.Language.NamedBlockAst] -or $aibNode.Parent -is [System.Management.Automation.Language.StatementBlockAst]',
    '  $aibIsPipeline = $aibStep -is [System.Management.Automation.Language.PipelineAst]',
    '  $aibInBlock -and $aibIsPipeline -and $null -ne $aibStep.Find({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)',
    '}',
    '$aibEdits = foreach ($aibFound in $aibTree.FindAll($aibCallsCommand, $true)) {',
    "  [pscustomobject]@{ At = $aibFound.Extent.StartOffset; Text = '$global:LASTEXITCODE = 0; ' }",
    '  [pscustomobject]@{ At = $aibFound.Extent.EndOffset; Text = "; Assert-AibExitCode $($aibFound.Extent.StartLineNumber)" }',
    '}',
    'foreach ($aibEdit in ($aibEdits | Sort-Object -Property At -Descending)) {',
    '  $aibScript = $aibScript.Insert($aibEdit.At, $aibEdit.Text)',
    '}',
    '. ([scriptblock]::Create($aibScript))',
  ]
}
