/** Resource Manager over real HTTPS for tests: a fresh world each time, with the real token authority. */
import { request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { makeTokenAuthority } from '../../local-azure/entra/access-tokens.ts'
import { armRoutes } from '../../local-azure/resource-manager/routes.ts'
import { serveResourceManager } from '../../local-azure/resource-manager/front-door.ts'
import { makeCertificates } from '../../local-azure/certificates.ts'
import { makeSigner } from '../../local-azure/jwt.ts'
import type { Blobs, TokenAuthority } from '../../local-azure/parts.ts'
import { plantSeed } from '../../local-azure/resource-manager/plant.ts'
import { CLIENT_ID, defaultSeed, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { World, worldOptions, type Principal } from '../../local-azure/world.ts'

export const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
export const GROUP = `${SUBSCRIPTION}/resourceGroups/rg-images`
export const DEPLOYER: Principal = {
  clientId: CLIENT_ID,
  objectId: defaultSeed().applications[0]?.objectId ?? '',
}

/** Keys take longest to make and hold no state: one set a test file. */
const [signer, certificates] = await Promise.all([makeSigner(), makeCertificates()])

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The parsed body; undefined when it is empty. */
  body: unknown
}

export interface Arm {
  world: World
  entra: TokenAuthority
  /** Accounts emptied so far. */
  cleared: string[]
  url: string
  /** Sends a request as the deployer unless `headers` say otherwise; `authorization: ''` sends none. */
  send: (method: string, target: string, headers?: Record<string, string>) => Promise<Answer>
  get: (target: string) => Promise<Answer>
  close: () => Promise<void>
}

export interface ArmOptions {
  seed?: (seed: Seed) => void
  /** Default: so fast that background work ends between two requests or soon after. */
  speed?: number
  accessTokenLifetimeSeconds?: number
}

/** Opens a Resource Manager of its own for one test. */
export async function openArm(options: ArmOptions = {}): Promise<Arm> {
  const seed = defaultSeed()
  // More of Compute than the action ever asks for.
  const { objectId: principalId } = DEPLOYER
  seed.roleAssignments.push({
    principalId,
    scope: SUBSCRIPTION,
    actions: ['Microsoft.Compute/locations/*/read', 'Microsoft.Compute/galleries/read'],
  })
  options.seed?.(seed)
  const { accessTokenLifetimeSeconds, speed = 1e6 } = options
  const lifetime = accessTokenLifetimeSeconds === undefined ? {} : { accessTokenLifetimeSeconds }
  const world = new World(seed, worldOptions({ speed, ...lifetime }))
  const entra = makeTokenAuthority(world, signer)
  const cleared: string[] = []
  plantSeed(world)
  const routes = armRoutes(world, memoryBlobs(cleared), [])
  const server = await serveResourceManager(world, certificates, entra, routes)
  const bearer = `Bearer ${await entra.issue(DEPLOYER, 'https://management.azure.com')}`

  const send: Arm['send'] = (method, target, headers = {}) => {
    const { authorization = bearer, ...others } = headers
    const all = { ...others, ...(authorization && { authorization }) }
    return exchange(server.url + target, { method, headers: all, ca: certificates.authority })
  }
  return {
    world,
    entra,
    cleared,
    url: server.url,
    send,
    get: (target) => send('GET', target),
    close: async () => {
      world.close()
      await world.settled()
      await server.close()
    },
  }
}

/** Reads on until the answer has `status`; work in the background sets the pace. */
export async function until(ask: () => Promise<Answer>, status: number): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (answer.status === status) return answer
  }
}

function exchange(
  url: string,
  options: { method: string; headers: Record<string, string>; ca: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const body: unknown = text === '' ? undefined : JSON.parse(text)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Stands in for Azurite, which these tests do not need: they are about accounts, not blobs. */
function memoryBlobs(cleared: string[]): Blobs {
  const unused = (): never => {
    throw new Error('Not a matter of Resource Manager.')
  }
  return {
    endpoint: (account) => `https://127.0.0.1:10000/${account}/`,
    ungated: unused,
    keys: (account) => [`${account}-key-1`, `${account}-key-2`],
    clear: (account) => {
      cleared.push(account)
      return Promise.resolve()
    },
    takeStagingAccount: unused,
    write: unused,
    read: unused,
    list: unused,
  }
}
