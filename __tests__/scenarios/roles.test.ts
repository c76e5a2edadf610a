/**
 * The roles of `docs/roles`, at the scopes that `docs/rights.md` names: with exactly them builds work, and what lacks one
 * of their actions is told which. `npm run test:rights` tries every action of every role.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { JobResult } from '../../local-azure/runner.ts'
import { companySeed, play } from '../rights/play.ts'
import { addAttempt, type Attempt } from '../rights/principals.ts'
import { STORIES } from '../rights/stories.ts'
import { failureOf } from '../support/failures.ts'
import { UNRUN } from '../support/moments.ts'
import {
  annotations,
  GROUP,
  IMAGE_TEMPLATES,
  openStage,
  type Stage,
  deleteCommand,
  keptTemplate,
} from '../support/run-action.ts'
import { sideBySide } from '../support/side-by-side.ts'

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'

const seed = companySeed()
const [toGallery, toManagedImage] = STORIES
if (!toGallery || !toManagedImage) throw new Error('There are no stories to play.')
const lacking = (action: string): Attempt => addAttempt(seed, toGallery, { role: 'deployer', action })
const attempts = {
  'a marketplace image and an artifact to a gallery': addAttempt(seed, toGallery),
  'a gallery image to a managed image': addAttempt(seed, toManagedImage),
  'imageTemplates/read': lacking(`${IMAGE_TEMPLATES}/read`),
  'imageTemplates/delete': lacking(`${IMAGE_TEMPLATES}/delete`),
  assign: lacking(ASSIGN),
}

let stage: Stage
let jobs: Record<keyof typeof attempts, JobResult>
beforeAll(async () => {
  stage = await openStage({ seed, speed: 5000, build: UNRUN })
  const runs = Object.entries(attempts).map(([name, attempt]) => [name, () => play(stage, attempt)] as const)
  jobs = await sideBySide(Object.fromEntries(runs) as Record<keyof typeof attempts, () => Promise<JobResult>>)
})
afterAll(() => stage.close())

describe('exactly the documented roles', () => {
  test.each([
    'a marketplace image and an artifact to a gallery',
    'a gallery image to a managed image',
  ] as const)('%s: it works, without an error or warning', (name) => {
    const job = jobs[name]
    const complaints = (['error', 'warning', 'notice'] as const).flatMap((level) => annotations(job, level))
    expect(complaints).toEqual([])
    expect(job.conclusion).toBe('success')
    expect(job.outputs['image-uri']).not.toBe('')
    expect(keptTemplate(stage, job)).toBe(false)
    expect(job.leaks).toEqual([])
  })
})

describe('less one action', () => {
  test('imageTemplates/read: Azure names what is missing', () => {
    const job = jobs['imageTemplates/read']
    const message = failureOf(job)
    const action = `${IMAGE_TEMPLATES}/read`
    expect(message).toContain('AuthorizationFailed (HTTP 403): ')
    expect(message).toContain(`perform action '${action}' over scope '${GROUP}/`)
    expect(message).toContain(`has no role with the action ${action} at ${GROUP}/`)
    expect(keptTemplate(stage, job)).toBe(true)
    // Who may not even read the template is told how to delete it.
    expect(annotations(job, 'warning').join('\n')).toContain(deleteCommand(job))
    expect(job.log).toContain(deleteCommand(job))
  })

  test('to assign the managed identity', () => {
    const message = failureOf(jobs.assign)
    expect(message).toContain('LinkedAuthorizationFailed (HTTP 403): ')
    expect(message).toContain(`perform action '${ASSIGN}' on the linked scope(s) '`)
    expect(message).toContain("the role 'Managed Identity Operator' on the managed identity")
    expect(keptTemplate(stage, jobs.assign)).toBe(false)
    expect(jobs.assign.log).not.toContain(deleteCommand(jobs.assign))
  })

  test('to delete the template: the build stays green, with a warning and the command', () => {
    const job = jobs['imageTemplates/delete']
    expect(job.conclusion).toBe('success')
    expect(job.outputs['image-uri']).not.toBe('')
    const [warning = '', ...others] = annotations(job, 'warning')
    expect(warning).toContain(`perform action '${IMAGE_TEMPLATES}/delete' over scope '${GROUP}/`)
    expect(warning).toContain(deleteCommand(job))
    expect(others).toEqual([])
    expect(keptTemplate(stage, job)).toBe(true)
    expect(job.leaks).toEqual([])
  })

  test('whatever is missing, no artifact stays', async () => {
    expect(await stage.azure.blobs.list('stcontosobuild')).toEqual([])
  })
})
