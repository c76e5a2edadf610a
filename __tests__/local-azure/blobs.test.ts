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
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Blobs } from '../../local-azure/parts.ts'
import { defaultSeed } from '../../local-azure/seed.ts'
import type { Principal } from '../../local-azure/world.ts'
import { send, startAccessWithBlobs, type Access, type Answer } from './access-support.ts'

const ACCOUNT = 'stcontosobuild'
const KEYLESS = 'stcontosokeyless'
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
beforeEach(() => access.blobs.clear(ACCOUNT))

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
    await expect(container.create({ access: 'blob' })).rejects.toMatchObject({
      code: 'PublicAccessNotPermitted',
    })
  })
})

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
