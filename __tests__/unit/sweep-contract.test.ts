/** sweep/action.yml, the code and docs/sweeping.md promise the same. */
import { describe, expect, test } from '@jest/globals'
import { CLOUD_NAMES } from '../../src/azure/cloud.ts'
import { wantsSummary } from '../../src/inputs.ts'
import { readSweepInputs, type SweepRequest } from '../../src/sweeping/sweep-inputs.ts'
import { emptySweepReport, sweepOutputs } from '../../src/sweeping/sweep-report.ts'
import { main, namesIn, recording, subAction } from '../support/action-files.ts'
import { ACCOUNT_ID, problemsOf, rawInputs, SUBSCRIPTION } from '../support/factories.ts'

const { action, inputNames, preset } = subAction('sweep')

/** Inputs as the runner hands them over: of a sweep that works, unless `given` says otherwise. */
function read(given: Record<string, string> = {}): SweepRequest {
  const scope = { 'resource-group': '', 'storage-account': '', 'subscription-id': SUBSCRIPTION }
  return readSweepInputs(rawInputs({ ...preset, ...scope, ...given }))
}

describe('inputs', () => {
  test('of sweep/action.yml are those that the code reads', () => {
    const { raw, asked } = recording(rawInputs({ 'resource-group': 'rg' }))
    readSweepInputs(raw)
    wantsSummary(raw)
    expect([...asked].sort()).toEqual([...inputNames].sort())
  })

  test.each(['client-id', 'tenant-id', 'audience', 'environment', 'resource-manager-endpoint', 'summary'])(
    '%s is word for word what it is to the action itself',
    (name) => {
      expect(action.inputs[name]).toEqual(main.inputs[name])
    },
  )

  test.each(inputNames.filter((name) => action.inputs[name]?.default !== undefined))(
    '%s: the default is what an empty value means',
    (name) => {
      expect(read({ [name]: '' })).toEqual(read())
    },
  )

  test('none is required but what the environment may bring', () => {
    expect(inputNames.filter((name) => action.inputs[name]?.required)).toEqual([])
    expect(problemsOf(() => read({ 'subscription-id': '' }))).toEqual([
      'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.',
    ])
  })

  test('without any, this repository is looked at in the whole subscription, and nothing is deleted', () => {
    expect(read()).toMatchObject({
      repository: 'contoso/web-app',
      storageAccounts: [],
      olderThanHours: 24,
      dryRun: true,
    })
    expect(read()).not.toHaveProperty('resourceGroup')
  })

  test('accounts are given one a line, by name or resource ID, each once', () => {
    const given = `artifacts\n\n${ACCOUNT_ID}/\nArtifacts2`.toLowerCase()
    expect(read({ 'storage-account': `${given}\nartifacts` }).storageAccounts).toEqual([
      'artifacts',
      ACCOUNT_ID.toLowerCase(),
      'artifacts2',
    ])
  })

  test('every cloud is named', () => {
    const { description = '' } = action.inputs['environment'] ?? {}
    expect(CLOUD_NAMES.filter((name) => !description.includes(`\`${name}\``))).toEqual([])
  })

  test('every mistake is told at once', () => {
    const given = {
      'client-id': 'me',
      'tenant-id': '',
      'resource-group': 'ends.',
      'storage-account': 'Not_One\nartifacts',
      'older-than-hours': '0',
      repository: 'web-app',
      'dry-run': 'no',
      summary: 'maybe',
    }
    const problems = problemsOf(() => read(given))
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(Object.keys(given))
    expect(problems).toContain("repository: 'web-app' is not owner/name, nor '*' for every repository.")
    expect(problems).toContain("older-than-hours: '0' is not allowed; use 1 to 8760.")
  })

  test.each(['1', '168', '8760'])('older-than-hours may be %s', (hours) => {
    expect(read({ 'older-than-hours': hours }).olderThanHours).toBe(Number(hours))
  })

  test.each(['0', '-1', '1.5', '8761', '2 days'])('older-than-hours is not %s', (hours) => {
    expect(problemsOf(() => read({ 'older-than-hours': hours }))).toHaveLength(1)
  })

  test('repository may be every one', () => {
    expect(read({ repository: '*' }).repository).toBe('*')
  })
})

test('outputs of sweep/action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(sweepOutputs(emptySweepReport()))).toEqual(Object.keys(action.outputs))
})

test('runs as promised, from where the bundles are, and without post', () => {
  expect(action.runs).toEqual({ using: main.runs['using'], main: '../dist/sweep/index.js' })
})

test('docs/sweeping.md lists the inputs and outputs', () => {
  expect(namesIn('docs/sweeping.md', 'sweep-inputs')).toEqual(inputNames)
  expect(namesIn('docs/sweeping.md', 'sweep-outputs')).toEqual(Object.keys(action.outputs))
})
