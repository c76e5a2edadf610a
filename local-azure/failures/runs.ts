/** Scenarios of runs whose status tells what went wrong. */
import type { Scenario } from '../scenarios.ts'
import { GALLERY, GROUP } from './company.ts'
import { atRequest, makeTemplate, send, STARTED, templateOf } from './others.ts'
import { broken, existing, failing } from './story.ts'

export const RUN_SCENARIOS: Record<string, Scenario> = {
  'build-timeout': broken(
    'a script that waits for an answer until the build’s time is up',
    {
      packer: {
        at: { customizer: 0 },
        never: true,
        log: [
          '==> azure-arm: Provisioning with shell script: /tmp/packer-shell2085713642',
          '    azure-arm: Reading package lists...',
          '    azure-arm: Building dependency tree...',
          '    azure-arm: The following NEW packages will be installed:',
          '    azure-arm:   nginx nginx-common',
          '    azure-arm: Do you want to continue? [Y/n]',
        ],
      },
    },
    { 'inline-script': 'sudo apt-get install nginx', 'build-timeout-in-minutes': '60' },
  ),
  'file-customizer-slow': broken(
    'a File customizer that copies until the build’s time is up',
    {
      packer: {
        at: { customizer: 0 },
        never: true,
        log: [
          '==> azure-arm: Uploading webapp.tar.gz => /tmp/webapp.tar.gz',
          ...Array.from({ length: 62 }, (_, percent) => {
            const bytes = Math.round((percent * 826_000_000) / 100)
            return `    azure-arm: webapp.tar.gz ${bytes} B / 826000000 B  ${percent.toFixed(2)}%`
          }),
        ],
      },
    },
    { 'build-path': 'webapp', 'artifact-transfer': 'file', 'build-timeout-in-minutes': '60' },
  ),
  // Building and customizing take twelve minutes, distributing eight more.
  'replication-timeout': failing('a replication that outlives the build’s time', {
    with: { 'build-timeout-in-minutes': '15' },
  }),
  'replication-failed': failing('a region that the image does not get to', {
    azure: { replication: { failing: { westus2: 'Not enough capacity in the region.' } } },
    with: { 'replication-regions': 'eastus, westus2' },
  }),
  'distribution-failed': broken(
    'a distribution that fails without saying why',
    { failDistribute: { runOutputName: 'unlucky', message: 'Some error happened, please check' } },
    { 'run-output-name': 'unlucky' },
  ),
  'architecture-mismatch': failing('an Arm64 image that is to be a managed image', {
    with: existing('arm64'),
    others: (azure) =>
      makeTemplate(azure, 'arm64', {
        source: {
          type: 'PlatformImage',
          publisher: 'Canonical',
          offer: 'ubuntu-24_04-lts',
          sku: 'server-arm64',
          version: 'latest',
        },
        distribute: [
          {
            type: 'ManagedImage',
            imageId: `${GROUP}/providers/Microsoft.Compute/images/arm64`,
            location: 'eastus',
            runOutputName: 'image',
          },
        ],
      }),
  }),
  'staging-resource-not-found': broken('a clean-up that deletes the network interface of the build VM', {
    sweeps: 'Microsoft.Network/networkInterfaces',
  }),
  'container-instances-throttled': failing('many builds at once', {
    azure: { limits: { containerGroupsPerHour: 0 } },
  }),
  // Documented of a deletion that got stuck; that a run fails of what is left of it is assumed.
  'staging-network-in-use': broken('a network that is left of a build before', {
    failService:
      `Failed in building/customizing image: error deleting resource id ${GALLERY.replace(/\/providers.*/, '')}` +
      '/providers/Microsoft.Network/networkInterfaces/nic-left: resources.Client#DeleteByID: Failure sending request: ' +
      'StatusCode=400 -- Original Error: Code="NicInUseWithPrivateEndpoint" Message="Network interface nic-left cannot ' +
      'be deleted because it is currently in use with an private endpoint (pe-left)." Details=[]',
  }),
  'cancelled-in-azure': failing('a run that a colleague cancels in the portal', {
    others: (azure) => {
      atRequest(azure, STARTED, (exchange) => send(azure, 'POST', `${templateOf(exchange)}/cancel`))
    },
  }),
  'stuck-canceling': failing('a run that a colleague cancels, and that stays in Canceling', {
    azure: { build: { stuckCanceling: true } },
    others: (azure) => {
      atRequest(azure, STARTED, (exchange) => send(azure, 'POST', `${templateOf(exchange)}/cancel`))
    },
  }),
  'template-deleted': failing('a template that a clean-up deletes while it runs', {
    others: (azure) => {
      atRequest(azure, STARTED, (exchange) => void azure.world.resources.delete(templateOf(exchange)))
    },
  }),
}
