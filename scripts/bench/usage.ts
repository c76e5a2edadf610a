/** What a command uses: time, processor, memory, and room in a temporary folder, with all the processes it starts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface Usage {
  wallMs: number
  /** User and system time of all processes. */
  cpuMs: number
  /** Highest sum of the resident memory of all processes, in bytes; undefined on a system without `/proc`. */
  memory: number | undefined
  /** Most bytes that the temporary folder took on the disk at any moment. */
  temporary: number
  /** Bytes that the processes gave to the disk, as far as seen before they ended; undefined without `/proc`. */
  written: number | undefined
}

export interface Command {
  /** For bash; it ends with its first failure. */
  script: string
  cwd: string
  env: Record<string, string | undefined>
  /** The folder that is watched. */
  temporary: string
}

const HAS_PROC = existsSync('/proc/self/status')
const MEMORY_EVERY_MS = 20
const FOLDER_EVERY_MS = 100

/**
 * Runs a command and watches it. The shell counts the time of the processes that it waited for, and of theirs; its
 * own memory is left out.
 * @throws Error with the command's output when it fails
 */
export async function measure({ script, cwd, env, temporary }: Command): Promise<Usage> {
  const startedAt = performance.now()
  const child = spawn('bash', ['-c', `set -eo pipefail\n${script}\ntimes >&3`], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let [output, times] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stdio[3]?.on('data', (chunk: Buffer) => (times += chunk.toString()))
  const watch = new Watch(child.pid ?? 0, temporary)
  const exit = once(child, 'exit').then(() => performance.now())
  await once(child, 'close')
  watch.end()
  if (child.exitCode !== 0) throw new Error(`${script}\nfailed:\n${output.slice(-2000)}`)
  return { wallMs: (await exit) - startedAt, cpuMs: cpuMs(times), ...watch.seen() }
}

/** Sum of what bash's `times` prints, such as `0m0.013s`: user and system, of the shell and of its children. */
function cpuMs(times: string): number {
  const all = times.matchAll(/(\d+)m([\d.]+)s/g)
  return [...all].reduce(
    (sum, [, minutes, seconds]) => sum + (Number(minutes) * 60 + Number(seconds)) * 1000,
    0,
  )
}

/** Looks at the processes below one, and at a folder, again and again. */
class Watch {
  private readonly timers: NodeJS.Timeout[]
  private readonly written = new Map<string, number>()
  private memory = 0
  private temporary = 0

  constructor(pid: number, folder: string) {
    const lookAtFolder = (): void => {
      this.temporary = Math.max(this.temporary, bytesOnDisk(folder))
    }
    const lookAtProcesses = (): void => {
      this.lookAt(descendants(String(pid)))
    }
    this.timers = [setInterval(lookAtFolder, FOLDER_EVERY_MS)]
    if (HAS_PROC) this.timers.push(setInterval(lookAtProcesses, MEMORY_EVERY_MS))
  }

  end(): void {
    this.timers.forEach(clearInterval)
  }

  seen(): Pick<Usage, 'memory' | 'temporary' | 'written'> {
    const written = [...this.written.values()].reduce((sum, bytes) => sum + bytes, 0)
    const { memory, temporary } = this
    return HAS_PROC ? { memory, temporary, written } : { memory: undefined, temporary, written: undefined }
  }

  /** The kernel keeps each process's own peak: no short one of a process that is alone is missed. */
  private lookAt(pids: string[]): void {
    let sum = 0
    for (const pid of pids) {
      const status = read(`/proc/${pid}/status`)
      sum += kibibytes(status, 'VmRSS')
      this.memory = Math.max(this.memory, kibibytes(status, 'VmHWM'))
      const io = /^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))
      if (io) this.written.set(pid, Number(io[1]))
    }
    this.memory = Math.max(this.memory, sum)
  }
}

function descendants(pid: string): string[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)
  return children.flatMap((child) => [child, ...descendants(child)])
}

/** In bytes. */
function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}

/** Empty for a process that has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** Blocks that the folder's files take; files that go meanwhile count as nothing. */
function bytesOnDisk(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return entries.reduce((sum, { parentPath, name }) => {
    const found = lstatSync(path.join(parentPath, name), { throwIfNoEntry: false })
    return sum + (found?.blocks ?? 0) * 512
  }, 0)
}
