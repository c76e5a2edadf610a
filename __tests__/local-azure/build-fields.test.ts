/** What a template's fields do to a run in the local Azure: machine, disks, targets, staging group, record. */
import { createHash } from 'node:crypto'
import { request } from 'node:https'
import { readFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import type {
  SharedImageTarget,
  Source,
  TemplateProperties,
} from '../../local-azure/image-builder/image-template.ts'
import { SHARED_GALLERY_NAME, type Seed } from '../../local-azure/seed.ts'
import {
  DEFINITION,
  GROUP,
  startImageBuilder,
  SUBSCRIPTION,
  templateBody,
  TEMPLATES,
  UBUNTU,
  WINDOWS,
  type Failure,
  type ImageBuilder,
  type Operation,
} from './image-builder-client.ts'

const IDENTITIES = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(20_000, furnished)
})
afterEach(() => {
  builder.azure.world.options.build = {}
})
afterAll(async () => {
  await builder.azure.close()
})

function furnished(seed: Seed): void {
  const [deployer, builderRole] = seed.roleAssignments
  const [ubuntu] = seed.marketplace
  if (!ubuntu) throw new Error('no marketplace image')
  seed.marketplace.push({
    ...ubuntu,
    offer: 'old',
    versions: ['1.0.0', '1.1.0'],
    imageStates: { '1.1.0': 'Deprecated' },
  })
  seed.roleAssignments.push(
    {
      principalId: deployer?.principalId ?? '',
      scope: GROUP,
      actions: [
        'Microsoft.Resources/subscriptions/resourceGroups/resources/read',
        'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
      ],
    },
    {
      principalId: builderRole?.principalId ?? '',
      scope: GROUP,
      actions: [],
      dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'],
    },
  )
  seed.resourceGroups.push(
    { name: 'rg-empty', location: 'eastus', tags: { team: 'a' } },
    { name: 'rg-staging', location: 'eastus' },
  )
  seed.roleAssignments.push({
    principalId: builderRole?.principalId ?? '',
    scope: `${SUBSCRIPTION}/resourceGroups/rg-staging`,
    actions: ['*'],
  })
}

/** Name of a template for a row of a table. */
function nameOf(title: string): string {
  return title.replaceAll(/[^a-z0-9]+/gi, '-')
}

/** Builds a table's templates side by side: waiting for one end after the other is most of what a build costs here. */
async function buildAll(rows: [string, Partial<TemplateProperties>][]): Promise<Map<string, Operation>> {
  const build = async ([title, properties]: [string, Partial<TemplateProperties>]) =>
    [title, await builder.build(nameOf(title), properties)] as const
  return new Map(await Promise.all(rows.map(build)))
}

const arm64: Source = { ...UBUNTU, sku: 'server-arm64' }
const first: Source = { ...UBUNTU, offer: 'UbuntuServer', sku: '18.04-LTS' }
const disks = (...sizes: number[]) => sizes.map((sizeGB) => ({ sizeGB }))

describe('the build VM', () => {
  const refused: [string, Partial<TemplateProperties>, string, RegExp][] = [
    [
      'a disk smaller than the image’s',
      { vmProfile: { osDiskSizeGB: 29 } },
      'OperationNotAllowed',
      /The specified disk size 29 GB is smaller than the size of the corresponding disk in the VM image: 30 GB/,
    ],
    [
      'a disk smaller than that of Windows',
      { source: WINDOWS, vmProfile: { osDiskSizeGB: 64 } },
      'OperationNotAllowed',
      /in the VM image: 127 GB/,
    ],
    [
      'a size that does not exist',
      { vmProfile: { vmSize: 'Standard_D4_v3s' } },
      'InvalidParameter',
      /The value Standard_D4_v3s provided for the VM size is not valid\. .* are: Standard_A1_v2,/,
    ],
    [
      'a size of another architecture',
      { source: arm64, vmProfile: { vmSize: 'Standard_D4s_v5' } },
      'BadRequest',
      /only supports a CPU Architecture of 'x64', but an image or disk given has CPU Architecture 'Arm64'/,
    ],
    [
      'a size of another generation',
      { vmProfile: { vmSize: 'standard_d2_v2' } },
      'BadRequest',
      /'Standard_D2_v2' cannot boot Hypervisor Generation '2'/,
    ],
    [
      'more data disks than its size takes',
      { additionalDataDisks: disks(1, 2, 3, 4, 5) },
      'OperationNotAllowed',
      /The maximum number of data disks allowed to be attached to a VM of this size is 4\./,
    ],
  ]
  const taken: [string, Partial<TemplateProperties>][] = [
    ['the source’s disk', { vmProfile: { osDiskSizeGB: 0 } }],
    ['the first generation on its own size', { source: first, vmProfile: { vmSize: 'Standard_D2_v2' } }],
    ['Arm64 on its own size', { source: arm64, vmProfile: { vmSize: 'Standard_D2ps_v5' } }],
    ['Arm64 on the service’s size', { source: arm64 }],
  ]
  let builds: Map<string, Operation>
  beforeAll(async () => {
    const rows = refused.map(([title, properties]): [string, Partial<TemplateProperties>] => [
      title,
      properties,
    ])
    builds = await buildAll([...rows, ...taken])
  })

  test.each(refused)('is refused %s', async (title, _properties, code, message) => {
    expect(builds.get(title)?.error?.code).toBe('PackerBuildFailed')
    const log = await builder.log(nameOf(title))
    expect(log).toMatch(message)
    expect(log).toMatch(new RegExp(`Build 'azure-arm' errored after .*: Code="${code}"`))
  })

  test.each(taken)('takes %s', (title) => {
    expect(builds.get(title)?.status).toBe('Succeeded')
  })

  test('leaves the sizes of its disks to the images', async () => {
    const imageId = `${GROUP}/providers/Microsoft.Compute/images/with-disks`
    await builder.build('with-disks', {
      vmProfile: { osDiskSizeGB: 64 },
      additionalDataDisks: disks(32, 48),
      distribute: [
        { type: 'ManagedImage', runOutputName: 'managed', imageId, location: 'eastus' },
        {
          type: 'SharedImage',
          runOutputName: 'gallery',
          galleryImageId: `${DEFINITION}/versions/7.7.7`,
        },
      ],
    })
    const { world } = builder.azure
    expect(world.resources.get(imageId)?.properties).toMatchObject({
      storageProfile: {
        osDisk: { diskSizeGB: 64 },
        dataDisks: [
          { lun: 0, diskSizeGB: 32 },
          { lun: 1, diskSizeGB: 48 },
        ],
      },
    })
    expect(world.resources.get(`${DEFINITION}/versions/7.7.7`)?.properties).toMatchObject({
      storageProfile: {
        osDiskImage: { sizeInGB: 64 },
        dataDiskImages: [
          { lun: 0, sizeInGB: 32 },
          { lun: 1, sizeInGB: 48 },
        ],
      },
    })
  })

  test.each([
    ['id-reader', 'Succeeded', undefined],
    ['id-gone', 'Failed', 'FailedIdentityOperation'],
  ])('gets the identity %s if there is one', async (identity, status, code) => {
    const userAssignedIdentities = [`${IDENTITIES}/${identity}`]
    const { world } = builder.azure
    const operator = { principalId: world.seed.identities[0]?.principalId ?? '', scope: GROUP }
    const right = { ...operator, actions: ['Microsoft.ManagedIdentity/*/assign/action'] }
    world.roleAssignments.push(right)
    const created = await builder.create(identity, templateBody({ vmProfile: { userAssignedIdentities } }))
    world.roleAssignments.splice(world.roleAssignments.indexOf(right), 1)
    expect([created.status, created.error?.code]).toEqual([status, code])
  })

  test('gets no identity that the template’s may not hand out', async () => {
    const userAssignedIdentities = [`${IDENTITIES}/id-reader`]
    const { error } = await builder.create(
      'not-handed-out',
      templateBody({ vmProfile: { userAssignedIdentities } }),
    )
    expect(error).toMatchObject({ code: 'Unauthorized', message: expect.stringContaining('id-reader') })
  })
})

describe('sources', () => {
  const shared = (version: string, location = 'eastus'): Source => ({
    type: 'SharedImageVersion',
    imageVersionId:
      `${SUBSCRIPTION}/providers/Microsoft.Compute/locations/${location}/sharedGalleries/${SHARED_GALLERY_NAME}` +
      `/images/golden-linux/versions/${version}`,
  })
  const found: [string, Source, string][] = [
    ['a version that is shared', shared('1.0.0'), '1.0.0'],
    ['the latest that is shared', shared('latest'), '1.1.0'],
    ['the latest that is not deprecated', { ...UBUNTU, offer: 'old' }, '1.0.0'],
  ]
  let builds: Map<string, Operation>
  beforeAll(async () => {
    builds = await buildAll(found.map(([title, source]) => [title, { source, distribute: [gallery({})] }]))
  })

  test.each(found)('%s', async (title, _source, exactVersion) => {
    expect(builds.get(title)?.status).toBe('Succeeded')
    expect((await builder.get(nameOf(title))).properties.source).toMatchObject({ exactVersion })
  })

  test.each<[string, Source, string, RegExp]>([
    [
      'a version that is not shared',
      shared('9.9.9'),
      'GalleryImageNotFound',
      /Versions\/9\.9\.9 is not available/,
    ],
    [
      'a version in another region',
      shared('1.1.0', 'westus2'),
      'GalleryImageNotFound',
      /is not available in eastus region/,
    ],
    [
      'a deprecated version',
      { ...UBUNTU, offer: 'old', version: '1.1.0' },
      'ImageVersionDeprecated',
      /^The platform image 'Canonical:old:server:1\.1\.0' is deprecated\.$/,
    ],
  ])('not %s', async (title, source, code, message) => {
    const { error } = await builder.create(`no-${nameOf(title)}`, templateBody({ source }))
    expect(error).toEqual({ code, message: expect.stringMatching(message) })
  })
})

function gallery(target: Partial<SharedImageTarget>): SharedImageTarget {
  return { type: 'SharedImage', runOutputName: 'gallery', galleryImageId: DEFINITION, ...target }
}

describe('distribution is refused', () => {
  const eastus = { name: 'eastus' }
  const many = { name: 'East US', replicaCount: 101 }
  const refused: [string, TemplateProperties['distribute'][number], RegExp][] = [
    [
      'a region that does not exist',
      gallery({ targetRegions: [eastus, { name: 'marsnorth' }] }),
      /Code="InvalidParameter" Message="The target region 'marsnorth' is not valid/,
    ],
    [
      'a region twice',
      gallery({ targetRegions: [eastus, { name: 'East US' }] }),
      /Duplicate regions are not allowed in target publishing regions\./,
    ],
    ['too many replicas', gallery({ targetRegions: [many] }), /'101' of parameter 'regionalReplicaCount'/],
    [
      'two regions in shallow mode',
      gallery({ targetRegions: [eastus, { name: 'westus2' }], replicationMode: 'Shallow' }),
      /'Shallow' supports a single target region/,
    ],
    [
      'two replicas in shallow mode',
      gallery({ targetRegions: [{ ...eastus, replicaCount: 2 }], replicationMode: 'Shallow' }),
      /'Shallow' supports one replica only/,
    ],
    [
      'a managed image nowhere',
      {
        type: 'ManagedImage',
        runOutputName: 'managed',
        imageId: `${GROUP}/providers/Microsoft.Compute/images/nowhere`,
        location: 'marsnorth',
      },
      /Code="LocationNotAvailableForResourceType" Message="The provided location 'marsnorth' is not available for resource type 'Microsoft\.Compute\/images'/,
    ],
  ]
  const shallow = 'a shallow copy in the build’s region'
  let builds: Map<string, Operation>
  beforeAll(async () => {
    const rows = refused.map(([title, target]): [string, Partial<TemplateProperties>] => [
      title,
      { distribute: [target] },
    ])
    const allowed = gallery({ targetRegions: [eastus], replicationMode: 'Shallow' })
    builds = await buildAll([...rows, [shallow, { distribute: [allowed] }]])
  })

  test.each(refused)('%s', (title, _target, message) => {
    const error = builds.get(title)?.error
    expect(error?.message).toMatch(/^Failed in distributing 1 images out of total 1: /)
    expect(error?.message).toMatch(message)
  })

  test(`nothing of ${shallow}`, () => {
    expect(builds.get(shallow)?.status).toBe('Succeeded')
  })
})

describe('the staging group', () => {
  const contents = async (name: string): Promise<string[]> => {
    const { properties } = await builder.get(name)
    return builder.azure.world.resources
      .all()
      .filter(({ id }) => id.startsWith(`${properties.exactStagingResourceGroup}/`))
      .map(({ type }) => type)
      .sort()
  }
  const failing = { customize: [{ type: 'PowerShell' as const, inline: ['exit 1'] }], source: WINDOWS }
  const failed = async (name: string, errorHandling: TemplateProperties['errorHandling']) => {
    builder.azure.world.options.build = { failCustomizer: { index: 0, exitCode: 1, output: [] } }
    await builder.build(name, { ...failing, ...(errorHandling && { errorHandling }) })
    return await contents(name)
  }

  test('holds the build VM while it builds, with the template’s tags, and the account alone afterwards', async () => {
    const { world } = builder.azure
    await builder.create('tagged-resources', templateBody({ managedResourceTags: { cost: '42' } }))
    const { properties } = await builder.get('tagged-resources')
    const group = properties.exactStagingResourceGroup
    const [machine] = await heldIn('Customizing', 'tagged-resources', () =>
      world.resources.list('Microsoft.Compute/virtualMachines', `${group}/`),
    )
    expect(machine?.tags).toMatchObject({ cost: '42', imageTemplateName: 'tagged-resources' })
    expect(world.resources.get(group)?.tags).toMatchObject({ cost: '42' })
    const [account] = world.resources.list('Microsoft.Storage/storageAccounts', `${group}/`)
    expect(account?.tags).toEqual({ cost: '42' })
    expect(await contents('tagged-resources')).toEqual(['Microsoft.Storage/storageAccounts'])
  })

  test.each<[string, TemplateProperties['errorHandling'], boolean]>([
    ['goes', undefined, false],
    ['goes-with-cleanup', { onCustomizerError: 'cleanup', onValidationError: 'abort' }, false],
    ['stays-with-abort', { onCustomizerError: 'abort' }, true],
  ])('of a failed build: the VM %s', async (name, errorHandling, stays) => {
    const types = await failed(name, errorHandling)
    expect(types.includes('Microsoft.Compute/virtualMachines')).toBe(stays)
    expect(types).toContain('Microsoft.Storage/storageAccounts')
    expect(types).not.toContain('Microsoft.ContainerInstance/containerGroups')
  })

  test('of the user’s own loses a VM that stayed, when its template goes', async () => {
    const stagingResourceGroup = `${SUBSCRIPTION}/resourceGroups/rg-staging`
    builder.azure.world.options.build = { failCustomizer: { index: 0, exitCode: 1, output: [] } }
    await builder.build('own-group', {
      ...failing,
      stagingResourceGroup,
      errorHandling: { onCustomizerError: 'abort' },
    })
    expect(await contents('own-group')).toContain('Microsoft.Compute/virtualMachines')
    await builder.ended(await builder.send('DELETE', `${TEMPLATES}/own-group`))
    const left = builder.azure.world.resources
      .all()
      .filter(({ id }) => id.startsWith(`${stagingResourceGroup}/`))
    expect(left).toEqual([])
  })
})

/** What is there to be seen in a phase of a run, which is held until it has been looked at, and then cancelled. */
async function heldIn<T>(phase: 'Customizing' | 'Optimizing', name: string, look: () => T): Promise<T> {
  const { options } = builder.azure.world
  const { speed, durations } = options
  const held = { ...durations, [phase.toLowerCase()]: Infinity }
  // It lasts as long as the run may: four hours of the service, and seconds here.
  Object.assign(options, { speed: 4_000, durations: held })
  try {
    await builder.send('POST', `${TEMPLATES}/${name}/run`)
    await builder.until(name, ({ lastRunStatus }) => lastRunStatus?.runSubState === phase)
    const seen = look()
    await builder.send('POST', `${TEMPLATES}/${name}/cancel`)
    await builder.until(name, ({ lastRunStatus }) => lastRunStatus?.runState === 'Canceled')
    return seen
  } finally {
    Object.assign(options, { speed, durations })
  }
}

describe('a workload to optimize for', () => {
  const script = '#!/bin/sh\nexit 0\n'
  test('has its script fetched at submission, and its phase in the run', async () => {
    const { blobs } = builder.azure
    await blobs.write('stcontosobuild', 'files', 'workload.sh', script)
    const scriptUri = `${blobs.endpoint('stcontosobuild')}files/workload.sh`
    const created = await builder.create(
      'workload',
      templateBody({ optimize: { workload: { state: 'Enabled', scriptUri } } }),
    )
    expect(created.status).toBe('Succeeded')
    const { optimize } = (await builder.get('workload')).properties
    expect(optimize?.workload?.sha256Checksum).toBe(createHash('sha256').update(script).digest('hex'))
    await heldIn('Optimizing', 'workload', () => undefined)
  })

  test('fails a submission when its script is not there', async () => {
    const scriptUri = `${builder.azure.blobs.endpoint('stcontosobuild')}files/none.sh`
    const optimize = { workload: { state: 'Enabled', scriptUri } }
    const { error } = await builder.create('workload-gone', templateBody({ optimize }))
    expect(error?.message).toMatch(/^Downloading external file \(.*none\.sh\)/)
  })
})

test('autoRun starts a run at the end of the submission', async () => {
  await builder.create('auto-run', templateBody({ autoRun: { state: 'Enabled' } }))
  const { properties } = await builder.until('auto-run', ({ lastRunStatus }) => lastRunStatus !== undefined)
  expect(properties.provisioningState).toBe('Succeeded')
})

describe('resource groups', () => {
  const resources = 'api-version=2021-04-01'
  test('show place and tags', async () => {
    const { body } = await builder.send('GET', `${SUBSCRIPTION}/resourceGroups/rg-empty?${resources}`)
    expect(body).toMatchObject({ name: 'rg-empty', location: 'eastus', tags: { team: 'a' } })
  })

  test('list what is in them, as far as the caller may read it', async () => {
    const { body } = await builder.send('GET', `${GROUP}/resources?${resources}`)
    const { value } = body as { value: { id: string; name: string; type: string; location: string }[] }
    expect(value).toContainEqual(
      expect.objectContaining({
        id: DEFINITION,
        name: 'contoso/webapp',
        type: 'Microsoft.Compute/galleries/images',
        location: 'eastus',
      }),
    )
    expect(value.map(({ type }) => type)).not.toContain('Microsoft.Network/virtualNetworks')
    expect(JSON.stringify(value)).not.toContain('provisioningState')
    const top = await builder.send('GET', `${GROUP}/resources?$top=1&${resources}`)
    expect((top.body as { value: unknown[] }).value).toHaveLength(1)
  })

  test('list nothing to who has no right to', async () => {
    const target = `${SUBSCRIPTION}/resourceGroups/rg-empty/resources?${resources}`
    const { status, body } = await builder.send('GET', target)
    expect([status, (body as { error: Failure }).error.message]).toEqual([
      403,
      expect.stringContaining("'Microsoft.Resources/subscriptions/resourceGroups/resources/read'"),
    ])
  })
})

test('a body of more than 4 MB is refused', async () => {
  const body = templateBody({ customize: [{ type: 'Shell', inline: ['x'.repeat(4 * 1024 * 1024)] }] })
  const { status, body: answer } = await builder.send('PUT', `${TEMPLATES}/too-large`, body)
  expect([status, answer]).toEqual([
    413,
    {
      error: {
        code: 'RequestContentTooLarge',
        message: 'The request content size exceeds the maximum size of 4 MB.',
      },
    },
  ])
})

describe('the record of what writes', () => {
  test('holds every service but Entra, refused or not, in order', async () => {
    const { world, blobs, endpoints } = builder.azure
    const before = world.writes().length
    await builder.send('GET', GROUP)
    await builder.send('POST', `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild/listKeys`)
    await plain(`${blobs.endpoint('stcontosobuild')}files/x`, 'PUT')
    await plain(`${endpoints.authority}/${world.seed.tenantId}/oauth2/v2.0/token`, 'POST')
    expect(
      world
        .writes()
        .slice(before)
        .map(({ service, method }) => `${service} ${method}`),
    ).toEqual(['resource-manager POST', 'blob PUT'])
    expect(world.requests(/^POST .*\/token$/).at(-1)?.service).toBe('entra')
  })

  test('holds an upload that broke off', async () => {
    const { world, entra, blobs } = builder.azure
    const before = world.writes().length
    const [application] = world.seed.applications
    const principal = { clientId: application?.clientId ?? '', objectId: application?.objectId ?? '' }
    const token = await entra.issue(principal, 'https://storage.azure.com')
    await plain(`${blobs.endpoint('stcontosobuild')}files/broken`, 'PUT', token)
    expect(world.writes().slice(before)).toMatchObject([{ service: 'blob', method: 'PUT', status: 0 }])
  })
})

/** Sends without a right or, with a token, breaks off in the body; ends when the local Azure has noticed. */
async function plain(url: string, method: string, token?: string): Promise<void> {
  const ca = await readFile(builder.azure.caFile)
  const noticed = new Promise<void>((resolve) => {
    const release = builder.azure.world.watch(() => {
      release()
      resolve()
    })
  })
  const headers = token && {
    authorization: `Bearer ${token}`,
    'content-length': '1000000',
    expect: '100-continue',
    'x-ms-version': '2023-11-03',
    'x-ms-blob-type': 'BlockBlob',
  }
  const sent = request(url, { method, ca, agent: false, ...(headers && { headers }) }, (answer) =>
    answer.resume(),
  )
  sent.on('error', () => undefined)
  if (token === undefined) sent.end()
  // The server asks for the body: it has the request.
  else sent.on('continue', () => sent.write('a part', () => sent.destroy()))
  await noticed
}
