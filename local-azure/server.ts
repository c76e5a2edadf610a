/** One service over HTTPS: routes a request, applies faults, records the exchange, writes the answer. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Certificates } from './certificates.ts'
import { listen, type RunningServer } from './listen.ts'
import type { Exchange, Fault, Service, World } from './world.ts'

export type { RunningServer } from './listen.ts'

export interface Request {
  method: string
  url: URL
  headers: IncomingMessage['headers']
  /** Values of the route's `{name}` parts, percent-decoded. */
  params: Record<string, string>
  body: Buffer
}

export interface Reply {
  status: number
  headers?: Record<string, string>
  /** A Buffer goes out as it is, anything else as JSON; absent: an empty body. */
  body?: unknown
}

/**
 * `path` is a template such as `/subscriptions/{subscription}/resourceGroups/{group}`; a `{part}` matches one
 * segment, `{part*}` any number. Compared without regard to case, as Resource Manager does.
 */
export interface Route {
  method: string
  path: string
  handle: (request: Request) => Reply | Promise<Reply>
}

export interface ServeOptions {
  service: Service
  world: World
  routes: Route[]
  /** What is answered when no route matches. */
  notFound: (request: Request) => Reply | Promise<Reply>
  /** Headers put on every answer, those of faults included. */
  commonHeaders?: (request: Pick<Request, 'method' | 'headers'>) => Record<string, string>
  /** Plain HTTP when absent (the Actions results service's signed URLs stay HTTPS through the blob part). */
  certificates?: Certificates
}

/** Starts a server for one part of the local Azure. */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const compiled = options.routes.map((route) => ({ route, pattern: compile(route.path) }))

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '/', 'https://localhost')
    const method = incoming.method ?? 'GET'
    const target = url.pathname + url.search
    const body = await readAll(incoming)
    const fault = options.world.faultFor(options.service, `${method} ${target}`)
    if (fault && fault.respond !== 'cut' && fault.when !== 'after') {
      await strike(fault, incoming, target, outgoing)
      return
    }
    const request: Request = { method, url, headers: incoming.headers, params: {}, body }
    const reply = await dispatch(request)
    if (fault && fault.respond !== 'cut') {
      await strike(fault, incoming, target, outgoing)
      return
    }
    if (fault?.delayMs) await delay(fault.delayMs)
    await options.world.record({
      service: options.service,
      method,
      target,
      status: reply.status,
      at: options.world.now(),
      ...callerOf(incoming),
      ...(body.length > 0 && { body: body.toString() }),
    })
    write(incoming, outgoing, reply, fault && cutAnswer)
  }

  const dispatch = async (request: Request): Promise<Reply> => {
    for (const { route, pattern } of compiled) {
      if (route.method !== request.method) continue
      const match = pattern.exec(request.url.pathname.replace(/\/+$/, '') || '/')
      if (!match) continue
      request.params = Object.fromEntries(
        Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
      )
      return await route.handle(request)
    }
    return await options.notFound(request)
  }

  const strike = async (
    fault: Fault,
    incoming: IncomingMessage,
    target: string,
    outgoing: ServerResponse,
  ): Promise<void> => {
    const { method = 'GET' } = incoming
    if (fault.delayMs) await delay(fault.delayMs)
    const status = typeof fault.respond === 'object' ? fault.respond.status : 0
    const { service, world } = options
    await world.record({ service, method, target, status, at: world.now(), ...callerOf(incoming) })
    if (fault.respond === 'reset') outgoing.destroy()
    else if (typeof fault.respond === 'object') write(incoming, outgoing, fault.respond)
  }

  const write = (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    reply: Reply,
    send = wholeAnswer,
  ): void => {
    const payload =
      reply.body === undefined
        ? undefined
        : Buffer.isBuffer(reply.body)
          ? reply.body
          : Buffer.from(JSON.stringify(reply.body))
    const type =
      payload && !Buffer.isBuffer(reply.body) ? { 'Content-Type': 'application/json; charset=utf-8' } : {}
    const headers = {
      ...type,
      'Content-Length': String(payload?.length ?? 0),
      ...options.commonHeaders?.({ method: incoming.method ?? 'GET', headers: incoming.headers }),
      ...reply.headers,
    }
    send(outgoing, reply.status, headers, payload)
  }

  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    answer(incoming, outgoing).catch((error: unknown) => {
      // A defect of the local Azure itself: seen as a 500 with its stack, so that it is never mistaken for Azure.
      if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy()
      else {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
        write(incoming, outgoing, { status: 500, body: { error: { code: 'LocalAzureDefect', message } } })
      }
    })
  }
  return await listen(options, listener)
}

function callerOf({ headers: { authorization } }: IncomingMessage): Pick<Exchange, 'caller'> {
  if (authorization === undefined) return {}
  return { caller: createHash('sha256').update(authorization).digest('base64url').slice(0, 16) }
}

function wholeAnswer(
  outgoing: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body?: Buffer,
): void {
  outgoing.writeHead(status, headers)
  outgoing.end(body)
}

/**
 * An answer that breaks off: its head, with the whole body's length, and half of its body. Nothing goes out of one that
 * has no body, because its head alone would be all of it.
 */
export function cutAnswer(
  outgoing: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body?: Buffer,
): void {
  if (!body?.length) {
    outgoing.destroy()
    return
  }
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
  outgoing.setHeader('Content-Length', body.length)
  outgoing.writeHead(status)
  outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => outgoing.destroy())
}

function compile(path: string): RegExp {
  const source = path
    .replaceAll(/[.()$]/g, '\\$&')
    .replaceAll(/\{(\w+)\*\}/g, '(?<$1>.+)')
    .replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  return new RegExp(`^${source}$`, 'i')
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
