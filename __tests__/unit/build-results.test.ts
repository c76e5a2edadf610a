import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { buildRecord, recordText, type BuildRecord } from '../../src/build-record.ts'
import {
  chooseRecords,
  missing,
  readResult,
  recordArtifact,
  resultOutputs,
  type BuildResult,
  type FoundRecord,
  type RunArtifact,
} from '../../src/matrix/build-results.ts'
import { emptyReport } from '../../src/report.ts'
import { VERSION_ID } from '../support/factories.ts'

const BUILD = { name: 'web-eastus', image: 'web', location: 'eastus' }
const RUN = { repository: 'contoso/web-app', runId: '4711' }

function artifacts(...names: string[]): RunArtifact[] {
  return names.map((name, index) => ({ id: index + 1, name, bytes: 100 }))
}

/** What a build leaves that the main action makes, unless `change` says otherwise. */
function record(change: Record<string, unknown> = {}): string {
  const made: BuildRecord = buildRecord({
    report: {
      ...emptyReport(),
      runState: 'Succeeded',
      buildKey: 'key',
      artifact: { folder: 'app', bytes: 5, sha256: 'a'.repeat(64) },
      images: { SharedImage_distribute: VERSION_ID },
    },
    version: '1.0.0',
    workflow: {
      ...RUN,
      runAttempt: '2',
      commit: 'c',
      ref: 'refs/heads/main',
      runUrl: 'https://github.com/contoso/web-app/actions/runs/4711',
      workflowRef: 'contoso/web-app/.github/workflows/x.yml@refs/heads/main',
      job: 'build',
    },
    inputs: { 'record-artifact-name': 'build-record.images.web-eastus.2' },
    failed: false,
    startedAt: Date.parse('2027-01-02T03:00:00Z'),
    endedAt: Date.parse('2027-01-02T03:20:03Z'),
  })
  return recordText({
    ...made,
    source: { kind: 'marketplace', name: 'a:b:c:1.2.3' },
    ...change,
  })
}

const FOUND: FoundRecord = {
  build: BUILD,
  attempt: 2,
  artifact: { id: 7, name: 'build-record.images.web-eastus.2', bytes: 100 },
}
const read = (content: string): ReturnType<typeof readResult> => readResult(FOUND, content, RUN)

describe('the record of a build', () => {
  const choose = (...names: string[]): (string | undefined)[] =>
    chooseRecords({ builds: [BUILD], name: 'images', run: RUN }, artifacts(...names)).map(
      ({ artifact }) => artifact.name,
    )

  test.each<[what: string, names: string[], expected: string[]]>([
    ['none', [], []],
    ['the only one', ['build-record.images.web-eastus.1'], ['build-record.images.web-eastus.1']],
    [
      'that of the last attempt, as a number',
      ['build-record.images.web-eastus.10', 'build-record.images.web-eastus.9'],
      ['build-record.images.web-eastus.10'],
    ],
    [
      'none of another matrix',
      ['build-record.nightly.web-eastus.1', 'build-record.images.x.web-eastus.1'],
      [],
    ],
    [
      'none of another leg',
      [
        'build-record.images.web-eastus2.1',
        'build-record.images.web.1',
        'build-record.images.web-eastus-2.1',
      ],
      [],
    ],
    ['none of a leg in other letters', ['build-record.images.Web-eastus.1'], []],
    [
      'none without an attempt',
      [
        'build-record.images.web-eastus',
        'build-record.images.web-eastus.',
        'build-record.images.web-eastus.0',
        'build-record.images.web-eastus.x',
        'build-record.images.web-eastus.1.2',
        'build-record.images.web-eastus.01',
      ],
      [],
    ],
    ['not the log of the build', ['customization-log-t_1'], []],
  ])('is %s', (_, names, expected) => {
    expect(choose(...names)).toEqual(expected)
  })

  test('is found for each build in the order of the plan, whatever the order of the artifacts', () => {
    const builds = ['b', 'a', 'c'].map((name) => ({ name, image: name }))
    const listed = artifacts('build-record.images.a.1', 'build-record.images.b.1', 'build-record.images.a.2')
    const found = chooseRecords({ builds, name: 'images', run: RUN }, listed)
    expect(found.map(({ build, attempt, artifact }) => [build.name, attempt, artifact.id])).toEqual([
      ['b', 1, 2],
      ['a', 2, 3],
    ])
  })

  test('is that of one leg of one matrix alone, whatever their names', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,5}$/)
    const builds = fc.uniqueArray(
      fc.record({ matrix: name, leg: name, attempt: fc.integer({ min: 1, max: 12 }) }),
      { maxLength: 12, selector: ({ matrix, leg, attempt }) => recordArtifact(matrix, leg, attempt) },
    )
    fc.assert(
      fc.property(builds, (all) => {
        const listed = artifacts(
          ...all.map(({ matrix, leg, attempt }) => recordArtifact(matrix, leg, attempt)),
        )
        for (const { matrix, leg } of all) {
          const [found] = chooseRecords(
            { builds: [{ name: leg, image: leg }], name: matrix, run: RUN },
            listed,
          )
          const own = all.filter((one) => one.matrix === matrix && one.leg === leg)
          const last = Math.max(...own.map(({ attempt }) => attempt))
          expect(found).toMatchObject({
            attempt: last,
            artifact: { name: recordArtifact(matrix, leg, last) },
          })
        }
      }),
    )
  })
})

describe('the result', () => {
  test('has what the record of the main action tells', () => {
    expect(read(record())).toEqual({
      ...BUILD,
      result: 'succeeded',
      'image-uri': VERSION_ID,
      'image-version': '1.2.3',
      'image-uris': { SharedImage_distribute: VERSION_ID },
      source: 'a:b:c:1.2.3',
      'artifact-sha256': 'a'.repeat(64),
      'build-key': 'key',
      minutes: 20.1,
      record: 'build-record.images.web-eastus.2',
      attempt: 2,
    })
  })

  test('has nothing that is not known', () => {
    const nothing = { source: undefined, artifact: undefined, buildKey: undefined, images: {} }
    const failed = { ...nothing, result: 'failed', failureCode: 'missing-permission' }
    const times = { started: 'yesterday', ended: 'today' }
    expect(read(record({ ...failed, times }))).toEqual({
      ...BUILD,
      result: 'failed',
      'failure-code': 'missing-permission',
      record: 'build-record.images.web-eastus.2',
      attempt: 2,
    })
  })

  const two = { vhd: 'https://a.blob.core.windows.net/vhds/x.vhd', gallery: VERSION_ID }
  const body = (...names: string[]): object => ({
    name: 't',
    id: '/t',
    body: { properties: { distribute: names.map((runOutputName) => ({ runOutputName })) } },
  })
  test.each<[what: string, change: Record<string, unknown>, expected: object]>([
    ['the first that is there, where no template tells', { images: two }, { 'image-uri': two.vhd }],
    [
      'that of the first distributor',
      { images: two, template: body('gallery', 'vhd') },
      { 'image-uri': VERSION_ID, 'image-version': '1.2.3' },
    ],
    ['none, where the first distributor made none', { images: two, template: body('own', 'vhd') }, {}],
    ['none of a template of another form', { images: {}, template: { name: 't', id: '/t', body: [] } }, {}],
  ])('has as image %s', (_, change, expected) => {
    const told = read(record(change)) as BuildResult
    const { 'image-uri': uri, 'image-version': version } = told
    expect({ ...(uri && { 'image-uri': uri }), ...(version && { 'image-version': version }) }).toEqual(
      expected,
    )
  })
})

describe('a record is refused', () => {
  const workflow = (change: object): Record<string, unknown> => ({
    workflow: { ...RUN, runAttempt: '2', ...change },
  })
  test.each<[what: string, content: string, mistake: string]>([
    ['that is no JSON', '{"schema":', 'is not a build record (no JSON object)'],
    ['that is a list', '[]', 'is not a build record (its schema is not what it has to be)'],
    [
      'of another form',
      record({ schema: 'aib-action/build-record/v2' }),
      'is not a build record (its schema is not what it has to be)',
    ],
    [
      'of no known result',
      record({ result: 'great' }),
      'is not a build record (its result is not what it has to be)',
    ],
    [
      'whose images are no texts',
      record({ images: { a: 1 } }),
      'is not a build record (its images.a is not what it has to be)',
    ],
    [
      'with an endless image',
      record({ images: { a: 'x'.repeat(5000) } }),
      'is not a build record (its images.a is not what it has to be)',
    ],
    [
      'whose digest is none',
      record({ artifact: { sha256: 'x' } }),
      'is not a build record (its artifact.sha256 is not what it has to be)',
    ],
    [
      'of another repository',
      record(workflow({ repository: 'contoso/api' })),
      'is of another build: its repository is contoso/api, not contoso/web-app',
    ],
    ['of another run', record(workflow({ runId: '1' })), 'is of another build: its run is 1, not 4711'],
    [
      'of another attempt',
      record(workflow({ runAttempt: '1' })),
      'is of another build: its attempt is 1, not 2',
    ],
    [
      'of another leg',
      record({ inputs: { 'record-artifact-name': 'build-record.images.web-westus2.2' } }),
      'is of another build: its record-artifact-name is build-record.images.web-westus2.2, not build-record.images.web-eastus.2',
    ],
    [
      'that does not say which leg',
      record({ inputs: {} }),
      'is of another build: its record-artifact-name is none, not build-record.images.web-eastus.2',
    ],
  ])('%s', (_, content, mistake) => {
    expect(read(content)).toEqual({ mistake })
  })

  test('whatever it holds, without a failure', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(read(JSON.stringify(value))).toHaveProperty('mistake')
      }),
    )
  })
})

describe('outputs', () => {
  const result = (name: string, of: BuildResult['result']): BuildResult => ({
    ...missing({ name, image: name }),
    result: of,
  })
  const names = (text = ''): string[] => (JSON.parse(text) as BuildResult[]).map(({ name }) => name)

  test('part the results', () => {
    const kinds = [
      'succeeded',
      'unchanged',
      'started',
      'partially-succeeded',
      'failed',
      'cancelled',
      'missing',
    ] as const
    const outputs = resultOutputs(kinds.map((kind) => result(kind, kind)))
    expect(names(outputs['images'])).toEqual(kinds)
    expect(names(outputs['succeeded'])).toEqual(['succeeded', 'unchanged'])
    expect(names(outputs['failed'])).toEqual([
      'started',
      'partially-succeeded',
      'failed',
      'cancelled',
      'missing',
    ])
    expect(outputs['all-succeeded']).toBe('false')
    const { json = '', ...others } = outputs
    expect(JSON.parse(json)).toEqual(others)
  })

  test.each([
    ['all succeeded', ['succeeded', 'unchanged'], 'true'],
    ['one is missing', ['succeeded', 'missing'], 'false'],
    ['there is none', [], 'false'],
  ] as const)('all-succeeded, when %s', (_, kinds, expected) => {
    expect(resultOutputs(kinds.map((kind) => result(kind, kind)))['all-succeeded']).toBe(expected)
  })

  test('a record that cannot be used is named all the same', () => {
    expect(missing(BUILD, FOUND)).toEqual({
      ...BUILD,
      result: 'missing',
      record: 'build-record.images.web-eastus.2',
      attempt: 2,
    })
    expect(missing(BUILD)).toEqual({ ...BUILD, result: 'missing' })
  })
})
