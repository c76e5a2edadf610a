/**
 * Listens in on the bundled action's own processes, into which this module is preloaded (`NODE_OPTIONS`): what they
 * print before the runner masks it and takes commands out of it, and how much memory each had at most.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** `env` of a job that is listened to; what is heard goes into `folder`. */
export function eavesdrop(folder: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${import.meta.url}`, EAVESDROP: folder }
}

/** Lines of all processes, unmasked. */
export async function printedLines(folder: string): Promise<string[]> {
  return (await readFile(path.join(folder, 'printed'), 'utf8')).split(/\r?\n/)
}

/** MiB of the process that had the most. Linux alone tells. */
export async function peakMemory(folder: string): Promise<number> {
  const kibibytes = (await readFile(path.join(folder, 'memory'), 'utf8')).trim().split('\n').map(Number)
  return Math.max(...kibibytes) / 1024
}

function listen(folder: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...values: unknown[]) => boolean
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      appendFileSync(path.join(folder, 'printed'), chunk)
      return write(chunk, ...rest)
    }
  }
  process.on('exit', () => {
    // The high-water mark of this process alone: what `getrusage` tells counts the one in that it was forked from.
    const [, kibibytes = ''] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    appendFileSync(path.join(folder, 'memory'), `${kibibytes}\n`)
  })
}

const folder = process.env['EAVESDROP']
if (folder !== undefined) listen(folder)
