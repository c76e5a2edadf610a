/** Builds whose time is too short, or longer than the job has. */
import type { NewBuild } from './inputs.ts'
import { readPowerShell } from './powershell-commands.ts'
import type { Warning } from './preflight.ts'
import type { TemplateSettings } from './template-schema.ts'
import { buildMinutes } from './template-settings.ts'

/** Commands that surely take no time; with any other one, nobody knows. */
const QUICK =
  /^(?:(?:write-(?:host|output|verbose|information)|echo|new-item(?:property)?|(?:set|get|rename)-item(?:property)?|(?:set|add|get)-content|out-file|mkdir|md|reg|setx|set-timezone|tzutil|hostname|get-date|test-path)$|\[(?:system\.)?environment\]::)/

/** "Sysprep timing" of the troubleshooting guide: customized in less than 3 seconds on the default size. @param request of Windows */
export function shortBuildWarning({ settings, customization, artifact }: NewBuild): Warning[] {
  const { inlineScript, own, further, windowsUpdate, windowsRestart } = customization
  const more = windowsUpdate || windowsRestart || own.length > 0 || further.length > 0
  if (artifact || more || settings.vmProfile?.vmSize !== undefined || inlineScript.length === 0) return []
  const script = readPowerShell(inlineScript)
  if (script === undefined || script.statements > 3 || script.bare.includes('{')) return []
  const quick = script.calls.filter(({ name }) => QUICK.test(name))
  if (quick.length !== script.statements || quick.length !== script.calls.length) return []
  const message =
    'inline-script is over so soon that Sysprep may begin before the guest agent is there: give vm-size, such as Standard_D4s_v5, or end with Start-Sleep -Seconds 60.'
  return [{ name: 'short-windows-build', message, at: { input: 'inline-script', line: 1 } }]
}

/** @param limitMinutes how long the job or its step may take */
export function jobLimitWarning(settings: TemplateSettings, limitMinutes: number): Warning[] {
  const minutes = buildMinutes(settings)
  if (minutes <= limitMinutes) return []
  const message = `build-timeout-in-minutes is ${minutes}, but the job ends after ${limitMinutes} minutes at the latest, and the build with it: raise timeout-minutes in the workflow, or lower build-timeout-in-minutes.`
  return [{ name: 'build-timeout-beyond-job', message }]
}
