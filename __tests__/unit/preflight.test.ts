/** What speaks against a build before it is begun: mistakes that would end it, and warnings. */
import { describe, expect, test } from '@jest/globals'
import { InputError, type Problem } from '../../src/errors.ts'
import type { StorageAccount } from '../../src/image-template.ts'
import {
  artifactWarnings,
  buildWarnings,
  isRegistered,
  type Provider,
  PROVIDERS,
  regionProblems,
  registrationProblems,
  REQUEST_BYTES,
  sizeProblem,
  type StagingGroupFacts,
  stagingGroupProblems,
  type SubnetFacts,
  subnetProblems,
  WARNINGS,
} from '../../src/preflight.ts'
import { jobLimitWarning } from '../../src/time-warnings.ts'
import {
  ACCOUNT_ID,
  linesOf,
  MANAGED_IMAGE_ID,
  marketplaceImage,
  problemsOf,
  SUBNET_ID,
  SUBSCRIPTION,
} from '../support/factories.ts'
import { requestOf } from '../support/template-body.ts'

type Inputs = Record<string, string>

const lines = (problems: Problem[]): string[] => linesOf(new InputError(problems))

const REGIONS = ['eastus', 'westus2', 'northeurope']
const provider = (namespace: string, overrides: Partial<Provider> = {}): Provider => ({
  namespace,
  registrationState: 'Registered',
  locations: {},
  ...overrides,
})

describe('resource providers', () => {
  test.each([
    ['Registered', true],
    ['registered', true],
    ['NotRegistered', false],
    ['Registering', false],
    ['Unregistered', false],
  ])('%s', (registrationState, registered) => {
    expect(isRegistered(provider('a', { registrationState }))).toBe(registered)
  })

  test('those that are not registered are told with the command that registers them', () => {
    const [first, second, ...others] = PROVIDERS
    const all = [
      provider(first),
      provider(second, { registrationState: 'NotRegistered' }),
      ...others.map((name) => provider(name)),
      provider('Microsoft.Other', { registrationState: 'Unregistered' }),
    ]
    const told = (name: string, state: string): string =>
      `subscription-id: has the resource provider ${name} '${state}'; run: az provider register --namespace ${name} --subscription ${SUBSCRIPTION}, or set register-providers: true.`
    expect(lines(registrationProblems(all, SUBSCRIPTION))).toEqual([
      told(second, 'NotRegistered'),
      told('Microsoft.Other', 'Unregistered'),
    ])
  })
})

describe('regions', () => {
  const builder = provider('Microsoft.VirtualMachineImages', {
    locations: { imagetemplates: ['eastus', 'westus2'] },
  })
  const compute = provider('microsoft.compute', {
    locations: { 'galleries/images/versions': REGIONS, images: REGIONS },
  })
  const MANAGED = { 'gallery-image-id': '', 'managed-image-id': MANAGED_IMAGE_ID }
  const further = (region: string): string =>
    `[{type: ManagedImage, runOutputName: a, imageId: ${MANAGED_IMAGE_ID}, location: ${region}}]`

  test.each<[string, Inputs, Provider[], string[]]>([
    [
      'that are there',
      { location: 'West US 2', 'replication-regions': 'westus2, North Europe' },
      [builder, compute],
      [],
    ],
    [
      'that do not offer Image Builder, beside one that is nearly right',
      { location: 'westu2', 'replication-regions': 'westus2' },
      [builder, compute],
      ["location: 'westu2' does not offer Image Builder; these do: eastus, westus2. Did you mean 'westus2'?"],
    ],
    [
      'that do not offer Image Builder, though Compute',
      { location: 'northeurope' },
      [builder, compute],
      ["location: 'northeurope' does not offer Image Builder; these do: eastus, westus2."],
    ],
    [
      'of replicas that are none, each told of',
      { 'replication-regions': 'westus2, eastsu, mars' },
      [builder, compute],
      [
        "replication-regions: 'eastsu' is no region of this cloud. Did you mean 'eastus'?",
        "replication-regions: 'mars' is no region of this cloud.",
      ],
    ],
    [
      'of a managed image',
      { ...MANAGED, 'managed-image-location': 'mars' },
      [builder, compute],
      ["managed-image-location: 'mars' is no region of this cloud."],
    ],
    [
      'in distributors, with the place there',
      { distributors: further('west-us-3') },
      [builder, compute],
      ["distributors: [0].location: 'westus3' is no region of this cloud. Did you mean 'westus2'?"],
    ],
    [
      'of a VHD, which has none',
      { 'gallery-image-id': '', 'distribute-type': 'vhd' },
      [builder, compute],
      [],
    ],
    [
      'that nobody can compare: a provider that may not be read',
      { location: 'mars', 'replication-regions': 'mars' },
      [],
      [],
    ],
    [
      'that nobody can compare: a provider without that type',
      { 'replication-regions': 'mars' },
      [builder, provider('Microsoft.Compute')],
      [],
    ],
  ])('%s', (_, inputs, providers, expected) => {
    expect(lines(regionProblems(requestOf(inputs), providers))).toEqual(expected)
  })
})

describe('a staging group', () => {
  const GROUP: StagingGroupFacts = {
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/staging`,
    location: 'westus2',
    tags: {},
    contents: [],
  }
  test.each<[string, Partial<StagingGroupFacts>, string[]]>([
    ['that is empty', {}, []],
    ['in the same region by another spelling', { location: 'West US 2' }, []],
    ['with tags of the user', { tags: { team: 'web' } }, []],
    [
      'in another region',
      { location: 'eastus' },
      ["'staging' is in eastus; it must be in the template's region, westus2."],
    ],
    [
      'with things in it',
      { contents: ['disk', 'net', 'ip'] },
      ["'staging' is not empty; it holds disk, net, ip."],
    ],
    [
      'with many things in it',
      { contents: ['a', 'b', 'c', 'd'] },
      ["'staging' is not empty; it holds a, b, c and more."],
    ],
    [
      'of another template, which says more than that it is full',
      { tags: { imageTemplateName: 'other' }, contents: ['disk'] },
      ["'staging' belongs to image template 'other'; each template needs one of its own."],
    ],
    [
      'with several mistakes',
      { location: 'eastus', contents: ['disk'] },
      [
        "'staging' is in eastus; it must be in the template's region, westus2.",
        "'staging' is not empty; it holds disk.",
      ],
    ],
  ])('%s', (_, facts, expected) => {
    const problems = stagingGroupProblems({ ...GROUP, ...facts }, 'westus2')
    expect(lines(problems)).toEqual(expected.map((message) => `staging-resource-group: ${message}`))
  })
})

describe('a subnet', () => {
  const CONTAINERS = 'Microsoft.ContainerInstance/containerGroups'
  const free: SubnetFacts = { location: 'westus2', delegations: [] }
  const forContainers: SubnetFacts = { location: 'westus2', delegations: [CONTAINERS] }
  const alone = { 'subnet-id': SUBNET_ID }
  const beside = { ...alone, 'container-instance-subnet-id': SUBNET_ID }
  const policies = { ...free, privateLinkServiceNetworkPolicies: 'Enabled' }
  const command = `az network vnet subnet update --ids ${SUBNET_ID} --private-link-service-network-policies Disabled`
  const [build, container] = [false, true]

  test.each<[string, SubnetFacts, boolean, Inputs, string[]]>([
    ['for the build VM', free, build, alone, []],
    ['for containers', forContainers, container, beside, []],
    [
      'for containers, in other letters',
      { ...free, delegations: [CONTAINERS.toLowerCase()] },
      container,
      beside,
      [],
    ],
    [
      'for the build VM, elsewhere',
      { ...free, location: 'eastus' },
      build,
      alone,
      ["subnet-id: 'build' is in eastus; the build VM is in westus2."],
    ],
    [
      'for containers, elsewhere',
      { ...forContainers, location: 'eastus' },
      container,
      beside,
      ["container-instance-subnet-id: 'build' is in eastus; the build VM is in westus2."],
    ],
    [
      'for containers, delegated to nobody',
      free,
      container,
      beside,
      [`container-instance-subnet-id: 'build' must be delegated to ${CONTAINERS}.`],
    ],
    [
      'whose policies keep the proxy VM from working',
      policies,
      build,
      alone,
      [
        `subnet-id: 'build' has its policies for Private Link services on, which keeps the proxy VM from working; run: ${command}`,
      ],
    ],
    ['with such policies, where there is no proxy VM', policies, build, beside, []],
    [
      'with such policies off',
      { ...policies, privateLinkServiceNetworkPolicies: 'Disabled' },
      build,
      alone,
      [],
    ],
  ])('%s', (_, facts, isForContainer, inputs, expected) => {
    expect(lines(subnetProblems(facts, SUBNET_ID, isForContainer, requestOf(inputs)))).toEqual(expected)
  })
})

describe('warned of is', () => {
  const account = (overrides: Partial<StorageAccount> = {}): StorageAccount => ({
    id: ACCOUNT_ID,
    name: 'artifacts',
    blobEndpoint: 'https://artifacts.blob.core.windows.net/',
    allowsKeys: true,
    refusesNetworks: false,
    ...overrides,
  })
  const linux = marketplaceImage()
  const windows = marketplaceImage({ osType: 'Windows' })
  const updates = { 'windows-update': 'true' }
  const vhd = { 'gallery-image-id': '', 'distribute-type': 'vhd' }
  const short = { 'build-path': '', 'inline-script': 'Write-Output a' }

  test.each<[string, Inputs, Parameters<typeof buildWarnings>[1], StorageAccount | undefined, string[]]>([
    ['nothing', {}, linux, account(), []],
    ['nothing, without an artifact', { 'build-path': '' }, linux, undefined, []],
    ['an account behind its firewall', {}, linux, account({ refusesNetworks: true }), ['storage-firewall']],
    [
      'a source that its publisher gives up',
      {},
      { ...linux, deprecation: 'ScheduledForDeprecation' },
      account(),
      ['source-deprecated'],
    ],
    ['little time for Windows', { 'build-timeout-in-minutes': '59' }, windows, account(), ['short-timeout']],
    ['little time, but for Linux', { 'build-timeout-in-minutes': '59' }, linux, account(), []],
    ['enough time for Windows', { 'build-timeout-in-minutes': '60' }, windows, account(), []],
    ['the time of the service, which is enough', { 'build-timeout-in-minutes': '0' }, windows, account(), []],
    ['Windows Update on a small VM', updates, windows, account(), ['small-vm']],
    [
      'Windows Update by customizers',
      { customizers: '[{type: WindowsUpdate}]' },
      windows,
      account(),
      ['small-vm'],
    ],
    [
      'Windows Update on a VM of the user',
      { ...updates, 'vm-size': 'Standard_D4s_v5' },
      windows,
      account(),
      [],
    ],
    ['a VHD that goes with its staging group', vhd, linux, account(), ['vhd-staging']],
    [
      'a further VHD that does',
      { distributors: '[{type: VHD, runOutputName: a}]' },
      linux,
      account(),
      ['vhd-staging'],
    ],
    [
      'a VHD at a place of its own',
      { 'gallery-image-id': '', 'vhd-uri': 'https://contoso.com/a.vhd' },
      linux,
      account(),
      [],
    ],
    ['a VHD whose staging group stays', { ...vhd, cleanup: 'never' }, linux, account(), []],
    ['a VHD that is not waited for', { ...vhd, wait: 'false' }, linux, account(), []],
    ['a Windows that is hardly customized', short, windows, undefined, ['short-windows-build']],
    [
      'a Windows that is hardly customized, by three lines and a comment',
      {
        ...short,
        'inline-script': 'mkdir C:\\a\n# b\n$x = Get-Date\n[Environment]::SetEnvironmentVariable("a", 1)',
      },
      windows,
      undefined,
      ['short-windows-build'],
    ],
    [
      'such a Windows that waits',
      { ...short, 'inline-script': 'echo a\nStart-Sleep -Seconds 60' },
      windows,
      undefined,
      [],
    ],
    ['such a Windows on a larger VM', { ...short, 'vm-size': 'Standard_D4s_v5' }, windows, undefined, []],
    ['such a Windows with an artifact', { 'inline-script': 'Write-Output a' }, windows, account(), []],
    ['such a Windows that restarts', { ...short, 'windows-restart': 'true' }, windows, undefined, []],
    [
      'such a Windows with customizers',
      { ...short, customizers: '[{type: WindowsRestart}]' },
      windows,
      undefined,
      [],
    ],
    [
      'a Windows that runs a program',
      { ...short, 'inline-script': '& C:\\install.exe' },
      windows,
      undefined,
      [],
    ],
    [
      'a Windows of four lines',
      { ...short, 'inline-script': 'echo a\necho b\necho c\necho d' },
      windows,
      undefined,
      [],
    ],
    [
      'a Windows that only a loop is for',
      { ...short, 'inline-script': 'while ($true) { Get-Date }' },
      windows,
      undefined,
      [],
    ],
    ['a Linux that is hardly customized', { ...short, 'inline-script': 'echo a' }, linux, undefined, []],
    [
      'what stands in a script',
      { 'inline-script': 'apt-get install nginx' },
      linux,
      account(),
      ['waits-for-input'],
    ],
    [
      'all at once',
      { ...updates, ...vhd, 'build-timeout-in-minutes': '30' },
      { ...windows, deprecation: 'Deprecated' },
      account({ refusesNetworks: true }),
      ['storage-firewall', 'source-deprecated', 'short-timeout', 'small-vm', 'vhd-staging'],
    ],
  ])('%s', (_, inputs, source, storage, expected) => {
    const warnings = buildWarnings(requestOf(inputs), source, storage)
    expect(warnings.map(({ name }) => name)).toEqual(expected)
    expect(
      warnings.filter(({ name, message }) => !(name in WARNINGS) || message.includes('undefined')),
    ).toEqual([])
  })

  const LIMIT = 20 * 1024 * 1024
  test.each<[string, Inputs, number, string[]]>([
    ['a large artifact by way of a file', { 'artifact-transfer': 'file' }, LIMIT + 1, ['large-file']],
    [
      'a large artifact that nobody but Image Builder can read',
      { 'artifact-access': 'identity' },
      LIMIT + 1,
      ['large-file'],
    ],
    ['a large artifact that is downloaded', {}, LIMIT + 1, []],
    ['an artifact just small enough', { 'artifact-transfer': 'file' }, LIMIT, []],
    ['no artifact', { 'build-path': '' }, LIMIT + 1, []],
  ])('%s', (_, inputs, bytes, expected) => {
    expect(artifactWarnings(requestOf(inputs), bytes).map(({ name }) => name)).toEqual(expected)
  })
})

describe('a job that ends', () => {
  test.each<[string, Inputs, number, string[]]>([
    ['before the build', { 'build-timeout-in-minutes': '400' }, 360, ['build-timeout-beyond-job']],
    ["before the service's own limit", { 'build-timeout-in-minutes': '0' }, 60, ['build-timeout-beyond-job']],
    ['before the default', {}, 90, ['build-timeout-beyond-job']],
    ['with the build', { 'build-timeout-in-minutes': '360' }, 360, []],
    ['after the build', {}, 360, []],
  ])('%s', (_, inputs, limit, expected) => {
    const warnings = jobLimitWarning(requestOf(inputs).settings, limit)
    expect(warnings.map(({ name }) => name)).toEqual(expected)
    for (const { message } of warnings) expect(message).toContain(`ends after ${limit} minutes`)
  })
})

describe('a template', () => {
  test.each([
    ['of the size that Resource Manager takes', 'x'.repeat(REQUEST_BYTES)],
    ['of few characters', '{}'],
  ])('%s', (_, text) => {
    expect(() => {
      sizeProblem(text)
    }).not.toThrow()
  })

  test('that is longer in bytes than in characters', () => {
    const text = 'ü'.repeat(REQUEST_BYTES / 2 + 1)
    expect(
      problemsOf(() => {
        sizeProblem(text)
      }),
    ).toEqual([
      `inline-script: makes a template of ${REQUEST_BYTES + 2} bytes; Resource Manager takes ${REQUEST_BYTES}. Put long scripts into files of build-path and call them.`,
    ])
  })
})
