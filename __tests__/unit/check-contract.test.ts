/** check/action.yml, the code, docs/checking.md and the action itself promise the same. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { CHECK_INPUTS, readCheckInputs } from '../../src/checking/check-inputs.ts'
import { checkOutputs, emptyCheckReport } from '../../src/checking/check-report.ts'
import { wantsSummary } from '../../src/inputs.ts'
import { DEFINITION_ID, rawInputs, SUBSCRIPTION } from '../support/factories.ts'

const root = path.join(import.meta.dirname, '..', '..')
const file = (name: string): string => readFileSync(path.join(root, name), 'utf8')

interface ActionFile {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>
  outputs: Record<string, { description: string }>
  runs: Record<string, string>
}
const action = parse(file('check/action.yml')) as ActionFile
const main = parse(file('action.yml')) as ActionFile
const inputNames = Object.keys(action.inputs)

describe('inputs', () => {
  test('of check/action.yml are those that the code takes, in their order', () => {
    expect(inputNames).toEqual([...CHECK_INPUTS])
  })

  test('are each asked for', () => {
    const asked = new Set<string>()
    const raw = rawInputs({ 'subnet-id': '', 'build-vm-identities': '' })
    const recorded = (name: string): string => {
      asked.add(name)
      return raw.text(name)
    }
    readCheckInputs({ ...raw, input: recorded, text: recorded })
    wantsSummary({ ...raw, input: recorded })
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
  const names = (section: string): string[] => {
    const table = new RegExp(`<!-- begin ${section} -->([^]*?)<!-- end -->`).exec(file('docs/checking.md'))
    return [...(table?.[1] ?? '').matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1] ?? '')
  }

  test('lists the inputs and outputs', () => {
    expect(names('check-inputs')).toEqual(inputNames)
    expect(names('check-outputs')).toEqual(Object.keys(action.outputs))
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
