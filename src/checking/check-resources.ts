/** Registrations, and the resources that the inputs name, as findings of a check. */
import { creation, registerCommand } from './check-remedies.ts'
import type { Finding } from './check-report.ts'
import type { Doctor } from './check-rights.ts'
import { definitionIdOf } from '../distributors.ts'
import type { Problem } from '../errors.ts'
import type { BuildRequest, NewBuild } from '../inputs.ts'
import { isWithin } from './permissions.ts'
import { isRegistered, PROVIDERS, type Provider } from '../preflight.ts'
import { groupOf } from './rights-needed.ts'
import { groupScope } from './rights-places.ts'
import { formatResourceId, KINDS, lastName, resourceGroupOfId, sameId } from '../resource-id.ts'

/** What came of looking for all that the inputs name. */
export interface Looked {
  problems: readonly Problem[]
  /** Paths that may not be read. */
  refused: readonly string[]
}

/** @param providers those that may be read */
export function registrationFindings(
  request: BuildRequest,
  providers: readonly Provider[],
  doctor: Doctor,
): Finding[] {
  const { subscriptionId } = request
  const registers = request.kind === 'new' && request.registerProviders
  return PROVIDERS.map((name): Finding => {
    const provider = providers.find(({ namespace }) => namespace.toLowerCase() === name.toLowerCase())
    const scope = `/subscriptions/${subscriptionId}`
    const finding = {
      ...{ kind: 'registration' as const, name, scope, required: true },
      ...{ detail: '', remedy: [] as string[] },
    }
    if (!provider) return { ...finding, state: 'unknown', detail: HIDDEN, remedy: doctor(scope) }
    if (isRegistered(provider)) return { ...finding, state: 'ok' }
    const detail = provider.registrationState
    if (registers) return { ...finding, state: 'ok', detail: `${detail}; the build registers it` }
    return { ...finding, state: 'missing', detail, remedy: [registerCommand(name, subscriptionId)] }
  })
}

const HIDDEN = 'the signed-in identity may not read it'

/** A resource that an input names. */
interface Named {
  input: string
  words: string
  /** ID, or the path below which it is looked for. */
  id: string
  /** The list that it is looked for in, where it is given by name. */
  list?: string
}

/** What each input names: there, wrong or hidden. */
export function resourceFindings(
  request: BuildRequest,
  { problems, refused }: Looked,
  doctor: Doctor,
): Finding[] {
  const named = request.kind === 'existing' ? [templateOf(request)] : namedBy(request)
  const told = new Set<Problem>()
  const findings = named.map(({ input, words, id, list }): Finding => {
    const own = problems.filter((problem) => isAbout(problem, input, id, named))
    own.forEach((problem) => told.add(problem))
    const hidden = refused.some((path) => isOf(path, list ?? id))
    const state = own.length > 0 ? 'missing' : hidden ? 'unknown' : 'ok'
    const detail = own.map(({ message }) => message).join(' ') || (hidden ? HIDDEN : '')
    const gone = request.kind === 'new' && own.some(({ message }) => ABSENT.test(message))
    const mended = gone ? creation(input, id, request) : []
    const remedy = state === 'unknown' && SEEN_BY_DOCTOR.test(input) ? doctor(id) : mended
    return { kind: 'resource', state, name: words, scope: id, required: true, detail, remedy }
  })
  const others = problems.filter((problem) => !told.has(problem))
  return [...findings, ...others.map((problem) => otherFinding(problem, request))]
}

/** Inputs whose resources the doctor's role may read; the others stand among the rights, with the role of their own. */
const SEEN_BY_DOCTOR =
  /^(?:resource-group|location|managed-identity|storage-account|build-vm-identities|staging-resource-group)$/

/** The words of the look-ups for what is not there at all. */
const ABSENT = /does not exist|was not found/

/** Several identities come from one input: then the message says which. */
function isAbout(problem: Problem, input: string, id: string, named: readonly Named[]): boolean {
  if (problem.input !== input) return false
  return named.filter((one) => one.input === input).length === 1 || problem.message.endsWith(` ${id}.`)
}

/** Whether a path is that of a resource, or of a part of it; what lies in a resource group is no part of that. */
function isOf(path: string, id: string): boolean {
  return resourceGroupOfId(id) === undefined ? isWithin(path, id) : sameId(path, id)
}

/** A mistake in an input that names no resource, such as a region. */
function otherFinding({ input, message }: Problem, request: BuildRequest): Finding {
  const scope = groupOf(request)
  return {
    kind: 'resource',
    state: 'missing',
    name: input,
    scope,
    required: true,
    detail: message,
    remedy: [],
  }
}

function templateOf(request: BuildRequest): Named {
  const name = request.templateName ?? ''
  const id = formatResourceId({ ...request, type: KINDS.template.type, names: [name] })
  return { input: 'template-name', words: `image template ${name}`, id }
}

function namedBy(request: NewBuild): Named[] {
  const { subscriptionId, resourceGroup, location, managedIdentity, artifact, settings, templateName } =
    request
  const { userAssignedIdentities = [], vnetConfig = {} } = settings.vmProfile ?? {}
  const { subnetId, containerInstanceSubnetId } = vnetConfig
  const staging = settings.stagingResourceGroup
  const builders = `/subscriptions/${subscriptionId}/providers/Microsoft.VirtualMachineImages`
  const all: (Named | undefined)[] = [
    { input: 'resource-group', words: `resource group ${resourceGroup}`, id: groupOf(request) },
    { input: 'location', words: `Image Builder in ${location}`, id: builders },
    of('managed-identity', 'managed identity', managedIdentity),
    artifact && account(artifact.storageAccount, subscriptionId),
    source(request),
    ...targets(request),
    ...userAssignedIdentities.map((id) => of('build-vm-identities', 'managed identity', id)),
    subnetId === undefined ? undefined : of('subnet-id', 'subnet', subnetId),
    containerInstanceSubnetId === undefined
      ? undefined
      : of('container-instance-subnet-id', 'subnet', containerInstanceSubnetId),
    staging === undefined ? undefined : of('staging-resource-group', 'staging resource group', staging),
    templateName === undefined
      ? undefined
      : { ...templateOf(request), words: `a free name for the template, ${templateName}` },
  ]
  return all.filter((one) => one !== undefined)
}

function of(input: string, words: string, id: string): Named {
  return { input, words: `${words} ${lastName(id)}`, id }
}

/** One that is given by name is looked for in the whole subscription. */
function account(given: string, subscriptionId: string): Named {
  if (given.startsWith('/')) return of('storage-account', 'storage account', given)
  const list = `/subscriptions/${subscriptionId}/providers/${KINDS.account.type}`
  return { ...of('storage-account', 'storage account', `${list}/${given}`), list }
}

function source({ source: { image, place }, subscriptionId, location }: NewBuild): Named {
  if (image.kind !== 'marketplace') {
    const definition = image.id.replace(/\/versions\/[^/]*$/i, '')
    return { input: place.input, words: `source image ${lastName(definition)}`, id: definition }
  }
  const { publisher, offer, sku, version } = image
  return {
    input: place.input,
    words: `source image ${[publisher, offer, sku, version].join(':')}`,
    id: `/subscriptions/${subscriptionId}/providers/Microsoft.Compute/locations/${location}/publishers/${publisher}`,
  }
}

function targets({ distributions }: NewBuild): Named[] {
  return distributions.flatMap(({ body, inputs, place }) => {
    if (body.type === 'VHD') return []
    if (body.type === 'SharedImage') {
      return [of(inputs['galleryImageId'] ?? place.input, 'image definition', definitionIdOf(body))]
    }
    const group = groupScope(body.imageId)
    return [of(inputs['imageId'] ?? place.input, 'resource group of the managed image,', group)]
  })
}
