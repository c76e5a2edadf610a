/** Finds in Azure what the inputs name: everything side by side, every mistake in one failure, nothing created. */
import { customizationProblems } from '../customizers.ts'
import { definitionIdOf, distributionProblem, isGallery, type Distribution } from '../distributors.ts'
import { InputError, type Problem } from '../errors.ts'
import type { Findings, StorageAccount } from '../image-template.ts'
import type { NewBuild } from '../inputs.ts'
import { didYouMean } from '../nearest.ts'
import {
  definitionProblems,
  diskProblems,
  managedImageProblems,
  type GalleryDefinition,
} from '../image-match.ts'
import { buildWarnings, isRegistered, regionProblems, registrationProblems } from '../preflight.ts'
import { formatResourceId, KINDS, lastName, parseResourceId } from '../resource-id.ts'
import type { SourceImage } from '../source-image.ts'
import { looksForImages } from '../unchanged.ts'
import { readProviders } from './providers.ts'
import { allOrEveryProblem, wrong, type Reader } from './reader.ts'
import { readDefinition, readSourceImage } from './source-images.ts'
import { listAccounts, storageAccount, type FirewalledAccountBody } from './storage-account.ts'
import { checkStagingGroup, checkSubnets } from './surroundings.ts'

/**
 * Looks everything up.
 * @throws InputError with every mistake; AzureError when Azure refused to tell what a build must know; SignInError
 */
export async function lookUp(reader: Reader, request: NewBuild): Promise<Findings> {
  const source = readSourceImage(reader, request)
  const definitions = targetDefinitions(reader, request)
  const [sourceImage, storageAccount, identityId, unregistered] = await allOrEveryProblem([
    source,
    storage(reader, request),
    identity(reader, request.managedIdentity, 'managed-identity'),
    checkProviders(reader, request),
    definitions,
    checkSource(request, source, definitions),
    resourceGroup(reader, request),
    newTemplate(reader, request),
    checkStagingGroup(reader, request),
    checkSubnets(reader, request),
    ...(request.settings.vmProfile?.userAssignedIdentities ?? []).map((id) =>
      identity(reader, id, 'build-vm-identities'),
    ),
  ] as const)
  return {
    identityId,
    sourceImage,
    ...(storageAccount ? { storageAccount } : {}),
    warnings: buildWarnings(request, sourceImage, storageAccount),
    unregistered,
  }
}

type Definitions = Map<Distribution, GalleryDefinition>

/** What the source image rules out; nothing where the image itself is not found, which is told by then. */
async function checkSource(
  request: NewBuild,
  source: Promise<SourceImage>,
  definitions: Promise<Definitions>,
): Promise<void> {
  const [image, found] = await Promise.all([
    source.catch(() => undefined),
    definitions.catch((): Definitions => new Map()),
  ])
  const problems = image ? sourceProblems(request, image, found) : []
  if (problems.length > 0) throw new InputError(problems)
}

function sourceProblems(request: NewBuild, source: SourceImage, definitions: Definitions): Problem[] {
  const { distributions, customization } = request
  const matches = distributions.filter(isGallery).flatMap((one) => {
    const definition = definitions.get(one)
    return definition ? definitionProblems(one, definition, source) : []
  })
  return [
    ...customizationProblems(customization, source.osType),
    ...matches,
    ...managedImageProblems(distributions, source),
    ...diskProblems(request, source),
  ]
}

/**
 * Providers are registered and offer the regions.
 * @returns those that are to be registered yet, when `register-providers` says so
 */
async function checkProviders(reader: Reader, request: NewBuild): Promise<string[]> {
  const providers = await readProviders(reader, request.subscriptionId)
  const unregistered = request.registerProviders
    ? []
    : registrationProblems(providers, request.subscriptionId)
  const problems = [...unregistered, ...regionProblems(request, providers)]
  if (problems.length > 0) throw new InputError(problems)
  return providers.filter((provider) => !isRegistered(provider)).map(({ namespace }) => namespace)
}

async function resourceGroup(reader: Reader, request: NewBuild): Promise<void> {
  const { subscriptionId, resourceGroup: name } = request
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${name}`
  await reader.glimpse(path, 'resources', `resource group ${name}`, () =>
    wrong('resource-group', `'${name}' does not exist in subscription ${subscriptionId}.`),
  )
}

/** The identity's ID as Azure spells it, or as it was given where it may not be read. */
async function identity(reader: Reader, id: string, input: string): Promise<string> {
  const what = `managed identity ${lastName(id)}`
  const found = await reader.glimpse<{ id: string }>(id, 'identity', what, () =>
    wrong(input, `'${lastName(id)}' does not exist; looked for ${id}.`),
  )
  return found?.id ?? id
}

/** A name that was given must be free: templates are never changed. */
async function newTemplate(reader: Reader, request: NewBuild): Promise<void> {
  const { templateName: name } = request
  if (name === undefined) return
  const id = formatResourceId({ ...request, type: KINDS.template.type, names: [name] })
  if (!(await reader.find(id, 'imageBuilder', `image template ${name}`))) return
  wrong(
    'template-name',
    `'${name}' exists already: give another name, delete it, or set existing-template: true to run it as it is.`,
  )
}

async function storage(reader: Reader, request: NewBuild): Promise<StorageAccount | undefined> {
  if (!request.artifact) return undefined
  const { storageAccount: given } = request.artifact
  const missing = (hint = ''): never =>
    wrong(
      'storage-account',
      `'${given}' was not found, or the signed-in identity may not read it (Microsoft.Storage/storageAccounts/read).${hint}`,
    )
  const byName = async (): Promise<FirewalledAccountBody> => {
    const accounts = await listAccounts(reader, request.subscriptionId, 'looking for the storage account')
    const names = accounts.map(({ name }) => name)
    return accounts.find(({ name }) => name === given) ?? missing(didYouMean(given, names))
  }
  const account = given.startsWith('/')
    ? await reader.get<FirewalledAccountBody>(given, 'storage', `storage account ${lastName(given)}`, missing)
    : await byName()
  return storageAccount(account)
}

/** The gallery image definitions that the image goes to, and the groups of managed images, which must exist. */
async function targetDefinitions(
  reader: Reader,
  request: NewBuild,
): Promise<Map<Distribution, GalleryDefinition>> {
  const definitions = new Map<Distribution, GalleryDefinition>()
  const read = async (one: Distribution): Promise<void> => {
    if (one.body.type === 'ManagedImage') await imageGroup(reader, one, one.body.imageId)
    if (!isGallery(one)) return
    const [definition] = await allOrEveryProblem([
      targetDefinition(reader, one, definitionIdOf(one.body)),
      // A version that exists may be the very image that is wanted.
      ...(looksForImages(request) ? [] : [newVersion(reader, one, one.body.galleryImageId)]),
    ] as const)
    if (definition) definitions.set(one, definition)
  }
  await allOrEveryProblem(request.distributions.map(read))
  return definitions
}

async function targetDefinition(
  reader: Reader,
  one: Distribution,
  id: string,
): Promise<GalleryDefinition | undefined> {
  const problem = (message: string): Problem => distributionProblem(one, 'galleryImageId', message)
  return await reader.ifAllowed(`image definition ${lastName(id)}`, () => readDefinition(reader, id, problem))
}

/** An explicit version must be new: versions never change. */
async function newVersion(reader: Reader, one: Distribution, id: string): Promise<void> {
  if (!/\/versions\//i.test(id) || !(await reader.find(id, 'gallery', `image version ${lastName(id)}`)))
    return
  const message = `version ${lastName(id)} exists already; give a new one, or none to have it numbered.`
  throw new InputError([distributionProblem(one, 'galleryImageId', message)])
}

async function imageGroup(reader: Reader, one: Distribution, imageId: string): Promise<void> {
  const { subscriptionId = '', resourceGroup: name = '' } = parseResourceId(imageId) ?? {}
  const path = `/subscriptions/${subscriptionId}/resourceGroups/${name}`
  await reader.glimpse(path, 'resources', `resource group ${name}`, () => {
    throw new InputError([distributionProblem(one, 'imageId', `resource group '${name}' does not exist.`)])
  })
}
