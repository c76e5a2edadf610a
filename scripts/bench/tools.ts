/** The programs that the benchmark compares with, and what it runs on. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..', '..')
const CACHE = path.join(root, 'node_modules', '.cache', 'bench')
/** Of the packages that bring azcopy, the one for Linux on x64 alone has a version of these days. */
const AZCOPY = '@azure-tools/azcopy-linux@10.32.2'

export interface Tools {
  azcopy: string
  /** A line for each program, with its version. */
  versions: string[]
}

/** Program → its arguments that print a version, and the Debian or Ubuntu package that has it. */
type Needed = Record<string, { version: string[]; from: string }>
const BASH: Needed = { bash: { version: ['--version'], from: 'bash' } }
const ARCHIVERS: Needed = {
  ...BASH,
  zip: { version: ['-v'], from: 'zip' },
  tar: { version: ['--version'], from: 'tar' },
  pigz: { version: ['--version'], from: 'pigz' },
}
const DIGESTERS: Needed = {
  ...BASH,
  xargs: { version: ['--version'], from: 'findutils' },
  sha256sum: { version: ['--version'], from: 'coreutils' },
  openssl: { version: ['version'], from: 'openssl' },
}

/**
 * Finds the programs that pack and upload; azcopy is installed from its npm package, outside the project's own.
 * @throws Error that names what is missing and how to get it
 */
export function findTools(): Tools {
  const versions = find(ARCHIVERS)
  const azcopy = process.platform === 'linux' && process.arch === 'x64' ? installAzcopy() : 'azcopy'
  const line = versionOf(azcopy, ['--version'])
  if (line === undefined) throw new Error(azcopyProblem(azcopy))
  return { azcopy, versions: [...versions, line] }
}

/**
 * Finds the programs that compute digests.
 * @returns a line for each, with its version
 * @throws Error that names what is missing and how to get it
 */
export function findDigesters(): string[] {
  return find(DIGESTERS)
}

function find(needed: Needed): string[] {
  const found = Object.entries(needed).map(([name, { version }]) => ({
    name,
    line: versionOf(name, version),
  }))
  const missing = found.filter(({ line }) => line === undefined).map(({ name }) => name)
  if (missing.length > 0) {
    const packages = missing.map((name) => needed[name]?.from).join(' ')
    throw new Error(
      `Not found: ${missing.join(', ')}. On Debian and Ubuntu: sudo apt-get install ${packages}`,
    )
  }
  return found.map(({ line }) => line ?? '')
}

function installAzcopy(): string {
  const program = path.join(CACHE, 'node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64')
  if (!existsSync(program)) {
    mkdirSync(CACHE, { recursive: true })
    const options = ['--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts']
    const { status, stderr } = spawnSync('npm', ['install', '--prefix', CACHE, ...options, AZCOPY], {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${AZCOPY} could not be installed:\n${stderr}`)
  }
  chmodSync(program, 0o755)
  return program
}

function azcopyProblem(azcopy: string): string {
  const { stderr } = spawnSync(azcopy, ['--version'], { encoding: 'utf8' })
  if (azcopy === 'azcopy') return 'Not found: azcopy. Put it into a folder of the PATH.'
  // It stores sign-ins there; a signed URL needs none, but it does not start without the library.
  const hint = stderr.includes('libsecret')
    ? '\nOn Debian and Ubuntu: sudo apt-get install libsecret-1-0'
    : ''
  return `azcopy does not start: ${stderr.trim()}${hint}`
}

/** The first line with a version number; undefined when the program is not there or does not run. */
function versionOf(program: string, args: string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0
    ? stdout
        .split('\n')
        .find((line) => /\d\.\d/.test(line))
        ?.trim()
    : undefined
}

/**
 * What the figures were made on: lines of Markdown.
 * @param versions of the programs that had a part in it
 */
export function machine(versions: readonly string[]): string[] {
  const cpus = os.cpus()
  const short = versions.map((line) =>
    line.replace(/^This is |,? (by|\(July|\(Library).*$|, version/g, '').slice(0, 60),
  )
  return [
    `- ${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB of memory`,
    `- ${os.type()} ${os.release()} (${os.arch()}), Node ${process.version}`,
    ...(short.length > 0 ? [`- ${short.join('; ')}`] : []),
  ]
}
