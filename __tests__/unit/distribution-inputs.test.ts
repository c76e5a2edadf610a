import { describe, expect, test } from '@jest/globals'
import { readDistributions } from '../../src/distribution-inputs.ts'
import type { Distribution, GalleryDistributor } from '../../src/distributors.ts'
import { InputReader } from '../../src/input-reader.ts'
import { placed } from '../../src/template-file.ts'
import type { Distributor } from '../../src/template-schema.ts'
import {
  DEFINITION_ID,
  furtherDistributor,
  galleryDistributor,
  MANAGED_IMAGE_ID,
  rawInputs,
  VERSION_ID,
} from '../support/factories.ts'

type Given = Record<string, string>

/** Where the image goes; a build in `westus2`. `file` are the distributors of a template file. */
function read(given: Given, file: Distributor[] = []): { all: Distribution[]; problems: string[] } {
  const reader = new InputReader(rawInputs({ 'gallery-image-id': '', ...given }))
  const all = readDistributions(reader, 'westus2', placed(file, 'distribute'))
  return { all, problems: reader.problems.map(({ input, message }) => `${input}: ${message}`) }
}
const bodies = (given: Given, file?: Distributor[]): { bodies: Distributor[]; problems: string[] } => {
  const { all, problems } = read(given, file)
  return { bodies: all.map(({ body }) => body), problems }
}

const managedImage: Distributor = {
  type: 'ManagedImage',
  runOutputName: 'ManagedImage_distribute',
  imageId: MANAGED_IMAGE_ID,
  location: 'westus2',
}
const gallery = (overrides: Partial<GalleryDistributor> = {}): Distributor =>
  galleryDistributor(overrides).body
const GALLERY = { 'gallery-image-id': DEFINITION_ID }

describe('one target', () => {
  test.each<[string, Given, Distributor]>([
    ['inferred: a managed image', { 'managed-image-id': MANAGED_IMAGE_ID }, managedImage],
    ['inferred: a gallery', GALLERY, gallery()],
    [
      'inferred: a VHD',
      { 'vhd-uri': 'https://a.blob.core.windows.net/vhds/web.vhd' },
      {
        type: 'VHD',
        runOutputName: 'VHD_distribute',
        uri: 'https://a.blob.core.windows.net/vhds/web.vhd',
      },
    ],
    [
      'said: a managed image',
      { 'distribute-type': 'Managed-Image', 'managed-image-id': MANAGED_IMAGE_ID },
      managedImage,
    ],
    ['said: a gallery', { 'distribute-type': 'gallery', ...GALLERY }, gallery()],
    ['said: a VHD', { 'distribute-type': 'VHD' }, { type: 'VHD', runOutputName: 'VHD_distribute' }],
    [
      'one gallery image version',
      { 'gallery-image-id': VERSION_ID },
      gallery({ galleryImageId: VERSION_ID }),
    ],
    [
      'an ID in other letters and with a slash at its end',
      { 'gallery-image-id': `${DEFINITION_ID.toUpperCase()}/` },
      gallery({ galleryImageId: DEFINITION_ID.toUpperCase() }),
    ],
    [
      'another region for the managed image',
      { 'managed-image-id': MANAGED_IMAGE_ID, 'managed-image-location': 'North Europe' },
      { ...managedImage, location: 'northeurope' },
    ],
    [
      'a run output of its own name',
      { 'distribute-type': 'vhd', 'run-output-name': 'my-vhd_1.0' },
      { type: 'VHD', runOutputName: 'my-vhd_1.0' },
    ],
    ['kept from latest', { ...GALLERY, 'exclude-from-latest': 'true' }, gallery({ excludeFromLatest: true })],
    ['shallow', { ...GALLERY, 'replication-mode': 'Shallow' }, gallery({ replicationMode: 'Shallow' })],
    ['full', { ...GALLERY, 'replication-mode': 'full' }, gallery({ replicationMode: 'Full' })],
    [
      'numbered like the source',
      { ...GALLERY, 'versioning-scheme': 'Source' },
      gallery({ versioning: { scheme: 'Source' } }),
    ],
    [
      'numbered after the highest',
      { ...GALLERY, 'versioning-scheme': 'latest' },
      gallery({ versioning: { scheme: 'Latest' } }),
    ],
    [
      'numbered within a major version',
      { ...GALLERY, 'versioning-scheme': 'latest', 'versioning-major': '0' },
      gallery({ versioning: { scheme: 'Latest', major: 0 } }),
    ],
  ])('%s', (_, given, body) => {
    expect(bodies(given)).toEqual({ bodies: [body], problems: [] })
  })

  test('knows the inputs that its fields came from', () => {
    expect(read(GALLERY).all).toEqual([galleryDistributor()])
  })
})

describe('mistakes', () => {
  test.each<[string, Given, string[]]>([
    [
      'nothing said',
      {},
      [
        'distribute-type: says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
      ],
    ],
    [
      'two IDs',
      { ...GALLERY, 'managed-image-id': MANAGED_IMAGE_ID },
      [
        'distribute-type: is needed to choose between managed-image-id and gallery-image-id; or put one into distributors.',
      ],
    ],
    [
      'an ID that contradicts the type',
      { 'distribute-type': 'gallery', ...GALLERY, 'managed-image-id': MANAGED_IMAGE_ID },
      ['managed-image-id: has no meaning with distribute-type: gallery; it belongs to managed-image.'],
    ],
    [
      'fields of a gallery for a managed image',
      {
        'managed-image-id': MANAGED_IMAGE_ID,
        'replication-regions': 'westus2',
        'versioning-scheme': 'latest',
        'versioning-major': '1',
        'exclude-from-latest': 'true',
        'replication-mode': 'full',
      },
      [
        'replication-regions',
        'versioning-scheme',
        'versioning-major',
        'exclude-from-latest',
        'replication-mode',
      ].map(
        (input) => `${input}: has no meaning with distribute-type: managed-image; it belongs to gallery.`,
      ),
    ],
    [
      'a location of a managed image for a gallery',
      { ...GALLERY, 'managed-image-location': 'westus2' },
      ['managed-image-location: has no meaning with distribute-type: gallery; it belongs to managed-image.'],
    ],
    [
      'a VHD with an ID',
      { 'distribute-type': 'vhd', ...GALLERY },
      ['gallery-image-id: has no meaning with distribute-type: vhd; it belongs to gallery.'],
    ],
    [
      'a gallery with the URI of a VHD',
      { 'distribute-type': 'gallery', ...GALLERY, 'vhd-uri': 'https://x/y.vhd' },
      ['vhd-uri: has no meaning with distribute-type: gallery; it belongs to vhd.'],
    ],
    [
      'a type without its ID',
      { 'distribute-type': 'managed-image' },
      ['managed-image-id: is required and was not given.'],
    ],
    [
      'an unknown type',
      { 'distribute-type': 'managedimage', 'managed-image-id': MANAGED_IMAGE_ID },
      [
        "distribute-type: 'managedimage' is not one of managed-image, gallery, vhd. Did you mean 'managed-image'?",
      ],
    ],
    [
      'an ID of another kind',
      { 'managed-image-id': DEFINITION_ID },
      [
        `managed-image-id: '${DEFINITION_ID}' is the ID of a gallery image definition; give that of a managed image.`,
      ],
    ],
    [
      'a version that is none',
      { 'gallery-image-id': `${DEFINITION_ID}/versions/1.2` },
      ["gallery-image-id: '1.2' is no version of a gallery image: use x.y.z, or none to have it numbered."],
    ],
    [
      'a version, and how to number it',
      { 'gallery-image-id': VERSION_ID, 'versioning-scheme': 'latest' },
      ['versioning-scheme: has no meaning with a version of its own, 1.2.3.'],
    ],
    [
      'a URI that is none',
      { 'vhd-uri': 'vhds/web.vhd' },
      ["vhd-uri: 'vhds/web.vhd' is not an https:// URL."],
    ],
    [
      'an unknown scheme',
      { ...GALLERY, 'versioning-scheme': 'lastest' },
      ["versioning-scheme: 'lastest' is not one of latest, source. Did you mean 'latest'?"],
    ],
    [
      'a major version without a scheme',
      { ...GALLERY, 'versioning-major': '1' },
      ['versioning-major: needs versioning-scheme: latest.'],
    ],
    [
      "a major version of the source's own",
      { ...GALLERY, 'versioning-scheme': 'source', 'versioning-major': '1' },
      ['versioning-major: needs versioning-scheme: latest.'],
    ],
    [
      'a negative major version',
      { ...GALLERY, 'versioning-scheme': 'latest', 'versioning-major': '-1' },
      ["versioning-major: '-1' is not allowed; use a whole number from 0 on."],
    ],
    [
      'an unknown mode',
      { ...GALLERY, 'replication-mode': 'thin' },
      ["replication-mode: 'thin' is not one of full, shallow."],
    ],
    [
      'a run output whose name is too long',
      { 'distribute-type': 'vhd', 'run-output-name': 'x'.repeat(65) },
      [`run-output-name: '${'x'.repeat(65)}' is not 1 to 64 letters, digits, '-', '_' or '.'.`],
    ],
  ])('%s', (_, given, problems) => {
    expect(read(given).problems).toEqual(problems)
  })
})

describe('replication regions', () => {
  const regions = (text: string): ReturnType<typeof bodies> =>
    bodies({ ...GALLERY, 'replication-regions': text })

  test.each<[string, string, GalleryDistributor['targetRegions']]>([
    ['the build region by default', '', [{ name: 'westus2' }]],
    ['comma separated', 'westus2, West Europe', [{ name: 'westus2' }, { name: 'westeurope' }]],
    ['one a line', 'westus2\r\n\n  eastus\n', [{ name: 'westus2' }, { name: 'eastus' }]],
    ['with replicas', 'westus2=3', [{ name: 'westus2', replicaCount: 3 }]],
    ['with the most replicas', 'westus2 = 100', [{ name: 'westus2', replicaCount: 100 }]],
    [
      'with replicas and storage type',
      'westus2=2:premium_lrs',
      [{ name: 'westus2', replicaCount: 2, storageAccountType: 'Premium_LRS' }],
    ],
  ])('%s', (_, text, targetRegions) => {
    expect(regions(text)).toEqual({ bodies: [gallery({ targetRegions })], problems: [] })
  })

  const FORM =
    'is not region, region=replicas or region=replicas:storage-account-type, with 1 to 100 replicas.'
  test.each([
    ['no replicas', 'westus2=0', `'westus2=0' ${FORM}`],
    ['too many replicas', 'westus2=101', `'westus2=101' ${FORM}`],
    ['replicas that are no number', 'westus2=many', `'westus2=many' ${FORM}`],
    ['no region', '=2', `'=2' ${FORM}`],
    ['too many parts', 'westus2=1:Standard_LRS:x', `'westus2=1:Standard_LRS:x' ${FORM}`],
    [
      'an unknown storage type',
      'westus2=1:Standard_LSR',
      "'Standard_LSR' is not one of Standard_LRS, Standard_ZRS, Premium_LRS. Did you mean 'Standard_LRS'?",
    ],
    ['a region twice, spelled in two ways', 'westus2, West US 2', "'westus2' stands there twice."],
  ])('mistake: %s', (_, text, message) => {
    expect(regions(text).problems).toEqual([`replication-regions: ${message}`])
  })
})

describe('several targets', () => {
  const vhd: Distributor = { type: 'VHD', runOutputName: 'disk' }
  const VHD = JSON.stringify([vhd])

  test('those of distributors come after that of the inputs', () => {
    expect(read({ ...GALLERY, distributors: VHD })).toEqual({
      all: [galleryDistributor(), furtherDistributor(vhd)],
      problems: [],
    })
  })

  test('distributors alone are enough', () => {
    expect(read({ distributors: VHD })).toEqual({ all: [furtherDistributor(vhd)], problems: [] })
  })

  test('spelling is tidied there, too', () => {
    const given = `
      - type: sharedimage
        runOutputName: a
        galleryImageId: ${DEFINITION_ID}/
        targetRegions: [{name: West US 2, replicaCount: 2}]
      - type: ManagedImage
        runOutputName: b
        imageId: ${MANAGED_IMAGE_ID}/
        location: North Europe`
    expect(bodies({ distributors: given })).toEqual({
      bodies: [
        gallery({ runOutputName: 'a', targetRegions: [{ name: 'westus2', replicaCount: 2 }] }),
        { ...managedImage, runOutputName: 'b', location: 'northeurope' },
      ],
      problems: [],
    })
  })

  test.each<[string, Given, string[]]>([
    [
      'the same run output twice',
      {
        'distribute-type': 'vhd',
        distributors: JSON.stringify([{ ...vhd, runOutputName: 'VHD_distribute' }]),
      },
      [
        "distributors: [0].runOutputName: 'VHD_distribute' stands there twice; each distributor needs a name of its own.",
      ],
    ],
    [
      'an ID of another kind',
      { distributors: JSON.stringify([vhd, { ...gallery(), galleryImageId: MANAGED_IMAGE_ID }]) },
      [
        `distributors: [1].galleryImageId: '${MANAGED_IMAGE_ID}' is the ID of a managed image; give that of a gallery image definition or gallery image version.`,
      ],
    ],
    [
      'a version that is none, with a slash at its end',
      { distributors: JSON.stringify([{ ...gallery(), galleryImageId: `${DEFINITION_ID}/versions/new/` }]) },
      [
        "distributors: [0].galleryImageId: 'new' is no version of a gallery image: use x.y.z, or none to have it numbered.",
      ],
    ],
    [
      'inputs of a target that is not there',
      { distributors: VHD, 'managed-image-location': 'westus2' },
      ['managed-image-location: has no meaning without a target of its own; it belongs to managed-image.'],
    ],
    [
      'a name for a run output that is not there',
      { distributors: VHD, 'run-output-name': 'mine' },
      ['run-output-name: has no meaning without a target of its own.'],
    ],
    [
      'a field that does not exist',
      { distributors: JSON.stringify([{ ...vhd, url: 'https://x/y' }]) },
      [
        "distributors: [0].url: unknown field; known: type, runOutputName, artifactTags, uri. Did you mean 'uri'?",
      ],
    ],
  ])('mistake: %s', (_, given, problems) => {
    expect(read(given).problems).toEqual(problems)
  })
})

describe('over a template file', () => {
  const file = gallery({
    runOutputName: 'file',
    artifactTags: { tier: 'front' },
    excludeFromLatest: true,
    versioning: { scheme: 'Latest', major: 2 },
    targetRegions: [{ name: 'eastus' }],
  })
  const rest: Distributor = {
    type: 'SharedImage',
    runOutputName: 'file',
    galleryImageId: DEFINITION_ID,
    artifactTags: { tier: 'front' },
  }
  const other: Distributor = { type: 'VHD', runOutputName: 'disk' }
  const OTHER_DEFINITION = DEFINITION_ID.replace('/web', '/api')

  test('without inputs the file says it all', () => {
    expect(read({}, [file, other])).toEqual({
      all: [file, other].map((body, index) => ({
        body,
        place: { input: 'template-file', path: `properties.distribute[${index}]` },
        inputs: {},
      })),
      problems: [],
    })
  })

  test.each<[string, Given, Distributor[]]>([
    [
      'fields of the first one of the same kind',
      { 'gallery-image-id': OTHER_DEFINITION, 'versioning-scheme': 'source', 'run-output-name': 'mine' },
      [
        {
          ...file,
          galleryImageId: OTHER_DEFINITION,
          versioning: { scheme: 'Source' },
          runOutputName: 'mine',
        } as Distributor,
        other,
      ],
    ],
    [
      'its regions',
      { 'replication-regions': 'westus2=2' },
      [{ ...file, targetRegions: [{ name: 'westus2', replicaCount: 2 }] } as Distributor, other],
    ],
    ['the first one, when of another kind', { 'managed-image-id': MANAGED_IMAGE_ID }, [managedImage, other]],
    [
      'nothing of it: further ones come last',
      { distributors: JSON.stringify([{ ...other, runOutputName: 'more' }]) },
      [file, other, { ...other, runOutputName: 'more' }],
    ],
  ])('inputs replace %s', (_, given, expected) => {
    expect(bodies(given, [file, other])).toEqual({ bodies: expected, problems: [] })
  })

  test('regions replace those of the older form', () => {
    const old: Distributor = { ...rest, replicationRegions: ['East US'], storageAccountType: 'Standard_ZRS' }
    expect(bodies({}, [old]).bodies).toEqual([{ ...old, replicationRegions: ['eastus'] }])
    expect(bodies({ 'replication-regions': 'westus2' }, [old])).toEqual({
      bodies: [{ ...rest, targetRegions: [{ name: 'westus2' }] }],
      problems: [],
    })
  })

  test('a gallery without regions gets the build region', () => {
    expect(bodies({}, [rest]).bodies).toEqual([{ ...rest, targetRegions: [{ name: 'westus2' }] }])
  })

  test('a mistake is told where it was written', () => {
    const wrong = { ...file, galleryImageId: `${DEFINITION_ID}/versions/new` } as Distributor
    expect(read({}, [wrong]).problems).toEqual([
      "template-file: properties.distribute[0].galleryImageId: 'new' is no version of a gallery image: use x.y.z, or none to have it numbered.",
      'template-file: properties.distribute[0].versioning: has no meaning with a version of its own, new.',
    ])
    expect(read({ 'gallery-image-id': MANAGED_IMAGE_ID }, [file]).problems).toEqual([
      `gallery-image-id: '${MANAGED_IMAGE_ID}' is the ID of a managed image; give that of a gallery image definition or gallery image version.`,
    ])
  })
})
