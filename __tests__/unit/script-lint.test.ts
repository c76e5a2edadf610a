/** What in scripts is warned of before a build, and what looks like it and is not. */
import { describe, expect, test } from '@jest/globals'
import { lintPowerShell } from '../../src/powershell-lint.ts'
import { buildWarnings, WARNINGS } from '../../src/preflight.ts'
import { lintPaths, SCRIPT_WARNINGS, scriptWarnings } from '../../src/script-lint.ts'
import { lintShell } from '../../src/shell-lint.ts'
import { artifactRequest, buildRequest, customization, marketplaceImage } from '../support/factories.ts'

/** Findings as `line name`. */
const shell = (script: string): string[] =>
  lintShell(script.split('\n')).map(({ name, line }) => `${line} ${name}`)
const powershell = (script: string): string[] =>
  lintPowerShell(script.split('\n')).map(({ name, line }) => `${line} ${name}`)

const [WAITS, RESTART, CLOSES, REMOVED] = [
  'waits-for-input',
  'restart-in-script',
  'closes-connection',
  'deprovisioning-removed',
] as const

describe('warned of is, in a shell script,', () => {
  test.each<[script: string, name: string, line?: number]>([
    ['apt-get install nginx', WAITS],
    ['sudo apt-get update\nsudo apt-get install nginx', WAITS, 2],
    ['sudo DEBIAN_FRONTEND=noninteractive apt-get install nginx', WAITS],
    ['export DEBIAN_FRONTEND=noninteractive\napt install -q nginx', WAITS, 2],
    ['sudo -E env A=b /usr/bin/apt-get upgrade', WAITS],
    ['apt-get update && apt-get dist-upgrade', WAITS],
    ['apt-get install nginx=$VERSION', WAITS],
    ['apt-get -o Dpkg::Options::=--force-confold install nginx', WAITS],
    ['apt-get install -t stable-yes nginx', WAITS],
    ['apt-get --purge remove snapd', WAITS],
    ['aptitude () { :; }\napt autoremove', WAITS, 2],
    ['if true; then\n  apt-get install nginx\nfi', WAITS, 2],
    ['for p in a b; do\n  nohup apt-get install nginx\ndone', WAITS, 2],
    ['setup() {\n  apt-get install nginx\n}\nsetup', WAITS, 2],
    ['x=$(apt-get install nginx)', WAITS],
    ['apt-get install nginx | tee log', WAITS],
    ['apt-get install \\\n  nginx', WAITS],
    ['sudo yum install httpd', WAITS],
    ['dnf upgrade --refresh', WAITS],
    ['tdnf install nginx', WAITS],
    ['sudo zypper install nginx', WAITS],
    ['zypper in nginx', WAITS],
    ['read answer', WAITS],
    ["read -r -p 'go on?' answer", WAITS],
    ['while read line; do\n  echo $line\ndone', WAITS],
    ['sudo passwd root', WAITS],
    ['passwd', WAITS],
    ['ssh-keygen -t ed25519', WAITS],
    ['ssh-keygen -t rsa -f key', WAITS],
    ["ssh-keygen -t rsa -N ''", WAITS],
    ['sudo mysql_secure_installation', WAITS],
    ['sudo reboot\necho after', RESTART],
    ['apt-get update && sudo shutdown -r now\necho after', RESTART],
    ['init 6\nls', RESTART],
    ['systemctl reboot\nls', RESTART],
    ['sudo shutdown -h now', RESTART],
    ['poweroff', RESTART],
    ['systemctl poweroff', RESTART],
    ['halt', RESTART],
    ['sudo ufw enable', CLOSES],
    ['ufw allow 80/tcp\nufw --force enable', CLOSES, 2],
    ['ufw allow 8022\nufw --force enable', CLOSES, 2],
    ['iptables -P INPUT DROP', CLOSES],
    ['iptables -A INPUT -i lo -j ACCEPT\niptables -P INPUT DROP', CLOSES, 2],
    ['iptables -A INPUT -p tcp --dport 443 -j ACCEPT\nsudo iptables -P INPUT DROP', CLOSES, 2],
    ['sudo iptables -A INPUT -p tcp --dport 22 -j DROP', CLOSES],
    ['iptables -I INPUT -p tcp -m tcp --dport 22 -j REJECT', CLOSES],
    ['sudo systemctl stop ssh', CLOSES],
    ['systemctl disable --now sshd.service', CLOSES],
    ['systemctl mask sshd', CLOSES],
    ['service ssh stop', CLOSES],
    ['firewall-cmd --permanent --remove-service=ssh', CLOSES],
    ['firewall-cmd --remove-port=22/tcp', CLOSES],
    ['firewall-cmd --panic-on', CLOSES],
    ['killall sshd', CLOSES],
    ['apt-get purge -y openssh-server', CLOSES],
    ['rm /tmp/DeprovisioningScript.sh', REMOVED],
    ['sudo rm -rf /tmp/*', REMOVED],
    ['rm -rf /tmp', REMOVED],
    ['rm -r -f /tmp/', REMOVED],
    ['rm -f /tmp/*.sh', REMOVED],
    ['rm -f /tmp/De*', REMOVED],
    ['find /tmp -mindepth 1 -delete', REMOVED],
    ['sudo apt-get purge -y walinuxagent', REMOVED],
    ['yum remove -y WALinuxAgent', REMOVED],
    ['rm -f /usr/sbin/waagent', REMOVED],
  ])('%s', (script, name, line = 1) => {
    expect(shell(script)).toEqual([`${line} ${name}`])
  })
})

const SHELL_LOOK_ALIKES = [
  'echo reboot',
  'echo "apt-get install nginx"',
  "printf '%s\\n' 'rm -rf /tmp/*'",
  '# apt-get install nginx',
  'true # reboot',
  "cat <<'E'\napt-get install nginx\nreboot\nE",
  'cat >hint <<E\nread answer\nufw enable\nE',
  'apt-get install -y nginx',
  'apt-get -y install nginx',
  'apt-get install nginx -y',
  'apt-get install -qqy nginx',
  'apt-get -qq install nginx',
  'apt-get -q -q install nginx',
  'apt-get -q=2 install nginx',
  'apt-get -yq install nginx',
  'apt install --yes nginx',
  'apt-get install --assume-yes nginx',
  'apt-get -fy install',
  'apt-get -o APT::Get::Assume-Yes=true install nginx',
  'echo \'APT::Get::Assume-Yes "true";\' >/etc/apt/apt.conf.d/90yes\napt-get install nginx',
  'apt-get install $OPTIONS nginx',
  'apt-get install "$@"',
  'apt-get install --dry-run nginx',
  'apt-get update',
  'apt-get clean',
  'apt-get download nginx',
  'apt list --installed',
  'apt-cache show install',
  'apt-mark hold nginx',
  'yes | apt-get install nginx',
  'yes | sudo apt-get install nginx',
  'echo y | yum install httpd',
  'apt-get install nginx <answers',
  'apt-get install nginx <<E\ny\nE',
  'apt-get() { command apt-get -y "$@"; }\napt-get install nginx',
  "alias apt='apt -y'\napt install nginx",
  'command -v apt-get install',
  'yum -y install httpd',
  'yum install -y httpd',
  'dnf --assumeyes install httpd',
  'dnf --setopt=assumeyes=1 install httpd',
  'yum check-update || true',
  'yum makecache',
  'zypper -n install nginx',
  'zypper --non-interactive up',
  'zypper install -y nginx',
  'zypper refresh',
  'apk add nginx',
  'timeout 600 apt-get install nginx',
  'grep -q install apt-get.log',
  'read -r x <file',
  'read -r x <<E\na\nE',
  'echo a | read -r x',
  'while read -r x; do echo "$x"; done <file',
  'cat file | while read -r x; do echo "$x"; done',
  'exec <file\nread x',
  'read -t 5 x',
  'ask() {\n  read -r x\n}\nask <file',
  'readlink -f x',
  '{\n  read -r x\n  read -r y\n} <file',
  'passwd -l root',
  'passwd --expire someone',
  'echo root:secret | chpasswd',
  'passwd --stdin someone <file',
  "ssh-keygen -q -t rsa -N '' -f key",
  "ssh-keygen -t ed25519 -f key -N ''",
  'ssh-keygen -A',
  'ssh-keygen -y -f key',
  'ssh-keygen -lf key',
  'ssh-keygen -R host',
  'sudo reboot',
  'echo done\nsudo shutdown -r now',
  'apt-get update && reboot',
  'if [ -f /var/run/reboot-required ]; then\n  reboot\nfi\necho after',
  'test -f x || reboot\necho after',
  'restart() {\n  reboot\n}\necho after',
  'shutdown -c\necho after',
  'shutdown -k now\necho after',
  'systemctl enable reboot.target\necho a',
  'which reboot\necho a',
  'ls /sbin/reboot\necho a',
  'systemctl status poweroff.target',
  'reboot() { :; }\nreboot\necho a',
  'ufw allow OpenSSH\nufw enable',
  'ufw allow 22/tcp\nufw --force enable',
  'ufw limit ssh\nufw --force enable',
  'ufw --force enable\nufw allow 22',
  'ufw allow from 10.0.0.0/8\nufw enable',
  'ufw allow from any to any port 22 proto tcp\nufw enable',
  'ufw allow "$PORT"\nufw enable',
  'ufw default allow incoming\nufw enable',
  'ufw enable\nufw disable',
  'ufw status',
  'echo ufw enable',
  'ufw deny 23',
  'iptables -P FORWARD DROP',
  'iptables -P OUTPUT DROP',
  'iptables -A INPUT -p tcp --dport 22 -j ACCEPT\niptables -P INPUT DROP',
  'iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\niptables -P INPUT DROP',
  'iptables -A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT\niptables -P INPUT DROP',
  'iptables -A INPUT -p tcp --dport 2222 -j DROP',
  'iptables -A INPUT -s 203.0.113.7 -p tcp --dport 22 -j DROP',
  'iptables -A FORWARD -p tcp --dport 22 -j DROP',
  'iptables -A OUTPUT -p tcp --dport 22 -j DROP',
  'iptables -L INPUT',
  'systemctl restart ssh',
  'systemctl enable ssh',
  'systemctl stop ssh\nsystemctl start ssh',
  'systemctl disable --now ssh.socket\nsystemctl enable --now ssh.service',
  'systemctl stop sshguard',
  'systemctl disable apt-daily.timer',
  'systemctl status ssh',
  'service ssh restart',
  'systemctl enable --now firewalld',
  'firewall-cmd --add-service=http',
  'firewall-cmd --remove-service=dhcpv6-client',
  'firewall-cmd --remove-service=ssh --zone=work\nfirewall-cmd --add-service=ssh --zone=public',
  'pgrep sshd',
  'apt-get install -y openssh-server',
  'rm -rf /tmp/webapp',
  'rm -rf /tmp/webapp/*',
  'rm -f /tmp/*.tar.gz',
  'rm -rf /var/tmp/*',
  'rm -rf ./tmp/*',
  'rm -rf "/tmp/*"',
  'rm -f /tmp',
  'rm -rf "$DIR"/tmp',
  'ls /tmp/*',
  'find /tmp -name "*.log" -delete',
  'find /tmp/webapp -delete',
  'find /tmp -type f',
  'cat /tmp/DeprovisioningScript.sh',
  'rm -f /tmp/DeprovisioningScript.sh\ncp own.sh /tmp/DeprovisioningScript.sh',
  "rm -f /tmp/DeprovisioningScript.sh\necho 'waagent' >/tmp/DeprovisioningScript.sh",
  'apt-get install -y walinuxagent',
  'apt-mark hold walinuxagent',
  'apt-get remove -y walinuxagent-doc',
  'rm -rf /var/lib/waagent/*.xml',
  'waagent -version',
  'if true; then\n  reboot', // unfinished: nobody knows
]

describe('not warned of is, in a shell script,', () => {
  test.each(SHELL_LOOK_ALIKES)('%s', (script) => {
    expect(shell(script)).toEqual([])
  })
})

describe('warned of is, in PowerShell,', () => {
  test.each<[script: string, name: string, line?: number]>([
    ["$name = Read-Host 'Name'", WAITS],
    ['Write-Output a\n$x=Read-Host', WAITS, 2],
    ['[string]$x = Read-Host', WAITS],
    ["if ((Read-Host 'Go on?') -eq 'y') { Write-Output a }", WAITS],
    ['Write-Output a; pause', WAITS],
    ['$cred = Get-Credential', WAITS],
    ['[void][Console]::ReadKey()', WAITS],
    ['choco install git', WAITS],
    ['foreach ($p in 1..2) {\n  choco upgrade git --version 2\n}', WAITS, 2],
    ['& choco.exe install git', WAITS],
    ['C:\\ProgramData\\chocolatey\\bin\\choco.exe install git', WAITS],
    ['cinst git', WAITS],
    ['function Ask {\n  Read-Host\n}\nAsk', WAITS, 2],
    ["'a', 'b' | ForEach-Object { choco install git }", WAITS],
    ['try {\n  Read-Host\n} catch { }', WAITS, 2],
    ['Write-Output "a # b"\npause', WAITS, 2],
    ['Restart-Computer', RESTART],
    ['Restart-Computer -Force', RESTART],
    ['if ($needed) {\n  Restart-Computer -Force\n}', RESTART, 2],
    ['Install-Thing `\n  -Name a\nRestart-Computer', RESTART, 3],
    ['shutdown /r /t 0', RESTART],
    ['shutdown.exe -r -f', RESTART],
    ['& C:\\Windows\\System32\\shutdown.exe /r', RESTART],
    ["& 'C:\\Windows\\System32\\shutdown.exe' /s /t 0", RESTART],
    ['Stop-Computer', RESTART],
    ['netsh advfirewall set allprofiles state on', CLOSES],
    ['Set-NetFirewallProfile -All -Enabled True', CLOSES],
    ['Set-NetFirewallProfile -Profile Domain,Public,Private -Enabled $true', CLOSES],
    [
      "New-NetFirewallRule -DisplayName 'x' -Direction Inbound -LocalPort 5986 -Protocol TCP -Action Block",
      CLOSES,
    ],
    ['netsh advfirewall firewall add rule name="x" dir=in action=block protocol=TCP localport=5986', CLOSES],
    ["Disable-NetFirewallRule -DisplayGroup 'Windows Remote Management'", CLOSES],
    ['Disable-PSRemoting -Force', CLOSES],
    ['Stop-Service WinRM', CLOSES],
    ['Stop-Service -Name WinRM -Force', CLOSES],
    ['Set-Service -Name WinRM -StartupType Disabled', CLOSES],
    ['net stop winrm', CLOSES],
    ['sc.exe config winrm start= disabled', CLOSES],
    ['winrm delete winrm/config/Listener?Address=*+Transport=HTTPS', CLOSES],
    ['Remove-Item C:\\DeprovisioningScript.ps1', REMOVED],
    ["Remove-Item -Path 'c:\\DeprovisioningScript.ps1' -Force", REMOVED],
    ['del c:/DeprovisioningScript.ps1', REMOVED],
    ['Remove-Item C:\\* -Recurse -Force', REMOVED],
    ['Remove-Item C:\\*.ps1', REMOVED],
    ['Stop-Service WindowsAzureGuestAgent', REMOVED],
    ['sc.exe delete WindowsAzureGuestAgent', REMOVED],
    ['Set-Service RdAgent -StartupType Disabled', REMOVED],
  ])('%s', (script, name, line = 1) => {
    expect(powershell(script)).toEqual([`${line} ${name}`])
  })
})

const POWERSHELL_LOOK_ALIKES = [
  "Write-Output 'Restart-Computer'",
  'Write-Output "Restart-Computer"',
  'Write-Output Restart-Computer',
  '# Restart-Computer',
  'Get-Item . # pause',
  '<#\nRestart-Computer\npause\n#>',
  "@'\nRestart-Computer\nRead-Host\n'@ | Out-File a.ps1",
  '@"\nRestart-Computer\nnet stop winrm\n"@ | Out-File a.ps1',
  "$text = 'Read-Host'",
  '$x = "$(1 + 1) Read-Host"',
  "$steps = @('Restart-Computer', 'pause')",
  '$map = @{ pause = 1; reboot = 2 }',
  '$action = { Restart-Computer }',
  'Register-ScheduledJob -Name a -ScriptBlock { Restart-Computer -Force }',
  'Invoke-Command -ComputerName other -ScriptBlock { Restart-Computer }',
  'function Restart-Later {\n  Restart-Computer\n}',
  'function pause { }\npause',
  'Restart-Computer -WhatIf',
  'Restart-Computer -ComputerName other',
  'Restart-Computer other',
  'Restart-Service W3SVC',
  'Get-Help Restart-Computer',
  'Get-Command Stop-Computer',
  'shutdown /a',
  'shutdown /?',
  'shutdown -m \\\\other -r',
  "schtasks /create /tn a /tr 'shutdown /r' /sc onstart",
  "Set-ItemProperty -Path HKLM:\\x -Name pause -Value 'shutdown /r'",
  '$pause = 5',
  'Start-Sleep 5 # pause',
  '$x.Pause()',
  '[Thing]::Reboot()',
  'Get-Credential -Credential $cred',
  '$cred = New-Object PSCredential a, $secret',
  'choco install git -y',
  'choco install -y git',
  'choco install git --yes',
  'choco install git --confirm',
  'choco install git -fy',
  'choco feature enable -n allowGlobalConfirmation\nchoco install git',
  'choco list',
  'choco install @options',
  'choco install git $options',
  'choco source add -n a -s b',
  "& 'C:\\tools\\install choco.ps1'",
  'netsh advfirewall set allprofiles state off',
  'netsh advfirewall show allprofiles state',
  'Set-NetFirewallProfile -All -Enabled False',
  'Set-NetFirewallProfile -All -LogAllowed True',
  'New-NetFirewallRule -DisplayName a -LocalPort 5986 -Action Allow\nSet-NetFirewallProfile -All -Enabled True',
  'netsh advfirewall firewall add rule name=a dir=in action=allow protocol=TCP localport=5986\nnetsh advfirewall set allprofiles state on',
  'New-NetFirewallRule -DisplayName a -LocalPort 80 -Action Block',
  'New-NetFirewallRule -DisplayName a -LocalPort 5985 -Action Block',
  'New-NetFirewallRule -DisplayName a -Direction Outbound -LocalPort 5986 -Action Block',
  'New-NetFirewallRule -DisplayName a -LocalPort 5986 -RemoteAddress 203.0.113.7 -Action Block',
  'New-NetFirewallRule -DisplayName a -LocalPort 5986 -Action Allow',
  "Enable-NetFirewallRule -DisplayGroup 'Windows Remote Management'",
  "Disable-NetFirewallRule -DisplayGroup 'Network Discovery'",
  'Enable-PSRemoting -Force',
  'Restart-Service WinRM',
  'Get-Service WinRM',
  'Set-Service WinRM -StartupType Automatic',
  'Stop-Service W3SVC',
  'net stop w3svc',
  'winrm quickconfig -q',
  'winrm delete winrm/config/Listener?Address=*+Transport=HTTP',
  'winrm enumerate winrm/config/listener',
  'Remove-Item C:\\buildArtifacts -Recurse -Force',
  "Remove-Item -Path 'C:\\buildArtifacts\\*' -Force -Recurse",
  'Remove-Item C:\\Windows\\Temp\\* -Recurse',
  'Remove-Item D:\\*',
  'Remove-Item C:\\*.log',
  'Remove-Item C:\\* -Exclude *.ps1',
  'Remove-Item C:\\DeprovisioningScript.ps1 -WhatIf',
  'Remove-Item C:\\DeprovisioningScript.ps1\nCopy-Item own.ps1 C:\\DeprovisioningScript.ps1',
  "Set-Content C:\\DeprovisioningScript.ps1 'Write-Output a'",
  'Get-Service WindowsAzureGuestAgent',
  'Restart-Service WindowsAzureGuestAgent',
  'Start-Service RdAgent',
  "while ((Get-Service RdAgent).Status -ne 'Running') { Start-Sleep -s 5 }",
  'Remove-Item C:\\WindowsAzure\\Logs -Recurse',
  "Write-Output 'it''s pause'",
  'Write-Output `\n  pause',
  'if ($x) {\n  Restart-Computer', // unfinished: nobody knows
]

describe('not warned of is, in PowerShell,', () => {
  test.each(POWERSHELL_LOOK_ALIKES)('%s', (script) => {
    expect(powershell(script)).toEqual([])
  })
})

describe("the artifact's folder", () => {
  test.each<[language: 'shell' | 'powershell', folder: string, script: string, lines: number[]]>([
    ['shell', '/tmp/_site', 'sudo cp -r /tmp/_site /opt', [1]],
    ['shell', '/tmp/_site', 'ls\nsudo /tmp/_site/install.sh', [2]],
    ['shell', '/tmp/my app', 'sh /tmp/my app/install.sh', [1]],
    ['shell', '/tmp/a&b', 'sh /tmp/a&b/install.sh', []],
    ['shell', '/tmp/_site', 'sudo cp -r "/tmp/_site" /opt', []],
    ['shell', '/tmp/_site', "sudo cp -r '/tmp/_site/'* /opt", []],
    ['shell', '/tmp/_site', '# /tmp/_site\necho a', []],
    ['shell', '/tmp/_site', 'cat <<E\n/tmp/_site\nE', []],
    ['shell', '/tmp/_site', 'ls /tmp/_site2 /tmp/_site.old', []],
    ['shell', '/tmp/my app', 'sh /tmp/my\\ app/install.sh', []],
    ['shell', '/tmp/webapp', 'sudo /tmp/webapp/install.sh', []],
    ['powershell', 'C:\\buildArtifacts\\_site', 'C:\\buildArtifacts\\_site\\install.ps1', [1]],
    ['powershell', 'C:\\buildArtifacts\\my app', '& c:/buildArtifacts/My App/install.ps1', [1]],
    ['powershell', 'C:\\buildArtifacts\\my app', "& 'C:\\buildArtifacts\\my app\\install.ps1'", []],
    ['powershell', 'C:\\buildArtifacts\\_site', '# C:\\buildArtifacts\\_site', []],
    ['powershell', 'C:\\buildArtifacts\\webapp', 'C:\\buildArtifacts\\webapp\\install.ps1', []],
  ])('%s %s: %s', (language, folder, script, lines) => {
    expect(lintPaths(script.split('\n'), folder, language).map(({ line }) => line)).toEqual(lines)
  })
})

describe('the warnings of a build', () => {
  const linux = marketplaceImage()
  const windows = marketplaceImage({ osType: 'Windows' })

  test('name the input and the line, in the order in which the scripts run', () => {
    const request = buildRequest({
      artifact: artifactRequest({ path: '/work/_site' }),
      customization: customization({
        inlineScript: ['set -e', 'sudo cp -r /tmp/_site /opt', 'sudo apt-get install nginx'],
        validationScript: ['rm -rf /tmp/*', 'read x'],
        own: [
          {
            body: { type: 'Shell', inline: ['ls\nreboot', 'ls'] },
            place: { input: 'template-file', path: 'properties.customize[1]' },
          },
        ],
        further: [
          {
            body: { type: 'Shell', inline: ['ls', 'a=1\nrm -rf /tmp'] },
            place: { input: 'customizers', path: '[0]' },
          },
        ],
      }),
    })
    expect(
      scriptWarnings(request, 'Linux').map(({ name, message, at }) => [name, message.split(': ')[0], at]),
    ).toEqual([
      ['restart-in-script', 'template-file, properties.customize[1].inline[0]', undefined],
      ['unquoted-path', 'inline-script, line 2', { input: 'inline-script', line: 2 }],
      ['waits-for-input', 'inline-script, line 3', { input: 'inline-script', line: 3 }],
      ['deprovisioning-removed', 'customizers[0].inline[1]', undefined],
      // What is deleted in the VM that only tests the image does no harm.
      ['waits-for-input', 'validation-script, line 2', { input: 'validation-script', line: 2 }],
    ])
    expect(buildWarnings(request, linux, undefined)).toEqual(scriptWarnings(request, 'Linux'))
  })

  test('are read in the language of the operating system, and of each customizer', () => {
    const inlineScript = ['Read-Host', 'reboot', 'apt-get install nginx']
    const request = buildRequest({ customization: customization({ inlineScript }) })
    expect(scriptWarnings(request, 'Windows').map(({ at }) => at?.line)).toEqual([1])
    expect(scriptWarnings(request, 'Linux').map(({ at }) => at?.line)).toEqual([2, 3])
  })

  test('have names that ignore-warnings takes, and say what to do without gaps', () => {
    for (const name of Object.keys(SCRIPT_WARNINGS)) expect(Object.keys(WARNINGS)).toContain(name)
    const inlineScript = ['pause', 'Stop-Service WinRM', 'Remove-Item C:\\*']
    const request = buildRequest({ customization: customization({ inlineScript }) })
    const messages = buildWarnings(request, windows, undefined).map(({ message }) => message)
    expect(messages).toHaveLength(3)
    for (const message of messages) expect(message).toMatch(/^inline-script, line \d: [^?]+\.$/)
  })
})

test('look-alikes are many', () => {
  expect(new Set(SHELL_LOOK_ALIKES).size).toBe(SHELL_LOOK_ALIKES.length)
  expect(new Set(POWERSHELL_LOOK_ALIKES).size).toBe(POWERSHELL_LOOK_ALIKES.length)
})
