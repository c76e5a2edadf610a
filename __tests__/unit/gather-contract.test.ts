/** gather/action.yml, the code and docs/matrix.md promise the same. */
import { describe, expect, test } from '@jest/globals'
import { RECORD_RESULTS } from '../../src/build-record.ts'
import { resultOutputs } from '../../src/matrix/build-results.ts'
import { readGatherInputs, type GatherRequest } from '../../src/matrix/gather-inputs.ts'
import { wantsSummary } from '../../src/inputs.ts'
import { planMatrix, planOutputs } from '../../src/matrix/matrix-plan.ts'
import { main, namesIn, recording, subAction } from '../support/action-files.ts'
import { DEFINITION_ID, problemsOf, rawInputs } from '../support/factories.ts'

const { action, inputNames, preset } = subAction('gather')
const LEGS = '[{"name":"web-eastus","image":"web","location":"eastus"}]'

function read(given: Record<string, string> = {}): GatherRequest {
  return readGatherInputs(rawInputs({ ...preset, legs: LEGS, ...given }))
}

describe('inputs', () => {
  test('of gather/action.yml are those that the code reads', () => {
    const { raw, asked } = recording(rawInputs({ legs: LEGS }))
    readGatherInputs(raw)
    wantsSummary(raw)
    expect([...asked].sort()).toEqual([...inputNames].sort())
  })

  test('legs alone are required', () => {
    expect(inputNames.filter((name) => action.inputs[name]?.required)).toEqual(['legs'])
  })

  test('summary is word for word what it is to the action itself', () => {
    expect(action.inputs['summary']).toEqual(main.inputs['summary'])
  })

  test.each(inputNames.filter((name) => action.inputs[name]?.default !== undefined))(
    '%s: the default is what an empty value means',
    (name) => {
      expect(read({ [name]: '' })).toEqual(read())
    },
  )

  test.each(['legs', 'index'])('legs may be the output %s of plan', (output) => {
    const images = '- {name: web, location: eastus}\n- {name: own, template-file: a.json}'
    const defaults = `{resource-group: builds, managed-identity: builder, storage-account: a12, source-image: Ubuntu2404, gallery-image-id: ${DEFINITION_ID}}`
    const legs = planOutputs(planMatrix(rawInputs({ images, defaults })))[output] ?? ''
    expect(read({ legs })).toEqual({
      builds: [
        { name: 'web-eastus', image: 'web', location: 'eastus' },
        { name: 'own', image: 'own' },
      ],
      name: 'images',
      run: { repository: 'contoso/web-app', runId: '4711' },
    })
  })

  test.each([
    ['nothing', '', /^legs: is required and empty; the runner drops a job output that holds a masked value/],
    ['no JSON', '[', /^legs: is not what plan gives/],
    ['no list', '{}', /^legs: is not what plan gives/],
    ['a name with a dot', '[{"name":"a.b","image":"a"}]', /^legs: is not what plan gives/],
    [
      'a location with a line break',
      '[{"name":"a","image":"a","location":"x\\ny"}]',
      /^legs: is not what plan gives/,
    ],
    [
      'the same name twice',
      '[{"name":"a","image":"a"},{"name":"A","image":"a"}]',
      /^legs: has builds of the same name\.$/,
    ],
  ])('legs are not %s', (_, legs, problem) => {
    expect(problemsOf(() => read({ legs }))).toEqual([expect.stringMatching(problem)])
  })

  test('every mistake is told at once', () => {
    expect(
      problemsOf(() => read({ legs: '', name: 'a.b', summary: 'x' })).map((one) => one.split(':')[0]),
    ).toEqual(['legs', 'name', 'summary'])
  })
})

test('outputs of gather/action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(resultOutputs([]))).toEqual(Object.keys(action.outputs))
})

test('every result is named', () => {
  const { description = '' } = action.outputs['images'] ?? {}
  expect([...RECORD_RESULTS, 'missing'].filter((name) => !description.includes(`\`${name}\``))).toEqual([])
})

test('runs as promised, from where the bundles are, and without post', () => {
  expect(action.runs).toEqual({ using: main.runs['using'], main: '../dist/gather/index.js' })
})

test('docs/matrix.md lists the inputs and outputs', () => {
  expect(namesIn('docs/matrix.md', 'gather-inputs')).toEqual(inputNames)
  expect(namesIn('docs/matrix.md', 'gather-outputs')).toEqual(Object.keys(action.outputs))
})
