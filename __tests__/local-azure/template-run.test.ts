/** Runs of templates in the local Azure: sub-states, customizers, logs, distribution, timeouts, cancelling. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import type {
  Customizer,
  ImageTemplate,
  SharedImageTarget,
  TemplateProperties,
} from '../../local-azure/image-builder/image-template.ts'
import { REAL_DURATIONS } from '../../local-azure/world.ts'
import {
  DEFINITION,
  GROUP,
  READER,
  startImageBuilder,
  templateBody,
  TEMPLATES,
  UBUNTU,
  WINDOWS,
  type Failure,
  type ImageBuilder,
  type Operation,
} from './image-builder-client.ts'

const SPEED = 20_000
let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(SPEED)
})
afterEach(() => {
  Object.assign(builder.azure.world.options, { speed: SPEED, build: {}, durations: REAL_DURATIONS })
})
/** Closing the local Azure ends a command under way: else this does not end. */
afterAll(async () => {
  if (rootOnLinux) {
    await builder.create('abandoned', templateBody(shell('sleep 600')))
    await builder.send('POST', `${TEMPLATES}/abandoned/run`)
    await builder.until('abandoned', ({ lastRunStatus }) => lastRunStatus?.runSubState === 'Customizing')
  }
  await builder.azure.close()
})

const gallery: SharedImageTarget = {
  type: 'SharedImage',
  runOutputName: 'gallery',
  galleryImageId: DEFINITION,
}
const shell = (...inline: string[]): Partial<TemplateProperties> => ({
  customize: [{ type: 'Shell', inline }],
})
const rootOnLinux = process.platform === 'linux' && process.getuid?.() === 0
/** Commands run for real only where the build VM can. */
const testInVm = rootOnLinux ? test : test.skip

async function artifact(name: string, output: string): Promise<string> {
  const { body } = await builder.send('GET', `${TEMPLATES}/${name}/runOutputs/${output}`)
  const { properties } = body as {
    properties: { artifactId?: string; artifactUri?: string; provisioningState: string }
  }
  expect(properties.provisioningState).toBe('Succeeded')
  return properties.artifactId ?? properties.artifactUri ?? ''
}

describe('a run that succeeds', () => {
  test('answers 202 without a body, both headers alike, and is queued at once', async () => {
    await builder.create('queued', templateBody())
    builder.azure.world.options.speed = 1
    const answer = await builder.send('POST', `${TEMPLATES}/queued/run`)
    expect([answer.status, answer.body]).toEqual([202, undefined])
    expect(answer.headers['location']).toBe(answer.headers['azure-asyncoperation'])
    expect(answer.headers['retry-after']).toBeUndefined()
    expect((await builder.get('queued')).properties.lastRunStatus).toEqual({
      startTime: expect.stringMatching(/\.\d{9}Z$/),
      endTime: '0001-01-01T00:00:00Z',
      runState: 'Running',
      runSubState: 'Queued',
      message: '',
    })
  })

  test('walks through its sub-states in order', async () => {
    const template: Partial<TemplateProperties> = {
      optimize: { vmBoot: { state: 'Enabled' } },
      validate: { inVMValidations: [{ type: 'Shell', inline: ['true'] }] },
    }
    await builder.create('walk', templateBody(template))
    const run = builder.send('POST', `${TEMPLATES}/walk/run`)
    const seen = await subStates('walk')
    await builder.ended(await run)
    expect(seen).toEqual(['Queued', 'Building', 'Customizing', 'Optimizing', 'Validating', 'Distributing'])
    expect((await builder.get('walk')).properties.lastRunStatus).toEqual({
      startTime: expect.any(String),
      endTime: expect.stringMatching(/^20.*\.\d{9}Z$/),
      runState: 'Succeeded',
      message: '',
    })
  })

  test('makes a gallery image version, a managed image and a VHD, with tags and run outputs', async () => {
    const { world, blobs } = builder.azure
    const imageId = `${GROUP}/providers/Microsoft.Compute/images/made`
    const operation = await builder.build('three-targets', {
      distribute: [
        {
          ...gallery,
          artifactTags: { a: 'b' },
          targetRegions: [{ name: 'eastus' }, { name: 'westus2', replicaCount: 2 }],
        },
        { type: 'ManagedImage', runOutputName: 'managed', imageId, location: 'eastus' },
        { type: 'VHD', runOutputName: 'vhd' },
      ],
    })
    expect(operation.status).toBe('Succeeded')

    const version = world.resources.get(await artifact('three-targets', 'gallery'))
    expect(version?.tags).toEqual({ a: 'b' })
    expect(version?.properties).toMatchObject({
      publishingProfile: {
        targetRegions: [
          { name: 'East US', regionalReplicaCount: 1 },
          { name: 'West US 2', regionalReplicaCount: 2 },
        ],
      },
    })
    expect(version?.name).toMatch(/^0\.2\d{4}\.\d{1,5}$/)
    expect(await artifact('three-targets', 'managed')).toBe(imageId)
    expect(world.resources.get(imageId)?.properties).toMatchObject({ hyperVGeneration: 'V2' })
    const vhd = await artifact('three-targets', 'vhd')
    const account = vhd.split('/').at(-3) ?? ''
    expect(vhd).toBe(`${blobs.endpoint(account)}vhds/${vhd.split('/').at(-1) ?? ''}`)
    expect(await blobs.list(account)).toContain(vhd.slice(blobs.endpoint(account).length))

    const { body } = await builder.send('GET', `${TEMPLATES}/three-targets/runOutputs`)
    expect((body as { value: { name: string }[] }).value.map(({ name }) => name)).toEqual([
      'gallery',
      'managed',
      'vhd',
    ])
  })

  const versions: [string, Partial<SharedImageTarget>, string][] = [
    ['latest', { versioning: { scheme: 'Latest' } }, '3.0.1'],
    ['latest-of-major', { versioning: { scheme: 'Latest', major: 1 } }, '1.10.1'],
    ['latest-of-new-major', { versioning: { scheme: 'Latest', major: 7 } }, '7.0.1'],
    ['source', { versioning: { scheme: 'Source' } }, '24.4.202611050'],
  ]
  test.each(versions)('numbers the version by scheme: %s', async (scheme, target, expected) => {
    const galleryImageId = DEFINITION.replace('webapp', 'base-linux')
    await builder.build(`scheme-${scheme}`, { distribute: [{ ...gallery, galleryImageId, ...target }] })
    const id = await artifact(`scheme-${scheme}`, 'gallery')
    expect(id.split('/').at(-1)).toBe(expected)
    builder.azure.world.resources.delete(id)
  })

  test('makes the very version that a distributor names, once', async () => {
    const distribute = [{ ...gallery, galleryImageId: `${DEFINITION}/versions/4.5.6` }]
    expect((await builder.build('own-version', { distribute })).status).toBe('Succeeded')
    const again = await builder.ended(await builder.send('POST', `${TEMPLATES}/own-version/run`))
    expect(again.error?.message).toMatch(/^Failed in distributing 1 images out of total 1: .*already exists/)
  })

  test('only validates the source when asked to', async () => {
    const operation = await builder.build('source-only', {
      validate: { sourceValidationOnly: true, inVMValidations: [{ type: 'Shell', inline: ['true'] }] },
      distribute: [],
    })
    expect(operation.status).toBe('Succeeded')
    expect(await builder.log('source-only', 'validation.log')).toContain('(telemetry) Finalizing.')
  })
})

describe('customizers', () => {
  testInVm('run for real, and what they write is in the image', async () => {
    const { world, blobs } = builder.azure
    await blobs.write('stcontosobuild', 'files', 'artifact.txt', 'from the artifact')
    await blobs.write(
      'stcontosobuild',
      'files',
      'script.sh',
      '#!/bin/sh\necho "script of $0" >/tmp/by-script\n',
    )
    const operation = await builder.build('real-commands', {
      customize: [
        { type: 'File', sourceUri: signed('artifact.txt'), destination: '/tmp/artifact.txt' },
        {
          type: 'Shell',
          inline: ['cat /tmp/artifact.txt', 'sudo cp /tmp/artifact.txt /opt/', 'echo oops >&2'],
        },
        { type: 'Shell', scriptUri: signed('script.sh') },
      ],
      validate: {
        inVMValidations: [
          { type: 'Shell', inline: ['test -f /opt/artifact.txt', 'touch /tmp/by-validator'] },
        ],
      },
    })
    expect(operation).toMatchObject({ status: 'Succeeded' })

    const root = world.imageFileSystems.get((await artifact('real-commands', 'vhd')).toLowerCase()) ?? ''
    expect(await readFile(path.join(root, 'opt/artifact.txt'), 'utf8')).toBe('from the artifact')
    expect(await readFile(path.join(root, 'tmp/by-script'), 'utf8')).toMatch(/^script of \/tmp\//)
    await expect(readFile(path.join(root, 'tmp/by-validator'))).rejects.toThrow('ENOENT')

    const log = await builder.log('real-commands')
    expect(log).toContain('    azure-arm: from the artifact\n')
    expect(log).toContain('ui error: ==> azure-arm: oops\n')
    expect(log).toMatch(/artifact\.txt 17 B \/ 17 B {2}100\.00%/)
  })

  testInVm('one that fails fails the build as Packer says it', async () => {
    const operation = await builder.build('exit-7', shell('echo before', 'exit 7', 'echo after'))
    const { properties } = await builder.get('exit-7')
    expect(operation.error).toEqual({
      code: 'PackerBuildFailed',
      message: expect.stringMatching(
        /^During the image build a failure has occurred\. Packer build logs are at location \/subscriptions\/.*\/containers\/packerlogs\/[0-9a-f-]+\/customization\.log\. /,
      ),
    })
    expect(properties.provisioningState).toBe('Succeeded')
    expect(properties.lastRunStatus).toMatchObject({ runState: 'Failed', message: operation.error?.message })
    expect(properties.lastRunStatus).not.toHaveProperty('runSubState')

    const log = await builder.log('exit-7')
    const [, id = ''] = /operationId ([0-9a-f-]+)/.exec(operation.error?.message ?? '') ?? []
    expect(log.split('\n').filter((line) => line !== '' && !line.startsWith(`[${id}] `))).toEqual([])
    expect(log).not.toContain('azure-arm: after')
    expect(log).toMatch(/Remote command exited with '7'.*\n.*Communicator ended with: 7\n/)
    expect(log).toMatch(
      /ui error: Build 'azure-arm' errored after .*: Script exited with non-zero exit status: 7\. Allowed exit codes are: \[0\]\n/,
    )
    expect(inOrder(log)).toEqual([
      'Deploying deployment template ...',
      'Connected to SSH!',
      'Starting provisioner shell',
      'Provisioning with shell script',
      'Provisioning step had errors',
      'Deleting individual resources ...',
      '(telemetry) Finalizing.',
      'Done exporting Packer logs to Azure',
    ])
  })

  testInVm('a failed validator fails the run, with or without the image', async () => {
    const validate = { inVMValidations: [{ type: 'Shell' as const, inline: ['exit 3'] }] }
    const [without, kept] = await Promise.all([
      builder.build('invalid', { validate }),
      builder.build('invalid-kept', { validate: { ...validate, continueDistributeOnFailure: true } }),
    ])
    expect(without.error?.message).toContain('/validation.log.')
    expect((await builder.send('GET', `${TEMPLATES}/invalid/runOutputs/vhd`)).status).toBe(404)
    expect(kept.error?.code).toBe('PackerBuildFailed')
    expect(await artifact('invalid-kept', 'vhd')).toContain('/vhds/')
  })

  test('a File goes under /tmp alone on Linux', async () => {
    await builder.azure.blobs.write('stcontosobuild', 'files', 'a', 'a')
    const { status } = await builder.build('not-tmp', {
      customize: [{ type: 'File', sourceUri: signed('a'), destination: '/etc/a' }],
    })
    expect(status).toBe('Failed')
    expect(await builder.log('not-tmp')).toMatch(/Upload failed: scp: \/etc\/a: Permission denied/)
  })

  test('Windows steps are logged, not run, and a hidden step stands at the end', async () => {
    const customize: Customizer[] = [
      { type: 'PowerShell', inline: ['exit 1'] },
      { type: 'WindowsRestart' },
      { type: 'WindowsUpdate' },
    ]
    expect((await builder.build('windows', { source: WINDOWS, customize })).status).toBe('Succeeded')
    const log = await builder.log('windows')
    expect(log).toContain('WinRM connected.')
    expect(log).toContain('[local Azure] PowerShell is not run here; the step counts as passed.')
    const started = [...log.matchAll(/\(telemetry\) Starting provisioner (\S+)/g)].map(([, kind]) => kind)
    expect(started).toEqual(['powershell', 'windows-restart', 'windows-update', 'powershell'])
  })

  test('a Windows step fails when a test asks for it, unless its exit code is a valid one', async () => {
    const customize = (validExitCodes: number[]): Customizer[] => [
      { type: 'PowerShell', inline: ['x'], validExitCodes },
    ]
    builder.azure.world.options.build = {
      failCustomizer: { index: 0, exitCode: 16001, output: ['no such cmdlet'] },
    }
    const [valid, bad] = await Promise.all([
      builder.build('valid-code', { source: WINDOWS, customize: customize([0, 16001]) }),
      builder.build('bad-code', { source: WINDOWS, customize: customize([0, 3010]) }),
    ])
    expect(valid.status).toBe('Succeeded')
    expect(bad.error?.code).toBe('PackerBuildFailed')
    const log = await builder.log('bad-code')
    expect(log).toContain('    azure-arm: no such cmdlet')
    expect(log).toMatch(/exited with code: 16001\n/)
    expect(log).toContain('exit status: 16001. Allowed exit codes are: [0 3010]')
  })
})

describe('a run that fails', () => {
  const failing = {
    'five-minutes': { buildTimeoutInMinutes: 5 },
    slow: { buildTimeoutInMinutes: 8 },
    'slow-replication': { buildTimeoutInMinutes: 13, distribute: [gallery] },
    arm64: {
      source: { ...UBUNTU, sku: 'server-arm64' },
      distribute: [
        {
          type: 'ManagedImage',
          runOutputName: 'arm',
          imageId: `${GROUP}/providers/Microsoft.Compute/images/arm`,
          location: 'eastus',
        },
      ],
    },
  } satisfies Record<string, Partial<TemplateProperties>>
  type Failing = keyof typeof failing
  let builds: Record<Failing, Operation>
  // Side by side: waiting for one end after the other is most of what they cost.
  beforeAll(async () => {
    const rows = Object.entries(failing) as [Failing, Partial<TemplateProperties>][]
    const build = async ([name, properties]: (typeof rows)[number]) =>
      [name, await builder.build(name, properties)] as const
    builds = Object.fromEntries(await Promise.all(rows.map(build))) as typeof builds
  })

  test('for a timeout of 1 to 5 minutes', async () => {
    const { error } = builds['five-minutes']
    expect(error?.code).toBe('PackerBuildFailed')
    expect(await builder.log('five-minutes')).toContain('client_jwt will expire within 5 minutes')
  })

  test('when building outlives the timeout', async () => {
    const { error } = builds.slow
    expect(error?.message).toContain(
      "Timeout waiting for microservice to complete: 'context deadline exceeded'",
    )
    expect(await builder.log('slow')).toContain('context canceled')
  })

  test('when replication outlives the timeout, though its output is there', async () => {
    const { error } = builds['slow-replication']
    expect(error?.message).toMatch(/^Failed in distributing 1 images .* context deadline exceeded}$/)
    expect(await artifact('slow-replication', 'gallery')).toContain('/versions/')
  })

  test('when the source image demands trusted launch', async () => {
    const { world } = builder.azure
    const definition = world.resources.get(DEFINITION)
    const { features } = definition?.properties ?? {}
    Object.assign(definition?.properties ?? {}, {
      features: [{ name: 'SecurityType', value: 'TrustedLaunch' }],
    })
    const { error } = await builder.build('trusted', { distribute: [gallery] })
    Object.assign(definition?.properties ?? {}, { features })
    expect(error?.code).toBe('PackerBuildFailed')
    expect(await builder.log('trusted')).toContain("'TrustedLaunch' security type")
  })

  test('when the identity may not write the target', async () => {
    const body = templateBody({ distribute: [gallery] }, READER)
    expect((await builder.create('read-only', body)).status).toBe('Succeeded')
    const { error } = await builder.ended(await builder.send('POST', `${TEMPLATES}/read-only/run`))
    expect(error?.message).toMatch(
      /^Failed in distributing 1 images out of total 1: {\[Error 0\] \[Distribute 0\] /,
    )
    expect(error?.message).toMatch(
      /Code="AuthorizationFailed" Message="The client .* 'Microsoft.Compute\/galleries\/images\/versions\/write'/,
    )
  })

  test('in part, when one of two distributors fails', async () => {
    builder.azure.world.options.build = {
      failDistribute: {
        runOutputName: 'second',
        message: 'Some error happened, please check the error details.',
      },
    }
    const { status } = await builder.build('partly', {
      distribute: [
        { type: 'VHD', runOutputName: 'first' },
        { type: 'VHD', runOutputName: 'second' },
      ],
    })
    expect(status).toBe('Failed')
    const { lastRunStatus } = (await builder.get('partly')).properties
    expect(lastRunStatus).toMatchObject({
      runState: 'PartiallySucceeded',
      message: expect.stringMatching(
        /^Failed in distributing 1 images out of total 2: {\[Error 0\] \[Distribute 1\] /,
      ),
    })
    expect(await artifact('partly', 'first')).toContain('/vhds/')
  })

  test('for a managed image of an Arm64 machine', () => {
    expect(builds.arm64.error?.message).toMatch(/CPU Architecture 'Arm64' is not supported/)
  })
})

describe('one thing at a time', () => {
  const refusal = async (method: string, target: string): Promise<[number, Failure]> => {
    const { status, body } = await builder.send(method, `${TEMPLATES}/${target}`)
    return [status, (body as { error: Failure }).error]
  }

  test('a template that is being made is neither deleted nor run', async () => {
    builder.azure.world.options.speed = 1
    await builder.send('PUT', `${TEMPLATES}/creating`, templateBody())
    expect(await refusal('DELETE', 'creating')).toEqual([
      405,
      {
        code: 'OperationNotAllowed',
        message: "Operation 'DELETE' is not allowed in provisioningState: 'creating'",
      },
    ])
    expect((await refusal('POST', 'creating/run'))[1].message).toMatch(
      /is not allowed in provisioning state: creating/,
    )
  })

  test('an idle template has nothing to cancel, a failed one cannot run', async () => {
    await builder.create('idle', templateBody())
    expect((await refusal('POST', 'idle/cancel'))[1].message).toMatch(
      /imageTemplates\/cancel\/action is not allowed in provisioning state: provisioned/,
    )
    await builder.create('unmade', templateBody({ source: { ...UBUNTU, sku: 'x' } }))
    expect((await refusal('POST', 'unmade/run'))[0]).toBe(405)
  })

  testInVm(
    'cancelling ends the command under way; a running build can be neither deleted nor run',
    async () => {
      await builder.create('cancelled', templateBody(shell('touch /tmp/began', 'sleep 600')))
      const run = await builder.send('POST', `${TEMPLATES}/cancelled/run`)
      await builder.until('cancelled', ({ lastRunStatus }) => lastRunStatus?.runSubState === 'Customizing')
      expect((await refusal('DELETE', 'cancelled'))[1].message).toBe(
        'Operation Microsoft.VirtualMachineImages/imageTemplates/delete is not allowed in provisioning state: ' +
          'provisioned or run state: running.',
      )
      expect((await refusal('POST', 'cancelled/run'))[0]).toBe(405)

      const answer = await builder.send('POST', `${TEMPLATES}/cancelled/cancel`)
      expect([answer.status, answer.body]).toEqual([204, undefined])
      expect(answer.headers['azure-asyncoperation']).toBeUndefined()
      expect((await builder.ended(run)).status).toBe('Canceled')
      expect((await builder.get('cancelled')).properties.lastRunStatus).toMatchObject({
        runState: 'Canceled',
      })
      expect(await builder.log('cancelled')).toContain('context canceled')
      expect((await builder.send('DELETE', `${TEMPLATES}/cancelled`)).status).toBe(202)
    },
  )

  test('a build can be stuck in Canceling, where nothing is allowed', async () => {
    const { world } = builder.azure
    world.options.build = { stuckCanceling: true }
    await builder.create('stuck', templateBody())
    world.options.speed = 1
    const run = await builder.send('POST', `${TEMPLATES}/stuck/run`)
    world.options.speed = SPEED
    await builder.send('POST', `${TEMPLATES}/stuck/cancel`)
    await world.elapse(world.options.durations.cancel * 10)
    expect((await builder.get('stuck')).properties.lastRunStatus).toEqual({
      startTime: expect.any(String),
      endTime: '0001-01-01T00:00:00Z',
      runState: 'Canceling',
      message: 'Canceling image build',
    })
    expect((await refusal('POST', 'stuck/cancel'))[1].message).toMatch(/run state: canceling\.$/)
    expect((await refusal('DELETE', 'stuck'))[1].message).toMatch(/run state: canceling\.$/)
    expect((await builder.send('GET', String(run.headers['location']))).body).toMatchObject({
      status: 'InProgress',
    })
  })
})

test('a cancelled run shows no sub-state, also when the cancel comes between two phases', async () => {
  const { blobs, world } = builder.azure
  const { write } = blobs
  world.options.build = { stuckCanceling: true }
  await builder.create('between', templateBody())
  // Its log is saved when the VM is connected: after `Building`, before `Customizing`.
  let cancel: Promise<unknown> | undefined
  blobs.write = async (...blob) => {
    if (String(blob[3]).includes('Connected to SSH!'))
      await (cancel ??= builder.send('POST', `${TEMPLATES}/between/cancel`))
    await write(...blob)
  }
  try {
    await builder.send('POST', `${TEMPLATES}/between/run`)
    await builder.until('between', ({ lastRunStatus }) => lastRunStatus?.runState === 'Canceling')
    await world.elapse(world.options.durations.cancel * 10)
  } finally {
    blobs.write = write
  }
  expect((await builder.get('between')).properties.lastRunStatus).not.toHaveProperty('runSubState')
})

/** Every sub-state that a run passes, in order: each lasts at least one turn of the event loop. */
async function subStates(name: string): Promise<string[]> {
  const template = builder.azure.world.resources.get(`${TEMPLATES}/${name}`) as ImageTemplate
  const seen: string[] = []
  const ended = ['Succeeded', 'Failed']
  while (!ended.includes(template.properties.lastRunStatus?.runState ?? '')) {
    const state = template.properties.lastRunStatus?.runSubState
    if (state !== undefined && seen.at(-1) !== state) seen.push(state)
    await turn()
  }
  return seen
}

/** A read-only URL of a blob in `files`, signed with the account's key. */
function signed(blobName: string): string {
  const { blobs } = builder.azure
  const [key] = blobs.keys('stcontosobuild')
  const sas = generateBlobSASQueryParameters(
    {
      containerName: 'files',
      blobName,
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 3_600_000),
    },
    new StorageSharedKeyCredential('stcontosobuild', key),
  )
  return `${blobs.endpoint('stcontosobuild')}files/${blobName}?${sas.toString()}`
}

/** The landmarks of a failed build that a log has, in the order in which it has them. */
function inOrder(log: string): string[] {
  return [
    'Deploying deployment template ...',
    'Connected to SSH!',
    'Starting provisioner shell',
    'Provisioning with shell script',
    'Provisioning step had errors',
    'Deleting individual resources ...',
    '(telemetry) Finalizing.',
    'Done exporting Packer logs to Azure',
  ].sort((a, b) => log.indexOf(a) - log.indexOf(b))
}
