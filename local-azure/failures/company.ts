/** What the local Azure holds for scenarios that fail: the usual small company, and in it all that failures need. */
import {
  BLOB_DATA_CONTRIBUTOR,
  CLIENT_ID,
  defaultSeed,
  DEPLOYER_ACTIONS,
  LIVE_LOG_ACTIONS,
  SUBSCRIPTION_ID,
  type Application,
  type Seed,
} from '../seed.ts'
import { IMAGE_TEMPLATES } from './others.ts'

export const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
export const GROUP = `${SUBSCRIPTION}/resourceGroups/rg-images`
export const GALLERY = `${GROUP}/providers/Microsoft.Compute/galleries/contoso`

/** Client IDs of applications, by what is wrong with them. */
export const CLIENTS = {
  otherIssuer: 'c1000000-0000-4000-8000-000000000001',
  noCredential: 'c1000000-0000-4000-8000-000000000002',
  oldWording: 'c1000000-0000-4000-8000-000000000003',
  disabled: 'c1000000-0000-4000-8000-000000000004',
  blocked: 'c1000000-0000-4000-8000-000000000005',
  mayNotWriteTemplates: 'c1000000-0000-4000-8000-000000000006',
  mayNotAssign: 'c1000000-0000-4000-8000-000000000007',
  /** The checks before a build cannot see image definitions, nor resource providers. */
  seesLittle: 'c1000000-0000-4000-8000-000000000008',
  noBlobRole: 'c1000000-0000-4000-8000-000000000009',
  /** No role for blobs, but the right to list the account's keys. */
  keysAlone: 'c1000000-0000-4000-8000-000000000010',
  /** In no directory. */
  unknown: 'c1000000-0000-4000-8000-000000000099',
} as const

/** A managed identity that may not read image definitions, and one that is deleted too early. */
export const IDENTITIES = { blind: 'id-blind', shortLived: 'id-short-lived' } as const

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'
const LIST_KEYS = 'Microsoft.Storage/storageAccounts/listkeys/action'
const BLOB_ACCESS = /^Microsoft\.Storage\/storageAccounts\/blobServices\//

/** Read by every scenario, changed by none. */
export const COMPANY = company()

function company(): Seed {
  const seed = defaultSeed()
  addApplications(seed)
  addIdentities(seed)
  const home = { resourceGroup: 'rg-images', location: 'eastus' }
  const networkAcls = { defaultAction: 'Deny' } as const
  seed.storageAccounts.push(
    { ...home, name: 'stbehindwall', networkAcls },
    { ...home, resourceGroup: 'rg-busy', name: 'stbusy' },
  )
  seed.resourceGroups.push(
    { name: 'rg-staging', location: 'eastus' },
    { name: 'rg-busy', location: 'eastus' },
  )
  const [gallery] = seed.galleries
  const webapp = gallery?.definitions.find(({ name }) => name === 'webapp')
  if (webapp) gallery?.definitions.push({ ...webapp, name: 'webapp-trusted', securityType: 'TrustedLaunch' })
  return seed
}

function addApplications(seed: Seed): void {
  const application = (clientId: string, change: Partial<Application> = {}): Application => {
    const federatedCredentials = seed.applications[0]?.federatedCredentials ?? []
    return { clientId, objectId: clientId.replace('c1', '51'), federatedCredentials, ...change }
  }
  const [credential] = seed.applications[0]?.federatedCredentials ?? []
  const elsewhere = credential && { ...credential, issuer: 'https://github.contoso.com/_services/token' }
  const all = [
    application(CLIENTS.otherIssuer, { federatedCredentials: elsewhere ? [elsewhere] : [] }),
    application(CLIENTS.noCredential, { federatedCredentials: [] }),
    application(CLIENTS.oldWording, {
      federatedCredentials: elsewhere ? [elsewhere] : [],
      oldWording: true,
    }),
    application(CLIENTS.disabled, { disabled: true }),
    application(CLIENTS.blocked, { blockedByConditionalAccess: true }),
  ]
  seed.applications.push(...all)
  const deployer = (
    clientId: string,
    without: RegExp,
    dataActions = BLOB_DATA_CONTRIBUTOR,
    more: string[] = [],
  ): void => {
    const { objectId } = application(clientId)
    const all = [...DEPLOYER_ACTIONS, ...LIVE_LOG_ACTIONS, ...more]
    const actions = all.filter((action) => !without.test(action))
    seed.applications.push(application(clientId))
    seed.roleAssignments.push({ principalId: objectId, scope: SUBSCRIPTION, actions, dataActions })
  }
  deployer(CLIENTS.mayNotWriteTemplates, new RegExp(`^${IMAGE_TEMPLATES}/write$`))
  deployer(CLIENTS.mayNotAssign, new RegExp(`^${ASSIGN}$`))
  deployer(
    CLIENTS.seesLittle,
    /^Microsoft\.(?:Compute\/galleries\/images|Resources\/subscriptions\/providers)\/read$/,
  )
  deployer(CLIENTS.noBlobRole, BLOB_ACCESS, [])
  deployer(CLIENTS.keysAlone, BLOB_ACCESS, [], [LIST_KEYS])
  const objectId = seed.applications.find(({ clientId }) => clientId === CLIENT_ID)?.objectId ?? ''
  seed.roleAssignments.push({
    principalId: objectId,
    scope: SUBSCRIPTION,
    actions: [...LIVE_LOG_ACTIONS],
  })
}

/** The usual one may also read blobs, and is Contributor of two groups that may be staging groups. */
function addIdentities(seed: Seed): void {
  const [builder] = seed.identities
  const role = seed.roleAssignments.find(({ principalId }) => principalId === builder?.principalId)
  if (!builder || !role) throw new Error('The seed has no managed identity to begin with.')
  const { principalId } = builder
  const [read = ''] = BLOB_DATA_CONTRIBUTOR.map((all) => all.replace('*', 'read'))
  seed.roleAssignments.push(
    { principalId, scope: SUBSCRIPTION, actions: [], dataActions: [read] },
    ...['rg-staging', 'rg-busy'].map((group) => ({
      principalId,
      scope: `${SUBSCRIPTION}/resourceGroups/${group}`,
      actions: ['*'],
    })),
  )
  for (const [index, name] of Object.values(IDENTITIES).entries()) {
    const id = (kind: number): string => `d${kind}000000-0000-4000-8000-00000000000${index}`
    seed.identities.push({ ...builder, name, principalId: id(1), clientId: id(2) })
    const actions = role.actions.filter(
      (action) => name !== IDENTITIES.blind || action !== 'Microsoft.Compute/galleries/images/read',
    )
    seed.roleAssignments.push({ ...role, principalId: id(1), actions })
  }
}
