/** Role-based access control as Resource Manager tells of it: what it says is what it enforces. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { documentedRole, rightsOf } from '../../local-azure/roles.ts'
import { DEPLOYER_ACTIONS } from '../../local-azure/seed.ts'
import type { Principal } from '../../local-azure/world.ts'
import { DEPLOYER, GROUP, openArm, SUBSCRIPTION, type Answer, type Arm } from './arm-client.ts'

const API = 'api-version=2022-04-01'
const AUTHORIZATION = 'providers/Microsoft.Authorization'
const GALLERY = `${GROUP}/providers/Microsoft.Compute/galleries/contoso`
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const WRITER: Principal = {
  objectId: '6e0c8f52-1d7b-4a39-9c64-b8f2a5d3e710',
  clientId: '0f7a9c31-84d2-4b6e-a5f3-c2d1e0b9a876',
}
/** Sees all of it, by the role of the doctor on the subscription. */
const DOCTOR: Principal = {
  objectId: '2b4d6f80-9a1c-4e3f-8b5d-7c0e1a2f3b49',
  clientId: '5c7e9a1b-3d5f-4821-96b4-d8f0a2c4e6b8',
}

let arm: Arm
const bearers = new Map<string, string>()
beforeAll(async () => {
  arm = await openArm({
    seed: (seed) => {
      const { Actions: actions, DataActions: dataActions } = documentedRole('image-writer')
      seed.roleAssignments.push(
        { principalId: WRITER.objectId, scope: GROUP, actions, dataActions },
        { principalId: WRITER.objectId, scope: ACCOUNT, actions: ['*/read'], dataActions: ['*'] },
        { principalId: DOCTOR.objectId, scope: SUBSCRIPTION, ...rightsOf(['deployer-doctor']) },
      )
    },
  })
  for (const one of [WRITER, DOCTOR]) {
    bearers.set(one.objectId, `Bearer ${await arm.entra.issue(one, 'https://management.azure.com')}`)
  }
})
afterAll(() => arm.close())

const as = (one: Principal, target: string): Promise<Answer> =>
  arm.send('GET', target, { authorization: bearers.get(one.objectId) ?? '' })
const items = (answer: Answer): Record<string, unknown>[] =>
  (answer.body as { value: Record<string, unknown>[] }).value
const assignments = (scope: string, filter = ''): string =>
  `${scope}/${AUTHORIZATION}/roleAssignments?${API}${filter && `&$filter=${encodeURIComponent(filter)}`}`
/** Scopes of the assignments, in their order. */
const scopes = (answer: Answer): unknown[] =>
  items(answer).map(({ properties }) => (properties as { scope: string }).scope)
const of = (principal: Principal): string => `assignedTo('${principal.objectId}')`

describe('the caller’s own permissions', () => {
  test.each([
    ['the subscription', SUBSCRIPTION],
    ['a resource group', GROUP],
    ['a resource', GALLERY],
    ['a container of an account', `${ACCOUNT}/blobServices/default/containers/any`],
  ])('at %s: one entry a role, inherited ones among them', async (_, scope) => {
    const answer = await as(DOCTOR, `${scope}/${AUTHORIZATION}/permissions?${API}`)
    const { actions } = rightsOf(['deployer-doctor'])
    expect([answer.status, answer.body]).toEqual([
      200,
      { value: [{ actions, notActions: [], dataActions: [], notDataActions: [] }] },
    ])
  })

  test('what is given at a resource counts there alone', async () => {
    arm.world.roleAssignments.push({
      principalId: DOCTOR.objectId,
      scope: GALLERY,
      actions: ['Microsoft.Compute/*'],
    })
    const entries = async (scope: string): Promise<number> =>
      items(await as(DOCTOR, `${scope}/${AUTHORIZATION}/permissions?${API}`)).length
    expect([await entries(GALLERY), await entries(`${GALLERY}/images/webapp`), await entries(GROUP)]).toEqual(
      [2, 2, 1],
    )
    arm.world.roleAssignments.pop()
  })

  test('are not told to who may not ask', async () => {
    expect(DEPLOYER_ACTIONS).not.toContain('Microsoft.Authorization/permissions/read')
    const { status, body } = await arm.get(`${GROUP}/${AUTHORIZATION}/permissions?${API}`)
    expect([status, body]).toEqual([403, refusal(DEPLOYER, 'permissions', GROUP)])
  })

  test.each([
    ['a group', `${SUBSCRIPTION}/resourceGroups/none`, 'ResourceGroupNotFound'],
    ['a resource', `${GROUP}/providers/Microsoft.Compute/galleries/none`, 'ResourceNotFound'],
  ])('at %s that is not there', async (_, scope, code) => {
    const { status, body } = await as(DOCTOR, `${scope}/${AUTHORIZATION}/permissions?${API}`)
    expect([status, body]).toEqual([404, { error: expect.objectContaining({ code }) }])
  })
})

function refusal({ clientId, objectId }: Principal, type: string, scope: string): object {
  const message =
    `The client '${clientId}' with object id '${objectId}' does not have authorization to perform action ` +
    `'Microsoft.Authorization/${type}/read' over scope '${scope}/${AUTHORIZATION}' or the scope is invalid. ` +
    'If access was recently granted, please refresh your credentials.'
  return { error: { code: 'AuthorizationFailed', message } }
}

describe('role assignments', () => {
  test.each([
    ['of one identity: at, above and below the scope', SUBSCRIPTION, of(WRITER), [GROUP, ACCOUNT]],
    [
      'of one identity, by its principal ID',
      SUBSCRIPTION,
      `principalId eq '${WRITER.objectId}'`,
      [GROUP, ACCOUNT],
    ],
    ['of one identity, at a resource', ACCOUNT, of(WRITER), [GROUP, ACCOUNT]],
    ['of one identity, at another resource', GALLERY, of(WRITER), [GROUP]],
    ['of nobody', SUBSCRIPTION, `assignedTo('${crypto.randomUUID()}')`, []],
  ])('%s', async (_, scope, filter, expected) => {
    const answer = await as(DOCTOR, assignments(scope, filter))
    expect([answer.status, scopes(answer)]).toEqual([200, expected])
  })

  test('at and above a scope alone', async () => {
    const found = scopes(await as(DOCTOR, assignments(GROUP, 'atScope()')))
    expect(found).toContain(SUBSCRIPTION)
    expect(found).toContain(GROUP)
    expect(found).not.toContain(ACCOUNT)
  })

  test('each names its role, which tells what is in it', async () => {
    const [first] = items(await as(DOCTOR, assignments(SUBSCRIPTION, of(WRITER))))
    expect(first).toMatchObject({
      id: expect.stringMatching(new RegExp(`^${GROUP}/${AUTHORIZATION}/roleAssignments/[0-9a-f-]{36}$`)),
      type: 'Microsoft.Authorization/roleAssignments',
      properties: { principalId: WRITER.objectId, principalType: 'ServicePrincipal', condition: null },
    })
    const { roleDefinitionId } = first?.['properties'] as { roleDefinitionId: string }
    const { status, body } = await as(DOCTOR, `${roleDefinitionId}?${API}`)
    const { Name, Actions, DataActions } = documentedRole('image-writer')
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        id: roleDefinitionId,
        properties: expect.objectContaining({
          roleName: Name,
          permissions: [{ actions: Actions, notActions: [], dataActions: DataActions, notDataActions: [] }],
        }),
      }),
    ])
  })

  test.each(['principalId', `roleDefinitionId eq 'x'`])('no other filter is taken: %s', async (filter) => {
    const { status, body } = await as(DOCTOR, assignments(SUBSCRIPTION, filter))
    const message = `The filter '${filter}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}' or assignedTo('{value}')'.`
    expect([status, body]).toEqual([400, { error: { code: 'UnsupportedQuery', message } }])
  })

  test('are not told to who may not ask', async () => {
    const { status, body } = await arm.get(assignments(GROUP, of(WRITER)))
    expect([status, body]).toEqual([403, refusal(DEPLOYER, 'roleAssignments', GROUP)])
  })
})

describe('role definitions', () => {
  const id = `${SUBSCRIPTION}/${AUTHORIZATION}/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c`

  test('one that does not exist', async () => {
    const { status, body } = await as(DOCTOR, `${id}?${API}`)
    const message = "The specified role definition with ID 'b24988ac618042a0ab8820f7382dd24c' does not exist."
    expect([status, body]).toEqual([404, { error: { code: 'RoleDefinitionDoesNotExist', message } }])
  })

  test('are not told to who may not ask', async () => {
    const { status, body } = await arm.get(`${id}?${API}`)
    expect([status, body]).toEqual([403, { error: expect.objectContaining({ code: 'AuthorizationFailed' }) }])
  })
})

test('nothing is written: that is no part of the local Azure', async () => {
  const { status } = await arm.send('PUT', `${GROUP}/${AUTHORIZATION}/roleAssignments/x?${API}`)
  expect(status).toBeGreaterThanOrEqual(400)
})
