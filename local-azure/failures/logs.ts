/**
 * Scenarios of builds that fail in Packer or on the way to the build VM: the log alone tells why. What it says: the
 * troubleshooting guide of Image Builder and logs that users posted, in the form that it has had since 2023.
 */
import type { Scenario } from '../scenarios.ts'
import { CLIENTS, GALLERY } from './company.ts'
import { makeTemplate } from './others.ts'
import { broken, existing, failing, WINDOWS } from './story.ts'

const HELLO = { 'inline-script': 'Write-Output hello' }
const SMALL = { ...WINDOWS, 'ignore-warnings': 'small-vm', 'inline-script': '' }
const AGENTS = ['RdAgent', 'WindowsAzureTelemetryService', 'WindowsAzureGuestAgent']

export const LOG_SCENARIOS: Record<string, Scenario> = {
  'build-timeout-too-short': failing('a build of three minutes', {
    with: existing('hasty'),
    others: (azure) => makeTemplate(azure, 'hasty', { buildTimeoutInMinutes: 3 }),
  }),
  'quota-exceeded': failing('fewer cores than the build VM needs', { azure: { limits: { cores: 1 } } }),
  'vm-size-not-available': failing('a VM size that the region has none left of', {
    azure: { limits: { soldOut: ['Standard_D2ds_v4'] } },
  }),
  'vm-size-unsuitable': failing('a VM size that does not boot the image', {
    with: { 'vm-size': 'Standard_D1_v2' },
  }),
  'disk-too-small': failing('a disk that is smaller than the image', {
    with: existing('narrow'),
    others: (azure) => makeTemplate(azure, 'narrow', { vmProfile: { osDiskSizeGB: 20 } }),
  }),
  'security-type-mismatch': failing(
    'an image definition for trusted launch alone, which the check cannot see',
    {
      with: { 'client-id': CLIENTS.seesLittle, 'gallery-image-id': `${GALLERY}/images/webapp-trusted` },
    },
  ),
  'azure-resources-timeout': broken('resources that Azure does not make in time', {
    packer: {
      at: 'deploy',
      log: ['==> azure-arm: Deploying deployment template ...'],
      reason:
        'Future#WaitForCompletion: context has been cancelled: StatusCode=200 -- Original Error: context deadline exceeded',
    },
  }),
  'build-vm-unreachable': broken('a build VM that nobody can reach', {
    packer: {
      at: 'connect',
      log: [
        'packer-plugin-azure plugin: [DEBUG] TCP connection to SSH ip/port failed: dial tcp 10.0.0.4:22: i/o timeout',
        '==> azure-arm: Timeout waiting for SSH.',
      ],
      reason: 'Timeout waiting for SSH.',
    },
  }),
  'connection-lost': broken(
    'a script that turns the firewall on',
    {
      packer: {
        at: { customizer: 0 },
        log: [
          '==> azure-arm: Provisioning with shell script: /tmp/packer-shell1402285960',
          '    azure-arm: Firewall is active and enabled on system startup',
          'packer-plugin-azure plugin: [ERROR] Remote command exited without exit status or exit signal.',
          'packer-plugin-azure plugin: [INFO] RPC endpoint: Communicator ended with: 2300218',
          "[INFO] 148974 bytes written for 'stdout'",
          "[INFO] 0 bytes written for 'stderr'",
          '[INFO] RPC client: Communicator ended with: 2300218',
        ],
        reason:
          'Script disconnected unexpectedly. If you expected your script to disconnect, i.e. from a restart, you can try ' +
          'adding `"expect_disconnect": true` or `"valid_exit_codes": [0, 2300218]` to the shell provisioner parameters.',
      },
    },
    { 'inline-script': 'sudo ufw --force enable' },
  ),
  'windows-update-exhausted': broken(
    'Windows Update on a build VM that is too small for it',
    { packer: { at: { customizer: 0 }, log: WINDOWS_UPDATE(), reason: 'unexpected EOF' } },
    { ...SMALL, 'windows-update': 'true' },
  ),
  'windows-update-pending-restart': broken(
    'Windows Update while a restart is due',
    {
      failCustomizer: {
        index: 0,
        exitCode: 101,
        output: ['Searching for Windows updates...'],
        errors: ['Exception from HRESULT: 0x80240016'],
      },
    },
    { ...SMALL, 'windows-update': 'true' },
  ),
  'windows-restart-timeout': broken(
    'a restart that takes longer than it may',
    { packer: { at: { customizer: 0 }, log: RESTART(), reason: 'Timeout waiting for machine to restart.' } },
    { ...WINDOWS, 'windows-restart': 'true' },
  ),
  'sysprep-race': broken(
    'a Windows build so short that the guest agent is not there yet',
    { packer: { at: 'deprovision', never: true, log: SYSPREP() } },
    { ...WINDOWS, ...HELLO, 'build-timeout-in-minutes': '60' },
  ),
  'deprovisioning-script-broken': broken('a customizer that has removed the agent of Azure', {
    packer: {
      at: 'deprovision',
      log: [
        '==> azure-arm: Provisioning with shell script: /tmp/packer-shell3370452117',
        '==> azure-arm: /tmp/DeprovisioningScript.sh: 1: /usr/sbin/waagent: not found',
        'packer-plugin-azure plugin: [INFO] RPC endpoint: Communicator ended with: 127',
        '[INFO] RPC client: Communicator ended with: 127',
      ],
      reason: 'Script exited with non-zero exit status: 127. Allowed exit codes are: [0]',
    },
  }),
  'packer-build-failed': broken('Packer that ends without a word that is known', {
    packer: { at: 'deploy', log: [], reason: 'the plugin ended before its time' },
  }),
}

/** Troubleshooting guide, "Information events show low Windows resources". */
function WINDOWS_UPDATE(): string[] {
  const performance = ['1% cpu; 37%', '51% cpu; 35%', '21% cpu; 37%', '21% cpu; 36%', '90% cpu; 32%']
  const ended = (command: string, code: number): string[] => [
    `packer-plugin-azure plugin: [INFO] command '${command}' exited with code: ${code}`,
    `packer-plugin-azure plugin: [INFO] RPC endpoint: Communicator ended with: ${code}`,
    `[INFO] RPC client: Communicator ended with: ${code}`,
  ]
  return [
    '==> azure-arm: Running Windows update...',
    '    azure-arm: Searching for Windows updates...',
    ...performance.map(
      (one) => `    azure-arm: Waiting for operation to complete (system performance: ${one} memory)...`,
    ),
    '    azure-arm: Waiting for the Windows Modules Installer to exit...',
    ...ended(
      'PowerShell -ExecutionPolicy Bypass -OutputFormat Text -File C:/Windows/Temp/packer-windows-update-elevated.ps1',
      101,
    ),
    '==> azure-arm: Restarting the machine...',
    '==> azure-arm: Waiting for machine to become available...',
    ...ended('shutdown.exe -f -r -t 0 -c "packer restart"', 0),
    '==> azure-arm: A system shutdown is in progress.(1115)',
    ...ended('shutdown.exe -f -r -t 60 -c "packer restart test"', 1115),
    'packer-provisioner-windows-update plugin: Retryable error: Machine not yet available (exit status 1115)',
  ]
}

/** Troubleshooting guide, "Windows restart continually fails with error code 1190". */
function RESTART(): string[] {
  return [
    '==> azure-arm: Restarting Machine',
    "packer-plugin-azure plugin: [INFO] command 'shutdown /r /f /t 10' exited with code: 0",
    '==> azure-arm: A system shutdown has already been scheduled.(1190)',
    'packer-plugin-azure plugin: [INFO] RPC endpoint: Communicator ended with: 0',
    'packer-provisioner-windows-restart plugin: Check if machine is rebooting...',
    'packer-plugin-azure plugin: [INFO] command \'shutdown /r /f /t 60 /c "packer restart test"\' exited with code: 1190',
    '[INFO] RPC client: Communicator ended with: 1190',
    'packer-provisioner-windows-restart plugin: Reboot already in progress, waiting...',
    'packer-provisioner-windows-restart plugin: Waiting for machine to reboot with timeout: 15m0s',
    'packer-provisioner-windows-restart plugin: Waiting for machine to become available...',
  ]
}

/** Troubleshooting guide, "There's a Sysprep timing problem". */
function SYSPREP(): string[] {
  const running = (service: string): string =>
    `while ((Get-Service ${service}) -and ((Get-Service ${service}).Status -ne 'Running')) { Start-Sleep -s 5 }`
  const script = [
    ...AGENTS.flatMap((agent) => [
      `Write-Output '>>> Waiting for GA Service (${agent}) to start ...'`,
      running(agent),
    ]),
    "Write-Output '>>> Sysprepping VM ...'",
    String.raw`& $Env:SystemRoot\System32\Sysprep\Sysprep.exe /oobe /generalize /quiet /quit`,
  ]
  const error = [
    "Get-Service : Cannot find any service with service name 'WindowsAzureGuestAgent'.",
    String.raw`At C:\DeprovisioningScript.ps1:6 char:9`,
    '    + CategoryInfo          : ObjectNotFound: (WindowsAzureGuestAgent:String) [Get-Service], ServiceCommandException',
    '    + FullyQualifiedErrorId : NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand',
  ]
  return [
    '==> azure-arm: Provisioning with Powershell...',
    ...script.map((line) => `    azure-arm: ${line}`),
    ...AGENTS.map((agent) => `    azure-arm: >>> Waiting for GA Service (${agent}) to start ...`),
    '    azure-arm: >>> Sysprepping VM ...',
    '    azure-arm: IMAGE_STATE_COMPLETE',
    ...error.map((line) => `==> azure-arm: ${line}`),
    ...Array.from({ length: 30 }, () => '    azure-arm: IMAGE_STATE_UNDEPLOYABLE'),
  ]
}
