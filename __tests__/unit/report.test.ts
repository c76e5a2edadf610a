import { describe, expect, test } from '@jest/globals'
import { BuildFailedError } from '../../src/errors.ts'
import {
  duration,
  emptyReport,
  outputs,
  runFailure,
  taskOutputBlock,
  whereIsTheLog,
} from '../../src/report.ts'
import {
  buildReport,
  DEFINITION_ID,
  MANAGED_IMAGE_ID,
  resourceId,
  SUBSCRIPTION,
  VERSION_ID,
} from '../support/factories.ts'

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/IT_builds_t_1_ab_x`
const LOGGED =
  'Packer build logs are at location /x/storageAccounts/abc123/blobServices/default/containers/packerlogs/1a/customization.log.'

describe('outputs', () => {
  test('of a build that went well', () => {
    const { json, ...all } = outputs(buildReport())
    expect(all).toEqual({
      'image-uri': VERSION_ID,
      'image-uris': JSON.stringify({ SharedImage_distribute: VERSION_ID }),
      'image-version': '1.2.3',
      'pir-publisher': 'Canonical',
      'pir-offer': 'ubuntu-24_04-lts',
      'pir-sku': 'server',
      'pir-version': '24.04.202609010',
      'source-image-id': '',
      'template-name': 't_1_ab',
      'template-id': resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't_1_ab'),
      'template-path': '/tmp/t_1_ab.json',
      'run-output-name': 'SharedImage_distribute',
      'run-state': 'Succeeded',
      'staging-resource-group': 'IT_builds_t_1_ab_x',
      'log-path': '',
      'record-path': '',
      'failure-code': '',
      skipped: '',
      'build-key': '',
    })
    expect(JSON.parse(json ?? '')).toEqual(all)
  })

  test('of a build that failed at once are all there, and empty', () => {
    const { json, 'image-uris': uris, ...all } = outputs(emptyReport())
    expect(uris).toBe('{}')
    expect(json).toContain('"image-uris":"{}"')
    expect(new Set(Object.values(all))).toEqual(new Set(['']))
  })

  test('of what else is known', () => {
    const known = {
      logPath: '/tmp/t.log',
      failureCode: 'missing-permission',
      skipped: true,
      buildKey: 'ab12',
    }
    expect(outputs(buildReport(known))).toMatchObject({
      'log-path': '/tmp/t.log',
      'failure-code': 'missing-permission',
      skipped: 'true',
      'build-key': 'ab12',
    })
  })

  test.each<[string, Record<string, string>, string, string]>([
    ['an image version', { a: VERSION_ID }, VERSION_ID, '1.2.3'],
    [
      'an image version in another letter case',
      { a: VERSION_ID.toUpperCase() },
      VERSION_ID.toUpperCase(),
      '1.2.3',
    ],
    ['a managed image', { a: MANAGED_IMAGE_ID }, MANAGED_IMAGE_ID, ''],
    [
      'a VHD',
      { a: 'https://x.blob.core.windows.net/vhds/a.vhd' },
      'https://x.blob.core.windows.net/vhds/a.vhd',
      '',
    ],
    [
      "the first distributor's, whatever came first",
      { b: VERSION_ID, a: MANAGED_IMAGE_ID },
      MANAGED_IMAGE_ID,
      '',
    ],
    ["none, when the first distributor's is missing", { b: VERSION_ID }, '', ''],
  ])('image: %s', (_, images, uri, version) => {
    expect(outputs(buildReport({ images, runOutputName: 'a' }))).toMatchObject({
      'image-uri': uri,
      'image-version': version,
      'image-uris': JSON.stringify(images),
    })
  })

  test('a source that is no marketplace image is given by its ID', () => {
    const sourceImage = { kind: 'gallery-version', id: VERSION_ID } as const
    expect(outputs(buildReport({ sourceImage }))).toMatchObject({
      'source-image-id': VERSION_ID,
      'pir-publisher': '',
      'pir-version': '',
    })
  })
})

describe('the block of the Azure DevOps task', () => {
  const rule = '='.repeat(78)
  test('of a marketplace image', () => {
    expect(taskOutputBlock(buildReport())).toEqual([
      rule,
      '## task output variables ##',
      `$(imageUri) =  ${VERSION_ID}`,
      '$(pirPublisher) =  Canonical',
      '$(pirOffer) =  ubuntu-24_04-lts',
      '$(pirSku) =  server',
      '$(pirVersion) =  24.04.202609010',
      rule,
    ])
  })

  test('of another source has no marketplace lines', () => {
    const sourceImage = { kind: 'managed-image', id: MANAGED_IMAGE_ID } as const
    expect(taskOutputBlock(buildReport({ sourceImage }))).toEqual([
      rule,
      '## task output variables ##',
      `$(imageUri) =  ${VERSION_ID}`,
      rule,
    ])
  })
})

test.each([
  [0, '0 s'],
  [4400, '4 s'],
  [59_600, '1 min 0 s'],
  [723_000, '12 min 3 s'],
  [3_599_999, '1 h 0 min'],
  [3_900_000, '1 h 5 min'],
  [90_000_000, '25 h 0 min'],
])('%i ms is %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text)
})

describe('a run that failed', () => {
  test.each([
    [
      'with the log named',
      'Failed',
      LOGGED,
      [
        `The run of image template t ended with Failed: ${LOGGED}`,
        'Customization log: storage account abc123, container packerlogs, blob 1a/customization.log',
        '  az storage blob download --auth-mode login --account-name abc123 --container-name packerlogs --name 1a/customization.log --file customization.log',
      ],
    ],
    [
      'with a reason alone',
      'PartiallySucceeded',
      'one of two',
      [
        'The run of image template t ended with PartiallySucceeded: one of two',
        'Customization log: container packerlogs of the storage account in IT_builds_t_1_ab_x',
      ],
    ],
    [
      'without a reason',
      'Canceled',
      '',
      [
        'The run of image template t ended with Canceled: Image Builder gave no reason.',
        'Customization log: container packerlogs of the storage account in IT_builds_t_1_ab_x',
      ],
    ],
  ] as const)('%s', (_, state, message, lines) => {
    const error = runFailure('t', { state, message }, GROUP)
    expect(error).toBeInstanceOf(BuildFailedError)
    expect(error.message.split('\n')).toEqual(lines)
  })

  test('without a staging group leads nowhere', () => {
    expect(whereIsTheLog('a timeout', undefined)).toEqual([])
  })
})

test('an image definition is no image version', () => {
  expect(outputs(buildReport({ images: { a: DEFINITION_ID }, runOutputName: 'a' }))['image-version']).toBe('')
})
