/**
 * Plays the newcomer's walk on the local Azure, with just the roles that the set-up gives, and writes what it prints into
 * `docs/first-image.md`. Run by hand: names and times are others each time.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { format, resolveConfig } from 'prettier'
import { startLocalAzure, type LocalAzure } from '../local-azure/index.ts'
import { rightsOf } from '../local-azure/roles.ts'
import { CLIENT_ID, defaultSeed, SUBSCRIPTION_ID, TENANT_ID, type Seed } from '../local-azure/seed.ts'
import { playWorkflow, type WorkflowResult } from '../local-azure/workflow.ts'

const root = path.join(import.meta.dirname, '..')
const DOCUMENT = path.join(root, 'docs', 'first-image.md')
const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`
const GROUP = `${SUBSCRIPTION}/resourceGroups/rg-images`
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/stcontosobuild`

/** Who gets which role where, as `infra/setup.sh` does it without options. */
const GRANTS = [
  ['deployer', 'deployer', GROUP],
  ['deployer', 'deployer-artifact', ACCOUNT],
  ['deployer', 'deployer-source-marketplace', SUBSCRIPTION],
  ['deployer', 'deployer-doctor', SUBSCRIPTION],
  ['deployer', 'deployer-live-log', SUBSCRIPTION],
  ['deployer', 'deployer-checks', SUBSCRIPTION],
  ['builder', 'image-writer', GROUP],
] as const

const WITHOUT_TWO = GRANTS.filter(([, role]) => role !== 'deployer-artifact' && role !== 'image-writer')

function seedWith(grants: readonly (readonly [string, string, string])[]): Seed {
  const seed = defaultSeed()
  const principals: Record<string, string | undefined> = {
    deployer: seed.applications[0]?.objectId,
    builder: seed.identities[0]?.principalId,
  }
  seed.roleAssignments = grants.map(([who, role, scope]) => ({
    principalId: principals[who] ?? '',
    scope,
    ...rightsOf([role]),
  }))
  return seed
}

async function play(azure: LocalAzure, workflow: string): Promise<WorkflowResult> {
  return await playWorkflow({
    azure,
    workflow: path.join(root, 'examples', 'workflows', workflow),
    repository: path.join(root, 'examples'),
    event: { name: workflow === 'check.yml' ? 'workflow_dispatch' : 'push' },
    vars: {
      AZURE_CLIENT_ID: CLIENT_ID,
      AZURE_TENANT_ID: TENANT_ID,
      AZURE_SUBSCRIPTION_ID: SUBSCRIPTION_ID,
    },
    actionInputs: {
      'resource-manager-endpoint': azure.endpoints.resourceManager,
      'poll-interval-seconds': '1',
    },
  })
}

async function on<T>(seed: Seed, act: (azure: LocalAzure) => Promise<T>): Promise<T> {
  const azure = await startLocalAzure({ speed: 300, seed })
  try {
    return await act(azure)
  } finally {
    await azure.close()
  }
}

/** What the steps of our action print, `post` apart. */
function linesOf({ jobs }: WorkflowResult, stage: 'main' | 'post'): string[] {
  const steps = jobs.flatMap((job) => job.steps)
  const ours = steps.filter(({ name }) => name.includes('aib-action'))
  return ours
    .filter(({ name }) => name.startsWith('Post ') === (stage === 'post'))
    .flatMap(({ log }) => log.split('\n'))
}

function block(lines: string[], language = 'text'): string {
  return ['```' + language, ...lines, '```'].join('\n')
}

/** Long lines and values are cut: a page is no log. */
function shortened(lines: string[]): string[] {
  return lines
    .map((line) => line.replaceAll(/\/\S+\/work\/webapp/g, '/home/runner/work/webapp'))
    .map((line) => (line.length > 180 ? `${line.slice(0, 179)}…` : line))
}

/** Lines of a check, without what is there, or good to have alone. */
function withoutGood(lines: string[]): string[] {
  const end = lines.findIndex((line) => line.includes('Good to have'))
  const error = lines.findIndex((line) => line.startsWith('##[error]'))
  return [...lines.slice(0, end), ...lines.slice(error)].filter((line) => !/^ +ok |good to have/.test(line))
}

/** The output of the script in `docs/setup.md`, which a test compares with the script's own; with the IDs of this walk. */
function setupOutput(): string[] {
  const text = readFileSync(path.join(root, 'docs', 'setup.md'), 'utf8')
  const found = /\n```(?:text)?\n(# Resource providers[\s\S]*?)\n```/.exec(text)?.[1]
  if (found === undefined) throw new Error('docs/setup.md has no output of infra/setup.sh.')
  const ids = { CLIENT: CLIENT_ID, TENANT: TENANT_ID, SUBSCRIPTION: SUBSCRIPTION_ID }
  return Object.entries(ids)
    .reduce((text, [name, id]) => {
      const other = new RegExp(`AZURE_${name}_ID=(\\S+)`).exec(found)?.[1] ?? ''
      return text.replaceAll(other, id)
    }, found)
    .split('\n')
}

const [missing] = await on(seedWith(WITHOUT_TWO), async (azure) => [await play(azure, 'check.yml')])
const [check, build] = await on(seedWith(GRANTS), async (azure) => [
  await play(azure, 'check.yml'),
  await play(azure, 'gallery.yml'),
])
for (const [name, { conclusion, log }] of Object.entries({ check, build })) {
  if (conclusion !== 'success') throw new Error(`${name} did not succeed:\n${log}`)
}
const summary = build.summaries.map(({ text }) => text).join('\n')
const SECTIONS: Record<string, string> = {
  setup: block(setupOutput()),
  check: block(shortened(linesOf(check, 'main'))),
  missing: block(shortened(withoutGood(linesOf(missing, 'main')))),
  build: block(shortened(linesOf(build, 'main'))),
  post: block(shortened(linesOf(build, 'post'))),
  // Headings of the summary are none of the document.
  summary: summary.replaceAll(/^#+ (.*)$/gm, '**$1**'),
}
const text = readFileSync(DOCUMENT, 'utf8').replaceAll(
  /<!-- begin walk (\w+) -->[\s\S]*?<!-- end -->/g,
  (_, name: string) => `<!-- begin walk ${name} -->\n\n${SECTIONS[name] ?? ''}\n\n<!-- end -->`,
)
const options = await resolveConfig(DOCUMENT)
writeFileSync(DOCUMENT, await format(text, { ...options, parser: 'markdown' }))
