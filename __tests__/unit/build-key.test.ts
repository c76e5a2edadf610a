/** The build key: the same for what gives the same image, another for everything else. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { buildKey } from '../../src/build-key.ts'
import type { SourceImage } from '../../src/source-image.ts'
import {
  DEFINITION_ID,
  findings,
  MANAGED_IMAGE_ID,
  marketplaceImage,
  newBuild,
  resourceId,
  SIGNATURE,
  SUBNET_ID,
  WORKSPACE,
} from '../support/factories.ts'

const CONTENT = 'c0ffee'.repeat(10)
const VERSION = '24.04.202609010'

/** The key of a small valid build with other inputs, content or source version. */
function keyOf(
  inputs: Record<string, string> = {},
  content = CONTENT,
  source: SourceImage = marketplaceImage({ version: VERSION }),
  { workspace = WORKSPACE, version = '1.0.0' } = {},
): string {
  return buildKey(newBuild(inputs), findings(source), content, { workspace, version })
}

const customizer = (change: object = {}): Record<string, string> => ({
  customizers: JSON.stringify([
    { type: 'File', destination: '/tmp/x', sourceUri: 'https://x.net/a', ...change },
  ]),
})
const signed = (signature: string, expiry: string): Record<string, string> =>
  customizer({
    sourceUri: `https://x.blob.core.windows.net/c/a?se=${expiry}&sp=r&sv=2026-10-06&sr=b&sig=${signature}`,
  })
const managed = (made: string): SourceImage => ({
  kind: 'managed-image',
  id: MANAGED_IMAGE_ID,
  made,
  osType: 'Linux',
})

test('is a SHA-256 in lower-case hexadecimal, and the same each time', () => {
  expect(keyOf()).toMatch(/^[0-9a-f]{64}$/)
  expect(keyOf()).toBe(keyOf())
})

/** One change each, of what shapes the image. */
const SHAPING: Record<string, Record<string, string>> = {
  'where that lands': { 'build-path': 'other' },
  'a script': { 'inline-script': 'true' },
  'a further customizer': { customizers: '- {type: Shell, inline: ["true"]}' },
  'the removal of the artifact': { 'remove-artifacts': 'true' },
  'the size of the disk': { 'os-disk-size-gb': '64' },
  'the size of data disks': { 'data-disk-sizes-gb': '64' },
  'the size of the build VM': { 'vm-size': 'Standard_D4s_v5' },
  'the network that it is built in': { 'subnet-id': SUBNET_ID },
  'the identities of the build VM': {
    'build-vm-identities': resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'other'),
  },
  'the optimization of its start': { 'optimize-vm-boot': 'true' },
  'what validates it': { 'validation-script': 'true' },
}

/** What does not. */
const NEUTRAL: Record<string, Record<string, string>> = {
  'the timeout': { 'build-timeout-in-minutes': '100' },
  'tags of the image': { 'image-tags': 'a=b' },
  'tags of the template': { 'template-tags': 'a=b' },
  'tags of everything else': { 'managed-resource-tags': 'a=b' },
  'the version': { 'gallery-image-id': `${DEFINITION_ID}/versions/1.0.0` },
  'its regions': { 'replication-regions': 'westus2=3' },
  'whether it is latest': { 'exclude-from-latest': 'true' },
  'the name of the run': { 'run-output-name': 'mine' },
  'further targets': { distributors: '[{type: VHD, runOutputName: other}]' },
  'the name of the template': { 'template-name': 'mine' },
  'the staging group': { 'staging-resource-group': 'staging' },
  'what happens after an error': { 'on-customizer-error': 'abort' },
  'how the artifact is read': { 'artifact-access': 'identity' },
  'where it is uploaded': { 'storage-account': 'other' },
  'who builds it': { 'managed-identity': 'other' },
  'where it is built': { location: 'eastus' },
  'the log': { 'follow-log': 'false', 'keep-log': 'true', summary: 'false' },
  'what becomes of the template': { cleanup: 'never', resume: 'false', 'retry-replication': 'true' },
}

describe('what shapes the image changes it:', () => {
  test.each(Object.entries(SHAPING))('%s', (_, inputs) => {
    expect(keyOf(inputs)).not.toBe(keyOf())
  })

  test('whether anything goes into it', () => {
    expect(keyOf({ 'build-path': '' })).not.toBe(keyOf())
  })

  test('what goes into the image', () => {
    expect(keyOf({}, 'beef'.repeat(16))).not.toBe(keyOf())
  })

  test('the source version', () => {
    expect(keyOf({}, CONTENT, marketplaceImage({ version: '24.04.202611050' }))).not.toBe(keyOf())
  })

  test('a managed image that took the place of the source, under its name', () => {
    expect(keyOf({}, CONTENT, managed('a'))).toBe(keyOf({}, CONTENT, managed('a')))
    expect(keyOf({}, CONTENT, managed('b'))).not.toBe(keyOf({}, CONTENT, managed('a')))
  })

  test.each([
    ['what a URL leads to', { sourceUri: 'https://x.net/b' }],
    ['the version of a blob that a URL names', { sourceUri: 'https://x.net/a?versionid=2' }],
    ['a checksum', { sha256Checksum: 'f'.repeat(64) }],
  ])('%s', (_, change) => {
    expect(keyOf(customizer(change))).not.toBe(keyOf(customizer()))
  })
})

describe('what does not shape the image leaves it as it is:', () => {
  test.each(Object.entries(NEUTRAL))('%s', (_, inputs) => {
    expect(keyOf(inputs)).toBe(keyOf())
  })

  test('how the artifact travels', () => {
    expect(keyOf({ 'artifact-transfer': 'download' })).toBe(keyOf())
  })

  test('where the workspace lies on the runner', () => {
    const inputs = { 'build-path': 'app' }
    const elsewhere = { workspace: '/srv/actions/web-app' }
    const request = {
      ...newBuild(inputs),
      artifact: { ...artifactOf(inputs), path: '/srv/actions/web-app/app' },
    }
    const key = buildKey(request, findings(marketplaceImage({ version: VERSION })), CONTENT, {
      ...elsewhere,
      version: '1.0.0',
    })
    expect(key).toBe(keyOf(inputs))
  })

  test('the version of the action', () => {
    expect(keyOf({}, CONTENT, undefined, { version: '1.2.3' })).toBe(keyOf())
  })

  test('signature and dates of a signed URL', () => {
    expect(keyOf(signed(SIGNATURE, '2027-01-01'))).toBe(keyOf(signed('another', '2026-12-01')))
  })

  test('the name of a customizer, and the order of its fields', () => {
    const named = '[{ "inline": ["true"], "name": "mine", "type": "Shell" }]'
    expect(keyOf({ customizers: named })).toBe(keyOf({ customizers: '- {type: Shell, inline: ["true"]}' }))
  })
})

function artifactOf(inputs: Record<string, string>) {
  const { artifact } = newBuild(inputs)
  if (!artifact) throw new Error('The inputs ask for no artifact.')
  return artifact
}

describe('with any inputs', () => {
  const some = (inputs: Record<string, Record<string, string>>): fc.Arbitrary<Record<string, string>> =>
    fc.subarray(Object.values(inputs)).map((chosen) => Object.assign({}, ...chosen) as Record<string, string>)
  /** Any script, word by word. */
  const script = fc
    .array(fc.constantFrom('true', 'ls', '"$x"', '# é', "'a b'", 'cd /tmp'))
    .map((words) => words.join('\n'))

  test('what does not shape the image never counts, whatever else is given', () => {
    fc.assert(
      fc.property(some(SHAPING), some(NEUTRAL), script, (shaping, neutral, inline) => {
        const inputs = { ...shaping, 'inline-script': inline }
        expect(keyOf({ ...neutral, ...inputs })).toBe(keyOf(inputs))
      }),
      { numRuns: 60 },
    )
  })

  test('what shapes the image always counts, whatever else is given', () => {
    const builds = fc.tuple(some(SHAPING), some(NEUTRAL), fc.constantFrom(...Object.values(SHAPING)))
    fc.assert(
      fc.property(builds, ([shaping, neutral, one]) => {
        const without = Object.fromEntries(Object.entries(shaping).filter(([name]) => !(name in one)))
        expect(keyOf({ ...neutral, ...without, ...one })).not.toBe(keyOf({ ...neutral, ...without }))
      }),
      { numRuns: 60 },
    )
  })
})
