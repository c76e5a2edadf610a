/** What a job hands on: outputs for later steps, the file with the template, the summary for people. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import type { JobOptions, JobResult } from '../../local-azure/runner.ts'
import type { BuildRecord } from '../../src/build-record.ts'
import { UNRUN } from '../support/moments.ts'
import {
  annotations,
  GALLERY,
  GROUP,
  IMAGE_TEMPLATES,
  openStage,
  UBUNTU,
  type Stage,
} from '../support/run-action.ts'
import { unzip } from '../support/unzip.ts'

const ACTION = new URL('../../action.yml', import.meta.url)
const VERSION = '24.04.202611050'
/** What would break a Markdown table, a code block and a page, if it got there as it is. */
const UGLY = 'no | room\n```\n| --- |\n<b>left</b> & `right`'

let stage: Stage
let jobs: Record<'gallery' | 'vhd' | 'bare' | 'failed' | 'mistaken', JobResult>
let [workspace, runnerTemp] = ['', '']
let declared: string[]

beforeAll(async () => {
  const { outputs } = parse(await readFile(ACTION, 'utf8')) as { outputs: object }
  declared = Object.keys(outputs).sort()
  stage = await openStage({
    speed: 5000,
    build: { ...UNRUN, failDistribute: { runOutputName: 'doomed', message: UGLY } },
  })
  workspace = path.join(stage.workspace, 'my work', 'web app')
  runnerTemp = path.join(stage.workspace, 'my work', '_temp')
  for (const folder of [path.join(workspace, 'my app'), runnerTemp]) await mkdir(folder, { recursive: true })
  await writeFile(path.join(workspace, 'my app', 'hello.txt'), 'hello')
  jobs = await runAll()
})
afterAll(() => stage.close())

async function runAll(): Promise<typeof jobs> {
  const run = (inputs: Record<string, string>, options: Partial<JobOptions> = {}): Promise<JobResult> =>
    stage.run({ 'build-path': 'my app', ...inputs }, { workspace, runnerTemp, skipPost: true, ...options })
  const [gallery, vhd, bare, failed, mistaken] = await Promise.all([
    run(
      { 'run-output-name': 'mine', 'record-artifact-name': 'record of <template name>' },
      { skipPost: false },
    ),
    run({
      'source-image': `${GALLERY}/images/base-linux`,
      'gallery-image-id': '',
      'distribute-type': 'vhd',
      // The signed URL stands in a script.
      'artifact-transfer': 'download',
      'record-artifact-name': 'taken',
    }),
    run({ 'build-path': '', 'storage-account': '', 'record-artifact-name': 'taken' }),
    run({ 'run-output-name': 'doomed' }),
    run({ 'resource-group': '', 'build-timeout-in-minutes': '3' }),
  ])
  return { gallery, vhd, bare, failed, mistaken }
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
      'record-path': path.join(runnerTemp, `build-record-${name}`, 'build-record.json'),
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
      'record-path': path.join(runnerTemp, `build-record-${name}`, 'build-record.json'),
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
  test.each(['gallery', 'vhd', 'bare', 'failed'] as const)('holds what was submitted: %s', async (name) => {
    const { 'template-name': template = '', 'template-path': file = '' } = jobs[name].outputs
    const submitted = onlyRequest(new RegExp(`^PUT .*/imageTemplates/${template}\\?`))
    const cut = submitted.replaceAll(/\?sv=[^"' ]+/g, '?***')
    expect(cut === submitted).toBe(name === 'bare')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(cut))
  })
})

describe('the build record', () => {
  const record = async ({ outputs }: JobResult): Promise<BuildRecord> =>
    JSON.parse(await readFile(outputs['record-path'] ?? '', 'utf8')) as BuildRecord

  test('names the image, and what the image says of itself', async () => {
    const { outputs } = jobs.gallery
    const { images, artifact, source, buildKey, workflow, template } = await record(jobs.gallery)
    const tags = stage.azure.world.resources.get(outputs['image-uri'] ?? '')?.tags
    expect(images).toEqual({ mine: outputs['image-uri'] })
    expect({
      'artifact-sha256': artifact?.sha256,
      'source-version': source?.name,
      'build-key': buildKey,
      repository: workflow.repository,
      commit: workflow.commit,
      'workflow-run-url': workflow.runUrl,
      'build-started': tags?.['build-started'],
      'build-parts-1': tags?.['build-parts-1'],
    }).toEqual(tags)
    const file = await readFile(outputs['template-path'] ?? '')
    expect(template?.sha256).toBe(createHash('sha256').update(file).digest('hex'))
  })

  test('of a run that failed says so', async () => {
    expect(await record(jobs.failed)).toMatchObject({
      result: 'failed',
      runState: 'Failed',
      failureCode: 'distribution-failed',
      images: {},
    })
  })

  test('is a workflow artifact where it has a name, and the log and summary say which', async () => {
    const { outputs, main, log } = jobs.gallery
    const name = `record of ${outputs['template-name'] ?? ''}`
    const artifacts = await stage.azure.github.artifacts()
    const records = artifacts.filter((artifact) => artifact.name.startsWith('record'))
    expect(records.map((artifact) => artifact.name)).toEqual([name])
    const zip = path.join(runnerTemp, 'record.zip')
    await writeFile(zip, records[0]?.zip ?? '')
    await unzip(zip, path.join(runnerTemp, 'record'))
    const content = await readFile(path.join(runnerTemp, 'record', 'build-record.json'), 'utf8')
    expect(content).toBe(await readFile(outputs['record-path'] ?? '', 'utf8'))
    expect(log).toContain(`the build record is the workflow artifact ${name}`)
    expect(read(main.summary).rows['Build record']).toBe(`workflow artifact \`${name}\``)
  })
})

test('a build record that GitHub does not take is a warning, and the build goes well', () => {
  const both = [jobs.vhd, jobs.bare]
  expect(both.map(({ conclusion }) => conclusion)).toEqual(['success', 'success'])
  const warnings = both.flatMap((job) => annotations(job, 'warning'))
  expect(warnings.filter((warning) => warning.includes('record'))).toEqual([
    expect.stringMatching(/^The build record was not uploaded as workflow artifact taken: .*already exists/),
  ])
})

/** A summary taken apart: what stands before its one table, the table's rows by their first cell, and the rest. */
function read(markdown: string): { before: string; rows: Record<string, string>; after: string } {
  const lines = markdown.split('\n')
  const start = lines.indexOf('| | |')
  const table = lines.slice(
    start,
    lines.findIndex((line, index) => index > start && line === ''),
  )
  const [head, rule, ...body] = table.map((line) => {
    const [, ...cells] = line.split(/(?<!\\)\|/)
    expect({ line, cells: cells.length, end: cells.at(-1) }).toEqual({ line, cells: 3, end: '' })
    return cells.slice(0, 2).map((cell) => cell.trim())
  })
  expect([head, rule]).toEqual([
    ['', ''],
    ['---', '---'],
  ])
  return {
    before: lines.slice(0, start).join('\n'),
    rows: Object.fromEntries(body as [string, string][]),
    after: lines.slice(start + table.length).join('\n'),
  }
}

describe('the summary', () => {
  test('of a build that succeeds', () => {
    const { outputs, main, post } = jobs.gallery
    const { before, rows, after } = read(main.summary)
    expect(before).toBe('## Azure VM image\n')
    expect(rows).toEqual({
      Result: '✅ image built',
      'Build record': `workflow artifact \`record of ${outputs['template-name'] ?? ''}\``,
      'Image (mine)': `\`${outputs['image-uri'] ?? ''}\``,
      Regions: 'eastus',
      Source: `\`${UBUNTU}:${VERSION}\``,
      'Image template': `\`${outputs['template-name'] ?? ''}\``,
      Run: expect.stringMatching(/^Succeeded, \d+ s$/),
      Time: expect.stringMatching(/^\d+ s$/),
    })
    expect(after).toMatch(
      /^\n### Timeline\n\n```mermaid\ngantt\n[\s\S]+ section Run\n +\w+ \([\s\S]+\n```\n$/,
    )
    expect(after).not.toContain('crit')
    expect(post?.summary).toBe('')
  })

  test('of a run that fails: cause and remedy first, and Azure’s words as text, whatever stands in them', () => {
    const { outputs, main } = jobs.failed
    const { before, rows, after } = read(main.summary)
    expect(before).toMatch(
      /^## Azure VM image\n\n### ❌ The image could not be distributed\.\n\n\*\*Cause:\*\* [^\n]+\n\n\*\*What to do:\*\* [\s\S]+\n\n\*\*More:\*\* <https:\S+> \(failure code `distribution-failed`\)\n\n\*\*Further facts:\*\* /,
    )
    expect(before).toContain(
      'no \\| room<br>\n\\`\\`\\`<br>\n\\| --- \\|<br>\n&lt;b&gt;left&lt;/b&gt; &amp; `right`',
    )
    expect(rows).toEqual({
      Result: '❌ failed',
      Regions: 'eastus',
      Source: `\`${UBUNTU}:${VERSION}\``,
      'Image template': `\`${outputs['template-name'] ?? ''}\``,
      Run: expect.stringMatching(/^Failed, \d+ s$/),
      'Staging resource group': `\`${outputs['staging-resource-group'] ?? ''}\``,
      Log: `workflow artifact \`customization-log-${outputs['template-name'] ?? ''}\``,
      'Failure code': '`distribution-failed`',
      Time: expect.stringMatching(/^\d+ s$/),
    })
    expect(after).toMatch(/ section Run\n[\s\S]+ :crit, /)
    expect(after).toMatch(/<details>\n<summary>The last \d+ lines of the log<\/summary>/)
    const [message = ''] = annotations(jobs.failed, 'error')
    expect(message.split('\n')[0]).toBe('The image could not be distributed.')
    expect(message).toContain(UGLY)
  })

  test('of mistaken inputs', () => {
    const { before, rows, after } = read(jobs.mistaken.main.summary)
    expect(rows).toEqual({ Result: '❌ failed', 'Failure code': '`invalid-input`', Time: expect.any(String) })
    expect(before.split('\n')).toEqual([
      '## Azure VM image',
      '',
      expect.stringMatching(/^### ❌ 2 inputs need a change/),
      '',
      '```text',
      expect.stringContaining('- resource-group: '),
      expect.stringContaining('- build-timeout-in-minutes: '),
      '```',
      '',
    ])
    expect(after).toBe('')
  })
})
