/** The inputs of a check mean what they mean to the build, and every other input is left alone. */
import { describe, expect, test } from '@jest/globals'
import { CHECK_INPUTS, readCheckInputs } from '../../src/checking/check-inputs.ts'
import { INPUT_NAMES } from '../../src/input-names.ts'
import { readInputs, type BuildRequest, type NewBuild } from '../../src/inputs.ts'
import { DEFINITION_ID, IDENTITY_ID, problemsOf, rawInputs, SUBNET_ID } from '../support/factories.ts'

const read = (given: Record<string, string> = {}): BuildRequest => readCheckInputs(rawInputs(given))

/** What of a request decides over rights and resources. */
function telling(request: BuildRequest): object {
  const { kind, signIn, subscriptionId, resourceGroup, templateName, log } = request
  const common = {
    kind,
    signIn,
    subscriptionId,
    resourceGroup,
    templateName,
    follow: log.follow,
    keep: log.keep,
  }
  if (request.kind === 'existing') return common
  const { location, managedIdentity, source, artifact, distributions, settings } = request
  const { registerProviders, skipUnchanged, retryReplication } = request
  return {
    ...common,
    ...{
      location,
      managedIdentity,
      source,
      distributions,
      registerProviders,
      skipUnchanged,
      retryReplication,
    },
    ...{ account: artifact?.storageAccount, access: artifact?.access },
    ...{ vmProfile: settings.vmProfile, staging: settings.stagingResourceGroup },
  }
}

describe('a check asks for what the build asks for', () => {
  test.each<[name: string, inputs: Record<string, string>]>([
    ['a small build', {}],
    ['no artifact', { 'build-path': '', 'storage-account': '' }],
    ['the artifact by the managed identity', { 'artifact-access': 'identity' }],
    ['an exact source', { 'source-image-version': '24.04.202610140' }],
    [
      'regions, a network and identities',
      {
        'replication-regions': 'westus2=2, eastus',
        'subnet-id': SUBNET_ID,
        'vm-size': 'Standard_D4s_v5',
        'build-vm-identities': IDENTITY_ID,
        'staging-resource-group': 'rg-staging',
      },
    ],
    [
      'a VHD',
      {
        'gallery-image-id': '',
        'distribute-type': 'vhd',
        'vhd-uri': 'https://artifacts.blob.core.windows.net/disks/web.vhd',
      },
    ],
    ['logs', { 'follow-log': 'false', 'keep-log': 'true' }],
    ['registration, and images that are there', { 'register-providers': 'true', 'skip-unchanged': 'true' }],
    ['replication that is tried again', { 'retry-replication': 'true' }],
    [
      'the template of somebody else',
      {
        'existing-template': 'true',
        'template-name': 'theirs',
        'source-image': '',
        'gallery-image-id': '',
      },
    ],
  ])('%s', (_, inputs) => {
    expect(telling(read(inputs))).toEqual(telling(readInputs(rawInputs(inputs))))
  })
})

test('inputs of the build that decide nothing here are not looked at', () => {
  const others = INPUT_NAMES.filter((name) => !CHECK_INPUTS.includes(name))
  const nonsense = Object.fromEntries(others.map((name) => [name, '!?']))
  expect(read(nonsense)).toEqual(read())
})

test('what is to be put into the image need not be there', () => {
  const raw = rawInputs({ 'build-path': 'nowhere' }, { exists: () => false })
  expect(problemsOf(() => readInputs(raw))).toHaveLength(1)
  expect((readCheckInputs(raw) as NewBuild).artifact?.storageAccount).toBe('artifacts')
})

test('every mistake is told at once, in the words of the build', () => {
  const given = {
    location: '',
    'source-image': 'Ubuntu',
    'gallery-image-id': DEFINITION_ID.replace('galleries', 'gallery'),
    'follow-log': 'perhaps',
  }
  const problems = problemsOf(() => read(given))
  expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual(Object.keys(given).sort())
  expect(problems).toEqual(problemsOf(() => readInputs(rawInputs(given))))
})
