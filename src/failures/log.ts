/** What the customization log tells where the run says no more than that Packer failed. */
import type { Failure, Marks } from '../failures.ts'
import { GUIDE, NETWORKING, TEMPLATE } from './links.ts'
import { PACKER_FAILED } from './marks.ts'

const packer = (marks: Omit<Marks, 'kind' | 'text'>): Marks => ({
  kind: 'build',
  text: PACKER_FAILED,
  ...marks,
})

export const LOG_FAILURES: readonly Failure[] = [
  {
    id: 'build-vm-unreachable',
    title: 'Image Builder could not reach the build VM',
    shows: ['log'],
    words: ['Timeout waiting for SSH.', 'Timeout waiting for WinRM.'],
    cause:
      'The build VM did not let the service in at port 22 (Linux) or 5986 (Windows): a hardened source image that closes them, a policy that puts a firewall around the VM, or rules of the network.',
    remedy:
      "In a network of your own ('subnet-id') allow 22 and 5986 from 'container-instance-subnet-id', or within the network where that is not given. Take a source image that lets SSH or WinRM in: images hardened by CIS are known not to. Then run the job again.",
    link: NETWORKING,
    marks: [packer({ reason: /^Timeout waiting for (?:SSH|WinRM)\b/ })],
  },
  {
    id: 'windows-restart-timeout',
    title: 'Windows did not come back from a restart in time',
    shows: ['log'],
    words: ['Timeout waiting for machine to restart.', 'A system shutdown has already been scheduled.(1190)'],
    cause:
      'A restart took longer than its limit: after updates, above all of Windows Server 2016, or because another shutdown was scheduled already.',
    remedy:
      "In place of 'windows-restart', put into 'customizers':\n  - type: WindowsRestart\n    restartTimeout: 30m\nA larger 'vm-size' helps as well. Let scripts not schedule shutdowns of their own.",
    link: `${GUIDE}#windows-restart-continually-fails-with-error-code-1190`,
    marks: [
      packer({ reason: /Timeout waiting for machine to restart/ }),
      packer({
        log: [
          {
            line: /^(?:\[[^\]]*\] )?(?:PACKER )?(?:OUT |ERR )?(?:[\d/]+ [\d:]+ )?(?:ui(?: error)?: )?--> azure-arm: Timeout waiting for machine to restart/,
          },
        ],
      }),
    ],
  },
  {
    id: 'azure-resources-timeout',
    title: 'The build VM was not created in time',
    shows: ['log'],
    words: [
      "Build 'azure-arm' errored: Future#WaitForCompletion: context has been cancelled: … context deadline exceeded",
    ],
    cause: 'Azure took too long to create the build VM and what belongs to it. Mostly a passing disturbance.',
    remedy:
      "Run the job again. If it goes on, choose another 'vm-size' or 'location', and look at https://azure.status.microsoft.",
    link: `${GUIDE}#build-finished-but-no-artifacts-were-created`,
    marks: [packer({ reason: /^Future#WaitForCompletion: context has been cancelled/ })],
  },
  {
    id: 'windows-update-exhausted',
    title: 'Windows Update exhausted the build VM',
    shows: ['log'],
    words: [
      'Waiting for operation to complete (system performance: …% cpu; …% memory)...',
      "Build 'azure-arm' errored: unexpected EOF",
    ],
    cause:
      'While updates were installed, the build VM ran out of processor or memory and no longer answered.',
    remedy:
      "Give a 'vm-size' with four cores and 16 GB, such as Standard_D4ds_v5, or install fewer updates: a newer 'source-image-version' needs fewer.",
    link: `${GUIDE}#information-events-show-low-windows-resources`,
    marks: [
      packer({
        reason: /^unexpected EOF/,
        log: [
          { line: /system performance: \d+% cpu/, within: 'failed' },
          { line: /exited with code: (?:101|1115)\b/, within: 'failed' },
        ],
      }),
    ],
  },
  {
    id: 'windows-update-pending-restart',
    title: 'Windows Update met a pending restart',
    shows: ['log'],
    words: ['System.Runtime.InteropServices.COMException (0x80240016): Exception from HRESULT: 0x80240016'],
    cause: 'Updates cannot be installed while an installation is under way or Windows waits for a restart.',
    remedy:
      "Set 'windows-restart' to true, which restarts between 'inline-script' and Windows Update, and let the script wait for the installers that it starts (Start-Process -Wait).",
    link: `${TEMPLATE}#windows-update-customizer`,
    marks: [
      packer({
        provisioner: /^windows-update$/,
        log: [{ line: /\b0x80240016\b/, within: 'failed' }],
      }),
    ],
  },
  {
    id: 'deprovisioning-script-broken',
    title: 'A customizer removed what deprovisioning needs',
    shows: ['log'],
    words: [
      '/tmp/DeprovisioningScript.sh: … waagent: not found',
      'Deprovisioning script [c:\\DeprovisioningScript.ps1] could not be found.',
    ],
    cause:
      'Image Builder generalizes the image with a script of its own in /tmp or C:\\, which calls the Linux agent (waagent) on Linux. One of the two is gone.',
    remedy:
      'Let scripts leave /tmp/DeprovisioningScript.sh or C:\\DeprovisioningScript.ps1 alone (no rm -rf /tmp/*), and not remove the package walinuxagent or its Python.',
    link: `${TEMPLATE}#generalize`,
    marks: [
      packer({
        log: [
          {
            line: /azure-arm: \/tmp\/DeprovisioningScript\.sh: .*waagent: not found/,
            within: 'failed',
          },
        ],
      }),
      packer({
        log: [
          {
            line: /(?: {4}|==> )azure-arm: Deprovisioning script \[[^\]]*\] could not be found/,
            within: 'failed',
          },
        ],
      }),
    ],
  },
  {
    id: 'connection-lost',
    title: 'The connection to the build VM was lost',
    shows: ['log'],
    words: [
      '[INFO] RPC endpoint: Communicator ended with: 2300218',
      'Cancelling hook after context cancellation context canceled',
    ],
    cause:
      'In the midst of a step the service lost its connection to the build VM at port 22 (Linux) or 5986 (Windows): a script turned a firewall on, changed SSH, WinRM or the network, or restarted the VM; or the VM broke down.',
    remedy:
      "Look at what the last step did when its output ends. Let it keep ports 22 and 5986 open and sshd and WinRM running (before a firewall is enabled: ufw allow 22), and restart Windows by 'windows-restart' instead of in the script. If memory or disk ran short, give a larger 'vm-size'.",
    link: `${GUIDE}#build-is-canceled-after-context-cancellation`,
    marks: [
      packer({
        // A restart ends connections as well: the build went on if a script ends it with a code of its own.
        reason: /^(?!.*exit status: (?!2300218\b)-?\d)/,
        log: [{ line: /Communicator ended with: 2300218\s*$/, within: 'failed' }],
      }),
    ],
  },
  {
    id: 'file-destination-denied',
    title: 'A File customizer may not write where it should',
    shows: ['log'],
    words: ['Upload failed: scp: …: Permission denied'],
    cause:
      'Files are copied as an ordinary user: on Linux Image Builder writes below /tmp alone, and {destination} is not there, or belongs to another user.',
    remedy:
      "In 'customizers' give the File customizer a destination below /tmp, and move the file in a Shell customizer after it:\n  sudo mv /tmp/<file> {destination}",
    link: `${TEMPLATE}#file-customizer`,
    marks: [packer({ reason: /^(?:Upload failed: )?scp: (?<destination>[^:]+): Permission denied/ })],
  },
  {
    id: 'powershell-broken-off',
    title: 'A PowerShell step was broken off',
    shows: ['log'],
    words: ['Script exited with non-zero exit status: 16001. Allowed exit codes are: [0]'],
    cause:
      'PowerShell ended with {code}, which users report for scripts that were broken off: by a restart or a sign-out, or in an elevated step. Its exact meaning is not documented.',
    remedy:
      "Let the script neither restart nor sign out; 'windows-restart' restarts after it. Try 'run-elevated' the other way round, and a larger 'vm-size'.",
    link: `${TEMPLATE}#powershell-customizer`,
    marks: [packer({ reason: /non-zero exit status: (?<code>1600[01])\b/ })],
  },
]
