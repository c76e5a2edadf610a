/** Reads what is there already: versions of a gallery image, managed images, image templates. */
import type { NewBuild } from '../inputs.ts'
import { formatResourceId, KINDS, lastName } from '../resource-id.ts'
import type { SeenVersion } from '../promotion/candidate.ts'
import type { Distributor } from '../template-schema.ts'
import type { SeenImage, SeenTemplate } from '../unchanged.ts'
import { listVersions } from './gallery-version.ts'
import { view, type TemplateBody } from './image-builder.ts'
import type { Reader } from './reader.ts'

/** All versions of an image definition; none where they may not be listed, or where there is no such definition. */
export async function imageVersions(reader: Reader, definitionId: string): Promise<SeenVersion[]> {
  const what = `the list of versions of ${definitionId}`
  return (await reader.ifAllowed(what, () => listVersions(reader, definitionId))) ?? []
}

interface ImageBody {
  id: string
  location: string
  tags?: Record<string, string> | null
  properties: { provisioningState?: string }
}

export async function managedImage(reader: Reader, id: string): Promise<SeenImage | undefined> {
  const image = await reader.find<ImageBody>(id, 'compute', `managed image ${lastName(id)}`)
  if (!image) return undefined
  const { location, tags, properties } = image
  return { id: image.id, location, tags: tags ?? {}, provisioningState: properties.provisioningState ?? '' }
}

type ListedTemplate = TemplateBody & {
  id: string
  name: string
  location: string
  properties: { distribute?: Distributor[] }
}

/** The image templates of the request's resource group; none where they may not be listed. */
export async function imageTemplates(reader: Reader, request: NewBuild): Promise<SeenTemplate[]> {
  const path = formatResourceId({ ...request, type: KINDS.template.type, names: [''] }).replace(/\/$/, '')
  const all = await reader.ifAllowed('a list of image templates', () =>
    reader.list<ListedTemplate>(path, 'imageBuilder', 'listing image templates'),
  )
  return (all ?? []).map((body) => {
    const { id, name, location, tags, properties } = body
    return {
      ...view(body),
      id,
      name,
      location,
      tags: tags ?? {},
      distribute: properties.distribute ?? [],
      body,
    }
  })
}
