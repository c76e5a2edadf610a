/** All inputs together; what each group of them means is told in the tests of its own file. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { InputError } from '../../src/errors.ts'
import { readInputs, wantsSummary } from '../../src/inputs.ts'
import { REQUEST_BYTES, WARNINGS } from '../../src/preflight.ts'
import {
  ACCOUNT_ID,
  buildRequest,
  CLIENT,
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  newBuild,
  OWN_IDENTITY_ID,
  problemsOf,
  rawInputs,
  WORKSPACE,
  type RawWorld,
} from '../support/factories.ts'

type Given = Record<string, string>

const problems = (given: Given, world?: RawWorld): string[] =>
  problemsOf(() => readInputs(rawInputs(given, world)))

const { inputs } = parse(readFileSync(path.join(import.meta.dirname, '..', '..', 'action.yml'), 'utf8')) as {
  inputs: Record<string, { default?: string }>
}

test('a small valid build takes the defaults of action.yml', () => {
  expect(newBuild()).toEqual(buildRequest())
})

test('a name of a template is kept', () => {
  expect(newBuild({ 'template-name': 'Base_1.0-x' }).templateName).toBe('Base_1.0-x')
  expect(newBuild()).not.toHaveProperty('templateName')
})

describe('mistakes', () => {
  test('are all reported at once, each with name, value, what is allowed and the nearest value', () => {
    const given = {
      'client-id': 'my-app',
      'tenant-id': '',
      'subscription-id': '',
      environment: 'AzureClowd',
      'resource-manager-endpoint': 'http://localhost',
      'resource-group': 'ends.in.dot.',
      location: '',
      'managed-identity': 'a b',
      'storage-account': 'Has-Capitals',
      'source-image': 'Canonical:ubuntu',
      'source-plan': 'just-a-name',
      provisioner: 'powershel',
      'artifact-transfer': 'downlod',
      'run-as-system': 'true',
      'windows-update': 'yes',
      'gallery-image-id': MANAGED_IMAGE_ID,
      'image-tags': 'owner',
      'run-output-name': 'no spaces',
      'build-timeout-in-minutes': '5',
      'template-name': 'a/b',
      cleanup: 'onsuccess',
      'poll-interval-seconds': '0',
      'log-artifact-name': 'log: build',
      'ignore-warnings': 'small-wm',
    }
    expect(new Set(problems(given))).toEqual(
      new Set([
        "client-id: 'my-app' is not a GUID such as 00000000-0000-0000-0000-000000000000.",
        'tenant-id: is required with client-id; give it, or set AZURE_TENANT_ID.',
        'subscription-id: is required; give it, or set AZURE_SUBSCRIPTION_ID.',
        "environment: 'AzureClowd' is not one of AzureCloud, AzureUSGovernment, AzureChinaCloud. Did you mean 'AzureCloud'?",
        "resource-manager-endpoint: 'http://localhost' is not an https:// URL.",
        "resource-group: 'ends.in.dot.' is not a valid name: 1 to 90 letters, digits, '_', '-', '.', '(' or ')', not ending in '.'.",
        'location: is required and was not given.',
        "managed-identity: 'a b' is not a valid name: 3 to 128 letters, digits, '-' or '_'.",
        "storage-account: 'Has-Capitals' is not a valid name: 3 to 24 lower-case letters or digits.",
        "source-image: 'Canonical:ubuntu' is not an image; use Publisher:Offer:Sku[:Version], an alias such as Ubuntu2404, or the resource ID of a managed image, a gallery image version or a gallery image definition.",
        "source-plan: 'just-a-name' is not PlanName:PlanProduct:PlanPublisher.",
        "provisioner: 'powershel' is not one of auto, shell, powershell. Did you mean 'powershell'?",
        "artifact-transfer: 'downlod' is not one of auto, file, download. Did you mean 'download'?",
        "run-as-system: 'true' needs run-elevated: true as well.",
        "windows-update: 'yes' is not one of true, false.",
        `gallery-image-id: '${MANAGED_IMAGE_ID}' is the ID of a managed image; give that of a gallery image definition or gallery image version.`,
        "image-tags: 'owner' is not key=value.",
        "run-output-name: 'no spaces' is not 1 to 64 letters, digits, '-', '_' or '.'.",
        "build-timeout-in-minutes: '5' is not allowed; use 0 (the service default of 240) or 6 to 960; 1 to 5 break the build.",
        "template-name: 'a/b' is not 1 to 64 letters, digits, '-', '_' or '.'.",
        "cleanup: 'onsuccess' is not one of on-success, always, never. Did you mean 'on-success'?",
        "poll-interval-seconds: '0' is not allowed; use 1 to 600.",
        `log-artifact-name: 'log: build' holds ":", which no artifact's name may hold.`,
        `ignore-warnings: 'small-wm' is not one of ${Object.keys(WARNINGS).join(', ')}. Did you mean 'small-vm'?`,
      ]),
    )
  })

  test('are one failure that says that nothing was created', () => {
    expect(() => newBuild({ cleanup: 'x', 'vm-size': '', location: '' })).toThrow(
      new InputError([
        { input: 'cleanup', message: "'x' is not one of on-success, always, never." },
        { input: 'location', message: 'is required and was not given.' },
      ]),
    )
  })

  test.each(['subscription-id', 'resource-group', 'location', 'managed-identity', 'source-image'])(
    '%s is required, and blanks are no value',
    (input) => {
      const found = problems({ [input]: ' \n ' })
      expect(found).toHaveLength(1)
      expect(found[0]).toMatch(new RegExp(`^${input}: is required`))
    },
  )

  const switches = Object.keys(inputs).filter((name) =>
    ['true', 'false'].includes(inputs[name]?.default ?? ''),
  )
  test.each(switches)('%s is true or false, in any letter case', (name) => {
    expect(problems({ [name]: 'yes' })).toContain(`${name}: 'yes' is not one of true, false.`)
    const preset = inputs[name]?.default ?? ''
    expect(newBuild({ [name]: preset.toUpperCase() })).toEqual(newBuild())
  })
})

describe('where it builds', () => {
  test.each(['westus2', 'West US 2', 'WESTUS2', 'west-us-2', '  West  US 2 '])('location %j', (location) => {
    expect(newBuild({ location }).location).toBe('westus2')
  })

  test.each([
    ['a name in the resource group', 'builder', OWN_IDENTITY_ID],
    ['an ID', IDENTITY_ID, IDENTITY_ID],
    ['an ID in capitals', IDENTITY_ID.toUpperCase(), IDENTITY_ID.toUpperCase()],
    ['an ID with a slash at its end', `${IDENTITY_ID}/`, IDENTITY_ID],
  ])('managed identity: %s', (_, given, id) => {
    expect(newBuild({ 'managed-identity': given }).managedIdentity).toBe(id)
  })

  test.each([
    [
      'the ID of something else',
      ACCOUNT_ID,
      'is the ID of a storage account; give that of a managed identity.',
    ],
    [
      'half an ID',
      '/subscriptions/x',
      'is not the resource ID of a managed identity: /subscriptions/…/providers/Microsoft.ManagedIdentity/userAssignedIdentities/<name>.',
    ],
    ['two letters', 'ab', "is not a valid name: 3 to 128 letters, digits, '-' or '_'."],
    ['an underscore in front', '_abc', "is not a valid name: 3 to 128 letters, digits, '-' or '_'."],
    ['129 letters', 'a'.repeat(129), "is not a valid name: 3 to 128 letters, digits, '-' or '_'."],
  ])('managed identity, not: %s', (_, given, message) => {
    expect(problems({ 'managed-identity': given })).toEqual([`managed-identity: '${given}' ${message}`])
  })
})

describe('build path', () => {
  test.each([
    ['the workspace by default', '.', WORKSPACE],
    ['a folder of it', 'dist/app', `${WORKSPACE}/dist/app`],
    ['a folder beside it', '../other', '/home/runner/work/web-app/other'],
    ['an absolute path', '/opt/app/', '/opt/app'],
  ])('%s', (_, given, absolute) => {
    expect(newBuild({ 'build-path': given }).artifact?.path).toBe(path.resolve(absolute))
  })

  test('that does not exist is a mistake', () => {
    expect(problems({ 'build-path': 'dist' }, { exists: () => false })).toEqual([
      `build-path: 'dist' does not exist; looked for ${path.resolve(WORKSPACE, 'dist')}.`,
    ])
  })

  test('an empty one means no artifact, and no storage account', () => {
    const request = newBuild({ 'build-path': '', 'storage-account': '' }, { exists: () => false })
    expect(request).not.toHaveProperty('artifact')
  })
})

describe('behaviour', () => {
  test('every switch and choice arrives', () => {
    const given = {
      wait: 'FALSE',
      'dry-run': 'true',
      'register-providers': 'true',
      'skip-unchanged': 'true',
      resume: 'false',
      cleanup: 'Never',
      'poll-interval-seconds': '600',
      'follow-log': 'false',
      'keep-log': 'true',
      'log-artifact-name': 'log of <template name>',
      'ignore-warnings': 'Small-VM, short-timeout\nlarge-file',
      'template-tags': 'owner=web',
      'image-tags': 'tier=front',
    }
    expect(newBuild(given)).toEqual(
      buildRequest({
        wait: false,
        dryRun: true,
        registerProviders: true,
        skipUnchanged: true,
        resume: false,
        cleanup: 'never',
        pollIntervalSeconds: 600,
        log: { follow: false, keep: true, artifactName: 'log of <template name>' },
        ignoreWarnings: ['small-vm', 'short-timeout', 'large-file'],
        templateTags: { owner: 'web' },
        imageTags: { tier: 'front' },
      }),
    )
  })

  test('an emptied name of the log means none', () => {
    expect(newBuild({ 'log-artifact-name': '' }).log.artifactName).toBe('')
  })

  test.each(['"', ':', '<', '>', '|', '*', '?', '\\', '/'])('no log is called a%sb', (mark) => {
    expect(problems({ 'log-artifact-name': `a${mark}b` })).toEqual([
      `log-artifact-name: 'a${mark}b' holds ${JSON.stringify(mark)}, which no artifact's name may hold.`,
    ])
  })

  test.each(['0', '601', '1.5', 'x'])('poll interval %s is a mistake', (seconds) => {
    expect(problems({ 'poll-interval-seconds': seconds })).toEqual([
      `poll-interval-seconds: '${seconds}' is not allowed; use 1 to 600.`,
    ])
  })

  test.each([
    ['', true],
    ['true', true],
    ['False', false],
  ])('summary %j: %s', (summary, wanted) => {
    expect(wantsSummary(rawInputs({ summary }))).toBe(wanted)
  })
})

describe('validating', () => {
  test.each(['continue-distribute-on-failure', 'source-validation-only'])(
    '%s needs something that validates',
    (input) => {
      expect(problems({ [input]: 'true' })).toEqual([
        `${input}: needs something that validates: give validation-script.`,
      ])
      expect(newBuild({ [input]: 'true', 'validation-script': 'true' }).settings.validate).toBeDefined()
    },
  )

  test('what validates its source alone takes no artifact', () => {
    const given = { 'source-validation-only': 'true', 'validation-script': 'true', 'storage-account': '' }
    expect(newBuild(given)).not.toHaveProperty('artifact')
  })

  test('what validates its source alone needs no target', () => {
    const given = { 'source-validation-only': 'true', 'validation-script': 'true', 'gallery-image-id': '' }
    expect(newBuild(given).distributions).toEqual([])
    expect(newBuild({ ...given, 'gallery-image-id': DEFINITION_ID }).distributions).toHaveLength(1)
    expect(problems({ ...given, 'source-validation-only': '' })).toEqual([
      'distribute-type: says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
    ])
  })
})

test.each(['inline-script', 'validation-script'])('%s must fit into a template', (input) => {
  const line = 'ü'.repeat(REQUEST_BYTES / 2)
  expect(newBuild({ [input]: line })).toBeDefined()
  expect(problems({ [input]: `${line}x` })).toEqual([
    `${input}: has ${REQUEST_BYTES + 1} bytes; a template has room for ${REQUEST_BYTES}. Put long scripts into a file of build-path and call them.`,
  ])
})

describe('a template file', () => {
  const identity = { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY_ID]: {} } }
  const body = {
    location: 'West Europe',
    identity,
    properties: { source: { type: 'ManagedImage', imageId: MANAGED_IMAGE_ID }, distribute: [] },
  }
  const NOTHING = { location: '', 'managed-identity': '', 'source-image': '' }
  const given = { ...NOTHING, 'template-file': 'image.json' }
  const file = (template: object): RawWorld => ({ files: { 'image.json': JSON.stringify(template) } })

  test('brings location, identity and source', () => {
    expect(newBuild(given, file(body))).toMatchObject({
      location: 'westeurope',
      managedIdentity: IDENTITY_ID,
      source: {
        image: { kind: 'managed-image', id: MANAGED_IMAGE_ID },
        place: { input: 'template-file', path: 'properties.source' },
      },
    })
  })

  test('gives way to the inputs', () => {
    const ours = { location: 'westus2', 'managed-identity': 'builder', 'source-image': DEFINITION_ID }
    expect(newBuild({ ...given, ...ours }, file(body))).toMatchObject({
      location: 'westus2',
      managedIdentity: OWN_IDENTITY_ID,
      source: { image: { kind: 'gallery-definition', id: DEFINITION_ID }, place: { input: 'source-image' } },
    })
  })

  test('is not even looked at where inputs go over it', () => {
    const nonsense = { location: 7, identity: { managed: 'yes' }, properties: { source: 'the best' } }
    const ours = { location: 'westus2', 'managed-identity': 'builder', 'source-image': DEFINITION_ID }
    const target = { 'gallery-image-id': DEFINITION_ID }
    expect(newBuild({ ...given, ...ours, ...target }, file(nonsense)).location).toBe('westus2')
    expect(problems({ ...given, ...target }, file(nonsense)).length).toBeGreaterThan(0)
  })

  test('keeps its tags beside those of the inputs', () => {
    const template = { ...body, tags: { owner: 'file', tier: 'front' } }
    expect(newBuild({ ...given, 'template-tags': 'owner=input' }, file(template)).templateTags).toEqual({
      owner: 'input',
      tier: 'front',
    })
  })

  test('without them leaves them required', () => {
    expect(problems(given, file({ properties: { distribute: [] } }))).toEqual([
      'location: is required and was not given.',
      'source-image: is required and was not given.',
      'managed-identity: is required and was not given.',
    ])
  })

  test.each([
    ['no identity', {}],
    ['two identities', { [IDENTITY_ID]: {}, [OWN_IDENTITY_ID]: {} }],
  ])('with %s is a mistake', (_, userAssignedIdentities) => {
    const template = { ...body, identity: { ...identity, userAssignedIdentities } }
    expect(problems(given, file(template))).toEqual([
      'template-file: identity: a template has exactly one user-assigned identity; or give managed-identity.',
    ])
  })

  test('with the ID of something else as its identity is a mistake', () => {
    const template = { ...body, identity: { ...identity, userAssignedIdentities: { [ACCOUNT_ID]: {} } } }
    expect(problems(given, file(template))).toEqual([
      expect.stringMatching(
        /^template-file: .*is the ID of a storage account; give that of a managed identity/,
      ),
    ])
  })

  test('that does not exist is the one mistake: what is missing may stand in it', () => {
    expect(problems({ ...given, 'build-path': '' }, { exists: () => false })).toEqual([
      `template-file: 'image.json' does not exist; looked for ${path.resolve(WORKSPACE, 'image.json')}.`,
    ])
  })

  test('that is there but cannot be read, such as a folder, is a mistake like any other', () => {
    expect(problems({ ...given, cleanup: 'x' }, { files: {} })).toEqual([
      expect.stringMatching(/^cleanup: /),
      expect.stringMatching(/^template-file: 'image\.json' /),
    ])
  })

  test('takes its place beside mistakes in the inputs', () => {
    expect(
      problems({ ...given, 'client-id': CLIENT, cleanup: 'x' }, { files: { 'image.json': '{' } }),
    ).toEqual([expect.stringMatching(/^cleanup: /), expect.stringMatching(/^template-file: is not JSON: /)])
  })
})
