/** What must never be in the code: TLS without its checks, programs, hosts of another cloud. See SECURITY.md. */
import { describe, expect, test } from '@jest/globals'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { generate } from 'selfsigned'
import { CLOUD_NAMES } from '../../src/azure/cloud.ts'

const root = path.join(import.meta.dirname, '..', '..')
const read = (name: string): string => readFileSync(path.join(root, name), 'utf8')
const below = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort()

describe('the sources', () => {
  const FORBIDDEN = {
    'TLS without its checks':
      /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity|ignoreSslError|allowInsecureConnection/,
    'a program or a shell': /child_process|@actions\/exec|\bexecFile\b|\bspawn\b/,
    'code out of text': /\beval\(|new Function\(/,
  }

  test.each(Object.entries(FORBIDDEN))('have no word of %s', (_, pattern) => {
    const files = below('src')
    expect(files.length).toBeGreaterThan(80)
    expect(files.filter((file) => pattern.test(read(file)))).toEqual([])
  })
})

describe('the bundles', () => {
  const bundles = below('dist').filter((file) => !file.endsWith('pack-worker.js'))

  /** Lines that match, without comments, each with the module of the bundle that it stands in and the lines before. */
  function find(bundle: string, pattern: RegExp): { module: string; line: string; before: string }[] {
    const lines = read(bundle).split('\n')
    let module = ''
    return lines.flatMap((line, at) => {
      module = /^;\/\/ CONCATENATED MODULE: (.+)$/.exec(line)?.[1] ?? module
      if (!pattern.test(line) || /^\s*(\/\/|\*|\/\*)/.test(line)) return []
      return [{ module, line: line.trim(), before: lines.slice(at - 5, at).join('\n') }]
    })
  }

  test.each(bundles)('%s: the only TLS without checks is that of an option that nobody gives', (bundle) => {
    const found = find(bundle, /rejectUnauthorized:\s*false|rejectUnauthorized\s*=\s*false/)
    expect(found.filter(({ before }) => !before.includes('if (usingSsl && this._ignoreSslError)'))).toEqual(
      [],
    )
    expect(find(bundle, /ignoreSslError\s*:/)).toEqual([])
    expect(find(bundle, /NODE_TLS_REJECT_UNAUTHORIZED/)).toEqual([])
    expect(find(bundle, /\bcheckServerIdentity\s*[:=]/)).toEqual([])
  })

  test.each(bundles)('%s: programs are started by the library for sign-in, without a shell', (bundle) => {
    const callers = find(bundle, /(child_?process\w*|\bcp)\.(spawn|exec|fork)\w*\(/i).map(
      ({ module }) => module,
    )
    // The toolkit has one as well, which takes the action to call it.
    const allowed = [
      './node_modules/@azure/core-process/dist/esm/process.js',
      './node_modules/@actions/exec/lib/toolrunner.js',
    ]
    expect(callers.filter((module) => !allowed.includes(module))).toEqual([])
    expect(find(bundle, /\bshell:\s*(true|")/)).toEqual([])
  })

  test('the threads that pack the artifact load nothing that reaches the network or starts programs', () => {
    const worker = read('dist/main/pack-worker.js')
    expect(worker).toContain('node:worker_threads')
    expect(worker).not.toMatch(
      /["'](node:)?(net|tls|https?|http2|dns|dgram|child_process|cluster|inspector)(\/\w+)?["']/,
    )
  })
})

describe('signing in and asking Resource Manager', () => {
  /** Published endpoints of each cloud; China's authority is the name that the library prefers for the same service. */
  const HOSTS = {
    AzureCloud: ['login.microsoftonline.com', 'management.azure.com'],
    AzureUSGovernment: ['login.microsoftonline.us', 'management.usgovcloudapi.net'],
    AzureChinaCloud: ['login.partner.microsoftonline.cn', 'management.chinacloudapi.cn'],
  } as const

  test('reaches the two hosts of the chosen cloud, and no other', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'hosts-'))
    const altNames = Object.values(HOSTS)
      .flat()
      .map((value) => ({ type: 2, value }) as const)
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'hosts' }], {
      keyType: 'ec',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'subjectAltName', altNames },
      ],
    })
    const server = createServer({ cert, key }, (request, response) => {
      const isSignIn = request.method === 'POST'
      const body = isSignIn
        ? { token_type: 'Bearer', expires_in: 3599, access_token: 'token' }
        : { error: { code: 'ResourceNotFound', message: 'None.' } }
      response
        .writeHead(isSignIn ? 200 : 404, { 'Content-Type': 'application/json' })
        .end(JSON.stringify(body))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      const caFile = path.join(folder, 'ca.pem')
      await writeFile(caFile, cert)
      const env = {
        ...process.env,
        NODE_EXTRA_CA_CERTS: caFile,
        REDIRECT_PORT: String((server.address() as AddressInfo).port),
      }
      const script = path.join(root, '__tests__', 'support', 'sign-in-hosts.ts')
      const { stdout } = await promisify(execFile)(process.execPath, [script], { env })
      const expected = CLOUD_NAMES.map((name) => [
        name,
        { found: 'none', reached: HOSTS[name].map((host) => `${host}:443`) },
      ])
      expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected))
    } finally {
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    }
  })
})
