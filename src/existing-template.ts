/** `existing-template`: a template that somebody else made is run as it is, so nothing may be asked of its shape. */
import type { InputReader } from './input-reader.ts'

/** Reports every input that shapes a template, given although the template is there already. */
export function refuseShape(read: InputReader): void {
  for (const [input, preset] of Object.entries(SHAPING_INPUTS)) {
    const given = read.optional(input)
    if (given !== undefined && given.toLowerCase() !== preset) {
      read.problem(input, 'has no meaning with existing-template: true, which runs the template as it is.')
    }
  }
}

/** Inputs that shape a template, with their defaults. `location` and `managed-identity` do no harm. */
export const SHAPING_INPUTS: Record<string, string> = {
  'source-image': '',
  'source-image-version': 'latest',
  'source-plan': '',
  provisioner: 'auto',
  'build-path': '.',
  exclude: '',
  'artifact-transfer': 'auto',
  'artifact-access': 'sas',
  'inline-script': '',
  'run-elevated': 'false',
  'run-as-system': 'false',
  'windows-update': 'false',
  'windows-restart': 'false',
  'remove-artifacts': 'false',
  customizers: '',
  'validation-script': '',
  'continue-distribute-on-failure': 'false',
  'source-validation-only': 'false',
  'distribute-type': '',
  'managed-image-id': '',
  'managed-image-location': '',
  'gallery-image-id': '',
  'replication-regions': '',
  'versioning-scheme': '',
  'versioning-major': '',
  'exclude-from-latest': 'false',
  'replication-mode': '',
  'vhd-uri': '',
  'image-tags': '',
  'run-output-name': '',
  distributors: '',
  'vm-size': '',
  'os-disk-size-gb': '',
  'data-disk-sizes-gb': '',
  'build-vm-identities': '',
  'subnet-id': '',
  'container-instance-subnet-id': '',
  'proxy-vm-size': '',
  'build-timeout-in-minutes': '240',
  'optimize-vm-boot': 'false',
  'on-customizer-error': 'cleanup',
  'on-validation-error': 'cleanup',
  'staging-resource-group': '',
  'managed-resource-tags': '',
  'template-tags': '',
  'template-file': '',
}
