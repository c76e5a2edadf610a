/**
 * The gate in front of Azurite: refuses what Azure Storage refuses, applies faults, records every exchange, and
 * streams the rest through in both directions without ever holding a body.
 */
import { Agent } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import {
  findRefusal,
  isAnonymous,
  parseBlobRequest,
  refuseAnonymous,
  rememberSignature,
  type BlobRequest,
} from './access.ts'
import type { Certificates } from '../certificates.ts'
import type { TokenAuthority } from '../parts.ts'
import { listen, type RunningServer } from '../listen.ts'
import { cutAnswer, type Reply } from '../server.ts'
import { storageErrorReply, storageRefusals, type StorageRefusal } from './storage-errors.ts'
import { findFlaw } from './upload-limits.ts'
import { endToEnd, exchange, type Upstream } from './upstream.ts'
import type { Fault, World } from '../world.ts'

/** Where in a request a fault strikes: one at most is set. */
interface Moment {
  before?: Fault
  during?: Fault
  after?: Fault
}

/**
 * Azurite's words for a signature that does not fit: of a SAS, and of a shared key, which it then takes for a
 * bearer token; the first also for none where one is needed. In Azure that is the firewall's word, and bearer tokens
 * are judged before they get there.
 */
const WRONG_SIGNATURE = new Set(['AuthorizationFailure', 'InvalidAuthenticationInfo'])

/** Starts the gate. */
export async function startBlobGate(
  world: World,
  certificates: Certificates,
  entra: TokenAuthority,
  azurite: Omit<Upstream, 'agent'>,
): Promise<RunningServer> {
  // A connection each: one that Azurite drops while it idles would look like a fault.
  const agent = new Agent({ ca: certificates.authority })
  const gate = new BlobGate(world, entra, { ...azurite, agent })
  const server = await listen({ service: 'blob', world, certificates }, (incoming, outgoing) => {
    gate.answer(incoming, outgoing).catch((error: unknown) => {
      gate.answerDefect(error, incoming, outgoing)
    })
  })
  return {
    url: server.url,
    close: async () => {
      await server.close()
      agent.destroy()
    },
  }
}

class BlobGate {
  private readonly world: World
  private readonly entra: TokenAuthority
  private readonly upstream: Upstream
  private readonly recorded = new WeakSet<BlobRequest>()

  constructor(world: World, entra: TokenAuthority, upstream: Upstream) {
    this.world = world
    this.entra = entra
    this.upstream = upstream
  }

  /** One that breaks off is recorded, too, with status 0: it was sent. */
  async answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = parseBlobRequest(incoming.method ?? 'GET', incoming.url ?? '/', incoming.headers)
    try {
      await this.judge(request, incoming, outgoing)
    } catch (error) {
      if (!this.recorded.has(request)) await this.record(request, 0)
      throw error
    }
  }

  private async judge(
    request: BlobRequest,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    rememberSignature(this.world, request.query)
    const moment = momentOf(this.world.faultFor('blob', `${request.method} ${request.target}`))
    if (moment.before) {
      await this.strike(moment.before, request, outgoing)
      return
    }
    const refusal =
      (await findRefusal(this.world, this.entra, request)) ?? findFlaw(request, incoming.rawHeaders)
    if (refusal) await this.finish(request, outgoing, moment.after, refusal)
    else await this.forward(request, incoming, outgoing, moment)
  }

  /** A defect of the local Azure itself, not to be mistaken for Azure; a client that went away is none. */
  answerDefect(error: unknown, incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (outgoing.headersSent || outgoing.destroyed || incoming.destroyed) outgoing.destroy()
    else {
      const body = { error: { code: 'LocalAzureDefect', message: String(error) } }
      write(outgoing, { status: 500, body: Buffer.from(JSON.stringify(body)) })
    }
  }

  private async forward(
    request: BlobRequest,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { during, after }: Moment,
  ): Promise<void> {
    const response = await exchange(this.world, this.upstream, request, incoming, during)
    if ('respond' in response) await this.strike(response, request, outgoing)
    else if ('code' in response) await this.finish(request, outgoing, after, response)
    else await this.passOn(response, request, outgoing, after)
  }

  private async passOn(
    response: IncomingMessage,
    request: BlobRequest,
    outgoing: ServerResponse,
    fault: Fault | undefined,
  ): Promise<void> {
    const code = String(response.headers['x-ms-error-code'])
    const wrong = WRONG_SIGNATURE.has(code)
    if (fault?.respond === 'cut' && !wrong) {
      await this.cut(fault, response, request, outgoing)
      return
    }
    if (fault !== undefined || wrong) {
      response.resume()
      const refusal = isAnonymous(request)
        ? refuseAnonymous(this.world, request)
        : storageRefusals.wrongSignature()
      await this.finish(request, outgoing, fault, refusal)
      return
    }
    const status = response.statusCode ?? 0
    await this.record(request, status)
    outgoing.writeHead(status, endToEnd(response.rawHeaders))
    if (request.query.get('comp') === 'userdelegationkey') rememberDelegationKey(this.world, response)
    await pipeline(response, outgoing)
  }

  /** Ends an exchange that is not passed on: with the fault that strikes it, else with the refusal. */
  private async finish(
    request: BlobRequest,
    outgoing: ServerResponse,
    fault: Fault | undefined,
    refusal: StorageRefusal,
  ): Promise<void> {
    if (fault && fault.respond !== 'cut') {
      await this.strike(fault, request, outgoing)
      return
    }
    await this.pause(fault)
    await this.record(request, refusal.status)
    const reply = storageErrorReply(refusal, request.method, this.world.now())
    if (fault) cutAnswer(outgoing, reply.status, reply.headers ?? {}, bodyBytes(reply.body))
    else write(outgoing, reply)
  }

  /** The one answer that is held before it goes out: of one that comes in pieces nobody knows the half. */
  private async cut(
    fault: Fault,
    response: IncomingMessage,
    request: BlobRequest,
    outgoing: ServerResponse,
  ): Promise<void> {
    const body = await buffer(response)
    await this.pause(fault)
    const status = response.statusCode ?? 0
    await this.record(request, status)
    cutAnswer(outgoing, status, endToEnd(response.rawHeaders), body)
  }

  private async pause(fault: Fault | undefined): Promise<void> {
    if (fault?.delayMs !== undefined) await delay(fault.delayMs, undefined, { signal: this.world.closed })
  }

  private async strike(fault: Fault, request: BlobRequest, outgoing: ServerResponse): Promise<void> {
    await this.pause(fault)
    const { respond } = fault
    await this.record(request, typeof respond === 'object' ? respond.status : 0)
    if (respond === 'reset') outgoing.destroy()
    else if (typeof respond === 'object') write(outgoing, { ...respond, body: bodyBytes(respond.body) })
  }

  private async record(request: BlobRequest, status: number): Promise<void> {
    this.recorded.add(request)
    const { method, target } = request
    await this.world.record({ service: 'blob', method, target, status, at: this.world.now() })
  }
}

function momentOf(fault: Fault | undefined): Moment {
  if (fault === undefined) return {}
  if (fault.respond === 'cut' || fault.when === 'after') return { after: fault }
  return fault.afterBytes === undefined ? { before: fault } : { during: fault }
}

function write(outgoing: ServerResponse, reply: Reply): void {
  const length = Buffer.isBuffer(reply.body) ? reply.body.length : 0
  outgoing.writeHead(reply.status, { 'Content-Length': length, ...reply.headers })
  outgoing.end(reply.body)
}

/** A fault's body: text and bytes go out as they are, anything else as JSON. */
function bodyBytes(body: unknown): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Notes the key's value as a secret while the answer passes; it is a few hundred bytes of XML. */
function rememberDelegationKey(world: World, response: IncomingMessage): void {
  let xml = ''
  response.on('data', (chunk: Buffer) => {
    xml += chunk.toString('utf8')
  })
  response.once('end', () => {
    const key = /<Value>(.+?)<\/Value>/.exec(xml)?.[1]
    if (key !== undefined) world.secrets.add(key)
  })
}
