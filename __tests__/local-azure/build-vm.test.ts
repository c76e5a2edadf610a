import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type BuildVm, createBuildVm } from '../../local-azure/build-vm.ts'
import { makeCertificates } from '../../local-azure/certificates.ts'

const certificates = await makeCertificates()
const folders: string[] = []
const vms: BuildVm[] = []

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'build-vm-'))
  folders.push(folder)
  return folder
}

async function newVm(): Promise<BuildVm> {
  const folder = await newFolder()
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, certificates.authority)
  const vm = await createBuildVm({ folder, caFile })
  vms.push(vm)
  return vm
}

interface Outcome {
  code: number
  stdout: string[]
  stderr: string[]
}

async function run(vm: BuildVm, ...inline: string[]): Promise<Outcome> {
  const outcome: Outcome = { code: -1, stdout: [], stderr: [] }
  outcome.code = await vm.runShell(inline, (stream, line) => outcome[stream].push(line))
  return outcome
}

/** An argument of sleep that no other process has. */
function newNap(): string {
  return `600.${randomInt(1e9, 1e10)}`
}

function isNapping(nap: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${nap}\0`
    } catch {
      return false // ended meanwhile
    }
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10)
}

/** Whether this machine can, found out without the code under test: else a defect would only skip the tests. */
async function canMount(): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const folder = await newFolder()
  for (const name of ['upper', 'work', 'merged']) await mkdir(join(folder, name))
  try {
    const mount = 'mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay merged'
    execFileSync('unshare', ['--mount', 'sh', '-c', mount], { cwd: folder, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const shared = await newVm()

afterAll(async () => {
  await Promise.all(vms.map((vm) => vm.close()))
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })))
})

/** Registers a test that needs a VM that runs; where none does, the test's name tells why it is left out. */
function testVm(name: string, body: () => Promise<void>): void {
  if (shared.runs) test(name, body)
  else test.skip(`${name} (${shared.reason})`, body)
}

test('runs wherever an overlay can be mounted, and says why elsewhere', async () => {
  expect(shared.runs).toBe(await canMount())
  expect(shared.reason === '').toBe(shared.runs)
})

test('without root it stores files and runs nothing', async () => {
  jest.spyOn(process, 'getuid').mockReturnValue(1001)
  const vm = await newVm().finally(() => {
    jest.restoreAllMocks()
  })
  expect(vm).toMatchObject({ runs: false, reason: 'needs root on Linux (mount namespace, overlay)' })

  await vm.upload('/tmp/app.tar.gz', Buffer.from('content'))

  expect(await run(vm, 'exit 3')).toEqual({ code: 0, stdout: [], stderr: [] })
  expect(await readFile(join(vm.root, 'tmp/app.tar.gz'), 'utf8')).toBe('content')
  expect(await vm.changes()).toContainEqual(
    expect.objectContaining({ path: '/tmp/app.tar.gz', type: 'file', size: 7 }),
  )
})

test('does not start without an authority to trust', async () => {
  const folder = await newFolder()
  await expect(createBuildVm({ folder, caFile: join(folder, 'missing.pem') })).rejects.toThrow('missing.pem')
})

describe('scripts', () => {
  testVm('print on two streams, each in order, with an unfinished last line', async () => {
    const outcome = await run(shared, 'echo one; echo two', 'echo wrong >&2', 'echo täst', 'printf end')
    expect(outcome).toEqual({ code: 0, stdout: ['one', 'two', 'täst', 'end'], stderr: ['wrong'] })
  })

  testVm('hand over a line as soon as it is printed', async () => {
    const abort = new AbortController()
    const firstLine = new Promise((resolve) => {
      shared
        .runShell(
          ['echo early', 'sleep 600'],
          (_, line) => {
            resolve(line)
          },
          abort.signal,
        )
        .catch(() => undefined)
    })
    expect(await firstLine).toBe('early')
    abort.abort()
  })

  testVm('stop at the first line that fails and return its exit code', async () => {
    expect(await run(shared, 'echo before', '(exit 42)', 'echo after')).toMatchObject({
      code: 42,
      stdout: ['before'],
    })
  })

  testVm('are one script: variables and directories carry over, CRLF is no part of a line', async () => {
    const { stdout } = await run(shared, 'NAME=value\r\ncd /usr', 'echo "$NAME $PWD"', 'cat; echo "$0"')
    expect(stdout).toEqual(['value /usr', expect.stringMatching(/^\/tmp\/script_\d{4}\.sh$/)])
  })

  testVm('see what Packer sets and nothing of the environment around', async () => {
    const { stdout } = await run(shared, 'env')
    const names = stdout.map((line) => line.split('=')[0]).sort()
    expect(names).toEqual(
      'HOME LANG LOGNAME PACKER_BUILDER_TYPE PACKER_BUILD_NAME PATH PWD SHELL USER'.split(' '),
    )
    expect(stdout).toContain('PACKER_BUILDER_TYPE=azure-arm')
  })
})

describe('rights', () => {
  testVm('are those of the user packer', async () => {
    const { stdout } = await run(shared, 'id -un; pwd; stat -c %U .')
    expect(stdout).toEqual(['packer', '/home/packer', 'packer'])
  })

  testVm('do not reach what needs root', async () => {
    for (const line of ['mkdir /opt/app', 'touch /etc/app.conf', 'ls /root', 'chown root /tmp']) {
      const { code, stderr } = await run(shared, line)
      expect({ line, failed: code !== 0 }).toEqual({ line, failed: true })
      expect(stderr.join()).toMatch(/Permission denied|Operation not permitted/)
    }
  })

  testVm('are root with sudo, which resets the environment unless told otherwise', async () => {
    const { stdout } = await run(
      shared,
      'export KEPT=kept',
      'sudo sh -c \'echo "$(id -u) $HOME $USER $SUDO_USER ${KEPT-gone}"\'',
      'sudo -nE sh -c \'echo "$(id -u) $KEPT"\'',
      'sudo A=1 B="two words" sh -c \'echo "$A $B"\'',
      'sudo -u nobody -- id -un',
      'sudo --user=nobody id -un',
      'sudo -i pwd',
      'echo id -un | sudo -s',
    )
    expect(stdout).toEqual([
      '0 /root root packer gone',
      '0 kept',
      '1 two words',
      'nobody',
      'nobody',
      '/root',
      'root',
    ])
  })

  testVm('sudo refuses what it does not know', async () => {
    expect(await run(shared, 'sudo --edit /etc/hosts')).toMatchObject({
      code: 1,
      stderr: ["sudo: unrecognized option '--edit'"],
    })
    expect(await run(shared, 'sudo no-such-program')).toMatchObject({
      code: 1,
      stderr: ['sudo: no-such-program: command not found'],
    })
    expect(await run(shared, 'sudo -u no-such-user id')).toMatchObject({ code: 1 })
  })

  testVm('sudo passes the exit code on', async () => {
    expect((await run(shared, 'sudo sh -c "exit 7"')).code).toBe(7)
  })
})

describe('the image', () => {
  testVm('keeps what scripts write, and lists just that with its modes', async () => {
    const vm = await newVm()
    await run(
      vm,
      'sudo mkdir -p /opt/app/bin /srv/site /lib/buildArtifacts',
      'echo run | sudo tee /opt/app/bin/start',
      'sudo chmod 4755 /opt/app/bin/start; sudo chmod 750 /srv/site',
      'echo left > /tmp/left; echo mine > ~/mine; chmod 600 ~/mine',
      'ln -s /usr ~/link; sudo touch /lib/buildArtifacts/one',
    )
    expect((await run(vm, 'cat /opt/app/bin/start /tmp/left ~/mine; ls /lib/buildArtifacts')).stdout).toEqual(
      ['run', 'left', 'mine', 'one'],
    )
    const library = (await run(vm, 'readlink -f /lib')).stdout.join()
    expect(await vm.changes()).toEqual(
      [
        { path: '/home/packer/link', type: 'symlink', mode: 0o777, size: 0, target: '/usr' },
        { path: '/home/packer/mine', type: 'file', mode: 0o600, size: 5 },
        { path: '/opt/app', type: 'directory', mode: 0o755, size: 0 },
        { path: '/opt/app/bin', type: 'directory', mode: 0o755, size: 0 },
        { path: '/opt/app/bin/start', type: 'file', mode: 0o4755, size: 4 },
        { path: '/srv/site', type: 'directory', mode: 0o750, size: 0 },
        { path: '/tmp/left', type: 'file', mode: 0o644, size: 5 },
        { path: `${library}/buildArtifacts`, type: 'directory', mode: 0o755, size: 0 },
        { path: `${library}/buildArtifacts/one`, type: 'file', mode: 0o644, size: 0 },
      ].sort((a, b) => (a.path < b.path ? -1 : 1)),
    )
    await vm.close()
    expect(await readFile(join(vm.root, 'opt/app/bin/start'), 'utf8')).toBe('run\n')
  })

  testVm('starts without changes; a deletion is none, a changed directory is one', async () => {
    const vm = await newVm()
    await run(vm, 'true')
    expect(await vm.changes()).toEqual([])
    await run(vm, 'sudo rm /etc/hosts; sudo chmod 711 /srv; touch ~/was; rm ~/was')
    expect(await vm.changes()).toEqual([{ path: '/srv', type: 'directory', mode: 0o711, size: 0 }])
    expect((await run(vm, 'test ! -e /etc/hosts')).code).toBe(0)
  })

  testVm('has nothing of this machine but its userland', async () => {
    const { stdout } = await run(shared, 'sudo ls -A /root /home /srv /mnt /tmp /var/tmp')
    expect(stdout.filter((line) => !/^(|.*:|packer|script_\d+\.sh)$/.test(line))).toEqual([])
    const here = import.meta.filename
    expect((await run(shared, `sudo test -e ${here} || sudo test -e /proc/1/root${here}`)).code).toBe(1)
    const top = (await run(shared, 'ls -A /')).stdout
    const usual = /^(bin|boot|dev|etc|home|lib\w*|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)$/
    expect(top.filter((name) => !usual.test(name))).toEqual([])
  })

  testVm('leaves this machine as it was', async () => {
    const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8')
    const before = mounts()
    const vm = await newVm()
    const name = `build-vm-${newNap()}`
    const during = new Promise((resolve) => {
      vm.runShell([`sudo touch /opt/${name} /etc/${name}`, 'echo up', 'sleep 600'], () => {
        resolve(mounts())
      }).catch(() => undefined)
    })
    expect(await during).toBe(before)
    await vm.close()
    expect([`/opt/${name}`, `/etc/${name}`, '/usr/local/bin/sudo.setpriv'].filter(existsSync)).toEqual([])
    expect(mounts()).toBe(before)
  })

  testVm('is another one for each VM, at the same time', async () => {
    const two = await Promise.all([newVm(), newVm()])
    await Promise.all(two.map((vm, index) => run(vm, `echo ${index} | sudo tee /opt/which`)))
    const read = await Promise.all(two.map((vm) => run(vm, 'cat /opt/which')))
    expect(read.map(({ stdout }) => stdout)).toEqual([['0'], ['1']])
  })
})

describe('uploads', () => {
  const content = Buffer.from([0, 10, 255, 39, 36])

  testVm('arrive byte for byte as files of the user packer', async () => {
    const vm = await newVm()
    await vm.upload("/tmp/it's here $1", content)
    expect(await readFile(join(vm.root, "tmp/it's here $1"))).toEqual(content)
    expect((await run(vm, 'stat -c "%U %a %s" /tmp/it*')).stdout).toEqual(['packer 644 5'])
    expect(await vm.changes()).toHaveLength(1)
  })

  testVm('are refused where the directory is missing or not writable', async () => {
    await expect(shared.upload('/tmp/missing/file', content)).rejects.toThrow(
      'scp: /tmp/missing/file: No such file or directory',
    )
    await expect(shared.upload('/opt/file', content)).rejects.toThrow('scp: /opt/file: Permission denied')
  })
})

describe('the end', () => {
  testVm('comes to everything that a script started when it is aborted', async () => {
    const vm = await newVm()
    const [inner, outer] = [newNap(), newNap()]
    const abort = new AbortController()
    const lines = [`sudo setsid sh -c "sleep ${inner}; :" &`, 'echo up', `sleep ${outer}`]
    const ended = vm.runShell(lines, () => undefined, abort.signal)
    await until(() => isNapping(inner) && isNapping(outer))

    abort.abort(new Error('cancelled'))

    await expect(ended).rejects.toThrow('cancelled')
    expect([inner, outer].filter(isNapping)).toEqual([])
    expect(await vm.changes()).toEqual([])
    expect((await run(vm, 'echo again')).stdout).toEqual(['again'])
  })

  testVm('comes to background processes with their script', async () => {
    const nap = newNap()
    expect((await run(shared, `sleep ${nap} &`, 'echo done')).stdout).toEqual(['done'])
    expect(isNapping(nap)).toBe(false)
  })

  testVm('comes with close, after which nothing starts', async () => {
    const vm = await newVm()
    const nap = newNap()
    const ended = run(vm, `sleep ${nap}`)
    const refused = expect(ended).rejects.toThrow('The build VM is closed')
    await until(() => isNapping(nap))

    await vm.close()

    await refused
    expect(isNapping(nap)).toBe(false)
    await expect(run(vm, 'true')).rejects.toThrow('The build VM is closed')
  })

  testVm('does not start what is aborted before', async () => {
    await expect(
      shared.runShell(['touch /tmp/never'], () => undefined, AbortSignal.abort(new Error('too late'))),
    ).rejects.toThrow('too late')
    expect(existsSync(join(shared.root, 'tmp/never'))).toBe(false)
  })

  testVm('comes when the process that holds the VM is killed', async () => {
    const nap = newNap()
    const folder = await newFolder()
    await writeFile(join(folder, 'ca.pem'), certificates.authority)
    const source = `
      const { createBuildVm } = await import(process.argv[1])
      const vm = await createBuildVm({ folder: process.argv[2], caFile: process.argv[2] + '/ca.pem' })
      await vm.runShell(['sleep ${nap}'], () => undefined)`
    const buildVm = join(import.meta.dirname, '../../local-azure/build-vm.ts')
    const holder = spawn(process.execPath, ['--input-type=module', '-e', source, buildVm, folder])
    await until(() => isNapping(nap))

    holder.kill('SIGKILL')

    await once(holder, 'exit')
    await until(() => !isNapping(nap))
  })
})

describe('the local authority', () => {
  const clients = {
    curl: 'curl -sS',
    wget: 'wget -qO-',
    python3: 'python3 -c "import sys,urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"',
  }

  for (const [name, command] of Object.entries(clients)) {
    const given = existsSync(`/usr/bin/${name}`)
    const register = given ? testVm : test.skip
    register(`is trusted by ${name}${given ? '' : ' (not installed)'}`, async () => {
      const { certificate: cert, key } = certificates
      const server = createServer({ cert, key }, (_, response) => response.end('hello'))
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      const outcome = await run(shared, `${command} https://localhost:${port}/`)
      await new Promise((resolve) => server.close(resolve))
      expect(outcome).toEqual({ code: 0, stdout: ['hello'], stderr: [] })
    })
  }
})
