import { expect, test } from '@jest/globals'
import { formatResourceId, isOfType, lastName, parseResourceId } from '../../src/resource-id.ts'
import { DEFINITION_ID, MANAGED_IMAGE_ID, SUBSCRIPTION, VERSION_ID } from '../support/factories.ts'

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
