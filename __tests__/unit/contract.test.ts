/** action.yml, the code and the README promise the same. */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { DEPLOYER_ACTIONS, defaultSeed } from '../../local-azure/seed.ts'
import { CLOUD_NAMES } from '../../src/azure/cloud.ts'
import { DISTRIBUTE_TYPES } from '../../src/distributors.ts'
import { CLEANUP_POLICIES, PROVISIONERS, readInputs } from '../../src/inputs.ts'
import { outputs } from '../../src/report.ts'
import { VERSION } from '../../src/version.ts'
import { problemsOf, rawInputs, WORKSPACE } from '../support/factories.ts'

const root = path.join(import.meta.dirname, '..', '..')
const file = (name: string): string => readFileSync(path.join(root, name), 'utf8')

interface Input {
  description: string
  required?: boolean
  default?: string
}
const action = parse(file('action.yml')) as {
  inputs: Record<string, Input>
  outputs: Record<string, { description: string }>
  runs: Record<string, string>
}
const readme = file('README.md')

const inputNames = Object.keys(action.inputs)
const NONE = Object.fromEntries(inputNames.map((name) => [name, '']))

describe('inputs', () => {
  test('of action.yml are those that the code reads', () => {
    const asked = new Set<string>()
    for (const type of DISTRIBUTE_TYPES) {
      const raw = rawInputs({ ...NONE, 'distribute-type': type })
      const recorded = (name: string): string => {
        asked.add(name)
        return raw.text(name)
      }
      problemsOf(() => readInputs({ ...raw, input: recorded, text: recorded }))
    }
    expect([...asked].sort()).toEqual([...inputNames].sort())
  })

  test('that action.yml requires are those that the code demands of everyone', () => {
    const missing = problemsOf(() => readInputs(rawInputs({ ...NONE, 'distribute-type': 'vhd' })))
      .map((problem) => problem.split(':')[0])
      // The subscription may come from the environment, which action.yml cannot say.
      .filter((input) => input !== 'subscription-id')
    expect(missing.sort()).toEqual(inputNames.filter((name) => action.inputs[name]?.required).sort())
  })

  const presets = inputNames.filter(
    (name) => action.inputs[name]?.default !== undefined && name !== 'build-path',
  )
  test.each(presets)('%s: the default is what an empty value means', (name) => {
    expect(readInputs(rawInputs({ [name]: '' }))).toEqual(readInputs(rawInputs()))
  })

  test('build-path: the default is the workspace, and empty means none', () => {
    expect(readInputs(rawInputs()).buildPath).toBe(path.resolve(WORKSPACE))
    expect(readInputs(rawInputs({ 'build-path': '' })).buildPath).toBeUndefined()
  })

  test.each([
    ['environment', CLOUD_NAMES],
    ['provisioner', PROVISIONERS],
    ['distribute-type', DISTRIBUTE_TYPES],
    ['cleanup', CLEANUP_POLICIES],
  ])('%s: action.yml names every value', (name, values) => {
    const description = action.inputs[name]?.description ?? ''
    expect(values.filter((value) => !description.includes(`\`${value}\``))).toEqual([])
  })
})

test('outputs of action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(outputs({ images: {} }))).toEqual(Object.keys(action.outputs))
})

test('runs as promised, from files that exist', () => {
  expect(action.runs).toEqual({
    using: 'node24',
    main: 'dist/main/index.js',
    post: 'dist/post/index.js',
    'post-if': 'always()',
  })
  expect(
    [action.runs['main'], action.runs['post']].every((name) => existsSync(path.join(root, name ?? ''))),
  ).toBe(true)
})

test('the version is one everywhere', () => {
  expect((JSON.parse(file('package.json')) as { version: string }).version).toBe(VERSION)
  expect(file('CHANGELOG.md')).toContain(`## [${VERSION}]`)
})

describe('the README', () => {
  const names = (section: string): string[] => {
    const table = new RegExp(`<!-- begin ${section} -->([\\s\\S]*?)<!-- end -->`).exec(readme)?.[1] ?? ''
    return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '')
  }

  test('lists the inputs and outputs of action.yml', () => {
    expect(names('inputs')).toEqual(Object.keys(action.inputs))
    expect(names('outputs')).toEqual(Object.keys(action.outputs))
  })

  test('asks for exactly the rights that suffice on the local Azure', () => {
    const roles = [...readme.matchAll(/"Actions": (\[[^\]]*\])/g)].map(
      (match) => JSON.parse(match[1] ?? '') as string[],
    )
    const builder = defaultSeed().roleAssignments[1]?.actions
    expect(roles).toEqual([DEPLOYER_ACTIONS, builder])
  })

  test('has the section that error messages point to', () => {
    expect(readme).toContain('\n## What Azure needs\n')
  })

  test.each(['npm ci && npm test', 'npm ci && npm run demo'])('and CI run the same line: %s', (line) => {
    expect(readme).toContain(`\n${line}\n`)
    expect(file('.ci/run')).toContain(`\nreadme '${line}'\n`)
  })
})

test('every failure that the code knows has its heading in TROUBLESHOOTING.md', () => {
  const headings = file('TROUBLESHOOTING.md')
    .split('\n')
    .filter((line) => line.startsWith('### '))
  const known = [...file('src/diagnosis.ts').matchAll(/code: (?:'(AADSTS\d+)'|\/\^(\w+)\$\/)/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
  expect(known.length).toBeGreaterThan(10)
  expect(known.filter((code) => !headings.some((heading) => heading.startsWith(`### ${code}`)))).toEqual([])
})
