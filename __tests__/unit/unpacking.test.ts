/** The commands that bring the artifact into a Linux image and take it away again, run for real: they touch `/tmp` alone. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import {
  artifactCustomizers,
  removeArtifactCustomizer,
  type BuildArtifact,
} from '../../src/artifact-customizers.ts'
import { quotePosix } from '../../src/shell.ts'
import type { Customizer } from '../../src/template-schema.ts'
import { buildArtifact, NASTY_TEXTS, SIGNATURE } from '../support/factories.ts'

const onLinux = process.platform === 'linux' ? describe : describe.skip

onLinux('on Linux', () => {
  const PATH = process.env['PATH'] ?? ''
  const TOOLS = ['tar', 'gzip', 'mkdir', 'sha256sum']
  const stem = `aib-test-${randomBytes(6).toString('hex')}`
  let [folder, archive] = ['', '']
  let content = Buffer.alloc(0)
  let sha256 = ''

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'unpacking-'))
    await mkdir(path.join(folder, 'tree'))
    await writeFile(path.join(folder, 'tree', 'run me.sh'), 'echo ran', { mode: 0o755 })
    archive = path.join(folder, 'tree.tar.gz')
    execFileSync('tar', ['-czf', archive, '-C', path.join(folder, 'tree'), '.'])
    content = await readFile(archive)
    sha256 = createHash('sha256').update(content).digest('hex')
  })

  afterEach(async () => {
    const leftovers = (await readdir('/tmp')).filter((name) => name.includes(stem))
    for (const name of leftovers) await rm(path.join('/tmp', name), { recursive: true })
    await rm(archiveInImage(), { force: true })
  })

  afterAll(() => rm(folder, { recursive: true }))

  const archiveInImage = (): string => `/tmp/aib-artifact-${sha256.slice(0, 16)}.tar.gz`
  const artifact = (overrides: Partial<BuildArtifact> = {}): BuildArtifact =>
    buildArtifact({ folder: stem, sha256, bytes: content.length, ...overrides })

  /** Should quoting ever break, words like `/tmp/` come loose: only what this test made may be deleted. */
  const guardedRm = (): string =>
    [
      'for word; do case $word in',
      `  -rf|-f|*${stem}|${archiveInImage()}) ;;`,
      '  *) echo "refusing to delete $word" >&2; exit 99;;',
      'esac; done',
      `PATH=${quotePosix(PATH)}; exec rm "$@"`,
    ].join('\n')

  /**
   * Runs the commands as Packer does, as one script by `/bin/sh -e`, but with these tools alone, in a directory of
   * its own, with an `rm` that is careful and a `sleep` that is not.
   */
  async function run(
    customizers: Customizer[],
    tools: string[] = TOOLS,
  ): Promise<{ code: number; output: string }> {
    const bin = await mkdtemp(path.join(folder, 'bin-'))
    const commands: [string, string][] = [
      ...tools.map((tool): [string, string] => [tool, `PATH=${quotePosix(PATH)}; exec ${tool} "$@"`]),
      ['rm', guardedRm()],
      ['sudo', 'exec "$@"'],
      ['sleep', ''],
    ]
    for (const [name, command] of commands) {
      await writeFile(path.join(bin, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 })
    }
    const inline = customizers.flatMap((one) => (one.type === 'Shell' ? (one.inline ?? []) : []))
    const script = path.join(bin, 'script')
    await writeFile(script, ['#!/bin/sh -e', ...inline, ''].join('\n'))
    return await new Promise((resolve) => {
      execFile('/bin/sh', ['-e', script], { env: { PATH: bin }, cwd: bin }, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr })
      })
    })
  }

  const bring = (built: BuildArtifact, tools?: string[]): ReturnType<typeof run> =>
    run(artifactCustomizers('Linux', built), tools)

  async function succeed(built: BuildArtifact, tools?: string[]): Promise<string> {
    const { code, output } = await bring(built, tools)
    if (code !== 0) throw new Error(`exit code ${code}\n${output}`)
    return output
  }

  function expectUnpacked(name: string): void {
    expect(execFileSync(`/tmp/${name}/run me.sh`, { shell: false, encoding: 'utf8' })).toBe('ran\n')
    expect(existsSync(archiveInImage())).toBe(false)
  }

  describe('a copied artifact', () => {
    const names = NASTY_TEXTS.filter(([, text]) => !text.includes('/'))
    test.each(names)('is unpacked into a folder with %s', async (_, text) => {
      const name = text + stem
      await copyFile(archive, archiveInImage())
      await succeed(artifact({ folder: name }))
      expectUnpacked(name)
    })

    test.each(names)('goes again from a folder with %s', async (_, text) => {
      const name = text + stem
      await mkdir(`/tmp/${name}/deep`, { recursive: true })
      await mkdir(`/tmp/beside ${stem}`)
      const remove = removeArtifactCustomizer('Linux', name)
      expect(await run([remove])).toEqual({ code: 0, output: '' })
      expect([existsSync(`/tmp/${name}`), existsSync(`/tmp/beside ${stem}`)]).toEqual([false, true])
      // A script may have removed it already.
      expect(await run([remove])).toEqual({ code: 0, output: '' })
    })

    test('takes the place of what an earlier build left', async () => {
      await mkdir(`/tmp/${stem}`)
      await writeFile(`/tmp/${stem}/old`, '')
      await copyFile(archive, archiveInImage())
      await succeed(artifact())
      expect(await readdir(`/tmp/${stem}`)).toEqual(['run me.sh'])
    })

    test('that is no archive fails the build', async () => {
      await writeFile(archiveInImage(), 'nonsense')
      expect((await bring(artifact())).code).not.toBe(0)
    })
  })

  describe('a downloaded artifact', () => {
    let server: Server
    let answers: { status: number; body: Buffer }[] = []
    let requests: string[] = []

    beforeEach(async () => {
      requests = []
      server = createServer((request, response) => {
        requests.push(request.url ?? '')
        const { status, body } = answers.shift() ?? { status: 503, body: Buffer.alloc(0) }
        response.writeHead(status).end(body)
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
    })

    afterEach(async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    })

    const good = (): { status: number; body: Buffer } => ({ status: 200, body: content })
    const bad = { status: 503, body: Buffer.from('busy') }
    const query = `/a%20b.tar.gz?sp=r&sig=${SIGNATURE}`
    const large = (): BuildArtifact =>
      artifact({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${query}`,
        transfer: 'download',
      })

    test.each(['curl', 'wget', 'python3'])(
      'comes by %s, tried again when the server is busy',
      async (tool) => {
        answers = [bad, bad, good()]
        const output = await succeed(large(), [...TOOLS, tool])
        expect(requests).toEqual([query, query, query])
        expect(output).not.toContain(SIGNATURE)
        expectUnpacked(stem)
      },
    )

    test('that never comes fails the build after five tries', async () => {
      answers = []
      const { code, output } = await bring(large(), [...TOOLS, 'curl'])
      expect(code).toBe(1)
      expect(output).toContain('aib-action: the download failed 5 times')
      expect(requests).toHaveLength(5)
    })

    test('with another digest is not unpacked', async () => {
      answers = [{ status: 200, body: Buffer.concat([content, Buffer.from('x')]) }]
      expect((await bring(large(), [...TOOLS, 'curl'])).code).not.toBe(0)
      expect(existsSync(`/tmp/${stem}`)).toBe(false)
    })

    test('without anything that downloads fails at once and says why', async () => {
      const { code, output } = await bring(large())
      expect(code).toBe(1)
      expect(output).toContain('aib-action: the image has none of curl, wget and python3')
      expect(output).not.toContain('the download failed')
      expect(requests).toEqual([])
    })
  })
})
