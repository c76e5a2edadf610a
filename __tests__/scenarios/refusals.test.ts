/** What is refused before anything is created: mistakes in the inputs, and inputs that name what Azure lacks. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { DEPLOYER_ACTIONS, defaultSeed, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { changes, failureOf, requestsOf } from '../support/failures.ts'
import { GALLERY, GROUP, leftBehind, NOTHING, openStage, WINDOWS, type Stage } from '../support/run-action.ts'
import { addApplication, without } from '../support/seeds.ts'

const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`

const seed = defaultSeed()
addTraps(seed)
/** A client for each right of the deployer: the one that lacks it. */
const lacking = Object.fromEntries(
  DEPLOYER_ACTIONS.map((action) => [
    action,
    addApplication(seed, { roles: [{ actions: without(DEPLOYER_ACTIONS, action) }] }),
  ]),
)

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed })
})
afterAll(async () => {
  expect(await leftBehind(stage.azure)).toEqual(NOTHING)
  await stage.close()
})

/** Images and definitions that no build can use. */
function addTraps({ galleries, managedImages }: Seed): void {
  const [gallery] = galleries
  const [definition] = gallery?.definitions ?? []
  const [image] = managedImages
  if (!definition || !image) throw new Error('The seed has no gallery or no managed image.')
  gallery?.definitions.push(
    {
      ...definition,
      name: 'other-machine',
      osType: 'Windows',
      osState: 'Specialized',
      hyperVGeneration: 'V1',
      architecture: 'Arm64',
    },
    {
      ...definition,
      name: 'unusable',
      versions: [
        { name: '1.0.0', targetRegions: ['East US'], provisioningState: 'Failed' },
        { name: '1.1.0', targetRegions: ['East US'], provisioningState: 'Creating' },
        { name: '2.0.0', targetRegions: ['East US'], excludeFromLatest: true },
      ],
    },
  )
  managedImages.push({ ...image, name: 'base-west', location: 'westus2' })
}

/** The failure of main alone, which must have changed nothing: then post has nothing to do. */
async function refusal(inputs: Record<string, string>, env: Record<string, string> = {}): Promise<string> {
  const { result, requests } = await requestsOf(stage.azure, () => stage.run(inputs, { env, skipPost: true }))
  const message = failureOf(result)
  expect(changes(requests)).toEqual([])
  expect(result.state['imageTemplate']).toBeUndefined()
  expect(result.state['blob']).toBeUndefined()
  return message
}

/** The lines of a message that name an input, without their dash. */
function mistakesIn(message: string): string[] {
  return message
    .split('\n')
    .filter((line) => line.startsWith('- '))
    .map((line) => line.slice(2))
}

/** The message tells these mistakes and no others. */
function expectMistakes(message: string, expected: RegExp[]): void {
  const mistakes = mistakesIn(message)
  for (const pattern of expected) expect(mistakes).toContainEqual(expect.stringMatching(pattern))
  expect(mistakes).toHaveLength(expected.length)
}

describe('mistakes in the inputs', () => {
  test('are all told at once, each with what is allowed and what was probably meant', async () => {
    const { result, requests } = await requestsOf(stage.azure, () =>
      stage.run(
        {
          'client-id': 'my-app',
          'tenant-id': '',
          'subscription-id': 'my-subscription',
          environment: 'AzurCloud',
          'resource-manager-endpoint': 'http://localhost',
          'resource-group': 'rg/images',
          'managed-identity': `${IMAGES}/base-linux`,
          'storage-account': 'St_Contoso',
          'source-image': 'Ubuntu:24.04',
          'source-plan': 'plan:product',
          provisioner: 'powershel',
          'build-path': 'no-such-folder',
          'run-as-system': 'true',
          'windows-update': 'ture',
          'distribute-type': 'galery',
          'replication-regions': 'eastus=0, westus2=1:Standard_LSR',
          'run-output-name': 'my output',
          'build-timeout-in-minutes': '5',
          cleanup: 'onsuccess',
          'poll-interval-seconds': '0',
        },
        { env: { AZURE_AUTHORITY_HOST: 'login.microsoftonline.com' } },
      ),
    )
    const message = failureOf(result)
    const expected = [
      /^client-id: 'my-app' is not a GUID/,
      /^tenant-id: is required with client-id/,
      /^subscription-id: 'my-subscription' is not a GUID/,
      /^environment: 'AzurCloud' is not one of AzureCloud, .*\. Did you mean 'AzureCloud'\?/,
      /^resource-manager-endpoint: 'http:\/\/localhost' is not an https:\/\/ URL/,
      /^environment variable AZURE_AUTHORITY_HOST: 'login.microsoftonline.com' is not an https:\/\/ URL/,
      /^resource-group: 'rg\/images' is not a valid name/,
      /^managed-identity: '.*\/base-linux' is the ID of a managed image; give that of a managed identity/,
      /^storage-account: 'St_Contoso' is not a valid name/,
      /^source-image: 'Ubuntu:24.04' is not an image; use Publisher:Offer:Sku/,
      /^source-plan: 'plan:product' is not PlanName:PlanProduct:PlanPublisher/,
      /^provisioner: 'powershel' is not one of auto, shell, powershell\. Did you mean 'powershell'\?/,
      /^build-path: 'no-such-folder' does not exist; looked for .*\/no-such-folder/,
      /^run-as-system: 'true' needs run-elevated/,
      /^windows-update: 'ture' is not one of true, false\. Did you mean 'true'\?/,
      /^distribute-type: 'galery' is not one of managed-image, gallery, vhd\. Did you mean 'gallery'\?/,
      /^replication-regions: 'eastus=0' is not region, region=replicas/,
      /^replication-regions: 'Standard_LSR' is not one of .*\. Did you mean 'Standard_LRS'\?/,
      /^run-output-name: 'my output' is not 1 to 64 letters/,
      /^build-timeout-in-minutes: '5' is not allowed; use 0 .* or 6 to 960/,
      /^cleanup: 'onsuccess' is not one of .*\. Did you mean 'on-success'\?/,
      /^poll-interval-seconds: '0' is not allowed; use 1 to 600/,
    ]
    expectMistakes(message, expected)
    expect(message).toContain(`${expected.length} inputs need a change; nothing was created.`)
    expect(requests).toEqual([])
    expect(result.post?.conclusion).toBe('success')
    expect(result.log).toContain('nothing was created, so there is nothing to clean up')
  })

  test('include every required input that is not given', async () => {
    const required = {
      'subscription-id': '',
      'resource-group': '',
      location: '',
      'managed-identity': '',
      'storage-account': '',
      'source-image': '',
      'gallery-image-id': '',
    }
    const named = mistakesIn(await refusal(required)).map((mistake) => mistake.replace(/:.*/, ''))
    const expected = { ...required, 'gallery-image-id': undefined, 'distribute-type': '' }
    expect(named.sort()).toEqual(
      Object.entries(expected)
        .filter(([, value]) => value !== undefined)
        .map(([name]) => name)
        .sort(),
    )
  })
})

const account = `${GROUP}/providers/Microsoft.Storage/storageAccounts`
const identities = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`

describe('what Azure does not have', () => {
  // One job a source image; what else is missing stands with one of them.
  test.each<{ story: string; inputs: Record<string, string>; mistakes: RegExp[] }>([
    {
      story: 'a managed image; a region, which is misspelt; a managed identity, by name',
      inputs: {
        'source-image': `${IMAGES}/base`,
        location: 'westus22',
        'replication-regions': 'eastus',
        'managed-identity': 'id-builder',
      },
      mistakes: [
        new RegExp(`^source-image: '${IMAGES}/base' does not exist`),
        /^location: 'westus22' does not offer Image Builder; .* Did you mean 'westus2'\?$/,
        new RegExp(`^managed-identity: 'id-builder' does not exist; looked for ${identities}/id-builder`),
      ],
    },
    {
      story: 'an SKU; a storage account, by ID',
      inputs: {
        'source-image': 'Canonical:ubuntu-24_04-lts:servr:latest',
        'storage-account': `${account}/stelsewhere`,
      },
      mistakes: [
        /^source-image: Canonical:ubuntu-24_04-lts:servr is not offered in eastus; az vm image list/,
        new RegExp(`^storage-account: '${account}/stelsewhere' was not found`),
      ],
    },
    {
      story: 'a version of a marketplace image; room for a version that is there already',
      inputs: {
        'source-image-version': '24.04.202001010',
        'gallery-image-id': `${GALLERY}/images/base-linux/versions/1.9.0`,
      },
      mistakes: [
        /^source-image: Canonical:ubuntu-24_04-lts:server:24.04.202001010 is not offered in eastus/,
        /^gallery-image-id: version 1.9.0 exists already/,
      ],
    },
    {
      story: 'a managed image in this region',
      inputs: { 'source-image': `${IMAGES}/base-west` },
      mistakes: [/^source-image: is in westus2; a managed image must be in the template's region, eastus/],
    },
    {
      story: 'a version of a gallery image',
      inputs: { 'source-image': `${GALLERY}/images/base-linux/versions/1.8.0` },
      mistakes: [new RegExp(`^source-image: '${GALLERY}/images/base-linux/versions/1.8.0' does not exist`)],
    },
    {
      story: 'a replica in this region',
      inputs: {
        'source-image': `${GALLERY}/images/base-linux/versions/1.9.0`,
        location: 'westus2',
        'replication-regions': 'eastus',
      },
      mistakes: [/^source-image: version 1.9.0 has no replica in westus2, only in eastus/],
    },
    {
      story: 'a usable version of a gallery image',
      inputs: { 'source-image': `${GALLERY}/images/unusable` },
      mistakes: [/^source-image: '.*\/unusable' has no complete version that is not excluded from latest/],
    },
    {
      story:
        'an image definition for another machine, a replica at home, PowerShell and Windows Update on Linux',
      inputs: {
        'gallery-image-id': `${GALLERY}/images/other-machine`,
        'replication-regions': 'westus2, westus3',
        provisioner: 'powershell',
        'windows-update': 'true',
      },
      mistakes: [
        /^gallery-image-id: the image definition is for Specialized images/,
        /^gallery-image-id: the image definition has operating system Windows, the source image Linux/,
        /^gallery-image-id: the image definition has Hyper-V generation V1, the source image V2/,
        /^gallery-image-id: the image definition has architecture Arm64, the source image x64/,
        /^replication-regions: must hold the gallery's own region, eastus; given: westus2, westus3/,
        /^windows-update: needs Windows; the source image is Linux/,
        /^provisioner: 'powershell' needs Windows/,
      ],
    },
    {
      story: 'a shell on Windows',
      inputs: {
        'source-image': WINDOWS,
        'gallery-image-id': `${GALLERY}/images/webapp-windows`,
        provisioner: 'shell',
      },
      mistakes: [/^provisioner: 'shell' needs Linux; the source image is Windows/],
    },
    {
      story: 'a bit of everything: all is told at once',
      inputs: {
        location: 'Central US',
        'resource-group': 'rg-image',
        'managed-identity': `${identities}/id-builder`,
        'storage-account': 'stcontosobuid',
        'source-image': `${GALLERY}/images/base-linx/versions/1.9.0`,
        'gallery-image-id': `${GALLERY}/images/webap/versions/1.0.0`,
      },
      mistakes: [
        /^location: 'centralus' does not offer Image Builder; these do: eastus, eastus2, .*westus3\./,
        new RegExp(`^resource-group: 'rg-image' does not exist in subscription ${SUBSCRIPTION_ID}`),
        new RegExp(`^managed-identity: 'id-builder' does not exist; looked for ${identities}/id-builder`),
        /^storage-account: 'stcontosobuid' was not found.* Did you mean 'stcontosobuild'\?$/,
        /^source-image: image definition 'base-linx' does not exist/,
        /^source-image: '.*\/base-linx\/versions\/1.9.0' does not exist/,
        /^gallery-image-id: image definition 'webap' does not exist in gallery 'contoso' of resource group 'rg-images'/,
      ],
    },
  ])('$story', async ({ inputs, mistakes }) => {
    const message = await refusal(inputs)
    expect(message).toContain('nothing was created')
    expectMistakes(message, mistakes)
  })
})

// `npm run test:rights` takes every action away.
describe('what the signed-in identity may not read', () => {
  const definition = `${GALLERY}/images/base-linux`
  test.each<{ action: string; scope: string; inputs?: Record<string, string> }>([
    {
      action: 'Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read',
      scope: `/subscriptions/${SUBSCRIPTION_ID}/providers/Microsoft.Compute/locations/eastus/publishers/Canonical`,
    },
    {
      action: 'Microsoft.Compute/galleries/images/read',
      inputs: { 'source-image': definition },
      scope: definition,
    },
  ])('$action', async ({ action, scope, inputs }) => {
    const message = await refusal({ ...inputs, 'client-id': lacking[action] ?? '' })
    expect(message).toContain('AuthorizationFailed (HTTP 403): ')
    expect(message.toLowerCase()).toContain(`perform action '${action}' over scope '${scope}`.toLowerCase())
    expect(message).toContain('(failure-code: missing-permission)')
  })

  test('a storage account that is looked for by name', async () => {
    const client = lacking['Microsoft.Storage/storageAccounts/read'] ?? ''
    const mistakes = mistakesIn(await refusal({ 'client-id': client }))
    expect(mistakes).toEqual([
      "storage-account: 'stcontosobuild' was not found, or the signed-in identity may not read it (Microsoft.Storage/storageAccounts/read).",
    ])
  })
})
