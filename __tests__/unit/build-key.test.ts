/** The build key: the same for what gives the same image, another for everything else. */
import { describe, expect, test } from '@jest/globals'
import { buildKey, keyArtifact } from '../../src/build-key.ts'
import { imageTemplate } from '../../src/image-template.ts'
import { DEFINITION_ID, findings, marketplaceImage, newBuild } from '../support/factories.ts'

const CONTENT = 'c0ffee'.repeat(10)

/** The key of a small valid build with other inputs, content or source version. */
function keyOf(
  inputs: Record<string, string> = {},
  content = CONTENT,
  version = '24.04.202609010',
  folder = 'web-app',
): string {
  const request = newBuild(inputs)
  const artifact = request.artifact ? keyArtifact(folder, content) : undefined
  return buildKey(
    imageTemplate(request, findings(marketplaceImage({ version })), artifact, { version: '1.0.0' }),
  )
}

test('is a SHA-256 in lower-case hexadecimal, and the same each time', () => {
  expect(keyOf()).toMatch(/^[0-9a-f]{64}$/)
  expect(keyOf()).toBe(keyOf())
})

describe('what shapes the image changes it:', () => {
  test.each<[string, string]>([
    ['the source version', keyOf({}, CONTENT, '24.04.202611050')],
    ['what goes into the image', keyOf({}, 'beef'.repeat(16))],
    ['where that lands', keyOf({}, CONTENT, undefined, 'other')],
    ['whether anything goes into it', keyOf({ 'build-path': '' })],
    ['a script', keyOf({ 'inline-script': 'true' })],
    ['a further customizer', keyOf({ customizers: '- {type: Shell, inline: ["true"]}' })],
    ['the removal of the artifact', keyOf({ 'remove-artifacts': 'true' })],
    ['the size of the disk', keyOf({ 'os-disk-size-gb': '64' })],
    ['the size of the build VM', keyOf({ 'vm-size': 'Standard_D4s_v5' })],
    ['the optimization of its start', keyOf({ 'optimize-vm-boot': 'true' })],
    ['what validates it', keyOf({ 'validation-script': 'true' })],
  ])('%s', (_, key) => {
    expect(key).not.toBe(keyOf())
  })
})

describe('what does not shape the image leaves it as it is:', () => {
  test.each<[string, string]>([
    ['the timeout', keyOf({ 'build-timeout-in-minutes': '100' })],
    ['tags', keyOf({ 'image-tags': 'a=b', 'template-tags': 'a=b', 'managed-resource-tags': 'a=b' })],
    [
      'where the image goes',
      keyOf({ 'gallery-image-id': `${DEFINITION_ID}/versions/1.0.0`, 'replication-regions': 'westus2=3' }),
    ],
    ['further targets', keyOf({ distributors: '[{type: VHD, runOutputName: other}]' })],
    ['the name of the template', keyOf({ 'template-name': 'mine' })],
    ['the staging group', keyOf({ 'staging-resource-group': 'staging' })],
    ['what happens after an error', keyOf({ 'on-customizer-error': 'abort' })],
    ['how the artifact travels', keyOf({ 'artifact-transfer': 'download' })],
  ])('%s', (_, key) => {
    expect(key).toBe(keyOf())
  })
})
