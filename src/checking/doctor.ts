/**
 * The story of a check before the first build: who signs in, what is registered, what is there, who may do what. All of
 * it is told in one run, with what mends each thing; nothing is created, registered or asked for a key.
 */
import type { BlobAccount } from '../azure/blob-access.ts'
import { principalOf, principalOfClient, roleRemedy, type Assignee } from './check-remedies.ts'
import { isReady, lacking, lineOf, remedies, tables, type CheckReport } from './check-report.ts'
import { registrationFindings, resourceFindings, type Looked } from './check-resources.ts'
import {
  believable,
  judgeBuilder,
  judgeOwn,
  rightFindings,
  type Doctor,
  type Grants,
  type Judgement,
} from './check-rights.ts'
import { AzureError, SignInError } from '../errors.ts'
import { explain } from '../explanation.ts'
import type { BuildRequest } from '../inputs.ts'
import type { Need } from './needs.ts'
import { allows, type Grant, type Permission } from './permissions.ts'
import type { Runner } from '../ports.ts'
import { isRegistered, type Provider } from '../preflight.ts'
import { emptyReport } from '../report.ts'
import { lastName, parseResourceId, sameId } from '../resource-id.ts'
import { rightsNeeded, type Found } from './rights-needed.ts'
import { subscriptionOf } from './rights-places.ts'

export interface CheckEdges {
  azure: DoctorPort
  runner: Pick<Runner, 'info' | 'quote' | 'cancelled'>
}

/** Who a token belongs to. */
export interface SignedIn {
  objectId?: string
  /** Whether it is an application or managed identity, and no user. */
  isService: boolean
}

export type Principal = { objectId: string } | 'missing' | 'hidden'

/** Azure, as a check sees it. */
export interface DoctorPort {
  /** @throws SignInError */
  signedIn: (signal: AbortSignal) => Promise<SignedIn>
  /** Of the signed-in identity; undefined where it may not list them. */
  permissions: (scope: string, signal: AbortSignal) => Promise<Permission[] | undefined>
  /** Role assignments of another identity; undefined where they may not be read. */
  grants: (subscriptionId: string, principalId: string, signal: AbortSignal) => Promise<Grant[] | undefined>
  /** Those that may be read. */
  providers: (subscriptionId: string, signal: AbortSignal) => Promise<Provider[]>
  /** Those that may be read. */
  accounts: (subscriptionId: string, signal: AbortSignal) => Promise<BlobAccount[]>
  /** Who a managed identity is; `hidden`: it may not be read. */
  principal: (identityId: string, signal: AbortSignal) => Promise<Principal>
  /** Whether a resource group is there, as far as may be seen. */
  exists: (group: string, signal: AbortSignal) => Promise<boolean>
  lookUp: (request: BuildRequest, signal: AbortSignal) => Promise<Looked>
}

/** Something that a build cannot do without is missing. */
export class CheckError extends Error {
  constructor(lines: readonly string[]) {
    const title = lines.length === 1 ? '1 thing is missing' : `${lines.length} things are missing`
    super(`${title} for this build; the log has what to do:\n${lines.map((line) => `- ${line}`).join('\n')}`)
    this.name = 'CheckError'
  }
}

/**
 * Checks. What is known goes into `report` as it becomes known.
 * @throws SignInError, AzureError; CheckError in the end, when something is missing
 */
export async function checkUp(request: BuildRequest, report: CheckReport, edges: CheckEdges): Promise<void> {
  const { subscriptionId, resourceGroup } = request
  const { azure, runner } = edges
  const signal = runner.cancelled
  report.subject = `builds in resource group ${resourceGroup} of subscription ${subscriptionId}`
  runner.info(`checking what it takes: ${report.subject}`)
  try {
    const own = await signIn(request, edges)
    const doctor: Doctor = (scope) =>
      roleRemedy({ role: 'deployer-doctor', scope: subscriptionOf(scope) }, own)
    const providers = await azure.providers(subscriptionId, signal)
    report.findings.push(...registrationFindings(request, providers, doctor))
    report.findings.push(...resourceFindings(request, await azure.lookUp(request, signal), doctor))
    const needs = rightsNeeded(request, await whatDecides(request, providers, edges))
    await checkOwnRights(needs, own, doctor, report, edges)
    if (request.kind === 'new') await checkBuilder(needs, request.managedIdentity, doctor, report, edges)
  } catch (error) {
    signal.throwIfAborted()
    noteFailure(error, request, report)
    show(report, edges)
    throw error
  }
  show(report, edges)
  conclude(report, edges)
}

async function signIn(
  { signIn: { clientId } }: BuildRequest,
  { azure, runner }: CheckEdges,
): Promise<Assignee> {
  const { objectId, isService } = await azure.signedIn(runner.cancelled)
  runner.info(
    `signed in as ${objectId === undefined ? 'an identity without an object ID' : `object ${objectId}`}`,
  )
  const unnamed =
    clientId === undefined ? '<object ID of the deploying identity>' : principalOfClient(clientId)
  return { objectId: objectId ?? unnamed, isService: isService || clientId !== undefined }
}

/** A sign-in that is refused, or a subscription that is not there, is what is missing, too. */
function noteFailure(error: unknown, { subscriptionId }: BuildRequest, { findings }: CheckReport): void {
  const isSignIn = error instanceof SignInError
  const isScope =
    error instanceof AzureError && /^(?:SubscriptionNotFound|InvalidSubscriptionId)$/.test(error.code)
  if (!isSignIn && !isScope) return
  const { headline, advice } = explain(error, emptyReport())
  findings.push({
    kind: isSignIn ? 'sign-in' : 'resource',
    state: 'missing',
    name: isSignIn ? 'signing in' : `subscription ${subscriptionId}`,
    scope: isSignIn ? '' : `/subscriptions/${subscriptionId}`,
    required: true,
    detail: headline,
    remedy: advice,
  })
}

/** What of Azure decides which rights the build needs. */
async function whatDecides(
  request: BuildRequest,
  providers: readonly Provider[],
  { azure, runner }: CheckEdges,
): Promise<Found> {
  const unregistered = providers.filter((one) => !isRegistered(one)).map(({ namespace }) => namespace)
  if (request.kind === 'existing') return { unregistered, stagingGroup: false }
  const { artifact, distributions, settings, subscriptionId } = request
  const staging = settings.stagingResourceGroup
  const [accounts, stagingGroup] = await Promise.all([
    azure.accounts(subscriptionId, runner.cancelled),
    staging === undefined ? false : azure.exists(staging, runner.cancelled),
  ])
  const given = artifact?.storageAccount ?? ''
  const account = accounts.find(({ id, name }) => name === given || sameId(id, given))
  const vhd = distributions.flatMap(({ body }) => (body.type === 'VHD' ? [body.uri ?? ''] : []))[0]
  const vhdAccount = accounts.find(({ blobEndpoint }) => vhd?.startsWith(blobEndpoint))?.id
  // One that is given by its ID has a place, whether it may be read or not.
  const known = account ?? (parseResourceId(given) && { id: given, allowsKeys: false })
  return {
    unregistered,
    stagingGroup,
    ...(known ? { account: { id: known.id, allowsKeys: known.allowsKeys } } : {}),
    ...(vhdAccount === undefined ? {} : { vhdAccount }),
  }
}

/** The rights of the signed-in identity. */
async function checkOwnRights(
  needs: readonly Need[],
  own: Assignee,
  doctor: Doctor,
  { findings }: CheckReport,
  { azure, runner }: CheckEdges,
): Promise<void> {
  const judge = async (need: Need): Promise<Judgement[]> => {
    const wide = await azure.permissions(need.scope, runner.cancelled)
    return await Promise.all(
      need.rights.map(async (right) => {
        const settled = wide && allows(wide, right) === 'yes'
        const near = settled ? wide : await azure.permissions(right.at, runner.cancelled)
        return judgeOwn(need, right, wide, near)
      }),
    )
  }
  for (const need of needs.filter(({ who }) => who === 'deploying identity')) {
    const judgements = await judge(need)
    const instead = isWhole(judgements) ? undefined : need.instead
    const other = instead && (await judge(instead))
    findings.push(
      ...(instead && other && isWhole(other)
        ? rightFindings(instead, other, own, doctor)
        : rightFindings(need, judgements, own, doctor)),
    )
  }
}

function isWhole(judgements: readonly Judgement[]): boolean {
  return judgements.every(({ state }) => state === 'ok')
}

/** The rights of the identity that Image Builder works as. */
async function checkBuilder(
  needs: readonly Need[],
  identityId: string,
  doctor: Doctor,
  { findings }: CheckReport,
  edges: CheckEdges,
): Promise<void> {
  const own = needs.filter(({ who }) => who === 'managed identity')
  const principal =
    own.length > 0 ? await edges.azure.principal(identityId, edges.runner.cancelled) : 'missing'
  const objectId = typeof principal === 'object' ? principal.objectId : principalOf(identityId)
  const assignee = { objectId, isService: true }
  const grants = new Map<string, Promise<Grants>>()
  for (const need of own) {
    const subscription = lastName(subscriptionOf(need.scope)).toLowerCase()
    const asked = grants.get(subscription) ?? grantsOf(principal, subscription, edges)
    grants.set(subscription, asked)
    const found = await asked
    const judgements = need.rights.map((right) => judgeBuilder(need, right, found))
    findings.push(...rightFindings(need, judgements, assignee, doctor))
  }
}

async function grantsOf(
  principal: Principal,
  subscription: string,
  { azure, runner: { cancelled } }: CheckEdges,
): Promise<Grants> {
  if (principal === 'hidden') return 'hidden identity'
  if (principal === 'missing') return 'no identity'
  const found = await azure.grants(subscription, principal.objectId, cancelled)
  return believable(found, await azure.permissions(`/subscriptions/${subscription}`, cancelled))
}

function show(report: CheckReport, { runner }: CheckEdges): void {
  for (const { title, rows } of tables(report)) {
    runner.info(title)
    runner.quote(rows.map(({ state, text }) => `${state.padEnd(7)}  ${text}`))
  }
  const lines = remedies(report)
  if (lines.length === 0) return
  runner.info('what to do; a new role assignment takes minutes to work')
  runner.quote(lines)
}

function conclude({ findings }: CheckReport, { runner }: CheckEdges): void {
  const missing = lacking(findings)
  if (missing.length > 0) throw new CheckError(missing.map(lineOf))
  runner.info(
    isReady(findings)
      ? 'all that this build needs is there'
      : 'nothing is known to be missing, but not all of it may be seen: what is unknown stands above',
  )
}
