/**
 * What the troubleshooting guide of Image Builder warns of, in shell scripts: only what certainly does harm, for a false
 * alarm costs more than silence. What a variable holds is not guessed.
 */
import type { ScriptWarning } from './script-lint.ts'
import { readShell, type Argument, type Call, type ShellScript } from './shell-commands.ts'

/** @returns warnings in the order of the lines; none for a script that has mistakes */
export function lintShell(script: readonly string[]): ScriptWarning[] {
  const read = readShell(script)
  if (!read) return []
  return read.calls.flatMap((call) =>
    RULES.flatMap(([name, rule]) => {
      const message = call.name === '' ? undefined : rule(call, read)
      return message === undefined ? [] : [{ name, line: call.line, message }]
    }),
  )
}

/** Stands for what only the run tells. */
const UNKNOWN = '…'

type Rule = (call: Call, script: ShellScript) => string | undefined
const RULES: [name: ScriptWarning['name'], rule: Rule][] = [
  ['waits-for-input', (call, script) => (call.fed ? undefined : asks(call, script))],
  ['restart-in-script', restarts],
  ['closes-connection', closes],
  ['deprovisioning-removed', removes],
]

const NOBODY = 'and nobody answers in a build: it waits for its time to be over, or fails'

/** A package manager: what it asks about, and how it is told not to ask. */
interface Manager {
  asks: RegExp
  /** Options that take the next word. */
  takesValue: RegExp
  /** Options with which nothing is asked, or nothing done. */
  quiet: RegExp
  /** Settings with which nothing is asked. */
  settled: RegExp
  say: string
}
const APT: Manager = {
  asks: /^(?:install|reinstall|upgrade|dist-upgrade|full-upgrade|remove|purge|autoremove|autopurge|build-dep)$/,
  takesValue:
    /^(?:-[a-zA-Z]*[octa]|--option|--config-file|--default-release|--target-release|--host-architecture)$/,
  quiet:
    /^(?:-[^octa-]*[yshv]|-[^octa-]*q[^octa-]*q|-q=[2-9]|--(?:yes|assume-yes|assume-no|force-yes|simulate|dry-run|just-print|no-act|recon|print-uris|help|version|quiet=[2-9])$)/,
  settled: /Assume-Yes/i,
  say: '-y',
}
const DNF: Manager = {
  asks: /^(?:install|update|upgrade|remove|erase|reinstall|downgrade|autoremove|groupinstall|localinstall|distro-sync|swap)$/,
  takesValue: /^-[deRxc]$/,
  quiet: /^(?:-[a-zA-Z]*[yh]|--(?:assumeyes|assumeno|help|version)$)/,
  settled: /assumeyes/i,
  say: '-y',
}
const ZYPPER: Manager = {
  asks: /^(?:install|in|update|up|dist-upgrade|dup|remove|rm|patch)$/,
  takesValue: /^(?:-[rRtc]|--(?:root|repo|type|config))$/,
  quiet: /^(?:-[a-zA-Z]*[nyDh]|--(?:non-interactive|no-confirm|dry-run|help)$)/,
  settled: /no-confirm|non-interactive/i,
  say: '--non-interactive',
}
const MANAGERS: Record<string, Manager> = {
  'apt-get': APT,
  apt: APT,
  yum: DNF,
  dnf: DNF,
  tdnf: DNF,
  zypper: ZYPPER,
}

/** What waits for a person. */
function asks({ name, args }: Call, { source }: ShellScript): string | undefined {
  const manager = MANAGERS[name]
  if (manager) {
    const verb = manager.settled.test(source) ? undefined : askingVerb(args, manager)
    return verb && `${name} ${verb} asks before it begins, ${NOBODY}; add ${manager.say}.`
  }
  // An option may change everything, and so may what only the run tells.
  const values = args.map(({ value }) => value ?? '-')
  const options = values.filter((value) => value.startsWith('-'))
  if (name === 'read' && options.every((one) => /^-[rs]*p?$/.test(one)) && args.every(({ value }) => value)) {
    return `read waits for a line, ${NOBODY}.`
  }
  if (name === 'passwd' && options.length === 0) return `passwd asks for a password, ${NOBODY}; use chpasswd.`
  if (name === 'mysql_secure_installation' && options.length === 0)
    return `${name} asks questions, ${NOBODY}.`
  const makesKey =
    name === 'ssh-keygen' && options.every((one) => /^(?:-[tbCfaNqm]|-q?[tbCfN]\S+)$/.test(one))
  if (makesKey && !(options.includes('-f') && options.includes('-N'))) {
    return `ssh-keygen asks for a file and a passphrase, ${NOBODY}; give -f and -N.`
  }
  return undefined
}

/** What a package manager is told to do, when it asks back. */
function askingVerb(args: Argument[], { asks, takesValue, quiet }: Manager): string | undefined {
  let [verb, quietness] = [undefined as string | undefined, 0]
  for (let at = 0; at < args.length; at++) {
    const { value, text = '' } = args[at] ?? {}
    // `nginx=$VERSION` is no option, `$OPTIONS` may be some.
    if (value === undefined && !/^[A-Za-z0-9./~]/.test(text)) return undefined
    const word = value ?? text
    if (quiet.test(word)) return undefined
    if (/^-q$|^--quiet$/.test(word)) quietness++
    if (takesValue.test(word)) at++
    else if (!word.startsWith('-')) verb ??= word
  }
  return quietness < 2 && verb !== undefined && asks.test(verb) ? verb : undefined
}

/**
 * A Linux build may restart by code (documentation of the Azure DevOps task), as the last thing: what comes after is
 * cut off. A machine that is switched off does not come back.
 */
function restarts({ name, args, always, last }: Call): string | undefined {
  const words = args.map(({ value }) => value ?? UNKNOWN)
  if (!always || words.some((word) => /^…|^--help$|^-c$|^--(?:wtmp-only|no-wall-only)$|^-w$/.test(word)))
    return undefined
  const what = name === 'systemctl' ? words.find((word) => !word.startsWith('-')) : name
  const level = name === 'init' || name === 'telinit' ? words[0] : undefined
  const shutdown = name === 'shutdown'
  const ends = (what === 'poweroff' || what === 'halt') && !words.includes('--reboot')
  if (ends || level === '0' || (shutdown && !words.some((word) => /^(?:-r|--reboot|-k)$/.test(word)))) {
    return `${name} switches the build VM off, and the build fails.`
  }
  const again = what === 'reboot' || what === 'kexec' || level === '6' || (shutdown && !words.includes('-k'))
  if (!again || last) return undefined
  return `${name} restarts the build VM, and what comes after it is cut off; let it be the last command, and put the rest into customizers.`
}

const SSH = /^(?:ssh|sshd|ssh\.service|sshd\.service|ssh\.socket|sshd\.socket)$/
const CLOSES = 'Image Builder works by SSH on port 22 and loses its connection'

/** What keeps Image Builder out. */
function closes(call: Call, script: ShellScript): string | undefined {
  const { name, args } = call
  const words = args.map(({ value }) => value ?? UNKNOWN)
  const all = words.join(' ')
  const others = (one: string): string[] =>
    script.calls
      .filter((other) => other.name === one)
      .map((other) => other.args.map(({ value }) => value ?? UNKNOWN).join(' '))
  switch (name) {
    case 'ufw': {
      // A rule without a port, or one that only the run tells, may let it in.
      const letsIn =
        /^(?:insert \d+ )?(?:allow|limit)\b(?=.*(?:\b22\b|ssh|…)|(?!.*\d)| in\b| from (?!.*port))|^default allow|^disable|^reset/i
      if (
        !/^(?:--force )?enable$/.test(all) ||
        others('ufw').some((other) => letsIn.test(other.replace('--force ', '')))
      )
        return
      return `ufw enable without ufw allow OpenSSH: ${CLOSES}.`
    }
    case 'iptables':
      return closesByIptables(all, others('iptables'))
    case 'systemctl':
    case 'service': {
      const [verb = '', ...units] =
        name === 'service' ? words.toReversed() : words.filter((word) => !word.startsWith('-'))
      const again = new RegExp(
        `\\b(?:start|restart|unmask|enable|reload-or-restart)\\b.*\\bsshd?\\b|\\bsshd?\\b.*\\b(?:start|restart)\\b`,
      )
      const back = [...others('systemctl'), ...others('service')].some(
        (other) => again.test(other) || /^daemon|…/.test(other),
      )
      if (!/^(?:stop|disable|mask)$/.test(verb) || !units.some((unit) => SSH.test(unit)) || back) return
      return `${name} ${all}: ${CLOSES}.`
    }
    case 'firewall-cmd': {
      const removed = /--remove-service[= ]ssh\b|--remove-port[= ]22\/tcp/.test(all)
      const back = others(name).some((other) =>
        /--add-service[= ]ssh\b|--add-port[= ]22\/tcp|--add-rich-rule|…/.test(other),
      )
      return (removed && !back) || words.includes('--panic-on') ? `${name} ${all}: ${CLOSES}.` : undefined
    }
    case 'killall':
    case 'pkill':
      return /^(?:-9 |-KILL |-x )*sshd$/.test(all) ? `${name} sshd: ${CLOSES}.` : undefined
    default: {
      const manager = MANAGERS[name]
      const verb = manager && words.find((word) => /^(?:remove|purge|erase|autoremove)$/.test(word))
      return verb && words.includes('openssh-server')
        ? `${name} ${verb} openssh-server: ${CLOSES}.`
        : undefined
    }
  }
}

/** Rules that hold for some senders, and packets let in by other rules, are not looked at closely: they keep it silent. */
function closesByIptables(rule: string, all: string[]): string | undefined {
  const accepts = /(?:-A|-I|--append|--insert) INPUT\b.*(?:-j|--jump) ACCEPT/
  const letsIn = all.some(
    (one) =>
      one.includes(UNKNOWN) ||
      /^(?:-w )?(?:-P|--policy) INPUT ACCEPT|^(?:-w )?(?:-F|--flush)/.test(one) ||
      (accepts.test(one) && (/--dports? \S*\b(?:22|ssh)\b/.test(one) || !/--dports? |-i lo\b/.test(one))),
  )
  const drops = /(?:-P|--policy) INPUT (?:DROP|REJECT)$/.test(rule)
  const narrow = / (?:-s|--source|-i|--in-interface|-d|--destination|!|-m (?!tcp\b))/
  const refuses = /(?:-A|-I|--append|--insert) INPUT\b.*--dport (?:22|ssh) .*(?:-j|--jump) (?:DROP|REJECT)/
  if (letsIn || !(drops || (refuses.test(rule) && !narrow.test(rule)))) return undefined
  return `iptables ${rule}: ${CLOSES}.`
}

const SCRIPT = '/tmp/DeprovisioningScript.sh'

/** What the build needs at its end: its script in /tmp, and the agent that generalizes the VM. */
function removes({ name, args }: Call, { source, calls }: ShellScript): string | undefined {
  const words = args.map(({ value }) => value ?? UNKNOWN)
  const targets = args.filter(({ text }) => !text.startsWith('-'))
  const manager = MANAGERS[name]
  const agent = manager && words.some((word) => /^(?:remove|purge|erase|autoremove)$/.test(word))
  if (agent && words.some((word) => /^walinuxagent$/i.test(word))) {
    return `${name} removes the Azure Linux Agent, which generalizes the VM at the end: the image cannot be made.`
  }
  const recursive = words.some((word) => /^-[a-zA-Z]*[rR]|^--recursive$/.test(word))
  const hits = ({ text, value = '' }: Argument): boolean => {
    const target = value.replace(/\/{2,}/g, '/')
    const bare = !/['"\\]/.test(text)
    if (target === SCRIPT || (bare && /^\/tmp\/(?:\*|D\S*\*|\*\.sh)$/.test(target))) return true
    return recursive && /^\/tmp\/?$/.test(target)
  }
  const agentFile = name === 'rm' && words.find((word) => /^\/usr\/s?bin\/waagent$/.test(word))
  if (agentFile)
    return `rm ${agentFile}: the agent generalizes the VM at the end, and the image cannot be made.`
  const cleared = name === 'find' && /^\/tmp\/? (?:-mindepth \d+ |-type f )*-delete$/.test(words.join(' '))
  if (!cleared && !(name === 'rm' && targets.some(hits))) return undefined
  // A script of the user's own, put there, is documented.
  const written = calls.some((call) => call.name !== 'rm' && call.args.some(({ value }) => value === SCRIPT))
  if (written || new RegExp(`>\\s*['"]?${SCRIPT}`).test(source)) return undefined
  return `${name} ${args.map(({ text }) => text).join(' ')} deletes ${SCRIPT}, which Image Builder runs at the end: the image cannot be made. Delete by name what is yours.`
}
