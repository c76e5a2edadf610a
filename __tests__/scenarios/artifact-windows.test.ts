/** The build artifact for Windows, whose commands are not run here: the zip that Image Builder took in. */
import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import {
  BASIC,
  customizersOf,
  GIT,
  ON_WINDOWS,
  packable,
  sha256,
  stagedBlob,
  TOKEN,
  TREE,
  workspaces,
} from '../support/artifacts.ts'
import { openStage, type Stage } from '../support/run-action.ts'
import { contents, link } from '../support/trees.ts'
import { unzip } from '../support/unzip.ts'

let stage: Stage
let places: Awaited<ReturnType<typeof workspaces>>
let workspace: string
let job: JobResult
let zip: Buffer

beforeAll(async () => {
  stage = await openStage({ speed: 5000 })
  places = await workspaces()
  const links = {
    'to a file': link('../binary'),
    'to a folder': link('../hollow'),
    deep: { upwards: link("../../it's") },
  }
  workspace = await places.make('work space', { "my 'app’ 한글": { ...TREE, ...GIT, links } })
  const inputs = { ...ON_WINDOWS, 'build-path': "my 'app’ 한글", cleanup: 'never' }
  job = await stage.run(inputs, { workspace, secrets: [TOKEN] })
  zip = await stagedBlob(stage, job, '/0.customizer.fp')
})
afterAll(async () => {
  await stage.close()
  await places.remove()
})

/** Unpacked in a new folder of the workspace's parent. */
async function unpacked(): Promise<string> {
  const target = path.join(path.dirname(workspace), 'unpacked')
  await writeFile(`${target}.zip`, zip)
  await unzip(`${target}.zip`, target)
  return target
}

test('it comes by a File customizer with its digest', () => {
  expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion: 'success', leaks: [] })
  const [copy, unpack] = customizersOf(stage, job)
  expect(copy).toMatchObject({ type: 'File', sha256Checksum: sha256(zip) })
  expect(unpack?.type).toBe('PowerShell')
})

test('every name and byte is there, and what links lead to', async () => {
  const followed = path.join(path.dirname(workspace), 'followed')
  execFileSync('cp', ['-RL', path.join(workspace, "my 'app’ 한글"), followed])
  const found = contents(await unpacked(), { modes: false })
  expect(found).toEqual(packable(followed, { modes: false }))
  expect(found).toHaveProperty(['links/to a folder/er/est'], 'directory')
  for (const text of [TOKEN, BASIC]) {
    const encoded = Buffer.from(text).toString('base64').slice(0, -4)
    expect(JSON.stringify(found)).not.toContain(encoded)
  }
})
