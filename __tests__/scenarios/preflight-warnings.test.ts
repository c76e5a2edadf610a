/** What a look at Azure warns of, registers or must leave unchecked before a build, through the bundled action. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import {
  defaultSeed,
  DEPLOYER_ACTIONS,
  RUNNER_IP,
  SUBSCRIPTION_ID,
  type Seed,
} from '../../local-azure/seed.ts'
import { ON_WINDOWS } from '../support/artifacts.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { runQuickly, UNRUN } from '../support/moments.ts'
import { annotations, GALLERY, GROUP, openStage, type Stage } from '../support/run-action.ts'
import { addApplication, without } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { expectMistakes, refusalOf, resource } from '../support/submissions.ts'

const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
const SUBNETS = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets`

const seed = defaultSeed()
addWarnings(seed)
const [deployer] = seed.roleAssignments
/** May register providers, too. */
const registrar = addApplication(seed, {
  roles: [{ actions: [...(deployer?.actions ?? []), '*/register/action'] }],
})
/** May not read most of what is checked. */
const blind = addBlind(seed)

/** A source that will go, an account behind a firewall. */
function addWarnings({ marketplace, storageAccounts }: Seed): void {
  const ubuntu = marketplace.find(({ sku }) => sku === 'server')
  if (ubuntu) ubuntu.imageStates = { '24.04.202609250': 'ScheduledForDeprecation' }
  storageAccounts.push({
    resourceGroup: 'rg-images',
    location: 'eastus',
    name: 'stfirewalled',
    networkAcls: {
      defaultAction: 'Deny',
      ipRules: [{ value: RUNNER_IP }],
      virtualNetworkRules: [{ id: `${SUBNETS}/containers` }],
    },
  })
}

/** An application, and the staging group of its build. */
function addBlind({ resourceGroups, roleAssignments, identities }: Seed): string {
  const unread = [
    'Microsoft.Resources/subscriptions/resourceGroups/read',
    'Microsoft.Resources/subscriptions/providers/read',
    'Microsoft.ManagedIdentity/userAssignedIdentities/read',
    'Microsoft.Compute/galleries/images/read',
    'Microsoft.Compute/galleries/images/versions/read',
  ]
  resourceGroups.push({ name: 'rg-staging', location: 'eastus' })
  const principalId = identities[0]?.principalId ?? ''
  roleAssignments.push({ principalId, scope: `${SUBSCRIPTION}/resourceGroups/rg-staging`, actions: ['*'] })
  return addApplication(seed, { roles: [{ actions: unread.reduce(without, DEPLOYER_ACTIONS) }] })
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN }, { skipPost: true })
})
afterAll(() => stage.close())

/** The firewall lets runner and Image Builder in. */
const FIREWALLED = {
  'storage-account': 'stfirewalled',
  'source-image-version': '24.04.202609250',
  'subnet-id': `${SUBNETS}/builds`,
  'container-instance-subnet-id': `${SUBNETS}/containers`,
}
/** An earlier version, which nobody has marked, and little time, but for Linux. */
const HARMLESS = { 'source-image-version': '24.04.202610140', 'build-timeout-in-minutes': '59' }
const ON_SMALL_WINDOWS = {
  ...ON_WINDOWS,
  'gallery-image-id': '',
  'distribute-type': 'vhd',
  'build-timeout-in-minutes': '59',
  customizers: '- type: WindowsUpdate',
}
const SCRIPT = [
  'sudo apt-get update',
  'sudo apt-get install nginx',
  'sudo ufw --force enable',
  'rm -rf /tmp/*',
  'sudo reboot',
  'echo never',
].join('\n')
const CAUTIONS: { name: string; job: 'Linux' | 'Windows' | 'script' | 'hasty'; told: RegExp }[] = [
  {
    name: 'storage-firewall',
    job: 'Linux',
    told: /^Storage account stfirewalled refuses all networks but chosen ones/,
  },
  {
    name: 'source-deprecated',
    job: 'Linux',
    told: /^The publisher has marked the source image as ScheduledForDeprecation/,
  },
  {
    name: 'short-timeout',
    job: 'Windows',
    told: /^build-timeout-in-minutes is 59; a build of Windows takes 60 minutes and more/,
  },
  {
    name: 'small-vm',
    job: 'Windows',
    told: /^Windows Update often exhausts the default build VM: give vm-size/,
  },
  {
    name: 'vhd-staging',
    job: 'Windows',
    told: /^The VHD lies in the staging resource group, which is deleted when this job ends/,
  },
  {
    name: 'waits-for-input',
    job: 'script',
    told: /^inline-script, line 2: apt-get install asks before it begins/,
  },
  {
    name: 'closes-connection',
    job: 'script',
    told: /^inline-script, line 3: ufw enable without ufw allow OpenSSH/,
  },
  {
    name: 'deprovisioning-removed',
    job: 'script',
    told: /^inline-script, line 4: rm -rf \/tmp\/\* deletes \/tmp\/DeprovisioningScript\.sh/,
  },
  {
    name: 'restart-in-script',
    job: 'script',
    told: /^inline-script, line 5: reboot restarts the build VM/,
  },
  {
    name: 'waits-for-input',
    job: 'script',
    told: /^customizers\[0\]\.inline\[1\]: read waits for a line/,
  },
  {
    name: 'short-windows-build',
    job: 'hasty',
    told: /^inline-script is over so soon that Sysprep may begin before the guest agent is there/,
  },
]

describe('what is only warned of', () => {
  let jobs: Record<'Linux' | 'Windows' | 'script' | 'hasty' | 'ignored', JobResult>
  beforeAll(async () => {
    const dry = (inputs: Record<string, string>) => () => stage.run({ 'dry-run': 'true', ...inputs })
    const ignored = 'Storage-Firewall, short-timeout\nsmall-vm\nvhd-staging'
    jobs = await sideBySide({
      Linux: () => stage.run(FIREWALLED),
      Windows: dry(ON_SMALL_WINDOWS),
      script: dry({
        ...HARMLESS,
        'inline-script': SCRIPT,
        customizers: '[{type: Shell, inline: ["true", "read x"]}]',
      }),
      hasty: dry({ ...ON_WINDOWS, 'build-path': '', 'inline-script': 'Write-Output a' }),
      ignored: dry({ ...ON_SMALL_WINDOWS, 'storage-account': 'stfirewalled', 'ignore-warnings': ignored }),
    })
  }, 180_000)

  test.each(CAUTIONS)('$name', ({ name, job, told }) => {
    expect(jobs[job].conclusion).toBe('success')
    const warning = annotations(jobs[job], 'warning').find((one) => told.test(one))
    expect(warning).toContain(`(ignore-warnings: ${name})`)
  })

  test('nothing else', () => {
    expect(annotations(jobs.Linux, 'warning')).toHaveLength(2)
    expect(annotations(jobs.Windows, 'warning')).toHaveLength(3)
    expect(annotations(jobs.script, 'warning')).toHaveLength(5)
    expect(annotations(jobs.hasty, 'warning')).toHaveLength(1)
  })

  test('ignore-warnings silences by name; the debug log tells', () => {
    expect(jobs.ignored.conclusion).toBe('success')
    expect(annotations(jobs.ignored, 'warning')).toEqual([])
    const debug = jobs.ignored.main.debug.join('\n')
    for (const name of ['storage-firewall', 'short-timeout', 'small-vm', 'vhd-staging']) {
      expect(debug).toContain(`(${name}, ignored)`)
    }
  })

  test('a firewall that lets runner and Image Builder in: the build goes well', () => {
    expect(annotations(jobs.Linux, 'error')).toEqual([])
    expect(jobs.Linux.outputs['image-uri']).not.toBe('')
  })
})

describe('resource providers', () => {
  const missing = ['Microsoft.VirtualMachineImages', 'Microsoft.KeyVault', 'Microsoft.ContainerInstance']
  const states = (): unknown[] =>
    missing.map(
      (name) => resource(stage, `${SUBSCRIPTION}/providers/${name}`).properties['registrationState'],
    )
  const become = (registrationState: string): void => {
    for (const name of missing) {
      Object.assign(resource(stage, `${SUBSCRIPTION}/providers/${name}`).properties, { registrationState })
    }
  }
  beforeEach(() => {
    become('NotRegistered')
  })
  afterAll(() => {
    become('Registered')
  })
  const command = (namespace: string): RegExp =>
    new RegExp(
      `^subscription-id: has the resource provider ${namespace} 'NotRegistered'; run: az provider register ` +
        `--namespace ${namespace} --subscription ${SUBSCRIPTION_ID}, or set register-providers: true`,
    )

  test('each that is missing is told with its command, along with all else', async () => {
    expectMistakes(await refusalOf(stage, { 'client-id': registrar, 'managed-identity': 'id-none' }), [
      ...missing.map(command),
      /^managed-identity: 'id-none' does not exist/,
    ])
  })

  test('register-providers registers them, waits, and the build goes well', async () => {
    const { result, requests } = await requestsOf(stage.azure, () =>
      runQuickly(stage, { 'client-id': registrar, 'register-providers': 'true' }),
    )
    expect(annotations(result, 'error')).toEqual([])
    expect(result.conclusion).toBe('success')
    expect(states()).toEqual(missing.map(() => 'Registered'))
    for (const name of missing) expect(result.log).toContain(`registering the resource provider ${name}...`)
    const registrations = requests.filter(({ target }) => target.includes('/register?'))
    expect(registrations.map(({ method }) => method)).toEqual(missing.map(() => 'POST'))
  })

  test('register-providers without the right to: Azure says which', async () => {
    const job = await stage.run({ 'register-providers': 'true' })
    expect(failureOf(job)).toContain("perform action 'Microsoft.VirtualMachineImages/register/action'")
  })
})

test('what may not be read is not checked: the debug log says so, and the build goes on', async () => {
  const job = await stage.run({
    'client-id': blind,
    'gallery-image-id': `${GALLERY}/images/webapp/versions/1.2.3`,
    'subnet-id': `${SUBNETS}/builds`,
    'staging-resource-group': 'rg-staging',
  })
  expect(annotations(job, 'error')).toEqual([])
  expect(job.conclusion).toBe('success')
  expect(annotations(job, 'warning')).toEqual([])
  const debug = job.main.debug.join('\n')
  for (const what of [
    'resource group rg-images',
    'resource group rg-staging',
    'resource provider Microsoft.KeyVault',
    'managed identity id-image-builder',
    'image definition webapp',
    'image version 1.2.3',
    'subnet builds',
    'virtual network vnet-builds',
  ]) {
    expect(debug).toContain(`${what} is not checked: `)
  }
})
