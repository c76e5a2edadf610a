/** HTTPS on a free loopback port, with connections that break when the world says so. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { makeCertificates, type Certificates } from './certificates.ts'
import type { ConnectionFault, Service, World } from './world.ts'

export interface RunningServer {
  /** Origin without a trailing slash, such as `https://127.0.0.1:40123`. */
  url: string
  close: () => Promise<void>
}

export interface ListenOptions {
  service: Service
  world: World
  /** Plain HTTP when absent. */
  certificates?: Certificates
}

export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** TLS's word for a handshake that cannot be: a fatal alert 40, `handshake_failure` (RFC 8446). */
const HANDSHAKE_FAILURE = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28])

/** Binds a request listener to a free loopback port. Closing drops open connections. */
export async function listen(options: ListenOptions, listener: Listener): Promise<RunningServer> {
  const { service, world, certificates } = options
  const underWay = new Map<ServerResponse, Socket>()
  const server = makeServer(certificates, (incoming, outgoing) => {
    underWay.set(outgoing, incoming.socket)
    outgoing.once('close', () => underWay.delete(outgoing))
    listener(incoming, outgoing)
  })
  const broken = breakSome(server, () => world.connections.next(service), listener)
  const forget = world.connections.onBreak((of) => {
    if (of === service) renewConnections(server, underWay)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${certificates ? 'https' : 'http'}://127.0.0.1:${String(port)}`,
    close: () =>
      new Promise((resolve) => {
        forget()
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
        for (const socket of broken) socket.destroy()
      }),
  }
}

function makeServer(certificates: Certificates | undefined, listener: Listener): Server {
  return certificates
    ? createTlsServer({ cert: certificates.certificate, key: certificates.key }, listener)
    : createServer(listener)
}

/**
 * Stands before the server's own listeners to new connections, and hands on to them those that may come in: an event
 * that others may emit, too (documented). Returns the sockets of the others.
 */
function breakSome(
  server: Server,
  nextBreak: () => ConnectionFault['how'] | undefined,
  listener: Listener,
): Set<Socket> {
  const broken = new Set<Socket>()
  const own = server.listeners('connection')
  server.removeAllListeners('connection')
  let stranger: Promise<Server> | undefined
  server.on('connection', (socket) => {
    const how = nextBreak()
    if (how === undefined) for (const take of own) take.call(server, socket)
    else {
      broken.add(socket)
      socket.once('close', () => broken.delete(socket)).on('error', () => undefined)
      if (how === 'certificate') {
        stranger ??= makeCertificates('An authority that nobody trusts').then((theirs) =>
          makeServer(theirs, listener),
        )
        void stranger.then((other) => other.emit('connection', socket))
      } else if (how === 'alert') socket.once('data', () => socket.end(HANDSHAKE_FAILURE))
      else socket.once('data', () => socket.destroy())
    }
  })
  return broken
}

/** Connections end: those that idle at once, the others with their answer. */
function renewConnections(server: Server, underWay: Map<ServerResponse, Socket>): void {
  server.closeIdleConnections()
  for (const [outgoing, socket] of underWay) {
    if (outgoing.headersSent) outgoing.once('close', () => socket.destroy())
    else outgoing.shouldKeepAlive = false
  }
}
