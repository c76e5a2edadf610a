/**
 * Failures of the scripts themselves. What they print is foreign text: only the last lines of the step that failed count,
 * and only with an exit code that the command gives for that failure.
 */
import type { Failure, Marks } from '../failures.ts'
import { GUIDE, STORAGE, TEMPLATE } from './links.ts'
import { PACKER_FAILED } from './marks.ts'

const SCRIPTS = `${GUIDE}#troubleshoot-script-or-inline-customization`

const script = (exitCode: RegExp, output: RegExp): Marks => ({
  kind: 'build',
  text: PACKER_FAILED,
  reason: /^Script exited with non-zero exit status/,
  exitCode,
  output,
})

export const SCRIPT_FAILURES: readonly Failure[] = [
  {
    id: 'artifact-download-failed',
    title: 'The build VM could not download the build artifact',
    shows: ['log', 'artifact'],
    words: ['aib-action: the download failed 5 times'],
    cause:
      'The build VM did not get the archive from the storage account in {tries} tries; the lines above say how each ended. A firewall of the account or rules of the network keep the VM out, or the network is disturbed.',
    remedy:
      "Let the build VM reach the blob endpoint of 'storage-account' at port 443: allow its network in the account's firewall, and outbound traffic in 'subnet-id'. Up to 20 MiB, 'artifact-transfer' file does without.",
    link: `${STORAGE}/common/storage-network-security`,
    marks: [script(/^1$/, /^(?:==> )?aib-action: the download failed (?<tries>\d+) times$/)],
  },
  {
    id: 'apt-not-ready',
    title: 'apt ran before cloud-init had ended',
    shows: ['log'],
    words: ['E: Could not open file /var/lib/apt/lists/… - open (2: No such file or directory)'],
    cause: 'The first start of the VM was still changing the package lists when the script used them.',
    remedy: "Let 'inline-script' wait first:\n  sudo cloud-init status --wait\n  sudo apt-get update",
    link: SCRIPTS,
    marks: [script(/^100$/, /^(?:==> )?E: Could not open file \/var\/lib\/apt\/lists\//)],
  },
  {
    id: 'apt-locked',
    title: 'Another process held the lock of apt',
    shows: ['log'],
    words: ['E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process … (unattended-upgr)'],
    cause: 'While the script ran apt, another process had the lock {lock}: automatic updates, as a rule.',
    remedy:
      "Let apt wait for it in 'inline-script', after the first start is over:\n  sudo cloud-init status --wait\n  sudo apt-get -o DPkg::Lock::Timeout=600 install -y <package>",
    link: SCRIPTS,
    marks: [
      script(
        /^100$/,
        /^(?:==> )?E: Could not get lock (?<lock>\/var\/(?:lib\/(?:dpkg|apt)|cache\/apt)\/[\w/-]+)/,
      ),
    ],
  },
  {
    id: 'package-not-found',
    title: 'apt knows no such package',
    shows: ['log'],
    words: ['E: Unable to locate package …', "E: Package '…' has no installation candidate"],
    cause:
      'None of the sources of apt has the package {package}: the lists are not up to date, it has another name in this release, or its repository is missing.',
    remedy:
      "Fetch the lists first in 'inline-script', and check the name for the release of 'source-image':\n  sudo apt-get update\n  apt-cache policy {package}",
    link: SCRIPTS,
    marks: [
      script(/^100$/, /^(?:==> )?E: Unable to locate package (?<package>[\w.+:-]+)$/),
      script(/^100$/, /^(?:==> )?E: Package '(?<package>[\w.+:-]+)' has no installation candidate$/),
    ],
  },
  {
    id: 'host-not-resolved',
    title: 'The build VM could not resolve a host name',
    shows: ['log'],
    words: ['curl: (6) Could not resolve host: …', "Temporary failure resolving '…'"],
    cause: 'The DNS that the build VM uses did not know {host}, or did not answer.',
    remedy:
      "Check the name. With a network of your own ('subnet-id'), look at its DNS servers and at rules for port 53. Against a passing disturbance, let the script try again (curl --retry 5 --retry-all-errors).",
    link: SCRIPTS,
    marks: [
      script(/^6$/, /^(?:==> )?curl: \(6\) Could not resolve host: (?<host>[\w.-]+)/),
      script(/^128$/, /^(?:==> )?fatal: unable to access .*Could not resolve host: (?<host>[\w.-]+)/),
      script(/^100$/, /Temporary failure resolving '(?<host>[\w.-]+)'/),
    ],
  },
  {
    id: 'disk-full',
    title: 'The disk of the build VM is full',
    shows: ['log'],
    words: ['…: No space left on device'],
    cause: 'A command of the script could not write, for the disk was full.',
    remedy:
      "Give more with 'os-disk-size-gb' (the system disk can only grow), delete what is no longer needed in the script, or leave files out with 'exclude'. The temporary folder may be a small disk of its own: df -h in the script tells.",
    link: `${TEMPLATE}#osdisksizegb`,
    marks: [
      script(
        // Of cp, mv, pip and shells; of tar; of curl, zip, apt, docker and npm.
        /^(?:1|2|23|28|50|100|125|228)$/,
        // Filling up a disk is a way to make it small: dd and cat end so, and the script goes on.
        /^(?!(?:==> )?(?:dd|cat): ).*(?:: No space left on device$|\(No space left on device\)|\[Errno 28\] No space left on device|ENOSPC: no space left on device)/i,
      ),
    ],
  },
  {
    id: 'out-of-memory',
    title: 'A process of the script was killed',
    shows: ['log'],
    words: ['Killed', 'Script exited with non-zero exit status: 137. Allowed exit codes are: [0]'],
    cause: 'A process was ended by force (exit code 137), as Linux does when memory runs out.',
    remedy:
      "Give a 'vm-size' with more memory, such as Standard_D4ds_v5, or let the script do less at once (fewer parallel jobs).",
    link: `${TEMPLATE}#vmsize-optional`,
    marks: [script(/^137$/, /^(?:==> )?(?:\S+: (?:line )?\d+: +\d+ )?Killed(?: {2,}\S.*)?$/)],
  },
  {
    id: 'command-not-found',
    title: 'A command of the script does not exist',
    shows: ['log'],
    words: ['…: not found', '…: command not found'],
    cause:
      'The image has no program {command}, or not where the script looks (PATH; under sudo it is another one).',
    remedy:
      "Install it in 'inline-script' before it is used, give its full path, or correct the name. A script with Windows line ends shows so as well: save it with LF.",
    link: SCRIPTS,
    marks: [script(/^127$/, /^(?:==> )?\S+: (?:line )?\d+: (?<command>[^\s:]+): (?:command )?not found$/)],
  },
  {
    id: 'customizer-failed',
    title: 'A customizer failed: the script, as a rule',
    shows: ['log'],
    words: ['Script exited with non-zero exit status: …. Allowed exit codes are: [0]'],
    cause:
      'A command of the script failed, with exit code {code}. The script runs with sh -e as an ordinary user with sudo on Linux; in PowerShell each statement is checked.',
    remedy:
      "Look at the last lines of the step: what failed stands there. A command that may fail needs || true after it, in PowerShell & { command; $global:LASTEXITCODE = 0 }. Try the script in a VM of the same 'source-image'.",
    link: SCRIPTS,
    marks: [
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason: /exited with non-zero exit status: (?<code>-?\d+)/,
      },
    ],
  },
]

/** The run failed in Packer, and the log does not tell why, or could not be read. */
export const UNEXPLAINED_BUILDS: readonly Failure[] = [
  {
    id: 'packer-build-failed',
    title: 'The build failed; its log says why',
    shows: ['run'],
    words: [
      'Packer build command has failed: exit status 1. During the image build, a failure has occurred, …',
      'During the image build a failure has occurred. Packer build logs are at location …',
    ],
    cause:
      'A step of the build failed, or the build VM could not be made. The customization log holds the reason.',
    remedy:
      'Read customization.log from its end: the error stands above "Running the cleanup provisioner", or behind "errored after". Errors in deleting resources and "no artifacts were created" are harmless.',
    link: `${GUIDE}#packer-build-command-fails`,
    marks: [{ kind: 'build', text: PACKER_FAILED }],
  },
]
