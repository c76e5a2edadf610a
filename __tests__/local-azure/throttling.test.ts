import { afterEach, describe, expect, test } from '@jest/globals'
import type { RequestBucket } from '../../local-azure/world.ts'
import {
  DEPLOYER,
  GROUP,
  openArm,
  SUBSCRIPTION,
  type Answer,
  type Arm,
  type ArmOptions,
} from './arm-client.ts'
import { SUBSCRIPTION_ID } from '../../local-azure/seed.ts'

const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild?api-version=2023-01-01`
const KEYS = ACCOUNT.replace('?', '/listKeys?')
const ABSENT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stabsent?api-version=2023-01-01`

let open: Arm[] = []
afterEach(async () => {
  for (const arm of open) await arm.close()
  open = []
})
/** Buckets that nothing comes back to while a test lasts, unless it says so. */
async function arm(limits: Record<string, RequestBucket> = {}, options: ArmOptions = {}): Promise<Arm> {
  const seed: ArmOptions['seed'] = ({ roleAssignments }) =>
    roleAssignments.push({ principalId: DEPLOYER.objectId, scope: SUBSCRIPTION, actions: ['*'] })
  const one = await openArm({ speed: 1e-6, seed, ...options })
  one.world.options.limits = { requests: limits }
  open.push(one)
  return one
}
async function statuses(ask: () => Promise<Answer>, times: number): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < times; i += 1) all.push((await ask()).status)
  return all
}
const few = (bucket: number): RequestBucket => ({ bucket, perSecond: 1 })

describe('requests to Resource Manager', () => {
  test('are as many as documented', async () => {
    const { get, send } = await arm()
    const left = async (method: string, target: string, kind: string): Promise<unknown> =>
      (await send(method, target)).headers[`x-ms-ratelimit-remaining-subscription-${kind}`]
    expect(await left('GET', ACCOUNT, 'reads')).toBe('249')
    expect(await left('GET', ACCOUNT, 'reads')).toBe('248')
    expect(await left('POST', KEYS, 'writes')).toBe('199')
    expect(await left('DELETE', ABSENT, 'deletes')).toBe('199')
    await Promise.all(Array.from({ length: 248 }, () => get(ACCOUNT)))
    expect((await get(ACCOUNT)).status).toBe(429)
    expect((await send('POST', KEYS)).status).toBe(200)
  })

  test.each([
    ['reads', 'GET', ACCOUNT, 200, 'read'],
    ['writes', 'POST', KEYS, 200, 'write'],
    ['deletes', 'DELETE', ABSENT, 501, 'delete'],
  ])('%s: one too many is refused, in Azure’s words', async (kind, method, target, usual, word) => {
    const { send, world } = await arm({ [kind]: { bucket: 2, perSecond: 0.2 } }, { speed: 1 })
    expect(await statuses(() => send(method, target), 2)).toEqual([usual, usual])
    const refused = await send(method, target)
    expect(refused.status).toBe(429)
    expect(refused.headers).toMatchObject({
      'retry-after': '10',
      [`x-ms-ratelimit-remaining-subscription-${kind}`]: '0',
    })
    expect(refused.body).toEqual({
      error: {
        code: 'SubscriptionRequestsThrottled',
        message:
          `Number of '${word}' requests for subscription '${SUBSCRIPTION_ID}' actor '${DEPLOYER.objectId}' exceeded. ` +
          "Please try again after '10' seconds after additional tokens are available. Refer to " +
          'https://aka.ms/arm-throttling for additional information.',
      },
    })
    expect(world.exchanges.map(({ status }) => status)).toEqual([usual, usual, 429])
  })

  test('come back by the second, faster as the service is, up to the size of the bucket', async () => {
    const { get, world } = await arm({ reads: few(3) })
    let now = Date.now()
    world.now = () => now
    world.options.speed = 10
    expect(await statuses(() => get(ACCOUNT), 5)).toEqual([200, 200, 200, 429, 429])
    now += 250
    // What was refused has taken nothing.
    expect(await statuses(() => get(ACCOUNT), 3)).toEqual([200, 200, 429])
    now += 60_000
    expect(await statuses(() => get(ACCOUNT), 4)).toEqual([200, 200, 200, 429])
  })

  test('are counted for each principal, refused ones too, and not without a token', async () => {
    const { entra, send, get } = await arm({ reads: few(2) })
    const stranger = { clientId: 'stranger', objectId: 'a1b2c3d4-stranger' }
    const authorization = `Bearer ${await entra.issue(stranger, 'https://management.azure.com')}`
    const strange = (): Promise<Answer> => send('GET', ACCOUNT, { authorization })
    expect(await statuses(strange, 3)).toEqual([403, 403, 429])
    const anonymous = (): Promise<Answer> => send('GET', ACCOUNT, { authorization: '' })
    expect(await statuses(anonymous, 3)).toEqual([401, 401, 401])
    expect(await statuses(() => get(ACCOUNT), 3)).toEqual([200, 200, 429])
  })

  test('that name no subscription are the tenant’s', async () => {
    const { get } = await arm({ reads: few(1) })
    const tenant = await get('/providers/Microsoft.Storage?api-version=2021-04-01')
    expect(tenant.headers).toMatchObject({ 'x-ms-ratelimit-remaining-tenant-reads': '0' })
    expect((await get(`${SUBSCRIPTION}/resourceGroups?api-version=2021-04-01`)).status).toBe(200)
    const refused = await get('/providers/Microsoft.Storage?api-version=2021-04-01')
    expect(refused.body).toMatchObject({ error: { code: 'TenantRequestsThrottled' } })
  })
})
