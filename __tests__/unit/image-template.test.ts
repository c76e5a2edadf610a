import { describe, expect, test } from '@jest/globals'
import { templateValidator } from '../../scripts/check-schema.ts'
import type { Distributor } from '../../src/distributors.ts'
import {
  imageTemplate,
  printableTemplate,
  redactSignatures,
  scriptProvisioner,
  sourceBody,
  sourceName,
} from '../../src/image-template.ts'
import type { SourceImage } from '../../src/source-image.ts'
import {
  buildArtifact,
  buildRequest,
  DEFINITION_ID,
  findings,
  galleryDistributor,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  marketplaceImage,
  SIGNATURE,
  VERSION_ID,
  workflowRun,
} from '../support/factories.ts'

test('a marketplace image to a gallery, whole', () => {
  const request = buildRequest({
    inlineScript: ['sudo apt-get install -y nginx'],
    vmSize: 'Standard_D4s_v5',
    buildTimeoutInMinutes: 90,
    distributor: galleryDistributor({ targetRegions: [{ name: 'westus2', replicas: 2 }] }),
  })
  const artifact = buildArtifact()
  expect(imageTemplate(request, findings(), artifact, '1.2.3')).toEqual({
    location: 'westus2',
    tags: {
      'aib-action': '1.2.3',
      repository: 'contoso/web-app',
      'run-id': '4711',
      'run-attempt': '2',
    },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY_ID]: {} } },
    properties: {
      source: {
        type: 'PlatformImage',
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: 'server',
        version: '24.04.202609010',
      },
      customize: [
        {
          type: 'File',
          name: 'aib-action: copy the build artifact',
          sourceUri: artifact.url,
          destination: '/tmp/aib-artifact-0123456789abcdef.tar.gz',
          sha256Checksum: artifact.sha256,
        },
        expect.objectContaining({ type: 'Shell', name: 'aib-action: unpack web-app' }),
        { type: 'Shell', name: 'aib-action: inline script', inline: ['sudo apt-get install -y nginx'] },
      ],
      distribute: [
        {
          type: 'SharedImage',
          runOutputName: 'SharedImage_distribute',
          artifactTags: {
            repository: 'contoso/web-app',
            commit: '0123456789abcdef0123456789abcdef01234567',
            'workflow-run-url': 'https://github.com/contoso/web-app/actions/runs/4711',
            'source-version': 'Canonical:ubuntu-24_04-lts:server:24.04.202609010',
          },
          galleryImageId: DEFINITION_ID,
          targetRegions: [{ name: 'westus2', replicaCount: 2 }],
        },
      ],
      buildTimeoutInMinutes: 90,
      vmProfile: { vmSize: 'Standard_D4s_v5' },
    },
  })
})

test('what was not asked for is left to the service', () => {
  const { properties } = imageTemplate(buildRequest(), findings(), undefined, '1.0.0')
  expect(properties).not.toHaveProperty('vmProfile')
  expect(properties.customize).toEqual([])
})

test('Windows gets PowerShell and updates', () => {
  const image = marketplaceImage({ osType: 'Windows' })
  const request = buildRequest({
    inlineScript: ['Get-Date'],
    runElevated: true,
    runAsSystem: true,
    windowsUpdate: true,
  })
  const { customize } = imageTemplate(request, findings(image), undefined, '1').properties
  expect(customize).toEqual([
    expect.objectContaining({ type: 'PowerShell', runElevated: true, runAsSystem: true }),
    expect.objectContaining({ type: 'WindowsUpdate' }),
  ])
})

test.each([
  ['auto', 'Linux', 'shell'],
  ['auto', 'Windows', 'powershell'],
  ['shell', 'Windows', 'shell'],
  ['powershell', 'Linux', 'powershell'],
] as const)('provisioner %s on %s is %s', (provisioner, osType, expected) => {
  expect(scriptProvisioner(provisioner, osType)).toBe(expected)
})

describe('source', () => {
  const plan = { planName: 'n', planProduct: 'p', planPublisher: 'q' }
  const cases: [string, SourceImage, object, string][] = [
    [
      'marketplace image with a plan',
      marketplaceImage({ plan }),
      {
        type: 'PlatformImage',
        publisher: 'Canonical',
        offer: 'ubuntu-24_04-lts',
        sku: 'server',
        version: '24.04.202609010',
        planInfo: plan,
      },
      'Canonical:ubuntu-24_04-lts:server:24.04.202609010',
    ],
    [
      'managed image',
      { kind: 'managed-image', id: MANAGED_IMAGE_ID, osType: 'Linux' },
      { type: 'ManagedImage', imageId: MANAGED_IMAGE_ID },
      MANAGED_IMAGE_ID,
    ],
    [
      'gallery image version',
      { kind: 'gallery-version', id: VERSION_ID, osType: 'Windows' },
      { type: 'SharedImageVersion', imageVersionId: VERSION_ID },
      VERSION_ID,
    ],
  ]
  test.each(cases)('%s', (_, image, body, name) => {
    expect(sourceBody(image)).toEqual(body)
    expect(sourceName(image)).toBe(name)
  })

  test("a tag holds 256 characters: the end of the source's ID", () => {
    const id = VERSION_ID.replace('/gallery/', `/${'g'.repeat(80)}/`).replace('/web/', `/${'d'.repeat(80)}/`)
    const image: SourceImage = { kind: 'gallery-version', id, osType: 'Linux' }
    const { distribute } = imageTemplate(buildRequest(), findings(image), undefined, '1').properties
    const tag = id.slice(-256)
    expect(tag).toHaveLength(256)
    expect(distribute).toEqual([
      expect.objectContaining({
        artifactTags: expect.objectContaining({ 'source-version': tag }) as unknown,
      }),
    ])
  })
})

describe('redaction', () => {
  const url = `https://a.blob.core.windows.net/c/b?sv=1&sp=r&sig=${SIGNATURE}`
  test.each([
    ['a URL alone', url, 'https://a.blob.core.windows.net/c/b?***'],
    ['in single quotes', `curl '${url}' -o x`, "curl 'https://a.blob.core.windows.net/c/b?***' -o x"],
    ['in double quotes', `curl "${url}" -o x`, 'curl "https://a.blob.core.windows.net/c/b?***" -o x'],
    ['sig first', `https://a/b?sig=${SIGNATURE}&sv=1 end`, 'https://a/b?*** end'],
    [
      'two of them',
      `${url} ${url}`,
      'https://a.blob.core.windows.net/c/b?*** https://a.blob.core.windows.net/c/b?***',
    ],
    ['a query without a signature', 'https://a/b?x=1&design=2', 'https://a/b?x=1&design=2'],
    ['no URL', 'what? sig=1', 'what? sig=1'],
  ])('%s', (_, text, expected) => {
    expect(redactSignatures(text)).toBe(expected)
  })

  test.each([
    ['Linux, copied', 'Linux', 1],
    ['Linux, downloaded', 'Linux', 1e9],
    ['Windows, copied', 'Windows', 1],
    ['Windows, downloaded', 'Windows', 1e9],
  ] as const)(
    'a printable template holds no signature, and is JSON with the rest as it was: %s',
    (_, osType, bytes) => {
      const request = buildRequest({
        inlineScript: [`curl "${url}" -o x`, `$a = '${url}'`, `$b = 'https://a/b?x=ü&sig=${SIGNATURE}'`],
        workflowRun: workflowRun(),
      })
      const artifact = buildArtifact({ bytes, folder: `it's "odd"` })
      const template = imageTemplate(request, findings(marketplaceImage({ osType })), artifact, '1')
      expect(JSON.stringify(template)).toContain(SIGNATURE)
      const printable = printableTemplate(template)
      expect(printable).not.toContain('sig=')
      expect(printable).not.toContain(SIGNATURE)
      const without = JSON.stringify(template).replaceAll(/\?[^?'"]*sig=[^'"\\]*/g, '?***')
      expect(JSON.parse(printable)).toEqual(JSON.parse(without))
    },
  )
})

const schemas = process.env['AIB_SCHEMAS']
const withSchemas = schemas === undefined ? describe.skip : describe
const without = schemas === undefined ? ' (left out: AIB_SCHEMAS names no folder with the schema)' : ''

withSchemas(`Azure's published schema takes every template${without}`, () => {
  const plan = { planName: 'n', planProduct: 'p', planPublisher: 'q' }
  const images: [string, SourceImage][] = [
    ['marketplace Linux', marketplaceImage()],
    ['marketplace Windows with a plan', marketplaceImage({ osType: 'Windows', plan })],
    ['managed image', { kind: 'managed-image', id: MANAGED_IMAGE_ID, osType: 'Linux' }],
    ['gallery image version', { kind: 'gallery-version', id: VERSION_ID, osType: 'Windows' }],
  ]
  const targets: [string, Distributor][] = [
    [
      'gallery',
      galleryDistributor({
        targetRegions: [
          { name: 'westus2', replicas: 2, storageAccountType: 'Premium_LRS' },
          { name: 'eastus' },
        ],
      }),
    ],
    [
      'managed image',
      { type: 'managed-image', runOutputName: 'm', imageId: MANAGED_IMAGE_ID, location: 'westus2' },
    ],
    ['VHD', { type: 'vhd', runOutputName: 'v' }],
  ]
  const cases = images.flatMap(([from, image]) =>
    targets.flatMap(([to, distributor]) =>
      [1, 1e9].map((bytes) => [`${from} to ${to}, ${bytes} bytes`, image, distributor, bytes] as const),
    ),
  )

  let validator: ReturnType<typeof templateValidator> | undefined
  test.each(cases)('%s', async (_, image, distributor, bytes) => {
    const request = buildRequest({
      distributor,
      inlineScript: ['echo hi'],
      vmSize: 'Standard_D4s_v5',
      ...(image.osType === 'Windows' ? { runElevated: true, runAsSystem: true, windowsUpdate: true } : {}),
    })
    const template = imageTemplate(request, findings(image), buildArtifact({ bytes }), '1.2.3')
    const check = await (validator ??= templateValidator(schemas ?? ''))
    expect(check('t_1_ab', JSON.parse(JSON.stringify(template)))).toEqual([])
  })
})
