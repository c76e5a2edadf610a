import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import type { Fault, Service } from '../../local-azure/world.ts'
import { startImageBuilder, TEMPLATES, templateBody, type ImageBuilder } from './image-builder-client.ts'

let builder: ImageBuilder
let ca: string
let agent: Agent
beforeAll(async () => {
  builder = await startImageBuilder()
  ca = await readFile(builder.azure.caFile, 'utf8')
  agent = new Agent({ keepAlive: true, maxSockets: 1, ca })
})
afterEach(() => {
  builder.azure.world.liftFaults()
  builder.azure.world.options.build = {}
})
afterAll(async () => {
  agent.destroy()
  await builder.azure.close()
})

/** What comes of a request: the answer's length as its head says, the bytes that came, and how it ended. */
interface Outcome {
  status?: number
  length?: number
  received: number
  error?: string
}

/** Sends a request over a connection of its own, or over that of `by`. */
function ask(url: string, { method = 'GET', by }: { method?: string; by?: Agent } = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const outcome: Outcome = { received: 0 }
    const failed = (error: NodeJS.ErrnoException): void => {
      resolve({ ...outcome, error: error.code ?? error.message })
    }
    const sent = request(url, { method, ca, agent: by ?? false }, (response) => {
      outcome.status = response.statusCode ?? 0
      outcome.length = Number(response.headers['content-length'])
      response.on('data', (chunk: Buffer) => (outcome.received += chunk.length))
      response.on('error', failed)
      response.on('end', () => {
        resolve(outcome)
      })
    })
    sent.on('error', failed)
    sent.end()
  })
}

/** One request of each service that is answered with a body. */
function urlOf(service: Service): string {
  const { github, endpoints, blobs, world } = builder.azure
  const urls: Record<Service, string> = {
    github: `${github.idTokenRequestUrl}&audience=x`,
    entra: `${endpoints.authority}/${world.seed.tenantId}/v2.0/.well-known/openid-configuration`,
    'resource-manager': `${endpoints.resourceManager}${TEMPLATES}?api-version=2025-10-01`,
    blob: `${blobs.endpoint('stcontosobuild')}any/thing`,
    results: `${github.resultsUrl}/twirp`,
  }
  return urls[service]
}

const SERVICES: Service[] = ['github', 'entra', 'resource-manager', 'blob', 'results']

describe('an answer that is cut', () => {
  test.each(SERVICES)('by %s has all of its head and half of its body', async (service) => {
    const whole = await ask(urlOf(service))
    builder.azure.world.addFault({ service, match: '.', respond: 'cut' })
    const cut = await ask(urlOf(service))
    expect([cut.status, cut.length]).toEqual([whole.status, whole.length])
    expect(cut.received).toBe(Math.floor((whole.length ?? 0) / 2))
    expect(cut.error).toBe('ECONNRESET')
    expect(await ask(urlOf(service))).toEqual(whole)
  })

  test('is that of a service which acted, whenever the fault is said to strike', async () => {
    const fault: Fault = { service: 'resource-manager', match: 'PUT', when: 'before', respond: 'cut' }
    builder.azure.world.addFault(fault)
    await expect(builder.send('PUT', `${TEMPLATES}/cut`, templateBody())).rejects.toThrow()
    expect(builder.azure.world.requests(/PUT .*\/cut\?/)).toMatchObject([{ status: 201 }])
    await builder.until('cut', ({ provisioningState }) => provisioningState === 'Succeeded')
  })

  test('does not come at all without a body', async () => {
    await builder.create('none', templateBody())
    builder.azure.world.addFault({ service: 'resource-manager', match: 'DELETE', respond: 'cut' })
    await expect(builder.send('DELETE', `${TEMPLATES}/none`)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(builder.azure.world.requests(/DELETE .*\/none\?/)).toMatchObject([{ status: 202 }])
  })

  test('of a blob is the true one, and what was written is there', async () => {
    const { blobs, world } = builder.azure
    await blobs.write('stcontosobuild', 'cut', 'read', Buffer.alloc(100_001, 'x'))
    const credential = new StorageSharedKeyCredential('stcontosobuild', blobs.keys('stcontosobuild')[0])
    const options = { tlsOptions: { ca }, retryOptions: { maxTries: 1 } }
    const service = new BlobServiceClient(blobs.endpoint('stcontosobuild'), credential, options)
    const container = service.getContainerClient('cut')

    world.addFault({ service: 'blob', match: 'PUT .*/cut/written', respond: 'cut' })
    await expect(container.getBlockBlobClient('written').upload('x', 1)).rejects.toThrow()
    expect(await blobs.list('stcontosobuild')).toEqual(['cut/read', 'cut/written'])

    world.addFault({ service: 'blob', match: 'GET .*/cut/read', respond: 'cut' })
    const { contentLength, readableStreamBody } = await container.getBlobClient('read').download(0, 100_001, {
      maxRetryRequests: 0,
    })
    expect(contentLength).toBe(100_001)
    let received = 0
    readableStreamBody?.on('data', (chunk: Buffer) => (received += chunk.length))
    await expect(once(readableStreamBody ?? new EventEmitter(), 'end')).rejects.toThrow()
    expect(received).toBe(50_000)
  })
})

describe('connections that break', () => {
  const url = (): string => urlOf('resource-manager')

  test.each([
    ['handshake', 'ECONNRESET'],
    ['alert', 'EPROTO'],
    ['certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ] as const)('with how: %s end in %s, so many times', async (how, error) => {
    const { world } = builder.azure
    const before = world.exchanges.length
    const broken = world.breakConnections({ service: 'resource-manager', how, times: 2 })
    expect(await ask(url())).toEqual({ received: 0, error })
    expect((await ask(urlOf('entra'))).status).toBe(200)
    expect(await ask(url())).toEqual({ received: 0, error })
    expect(broken()).toBe(2)
    expect(world.exchanges.length - before).toBe(1)
    expect((await ask(url())).status).toBe(401)
  })

  test('meet a client that keeps its connection, too', async () => {
    const { world } = builder.azure
    expect((await ask(url(), { by: agent })).status).toBe(401)
    const [kept] = Object.values(agent.freeSockets).flat()
    const broken = world.breakConnections({ service: 'resource-manager', how: 'certificate' })
    // Sooner than one that idles would be closed anyway.
    if (kept && !kept.destroyed) await once(kept, 'close', { signal: AbortSignal.timeout(4_000) })
    expect((await ask(url(), { by: agent })).error).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    expect((await ask(url(), { by: agent })).status).toBe(401)
    expect(broken()).toBe(1)
  })

  test('meet a client in the middle of a request after its answer', async () => {
    const { world } = builder.azure
    const unwatch = world.watch(() => {
      unwatch()
      world.breakConnections({ service: 'resource-manager', how: 'handshake' })
    })
    expect((await ask(url(), { by: agent })).status).toBe(401)
    expect((await ask(url(), { by: agent })).error).toBe('ECONNRESET')
    expect((await ask(url(), { by: agent })).status).toBe(401)
  })

  test.each(SERVICES)('are a matter of %s as well, and are taken back', async (service) => {
    const { world } = builder.azure
    const { status } = await ask(urlOf(service))
    world.breakConnections({ service, how: 'handshake', times: Infinity })
    expect((await ask(urlOf(service))).error).toBe('ECONNRESET')
    world.liftFaults()
    expect((await ask(urlOf(service))).status).toBe(status)
  })
})

describe('template and operation that disagree', () => {
  /** Longer than any test: a lag that ends when it is let go. */
  const HELD = 1e12

  test('the operation tells first: the template is running, and cannot be deleted', async () => {
    const { world } = builder.azure
    await builder.create('late', templateBody())
    world.options.build = { lag: { template: HELD } }
    const run = await builder.ended(await builder.send('POST', `${TEMPLATES}/late/run`))
    expect(run.status).toBe('Succeeded')
    expect((await builder.get('late')).properties.lastRunStatus).toMatchObject({ runState: 'Running' })
    expect((await builder.send('GET', `${TEMPLATES}/late/runOutputs/vhd`)).status).toBe(200)
    expect((await builder.send('DELETE', `${TEMPLATES}/late`)).status).toBe(405)
    world.hasten()
    await builder.until('late', ({ lastRunStatus }) => lastRunStatus?.runState === 'Succeeded')
    expect((await builder.send('DELETE', `${TEMPLATES}/late`)).status).toBe(202)
  })

  test('the template tells first: the operation is in progress', async () => {
    const { world } = builder.azure
    await builder.create('early', templateBody())
    world.options.build = { lag: { operation: HELD } }
    const run = await builder.send('POST', `${TEMPLATES}/early/run`)
    await builder.until('early', ({ lastRunStatus }) => lastRunStatus?.runState === 'Succeeded')
    const operation = (): Promise<{ body: unknown }> => builder.send('GET', String(run.headers['location']))
    expect((await operation()).body).toMatchObject({ status: 'InProgress' })
    world.hasten()
    expect((await builder.ended(run)).status).toBe('Succeeded')
  })
})
