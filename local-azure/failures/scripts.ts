/** Scenarios of steps of the template that fail in the build VM. What programs say there: their own words. */
import type { LocalAzure } from '../index.ts'
import type { JobOptions } from '../runner.ts'
import type { Scenario } from '../scenarios.ts'
import type { FailingStep } from '../world.ts'
import { broken, failing, WINDOWS } from './story.ts'

type End = Omit<FailingStep, 'index'>

/** A script of one line; it does not run, for what it would need is not here. */
function script(title: string, line: string, end: End): Scenario {
  return broken(title, { failCustomizer: { index: 0, ...end } }, { 'inline-script': line })
}

export const SCRIPT_SCENARIOS: Record<string, Scenario> = {
  'artifact-download-failed': broken(
    'an artifact that the build VM cannot download',
    {
      failCustomizer: {
        index: 0,
        exitCode: 1,
        errors: [
          ...Array.from({ length: 5 }, () => 'curl: (22) The requested URL returned error: 403'),
          'aib-action: the download failed 5 times',
        ],
      },
    },
    { 'build-path': 'webapp', 'artifact-transfer': 'download' },
  ),
  'file-destination-denied': failing('a File customizer that writes where it may not', {
    late: protectedFile,
  }),
  'disk-full': script('a script that fills the disk', 'tar -xf /tmp/models.tar -C /opt', {
    exitCode: 2,
    output: ['unpacking'],
    errors: [
      'tar: models/large.bin: Cannot write: No space left on device',
      'tar: Exiting with failure status due to previous errors',
    ],
  }),
  'out-of-memory': script('a script that takes more memory than there is', 'npm run build', {
    exitCode: 137,
    output: ['> webapp@1.0.0 build', '> webpack --mode production'],
    errors: ['Killed'],
  }),
  'command-not-found': script('a command that the image does not have', 'frobnicate --now', {
    exitCode: 127,
    errors: ['/tmp/script_4471.sh: 2: frobnicate: not found'],
    onlyWhereNotRun: true,
  }),
  'apt-locked': script('apt, which another process is using', 'sudo apt-get install -y nginx', {
    exitCode: 100,
    errors: [
      'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1412 (unattended-upgr)',
      'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?',
    ],
  }),
  'apt-not-ready': script('apt, before the image has set it up', 'sudo apt-get update', {
    exitCode: 100,
    output: ['Reading package lists...'],
    errors: [
      'E: Could not open file /var/lib/apt/lists/archive.ubuntu.com_ubuntu_dists_noble_InRelease - open (2: No such file or directory)',
    ],
  }),
  'package-not-found': script('a package that the lists do not have', 'sudo apt-get install -y nginz', {
    exitCode: 100,
    output: ['Reading package lists...', 'Building dependency tree...', 'Reading state information...'],
    errors: ['E: Unable to locate package nginz'],
  }),
  'host-not-resolved': script(
    'a host whose name means nothing in the network',
    'curl -f https://files.corp.local/a',
    {
      exitCode: 6,
      errors: ['curl: (6) Could not resolve host: files.corp.local'],
    },
  ),
  'powershell-broken-off': broken(
    'a PowerShell step that is broken off',
    { failCustomizer: { index: 0, exitCode: 16_001, output: ['installing'] } },
    { ...WINDOWS, 'inline-script': 'Install-Everything' },
  ),
  'customizer-failed': script(
    'a script that fails',
    'echo "about to fail"\nls /no/such/folder\necho "never"',
    {
      exitCode: 2,
      output: ['about to fail'],
      errors: ["ls: cannot access '/no/such/folder': No such file or directory"],
      onlyWhereNotRun: true,
    },
  ),
  'validation-failed': broken(
    'a validation that finds the image unfit',
    {
      failValidator: {
        index: 0,
        exitCode: 1,
        output: ['health check: the service does not answer'],
        onlyWhereNotRun: true,
      },
    },
    { 'validation-script': 'echo "health check: the service does not answer"\nexit 1' },
  ),
}

/** A file that the managed identity may read, for a folder that Packer's user may not write into. */
async function protectedFile({ blobs }: LocalAzure): Promise<Partial<JobOptions>> {
  await blobs.write('stcontosobuild', 'files', 'app.conf', 'port = 80\n')
  const sourceUri = `${blobs.endpoint('stcontosobuild')}files/app.conf`
  const customizer = { type: 'File', sourceUri, destination: '/etc/app.conf' }
  return { with: { customizers: JSON.stringify([customizer]) } }
}
