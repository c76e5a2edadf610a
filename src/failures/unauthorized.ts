/** What Image Builder refuses to its managed identity: its words name a resource, and no right (documented). */
import type { Marks } from '../failures.ts'

/** Names of custom roles in `docs/roles`. */
export const WRITER = 'aib-action image writer'
const JOINER = 'aib-action network joiner'

const COMPUTE = 'Microsoft.Compute'
const NETWORK = 'Microsoft.Network/virtualNetworks'
const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
const NAME = "[^/\\s']+?"
const PATH = "/[^\\s']+"

/**
 * The form of a resource, the action that is missing on it, and a role that has it. That the service reads what it
 * names is assumed, but for where it writes a VHD.
 */
const MISSING: [form: string, action: string, role: string][] = [
  ["https:[^\\s']+?", `${BLOBS}/read`, 'Storage Blob Data Reader'],
  [
    `${PATH}/galleries/${NAME}/images/${NAME}/versions/${NAME}`,
    `${COMPUTE}/galleries/images/versions/read`,
    WRITER,
  ],
  [`${PATH}/galleries/${NAME}/images/${NAME}`, `${COMPUTE}/galleries/images/read`, WRITER],
  [`${PATH}/galleries/${NAME}`, `${COMPUTE}/galleries/read`, WRITER],
  [`${PATH}/Microsoft\\.Compute/images/${NAME}`, `${COMPUTE}/images/read`, WRITER],
  [`${PATH}/virtualNetworks/${NAME}`, `${NETWORK}/read`, JOINER],
  [`${PATH}/subnets/${NAME}`, `${NETWORK}/subnets/join/action`, JOINER],
  [
    `${PATH}/userAssignedIdentities/${NAME}`,
    'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
    'Managed Identity Operator',
  ],
  ["[^\\s']+?", 'the action that reads it', WRITER],
]

function refusal(before: string, form: string): RegExp {
  const sentence = `Not authorized to access the resource: (?<resource>${form})\\.? .*user assigned identity`
  return new RegExp(before + sentence, 'is')
}

/** The first that fits tells `resource`, `action` and `role`. */
export const UNAUTHORIZED: readonly Marks[] = [
  {
    kind: 'azure or build',
    text: refusal('Error publishing VHD.*', "https:[^\\s']+?"),
    facts: { action: `${BLOBS}/write`, role: 'aib-action VHD writer' },
  },
  ...MISSING.map(([form, action, role]): Marks => ({
    kind: 'azure or build',
    text: refusal('', form),
    facts: { action, role },
  })),
]
