/**
 * The VM in which Image Builder's Packer builds a Linux image: a private root directory over this machine's own
 * userland, in which commands really run and which keeps what they write. Linux as root only; elsewhere the VM
 * takes files and runs nothing.
 */
import { randomInt } from 'node:crypto'
import { chmod, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Change, listChanges } from './build-vm/changes.ts'
import { makeMachine, type Machine } from './build-vm/machine.ts'
import { type OnLine, runSession } from './build-vm/session.ts'

export interface BuildVm {
  /** Whether commands run here. */
  readonly runs: boolean
  /** Why they do not; empty when they do. */
  readonly reason: string
  /** Packer's file provisioner: writes a file as the user packer, mode 0644. Rejects in the words of scp. */
  upload: (path: string, content: Buffer) => Promise<void>
  /**
   * Packer's shell provisioner: runs the lines as one script of the user packer and returns its exit code.
   * Processes that the script leaves behind end with it. Rejects with the signal's reason when aborted, after
   * everything it started has ended. Returns 0 without doing anything when the VM does not run.
   */
  runShell: (inline: string[], onLine: OnLine, signal?: AbortSignal) => Promise<number>
  /** What the build added or changed so far, sorted by path. */
  changes: () => Promise<Change[]>
  /** Folder that mirrors `/` with what the build added or changed. Stays when the VM is closed. */
  root: string
  /** Ends what still runs. Nothing can be uploaded or run afterwards. */
  close: () => Promise<void>
}

export interface BuildVmOptions {
  /** An existing folder for this VM alone. The caller removes it. */
  folder: string
  /** PEM file with the authority that the VM's programs are to trust. */
  caFile: string
  /** A folder in which what all VMs with this authority are made of is kept; default: none is shared. */
  shared?: string
  /** False: takes files and runs nothing, as where this machine cannot. */
  runs?: boolean
}

/** A File customizer's copy and a Shell customizer's script, each as one session: what Packer does in several. */
const UPLOAD = 'tee -- "$1" >/dev/null'
const RUN_SCRIPT = [
  'cd "$HOME" || cd /; unset OLDPWD',
  'cat >"$1" && chmod 0755 "$1" || exit',
  'code=0; "$1" </dev/null || code=$?',
  'rm -f "$1"; exit $code',
].join('\n')

/** Starts a VM, which tells whether this machine can run one. */
export async function createBuildVm(options: BuildVmOptions): Promise<BuildVm> {
  const folder = await realpath(options.folder)
  const root = join(folder, 'upper')
  const authority = await readFile(options.caFile, 'utf8')
  await mkdir(root)
  if (options.runs === false) return storingVm(root, 'commands are not to be run')
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return storingVm(root, 'needs root on Linux (mount namespace, overlay)')
  }
  try {
    return await runningVm(folder, root, await theMachine(options.shared ?? folder, authority))
  } catch (error) {
    return storingVm(root, error instanceof Error ? error.message : String(error))
  }
}

const machines = new Map<string, Promise<Machine & { folder: string }>>()

/** What VMs are made of, made once in each folder, with a proof that this machine can run them. */
async function theMachine(where: string, authority: string): Promise<Machine & { folder: string }> {
  const make = async (): Promise<Machine & { folder: string }> => {
    await mkdir(where, { recursive: true })
    const folder = await realpath(where)
    const machine = { ...(await makeMachine(folder, authority)), folder }
    const proof = join(folder, 'proof')
    await mkdir(proof)
    await makeFolders(proof)
    const { run, close } = sessionsIn(proof, folder)
    await succeed(run, ['sudo', '-n', 'true'], '')
    await close()
    return machine
  }
  const made = machines.get(where) ?? make()
  machines.set(where, made)
  return await made
}

/** What a session mounts, and mounts on. */
async function makeFolders(folder: string): Promise<void> {
  for (const name of ['upper', 'work', 'lower', 'merged'])
    await mkdir(join(folder, name), { recursive: true })
  await chmod(join(folder, 'upper'), 0o755)
}

async function runningVm(
  folder: string,
  root: string,
  machine: Machine & { folder: string },
): Promise<BuildVm> {
  await makeFolders(folder)
  const { run, close } = sessionsIn(folder, machine.folder)
  return {
    runs: true,
    reason: '',
    root,
    upload: (path, content) => succeed(run, ['sh', '-c', UPLOAD, 'sh', path], content),
    runShell: async (inline, onLine, signal) => {
      const script = scriptPath()
      try {
        return await run(['sh', '-c', RUN_SCRIPT, 'sh', script], scriptOf(inline), onLine, signal)
      } finally {
        await rm(join(root, script), { force: true }) // an aborted session leaves it
      }
    },
    changes: () => listChanges(root, machine.original),
    close,
  }
}

type Run = (
  command: string[],
  input: Buffer | string,
  onLine: OnLine,
  signal?: AbortSignal,
) => Promise<number>

/** Sessions of one VM, one after the other: an upper directory must not be mounted twice at a time. */
function sessionsIn(folder: string, machine: string): { run: Run; close: () => Promise<void> } {
  const closing = new AbortController()
  let last: Promise<unknown> = Promise.resolve()
  const run: Run = (command, input, onLine, aborted) => {
    const signal = AbortSignal.any(aborted ? [closing.signal, aborted] : [closing.signal])
    const result = last.then(() => runSession({ folder, machine, command, input, onLine, signal }))
    last = result.catch(() => undefined)
    return result
  }
  const close = async (): Promise<void> => {
    closing.abort(new Error('The build VM is closed'))
    await last
  }
  return { run, close }
}

/** Rejects with what a failed command wrote to standard error, as scp would put it. */
async function succeed(run: Run, command: string[], input: Buffer | string): Promise<void> {
  const errors: string[] = []
  const code = await run(command, input, (stream, line) => {
    if (stream === 'stderr') errors.push(line.replace(/^tee: /, 'scp: '))
  })
  if (code !== 0) throw new Error(errors.join('\n') || `${command.join(' ')}: exit code ${code}`)
}

/** Packer's default name: `/tmp/script_<number below 9999>.sh`. */
function scriptPath(): string {
  return `/tmp/script_${randomInt(1000, 9999)}.sh`
}

/** Packer's defaults: the shebang, every line ended by LF, CRLF made LF. */
function scriptOf(inline: string[]): string {
  return ['#!/bin/sh -e', ...inline, ''].join('\n').replaceAll('\r\n', '\n')
}

/** Takes files so that the image's content can be looked at; every script succeeds unread. */
function storingVm(root: string, reason: string): BuildVm {
  return {
    runs: false,
    reason,
    root,
    upload: async (path, content) => {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    },
    runShell: () => Promise.resolve(0),
    changes: () => listChanges(root, () => Promise.resolve(undefined)),
    close: () => Promise.resolve(),
  }
}
