/** What a job hands on: outputs for later steps, the file with the template, the summary for people. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import type { JobResult } from '../../local-azure/runner.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  IMAGE_TEMPLATES,
  openStage,
  UBUNTU,
  WINDOWS,
  type Stage,
} from '../support/run-action.ts'

const ACTION = new URL('../../action.yml', import.meta.url)
const VERSION = '24.04.202611050'
/** What would break a Markdown table, a code block and a page, if it got there as it is. */
const UGLY = 'no | room\n```\n| --- |\n<b>left</b> & `right`'

let stage: Stage
let jobs: Record<'gallery' | 'vhd' | 'large' | 'bare' | 'failed' | 'mistaken', JobResult>
let [workspace, runnerTemp] = ['', '']
let declared: string[]

beforeAll(async () => {
  const { outputs } = parse(await readFile(ACTION, 'utf8')) as { outputs: object }
  declared = Object.keys(outputs).sort()
  stage = await openStage({
    speed: 5000,
    build: { failDistribute: { runOutputName: 'doomed', message: UGLY } },
  })
  workspace = path.join(stage.workspace, 'my work', 'web app')
  runnerTemp = path.join(stage.workspace, 'my work', '_temp')
  for (const folder of [path.join(workspace, 'my app'), path.join(workspace, 'large'), runnerTemp]) {
    await mkdir(folder, { recursive: true })
  }
  await writeFile(path.join(workspace, 'my app', 'hello.txt'), 'hello')
  await writeFile(path.join(workspace, 'large', 'bytes'), randomBytes(21 * 1024 * 1024))
  jobs = await runAll()
})
afterAll(() => stage.close())

async function runAll(): Promise<typeof jobs> {
  const run = (inputs: Record<string, string>): Promise<JobResult> =>
    stage.run({ 'build-path': 'my app', ...inputs }, { workspace, runnerTemp })
  const [gallery, vhd, large, bare, failed, mistaken] = await Promise.all([
    run({ 'run-output-name': 'mine' }),
    run({
      'source-image': `${GALLERY}/images/base-linux`,
      'gallery-image-id': '',
      'distribute-type': 'vhd',
    }),
    run({
      'source-image': WINDOWS,
      'gallery-image-id': `${GALLERY}/images/webapp-windows`,
      'build-path': 'large',
    }),
    run({ 'build-path': '', 'storage-account': '' }),
    run({ 'run-output-name': 'doomed' }),
    run({ 'resource-group': '', 'build-timeout-in-minutes': '3' }),
  ])
  return { gallery, vhd, large, bare, failed, mistaken }
}

test('no job tells a secret', () => {
  for (const [name, { leaks }] of Object.entries(jobs)) expect({ name, leaks }).toEqual({ name, leaks: [] })
})

/** All outputs but `json`, which must say the same. */
function outputsOf({ outputs }: JobResult): Record<string, string> {
  const { json = '', ...others } = outputs
  expect(JSON.parse(json)).toEqual(others)
  return others
}

function onlyRequest(pattern: RegExp): string {
  const requests = stage.azure.world.requests(pattern)
  expect(requests).toHaveLength(1)
  return requests[0]?.body ?? ''
}

describe('outputs', () => {
  test('of every job are those that action.yml declares', () => {
    for (const { outputs } of Object.values(jobs)) expect(Object.keys(outputs).sort()).toEqual(declared)
  })

  test('of a gallery image', () => {
    const outputs = outputsOf(jobs.gallery)
    const name = outputs['template-name'] ?? ''
    expect(outputs).toEqual({
      'image-uri': expect.stringMatching(
        new RegExp(`^${GALLERY}/images/webapp/versions/\\d+\\.\\d+\\.\\d+$`, 'i'),
      ),
      'image-uris': JSON.stringify({ mine: outputs['image-uri'] }),
      'image-version': outputs['image-uri']?.split('/').at(-1),
      'pir-publisher': 'Canonical',
      'pir-offer': 'ubuntu-24_04-lts',
      'pir-sku': 'server',
      'pir-version': VERSION,
      'source-image-id': '',
      'template-name': expect.stringMatching(/^t_\d{13}_[0-9a-z]+$/),
      'template-id': `${GROUP}/providers/${IMAGE_TEMPLATES}/${name}`,
      'template-path': path.join(runnerTemp, `${name}.json`),
      'run-output-name': 'mine',
      'run-state': 'Succeeded',
      'staging-resource-group': expect.stringMatching(/^IT_rg-images_t_\d+/),
      'log-path': '',
      'failure-code': '',
      skipped: 'false',
      'build-key': expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(stage.azure.world.resources.get(outputs['image-uri'] ?? '')?.name).toBe(outputs['image-version'])
  })

  test('of a VHD made from a gallery image', () => {
    const outputs = outputsOf(jobs.vhd)
    expect(outputs).toMatchObject({
      'image-uri': expect.stringMatching(/^https:\/\/.+\/vhds\/.+\.vhd$/),
      'image-uris': JSON.stringify({ VHD_distribute: outputs['image-uri'] }),
      'image-version': '',
      'pir-publisher': '',
      'pir-offer': '',
      'pir-sku': '',
      'pir-version': '',
      'source-image-id': `${GALLERY}/images/base-linux/versions/1.10.0`,
      'run-state': 'Succeeded',
    })
  })

  test('without an artifact', () => {
    expect(outputsOf(jobs.bare)).toMatchObject({
      'image-uri': expect.stringContaining('/versions/'),
      'run-output-name': 'SharedImage_distribute',
      'run-state': 'Succeeded',
    })
  })

  test('of a run that failed are what was known', () => {
    const outputs = outputsOf(jobs.failed)
    const name = outputs['template-name'] ?? ''
    expect(jobs.failed.conclusion).toBe('failure')
    expect(outputs).toEqual({
      'image-uri': '',
      'image-uris': '{}',
      'image-version': '',
      'pir-publisher': 'Canonical',
      'pir-offer': 'ubuntu-24_04-lts',
      'pir-sku': 'server',
      'pir-version': VERSION,
      'source-image-id': '',
      'template-name': expect.stringMatching(/^t_\d{13}_[0-9a-z]+$/),
      'template-id': `${GROUP}/providers/${IMAGE_TEMPLATES}/${name}`,
      'template-path': path.join(runnerTemp, `${name}.json`),
      'run-output-name': 'doomed',
      'run-state': 'Failed',
      'staging-resource-group': expect.stringMatching(/^IT_/),
      'log-path': path.join(runnerTemp, `${name}.customization.log`),
      'failure-code': 'distribution-failed',
      skipped: 'false',
      'build-key': expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const groups = stage.azure.world.resources.list('Microsoft.Resources/resourceGroups')
    expect(groups.map((group) => group.name)).toContain(outputs['staging-resource-group'])
  })

  test('of mistaken inputs are empty, but for what the failure is called', () => {
    const { 'image-uris': images, 'failure-code': code, ...others } = outputsOf(jobs.mistaken)
    expect({ images, code }).toEqual({ images: '{}', code: 'invalid-input' })
    expect(new Set(Object.values(others))).toEqual(new Set(['']))
  })
})

describe('the file with the template', () => {
  test.each(['gallery', 'vhd', 'large', 'bare', 'failed'] as const)(
    'holds what was submitted: %s',
    async (name) => {
      const { 'template-name': template = '', 'template-path': file = '' } = jobs[name].outputs
      const submitted = onlyRequest(new RegExp(`^PUT .*/imageTemplates/${template}\\?`))
      const cut = submitted.replaceAll(/\?sv=[^"' ]+/g, '?***')
      expect(cut === submitted).toBe(name === 'bare')
      expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(cut))
    },
  )
})

/** A summary taken apart: rows of its one table by their first cell, and what stands in its one code block. */
function read(markdown: string): { title: string; rows: Record<string, string>; code: string } {
  const lines = markdown.split('\n')
  const [title = ''] = lines
  const table = lines.slice(
    2,
    lines.findIndex((line, index) => index > 1 && line === ''),
  )
  const [head, rule, ...body] = table.map((line) => {
    const [, ...cells] = line.split(/(?<!\\)\|/)
    expect({ line, cells: cells.length, end: cells.at(-1) }).toEqual({ line, cells: 3, end: '' })
    return cells.slice(0, 2).map((cell) => cell.trim())
  })
  expect([lines[1], head, rule]).toEqual(['', ['', ''], ['---', '---']])
  const rest = lines.slice(2 + table.length)
  const fences = rest.flatMap((line, index) => (line.startsWith('```') ? [index] : []))
  expect([0, 2]).toContain(fences.length)
  return {
    title,
    rows: Object.fromEntries(body as [string, string][]),
    code: rest.slice((fences[0] ?? 0) + 1, fences[1] ?? 0).join('\n'),
  }
}

describe('the summary', () => {
  test('of a build that succeeds', () => {
    const { outputs, main, post } = jobs.gallery
    expect(read(main.summary)).toEqual({
      title: '## Azure VM image',
      rows: {
        Result: '✅ image built',
        'Image (mine)': `\`${outputs['image-uri'] ?? ''}\``,
        Source: `\`${UBUNTU}:${VERSION}\``,
        'Image template': `\`${outputs['template-name'] ?? ''}\``,
        Run: 'Succeeded',
        Time: expect.stringMatching(/^\d+ s$/),
      },
      code: '',
    })
    expect(post?.summary).toBe('')
  })

  test('of a run that fails, with the whole message', () => {
    const { outputs, main } = jobs.failed
    const { rows, code } = read(main.summary)
    expect(rows).toEqual({
      Result: '❌ failed',
      Source: `\`${UBUNTU}:${VERSION}\``,
      'Image template': `\`${outputs['template-name'] ?? ''}\``,
      Run: 'Failed',
      'Staging resource group': `\`${outputs['staging-resource-group'] ?? ''}\``,
      Time: expect.stringMatching(/^\d+ s$/),
    })
    expect(code).toContain("no | room\n'''\n| --- |\n<b>left</b> & `right`")
    const [message = ''] = annotations(jobs.failed, 'error')
    expect(code).toBe(message.replaceAll('```', "'''"))
  })

  test('of mistaken inputs', () => {
    const { rows, code } = read(jobs.mistaken.main.summary)
    expect(rows).toEqual({ Result: '❌ failed', Time: expect.any(String) })
    expect(code.split('\n')).toEqual([
      expect.stringContaining('2 inputs need a change'),
      expect.stringContaining('- resource-group: '),
      expect.stringContaining('- build-timeout-in-minutes: '),
    ])
  })
})
