/** For scenarios about inputs: what was submitted, what was refused before, and templates that somebody else made. */
import { expect, test } from '@jest/globals'
import { makeTemplate, send, templateId } from '../../local-azure/failures/others.ts'
import type { LocalAzure } from '../../local-azure/index.ts'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import type { Exchange, Resource } from '../../local-azure/world.ts'
import { templateValidator } from '../../scripts/check-schema.ts'
import type { ImageTemplate } from '../../src/image-template.ts'
import { failureOf, requestsOf } from './failures.ts'
import type { Stage } from './run-action.ts'

export { templateId }

/** The template that a job has PUT, as it was sent. Throws when it has sent none. */
export function submitted({ azure }: Stage, { outputs }: JobResult): ImageTemplate {
  const id = outputs['template-id'] ?? ''
  const put = azure.world.exchanges.find(
    ({ method, target }) => method === 'PUT' && target.toLowerCase().startsWith(`${id}?`.toLowerCase()),
  )
  if (id === '' || put?.body === undefined) throw new Error(`The job submitted no template '${id}'.`)
  return JSON.parse(put.body) as ImageTemplate
}

/**
 * What Azure's published schema has against the templates that were submitted; `AIB_SCHEMAS` names the folder with it.
 */
export async function schemaMistakes({ azure }: Stage): Promise<string[]> {
  const problems = await templateValidator(process.env['AIB_SCHEMAS'] ?? '')
  const puts = azure.world.requests(/^PUT .*\/imageTemplates\//)
  expect(puts.length).toBeGreaterThan(5)
  return puts.flatMap(({ target, body }) => {
    const name = /\/imageTemplates\/([^?]+)/.exec(target)?.[1] ?? ''
    return problems(name, JSON.parse(body ?? '') as unknown).map((mistake) => `${name}: ${mistake}`)
  })
}

/** `test` where the schema is there, else a test that is skipped. */
export const testWithSchema = process.env['AIB_SCHEMAS'] === undefined ? test.skip : test

/** The image that a job made, or another resource by its ID. */
export function resource({ azure }: Stage, id: string | undefined): Resource {
  const found = azure.world.resources.get(id ?? '')
  if (!found) throw new Error(`There is no '${id ?? ''}'.`)
  return found
}

/** Requests that could have written something, asked for a key or started something; signing in is none. */
export function writes(requests: Exchange[]): string[] {
  return requests
    .filter(({ service, method }) => service !== 'entra' && method !== 'GET' && method !== 'HEAD')
    .map(({ method, target }) => `${method} ${target}`)
}

/** The message of a job that was refused before anything was written; post then has nothing to do. */
export async function refusalOf(
  { azure, run }: Stage,
  inputs: Record<string, string>,
  options: Partial<JobOptions> = {},
): Promise<string> {
  const { result, requests } = await requestsOf(azure, () => run(inputs, { skipPost: true, ...options }))
  const message = failureOf(result)
  expect(writes(requests)).toEqual([])
  expect({ template: result.state['imageTemplate'], blob: result.state['blob'] }).toEqual({})
  return message
}

/** The message tells these mistakes and no others. */
export function expectMistakes(message: string, expected: RegExp[]): void {
  const mistakes = message.split('\n').filter((line) => line.startsWith('- '))
  const told = mistakes.map((line) => line.slice(2))
  for (const pattern of expected) expect(told).toContainEqual(expect.stringMatching(pattern))
  expect(told).toHaveLength(expected.length)
  const count = expected.length === 1 ? '1 input needs a change' : `${expected.length} inputs need a change`
  expect(message).toContain(`${count}; nothing was created.`)
}

/** Makes a template as the default application, without the action, and waits until it is there, or starts its run. */
export async function byHand(
  azure: LocalAzure,
  name: string,
  act: { properties: object } | 'run',
): Promise<void> {
  if (act === 'run') await send(azure, 'POST', `${templateId(name)}/run`)
  else await makeTemplate(azure, name, act.properties)
}
