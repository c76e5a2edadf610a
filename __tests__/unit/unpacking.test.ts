/** The commands that bring the artifact into a Linux image and take it away again, run for real: they touch `/tmp` alone. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import {
  artifactCustomizers,
  removeArtifactCustomizer,
  type BuildArtifact,
} from '../../src/artifact-customizers.ts'
import type { Customizer } from '../../src/template-schema.ts'
import { runScript, type BareImage, type ScriptEnd } from '../support/bare-image.ts'
import { buildArtifact, NASTY_TEXTS, SIGNATURE } from '../support/factories.ts'

const onLinux = process.platform === 'linux' ? describe : describe.skip

onLinux('on Linux', () => {
  const UNPACKING = ['tar', 'gzip', 'mkdir']
  const BASE = [...UNPACKING, 'cat', 'cut', 'grep', 'sed', 'wc']
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
  const run = (customizers: Customizer[], image: Partial<BareImage> = {}): Promise<ScriptEnd> =>
    runScript(customizers, {
      folder,
      programs: UNPACKING,
      deletable: `*${stem}|${archiveInImage()}`,
      ...image,
    })

  const bring = (built: BuildArtifact, image: Partial<BareImage> = {}): Promise<ScriptEnd> =>
    run(artifactCustomizers('Linux', built), image)

  async function succeed(built: BuildArtifact, image?: Partial<BareImage>): Promise<ScriptEnd> {
    const end = await bring(built, image)
    if (end.code !== 0) throw new Error(`exit code ${end.code}\n${end.output}`)
    return end
  }

  function expectUnpacked(name: string): void {
    expect(execFileSync(`/tmp/${name}/run me.sh`, { shell: false, encoding: 'utf8' })).toBe('ran\n')
    expect(existsSync(archiveInImage())).toBe(false)
  }

  describe('a copied artifact', () => {
    const names = NASTY_TEXTS.filter(([, text]) => !text.includes('/'))
    test.each(names)('is unpacked into a folder with %s, and goes again', async (_, text) => {
      const name = text + stem
      await copyFile(archive, archiveInImage())
      await succeed(artifact({ folder: name }))
      expectUnpacked(name)
      await mkdir(`/tmp/${name}/deep`)
      await mkdir(`/tmp/beside ${stem}`)
      const remove = removeArtifactCustomizer('Linux', name)
      // A script may have removed it already: a second time, nothing is there.
      expect(await run([remove, remove])).toMatchObject({ code: 0, output: '' })
      expect([existsSync(`/tmp/${name}`), existsSync(`/tmp/beside ${stem}`)]).toEqual([false, true])
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
      expect(existsSync(archiveInImage())).toBe(false)
    })

    test('is followed by the log: where it is unpacked, and that the archive is gone', async () => {
      await copyFile(archive, archiveInImage())
      expect((await succeed(artifact())).output).toBe(
        [
          `aib-action: unpacking the build artifact into /tmp/${stem}`,
          `aib-action: deleted ${archiveInImage()}`,
          '',
        ].join('\n'),
      )
    })
  })

  describe('a downloaded artifact', () => {
    type Answer = (response: ServerResponse) => void
    let server: Server
    let answers: Answer[] = []
    let requests: string[] = []
    /** Mode and size of the file in the image at the moment of each request. */
    let before: { mode: number; size: number }[] = []

    beforeEach(async () => {
      ;[answers, requests, before] = [[], [], []]
      server = createServer((request, response) => {
        requests.push(request.url ?? '')
        const { mode, size } = statSync(archiveInImage())
        before.push({ mode: mode & 0o777, size })
        ;(answers.shift() ?? status(503))(response)
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
    })

    afterEach(async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    })

    const bytes =
      (body: Buffer): Answer =>
      (response) =>
        response.end(body)
    const status =
      (code: number): Answer =>
      (response) =>
        response.writeHead(code).end('Sorry.')
    const good: Answer = (response) => response.end(content)
    const damaged = Buffer.from('damaged')
    const silent: Answer = () => undefined
    const half = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-length': content.length })
      response.write(content.subarray(0, content.length / 2))
    }
    const cutOff: Answer = (response) => {
      half(response)
      setImmediate(() => response.destroy())
    }

    const query = `/a%20b.tar.gz?sp=r&sig=${SIGNATURE}`
    const origin = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`
    const large = (): BuildArtifact => artifact({ url: `http://${origin()}${query}`, transfer: 'download' })

    const machine = (...programs: string[]): Partial<BareImage> => ({
      programs: [...BASE, 'sha256sum', ...programs],
    })
    const busyBox: Partial<BareImage> = {
      programs: [...BASE, 'sha256sum', 'timeout', 'wget'].map((name) => `busybox ${name}`),
      shell: ['/bin/busybox', 'sh'],
    }
    const images: [string, Partial<BareImage>][] = [
      ['curl', machine('curl')],
      ['wget', machine('wget')],
      ['python3', machine('python3')],
      ['BusyBox', busyBox],
    ]
    const hasBusyBox = existsSync('/bin/busybox')
    const testWithBusyBox = hasBusyBox ? test : test.skip

    function expectSecretKept({ output, commandLines }: ScriptEnd): void {
      expect(output).not.toContain('sig=')
      expect(commandLines).not.toContain('sig=')
    }

    async function expectFailure(built: BuildArtifact, image: Partial<BareImage>): Promise<ScriptEnd> {
      const end = await bring(built, image)
      expect(end.code).toBe(1)
      expect(end.output).toContain('aib-action: the download failed 5 times')
      expect([existsSync(`/tmp/${stem}`), existsSync(archiveInImage())]).toEqual([false, false])
      return end
    }

    for (const [name, image] of images)
      (hasBusyBox || name !== 'BusyBox' ? describe : describe.skip)(`by ${name}`, () => {
        test('is tried again when the server is busy, breaks off or sends something else', async () => {
          answers = [status(503), cutOff, bytes(damaged), good]
          const end = await succeed(large(), image)
          expect(requests).toEqual([query, query, query, query])
          expect(before).toEqual(requests.map(() => ({ mode: 0o600, size: 0 })))
          if (name === 'BusyBox') expect(end.output).not.toContain('sig=')
          else expectSecretKept(end)
          expectUnpacked(stem)
        })

        test('is given up by a connection that stands still, and tried again', async () => {
          answers = [silent, half, good]
          await succeed(large(), { ...image, impatient: true })
          expect(requests).toHaveLength(3)
          expectUnpacked(stem)
        })

        test('that may not be read fails with the status and without the SAS', async () => {
          answers = Array<Answer>(5).fill(status(403))
          const { output } = await expectFailure(large(), image)
          expect(requests).toHaveLength(5)
          expect(output.match(/\b403\b/g)).toHaveLength(5)
          expect(output).not.toContain('sig=')
        })

        test('that nobody serves fails without the SAS', async () => {
          const { output } = await expectFailure({ ...large(), url: `http://127.0.0.1:1${query}` }, image)
          expect(output).toMatch(/refused|Failed to connect/)
          expect(output).not.toContain('sig=')
        })
      })

    test('tells what is done', async () => {
      answers = [good]
      expect((await succeed(large(), machine('curl'))).output).toBe(
        [
          `aib-action: downloading the build artifact (0.0 MiB) from ${origin()}/a%20b.tar.gz`,
          `aib-action: the SHA-256 is right: ${sha256}`,
          `aib-action: unpacking the build artifact into /tmp/${stem}`,
          `aib-action: deleted ${archiveInImage()}`,
          '',
        ].join('\n'),
      )
    })

    test('keeps its SAS even from a trace of the shell', async () => {
      answers = [status(503), good]
      const end = await succeed(large(), { ...machine('curl'), shell: ['/bin/sh', '-x'] })
      expect(end.output).toContain('+ sudo rm -rf')
      expectSecretKept(end)
    })

    test('with another digest fails after five tries, and both digests are named', async () => {
      answers = Array<Answer>(5).fill(bytes(damaged))
      const { output } = await expectFailure(large(), machine('curl'))
      expect(requests).toHaveLength(5)
      const found = createHash('sha256').update(damaged).digest('hex')
      const words = `failed: 7 of ${content.length} bytes came, SHA-256 ${found} instead of ${sha256}\n`
      expect(output.split(words)).toHaveLength(6)
    })

    test('takes the place of what an earlier build left', async () => {
      await writeFile(archiveInImage(), 'old', { mode: 0o644 })
      answers = [good]
      await succeed(large(), machine('curl'))
      expect(before).toEqual([{ mode: 0o600, size: 0 }])
      expectUnpacked(stem)
    })

    test.each(['sha256sum', 'shasum', 'openssl', 'python3'])('is checked by %s', async (program) => {
      answers = [bytes(damaged), good]
      const end = await succeed(large(), { programs: [...BASE, 'curl', program] })
      expect(end.output).toContain('try 1 of 5 failed')
      expectUnpacked(stem)
    })

    test.each([
      ['downloads', 'curl, wget and python3', ['sha256sum']],
      ['knows SHA-256', 'sha256sum, shasum, openssl and python3', ['curl']],
    ])('without anything that %s fails at once and says why', async (_, names, programs) => {
      const { code, output } = await bring(large(), { programs: [...BASE, ...programs] })
      expect(code).toBe(1)
      expect(output).toContain(`aib-action: the image has none of ${names}\n`)
      expect(requests).toEqual([])
    })

    testWithBusyBox("goes by python3 rather than by BusyBox's wget", async () => {
      answers = [good]
      expectSecretKept(await succeed(large(), machine('python3', 'busybox wget')))
    })

    testWithBusyBox('stays on no command line but that of a wget that knows no other way', async () => {
      answers = [good]
      const { commandLines } = await succeed(large(), busyBox)
      const holding = commandLines.split('\n').filter((line) => line.includes('sig='))
      expect(holding.map((line) => path.basename(line.split(' ')[0] ?? ''))).toEqual(['timeout', 'wget'])
    })
  })
})
