/** A build's log, live and afterwards, with every kind of access that an identity may have to the staging group. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { putBuildContainer, type BuildContainer, type LogLine } from '../../local-azure/container-instance.ts'
import { DEPLOYER_ACTIONS, LIVE_LOG_ACTIONS, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import type { Principal } from '../../local-azure/world.ts'
import { ResourceManager } from '../../src/azure/arm.ts'
import { BuildLog } from '../../src/azure/build-log.ts'
import { PackerLog } from '../../src/packer-log.ts'
import { Patience } from '../../src/patience.ts'
import { diagnose, LOG_MARKS } from '../../src/diagnosis.ts'
import { runFailure } from '../../src/report.ts'
import {
  stagingAccount,
  startImageBuilder,
  templateBody,
  TEMPLATES,
  type ImageBuilder,
} from '../local-azure/image-builder-client.ts'

const STORAGE = 'Microsoft.Storage/storageAccounts'
const READ_ACCOUNTS = [`${STORAGE}/read`]
const READ_BLOBS = [`${STORAGE}/blobServices/containers/blobs/read`]
const LONG_AGO = new Date(0)
const LIST_KEYS = `${STORAGE}/listkeys/action`

const trusted = tls.getCACertificates()
let builder: ImageBuilder
beforeAll(async () => {
  builder = await startImageBuilder(5000)
  tls.setDefaultCACertificates([...trusted, await readFile(builder.azure.caFile, 'utf8')])
})
afterEach(() => {
  builder.azure.world.liftFaults()
  builder.azure.world.options.build = {}
})
afterAll(async () => {
  tls.setDefaultCACertificates(trusted)
  await builder.azure.close()
})

interface Told {
  notices: string[]
  debug: string[]
  masked: string[]
}

/** The log as an identity with these rights in the subscription sees it, and what it told besides. */
function buildLog(
  actions: string[],
  dataActions: string[] = [],
  sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void> = shortly,
): BuildLog & { told: Told } {
  const { world, entra, endpoints } = builder.azure
  const principal: Principal = { objectId: randomUUID(), clientId: randomUUID() }
  const scope = `/subscriptions/${SUBSCRIPTION_ID}`
  world.roleAssignments.push({ principalId: principal.objectId, scope, actions, dataActions })
  const credential = {
    getToken: async (scopes: string | string[]) => ({
      token: await entra.issue(principal, [scopes].flat()[0]?.replace(/\/\.default$/, '') ?? ''),
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
    forget: () => undefined,
  }
  const told: Told = { notices: [], debug: [], masked: [] }
  const debug = (message: string): void => void told.debug.push(message)
  const notice = (message: string): void => void told.notices.push(message)
  const patience = new Patience({
    clock: { now: () => Date.now(), unique: () => ({ now: 0, random: '' }), sleep: inEarnest },
    debug,
    notice,
  })
  const arm = new ResourceManager({
    endpoint: endpoints.resourceManager,
    scope: 'https://management.azure.com/.default',
    credential,
    userAgent: 'test',
    patience,
  })
  const log = new BuildLog({
    arm,
    credential,
    storageScope: 'https://storage.azure.com/.default',
    patience,
    clock: { now: () => Date.now(), unique: () => ({ now: 0, random: '' }), sleep },
    debug,
    notice,
    mask: (secret) => void told.masked.push(secret),
  })
  return Object.assign(log, { told })
}

async function inEarnest(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal ? { signal } : {})
}

/** Polls faster than the local Azure's runs go by. */
async function shortly(_: number, signal?: AbortSignal): Promise<void> {
  await delay(2, undefined, signal ? { signal } : {})
}

async function stagingGroup(name: string, inline: string[] = ['true']): Promise<string> {
  await builder.create(name, templateBody({ customize: [{ type: 'Shell', inline }] }))
  return (await builder.get(name)).properties.exactStagingResourceGroup
}

describe('live', () => {
  let group: string
  let printed: LogLine[]
  let container: BuildContainer
  beforeAll(async () => {
    group = await stagingGroup('live')
  })
  beforeEach(() => {
    printed = []
    const { world } = builder.azure
    container = putBuildContainer(world, { stagingGroup: group, location: 'eastus', log: () => printed })
  })
  afterEach(() => {
    container.remove()
  })
  const packed = (...texts: string[]): string[] => texts.map((text) => `[0a] PACKER     azure-arm: ${text}`)
  const say = (...texts: string[]): void => {
    printed.push(...packed(...texts).map((text) => ({ at: 0, text })))
  }

  /** Follows the log; between two looks one step after the other is taken, then the run ends. */
  async function follow(steps: (() => void)[], actions = LIVE_LOG_ACTIONS) {
    const ended = new AbortController()
    const log = buildLog(actions, [], () => {
      const step = steps.shift()
      if (step) step()
      else ended.abort()
      return Promise.resolve()
    })
    const lines: string[] = []
    await log.follow(group, new Date(0), (added) => lines.push(...added), 10_000, ended.signal)
    return { lines, ...log.told }
  }

  test('there is none before the container has started, and none after it has gone', async () => {
    const log = buildLog(LIVE_LOG_ACTIONS)
    expect(await log.live(group)).toBeUndefined()
    container.start()
    expect(await log.live(group)).toBe('')
    say('one')
    expect(await log.live(group)).toBe(`${packed('one').join('')}\n`)
    container.remove()
    expect(await log.live(group)).toBeUndefined()
    expect(await log.live(`/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/IT_gone`)).toBeUndefined()
  })

  test('lines are printed as they come, each once, before, while and after the container is there', async () => {
    const { lines, notices } = await follow([
      () => undefined,
      () => {
        container.start()
        say('one')
      },
      () => {
        say('two', 'three')
      },
      () => undefined,
      () => {
        say('three')
      },
      () => {
        container.remove()
      },
    ])
    expect(lines).toEqual(packed('one', 'two', 'three', 'three'))
    expect(notices).toEqual([])
  })

  test('a log that outgrows the 4 MB that Azure keeps goes on where it was', async () => {
    container.start()
    const many = (from: number): string[] =>
      Array.from({ length: 20_000 }, (_, i) => `line ${from + i} ${'x'.repeat(120)}`)
    const { lines } = await follow([
      () => {
        say(...many(0))
      },
      () => {
        say(...many(20_000))
      },
    ])
    expect(lines).toHaveLength(40_000)
    expect(new Set(lines).size).toBe(40_000)
  })

  test.each([
    ['the groups', LIVE_LOG_ACTIONS.slice(1)],
    ['the log', LIVE_LOG_ACTIONS.slice(0, 1)],
  ])('without the right to read %s one notice names the role, and that is all', async (_, actions) => {
    container.start()
    say('one')
    const { lines, notices } = await follow([], actions)
    const name = group.split('/').at(-1) ?? ''
    expect({ lines, notices }).toEqual({
      lines: [],
      notices: [
        `The build's log cannot be followed: the signed-in identity lacks the action Microsoft.ContainerInstance/containerGroups/containers/logs/read. Give it the role 'Reader' on subscription ${SUBSCRIPTION_ID}, or on the group that 'staging-resource-group' names (here ${name}), or set 'follow-log' to false. The build goes on.`,
      ],
    })
    await expect(buildLog(actions).live(group)).rejects.toMatchObject({
      status: 403,
      code: 'AuthorizationFailed',
    })
  })

  test('a look that fails is a line for debugging, and the next one goes on', async () => {
    container.start()
    say('one')
    const respond = { status: 400, body: { error: { code: 'Odd', message: 'Not now.' } } }
    builder.azure.world.addFault({ service: 'resource-manager', match: 'containers/packer/logs', respond })
    const { lines, debug } = await follow([() => undefined])
    expect(lines).toEqual(packed('one'))
    expect(debug).toEqual([
      expect.stringMatching(/could not be read this time: .*Odd \(HTTP 400\): Not now\./),
    ])
  })

  test('ends at once with the run, in the midst of a look', async () => {
    const { world } = builder.azure
    world.addFault({ service: 'resource-manager', match: 'containerGroups', respond: 'stall', times: 9 })
    const ended = new AbortController()
    world.watch(({ target }) => {
      if (target.includes('containerGroups')) ended.abort()
    })
    const log = buildLog(LIVE_LOG_ACTIONS)
    const lines: string[] = []
    await log.follow(group, new Date(0), (added) => lines.push(...added), 10_000, ended.signal)
    expect(lines).toEqual([])
    expect(log.told).toEqual({ notices: [], debug: [], masked: [] })
  })
})

/** Reads a log as text. */
async function text(content: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('of a build that fails', () => {
  test.each<[string, string[], string[]]>([
    ['the container', LIVE_LOG_ACTIONS, READ_BLOBS],
    ['the storage account by the data role', READ_ACCOUNTS, READ_BLOBS],
    ['the storage account by its key', [...READ_ACCOUNTS, LIST_KEYS], []],
  ])('%s gives every line once, and the whole log goes on from there', async (how, actions, dataActions) => {
    const output = Array.from({ length: 30 }, (_, i) => `step ${i}`)
    builder.azure.world.options.build = { failCustomizer: { index: 0, exitCode: 3, output } }
    const name = how.replaceAll(/[^a-z]/g, '')
    const group = await stagingGroup(name)
    const log = buildLog([...DEPLOYER_ACTIONS, ...actions], dataActions)
    const ended = new AbortController()
    const since = new Date(Date.now() - 2000)
    const lines: string[] = []
    const following = log.follow(group, since, (added) => lines.push(...added), 10_000, ended.signal)
    await builder.ended(await builder.send('POST', `${TEMPLATES}/${name}/run`))
    // The storage account has the log still, the container has gone.
    while (lines.length === 0 && actions !== LIVE_LOG_ACTIONS) await delay(5)
    ended.abort()
    await following
    const message = (await builder.get(name)).properties.lastRunStatus?.message ?? ''
    const fetched = await log.fetch(group, message, since, text)

    expect(log.told.notices).toEqual([])
    expect(lines.length).toBeGreaterThan(0)
    const whole = 'log' in fetched ? fetched.log : ''
    expect(whole.startsWith(lines.map((line) => `${line}\n`).join(''))).toBe(true)
    const packer = new PackerLog(LOG_MARKS)
    const shown = whole.split('\n').flatMap((line) => packer.take(line))
    expect(shown.flatMap((event) => (event.kind === 'line' ? [event.text] : []))).toEqual(
      expect.arrayContaining(output),
    )
    const failure = runFailure(name, { state: 'Failed', message }, group)
    expect(diagnose(failure, packer.reading).failure.id).toBe('customizer-failed')
  })
})

describe('afterwards', () => {
  let group: string
  let account: string
  const folder = '3e9f77e1-0000-4000-8000-0123456789ab'
  const named = (file = 'customization.log'): string =>
    `Packer build logs are at location ${group}/providers/${STORAGE}/${account}/blobServices/default/containers/packerlogs/${folder}/${file}. Please`
  const put = (name: string, text: string): Promise<void> =>
    builder.azure.blobs.write(account, 'packerlogs', name, text)

  beforeAll(async () => {
    group = await stagingGroup('afterwards')
    account = stagingAccount(builder.azure, group)
  })

  test('there is no log before the first run', async () => {
    expect(await buildLog(READ_ACCOUNTS, READ_BLOBS).fetch(group, '', LONG_AGO, text)).toEqual({
      unreadable: `There is no customization log in ${group.split('/').at(-1) ?? ''}.`,
    })
  })

  describe('with logs of two runs', () => {
    let second: Date
    beforeAll(async () => {
      await put('f0000000-0000-4000-8000-000000000000/customization.log', 'of an earlier run\n')
      const written = Date.now()
      // Blob Storage tells times in whole seconds.
      while (Math.floor(Date.now() / 1000) === Math.floor(written / 1000)) await delay(20)
      second = new Date()
      await put(`${folder}/customization.log`, 'done\n')
      await put(`${folder}/validation.log`, 'valid\n')
    })

    test.each<[string, string[], string[]]>([
      ['the data role', READ_ACCOUNTS, READ_BLOBS],
      ['the account key', [...READ_ACCOUNTS, LIST_KEYS], []],
    ])('by %s: the one that the run names, else the newest', async (_, actions, dataActions) => {
      const log = buildLog(actions, dataActions)
      expect(await log.fetch(group, named(), LONG_AGO, text)).toEqual({ log: 'done\n' })
      expect(await log.fetch(group, named('validation.log'), LONG_AGO, text)).toEqual({ log: 'valid\n' })
      expect(await log.fetch(group, "Timeout: 'context deadline exceeded'", LONG_AGO, text)).toEqual({
        log: 'done\n',
      })
      expect(await log.fetch(group, '', second, text)).toEqual({ log: 'done\n' })
    })

    test('a log that is older than the run is not the run’s', async () => {
      const log = buildLog(READ_ACCOUNTS, READ_BLOBS)
      const later = new Date(second.getTime() + 3_600_000)
      expect(await log.fetch(group, '', later, text)).toEqual({
        unreadable: expect.stringMatching(/^There is no/),
      })
    })

    test('the account key is masked before it is used', async () => {
      const log = buildLog([...READ_ACCOUNTS, LIST_KEYS])
      await log.fetch(group, named(), LONG_AGO, text)
      expect(log.told.masked).toEqual([builder.azure.blobs.keys(account)[0]])
    })

    test('without either the missing role is named, where to give it, and how to do without', async () => {
      const name = group.split('/').at(-1) ?? ''
      expect(await buildLog(READ_ACCOUNTS).fetch(group, named(), LONG_AGO, text)).toEqual({
        unreadable: `The customization log could not be read: This request is not authorized to perform this operation using this permission. Give the signed-in identity the role 'Storage Blob Data Reader' on subscription ${SUBSCRIPTION_ID}, or on the group that 'staging-resource-group' names (here ${name}). To fetch it by hand: az storage blob download --auth-mode login --account-name ${account} --container-name packerlogs --name ${folder}/customization.log --file customization.log`,
      })
      expect(await buildLog(READ_ACCOUNTS).fetch(group, '', LONG_AGO, text)).toEqual({
        unreadable: expect.stringContaining(
          `az storage blob download-batch --auth-mode login --account-name "$(az storage account list --subscription ${SUBSCRIPTION_ID} --resource-group '${name}' --query '[0].name' --output tsv)" --source packerlogs --destination .`,
        ),
      })
    })

    test('with the data role alone the account is hidden, and both roles are named', async () => {
      expect(await buildLog([], READ_BLOBS).fetch(group, named(), LONG_AGO, text)).toEqual({
        unreadable: expect.stringMatching(
          /^The customization log could not be read: .+ Give the signed-in identity the roles 'Reader' and 'Storage Blob Data Reader' on subscription /,
        ),
      })
    })

    test('an account that refuses keys is not asked with one', async () => {
      const [resource] = builder.azure.world.resources.list(STORAGE, `${group}/`)
      Object.assign(resource?.properties ?? {}, { allowSharedKeyAccess: false })
      const log = buildLog([...READ_ACCOUNTS, LIST_KEYS])
      expect(await log.fetch(group, named(), LONG_AGO, text)).toEqual({
        unreadable: expect.stringContaining("the role 'Storage Blob Data Reader'"),
      })
      expect(log.told.masked).toEqual([])
      delete resource?.properties['allowSharedKeyAccess']
    })

    test('a firewall is called a firewall', async () => {
      const body =
        '<?xml version="1.0" encoding="utf-8"?><Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation.</Message></Error>'
      const headers = { 'x-ms-error-code': 'AuthorizationFailure', 'content-type': 'application/xml' }
      const respond = { status: 403, headers, body }
      builder.azure.world.addFault({ service: 'blob', match: 'packerlogs', respond })
      expect(await buildLog(READ_ACCOUNTS, READ_BLOBS).fetch(group, named(), LONG_AGO, text)).toEqual({
        unreadable: expect.stringMatching(
          / authorized to perform this operation\.\n[\s\S]+ az storage account network-rule add [\s\S]+\nTo fetch it by hand: /,
        ),
      })
    })

    test('a group that is gone is no failure', async () => {
      const gone = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/IT_gone`
      expect(await buildLog(READ_ACCOUNTS, READ_BLOBS).fetch(gone, named(), LONG_AGO, text)).toEqual({
        unreadable: expect.stringContaining("Resource group 'IT_gone' could not be found."),
      })
    })
  })
})
