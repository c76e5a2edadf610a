/**
 * Preloaded into the bundled action's own processes (`NODE_OPTIONS`): their clock is ahead by the hours in `HOURS_LATER`,
 * so that what a test has just made is old. Everything else happens now.
 */
const { now } = Date
const ahead = Number(process.env.HOURS_LATER) * 60 * 60_000

Date.now = () => now() + ahead
