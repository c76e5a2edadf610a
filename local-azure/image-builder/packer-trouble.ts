/** What the world's options let go wrong with Packer: its words in the log, and an end, or none. */
import { OutOfTime } from './build-clock.ts'
import type { SavedLog } from './saved-log.ts'
import { StepFailed } from './steps.ts'
import type { PackerTrouble, World } from '../world.ts'

/** In so many portions a step that never ends prints its lines. */
const PRINTS = 10

/**
 * Throws StepFailed where the build meets its trouble; or, when that never ends, the reason of `signal`.
 * @param left milliseconds of the service until the build's timeout
 */
export async function meetTrouble(
  world: World,
  log: SavedLog,
  at: PackerTrouble['at'],
  left: number,
  signal?: AbortSignal,
): Promise<void> {
  const { packer } = world.options.build
  if (!packer || JSON.stringify(packer.at) !== JSON.stringify(at)) return
  if (packer.never && signal) await goOn(world, log, packer.log, left, signal)
  for (const line of packer.log) log.packer(line)
  throw new StepFailed(packer.reason ?? '')
}

/** Prints the lines over all the time that is left, all of them, and rejects when it is over. */
async function goOn(
  world: World,
  log: SavedLog,
  lines: string[],
  left: number,
  signal: AbortSignal,
): Promise<never> {
  const rest = [...lines]
  try {
    for (;;) {
      for (const line of rest.splice(0, Math.ceil(lines.length / PRINTS))) log.packer(line)
      log.save().catch(() => undefined) // the next one tells
      await world.elapse(left / (PRINTS + 1), signal)
    }
  } catch (error) {
    // However late this machine is, by the service's own clock it has printed all.
    if (error instanceof OutOfTime) for (const line of rest) log.packer(line)
    throw error
  }
}
