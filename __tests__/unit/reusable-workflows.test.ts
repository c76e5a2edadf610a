/** The reusable workflows hand on what they are given, name what is theirs, and decide as they promise. */
import { expect, test } from '@jest/globals'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { VERSION_ID, SUBSCRIPTION } from '../support/factories.ts'
import { CONTEXTS, ID, played, read, root } from '../support/played-workflows.ts'
import { OWN, type Values, type Workflow } from '../support/workflow-checks.ts'
import { asTexts, evaluated } from '../support/workflow-values.ts'

const workflow = (name: string): Workflow => parse(read('.github/workflows', name)) as Workflow
const action = parse(read('action.yml')) as {
  inputs: Record<string, { default?: string }>
  outputs: Record<string, { description: string }>
}
const image = workflow('build-image.yml')
const matrix = workflow('build-matrix.yml')
const promote = workflow('promote-image.yml')
const inputs = image.on.workflow_call?.inputs ?? {}
const stepOf = ({ jobs }: Workflow): Values =>
  jobs['build']?.steps?.find(({ uses }) => uses?.startsWith(`${OWN}@`))?.with ?? {}

/** The step's inputs of a caller that gives these. */
function givenBy(name: string, given: Values, contexts: Values = CONTEXTS): Record<string, string>[] {
  const caller = { on: {}, jobs: { call: { uses: `${OWN}/.github/workflows/${name}@v1`, with: given } } }
  return played(caller, contexts)
    .filter(({ action }) => action === OWN)
    .map((step) => step.given)
}
const ONE = {
  'resource-group': 'rg-images',
  location: 'eastus',
  'managed-identity': 'id-image-builder',
  'storage-account': 'stcontosobuild',
  'source-image': 'Ubuntu2404',
  'gallery-image-id': VERSION_ID.replace(/\/versions.*/, ''),
}
const MANY = { defaults: JSON.stringify(ONE), images: '[{"name": "web"}]' }

test.each(Object.entries(action.inputs))(
  'build-image.yml has the input %s, and hands it on',
  (name, { default: preset }) => {
    const { type = '', default: own, required = false } = inputs[name] ?? {}
    expect(own === undefined ? undefined : String(own as string | number | boolean)).toBe(preset)
    // An absent boolean would be false, an absent number 0: they are for what has a default.
    expect(type).toBe(
      /^(true|false)$/.test(preset ?? '') ? 'boolean' : /^\d+$/.test(preset ?? '') ? 'number' : 'string',
    )
    expect(required).toBe(name === 'resource-group')
  },
)

test.each([
  ['build-image.yml', image],
  ['build-matrix.yml', matrix],
])('%s gives every input of the action, and none that it has not', (_, { jobs, on }) => {
  expect(Object.keys(stepOf({ jobs, on })).sort()).toEqual(Object.keys(action.inputs).sort())
})

test('each input of the action gets that of the same name, and no other', () => {
  const named = Object.fromEntries(Object.keys(action.inputs).map((name) => [name, `<${name}>`]))
  const contexts = { ...CONTEXTS, inputs: named, matrix: { leg: named } }
  const wrong = [image, matrix].flatMap((one) =>
    Object.entries(stepOf(one)).filter(
      ([name, value]) =>
        name !== 'record-artifact-name' &&
        !String(evaluated(String(value), contexts)).startsWith(`<${name}>`),
    ),
  )
  expect(wrong).toEqual([])
})

test('build-image.yml has every output of the action', () => {
  const outputs = Object.keys(image.on.workflow_call?.outputs ?? {})
  expect(outputs.filter((name) => name !== 'attestation-url')).toEqual(Object.keys(action.outputs))
})

test('what the caller leaves out is what the action has by default; sign-in is by the variables', () => {
  const presets = asTexts(
    Object.fromEntries(Object.entries(action.inputs).map(([name, one]) => [name, one.default])),
  )
  const signIn = { 'client-id': ID, 'tenant-id': ID, 'subscription-id': SUBSCRIPTION }
  const [given = {}] = givenBy('build-image.yml', ONE)
  expect({ ...given, 'image-tags': given['image-tags']?.trim() }).toEqual({ ...presets, ...signIn, ...ONE })
})

test('what the caller gives arrives, and nothing is told from not given where that differs', () => {
  const client = { 'client-id': ID.replace('1', '2') }
  const given = {
    ...ONE,
    ...client,
    'build-path': '',
    'log-artifact-name': '',
    'build-timeout-in-minutes': 0,
    resume: false,
  }
  expect(givenBy('build-image.yml', given)).toEqual([expect.objectContaining(asTexts(given))])
  expect(givenBy('build-matrix.yml', { ...MANY, defaults: JSON.stringify(given) })).toEqual([
    expect.objectContaining(asTexts(given)),
  ])
})

test.each([
  ['build-image.yml', { ...ONE, 'image-tags': 'a=b' }],
  ['build-matrix.yml', { ...MANY, defaults: JSON.stringify({ ...ONE, 'image-tags': 'a=b' }) }],
])('%s: a candidate is not the latest and is tagged as one', (name, given) => {
  const [plain] = givenBy(name, given)
  const [candidate] = givenBy(name, { ...given, candidate: true })
  expect([plain?.['image-tags']?.trim(), candidate?.['image-tags']?.trim()]).toEqual([
    'a=b',
    'a=b\nimage-status=candidate',
  ])
  expect([plain?.['exclude-from-latest'], candidate?.['exclude-from-latest']]).toEqual([
    name === 'build-image.yml' ? 'false' : '',
    'true',
  ])
  expect(givenBy(name, { ...given, 'exclude-from-latest': true })).toBeDefined()
})

test('each leg leaves its record under a name of its own, of this attempt', () => {
  const legs = givenBy('build-matrix.yml', {
    ...MANY,
    locations: 'eastus, westus2',
    name: 'nightly',
    defaults: without('location'),
  })
  expect(legs.map((leg) => leg['record-artifact-name'])).toEqual([
    'build-record.nightly.web-eastus.1',
    'build-record.nightly.web-westus2.1',
  ])
})
function without(name: string): string {
  return JSON.stringify(Object.fromEntries(Object.entries(ONE).filter(([one]) => one !== name)))
}

test.each<[given: string, runsOn: unknown]>([
  ['ubuntu-latest', 'ubuntu-latest'],
  ['["self-hosted", "linux"]', ['self-hosted', 'linux']],
  ['{"group": "images"}', { group: 'images' }],
])('runners are given as %s', (given, runsOn) => {
  const contexts = {
    inputs: { 'runs-on': given, 'test-runs-on': given },
    matrix: { leg: { 'runs-on': given } },
  }
  const jobs = [image, matrix, promote].flatMap((one) => Object.values(one.jobs))
  expect(jobs.map((job) => evaluated(String(job['runs-on']), contexts))).toEqual(jobs.map(() => runsOn))
})

const groupOf = (file: Workflow, job: string): string =>
  (file.jobs[job]?.['concurrency'] as { group: string }).group
const ofImage = (given: Values): unknown => evaluated(groupOf(image, 'build'), { ...CONTEXTS, inputs: given })
const ofLeg = (leg: Values): unknown => evaluated(groupOf(matrix, 'build'), { ...CONTEXTS, matrix: { leg } })

test('one build at a time of an image; a dry run waits for none', () => {
  const target = { 'gallery-image-id': 'G', location: 'eastus' }
  expect(ofImage(target)).toBe(ofImage({ ...target, location: 'westus2' }))
  expect(
    new Set(
      [target, { 'managed-image-id': 'M' }, { 'vhd-uri': 'V' }, { ...target, 'dry-run': true }].map(ofImage),
    ).size,
  ).toBe(4)
  expect(ofLeg(target)).not.toBe(ofLeg({ ...target, location: 'westus2' }))
  const counted = { ...target, 'versioning-scheme': 'latest' }
  expect(ofLeg(counted)).toBe(ofLeg({ ...counted, location: 'westus2' }))
})

test.each([
  ['neither', {}, true],
  ['both', { 'test-script': 'x', 'tests-result': 'success' }, true],
  ['a script', { 'test-script': 'x' }, false],
  ['a result', { 'tests-result': 'failure' }, false],
])('promotion without one way to test is refused: %s', (_, given, refused) => {
  const [step] = promote.jobs['check']?.steps ?? []
  const condition = (step as unknown as { if: string }).if
  expect(evaluated(condition, { inputs: { 'test-script': '', 'tests-result': '', ...given } })).toBe(refused)
  expect(step?.run).toContain('::error::')
})

const BOTH = { 'github-environment': 'production', 'rejection-environment': 'quick' }
test.each([
  ['success', 'skipped', BOTH, 'success', 'production'],
  ['failure', 'skipped', BOTH, 'failure', 'quick'],
  ['', 'success', BOTH, 'success', 'production'],
  ['', 'failure', BOTH, 'failure', 'quick'],
  ['', 'cancelled', BOTH, 'cancelled', 'quick'],
  ['', 'failure', { 'github-environment': 'production' }, 'failure', ''],
  ['', 'success', { 'rejection-environment': 'quick' }, 'success', ''],
])('promotion told %j, its test job being %s, with %j: %s in the environment %j', (...row) => {
  const [told, result, environments, tests, environment] = row
  const none = { 'github-environment': '', 'rejection-environment': '' }
  const contexts = { inputs: { ...none, 'tests-result': told, ...environments }, needs: { test: { result } } }
  const job = promote.jobs['promote']
  expect(evaluated(String(job?.['environment']), contexts)).toBe(environment)
  expect(evaluated(String(job?.steps?.[0]?.with?.['tests-result']), contexts)).toBe(tests)
})

test('every job ends by itself', () => {
  const jobs = readdirSync(path.join(root, '.github/workflows')).flatMap((file) =>
    Object.entries(workflow(file).jobs).map(([id, job]) => [`${file} ${id}`, job['timeout-minutes']]),
  )
  expect(jobs.filter(([, minutes]) => minutes === undefined)).toEqual([])
})
