/**
 * A stage's process, started and stopped as the runner does on Linux and macOS. Windows' console events
 * (CTRL_C, CTRL_BREAK, then the tree killed) cannot be played from here.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import { LineSplitter } from './commands.ts'

/** Milliseconds from SIGINT to SIGTERM, and from there to SIGKILL; and how long open pipes are awaited. */
export interface SignalDelays {
  term: number
  kill: number
  drain?: number
}
export const RUNNER_DELAYS = { term: 7500, kill: 2500, drain: 5000 } as const

export interface Command {
  program: string
  args: string[]
  cwd: string
  env: Record<string, string>
  onLine: (line: string) => void
  delays: SignalDelays
}

export interface Ending {
  exitCode: number | null
  signal: NodeJS.Signals | null
}

export interface ProcessRun {
  /** Settles when the process ended and its output was read. Rejects when it could not start. */
  ended: Promise<Ending>
  /** SIGINT, SIGTERM, SIGKILL with the runner's pauses: to the process alone, never to its children. */
  stop: () => void
  /** SIGKILL at once. */
  kill: () => void
}

/** Starts a program: stdin empty and closed, output by lines from both streams. */
export function startProcess(command: Command): ProcessRun {
  const { program, args, cwd, env, onLine, delays } = command
  const child = spawn(program, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] })
  // A process that ended before its stdin was closed makes this an EPIPE, which means nothing here.
  child.stdin.on('error', () => undefined).end()
  const flushes = [readLines(child.stdout, onLine), readLines(child.stderr, onLine)]
  const timers: NodeJS.Timeout[] = []
  const ended = ending(child, delays.drain ?? RUNNER_DELAYS.drain).finally(() => {
    for (const flush of flushes) flush()
    timers.forEach(clearTimeout)
  })
  const stop = (): void => {
    if (timers.length > 0) return
    child.kill('SIGINT')
    timers.push(
      setTimeout(() => child.kill('SIGTERM'), delays.term),
      setTimeout(() => child.kill('SIGKILL'), delays.term + delays.kill),
    )
  }
  return { ended, stop, kill: () => void child.kill('SIGKILL') }
}

/** Waits for the exit, then for the pipes; a child that holds them open is left behind after `drain`. */
async function ending(child: ChildProcess, drain: number): Promise<Ending> {
  const closed = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve()
    }),
  )
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, drain)))
  await Promise.race([closed, patience])
  clearTimeout(timer)
  child.stdout?.destroy()
  child.stderr?.destroy()
  return { exitCode, signal }
}

/** Passes complete lines on as they come. Returns what passes on the unfinished last one. */
function readLines(stream: Readable, onLine: (line: string) => void): () => void {
  const decoder = new StringDecoder('utf8')
  const splitter = new LineSplitter()
  stream.on('data', (chunk: Buffer) => {
    splitter.push(decoder.write(chunk)).forEach(onLine)
  })
  return () => {
    ;[...splitter.push(decoder.end()), ...splitter.end()].forEach(onLine)
  }
}

/** Ends what a job's stages left running, known by its `RUNNER_TRACKING_ID`. Linux alone: elsewhere there is no /proc. */
export async function endLeftovers(trackingId: string): Promise<void> {
  const processes = await readdir('/proc').catch(() => [])
  for (const id of processes.filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${id}/environ`, 'latin1').catch(() => '')
    if (environment.split('\0').includes(`RUNNER_TRACKING_ID=${trackingId}`)) killIfAlive(Number(id))
  }
}

function killIfAlive(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}
