/**
 * Preloaded into the action's own processes, as `quick-time.js`, which it completes: the waits and limits of its
 * libraries, which take Node's global timers and the patience of sockets, are as much shorter. Plain JavaScript for the
 * same reason.
 */
import '../support/quick-time.js'
import net from 'node:net'

const factor = Number(process.env['QUICK_TIME'] ?? 1)
/** Shorter ones belong to connections that are kept open, not to anybody's patience. */
const PATIENCE_MS = 60_000

const schedule = globalThis.setTimeout
/** @type {(callback: (...rest: unknown[]) => void, milliseconds?: number, ...rest: unknown[]) => unknown} */
const quicker = (callback, milliseconds = 0, ...rest) => schedule(callback, milliseconds / factor, ...rest)
Object.defineProperties(quicker, Object.getOwnPropertyDescriptors(schedule))
Object.assign(globalThis, { setTimeout: quicker })

const { AbortSignal } = globalThis
const limit = AbortSignal.timeout.bind(AbortSignal)
AbortSignal.timeout = (milliseconds) => limit(Math.ceil(milliseconds / factor))

const giveUp = net.Socket.prototype.setTimeout
net.Socket.prototype.setTimeout = function (milliseconds, callback) {
  return giveUp.call(this, milliseconds < PATIENCE_MS ? milliseconds : milliseconds / factor, callback)
}
