import { describe, expect, test } from '@jest/globals'
import {
  formatResourceId,
  idMistake,
  isOfType,
  KINDS,
  lastName,
  parseResourceId,
  resourceGroupOfId,
  sameId,
  withoutVersion,
  type Kind,
} from '../../src/resource-id.ts'
import {
  ACCOUNT_ID,
  DEFINITION_ID,
  IDENTITY_ID,
  MANAGED_IMAGE_ID,
  resourceId,
  SUBNET_ID,
  SUBSCRIPTION,
  VERSION_ID,
} from '../support/factories.ts'

test.each([
  ['one name', MANAGED_IMAGE_ID, 'Microsoft.Compute/images', ['web']],
  ['two names', DEFINITION_ID, 'Microsoft.Compute/galleries/images', ['gallery', 'web']],
  ['three names', VERSION_ID, 'Microsoft.Compute/galleries/images/versions', ['gallery', 'web', '1.2.3']],
  ['blanks and a slash at its end', ` ${MANAGED_IMAGE_ID}/ `, 'Microsoft.Compute/images', ['web']],
])('parses %s', (_, text, type, names) => {
  expect(parseResourceId(text)).toEqual({
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'images',
    type,
    names,
  })
})

test('parses the lower-case spelling that Azure gives back', () => {
  const id = parseResourceId(MANAGED_IMAGE_ID.replace('resourceGroups', 'resourcegroups'))
  expect(id?.resourceGroup).toBe('images')
})

test.each([
  ['a name', 'web'],
  ['a subscription', `/subscriptions/${SUBSCRIPTION}`],
  ['a resource group', `/subscriptions/${SUBSCRIPTION}/resourceGroups/images`],
  ['a type without a name', MANAGED_IMAGE_ID.replace(/\/web$/, '')],
  ['an empty segment', MANAGED_IMAGE_ID.replace('/web', '//web')],
  ['an ID without its first slash', MANAGED_IMAGE_ID.slice(1)],
  ['a URL', `https://management.azure.com${MANAGED_IMAGE_ID}`],
])('is no resource ID: %s', (_, text) => {
  expect(parseResourceId(text)).toBeUndefined()
})

test.each([MANAGED_IMAGE_ID, DEFINITION_ID, VERSION_ID])('writes what it read: %s', (text) => {
  const id = parseResourceId(text)
  expect(id && formatResourceId(id)).toBe(text)
})

test.each([
  ['Microsoft.Compute/images', true],
  ['microsoft.compute/IMAGES', true],
  ['Microsoft.Compute/galleries/images', false],
])('is of type %s: %s', (type, expected) => {
  const id = parseResourceId(MANAGED_IMAGE_ID)
  expect(id && isOfType(id, type)).toBe(expected)
})

test.each([
  [VERSION_ID, '1.2.3'],
  ['web', 'web'],
  ['', ''],
])('last name of %j', (id, name) => {
  expect(lastName(id)).toBe(name)
})

test.each([
  ['a version', VERSION_ID, DEFINITION_ID],
  ['a version with a slash at its end', `${VERSION_ID}/`, DEFINITION_ID],
  ['a version in capitals', `${DEFINITION_ID}/VERSIONS/1.2.3`, DEFINITION_ID],
  ['a definition', DEFINITION_ID, DEFINITION_ID],
  ['a managed image', MANAGED_IMAGE_ID, MANAGED_IMAGE_ID],
])('without its version: %s', (_, id, expected) => {
  expect(withoutVersion(id)).toBe(expected)
})

test.each([
  ['a group', `/subscriptions/${SUBSCRIPTION}/resourceGroups/builds`, 'builds'],
  ['in lower case, with a slash at its end', `/subscriptions/${SUBSCRIPTION}/resourcegroups/b.c/ `, 'b.c'],
  ['a resource', MANAGED_IMAGE_ID, undefined],
  ['a name', 'builds', undefined],
  ['a subscription', `/subscriptions/${SUBSCRIPTION}`, undefined],
])('name of the resource group: %s', (_, id, name) => {
  expect(resourceGroupOfId(id)).toBe(name)
})

test.each([
  [VERSION_ID, VERSION_ID, true],
  [VERSION_ID, VERSION_ID.toUpperCase(), true],
  [VERSION_ID, `${VERSION_ID}/`, true],
  [VERSION_ID, DEFINITION_ID, false],
])('%s and %s are the same: %s', (a, b, expected) => {
  expect(sameId(a, b)).toBe(expected)
})

describe('an ID that an input asks for', () => {
  test.each<[Kind, string]>([
    ['image', MANAGED_IMAGE_ID],
    ['gallery', resourceId('Microsoft.Compute/galleries', 'g')],
    ['definition', DEFINITION_ID],
    ['version', VERSION_ID],
    ['identity', IDENTITY_ID],
    ['account', ACCOUNT_ID],
    ['network', resourceId('Microsoft.Network/virtualNetworks', 'n')],
    ['subnet', SUBNET_ID],
    ['template', resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't')],
  ])('is right: %s', (kind, id) => {
    expect(idMistake(id, [kind])).toBeUndefined()
    expect(idMistake(id.toUpperCase(), [kind])).toBeUndefined()
    expect(idMistake(`${id}/`, ['account', kind])).toBeUndefined()
  })

  test.each<[string, string, Kind[], string]>([
    [
      'a version where a definition is wanted',
      VERSION_ID,
      ['definition'],
      `'${VERSION_ID}' is the ID of a gallery image version; give that of a gallery image definition.`,
    ],
    [
      'a network where a subnet is wanted',
      resourceId('Microsoft.Network/virtualNetworks', 'n'),
      ['subnet'],
      `'${resourceId('Microsoft.Network/virtualNetworks', 'n')}' is the ID of a virtual network; give that of a subnet.`,
    ],
    [
      'a kind that no input knows',
      resourceId('Microsoft.Compute/disks', 'd'),
      ['image', 'version'],
      `'${resourceId('Microsoft.Compute/disks', 'd')}' is the ID of a Microsoft.Compute/disks; give that of a managed image or gallery image version.`,
    ],
    [
      'an image template',
      resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't'),
      ['image'],
      `'${resourceId('Microsoft.VirtualMachineImages/imageTemplates', 't')}' is the ID of an image template; give that of a managed image.`,
    ],
    [
      'a resource group',
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/builds`,
      ['subnet'],
      `'/subscriptions/${SUBSCRIPTION}/resourceGroups/builds' is the ID of a resource group; give that of a subnet.`,
    ],
    [
      'a name',
      'default',
      ['subnet'],
      "'default' is not the resource ID of a subnet: /subscriptions/…/providers/Microsoft.Network/virtualNetworks/<name>/subnets/<name>.",
    ],
    [
      'a subscription by its name',
      ACCOUNT_ID.replace(SUBSCRIPTION, 'mine'),
      ['account'],
      `'${ACCOUNT_ID.replace(SUBSCRIPTION, 'mine')}' names 'mine' as subscription, which is no GUID.`,
    ],
  ])('is wrong: %s', (_, id, kinds, mistake) => {
    expect(idMistake(id, kinds)).toBe(mistake)
  })

  test('is told apart by its type: no two kinds have the same', () => {
    const types = Object.values(KINDS).map(({ type }) => type.toLowerCase())
    expect(new Set(types).size).toBe(types.length)
  })
})
