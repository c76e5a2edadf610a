/** `existing-template`: somebody else's template is run as it is, and what would shape it is refused. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { SHAPING_INPUTS } from '../../src/existing-template.ts'
import { readInputs } from '../../src/inputs.ts'
import { existingBuild, IDENTITY_ID, problemsOf, rawInputs } from '../support/factories.ts'

const { inputs } = parse(readFileSync(path.join(import.meta.dirname, '..', '..', 'action.yml'), 'utf8')) as {
  inputs: Record<string, { default?: string }>
}

/** Inputs that say who builds where, and how the run is watched: they leave the template alone. */
const HARMLESS = [
  'client-id',
  'tenant-id',
  'subscription-id',
  'audience',
  'environment',
  'resource-manager-endpoint',
  'resource-group',
  'location',
  'managed-identity',
  'storage-account',
  'template-name',
  'existing-template',
  'cleanup',
  'wait',
  'dry-run',
  'register-providers',
  'log-artifact-name',
  'record-artifact-name',
  'poll-interval-seconds',
  'follow-log',
  'keep-log',
  'ignore-warnings',
  'summary',
  'skip-unchanged',
  'resume',
  'retry-replication',
]

/** A workflow that names a template and says nothing of its shape. */
const EXISTING = {
  'existing-template': 'true',
  'template-name': 'base',
  location: '',
  'managed-identity': '',
  'storage-account': '',
  'source-image': '',
  'gallery-image-id': '',
}
const read = (given: Record<string, string> = {}): ReturnType<typeof readInputs> =>
  readInputs(rawInputs({ ...EXISTING, ...given }))

describe('the inputs that shape a template', () => {
  test('are those of action.yml that are neither scope nor behaviour', () => {
    const shaping = Object.keys(inputs).filter((name) => !HARMLESS.includes(name))
    expect(Object.keys(SHAPING_INPUTS).sort()).toEqual(shaping.sort())
  })

  test('have the defaults of action.yml', () => {
    const presets = Object.keys(SHAPING_INPUTS).map((name) => [name, inputs[name]?.default ?? ''])
    expect(SHAPING_INPUTS).toEqual(Object.fromEntries(presets))
  })

  test.each(Object.keys(SHAPING_INPUTS))('%s is refused when it is given', (name) => {
    expect(problemsOf(() => read({ [name]: 'something' }))).toEqual([
      `${name}: has no meaning with existing-template: true, which runs the template as it is.`,
    ])
  })

  test.each(Object.entries(SHAPING_INPUTS))('%s at its default, %j, says nothing', (name, preset) => {
    expect(read({ [name]: preset.toUpperCase() })).toEqual(read())
    expect(read({ [name]: '' })).toEqual(read())
  })
})

test('the request knows the template and nothing of its shape', () => {
  expect(read()).toEqual(existingBuild())
})

test('an example that keeps location, identity and account for other steps is fine', () => {
  const given = { location: 'westus2', 'managed-identity': IDENTITY_ID, 'storage-account': 'artifacts' }
  expect(read(given)).toEqual(existingBuild())
})

test('the template must be named', () => {
  expect(problemsOf(() => read({ 'template-name': '' }))).toEqual([
    'template-name: is required and was not given.',
  ])
})

test.each([
  ['blanks', 'my template'],
  ['a slash', 'a/b'],
  ['65 characters', 'x'.repeat(65)],
])('a name with %s is no name of a template', (_, name) => {
  expect(problemsOf(() => read({ 'template-name': name }))).toEqual([
    `template-name: '${name}' is not 1 to 64 letters, digits, '-', '_' or '.'.`,
  ])
})

test('every mistake is told at once', () => {
  const given = { 'template-name': '', 'resource-group': '', 'vm-size': 'Standard_D2s_v5', cleanup: 'later' }
  expect(problemsOf(() => read(given)).map((line) => line.split(':')[0])).toEqual([
    'resource-group',
    'cleanup',
    'vm-size',
    'template-name',
  ])
})
