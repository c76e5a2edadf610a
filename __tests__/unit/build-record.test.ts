/** The build record: what it says of a build, and what it must not hold. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { buildRecord, recordText, type RecordFacts } from '../../src/build-record.ts'
import { emptyReport, type BuildReport } from '../../src/report.ts'
import { VERSION_ID } from '../support/factories.ts'

const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
const SIGNED = 'https://artifacts.blob.core.windows.net/c/b.tar.gz?sv=1&sig=c2VjcmV0'

const workflow = {
  repository: 'contoso/web-app',
  commit: '0123456789abcdef0123456789abcdef01234567',
  ref: 'refs/heads/main',
  runId: '4711',
  runAttempt: '2',
  runUrl: 'https://github.com/contoso/web-app/actions/runs/4711',
  workflowRef: 'contoso/web-app/.github/workflows/bake.yml@refs/heads/main',
  job: 'image',
}

const built: Partial<BuildReport> = {
  sourceImage: {
    kind: 'marketplace',
    publisher: 'Canonical',
    offer: 'ubuntu-24_04-lts',
    sku: 'server',
    version: '24.04.202611050',
  },
  template: { name: 't_1_ab', id: '/t_1_ab' },
  templateText: JSON.stringify({
    properties: { customize: [{ type: 'Shell', inline: ['a', 'echo hunter2'] }] },
  }),
  artifact: { folder: 'app', bytes: 12, sha256: 'abc' },
  buildKey: 'key',
  images: { SharedImage_distribute: VERSION_ID },
  regions: [{ name: 'eastus' }, { name: 'westus2', replicas: 2 }],
  runState: 'Succeeded',
}

function facts(report: Partial<BuildReport>, overrides: Partial<RecordFacts> = {}): RecordFacts {
  return {
    report: { ...emptyReport(), ...report },
    version: '1.2.3',
    workflow,
    inputs: { location: ' eastus\n', 'inline-script': 'echo hunter2', 'vm-size': '' },
    failed: false,
    startedAt: Date.UTC(2026, 10, 22, 10),
    endedAt: Date.UTC(2026, 10, 22, 10, 30),
    ...overrides,
  }
}

test('of a build that went well it says all that makes the image what it is', () => {
  const { templateText = '' } = built
  expect(buildRecord(facts(built))).toEqual({
    schema: 'aib-action/build-record/v1',
    result: 'succeeded',
    action: { version: '1.2.3' },
    workflow,
    inputs: { location: 'eastus', 'inline-script': `sha256:${digest('echo hunter2')}` },
    template: {
      name: 't_1_ab',
      id: '/t_1_ab',
      sha256: digest(`${templateText}\n`),
      body: {
        properties: { customize: [{ type: 'Shell', inline: [`sha256:${digest('a\necho hunter2')}`] }] },
      },
    },
    source: { kind: 'marketplace', name: 'Canonical:ubuntu-24_04-lts:server:24.04.202611050' },
    artifact: { folder: 'app', bytes: 12, sha256: 'abc' },
    buildKey: 'key',
    images: { SharedImage_distribute: VERSION_ID },
    regions: ['eastus', 'westus2'],
    runState: 'Succeeded',
    times: { started: '2026-11-22T10:00:00.000Z', ended: '2026-11-22T10:30:00.000Z' },
  })
})

test('of one that came to nothing it says what is known, and why', () => {
  const record = buildRecord(facts({ failureCode: 'missing-permission' }, { failed: true }))
  expect(Object.keys(record).sort()).toEqual(
    ['schema', 'result', 'action', 'workflow', 'inputs', 'images', 'failureCode', 'times'].sort(),
  )
  expect(record).toMatchObject({ result: 'failed', images: {}, failureCode: 'missing-permission' })
})

describe('the result', () => {
  test.each<[string, Partial<BuildReport>, boolean]>([
    ['succeeded', { runState: 'Succeeded' }, false],
    ['failed', { runState: 'Failed' }, true],
    ['failed', {}, true],
    ['partially-succeeded', { runState: 'PartiallySucceeded' }, true],
    ['cancelled', { runState: 'Canceled' }, true],
    ['unchanged', { skipped: true }, false],
    ['succeeded', { skipped: false, runState: 'Succeeded' }, false],
    ['started', { runState: 'Running' }, false],
  ])('is %s of %j, failed: %s', (result, report, failed) => {
    expect(buildRecord(facts(report, { failed })).result).toBe(result)
  })
})

describe('nowhere in it is', () => {
  const inputs = Object.fromEntries(
    ['inline-script', 'validation-script', 'customizers', 'distributors'].map((name) => [
      name,
      `- curl -H 'password: hunter2' '${SIGNED}'`,
    ]),
  )
  const text = recordText(
    buildRecord(facts(built, { inputs: { ...inputs, 'vhd-uri': SIGNED, 'image-tags': 'a=b' } })),
  )
  test.each([
    ['a script', 'hunter2'],
    ['a signature', 'c2VjcmV0'],
  ])('%s', (_, secret) => {
    expect(text).not.toContain(secret)
    expect(JSON.parse(text)).toMatchObject({ inputs: { 'image-tags': 'a=b' } })
  })
})
