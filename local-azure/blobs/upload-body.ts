/**
 * The way of a request's body from the client to Azurite: over bad links, as far as a fault lets it, past the check
 * that goes with it. A chunk is held until the next has come, so Azurite never gets the end of a body that is stopped
 * here, and keeps nothing of it.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { StorageRefusal } from './storage-errors.ts'
import type { BlockListCheck } from './upload-limits.ts'
import type { BadLink, Fault, World } from '../world.ts'

/** What a body meets on its way. */
export interface BodyWay {
  links: BadLink[]
  /** Strikes after its `afterBytes`. */
  fault: Fault | undefined
  check: BlockListCheck | undefined
}

/** When each slow link has passed on all that it took so far, in milliseconds of the world's clock. */
const busyUntil = new WeakMap<BadLink, number>()

/**
 * Passes the body on, as fast as the slower of both sides, and ends `outgoing` with it. Resolves with undefined then,
 * or with what stopped it: the fault, or the refusal that the check found. What is left is not read, and `outgoing`
 * is the caller's to destroy. Rejects when the client goes away.
 */
export async function passBody(
  world: World,
  incoming: IncomingMessage,
  outgoing: ClientRequest,
  way: BodyWay,
): Promise<Fault | StorageRefusal | undefined> {
  const { links, fault, check } = way
  if (links.length > 0 || fault || check) return await passWatched(world, incoming, outgoing, way)
  await passUntouched(incoming, outgoing)
  return undefined
}

/** Most bodies meet nothing; they go the fastest way that there is. */
async function passUntouched(incoming: IncomingMessage, outgoing: ClientRequest): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const breakOff = (): void => {
      reject(new Error('the client went away'))
    }
    incoming.once('end', resolve).once('close', breakOff)
    // It may have gone while its rights were looked up.
    if (incoming.destroyed) breakOff()
    else incoming.pipe(outgoing)
  })
}

async function passWatched(
  world: World,
  incoming: IncomingMessage,
  outgoing: ClientRequest,
  way: BodyWay,
): Promise<Fault | StorageRefusal | undefined> {
  const { lifted } = world
  let arrived = 0
  let held: Buffer | undefined
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (const link of way.links) await travel(world, link, chunk, arrived, lifted)
    arrived += chunk.length
    const stop = arrived >= (way.fault?.afterBytes ?? Infinity) ? way.fault : way.check?.add(chunk)
    if (stop !== undefined) return stop
    if (held !== undefined) await write(outgoing, held)
    // It has answered and hung up: nobody needs the rest.
    if (outgoing.destroyed) return undefined
    held = chunk
  }
  const refusal = way.check?.end()
  if (refusal === undefined) outgoing.end(held)
  return refusal
}

/** Takes a chunk over a link; `at` is its offset in the body. Ends early, and unharmed, once links are lifted. */
async function travel(
  world: World,
  link: BadLink,
  chunk: Buffer,
  at: number,
  lifted: AbortSignal,
): Promise<void> {
  const { bytesPerSecond, flipByteAt = -1 } = link
  if (bytesPerSecond !== undefined && !lifted.aborted) {
    const now = world.now()
    const until = Math.max(now, busyUntil.get(link) ?? 0) + (chunk.length * 1000) / bytesPerSecond
    busyUntil.set(link, until)
    await delay(until - now, undefined, { signal: AbortSignal.any([world.closed, lifted]) }).catch(() => {
      world.closed.throwIfAborted()
    })
  }
  const index = flipByteAt - at
  if (index >= 0 && index < chunk.length && !lifted.aborted) chunk[index] = (chunk[index] ?? 0) ^ 1
}

async function write(outgoing: ClientRequest, chunk: Buffer): Promise<void> {
  if (outgoing.destroyed || outgoing.write(chunk)) return
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      outgoing.off('drain', goOn).off('close', goOn)
      resolve()
    }
    outgoing.on('drain', goOn).on('close', goOn)
  })
}
