/**
 * Tokens, account keys, signatures: masked the moment they exist, and nowhere in what a job leaves behind or sends but
 * where they belong.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { LocalAzureOptions } from '../../local-azure/index.ts'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { filePlaces, findLeaks, textPlace, type Place } from '../../local-azure/runner/leaks.ts'
import { defaultSeed } from '../../local-azure/seed.ts'
import type { Fault } from '../../local-azure/world.ts'
import { BASIC, GIT, ON_WINDOWS, stagedBlob, TOKEN, workspaces } from '../support/artifacts.ts'
import { COMMAND_FILES, eavesdrop, printedLines } from '../support/eavesdrop.ts'
import { UNRUN } from '../support/moments.ts'
import { annotations, openStage, type Stage } from '../support/run-action.ts'
import {
  ACCOUNT_KEYS,
  DELEGATION_KEY,
  findsTable,
  ID_TOKEN,
  issuedSecrets,
  MANAGEMENT_TOKEN,
  momentOf,
  REQUEST_TOKEN,
  search,
  sift,
  SIGNATURE,
  STORAGE_TOKEN,
  UPLOAD_SIGNATURE,
  type Places,
  type Secrets,
} from '../support/secret-search.ts'
import { addApplication } from '../support/seeds.ts'
import { sentRequests, type SentRequest } from '../support/sent-requests.ts'
import { submitted } from '../support/submissions.ts'
import type { Tree } from '../support/trees.ts'
import { unzip } from '../support/unzip.ts'

/** Everything that a library may say: the runner's debug log and that of the Azure SDKs. */
const TALKATIVE = { debug: true, env: { AZURE_LOG_LEVEL: 'verbose' } }

/** A checkout keeps the repository's token; a workflow may keep secrets in the environment. */
const ENVIRONMENT = `env-${randomBytes(18).toString('hex')}`
const PLANTED: Secrets = {
  'token of the repository': [TOKEN],
  'token of the repository, as git sends it': [BASIC],
  'secret in the environment': [ENVIRONMENT],
}
const KEPT = 'kept, and long enough to be found'
const CHECKOUT: Tree = { ...GIT, 'app.js': KEPT }

const seed = defaultSeed()
const deployer = seed.roleAssignments[0]?.actions ?? []
/** May do nothing with blobs, yet list the account's keys. */
const keyReader = addApplication(seed, {
  roles: [
    {
      actions: [
        ...deployer.filter((action) => !action.includes('/blobServices/')),
        'Microsoft.Storage/storageAccounts/listKeys/action',
      ],
      dataActions: [],
    },
  ],
})

interface Story {
  inputs?: Record<string, string>
  build?: LocalAzureOptions['build']
  fault?: Fault
  conclusion: JobResult['conclusion']
  /** Kinds of secrets that come into being in this story. */
  issues: string[]
}
const [PRINTED, ANNOTATED] = ['stdout and stderr, unmasked', 'annotations, unmasked']
const [IN_TEMP, UPLOADED] = ['files in RUNNER_TEMP', 'workflow artifact']
const TOKENS = [ID_TOKEN, REQUEST_TOKEN, MANAGEMENT_TOKEN, STORAGE_TOKEN]

/** They are told one after the other, on one local Azure: what comes into being meanwhile is the story's. */
const STORIES: Record<string, Story> = {
  'a build that succeeds': {
    inputs: { 'record-artifact-name': 'record' },
    conclusion: 'success',
    issues: [...TOKENS, DELEGATION_KEY, SIGNATURE, UPLOAD_SIGNATURE],
  },
  'a script that fails': {
    build: { failCustomizer: { index: 2, exitCode: 3, output: ['doomed'] } },
    conclusion: 'failure',
    issues: [...TOKENS, DELEGATION_KEY, SIGNATURE, UPLOAD_SIGNATURE],
  },
  'an upload by account key': {
    inputs: { 'client-id': keyReader },
    conclusion: 'success',
    issues: [...TOKENS, SIGNATURE],
  },
  'Azure quoting the signed URL in its message': {
    fault: { service: 'blob', match: '^GET .*sig=', respond: { status: 403 }, times: 99 },
    conclusion: 'failure',
    issues: [...TOKENS, DELEGATION_KEY, SIGNATURE],
  },
}

interface Told {
  job: JobResult
  secrets: Secrets
  places: Places
  requests: SentRequest[]
  /** Secrets of which kinds stood in requests, where they belong. */
  sent: string[]
  /** Secrets that came into being while the job ran. */
  fresh: string[]
  /** What the job uploaded, as it lies with GitHub and unpacked, by the artifact's name. */
  uploaded: Map<string, Place[]>
  /** Lines that the action's processes printed, commands that register masks apart. */
  printed: string[]
  templateFile: string
}

/** Runs a job that is listened to, with everything planted. */
async function listenTo(
  name: string,
  inputs: Record<string, string>,
  options: Partial<JobOptions> = {},
): Promise<Told> {
  const { azure } = stage
  const [runnerTemp, heard] = [
    path.join(azure.folder, `${name} temp`),
    path.join(azure.folder, `${name} heard`),
  ]
  for (const place of [runnerTemp, heard]) await mkdir(place)
  const earlier = momentOf(azure)
  const artifacts = new Set((await azure.github.artifacts()).map((artifact) => artifact.name))
  const env = { ...options.env, ...eavesdrop(heard, { all: true }), DEPLOY_PASSWORD: ENVIRONMENT }
  const given = { workspace: checkout, secrets: Object.values(PLANTED).flat() }
  const job = await stage.run({ 'build-path': '.', ...inputs }, { ...given, ...options, env, runnerTemp })
  const secrets = { ...issuedSecrets(azure, earlier), ...PLANTED }
  const lines = await printedLines(heard)
  // The toolkit prints the URL for the workflow artifact when debugging, after it has masked the signature.
  const printed = lines.filter((line) => !/^::(add-mask::|debug::Body: )/.test(line))
  const requests = await sentRequests(heard)
  const sifted = requests.map((request) => sift(request, azure, secrets))
  const uploaded = new Map<string, Place[]>()
  for (const artifact of await azure.github.artifacts()) {
    if (!artifacts.has(artifact.name)) uploaded.set(artifact.name, await placesOf(artifact, azure.folder))
  }
  const text = (place: string, content: string[]): Place[] => [textPlace(place, content.join('\n'))]
  return {
    job,
    secrets,
    requests,
    sent: sifted.flatMap(({ rightly }) => rightly),
    fresh: [...azure.world.secrets].filter((secret) => !earlier.secrets.has(secret)),
    uploaded,
    printed,
    templateFile: await readFile(job.outputs['template-path'] ?? '', 'utf8').catch(() => job.log),
    places: {
      [PRINTED]: text('printed', printed),
      [ANNOTATED]: text(
        'annotations',
        lines.filter((line) => /^::(error|warning|notice)\b/.test(line)),
      ),
      'log as shown': text('log', [job.log, ...[job.main, job.post].flatMap((one) => one?.debug ?? [])]),
      ...(await commandFiles(heard)),
      [IN_TEMP]: await filePlaces(runnerTemp),
      'metadata of the blob': text(
        'metadata',
        requests.flatMap(({ headers }) =>
          headers.filter(([header]) => header.startsWith('x-ms-meta-')).map((header) => header.join(': ')),
        ),
      ),
      'template, but for the SAS': text('template', [unsigned(job)]),
      'requests, but where it belongs': sifted.map(({ rest }, at) => ({
        name: `request ${at}`,
        bytes: rest,
      })),
      ...(uploaded.size > 0 ? { [UPLOADED]: [...uploaded.values()].flat() } : {}),
    },
  }
}

/** A workflow artifact as it lies with GitHub, and the files in it. */
async function placesOf({ name, zip }: { name: string; zip: Buffer }, folder: string): Promise<Place[]> {
  const file = path.join(folder, `${name}.zip`)
  await writeFile(file, zip)
  await unzip(file, `${file} unpacked`)
  return [bytesPlace('raw', zip), ...(await filePlaces(`${file} unpacked`))]
}

/** What the processes wrote for the runner: outputs, state, environment, path, summary, none of them masked. */
async function commandFiles(heard: string): Promise<Places> {
  const files = Object.values(COMMAND_FILES).map(async (name) => {
    const bytes = await readFile(path.join(heard, name), 'latin1')
    return [`${name} file`, [{ name, bytes }]] as [string, Place[]]
  })
  return Object.fromEntries(await Promise.all(files))
}

/** The submitted template without the URL's query, by which Image Builder reads the artifact. */
function unsigned(job: JobResult): string {
  return JSON.stringify(submitted(stage, job)).replaceAll(/\?sv=[^"\\\s]+/g, '')
}

let stage: Stage
const told = new Map<string, Told>()
let made: Awaited<ReturnType<typeof workspaces>>
let checkout = ''
beforeAll(async () => {
  made = await workspaces()
  checkout = await made.make('checkout', CHECKOUT)
  stage = await openStage({ speed: 5000, seed })
  const { world } = stage.azure
  for (const [name, { inputs, build = UNRUN, fault }] of Object.entries(STORIES)) {
    world.options.build = build
    if (fault) world.addFault(fault)
    told.set(name, await listenTo(name, { 'inline-script': 'true', ...inputs }, TALKATIVE))
    world.liftFaults()
  }
  world.options.build = UNRUN
}, 120_000)
afterAll(async () => {
  await stage.close()
  await made.remove()
})

function story(name: string): Told {
  const found = told.get(name)
  if (!found) throw new Error(`The story '${name}' was not told.`)
  return found
}

/** None of the secrets is in any of the places; a failure shows how often each is where. */
function expectNothingFound(secrets: Secrets, places: Places): void {
  const nothing = search(Object.fromEntries(Object.keys(secrets).map((name) => [name, []])), places)
  expect(findsTable(search(secrets, places))).toBe(findsTable(nothing))
}

describe.each(Object.entries(STORIES))('%s', (name, { conclusion, issues }) => {
  test('leaves no secret behind', () => {
    const { job } = story(name)
    expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion, leaks: [] })
  })

  test('has had the secrets that are looked for', () => {
    const { secrets } = story(name)
    const had = Object.keys(secrets).filter((kind) => (secrets[kind] ?? []).length > 0)
    expect(had.sort()).toEqual([...issues, ...ACCOUNT_KEYS, ...Object.keys(PLANTED)].sort())
  })

  test('has none of them in any place, plain or encoded', () => {
    const { secrets, places } = story(name)
    expect(Object.keys(places).filter((place) => places[place]?.length === 0)).toEqual([])
    expectNothingFound(secrets, places)
  })

  test('has sent each where it belongs', () => {
    const { sent, requests } = story(name)
    // Post deletes the blob: its requests are among them.
    expect(requests.map(({ method }) => method)).toContain('DELETE')
    const elsewhere = issues.filter((kind) => kind !== DELEGATION_KEY)
    expect([...new Set(sent)].sort()).toEqual([...elsewhere].sort())
  })

  test('leaves nothing behind that looks like one', () => {
    const { job, templateFile } = story(name)
    const places = {
      log: job.log,
      debug: [job.main, job.post].flatMap((stage) => stage?.debug ?? []).join('\n'),
      summary: job.main.summary,
      state: JSON.stringify(job.state),
      outputs: JSON.stringify(job.outputs),
      templateFile,
    }
    const patterns = [
      /\bsig=(?!\*\*\*|REDACTED)/i,
      /\beyJ[\w-]{8,}/,
      /AccountKey|SharedKey/i,
      /\bBearer \w/i,
      /-----BEGIN/,
    ]
    for (const [place, text] of Object.entries(places)) {
      for (const pattern of patterns)
        expect({ place, found: pattern.exec(text) }).toEqual({ place, found: null })
    }
  })

  test('has every one of them masked, those of post included', () => {
    const { job, fresh } = story(name)
    expect(fresh.filter((secret) => secret.startsWith('eyJ')).length).toBeGreaterThanOrEqual(4)
    expect(fresh.filter((secret) => !job.masks.includes(secret))).toEqual([])
  })

  test('keeps a template in which the signed URL is cut', () => {
    const { sourceUri } = (JSON.parse(story(name).templateFile) as Template).properties.customize[0] ?? {}
    expect(sourceUri).toMatch(/^https:[^?]+\.tar\.gz\?\*\*\*$/)
  })
})

interface Template {
  properties: { customize: { sourceUri?: string }[] }
}

test('what is looked for would be found, in every place and every encoding', () => {
  const { secrets, places } = story('a build that succeeds')
  const encoded: Record<string, (text: string) => string> = {
    plain: (text) => text,
    base64: (text) => Buffer.from(`x${text}`).toString('base64'),
    hex: (text) => Buffer.from(text).toString('hex'),
    'for a URL': encodeURIComponent,
    JSON: (text) => JSON.stringify({ text }),
  }
  const every = Object.fromEntries(Object.entries(secrets).filter(([, values]) => values.length > 0))
  for (const encode of Object.values(encoded)) {
    const bytes = Object.values(every)
      .map(([value = '']) => encode(value))
      .join('\n')
    const spoiled = Object.keys(places).map((place): [string, Place[]] => [place, [{ name: place, bytes }]])
    const counts = Object.values(search(every, Object.fromEntries(spoiled))).flatMap(Object.values)
    expect(counts.filter((count) => count === 0)).toEqual([])
  }
})

describe('what is uploaded as a workflow artifact is among the places:', () => {
  test('the log of the failed build', () => {
    const { uploaded, places } = story('a script that fails')
    expect([...uploaded.keys()]).toEqual([expect.stringMatching(/^customization-log-/)])
    expect(findLeaks(places[UPLOADED] ?? [], ['doomed'])).not.toEqual([])
  })

  test('the build record, which is a file, too', () => {
    const { uploaded, places, job } = story('a build that succeeds')
    expect([...uploaded.keys()]).toEqual(['record'])
    const image = [job.outputs['image-uri'] ?? '']
    expect(findLeaks(places[UPLOADED] ?? [], image)).not.toEqual([])
    const files = (places[IN_TEMP] ?? []).filter(({ name }) => name.endsWith('build-record.json'))
    expect(findLeaks(files, image)).not.toEqual([])
  })
})

test('the account key is masked, and so is the signature made with it', () => {
  const { job } = story('an upload by account key')
  expect(job.masks).toContain(stage.azure.blobs.keys('stcontosobuild')[0])
  expect(stage.azure.world.requests(/listKeys/)).not.toEqual([])
  expect(job.masks).toContainEqual(expect.stringMatching(/^sv=.*&sig=/))
})

test('Azure’s message is told with the signature masked', () => {
  const [message] = annotations(story('Azure quoting the signed URL in its message').job, 'error')
  expect(message).toMatch(/Downloading external file \(https:[^?]+\?\*\*\*\)/)
})

describe('a secret of the workflow', () => {
  const SECRET = 'correct-horse-battery-staple'
  const withSecret = (inputs: Record<string, string>): Promise<JobResult> =>
    stage.run(inputs, { secrets: [SECRET], debug: true, skipPost: true })

  test('in the inline script is in the template, and so in its file, but nowhere else', async () => {
    const job = await withSecret({ 'inline-script': `echo ${SECRET} >/dev/null` })
    expect(job.conclusion).toBe('success')
    expect(job.leaks).toEqual([expect.stringMatching(/^file t_\d+_[0-9a-z]+\.json line \d+: /)])
  })

  test('in a value that is refused is masked in the message', async () => {
    const job = await withSecret({ 'run-output-name': `${SECRET}!` })
    expect(annotations(job, 'error')).toEqual([expect.stringContaining("run-output-name: '***!'")])
    expect(job.leaks).toEqual([])
  })
})

describe('the artifact of a workspace that was checked out', () => {
  let withoutDebug: Told
  /** Of each format: the archive as it lies in a storage account, and what is in it. */
  const found = new Map<string, Places>()

  beforeAll(async () => {
    withoutDebug = await listenTo('zip', { cleanup: 'never', ...ON_WINDOWS })
    // A run that failed keeps its staging group, and so the copy that Image Builder made.
    const tarGz = await stagedBlob(stage, story('a script that fails').job, '/0.customizer.fp')
    const zip = await stagedBlob(stage, withoutDebug.job, '/0.customizer.fp')
    const archive = path.join(stage.azure.folder, 'archive.zip')
    await writeFile(archive, zip)
    await unzip(archive, `${archive} unpacked`)
    found.set('tar.gz', {
      'artifact, packed': [bytesPlace('raw', tarGz)],
      'artifact, unpacked': [bytesPlace('unpacked', gunzipSync(tarGz))],
    })
    found.set('zip', {
      'artifact, packed': [bytesPlace('raw', zip)],
      'artifact, unpacked': await filePlaces(`${archive} unpacked`),
    })
  })
  const jobOf = (format: 'tar.gz' | 'zip'): Told =>
    format === 'zip' ? withoutDebug : story('a script that fails')

  test.each(['tar.gz', 'zip'] as const)('nothing of the checkout’s own is in the %s', (format) => {
    const places = Object.values(found.get(format) ?? {}).flat()
    expect(places.length).toBeGreaterThanOrEqual(2)
    // What is looked for would be found.
    expect(findLeaks(places, [KEPT])).not.toEqual([])
    expect(findLeaks(places, ['extraheader', 'gitdir:', '.git/config', 'refs/heads'])).toEqual([])
    expect(findLeaks(places, jobOf(format).job.masks)).toEqual([])
    expectNothingFound(jobOf(format).secrets, found.get(format) ?? {})
  })

  test('without any debug log, too, none of the secrets is in any place', () => {
    const { job, secrets, places, printed } = withoutDebug
    expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion: 'success', leaks: [] })
    expect(printed.length).toBeGreaterThan(20)
    expectNothingFound(secrets, places)
  })
})

function bytesPlace(name: string, content: Buffer): Place {
  return { name, bytes: content.toString('latin1') }
}
