/** What a look at Azure rules out before anything is created, through the bundled action. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, DEPLOYER_ACTIONS, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { GALLERY, GROUP, openStage, type Stage } from '../support/run-action.ts'
import { addApplication } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { byHand, expectMistakes, writes } from '../support/submissions.ts'

const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const NETWORKS = `${GROUP}/providers/Microsoft.Network/virtualNetworks`
const SUBNETS = `${NETWORKS}/vnet-builds/subnets`
const IDENTITIES = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
const LEGACY = 'Canonical:0001-com-ubuntu-server-jammy:22_04-lts'
const ARM = 'Canonical:ubuntu-24_04-lts:server-arm64'
const CONTAINERS = 'Microsoft.ContainerInstance/containerGroups'

const seed = defaultSeed()
addGroups(seed)
addNetworks(seed)
addDefinitions(seed)
/** May read everything, so that every check is made. */
const READER = addApplication(seed, { roles: [{ actions: [...DEPLOYER_ACTIONS, '*/read'] }] })

function addGroups({ resourceGroups, storageAccounts }: Seed): void {
  resourceGroups.push(
    { name: 'rg-west', location: 'westus2' },
    { name: 'rg-owned', location: 'eastus', tags: { imageTemplateName: 'their-template' } },
    { name: 'rg-full', location: 'eastus' },
  )
  for (const name of ['stone', 'sttwo', 'stthree', 'stfour']) {
    storageAccounts.push({ resourceGroup: 'rg-full', name, location: 'eastus' })
  }
}

function addNetworks({ virtualNetworks }: Seed): void {
  const subnets = [{ name: 'builds', privateLinkServiceNetworkPolicies: 'Disabled' as const }]
  virtualNetworks.push({ resourceGroup: 'rg-images', name: 'vnet-west', location: 'westus2', subnets })
}

function addDefinitions({ galleries }: Seed): void {
  const definitions = galleries[0]?.definitions ?? []
  const [webapp] = definitions
  if (!webapp) throw new Error('The seed has no image definition.')
  const plain = { ...webapp, name: 'plain' }
  delete plain.securityType
  definitions.push(
    plain,
    { ...webapp, name: 'arm', architecture: 'Arm64' },
    { ...webapp, name: 'trusted-alone', securityType: 'TrustedLaunch' },
    { ...webapp, name: 'specialized', osState: 'Specialized' },
  )
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000 }, { skipPost: true })
})
afterAll(() => stage.close())

/** A workflow with mistakes, each with what is told of it: these and no others. */
interface Workflow {
  inputs: Record<string, string>
  mistakes: Record<string, RegExp>
}
const WORKFLOWS: Record<string, Workflow> = {
  regions: {
    inputs: {
      location: 'westu2',
      'replication-regions': 'East US, West US 33\nukwset=2',
      distributors: `- { type: ManagedImage, imageId: "${IMAGES}/other", location: Nowhere, runOutputName: other }`,
    },
    mistakes: {
      'a region that is misspelt':
        /^location: 'westu2' does not offer Image Builder; these do: eastus, .*\. Did you mean 'westus2'\?$/,
      'a region of a gallery image that is misspelt':
        /^replication-regions: 'westus33' is no region of this cloud\. Did you mean 'westus3'\?$/,
      'another one': /^replication-regions: 'ukwset' is no region of this cloud\. Did you mean 'ukwest'\?$/,
      'the region of a managed image in distributors':
        /^distributors: \[0\]\.location: 'nowhere' is no region of this cloud\.$/,
    },
  },
  'things that are not there': {
    inputs: {
      'subnet-id': `${SUBNETS}/nowhere`,
      'build-vm-identities': `id-none, ${IDENTITIES}/id-neither`,
      'staging-resource-group': 'rg-west',
      'template-name': 'Taken',
      distributors: `- { type: ManagedImage, imageId: "${IMAGES.replace('rg-images', 'rg-none')}/made", location: eastus, runOutputName: made }`,
    },
    mistakes: {
      'a subnet that does not exist': /^subnet-id: '.*\/subnets\/nowhere' does not exist/,
      'an identity of the build VM, by name':
        /^build-vm-identities: 'id-none' does not exist; looked for .*\/id-none/,
      'an identity of the build VM, by ID': /^build-vm-identities: 'id-neither' does not exist/,
      'a staging group elsewhere':
        /^staging-resource-group: 'rg-west' is in westus2; it must be in the template's region, eastus/,
      'a template name that is taken':
        /^template-name: 'Taken' exists already: .* set existing-template: true/,
      'the group of a managed image':
        /^distributors: \[0\]\.imageId: resource group 'rg-none' does not exist/,
    },
  },
  'a network elsewhere': {
    inputs: {
      'subnet-id': `${NETWORKS}/vnet-west/subnets/builds`,
      'staging-resource-group': `${SUBSCRIPTION}/resourceGroups/rg-owned`,
    },
    mistakes: {
      'a subnet in another region': /^subnet-id: 'builds' is in westus2; the build VM is in eastus/,
      'a staging group of another template':
        /^staging-resource-group: 'rg-owned' belongs to image template 'their-template'/,
    },
  },
  'a network of the wrong kind': {
    inputs: {
      'subnet-id': `${SUBNETS}/builds`,
      'container-instance-subnet-id': `${SUBNETS}/untouched`,
      'staging-resource-group': 'RG-Full',
    },
    mistakes: {
      'a subnet that is not delegated to container groups': new RegExp(
        `^container-instance-subnet-id: 'untouched' must be delegated to ${CONTAINERS}`,
      ),
      'a staging group that is not empty':
        /^staging-resource-group: 'RG-Full' is not empty; it holds st\w+, st\w+, st\w+ and more/i,
    },
  },
  'a network with policies': {
    inputs: { 'subnet-id': `${SUBNETS}/untouched` },
    mistakes: {
      'a subnet whose policies keep the proxy VM from working':
        /^subnet-id: 'untouched' has .* run: az network vnet subnet update --ids \S+\/untouched --private-link-service-network-policies Disabled$/,
    },
  },
  'no network': {
    inputs: { 'subnet-id': `${NETWORKS}/vnet-none/subnets/builds` },
    mistakes: {
      'a virtual network that does not exist, told once':
        /^subnet-id: '.*\/vnet-none\/subnets\/builds' does not exist/,
    },
  },
  'images that do not fit': {
    inputs: {
      'gallery-image-id': `${GALLERY}/images/webapp-windows`,
      'os-disk-size-gb': '29',
      'windows-restart': 'true',
      'run-elevated': 'true',
      customizers: '- { type: Shell, inline: ["true"] }\n- { type: PowerShell, inline: [Get-Date] }',
      distributors: ['arm', 'plain', 'trusted-alone', 'specialized'].map(toDefinition).join('\n'),
    },
    mistakes: {
      'an image definition of another operating system':
        /^gallery-image-id: the image definition has operating system Windows, the source image Linux/,
      'one of another architecture':
        /^distributors: \[0\]\.galleryImageId: the image definition has architecture Arm64, the source image x64/,
      'one without trusted launch for a source with it':
        /^distributors: \[1\]\.galleryImageId: the image definition has security type none, the source image TrustedLaunchSupported/,
      'one that takes nothing but trusted launch':
        /^distributors: \[2\]\.galleryImageId: the image definition has security type TrustedLaunch, /,
      'one for specialized images':
        /^distributors: \[3\]\.galleryImageId: the image definition is for Specialized images/,
      'no replica at home':
        /^distributors: \[3\]\.targetRegions: must hold the gallery's own region, eastus; given: westus2/,
      'a disk smaller than the source image’s':
        /^os-disk-size-gb: '29' is less than the source image's disk of 30 GB/,
      'a restart of Windows on Linux': /^windows-restart: needs Windows; the source image is Linux/,
      'elevation on Linux': /^run-elevated: needs Windows; the source image is Linux/,
      'a customizer of Windows on Linux': /^customizers: \[1\]\.type: 'PowerShell' needs Windows/,
    },
  },
  'another generation': {
    inputs: { 'source-image': LEGACY },
    mistakes: {
      'an image definition of another generation':
        /^gallery-image-id: the image definition has Hyper-V generation V2, the source image V1/,
      'which shows in its security type as well':
        /^gallery-image-id: the image definition has security type TrustedLaunchSupported, the source image none/,
    },
  },
  Arm64: {
    inputs: { 'source-image': ARM, 'gallery-image-id': '', 'managed-image-id': `${IMAGES}/arm` },
    mistakes: {
      'a managed image of an Arm64 machine': /^managed-image-id: a managed image cannot hold Arm64/,
    },
  },
  versions: {
    inputs: {
      'gallery-image-id': `${GALLERY}/images/base-linux/versions/1.9.0`,
      distributors: `- { type: SharedImage, galleryImageId: "${GALLERY}/images/base-linux/versions/2.0.0", runOutputName: two }`,
    },
    mistakes: {
      'a version that exists': /^gallery-image-id: version 1\.9\.0 exists already/,
      'one in distributors': /^distributors: \[0\]\.galleryImageId: version 2\.0\.0 exists already/,
    },
  },
  'all at once': {
    inputs: {
      location: 'estus',
      'source-image': 'Canonical:ubuntu-24_04-lts:servr',
      'replication-regions': 'eastus, nowhere',
      'gallery-image-id': `${GALLERY}/images/webap`,
      'managed-identity': 'id-none',
      'staging-resource-group': 'rg-owned',
      'subnet-id': `${SUBNETS}/nowhere`,
      'storage-account': 'stnowhere',
    },
    mistakes: {
      'the region': /^location: 'estus' does not offer Image Builder/,
      'the regions': /^replication-regions: 'nowhere' is no region/,
      'the image definition': /^gallery-image-id: image definition 'webap' does not exist/,
      'the managed identity': /^managed-identity: 'id-none' does not exist/,
      'the region of the staging group':
        /^staging-resource-group: 'rg-owned' is in eastus; it must be in the template's region, estus/,
      'the owner of the staging group': /^staging-resource-group: 'rg-owned' belongs to image template/,
      'the subnet': /^subnet-id: '.*\/nowhere' does not exist/,
      'the storage account': /^storage-account: 'stnowhere' was not found/,
    },
  },
  'what is missing and what does not fit': {
    inputs: {
      'managed-identity': 'id-none',
      'os-disk-size-gb': '29',
      'gallery-image-id': `${GALLERY}/images/webapp-windows`,
    },
    mistakes: {
      'an identity that is missing': /^managed-identity: 'id-none' does not exist/,
      'a disk that is too small': /^os-disk-size-gb: '29' is less than/,
      'a system that does not fit': /^gallery-image-id: the image definition has operating system Windows/,
    },
  },
}

function toDefinition(name: string): string {
  const region = name === 'specialized' ? 'westus2' : 'eastus'
  return `- { type: SharedImage, galleryImageId: "${GALLERY}/images/${name}", runOutputName: ${name}, targetRegions: [{ name: ${region} }] }`
}

describe('what rules a build out, all in one failure', () => {
  let jobs: Record<string, JobResult>
  let written: string[]
  beforeAll(async () => {
    await byHand(stage.azure, 'taken', {
      properties: {
        source: { type: 'ManagedImage', imageId: `${IMAGES}/base-linux` },
        distribute: [{ type: 'VHD', runOutputName: 'vhd' }],
      },
    })
    const runs = Object.entries(WORKFLOWS).map(
      ([name, { inputs }]) =>
        [name, () => stage.run({ 'client-id': READER, ...inputs }, { skipPost: true })] as const,
    )
    const { result, requests } = await requestsOf(stage.azure, () => sideBySide(Object.fromEntries(runs)))
    jobs = result
    written = writes(requests)
  }, 180_000)

  test('nothing was written, whatever it was', () => {
    expect(written).toEqual([])
  })

  describe.each(Object.entries(WORKFLOWS))('%s', (name, { mistakes }) => {
    test.each(Object.entries(mistakes))('%s', (_, told) => {
      const lines = jobs[name] ? failureOf(jobs[name]).split('\n') : []
      expect(lines).toContainEqual(
        expect.stringMatching(new RegExp(told.source.replace('^', '^- '), told.flags)),
      )
    })

    test('and nothing else; nothing was created', () => {
      const job = jobs[name]
      expectMistakes(job ? failureOf(job) : '', Object.values(mistakes))
      expect({ template: job?.state['imageTemplate'], blob: job?.state['blob'] }).toEqual({})
    })
  })
})
