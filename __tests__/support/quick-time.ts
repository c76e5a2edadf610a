/**
 * Preloaded into the bundled action's own processes (`NODE_OPTIONS`): their clock runs faster and their waits end
 * sooner, both by the factor in `QUICK_TIME`. The action is the same, its polls and deadlines are only closer together.
 */
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'

const factor = Number(process.env['QUICK_TIME'])
const { now } = Date
const start = now()
const wait = timers.setTimeout

Date.now = () => Math.round(start + (now() - start) * factor)
Object.assign(timers, {
  setTimeout: (milliseconds: number, ...rest: [unknown?, object?]) => wait(milliseconds / factor, ...rest),
})
syncBuiltinESMExports()
