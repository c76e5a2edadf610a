/** Checks the legs of a plan: each as the main action will read it, then all of them beside each other. */
import path from 'node:path'
import type { Distribution } from '../distributors.ts'
import { InputError } from '../errors.ts'
import type { InputReader, RawInputs } from '../input-reader.ts'
import { readInputs, type BuildRequest } from '../inputs.ts'
import type { Leg } from './matrix-plan.ts'

/**
 * What the job that builds may have in its environment and the plan's has not, as that of a GitHub environment: what is
 * missing is told by the build, not here.
 */
const STAND_INS: Readonly<Record<string, string>> = {
  AZURE_SUBSCRIPTION_ID: '00000000-0000-0000-0000-000000000000',
  AZURE_TENANT_ID: '00000000-0000-0000-0000-000000000000',
}

/** What the legs ask for, by their names. */
type Requests = Map<string, BuildRequest>

/**
 * Reads every leg as the main action does. What is wrong in several legs is told once, with their names.
 * @param hasFiles whether the workspace has the files that the builds will have
 */
export function readLegs(
  read: InputReader,
  legs: readonly Leg[],
  raw: RawInputs,
  hasFiles: boolean,
): Requests {
  const requests: Requests = new Map()
  const wrong = new Map<string, string[]>()
  for (const leg of legs) {
    try {
      requests.set(leg.name, readInputs(inputsOf(leg, raw, hasFiles)))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      const problems = error.problems.filter(({ input }) => hasFiles || input !== 'template-file')
      for (const { input, message } of problems) {
        const text = `${input}: ${message}`
        wrong.set(text, [...(wrong.get(text) ?? []), leg.name])
      }
    }
  }
  for (const [text, names] of wrong) read.problem(list(names), text)
  return requests
}

/** The leg as inputs of the main action. Without a checkout every file is believed in, but a template cannot be read. */
function inputsOf(leg: Leg, raw: RawInputs, hasFiles: boolean): RawInputs {
  const text = (name: string): string => leg[name] ?? ''
  const template = leg['template-file'] && path.resolve(raw.workspace, leg['template-file'])
  return {
    ...raw,
    text,
    input: (name) => text(name).trim(),
    env: (name) => given(raw.env(name)) ?? STAND_INS[name],
    exists: (file) => (hasFiles ? raw.exists(file) : file !== template),
  }
}

function given(text: string | undefined): string | undefined {
  return text?.trim() === '' ? undefined : text
}

/** `leg a`, `legs a, b, c and 9 more` */
function list(names: readonly string[]): string {
  const more = names.length - 3
  const shown = names.slice(0, 3).join(', ')
  return `${names.length === 1 ? 'leg' : 'legs'} ${shown}${more > 0 ? ` and ${more} more` : ''}`
}

/** What only one build may write: the last would overwrite the others, or Azure or GitHub refuse it. */
export function checkTargets(read: InputReader, requests: Requests): void {
  const writers = new Map<string, { target: string; legs: string[] }>()
  for (const [leg, request] of requests) {
    for (const target of new Set(targetsOf(request))) {
      const key = target.toLowerCase()
      const known = writers.get(key) ?? { target, legs: [] }
      writers.set(key, { ...known, legs: [...known.legs, leg] })
    }
  }
  for (const { target, legs } of writers.values()) {
    if (legs.length < 2) continue
    read.problem(list(legs), `would all write the same ${target}; put {image} or {location} into its name.`)
  }
}

function targetsOf(request: BuildRequest): string[] {
  const { resourceGroup, templateName, log } = request
  const template = templateName === undefined ? [] : [`image template ${resourceGroup}/${templateName}`]
  const isShared = log.artifactName !== '' && !log.artifactName.includes('<template name>')
  const artifact = isShared ? [`workflow artifact ${log.artifactName} (log-artifact-name)`] : []
  if (request.kind === 'existing') return [...template, ...artifact]
  const { stagingResourceGroup } = request.settings
  const staging = stagingResourceGroup === undefined ? [] : [`staging resource group ${stagingResourceGroup}`]
  return [...template, ...artifact, ...staging, ...request.distributions.flatMap(imageOf)]
}

/** A gallery numbers its versions, so that several builds may add to the same definition. */
function imageOf({ body }: Distribution): string[] {
  if (body.type === 'ManagedImage') return [`managed image ${body.imageId}`]
  if (body.type === 'VHD') return body.uri === undefined ? [] : [`VHD ${body.uri}`]
  return /\/versions\//i.test(body.galleryImageId) ? [`image version ${body.galleryImageId}`] : []
}
