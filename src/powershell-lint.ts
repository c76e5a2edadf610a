/**
 * What the troubleshooting guide of Image Builder warns of, in PowerShell scripts: only what certainly does harm, for a
 * false alarm costs more than silence. What a variable holds is not guessed.
 */
import { readPowerShell, type PowerShellCall, type PowerShellScript } from './powershell-commands.ts'
import type { ScriptWarning } from './script-lint.ts'

/** @returns warnings in the order of the lines; none for a script that ends in the middle of something */
export function lintPowerShell(script: readonly string[]): ScriptWarning[] {
  const read = readPowerShell(script)
  if (!read) return []
  return read.calls.flatMap((call) =>
    RULES.flatMap(([name, rule]) => {
      const message = rule(call, read)
      return message === undefined ? [] : [{ name, line: call.line, message }]
    }),
  )
}

/** Stands for what only the run tells. */
const UNKNOWN = '…'

type Rule = (call: PowerShellCall, script: PowerShellScript) => string | undefined
const RULES: [name: ScriptWarning['name'], rule: Rule][] = [
  ['waits-for-input', asks],
  ['restart-in-script', restarts],
  ['closes-connection', closes],
  ['deprovisioning-removed', removes],
]

const NOBODY = 'and nobody answers in a build: it waits for its time to be over, or fails'

const words = ({ args }: PowerShellCall): string[] =>
  args.map(({ value, dynamic }) => (dynamic ? UNKNOWN : value))
const all = (call: PowerShellCall): string => words(call).join(' ')
const CMDLET_OFF = /^-(?:WhatIf|\?)$/i

/** What waits for a person. */
function asks(call: PowerShellCall, { source }: PowerShellScript): string | undefined {
  const { name, args } = call
  if (name === 'read-host') return `Read-Host waits for a line, ${NOBODY}.`
  if (name === 'pause') return `pause waits for a key, ${NOBODY}.`
  if (/^(?:\[void\])?\[(?:system\.)?console\]::read(?:line|key)?$/.test(name))
    return `Console.Read waits for a key, ${NOBODY}.`
  const given = args.some(({ value }) => /^-Cred|^-\?/i.test(value) || /^[$@]/.test(value))
  if (name === 'get-credential' && !given) return `Get-Credential asks for a password, ${NOBODY}.`
  const [verb = ''] = words(call)
  const choco =
    /^(?:cinst|cup|cuninst)$/.test(name) ||
    (name === 'choco' && /^(?:install|upgrade|uninstall)$/i.test(verb))
  if (!choco) return undefined
  const confirmed = args.some(
    ({ value, dynamic }) =>
      dynamic || /^[$@]|^\/[yY]$|^-[a-zA-Z]*[yY?]|^--(?:yes|confirm|noop|whatif|what-if|help)$/.test(value),
  )
  const settled = /allowGlobalConfirmation/i.test(source)
  return confirmed || settled ? undefined : `${name} ${verb} asks before it runs a script, ${NOBODY}; add -y.`
}

/** Packer loses a Windows machine that restarts without being told to wait. */
function restarts(call: PowerShellCall): string | undefined {
  const { name, args } = call
  const given = words(call)
  const remedy =
    'Packer does not survive it: set windows-restart: true, or put a WindowsRestart customizer there.'
  if (name === 'restart-computer' || name === 'stop-computer') {
    const elsewhere = args.some(({ value }) => CMDLET_OFF.test(value) || /^-(?:Comp|CN$)|^@/i.test(value))
    const positional = args[0] !== undefined && !args[0].value.startsWith('-')
    if (elsewhere || positional) return undefined
    return name === 'stop-computer'
      ? 'Stop-Computer switches the build VM off, and the build fails.'
      : `Restart-Computer restarts the build VM; ${remedy}`
  }
  const flags = given.map((word) => word.replace('-', '/').toLowerCase())
  if (name !== 'shutdown' || flags.some((flag) => /^\/(?:a|m|\?|o|i)$/.test(flag)) || given.includes(UNKNOWN))
    return undefined
  if (flags.some((flag) => /^\/(?:r|g)$/.test(flag))) return `shutdown restarts the build VM; ${remedy}`
  return flags.some((flag) => /^\/(?:s|sg|p)$/.test(flag))
    ? 'shutdown switches the build VM off, and the build fails.'
    : undefined
}

const CLOSES = 'Image Builder works by WinRM on port 5986 and loses its connection'
const WINRM_RULE = /5986|winrm|windows remote management/i

/** What keeps Image Builder out. */
function closes(call: PowerShellCall, script: PowerShellScript): string | undefined {
  const { name } = call
  const text = all(call)
  if (CMDLET_OFF.test(text.split(' ').find((word) => CMDLET_OFF.test(word)) ?? '') || text.includes(UNKNOWN))
    return undefined
  const told = `${name} ${text}: ${CLOSES}.`.replace(' :', ':')
  const winrm = /(?:^|\s)winrm\b/i.test(text)
  switch (name) {
    case 'disable-psremoting':
      return `Disable-PSRemoting: ${CLOSES}.`
    case 'stop-service':
    case 'spsv':
      return winrm ? told : undefined
    case 'set-service':
      return winrm && /-StartupType Disabled|-Status Stopped/i.test(text) ? told : undefined
    case 'net':
      return /^stop winrm$/i.test(text) ? told : undefined
    case 'sc':
      return /^(?:stop|delete) winrm$|^config winrm start= ?disabled/i.test(text) ? told : undefined
    case 'winrm':
      return /^delete winrm\/config\/listener/i.test(text) && !/Transport=HTTP(?!S)/i.test(text)
        ? told
        : undefined
    case 'netsh':
    case 'set-netfirewallprofile':
    case 'new-netfirewallrule':
    case 'disable-netfirewallrule':
    case 'remove-netfirewallrule':
      return closesByFirewall(name, text) && !letsIn(script) ? told : undefined
    default:
      return undefined
  }
}

/** Rules for some senders or for what goes out are none. */
function closesByFirewall(name: string, text: string): boolean {
  if (/-RemoteAddress|remoteip=|dir=out|-Direction Outbound|-Enabled (?:False|\$false)|enable=no/i.test(text))
    return false
  if (name === 'netsh') {
    const on =
      /^advfirewall set (?:allprofiles|currentprofile|publicprofile|privateprofile|domainprofile) state on$/i.test(
        text,
      )
    const blocks = /^advfirewall firewall add rule\b/i.test(text) && /action=block/i.test(text)
    const deletes = /^advfirewall firewall delete rule\b/i.test(text)
    return on || ((blocks || deletes) && /localport=\S*\b5986\b|winrm|windows remote management/i.test(text))
  }
  if (name === 'set-netfirewallprofile') return /-Enabled[ :](?:True|\$true|1)\b/i.test(text)
  if (name === 'new-netfirewallrule')
    return /-Action Block/i.test(text) && /-LocalPort .*\b5986\b/i.test(text)
  return WINRM_RULE.test(text)
}

/** Whether a rule of the script opens the way for Image Builder. */
function letsIn({ calls }: PowerShellScript): boolean {
  return calls.some((one) => {
    const text = all(one)
    const opens =
      /^(?:new|enable|set)-netfirewallrule$/.test(one.name) ||
      (one.name === 'netsh' && / add rule /i.test(text))
    const sets = /action[ =]"?block/i.test(text) || /-Enabled (?:False|\$false)/i.test(text)
    return (
      (opens && !sets && (WINRM_RULE.test(text) || /[…$@]/.test(text))) ||
      /^(?:enable-psremoting|winrm)$/.test(one.name)
    )
  })
}

/** What the build needs at its end: its script, and the agent that Sysprep's script waits for. */
function removes(call: PowerShellCall, { calls, bare }: PowerShellScript): string | undefined {
  const { name } = call
  const text = all(call)
  if (words(call).some((word) => CMDLET_OFF.test(word))) return undefined
  const agent = /\b(?:WindowsAzureGuestAgent|RdAgent)\b/i.test(text)
  const stops =
    /^(?:stop-service|spsv|remove-service)$/.test(name) ||
    (name === 'set-service' && /-StartupType Disabled|-Status Stopped/i.test(text)) ||
    (name === 'sc' && /^(?:delete|stop) |^config \S+ start= ?disabled/i.test(text)) ||
    (name === 'net' && /^stop /i.test(text))
  if (agent && stops) {
    return `${name} ${text}: Image Builder waits for the Azure guest agent before it generalizes the VM, and the build does not end.`
  }
  if (!/^(?:remove-item|ri|rm|del|erase|rd|rmdir)$/.test(name)) return undefined
  const file = words(call).find((word) =>
    /^(?:c:|\$env:SystemDrive)[\\/](?:DeprovisioningScript\.ps1|Dep\S*\*\S*|\*|\*\.ps1|\*\.\*)$/i.test(word),
  )
  const spared = /-(?:Exclude|Include|Filter)\b/i.test(text)
  const written = calls.some(
    (one) =>
      /^(?:copy-item|cp|copy|set-content|out-file|new-item|move-item|add-content|invoke-webrequest|tee-object)$/.test(
        one.name,
      ) && /DeprovisioningScript\.ps1/i.test(all(one)),
  )
  if (file === undefined || spared || written || />\s*c:\\DeprovisioningScript/i.test(bare)) return undefined
  return `${name} ${file} deletes C:\\DeprovisioningScript.ps1, which Image Builder runs at the end: the image cannot be made.`
}
