/** The workflows of this repository are pinned and unprivileged; those that users copy work. */
import { describe, expect, test } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { readInputs } from '../../src/inputs.ts'
import { readSweepInputs } from '../../src/sweep-inputs.ts'
import { DEFINITION_ID, rawInputs } from '../support/factories.ts'

const root = path.join(import.meta.dirname, '..', '..')

interface Step {
  uses?: string
  with?: Record<string, string | number | boolean>
}
interface Workflow {
  on: unknown
  permissions: Record<string, string>
  jobs: Record<string, { 'runs-on': string; steps: Step[] }>
}

/** What the examples use of this repository: where its action.yml is, what reads its inputs, and whether it needs the contents. */
const ACTIONS = {
  'org/aib-action@v1': { folder: '.', readRequest: readInputs, readsContents: { contents: 'read' } },
  'org/aib-action/sweep@v1': { folder: 'sweep', readRequest: readSweepInputs, readsContents: {} },
}

function workflowsIn(folder: string): { name: string; text: string; workflow: Workflow }[] {
  return readdirSync(path.join(root, folder)).map((name) => {
    const text = readFileSync(path.join(root, folder, name), 'utf8')
    return { name, text, workflow: parse(text) as Workflow }
  })
}

const stepsOf = (workflow: Workflow): Step[] => Object.values(workflow.jobs).flatMap(({ steps }) => steps)

describe.each(workflowsIn('.github/workflows'))('.github/workflows/$name', ({ text, workflow }) => {
  test('pins every action by commit and names its version', () => {
    const uses = text.split('\n').filter((line) => /\buses:/.test(line))
    expect(uses).not.toEqual([])
    expect(uses.filter((line) => !/uses: (\.\/|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$)/.test(line))).toEqual(
      [],
    )
  })

  test('may read contents and nothing else, and keeps no token in the checkout', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' })
    const checkouts = stepsOf(workflow).filter(({ uses }) => uses?.startsWith('actions/checkout@'))
    expect(checkouts.map((step) => step.with?.['persist-credentials'])).toEqual(checkouts.map(() => false))
  })
})

describe.each(workflowsIn('examples/workflows'))('examples/workflows/$name', ({ workflow }) => {
  const step = stepsOf(workflow).find(({ uses }) => uses !== undefined && uses in ACTIONS)
  const { folder, readRequest, readsContents } = ACTIONS[step?.uses as keyof typeof ACTIONS]
  const given = Object.entries(step?.with ?? {}).map(
    ([name, value]) => [name, evaluate(String(value))] as const,
  )

  test('gives inputs that the action has and accepts', () => {
    const action = parse(readFileSync(path.join(root, folder, 'action.yml'), 'utf8')) as {
      inputs: Record<string, { default?: string }>
    }
    expect(given.map(([name]) => name).filter((name) => !(name in action.inputs))).toEqual([])
    // What an example leaves out is left out here, too.
    const none = Object.fromEntries(
      Object.keys(action.inputs).map((name) => [name, action.inputs[name]?.default ?? '']),
    )
    const request = readRequest(rawInputs({ ...none, ...Object.fromEntries(given) }, FILES))
    expect(request.signIn.clientId).toBeDefined()
  })

  test('may ask for ID tokens, and keeps no token in the checkout', () => {
    const checkouts = stepsOf(workflow).filter(({ uses }) => uses?.startsWith('actions/checkout@'))
    expect(workflow.permissions).toEqual({ 'id-token': 'write', ...readsContents })
    expect(checkouts.map((checkout) => checkout.with?.['persist-credentials'])).toEqual(
      checkouts.map(() => false),
    )
  })
})

/** The template file that an example speaks of. */
const FILES = {
  files: {
    'image-template.json': JSON.stringify({
      properties: {
        source: { type: 'PlatformImage', publisher: 'p', offer: 'o', sku: 's' },
        distribute: [{ type: 'SharedImage', runOutputName: 'gallery', galleryImageId: DEFINITION_ID }],
      },
    }),
  },
}

/** Values for the expressions that the examples use. */
function evaluate(text: string): string {
  return text
    .replaceAll(/\$\{\{ vars\.AZURE_\w+_ID \}\}/g, '00000000-0000-0000-0000-000000000001')
    .replaceAll('${{ matrix.location }}', 'westeurope')
    .replaceAll('${{ github.run_number }}', '7')
}
