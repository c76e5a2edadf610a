/** The outer loop, from a commit to blessed images: two sources in two regions, tested from outside, promoted. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import { playOuterLoop, type OuterLoopEnd } from '../../local-azure/outer-loop.ts'
import type { Resource } from '../../local-azure/world.ts'
import { quickTime } from '../support/moments.ts'

let end: OuterLoopEnd
let versions: Resource[]
const story: string[] = []

beforeAll(async () => {
  end = await playOuterLoop({
    print: (line) => story.push(line),
    azure: { speed: 5000 },
    env: quickTime(),
    places: 4,
    look: ({ world }) => {
      versions = structuredClone(world.resources.list('Microsoft.Compute/galleries/images/versions'))
    },
  })
}, 120_000)

/** The new version of a definition, as Azure holds it. */
function built(definition: string): Resource | undefined {
  return versions.find(({ id, name }) => id.includes(`/images/${definition}/versions/`) && name !== '0.1.0')
}

const RUN = 'https://github.com/octo-org/webapp/actions/runs/18230001'

test('ends as it should, with nothing left behind and no secret in the open', () => {
  expect({ wrong: end.wrong, story }).toMatchObject({ wrong: [] })
  expect(end.result.conclusion).toBe('failure')
  expect(end.result.leaks).toEqual([])
})

describe.each(['eastus', 'westus2'])('in %s', (region) => {
  test('the image that passes its test from outside is blessed, latest, and in a third region', () => {
    const version = built(`webapp-web-${region}`)
    expect(version).toMatchObject({
      tags: {
        repository: 'octo-org/webapp',
        'workflow-run-url': RUN,
        'image-status': 'blessed',
        'blessed-by': RUN,
        'previous-version': '0.1.0',
      },
      properties: { publishingProfile: { excludeFromLatest: false } },
    })
    const image = end.images.find(({ definition }) => definition === `webapp-web-${region}`)
    expect(image).toMatchObject({
      regions: ['eastus', 'westus2', 'westeurope'],
      latest: version?.name,
      previous: '0.1.0',
    })
    expect(image?.rollBack).toContain(`--gallery-image-definition webapp-web-${region} `)
  })

  test('the one that fails it is marked as rejected, and what was latest stays so', () => {
    expect(built(`webapp-api-${region}`)).toMatchObject({
      tags: { 'image-status': 'rejected', 'rejected-by': RUN },
      properties: { publishingProfile: { excludeFromLatest: true } },
    })
    const image = end.images.find(({ definition }) => definition === `webapp-api-${region}`)
    expect(image).toMatchObject({ tests: 'failure', regions: ['eastus', 'westus2'], latest: '0.1.0' })
  })
})

test('only what is blessed goes through the environment', () => {
  const approved = end.result.jobs.filter(({ environment }) => environment === 'production')
  expect(approved.map(({ name, conclusion }) => [name, conclusion])).toEqual([
    ['Promote web-eastus / Promote', 'success'],
    ['Promote web-westus2 / Promote', 'success'],
  ])
})

test('every build leaves a record of its own that names the exact version and its artifact', () => {
  const records = end.result.artifacts.filter(({ name }) => name.startsWith('build-record.'))
  const found = records.map(({ name, files }) => {
    const record = JSON.parse(files.get('build-record.json')?.toString() ?? '{}') as {
      images: Record<string, string>
      artifact: { sha256: string }
    }
    return { name, image: Object.values(record.images)[0], sha256: record.artifact.sha256 }
  })
  const expected = ['web', 'api'].flatMap((app) =>
    ['eastus', 'westus2'].map((region) => {
      const version = built(`webapp-${app}-${region}`)
      const sha256 = version?.tags?.['artifact-sha256']
      return { name: `build-record.images.${app}-${region}.1`, image: version?.id, sha256 }
    }),
  )
  expect(found.sort((a, b) => a.name.localeCompare(b.name))).toEqual(
    expected.sort((a, b) => a.name.localeCompare(b.name)),
  )
  expect(expected.map(({ sha256 }) => sha256)).toEqual(
    Array.from({ length: 4 }, () => expect.stringMatching(/^[0-9a-f]{64}$/)),
  )
})

test('the story ends with a table, and the commands that undo it', () => {
  const text = story.join('\n')
  expect(text).toMatch(
    /webapp-web-eastus +eastus +\S+ +success +blessed +eastus, westus2, westeurope +\S+ +0\.1\.0/,
  )
  expect(text).toMatch(
    /webapp-api-westus2 +westus2 +\S+ +failure +rejected +eastus, westus2 +0\.1\.0 +0\.1\.0/,
  )
  expect(text.match(/az sig image-version update .*excludeFromLatest=true/g)).toHaveLength(2)
  expect(text).toContain('api starts with the machine: not so in version')
})
