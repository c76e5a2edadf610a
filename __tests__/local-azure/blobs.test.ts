import type { TokenCredential } from '@azure/core-auth'
import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type BlobSASSignatureValues,
  type ContainerClient,
} from '@azure/storage-blob'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as sendRequest } from 'node:https'
import { connect } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Blobs } from '../../local-azure/parts.ts'
import { defaultSeed, type RoleAssignment } from '../../local-azure/seed.ts'
import type { Fault, Principal } from '../../local-azure/world.ts'
import { send, startAccessWithBlobs, type Access, type Answer } from './access-support.ts'

const ACCOUNT = 'stcontosobuild'
const KEYLESS = 'stcontosokeyless'
const PUBLIC = 'stcontosopublic'
const STORAGE = 'https://storage.azure.com'
const VERSION = { 'x-ms-version': '2026-02-06' }
const CONTAINERS = 'Microsoft.Storage/storageAccounts/blobServices/containers'

const seed = defaultSeed()
seed.storageAccounts.push({
  resourceGroup: 'rg-images',
  name: KEYLESS,
  location: 'eastus',
  allowSharedKeyAccess: false,
})
seed.storageAccounts.push({
  resourceGroup: 'rg-images',
  name: PUBLIC,
  location: 'eastus',
  allowBlobPublicAccess: true,
})
const deployer: Principal = seed.applications[0] ?? { objectId: '', clientId: '' }
const accountScope = `/subscriptions/${seed.subscriptionId}/resourceGroups/rg-images/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
const reader: Principal = { objectId: '0d2f8e3a-reader', clientId: 'reader' }
seed.roleAssignments.push({
  principalId: reader.objectId,
  scope: `${accountScope}/blobServices/default/containers/open`,
  actions: [],
  dataActions: [`${CONTAINERS}/blobs/read`],
})
const delegator: Principal = { objectId: '5b1c9d7e-delegator', clientId: 'delegator' }
seed.roleAssignments.push({
  principalId: delegator.objectId,
  scope: accountScope,
  actions: ['Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'],
})

let access: Access & { blobs: Blobs }
beforeAll(async () => {
  access = await startAccessWithBlobs({}, seed)
})
afterAll(() => access.close())
beforeEach(async () => {
  access.world.liftFaults()
  await access.blobs.clear(ACCOUNT)
})

/** The SDK's client, as the action makes it but for the authority that it trusts. */
function serviceOf(
  account: string,
  credential: TokenCredential | StorageSharedKeyCredential,
): BlobServiceClient {
  const options = { tlsOptions: { ca: access.authority }, retryOptions: { maxTries: 1 } }
  return new BlobServiceClient(access.blobs.endpoint(account), credential, options)
}

function signedIn(principal: Principal, audience = STORAGE): TokenCredential {
  return {
    getToken: async () => ({
      token: await access.entra.issue(principal, audience),
      expiresOnTimestamp: Date.now() + 60_000,
    }),
  }
}

async function bearer(principal: Principal, audience = STORAGE): Promise<Record<string, string>> {
  return { Authorization: `Bearer ${await access.entra.issue(principal, audience)}`, ...VERSION }
}

/** The URL of a blob with a SAS by user delegation key. */
async function delegated(
  principal: Principal,
  values: Partial<BlobSASSignatureValues> = {},
  account = ACCOUNT,
): Promise<string> {
  const [startsOn, expiresOn] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)]
  const key = await serviceOf(account, signedIn(principal)).getUserDelegationKey(startsOn, expiresOn)
  const signed = { containerName: 'open', blobName: 'a.txt', permissions: BlobSASPermissions.parse('r') }
  const limits = { protocol: SASProtocol.Https, startsOn, expiresOn }
  const query = generateBlobSASQueryParameters({ ...signed, ...limits, ...values }, key, account).toString()
  return `${access.blobs.endpoint(account)}open/a.txt?${query}`
}

function codeOf({ status, headers }: Answer): [number, unknown] {
  return [status, headers['x-ms-error-code']]
}

test('an upload as the action does it: container, stream, read-only SAS, download, delete', async () => {
  const content = randomBytes(9 * 1024 * 1024)
  const container: ContainerClient = serviceOf(ACCOUNT, signedIn(deployer)).getContainerClient('open')
  await container.createIfNotExists()
  await container.createIfNotExists()
  const blob = container.getBlockBlobClient('a.txt')
  await blob.uploadStream(Readable.from([content]), 4 * 1024 * 1024, 2)
  expect(await access.blobs.list(ACCOUNT)).toEqual(['open/a.txt'])
  const stored = await access.blobs.read(ACCOUNT, 'open', 'a.txt')
  expect(stored?.equals(content)).toBe(true)

  const url = await delegated(deployer)
  const [head, forbidden] = [
    await send(access, url, { method: 'HEAD' }),
    await send(access, url, { method: 'DELETE' }),
  ]
  expect(head.headers['content-length']).toBe(String(content.length))
  expect(codeOf(forbidden)).toEqual([403, 'AuthorizationPermissionMismatch'])

  await blob.delete()
  expect(await access.blobs.list(ACCOUNT)).toEqual([])
  expect(
    access.world.requests(/^PUT \/stcontosobuild\/open\?restype=container/).map(({ status }) => status),
  ).toEqual([201, 409])
})

test('what the local Azure does itself is written, read, listed and cleared, and not counted', async () => {
  const before = access.world.exchanges.length
  await access.blobs.write(ACCOUNT, 'one', 'x/y.log', 'text')
  await access.blobs.write(ACCOUNT, 'one', 'b', Buffer.from('more'))
  expect(await access.blobs.list(ACCOUNT)).toEqual(['one/b', 'one/x/y.log'])
  expect(String(await access.blobs.read(ACCOUNT, 'one', 'x/y.log'))).toBe('text')
  expect(await access.blobs.read(ACCOUNT, 'two', 'x')).toBeUndefined()
  await access.blobs.clear(ACCOUNT)
  expect(await access.blobs.list(ACCOUNT)).toEqual([])
  expect(access.world.exchanges).toHaveLength(before)
})

test('staging accounts are fresh, named as Image Builder names them, and work', async () => {
  const [one, two] = [access.blobs.takeStagingAccount(), access.blobs.takeStagingAccount()]
  expect(one).toMatch(/^[a-z0-9]{24}$/)
  expect(one).not.toBe(two)
  await access.blobs.write(one, 'packerlogs', 'a', 'b')
  expect(access.blobs.keys(one)).toHaveLength(2)
  expect(access.world.secrets).toContain(access.blobs.keys(one)[1])
})

describe('bearer tokens', () => {
  const url = (): string => `${access.blobs.endpoint(ACCOUNT)}open/a.txt`
  beforeEach(() => access.blobs.write(ACCOUNT, 'open', 'a.txt', 'text'))

  test('of the account alone are taken too', async () => {
    const headers = await bearer(deployer, `https://${ACCOUNT}.blob.core.windows.net`)
    expect((await send(access, url(), { headers })).text).toBe('text')
  })

  test.each(['https://management.azure.com', `https://${KEYLESS}.blob.core.windows.net`])(
    'for %s are refused with a challenge',
    async (audience) => {
      const answer = await send(access, url(), { headers: await bearer(deployer, audience) })
      expect(codeOf(answer)).toEqual([401, 'InvalidAuthenticationInfo'])
      expect(answer.headers['www-authenticate']).toBe(
        `Bearer authorization_uri=https://login.microsoftonline.com/${seed.tenantId}/oauth2/authorize resource_id=https://storage.azure.com`,
      )
      expect(answer.text).toContain(
        '<AuthenticationErrorDetail>Audience validation failed. Audience did not match.',
      )
    },
  )

  test('that expired or were tampered with are refused', async () => {
    const headers = await bearer(deployer)
    const tampered = { ...headers, Authorization: `${String(headers['Authorization']).slice(0, -6)}AAAAAA` }
    expect((await send(access, url(), { headers: tampered })).text).toContain('Signature validation failed.')
    access.world.options.accessTokenLifetimeSeconds = 0
    const expired = await bearer(deployer)
    access.world.options.accessTokenLifetimeSeconds = 3600
    expect((await send(access, url(), { headers: expired })).text).toContain(
      'Lifetime validation failed. The token is expired.',
    )
  })

  test('without an API version are refused', async () => {
    const { Authorization = '' } = await bearer(deployer)
    const answer = await send(access, url(), { headers: { Authorization } })
    expect(codeOf(answer)).toEqual([403, 'AuthenticationFailed'])
    expect(answer.text).toContain('Authentication scheme Bearer is not supported in this version.')
  })

  test('do what their principal may, in the container where it may', async () => {
    await access.blobs.write(ACCOUNT, 'other', 'a.txt', 'text')
    const headers = await bearer(reader)
    const ask = async (target: string, method: string, more: Record<string, string> = {}): Promise<unknown> =>
      codeOf(
        await send(access, `${access.blobs.endpoint(ACCOUNT)}${target}`, {
          method,
          headers: { ...headers, ...more },
        }),
      )
    const refused = [403, 'AuthorizationPermissionMismatch']
    expect(await ask('open/a.txt', 'GET')).toEqual([200, undefined])
    expect(await ask('open?restype=container&comp=list', 'GET')).toEqual([200, undefined])
    expect(await ask('other/a.txt', 'GET')).toEqual(refused)
    expect(await ask('open/a.txt', 'DELETE')).toEqual(refused)
    expect(await ask('open/b.txt', 'PUT', { 'x-ms-blob-type': 'BlockBlob' })).toEqual(refused)
    expect(await ask('open?restype=container', 'DELETE')).toEqual(refused)
    expect(await ask('new?restype=container', 'PUT')).toEqual(refused)
    expect(await ask('?comp=list', 'GET')).toEqual(refused)
    expect(await ask('?restype=service&comp=userdelegationkey', 'POST')).toEqual(refused)
  })

  test('of an account that is gone find nothing', async () => {
    const endpoint = access.blobs.endpoint(access.blobs.takeStagingAccount())
    const answer = await send(access, `${endpoint}open/a.txt`, { headers: await bearer(deployer) })
    expect(codeOf(answer)).toEqual([404, 'ResourceNotFound'])
  })
})

describe('shared access signatures', () => {
  beforeEach(() => access.blobs.write(ACCOUNT, 'open', 'a.txt', 'text'))

  test('by user delegation key read the blob, and key and signature are secrets', async () => {
    const url = await delegated(deployer)
    const signature = new URL(url).searchParams.get('sig') ?? ''
    expect((await send(access, url)).text).toBe('text')
    expect(access.world.secrets).toContain(signature)
    expect(access.world.secrets).toContain(encodeURIComponent(signature))
    const until = new Date(Date.now() + 600_000)
    const key = await serviceOf(ACCOUNT, signedIn(deployer)).getUserDelegationKey(new Date(), until)
    expect(access.world.secrets).toContain(key.value)
  })

  test('by user delegation key give no more than their signer has', async () => {
    expect(codeOf(await send(access, await delegated(delegator)))).toEqual([
      403,
      'AuthorizationPermissionMismatch',
    ])
  })

  test('that expired name their time frame', async () => {
    const startsOn = new Date('2026-01-02T03:04:05Z')
    const expiresOn = new Date('2026-01-02T04:04:05Z')
    const answer = await send(access, await delegated(deployer, { startsOn, expiresOn }))
    expect(codeOf(answer)).toEqual([403, 'AuthenticationFailed'])
    expect(answer.text).toContain(
      'Signature not valid in the specified time frame: Start [Fri, 02 Jan 2026 03:04:05 GMT] - Expiry [Fri, 02 Jan 2026 04:04:05 GMT] - Current [',
    )
  })

  test('whose text was changed are refused', async () => {
    const url = (await delegated(deployer)).replace('sp=r', 'sp=rd')
    const answer = await send(access, url, { method: 'DELETE' })
    expect(codeOf(answer)).toEqual([403, 'AuthenticationFailed'])
    expect(answer.text).toContain('Signature did not match.')
  })

  test('and everything else by account key are refused where keys are switched off', async () => {
    const credential = new StorageSharedKeyCredential(KEYLESS, access.blobs.keys(KEYLESS)[0])
    const values = {
      containerName: 'open',
      blobName: 'a.txt',
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + 60_000),
    }
    const query = generateBlobSASQueryParameters(values, credential).toString()
    const answer = await send(access, `${access.blobs.endpoint(KEYLESS)}open/a.txt?${query}`)
    expect(codeOf(answer)).toEqual([403, 'KeyBasedAuthenticationNotPermitted'])
    await expect(serviceOf(KEYLESS, credential).getContainerClient('open').create()).rejects.toMatchObject({
      statusCode: 403,
      code: 'KeyBasedAuthenticationNotPermitted',
    })
    const byToken = serviceOf(KEYLESS, signedIn(deployer)).getContainerClient('open')
    expect((await byToken.create())._response.status).toBe(201)
    await access.blobs.write(KEYLESS, 'open', 'a.txt', 'text')
    expect((await send(access, await delegated(deployer, {}, KEYLESS))).text).toBe('text')
  })

  test('by account key work elsewhere, and a wrong key is refused', async () => {
    const right = new StorageSharedKeyCredential(ACCOUNT, access.blobs.keys(ACCOUNT)[1])
    const wrong = new StorageSharedKeyCredential(ACCOUNT, access.blobs.keys(KEYLESS)[0])
    expect((await serviceOf(ACCOUNT, right).getContainerClient('made').create())._response.status).toBe(201)
    await expect(serviceOf(ACCOUNT, wrong).getContainerClient('not').create()).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthenticationFailed',
    })
  })
})

describe('anonymous requests', () => {
  test('are refused, old and new ones in their own way', async () => {
    await access.blobs.write(ACCOUNT, 'open', 'a.txt', 'text')
    const url = `${access.blobs.endpoint(ACCOUNT)}open/a.txt`
    expect(codeOf(await send(access, url))).toEqual([409, 'PublicAccessNotPermitted'])
    expect(codeOf(await send(access, url, { headers: VERSION }))).toEqual([
      401,
      'NoAuthenticationInformation',
    ])
  })

  test('cannot be allowed', async () => {
    const container = serviceOf(ACCOUNT, signedIn(deployer)).getContainerClient('public')
    const refused = { code: 'PublicAccessNotPermitted' }
    await expect(container.create({ access: 'blob' })).rejects.toMatchObject(refused)
    await container.create()
    await expect(container.setAccessPolicy('container')).rejects.toMatchObject(refused)
    expect((await container.getAccessPolicy()).blobPublicAccess).toBeUndefined()
  })
})

describe('public containers, where the account allows them', () => {
  /** The codes that anonymous requests get: for a blob, the list of blobs, the container's permissions. */
  const askAnonymously = async (headers: Record<string, string>): Promise<unknown[]> => {
    const targets = ['seen/a.txt', 'seen?restype=container&comp=list', 'seen?restype=container&comp=acl']
    const answers = targets.map((target) =>
      send(access, `${access.blobs.endpoint(PUBLIC)}${target}`, { headers }),
    )
    return (await Promise.all(answers)).map((answer) => codeOf(answer))
  }
  const open = [200, undefined]
  const closed = [401, 'NoAuthenticationInformation']

  test('are made and shown as such, serve everybody, and can be made private', async () => {
    const container = serviceOf(PUBLIC, signedIn(deployer)).getContainerClient('seen')
    await container.create({ access: 'blob' })
    await access.blobs.write(PUBLIC, 'seen', 'a.txt', 'text')
    expect((await container.getProperties()).blobPublicAccess).toBe('blob')
    expect((await container.getAccessPolicy()).blobPublicAccess).toBe('blob')
    expect(await askAnonymously(VERSION)).toEqual([open, closed, closed])

    await container.setAccessPolicy('container')
    expect((await container.getProperties()).blobPublicAccess).toBe('container')
    expect(await askAnonymously(VERSION)).toEqual([open, open, closed])

    await container.setAccessPolicy()
    expect((await container.getProperties()).blobPublicAccess).toBeUndefined()
    expect(await askAnonymously(VERSION)).toEqual([closed, closed, closed])
    const hidden = [404, 'ResourceNotFound']
    expect(await askAnonymously({})).toEqual([hidden, hidden, hidden])
  })

  test('show everybody no block that is not committed, and let nobody write', async () => {
    const container = serviceOf(PUBLIC, signedIn(deployer)).getContainerClient('staged')
    await container.create({ access: 'container' })
    await access.blobs.write(PUBLIC, 'staged', 'a.txt', 'text')
    const ask = async (query: string, method = 'GET'): Promise<unknown> => {
      const url = `${access.blobs.endpoint(PUBLIC)}staged/a.txt?${query}`
      return codeOf(await send(access, url, { method, headers: VERSION }))
    }
    expect(await ask('comp=blocklist')).toEqual(open)
    expect(await ask('comp=blocklist&blocklisttype=uncommitted')).toEqual(closed)
    expect(await ask('comp=blocklist&blocklisttype=all')).toEqual(closed)
    expect(await ask('comp=metadata', 'PUT')).toEqual(closed)
    expect(await ask('', 'DELETE')).toEqual(closed)
  })
})

/** A request of the deployer's, at a path below the account. */
async function put(
  target: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Promise<Answer> {
  return await send(access, `${access.blobs.endpoint(ACCOUNT)}${target}`, {
    method: 'PUT',
    headers: { ...(await bearer(deployer)), ...headers },
    body,
  })
}

function blockTarget(id: string): string {
  return `open/a.bin?comp=block&blockid=${encodeURIComponent(Buffer.from(id).toString('base64'))}`
}

function listOf(...ids: string[]): string {
  const latest = ids.map((id) => `<Latest>${Buffer.from(id).toString('base64')}</Latest>`)
  return `<?xml version="1.0" encoding="utf-8"?><BlockList>${latest.join('')}</BlockList>`
}

function md5(content: string | Buffer): string {
  return createHash('md5').update(content).digest('base64')
}

describe('what an uploader does needs', () => {
  const blobs = `${CONTAINERS}/blobs`
  const xml = listOf('b1')
  const cases: [string, string, string, keyof Pick<RoleAssignment, 'actions' | 'dataActions'>, string][] = [
    ['Create Container', 'PUT new?restype=container', '', 'actions', `${CONTAINERS}/write`],
    ['Get Container Properties', 'GET open?restype=container', '', 'actions', `${CONTAINERS}/read`],
    [
      'Get Container ACL',
      'GET open?restype=container&comp=acl',
      '',
      'actions',
      `${CONTAINERS}/getAcl/action`,
    ],
    [
      'Set Container ACL',
      'PUT open?restype=container&comp=acl',
      '',
      'actions',
      `${CONTAINERS}/setAcl/action`,
    ],
    ['Get Blob Properties', 'HEAD open/a.bin', '', 'dataActions', `${blobs}/read`],
    ['Get Block List', 'GET open/a.bin?comp=blocklist', '', 'dataActions', `${blobs}/read`],
    ['Put Block', `PUT ${blockTarget('b2')}`, 'text', 'dataActions', `${blobs}/write`],
    ['Put Block List', 'PUT open/a.bin?comp=blocklist', xml, 'dataActions', `${blobs}/write`],
    ['Set Blob Metadata', 'PUT open/a.bin?comp=metadata', '', 'dataActions', `${blobs}/write`],
    ['Put Blob', 'PUT open/b.bin', 'text', 'dataActions', `${blobs}/write`],
    ['Delete Blob', 'DELETE open/a.bin', '', 'dataActions', `${blobs}/delete`],
  ]
  const answers = async ([, line, body, kind, operation]: (typeof cases)[number]): Promise<{
    others: number
    own: boolean
  }> => {
    const others = cases.flatMap(([, , , otherKind, other]) =>
      otherKind === kind && other !== operation ? [other] : [],
    )
    const [method = '', target = ''] = line.split(' ')
    const ask = async (operations: string[]): Promise<number> => {
      const principal = { objectId: `${line} ${operations.join()}`, clientId: 'uploader' }
      const role = { actions: [], [kind]: operations }
      access.world.roleAssignments.push({ principalId: principal.objectId, scope: accountScope, ...role })
      const headers = { ...(await bearer(principal)), 'x-ms-blob-type': 'BlockBlob' }
      const url = `${access.blobs.endpoint(ACCOUNT)}${target}`
      return (await send(access, url, { method, headers, body })).status
    }
    return { others: await ask(others), own: [200, 201, 202].includes(await ask([operation])) }
  }

  test('the one right that it needs, and no other', async () => {
    await put('open?restype=container')
    await put(blockTarget('b1'), {}, 'text')
    await put('open/a.bin?comp=blocklist', {}, xml)
    const found: Record<string, object> = {}
    // One after the other: what is refused leaves everything as it was, and what deletes comes last.
    for (const asked of cases) found[asked[0]] = await answers(asked)
    expect(found).toEqual(Object.fromEntries(cases.map(([name]) => [name, { others: 403, own: true }])))
  })
})

describe('an upload is refused', () => {
  const blob = { 'x-ms-blob-type': 'BlockBlob' }
  const metadata = 'InvalidMetadata'
  const mib = 1024 * 1024
  const older = { 'x-ms-version': '2018-03-28' }
  const ids = Array.from({ length: 50_001 }, (_, i) => String(i).padStart(48))
  const aList = 'open/a.bin?comp=blocklist'
  const wrong = md5('other')
  const cases: [string, string, Record<string, string>, string, number, string][] = [
    ['a metadata name with a hyphen', 'open/a.bin', { ...blob, 'x-ms-meta-a-b': '1' }, '', 400, metadata],
    ['a metadata name like a number', aList, { 'x-ms-meta-1': '1' }, listOf(), 400, metadata],
    ['metadata beyond ASCII', 'open/a.bin?comp=metadata', { 'x-ms-meta-a': 'ü' }, '', 400, metadata],
    ['metadata without a name', aList, { 'x-ms-meta-': '1' }, listOf(), 400, 'EmptyMetadataKey'],
    ['too much metadata', aList, { 'x-ms-meta-a': 'x'.repeat(8192) }, listOf(), 400, 'MetadataTooLarge'],
    ['a block whose MD5 is another', blockTarget('a'), { 'Content-MD5': wrong }, 'text', 400, 'Md5Mismatch'],
    ['a blob whose MD5 is another', 'open/a', { ...blob, 'Content-MD5': wrong }, 'text', 400, 'Md5Mismatch'],
    ['a list whose MD5 is another', aList, { 'Content-MD5': wrong }, listOf(), 400, 'Md5Mismatch'],
    ['an MD5 that is none', blockTarget('a'), { 'Content-MD5': 'bWQ1' }, 'text', 400, 'InvalidMd5'],
    ['another CRC', blockTarget('a'), { 'x-ms-content-crc64': 'AQIDBAUGBwg=' }, 'text', 400, 'Crc64Mismatch'],
    ['a block ID that is too long', blockTarget('x'.repeat(65)), {}, 'text', 400, 'OutOfRangeInput'],
    ['too many blocks', aList, {}, listOf(...ids), 400, 'BlockListTooLong'],
    ['blocks that are not there', aList, {}, listOf(...ids.slice(1)), 400, 'InvalidBlockList'],
  ]
  test('for each of these, and leaves nothing', async () => {
    await put('open?restype=container')
    const found: Record<string, unknown> = {}
    for (const [what, target, headers, body] of cases) found[what] = codeOf(await put(target, headers, body))
    expect(found).toEqual(
      Object.fromEntries(cases.map(([what, , , , status, code]) => [what, [status, code]])),
    )
    expect(await access.blobs.list(ACCOUNT)).toEqual([])
  })

  test('for block IDs of unequal length', async () => {
    await put('open?restype=container')
    expect((await put(blockTarget('b1'), {}, 'text')).status).toBe(201)
    expect(codeOf(await put(blockTarget('b10'), {}, 'text'))).toEqual([400, 'InvalidBlobOrBlock'])
  })

  test.each<[string, string, Record<string, string>, number]>([
    ['a block', blockTarget('a'), {}, 4000 * mib],
    ['a block, with an older API', blockTarget('a'), older, 100 * mib],
    ['a blob', 'open/a.bin', blob, 5000 * mib],
    ['a blob, with an older API', 'open/a.bin', { ...blob, ...older }, 256 * mib],
  ])('for %s that is too large, by what it announces', async (_what, target, headers, most) => {
    await put('open?restype=container')
    const announce = async (size: number): Promise<unknown> => {
      const asked = { ...(await bearer(deployer)), ...headers, 'Content-Length': String(size) }
      const upload = sendRequest(`${access.blobs.endpoint(ACCOUNT)}${target}`, {
        method: 'PUT',
        headers: asked,
        ca: access.authority,
        agent: false,
      })
      upload.on('error', () => undefined).flushHeaders()
      const recorded = new Promise((resolve) => {
        const unwatch = access.world.watch(({ status }) => {
          unwatch()
          resolve(status)
        })
      })
      if (size <= most) upload.write('x', () => upload.destroy())
      const status = await recorded
      upload.destroy()
      return status
    }
    expect(await announce(most + 1)).toBe(413)
    // It breaks off, but for its size it is not refused.
    expect(await announce(most)).toBe(0)
  })
})

test('metadata up to 8 KiB and a right MD5 pass, and names keep their case', async () => {
  await put('open?restype=container')
  expect((await put(blockTarget('b1'), { 'Content-MD5': md5('text') }, 'text')).status).toBe(201)
  const list = listOf('b1')
  const headers = { 'Content-MD5': md5(list), 'x-ms-meta-aibDigest': 'x'.repeat(8192 - 'aibDigest'.length) }
  expect((await put('open/a.bin?comp=blocklist', headers, list)).status).toBe(201)
  const names = await new Promise<string[]>((resolve, reject) => {
    void bearer(deployer).then((authorization) => {
      const url = `${access.blobs.endpoint(ACCOUNT)}open/a.bin`
      const asked = { method: 'HEAD', headers: authorization, ca: access.authority, agent: false }
      sendRequest(url, asked, ({ rawHeaders }) => {
        resolve(rawHeaders)
      })
        .on('error', reject)
        .end()
    })
  })
  expect(names).toContain('x-ms-meta-aibDigest')
})

describe('a bad network', () => {
  const block = randomBytes(1024 * 1024)
  const match = 'PUT .*comp=block&'
  const stored = async (): Promise<Buffer | undefined> => {
    expect((await put('open/a.bin?comp=blocklist', {}, listOf('b1'))).status).toBe(201)
    return await access.blobs.read(ACCOUNT, 'open', 'a.bin')
  }
  beforeEach(() => put('open?restype=container'))

  test.each([1, 500_000, block.length])(
    'resets a connection after %i bytes of a body',
    async (afterBytes) => {
      access.world.addFault({ service: 'blob', match, respond: 'reset', afterBytes })
      const before = access.world.exchanges.length
      await expect(put(blockTarget('b1'), {}, block)).rejects.toMatchObject({
        code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/),
      })
      expect(access.world.exchanges.slice(before).map(({ status }) => status)).toEqual([0])
      expect(await access.blobs.list(ACCOUNT)).toEqual([])
      expect((await put(blockTarget('b1'), {}, block)).status).toBe(201)
      expect((await stored())?.equals(block)).toBe(true)
    },
  )

  test('answers in the middle of a body', async () => {
    access.world.addFault({ service: 'blob', match, respond: { status: 503 }, afterBytes: 1000 })
    expect((await put(blockTarget('b1'), {}, block)).status).toBe(503)
    expect(await access.blobs.list(ACCOUNT)).toEqual([])
  })

  test('lets a body pass that is shorter than where the fault is, and one that is refused', async () => {
    const fault: Fault = { service: 'blob', match, respond: 'reset', afterBytes: block.length + 1, times: 2 }
    access.world.addFault(fault)
    expect((await put(blockTarget('b1'), {}, block)).status).toBe(201)
    expect((await put(blockTarget('b1'), { 'x-ms-version': '2015-12-11' }, block)).status).toBe(403)
  })

  test('stalls in a body, or is slow until it is lifted, for the requests that match', async () => {
    access.world.addFault({ service: 'blob', match: 'blockid=YTE', respond: 'stall', afterBytes: 1000 })
    access.world.addBadLink({ match: 'blockid=YjE', bytesPerSecond: 1 })
    const struck = new Promise<number>((resolve) => {
      const unwatch = access.world.watch(({ status }) => {
        unwatch()
        resolve(status)
      })
    })
    const stalled = await startUpload(blockTarget('a1'))
    expect(await struck).toBe(0)
    const slow = await startUpload(blockTarget('b1'))
    // As long as one that goes through takes, and no further than what the connections' buffers hold.
    expect(await (await startUpload(blockTarget('b2'))).status).toBe(201)
    expect(stalled.taken()).toBeLessThan(UPLOAD_BYTES)
    expect(slow.taken()).toBeLessThan(UPLOAD_BYTES)
    // Of the stalled one no more is read, and no answer comes.
    stalled.abandon()
    await expect(stalled.status).rejects.toThrow()
    expect((await put('open/a.bin?comp=blocklist', {}, listOf('a1'))).status).toBe(400)
    access.world.liftFaults()
    expect(await slow.status).toBe(201)
    expect(await stored()).toHaveLength(UPLOAD_BYTES)
  })

  test('is as slow as it is said to be, for all requests together', async () => {
    const bytesPerSecond = 5_000_000
    access.world.addBadLink({ match, bytesPerSecond })
    const start = performance.now()
    await Promise.all(['b1', 'b2', 'b3'].map((id) => put(blockTarget(id), {}, block)))
    const seconds = (performance.now() - start) / 1000
    expect((3 * block.length) / seconds).toBeLessThan(bytesPerSecond * 1.01)
  })

  test('spoils a byte, which the MD5 of a block tells', async () => {
    access.world.addBadLink({ match, flipByteAt: 700_000, times: 2 })
    const headers = { 'Content-MD5': md5(block) }
    expect(codeOf(await put(blockTarget('b1'), headers, block))).toEqual([400, 'Md5Mismatch'])
    expect((await put(blockTarget('b1'), {}, block)).status).toBe(201)
    const spoiled = await stored()
    const differing = [...block.keys()].filter((i) => spoiled?.[i] !== block[i])
    expect(differing).toEqual([700_000])
    expect((await put(blockTarget('b1'), headers, block)).status).toBe(201)
    expect((await stored())?.equals(block)).toBe(true)
  })
})

/** Far more than the buffers of a connection hold. */
const UPLOAD_BYTES = 32 * 1024 * 1024

/** Begins a long upload: `taken` tells how many bytes of it are on their way or further. */
async function startUpload(
  target: string,
): Promise<{ status: Promise<number>; taken: () => number; abandon: () => void }> {
  const headers = { ...(await bearer(deployer)), 'Content-Length': String(UPLOAD_BYTES) }
  const url = `${access.blobs.endpoint(ACCOUNT)}${target}`
  const upload = sendRequest(url, { method: 'PUT', headers, ca: access.authority, agent: false })
  const status = new Promise<number>((resolve, reject) => {
    upload.once('error', reject)
    upload.once('response', (answer) => {
      resolve(answer.resume().statusCode ?? 0)
    })
  })
  let taken = 0
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  const source = function* (): Generator<Buffer> {
    for (; taken < UPLOAD_BYTES; taken += chunk.length) yield chunk
  }
  void pipeline(source, upload).catch(() => undefined)
  return { status, taken: () => taken, abandon: () => upload.destroy() }
}

describe('faults', () => {
  const created = async (name: string): Promise<boolean> => {
    await access.blobs.write(ACCOUNT, 'mark', 'x', '')
    const service = serviceOf(ACCOUNT, new StorageSharedKeyCredential(ACCOUNT, access.blobs.keys(ACCOUNT)[0]))
    return await service.getContainerClient(name).exists()
  }
  const create = async (name: string): Promise<Answer> =>
    await send(access, `${access.blobs.endpoint(ACCOUNT)}${name}?restype=container`, {
      method: 'PUT',
      headers: await bearer(deployer),
    })

  test('before the service acts keep the request from it', async () => {
    const body = '<?xml version="1.0"?><Error><Code>ServerBusy</Code></Error>'
    access.world.addFault({ service: 'blob', match: 'PUT .*/busy', respond: { status: 503, body } })
    const answer = await create('busy')
    expect([answer.status, answer.text]).toEqual([503, body])
    expect(await created('busy')).toBe(false)
    expect(access.world.requests(/\/busy\?restype/)[0]?.status).toBe(503)
  })

  test('after the service acted lose only the answer', async () => {
    access.world.addFault({ service: 'blob', match: 'PUT .*/lost', when: 'after', respond: 'reset' })
    await expect(create('lost')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await created('lost')).toBe(true)
  })

  test('watchers see an exchange before its answer leaves', async () => {
    const seen: string[] = []
    const unwatch = access.world.watch(({ target }) => void seen.push(target))
    await create('watched')
    unwatch()
    expect(seen).toEqual([`/${ACCOUNT}/watched?restype=container`])
  })
})

test('Azurite ends with a parent that was killed', async () => {
  const script = `
    import { mkdtempSync } from 'node:fs'
    import { startAzurite } from './local-azure/blobs/azurite.ts'
    import { makeCertificates } from './local-azure/certificates.ts'
    const azurite = await startAzurite(process.env.FOLDER, await makeCertificates(), new Map([['acc', ['eA==', 'eA==']]]))
    console.log(azurite.url)`
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: path.resolve(import.meta.dirname, '../..'),
    env: { FOLDER: path.join(access.folder, 'orphan') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const port = Number(new URL(line.toString('utf8').trim()).port)
  expect(await isListening(port)).toBe(true)
  parent.kill('SIGKILL')
  // Ends when nobody listens any more; jest's timeout tells of an orphan.
  while (await isListening(port)) await new Promise((resolve) => setImmediate(resolve))
})

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
