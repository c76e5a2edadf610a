/** The log of a build: printed while it grows, kept as a file, uploaded after a failure. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { defaultSeed, LIVE_LOG_ACTIONS, SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { annotations, GROUP, openStage, type Stage } from '../support/run-action.ts'
import { addApplication } from '../support/seeds.ts'
import { unzip } from '../support/unzip.ts'

/**
 * The deploying identity may read live logs, and blobs of every account. Another one may read blobs alone, a third the
 * blobs of the artifact's account alone.
 */
const seed = defaultSeed()
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const logless = addApplication(seed, {})
const blind = addApplication(seed, { roles: [{ dataActions: [] }, { scope: ACCOUNT, actions: [] }] })
seed.roleAssignments.push({
  principalId: seed.applications[0]?.objectId ?? '',
  scope: `/subscriptions/${SUBSCRIPTION_ID}`,
  actions: [...LIVE_LOG_ACTIONS],
})

const SCRIPT = {
  'follow-log': 'true',
  'inline-script': 'echo "::error::not for the runner"\necho hello from the build',
}
const FAILING = { 'inline-script': 'echo about to fail\nexit 7' }

let stage: Stage
let temp: string
beforeAll(async () => {
  stage = await openStage({ speed: 300, seed }, { skipPost: true })
  temp = await mkdtemp(path.join(os.tmpdir(), 'runner-temp-'))
})
afterAll(async () => {
  await stage.close()
  await rm(temp, { recursive: true, force: true })
})

describe('follow-log and keep-log', () => {
  test('print what the scripts say while the build runs, and nothing of it is a command to the runner; keep it as a file, and upload nothing', async () => {
    const artifacts = (await stage.azure.github.artifacts()).length
    const { main, outputs } = await stage.run({ ...SCRIPT, 'keep-log': 'true' }, { runnerTemp: temp })
    expect(outputs['run-state']).toBe('Succeeded')
    const said = main.lines.findIndex((line) => line.includes('hello from the build'))
    const ended = main.lines.findIndex((line) => line.startsWith('run template:'))
    expect(said).toBeGreaterThan(0)
    expect(said).toBeLessThan(ended)
    expect(main.annotations).toEqual([])
    expect(outputs['failure-code']).toBe('')
    expect(outputs['log-path']).toBe(path.join(temp, `${outputs['template-name'] ?? ''}.customization.log`))
    expect(await readFile(outputs['log-path'] ?? '', 'utf8')).toContain('hello from the build')
    expect(await stage.azure.github.artifacts()).toHaveLength(artifacts)
  })

  test('false print nothing, ask for nothing and keep nothing', async () => {
    const before = stage.azure.world.requests(/containerGroups/).length
    const { main, outputs } = await stage.run({ ...SCRIPT, 'follow-log': 'false' })
    expect(main.lines.join('\n')).not.toContain('hello from the build')
    expect(stage.azure.world.requests(/containerGroups/)).toHaveLength(before)
    expect(outputs['log-path']).toBe('')
  })
})

describe('follow-log', () => {
  test.each([
    ['the storage account’s copy does as well', logless, []],
    [
      'one notice names the right, and the build goes on',
      blind,
      [expect.stringContaining('Microsoft.ContainerInstance/containerGroups/containers/logs/read')],
    ],
  ])('without the right to read the container: %s', async (_, client, notices) => {
    const job = await stage.run({ 'client-id': client, 'follow-log': 'true' })
    expect(job.conclusion).toBe('success')
    expect(annotations(job, 'notice')).toEqual(notices)
  })
})

// That '' uploads nothing, and the file is there all the same: explained.test.ts.
test('log-artifact-name: by default the log of a failed build is an artifact that has the name of its template', async () => {
  const before = await stage.azure.github.artifacts()
  const { outputs } = await stage.run(FAILING)
  const template = outputs['template-name'] ?? ''
  const added = (await stage.azure.github.artifacts()).slice(before.length)
  expect(added.map(({ name }) => name)).toEqual([`customization-log-${template}`])
  await writeFile(path.join(temp, 'artifact.zip'), added[0]?.zip ?? '')
  await unzip(path.join(temp, 'artifact.zip'), path.join(temp, 'artifact'))
  const log = path.join(temp, 'artifact', `${template}.customization.log`)
  expect(await readFile(log, 'utf8')).toContain('about to fail')
})
