/** The roles that the check asks for are those that the builds of `npm run test:rights` show to be needed. */
import { describe, expect, test } from '@jest/globals'
import { documentedRole, ROLE_FILES } from '../../local-azure/roles.ts'
import { SUBSCRIPTION_ID } from '../../local-azure/seed.ts'
import { ROLE_NOTES } from '../../scripts/role-notes.ts'
import { believable, judgeBuilder, judgeOwn } from '../../src/checking/check-rights.ts'
import { definitionFor, ROLES } from '../../src/checking/documented-roles.ts'
import { readInputs, type BuildRequest } from '../../src/inputs.ts'
import type { Need } from '../../src/checking/needs.ts'
import { isWithin, type Grant } from '../../src/checking/permissions.ts'
import { PROVIDERS } from '../../src/preflight.ts'
import { rightsNeeded, type Found } from '../../src/checking/rights-needed.ts'
import { STORIES, UNCHECKED, type Grant as Given, type Story } from '../rights/stories.ts'
import { GALLERY, GROUP, UBUNTU } from '../support/run-action.ts'
import { rawInputs, resourceIdIn } from '../support/factories.ts'

const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`
const ENDPOINT = 'https://stcontosobuild.blob.core.windows.net/'
const OWN: Record<string, string> = {
  'subscription-id': SUBSCRIPTION_ID,
  'resource-group': 'rg-images',
  location: 'eastus',
  'managed-identity': 'id-image-builder',
  'storage-account': 'stcontosobuild',
  'source-image': UBUNTU,
  'gallery-image-id': `${GALLERY}/images/webapp`,
  'build-path': 'app',
  'follow-log': 'false',
}

function read(inputs: Record<string, string>): BuildRequest {
  const vhd = inputs['vhd-uri'] === undefined ? {} : { 'vhd-uri': `${ENDPOINT}${inputs['vhd-uri']}` }
  const name = inputs['existing-template'] === undefined ? {} : { 'template-name': 'of-somebody' }
  return readInputs(rawInputs({ ...OWN, ...inputs, ...vhd, ...name }))
}

function found(change: Partial<Found> = {}): Found {
  const account = { id: ACCOUNT, allowsKeys: true }
  return { account, vhdAccount: ACCOUNT, unregistered: [], stagingGroup: false, ...change }
}

function needsOf({ inputs, course }: Story): Need[] {
  const unregistered = course === 'unregistered' ? [...PROVIDERS] : []
  return rightsNeeded(read(inputs), found({ unregistered }))
}

/** Needs with the inputs of a small build and `inputs` over them. */
const needs = (inputs: Record<string, string>, change: Partial<Found> = {}): Need[] =>
  rightsNeeded(read(inputs), found(change))

/** Role assignments of a story, less one action. */
function granted(given: readonly Given[], less?: string): Grant[] {
  return given.map(({ role, scope }) => {
    const { Actions, DataActions } = documentedRole(role)
    const rest = (all: string[]): string[] => all.filter((action) => action !== less)
    const permission = {
      actions: rest(Actions),
      notActions: [],
      dataActions: rest(DataActions),
      notDataActions: [],
    }
    return { scope, permissions: [permission] }
  })
}

/** Actions that are missing, by what the check makes of these role assignments. */
function missing(need: Need, deployer: readonly Grant[], builder: readonly Grant[]): string[] {
  const at = (place: string): Grant['permissions'] =>
    deployer.filter(({ scope }) => isWithin(place, scope)).flatMap(({ permissions = [] }) => permissions)
  const lacking = need.rights.filter((right) => {
    const judged =
      need.who === 'managed identity'
        ? judgeBuilder(need, right, builder)
        : judgeOwn(need, right, at(need.scope), at(right.at))
    return judged.state !== 'ok'
  })
  if (lacking.length > 0 && need.instead && missing(need.instead, deployer, builder).length === 0) return []
  return lacking.map(({ action }) => action)
}

/** Those of builds. */
const BUILD_ROLES = ROLE_FILES.filter((file) => /^(?:deployer|image-writer|promoter)/.test(file))

const named = (all: readonly Need[]): string[] => all.map(({ role }) => role).sort()

describe.each(STORIES)('$name', (story) => {
  const all = needsOf(story)

  test('asks for the roles that the build has, and for no other', () => {
    const whole = all.filter(({ required, role }) => required || story.probed.includes(role))
    const alternatives = whole.map((need) => {
      const other = need.instead && [...story.deployer].some(({ role }) => role === need.instead?.role)
      return other && need.instead ? need.instead : need
    })
    expect(named(alternatives)).toEqual([...story.deployer, ...story.builder].map(({ role }) => role).sort())
    for (const { role, scope } of [...story.deployer, ...story.builder]) {
      const need = alternatives.find((one) => one.role === role)
      // A container that the first build makes cannot be given a role before.
      expect([role, isWithin(scope, need?.scope ?? 'nowhere')]).toEqual([role, true])
    }
  })

  test('finds that these roles suffice', () => {
    const lacking = all
      .filter(({ required }) => required)
      .flatMap((need) => missing(need, granted(story.deployer), granted(story.builder)))
    expect(lacking).toEqual([])
  })

  const probes = story.probed.flatMap((role) => {
    const { Actions, DataActions } = documentedRole(role)
    return [...Actions, ...DataActions].map((action) => ({ role, action }))
  })
  test.each(probes)('finds $role without $action wanting', ({ role, action }) => {
    const isBuilders = role.startsWith('image-writer')
    const deployer = granted(story.deployer, isBuilders ? undefined : action)
    const builder = granted(story.builder, isBuilders ? action : undefined)
    const lacking = all.flatMap((need) => missing(need, deployer, builder))
    // By key or by data role: what is told is the role that is to be preferred.
    if (role === 'deployer-artifact-by-key') expect(lacking).not.toEqual([])
    else expect(lacking).toContain(action)
  })
})

test.each(UNCHECKED)('$name: the roles of better checks are asked for, and are not required', (story) => {
  const all = rightsNeeded(read(story.inputs), found({ stagingGroup: true }))
  const better = all.filter(({ role }) => story.probed.includes(role))
  expect(new Set(named(better))).toEqual(new Set(story.probed))
  expect(better.filter(({ required }) => required)).toEqual([])
})

describe('the documented roles', () => {
  test('are those of docs/roles for builds, word for word', () => {
    expect(Object.keys(ROLES).sort()).toEqual(BUILD_ROLES)
    expect(ROLES).toEqual(Object.fromEntries(BUILD_ROLES.map((file) => [file, documentedRole(file)])))
  })

  test('are each asked for by some build, of whom their note says, and never where no build needs them', () => {
    const all = [...STORIES, ...UNCHECKED].flatMap((story) =>
      [...needsOf(story), ...rightsNeeded(read(story.inputs), found({ stagingGroup: true }))].flatMap(
        (one) => (one.instead ? [one, one.instead] : [one]),
      ),
    )
    const asked = new Map(all.map((need) => [need.role, need]))
    expect(BUILD_ROLES.filter((file) => !asked.has(file as Need['role']))).toEqual(['deployer-doctor'])
    const notes = [...asked.values()].filter(({ role }) => role !== 'Contributor')
    expect(notes.filter(({ role, who }) => ROLE_NOTES[role]?.who !== who)).toEqual([])
    expect(notes.filter(({ role, required }) => required && ROLE_NOTES[role]?.needed === 'better')).toEqual(
      [],
    )
  })

  test('are made for the subscription', () => {
    expect(definitionFor('deployer', 'the-id').AssignableScopes).toEqual(['/subscriptions/the-id'])
  })
})

describe('where', () => {
  const of = (all: Need[], role: Need['role']): Need[] => all.filter((need) => need.role === role)
  const IDENTITIES = 'Microsoft.ManagedIdentity/userAssignedIdentities'
  const elsewhere = resourceIdIn('rg-identities', IDENTITIES, 'builder').replace(
    /^\/subscriptions\/[^/]+/,
    `/subscriptions/${SUBSCRIPTION_ID}`,
  )
  const ASSIGN = `${IDENTITIES}/assign/action`

  test('an identity in another group: the right to assign it is needed there', () => {
    const [own, there, ...more] = of(needs({ 'managed-identity': elsewhere }), 'deployer')
    expect(own?.scope).toBe(GROUP)
    expect(own?.rights.map(({ action }) => action)).not.toContain(ASSIGN)
    expect(there).toMatchObject({ scope: elsewhere, rights: [{ action: ASSIGN, at: elsewhere }] })
    expect(more).toEqual([])
  })

  test('two identities in the group: both', () => {
    const [own, ...more] = of(needs({ 'build-vm-identities': 'id-of-the-build-vm' }), 'deployer')
    const places = own?.rights.filter(({ action }) => action === ASSIGN).map(({ at }) => at)
    expect(places).toEqual(
      ['id-image-builder', 'id-of-the-build-vm'].map((name) => `${GROUP}/providers/${IDENTITIES}/${name}`),
    )
    expect(more).toEqual([])
  })

  test('regions are added to an image that is there: on its gallery, where there may be such regions', () => {
    const asks = (inputs: Record<string, string>): string[] =>
      of(needs(inputs), 'promoter').map(({ scope }) => scope)
    expect(asks({ 'replication-regions': 'eastus, westus2' })).toEqual([])
    expect(asks({ 'skip-unchanged': 'true' })).toEqual([])
    expect(asks({ 'skip-unchanged': 'true', 'replication-regions': 'eastus, westus2' })).toEqual([GALLERY])
    expect(asks({ 'retry-replication': 'true' })).toEqual([GALLERY])
  })

  test('each action at the narrowest resource that it is about', () => {
    const [need] = of(needs({}), 'deployer-artifact')
    const container = `${ACCOUNT}/blobServices/default/containers/imagebuilder-vststask`
    expect(need?.scope).toBe(ACCOUNT)
    expect(need?.rights.map(({ action, at }) => [action.replace(/^.*storageAccounts\//, ''), at])).toEqual([
      ['read', ACCOUNT],
      ['blobServices/generateUserDelegationKey/action', `${ACCOUNT}/blobServices/default`],
      ['blobServices/containers/read', container],
      ['blobServices/containers/write', container],
      ['blobServices/containers/blobs/read', container],
      ['blobServices/containers/blobs/write', container],
      ['blobServices/containers/blobs/delete', container],
    ])
    const [writer] = of(needs({}), 'image-writer')
    expect(writer?.scope).toBe(GROUP)
    expect(new Set(writer?.rights.map(({ at }) => at))).toEqual(
      new Set([GALLERY, `${GALLERY}/images/webapp`, GROUP]),
    )
  })

  test('a gallery in a resource group that is called images', () => {
    const gallery = resourceIdIn('images', 'Microsoft.Compute/galleries', 'base')
    const [need] = of(needs({ 'source-image': `${gallery}/images/linux` }), 'deployer-source-gallery')
    expect(need?.scope).toBe(gallery)
  })

  test('without a signed URL nobody asks for a delegation key', () => {
    const [need] = of(needs({ 'artifact-access': 'identity' }), 'deployer-artifact')
    expect(need?.rights.filter(({ action }) => action.includes('generateUserDelegationKey'))).toEqual([])
  })

  test('the key of an account that takes none is no way', () => {
    expect(of(needs({}), 'deployer-artifact')[0]?.instead?.role).toBe('deployer-artifact-by-key')
    const closed = needs({}, { account: { id: ACCOUNT, allowsKeys: false } })
    expect(of(closed, 'deployer-artifact')[0]?.instead).toBeUndefined()
  })

  test('an account that is not found: its rights cannot be told yet, but for what the subscription gives', () => {
    const [need] = of(rightsNeeded(read({}), { unregistered: [], stagingGroup: false }), 'deployer-artifact')
    expect(need).toMatchObject({ notFound: 'storage account stcontosobuild' })
    const [right] = need?.rights ?? []
    if (!need || !right) throw new Error('nothing is needed')
    const all = { actions: ['*'], notActions: [], dataActions: [], notDataActions: [] }
    expect(judgeOwn(need, right, [], []).state).toBe('unknown')
    expect(judgeOwn(need, right, [all], [all]).state).toBe('ok')
  })

  test('only providers that are not registered ask for the right to register them', () => {
    const inputs = { 'register-providers': 'true' }
    expect(of(needs(inputs), 'deployer-register-providers')).toEqual([])
    const [need] = of(needs(inputs, { unregistered: ['Microsoft.KeyVault'] }), 'deployer-register-providers')
    expect(need?.rights.map(({ action }) => action)).toEqual([
      'Microsoft.Resources/subscriptions/providers/read',
      'Microsoft.KeyVault/register/action',
    ])
  })

  test('a staging group that is there asks for a Contributor; one that is not, for nobody', () => {
    const inputs = { 'staging-resource-group': 'rg-staging' }
    expect(of(needs(inputs), 'Contributor')).toEqual([])
    const [need] = of(needs(inputs, { stagingGroup: true }), 'Contributor')
    expect(need).toMatchObject({ who: 'managed identity', required: true })
    expect(
      of(needs({ ...inputs, 'follow-log': 'true' }, { stagingGroup: true }), 'deployer-live-log'),
    ).toEqual([expect.objectContaining({ scope: need?.scope, required: false })])
  })

  test('what is hidden is unknown, never missing', () => {
    const [own] = of(needs({}), 'deployer')
    const [builder] = of(needs({}), 'image-writer')
    const [right] = own?.rights ?? []
    const [other] = builder?.rights ?? []
    if (!own || !builder || !right || !other) throw new Error('nothing is needed')
    expect(judgeOwn(own, right, undefined, undefined).state).toBe('unknown')
    expect(judgeBuilder(builder, other, 'hidden assignments').state).toBe('unknown')
    expect(judgeBuilder(builder, other, 'hidden identity').state).toBe('unknown')
    expect(judgeBuilder(builder, other, [{ scope: GROUP, permissions: undefined }]).state).toBe('unknown')
    // An identity that is yet to be made has no right for certain.
    expect(judgeBuilder(builder, other, 'no identity').state).toBe('missing')
  })

  test('no role assignments at all are believed only by who may see them', () => {
    const seeing = {
      actions: ['Microsoft.Authorization/*/read'],
      notActions: [],
      dataActions: [],
      notDataActions: [],
    }
    const some = [{ scope: GROUP, permissions: [] }]
    expect(believable([], [seeing])).toEqual([])
    expect(believable([], [])).toBe('hidden assignments')
    expect(believable([], undefined)).toBe('hidden assignments')
    expect(believable(undefined, [seeing])).toBe('hidden assignments')
    expect(believable(some, undefined)).toBe(some)
  })
})
