/** What Azure's role-based access allows, from permissions and role assignments. */
import { describe, expect, test } from '@jest/globals'
import { allows, allowsAt, isWithin, type Grant, type Permission } from '../../src/checking/permissions.ts'

const NONE: Permission = { actions: [], notActions: [], dataActions: [], notDataActions: [] }
const control = (action: string): { action: string; isData: boolean } => ({ action, isData: false })
const data = (action: string): { action: string; isData: boolean } => ({ action, isData: true })
const READ = 'Microsoft.Compute/images/read'

describe('permissions', () => {
  test.each<[name: string, permissions: Partial<Permission>[], answer: string]>([
    ['none', [], 'no'],
    ['the action itself', [{ actions: [READ] }], 'yes'],
    ['in other letter case', [{ actions: ['microsoft.compute/IMAGES/Read'] }], 'yes'],
    ['everything', [{ actions: ['*'] }], 'yes'],
    ['everything that is read', [{ actions: ['*/read'] }], 'yes'],
    ['everything of the provider', [{ actions: ['Microsoft.Compute/*'] }], 'yes'],
    ['a part in the middle', [{ actions: ['Microsoft.*/read'] }], 'yes'],
    ['another action', [{ actions: ['Microsoft.Compute/images/write'] }], 'no'],
    ['a longer name', [{ actions: [`${READ}/all`] }], 'no'],
    ['a dot is no wildcard', [{ actions: ['MicrosoftxCompute/images/read'] }], 'no'],
    ['as data', [{ dataActions: ['*'] }], 'no'],
    ['taken away', [{ actions: ['*'], notActions: ['Microsoft.Compute/*'] }], 'no'],
    ['taken away as data alone', [{ actions: ['*'], notDataActions: ['*'] }], 'yes'],
    [
      'taken away, and given by another role',
      [{ actions: ['*'], notActions: [READ] }, { actions: [READ] }],
      'yes',
    ],
    ['under a condition', [{ actions: ['*'], conditional: true }], 'unclear'],
    ['under a condition, and without', [{ actions: ['*'], conditional: true }, { actions: [READ] }], 'yes'],
  ])('%s', (_, permissions, answer) => {
    expect(
      allows(
        permissions.map((one) => ({ ...NONE, ...one })),
        control(READ),
      ),
    ).toBe(answer)
  })

  test('data actions have lists of their own', () => {
    const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'
    expect(allows([{ ...NONE, dataActions: [blobs] }], data(blobs))).toBe('yes')
    expect(allows([{ ...NONE, actions: ['*'] }], data(blobs))).toBe('no')
    expect(allows([{ ...NONE, dataActions: ['*'], notDataActions: ['*/read'] }], data(blobs))).toBe('no')
  })
})

describe('role assignments', () => {
  const IMAGE = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/images/web'
  const given = (scope: string): Grant => ({ scope, permissions: [{ ...NONE, actions: [READ] }] })
  const hidden = (scope: string): Grant => ({ scope, permissions: undefined })

  test.each<[name: string, grants: Grant[], answer: string]>([
    ['none', [], 'no'],
    ['at the resource', [given(IMAGE)], 'yes'],
    ['in its group, in other letter case', [given('/Subscriptions/S/resourcegroups/RG/')], 'yes'],
    ['at the root', [given('/')], 'yes'],
    ['in another group', [given('/subscriptions/s/resourceGroups/rg2')], 'no'],
    ['in a group whose name begins alike', [given('/subscriptions/s/resourceGroups/r')], 'no'],
    ['below the resource', [given(`${IMAGE}/parts/x`)], 'no'],
    ['by a role that is hidden', [hidden('/subscriptions/s')], 'unclear'],
    ['by a role that is hidden, elsewhere', [hidden('/subscriptions/t')], 'no'],
    ['by one that is hidden and one that is not', [hidden('/subscriptions/s'), given(IMAGE)], 'yes'],
  ])('%s', (_, grants, answer) => {
    expect(allowsAt(grants, IMAGE, control(READ))).toBe(answer)
  })

  test('a scope holds itself', () => {
    expect(isWithin('/subscriptions/s/', '/subscriptions/S')).toBe(true)
  })
})
