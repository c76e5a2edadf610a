/** Inputs of the sub-action `check`: those of the build to come that decide which rights and resources it needs. */
import type { RawInputs } from '../input-reader.ts'
import type { InputName } from '../input-names.ts'
import { readInputs, type BuildRequest } from '../inputs.ts'

/** In the order of `check/action.yml`; names, defaults and meanings are those of the action itself. */
export const CHECK_INPUTS: readonly InputName[] = [
  'client-id',
  'tenant-id',
  'subscription-id',
  'audience',
  'environment',
  'resource-manager-endpoint',
  'resource-group',
  'location',
  'managed-identity',
  'storage-account',
  'source-image',
  'source-image-version',
  'build-path',
  'artifact-access',
  'distribute-type',
  'managed-image-id',
  'managed-image-location',
  'gallery-image-id',
  'replication-regions',
  'vhd-uri',
  'vm-size',
  'build-vm-identities',
  'subnet-id',
  'container-instance-subnet-id',
  'staging-resource-group',
  'template-name',
  'existing-template',
  'register-providers',
  'follow-log',
  'keep-log',
  'summary',
  'skip-unchanged',
  'retry-replication',
]

/**
 * Reads and checks the inputs as the build will, with every other one left empty, which means its default. Whether
 * `build-path` is there is not asked: a check runs before anything is checked out.
 * @throws InputError that names every mistake
 */
export function readCheckInputs(raw: RawInputs): BuildRequest {
  const ours = (read: RawInputs['input']): RawInputs['input'] => {
    return (name) => (CHECK_INPUTS.some((one) => one === name) ? read(name) : '')
  }
  return readInputs({ ...raw, input: ours(raw.input), text: ours(raw.text), exists: () => true })
}
