/** action.yml, the code and the README promise the same. */
import { describe, expect, test } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'yaml'
import { documentedRole, ROLE_FILES } from '../../local-azure/roles.ts'
import { ARTIFACT_ACCESSES, ARTIFACT_TRANSFERS } from '../../src/artifact-customizers.ts'
import { CLOUD_NAMES } from '../../src/azure/cloud.ts'
import { PROVISIONERS } from '../../src/customizers.ts'
import { DISTRIBUTE_TYPES, REPLICATION_MODES, VERSIONING_SCHEMES } from '../../src/distribution-inputs.ts'
import { CLEANUP_POLICIES, readInputs, wantsSummary } from '../../src/inputs.ts'
import { WARNINGS } from '../../src/preflight.ts'
import { FAILURES } from '../../src/failures.ts'
import { emptyReport, outputs } from '../../src/report.ts'
import { END_STATES } from '../../src/run-status.ts'
import { STORAGE_ACCOUNT_TYPES } from '../../src/template-schema.ts'
import { ERROR_HANDLINGS } from '../../src/template-settings.ts'
import { VERSION } from '../../src/version.ts'
import {
  IDENTITY_ID,
  newBuild,
  problemsOf,
  rawInputs,
  WORKSPACE,
  type RawWorld,
} from '../support/factories.ts'

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

/** A template file that says where it builds and as whom. */
const FILE: RawWorld = {
  files: {
    'image.json': JSON.stringify({
      location: 'westus2',
      identity: { type: 'UserAssigned', userAssignedIdentities: { [IDENTITY_ID]: {} } },
      properties: {},
    }),
  },
}

/** Names of the inputs without which the code does not go on. */
const missing = (given: Record<string, string>, world?: RawWorld): string[] =>
  problemsOf(() => readInputs(rawInputs({ ...NONE, ...given }, world)))
    .filter((problem) => problem.includes(': is required'))
    .map((problem) => problem.split(':')[0] ?? '')
    .sort()

describe('inputs', () => {
  test('of action.yml are those that the code reads', () => {
    const asked = new Set<string>()
    const ways: Record<string, string>[] = [
      ...DISTRIBUTE_TYPES.map((type) => ({ 'distribute-type': type })),
      { 'template-file': 'image.json', 'distribute-type': 'vhd' },
      { 'existing-template': 'true' },
    ]
    for (const way of ways) {
      const raw = rawInputs({ ...NONE, ...way }, FILE)
      const recorded = (name: string): string => {
        asked.add(name)
        return raw.text(name)
      }
      const recording = { ...raw, input: recorded, text: recorded }
      problemsOf(() => readInputs(recording))
      wantsSummary(recording)
    }
    expect([...asked].sort()).toEqual([...inputNames].sort())
  })

  test('that action.yml requires are the three that the code demands of everyone who makes a template', () => {
    const required = inputNames.filter((name) => action.inputs[name]?.required)
    expect(required).toEqual(['resource-group', 'location', 'managed-identity'])
    // The subscription may come from the environment, which action.yml cannot say; the source from a template file.
    expect(missing({ 'distribute-type': 'vhd' })).toEqual(
      [...required, 'source-image', 'subscription-id'].sort(),
    )
  })

  test('that are required need not be given where a template brings them', () => {
    const file = { 'distribute-type': 'vhd', 'template-file': 'image.json' }
    expect(missing(file, FILE)).toEqual(['resource-group', 'source-image', 'subscription-id'])
    expect(missing({ 'existing-template': 'true' })).toEqual([
      'resource-group',
      'subscription-id',
      'template-name',
    ])
  })

  test('that are required have no default, and the others need none', () => {
    expect(inputNames.filter((name) => action.inputs[name]?.required && action.inputs[name].default)).toEqual(
      [],
    )
    expect(inputNames.filter((name) => action.inputs[name]?.default === '')).toEqual([])
  })

  /** For these an empty value means none. */
  const MAY_BE_NONE = ['build-path', 'log-artifact-name', 'record-artifact-name']
  const presets = inputNames.filter(
    (name) => action.inputs[name]?.default !== undefined && !MAY_BE_NONE.includes(name),
  )
  test.each(presets)('%s: the default is what an empty value means', (name) => {
    expect(newBuild({ [name]: '' })).toEqual(newBuild())
    expect(wantsSummary(rawInputs({ [name]: '' }))).toBe(wantsSummary(rawInputs()))
  })

  test.each(MAY_BE_NONE)('%s: an empty value means none, and action.yml says so', (name) => {
    expect(newBuild({ [name]: '' })).not.toEqual(newBuild())
    expect(action.inputs[name]?.description).toContain("`''` for none")
  })

  test('build-path: the default is the workspace', () => {
    expect(newBuild().artifact?.path).toBe(path.resolve(WORKSPACE))
    expect(newBuild({ 'build-path': '' })).not.toHaveProperty('artifact')
  })

  test.each<[string, readonly string[]]>([
    ['environment', CLOUD_NAMES],
    ['provisioner', PROVISIONERS],
    ['artifact-transfer', ARTIFACT_TRANSFERS],
    ['artifact-access', ARTIFACT_ACCESSES],
    ['distribute-type', DISTRIBUTE_TYPES],
    ['replication-regions', STORAGE_ACCOUNT_TYPES],
    ['versioning-scheme', VERSIONING_SCHEMES],
    ['replication-mode', REPLICATION_MODES],
    ['on-customizer-error', ERROR_HANDLINGS],
    ['on-validation-error', ERROR_HANDLINGS],
    ['cleanup', CLEANUP_POLICIES],
    ['ignore-warnings', Object.keys(WARNINGS)],
  ])('%s: action.yml names every value', (name, values) => {
    const description = action.inputs[name]?.description ?? ''
    expect(values.filter((value) => !description.includes(`\`${value}\``))).toEqual([])
  })

  test.each<[string, readonly string[]]>([
    ['artifact-transfer', ARTIFACT_TRANSFERS],
    ['artifact-access', ARTIFACT_ACCESSES],
    ['provisioner', PROVISIONERS],
    ['on-customizer-error', ERROR_HANDLINGS],
    ['on-validation-error', ERROR_HANDLINGS],
    ['cleanup', CLEANUP_POLICIES],
    ['environment', CLOUD_NAMES],
  ])('%s: the default is one of its values', (name, values) => {
    expect(values).toContain(action.inputs[name]?.default)
  })

  test('every word in code font that looks like an input is one', () => {
    const words = inputNames.flatMap((name) =>
      [...(action.inputs[name]?.description ?? '').matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(
        ([, word]) => word ?? '',
      ),
    )
    const choices = [...DISTRIBUTE_TYPES, ...CLEANUP_POLICIES, ...Object.keys(WARNINGS)] as string[]
    const known = new Set([...inputNames, ...Object.keys(action.outputs), ...choices])
    expect(words.filter((word) => !known.has(word))).toEqual([])
  })
})

test('run-state: action.yml names every value', () => {
  const { description = '' } = action.outputs['run-state'] ?? {}
  expect([...END_STATES, 'Running'].filter((state) => !description.includes(`\`${state}\``))).toEqual([])
})

test('outputs of action.yml are those that the code sets, in their order', () => {
  expect(Object.keys(outputs(emptyReport()))).toEqual(Object.keys(action.outputs))
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

  test('and docs/rights.md list every role, and the latter each of its actions', () => {
    const rights = file('docs/rights.md')
    const missing = ROLE_FILES.filter((role) => !readme.includes(`docs/roles/${role}.json`))
    const sections = new Map(rights.split('\n### ').map((section) => [section.split('\n')[0], section]))
    const untold = ROLE_FILES.flatMap((role) =>
      [...documentedRole(role).Actions, ...documentedRole(role).DataActions]
        .filter((action) => !sections.get(role)?.includes(`| \`${action}\``))
        .map((action) => `${role}: ${action}`),
    )
    expect({ missing, untold }).toEqual({ missing: [], untold: [] })
  })

  test('asks for no right with a wildcard, and for each of them once', () => {
    const all = ROLE_FILES.map(documentedRole).map(({ Actions, DataActions }) => [...Actions, ...DataActions])
    expect(all.flat().filter((action) => action.includes('*'))).toEqual([])
    expect(all.filter((actions) => new Set(actions).size !== actions.length)).toEqual([])
  })

  test('has the section that error messages point to', () => {
    expect(readme).toContain('\n## What Azure needs\n')
  })

  test.each(['npm ci && npm test', 'npm ci && npm run demo'])('and CI run the same line: %s', (line) => {
    expect(readme).toContain(`\n${line}\n`)
    expect(file('.ci/run')).toContain(`\nreadme '${line}'\n`)
  })
})

test('docs/troubleshooting.md has every failure code, and no other', () => {
  const listed = [...file('docs/troubleshooting.md').matchAll(/^Failure code `([a-z-]+)`/gm)].map(
    (match) => match[1] ?? '',
  )
  const known = FAILURES.filter(({ cause }) => cause !== '').map(({ id }) => id)
  expect([...listed].sort()).toEqual([...known].sort())
})

describe('TROUBLESHOOTING.md', () => {
  const troubleshooting = file('TROUBLESHOOTING.md')

  test('has a heading for every warning that can be silenced', () => {
    const named = Object.keys(WARNINGS).filter((name) =>
      troubleshooting.includes(`\n### ignore-warnings: ${name}\n`),
    )
    expect(named).toEqual(Object.keys(WARNINGS))
  })
})
