/** Plays the stories of rights, each attempt a job of its own, on one local Azure for each course that jobs take. */
import { makeTemplate } from '../../local-azure/failures/others.ts'
import type { LocalAzureOptions } from '../../local-azure/index.ts'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, type Seed } from '../../local-azure/seed.ts'
import { GALLERY, GROUP, openStage, type Stage } from '../support/run-action.ts'
import { attemptsOf, type Attempt } from './principals.ts'
import { PLAIN_IDENTITY, STAGING_GROUP, type Course, type Story } from './stories.ts'

export interface Played extends Attempt {
  job: JobResult
}

const AT_ONCE = 4
const AZURES: Record<Course, LocalAzureOptions> = {
  'to its end': { speed: 5000 },
  // The run is held long enough to be going on when the job is cancelled.
  cancelled: { speed: 300, durations: { customizing: 3 * 60 * 60_000 } },
  // Slow enough for a look or two.
  watched: { speed: 300 },
  unregistered: { speed: 5000 },
}

/** Plays every attempt of the stories. @param onPlayed is told of each as it ends */
export async function playAll(stories: Story[], onPlayed: (played: Played) => void): Promise<Played[]> {
  const all: Played[] = []
  for (const course of Object.keys(AZURES) as Course[]) {
    const chosen = stories.filter((story) => (story.course ?? 'to its end') === course)
    if (chosen.length === 0) continue
    const seed = companySeed()
    const queue = chosen.flatMap((story) => attemptsOf(seed, story))
    const stage = await openStage({ ...AZURES[course], seed })
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const played = { ...next, job: await play(stage, next) }
        all.push(played)
        onPlayed(played)
      }
    }
    // Registrations are the subscription's: one job would do them for the next.
    const workers = course === 'unregistered' ? 1 : AT_ONCE
    await Promise.all(Array.from({ length: workers }, work)).finally(() => stage.close())
  }
  return all
}

/** The usual small company, and what some stories ask for beside it. */
export function companySeed(): Seed {
  const seed = defaultSeed()
  const [identity] = seed.identities
  if (identity) seed.identities.push({ ...identity, name: PLAIN_IDENTITY })
  seed.resourceGroups.push({ name: STAGING_GROUP, location: 'eastus' })
  return seed
}

/** Plays one attempt. */
export async function play(stage: Stage, attempt: Attempt): Promise<JobResult> {
  const { story, clientId, identity, lacks } = attempt
  const { azure } = stage
  const inputs: Record<string, string> = {
    ...story.inputs,
    'client-id': clientId,
    'managed-identity': identity,
  }
  if (inputs['existing-template']) {
    inputs['template-name'] = `of-somebody-${clientId}`
    delete inputs['managed-identity']
    await makeTemplate(azure, inputs['template-name'], TEMPLATE)
  }
  if (story.before) {
    // No other attempt finds that image.
    inputs['inline-script'] = `echo ${clientId}`
    const before = await stage.run({ ...inputs, ...story.before })
    if (before.conclusion !== 'success') return before
  }
  if (inputs['vhd-uri']) inputs['vhd-uri'] = `${azure.blobs.endpoint('stcontosobuild')}${inputs['vhd-uri']}`
  if (inputs['staging-resource-group']) grantStaging(stage, identity)
  if (story.course === 'unregistered') unregister(stage, lacks?.action)
  return await stage.run(inputs, story.course === 'cancelled' ? cancelling() : {})
}

/** Made by hand, by somebody with all rights. */
const TEMPLATE = {
  source: {
    type: 'PlatformImage',
    publisher: 'Canonical',
    offer: 'ubuntu-24_04-lts',
    sku: 'server',
    version: 'latest',
  },
  distribute: [{ type: 'SharedImage', galleryImageId: `${GALLERY}/images/webapp`, runOutputName: 'gallery' }],
}

/** Image Builder demands that the managed identity is Contributor of a staging group that is not its own (documented). */
function grantStaging({ azure }: Stage, identity: string): void {
  const principalId = azure.world.seed.identities.find(({ name }) => name === identity)?.principalId ?? ''
  const scope = GROUP.replace(/[^/]+$/, STAGING_GROUP)
  azure.world.roleAssignments.push({ principalId, scope, actions: ['*'] })
}

/** Takes the registration of one provider away, or of all where it is no one's that a job may not register. */
function unregister({ azure }: Stage, action = ''): void {
  const one = /^(.+)\/register\/action$/.exec(action)?.[1]
  for (const { namespace } of azure.world.seed.resourceProviders) {
    const id = `/subscriptions/${azure.world.seed.subscriptionId}/providers/${namespace}`
    const registrationState = one === undefined || one === namespace ? 'NotRegistered' : 'Registered'
    Object.assign(azure.world.resources.get(id)?.properties ?? {}, { registrationState })
  }
}

/** Cancelled as soon as the run is seen to be going on. */
function cancelling(): Partial<JobOptions> {
  const cancel = new AbortController()
  return {
    interrupt: { cancel: cancel.signal },
    onLine: (line) => {
      if (line.includes('Building')) cancel.abort()
    },
  }
}
