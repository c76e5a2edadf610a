/** Scripts for Windows PowerShell 5.1 and later that fail as soon as a command does. */
import { quotePowerShell } from './shell.ts'

export const POWERSHELL_PREFERENCES = [
  "$ErrorActionPreference = 'Stop'",
  "$ProgressPreference = 'SilentlyContinue'",
]

/**
 * PowerShell goes on after a native command that failed. So the script is handed over as text, PowerShell's own parser
 * finds the statements that call commands, at any depth, and a look at the exit code is put behind each; then the
 * script runs as one, in its own words: `param`, `using`, `return`, blocks and here-strings mean what they always do.
 * What stands in a condition is left alone: there an exit code is an answer. A mistake and a bad exit code are told on
 * stdout, in the words of `namingLines`; an error of PowerShell's own, which it tells with `At line:12 char:1`, is not
 * caught, for a script that goes on after errors would end there.
 * @param input the input that the script came from, for messages
 */
export function failingFast(script: readonly string[], input: string): string[] {
  return [
    ...POWERSHELL_PREFERENCES,
    '$aibScript = @(',
    script.map((line) => `  ${quotePowerShell(line)}`).join(',\n'),
    ') -join "`n"',
    '$aibTokens = $aibErrors = $null',
    '$aibTree = [System.Management.Automation.Language.Parser]::ParseInput($aibScript, [ref]$aibTokens, [ref]$aibErrors)',
    'if ($aibErrors) {',
    `  $aibErrors | ForEach-Object { Write-Host "aib-action: ${input}, line $($_.Extent.StartLineNumber): $($_.Message)" }`,
    '  exit 1',
    '}',
    'function Assert-AibExitCode([int]$Line) {',
    '  if ($global:LASTEXITCODE -ne 0) {',
    `    Write-Host "aib-action: ${input}, line $\{Line}: exit code $global:LASTEXITCODE"`,
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
