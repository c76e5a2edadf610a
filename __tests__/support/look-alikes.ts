/** Texts and logs that look like a failure of the catalogue, and are none. */
import { BuildFailedError, SignInError } from '../../src/errors.ts'
import {
  type Sample,
  azure,
  ended,
  FAILED_2023,
  OUT_OF_TIME,
  type Line,
  note,
  of2020,
  of2023,
  says,
  complains,
  errored,
  step,
  fails,
  undeployable,
  NO_AGENT,
  BROKEN_OFF,
} from './failed-builds.ts'

/** What looks like a failure of the catalogue and is none: only the general entry is right, or none at all. */
const looksLike = (name: string, error: Error, id: string, lines: Line[] = []): Sample[] =>
  lines.length === 0
    ? [{ name, error, id }]
    : [
        { name: `${name}, as until 2022`, error, log: of2020(lines), id },
        { name: `${name}, as since 2023`, error, log: of2023(lines), id },
      ]
const scriptThat = (name: string, ...lines: Line[]): Sample[] =>
  looksLike(`a script that ${name}`, ended(FAILED_2023), 'customizer-failed', fails('shell', 1, ...lines))
const brokenBuild = (name: string, lines: Line[], id = 'customizer-failed'): Sample[] =>
  looksLike(name, ended(FAILED_2023), id, lines)
const GOOD_BUILD: Line[] = [
  ...complains(
    'Deploying deployment template ...',
    'Waiting for SSH to become available...',
    'Connected to SSH!',
  ),
  ...step('shell', ...says('Reading package lists...')),
  ...complains(' -> Snapshot ID : /subscriptions/s', 'Skipping image creation...'),
  ...complains('Error deleting resource. Will retry.'),
  ...complains(
    'Error: network.PublicIPAddressesClient#Delete: Original Error: Code="PublicIPAddressCannotBeDeleted"',
  ),
  note('packer-plugin-azure plugin: Retryable error: Code="InUseNetworkSecurityGroupCannotBeDeleted"'),
  ...complains('The resource group was not created by Packer, not deleting ...'),
  "Build 'azure-arm' finished after 3 minutes 13 seconds.",
  '==> Builds finished but no artifacts were created.',
  note('[INFO] (telemetry) Finalizing.'),
  'Done exporting Packer logs to Azure Storage.',
]
const FOUND_COMMAND = note(
  'packer: 2020/03/04 23:05:04 Found command: if( TEST-PATH c:\\DeprovisioningScript.ps1 ){cat c:\\DeprovisioningScript.ps1} else {echo "Deprovisioning script [c:\\DeprovisioningScript.ps1] could not be found. Image build may fail."}',
)
const other = (name: string, code: string, message: string, status = 400): Sample[] => [
  { name, error: azure('', message, { code, status }).error, id: 'unknown' },
]

const UPDATING: Line[] = [
  note('[INFO] (telemetry) Starting provisioner windows-update'),
  ...says('Waiting for operation to complete (system performance: 90% cpu; 37% memory)...'),
]
const REBOOT_WANTED = note("[INFO] command 'PowerShell' exited with code: 101")

/** Lines that stand in good logs, too. */
export const DECOYS: readonly Sample[] = [
  ...looksLike(
    'all harmless lines of a good build, without a reason',
    ended('Image Builder gave no reason.'),
    'unknown',
    GOOD_BUILD,
  ),
  ...brokenBuild('all harmless lines of a good build', GOOD_BUILD, 'packer-build-failed'),
  ...brokenBuild(
    'no artifacts were created',
    ['==> Builds finished but no artifacts were created.'],
    'packer-build-failed',
  ),
  ...brokenBuild('skipped image creation', complains('Skipping image creation...'), 'packer-build-failed'),
  ...brokenBuild('the text of the deprovisioning script', [FOUND_COMMAND], 'packer-build-failed'),
  ...brokenBuild('the text of the deprovisioning script before an error', [
    FOUND_COMMAND,
    ...fails('powershell', 3),
  ]),
  ...brokenBuild(
    'Azure’s errors in cleaning up',
    complains(
      'Error deleting resource. Will retry.',
      'Code="PublicIPAddressCannotBeDeleted"',
      'Code="InUseNetworkSecurityGroupCannotBeDeleted"',
    ),
    'packer-build-failed',
  ),
  ...brokenBuild('one look at Sysprep', undeployable(1), 'packer-build-failed'),
  ...brokenBuild('one look at Sysprep before an error', [
    ...step('powershell', ...undeployable(1), ...complains(NO_AGENT)),
    ...fails('powershell', 3),
  ]),
  ...looksLike('the end of a timeout', ended(OUT_OF_TIME), 'build-timeout', [
    ...step('shell'),
    note('[INFO] (telemetry) Starting provisioner shell'),
    ...BROKEN_OFF,
    note('[INFO] RPC endpoint: Communicator ended with: 2300218'),
  ]),
  ...brokenBuild('a reboot that updates ask for', [
    ...step(
      'windows-update',
      ...says('Waiting for operation to complete (system performance: 9% cpu; 37% memory)...'),
      note("[INFO] command 'PowerShell' exited with code: 101"),
    ),
    ...fails('powershell', 3),
  ]),
  ...looksLike('a file that was copied in time', ended(OUT_OF_TIME), 'build-timeout', [
    ...step('file', ...says('big.zip 826 B / 826 B  100.00%')),
    note('[INFO] (telemetry) Starting provisioner shell'),
    ...says('Do you want to continue? [Y/n]'),
  ]),
  ...looksLike('a cancelled build', ended('', 'Canceled'), 'cancelled-in-azure', [
    ...step('shell'),
    ...BROKEN_OFF,
  ]),
]

export const LOOK_ALIKES: readonly Sample[] = [
  ...DECOYS,

  // Scripts that print what services say.
  ...scriptThat('speaks of a quota', ...says('QuotaExceeded')),
  ...scriptThat(
    'deploys to Azure itself',
    ...complains('ERROR: -> QuotaExceeded : exceeding approved standardDv2Family Cores quota'),
  ),
  ...scriptThat(
    'is refused by a policy of its own',
    ...complains('ERROR: -> RequestDisallowedByPolicy : no'),
  ),
  ...scriptThat('misses a VM size', ...complains('ERROR: -> SkuNotAvailable : The requested VM size')),
  ...scriptThat(
    'is told of a disk',
    ...complains(
      'ERROR: -> OperationNotAllowed : The specified disk size 1 GB is smaller than the size of the corresponding disk in the VM image: 30 GB',
    ),
  ),
  ...scriptThat('prints Packer’s last words', ...says("Build 'azure-arm' errored: Timeout waiting for SSH.")),
  ...scriptThat(
    'prints Packer’s list of errors',
    ...complains('--> azure-arm: Timeout waiting for machine to restart.'),
  ),
  ...scriptThat('complains of a token', ...complains('* client_jwt will expire within 5 minutes')),
  ...scriptThat('uses scp', ...complains('scp: /etc/a: Permission denied')),
  ...scriptThat(
    'signs in and is refused',
    ...complains('AADSTS700213: No matching federated identity record found'),
  ),
  ...scriptThat(
    'prints a run’s message',
    ...says('Failed in distributing 1 images: context deadline exceeded'),
  ),
  ...scriptThat('shows progress', ...says('big.zip 1652 B / 826000 B  2.00%')),
  ...scriptThat('checks for the guest agent', ...complains(NO_AGENT)),
  ...scriptThat('waits for Sysprep', ...undeployable(3)),
  ...scriptThat('watches another Windows', ...undeployable(20)),
  ...scriptThat(
    'says how it would download',
    ...says('note: aib-action: the download failed 5 times last week'),
  ),
  ...scriptThat('lost a connection before', note('some plugin: Communicator ended with: 2300218 times')),

  // Words of a failure that was got over, or exit codes of something else.
  ...brokenBuild(
    'a missing package that the script could do without',
    fails('shell', 1, ...complains('E: Unable to locate package snapd')),
  ),
  ...brokenBuild(
    'a missing package long before the end',
    fails(
      'shell',
      100,
      ...complains('E: Unable to locate package snapd'),
      ...says(...Array.from({ length: 30 }, (_, i) => `step ${i}`)),
    ),
  ),
  ...brokenBuild('a missing package in an earlier step', [
    ...step('shell', ...complains('E: Unable to locate package snapd')),
    ...fails('shell', 100),
  ]),
  ...brokenBuild(
    'a lock that apt waited for',
    fails(
      'shell',
      100,
      ...complains(
        'Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9',
      ),
    ),
  ),
  ...brokenBuild(
    'a lock of something else',
    fails('shell', 100, ...complains('E: Could not get lock /srv/app/lock')),
  ),
  ...brokenBuild('a lock in a step that went well', [
    ...step('shell', ...complains('E: Could not get lock /var/lib/dpkg/lock')),
    ...fails('shell', 100),
  ]),
  ...brokenBuild('apt’s lists in a step that went well', [
    ...step('shell', ...complains('E: Could not open file /var/lib/apt/lists/x')),
    ...fails('shell', 100),
  ]),
  ...brokenBuild(
    'apt’s lists, and another exit code',
    fails('shell', 3, ...complains('E: Could not open file /var/lib/apt/lists/x')),
  ),
  ...brokenBuild(
    'a host that was not needed',
    fails('shell', 1, ...complains('curl: (6) Could not resolve host: metadata.google.internal')),
  ),
  ...brokenBuild(
    'a host that apt could do without',
    fails('shell', 2, ...complains("W: Temporary failure resolving 'ppa.launchpad.net'")),
  ),
  ...brokenBuild('a word on hosts', fails('shell', 6, ...says('Could not resolve hostnames in the table'))),
  ...brokenBuild(
    'a disk that was filled up to be made small',
    fails('shell', 1, ...complains("dd: error writing '/zero': No space left on device")),
  ),
  ...brokenBuild(
    'the same with cat',
    fails('shell', 1, ...complains('cat: write error: No space left on device')),
  ),
  ...brokenBuild(
    'advice on full disks',
    fails('shell', 1, ...says('Hint: "No space left on device" means that the disk is full')),
  ),
  ...brokenBuild(
    'a full disk, and an exit code that none gives for it',
    fails('shell', 77, ...complains('cp: error writing x: No space left on device')),
  ),
  ...brokenBuild('a full disk in an earlier step', [
    ...step('shell', ...complains('cp: error writing x: No space left on device')),
    ...fails('shell', 1),
  ]),
  ...brokenBuild('something that kills by name', fails('shell', 1, ...says('Killed'))),
  ...brokenBuild('an exit code of 137 alone', fails('shell', 137, ...says('done'))),
  ...brokenBuild(
    'a process that was killed on purpose',
    fails('shell', 137, ...says('Killed 3 old workers')),
  ),
  ...brokenBuild(
    'a program that was looked for',
    fails('shell', 1, ...complains('/tmp/script_1.sh: 3: snap: not found')),
  ),
  ...brokenBuild(
    'a page that was not found',
    fails('shell', 127, ...says('https://contoso.com/x: 404 not found')),
  ),
  ...brokenBuild('a key that was not found', fails('shell', 127, ...complains('lookup: key a: not found'))),
  ...brokenBuild(
    'an agent that was looked for',
    fails('shell', 1, ...complains('/tmp/other.sh: 1: waagent: not found')),
  ),
  ...brokenBuild('a waagent of an earlier step', [
    ...step('shell', ...says('/tmp/DeprovisioningScript.sh: 1: waagent: not found')),
    ...fails('shell', 3),
  ]),
  ...brokenBuild(
    'talk of the deprovisioning script',
    fails('powershell', 1, ...says('checking: Deprovisioning script [c:\\x] could not be found')),
  ),
  ...brokenBuild('an update’s complaint, got over', [
    ...step('windows-update', ...complains('0x80240016')),
    ...fails('powershell', 3),
  ]),
  ...brokenBuild(
    'an update’s complaint in a script',
    fails('powershell', 1, ...complains('Exception from HRESULT: 0x80240016')),
  ),
  ...brokenBuild(
    'another code of Windows Update',
    fails('windows-update', 1, ...complains('Exception from HRESULT: 0x802400160')),
  ),
  ...brokenBuild('a connection that a restart ended', [
    ...step('powershell', note('[INFO] RPC client: Communicator ended with: 2300218')),
    ...fails('powershell', 3),
  ]),
  ...brokenBuild(
    'a connection that a restart ended, in the same step',
    fails('powershell', 3, note('[INFO] RPC client: Communicator ended with: 2300218')),
  ),
  ...brokenBuild(
    'an unexpected EOF of a script',
    fails('shell', 2, ...complains('unexpected EOF while looking for matching `"\'')),
  ),
  ...brokenBuild('an unexpected EOF without updates', [errored('unexpected EOF')], 'packer-build-failed'),
  ...brokenBuild(
    'another timeout of Packer',
    [errored('Timeout waiting for password.')],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'a file that has no folder',
    fails('file', 'scp: /tmp/no/a: No such file or directory'),
    'packer-build-failed',
  ),
  ...brokenBuild(
    'Sysprep that came to its end',
    [
      note('[INFO] (telemetry) Starting provisioner powershell'),
      ...complains(NO_AGENT),
      ...undeployable(11),
      ...says('IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE'),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'Sysprep that takes its time',
    [note('[INFO] (telemetry) Starting provisioner powershell'), ...undeployable(30)],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'a service of Windows that went with newer agents',
    [
      note('[INFO] (telemetry) Starting provisioner powershell'),
      ...complains("Get-Service : Cannot find any service with service name 'WindowsAzureTelemetryService'."),
      ...undeployable(30),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild('an exit code beside those of PowerShell', fails('powershell', 16002)),

  // A part of what a failure is recognised by.
  ...looksLike('a script that waits and shows progress', ended(OUT_OF_TIME), 'build-timeout', [
    note('[INFO] (telemetry) Starting provisioner shell'),
    ...says('big.zip 1652 B / 826000 B  2.00%'),
  ]),
  ...looksLike('a file that was under way long before the end', ended(OUT_OF_TIME), 'build-timeout', [
    note('[INFO] (telemetry) Starting provisioner file'),
    ...says('big.zip 1652 B / 826000 B  2.00%'),
    ...says(...Array.from({ length: 30 }, (_, i) => `line ${i}`)),
  ]),
  ...brokenBuild(
    'two looks at Sysprep',
    [note('[INFO] (telemetry) Starting provisioner powershell'), ...complains(NO_AGENT), ...undeployable(2)],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'Sysprep in another step than the agent',
    [
      ...step('powershell', ...complains(NO_AGENT)),
      note('[INFO] (telemetry) Starting provisioner powershell'),
      ...undeployable(11),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'Sysprep in an earlier step',
    [
      ...step('powershell', ...undeployable(11)),
      note('[INFO] (telemetry) Starting provisioner powershell'),
      ...complains(NO_AGENT),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'updates under load that end otherwise',
    [...UPDATING, REBOOT_WANTED, errored('Timeout waiting for password.')],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'updates under load without a restart',
    [...UPDATING, errored('unexpected EOF')],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'updates that ask for a restart, without load',
    [...UPDATING.slice(0, 1), REBOOT_WANTED, errored('unexpected EOF')],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'updates in an earlier step',
    [
      ...UPDATING,
      REBOOT_WANTED,
      ...step('windows-update'),
      note('[INFO] (telemetry) Starting provisioner powershell'),
      errored('unexpected EOF'),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'a load in an earlier step',
    [...UPDATING, ...UPDATING.slice(0, 1), REBOOT_WANTED, errored('unexpected EOF')],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'a restart in an earlier step',
    [...UPDATING.slice(0, 1), REBOOT_WANTED, ...UPDATING, errored('unexpected EOF')],
    'packer-build-failed',
  ),
  ...brokenBuild('an update’s complaint in an earlier one', [
    ...step('windows-update', ...complains('0x80240016')),
    ...fails('windows-update', 1),
  ]),
  ...brokenBuild('a missing deprovisioning script in an earlier step', [
    ...step('powershell', ...says('Deprovisioning script [c:\\x] could not be found.')),
    ...fails('powershell', 3),
  ]),
  ...brokenBuild(
    'a connection lost in an earlier step',
    [
      ...step('powershell', note('[INFO] RPC client: Communicator ended with: 2300218')),
      note('[INFO] (telemetry) Starting provisioner file'),
      errored('odd'),
    ],
    'packer-build-failed',
  ),
  ...brokenBuild(
    'a script that prints how a VM was refused',
    fails(
      'shell',
      1,
      ...complains(
        "ERROR: -> BadRequest : The selected VM size 'Standard_D1_v2' cannot boot Hypervisor Generation '2'.",
      ),
    ),
  ),
  ...brokenBuild(
    'a download that failed, and another exit code',
    fails('shell', 3, ...complains('aib-action: the download failed 5 times')),
  ),
  ...brokenBuild(
    'a lock, and another exit code',
    fails(
      'shell',
      1,
      ...complains('E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 9'),
    ),
  ),
  ...brokenBuild(
    'a package without a candidate, and another exit code',
    fails('shell', 1, ...complains("E: Package 'python' has no installation candidate")),
  ),
  ...brokenBuild(
    'git without a network, and another exit code',
    fails(
      'shell',
      1,
      ...complains("fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com"),
    ),
  ),
  ...brokenBuild(
    'git with an error of another kind',
    fails('shell', 128, ...complains('fatal: not a git repository')),
  ),

  // Runs, in words that are near.
  ...looksLike(
    'a failure that the log of a lost connection does not explain',
    ended('Something new.'),
    'unknown',
    [note('Communicator ended with: 2300218')],
  ),
  ...looksLike(
    'a failure that a failed script does not explain',
    ended('Something new.'),
    'unknown',
    fails('shell', 127, ...complains('/tmp/s.sh: 1: x: not found')),
  ),
  ...looksLike(
    'a template that is named after a failure',
    ended('Something new.', 'Failed', 'QuotaExceeded'),
    'unknown',
  ),
  ...looksLike(
    'a gallery that is named after a failure',
    ended('No: /subscriptions/s/galleries/SkuNotAvailable/images/RequestDisallowedByPolicy'),
    'unknown',
  ),
  ...looksLike('a code that goes on', ended('Code="QuotaExceededByFar"'), 'unknown'),
  ...looksLike(
    'another deadline',
    ended("Timeout waiting for microservice to start: 'context deadline exceeded'"),
    'unknown',
  ),
  ...looksLike('a deadline alone', ended('context deadline exceeded'), 'unknown'),
  ...looksLike(
    'a distribution that ends otherwise',
    ended('Failed in distributing 1 images out of total 1: {[Error 0] conflict}'),
    'distribution-failed',
  ),
  ...looksLike('talk of distribution', ended('Nothing failed in distributing.'), 'unknown'),
  ...looksLike(
    'another lost resource',
    ended('network.SubnetsClient#Get: StatusCode=404 Code="ResourceNotFound"'),
    'unknown',
  ),
  ...looksLike(
    'that lost resource, for another reason',
    ended('network.InterfacesClient#UpdateTags: StatusCode=500'),
    'unknown',
  ),
  ...looksLike('a run that speaks of cancelling', ended('ended with Canceled by nobody'), 'unknown'),
  ...looksLike('Packer, and nothing failed', ended('The Packer build command has finished.'), 'unknown'),
  ...looksLike(
    'container instances, and no quota',
    ended('Azure Container Instances are being created.'),
    'unknown',
  ),
  ...looksLike(
    'another language',
    ended('Fehler beim Erstellen: Das Kontingent wurde überschritten (Kontingent: Kerne).'),
    'unknown',
  ),
  ...looksLike(
    'another language, for a right',
    ended("Le client n'est pas autorisé à effectuer l'action."),
    'unknown',
  ),
  ...looksLike(
    'a template that is still being deleted',
    new BuildFailedError('Image template t_1 is still being deleted.'),
    'unknown',
  ),

  // Answers of Azure, with codes and words that are near.
  ...other(
    'a code that holds a known one',
    'NotAuthorizationFailed',
    "perform action 'Microsoft.VirtualMachineImages/x'",
  ),
  ...other('a code that begins like a known one', 'AuthorizationFailedTemporarily', 'No.', 403),
  ...other('a right of another kind', 'Forbidden', 'The firewall does not allow it.', 403),
  ...other('another Unauthorized', 'Unauthorized', 'bad token', 401),
  ...other('a storage code in lower case', 'authorizationfailure', 'No.', 403),
  ...other(
    'another signature',
    'AuthenticationFailed',
    'Signature did not match. String to sign used was r',
    403,
  ),
  ...other('another MD5', 'InvalidMd5', 'The MD5 value specified in the request is invalid.'),
  ...other('another conflict', 'Conflict', 'Update of the resource is currently not supported', 409),
  ...other('another 429 by its words', 'Odd', 'HTTP 429 is what others say'),
  ...other('a policy of another kind', 'PolicyViolation', 'The password violates the policy.'),
  ...other('another quota', 'QuotaExceededSoon', 'You are near your limit.'),
  ...other('another region’s trouble', 'LocationNotAvailable', 'The location is busy.'),
  ...other('a failed operation without words', 'OperationFailed', '', 200),
  ...other(
    'another provider that failed',
    'DeploymentFailed',
    'At least one resource deployment operation failed.',
    200,
  ),

  ...other(
    'a linked scope in words alone',
    'Forbidden',
    "does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '/x'",
    403,
  ),
  ...other('a pause in words alone', 'Odd', 'Try again after 5 seconds.'),
  ...other('an internal error that came at once', 'Conflict', 'Internal error occurred.', 409),
  ...looksLike(
    'a template that Azure stumbled over',
    azure('', 'Unmarshalling entity encountered error', { status: 500 }).error as Error,
    'service-unavailable',
  ),

  // Signing in.
  ...looksLike('a code of Entra that goes on', new SignInError('AADSTS7002131: No.'), 'sign-in-failed'),
  ...looksLike('a code of Entra that is a part', new SignInError('XAADSTS90002: No.'), 'sign-in-failed'),
  ...looksLike(
    'a code of Entra with a secret',
    new SignInError('AADSTS7000215: Invalid client secret provided.'),
    'sign-in-failed',
  ),
  ...looksLike(
    'no way to Entra',
    new SignInError('Signing in to Azure failed: getaddrinfo ENOTFOUND login'),
    'sign-in-failed',
  ),
  ...looksLike(
    "an application's certificate, of which Entra talks",
    new SignInError('Signing in to Azure failed: AADSTS7000222: The certificate has expired.'),
    'sign-in-failed',
  ),
  ...looksLike(
    'talk of ID tokens',
    new SignInError('Signing in to Azure failed: GitHub gave no ID token, they say'),
    'sign-in-failed',
  ),

  // No failure of Azure at all.
  ...looksLike(
    'a defect that speaks like Azure',
    new TypeError('AuthorizationFailed: QuotaExceeded'),
    'unknown',
  ),
  ...looksLike(
    'an error of a library that speaks like a run',
    new Error(FAILED_2023),
    'unknown',
    fails('shell', 1),
  ),
]
