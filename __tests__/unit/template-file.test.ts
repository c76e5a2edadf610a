/** `template-file`: what may stand in it, what of it counts, and how its mistakes are told. */
import { describe, expect, test } from '@jest/globals'
import { readInputs } from '../../src/inputs.ts'
import { DEFINITION_ID, IDENTITY_ID, problemsOf, SUBSCRIPTION } from '../support/factories.ts'
import { bodyOf, FILE_ALONE, placesOf, rawOf, requestOf } from '../support/template-body.ts'

type Inputs = Record<string, string>
type Mistakes = [shows: string, file: unknown, mistakes: string[]][]

const TYPE = 'Microsoft.VirtualMachineImages/imageTemplates'
const SOURCE = {
  type: 'PlatformImage',
  publisher: 'Debian',
  offer: 'debian-12',
  sku: '12-gen2',
  version: 'latest',
}
const GALLERY = { type: 'SharedImage', runOutputName: 'of-file', galleryImageId: DEFINITION_ID }
/** A body that needs no input. */
const BODY = {
  location: 'North Europe',
  identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY_ID]: {} } },
  properties: { source: SOURCE, distribute: [GALLERY] },
}
const RESOURCE = { type: TYPE, apiVersion: '2024-02-01', name: 'web', ...BODY }
const withProperties = (fields: object): object => ({
  ...BODY,
  properties: { ...BODY.properties, ...fields },
})
const SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
const deployment = (resources: object[], rest: object = {}): object => ({
  $schema: SCHEMA,
  contentVersion: '1.0.0.0',
  ...rest,
  resources,
})

/** The problems with a file that is all there is. */
const mistakesIn = (file: unknown, inputs: Inputs = {}): string[] =>
  problemsOf(() => requestOf({ ...FILE_ALONE, ...inputs }, { file }))

describe('taken is', () => {
  const expected = {
    location: 'northeurope',
    'identity.userAssignedIdentities': { [IDENTITY_ID]: {} },
    'properties.source.offer': 'debian-12',
    'properties.customize': [],
    'properties.distribute[].runOutputName': ['of-file'],
  }
  const text = JSON.stringify(BODY)

  test.each<[string, unknown]>([
    ['a body', BODY],
    ['a single resource', RESOURCE],
    [
      'a deployment template with other resources beside',
      deployment([{ type: 'Microsoft.Storage/storageAccounts', name: 'a' }, RESOURCE]),
    ],
    [
      'a deployment template of languageVersion 2.0',
      { $schema: SCHEMA, languageVersion: '2.0', resources: { it: RESOURCE } },
    ],
    ['JSON with comments', `// made by hand\n{ /* where */ ${text.slice(1)}`],
    ['JSON with trailing commas', text.replace(/\}\}$/, ',},}')],
    ['JSON with the byte order mark that Windows writes', `\ufeff${text}`],
    [
      'a template that was read from Azure, without what the service filled in',
      {
        ...RESOURCE,
        id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/builds/providers/${TYPE}/web`,
        etag: 'a',
        systemData: { createdBy: 'somebody' },
        identity: {
          ...BODY.identity,
          userAssignedIdentities: { [IDENTITY_ID]: { principalId: 'a', clientId: 'b' } },
        },
        properties: {
          ...BODY.properties,
          source: { ...SOURCE, exactVersion: '12.0.1' },
          provisioningState: 'Succeeded',
          provisioningError: null,
          lastRunStatus: { runState: 'Succeeded' },
          exactStagingResourceGroup: 'IT_builds_web',
        },
      },
    ],
  ])('%s', (_, file) => {
    const body = bodyOf(FILE_ALONE, { file })
    expect(placesOf(body, Object.keys(expected))).toEqual(expected)
    expect(Object.keys(body).sort()).toEqual(['identity', 'location', 'properties', 'tags'])
    expect(Object.keys(body.properties).sort()).toEqual([
      'buildTimeoutInMinutes',
      'customize',
      'distribute',
      'source',
    ])
  })

  test('a parameter by its default, and functions of ARM that need no Azure', () => {
    const file = deployment(
      [
        {
          ...RESOURCE,
          location: "[parameters('where')]",
          properties: {
            source: { ...SOURCE, sku: "[concat(variables('number'), '-gen2')]" },
            distribute: [GALLERY],
          },
        },
      ],
      { parameters: { where: { type: 'string', defaultValue: 'West US' } }, variables: { number: '13' } },
    )
    expect(bodyOf(FILE_ALONE, { file })).toMatchObject({
      location: 'westus',
      properties: { source: { sku: '13-gen2' } },
    })
  })

  test('a text in brackets as it is, in a body: it has no expressions', () => {
    const customize = [{ type: 'Shell', inline: ['[ -d /opt ]'] }]
    expect(bodyOf(FILE_ALONE, { file: withProperties({ customize }) }).properties.customize).toEqual(
      customize,
    )
  })
})

describe('refused is', () => {
  const only = (message: string): string[] => [`template-file: ${message}`]
  const EXPECTED = 'give an imageTemplates body, or a deployment template with one'
  const NO_TEMPLATE: Mistakes = [
    ['nothing', '', only('is not JSON: line 1, column 1: value expected.')],
    [
      'what is no JSON, with its place',
      '{\n  "location": westus\n}',
      only('is not JSON: line 2, column 15: invalid symbol.'),
    ],
    [
      'JSON that ends early',
      '{"properties": {',
      only('is not JSON: line 1, column 17: close brace expected.'),
    ],
    ['a list', [BODY], only(`the file holds no JSON object: ${EXPECTED}.`)],
    [
      'an object of something else',
      { name: 'a' },
      only(`the file has neither properties nor resources: ${EXPECTED}.`),
    ],
    [
      'a resource of another type',
      { type: 'Microsoft.Compute/images', properties: {} },
      only(`the file holds a Microsoft.Compute/images: ${EXPECTED}.`),
    ],
    [
      'parameters',
      { $schema: SCHEMA.replace('Template', 'Parameters'), parameters: {} },
      only(`the file holds parameters alone: ${EXPECTED}.`),
    ],
    [
      'no image template',
      deployment([{ type: 'Microsoft.Compute/images' }]),
      only('the file has no image template, only Microsoft.Compute/images.'),
    ],
    [
      'two image templates',
      deployment([RESOURCE, { ...RESOURCE, name: 'app' }]),
      only("the file has 2 image templates, 'web', 'app': keep one."),
    ],
  ]
  const IN_A_TEMPLATE: Mistakes = [
    [
      'an expression that only Azure can resolve',
      deployment([
        { ...RESOURCE, properties: { ...BODY.properties, stagingResourceGroup: "[reference('a').id]" } },
      ]),
      only(
        "properties.stagingResourceGroup: [reference('a').id] cannot be resolved: reference() is known to Azure alone, while it deploys: write the value, or set the input that overrides the field.",
      ),
    ],
    [
      'every expression that cannot be resolved',
      deployment(
        [
          {
            ...RESOURCE,
            location: "[parameters('wher')]",
            properties: { customize: [{ type: 'Shell', inline: ["[parameters('line')]"] }] },
          },
        ],
        { parameters: { where: { type: 'string', defaultValue: 'a' }, line: { type: 'string' } } },
      ),
      [
        ...only(
          "location: [parameters('wher')] cannot be resolved: there is no parameter 'wher'. Did you mean 'where'?",
        ),
        ...only(
          "properties.customize[0].inline[0]: [parameters('line')] cannot be resolved: parameter 'line' has no defaultValue: give it one in the file.",
        ),
      ],
    ],
    [
      'placeholders, each once, but not what only looks like them in a script or a tag',
      {
        location: '<region>',
        identity: { type: 'UserAssigned', userAssignedIdentities: { '<imgBuilderId>': {} } },
        properties: {
          source: SOURCE,
          customize: [{ type: 'Shell', inline: ['sort <words >sorted'] }],
          managedResourceTags: { a: '<b>' },
          distribute: [
            { ...GALLERY, runOutputName: '<name of the run>', targetRegions: [{ name: '<region>' }] },
          ],
        },
      },
      only('holds placeholders that nobody has filled in: <region>, <imgBuilderId>, <name of the run>.'),
    ],
    [
      'a field that the service does not know',
      withProperties({ vmProfil: {} }),
      only(
        "properties.vmProfil: unknown field; known: source, customize, distribute, optimize, validate, errorHandling, buildTimeoutInMinutes, vmProfile, additionalDataDisks, stagingResourceGroup, autoRun, managedResourceTags. Did you mean 'vmProfile'?",
      ),
    ],
    [
      'mistakes in several places',
      withProperties({ customize: [{ type: 'Shel' }], validate: { inVMValidations: [{ type: 'Shell' }] } }),
      [
        ...only(
          "properties.customize[0].type: 'Shel' is not one of Shell, PowerShell, File, WindowsRestart, WindowsUpdate. Did you mean 'Shell'?",
        ),
        ...only('properties.validate.inVMValidations[0]: needs either inline or scriptUri.'),
      ],
    ],
    [
      'a source by a wrong ID',
      withProperties({ source: { type: 'ManagedImage', imageId: IDENTITY_ID } }),
      only(
        `properties.source.imageId: '${IDENTITY_ID}' is the ID of a managed identity; give that of a managed image or gallery image version or gallery image definition.`,
      ),
    ],
    [
      'a target by a wrong ID',
      withProperties({
        distribute: [
          { type: 'VHD', runOutputName: 'a' },
          { ...GALLERY, galleryImageId: IDENTITY_ID },
        ],
      }),
      only(
        `properties.distribute[1].galleryImageId: '${IDENTITY_ID}' is the ID of a managed identity; give that of a gallery image definition or gallery image version.`,
      ),
    ],
    [
      'two targets of one name',
      withProperties({ distribute: [GALLERY, { type: 'VHD', runOutputName: 'of-file' }] }),
      only(
        "properties.distribute[1].runOutputName: 'of-file' stands there twice; each distributor needs a name of its own.",
      ),
    ],
    [
      'two identities',
      {
        ...BODY,
        identity: {
          type: 'UserAssigned',
          userAssignedIdentities: { [IDENTITY_ID]: {}, [`${IDENTITY_ID}2`]: {} },
        },
      },
      only('identity: a template has exactly one user-assigned identity; or give managed-identity.'),
    ],
    [
      'a timeout that breaks the build',
      withProperties({ buildTimeoutInMinutes: 5 }),
      only(
        "properties.buildTimeoutInMinutes: '5' is not allowed; use 0 (the service default of 240) or 6 to 960; 1 to 5 break the build.",
      ),
    ],
    [
      'a subnet by a wrong ID, with its place',
      withProperties({ vmProfile: { vnetConfig: { subnetId: 'default' } } }),
      only(
        "properties.vmProfile.vnetConfig.subnetId: 'default' is not the resource ID of a subnet: /subscriptions/…/providers/Microsoft.Network/virtualNetworks/<name>/subnets/<name>.",
      ),
    ],
  ]

  test.each([...NO_TEMPLATE, ...IN_A_TEMPLATE])('%s', (_, file, expected) => {
    expect(mistakesIn(file)).toEqual(expected)
  })

  test('names of identities, groups and sizes that inputs would not take either', () => {
    const file = withProperties({
      vmProfile: { vmSize: 'large', userAssignedIdentities: ['a b'] },
      stagingResourceGroup: 'staging',
    })
    expect(mistakesIn(file)).toEqual([
      expect.stringMatching(/^template-file: properties\.vmProfile\.vmSize: 'large' /),
      expect.stringMatching(/^template-file: properties\.vmProfile\.userAssignedIdentities\[0\]: 'a b' /),
      expect.stringMatching(/^template-file: properties\.stagingResourceGroup: 'staging' /),
    ])
  })

  test('a file that does not exist', () => {
    const raw = { ...rawOf({ ...FILE_ALONE, 'template-file': 'a.json' }), exists: () => false }
    expect(problemsOf(() => readInputs(raw))).toEqual([
      expect.stringMatching(/^template-file: 'a\.json' does not exist; looked for .*a\.json\.$/),
    ])
  })

  test('a folder', () => {
    const readFile = (): string => {
      throw new Error('EISDIR: illegal operation on a directory, read')
    }
    const raw = { ...rawOf({ ...FILE_ALONE, 'template-file': 'templates' }), readFile }
    expect(problemsOf(() => readInputs(raw))).toEqual([
      expect.stringMatching(/^template-file: 'templates' .*EISDIR/),
    ])
  })
})

describe('what inputs override is not even looked at:', () => {
  const broken = "[reference('nowhere')]"

  test('expressions that only Azure can resolve', () => {
    const file = deployment([
      { ...RESOURCE, location: broken, identity: broken, properties: { ...BODY.properties, source: broken } },
    ])
    expect(mistakesIn(file)).toHaveLength(3)
    const body = bodyOf(
      { ...FILE_ALONE, location: 'westus2', 'managed-identity': IDENTITY_ID, 'source-image': 'Ubuntu2404' },
      { file },
    )
    expect(body).toMatchObject({ location: 'westus2', properties: { source: { publisher: 'Canonical' } } })
  })

  test('placeholders and identities', () => {
    const identities = { '<one>': {}, '<two>': {} }
    const file = {
      ...BODY,
      location: '<region>',
      identity: { userAssignedIdentities: identities },
      properties: { distribute: [GALLERY], source: { type: '<kind>' } },
    }
    const inputs = { location: 'westus2', 'managed-identity': IDENTITY_ID, 'source-image': 'Ubuntu2404' }
    expect(bodyOf({ ...FILE_ALONE, ...inputs }, { file }).location).toBe('westus2')
  })

  test('a timeout', () => {
    const file = withProperties({ buildTimeoutInMinutes: 5 })
    const body = bodyOf({ ...FILE_ALONE, 'build-timeout-in-minutes': '60' }, { file })
    expect(body.properties.buildTimeoutInMinutes).toBe(60)
  })
})

describe('a file that cannot be used', () => {
  const NO_JSON = 'template-file: is not JSON: line 1, column 2: close brace expected.'

  test.each<[string, Inputs]>([
    ['location, identity, source or target', {}],
    ['a subnet for what goes with it', { 'proxy-vm-size': 'Standard_A1_v2' }],
    ['validators for what goes with them', { 'continue-distribute-on-failure': 'true' }],
    [
      'a target for what goes with it',
      { 'replication-regions': 'eastus', distributors: '[{type: VHD, runOutputName: a}]' },
    ],
    ['an ID for the kind of target', { 'distribute-type': 'gallery' }],
  ])('does not make the inputs look as if they lacked %s', (_, inputs) => {
    expect(mistakesIn('{', inputs)).toEqual([NO_JSON])
  })

  test('does not hide mistakes that have nothing to do with it', () => {
    const inputs = { 'vm-size': 'large', 'build-path': '.', 'storage-account': '' }
    expect(mistakesIn('{', inputs).sort()).toEqual([
      "storage-account: is required for the build artifact; give it, or set build-path: '' to build without one.",
      NO_JSON,
      "vm-size: 'large' is no VM size; use a name such as Standard_D2ds_v5.",
    ])
  })
})

test('a file that leaves out what no input gives: that is required', () => {
  expect(mistakesIn({ properties: {} })).toEqual([
    'location: is required and was not given.',
    'source-image: is required and was not given.',
    'managed-identity: is required and was not given.',
    'distribute-type: says where the image goes; give gallery-image-id or managed-image-id, or distribute-type: vhd.',
  ])
})
