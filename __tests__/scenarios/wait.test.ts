/** `wait: false`: main starts the build and leaves; nothing is deleted, and the image is made without anybody. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import type { Exchange } from '../../local-azure/world.ts'
import { requestsOf } from '../support/failures.ts'
import { AT_ANY_PACE, HELD, pace, release } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  leftBehind,
  openStage,
  UBUNTU,
  type Stage,
} from '../support/run-action.ts'
import { resource, submitted, writes } from '../support/submissions.ts'

let stage: Stage
let job: JobResult
let requests: Exchange[]
beforeAll(async () => {
  stage = await openStage(AT_ANY_PACE)
  pace(stage.azure, { building: HELD })
  const both = `- { type: ManagedImage, imageId: "${GROUP}/providers/Microsoft.Compute/images/made", location: eastus, runOutputName: image }`
  const inputs = { wait: 'false', cleanup: 'always', distributors: both, 'template-name': 'left' }
  const played = await requestsOf(stage.azure, () => stage.run(inputs))
  job = played.result
  requests = played.requests
})
afterAll(() => stage.close())

function runState(): unknown {
  const { lastRunStatus } = resource(stage, job.outputs['template-id']).properties
  return (lastRunStatus as { runState?: string } | undefined)?.runState
}

test('the job is green and tells what is known', () => {
  expect(annotations(job, 'error')).toEqual([])
  expect({ conclusion: job.conclusion, leaks: job.leaks }).toEqual({ conclusion: 'success', leaks: [] })
  expect(job.outputs).toMatchObject({
    'run-state': 'Running',
    'template-name': 'left',
    'template-id': `${GROUP}/providers/Microsoft.VirtualMachineImages/imageTemplates/left`,
    'pir-version': '24.04.202611050',
    'staging-resource-group': expect.stringMatching(/^IT_rg-images_left_/),
    'run-output-name': 'SharedImage_distribute',
    'image-uri': '',
    'image-uris': '{}',
    'image-version': '',
  })
  expect(job.log).toContain('run template:  Running')
  expect(job.main.summary).toContain('not waited for')
})

test('post deletes and cancels nothing, and says how to delete it later', () => {
  const wrote = writes(requests)
  expect(wrote.filter((one) => one.startsWith('DELETE '))).toEqual([])
  expect(wrote.filter((one) => one.includes('/cancel?'))).toEqual([])
  expect(wrote.filter((one) => one.includes('/run?'))).toHaveLength(1)
  expect(job.post?.lines.join('\n')).toContain('az image builder delete --name left ')
  expect(job.post?.conclusion).toBe('success')
})

test('the build ends by itself and makes the images; template and artifact stay', async () => {
  release(stage.azure)
  while (runState() === 'Running') await stage.azure.world.elapse(10)
  expect(runState()).toBe('Succeeded')
  const versions = stage.azure.world.resources.list('Microsoft.Compute/galleries/images/versions')
  const made = versions.find(({ tags }) => tags?.['source-version'] === `${UBUNTU}:24.04.202611050`)
  expect(made?.id.toLowerCase()).toContain(`${GALLERY}/images/webapp/versions/`.toLowerCase())
  expect(resource(stage, `${GROUP}/providers/Microsoft.Compute/images/made`).location).toBe('eastus')
  const { templates, stagingGroups, blobs } = await leftBehind(stage.azure)
  expect([templates, stagingGroups.length, blobs.length]).toEqual([['left'], 1, 1])
  expect(submitted(stage, job).properties.distribute).toHaveLength(2)
})
