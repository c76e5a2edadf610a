/** Scenarios of requests that Resource Manager or Blob Storage refuse, and of failures before any request. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { LocalAzure } from '../index.ts'
import type { JobOptions } from '../runner.ts'
import type { Scenario } from '../scenarios.ts'
import { SUBSCRIPTION_ID } from '../seed.ts'
import type { Fault } from '../world.ts'
import { CLIENTS, GALLERY } from './company.ts'
import { atRequest, IMAGE_TEMPLATES, templateId, templateOf } from './others.ts'
import { existing, failing } from './story.ts'

const WITH_ARTIFACT = { 'build-path': 'webapp' }

export const REQUEST_SCENARIOS: Record<string, Scenario> = {
  'invalid-input': failing('mistakes in the inputs', {
    with: { 'vm-size': 'large', 'build-timeout-in-minutes': '5' },
  }),
  'artifact-changed': failing('a file that vanishes while it is packed', { late: vanishingFile }),
  cancelled: failing('a workflow that is cancelled while the build goes on', {
    cancelAt: /starting run template/,
    conclusion: 'cancelled',
  }),

  'identity-not-assignable': failing('an identity that may not hand out the managed identity', {
    with: { 'client-id': CLIENTS.mayNotAssign },
  }),
  'missing-permission': failing('an identity that may not write image templates', {
    with: { 'client-id': CLIENTS.mayNotWriteTemplates },
  }),
  'missing-blob-role': failing('an identity with no way to the blobs of the account', {
    with: { ...WITH_ARTIFACT, 'client-id': CLIENTS.noBlobRole },
  }),
  'storage-keys-disabled': failing('no role for blobs, and keys that are switched off meanwhile', {
    with: { ...WITH_ARTIFACT, 'client-id': CLIENTS.keysAlone },
    others: switchKeysOff,
  }),
  'storage-firewall': failing('a storage account that lets chosen networks in', {
    with: { ...WITH_ARTIFACT, 'storage-account': 'stbehindwall', 'ignore-warnings': 'storage-firewall' },
  }),
  'upload-damaged': failing('a link that damages what is uploaded, each time', {
    azure: { links: [{ match: 'PUT .*blockid=', flipByteAt: 0 }] },
    with: WITH_ARTIFACT,
  }),
  'sas-expired': failing('a customizer with a URL whose signature has expired', { late: expiredUrl }),

  'provider-not-registered': failing('a provider that is not registered, which the check cannot see', {
    with: { 'client-id': CLIENTS.seesLittle },
    others: unregisterContainers,
  }),
  'region-not-available': failing('a region without Image Builder, which the check cannot see', {
    with: {
      'client-id': CLIENTS.seesLittle,
      location: 'Central US',
      'replication-regions': 'East US',
    },
  }),
  'subscription-not-found': failing('a subscription that does not exist', {
    with: { 'subscription-id': '00000000-1111-2222-3333-444444444444' },
  }),
  'template-exists': failing('a template name that somebody takes a moment before', {
    with: { 'template-name': 'nightly' },
    others: (azure) => {
      atRequest(azure, /^GET .*\/imageTemplates\/nightly\?/, () => {
        plant(azure, 'nightly', {})
      })
    },
  }),
  'operation-not-allowed': failing('a template whose last run is still being cancelled', {
    with: existing('cancelling'),
    others: (azure) => {
      plant(azure, 'cancelling', { runState: 'Canceling', message: 'Canceling image build' })
    },
  }),
  'resource-not-found': failing('a template that a clean-up deletes before its run is started', {
    others: deleteBeforeRun,
  }),
  'invalid-template': failing('a template that the service does not take', {
    with: {
      'source-image': `${GALLERY.replace(/\/galleries\/.*/, '')}/images/base-linux`,
      'versioning-scheme': 'source',
    },
  }),
  throttled: failing('a subscription that has asked too often', {
    azure: { faults: [always(/^PUT .*\/imageTemplates\//, 429, 'TooManyRequests', THROTTLED())] },
  }),
  'service-unavailable': failing('a service that is out of order', {
    azure: {
      faults: [
        always(/\/imageTemplates\//, 503, 'ServiceUnavailable', 'The service is temporarily unavailable.'),
      ],
    },
  }),
  'no-connection': failing('a Resource Manager that cannot be reached', {
    with: { 'resource-manager-endpoint': 'https://127.0.0.1:9' },
  }),
}

/** Text: documented; the numbers in it are assumed. */
function THROTTLED(): string {
  return `Number of requests for subscription '${SUBSCRIPTION_ID}' and operation 'PUT' exceeded the backend storage limit. Please try again after '1' seconds.`
}

/** Resource Manager's envelope. */
function always(match: RegExp, status: number, code: string, message: string): Fault {
  const respond = { status, headers: { 'Retry-After': '1' }, body: { error: { code, message } } }
  return { service: 'resource-manager', match: match.source, times: Infinity, respond }
}

/** In the local Azure's own folder, which goes with it. */
async function vanishingFile(azure: LocalAzure): Promise<Partial<JobOptions>> {
  const folder = path.join(azure.folder, 'artifact')
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'server.log'), 'so far')
  // The list of files is made by then, and none of them has been read.
  atRequest(azure, /^HEAD .*\/imagebuilder-vststask\//, () => rm(path.join(folder, 'server.log')))
  return { with: { 'build-path': folder } }
}

/** The workflow holds the URL in a secret. */
function expiredUrl({ blobs }: LocalAzure): Partial<JobOptions> {
  const signature = 'bm90YXJlYWxzaWduYXR1cmV4'
  const sas = `sv=2024-11-04&sr=b&sp=r&st=2026-01-01T00%3A00%3A00Z&se=2026-01-02T00%3A00%3A00Z&sig=${signature}`
  const sourceUri = `${blobs.endpoint('stcontosobuild')}files/app.zip?${sas}`
  const customizers = JSON.stringify([{ type: 'File', sourceUri, destination: '/tmp/app.zip' }])
  return { with: { customizers }, secrets: [signature] }
}

function switchKeysOff(azure: LocalAzure): void {
  const { resources } = azure.world
  atRequest(azure, /^POST .*\/listKeys\?/, () => {
    const account = resources
      .list('Microsoft.Storage/storageAccounts')
      .find(({ name }) => name === 'stcontosobuild')
    if (account)
      resources.put({ ...account, properties: { ...account.properties, allowSharedKeyAccess: false } })
  })
}

function unregisterContainers({ world }: LocalAzure): void {
  const id = `/subscriptions/${SUBSCRIPTION_ID}/providers/Microsoft.ContainerInstance`
  const provider = world.resources.get(id)
  if (provider) world.resources.put({ ...provider, properties: { registrationState: 'NotRegistered' } })
}

/** Puts a template in place, as if made and run earlier. */
function plant({ world }: LocalAzure, name: string, lastRun: { runState?: string; message?: string }): void {
  const startTime = new Date(world.now() - 3_600_000).toISOString()
  const lastRunStatus = { startTime, endTime: '0001-01-01T00:00:00Z', ...lastRun }
  world.resources.put({
    id: templateId(name),
    name,
    type: IMAGE_TEMPLATES,
    location: 'eastus',
    tags: {},
    properties: {
      provisioningState: 'Succeeded',
      exactStagingResourceGroup: '',
      source: { type: 'PlatformImage', publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server' },
      distribute: [{ type: 'VHD', runOutputName: 'vhd' }],
      ...(lastRun.runState && { lastRunStatus }),
    },
  })
}

function deleteBeforeRun(azure: LocalAzure): void {
  const { resources } = azure.world
  atRequest(
    azure,
    /^GET .*\/imageTemplates\/[^/?]+\?/,
    (exchange) => {
      resources.delete(templateOf(exchange))
    },
    (exchange) => resources.get(templateOf(exchange))?.properties['provisioningState'] === 'Succeeded',
  )
}
