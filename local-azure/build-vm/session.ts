/** One command in a build VM's private root, with its output as it comes. Linux, as root. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type OnLine = (stream: 'stdout' | 'stderr', line: string) => void

export interface Session {
  /** The VM's folder, and that of the machine it is made of, as `start.sh` expects them. */
  folder: string
  machine: string
  /** Program and arguments, run by the user packer. */
  command: string[]
  input: Buffer | string
  onLine: OnLine
  signal: AbortSignal
}

const START = fileURLToPath(new URL('start.sh', import.meta.url))

/**
 * What an SSH session of the user packer has (an Ubuntu image's, less what names the connection), and what Packer
 * sets for scripts (its shell provisioner: always these two).
 */
const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/home/packer',
  USER: 'packer',
  LOGNAME: 'packer',
  SHELL: '/bin/sh',
  LANG: 'C.UTF-8',
  PACKER_BUILD_NAME: 'azure-arm',
  PACKER_BUILDER_TYPE: 'azure-arm',
}

/**
 * Runs a command and returns its exit code once it and everything it started have ended. Rejects with the signal's
 * reason on abort, and when the private root cannot be made, in the words of the program that failed.
 */
export async function runSession({
  folder,
  machine,
  command,
  input,
  onLine,
  signal,
}: Session): Promise<number> {
  signal.throwIfAborted()
  const child = start(folder, machine, command)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const end = (): void => {
    endAll(child)
  }
  signal.addEventListener('abort', end, { once: true })
  child.stdin.on('error', () => undefined) // the command may end without reading its input
  child.stdin.end(input)
  try {
    const [[code, by], startup] = await Promise.all([
      closed,
      text(child.stdio[3] as Readable),
      forEachLine(child.stdout, (line) => {
        onLine('stdout', line)
      }),
      forEachLine(child.stderr, (line) => {
        onLine('stderr', line)
      }),
    ])
    signal.throwIfAborted()
    if (startup !== 'up\n') throw new Error(startup.trim())
    if (code === null) throw new Error(`The build VM was ended by ${by ?? 'nothing known'}`)
    return code
  } finally {
    signal.removeEventListener('abort', end)
    endAll(child)
    await closed.catch(() => undefined)
  }
}

/**
 * Mounts and processes live in namespaces that end with their first process. That one gets SIGKILL when unshare
 * ends, and unshare when this process ends, however it does.
 */
function start(folder: string, machine: string, command: string[]): ReturnType<typeof spawnPiped> {
  const unshare = ['unshare', '--mount', '--pid', '--fork', '--kill-child']
  return spawnPiped('setpriv', ['--pdeathsig', 'KILL', ...unshare, 'sh', START, folder, machine, ...command])
}

function spawnPiped(program: string, args: string[]) {
  return spawn(program, args, { env: ENVIRONMENT, detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })
}

/** Kills the first process of the namespace: unshare reports its end only after all others have gone, too. */
function endAll({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  try {
    // The whole group as long as unshare has not forked: it then cannot fork in between.
    process.kill(firstChild(pid) ?? -pid, 'SIGKILL')
  } catch {
    // It ended by itself in this very moment.
  }
}

function firstChild(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children === '' ? undefined : Number(children)
}

async function forEachLine(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = `${rest}${chunk as string}`.split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(onLine)
  }
  if (rest !== '') onLine(rest)
}
