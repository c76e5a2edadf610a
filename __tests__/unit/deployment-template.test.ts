import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type DeploymentScope,
  findImageTemplate,
  type FoundImageTemplate,
} from '../../src/deployment-template.ts'
import { SUBSCRIPTION } from '../support/factories.ts'

const TYPE = 'Microsoft.VirtualMachineImages/imageTemplates'
const scope: DeploymentScope = {
  subscriptionId: SUBSCRIPTION,
  resourceGroup: 'images',
  resourceManager: 'https://management.azure.com',
}
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/images`
const image = (rest: object = {}): object => ({ type: TYPE, name: 'web', properties: {}, ...rest })
const deployment = (rest: object, resources: unknown = [image()]): object => ({
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  resources,
  ...rest,
})

function found(file: unknown, place = scope): FoundImageTemplate {
  const result = findImageTemplate(file, place)
  if (typeof result === 'string') throw new Error(result)
  return result
}

/** What becomes of a value of the resource, and the problems with it. */
function resolved(value: unknown, file: object = {}, place = scope): { value: unknown; problems: string[] } {
  const problems: string[] = []
  const result = found(deployment(file), place).resolve(value, 'properties.source', problems)
  return { value: result, problems }
}

describe('finds the image template', () => {
  test.each([
    ['a body of properties alone', { location: 'westus2', properties: { source: {} } }],
    ['a single resource', image()],
    ["a single resource with the type of Azure's samples", image({ type: 'Microsoft.VirtualMachineImages' })],
  ])('in %s, whose strings are all literal', (_, file) => {
    const { resource, resolve } = found(file)
    const problems: string[] = []
    expect(resource).toBe(file)
    expect(resolve(["[parameters('x')]", '[[x]'], 'tags', problems)).toEqual(["[parameters('x')]", '[[x]'])
    expect(problems).toEqual([])
  })

  const network = { type: 'Microsoft.Network/virtualNetworks', name: 'net' }
  test.each([
    ['as the only resource', {}, [image()]],
    ['among others', {}, [network, image()]],
    ['in any letter case', {}, [image({ type: TYPE.toUpperCase() })]],
    ['under a symbolic name', { languageVersion: '2.0' }, { net: network, web: image() }],
    ['with a condition that holds', {}, [image({ condition: "[equals('a', 'a')]" })]],
    ['beside one whose condition does not', {}, [image({ name: 'old', condition: false }), image()]],
    ['beside one that exists', { languageVersion: '2.0' }, { old: image({ existing: true }), web: image() }],
  ])('in a deployment template: %s', (_, rest, resources) => {
    expect(found(deployment(rest, resources)).resource).toMatchObject({ name: 'web' })
  })

  const nested = {
    type: 'Microsoft.Resources/deployments',
    name: 'inner',
    properties: { template: deployment({}) },
  }
  const EXPECTED = 'give an imageTemplates body, or a deployment template with one.'
  test.each([
    ['a list', [], `the file holds no JSON object: ${EXPECTED}`],
    ['nothing', null, `the file holds no JSON object: ${EXPECTED}`],
    ['an empty object', {}, `the file has neither properties nor resources: ${EXPECTED}`],
    [
      'another resource',
      { ...network, properties: {} },
      `the file holds a Microsoft.Network/virtualNetworks: ${EXPECTED}`,
    ],
    [
      'a file of parameters',
      { $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#' },
      `the file holds parameters alone: ${EXPECTED}`,
    ],
    [
      'a deployment template cut short',
      deployment({ resources: undefined }),
      'the file has no image template, only an empty list of resources.',
    ],
    ['no resources', deployment({}, []), 'the file has no image template, only an empty list of resources.'],
    [
      'other resources',
      deployment({}, [network, network, { type: 'Microsoft.Compute/images' }]),
      'the file has no image template, only Microsoft.Network/virtualNetworks, Microsoft.Compute/images.',
    ],
    [
      'one in a nested deployment',
      deployment({}, [nested]),
      "the file has no image template, only Microsoft.Resources/deployments. One is in the nested deployment 'inner': give that template as the file.",
    ],
    [
      'two',
      deployment({}, [image(), image({ name: "[parameters('b')]" })]),
      "the file has 2 image templates, 'web', '[parameters('b')]': keep one.",
    ],
    [
      'one with a false condition',
      deployment({}, [image({ condition: '[not(true())]' })]),
      "the file has no image template to build: the condition of image template 'web' is false.",
    ],
    [
      'one with a condition that is not known',
      deployment({}, [image({ condition: "[parameters('build')]" })]),
      "condition of image template 'web': [parameters('build')] cannot be resolved: there is no parameter 'build'.",
    ],
    [
      'one with a condition that is no condition',
      deployment({}, [image({ condition: 'yes' })]),
      "the condition of image template 'web' is neither true nor false.",
    ],
    [
      'one that exists',
      deployment({}, [image({ existing: true })]),
      "the file has no image template to build: image template 'web' is only referred to as existing.",
    ],
    [
      'one in a copy loop',
      deployment({}, [image({ copy: { name: 'loop', count: 2 } })]),
      "image template 'web' has a copy loop, and those are not supported here: write it out once.",
    ],
  ])('or says what is wrong: %s', (_, file, sentence) => {
    expect(findImageTemplate(file, scope)).toBe(sentence)
  })
})

test("Azure's sample for Windows resolves, though none of its parameters has a default", () => {
  const { resource, resolve } = found({
    $schema: 'http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    parameters: {
      imageTemplateName: { type: 'string' },
      'api-version': { type: 'string' },
      svclocation: { type: 'string' },
    },
    variables: {},
    resources: [
      {
        name: "[parameters('imageTemplateName')]",
        type: TYPE,
        apiVersion: "[parameters('api-version')]",
        location: "[parameters('svclocation')]",
        dependsOn: [],
        identity: { type: 'UserAssigned', userAssignedIdentities: { '<imgBuilderId>': {} } },
        properties: { buildTimeoutInMinutes: 100, customize: [{ type: 'WindowsUpdate', updateLimit: 40 }] },
      },
    ],
  })
  const problems: string[] = []
  expect(resolve(resource['properties'], 'properties', problems)).toEqual(resource['properties'])
  expect(resolve(resource['identity'], 'identity', problems)).toEqual(resource['identity'])
  expect(problems).toEqual([])
  resolve(resource['location'], 'location', problems)
  expect(problems).toEqual([
    "location: [parameters('svclocation')] cannot be resolved: parameter 'svclocation' has no defaultValue: give it one in the file.",
  ])
})

describe('resolves', () => {
  const file = {
    parameters: {
      publisher: { type: 'string', defaultValue: 'Canonical' },
      offer: { type: 'string', defaultValue: "[toLower(concat(parameters('publisher'), '-X'))]" },
      note: { type: 'string', defaultValue: '[[as it is]' },
      tags: { type: 'object', defaultValue: { from: "[parameters('publisher')]", list: [1, "['two']"] } },
      nothing: { type: 'string', nullable: true },
      secret: { type: 'securestring' },
    },
    variables: {
      source: { type: 'PlatformImage', publisher: "[parameters('publisher')]" },
      group: '[resourceGroup()]',
      broken: "[reference('x')]",
    },
  }
  const cases: [string, unknown, unknown][] = [
    ['a parameter', "[parameters('publisher')]", 'Canonical'],
    ['a parameter in another letter case', "[Parameters('PUBLISHER')]", 'Canonical'],
    ['a default that is an expression', "[parameters('offer')]", 'canonical-x'],
    ['a default with an escaped bracket', "[parameters('note')]", '[as it is]'],
    ['an object as default', "[parameters('tags')]", { from: 'Canonical', list: [1, 'two'] }],
    ['a property of it', "[parameters('tags').list[1]]", 'two'],
    ['a nullable parameter', "[parameters('nothing')]", null],
    ['a nested variable', "[variables('source').publisher]", 'Canonical'],
    ['a variable that is an object of Azure', "[variables('group').name]", 'images'],
    [
      'lists and objects, at any depth',
      { a: [{ b: "[variables('source')]" }], c: 1, d: null },
      { a: [{ b: { type: 'PlatformImage', publisher: 'Canonical' } }], c: 1, d: null },
    ],
    [
      'keys',
      { "[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'builder')]": {} },
      { [`${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder`]: {} },
    ],
    [
      'the ID of a child, in another group',
      "[resourceId('net', 'Microsoft.Network/virtualNetworks/subnets', 'v', 's')]",
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/s`,
    ],
    [
      'an ID in another subscription',
      "[resourceId('other', 'net', 'Microsoft.Compute/images', 'i')]",
      '/subscriptions/other/resourceGroups/net/providers/Microsoft.Compute/images/i',
    ],
    [
      'the ID of a resource of the subscription',
      "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'r')]",
      `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/r`,
    ],
    [
      'the ID of an extension',
      "[extensionResourceId(resourceGroup().id, 'Microsoft.Authorization/locks', 'l')]",
      `${GROUP}/providers/Microsoft.Authorization/locks/l`,
    ],
    ['the subscription', '[subscription().subscriptionId]', SUBSCRIPTION],
    ['its ID', '[subscription().id]', `/subscriptions/${SUBSCRIPTION}`],
    ['the resource group', '[resourceGroup().name]', 'images'],
    ['Resource Manager', '[environment().resourceManager]', 'https://management.azure.com/'],
  ]
  test.each(cases)('%s', (_, value, expected) => {
    expect(resolved(value, file)).toEqual({ value: expected, problems: [] })
  })

  test('Resource Manager with one slash at its end, however it is given', () => {
    const place = { ...scope, resourceManager: 'http://localhost:8080/' }
    expect(resolved('[environment().resourceManager]', file, place).value).toBe('http://localhost:8080/')
  })

  test('the tenant, where it is known', () => {
    const value = ['[subscription().tenantId]', '[tenant().tenantId]']
    expect(resolved(value, file, { ...scope, tenantId: 't' }).value).toEqual(['t', 't'])
  })

  test('a parameter anew for each place: nothing is shared', () => {
    const { value } = resolved({ a: "[parameters('tags')]", b: "[parameters('tags')]" }, file)
    const { a, b } = value as { a: { from: string }; b: { from: string } }
    a.from = 'changed'
    expect(b.from).toBe('Canonical')
  })

  test('any value without expressions to itself', () => {
    const text = fc.string().filter((one) => !one.startsWith('['))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.integer(),
        fc.constantFrom(true, false, null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(
          text.filter((key) => key !== 'copy'),
          tie('value'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    }))
    fc.assert(
      fc.property(value, (one) => {
        expect(resolved(one, file)).toEqual({ value: one, problems: [] })
      }),
    )
  })
})

describe('tells what cannot be resolved', () => {
  const AZURE = 'write the value, or set the input that overrides the field.'
  const file = {
    parameters: {
      sku: { type: 'string' },
      key: { type: 'secureString' },
      a: { type: 'string', defaultValue: "[parameters('b')]" },
      b: { type: 'string', defaultValue: "[concat('b', parameters('a'))]" },
    },
    variables: {
      region: { name: '[resourceGroup().location]' },
      looped: { copy: [{ name: 'list', count: 2, input: 1 }] },
      copy: [{ name: 'disks', count: 2, input: 1 }],
    },
  }
  const cases: [string, unknown, string[]][] = [
    [
      'a parameter without default',
      { sku: "[concat(parameters('sku'), '-gen2')]" },
      [
        "properties.source.sku: [concat(parameters('sku'), '-gen2')] cannot be resolved: parameter 'sku' has no defaultValue: give it one in the file.",
      ],
    ],
    [
      'a secret parameter',
      ["[parameters('key')]"],
      [
        "properties.source[0]: [parameters('key')] cannot be resolved: parameter 'key' has no defaultValue: give it one in the file.",
      ],
    ],
    [
      'an unknown parameter',
      "[parameters('skus')]",
      [
        "properties.source: [parameters('skus')] cannot be resolved: there is no parameter 'skus'. Did you mean 'sku'?",
      ],
    ],
    [
      'an unknown variable',
      "[variables('nowhere')]",
      ["properties.source: [variables('nowhere')] cannot be resolved: there is no variable 'nowhere'."],
    ],
    [
      'a circle',
      "[parameters('a')]",
      [
        "properties.source: [parameters('a')] cannot be resolved: parameters.a.defaultValue is [parameters('b')]: parameters.b.defaultValue is [concat('b', parameters('a'))]: parameter 'a' needs parameter 'b' needs parameter 'a', in a circle.",
      ],
    ],
    [
      'the region of the group, through a variable',
      "[variables('region').name]",
      [
        "properties.source: [variables('region').name] cannot be resolved: variables.region.name is [resourceGroup().location]: resourceGroup().location is known to Azure alone: use the input location or write the region.",
      ],
    ],
    [
      'the tenant, where it is not known',
      '[subscription().tenantId]',
      [
        `properties.source: [subscription().tenantId] cannot be resolved: subscription().tenantId is known to Azure alone: ${AZURE}`,
      ],
    ],
    [
      'an object that Azure alone knows whole',
      '[createArray(resourceGroup())]',
      [
        `properties.source: [createArray(resourceGroup())] cannot be resolved: resourceGroup() as a whole is known to Azure alone: ${AZURE}`,
      ],
    ],
    [
      'a variable made by a loop',
      "[variables('disks')]",
      [
        "properties.source: [variables('disks')] cannot be resolved: variable 'disks' is made by a copy loop: copy loops are not supported here: write the elements out.",
      ],
    ],
    [
      'a loop within a variable',
      "[variables('looped')]",
      [
        "properties.source: [variables('looped')] cannot be resolved: variables.looped.copy is the copy loop: copy loops are not supported here: write the elements out.",
      ],
    ],
    [
      'a loop within the resource',
      { copy: [{ name: 'customize', count: 2, input: {} }] },
      [
        'properties.source.copy: the copy loop cannot be resolved: copy loops are not supported here: write the elements out.',
      ],
    ],
    [
      'a key',
      { '[createArray()]': 1 },
      [
        'properties.source["[createArray()]"]: [createArray()] cannot be resolved: the name of a property must be text.',
      ],
    ],
    [
      'an ID with too few names',
      "[resourceId('Microsoft.Compute/galleries/images', 'g')]",
      [
        "properties.source: [resourceId('Microsoft.Compute/galleries/images', 'g')] cannot be resolved: type Microsoft.Compute/galleries/images has 2 names, not 1.",
      ],
    ],
    [
      'an ID with too much before its type',
      "[subscriptionResourceId('s', 'g', 'Microsoft.Compute/images', 'i')]",
      [
        "properties.source: [subscriptionResourceId('s', 'g', 'Microsoft.Compute/images', 'i')] cannot be resolved: a resource type such as Microsoft.Compute/images is expected among the arguments.",
      ],
    ],
    [
      'an ID without a type',
      "[resourceId('images', 'i')]",
      [
        "properties.source: [resourceId('images', 'i')] cannot be resolved: a resource type such as Microsoft.Compute/images is expected among the arguments.",
      ],
    ],
    [
      'everything at once',
      { inline: ['echo', '[utcNow()]'], 'a b': "[list('x')]" },
      [
        `properties.source.inline[1]: [utcNow()] cannot be resolved: utcNow() gives another value each time: ${AZURE}`,
        `properties.source["a b"]: [list('x')] cannot be resolved: list() is known to Azure alone: ${AZURE}`,
      ],
    ],
  ]
  test.each(cases)('%s', (_, value, problems) => {
    expect(resolved(value, file).problems).toEqual(problems)
  })

  test('in the same words each time', () => {
    const { problems } = resolved(["[variables('region')]", "[variables('region')]"], file)
    expect(problems[1]).toBe(problems[0]?.replace('source[0]', 'source[1]'))
  })

  test('and leaves undefined in its place', () => {
    expect(resolved(['a', '[utcNow()]'], file).value).toEqual(['a', undefined])
  })
})
