/** Build VM, network, validation, timeouts and tags: what is refused, and what becomes of names and IDs. */
import { describe, expect, test } from '@jest/globals'
import { buildMinutes } from '../../src/template-settings.ts'
import {
  DEFINITION_ID,
  IDENTITY_ID,
  OWN_IDENTITY_ID,
  problemsOf,
  resourceId,
  SUBNET_ID,
  SUBSCRIPTION,
} from '../support/factories.ts'
import { requestOf } from '../support/template-body.ts'

type Inputs = Record<string, string>

const NETWORK_ID = resourceId('Microsoft.Network/virtualNetworks', 'network')
const CONTAINERS_ID = resourceId('Microsoft.Network/virtualNetworks/subnets', 'network', 'containers')
const FORM_OF_SUBNET = '/subscriptions/…/providers/Microsoft.Network/virtualNetworks/<name>/subnets/<name>'
const TIMEOUTS = 'use 0 (the service default of 240) or 6 to 960; 1 to 5 break the build.'
const RULE_OF_IDENTITIES = "3 to 128 letters, digits, '-' or '_'."
const RULE_OF_TAGS = '1 to 512 characters without <>%&\\?/.'

describe('refused is', () => {
  test.each<[string, Inputs, string[]]>([
    ...['1', '5', '961', '-1', '1.5', 'two', '1e2'].map((value): [string, Inputs, string[]] => [
      `a timeout of ${value}`,
      { 'build-timeout-in-minutes': value },
      [`build-timeout-in-minutes: '${value}' is not allowed; ${TIMEOUTS}`],
    ]),
    ...['0', '4096', '64GB'].map((value): [string, Inputs, string[]] => [
      `a disk of ${value}`,
      { 'os-disk-size-gb': value },
      [`os-disk-size-gb: '${value}' is not allowed; use 1 to 4095 GB.`],
    ]),
    [
      'data disks of no size, each told of',
      { 'data-disk-sizes-gb': '64, 0, 32768, big' },
      ['0', '32768', 'big'].map(
        (value) => `data-disk-sizes-gb: '${value}' is not a size in GB from 1 to 32767.`,
      ),
    ],
    [
      'sizes that are none',
      { 'vm-size': 'D2s v5', 'subnet-id': SUBNET_ID, 'proxy-vm-size': 'small' },
      [
        "vm-size: 'D2s v5' is no VM size; use a name such as Standard_D2ds_v5.",
        "proxy-vm-size: 'small' is no VM size; use a name such as Standard_D2ds_v5.",
      ],
    ],
    [
      'identities that are none',
      { 'build-vm-identities': `builder, a b, ${DEFINITION_ID}` },
      [
        `build-vm-identities: 'a b' is not a valid name: ${RULE_OF_IDENTITIES}`,
        `build-vm-identities: '${DEFINITION_ID}' is the ID of a gallery image definition; give that of a managed identity.`,
      ],
    ],
    [
      'a managed identity that is none',
      { 'managed-identity': '-x' },
      [`managed-identity: '-x' is not a valid name: ${RULE_OF_IDENTITIES}`],
    ],
    [
      'a name instead of a subnet',
      { 'subnet-id': 'default' },
      [`subnet-id: 'default' is not the resource ID of a subnet: ${FORM_OF_SUBNET}.`],
    ],
    [
      'a network instead of a subnet',
      { 'subnet-id': NETWORK_ID },
      [`subnet-id: '${NETWORK_ID}' is the ID of a virtual network; give that of a subnet.`],
    ],
    [
      'a network instead of the subnet for containers',
      { 'subnet-id': SUBNET_ID, 'container-instance-subnet-id': NETWORK_ID },
      [
        `container-instance-subnet-id: '${NETWORK_ID}' is the ID of a virtual network; give that of a subnet.`,
      ],
    ],
    [
      'a proxy VM without subnet',
      { 'proxy-vm-size': 'Standard_A1_v2' },
      ["proxy-vm-size: 'Standard_A1_v2' needs subnet-id."],
    ],
    [
      'a subnet for containers alone',
      { 'container-instance-subnet-id': CONTAINERS_ID },
      ['container-instance-subnet-id: needs subnet-id, for the build VM.'],
    ],
    [
      'a proxy VM beside a subnet for containers',
      {
        'subnet-id': SUBNET_ID,
        'container-instance-subnet-id': CONTAINERS_ID,
        'proxy-vm-size': 'Standard_A1_v2',
      },
      [
        "proxy-vm-size: 'Standard_A1_v2' excludes container-instance-subnet-id: with it there is no proxy VM.",
      ],
    ],
    [
      'something else than cleanup or abort',
      { 'on-customizer-error': 'abrt', 'on-validation-error': 'stop' },
      [
        "on-customizer-error: 'abrt' is not one of cleanup, abort. Did you mean 'abort'?",
        "on-validation-error: 'stop' is not one of cleanup, abort.",
      ],
    ],
    [
      'options of a validation that there is not',
      { 'continue-distribute-on-failure': 'true', 'source-validation-only': 'true' },
      [
        'continue-distribute-on-failure: needs something that validates: give validation-script.',
        'source-validation-only: needs something that validates: give validation-script.',
      ],
    ],
    [
      'an ID of something else as staging group',
      { 'staging-resource-group': DEFINITION_ID },
      [`staging-resource-group: '${DEFINITION_ID}' is not the name or the ID of a resource group.`],
    ],
    [
      'a staging group in another subscription',
      { 'staging-resource-group': '/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/st' },
      [
        "staging-resource-group: '/subscriptions/99999999-2222-3333-4444-555555555555/resourceGroups/st' is in another subscription; it must be in that of the template.",
      ],
    ],
    [
      'the group of the template as staging group',
      { 'staging-resource-group': 'Builds' },
      [
        "staging-resource-group: 'Builds' is the group of the template; staging needs an empty one of its own.",
      ],
    ],
    [
      'tags that are none',
      {
        'managed-resource-tags': 'team\n=web\na/b=c',
        'template-tags': `long=${'x'.repeat(257)}\nteam=a\nTEAM=b`,
      },
      [
        "managed-resource-tags: 'team' is not key=value.",
        "managed-resource-tags: '=web' is not key=value.",
        `managed-resource-tags: 'a/b' is no name of a tag: ${RULE_OF_TAGS}`,
        "template-tags: the value of 'long' has 257 characters; 256 are allowed.",
        "template-tags: 'TEAM' stands there twice.",
      ],
    ],
  ])('%s', (_, inputs, expected) => {
    expect(problemsOf(() => requestOf(inputs))).toEqual(expected)
  })

  // What excludes each other does so wherever it was written; it is told where it can be changed.
  test.each<[string, object, Inputs, string[]]>([
    [
      'a proxy VM of an input beside a subnet for containers of the file',
      { subnetId: SUBNET_ID, containerInstanceSubnetId: CONTAINERS_ID },
      { 'proxy-vm-size': 'Standard_A1_v2' },
      [
        "proxy-vm-size: 'Standard_A1_v2' excludes container-instance-subnet-id: with it there is no proxy VM.",
      ],
    ],
    [
      'both in the file',
      { subnetId: SUBNET_ID, containerInstanceSubnetId: CONTAINERS_ID, proxyVmSize: 'Standard_A1_v2' },
      {},
      [
        expect.stringMatching(
          /^template-file: .*'Standard_A1_v2' excludes container-instance-subnet-id/,
        ) as unknown as string,
      ],
    ],
  ])('%s', (_, vnetConfig, inputs, expected) => {
    const file = { properties: { vmProfile: { vnetConfig } } }
    expect(problemsOf(() => requestOf(inputs, { file }))).toEqual(expected)
  })
})

describe('taken is', () => {
  test.each<[string, Inputs, object]>([
    ['nothing: what the service has of itself', {}, { buildTimeoutInMinutes: 240 }],
    ['the shortest build', { 'build-timeout-in-minutes': '6' }, { buildTimeoutInMinutes: 6 }],
    [
      'disks at both ends',
      { 'data-disk-sizes-gb': '1\n32767' },
      { additionalDataDisks: [{ sizeGB: 1 }, { sizeGB: 32_767 }] },
    ],
    ['the largest disk', { 'os-disk-size-gb': '4095' }, { vmProfile: { osDiskSizeGB: 4095 } }],
    [
      'identities by name and ID',
      { 'build-vm-identities': `builder\n${IDENTITY_ID}/` },
      { vmProfile: { userAssignedIdentities: [OWN_IDENTITY_ID, IDENTITY_ID] } },
    ],
    [
      'a staging group by ID, whatever its letter case',
      { 'staging-resource-group': `/Subscriptions/${SUBSCRIPTION.toUpperCase()}/resourcegroups/st/` },
      { stagingResourceGroup: `/Subscriptions/${SUBSCRIPTION.toUpperCase()}/resourcegroups/st` },
    ],
    [
      'a tag with an equals sign in it',
      { 'managed-resource-tags': 'query=a=b' },
      { managedResourceTags: { query: 'a=b' } },
    ],
  ])('%s', (_, inputs, expected) => {
    expect(requestOf(inputs).settings).toEqual({ buildTimeoutInMinutes: 240, ...expected })
  })
})

test.each([
  [{}, 240],
  [{ buildTimeoutInMinutes: 0 }, 240],
  [{ buildTimeoutInMinutes: 6 }, 6],
])('%j takes %i minutes at most', (settings, minutes) => {
  expect(buildMinutes(settings)).toBe(minutes)
})
