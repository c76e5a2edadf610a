/** What Azure says of the machines that a build works with: as the end of a run, or in the log. */
import type { Failure } from '../failures.ts'
import { ARM_ERRORS, GUIDE, MACHINES } from './links.ts'
import { deployment, named, PACKER_FAILED } from './marks.ts'

export const MACHINE_FAILURES: readonly Failure[] = [
  {
    id: 'container-instances-throttled',
    title: 'Too many container instances in a short time',
    shows: ['run'],
    words: ['Too many Azure Container Instances deployed within a period of time.'],
    cause:
      'Each build takes a container instance of four cores, and the subscription has started too many at once.',
    remedy:
      "Run the job again, and fewer builds at once: 'max-parallel' of a matrix, or a 'concurrency' group. A higher quota of Azure Container Instances can be asked for.",
    link: `${GUIDE}#too-many-azure-container-instances-resources-are-deployed-within-a-period-of-time`,
    marks: [{ kind: 'azure or build', text: /Too many Azure Container Instances deployed within/ }],
  },
  {
    id: 'vm-size-not-available',
    title: 'The VM size is not available in the region',
    shows: ['run', 'log'],
    words: [
      "SkuNotAvailable: The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: …' is currently not available in location '…'.",
    ],
    cause: 'Azure has no {size} to give in this region to this subscription, at the moment or at all.',
    remedy:
      "Choose another 'vm-size' or 'location'. Sizes without restrictions show:\n  az vm list-skus --location <location> --resource-type virtualMachines --output table",
    link: `${ARM_ERRORS}/error-sku-not-available`,
    marks: [
      {
        kind: 'azure or build',
        text: /SKUs have failed for Capacity Restrictions: (?<size>Standard_\w+)/,
      },
      {
        kind: 'azure or build',
        text: named('SkuNotAvailable', 'SKUs have failed for Capacity Restrictions'),
        facts: { size: 'VM of this size' },
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: deployment('SkuNotAvailable : (?:.*Capacity Restrictions: (?<size>Standard_\\w+))?'),
            within: 'deployment',
          },
        ],
        facts: { size: 'VM of this size' },
      },
    ],
  },
  {
    id: 'vm-size-unsuitable',
    title: 'The VM size cannot run the source image',
    shows: ['run', 'log'],
    words: [
      "The selected VM size '…' cannot boot Hypervisor Generation '…'.",
      "Cannot create a VM of size '…' because this VM size only supports a CPU Architecture of '…', but an image or disk given has CPU Architecture '…'.",
    ],
    cause: 'A VM of the size {size} does not take an image of this Hyper-V generation or CPU architecture.',
    remedy:
      "Leave 'vm-size' out to have the service choose, or give one for the generation and architecture of 'source-image'; a source image of the other generation does as well. What a size takes shows:\n  az vm list-skus --location <location> --size {size} --query '[].capabilities'",
    link: `${MACHINES}/generation-2`,
    marks: [
      {
        kind: 'azure or build',
        text: /The selected VM size '(?<size>[\w-]+)' cannot boot Hypervisor Generation/,
      },
      {
        kind: 'azure or build',
        text: /VM of size '(?<size>[\w-]+)' because this VM size only supports a CPU Architecture/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason: /The selected VM size '(?<size>[\w-]+)' cannot boot Hypervisor Generation/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason: /VM of size '(?<size>[\w-]+)' because this VM size only supports a CPU Architecture/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: deployment(
              "\\w+ : (?:The selected VM size|Cannot create a VM of size) '(?<size>[\\w-]+)' (?:cannot boot Hypervisor Generation|because this VM size only supports a CPU Architecture)",
            ),
            within: 'deployment',
          },
        ],
      },
    ],
  },
  {
    id: 'disk-too-small',
    title: 'The disk asked for is smaller than that of the source image',
    shows: ['run', 'log'],
    words: [
      'The specified disk size … GB is smaller than the size of the corresponding disk in the VM image: … GB.',
    ],
    cause: 'The system disk can only grow: {wanted} GB were asked for, and the source image has {own} GB.',
    remedy: "Set 'os-disk-size-gb' to {own} or more, or leave it out.",
    link: `${MACHINES}/linux/image-builder-json#osdisksizegb`,
    marks: [
      {
        kind: 'azure or build',
        text: /The specified disk size (?<wanted>\d+) GB is smaller than the size of the corresponding disk in the VM image: (?<own>\d+) GB/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason:
          /The specified disk size (?<wanted>\d+) GB is smaller than the size of the corresponding disk in the VM image: (?<own>\d+) GB/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: deployment(
              '\\w+ : The specified disk size (?<wanted>\\d+) GB is smaller than the size of the corresponding disk in the VM image: (?<own>\\d+) GB',
            ),
            within: 'deployment',
          },
        ],
      },
    ],
  },
  {
    id: 'staging-network-in-use',
    title: 'A private endpoint keeps the network of the staging group',
    shows: ['run', 'log'],
    words: [
      'NicInUseWithPrivateEndpoint: Network interface … cannot be deleted because it is currently in use with an private endpoint …',
    ],
    cause:
      'A private endpoint that Image Builder made still holds its network interface, so that the template cannot be deleted.',
    remedy:
      'Delete in this order: the connection of the private endpoint (in the Private Link service), the Private Link service, network interface and load balancer, the staging group, the template:\n  az network private-endpoint-connection delete --id <ID of the connection> --yes',
    link: `${GUIDE}#resource-deletion-errors-appear`,
    marks: [{ kind: 'azure or build', text: named('NicInUseWithPrivateEndpoint') }],
  },
]
