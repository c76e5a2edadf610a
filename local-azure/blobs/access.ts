/**
 * Who may do what to blobs: the part of Azure Storage's authorization that Azurite leaves out. Pure but for the
 * secrets it notes: it reads a request's line and headers, never its body.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { letsIn, originOf } from './firewall.ts'
import type { TokenAuthority } from '../parts.ts'
import { storageRefusals as refuse, type StorageRefusal } from './storage-errors.ts'
import type { Principal, Resource, World } from '../world.ts'

/** A request as the blob service's path style spells it: `/account/container/blob?query`. */
export interface BlobRequest {
  method: string
  /** Path and query, as sent. */
  target: string
  headers: IncomingHttpHeaders
  account: string
  container: string | undefined
  blob: string | undefined
  query: URLSearchParams
}

/** What a caller needs: one of `operations`, as data or control action, at the container or the account. */
interface Need {
  kind: 'data' | 'control'
  operations: string[]
}

const ACCOUNT_TYPE = 'Microsoft.Storage/storageAccounts'
const SERVICE = `${ACCOUNT_TYPE}/blobServices`
const CONTAINERS = `${SERVICE}/containers`
const BLOBS = `${CONTAINERS}/blobs`
/** Bearer tokens work from this API version on; without a version the service assumes an older one (documented). */
const FIRST_BEARER_VERSION = '2017-11-09'
/** Anonymous requests of this API version on are answered with a bearer challenge (documented). */
const FIRST_CHALLENGE_VERSION = '2019-12-12'

export function parseBlobRequest(method: string, target: string, headers: IncomingHttpHeaders): BlobRequest {
  const url = new URL(target, 'https://localhost')
  const [account = '', container, ...blob] = url.pathname.slice(1).split('/').map(decodeURIComponent)
  return {
    method,
    target,
    headers,
    account,
    container: container === '' ? undefined : container,
    blob: blob.length > 0 ? blob.join('/') : undefined,
    query: url.searchParams,
  }
}

/** Notes a SAS signature as a secret, in both its spellings. */
export function rememberSignature(world: World, query: URLSearchParams): void {
  const signature = query.get('sig')
  if (!signature) return
  world.secrets.add(signature)
  world.secrets.add(encodeURIComponent(signature))
}

/** Why Azure would refuse this request before it looks at the blob; undefined if it would not. */
export async function findRefusal(
  world: World,
  entra: TokenAuthority,
  request: BlobRequest,
): Promise<StorageRefusal | undefined> {
  if (!letsIn(world, request.account, originOf(request.headers))) return refuse.firewall()
  // That this is said before it is asked who calls is assumed.
  const opens = request.headers['x-ms-blob-public-access'] !== undefined
  if (opens && !allowsPublicAccess(world, request.account)) return refuse.publicAccess()
  const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme === 'Bearer') return await judgeBearer(world, entra, request, credentials)
  if (scheme !== '') return judgeKey(world, request)
  if (request.query.has('sig')) return judgeSas(world, request)
  const mayPass = allowsPublicAccess(world, request.account) && isForEverybody(request)
  return mayPass ? undefined : refuseAnonymous(world, request)
}

/** Whether a request says nothing of who it comes from. */
export function isAnonymous({ headers, query }: BlobRequest): boolean {
  return headers.authorization === undefined && !query.has('sig')
}

/** What an anonymous request hears that reaches for something not public. */
export function refuseAnonymous(world: World, request: BlobRequest): StorageRefusal {
  if (versionOf(request) >= FIRST_CHALLENGE_VERSION) return refuse.noAuthentication(world.seed.tenantId)
  return allowsPublicAccess(world, request.account) ? refuse.resourceNotFound() : refuse.publicAccess()
}

/**
 * Whether a public container answers such a request to everybody, as far as its line tells (documented): it reads,
 * and neither the container's permissions nor blocks that are not committed. Azurite knows which container is public,
 * and how far; in one that is, it lets a read pass whose key or SAS signature is wrong.
 */
function isForEverybody({ method, container, query }: BlobRequest): boolean {
  if (!isRead(method) || container === undefined || query.get('comp') === 'acl') return false
  return query.get('comp') !== 'blocklist' || (query.get('blocklisttype') ?? 'committed') === 'committed'
}

async function judgeBearer(
  world: World,
  entra: TokenAuthority,
  request: BlobRequest,
  token: string,
): Promise<StorageRefusal | undefined> {
  if (versionOf(request) < FIRST_BEARER_VERSION) return refuse.bearerUnsupported()
  const audiences = ['https://storage.azure.com', `https://${request.account}.blob.core.windows.net`]
  const verdict = await entra.verify(token, audiences)
  if ('code' in verdict) return refuse.invalidToken(verdict.code, world.seed.tenantId)
  return judgeRights(world, request, verdict)
}

function judgeKey(world: World, request: BlobRequest): StorageRefusal | undefined {
  return allowsSharedKey(world, request.account) ? undefined : refuse.keyAuthentication()
}

/** A SAS by account key is as good as the key; one by user delegation key is worth its signer's rights at most. */
function judgeSas(world: World, request: BlobRequest): StorageRefusal | undefined {
  const signer = request.query.get('skoid')
  const byKey = signer === null ? judgeKey(world, request) : undefined
  if (byKey) return byKey
  const frame = timeFrame(request.query)
  const now = world.now()
  if (now < frame.start || now >= frame.expiry) return refuse.outsideTimeFrame(frame, now)
  return signer === null ? undefined : judgeRights(world, request, { objectId: signer, clientId: '' })
}

function judgeRights(world: World, request: BlobRequest, principal: Principal): StorageRefusal | undefined {
  const account = accountId(world, request.account)
  if (account === undefined) return refuse.resourceNotFound()
  const scope = request.container
    ? `${account}/blobServices/default/containers/${request.container}`
    : account
  const { kind, operations } = needOf(request)
  const isAllowed = operations.some((operation) =>
    kind === 'data'
      ? world.allowsData(principal, operation, scope)
      : world.allows(principal, operation, scope),
  )
  return isAllowed ? undefined : refuse.permissionMismatch()
}

/**
 * Azure operation names by request ("Permissions for Blob service operations", documented). Those of a container are
 * control actions: a role has them in its `actions`. Reading and setting its permissions by token works since August
 * 2025 (documented).
 */
function needOf(request: BlobRequest): Need {
  if (request.blob !== undefined) return { kind: 'data', operations: blobOperations(request) }
  if (request.container === undefined) return { kind: 'control', operations: [serviceOperation(request)] }
  if (request.query.get('comp') === 'list') return { kind: 'data', operations: [`${BLOBS}/read`] }
  return { kind: 'control', operations: [containerOperation(request)] }
}

function serviceOperation({ method, query }: BlobRequest): string {
  const comp = query.get('comp')
  if (comp === 'userdelegationkey') return `${SERVICE}/generateUserDelegationKey/action`
  if (comp === 'list') return `${CONTAINERS}/read`
  if (query.get('restype') === 'account') return `${SERVICE}/getInfo/action`
  return isRead(method) ? `${SERVICE}/read` : `${SERVICE}/write`
}

function containerOperation({ method, query }: BlobRequest): string {
  if (query.get('comp') === 'acl') return `${CONTAINERS}/${isRead(method) ? 'getAcl' : 'setAcl'}/action`
  if (method === 'DELETE') return `${CONTAINERS}/delete`
  return isRead(method) ? `${CONTAINERS}/read` : `${CONTAINERS}/write`
}

/** `add` is enough where a request cannot change what is there: a blob that must be new, an appended block. */
function blobOperations({ method, query, headers }: BlobRequest): string[] {
  const comp = query.get('comp')
  if (comp === 'tags') return [`${BLOBS}/tags/${isRead(method) ? 'read' : 'write'}`]
  if (method === 'DELETE') return [`${BLOBS}/delete`]
  if (isRead(method)) return [`${BLOBS}/read`]
  const adds = comp === 'appendblock' || (comp === null && headers['if-none-match'] === '*')
  return adds ? [`${BLOBS}/write`, `${BLOBS}/add/action`] : [`${BLOBS}/write`]
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** The API version that a request asks for; empty without one. */
export function versionOf(request: BlobRequest): string {
  return String(request.headers['x-ms-version'] ?? '')
}

/** Start and expiry of a SAS in milliseconds; a missing one does not limit. */
function timeFrame(query: URLSearchParams): { start: number; expiry: number } {
  const at = (name: string, otherwise: number): number => {
    const time = Date.parse(query.get(name) ?? '')
    return Number.isNaN(time) ? otherwise : time
  }
  return { start: at('st', -Infinity), expiry: at('se', Infinity) }
}

function accountId(world: World, name: string): string | undefined {
  const { subscriptionId, storageAccounts } = world.seed
  const seeded = storageAccounts.find((account) => account.name === name)
  return (
    accountResource(world, name)?.id ??
    (seeded &&
      `/subscriptions/${subscriptionId}/resourceGroups/${seeded.resourceGroup}/providers/${ACCOUNT_TYPE}/${name}`)
  )
}

function allowsSharedKey(world: World, name: string): boolean {
  const seeded = world.seed.storageAccounts.find((account) => account.name === name)
  const setting = accountResource(world, name)?.properties['allowSharedKeyAccess']
  return (setting ?? seeded?.allowSharedKeyAccess) !== false
}

/** Nothing changes it while a local Azure runs, so its seed is asked. */
function allowsPublicAccess(world: World, name: string): boolean {
  const seeded = world.seed.storageAccounts.find((account) => account.name === name)
  return seeded?.allowBlobPublicAccess === true
}

function accountResource(world: World, name: string): Resource | undefined {
  return world.resources.list(ACCOUNT_TYPE).find((account) => account.name === name)
}
