/** A build that explains itself: what is told while it runs, and what a failure says, as the user sees both. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, LIVE_LOG_ACTIONS, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { whyNoBuildVm } from '../support/build-vm.ts'
import { failureOf } from '../support/failures.ts'
import { AT_ANY_PACE, HELD, pace, quickTime, release, runQuickly } from '../support/moments.ts'
import { onStage, openStage, type Stage } from '../support/run-action.ts'

const noBuildVm = await whyNoBuildVm()
const inBuildVm = noBuildVm === '' ? test : test.skip
const why = noBuildVm && ` (skipped, no build VM: ${noBuildVm})`

/** What tries to speak to the runner. */
const HOSTILE = [
  'echo "::error::not an error"',
  'echo "   ::set-output name=image-uri::stolen"',
  'echo "::add-mask::eastus"',
  'echo "##[error]nor this"',
  'echo "::stop-commands::mine"',
  String.raw`printf 'a\r::warning::b\n'`,
]
/** Twenty lines, of which the eleventh fails. */
const SCRIPT = Array.from({ length: 20 }, (_, index) =>
  index === 10 ? 'ls /no/such/folder' : (HOSTILE[index] ?? `echo "line ${index + 1}"`),
)
const WORKFLOW = `name: bake
on: push
jobs:
  bake:
    runs-on: ubuntu-latest
    timeout-minutes: 90
    steps:
      - uses: actions/checkout@v5
      - uses: org/aib-action@v1
        with:
          location: eastus
          source-image: \${{ vars.SOURCE }}
          gallery-image-id: \${{ vars.IMAGE }}
          inline-script: |
${SCRIPT.map((line) => `            ${line}`).join('\n')}
          # the end
`

let stage: Stage
beforeAll(async () => {
  const seed = defaultSeed()
  const principalId = seed.applications[0]?.objectId ?? ''
  const scope = `/subscriptions/${SUBSCRIPTION_ID}`
  seed.roleAssignments.push({ principalId, scope, actions: [...LIVE_LOG_ACTIONS] })
  stage = await openStage({ speed: 600, seed }, { skipPost: true })
})
afterAll(() => stage.close())

/** Writes the workflow that runs where a checkout has it. */
async function checkOut(text: string): Promise<void> {
  const folder = path.join(stage.workspace, '.github', 'workflows')
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'bake.yml'), text)
}

const lineOf = (text: string): number => WORKFLOW.split('\n').findIndex((line) => line.includes(text)) + 1

describe('a script that fails in the middle', () => {
  let job: JobResult
  beforeAll(async () => {
    await checkOut(WORKFLOW)
    job = await stage.run({
      'inline-script': SCRIPT.join('\n'),
      'build-timeout-in-minutes': '120',
      'follow-log': 'true',
    })
  })

  inBuildVm(`is named with its line, its command, its exit code and its output${why}`, () => {
    const [headline, ...rest] = failureOf(job).split('\n')
    expect(headline).toBe(
      'Customizer 3 of 3: aib-action: inline script (shell) failed with exit code 2 at line 11 of inline-script: ls /no/such/folder',
    )
    const output = rest.slice(
      0,
      rest.findIndex((line) => line.startsWith('Cause: ')),
    )
    expect(output.at(-1)).toMatch(/==> ls: .*\/no\/such\/folder.*No such file or directory$/)
    expect(output.map((line) => line.trim())).toEqual(expect.arrayContaining(['line 10']))
    expect(job.log).not.toContain('line 12')
    expect(rest.some((line) => line.startsWith('  az storage blob download '))).toBe(true)
    expect(rest.at(-1)).toMatch(/^For Azure's support: operation [0-9a-f-]{36}, correlation [0-9a-f-]{36}$/)
  })

  inBuildVm(`is pointed at in the workflow file${why}`, () => {
    const [error] = job.main.annotations.filter(({ level }) => level === 'error')
    expect(error).toMatchObject({ file: '.github/workflows/bake.yml', line: lineOf('ls /no/such/folder') })
  })

  test('ends later than its job would: a warning at the step', () => {
    const [warning, ...others] = job.main.annotations.filter(({ level }) => level === 'warning')
    expect(others).toEqual([])
    expect(warning?.message).toMatch(
      /^build-timeout-in-minutes is 120, but the job ends after 90 minutes .*build-timeout-beyond-job/,
    )
    expect(warning).toMatchObject({
      file: '.github/workflows/bake.yml',
      line: lineOf('uses: org/aib-action'),
    })
  })

  test('the log has one group a customizer, each closed before the next one begins', () => {
    const marks = job.main.lines.filter((line) => /^##\[(?:end)?group\]/.test(line))
    expect(marks.every((mark, at) => mark.startsWith('##[endgroup]') === (at % 2 === 1))).toBe(true)
    for (const title of [
      '1 of 3: aib-action: copy',
      '2 of 3: aib-action: unpack',
      '3 of 3: aib-action: inline',
    ])
      expect(marks.some((mark) => mark.startsWith(`##[group]customizer ${title}`))).toBe(true)
  })

  inBuildVm(`what tries to speak to the runner is text, word for word${why}`, () => {
    expect(job.outputs['image-uri']).toBe('')
    const said = job.main.lines.map((line) => line.trim())
    expect(said).toEqual(expect.arrayContaining(['::error::not an error', '::add-mask::eastus', 'line 7']))
    expect(job.masks).not.toContain('eastus')
    // Commands of our own are carried out again behind it.
    expect(job.main.lines.filter((line) => line.startsWith('::group::'))).toEqual([])
  })

  inBuildVm(`the summary has cause and remedy before anything else, and a timeline${why}`, () => {
    const { summary } = job.main
    const places = ['### ❌', '**Cause:**', '**What to do:**', '| Result |', '```mermaid', 'crit'].map(
      (part) => summary.indexOf(part),
    )
    expect(places.every((at) => at > 0)).toBe(true)
    expect(places.toSorted((a, b) => a - b)).toEqual(places)
  })
})

describe('while it runs', () => {
  test('after five minutes without a line there is a sign of life, and the next build knows how long it takes', async () => {
    await onStage(AT_ANY_PACE, async (own) => {
      // In real time, as the time of the image's publication is the service's.
      const first = await own.run({}, { skipPost: true })
      expect(first.conclusion).toBe('success')
      expect(first.log).not.toContain('earlier builds of this image took')
      pace(own.azure, { distributing: HELD })
      const second = await runQuickly(
        own,
        {},
        {
          env: quickTime(100),
          skipPost: true,
          onLine: (line) => {
            if (line.startsWith('  still Distributing (')) release(own.azure)
          },
        },
      )
      expect(second.conclusion).toBe('success')
      expect(second.log).toMatch(/^earlier builds of this image took about \d+ s$/m)
      expect(second.log).toMatch(/^ {2}Distributing \(.+ of about \d+ s\)$/m)
      expect(second.log).toMatch(/^ {2}still Distributing \(\d+ min \d+ s of about /m)
    })
  })
})

test('the file with the log has no secret that the action knows, and is there without being uploaded', async () => {
  await onStage(AT_ANY_PACE, async (own) => {
    const temp = path.join(own.workspace, 'temp')
    await mkdir(temp)
    const output: string[] = []
    own.azure.world.options.build = { failCustomizer: { index: 2, exitCode: 1, output } }
    // As if Image Builder quoted the signed URL, which a template may hold.
    own.azure.world.watch(({ method, body }) => {
      const url = method === 'PUT' ? /https:[^"]+sig=[^"]+/.exec(body ?? '')?.[0] : undefined
      if (url !== undefined) output.push(`fetching ${url}`, 'done')
    })
    const inputs = { 'inline-script': 'true', 'log-artifact-name': '' }
    const job = await runQuickly(own, inputs, { runnerTemp: temp, skipPost: true })
    expect(job.conclusion).toBe('failure')
    const log = await readFile(job.outputs['log-path'] ?? '', 'utf8')
    expect(log).toMatch(/fetching https:\S+\?\*\*\*/)
    expect(log).not.toMatch(/sig=/)
    expect(job.leaks).toEqual([])
    expect(await own.azure.github.artifacts()).toEqual([])
  })
})

test('the signature of a URL of the user’s own is masked, as Azure may quote it', async () => {
  const customizers =
    '- { type: File, sourceUri: "https://a.blob.core.windows.net/c/b?sv=1&sig=abc%2Fdef%3D", destination: /tmp/b }'
  const job = await stage.run({ customizers, 'dry-run': 'true' })
  expect(job.conclusion).toBe('success')
  expect(job.masks).toEqual(expect.arrayContaining(['abc%2Fdef%3D', 'abc/def=']))
})
