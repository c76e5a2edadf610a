/** A workflow with ten different mistakes: one failure names them all, at once and without asking anybody. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { failureOf, requestsOf } from '../support/failures.ts'
import { GALLERY, GROUP, openStage, type Stage } from '../support/run-action.ts'
import { expectMistakes } from '../support/submissions.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

const NETWORK = `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-builds`

/** One of each kind: a name, an ID of another kind, a choice, numbers, a form, what excludes each other. */
const MISTAKES: [input: string, value: string, told: RegExp][] = [
  ['managed-identity', 'my builder', /^managed-identity: 'my builder' is not a valid name/],
  [
    'gallery-image-id',
    GALLERY,
    /^gallery-image-id: '.*\/galleries\/contoso' is the ID of a gallery; give that of a gallery image definition/,
  ],
  ['artifact-access', 'identiy', /^artifact-access: 'identiy' is not one of .* Did you mean 'identity'\?$/],
  [
    'replication-regions',
    'eastus=1:Premium_LSR',
    /^replication-regions: 'Premium_LSR' .* Did you mean 'Premium_LRS'\?$/,
  ],
  ['build-timeout-in-minutes', '3', /^build-timeout-in-minutes: '3' is not allowed; use 0 .* or 6 to 960/],
  [
    'customizers',
    '- { type: Shell, inlin: [echo] }',
    /^customizers: \[0\]\.inlin: unknown field; known: .* Did you mean 'inline'\?$/,
  ],
  ['data-disk-sizes-gb', '10, none', /^data-disk-sizes-gb: 'none' is not a size in GB/],
  [
    'source-image',
    'Ubunt2404',
    /^source-image: 'Ubunt2404' is not an image; .* Did you mean 'Ubuntu2404'\?$/,
  ],
  ['image-tags', 'owner', /^image-tags: 'owner' is not key=value/],
  [
    'proxy-vm-size',
    'Standard_A1_v2',
    /^proxy-vm-size: 'Standard_A1_v2' excludes container-instance-subnet-id/,
  ],
]

test('ten mistakes, one failure, no request', async () => {
  const inputs = {
    'subnet-id': `${NETWORK}/subnets/builds`,
    'container-instance-subnet-id': `${NETWORK}/subnets/containers`,
    ...Object.fromEntries(MISTAKES.map(([input, value]) => [input, value])),
  }
  const { result, requests } = await requestsOf(stage.azure, () => stage.run(inputs))
  const message = failureOf(result)
  expectMistakes(
    message,
    MISTAKES.map(([, , told]) => told),
  )
  expect(message).toContain('10 inputs need a change; nothing was created.')
  expect(requests).toEqual([])
  expect(result.state['connection']).toBeUndefined()
  expect(result.log).toContain('nothing was created, so there is nothing to clean up')
})
