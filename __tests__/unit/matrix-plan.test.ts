import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse, stringify } from 'yaml'
import { InputError } from '../../src/errors.ts'
import { INPUT_NAMES } from '../../src/input-names.ts'
import { EXPLICIT, planMatrix, planOutputs, type Leg } from '../../src/matrix/matrix-plan.ts'
import { DEFINITION_ID, MANAGED_IMAGE_ID, problemsOf, rawInputs, WORKSPACE } from '../support/factories.ts'
import type { RawWorld } from '../support/factories.ts'

const action = parse(readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')) as {
  inputs: Record<string, { default?: string }>
}

/** What all images of a plan that works have. */
const DEFAULTS = stringify({
  'resource-group': 'builds',
  'managed-identity': 'builder',
  'storage-account': 'artifacts',
  'source-image': 'Canonical:ubuntu-24_04-lts:server',
  'gallery-image-id': DEFINITION_ID,
})

type Given = Partial<Record<'images' | 'locations' | 'defaults' | 'check-files', string>>

function plan(given: Given, world?: RawWorld): Leg[] {
  return planMatrix(rawInputs({ defaults: DEFAULTS, ...given }, world))
}
const names = (given: Given): string[] => plan(given).map(({ name }) => name)
const problems = (given: Given, world?: RawWorld): string[] => problemsOf(() => plan(given, world))

/** The leg of one image `web` in eastus, written as YAML below its name. */
function leg(yaml: string, given: Given = {}): Leg {
  const indented = yaml.replaceAll(/^/gm, '  ')
  const [only, ...more] = plan({ images: `- name: web\n${indented}`, locations: 'eastus', ...given })
  if (!only || more.length > 0) throw new Error('not one leg')
  return only
}

describe('legs', () => {
  test('are images × locations, in their order, each with the inputs of its image over the defaults', () => {
    const images = `
      - name: web
        vm-size: Standard_D4s_v5
      - name: db
        source-image: Canonical:ubuntu-24_04-lts:server-arm64`
    const legs = plan({ images, locations: 'West US 2, eastus' })
    expect(legs.map(({ name }) => name)).toEqual(['web-westus2', 'web-eastus', 'db-westus2', 'db-eastus'])
    expect(legs[0]).toEqual({
      name: 'web-westus2',
      image: 'web',
      location: 'westus2',
      'vm-size': 'Standard_D4s_v5',
      'build-path': '.',
      'log-artifact-name': 'customization-log-<template name>',
      ...(parse(DEFAULTS) as object),
    })
    expect(legs[3]).toMatchObject({ image: 'db', 'source-image': 'Canonical:ubuntu-24_04-lts:server-arm64' })
  })

  test('are the same from JSON', () => {
    const images = [{ name: 'web', locations: ['eastus'], 'windows-update': false, 'os-disk-size-gb': 64 }]
    const json = { images: JSON.stringify(images), defaults: JSON.stringify(parse(DEFAULTS)) }
    expect(plan(json)).toEqual(plan({ images: stringify(images) }))
  })

  test.each<[what: string, given: Given, expected: string[]]>([
    [
      'for all',
      { images: '- name: a\n- name: b', locations: 'eastus\nwestus2' },
      ['a-eastus', 'a-westus2', 'b-eastus', 'b-westus2'],
    ],
    [
      'of the image, as a list',
      { images: '- {name: a, locations: [East US, westus2]}', locations: 'centralus' },
      ['a-eastus', 'a-westus2'],
    ],
    [
      'of the image, as text',
      { images: '- {name: a, locations: "eastus, westus2"}' },
      ['a-eastus', 'a-westus2'],
    ],
    ['one of the image', { images: '- {name: a, location: East US}', locations: 'centralus' }, ['a-eastus']],
    ['one of the defaults', { images: '- name: a', defaults: `${DEFAULTS}location: eastus` }, ['a-eastus']],
    [
      'for all rather than of the defaults',
      { images: '- name: a', locations: 'westus2', defaults: `${DEFAULTS}location: eastus` },
      ['a-westus2'],
    ],
  ])('have the locations %s', (_, given, expected) => {
    expect(names(given)).toEqual(expected)
  })

  test.each([
    ['template-file: image.json', { 'template-file': 'image.json' }],
    ['{existing-template: true, template-name: nightly}', { 'template-name': 'nightly' }],
  ])('have none where the template brings it: %s', (defaults, expected) => {
    const [only] = plan({
      images: '- name: a',
      defaults: `${defaults.replace(/\}$/, ', ')}${defaults.startsWith('{') ? 'resource-group: builds}' : '\nresource-group: builds\nstorage-account: artifacts'}`,
    })
    expect(only).toMatchObject({ name: 'a', image: 'a', ...expected })
    expect(only).not.toHaveProperty('location')
  })

  test.each([
    ['a version with a zero at its end', 'source-image-version: 1.10', 'source-image-version', '1.10'],
    [
      'a number with a zero before it',
      'versioning-scheme: latest\nversioning-major: 01',
      'versioning-major',
      '01',
    ],
    ['a boolean', 'windows-update: False', 'windows-update', 'False'],
    ['a date', 'image-tags: 2026-01-02=x', 'image-tags', '2026-01-02=x'],
    [
      'a text of several lines',
      'inline-script: |\n  set -e\n  echo {location}',
      'inline-script',
      'set -e\necho {location}',
    ],
    ['what looks like an octal number', 'template-name: 0o17', 'template-name', '0o17'],
  ])('have values as they are written: %s', (_, yaml, input, expected) => {
    expect(leg(yaml)[input]?.trimEnd()).toBe(expected)
  })

  test('have lists of customizers and distributors as JSON, with their types', () => {
    const yaml = 'customizers:\n  - {type: PowerShell, name: "{image}", inline: [exit], runElevated: true}'
    const { customizers = '', 'runs-on': runner } = leg(`${yaml}\nruns-on: [self-hosted, linux]`)
    expect(JSON.parse(customizers)).toEqual([
      { type: 'PowerShell', name: '{image}', inline: ['exit'], runElevated: true },
    ])
    expect(runner).toBe('["self-hosted","linux"]')
  })

  test.each([
    ['an input', 'template-name: t-{image}-{location}', 'template-name', 't-web-eastus'],
    [
      'a list of distributors',
      `distributors: [{type: VHD, runOutputName: "{location}"}]`,
      'distributors',
      '[{"type":"VHD","runOutputName":"eastus"}]',
    ],
    ['not a script', 'inline-script: echo {image}', 'inline-script', 'echo {image}'],
    ['not what is a variable of something else', 'image-tags: a=${image}', 'image-tags', 'a=${image}'],
    ['not other braces', 'image-tags: a={stage}', 'image-tags', 'a={stage}'],
  ])('have placeholders replaced: %s', (_, yaml, input, expected) => {
    expect(leg(yaml)[input]).toBe(expected)
  })

  test('always have what is none when it is empty, and nothing else that is empty', () => {
    const given = leg('build-path: ""\nlog-artifact-name:\nvm-size: ~\nstorage-account: ""')
    expect(given).toMatchObject({ 'build-path': '', 'log-artifact-name': '' })
    expect(Object.keys(given)).not.toContain('vm-size')
    expect(Object.keys(given)).not.toContain('storage-account')
  })
})

test('the values that every leg has are the defaults of action.yml', () => {
  const preset = Object.keys(EXPLICIT).map((name) => [name, action.inputs[name]?.default])
  expect(EXPLICIT).toEqual(Object.fromEntries(preset))
})

test('the names of the inputs are those of action.yml, in their order', () => {
  expect(INPUT_NAMES).toEqual(Object.keys(action.inputs))
})

describe('mistakes', () => {
  test.each<[what: string, given: Given, problem: string]>([
    ['no image', { images: '' }, 'images: is required and was not given.'],
    ['an empty list', { images: '[]' }, 'images: is an empty list; give at least one image.'],
    [
      'no list',
      { images: 'name: web' },
      'images: is not a list; give a list of mappings, each with a `name`.',
    ],
    [
      'no YAML',
      { images: '- name: [' },
      'images: is neither YAML nor JSON: Flow sequence in block collection must be sufficiently indented and end with a ] at line 1, column 10.',
    ],
    [
      'an image that is a text',
      { images: '- web' },
      'images: [0]: is not a mapping; give `name` and inputs of the action.',
    ],
    ['no name', { images: '- vm-size: x' }, 'images: [0]: has no `name`.'],
    [
      'a name with a dot',
      { images: '- name: web.1' },
      "images: [0]: 'web.1' is no name: 1 to 64 letters, digits, '-' or '_', the first a letter or digit.",
    ],
    [
      'a name that is too long',
      { images: `- name: ${'a'.repeat(65)}` },
      `images: [0]: '${'a'.repeat(65)}' is no name: 1 to 64 letters, digits, '-' or '_', the first a letter or digit.`,
    ],
    [
      'a name that is a list',
      { images: '- name: [web]' },
      "images: [0]: a list or mapping is no name: 1 to 64 letters, digits, '-' or '_', the first a letter or digit.",
    ],
    [
      'the same name',
      { images: '- name: web\n- name: web' },
      'images: [1] (web): another image has that name, letter case apart.',
    ],
    [
      'the same name in other letters',
      { images: '- name: web\n- name: Web' },
      'images: [1] (Web): another image has that name, letter case apart.',
    ],
    [
      'an input that is misspelt',
      { images: '- {name: web, vmsize: x}' },
      "images: [0] (web): 'vmsize' is no input of the action. Did you mean 'vm-size'?",
    ],
    [
      'an input that only the workflow gives',
      { images: '- {name: web, record-artifact-name: x}' },
      'images: [0] (web): record-artifact-name: is given by the workflow, so that the record is found again.',
    ],
    [
      'a list where a text is meant',
      { images: '- {name: web, exclude: [a, b]}' },
      'images: [0] (web): exclude: is a list; give a text.',
    ],
    [
      'a mapping where a text is meant',
      { images: '- {name: web, image-tags: {a: b}}' },
      'images: [0] (web): image-tags: is a mapping; give a text.',
    ],
    [
      'a mapping of customizers',
      { images: '- {name: web, customizers: {type: Shell}}' },
      'images: [0] (web): customizers: is a mapping; give a text.',
    ],
    [
      'no region',
      { images: '- {name: web, locations: []}' },
      'images: [0] (web): locations: names no region.',
    ],
    [
      'regions that are none',
      { images: '- {name: web, locations: [{a: b}]}' },
      'images: [0] (web): locations: is not a list of regions.',
    ],
    [
      'a region with a dot',
      { images: '- name: web', locations: 'east.us' },
      "locations: 'east.us' is no region such as westus2 or West US 2.",
    ],
    [
      'several regions where one is meant',
      { images: '- {name: web, location: "eastus,westus2"}' },
      "images: [0] (web): location: 'eastus,westus2' is no region such as westus2 or West US 2.",
    ],
    [
      'location and locations',
      { images: '- {name: web, location: eastus, locations: westus2}' },
      'images: [0] (web): has `location` and `locations`; give one of them.',
    ],
    [
      'a region twice',
      { images: '- name: web', locations: 'eastus, East US' },
      'images: two builds would be called web-eastus.',
    ],
    [
      'defaults that are a list',
      { images: '- name: web', defaults: '- a' },
      'defaults: is not a mapping of inputs of the action.',
    ],
    [
      'a name in the defaults',
      { images: '- name: web', defaults: 'name: web' },
      'defaults: name: every image has its own.',
    ],
    [
      'locations in the defaults',
      { images: '- name: web', defaults: 'locations: eastus' },
      'defaults: locations: is an input of its own here.',
    ],
    [
      'a misspelt default',
      { images: '- name: web', defaults: 'resource-grup: builds' },
      "defaults: 'resource-grup' is no input of the action. Did you mean 'resource-group'?",
    ],
    [
      'a misspelt placeholder',
      { images: '- {name: web, template-name: "t-{locaton}"}' },
      "images: [0] (web): template-name: '{locaton}' is not known. Did you mean '{location}'?",
    ],
    [
      'a placeholder in other letters',
      { images: '- {name: web, image-tags: "a={Image}"}' },
      "images: [0] (web): image-tags: '{Image}' is not known. Did you mean '{image}'?",
    ],
    [
      'a word of no set',
      { images: '- name: web', 'check-files': 'yes' },
      "check-files: 'yes' is not one of true, false.",
    ],
  ])('%s', (_, given, problem) => {
    expect(problems({ locations: 'eastus', ...given })).toEqual([problem])
  })

  test('no location anywhere', () => {
    expect(problems({ images: '- name: web' })).toEqual([
      'images: [0] (web): has no location; give `locations`, or `location` here or in defaults.',
    ])
  })

  test('a location where none is known', () => {
    const images = '- {name: web, template-file: "{location}.json"}'
    expect(problems({ images })).toContain(
      "images: [0] (web): template-file: there is no location that '{location}' could be.",
    )
  })

  test('of all images and of their legs are told at once, those of several legs once', () => {
    const images = `
      - {name: web, vm-size: [x]}
      - {name: db, cleanup: sometimes}
      - {name: api, cleanup: sometimes, versioning-major: x}`
    const found = problems({ images, locations: 'eastus, westus2' })
    expect(found[0]).toBe('images: [0] (web): vm-size: is a list; give a text.')
    expect(found).toContain(
      "legs db-eastus, db-westus2, api-eastus and 1 more: cleanup: 'sometimes' is not one of on-success, always, never.",
    )
    expect(found.filter((one) => one.startsWith('legs api-eastus, api-westus2: versioning-'))).not.toEqual([])
    expect(found.filter((one) => one.includes('web-'))).toEqual([])
  })

  test('what the main action requires is required of every leg', () => {
    const found = problems({ images: '- {name: web, location: eastus}', defaults: '' })
    const inputs = found.map((one) => /^leg web-eastus: ([\w-]+): /.exec(one)?.[1])
    expect(inputs).toEqual([
      'resource-group',
      'source-image',
      'storage-account',
      'managed-identity',
      'distribute-type',
    ])
  })
})

describe('what the environment of the builds may have is not asked of the plan', () => {
  test.each([
    ['nothing', ''],
    ['an application without its tenant', 'client-id: 00000000-0000-0000-0000-000000000001'],
  ])('%s', (_, yaml) => {
    expect(leg(yaml || 'vm-size: Standard_D4s_v5')).not.toHaveProperty('subscription-id')
  })

  test('but what is given is checked', () => {
    expect(problems({ images: '- {name: web, location: eastus, subscription-id: mine}' })).toEqual([
      "leg web-eastus: subscription-id: 'mine' is not a GUID such as 00000000-0000-0000-0000-000000000000.",
    ])
  })
})

describe('two legs must not write', () => {
  const other = DEFAULTS.replace(/^gallery-image-id.*\n/m, '')
  test.each([
    ['a managed image', `managed-image-id: ${MANAGED_IMAGE_ID}`, other, `managed image ${MANAGED_IMAGE_ID}`],
    [
      'a VHD',
      'vhd-uri: https://a.blob.core.windows.net/vhds/x.vhd',
      other,
      'VHD https://a.blob.core.windows.net/vhds/x.vhd',
    ],
    [
      'a version',
      `gallery-image-id: ${DEFINITION_ID}/versions/1.2.3`,
      other,
      `image version ${DEFINITION_ID}/versions/1.2.3`,
    ],
    ['a template', 'template-name: nightly', DEFAULTS, 'image template builds/nightly'],
    [
      'a template that is there',
      'existing-template: true\ntemplate-name: nightly',
      'resource-group: builds',
      'image template builds/nightly',
    ],
    ['a workflow artifact', 'log-artifact-name: log', DEFAULTS, 'workflow artifact log (log-artifact-name)'],
  ])('%s twice', (_, yaml, defaults, target) => {
    const images = `- name: web\n${yaml.replaceAll(/^/gm, '  ')}`
    expect(problems({ images, locations: 'eastus,westus2', defaults })).toEqual([
      `legs web-eastus, web-westus2: would all write the same ${target}; put {image} or {location} into its name.`,
    ])
    expect(names({ images, locations: 'eastus', defaults })).toEqual(['web-eastus'])
  })

  test('in whatever letters', () => {
    const images = `
      - {name: a, managed-image-id: ${MANAGED_IMAGE_ID}}
      - {name: b, managed-image-id: ${MANAGED_IMAGE_ID.replace('web', 'WEB')}}`
    expect(problems({ images, locations: 'eastus', defaults: other })).toHaveLength(1)
  })

  test.each([
    ['one of each', `managed-image-id: ${MANAGED_IMAGE_ID}-{location}`, other],
    ['versions that the gallery numbers', 'vm-size: Standard_D4s_v5', DEFAULTS],
    ['a log of each', 'log-artifact-name: log-<template name>', DEFAULTS],
    ['no log', 'log-artifact-name: ""', DEFAULTS],
  ])('but may write %s', (_, yaml, defaults) => {
    expect(names({ images: `- name: web\n  ${yaml}`, locations: 'eastus,westus2', defaults })).toHaveLength(2)
  })
})

describe('files', () => {
  const images = '- {name: web, location: eastus, build-path: out, template-file: image.json}'
  const nothing: RawWorld = { exists: () => false }

  test('are believed in without a checkout', () => {
    expect(plan({ images }, nothing)).toHaveLength(1)
  })

  test('are looked for where they are said to be', () => {
    expect(problems({ images, 'check-files': 'true' }, nothing)).toEqual([
      `leg web-eastus: template-file: 'image.json' does not exist; looked for ${path.resolve(WORKSPACE, 'image.json')}.`,
      `leg web-eastus: build-path: 'out' does not exist; looked for ${path.resolve(WORKSPACE, 'out')}.`,
    ])
  })

  test('are read where they are said to be', () => {
    const found = problems({ images, 'check-files': 'true' }, { files: { 'image.json': '[' } })
    expect(found).toEqual([expect.stringMatching(/^leg web-eastus: template-file: /)])
  })
})

describe('limits', () => {
  const regions = (count: number): string => Array.from({ length: count }, (_, index) => `r${index}`).join()

  test('256 jobs', () => {
    expect(names({ images: '- name: a\n- name: b', locations: regions(128) })).toHaveLength(256)
    expect(problems({ images: '- name: a\n- name: b', locations: regions(129) })).toEqual([
      'images: with their locations make 258 builds; a matrix has at most 256 jobs.',
    ])
  })

  test('1 MB of outputs', () => {
    const images = `- name: a\n  inline-script: "echo ${'x'.repeat(4000)}"`
    expect(plan({ images, locations: regions(100) })).toHaveLength(100)
    expect(problems({ images, locations: regions(110) })).toEqual([
      expect.stringMatching(/^images: make a plan of \d{6} characters; GitHub takes outputs of 1 MB/),
    ])
  })

  test('the largest plan stays below them, with its index', () => {
    const padding = 'x'.repeat(1000)
    const legs = plan({
      images: `- name: ${'a'.repeat(64)}\n  image-tags: "a=${padding.slice(0, 200)}"`,
      locations: regions(256),
    })
    const { index = '', count = '' } = planOutputs(legs)
    expect(count).toBe('256')
    // Of one input on Linux: MAX_ARG_STRLEN.
    expect(index.length).toBeLessThan(128 * 1024)
    expect(450_000 + index.length).toBeLessThan(512 * 1024)
  })
})

test('the index has what gather needs, and no more', () => {
  const legs = plan({ images: '- {name: web, location: eastus}\n- {name: own, template-file: a.json}' })
  expect(JSON.parse(planOutputs(legs)['index'] ?? '')).toEqual([
    { name: 'web-eastus', image: 'web', location: 'eastus' },
    { name: 'own', image: 'own' },
  ])
})

/** Undefined for a plan with mistakes. */
function planned(given: Given): Leg[] | undefined {
  try {
    return plan(given)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}

test('of any plan the names of the legs are unique, and nothing is passed on that the action does not know', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,8}$/)
  const region = fc.stringMatching(/^[a-z]{1,6}[0-9]?$/)
  const text = fc.string({ unit: 'grapheme', maxLength: 12 })
  const seldom = <T>(arbitrary: fc.Arbitrary<T>, usual: fc.Arbitrary<T>): fc.Arbitrary<T> =>
    fc.oneof({ weight: 1, arbitrary }, { weight: 15, arbitrary: usual })
  const image = fc.record(
    {
      name: seldom(text, name),
      locations: fc.uniqueArray(region, { minLength: 1, maxLength: 3 }),
      'image-tags': seldom(text, fc.constantFrom('a=b', '{image}={location}')),
      'inline-script': text,
      'windows-update': fc.boolean(),
      'versioning-scheme': fc.constantFrom('latest', 'source'),
    },
    { requiredKeys: ['name'] },
  )
  const misspelt = fc.tuple(image, text).map(([good, value]) => ({ ...good, 'vm-sise': value }))
  const given = fc.record({
    images: fc.array(seldom<object>(misspelt, image), { minLength: 1, maxLength: 4 }),
    locations: fc.uniqueArray(region, { minLength: 1, maxLength: 3 }),
  })
  const known = new Set<string>(['name', 'image', 'runs-on', ...INPUT_NAMES])
  let plans = 0
  fc.assert(
    fc.property(given, ({ images, locations }) => {
      const legs = planned({ images: JSON.stringify(images), locations: locations.join() })
      if (!legs) return
      plans += 1
      expect(new Set(legs.map((one) => one.name.toLowerCase())).size).toBe(legs.length)
      expect(legs.flatMap((one) => Object.keys(one)).filter((key) => !known.has(key))).toEqual([])
      expect(legs.flatMap((one) => Object.values(one)).filter((value) => typeof value !== 'string')).toEqual(
        [],
      )
      expect(legs.every((one) => one.name === `${one.image}-${one['location'] ?? ''}`)).toBe(true)
    }),
    { numRuns: 80 },
  )
  expect(plans).toBeGreaterThan(10)
})
