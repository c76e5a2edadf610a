/** The life of a template in the local Azure: submission, its failures, states, deletion. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Source, TemplateProperties } from '../../local-azure/image-builder/image-template.ts'
import {
  DEFINITION,
  GROUP,
  ids,
  IDENTITY,
  POWERLESS,
  READER,
  stagingAccount,
  startImageBuilder,
  SUBSCRIPTION,
  templateBody,
  TEMPLATES,
  UBUNTU,
  WINDOWS,
  WRITER,
  type Failure,
  type ImageBuilder,
} from './image-builder-client.ts'

let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder()
})
afterAll(async () => {
  await builder.azure.close()
})

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const gallery = { type: 'SharedImage', runOutputName: 'gallery', galleryImageId: DEFINITION } as const

describe('submitting a template', () => {
  test('answers 201 in Creating with one operation header, then fills in what the service does', async () => {
    const name = 'a-template-whose-name-is-longer-than-the-rule-takes'
    const answer = await builder.send('PUT', `${TEMPLATES}/${name}`, templateBody({ distribute: [gallery] }))

    expect(answer.status).toBe(201)
    expect(answer.headers['location']).toBeUndefined()
    expect(answer.headers['retry-after']).toBeUndefined()
    expect(answer.body).toMatchObject({
      id: `${TEMPLATES}/${name}`.replace('resourceGroups', 'resourcegroups'),
      name,
      type: 'Microsoft.VirtualMachineImages/imageTemplates',
      identity: { userAssignedIdentities: { [IDENTITY]: {} } },
      properties: {
        provisioningState: 'Creating',
        exactStagingResourceGroup: '',
        source: { exactVersion: 'latest' },
      },
    })
    expect(JSON.stringify(answer.body)).not.toContain('principalId')

    const operation = await builder.ended(answer)
    const id = String(answer.headers['x-ms-request-id'])
    expect(id).toMatch(GUID)
    expect(operation).toEqual({
      name: id.toUpperCase(),
      status: 'Succeeded',
      startTime: expect.stringMatching(/\.\d{7}Z$/),
      endTime: expect.stringMatching(/\.\d{7}Z$/),
    })

    const { properties, identity } = await builder.get(name)
    expect(properties).toMatchObject({
      provisioningState: 'Succeeded',
      source: { exactVersion: '24.04.202611050' },
    })
    expect(properties.lastRunStatus).toBeUndefined()
    expect(Object.values(identity.userAssignedIdentities)).toEqual([
      { principalId: expect.stringMatching(GUID), clientId: expect.stringMatching(GUID) },
    ])
    const group = builder.azure.world.resources.get(properties.exactStagingResourceGroup)
    expect(group?.name).toMatch(/^IT_rg-images_a-template-whose-name-is-longe_[0-9a-f-]{36}$/)
    expect(group?.tags).toMatchObject({
      imageTemplateName: name,
      imageTemplateResourceGroupName: 'rg-images',
    })
    expect(stagingAccount(builder.azure, properties.exactStagingResourceGroup)).toMatch(/^[a-z0-9]{24}$/)
  })

  test('takes the operation URL verbatim alone', async () => {
    const answer = await builder.send('PUT', `${TEMPLATES}/verbatim`, templateBody())
    const url = String(answer.headers['azure-asyncoperation'])
    const [start = ''] = url.split('&t=')
    expect(url).toMatch(
      /\/providers\/Microsoft.VirtualMachineImages\/locations\/eastus\/operations\/[0-9a-f-]{36}\?/,
    )
    expect(url.length).toBeGreaterThan(2000)

    expect((await builder.send('GET', url)).status).toBe(200)
    for (const altered of [start, url.slice(0, -1), `${start}&t=1&c=2&s=3&h=4`])
      expect((await builder.send('GET', altered)).status).toBe(403)
  })

  test('refuses a second PUT, also after a failure, until the template is deleted', async () => {
    const failing = templateBody({ source: { ...UBUNTU, sku: 'no-such-sku' } })
    expect((await builder.create('twice', failing)).status).toBe('Failed')
    const again = await builder.send('PUT', `${TEMPLATES}/twice`, templateBody())
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({
      error: { message: 'Update/Upgrade of image templates is currently not supported' },
    })

    const deleted = await builder.send('DELETE', `${TEMPLATES}/twice`)
    expect(deleted.status).toBe(202)
    await builder.ended(deleted)
    expect((await builder.create('twice', templateBody())).status).toBe('Succeeded')
  })

  test('keeps a failure in the template', async () => {
    const body = templateBody({ source: { ...UBUNTU, version: '1.2.3' } })
    const { error } = await builder.create('kept-failure', body)
    const { properties } = await builder.get('kept-failure')
    expect(properties.provisioningState).toBe('Failed')
    expect(properties.provisioningError).toEqual({
      provisioningErrorCode: 'BadPIRSource',
      message: error?.message,
    })
  })
})

describe('refusals at once', () => {
  const refused: [string, object, number, string, RegExp][] = [
    [
      'a region where the type is not on offer',
      { ...templateBody(), location: 'centralus' },
      400,
      'LocationNotAvailableForResourceType',
      /'centralus' is not available .* 'eastus,eastus2,/,
    ],
    ['no region', { ...templateBody(), location: '' }, 400, 'LocationRequired', /location/],
    [
      'a bare identity name',
      templateBody({}, 'id-builder'),
      400,
      'LinkedInvalidPropertyId',
      /'id-builder' at path/,
    ],
    [
      'a bare subnet name',
      templateBody({ vmProfile: { vnetConfig: { subnetId: 'default' } } }),
      400,
      'LinkedInvalidPropertyId',
      /'default' at path 'properties.vmProfile.vnetConfig.subnetId'/,
    ],
    [
      'an unknown field',
      { ...templateBody(), apiVersion: '2025-10-01' },
      400,
      'ValidationFailed',
      /unknown field "apiVersion"/,
    ],
  ]
  test.each(refused)('%s', async (_, body, status, code, message) => {
    const answer = await builder.send('PUT', `${TEMPLATES}/refused`, body)
    expect([answer.status, (answer.body as { error: Failure }).error.code]).toEqual([status, code])
    expect((answer.body as { error: Failure }).error.message).toMatch(message)
    expect((await builder.send('GET', `${TEMPLATES}/refused`)).status).toBe(404)
  })

  test('an identity that the caller may not hand out', async () => {
    const answer = await builder.send('PUT', `${TEMPLATES}/linked`, templateBody(), WRITER)
    expect(answer.status).toBe(403)
    expect((answer.body as { error: Failure }).error).toMatchObject({
      code: 'LinkedAuthorizationFailed',
      message: expect.stringContaining(
        "does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'",
      ),
    })
  })

  test('an earlier API version', async () => {
    const answer = await builder.send('GET', `${TEMPLATES}/any?api-version=2022-02-14`)
    expect(answer.status).toBe(400)
  })
})

describe('failures of the operation', () => {
  const jammy = { ...UBUNTU, offer: '0001-com-ubuntu-server-jammy', sku: '22_04-lts' }
  const hardened = { ...UBUNTU, publisher: 'contoso-labs', offer: 'hardened-linux', sku: 'hardened-9' }
  const images = `${GROUP}/providers/Microsoft.Compute/images`
  const version = (name: string): Source => ({
    type: 'SharedImageVersion',
    imageVersionId: `${GROUP}/providers/Microsoft.Compute/galleries/contoso/images/base-linux/versions/${name}`,
  })
  const managed = (name: string): Source => ({ type: 'ManagedImage', imageId: `${images}/${name}` })
  const file = (sourceUri: string, sha256Checksum?: string): Partial<TemplateProperties> => ({
    customize: [
      { type: 'File', sourceUri, destination: '/tmp/x', ...(sha256Checksum && { sha256Checksum }) },
    ],
  })
  const failing: [string, () => Partial<TemplateProperties>, string, string, RegExp][] = [
    [
      'unknown marketplace image',
      () => ({ source: { ...UBUNTU, sku: 'x' } }),
      IDENTITY,
      'PlatformImageNotFound',
      /^Platform Image was not found\. location: eastus, publisherName: Canonical, .* version: latest\./,
    ],
    [
      'missing purchase plan',
      () => ({ source: hardened }),
      IDENTITY,
      'PurchasePlanNotProvided',
      /^Purchase Plan was not provided for image: /,
    ],
    [
      'another Hyper-V generation',
      () => ({ source: jammy, distribute: [gallery] }),
      IDENTITY,
      'ValidationFailed',
      /has a different Hyper-V Generation: V2, than source image: V1\./,
    ],
    [
      'a definition for another system',
      () => ({ source: WINDOWS, distribute: [gallery] }),
      IDENTITY,
      'BadSharedImageDistribute',
      /OS type 'Linux'/,
    ],
    [
      'a missing definition',
      () => ({ distribute: [{ ...gallery, galleryImageId: `${DEFINITION}-x` }] }),
      IDENTITY,
      'BadSharedImageDistribute',
      /was not found/,
    ],
    [
      'regions without the gallery’s own',
      () => ({ distribute: [{ ...gallery, targetRegions: [{ name: 'West US 2' }] }] }),
      IDENTITY,
      'BadSharedImageDistribute',
      /do not include the region of the gallery/,
    ],
    [
      'a missing managed image',
      () => ({ source: managed('x') }),
      IDENTITY,
      'BadManagedImageSource',
      /Code="ResourceNotFound"/,
    ],
    [
      'a missing image version',
      () => ({ source: version('9.9.9') }),
      IDENTITY,
      'BadSharedImageVersionSource',
      /StatusCode=404/,
    ],
    [
      'a source that the identity may not read',
      () => ({ source: managed('base-linux') }),
      POWERLESS,
      'Unauthorized',
      /^Not authorized to access the resource: .*images\/base-linux\. Please check the user assigned identity/,
    ],
    [
      'a target that the identity may not read',
      () => ({ distribute: [gallery] }),
      POWERLESS,
      'Unauthorized',
      /galleries\/contoso\/images\/webapp\. Please/,
    ],
    [
      'a missing identity',
      () => ({}),
      `${IDENTITY}-gone`,
      'InternalOperationError',
      /^The assigned managed identity cannot be used\./,
    ],
    [
      'a shell step on Windows',
      () => ({ source: WINDOWS, customize: [{ type: 'Shell', inline: ['true'] }] }),
      IDENTITY,
      'UnsupportedCustomizerType',
      /'Shell' is not supported/,
    ],
    [
      'a PowerShell validator on Linux',
      () => ({ validate: { inVMValidations: [{ type: 'PowerShell', inline: ['exit'] }] } }),
      IDENTITY,
      'UnsupportedValidatorType',
      /'PowerShell' is not supported/,
    ],
    [
      'a blob without a SAS that the identity may not read',
      () => file(`${builder.azure.blobs.endpoint('stcontosobuild')}scripts/a.sh`),
      IDENTITY,
      'Unauthorized',
      /scripts\/a\.sh\. Please check/,
    ],
    [
      'an unreachable file',
      () => file('https://127.0.0.1:1/a.sh'),
      IDENTITY,
      'InternalOperationError',
      /^Downloading external file \(https:\/\/127\.0\.0\.1:1\/a\.sh\) to local file .* failed: /,
    ],
    [
      'a staging group in use',
      () => ({ stagingResourceGroup: GROUP }),
      IDENTITY,
      'InternalOperationError',
      /^Internal error occurred\./,
    ],
  ]
  test.each(failing)('%s', async (title, properties, identity, code, message) => {
    const name = title.replaceAll(/[^a-z]+/gi, '-').slice(0, 60)
    const { status, error } = await builder.create(name, templateBody(properties(), identity))
    expect([status, error?.code]).toEqual(['Failed', code])
    expect(error?.message).toMatch(message)
    expect((await builder.get(name)).properties.provisioningError?.message).toBe(error?.message)
  })

  test('a gallery source stands for its latest version, by number, not excluded, not failed', async () => {
    await builder.create('latest-version', templateBody({ source: version('latest') }))
    const { properties } = await builder.get('latest-version')
    expect(properties.source).toMatchObject({ exactVersion: '1.10.0' })
  })

  test('a gallery source has to be in the template’s region', async () => {
    const body = { ...templateBody({ source: version('1.9.0') }), location: 'westus2' }
    const { error } = await builder.create('replica', body)
    expect(error?.code).toBe('GalleryImageNotFound')
  })
})

describe('files', () => {
  const script = '#!/bin/sh\necho hello\n'
  const sha256 = createHash('sha256').update(script).digest('hex')

  /** A script in the storage account, which the identity may read from now on. */
  async function upload(name: string): Promise<string> {
    const { blobs, world } = builder.azure
    await blobs.write('stcontosobuild', 'files', name, script)
    world.roleAssignments.push({
      principalId: '94e6b0d8-2f71-4a3c-8d5e-7c1b9a0f3e62',
      scope: `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild/blobServices/default/containers/files`,
      actions: [],
      dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'],
    })
    return `${blobs.endpoint('stcontosobuild')}files/${name}`
  }

  test('a script without a checksum gets one, and the staging account a copy', async () => {
    const scriptUri = await upload('no-checksum.sh')
    await builder.create('no-checksum', templateBody({ customize: [{ type: 'Shell', scriptUri }] }))
    const { properties } = await builder.get('no-checksum')
    expect(properties.customize).toEqual([{ type: 'Shell', scriptUri, sha256Checksum: sha256 }])
    const account = stagingAccount(builder.azure, properties.exactStagingResourceGroup)
    const [blob = ''] = await builder.azure.blobs.list(account)
    const [container = '', name = ''] = blob.split('/')
    expect(String(await builder.azure.blobs.read(account, container, name))).toBe(script)
  })

  test('a wrong checksum fails the submission', async () => {
    const scriptUri = await upload('wrong-checksum.sh')
    const customize: TemplateProperties['customize'] = [
      { type: 'Shell', scriptUri, sha256Checksum: '0'.repeat(64) },
    ]
    const { error } = await builder.create('wrong-checksum', templateBody({ customize }))
    expect(error?.message).toMatch(/^Downloading external file \(.*wrong-checksum\.sh\) .* failed: .*SHA256/)
  })
})

describe('looking up', () => {
  test('lists by group and by subscription hold what the caller may read', async () => {
    await builder.create('listed', templateBody())
    for (const scope of [
      TEMPLATES,
      `${SUBSCRIPTION}/providers/Microsoft.VirtualMachineImages/imageTemplates`,
    ]) {
      const { body } = await builder.send('GET', scope)
      expect((body as { value: { name: string }[] }).value.map(({ name }) => name)).toContain('listed')
    }
    const stranger = { ...WRITER, objectId: '00000000-0000-4000-8000-000000000000' }
    expect((await builder.send('GET', TEMPLATES, undefined, stranger)).status).toBe(403)
  })

  test('a missing template and a missing run output are 404', async () => {
    for (const target of ['gone', 'gone/runOutputs/x']) {
      const answer = await builder.send('GET', `${TEMPLATES}/${target}`)
      expect(answer.status).toBe(404)
      expect(answer.body).toMatchObject({ error: { code: 'ResourceNotFound' } })
    }
  })
})

describe('changing a template', () => {
  test('tags change at once', async () => {
    await builder.create('tagged', templateBody())
    const answer = await builder.send('PATCH', `${TEMPLATES}/tagged`, { tags: { a: 'b' } })
    expect(answer.status).toBe(200)
    expect((await builder.get('tagged')).tags).toEqual({ a: 'b' })
  })

  test('a distributor can be added as an operation, but none dropped', async () => {
    await builder.create('patched', templateBody())
    const vhd = { type: 'VHD', runOutputName: 'vhd' }
    const added = await builder.send('PATCH', `${TEMPLATES}/patched`, {
      properties: { distribute: [vhd, gallery] },
    })
    expect(added.status).toBe(202)
    expect(added.headers['location']).toBe(added.headers['azure-asyncoperation'])
    expect((await builder.ended(added)).status).toBe('Succeeded')
    expect((await builder.get('patched')).properties.distribute).toHaveLength(2)

    const dropped = await builder.send('PATCH', `${TEMPLATES}/patched`, { properties: { distribute: [vhd] } })
    expect(dropped.status).toBe(400)
    expect((dropped.body as { error: Failure }).error.message).toMatch(
      /Distribute target with Runoutput name gallery not found in the update request/,
    )
  })

  test('a new identity has to reach the targets too', async () => {
    await builder.create('re-identified', templateBody({ distribute: [gallery] }))
    const identity = (id: string) => ({ type: 'UserAssigned', userAssignedIdentities: { [id]: {} } })
    const change = async (id: string) =>
      await builder.ended(
        await builder.send('PATCH', `${TEMPLATES}/re-identified`, { identity: identity(id) }),
      )
    expect((await change(READER)).status).toBe('Succeeded')
    expect((await change(POWERLESS)).error?.code).toBe('Unauthorized')
  })
})

describe('deleting a template', () => {
  test('takes staging group, account, logs and run outputs along', async () => {
    await builder.build('deleted', {})
    const { world, blobs } = builder.azure
    const { properties, id } = await builder.get('deleted')
    const group = properties.exactStagingResourceGroup
    const account = stagingAccount(builder.azure, group)
    expect(await blobs.list(account)).not.toEqual([])

    const answer = await builder.send('DELETE', `${TEMPLATES}/deleted`)
    expect(answer.headers['location']).toBe(answer.headers['azure-asyncoperation'])
    expect((await builder.ended(answer)).status).toBe('Succeeded')
    expect((await builder.send('GET', `${TEMPLATES}/deleted`)).status).toBe(404)
    expect(ids(world.resources.all()).filter((one) => one.startsWith(group.toLowerCase()))).toEqual([])
    expect(ids(world.resources.all()).filter((one) => one.startsWith(id.toLowerCase()))).toEqual([])
    expect(await blobs.list(account)).toEqual([])
    expect([...world.imageFileSystems.keys()].filter((key) => key.includes(account))).toEqual([])
  })

  test('answers 204 when there is none', async () => {
    expect((await builder.send('DELETE', `${TEMPLATES}/never-made`)).status).toBe(204)
  })

  test('keeps a staging group of the user’s own, emptied', async () => {
    const { world } = builder.azure
    const id = `${SUBSCRIPTION}/resourceGroups/rg-own-staging`
    world.resources.put({
      id,
      name: 'rg-own-staging',
      type: 'Microsoft.Resources/resourceGroups',
      location: 'eastus',
      tags: { team: 'a' },
      properties: {},
    })
    world.roleAssignments.push({
      principalId: '94e6b0d8-2f71-4a3c-8d5e-7c1b9a0f3e62',
      scope: id,
      actions: ['*'],
    })
    await builder.create('own-staging', templateBody({ stagingResourceGroup: id }))
    expect(world.resources.get(id)?.tags).toMatchObject({ team: 'a', imageTemplateName: 'own-staging' })

    await builder.ended(await builder.send('DELETE', `${TEMPLATES}/own-staging`))
    expect(world.resources.get(id)?.tags).toEqual({ team: 'a' })
    expect(ids(world.resources.all()).filter((one) => one.startsWith(`${id.toLowerCase()}/`))).toEqual([])
  })
})
