/**
 * Every kind of source image: the exact image that is submitted, and what is reported of it. In how many ways one may be
 * written: the unit tests.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { defaultSeed, SHARED_GALLERY_NAME, SUBSCRIPTION_ID, type Seed } from '../../local-azure/seed.ts'
import { UNRUN } from '../support/moments.ts'
import { annotations, GALLERY, GROUP, openStage, UBUNTU, WINDOWS, type Stage } from '../support/run-action.ts'
import { sideBySide } from '../support/side-by-side.ts'
import { resource, submitted } from '../support/submissions.ts'

const IMAGES = `${GROUP}/providers/Microsoft.Compute/images`
const BASE = `${GALLERY}/images/base-linux`
const COMPUTE = `/subscriptions/${SUBSCRIPTION_ID}/providers/Microsoft.Compute`
const SHARED = `${COMPUTE}/locations/eastus/sharedGalleries/${SHARED_GALLERY_NAME}/images/golden-linux`
const PLANNED = 'contoso-labs:hardened-linux:hardened-9'
const PLAN = { planName: 'hardened-9', planProduct: 'hardened-linux', planPublisher: 'contoso-labs' }
const LATEST_WINDOWS = `${WINDOWS}:20348.4405.261111`

const toWindows = { 'gallery-image-id': `${GALLERY}/images/webapp-windows` }
/** Its image knows no security type. */
const toPlain = { 'gallery-image-id': `${GALLERY}/images/plain` }
const toManaged = { 'gallery-image-id': '', 'managed-image-id': `${IMAGES}/made` }

interface Row {
  story: string
  source: string
  inputs?: Record<string, string>
  /** What is reported. */
  exact: string
  plan?: typeof PLAN
}
const MARKETPLACE: Row[] = [
  {
    story: 'Publisher:Offer:Sku:Version',
    source: `${UBUNTU}:24.04.202610140`,
    exact: `${UBUNTU}:24.04.202610140`,
  },
  {
    story: 'an alias in other letters, of Windows',
    source: 'win2022datacenter',
    inputs: toWindows,
    exact: LATEST_WINDOWS,
  },
  {
    story: 'an image with a plan, which it tells itself',
    source: PLANNED,
    inputs: toPlain,
    exact: `${PLANNED}:9.6.1`,
    plan: PLAN,
  },
  {
    story: 'an image with a plan that is given',
    source: PLANNED,
    inputs: { ...toPlain, 'source-plan': 'hardened-9:hardened-linux:contoso-labs' },
    exact: `${PLANNED}:9.6.1`,
    plan: PLAN,
  },
]
const OTHERS: Row[] = [
  {
    story: 'a managed image',
    source: `${IMAGES}/base-linux`,
    inputs: toManaged,
    exact: `${IMAGES}/base-linux`,
  },
  { story: 'a gallery version', source: `${BASE}/versions/1.9.0`, exact: `${BASE}/versions/1.9.0` },
  {
    story: 'a gallery definition: the highest number, not the excluded, not the failed one',
    source: BASE,
    exact: `${BASE}/versions/1.10.0`,
  },
  {
    story: 'a version of a direct shared gallery',
    source: `${SHARED}/versions/1.0.0`,
    exact: `${SHARED}/versions/1.0.0`,
  },
  { story: 'an image of a direct shared gallery', source: SHARED, exact: `${SHARED}/versions/1.1.0` },
]

const seed = defaultSeed()
addPlainDefinition(seed)

function addPlainDefinition({ galleries }: Seed): void {
  const [webapp] = galleries[0]?.definitions ?? []
  if (!webapp) throw new Error('The seed has no image definition.')
  const plain = { ...webapp, name: 'plain' }
  delete plain.securityType
  galleries[0]?.definitions.push(plain)
}

let stage: Stage
let jobs: Record<string, JobResult>
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN }, { skipPost: true })
  const build = { 'build-path': '', 'storage-account': '' }
  const runs = [...MARKETPLACE, ...OTHERS].map(
    ({ story, source, inputs }) =>
      [story, () => stage.run({ ...build, 'source-image': source, ...inputs })] as const,
  )
  jobs = await sideBySide(Object.fromEntries(runs))
}, 180_000)
afterAll(() => stage.close())

/** The job of a row, which must be green. */
function built(story: string): JobResult {
  const job = jobs[story]
  if (!job) throw new Error(`There is no job '${story}'.`)
  const told = [...annotations(job, 'error'), ...annotations(job, 'warning')]
  expect({ conclusion: job.conclusion, leaks: job.leaks, told }).toEqual({
    conclusion: 'success',
    leaks: [],
    told: [],
  })
  return job
}

/** What the image itself tells of its source. */
function taggedSource(job: JobResult): string | undefined {
  return resource(stage, job.outputs['image-uri']).tags?.['source-version']
}

test.each(MARKETPLACE)('$story', ({ story, exact, plan }) => {
  const job = built(story)
  const [publisher, offer, sku, version] = exact.split(':')
  expect(submitted(stage, job).properties.source).toEqual({
    type: 'PlatformImage',
    publisher,
    offer,
    sku,
    version,
    ...(plan && { planInfo: plan }),
  })
  expect(job.outputs).toMatchObject({
    'pir-publisher': publisher,
    'pir-offer': offer,
    'pir-sku': sku,
    'pir-version': version,
    'source-image-id': '',
  })
  expect(taggedSource(job)).toBe(exact)
})

test.each(OTHERS)('$story', ({ story, exact }) => {
  const job = built(story)
  expect(submitted(stage, job).properties.source).toEqual(
    exact.includes('/versions/')
      ? { type: 'SharedImageVersion', imageVersionId: exact }
      : { type: 'ManagedImage', imageId: exact },
  )
  expect(job.outputs).toMatchObject({ 'source-image-id': exact, 'pir-publisher': '', 'pir-version': '' })
  expect(taggedSource(job)).toBe(exact.slice(-256))
})
