/**
 * The action speaks to the hosts of its cloud and to nobody else, over TLS that checks certificates: shown by a guard in
 * its processes (network-guard.js), which is itself shown to see what it must.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { LocalAzure } from '../../local-azure/index.ts'
import type { Fault } from '../../local-azure/world.ts'
import { failureOf, requestsOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import { GUARD, openStage, type Stage } from '../support/run-action.ts'

/** Reserved for examples: nobody has it. */
const FOREIGN = 'https://attacker.example'

describe('the guard', () => {
  const ATTEMPTS: Record<string, { code: string; refused?: string }> = {
    'a connection to another host': {
      code: `net.connect(443, 'attacker.example')`,
      refused: 'a connection to attacker.example:443',
    },
    'a connection to another port of this machine': {
      code: `net.connect({ port: 9, host: '127.0.0.1' })`,
      refused: 'a connection to 127.0.0.1:9',
    },
    'a connection to an allowed address': { code: `net.connect(allowed, '127.0.0.1')` },
    'a connection by the name of this machine': {
      code: `net.connect(allowed)`,
      refused: 'a connection to localhost:',
    },
    'a local socket': {
      code: `net.connect('/var/run/docker.sock')`,
      refused: 'a connection to /var/run/docker.sock',
    },
    'a request by https': {
      code: `https.get('https://attacker.example/')`,
      refused: 'a connection to attacker.example:443',
    },
    'a request by fetch': {
      code: `fetch('https://attacker.example/')`,
      refused: 'a connection to attacker.example:443',
    },
    'TLS that checks nothing': {
      code: `tls.connect({ host: '127.0.0.1', port: allowed, rejectUnauthorized: false })`,
      refused: 'TLS with rejectUnauthorized: false',
    },
    'an agent whose TLS checks nothing': {
      code: `https.get({ port: allowed, host: '127.0.0.1', agent: new https.Agent({ rejectUnauthorized: false }) })`,
      refused: 'TLS with rejectUnauthorized: false',
    },
    'TLS that takes any name': {
      code: `tls.connect({ host: '127.0.0.1', port: allowed, checkServerIdentity: () => undefined })`,
      refused: 'TLS with a checkServerIdentity of its own',
    },
    'TLS that a variable switches off': {
      code: `(process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0', tls.connect(allowed, '127.0.0.1'))`,
      refused: 'TLS with NODE_TLS_REJECT_UNAUTHORIZED=0',
    },
    'a question to DNS': {
      code: `dns.promises.resolve4('attacker.example')`,
      refused: 'a question to DNS for attacker.example',
    },
    'a datagram': { code: `dgram.createSocket('udp4').send('x', 53, '192.0.2.1')`, refused: 'a datagram' },
    'a shell': { code: `cp.exec('az account show')`, refused: 'the program /bin/sh -c az account show' },
    'another program': { code: `cp.spawnSync('id')`, refused: 'the program id' },
    'the Azure CLI with other words': {
      code: `cp.execFile('az', ['group', 'list'])`,
      refused: 'the program az group list',
    },
    'the Azure CLI asked for a token': {
      code: `cp.execFile('az', ['account', 'get-access-token', '--output', 'json', '--resource', 'https://management.azure.com'])`,
    },
  }

  /** Makes an attempt in a process of its own that the guard is preloaded into, and gives back what it says of it. */
  async function attempt(code: string, allowed: number): Promise<{ exitCode: number; lines: string[] }> {
    const modules = {
      net: 'net',
      tls: 'tls',
      https: 'https',
      dns: 'dns',
      dgram: 'dgram',
      cp: 'child_process',
    }
    const imports = Object.entries(modules).map(([name, from]) => `import ${name} from 'node:${from}'`)
    const script = `${imports.join('\n')}
const allowed = ${allowed}
process.on('uncaughtException', () => process.exit(0)).on('unhandledRejection', () => process.exit(0))
const made = ${code}
made.on?.('connect', () => process.exit(0)).on('spawn', () => process.exit(0)).on('error', () => process.exit(0))`
    const env = { NETWORK_GUARD: `127.0.0.1:${allowed}`, PATH: '/nowhere' }
    const given = [GUARD, '--input-type=module', '--eval', script]
    return await new Promise((resolve) => {
      execFile(process.execPath, given, { env }, (error, _, stderr) => {
        const lines = stderr.split('\n').filter((line) => line.startsWith('network-guard: '))
        resolve({ exitCode: Number(error?.code ?? 0), lines })
      })
    })
  }

  test.each(Object.entries(ATTEMPTS))('on %s', async (_, { code, refused }) => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { exitCode, lines } = await attempt(code, (server.address() as { port: number }).port)
    server.close()
    expect({ exitCode, lines }).toEqual(
      refused === undefined
        ? { exitCode: 0, lines: [] }
        : { exitCode: 99, lines: [expect.stringContaining(`network-guard: refused ${refused}`)] },
    )
  })
})

describe('the action', () => {
  let stage: Stage
  beforeAll(async () => {
    stage = await openStage({ speed: 5000, build: UNRUN }, { skipPost: true })
  })
  afterAll(() => stage.close())

  /** Requests of Resource Manager that match get an answer of somebody else's. */
  function misled({ world }: LocalAzure, match: string, respond: Fault['respond'], when?: 'after'): void {
    world.liftFaults()
    world.addFault({ service: 'resource-manager', match, respond, times: Infinity, ...(when && { when }) })
  }

  test('goes to no other host for the rest of a list: the token stays at Resource Manager', async () => {
    misled(stage.azure, '^GET .*/storageAccounts\\?', {
      status: 200,
      body: { value: [], nextLink: `${FOREIGN}/more` },
    })
    const message = failureOf(await stage.run())
    expect(message).toContain(`ForeignAddress: The answer points to ${FOREIGN}`)
    expect(message).toContain(`Nothing was sent there.`)
  })

  test('goes to no other host to follow an operation: it looks at the template instead', async () => {
    const url = `${FOREIGN}/operations/1`
    const headers = { 'Azure-AsyncOperation': url, Location: url }
    misled(stage.azure, '^(POST .*/run|DELETE .*/imageTemplates/[^/]+)\\?', { status: 202, headers }, 'after')
    const { log, conclusion } = await stage.run({ 'build-path': '' }, { skipPost: false })
    expect(conclusion).toBe('success')
    expect(log).toContain('delete template:  Succeeded')
  })

  test('is caught by the guard on its way to the blobs of another host', async () => {
    const properties = { primaryEndpoints: { blob: `${FOREIGN}/` } }
    const account = stage.azure.world.resources.list('Microsoft.Storage/storageAccounts')[0]
    misled(stage.azure, '^GET .*/storageAccounts\\?', {
      status: 200,
      body: { value: [{ ...account, properties }] },
    })
    await expect(stage.run()).rejects.toThrow('network-guard: refused a connection to attacker.example:443')
  })

  test('sends nothing to a server whose certificate it does not trust, and says what to do', async () => {
    stage.azure.world.liftFaults()
    const { result, requests } = await requestsOf(stage.azure, () =>
      stage.run({}, { env: { NODE_EXTRA_CA_CERTS: '' } }),
    )
    const message = failureOf(result)
    expect(message).toContain('(failure-code: certificate-not-trusted)')
    expect(message).toContain('NODE_EXTRA_CA_CERTS')
    expect(requests).toEqual([])
  })
})
