/** The log of a build: printed while it grows, kept as a file, uploaded after a failure; and what a failure is called. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { defaultSeed, LIVE_LOG_ACTIONS, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { annotations, openStage, type Stage } from '../support/run-action.ts'
import { unzip } from '../support/unzip.ts'

/** The deploying identity may read live logs, and blobs of every account. */
function seedWithLogRights(): Seed {
  const seed = defaultSeed()
  const principalId = seed.applications[0]?.objectId ?? ''
  seed.roleAssignments.push({
    principalId,
    scope: `/subscriptions/${SUBSCRIPTION_ID}`,
    actions: [...LIVE_LOG_ACTIONS],
  })
  return seed
}

const SCRIPT = { 'inline-script': 'echo "::error::not for the runner"\necho hello from the build' }
const FAILING = { 'inline-script': 'echo about to fail\nexit 7' }

let stage: Stage
let temp: string
beforeAll(async () => {
  stage = await openStage({ speed: 300, seed: seedWithLogRights() })
  temp = await mkdtemp(path.join(os.tmpdir(), 'runner-temp-'))
})
afterAll(async () => {
  await stage.close()
  await rm(temp, { recursive: true, force: true })
})

describe('follow-log', () => {
  test('prints what the scripts say while the build runs, and nothing of it is a command to the runner', async () => {
    const { main, outputs } = await stage.run(SCRIPT)
    expect(outputs['run-state']).toBe('Succeeded')
    const said = main.lines.findIndex((line) => line.includes('hello from the build'))
    const ended = main.lines.findIndex((line) => line.startsWith('run template:'))
    expect(said).toBeGreaterThan(0)
    expect(said).toBeLessThan(ended)
    expect(main.annotations).toEqual([])
    expect(outputs['log-path']).toBe('')
  })

  test('false prints nothing and asks for nothing', async () => {
    const before = stage.azure.world.requests(/containerGroups/).length
    const { main } = await stage.run({ ...SCRIPT, 'follow-log': 'false' })
    expect(main.lines.join('\n')).not.toContain('hello from the build')
    expect(stage.azure.world.requests(/containerGroups/)).toHaveLength(before)
  })

  test('without the right, one notice names it and the build goes on', async () => {
    const poor = await openStage({ speed: 1000 })
    try {
      const job = await poor.run()
      expect(job.conclusion).toBe('success')
      expect(annotations(job, 'notice')).toEqual([
        expect.stringContaining('Microsoft.ContainerInstance/containerGroups/containers/logs/read'),
      ])
    } finally {
      await poor.close()
    }
  })
})

describe('keep-log', () => {
  test('keeps the log of a build that went well as a file, and uploads nothing', async () => {
    const artifacts = (await stage.azure.github.artifacts()).length
    const { outputs } = await stage.run({ ...SCRIPT, 'keep-log': 'true' }, { runnerTemp: temp })
    expect(outputs['log-path']).toBe(path.join(temp, `${outputs['template-name'] ?? ''}.customization.log`))
    expect(await readFile(outputs['log-path'] ?? '', 'utf8')).toContain('hello from the build')
    expect(await stage.azure.github.artifacts()).toHaveLength(artifacts)
  })
})

describe('log-artifact-name', () => {
  const uploaded = async (inputs: Record<string, string>): Promise<{ names: string[]; template: string }> => {
    const before = await stage.azure.github.artifacts()
    const { outputs } = await stage.run({ ...FAILING, ...inputs })
    const added = (await stage.azure.github.artifacts()).slice(before.length)
    for (const { zip } of added) await writeFile(path.join(temp, 'artifact.zip'), zip)
    return { names: added.map(({ name }) => name), template: outputs['template-name'] ?? '' }
  }

  test('by default the log of a failed build is an artifact that has the name of its template', async () => {
    const { names, template } = await uploaded({})
    expect(names).toEqual([`customization-log-${template}`])
    await unzip(path.join(temp, 'artifact.zip'), path.join(temp, 'artifact'))
    const log = path.join(temp, 'artifact', `${template}.customization.log`)
    expect(await readFile(log, 'utf8')).toContain('about to fail')
  })

  test('is the name that was given', async () => {
    expect((await uploaded({ 'log-artifact-name': 'my log of <template name>' })).names).toEqual([
      expect.stringMatching(/^my log of t_/),
    ])
  })

  test("'' uploads nothing, and the file is there all the same", async () => {
    const before = (await stage.azure.github.artifacts()).length
    const { outputs } = await stage.run({ ...FAILING, 'log-artifact-name': '' }, { runnerTemp: temp })
    expect(await stage.azure.github.artifacts()).toHaveLength(before)
    expect(await readFile(outputs['log-path'] ?? '', 'utf8')).toContain('about to fail')
  })
})

describe('failure-code', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a script that fails', FAILING, 'customizer-failed'],
    ['a mistake in the inputs', { 'vm-size': 'large' }, 'invalid-input'],
    ['a sign-in that is refused', { audience: 'api://other' }, 'sign-in-audience-mismatch'],
  ])('%s', async (_, inputs, code) => {
    const { outputs } = await stage.run(inputs)
    expect(outputs['failure-code']).toBe(code)
  })

  test('is empty for a build that went well', async () => {
    expect((await stage.run()).outputs['failure-code']).toBe('')
  })
})
