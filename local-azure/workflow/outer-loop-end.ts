/** How the outer loop ends: what became of each image, what is not as it should be, and the table of it. */
import type { LocalAzure } from '../index.ts'
import type { JobRun, WorkflowResult } from '../workflow.ts'
import { regionKey, type Resource } from '../world.ts'
import type { TestMachines } from './test-machines.ts'

const APPS = ['web', 'api']
const REGIONS = ['eastus', 'westus2']
/** Where the blessed ones go as well. */
export const THIRD_REGION = 'westeurope'
/** What each definition has before: blessed by an earlier run, and the latest. */
export const PREVIOUS = '0.1.0'
export const DEFINITIONS = APPS.flatMap((app) => REGIONS.map((region) => `webapp-${app}-${region}`))

/** How an image came out of it. */
export interface ImageEnd {
  definition: string
  /** Where it was built and tested. */
  location: string
  version: string
  /** What its test from outside came to. */
  tests: string
  /** Its tag `image-status`. */
  status: string
  regions: string[]
  /** What `latest` of its definition means now. */
  latest: string
  /** What promotion names as the version to go back to. */
  previous: string
  rollBack: string
}

/** The newest version of each definition. */
export function imagesOf({ world }: LocalAzure, { jobs }: WorkflowResult): ImageEnd[] {
  const all = world.resources.list('Microsoft.Compute/galleries/images/versions')
  return DEFINITIONS.map((definition) => {
    const versions = all.filter(({ id }) => id.includes(`/images/${definition}/versions/`))
    const [version] = versions.filter(({ name }) => name !== PREVIOUS)
    const leg = definition.replace('webapp-', '')
    const job = (id: string): JobRun | undefined =>
      jobs.find((run) => run.id === `promote / ${id}` && run.name.includes(` ${leg} / `))
    const { outputs = {} } = job('promote') ?? {}
    const latest = versions.filter((one) => !profileOf(one).excludeFromLatest).map(({ name }) => name)
    return {
      definition,
      location: leg.split('-').at(-1) ?? '',
      version: version?.name ?? 'none',
      tests: job('test')?.conclusion ?? 'none',
      status: version?.tags?.['image-status'] ?? 'none',
      regions: version ? profileOf(version).targetRegions.map(({ name }) => regionKey(name)) : [],
      latest: latest.sort(byNumber).at(-1) ?? 'none',
      previous: outputs['previous-version'] ?? '',
      rollBack: outputs['roll-back-command'] ?? '',
    }
  })
}

interface Profile {
  targetRegions: { name: string }[]
  excludeFromLatest?: boolean
}

function profileOf({ properties }: Resource): Profile {
  return (properties as unknown as { publishingProfile: Profile }).publishingProfile
}

function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true })
}

/** Sentences about an image that did not end as it should: those of `web` blessed, those of `api` rejected. */
export function wrongWith(image: ImageEnd): string[] {
  const passes = image.definition.startsWith('webapp-web-')
  const { definition, version, ...is } = image
  const should = passes
    ? { tests: 'success', status: 'blessed', regions: [...REGIONS, THIRD_REGION], latest: version }
    : { tests: 'failure', status: 'rejected', regions: REGIONS, latest: PREVIOUS }
  const sentences = Object.entries(should).flatMap(([name, value]) => {
    const found = String(is[name as keyof typeof is])
    return found === String(value) ? [] : [`${definition}: ${name} is ${found}, not ${String(value)}`]
  })
  if (is.previous !== PREVIOUS)
    sentences.push(`${definition}: the roll-back target is '${is.previous}', not ${PREVIOUS}`)
  if (passes && !is.rollBack.includes(version))
    sentences.push(`${definition}: no command rolls ${version} back`)
  return sentences
}

/** The same of all that is not an image. */
export function wrongAround(
  { world }: LocalAzure,
  { tested }: TestMachines,
  { jobs, conclusion, leaks }: WorkflowResult,
): string[] {
  const templates = world.resources.list('Microsoft.VirtualMachineImages/imageTemplates')
  const exact = tested.filter((id) => /\/versions\/\d+\.\d+\.\d+$/.test(id))
  const environments = jobs.filter(({ environment }) => environment === 'production').map(({ name }) => name)
  return [
    ...(conclusion === 'failure' ? [] : [`the run ended with ${conclusion}, though images were rejected`]),
    ...(new Set(exact).size === DEFINITIONS.length ? [] : [`tested were ${tested.join(', ')}`]),
    ...(environments.length === REGIONS.length ? [] : [`approved were ${environments.join(', ')}`]),
    ...templates.map(({ name }) => `the template ${name} was left behind`),
    ...leaks,
  ]
}

/** Jobs, images, and the commands that undo. */
export function printEnd(print: (line: string) => void, result: WorkflowResult, images: ImageEnd[]): void {
  print('')
  print('── jobs')
  for (const { name, conclusion, environment } of result.jobs) {
    print(
      `   ${conclusion.padEnd(9)} ${name}${environment === undefined ? '' : ` (environment ${environment})`}`,
    )
  }
  print('')
  print('── images')
  const head = [
    'image',
    'built in',
    'version',
    'tests',
    'status',
    'regions',
    'latest now',
    'roll-back target',
  ]
  const rows = images.map((image) => [
    ...[image.definition, image.location, image.version, image.tests, image.status],
    ...[image.regions.join(', '), image.latest, image.previous],
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  for (const row of [head, ...rows]) {
    print(
      `   ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}`,
    )
  }
  print('')
  print('── to roll back')
  for (const { rollBack } of images) if (rollBack !== '') print(`   ${rollBack}`)
}
