/** plan/action.yml, the code and docs/matrix.md promise the same. */
import { describe, expect, test } from '@jest/globals'
import { planMatrix, planOutputs } from '../../src/matrix/matrix-plan.ts'
import { main, namesIn, recording, subAction } from '../support/action-files.ts'
import { DEFINITION_ID, rawInputs } from '../support/factories.ts'

const { action, inputNames } = subAction('plan')

const PLAN = {
  images: '- {name: web, location: eastus}',
  defaults: `{resource-group: builds, managed-identity: builder, storage-account: a12, source-image: Ubuntu2404, gallery-image-id: ${DEFINITION_ID}}`,
}

describe('inputs', () => {
  test('of plan/action.yml are those that the code reads', () => {
    const { raw, asked } = recording(rawInputs(PLAN))
    planMatrix(raw)
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
  expect(namesIn('docs/matrix.md', 'plan-inputs')).toEqual(inputNames)
  expect(namesIn('docs/matrix.md', 'plan-outputs')).toEqual(Object.keys(action.outputs))
})
