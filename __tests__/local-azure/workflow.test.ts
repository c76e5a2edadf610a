/** The driver that walks workflows: small ones, most with scripts alone, on a local Azure of which no server runs. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { idTokenClaims } from '../../local-azure/github/job-claims.ts'
import type { LocalAzure } from '../../local-azure/index.ts'
import type { WorkflowJob } from '../../local-azure/parts.ts'
import { defaultSeed } from '../../local-azure/seed.ts'
import {
  InvalidWorkflow,
  playWorkflow,
  type WorkflowOptions,
  type WorkflowResult,
} from '../../local-azure/workflow.ts'
import { World, worldOptions } from '../../local-azure/world.ts'

let folder: string
let started: WorkflowJob[]
let lines: string[]

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'workflow-test-'))
  started = []
  lines = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What the driver asks of a local Azure, and no more. */
function quietAzure(): LocalAzure {
  const unused = (): never => {
    throw new Error('not part of these tests')
  }
  return {
    world: new World(defaultSeed(), worldOptions()),
    github: {
      idTokenRequestUrl: 'https://127.0.0.1:1/token?api-version=2.0',
      resultsUrl: 'https://127.0.0.1:1/',
      startJob: (job: WorkflowJob) => {
        started.push(job)
        return Promise.resolve(`header.runtime-token-${started.length}.signature`)
      },
      artifacts: () => Promise.resolve([]),
    },
    entra: { verify: unused, issue: unused },
    blobs: { list: unused },
    endpoints: { resourceManager: 'https://127.0.0.1:1/arm', authority: 'https://127.0.0.1:1/entra' },
    caFile: '/nowhere/ca.pem',
    folder,
    close: () => Promise.resolve(),
  } as unknown as LocalAzure
}

type Files = Record<string, string>

/** Writes workflows and plays the first one. */
async function play(files: Files, options: Partial<WorkflowOptions> = {}): Promise<WorkflowResult> {
  const workflows = path.join(folder, 'workflows')
  await mkdir(workflows, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(workflows, name), text)
  const [first = ''] = Object.keys(files)
  return await playWorkflow({
    azure: quietAzure(),
    workflow: path.join(workflows, first),
    onLine: (line, { job }) => lines.push(`${job}: ${line}`),
    ...options,
  })
}

const ends = ({ jobs }: WorkflowResult): Record<string, string> =>
  Object.fromEntries(jobs.map(({ name, conclusion }) => [name, conclusion]))

/** A job that does this; the text is indented as it has to be. */
function job(id: string, script: string, more = ''): string {
  return `
  ${id}:
    runs-on: ubuntu-latest
${more
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => `    ${line}\n`)
  .join('')}    steps:
      - id: it
        run: ${JSON.stringify(script)}
`
}

const ON_PUSH = 'on: push\njobs:'
const CALL = '    uses: ./.github/workflows/called.yml\n'

describe('jobs', () => {
  test.each<[string, string, Record<string, string>, string]>([
    [
      'one after the other',
      job('b', 'true', 'needs: a') + job('a', 'true'),
      { b: 'success', a: 'success' },
      'success',
    ],
    [
      'a failure skips what needs it, but for what asks to go on',
      job('a', 'false') +
        job('b', 'true', 'needs: a') +
        job('c', 'true', 'needs: b\nif: failure()') +
        job('d', 'true', "needs: [a, b]\nif: ${{ !cancelled() && needs.a.result == 'failure' }}") +
        job('e', 'true', 'needs: d'),
      { a: 'failure', b: 'skipped', c: 'success', d: 'success', e: 'skipped' },
      'failure',
    ],
    [
      'a skip goes down the chain, past one that runs always',
      job('a', 'true', 'if: false') +
        job('b', 'true', 'needs: a\nif: always()') +
        job('c', 'true', 'needs: b'),
      { a: 'skipped', b: 'success', c: 'skipped' },
      'success',
    ],
    [
      'a failure that is allowed',
      job('a', 'false', 'continue-on-error: true') + job('b', 'true', 'needs: a'),
      { a: 'failure', b: 'success' },
      'success',
    ],
    [
      'conditions look at variables and events',
      job(
        'a',
        'true',
        "if: vars.STAGE == 'prod' && github.event_name == 'push' && github.ref_name == 'main'",
      ) + job('b', 'true', 'if: ${{ github.event.forced }}'),
      { a: 'success', b: 'skipped' },
      'success',
    ],
    ['nothing to do', job('a', 'true', 'if: false'), { a: 'skipped' }, 'skipped'],
    [
      'a matrix that cannot be had fails the job',
      job('a', 'true', 'strategy:\n  matrix:\n    leg: ${{ fromJSON(vars.NONE) }}') +
        job('b', 'true', 'needs: a'),
      { a: 'failure', b: 'skipped' },
      'failure',
    ],
    [
      'fail-fast cancels what has not begun',
      job('a', '[ ${{ matrix.n }} -gt 1 ]', 'strategy:\n  max-parallel: 1\n  matrix:\n    n: [1, 2]'),
      { 'a (1)': 'failure', a: 'cancelled' },
      'failure',
    ],
    [
      'without fail-fast, and with a name of its own, every leg runs',
      job(
        'a',
        '[ ${{ matrix.n }} -gt 1 ]',
        'name: Leg ${{ matrix.n }}\nstrategy:\n  fail-fast: false\n  matrix:\n    n: [1, 2]',
      ),
      { 'Leg 1': 'failure', 'Leg 2': 'success' },
      'failure',
    ],
    [
      'three in one concurrency group: the second of those that wait takes the place of the first',
      ['a', 'b', 'c'].map((id) => job(id, 'true', 'concurrency: image')).join(''),
      { a: 'success', b: 'cancelled', c: 'success' },
      'cancelled',
    ],
    [
      'three in a group that queues',
      ['a', 'b', 'c'].map((id) => job(id, 'true', 'concurrency:\n  group: image\n  queue: max')).join(''),
      { a: 'success', b: 'success', c: 'success' },
      'success',
    ],
  ])('%s', async (_what, jobs, expected, conclusion) => {
    const result = await play({ 'main.yml': ON_PUSH + jobs }, { vars: { STAGE: 'prod' } })
    expect(ends(result)).toEqual(expected)
    expect(result.conclusion).toBe(conclusion)
  })

  test('outputs go on, but for empty ones and those with a secret in them', async () => {
    const script = [
      'echo "::add-mask::hush-hush"',
      'for pair in plain=1 empty= secret=a-hush-hush given=s3cret-value; do echo "$pair" >> "$GITHUB_OUTPUT"; done',
    ].join('\n')
    const outputs = ['plain', 'empty', 'secret', 'given'].map(
      (name) => `  ${name}: \${{ steps.it.outputs.${name} }}`,
    )
    const result = await play(
      {
        'main.yml':
          ON_PUSH +
          job('a', script, `outputs:\n${outputs.join('\n')}`) +
          job('b', "echo '${{ toJSON(needs.a) }}'", 'needs: a'),
      },
      { secrets: { TOKEN: 's3cret-value' } },
    )
    expect(result.jobs[0]?.outputs).toEqual({ plain: '1' })
    expect(lines).toContain("a: ##[warning]Skip output 'secret' since it may contain secret.")
    expect(lines).toContain("a: ##[warning]Skip output 'given' since it may contain secret.")
    expect(JSON.parse(result.jobs[1]?.log ?? '')).toEqual({ result: 'success', outputs: { plain: '1' } })
  })

  test('the leg that ends last gives the outputs of a matrix', async () => {
    const script = 'echo "of=${{ matrix.n }}" >> "$GITHUB_OUTPUT"'
    const more =
      'strategy:\n  max-parallel: 1\n  matrix:\n    n: [1, 2]\noutputs:\n  of: ${{ steps.it.outputs.of }}'
    const needing = job('b', 'echo "last: ${{ needs.a.outputs.of }}"', 'needs: a')
    await play({ 'main.yml': ON_PUSH + job('a', script, more) + needing })
    expect(lines).toContain('b: last: 2')
  })

  test('a cancel stops what runs, skips the rest, and lets go on what wants to', async () => {
    const cancel = new AbortController()
    const steps =
      '\n      - run: echo after\n      - run: echo always\n        if: always()\n      - run: echo cancelled\n        if: cancelled()'
    const result = await play(
      {
        'main.yml':
          ON_PUSH +
          job('a', 'trap "exit 0" INT; echo begun; sleep 30 & wait') +
          steps.slice(1) +
          '\n' +
          job('b', 'true', 'needs: a') +
          job('c', 'true', 'needs: a\nif: always()'),
      },
      {
        cancel: cancel.signal,
        onLine: (line) => {
          lines.push(line)
          if (line === 'begun') cancel.abort()
        },
      },
    )
    expect(ends(result)).toEqual({ a: 'cancelled', b: 'cancelled', c: 'cancelled' })
    expect(lines).toEqual(['begun', '##[error]The operation was canceled.', 'always', 'cancelled'])
  })
})

describe('steps', () => {
  const STEPS = `on: push
env:
  FROM: workflow
  BOTH: workflow
defaults:
  run:
    working-directory: sub
jobs:
  a:
    runs-on: ubuntu-latest
    env:
      BOTH: job
      NAMED: \${{ github.repository }}-\${{ github.job }}-\${{ github.run_id }}
    steps:
      - run: mkdir sub; ls -A
        working-directory: .
      - id: first
        name: Say \${{ vars.WHO }}
        run: |
          echo "$FROM $BOTH $NAMED $STEP"
          echo "LATER=from the file" >> "$GITHUB_ENV"
          echo "BOTH=from the file" >> "$GITHUB_ENV"
          mkdir bin && printf '#!/bin/sh\\necho found' > bin/tool && chmod +x bin/tool
          echo "$PWD/bin" >> "$GITHUB_PATH"
          echo "out=\${STEP}" >> "$GITHUB_OUTPUT"
          echo "# Done" >> "$GITHUB_STEP_SUMMARY"
          [ -z "$ACTIONS_RUNTIME_TOKEN" ]
        env:
          STEP: of \${{ env.BOTH }}
      - run: echo "$LATER, $BOTH, \${{ env.LATER }}, \${{ steps.first.outputs.out }}"; tool
      - id: bad
        run: false | true
        shell: bash
        continue-on-error: true
      - run: echo "\${{ steps.bad.outcome }}, \${{ steps.bad.conclusion }}, \${{ job.status }}"
      - run: false | true
      - run: |
          false
          echo never
      - run: echo "\${{ job.status }}"
        if: failure() && steps.first.conclusion == 'success'
      - run: echo never
      - run: echo '\${{ fromJSON('') }}'
        if: always()
`
  test('share environment, path and outputs; a failure ends them, but for what goes on', async () => {
    const result = await play({ 'main.yml': STEPS }, { vars: { WHO: 'hello' } })
    const [only] = result.jobs
    expect(only?.log.split('\n')).toEqual([
      'sub',
      'workflow job octo-org/webapp-a-18230001 of job',
      'from the file, from the file, from the file, of job',
      'found',
      '##[error]Process completed with exit code 1.',
      'failure, success, success',
      '##[error]Process completed with exit code 1.',
      'failure',
      '##[error]The template is not valid. .github/workflows/main.yml (Line: 43, Col: 14): empty input',
    ])
    expect(only?.steps.map(({ conclusion }) => conclusion)).toEqual([
      ...['success', 'success', 'success', 'success', 'success', 'success'],
      ...['failure', 'success', 'skipped', 'failure'],
    ])
    expect(only?.steps[1]).toMatchObject({ name: 'Say hello', outputs: { out: 'of job' } })
    expect(result.summaries).toEqual([{ job: 'a', step: 'Say hello', text: '# Done\n' }])
    expect(result.conclusion).toBe('failure')
  })

  test('actions: those of this repository and of the workspace run, post last in first out, with what was saved', async () => {
    const action = (name: string): Files => ({
      'action.yml': `inputs:\n  text: { default: usual }\nruns: { using: node24, main: main.cjs, post: post.cjs }\n`,
      'package.json': '{}',
      'main.cjs': `console.log('main of ${name}:', process.env.INPUT_TEXT, process.env.GITHUB_ACTION_REPOSITORY, process.env.GITHUB_ACTION_REF)
require('node:fs').appendFileSync(process.env.GITHUB_STATE, 'saved=${name}')
require('node:fs').appendFileSync(process.env.GITHUB_OUTPUT, 'out=${name}')`,
      'post.cjs': `console.log('post of', process.env.STATE_saved)`,
    })
    const actionRoot = path.join(folder, 'action')
    for (const [at, name] of [
      [actionRoot, 'own'],
      [path.join(actionRoot, 'sub'), 'sub'],
      [path.join(folder, 'repository', 'mine'), 'mine'],
    ] as const) {
      await mkdir(at, { recursive: true })
      for (const [file, text] of Object.entries(action(name))) await writeFile(path.join(at, file), text)
    }
    const steps = `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    outputs:
      out: \${{ steps.own.outputs.out }} \${{ steps.mine.outputs.out }}
    steps:
      - uses: actions/checkout@v6
      - run: cat .git/config
      - uses: org/aib-action@v1
        id: own
      - uses: org/aib-action/sub@v1.2.3
        with: { text: given }
      - uses: ./mine
        id: mine
      - run: exit 3
      - uses: ./absent
        if: always()
`
    const result = await play(
      { 'main.yml': steps },
      { actionRoot, repository: path.join(folder, 'repository') },
    )
    const [only] = result.jobs
    expect(only?.log).toMatch(/extraheader = AUTHORIZATION: basic \*\*\*/)
    expect(only?.log.split('\n').filter((line) => /^(main|post) of/.test(line))).toEqual([
      'main of own: usual org/aib-action v1',
      'main of sub: given org/aib-action v1.2.3',
      'main of mine: usual  ',
      'post of mine',
      'post of sub',
      'post of own',
    ])
    expect(only?.log).toContain('Did you forget to run actions/checkout')
    expect(only).toMatchObject({ conclusion: 'failure', outputs: { out: 'own mine' } })
  })
})

const CALLED = `on:
  workflow_call:
    inputs:
      text: { type: string }
      number: { type: number, default: 3 }
      truth: { type: boolean }
      needed: { type: string, required: true }
    secrets:
      token: { required: false }
    outputs:
      said: { value: "\${{ jobs.say.outputs.said }}" }
env:
  GIVEN: \${{ inputs.text }},\${{ inputs.number }},\${{ inputs.truth && 'yes' || 'no' }},\${{ inputs.needed }}
jobs:
  say:
    runs-on: ubuntu-latest
    outputs:
      said: \${{ steps.it.outputs.said }}
    steps:
      - id: it
        run: |
          echo "$GIVEN, \${{ github.workflow }}, \${{ secrets.token == '' && 'no token' || 'a token' }}, \${{ env.OUTER }}"
          echo "said=$GIVEN" >> "$GITHUB_OUTPUT"
`

describe('a called workflow', () => {
  test("has inputs of their types, named secrets, nothing of the caller's env; its outputs come back", async () => {
    const main = `name: Outer
on: push
env: { OUTER: outer }
jobs:
  first:
${CALL}    with: { needed: "\${{ github.ref_name }}" }
  second:
    needs: first
    strategy:
      matrix: { n: [7] }
${CALL}    with:
      needed: "\${{ needs.first.outputs.said }}"
      number: \${{ matrix.n }}
      truth: \${{ matrix.n == 7 }}
      text: 1.10
    secrets:
      token: \${{ secrets.TOKEN }}
  third:
    needs: second
${CALL}    with: { needed: x }
    secrets: inherit
`
    const result = await play(
      { 'main.yml': main, 'called.yml': CALLED },
      { secrets: { TOKEN: 's3cret-value' } },
    )
    expect(result.jobs.map(({ id, name, log }) => [id, name, log])).toEqual([
      ['first / say', 'first / say', ',3,no,main, Outer, no token, '],
      ['second / say', 'second (7) / say', '1.1,7,yes,,3,no,main, Outer, a token, '],
      ['third / say', 'third / say', ',3,no,x, Outer, a token, '],
    ])
    expect(result.conclusion).toBe('success')
  })

  test.each([
    [
      'another input',
      'with: { needed: x, textt: y }',
      'Invalid input, textt is not defined in the referenced workflow.',
    ],
    ['a missing input', 'with: { text: y }', 'Input needed is required, but not provided while calling.'],
    ['a text for a truth value', "with: { needed: x, truth: 'true' }", "Unexpected value 'true'"],
    ['a text for a number', 'with: { needed: x, number: many }', "Unexpected value 'many'"],
    [
      'another secret',
      'with: { needed: x }\n    secrets: { key: x }',
      'Invalid secret, key is not defined in the referenced workflow.',
    ],
  ])('is not called with %s', async (_what, given, message) => {
    const main = `on: push\njobs:\n  call:\n${CALL}    ${given}\n`
    await expect(play({ 'main.yml': main, 'called.yml': CALLED })).rejects.toThrow(message)
  })

  test('a value of another type, evaluated on the way, fails the call', async () => {
    const main = `on: push\njobs:\n  call:\n${CALL}    with: { needed: x, truth: "\${{ vars.TRUTH }}" }\n`
    const result = await play({ 'main.yml': main, 'called.yml': CALLED }, { vars: { TRUTH: 'true' } })
    expect(result.conclusion).toBe('failure')
    expect(result.log).toMatch(
      /The template is not valid\. .*main\.yml \(Line: 5, Col: \d+\): Unexpected value 'true'/,
    )
  })

  const asking = (level: string, at: 'workflow' | 'job'): string =>
    `on: workflow_call\n${at === 'workflow' ? `permissions: ${level}\n` : ''}jobs:` +
    job('inner', 'env', at === 'job' ? `permissions: ${level}` : '')

  test.each([
    [
      '',
      '{ id-token: write }',
      'job',
      "The nested job 'inner' is requesting 'id-token: write', but is only allowed 'id-token: none'.",
    ],
    ['permissions: { contents: read }', 'write-all', 'workflow', "but is only allowed 'actions: none,"],
    [
      'permissions: {}',
      '{ contents: read }',
      'job',
      "is requesting 'contents: read', but is only allowed 'contents: none'.",
    ],
    ['permissions: { id-token: write, contents: write }', '{ id-token: write }', 'job', ''],
    [
      'permissions: read-all',
      '{ id-token: write }',
      'workflow',
      "The workflow is requesting 'id-token: write'",
    ],
  ] as const)('with %j asks for %s in the %s', async (granted, asked, at, message) => {
    const main = `on: push\njobs:\n  call:\n    ${granted}\n${CALL}`
    const playing = play({ 'main.yml': main, 'called.yml': asking(asked, at) })
    if (message === '') expect((await playing).jobs[0]?.permissions).toEqual({ 'id-token': 'write' })
    else await expect(playing).rejects.toThrow(message)
  })

  test('ID tokens: with the permission alone, named after environment and called workflow', async () => {
    const called = `on: workflow_call\njobs:${job('with', 'echo "way: ${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"', 'environment: ${{ vars.STAGE }}')}${job('without', 'echo "way: ${ACTIONS_ID_TOKEN_REQUEST_URL:-none}"', 'permissions: {}')}`
    const main = `on: push\npermissions: { id-token: write }\njobs:\n  call:\n${CALL}${job('own', 'true', "environment: ${{ '' }}")}`
    const result = await play(
      { 'main.yml': main, 'called.yml': called },
      { vars: { STAGE: 'production' }, places: 1 },
    )
    expect(result.jobs.map(({ id, log }) => [id, log])).toEqual([
      ['call / with', 'way: https://127.0.0.1:1/token?api-version=2.0'],
      ['call / without', 'way: none'],
      ['own', ''],
    ])
    const claims = started.map((of) => idTokenClaims({ job: of, jobId: 'j' }))
    const repository = 'octo-org/webapp/.github/workflows'
    expect(claims.map(({ sub, job_workflow_ref: of, workflow_ref: outer }) => [sub, of, outer])).toEqual(
      expect.arrayContaining([
        [
          'repo:octo-org/webapp:environment:production',
          `${repository}/called.yml@refs/heads/main`,
          `${repository}/main.yml@refs/heads/main`,
        ],
        [
          'repo:octo-org/webapp:ref:refs/heads/main',
          `${repository}/main.yml@refs/heads/main`,
          `${repository}/main.yml@refs/heads/main`,
        ],
      ]),
    )
  })

  test('in the group of its caller: cancelled, as neither could go on', async () => {
    const group = 'concurrency: ${{ github.workflow }}'
    const called = `on: workflow_call\n${group}\njobs:${job('inner', 'true')}`
    const result = await play({
      'main.yml': `on: push\n${group}\njobs:\n  call:\n${CALL}`,
      'called.yml': called,
    })
    expect(ends(result)).toEqual({ call: 'cancelled' })
    expect(result.log).toContain(
      "Canceling since a deadlock for concurrency group '.github/workflows/main.yml'",
    )
  })
})

describe('refused before it begins, with every error', () => {
  test.each<[string, string, string[]]>([
    [
      'a key and a context',
      `on: push\njobs:\n  a:\n    runs-on: x\n    stepps: []\n    steps: [{ run: "echo \${{ nope.x }}" }]\n`,
      ['stepps', 'nope'],
    ],
    ['a need', `on: push\njobs:${job('a', 'true', 'needs: b')}`, ['at least one job with no dependencies']],
    [
      'actions of others',
      `on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{ uses: some/action@v1 }, { uses: other/one@v2 }]\n`,
      ["'some/action@v1'", "'other/one@v2'"],
    ],
    [
      'a container',
      `on: push\njobs:${job('a', 'true', 'container: node')}`,
      ["'container' is not played here"],
    ],
    [
      'a workflow that is not there',
      `on: push\njobs:\n  a:\n    uses: ./.github/workflows/none.yml\n`,
      ['workflow was not found'],
    ],
    [
      'one that is not to be called',
      `on: push\njobs:\n  a:\n    uses: ./.github/workflows/main.yml\n`,
      ['workflow_call key is not defined', 'depth exceeded 10'],
    ],
  ])('%s', async (_what, main, messages) => {
    const error = await play({ 'main.yml': main }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidWorkflow)
    for (const message of messages) expect((error as Error).message).toContain(message)
    expect(started).toEqual([])
  })

  test.each([
    [{ stage: 'prod' }, 'prod true false'],
    [{ stage: 'prod', dry: 'false', other: 'x' }, 'Unexpected inputs provided: ["other"]'],
    [{ stage: 'moon' }, "Provided value 'moon' for input 'stage' not in the list of allowed values"],
    [{}, "Required input 'stage' not provided"],
  ])('by hand with %j', async (inputs: Record<string, string>, expected) => {
    const main = `on:
  workflow_dispatch:
    inputs:
      stage: { type: choice, options: [test, prod], required: true }
      dry: { type: boolean, default: true }
jobs:${job('a', "echo '${{ inputs.stage }} ${{ inputs.dry }} ${{ inputs.dry == github.event.inputs.dry }}'")}`
    const text = await play({ 'main.yml': main }, { inputs }).then(
      ({ log }) => log,
      (error: unknown) => (error as Error).message,
    )
    expect(text).toBe(expected)
  })
})

test('what is attested is told by its digest, and attesting nothing fails', async () => {
  const steps = `on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p records/one && printf '{}' > records/one/build-record.json
      - id: attest
        uses: actions/attest@v4
        with: { subject-path: 'records/**/build-record.json' }
      - run: echo "\${{ steps.attest.outputs.attestation-id }}"
      - uses: actions/attest-build-provenance@v3
        with: { subject-path: absent }
`
  const { attestations, log } = await play({ 'main.yml': steps })
  const sha256 = '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'
  expect(attestations).toEqual([
    { id: expect.any(String), subjects: [{ name: 'build-record.json', sha256 }] },
  ])
  expect(log.split('\n').slice(1)).toEqual([
    attestations[0]?.id,
    '##[error]Could not find subject at path absent',
  ])
})

test('secrets that a step writes into a file or prints in another form are found', async () => {
  const script = 'echo "$TOKEN" > "$RUNNER_TEMP/kept"; echo "plain $TOKEN, turned $(echo "$TOKEN" | rev)"'
  const more = 'env:\n  TOKEN: ${{ secrets.TOKEN }}'
  const result = await play(
    { 'main.yml': ON_PUSH + job('a', script, more) },
    { secrets: { TOKEN: 's3cret-value' } },
  )
  expect(lines).toEqual(['a: plain ***, turned eulav-terc3s'])
  expect(result.leaks).toEqual(['a: file kept line 1: s3cret…'])
})
