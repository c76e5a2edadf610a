/**
 * Listens in on the bundled action's own processes, into which this module is preloaded (`NODE_OPTIONS`): what they
 * print before the runner masks it and takes commands out of it, and how much memory each had at most. If asked, also
 * every byte that they send, before TLS, and what they wrote for the runner.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'

/**
 * `env` of a job that is listened to; what is heard goes into `folder`.
 * @param all whether what is sent is kept, too, and what is written for the runner
 */
export function eavesdrop(folder: string, { all = false } = {}): Record<string, string> {
  const env = { NODE_OPTIONS: `--import=${import.meta.url}`, EAVESDROP: folder }
  return all ? { ...env, EAVESDROP_ALL: '1' } : env
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

/** The runner's files for outputs and the like: their variables, and their names in the folder. */
export const COMMAND_FILES = {
  GITHUB_OUTPUT: 'outputs',
  GITHUB_STATE: 'state',
  GITHUB_ENV: 'environment',
  GITHUB_PATH: 'path',
  GITHUB_STEP_SUMMARY: 'summary',
} as const

type Method = (this: net.Socket, ...given: unknown[]) => unknown

/** A file for each connection, `<port>.<process>.<number>.sent`, in which stands what went over it. */
function keepWhatIsSent(folder: string): void {
  const files = new WeakMap<net.Socket, string>()
  let count = 0
  // Each as it was before: `write` and `end` are those of all streams.
  const { connect, write, end } = net.Socket.prototype as unknown as Record<
    'connect' | 'write' | 'end',
    Method
  >
  const keep = (socket: net.Socket, chunk: unknown, encoding: unknown): void => {
    const file = files.get(socket)
    if (file === undefined || (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))) return
    // Strings of HTTP headers are Latin-1, and say so.
    appendFileSync(file, typeof chunk === 'string' ? Buffer.from(chunk, encoding as BufferEncoding) : chunk)
  }
  Object.assign(net.Socket.prototype, {
    connect(this: net.Socket, ...given: unknown[]) {
      const [first] = (Array.isArray(given[0]) ? given[0] : given) as [{ port?: number }]
      files.set(this, path.join(folder, `${first.port ?? 0}.${process.pid}.${(count += 1)}.sent`))
      return connect.apply(this, given)
    },
    // TLS is a socket, too: what it is given to write is not encrypted yet.
    write(this: net.Socket, ...given: unknown[]) {
      keep(this, given[0], given[1])
      return write.apply(this, given)
    },
    end(this: net.Socket, ...given: unknown[]) {
      keep(this, given[0], given[1])
      return end.apply(this, given)
    },
  })
}

/** The runner takes its files away when a process has ended. */
function keepCommandFiles(folder: string): void {
  process.on('exit', () => {
    for (const [variable, name] of Object.entries(COMMAND_FILES)) {
      const file = process.env[variable] ?? ''
      if (existsSync(file)) appendFileSync(path.join(folder, name), readFileSync(file))
    }
  })
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
if (folder !== undefined) {
  listen(folder)
  if (process.env['EAVESDROP_ALL'] !== undefined) {
    keepWhatIsSent(folder)
    keepCommandFiles(folder)
  }
}
