/**
 * The outer loop, from a commit to blessed images: examples/workflows/outer-loop.yml on a local Azure. Two sources in two
 * regions are built as candidates and tested from outside; those that pass are blessed and replicated to a third region.
 */
import path from 'node:path'
import { startLocalAzure, type LocalAzure, type LocalAzureOptions } from './index.ts'
import { rightsOf } from './roles.ts'
import {
  CLIENT_ID,
  defaultSeed,
  SUBSCRIPTION_ID,
  TENANT_ID,
  type GalleryImageDefinition,
  type Seed,
} from './seed.ts'
import { playWorkflow, type WorkflowOptions, type WorkflowResult } from './workflow.ts'
import { startTestMachines, type TestMachines } from './workflow/test-machines.ts'
import {
  DEFINITIONS,
  imagesOf,
  PREVIOUS,
  printEnd,
  wrongAround,
  wrongWith,
  type ImageEnd,
} from './workflow/outer-loop-end.ts'

const ROOT = path.join(import.meta.dirname, '..')
const WORKFLOW = path.join(ROOT, 'examples', 'workflows', 'outer-loop.yml')
const REPOSITORY = path.join(ROOT, 'examples', 'outer-loop')

/** The usual small company, whose images have been through the loop before. */
export function outerLoopSeed(): Seed {
  const seed = defaultSeed()
  const [gallery] = seed.galleries
  const like = gallery?.definitions.find(({ name }) => name === 'webapp')
  if (gallery && like) gallery.definitions.push(...DEFINITIONS.map((name) => blessedBefore(like, name)))
  seed.resourceGroups.push({ name: 'rg-tests', location: 'eastus' })
  const [application] = seed.applications
  const [credential] = application?.federatedCredentials ?? []
  if (application && credential) {
    const subject = 'repo:octo-org/webapp:environment:production'
    application.federatedCredentials.push({ ...credential, subject })
    const { actions } = rightsOf(['promoter', 'deployer-live-log'])
    const scope = `/subscriptions/${SUBSCRIPTION_ID}`
    seed.roleAssignments.push({ principalId: application.objectId, scope, actions })
  }
  return seed
}

function blessedBefore(like: GalleryImageDefinition, name: string): GalleryImageDefinition {
  const run = 'https://github.com/octo-org/webapp/actions/runs/18220007'
  const tags = {
    repository: 'octo-org/webapp',
    commit: '1d3f5e7a9c0b2d4f6e9f2c4e6a8b0d1f3e5a7c9b',
    'workflow-run-url': run,
    'build-key': 'sha256-of-an-earlier-build',
    'image-status': 'blessed',
    'blessed-by': run,
  }
  return { ...like, name, versions: [{ name: PREVIOUS, targetRegions: ['East US', 'West US 2'], tags }] }
}

export interface OuterLoopEnd {
  result: WorkflowResult
  images: ImageEnd[]
  /** What is not as it should be; empty when all is. */
  wrong: string[]
}

export interface OuterLoopOptions {
  print: (line: string) => void
  /** Put over the local Azure's. */
  azure?: LocalAzureOptions
  /** Added to the environment of every job. */
  env?: Record<string, string>
  /** Jobs that run side by side; default: as many as in any workflow here. */
  places?: number
  /** Looks at the local Azure before it goes. */
  look?: (azure: LocalAzure) => void | Promise<void>
}

/** Plays the loop on a local Azure of its own, prints its story, and tells how it ended. */
export async function playOuterLoop(options: OuterLoopOptions): Promise<OuterLoopEnd> {
  const azure = await startLocalAzure({ speed: 300, seed: outerLoopSeed(), ...options.azure })
  // Where no machine can run, the API is down all the same.
  const machines = await startTestMachines(azure, (image, script) =>
    image.includes('webapp-api') && script.includes('multi-user.target') ? '' : 'it holds\n',
  )
  try {
    const result = await playWorkflow({ ...runOptions(azure, options), env: envOf(machines, options) })
    const images = imagesOf(azure, result)
    const wrong = [...images.flatMap(wrongWith), ...wrongAround(azure, machines, result)]
    printEnd(options.print, result, images)
    for (const sentence of wrong) options.print(`!! ${sentence}`)
    await options.look?.(azure)
    return { result, images, wrong }
  } finally {
    await machines.close()
    await azure.close()
  }
}

function runOptions(azure: LocalAzure, { print, places }: OuterLoopOptions): WorkflowOptions {
  return {
    azure,
    ...(places !== undefined && { places }),
    workflow: WORKFLOW,
    repository: REPOSITORY,
    vars: {
      AZURE_CLIENT_ID: CLIENT_ID,
      AZURE_TENANT_ID: TENANT_ID,
      AZURE_SUBSCRIPTION_ID: SUBSCRIPTION_ID,
    },
    actionInputs: {
      'resource-manager-endpoint': azure.endpoints.resourceManager,
      'poll-interval-seconds': '1',
    },
    onLine: (line, { job }) => {
      if (IMPORTANT.test(line)) print(`${job.padEnd(JOB_WIDTH)} ${line.trim()}`)
    },
  }
}

/** As wide as the longest name of a job. */
const JOB_WIDTH = 29
/** What of the steps' logs tells the story. */
const IMPORTANT = new RegExp(
  [
    '^\\d+ builds:|^created archive|^starting run template|^run template: |^the build record is',
    '^ +(Image|web|api) |^ +\\d+ (succeeded|failed)|^ +\\w+-\\w+$',
    '^ok: |^##\\[(error|warning)\\](?!Process completed)',
    '^latest is|^replicating to|^ +\\w+: completed|^version \\S+ (is|may)',
  ].join('|'),
)

function envOf({ programs }: TestMachines, { env }: OuterLoopOptions): Record<string, string> {
  return { PATH: `${programs}${path.delimiter}${process.env['PATH'] ?? ''}`, ...env }
}
