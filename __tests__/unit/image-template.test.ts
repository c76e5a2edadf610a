import { describe, expect, test } from '@jest/globals'
import { templateValidator } from '../../scripts/check-schema.ts'
import type { Distribution } from '../../src/distributors.ts'
import {
  imageTemplate,
  isOwnTag,
  nameOfSource,
  printableTemplate,
  sourceBody,
} from '../../src/image-template.ts'
import { namingLines } from '../../src/shell-script.ts'
import { redactSignatures } from '../../src/signed-urls.ts'
import type { SourceImage } from '../../src/source-image.ts'
import type { Validator } from '../../src/template-schema.ts'
import {
  artifactRequest,
  buildArtifact,
  buildRequest,
  customization,
  DEFINITION_ID,
  findings,
  furtherDistributor,
  galleryDistributor,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  marketplaceImage,
  SIGNATURE,
  VERSION_ID,
} from '../support/factories.ts'

const MARKS = { version: '1.2.3' }

test('every tag that it gives to images by itself is known as its own, and no other', () => {
  const marks = { ...MARKS, buildKey: 'a'.repeat(64), startedAt: 0, parts: { 'build-parts-1': 'names' } }
  const request = buildRequest({ distributions: [galleryDistributor()], imageTags: { mine: '1' } })
  const [target] = imageTemplate(request, findings(), buildArtifact(), marks).properties.distribute
  const names = Object.keys(target?.artifactTags ?? {})
  expect(names.length).toBeGreaterThan(7)
  expect(names.filter((name) => !isOwnTag(name))).toEqual(['mine'])
})

test('a marketplace image to a gallery, whole', () => {
  const request = buildRequest({
    customization: customization({ inlineScript: ['sudo apt-get install -y nginx'] }),
    settings: { vmProfile: { vmSize: 'Standard_D4s_v5' }, buildTimeoutInMinutes: 90 },
    distributions: [galleryDistributor({ targetRegions: [{ name: 'westus2', replicaCount: 2 }] })],
  })
  const artifact = buildArtifact()
  expect(imageTemplate(request, findings(), artifact, MARKS)).toEqual({
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
        {
          type: 'Shell',
          name: 'aib-action: inline script',
          inline: namingLines(['sudo apt-get install -y nginx'], 'inline-script'),
        },
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
            'artifact-sha256': artifact.sha256,
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
  const { properties } = imageTemplate(buildRequest(), findings(), undefined, MARKS)
  expect(Object.keys(properties).sort()).toEqual([
    'buildTimeoutInMinutes',
    'customize',
    'distribute',
    'source',
  ])
  expect(properties.customize).toEqual([])
})

test('settings arrive as they are', () => {
  const settings = {
    buildTimeoutInMinutes: 0,
    optimize: { vmBoot: { state: 'Enabled' } },
    errorHandling: { onCustomizerError: 'abort' },
    stagingResourceGroup: '/subscriptions/s/resourceGroups/g',
    autoRun: { state: 'Enabled' },
    managedResourceTags: { a: '1' },
    additionalDataDisks: [{ sizeGB: 8 }],
  } as const
  const request = buildRequest({ settings: { ...settings, additionalDataDisks: [{ sizeGB: 8 }] } })
  expect(imageTemplate(request, findings(), undefined, MARKS).properties).toMatchObject(settings)
})

test('Windows gets PowerShell and updates', () => {
  const image = marketplaceImage({ osType: 'Windows' })
  const asked = { inlineScript: ['Get-Date'], runElevated: true, runAsSystem: true, windowsUpdate: true }
  const request = buildRequest({ customization: customization(asked) })
  const { customize } = imageTemplate(request, findings(image), undefined, MARKS).properties
  expect(customize).toEqual([
    expect.objectContaining({ type: 'PowerShell', runElevated: true, runAsSystem: true }),
    expect.objectContaining({ type: 'WindowsUpdate' }),
  ])
})

test('the artifact goes last of all, when it is not to stay', () => {
  const request = buildRequest({
    artifact: artifactRequest({ remove: true }),
    customization: customization({ inlineScript: ['true'] }),
  })
  const { customize } = imageTemplate(request, findings(), buildArtifact(), MARKS).properties
  expect(customize.map(({ name }) => name)).toEqual([
    'aib-action: copy the build artifact',
    'aib-action: unpack web-app',
    'aib-action: inline script',
    'aib-action: remove web-app',
  ])
})

describe('validators', () => {
  const own: Validator = { type: 'File', sourceUri: 'https://x/y', destination: '/tmp/y' }
  const script = {
    type: 'Shell',
    name: 'aib-action: validation script',
    inline: namingLines(['nginx -t'], 'validation-script'),
  }
  test.each([
    ['none', [], undefined, undefined],
    ['the script', ['nginx -t'], undefined, { inVMValidations: [script] }],
    [
      "the file's own, then the script",
      ['nginx -t'],
      { sourceValidationOnly: true, inVMValidations: [own] },
      { sourceValidationOnly: true, inVMValidations: [own, script] },
    ],
    ["the file's own alone", [], { inVMValidations: [own] }, { inVMValidations: [own] }],
  ])('%s', (_, validationScript, validate, expected) => {
    const request = buildRequest({
      settings: { buildTimeoutInMinutes: 240, ...(validate ? { validate } : {}) },
      customization: customization({ validationScript }),
    })
    expect(imageTemplate(request, findings(), undefined, MARKS).properties.validate).toEqual(expected)
  })
})

describe('tags', () => {
  const OURS = {
    repository: 'contoso/web-app',
    commit: '0123456789abcdef0123456789abcdef01234567',
    'workflow-run-url': 'https://github.com/contoso/web-app/actions/runs/4711',
    'source-version': 'Canonical:ubuntu-24_04-lts:server:24.04.202609010',
  }
  const tagsOf = (request: Parameters<typeof buildRequest>[0], marks: object = {}): [object, unknown[]] => {
    const { tags, properties } = imageTemplate(buildRequest(request), findings(), undefined, {
      ...MARKS,
      ...marks,
    })
    return [tags, properties.distribute.map(({ artifactTags }) => artifactTags)]
  }

  test('of the image: those of a distributor, of the inputs and of the run, the later ones over the earlier', () => {
    const artifactTags = { own: '1', tier: 'own', commit: 'own' }
    const request = {
      imageTags: { tier: 'input', commit: 'input' },
      distributions: [
        galleryDistributor(),
        furtherDistributor({ type: 'VHD', runOutputName: 'v', artifactTags }),
      ],
    }
    expect(tagsOf(request)[1]).toEqual([
      { tier: 'input', ...OURS },
      { own: '1', tier: 'input', ...OURS },
    ])
  })

  test("of the template: the user's, then those that lead back to the run", () => {
    expect(tagsOf({ templateTags: { owner: 'web', 'run-id': 'mine' } })[0]).toEqual({
      owner: 'web',
      'aib-action': '1.2.3',
      repository: 'contoso/web-app',
      'run-id': '4711',
      'run-attempt': '2',
    })
  })

  test('of both: the build key, when there is one', () => {
    const [template, images] = tagsOf({}, { buildKey: 'ab12' })
    expect(template).toMatchObject({ 'build-key': 'ab12' })
    expect(images).toEqual([{ ...OURS, 'build-key': 'ab12' }])
  })

  test('no two differ in letter case alone: to Azure they would be one', () => {
    const mine = { Repository: 'mine', COMMIT: 'mine' }
    const [template, [image]] = tagsOf({ templateTags: mine, imageTags: mine })
    for (const tags of [template, image as object]) {
      const names = Object.keys(tags).map((name) => name.toLowerCase())
      expect(names).toEqual([...new Set(names)])
    }
    expect(image).toMatchObject({ repository: OURS.repository, commit: OURS.commit })
  })
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
    expect(nameOfSource(image)).toBe(name)
  })

  test("a tag holds 256 characters: the end of the source's ID", () => {
    const id = VERSION_ID.replace('/gallery/', `/${'g'.repeat(80)}/`).replace('/web/', `/${'d'.repeat(80)}/`)
    const image: SourceImage = { kind: 'gallery-version', id, osType: 'Linux' }
    const { distribute } = imageTemplate(buildRequest(), findings(image), undefined, MARKS).properties
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
    ['Linux, copied', 'Linux', 'file'],
    ['Linux, downloaded', 'Linux', 'download'],
    ['Windows, copied', 'Windows', 'file'],
    ['Windows, downloaded', 'Windows', 'download'],
  ] as const)(
    'a printable template holds no signature, and is JSON with the rest as it was: %s',
    (_, osType, transfer) => {
      const request = buildRequest({
        customization: customization({
          inlineScript: [`curl "${url}" -o x`, `$a = '${url}'`, `$b = 'https://a/b?x=ü&sig=${SIGNATURE}'`],
        }),
      })
      const artifact = buildArtifact({ transfer, folder: `it's "odd"` })
      const template = imageTemplate(request, findings(marketplaceImage({ osType })), artifact, MARKS)
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
  const targets: [string, Distribution][] = [
    [
      'gallery',
      galleryDistributor({
        targetRegions: [
          { name: 'westus2', replicaCount: 2, storageAccountType: 'Premium_LRS' },
          { name: 'eastus' },
        ],
        versioning: { scheme: 'Latest', major: 1 },
        excludeFromLatest: true,
        replicationMode: 'Shallow',
      }),
    ],
    [
      'managed image',
      furtherDistributor({
        type: 'ManagedImage',
        runOutputName: 'm',
        imageId: MANAGED_IMAGE_ID,
        location: 'westus2',
      }),
    ],
    ['VHD', furtherDistributor({ type: 'VHD', runOutputName: 'v' })],
  ]
  const cases = images.flatMap(([from, image]) =>
    targets.flatMap(([to, distribution]) =>
      (['file', 'download'] as const).map(
        (transfer) => [`${from} to ${to} by ${transfer}`, image, distribution, transfer] as const,
      ),
    ),
  )

  let validator: ReturnType<typeof templateValidator> | undefined
  test.each(cases)('%s', async (_, image, distribution, transfer) => {
    const windows = { runElevated: true, runAsSystem: true, windowsRestart: true, windowsUpdate: true }
    const request = buildRequest({
      distributions: [distribution],
      artifact: artifactRequest({ remove: true }),
      customization: customization({
        inlineScript: ['echo hi'],
        validationScript: ['echo ho'],
        ...(image.osType === 'Windows' ? windows : {}),
      }),
    })
    const artifact = buildArtifact({ transfer })
    const template = imageTemplate(request, findings(image), artifact, { ...MARKS, buildKey: 'ab12' })
    const check = await (validator ??= templateValidator(schemas ?? ''))
    expect(check('t_1_ab', JSON.parse(JSON.stringify(template)))).toEqual([])
  })
})
