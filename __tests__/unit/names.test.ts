import { expect, test } from '@jest/globals'
import { artifactFolder, blobName, regionName, templateName } from '../../src/names.ts'
import { WORKSPACE, workflowRun } from '../support/factories.ts'

const unique = { now: 1_700_000_000_000, random: 'ab12cd34' }

test('a template has a name that the service takes', () => {
  const name = templateName(unique)
  expect(name).toBe('t_1700000000000_ab12cd34')
  expect(name).toMatch(/^[A-Za-z0-9-_.]{1,64}$/)
})

test('a blob lies under its folder and workflow run', () => {
  expect(blobName('web-app', workflowRun(), 'tar.gz', unique)).toBe(
    'web-app/4711-2/web-app_1700000000000_ab12cd34.tar.gz',
  )
})

test.each([
  ["the workspace: the repository's name", WORKSPACE, 'web-app'],
  ['the workspace, said in a longer way', `${WORKSPACE}/dist/..`, 'web-app'],
  ['a folder in it', `${WORKSPACE}/dist/site`, 'site'],
  ['a file in it', `${WORKSPACE}/dist/app.jar`, 'app.jar'],
  ['a folder beside it', '/srv/my app', 'my app'],
])('folder for %s', (_, buildPath, folder) => {
  expect(artifactFolder(buildPath, WORKSPACE, 'contoso/web-app')).toBe(folder)
})

test("the workspace's own name where the repository's is unknown", () => {
  expect(artifactFolder(WORKSPACE, WORKSPACE, '')).toBe('web-app')
})

test.each([
  ['westus2', 'westus2'],
  ['West US 2', 'westus2'],
  ['WESTEUROPE', 'westeurope'],
  ['US Gov Virginia', 'usgovvirginia'],
  ['(US) West-US 2', '(us)westus2'],
])('region %s is %s', (given, name) => {
  expect(regionName(given)).toBe(name)
})
