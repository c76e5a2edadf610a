/** Stories that the demo tells: each is data, run by the bundled action on a local Azure of its own. */
import type { LocalAzure, LocalAzureOptions } from './index.ts'
import type { JobOptions } from './runner.ts'
import { COMPANY } from './failures/company.ts'
import { SUBSCRIPTION_ID } from './seed.ts'

export interface Scenario {
  title: string
  azure: LocalAzureOptions
  /** What the workflow writes under `with`, beside sign-in and scope. */
  with: Record<string, string>
  /** What the job has that a push to main on a usual runner has not. */
  job?: Partial<JobOptions>
  /** What of the job is known only when the local Azure runs; its `with` is put over the scenario's. */
  late?: (azure: LocalAzure) => Partial<JobOptions> | Promise<Partial<JobOptions>>
  /** What others do to the local Azure before the job, or see to for the time of it. */
  others?: (azure: LocalAzure) => void | Promise<void>
  /** The user cancels the workflow when a line of the log matches. */
  cancelAt?: RegExp
  /** How the job ends when the action works as it should. */
  conclusion: 'success' | 'failure' | 'cancelled'
}

/** A run takes four seconds or so, instead of twenty minutes; the deploying identity may read its log. */
const AZURE: LocalAzureOptions = { speed: 300, seed: COMPANY }
const GALLERY = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/contoso`

const LINUX = {
  'source-image': 'Canonical:ubuntu-24_04-lts:server',
  'gallery-image-id': `${GALLERY}/images/webapp`,
  'replication-regions': 'East US, westus2=2',
}

export const SCENARIOS: Record<string, Scenario> = {
  gallery: {
    title: 'examples/webapp becomes a gallery image in two regions',
    azure: AZURE,
    with: { ...LINUX, 'inline-script': 'cd /tmp/webapp\nsudo ./install.sh' },
    conclusion: 'success',
  },
  windows: {
    title: 'a Windows image with updates (PowerShell does not run here: the log says so)',
    azure: AZURE,
    with: {
      'source-image': 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2',
      'gallery-image-id': `${GALLERY}/images/webapp-windows`,
      'replication-regions': 'East US, westus2=2',
      'inline-script': "& 'C:\\buildArtifacts\\webapp\\install.ps1'",
      'windows-update': 'true',
      'vm-size': 'Standard_D4s_v5',
    },
    conclusion: 'success',
  },
  vhd: {
    title: 'a VHD, which a later step would copy before the job ends',
    azure: AZURE,
    with: {
      'source-image': LINUX['source-image'],
      'distribute-type': 'vhd',
      'inline-script': 'sudo /tmp/webapp/install.sh',
    },
    conclusion: 'success',
  },
  'managed-image': {
    title: 'a managed image, from the latest version of a gallery image',
    azure: AZURE,
    with: {
      'source-image': `${GALLERY}/images/base-linux`,
      'managed-image-id': `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/rg-images/providers/Microsoft.Compute/images/webapp`,
      'inline-script': 'sudo /tmp/webapp/install.sh',
    },
    conclusion: 'success',
  },
  'failing-script': {
    title: 'a script that fails: what stays, and why',
    azure: {
      ...AZURE,
      // The third customizer is the script; on a machine that cannot run it, it fails the same way all the same.
      build: {
        failCustomizer: { index: 2, exitCode: 2, output: ['about to fail'], onlyWhereNotRun: true },
      },
    },
    with: { ...LINUX, 'inline-script': 'echo "about to fail"\nls /no/such/folder\necho "never printed"' },
    conclusion: 'failure',
  },
  cancel: {
    title: 'a workflow that is cancelled while the build customizes',
    azure: AZURE,
    with: { ...LINUX, 'inline-script': 'sudo /tmp/webapp/install.sh' },
    cancelAt: /Customizing/,
    conclusion: 'cancelled',
  },
  'dry-run': {
    title: 'everything is checked and the template shown, nothing is created',
    azure: AZURE,
    with: {
      ...LINUX,
      'dry-run': 'true',
      'inline-script': 'sudo /tmp/webapp/install.sh',
      'validation-script': '/opt/webapp/bin/healthcheck',
    },
    conclusion: 'success',
  },
  mistakes: {
    title: 'several mistakes, told at once and before any request',
    azure: AZURE,
    with: {
      ...LINUX,
      'source-image': 'Ubunt2404',
      'gallery-image-id': GALLERY,
      'windows-update': 'yes',
      'build-timeout-in-minutes': '3',
      customizers: '- { type: Shel, inline: [echo hello] }',
      'image-tags': 'owner',
    },
    conclusion: 'failure',
  },
  'refused-sign-in': {
    title: 'no federated credential for this branch',
    azure: AZURE,
    with: LINUX,
    job: { job: { ref: 'refs/heads/feature' } },
    conclusion: 'failure',
  },
}
