/** promote/action.yml, the code, docs/promotion.md and the role promise the same. */
import { describe, expect, test } from '@jest/globals'
import { documentedRole } from '../../local-azure/roles.ts'
import { ROLE_NOTES } from '../../scripts/role-notes.ts'
import { CLOUD_NAMES } from '../../src/azure/cloud.ts'
import { wantsSummary } from '../../src/inputs.ts'
import {
  OPERATIONS,
  readPromoteInputs,
  TESTS_RESULTS,
  type PromoteRequest,
} from '../../src/promotion/promote-inputs.ts'
import { emptyPromoteReport, promoteOutputs } from '../../src/promotion/promote-report.ts'
import { file, main, namesIn, recording, subAction } from '../support/action-files.ts'
import { rawInputs, VERSION_ID } from '../support/factories.ts'

const { action, inputNames, preset } = subAction('promote')
const document = file('docs/promotion.md')

/** Inputs as the runner hands them over: of a promotion that works, unless `given` says otherwise. */
function read(given: Record<string, string> = {}): PromoteRequest {
  const least = { 'image-version-id': VERSION_ID, 'tests-result': 'success' }
  return readPromoteInputs(rawInputs({ ...preset, ...least, ...given }), 0)
}

describe('inputs', () => {
  test('of promote/action.yml are those that the code reads', () => {
    const { raw, asked } = recording(
      rawInputs({ 'image-version-id': VERSION_ID, 'tests-result': 'success', 'image-tags': '' }),
    )
    readPromoteInputs(raw, 0)
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

  test('one is required', () => {
    expect(inputNames.filter((name) => action.inputs[name]?.required)).toEqual(['image-version-id'])
  })

  test.each([
    ['environment', CLOUD_NAMES],
    ['operation', OPERATIONS],
    ['tests-result', TESTS_RESULTS],
  ])('every value of %s is named', (name, values: readonly string[]) => {
    const { description = '' } = action.inputs[name] ?? {}
    expect(values.filter((value) => !description.includes(`\`${value}\``))).toEqual([])
  })
})

test('outputs of promote/action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(promoteOutputs(emptyPromoteReport()))).toEqual(Object.keys(action.outputs))
})

test('runs as promised, from where the bundles are, and without post', () => {
  expect(action.runs).toEqual({ using: main.runs['using'], main: '../dist/promote/index.js' })
})

describe('docs/promotion.md', () => {
  test('lists the inputs and outputs', () => {
    expect(namesIn('docs/promotion.md', 'promote-inputs')).toEqual(inputNames)
    expect(namesIn('docs/promotion.md', 'promote-outputs')).toEqual(Object.keys(action.outputs))
  })

  test('lists every result and every failure code of a promotion', () => {
    const source = file('src/promotion/promote-report.ts')
    const union = (type: string): string[] => {
      const text = new RegExp(`export type ${type} =([^]*?)\\n\\n`).exec(source)?.[1] ?? ''
      return [...text.matchAll(/'([a-z-]+)'/g)].map((match) => match[1] ?? '')
    }
    const promised = [...union('PromotionResult'), ...union('PromotionFailure')]
    expect(promised).toHaveLength(11)
    expect(promised.filter((one) => !document.includes(`\`${one}\``))).toEqual([])
  })

  test('names the actions of the role', () => {
    const { Actions, DataActions } = documentedRole('promoter')
    expect(DataActions).toEqual([])
    expect(Object.keys(ROLE_NOTES['promoter']?.actions ?? {})).toEqual(Actions)
    expect(Actions.filter((one) => !document.includes(`\`${one}\``))).toEqual([])
  })
})
