/** Builds that fail as the world's options say: troubles of Packer, quotas, policies, rights of the service itself. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Customizer } from '../../local-azure/image-builder/image-template.ts'
import { SavedLog } from '../../local-azure/image-builder/saved-log.ts'
import { IMAGE_BUILDER } from '../../local-azure/image-builder/submission.ts'
import { worldOptions, type PackerTrouble, type SomeOptions } from '../../local-azure/world.ts'
import {
  GROUP,
  startImageBuilder,
  SUBSCRIPTION,
  templateBody,
  TEMPLATES,
  UBUNTU,
  WINDOWS,
  type Failure,
  type ImageBuilder,
} from './image-builder-client.ts'

const SPEED = 20_000
const SCRIPT: { customize: Customizer[] } = { customize: [{ type: 'Shell', inline: ['echo hello'] }] }

let builder: ImageBuilder
let count = 0
beforeAll(async () => {
  builder = await startImageBuilder(SPEED, ({ resourceGroups, roleAssignments, identities }) => {
    resourceGroups.push({ name: 'rg-own', location: 'eastus' })
    const principalId = identities[0]?.principalId ?? ''
    roleAssignments.push({ principalId, scope: `${SUBSCRIPTION}/resourceGroups/rg-own`, actions: ['*'] })
  })
})
beforeEach(() => {
  become({})
})
afterAll(() => builder.azure.close())

function become(options: SomeOptions): void {
  Object.assign(builder.azure.world.options, worldOptions({ speed: SPEED, ...options }))
}

/** Runs a template under a name of its own; gives how it failed and its log. */
async function failedBuild(
  options: SomeOptions,
  properties: object = SCRIPT,
): Promise<{ error: Failure | undefined; log: string }> {
  become(options)
  const name = `trouble-${(count += 1)}`
  const { error } = await builder.build(name, properties)
  const log = await builder.log(name).catch(() => '')
  return { error, log: log === 'undefined' ? '' : log }
}

/** The log's lines that Packer shows, without what stands in front of them. */
function shown(log: string): string[] {
  return [...log.matchAll(/^\[[^\]]+\] PACKER (?!\d{4}\/)(.*)$/gm)].map(([, line = '']) => line)
}

describe('trouble with Packer', () => {
  test.each<[PackerTrouble['at'], before: string, never: string]>([
    ['deploy', '==> azure-arm: Deploying deployment template ...', 'azure-arm: Waiting for SSH'],
    ['connect', '==> azure-arm: Waiting for SSH to become available...', 'azure-arm: Connected to SSH!'],
    [{ customizer: 0 }, '==> azure-arm: Connected to SSH!', 'hello'],
    ['deprovision', '    azure-arm: hello', 'waagent'],
  ])('at %j: its lines stand there, and its reason at the end', async (at, before, never) => {
    const log = ['==> azure-arm: it shows', '[INFO] it notes']
    const failed = await failedBuild(
      { build: { packer: { at, log, reason: 'no more' }, failCustomizer: PRINTS_HELLO } },
      { customize: [...SCRIPT.customize, ...SCRIPT.customize] },
    )
    expect(failed.error).toMatchObject({
      code: 'PackerBuildFailed',
      message: expect.stringContaining('/packerlogs/'),
    })
    const lines = shown(failed.log)
    expect(lines.indexOf(before)).toBeGreaterThanOrEqual(0)
    expect(lines.indexOf('==> azure-arm: it shows')).toBeGreaterThan(lines.indexOf(before))
    expect(failed.log).toMatch(/PACKER \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[INFO\] it notes\n/)
    expect(failed.log).toMatch(/Build 'azure-arm' errored after [^:]+: no more\n/)
    expect(failed.log).not.toContain(never)
  })

  test('that never ends: it prints over all the time, all of it, and is then broken off', async () => {
    const log = Array.from({ length: 25 }, (_, i) => `    azure-arm: line ${i}`)
    const packer: PackerTrouble = { at: { customizer: 0 }, never: true, log }
    const failed = await failedBuild({ build: { packer } }, { ...SCRIPT, buildTimeoutInMinutes: 30 })
    expect(failed.error?.message).toContain("to complete: 'context deadline exceeded'")
    expect(shown(failed.log).filter((line) => line.includes(' line '))).toEqual(log)
    expect(failed.log).toMatch(/line 24\n.*\n?.*Cancelling build after receiving terminated\n/)
  })
})

/** The first customizer passes, as its exit code is none that counts; the second is where the trouble waits. */
const PRINTS_HELLO = { index: 0, exitCode: 0, output: ['hello'] }

describe('too little of something', () => {
  test.each<[string, SomeOptions, RegExp]>([
    [
      'cores',
      { limits: { cores: 1 } },
      /azure-arm: ERROR: -> QuotaExceeded : .* exceeding approved standardDDSv4Family Cores quota\..* Current Limit: 1,/,
    ],
    [
      'machines of a size',
      { limits: { soldOut: ['standard_d2ds_v4'] } },
      /azure-arm: ERROR: -> SkuNotAvailable : .*Capacity Restrictions: Standard_D2ds_v4' is currently not available in location 'eastus'/,
    ],
  ])('%s: the deployment is refused, as the log tells', async (_, options, words) => {
    const { error, log } = await failedBuild(options)
    expect(error?.code).toBe('PackerBuildFailed')
    expect(log).toMatch(words)
    expect(log).not.toContain('Connected to SSH!')
  })

  test.each<[string, SomeOptions, string]>([
    ['container groups', { limits: { containerGroups: 0 } }, 'Azure Container Instances quota exceeded'],
    [
      'patience',
      { limits: { containerGroupsPerHour: 0 } },
      'Too many Azure Container Instances deployed within a period of time.',
    ],
  ])('%s: the run’s status tells', async (_, options, message) => {
    expect((await failedBuild(options)).error?.message).toBe(message)
  })

  test('enough for one, and it is given back', async () => {
    become({ limits: { cores: 2, containerGroups: 1 } })
    expect((await builder.build('within-limits', SCRIPT)).status).toBe('Succeeded')
    expect((await builder.build('within-limits-too', SCRIPT)).status).toBe('Succeeded')
  })
})

describe('a policy that denies', () => {
  const policy = (denies: string, inGroups?: string): SomeOptions => ({
    policies: [{ name: 'No surprises', definition: 'Deny all', denies, ...(inGroups && { inGroups }) }],
  })
  const VIOLATION =
    /^The template deployment failed because of policy violation\. .*RequestDisallowedByPolicy: Resource '.+' was disallowed by policy\. Policy identifiers: '\[\{"policyAssignment":\{"name":"No surprises",/

  test.each([['Microsoft.Storage/storageAccounts'], ['Microsoft.Resources/resourceGroups']])(
    '%s: the submission fails',
    async (type) => {
      become(policy(type, '^IT_'))
      const { status, error } = await builder.create(`denied-${(count += 1)}`, templateBody())
      expect([status, error?.code]).toEqual(['Failed', 'InvalidTemplateDeployment'])
      expect(error?.message).toMatch(VIOLATION)
    },
  )

  test('the network that the service makes: the run fails', async () => {
    const { error } = await failedBuild(policy('Microsoft.Network/virtualNetworks'))
    expect(error?.message).toMatch(VIOLATION)
  })

  test('the build VM: Packer’s deployment fails', async () => {
    const { error, log } = await failedBuild(policy('microsoft.compute/virtualMachines'))
    expect(error?.code).toBe('PackerBuildFailed')
    expect(log).toMatch(/azure-arm: ERROR: {3}-> RequestDisallowedByPolicy : Resource 'vm-.+' was disallowed/)
  })

  test('in other groups: nothing happens', async () => {
    become(policy('Microsoft.Compute/virtualMachines', '^rg-'))
    expect((await builder.build('spared', SCRIPT)).status).toBe('Succeeded')
  })
})

test('a network interface that somebody deletes is missed when it is tagged', async () => {
  const { error } = await failedBuild({ build: { sweeps: 'Microsoft.Network/networkInterfaces' } })
  expect(error?.message).toMatch(
    /^network\.InterfacesClient#UpdateTags: .*StatusCode=404 .*'Microsoft\.Network\/networkInterfaces\/nic-.+' under resource group 'IT_/,
  )
})

test('a validator fails as asked, in the log of validations', async () => {
  const validate = { inVMValidations: [{ type: 'Shell', inline: ['true'] }] }
  const failValidator = { index: 0, exitCode: 4, errors: ['unfit'] }
  const { error } = await failedBuild({ build: { failValidator } }, { ...SCRIPT, validate })
  expect(error?.message).toContain('/validation.log')
  const log = await builder.log(`trouble-${count}`, 'validation.log')
  expect(log).toContain('PACKER ==> azure-arm: unfit\n')
  expect(log).toContain('exit status: 4.')
})

describe('rights of the service itself, for Windows in a group and a network of the user’s', () => {
  const vnetConfig = {
    subnetId: `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds/subnets/builds`,
  }
  const stagingResourceGroup = `${SUBSCRIPTION}/resourceGroups/rg-own`
  const own = { source: WINDOWS, stagingResourceGroup, vmProfile: { vnetConfig } }

  test.each([
    ['missing', own, false, 'Failed'],
    ['given', own, true, 'Succeeded'],
    ['not needed for Linux', { ...own, source: UBUNTU }, false, 'Succeeded'],
  ])('%s', async (_, properties, given, wanted) => {
    const { world } = builder.azure
    const assignments = [...world.roleAssignments]
    if (given)
      world.roleAssignments.push({
        principalId: IMAGE_BUILDER.objectId,
        scope: stagingResourceGroup,
        actions: ['*'],
      })
    const name = `own-group-${(count += 1)}`
    const { status, error } = await builder.create(name, templateBody(properties))
    await builder.ended(await builder.send('DELETE', `${TEMPLATES}/${name}`))
    world.roleAssignments.splice(0, Infinity, ...assignments)
    expect(status).toBe(wanted)
    if (!given && wanted === 'Failed')
      expect(error?.message).toMatch(
        /perform action 'Microsoft\.Compute\/disks\/write' over scope '.*\/rg-own\/providers\/Microsoft\.Compute\/disks\/proxyVmDiskWin_\d+'/,
      )
  })
})

test('a log that grows while a step prints is saved on the way, ever longer, and in the end whole', async () => {
  const saved: string[] = []
  const log = new SavedLog(
    'id',
    () => 0,
    (text) => {
      saved.push(text)
      return Promise.resolve()
    },
  )
  for (let i = 0; i < 10_000; i += 1) log.output('stdout', `line ${i} ${'x'.repeat(40)}`)
  await log.save()
  expect(saved.length).toBeGreaterThan(5)
  expect(saved.length).toBeLessThan(60)
  for (const [i, text] of saved.entries()) expect(text.startsWith(saved[i - 1] ?? '')).toBe(true)
  expect(saved.at(-1)).toBe(log.text)
})
