/** Finds the template that somebody else made, and that is to be run. */
import { isNotFound } from '../errors.ts'
import type { ExistingBuild } from '../inputs.ts'
import { isHandedOn } from '../image-template.ts'
import { artifactBlobIn } from '../names.ts'
import { didYouMean } from '../nearest.ts'
import type { FoundTemplate } from '../ports.ts'
import { formatResourceId, KINDS } from '../resource-id.ts'
import type { SourceName } from '../source-image.ts'
import { view, type TemplateBody } from './image-builder.ts'
import { wrong, type Reader } from './reader.ts'
import { listAccounts, storageAccount } from './storage-account.ts'

/** The source as the service shows it: `exactVersion` is what it has resolved `latest` to. */
interface SourceView {
  publisher?: string
  offer?: string
  sku?: string
  version?: string
  imageId?: string
  imageVersionId?: string
  exactVersion?: string
}

type Body = TemplateBody & { properties: { source?: SourceView; distribute?: { runOutputName: string }[] } }

/**
 * Reads the template of `template-name`.
 * @throws InputError when there is none, with the one of a similar name, or when it cannot be run
 */
export async function findTemplate(reader: Reader, request: ExistingBuild): Promise<FoundTemplate> {
  const { templateName: name, resourceGroup } = request
  const id = formatResourceId({ ...request, type: KINDS.template.type, names: [name] })
  const what = `image template ${name}`
  const body = await reader.get<Body>(id, 'imageBuilder', what).catch(async (error: unknown) => {
    if (!isNotFound(error)) throw error
    const hint = didYouMean(name, await namesBeside(reader, id))
    return wrong('template-name', `'${name}' does not exist in resource group ${resourceGroup}.${hint}`)
  })
  const found = view(body)
  if (found.provisioningState !== 'Succeeded') {
    const reason = found.provisioningError === undefined ? '' : `: ${found.provisioningError}`
    wrong('template-name', `'${name}' cannot be run, it is ${found.provisioningState}${reason}`)
  }
  const { source = {}, distribute = [] } = body.properties
  const blob = isHandedOn(found.tags, request.workflowRun)
    ? await artifactOf(reader, request, body)
    : undefined
  return {
    ...found,
    id,
    body,
    ...(blob && { blob }),
    source: sourceOf(source),
    runOutputNames: distribute.map(({ runOutputName }) => runOutputName),
  }
}

/** The artifact that an earlier job uploaded for the template, in whichever account of the subscription it lies. */
async function artifactOf(
  reader: Reader,
  { subscriptionId }: ExistingBuild,
  body: Body,
): Promise<FoundTemplate['blob']> {
  const bodies = await reader.ifAllowed('a list of storage accounts', () =>
    listAccounts(reader, subscriptionId, 'listing storage accounts'),
  )
  const text = JSON.stringify(body)
  for (const account of (bodies ?? []).map(storageAccount)) {
    const blob = artifactBlobIn(text, account.blobEndpoint)
    if (blob) return { ...blob, account }
  }
  return undefined
}

/** Names of the templates in the same group; none where they may not be listed. */
async function namesBeside(reader: Reader, id: string): Promise<string[]> {
  const path = id.replace(/\/[^/]+$/, '')
  const all = await reader.ifAllowed('a list of image templates', () =>
    reader.list<{ name: string }>(path, 'imageBuilder', 'listing image templates'),
  )
  return (all ?? []).map(({ name }) => name)
}

function sourceOf(source: SourceView): SourceName {
  const { publisher = '', offer = '', sku = '', version = '', exactVersion, imageId, imageVersionId } = source
  if (imageId !== undefined) return { kind: 'managed-image', id: imageId }
  if (imageVersionId === undefined) {
    return { kind: 'marketplace', publisher, offer, sku, version: exactVersion ?? version }
  }
  const id = exactVersion
    ? imageVersionId.replace(/\/versions\/latest$/i, `/versions/${exactVersion}`)
    : imageVersionId
  return { kind: 'gallery-version', id }
}
