/**
 * The state that all parts of one local Azure share: resources, principals and their rights, clock, faults,
 * the record of requests. One instance belongs to one `startLocalAzure` call; there are no globals.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Connections } from './connections.ts'
import type { RoleAssignment, Seed } from './seed.ts'
import type { BadLink, ConnectionFault, Fault, Service, WorldOptions } from './world-options.ts'

export * from './world-options.ts'

/** A resource as Resource Manager stores it. `id` keeps the spelling it was created with. */
export interface Resource {
  id: string
  name: string
  type: string
  location?: string
  tags?: Record<string, string>
  identity?: Record<string, unknown>
  properties: Record<string, unknown>
}

/** Who signed a request: an application's service principal or a managed identity. */
export interface Principal {
  objectId: string
  clientId: string
}

/** One answered request, as tests count them. */
export interface Exchange {
  service: Service
  method: string
  /** Path and query, as sent, without the origin. */
  target: string
  status: number
  at: number
  /** Who sent it, as a digest of its `Authorization`: the same for all requests with one token. Absent for blobs. */
  caller?: string
  /** Text of the request's body, as sent; absent without one, and for blobs, which pass through unread. */
  body?: string
}

export class World {
  readonly seed: Seed
  readonly options: WorldOptions
  readonly resources = new ResourceStore()
  readonly roleAssignments: RoleAssignment[]
  /** Everything that must never be printed: tokens, keys, signatures. Each part adds what it issues or sees. */
  readonly secrets = new Set<string>()
  readonly exchanges: Exchange[] = []
  /**
   * What a build put into an image's file system, where the build really ran: image resource ID (lower case) or
   * VHD URL → folder that mirrors `/` with the added and changed files alone.
   */
  readonly imageFileSystems = new Map<string, string>()
  /** New connections ask here whether they break. */
  readonly connections = new Connections()
  private readonly faults: { fault: Fault; seen: number }[]
  private readonly links: { link: BadLink; seen: number }[]
  private lifting = new AbortController()
  private readonly watchers = new Set<(exchange: Exchange) => void | Promise<void>>()
  private readonly atWork = new Set<Promise<void>>()
  private readonly closing = new AbortController()
  private hurry = new AbortController()

  constructor(seed: Seed, options: WorldOptions) {
    this.seed = seed
    this.options = options
    this.roleAssignments = [...seed.roleAssignments]
    this.faults = options.faults.map((fault) => ({ fault, seen: 0 }))
    this.links = options.links.map((link) => ({ link, seen: 0 }))
  }

  now(): number {
    return Date.now()
  }

  /**
   * Waits a duration of the service's own, shortened by `speed` and ended by `hasten`. Rejects when the local Azure
   * closes, or by `signal`.
   */
  async elapse(milliseconds: number, signal: AbortSignal = this.closing.signal): Promise<void> {
    const broken = AbortSignal.any([this.closing.signal, signal])
    const ended = AbortSignal.any([broken, this.hurry.signal])
    await delay(milliseconds / this.options.speed, undefined, { signal: ended }).catch(() => {
      broken.throwIfAborted()
    })
  }

  /** Ends every wait that is under way: a test that held a phase until it was seen lets it go on. */
  hasten(): void {
    this.hurry.abort()
    this.hurry = new AbortController()
  }

  /** Work that outlives its request, such as an operation that was answered with 202. It must not reject. */
  background(work: Promise<void>): void {
    this.atWork.add(work)
    void work.finally(() => this.atWork.delete(work))
  }

  /** Ends when all background work has ended; `close` first, or this waits for builds to finish. */
  async settled(): Promise<void> {
    await Promise.all(this.atWork)
  }

  /** Aborted when the local Azure closes: background work ends with it. */
  get closed(): AbortSignal {
    return this.closing.signal
  }

  close(): void {
    this.closing.abort()
  }

  /** The fault that strikes this request, if one does; counting is part of asking. */
  faultFor(service: Service, methodAndTarget: string): Fault | undefined {
    for (const entry of this.faults) {
      const { fault } = entry
      if (fault.service !== service || !new RegExp(fault.match, 'i').test(methodAndTarget)) continue
      entry.seen += 1
      if (isTurn(fault, entry.seen, 1)) return fault
    }
    return undefined
  }

  /** The bad links that a blob request comes over; counting is part of asking. */
  linksFor(methodAndTarget: string): BadLink[] {
    const matching = this.links.filter(({ link }) => new RegExp(link.match, 'i').test(methodAndTarget))
    return matching.filter((entry) => isTurn(entry.link, (entry.seen += 1), Infinity)).map(({ link }) => link)
  }

  /** Adds a fault while running, for tests that need one from a certain moment on. */
  addFault(fault: Fault): void {
    this.faults.push({ fault, seen: 0 })
  }

  /**
   * Breaks new connections of a service from now on. Clients cannot go on with the ones they have: those that idle are
   * closed, the others after their answer.
   * @returns how many have been broken so far
   */
  breakConnections(fault: ConnectionFault): () => number {
    return this.connections.break(fault)
  }

  /** Adds a bad link while running; bodies that are on their way already stay as they are. */
  addBadLink(link: BadLink): void {
    this.links.push({ link, seen: 0 })
  }

  /**
   * Takes back every fault, broken connection and bad link, so that what did not strike in one test does not strike in the next. A
   * body that was slowed comes in at full speed from here on.
   */
  liftFaults(): void {
    this.faults.length = 0
    this.links.length = 0
    this.connections.mend()
    this.lifting.abort()
    this.lifting = new AbortController()
  }

  /** Aborted when the faults and links of now are taken back. */
  get lifted(): AbortSignal {
    return this.lifting.signal
  }

  /**
   * Calls back after the service acted on a request and before its answer leaves, so that a test can kill
   * the client at exactly that point. Returns the function that ends it.
   */
  watch(watcher: (exchange: Exchange) => void | Promise<void>): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async record(exchange: Exchange): Promise<void> {
    this.exchanges.push(exchange)
    for (const watcher of this.watchers) await watcher(exchange)
  }

  /** Requests so far whose `METHOD target` matches, for assertions such as "run was posted once". */
  requests(pattern: RegExp): Exchange[] {
    return this.exchanges.filter((exchange) => pattern.test(`${exchange.method} ${exchange.target}`))
  }

  /**
   * Requests so far that write, ask for a key or start something: PUT, POST, PATCH and DELETE of every part but
   * Entra, whose POSTs sign in. `listKeys`, provider registration and user delegation keys are among them.
   */
  writes(): Exchange[] {
    return this.requests(/^(PUT|POST|PATCH|DELETE) /).filter(({ service }) => service !== 'entra')
  }

  /** Whether a principal holds a control-plane action at a scope, by its own or an inherited assignment. */
  allows(principal: Principal, action: string, scope: string): boolean {
    return this.assignmentsOf(principal, scope).some((assignment) => matchesAny(assignment.actions, action))
  }

  /** The same for data actions (blob content). */
  allowsData(principal: Principal, dataAction: string, scope: string): boolean {
    return this.assignmentsOf(principal, scope).some((assignment) =>
      matchesAny(assignment.dataActions ?? [], dataAction),
    )
  }

  private assignmentsOf(principal: Principal, scope: string): RoleAssignment[] {
    const at = `${scope.toLowerCase()}/`
    return this.roleAssignments.filter(
      (assignment) =>
        assignment.principalId.toLowerCase() === principal.objectId.toLowerCase() &&
        at.startsWith(`${assignment.scope.toLowerCase()}/`),
    )
  }
}

/** Resources by ID; IDs compare without regard to case, as Resource Manager's do. */
export class ResourceStore {
  private readonly byId = new Map<string, Resource>()

  get(id: string): Resource | undefined {
    return this.byId.get(id.toLowerCase())
  }

  put(resource: Resource): Resource {
    this.byId.set(resource.id.toLowerCase(), resource)
    return resource
  }

  /** Removes a resource and everything below it. Returns what went. */
  delete(id: string): Resource[] {
    const key = id.toLowerCase()
    const gone = [...this.byId].filter(([other]) => other === key || other.startsWith(`${key}/`))
    gone.forEach(([other]) => this.byId.delete(other))
    return gone.map(([, resource]) => resource)
  }

  /** All resources of a type (compared without case) at or below a scope. */
  list(type: string, scope = ''): Resource[] {
    return [...this.byId.values()].filter(
      (resource) =>
        resource.type.toLowerCase() === type.toLowerCase() &&
        resource.id.toLowerCase().startsWith(scope.toLowerCase()),
    )
  }

  all(): Resource[] {
    return [...this.byId.values()]
  }
}

/** Region names compare by letters and digits alone: `West US 2` is `westus2`. */
export function regionKey(region: string): string {
  return region.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

export function newId(): string {
  return randomUUID()
}

/** Whether the request that was seen as number `seen` is one of those that a fault or link takes. */
function isTurn(
  { skip = 0, times }: { skip?: number; times?: number },
  seen: number,
  usual: number,
): boolean {
  return seen > skip && seen <= skip + (times ?? usual)
}

function matchesAny(patterns: string[], action: string): boolean {
  return patterns.some((pattern) =>
    new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 'i').test(
      action,
    ),
  )
}
