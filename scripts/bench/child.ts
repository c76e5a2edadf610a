/** A server of the benchmark's in a process of its own, so that its work is nobody else's. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

export interface RunningServer<T> {
  /** What it printed as its first line, as JSON. */
  facts: T
  /** Ends its standard input, and with that the process. */
  close: () => Promise<void>
}

/** @param program a source beside this one */
export async function startServer<T>(program: string, args: string[] = []): Promise<RunningServer<T>> {
  const command = ['--no-warnings', path.join(import.meta.dirname, program), ...args]
  const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  const line = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${program} did not start`))),
  ])
  return {
    facts: JSON.parse(String(line[0])) as T,
    close: async () => {
      const gone = once(child, 'exit')
      child.stdin.end()
      await gone
    },
  }
}
