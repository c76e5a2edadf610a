/** How long the bundled action takes from its start to its first request, beside an empty Node process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { markdownTable } from '../task-properties.ts'
import { median, verdict } from './report.ts'
import { stepEnvironment } from './step.ts'
import { BENCH_FOLDER } from './trees.ts'

const root = path.join(import.meta.dirname, '..', '..')
const RUNS = 15
const TARGET = 12
const ID = '3b1e7a54-9c0d-4e7b-8f2a-6d5c4b3a2f10'
const INPUTS = {
  'client-id': ID,
  'tenant-id': ID,
  'subscription-id': ID,
  'resource-group': 'rg-images',
  location: 'eastus',
  'managed-identity': 'id-image-builder',
  'source-image': 'Canonical:ubuntu-24_04-lts:server',
  'build-path': '',
  'gallery-image-id': `/subscriptions/${ID}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/contoso/images/webapp`,
}

/**
 * Runs both in turns. The first request is for an ID token; with it the action has done its part here, and is ended.
 * @returns Markdown
 */
export async function measureStart(say: (line: string) => void): Promise<string> {
  mkdirSync(BENCH_FOLDER, { recursive: true })
  const folder = mkdtempSync(path.join(BENCH_FOLDER, 'start-'))
  const empty = path.join(folder, 'empty.mjs')
  writeFileSync(empty, '')
  const server = createServer()
  const request = (): Promise<unknown> => once(server, 'request')
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const times = { empty: [] as number[], first: [] as number[] }
    for (let run = 0; run < RUNS; run += 1) {
      const env = await stepEnvironment({
        folder: path.join(folder, String(run)),
        inputs: INPUTS,
        variables: {
          ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/?job=1`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token',
        },
      })
      times.empty.push(await timeOf(empty, env))
      times.first.push(await timeOf(path.join(root, 'dist', 'main', 'index.js'), env, request()))
    }
    say(`start: ${RUNS} runs`)
    return report(times)
  } finally {
    server.close().closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds until the program has ended or, if it is to do something, has done it. */
async function timeOf(program: string, env: NodeJS.ProcessEnv, until?: Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [program], { env })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const closed = once(child, 'close')
  if (until) {
    const early = closed.then(() => Promise.reject(new Error(`No request was sent:\n${output}`)))
    await Promise.race([until, early])
  } else await closed
  const elapsed = performance.now() - startedAt
  child.kill('SIGKILL')
  await closed
  return elapsed
}

function report({ empty, first }: { empty: number[]; first: number[] }): string {
  const row = (name: string, times: number[], ratio: string): string[] => [
    name,
    ...[median(times), Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0)),
    ratio,
  ]
  const rows = [
    row('an empty Node process, to its end', empty, ''),
    row('this action, to its first request', first, verdict(median(first) / median(empty), TARGET)),
  ]
  return markdownTable([`${RUNS} runs each, in turns`, 'Median (ms)', 'Least', 'Most', 'Ratio'], rows)
}
