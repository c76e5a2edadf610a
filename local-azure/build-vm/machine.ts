/**
 * What a build VM is made of besides this machine's userland: the layer on top of it (user packer, sudo, the local
 * certificate authority, empty home and temporary directories) and the list of what it hides.
 */
import { execFile } from 'node:child_process'
import {
  appendFile,
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  symlink,
} from 'node:fs/promises'
import { existsSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export interface Machine {
  /** What a path (absolute, in the VM) was before the build; undefined when there was nothing. */
  original: (path: string) => Promise<Stats | undefined>
}

/** Top-level names of a distribution's userland. All others are this machine's own business: the VM has none of it. */
const USERLAND = /^(bin|boot|etc|lib\w*|opt|sbin|usr|var)$/

const EMPTY_DIRECTORIES: { path: string; mode: number }[] = [
  ...['dev', 'home', 'media', 'mnt', 'proc', 'run', 'srv', 'sys'].map((name) => ({
    path: `/${name}`,
    mode: 0o755,
  })),
  { path: '/root', mode: 0o700 },
  { path: '/tmp', mode: 0o1777 },
  { path: '/var/tmp', mode: 0o1777 },
]

/** Where distributions keep the one file of trusted authorities: Debian, Fedora, SUSE, OpenSSL's own. */
const AUTHORITY_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
const SUDO = fileURLToPath(new URL('sudo.sh', import.meta.url))

/** Major and minor numbers of the character devices in `/dev` (Linux, documented in its devices.txt). */
const DEVICES: [string, number, number][] = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
]
const DEVICE_LINKS = { fd: 'fd', stdin: 'fd/0', stdout: 'fd/1', stderr: 'fd/2' }

/** Writes `folder`/machine (the layer), `folder`/hidden (whiteouts) and `folder`/dev. Needs root. */
export async function makeMachine(folder: string, authority: string): Promise<Machine> {
  const layer = join(folder, 'machine')
  const hidden = [...(await readdir('/')).filter((name) => !USERLAND.test(name)), 'var/tmp']
  await makeLayer(layer, authority)
  await makeWhiteouts(join(folder, 'hidden'), hidden)
  await makeDev(join(folder, 'dev'))
  return { original: (path) => original(layer, hidden, path) }
}

async function makeLayer(layer: string, authority: string): Promise<void> {
  await mkdir(layer)
  await addUser(layer)
  await trust(layer, authority)
  await resolveNames(layer)
  await placeFile(layer, '/usr/local/bin/sudo', SUDO)
  await chmod(join(layer, 'usr/local/bin/sudo'), 0o755)
  for (const { path, mode } of EMPTY_DIRECTORIES) {
    await placeDirectory(layer, dirname(path))
    await makeDirectory(join(layer, path), mode)
  }
}

async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true })
  await chmod(path, mode) // whatever the umask
}

async function addUser(layer: string): Promise<void> {
  const entries = (await readFile('/etc/passwd', 'utf8')) + (await readFile('/etc/group', 'utf8'))
  const ids = new Set([...entries.matchAll(/^[^:]*:[^:]*:(\d+)/gm)].map(([, id]) => Number(id)))
  let id = 1000
  while (ids.has(id)) id += 1
  await extend(layer, '/etc/passwd', `packer:x:${id}:${id}::/home/packer:/bin/sh\n`)
  await extend(layer, '/etc/group', `packer:x:${id}:\n`)
  await extend(layer, '/etc/shadow', 'packer:*:20000:0:99999:7:::\n')
  await makeDirectory(join(layer, 'home/packer'), 0o755)
  await chown(join(layer, 'home/packer'), id, id)
}

async function trust(layer: string, authority: string): Promise<void> {
  const present = await Promise.all(AUTHORITY_BUNDLES.map((path) => realpath(path).catch(() => undefined)))
  for (const path of new Set(present)) {
    if (path !== undefined) await extend(layer, path, `\n${authority}`)
  }
}

/** These two often are links into `/run` or mounts, and the VM shares neither. */
async function resolveNames(layer: string): Promise<void> {
  for (const path of ['/etc/hosts', '/etc/resolv.conf']) {
    if (existsSync(path)) await placeFile(layer, path, path)
  }
}

/** Puts a copy of this machine's file into the layer, with more text at its end. */
async function extend(layer: string, path: string, text: string): Promise<void> {
  await placeFile(layer, path, path)
  await appendFile(join(layer, path), text)
  await likeOriginal(layer, path)
}

async function placeFile(layer: string, path: string, source: string): Promise<void> {
  await placeDirectory(layer, dirname(path))
  await copyFile(source, join(layer, path))
}

/** A directory shows the mode and owner of its topmost layer, so the layer's must be those of the machine. */
async function placeDirectory(layer: string, path: string): Promise<void> {
  if (path === '/') return
  await placeDirectory(layer, dirname(path))
  await mkdir(join(layer, path), { recursive: true })
  await likeOriginal(layer, path)
}

async function likeOriginal(layer: string, path: string): Promise<void> {
  const { uid, gid, mode } = await lstat(path)
  await chown(join(layer, path), uid, gid)
  await chmod(join(layer, path), mode & 0o7777)
}

/** An overlay takes a character device 0/0 for the absence of the name in the layers below. */
async function makeWhiteouts(folder: string, paths: string[]): Promise<void> {
  for (const path of paths) await mkdir(dirname(join(folder, path)), { recursive: true })
  await makeDevices(
    folder,
    paths.map((path) => [path, 0, 0]),
  )
}

async function makeDev(folder: string): Promise<void> {
  await makeDirectory(folder, 0o755)
  await makeDirectory(join(folder, 'shm'), 0o1777)
  await makeDevices(folder, DEVICES)
  for (const [name, target] of Object.entries(DEVICE_LINKS)) {
    await symlink(`/proc/self/${target}`, join(folder, name))
  }
}

/** Character devices, which Node cannot make. */
async function makeDevices(folder: string, devices: [string, number, number][]): Promise<void> {
  const makeAll = 'while [ $# -gt 0 ]; do mknod -m 666 -- "$1" c "$2" "$3" || exit; shift 3; done'
  await promisify(execFile)('sh', ['-c', makeAll, 'sh', ...devices.flat().map(String)], { cwd: folder })
}

async function original(layer: string, hidden: string[], path: string): Promise<Stats | undefined> {
  const added = await lstat(join(layer, path)).catch(() => undefined)
  const isHidden = hidden.some((name) => `${path}/`.startsWith(`/${name}/`))
  return added ?? (isHidden ? undefined : await lstat(path).catch(() => undefined))
}
