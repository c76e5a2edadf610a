/** check/action.yml, the code, docs/checking.md and the action itself promise the same. */
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { CHECK_INPUTS, readCheckInputs } from '../../src/checking/check-inputs.ts'
import { checkOutputs, emptyCheckReport } from '../../src/checking/check-report.ts'
import { wantsSummary } from '../../src/inputs.ts'
import { file, main, namesIn, recording, subAction } from '../support/action-files.ts'
import { DEFINITION_ID, rawInputs, SUBSCRIPTION } from '../support/factories.ts'

const { action, inputNames } = subAction('check')

describe('inputs', () => {
  test('of check/action.yml are those that the code takes, in their order', () => {
    expect(inputNames).toEqual([...CHECK_INPUTS])
  })

  test('are each asked for', () => {
    const { raw, asked } = recording(rawInputs({ 'subnet-id': '', 'build-vm-identities': '' }))
    readCheckInputs(raw)
    wantsSummary(raw)
    expect(inputNames.filter((name) => !asked.has(name))).toEqual([])
    expect([...asked].filter((name) => !inputNames.includes(name))).toEqual([])
  })

  test.each(inputNames)('%s is word for word what it is to the action itself', (name) => {
    expect(action.inputs[name]).toEqual(main.inputs[name])
  })
})

test('outputs of check/action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(checkOutputs(emptyCheckReport()))).toEqual(Object.keys(action.outputs))
})

test('runs as promised, from where the bundles are, and without post', () => {
  expect(action.runs).toEqual({ using: main.runs['using'], main: '../dist/check/index.js' })
})

describe('docs/checking.md', () => {
  test('lists the inputs and outputs', () => {
    expect(namesIn('docs/checking.md', 'check-inputs')).toEqual(inputNames)
    expect(namesIn('docs/checking.md', 'check-outputs')).toEqual(Object.keys(action.outputs))
  })

  test('gives inputs that there are in its example', () => {
    const text = /```yaml\n([^]*?)```/.exec(file('docs/checking.md'))?.[1] ?? ''
    const workflow = parse(text) as { jobs: { check: { steps: { uses: string; with: object }[] } } }
    const [step] = workflow.jobs.check.steps
    expect(step?.uses).toBe('org/aib-action/check@v1')
    expect(Object.keys(step?.with ?? {}).filter((name) => !inputNames.includes(name))).toEqual([])
    const raw = rawInputs({
      'storage-account': '',
      ...(step?.with as Record<string, string>),
      'client-id': '',
      'subscription-id': SUBSCRIPTION,
      'gallery-image-id': DEFINITION_ID,
    })
    expect(() => readCheckInputs(raw)).not.toThrow()
  })

  test('has the role of the doctor as it stands in its file', () => {
    const role = JSON.parse(file('docs/roles/deployer-doctor.json')) as { Actions: string[] }
    const listed = [...file('docs/checking.md').matchAll(/^\| `(Microsoft\.[^`]+)` +\|/gm)].map(
      (match) => match[1],
    )
    expect(listed).toEqual(role.Actions)
  })
})
