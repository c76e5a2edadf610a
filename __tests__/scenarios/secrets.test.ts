/** Tokens, account keys, signatures: masked the moment they exist, and nowhere in what a job leaves behind. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { LocalAzureOptions } from '../../local-azure/index.ts'
import type { JobResult } from '../../local-azure/runner.ts'
import { filePlaces, findLeaks, textPlace, type Place } from '../../local-azure/runner/leaks.ts'
import { defaultSeed, type Seed } from '../../local-azure/seed.ts'
import { artifactOf, BASIC, GIT, ON_WINDOWS, stagedBlob, TOKEN, workspaces } from '../support/artifacts.ts'
import { eavesdrop, printedLines } from '../support/eavesdrop.ts'
import { annotations, onStage, openStage, type Stage } from '../support/run-action.ts'
import { submitted } from '../support/submissions.ts'
import type { Tree } from '../support/trees.ts'
import { unzip } from '../support/unzip.ts'

/** Everything that a library may say: the runner's debug log and that of the Azure SDKs. */
const TALKATIVE = { AZURE_LOG_LEVEL: 'verbose' }

/** The identity may do nothing with blobs, yet list the account's keys. */
function keysInsteadOfRoles(): Seed {
  const seed = defaultSeed()
  const [deployer] = seed.roleAssignments
  if (!deployer) throw new Error('The seed has no deployer.')
  const actions = deployer.actions.filter((action) => !action.includes('/blobServices/'))
  deployer.actions = [...actions, 'Microsoft.Storage/storageAccounts/listKeys/action']
  deployer.dataActions = []
  return seed
}

const STORIES: Record<string, { azure: LocalAzureOptions; conclusion: JobResult['conclusion'] }> = {
  'a build that succeeds': { azure: {}, conclusion: 'success' },
  'a script that fails': {
    azure: { build: { failCustomizer: { index: 2, exitCode: 3, output: ['doomed'] } } },
    conclusion: 'failure',
  },
  'an upload by account key': { azure: { seed: keysInsteadOfRoles() }, conclusion: 'success' },
  'Azure quoting the signed URL in its message': {
    azure: { faults: [{ service: 'blob', match: '^GET .*sig=', respond: { status: 403 }, times: 99 }] },
    conclusion: 'failure',
  },
}

interface Told {
  stage: Stage
  job: JobResult
  /** Secrets that came into being while the job ran. */
  fresh: string[]
  /** Lines that the action's processes printed, commands that register masks apart. */
  printed: string[]
  templateFile: string
}

async function tell(azure: LocalAzureOptions): Promise<Told> {
  const stage = await openStage({ speed: 5000, ...azure })
  stages.push(stage)
  const { world, folder } = stage.azure
  const before = new Set(world.secrets)
  const [runnerTemp, heard] = [path.join(folder, 'runner temp'), path.join(folder, 'heard')]
  for (const place of [runnerTemp, heard]) await mkdir(place)
  const env = { ...TALKATIVE, ...eavesdrop(heard) }
  const job = await stage.run({ 'inline-script': 'true' }, { debug: true, env, runnerTemp })
  const lines = await printedLines(heard)
  return {
    stage,
    job,
    fresh: [...world.secrets].filter((secret) => !before.has(secret)),
    // The toolkit prints the URL for the workflow artifact when debugging, after it has masked the signature.
    printed: lines.filter((line) => !/^::(add-mask::|debug::Body: )/.test(line)),
    templateFile: await readFile(job.outputs['template-path'] ?? '', 'utf8').catch(() => job.log),
  }
}

const stages: Stage[] = []
const told = new Map<string, Told>()
beforeAll(async () => {
  await Promise.all(
    Object.entries(STORIES).map(async ([name, { azure }]) => told.set(name, await tell(azure))),
  )
})
afterAll(() => Promise.all(stages.map((stage) => stage.close())))

function story(name: string): Told {
  const found = told.get(name)
  if (!found) throw new Error(`The story '${name}' was not told.`)
  return found
}

describe.each(Object.entries(STORIES))('%s', (name, { conclusion }) => {
  test('leaves no secret behind', () => {
    const { job } = story(name)
    expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion, leaks: [] })
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

test.each(Object.keys(STORIES).slice(0, 3))(
  '%s does not lean on the masks: none of its lines has a secret',
  (name) => {
    const { stage, printed } = story(name)
    expect(printed.length).toBeGreaterThan(50)
    expect(findLeaks([textPlace('printed', printed.join('\n'))], stage.azure.world.secrets)).toEqual([])
  },
)

test('the account key is masked, and so is the signature made with it', () => {
  const { stage, job } = story('an upload by account key')
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
    onStage({ speed: 5000 }, (stage) => stage.run(inputs, { secrets: [SECRET], debug: true }))

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

describe('of a workspace that was checked out, in an environment with a secret', () => {
  const ENVIRONMENT = `env-${randomBytes(18).toString('hex')}`
  const KEPT = 'kept, and long enough to be found'
  const planted: Tree = { ...GIT, 'app.js': KEPT }
  const secrets = [TOKEN, BASIC, ENVIRONMENT]
  let stage: Stage
  let places: Awaited<ReturnType<typeof workspaces>>
  let jobs: Record<'tar.gz' | 'zip', JobResult>
  /** Of each format: the archive as it lies in the storage account, and what is in it. */
  const found = new Map<string, Place[]>()

  beforeAll(async () => {
    places = await workspaces()
    const workspace = await places.make('checkout', planted)
    stage = story('a build that succeeds').stage
    const inputs = { 'build-path': '.', cleanup: 'never' }
    const options = { workspace, secrets, env: { DEPLOY_PASSWORD: ENVIRONMENT } }
    const [onLinux, onWindows] = await Promise.all([
      stage.run(inputs, options),
      stage.run({ ...inputs, ...ON_WINDOWS }, options),
    ])
    jobs = { 'tar.gz': onLinux, zip: onWindows }
    const tarGz = await artifactOf(stage, onLinux)
    const zip = await stagedBlob(stage, onWindows, '/0.customizer.fp')
    const archive = path.join(workspace, '..', 'archive.zip')
    await writeFile(archive, zip)
    await unzip(archive, `${archive} unpacked`)
    found.set('tar.gz', [bytesPlace('raw', tarGz), bytesPlace('unpacked', gunzipSync(tarGz))])
    found.set('zip', [bytesPlace('raw', zip), ...(await filePlaces(`${archive} unpacked`))])
  })
  afterAll(() => places.remove())

  /** All that was issued so far, and what this job brought along. */
  const known = (): string[] => [...stage.azure.world.secrets, ...secrets]

  test.each(['tar.gz', 'zip'] as const)('none of them is in the %s', (format) => {
    const places = found.get(format) ?? []
    expect(places.length).toBeGreaterThanOrEqual(2)
    // What is looked for would be found.
    expect(findLeaks(places, [KEPT])).not.toEqual([])
    expect(findLeaks(places, known())).toEqual([])
    expect(findLeaks(places, ['extraheader', 'gitdir:', '.git/config', 'refs/heads'])).toEqual([])
    expect(findLeaks(places, jobs[format].masks)).toEqual([])
  })

  test.each(['tar.gz', 'zip'] as const)('none is in the log or in the template: %s', (format) => {
    const job = jobs[format]
    expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion: 'success', leaks: [] })
    // The one that belongs there: the signature of the URL by which Image Builder reads the artifact.
    const text = JSON.stringify(submitted(stage, job))
    expect(text).toMatch(/\?sv=[^"]+&sig=/)
    const unsigned = text.replaceAll(/\?sv=[^"\\\s]+/g, '')
    expect(findLeaks([textPlace('template', unsigned)], known())).toEqual([])
  })
})

function bytesPlace(name: string, content: Buffer): Place {
  return { name, bytes: content.toString('latin1') }
}
