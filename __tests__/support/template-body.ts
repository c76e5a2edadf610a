/** From inputs, as a user writes them, to the template's body: look-ups and upload as an Azure without surprises answers. */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { templateValidator } from '../../scripts/check-schema.ts'
import { chosenTransfer, type BuildArtifact } from '../../src/artifact-customizers.ts'
import { imageTemplate, type ImageTemplate } from '../../src/image-template.ts'
import type { RawInputs } from '../../src/input-reader.ts'
import { readInputs, type NewBuild } from '../../src/inputs.ts'
import { artifactFolder } from '../../src/names.ts'
import type { OsType, SourceImage } from '../../src/source-image.ts'
import { buildArtifact, findings, rawInputs, WORKSPACE } from './factories.ts'

/** The action's version in every template of `bodyOf`. */
export const VERSION = '1.2.3'
/** What `latest` is resolved to, of a marketplace image and of a gallery's image definition. */
export const LATEST = { marketplace: '24.4.20261101', gallery: '1.9.0' }

export interface Surroundings {
  /** Content of `template-file`: text, or what becomes JSON. */
  file?: unknown
  /** Size of the artifact's archive. */
  bytes?: number
}

const small = rawInputs()

/** The inputs as the runner hands them over; `given` goes over those of a small valid build. */
export function rawOf(given: Record<string, string>, { file }: Surroundings = {}): RawInputs {
  const text = (name: string): string =>
    given[name] ?? (file !== undefined && name === 'template-file' ? 'template.json' : small.text(name))
  const readFile = (): string => (typeof file === 'string' ? file : JSON.stringify(file))
  return { ...small, text, input: (name) => text(name).trim(), readFile }
}

/** The request that inputs make. @throws InputError */
export function requestOf(given: Record<string, string>, surroundings: Surroundings = {}): NewBuild {
  const request = readInputs(rawOf(given, surroundings))
  if (request.kind !== 'new') throw new Error('The inputs ask for an existing template.')
  return request
}

/** The body that is submitted for inputs. @throws InputError */
export function bodyOf(given: Record<string, string>, surroundings: Surroundings = {}): ImageTemplate {
  const request = requestOf(given, surroundings)
  const found = findings(resolved(request), { identityId: request.managedIdentity })
  return imageTemplate(request, found, uploaded(request, surroundings), { version: VERSION })
}

/** Of Windows is whatever has Windows in its name. */
function resolved({ source: { image, plan } }: NewBuild): SourceImage {
  const osType: OsType = /windows/i.test(JSON.stringify(image)) ? 'Windows' : 'Linux'
  switch (image.kind) {
    case 'marketplace': {
      const version = image.version.toLowerCase() === 'latest' ? LATEST.marketplace : image.version
      return { ...image, version, osType, ...(plan && { plan }) }
    }
    case 'gallery-definition':
      return { kind: 'gallery-version', id: `${image.id}/versions/${LATEST.gallery}`, osType }
    case 'managed-image':
    case 'gallery-version':
      return { ...image, osType }
  }
}

function uploaded(
  { artifact, workflowRun }: NewBuild,
  { bytes = 1000 }: Surroundings,
): BuildArtifact | undefined {
  if (!artifact) return undefined
  const folder = artifactFolder(artifact.path, WORKSPACE, workflowRun.repository)
  const { url } = buildArtifact()
  const transfer = chosenTransfer(artifact, bytes)
  return buildArtifact({
    folder,
    bytes,
    transfer,
    url: artifact.access === 'sas' ? url : url.replace(/\?.*/, ''),
  })
}

/**
 * Every value at a place of the body: `properties.distribute[].type`, `properties.customize[2]`; `[]` stands for each
 * member.
 */
export function valuesAt(body: unknown, place: string): unknown[] {
  const steps = place.replaceAll(/\[(\d*)\]/g, (_, index: string) => `.${index || '*'}`).split('.')
  return steps.reduce<unknown[]>(
    (values, step) =>
      values.flatMap((value) => {
        if (typeof value !== 'object' || value === null) return []
        if (step === '*') return Object.values(value) as unknown[]
        return step in value ? [(value as Record<string, unknown>)[step]] : []
      }),
    [body],
  )
}

/** Type and name of each customizer, in their order. */
function stepsOf(body: ImageTemplate): string[] {
  return body.properties.customize.map(({ type, name = '' }) => `${type} ${name}`.trim())
}

const action = parse(readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')) as { inputs: object }
/** What stands at each place of the body: a list where the place has `[]`; `steps` stands for `stepsOf`. */
export function placesOf(body: ImageTemplate, places: string[]): Record<string, unknown> {
  const value = (place: string): unknown => {
    const values = valuesAt(body, place)
    return place.includes('[]') ? values : values[0]
  }
  return Object.fromEntries(places.map((place) => [place, place === 'steps' ? stepsOf(body) : value(place)]))
}

/** The inputs of action.yml. */
export const INPUTS = Object.keys(action.inputs)

const schemas = process.env['AIB_SCHEMAS'] ?? ''

/** What is wrong with a body by Azure's published schema; undefined when `AIB_SCHEMAS` names no folder that has it. */
export const schemaMistakes: ((body: unknown) => string[]) | undefined =
  schemas === ''
    ? undefined
    : await templateValidator(schemas).then((mistakes) => (body) => mistakes('t', body))

/** What of `given` makes a template file alone say what is built. */
export const FILE_ALONE = {
  location: '',
  'managed-identity': '',
  'source-image': '',
  'gallery-image-id': '',
  'build-path': '',
}
