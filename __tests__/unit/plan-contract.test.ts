/** plan/action.yml, the code and docs/matrix.md promise the same. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { planMatrix, planOutputs } from '../../src/matrix/matrix-plan.ts'
import { DEFINITION_ID, rawInputs } from '../support/factories.ts'

const root = path.join(import.meta.dirname, '..', '..')
const file = (name: string): string => readFileSync(path.join(root, name), 'utf8')

interface ActionFile {
  inputs: Record<string, { description: string; required?: boolean; default?: string }>
  outputs: Record<string, { description: string }>
  runs: Record<string, string>
}
const action = parse(file('plan/action.yml')) as ActionFile
const main = parse(file('action.yml')) as ActionFile
const inputNames = Object.keys(action.inputs)

const PLAN = {
  images: '- {name: web, location: eastus}',
  defaults: `{resource-group: builds, managed-identity: builder, storage-account: a12, source-image: Ubuntu2404, gallery-image-id: ${DEFINITION_ID}}`,
}

describe('inputs', () => {
  test('of plan/action.yml are those that the code reads', () => {
    const asked = new Set<string>()
    const raw = rawInputs(PLAN)
    const recorded = (name: string): string => {
      asked.add(name)
      return raw.text(name)
    }
    planMatrix({ ...raw, input: recorded, text: recorded })
    expect([...asked].sort()).toEqual([...inputNames].sort())
  })

  test('images alone are required', () => {
    expect(inputNames.filter((name) => action.inputs[name]?.required)).toEqual(['images'])
  })

  test.each(inputNames.filter((name) => action.inputs[name]?.default !== undefined))(
    '%s: the default is what an empty value means',
    (name) => {
      const preset = action.inputs[name]?.default ?? ''
      const gone = { exists: () => false }
      expect(planMatrix(rawInputs({ ...PLAN, [name]: '' }, gone))).toEqual(
        planMatrix(rawInputs({ ...PLAN, [name]: preset }, gone)),
      )
    },
  )
})

test('outputs of plan/action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(planOutputs([]))).toEqual(Object.keys(action.outputs))
})

test('runs as promised, from where the bundles are, and without post', () => {
  expect(action.runs).toEqual({ using: main.runs['using'], main: '../dist/plan/index.js' })
})

test('docs/matrix.md lists the inputs and outputs', () => {
  const names = (section: string): string[] => {
    const table = new RegExp(`<!-- begin ${section} -->([^]*?)<!-- end -->`).exec(file('docs/matrix.md'))
    return [...(table?.[1] ?? '').matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1] ?? '')
  }
  expect(names('plan-inputs')).toEqual(inputNames)
  expect(names('plan-outputs')).toEqual(Object.keys(action.outputs))
})
