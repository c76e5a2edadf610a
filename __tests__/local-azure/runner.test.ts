import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startLocalAzure, type LocalAzure } from '../../local-azure/index.ts'
import { runJob, type JobOptions, type JobResult } from '../../local-azure/runner.ts'
import { defaultSeed } from '../../local-azure/seed.ts'
import { World, worldOptions } from '../../local-azure/world.ts'

const TOKEN = 'header.runtime-token.signature'
const PRELUDE = `
const fs = require('node:fs')
const say = (...lines) => process.stdout.write(lines.join('\\n') + '\\n')
const put = (file, text) => fs.appendFileSync(process.env['GITHUB_' + file], text)
`

/** What the harness asks of a local Azure, and no more: no server runs. */
function quietAzure(): LocalAzure {
  const unused = (): never => {
    throw new Error('not part of these tests')
  }
  return {
    world: new World(defaultSeed(), worldOptions()),
    blobs: {
      endpoint: unused,
      ungated: unused,
      keys: unused,
      takeStagingAccount: unused,
      clear: unused,
      write: unused,
      read: unused,
      list: unused,
    },
    github: {
      idTokenRequestUrl: 'https://127.0.0.1:1/token?api-version=2.0',
      resultsUrl: 'https://127.0.0.1:1/',
      startJob: () => Promise.resolve(TOKEN),
      artifacts: unused,
    },
    entra: { verify: unused, issue: unused },
    endpoints: { resourceManager: 'https://127.0.0.1:1/arm', authority: 'https://127.0.0.1:1/entra' },
    caFile: '/nowhere/ca.pem',
    folder: '/nowhere',
    close: () => Promise.resolve(),
  }
}

let folder: string
let azure: LocalAzure

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'runner test '))
  azure = quietAzure()
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Scripts {
  main: string
  post?: string
  inputs?: string
}

/** Writes a throw-away action and runs it. */
async function run(
  { main, post, inputs = '' }: Scripts,
  options: Partial<JobOptions> = {},
): Promise<JobResult> {
  const actionFolder = path.join(folder, 'action')
  const workspace = path.join(folder, 'work space')
  await mkdir(actionFolder, { recursive: true })
  await mkdir(workspace, { recursive: true })
  const runs = `runs:\n  using: node24\n  main: main.cjs\n${post === undefined ? '' : '  post: post.cjs\n'}`
  await writeFile(path.join(actionFolder, 'action.yml'), `name: Test\n${inputs}${runs}`)
  await writeFile(path.join(actionFolder, 'main.cjs'), PRELUDE + main)
  if (post !== undefined) await writeFile(path.join(actionFolder, 'post.cjs'), PRELUDE + post)
  return await runJob({ azure, actionFolder, workspace, ...options })
}

/** The environment that main saw. */
async function environment(options: Partial<JobOptions> = {}, inputs = ''): Promise<Record<string, string>> {
  const { outputs } = await run(
    { main: `put('OUTPUT', 'env=' + JSON.stringify(process.env))`, inputs },
    options,
  )
  return JSON.parse(outputs['env'] ?? '{}') as Record<string, string>
}

/** Aborts as soon as the job prints `line`. */
function abortAt(line: string): { signal: AbortSignal; onLine: (printed: string) => void } {
  const controller = new AbortController()
  const onLine = (printed: string): void => {
    if (printed === line) controller.abort()
  }
  return { signal: controller.signal, onLine }
}

/** Keeps a process alive until a signal ends it; `waiting` shows that its handlers stand. */
const WAIT = `setInterval(() => undefined, 1000); say('waiting')`

describe('inputs', () => {
  const inputs = `inputs:
  source-image: { default: Ubuntu2404 }
  two words: { default: 1.10 }
  Flag: { default: True }
  nothing: {}
  tilde: { default: ~ }
  bare:
`
  test('are all set, with dashes, and with defaults typed as YAML', async () => {
    expect(await environment({}, inputs)).toMatchObject({
      'INPUT_SOURCE-IMAGE': 'Ubuntu2404',
      INPUT_TWO_WORDS: '1.1',
      INPUT_FLAG: 'true',
      INPUT_NOTHING: '',
      INPUT_TILDE: '',
      INPUT_BARE: '',
    })
  })

  test('a given value wins in any case of its key, the empty one too', async () => {
    const given = { 'SOURCE-image': '', flag: ' no ' }
    expect(await environment({ with: given }, inputs)).toMatchObject({
      'INPUT_SOURCE-IMAGE': '',
      INPUT_FLAG: ' no ',
    })
  })

  test('an undeclared one is passed and warned of', async () => {
    const { main, outputs } = await run(
      { main: `put('OUTPUT', 'x=' + process.env['INPUT_OTHER'])`, inputs: 'inputs:\n  a: {}\n  b: {}\n' },
      { with: { other: 'y' } },
    )
    expect(outputs).toEqual({ x: 'y' })
    expect(main.annotations).toEqual([
      { level: 'warning', message: "Unexpected input(s) 'other', valid inputs are ['a', 'b']" },
    ])
  })

  test('an expression as default is refused by the harness', async () => {
    const expression = 'inputs:\n  token: { default: "${{ github.token }}" }\n'
    await expect(run({ main: '', inputs: expression })).rejects.toThrow('github.token')
  })
})

describe('environment', () => {
  test('is the runner’s, and nothing of this computer’s own', async () => {
    process.env['OF_THIS_COMPUTER'] = 'yes'
    const seen = await environment()
    delete process.env['OF_THIS_COMPUTER']
    expect(seen).toMatchObject({
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'octo-org/webapp',
      GITHUB_REPOSITORY_OWNER: 'octo-org',
      GITHUB_REF_NAME: 'main',
      GITHUB_RUN_ID: '18230001',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_HEAD_REF: '',
      GITHUB_WORKSPACE: path.join(folder, 'work space'),
      RUNNER_ENVIRONMENT: 'github-hosted',
      NODE_EXTRA_CA_CERTS: azure.caFile,
      AZURE_AUTHORITY_HOST: azure.endpoints.authority,
      ACTIONS_RUNTIME_TOKEN: TOKEN,
      ACTIONS_RESULTS_URL: azure.github.resultsUrl,
    })
    for (const absent of ['OF_THIS_COMPUTER', 'GITHUB_TOKEN', 'RUNNER_DEBUG', 'NODE_OPTIONS']) {
      expect(seen).not.toHaveProperty(absent)
    }
    expect(seen['HOME']).not.toBe(os.homedir())
  })

  test('has the way to an ID token, unless the permission is missing', async () => {
    const names = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN']
    const seen = await environment()
    expect(names.map((name) => seen[name])).toEqual([azure.github.idTokenRequestUrl, TOKEN])
    const without = await environment({ permissions: { idToken: false } })
    expect(names.filter((name) => name in without)).toEqual([])
  })

  test('takes the workflow’s variables, which cannot replace GitHub’s', async () => {
    const env = { COLOUR: 'red', CI: 'no', GITHUB_SHA: 'x', RUNNER_TEMP: 'x', ACTIONS_RUNTIME_TOKEN: 'x' }
    const job = { ref: 'refs/tags/v2', eventName: 'release' }
    const seen = await environment({ env, job, debug: true })
    expect(seen).toMatchObject({ COLOUR: 'red', CI: 'no', RUNNER_DEBUG: '1', ACTIONS_RUNTIME_TOKEN: TOKEN })
    expect(seen).toMatchObject({
      GITHUB_REF_NAME: 'v2',
      GITHUB_REF_TYPE: 'tag',
      GITHUB_EVENT_NAME: 'release',
    })
    expect(seen['GITHUB_SHA']).toMatch(/^[0-9a-f]{40}$/)
    expect(seen['RUNNER_TEMP']).not.toBe('x')
  })

  test('the process has no flags, the workspace as its folder, and an empty stdin', async () => {
    const { outputs } = await run({
      main: `put('OUTPUT', 'facts=' + JSON.stringify([process.execArgv, process.cwd(), fs.readFileSync(0, 'utf8')]))`,
    })
    expect(JSON.parse(outputs['facts'] ?? '')).toEqual([[], path.join(folder, 'work space'), ''])
  })
})

describe('command files', () => {
  test('main’s state, variables and paths reach post; each stage has files of its own', async () => {
    const { state, outputs, env, post, conclusion } = await run({
      main: `
        put('STATE', 'templateId=/a\\ntemplateId=/b\\n'); put('OUTPUT', 'text<<E\\n1\\n2\\nE\\n')
        put('ENV', 'COLOUR=red\\nINPUT_A=env\\n'); put('PATH', '/first\\n/second\\n'); put('STEP_SUMMARY', '# main')`,
      post: `
        const { STATE_templateId, COLOUR, INPUT_A, PATH, GITHUB_STATE, GITHUB_STEP_SUMMARY } = process.env
        say(JSON.stringify([STATE_templateId, COLOUR, INPUT_A, PATH.split(':').slice(0, 2)]))
        say(JSON.stringify([GITHUB_STATE, GITHUB_STEP_SUMMARY].map((file) => fs.readFileSync(file, 'utf8'))))
        put('OUTPUT', 'text=post\\n'); put('STEP_SUMMARY', '# post')`,
      inputs: 'inputs:\n  a: { default: given }\n',
    })
    expect(post?.lines).toEqual(['["/b","red","given",["/second","/first"]]', '["",""]'])
    expect(post?.summary).toBe('# post')
    expect(state).toEqual({ templateId: '/b' })
    expect(outputs).toEqual({ text: '1\n2' })
    expect(env).toEqual({ COLOUR: 'red', INPUT_A: 'env' })
    expect(conclusion).toBe('success')
  })

  test('a broken one fails the step, keeping what stands before', async () => {
    const { main, outputs, conclusion } = await run({ main: `put('OUTPUT', 'a=1\\nb<<END\\nx\\n')` })
    expect(main).toMatchObject({ exitCode: 0, conclusion: 'failure' })
    expect(main.lines).toEqual([
      "##[error]Unable to process file command 'output' successfully.",
      "##[error]Invalid value. Matching delimiter not found 'END'",
    ])
    expect(outputs).toEqual({ a: '1' })
    expect(conclusion).toBe('failure')
  })

  test('a summary that is too large, or NODE_OPTIONS, is an error that fails nothing', async () => {
    const { main, env } = await run({
      main: `put('STEP_SUMMARY', 'x'.repeat(1048577)); put('ENV', 'NODE_OPTIONS=--inspect\\nA=1\\n')`,
    })
    expect(main).toMatchObject({ conclusion: 'success', summary: '' })
    expect(main.annotations.map(({ message }) => message)).toEqual([
      "Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.",
      expect.stringContaining('supports content up to a size of 1024k, got 1024k'),
    ])
    expect(env).toEqual({ A: '1' })
  })
})

describe('workflow commands', () => {
  test('appear in the log as the runner shows them, from both streams', async () => {
    const { main } = await run({
      main: `
        say('::group::Build', 'plain', '::endgroup::', '::debug::hidden', '::notice title=T%3A::seen', '::nothing::x')
        process.stderr.write('::warning file=' + process.cwd() + '/src/a.ts,line=3::two%0Alines\\rlast')`,
    })
    expect(main.lines).toEqual(
      expect.arrayContaining([
        '##[group]Build',
        'plain',
        '##[endgroup]',
        '##[notice]seen',
        '::nothing::x',
        'last',
      ]),
    )
    expect(main.lines.join('|')).toContain('##[warning]two|lines|last')
    expect(main.lines.join('|')).not.toContain('hidden')
    expect(main.debug).toEqual(['hidden'])
    expect(main.annotations).toHaveLength(2)
    expect(main.annotations).toEqual(
      expect.arrayContaining([
        { level: 'notice', message: 'seen', title: 'T:' },
        { level: 'warning', message: 'two\nlines', file: 'src/a.ts', line: 3 },
      ]),
    )
  })

  test('with debug logging commands are echoed and debug lines show', async () => {
    const { main } = await run(
      { main: `say('::debug::x', '::group::G', '::add-mask::s3cret', '::echo::off', '::group::H')` },
      { debug: true },
    )
    expect(main.lines).toEqual([
      '##[debug]x',
      '::group::G',
      '##[group]G',
      '::add-mask::***',
      '::echo::off',
      '##[group]H',
    ])
  })

  test('ten annotations of each level are kept, all are logged', async () => {
    const { main, conclusion } = await run({
      main: `for (let i = 0; i < 12; i++) say('::error::' + i + 'e'.repeat(5000), '::notice::n')`,
    })
    expect(main.annotations.filter(({ level }) => level === 'error')).toHaveLength(10)
    expect(main.annotations[0]?.message).toHaveLength(4096)
    expect(main.lines).toHaveLength(24)
    expect(main.lines[22]).toHaveLength('##[error]11'.length + 5000)
    expect(conclusion).toBe('success')
  })

  test.each([
    '::set-env name=A::1',
    '##[add-path]/x',
    '::set-output::x',
    '::echo::maybe',
    '::stop-commands::error',
  ])('%s fails the step', async (line) => {
    const { main } = await run({ main: `say(${JSON.stringify(line)})` })
    expect(main).toMatchObject({ exitCode: 0, conclusion: 'failure' })
    expect(main.lines).toContain(`##[error]Unable to process command '${line}' successfully.`)
  })

  test('set-output and save-state still work, with a warning', async () => {
    const { main, outputs, state } = await run({
      main: `say('::set-output name=a::1', 'log ##[save-state name=b]2')`,
    })
    expect([outputs, state]).toEqual([{ a: '1' }, { b: '2' }])
    expect(main.annotations.map(({ level }) => level)).toEqual(['warning', 'warning'])
  })

  test('behind a fence everything is text, a mask’s secret too', async () => {
    const { main, outputs, masks } = await run({
      main: `say('::stop-commands::Token123', '::set-output name=a::1', '::add-mask::shown', '::error::e',
        '##[error]f', '::token123::', '::add-mask::hidden', 'hidden shown')`,
    })
    expect(main.lines).toEqual([
      '::stop-commands::***',
      '::set-output name=a::1',
      '::add-mask::shown',
      '::error::e',
      '##[error]f',
      '::token123::',
      '*** shown',
    ])
    expect(main.annotations).toEqual([])
    expect(outputs).toEqual({})
    expect(masks).toEqual([TOKEN, 'Token123', 'hidden'])
  })
})

describe('masks', () => {
  test('work on later lines, annotations and summaries, and in post', async () => {
    const { main, post, log, leaks } = await run(
      {
        main: `
          say('early', '::add-mask::early', 'early', '::error title=early::early', '::add-mask::  ')
          say(Buffer.from('a secret').toString('base64'), 'a secret', process.env.ACTIONS_RUNTIME_TOKEN)
          put('STEP_SUMMARY', 'so early\\n')`,
        post: `say('early')`,
      },
      { secrets: ['a secret'] },
    )
    expect(main.lines).toEqual([
      'early',
      '***',
      '##[error]***',
      "##[warning]Can't add secret mask for empty string in ##[add-mask] command.",
      '***',
      '***',
      '***',
    ])
    expect(main.annotations[0]).toEqual({ level: 'error', message: '***', title: '***' })
    expect(main.summary).toBe('so ***\n')
    expect(post?.lines).toEqual(['***'])
    expect(log.split('\n')).toHaveLength(8)
    expect(leaks).toEqual([])
  })
})

describe('leaks', () => {
  test('are found wherever they are left, plain or encoded', async () => {
    const secret = 'sig=Zm9v+/"&é'
    azure.world.secrets.add(secret).add('short')
    const { leaks } = await run({
      main: `
        const secret = ${JSON.stringify(secret)}
        say('fine', 'url ' + encodeURIComponent(secret), 'short', '::debug::' + secret, '::notice title=' + secret + '::n')
        put('OUTPUT', 'url=' + secret + '\\n'); put('ENV', 'A=' + secret + '\\n'); put('STATE', 'b=' + secret + '\\n')
        put('STEP_SUMMARY', 'see ' + secret)
        fs.mkdirSync(process.env.RUNNER_TEMP + '/deep')
        fs.writeFileSync(process.env.RUNNER_TEMP + '/deep/json', '\\n' + JSON.stringify({ secret }))
        fs.writeFileSync(process.env.TMPDIR + '/raw', Buffer.concat([Buffer.from([0, 255]), Buffer.from(secret)]))`,
      post: `say('Basic ' + Buffer.from('user:' + ${JSON.stringify(secret)} + ':tail').toString('base64'))`,
    })
    expect(leaks.toSorted()).toEqual([
      'debug main line 1: sig=Zm…',
      'environment file main line 1: sig=Zm…',
      'file deep/json line 2: sig=Zm…',
      'file raw line 1: sig=Zm…',
      'log main line 2: sig=Zm…',
      'log post line 1: sig=Zm…',
      'output url line 1: sig=Zm…',
      'state file main line 1: sig=Zm…',
      'summary main line 1: sig=Zm…',
      'titles main line 1: sig=Zm…',
    ])
  })

  test('the job’s own secrets and its token count', async () => {
    const { leaks } = await run(
      { main: `put('OUTPUT', 'a=my secret\\nb=' + process.env.ACTIONS_RUNTIME_TOKEN)` },
      { secrets: ['my secret'] },
    )
    expect(leaks).toEqual(['output a line 1: my sec…', 'output b line 1: header…'])
  })
})

describe('verdicts', () => {
  test('an exit code fails the step without an annotation, and post still runs', async () => {
    const { main, post, conclusion } = await run({
      main: `put('STATE', 'id=7'); process.exitCode = 3`,
      post: `say(process.env.STATE_id)`,
    })
    expect(main).toMatchObject({ exitCode: 3, signal: null, conclusion: 'failure', annotations: [] })
    expect(post).toMatchObject({ conclusion: 'success', lines: ['7'] })
    expect(conclusion).toBe('failure')
  })

  test('a failed post fails the job; an error annotation fails nothing', async () => {
    const { main, post, conclusion } = await run({ main: `say('::error::e')`, post: `process.exitCode = 1` })
    expect([main.conclusion, post?.conclusion, conclusion]).toEqual(['success', 'failure', 'failure'])
  })

  test('post is skipped where there is none or the runner shuts down', async () => {
    expect(await run({ main: '' })).not.toHaveProperty('post')
    expect(await run({ main: '', post: '' }, { skipPost: true })).not.toHaveProperty('post')
  })

  test('private folders go, and so do processes that a stage left', async () => {
    const child = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => 1, 1000)'],
      { detached: true, stdio: 'ignore' })`
    const { outputs } = await run({
      main: `const left = ${child}; left.unref()
        put('OUTPUT', 'pid=' + left.pid + '\\ntemp=' + process.env.RUNNER_TEMP + '\\n')`,
    })
    await expect(readdir(outputs['temp'] ?? '')).rejects.toThrow('ENOENT')
    while (await isRunning(outputs['pid'])) await delay(5)
  })

  test('a child that keeps the pipes open does not hold the job', async () => {
    const { main } = await run(
      {
        main: `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => 1, 1000)'],
          { detached: true, stdio: 'inherit' }).unref(); process.stdout.write('unfinished')`,
      },
      { signalDelays: { term: 7500, kill: 2500, drain: 50 } },
    )
    expect(main).toMatchObject({ exitCode: 0, lines: ['unfinished'] })
  })
})

/** Whether a process still runs a program; elsewhere than on Linux leftovers are not ended, so it is not asked. */
async function isRunning(pid: string | undefined): Promise<boolean> {
  return await readlink(`/proc/${pid ?? ''}/exe`).then(
    () => true,
    () => false,
  )
}

describe('interruptions', () => {
  const signalDelays = { term: 20, kill: 20 }
  const stubborn = `
    for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => { say(name); put('STATE', name + '=1\\n') })
    ${WAIT}`

  test('a cancel sends SIGINT, SIGTERM, SIGKILL; what handlers wrote counts; post runs', async () => {
    const { signal, onLine } = abortAt('waiting')
    const patient = { term: 500, kill: 500 }
    const { main, post, state, conclusion } = await run(
      {
        main: stubborn,
        post: `say(Object.keys(process.env).filter((key) => key.startsWith('STATE_')).sort().join())`,
      },
      { interrupt: { cancel: signal }, onLine, signalDelays: patient },
    )
    expect(main).toMatchObject({ exitCode: null, signal: 'SIGKILL', conclusion: 'cancelled' })
    expect(main.lines).toEqual(['waiting', 'SIGINT', 'SIGTERM', '##[error]The operation was canceled.'])
    expect(state).toEqual({ SIGINT: '1', SIGTERM: '1' })
    expect(post).toMatchObject({ conclusion: 'success', lines: ['STATE_SIGINT,STATE_SIGTERM'] })
    expect(conclusion).toBe('cancelled')
  })

  test('a cancelled step is cancelled even when it exits with 0', async () => {
    const { signal, onLine } = abortAt('waiting')
    const { main } = await run(
      { main: `process.on('SIGINT', () => process.exit(0)); ${WAIT}` },
      { interrupt: { cancel: signal }, onLine },
    )
    expect(main).toMatchObject({ exitCode: 0, signal: null, conclusion: 'cancelled' })
  })

  test('a cancel while post runs sends it nothing', async () => {
    const { signal, onLine } = abortAt('post')
    const { main, post, conclusion } = await run(
      {
        main: '',
        post: `process.on('SIGINT', () => say('SIGINT')); say('post'); setTimeout(() => say('done'), 200)`,
      },
      { interrupt: { cancel: signal }, onLine, signalDelays },
    )
    expect([main.conclusion, post?.conclusion, conclusion]).toEqual(['success', 'success', 'cancelled'])
    expect(post?.lines).toEqual(['post', 'done'])
  })

  test('some time after a cancel the runner’s patience ends', async () => {
    const { signal, onLine } = abortAt('waiting')
    const { post, conclusion } = await run(
      { main: `process.on('SIGINT', () => process.exit(1)); ${WAIT}`, post: WAIT.replace('waiting', 'post') },
      { interrupt: { cancel: signal }, onLine, postDeadlineSeconds: 1 },
    )
    expect(post).toMatchObject({ signal: 'SIGKILL', conclusion: 'cancelled' })
    expect(conclusion).toBe('cancelled')
  })

  test('a timeout is a failure, for post again', async () => {
    const { main, post, conclusion } = await run(
      { main: stubborn, post: `process.on('SIGINT', () => process.exit(0)); ${WAIT}` },
      { interrupt: { timeoutMinutes: 0.004 }, signalDelays },
    )
    const message = "The action 'Run octo-org/aib-action@v1' has timed out after 0.004 minutes."
    expect(main).toMatchObject({ conclusion: 'failure', annotations: [{ level: 'error', message }] })
    expect(post).toMatchObject({ conclusion: 'failure', annotations: [{ level: 'error', message }] })
    expect(conclusion).toBe('failure')
  })

  test('after SIGKILL the files are read, and post gets its state', async () => {
    const { signal, onLine } = abortAt('waiting')
    const { main, post, outputs, conclusion } = await run(
      {
        main: `put('STATE', 'id=9\\n'); put('OUTPUT', 'a=1\\n'); ${stubborn}`,
        post: `say(process.env.STATE_id)`,
      },
      { interrupt: { kill: signal }, onLine },
    )
    expect(main).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      conclusion: 'failure',
      lines: ['waiting'],
    })
    expect(post?.lines).toEqual(['9'])
    expect(outputs).toEqual({ a: '1' })
    expect(conclusion).toBe('failure')
  })

  test('post can be killed and run again with the same state', async () => {
    const { signal, onLine } = abortAt('waiting')
    const { post, log, conclusion } = await run(
      {
        main: `put('STATE', 'marker=' + process.cwd() + '/killed-once\\n')`,
        post: `const { STATE_marker: marker } = process.env
          if (fs.existsSync(marker)) say('again')
          else { fs.writeFileSync(marker, ''); ${WAIT} }`,
      },
      { post: { kill: signal }, postTwice: true, onLine },
    )
    expect(post).toMatchObject({ exitCode: 0, conclusion: 'success', lines: ['again'] })
    expect(log).toBe('waiting\nagain')
    expect(conclusion).toBe('failure')
  })
})

describe('with a started local Azure', () => {
  test('an action fetches an ID token, trusting its certificate; the token counts as a secret', async () => {
    azure = await startLocalAzure()
    try {
      const { outputs, leaks } = await run({
        main: `
          const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = process.env
          fetch(url + '&audience=here', { headers: { Authorization: 'Bearer ' + token } })
            .then((answer) => answer.json()).then(({ value }) => put('OUTPUT', 'token=' + value))`,
      })
      const [, claims = ''] = outputs['token']?.split('.') ?? []
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
        aud: 'here',
        sub: 'repo:octo-org/webapp:ref:refs/heads/main',
        run_id: '18230001',
      })
      expect(leaks).toEqual([`output token line 1: ${outputs['token']?.slice(0, 6) ?? ''}…`])
    } finally {
      await azure.close()
    }
  })
})
