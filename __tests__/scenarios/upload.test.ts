/** The artifact's way into the storage account: over bad networks, past what somebody left open, and what the log says. */
import { randomBytes } from 'node:crypto'
import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { BlobServiceClient, StorageSharedKeyCredential, type ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { findLeaks, textPlace } from '../../local-azure/runner/leaks.ts'
import { defaultSeed, DEPLOYER_ACTIONS } from '../../local-azure/seed.ts'
import type { Fault } from '../../local-azure/world.ts'
import { ARTIFACTS, fileSystemOf, MIB, packable, sha256, workspaces } from '../support/artifacts.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { failureOf } from '../support/failures.ts'
import { quickTime, whenAt } from '../support/moments.ts'
import { annotations, leftBehind, NOTHING, openStage, type Stage } from '../support/run-action.ts'
import { addApplication, without } from '../support/seeds.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { submitted } from '../support/submissions.ts'
import { contents, file, type Tree } from '../support/trees.ts'

const ACCOUNT = 'stcontosobuild'
const CONTAINERS = 'Microsoft.Storage/storageAccounts/blobServices/containers'
const seed = defaultSeed()
for (const name of ['stopened', 'stheldopen'])
  seed.storageAccounts.push({
    resourceGroup: 'rg-images',
    name,
    location: 'eastus',
    allowBlobPublicAccess: true,
  })
const mayNotClose = addApplication(seed, {
  roles: [{ actions: without(DEPLOYER_ACTIONS, `${CONTAINERS}/setAcl/action`) }],
})

/**
 * Quick time for the timers of the action and of the storage library as well: 90 seconds of silence are as much
 * shorter, and the pauses between tries.
 */
function hurry(factor: number): Record<string, string> {
  const timers = `const wait = globalThis.setTimeout
    globalThis.setTimeout = (act, milliseconds, ...rest) => wait(act, milliseconds / ${factor}, ...rest)`
  const env = quickTime(factor)
  const options = `${env['NODE_OPTIONS'] ?? ''} --import=data:text/javascript,${encodeURIComponent(timers)}`
  return { ...env, NODE_OPTIONS: options }
}

/** Cannot be compressed: as many bytes as there are go over the line. */
const NOISE = randomBytes(32 * MIB)
const noise = (mebibytes: number): Buffer => NOISE.subarray(0, mebibytes * MIB)

const PLANTED = {
  password: `pass-${randomBytes(12).toString('hex')}`,
  token: `npm_${randomBytes(18).toString('hex')}`,
  key: randomBytes(48).toString('base64'),
}
const CREDENTIALS: Tree = {
  '.env': `DB_PASSWORD=${PLANTED.password}\n`,
  '.npmrc': `//registry.npmjs.org/:_authToken=${PLANTED.token}\n`,
  ssh: { id_deploy: 'public', id_ed25519: `-----BEGIN OPENSSH PRIVATE KEY-----\n${PLANTED.key}\n` },
}
const TREES: Record<string, Tree> = {
  struck: {
    ...CREDENTIALS,
    '.aibignore': '*.tmp\n/logs/\n',
    'a.tmp': 'x',
    logs: { 'today.log': 'x', deeper: { 'old.log': 'x' } },
    kept: { 'a.bin': noise(18), 'run me': file(0o755, '#!/bin/sh'), empty: {} },
  },
  slow: { ...CREDENTIALS, 'a.bin': NOISE },
  silent: { 'a.bin': noise(5) },
  grows: { 'a.bin': noise(24), logs: { 'z.log': 'x' } },
  warned: CREDENTIALS,
  refused: { 'a.js': 'x' },
}
type Name = 'struck' | 'slow' | 'silent' | 'grows' | 'warned' | 'refused'

const blobPath = (name: Name): string => `/${ACCOUNT}/${ARTIFACTS}/${name}/`
const blocksOf = (name: Name): string => `^PUT ${blobPath(name)}.*comp=block&`

/** A request each, in the order in which they come. */
const STROKES: Omit<Fault, 'service' | 'match'>[] = [
  { respond: 'reset', afterBytes: MIB },
  { respond: 'stall', afterBytes: MIB },
  { respond: { status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } } },
  { respond: 'reset', when: 'after' },
]

let stage: Stage
let places: Awaited<ReturnType<typeof workspaces>>
let workspace: string
let jobs: Record<Name, JobResult>
/** The blob of `struck`, as it lay there when the template was submitted. */
let uploaded: {
  content: Buffer
  contentType: string | undefined
  metadata: Record<string, string> | undefined
}
const before = new Date(Date.now() - 3_600_000)
const POLICY = { id: 'auditors', accessPolicy: { startsOn: before, expiresOn: before, permissions: 'r' } }

/** By the account's key, as its owner. */
async function containerOf(account: string): Promise<ContainerClient> {
  const { azure } = stage
  const credential = new StorageSharedKeyCredential(account, azure.blobs.keys(account)[0])
  const options = { tlsOptions: { ca: await readFile(azure.caFile, 'utf8') }, retryOptions: { maxTries: 1 } }
  const service = new BlobServiceClient(azure.blobs.endpoint(account), credential, options)
  return service.getContainerClient(ARTIFACTS)
}

function prepare(): void {
  const { azure } = stage
  for (const stroke of STROKES)
    azure.world.addFault({ service: 'blob', match: blocksOf('struck'), ...stroke })
  // What is refused at once comes over no link, so the fifth request is the fourth here.
  azure.world.addBadLink({ match: blocksOf('struck'), skip: 3, times: 1, flipByteAt: MIB })
  // Whatever else is asked may go unanswered once as well.
  for (const request of [`PUT ${blobPath('struck')}.*comp=blocklist`, `DELETE ${blobPath('struck')}`])
    azure.world.addFault({ service: 'blob', match: `^${request}`, respond: 'stall' })
  azure.world.addBadLink({ match: blocksOf('slow'), bytesPerSecond: 4 * MIB })
  azure.world.addFault({ service: 'blob', match: blocksOf('silent'), respond: 'stall', times: 1e9 })
  whenAt(azure, /^PUT .*\/imageTemplates\/struck\?/, async ({ body = '' }) => {
    const [, name = ''] = new RegExp(`/${ARTIFACTS}/([^?"]+)\\?`).exec(body) ?? []
    const blob = (await containerOf(ACCOUNT)).getBlobClient(decodeURIComponent(name))
    const { contentType, metadata } = await blob.getProperties()
    uploaded = { content: await blob.downloadToBuffer(), contentType, metadata }
  })
  // Four blocks are under way at most, and a few megabytes are packed ahead: the last file has not been read.
  whenAt(azure, new RegExp(blocksOf('grows')), () =>
    appendFile(path.join(workspace, 'grows/logs/z.log'), 'y'),
  )
}

const run = (name: Name, inputs: Record<string, string> = {}, factor = 20): Promise<JobResult> =>
  stage.run({ 'build-path': name, ...inputs }, { workspace, env: hurry(factor), debug: name === 'warned' })

beforeAll(async () => {
  stage = await openStage({ speed: 5000, seed })
  places = await workspaces()
  workspace = await places.make('work space', TREES)
  for (const account of ['stopened', 'stheldopen']) {
    const container = await containerOf(account)
    await container.create({ access: 'blob' })
    await container.setAccessPolicy('blob', [POLICY])
  }
  prepare()
  jobs = await sideBySide<Name>({
    slow: () =>
      run('slow', { 'artifact-transfer': 'file', 'ignore-warnings': 'credential-files\nlarge-file' }, 8),
    silent: () => run('silent', {}, 40),
    struck: () => run('struck', { exclude: '.env\n.npmrc\nssh', 'template-name': 'struck' }),
    warned: () => run('warned', { 'storage-account': 'stopened' }),
    grows: () => run('grows'),
    refused: () => run('refused', { 'storage-account': 'stheldopen', 'client-id': mayNotClose }),
  })
}, 120_000)
afterAll(async () => {
  await stage.close()
  await places.remove()
})

function blockAnswers(name: Name): number[] {
  return stage.azure.world.requests(new RegExp(blocksOf(name))).map(({ status }) => status)
}

function expectBuilt(job: JobResult): void {
  const { conclusion, leaks } = job
  const [errors, warnings] = [annotations(job, 'error'), annotations(job, 'warning')]
  const well = { errors: [], warnings: [], conclusion: 'success', leaks: [] }
  expect({ errors, warnings, conclusion, leaks }).toEqual(well)
}

test('nothing stays behind, neither blobs nor blocks, however they ended', async () => {
  expect(await leftBehind(stage.azure)).toEqual(NOTHING)
  expect(await stage.azure.blobs.list('stopened')).toEqual([])
})

describe('a broken connection, one that falls silent, a busy service, a lost answer and a damaged block', () => {
  test('fail nothing', () => {
    expectBuilt(jobs.struck)
    const answers = blockAnswers('struck')
    const failed = answers.filter((status) => status !== 201)
    expect([...new Set(failed)].sort()).toEqual([0, 400, 503])
    expect(failed.length).toBeGreaterThanOrEqual(STROKES.length + 1)
    expect(answers.filter((status) => status === 201).length).toBeGreaterThanOrEqual(5)
  })

  test('damage nothing: the blob is the archive, of this content and this run', () => {
    const digest = sha256(uploaded.content)
    const [copy] = submitted(stage, jobs.struck).properties.customize
    expect(copy).toMatchObject({ type: 'File', sha256Checksum: digest })
    expect(jobs.struck.log).toMatch(
      new RegExp(
        `^  files: 3, bytes: \\d+, packed: ${uploaded.content.length}, uploaded in .+ s, SHA-256: ${digest}$`,
        'm',
      ),
    )
    expect(uploaded.contentType).toBe('application/gzip')
    expect(uploaded.metadata).toEqual({
      repository: 'octo-org/webapp',
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      run_id: '18230001',
      run_attempt: '1',
      sha256: digest,
    })
    expect(gunzipSync(uploaded.content).includes(noise(18))).toBe(true)
  })

  test('the log says what goes in and what is left out', () => {
    const lines = jobs.struck.main.lines
    expect(lines).toContain('packing 3 files, 18.0 MiB')
    expect(lines).toContain('  left out by exclude or .aibignore: 5 (.env, .npmrc, a.tmp, logs/, ssh/)')
    expect(jobs.struck.log).not.toContain('the largest:')
  })
})

const reason = await whyNoBuildVm()
const inImage = reason === '' ? test : test.skip
inImage(`the image has every byte of it${reason === '' ? '' : ` (skipped, no build VM: ${reason})`}`, () => {
  const excluded = /^(?:\.env|\.npmrc|a\.tmp|logs|ssh)(?:\/|$)/
  const wanted = Object.entries(packable(path.join(workspace, 'struck'))).filter(
    ([name]) => !excluded.test(name),
  )
  expect(contents(path.join(fileSystemOf(stage, jobs.struck), 'tmp/struck'))).toEqual(
    Object.fromEntries(wanted),
  )
})

test('a slow link takes its time, and now and then a line says how far it has come', () => {
  expectBuilt(jobs.slow)
  const told = jobs.slow.main.lines.filter((line) => line.includes(' uploaded, packed to '))
  const form =
    /^ {2}(\d+) % of 32\.0 MiB uploaded, packed to \S+ MiB, \S+ [KM]iB\/s, (?:\d+ min )?\d+ s left$/
  const shares = told.map((line) => Number(form.exec(line)?.[1]))
  expect(shares).toEqual([...new Set(shares)].sort((a, b) => a - b))
  expect(shares.length).toBeGreaterThanOrEqual(2)
  expect(shares.length).toBeLessThan(blockAnswers('slow').length / 2)
})

test('a connection that never comes back is told: what was being done, where, what happened', () => {
  const message = failureOf(jobs.silent)
  expect(message).toContain(`uploading the build artifact to ${ACCOUNT}/${ARTIFACTS}`)
  expect(message).toContain('nothing happened on the connection for 360 s')
  const requests = stage.azure.world.requests(new RegExp(blocksOf('silent')))
  const triesOfEach = Object.values(Object.groupBy(requests, ({ target }) => target)).map(
    (all = []) => all.length,
  )
  expect(Math.max(...triesOfEach)).toBe(4)
  expect(jobs.silent.log).not.toContain('created archive')
})

describe('a container that is open to the public', () => {
  test('is closed, and what its owner has stored there stays', async () => {
    expect(jobs.warned.conclusion).toBe('success')
    const { blobPublicAccess, signedIdentifiers } = await (await containerOf('stopened')).getAccessPolicy()
    expect(blobPublicAccess).toBeUndefined()
    expect(signedIdentifiers).toMatchObject([POLICY])
  })

  test('that may not be closed fails before anything is uploaded, with the command that closes it', async () => {
    const message = failureOf(jobs.refused)
    expect(message).toContain(
      `closing the container ${ARTIFACTS} in storage account stheldopen to the public`,
    )
    expect(message).toContain('AuthorizationPermissionMismatch (HTTP 403)')
    expect(message).toContain(
      `az storage container set-permission --name ${ARTIFACTS} --account-name stheldopen --public-access off`,
    )
    expect(stage.azure.world.requests(/^PUT \/stheldopen\/.*comp=block/)).toEqual([])
    const { blobPublicAccess } = await (await containerOf('stheldopen')).getAccessPolicy()
    expect(blobPublicAccess).toBe('blob')
  })
})

describe('credentials in the workspace', () => {
  test('are warned of once, by name and kind', () => {
    const [warning = '', ...others] = annotations(jobs.warned, 'warning')
    expect(others).toEqual([])
    expect(warning).toContain(
      '- .env: environment file\n- .npmrc: npm token\n- ssh/id_ed25519: private key\n',
    )
    expect(warning).toContain('(ignore-warnings: credential-files)')
    expect(warning).not.toContain('id_deploy')
  })

  test('are told nowhere', () => {
    const { log, outputs, state, main, post } = jobs.warned
    const places = [
      textPlace('log', log),
      textPlace('debug', [main, post].flatMap((one) => one?.debug ?? []).join('\n')),
      textPlace('summary', main.summary),
      textPlace('outputs', JSON.stringify(outputs)),
      textPlace('state', JSON.stringify(state)),
      textPlace('template', JSON.stringify(submitted(stage, jobs.warned))),
    ]
    expect(findLeaks(places, Object.values(PLANTED))).toEqual([])
    expect(places.filter(({ bytes }) => bytes.length < 100)).toEqual([])
  })

  test.each(['slow', 'struck'] as const)('are not spoken of when ignored or excluded: %s', (name) => {
    expect(jobs[name].log).not.toContain('environment file')
    expect(annotations(jobs[name], 'warning')).toEqual([])
  })
})

describe('a file that is not what it was when it was listed', () => {
  // The words for one that vanishes and the like: archive-content.test.ts.
  test('is named, and no template is submitted', () => {
    expect(failureOf(jobs.grows)).toContain("'logs/z.log' changed while it was packed.")
    expect(jobs.grows.outputs['template-id'] ?? '').toBe('')
    expect(stage.azure.world.requests(new RegExp(`^PUT ${blobPath('grows')}.*comp=blocklist`))).toEqual([])
  })

  test('blocks were there by then', () => {
    expect(blockAnswers('grows')).toContain(201)
  })
})
