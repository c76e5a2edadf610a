/** Workspaces that cannot go into an image as they are: refused with every name, before anything is created. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { GIT, ON_WINDOWS, TOKEN, workspaces } from '../support/artifacts.ts'
import { changes, failureOf, requestsOf } from '../support/failures.ts'
import { openStage, type Stage } from '../support/run-action.ts'
import { link, type Tree } from '../support/trees.ts'

let stage: Stage
let places: Awaited<ReturnType<typeof workspaces>>
beforeAll(async () => {
  stage = await openStage({ speed: 5000 }, { skipPost: true })
  places = await workspaces()
})
afterAll(async () => {
  await stage.close()
  await places.remove()
})

/** The failure of a build of this workspace, which must not have changed anything in Azure. */
async function refusal(name: string, tree: Tree, inputs: Record<string, string>): Promise<string> {
  const workspace = await places.make(name, tree)
  const run = requestsOf(stage.azure, () => stage.run(inputs, { workspace, secrets: [TOKEN] }))
  const { result, requests } = await run
  expect(changes(requests)).toEqual([])
  return failureOf(result)
}

test('names that Windows cannot have', async () => {
  const sub = { 'what?': '', 'AUX.txt': '' }
  const app = { 'a:b': '', sub, 'dot.': {}, 'new\nline': '', fine: '' }
  const failure = await refusal('names', { app }, ON_WINDOWS)
  for (const name of ['a:b', 'sub/what?', 'sub/AUX.txt', 'dot.']) expect(failure).toContain(`'${name}'`)
  expect(failure).toMatch(/^5 inputs need a change/)
  expect(failure).not.toContain('fine')
})

test('names that Windows cannot tell apart', async () => {
  const failure = await refusal('case', { app: { ReadMe: '', README: '' } }, ON_WINDOWS)
  expect(failure).toMatch(/README|ReadMe/)
})

test.each([
  ['folder', { 'what?': { fine: '' } }],
  ['file', { 'what?': '' }],
])('a %s that Windows cannot have as the build path', async (kind, tree) => {
  const failure = await refusal(kind, tree, { ...ON_WINDOWS, 'build-path': 'what?' })
  expect(failure).toContain('what?')
})

test.each([
  ['Linux', {}],
  ['Windows', ON_WINDOWS],
])('links that lead out of the build path, for %s', async (osType, inputs) => {
  const app = {
    absolute: link('/etc/hostname'),
    sub: { upwards: link('../../outside'), back: link('..') },
    // Inside as it is written, outside as the file system sees it.
    roundabout: link('sub/back/../outside'),
    fine: link('sub'),
  }
  const failure = await refusal(`links ${osType}`, { app, outside: 'x' }, inputs)
  for (const name of ['absolute', 'sub/upwards', 'roundabout']) expect(failure).toContain(`'${name}'`)
})

// The contract: whatever stands elsewhere, `.git` is never packed, at any depth.
test.each(['.git', '.git/config', 'submodule/.git'])('%s as the build path', async (buildPath) => {
  const failure = await refusal(buildPath.replaceAll('/', ' in '), GIT, { 'build-path': buildPath })
  expect(failure).toContain('.git')
})
