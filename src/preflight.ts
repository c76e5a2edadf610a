/**
 * What speaks against a build before it is begun: facts of Azure beside what is wanted. A mistake that would end the
 * build is a problem in an input; what may go well is a warning, which `ignore-warnings` silences by its name.
 */
import { chosenTransfer, FILE_CUSTOMIZER_LIMIT_BYTES } from './artifact-customizers.ts'
import { distributionProblem, regionsOf, type Distribution } from './distributors.ts'
import { InputError, type Problem } from './errors.ts'
import type { StorageAccount } from './image-template.ts'
import type { NewBuild } from './inputs.ts'
import { regionName } from './names.ts'
import { didYouMean } from './nearest.ts'
import { lastName, sameId } from './resource-id.ts'
import { SCRIPT_WARNINGS, scriptWarnings } from './script-lint.ts'
import type { SourceImage } from './source-image.ts'
import { shortBuildWarning } from './time-warnings.ts'

/** Warnings by name. */
export const WARNINGS = {
  'storage-firewall': 'the storage account refuses most networks',
  'source-deprecated': 'the publisher gives the source image up',
  'short-timeout': 'a build of Windows takes an hour and more',
  'small-vm': 'Windows Update on the default size of the build VM',
  'credential-files': 'the artifact holds what looks like a credential',
  'large-file': 'a large artifact by way of the File customizer',
  'vhd-staging': 'a VHD in the staging resource group',
  'short-windows-build': 'a Windows build too short for its guest agent',
  'build-timeout-beyond-job': 'the job ends before the time of the build is over',
  ...SCRIPT_WARNINGS,
} as const
export interface Warning {
  name: keyof typeof WARNINGS
  message: string
  /** The line that it speaks of, from 1, in a script of the inputs. */
  at?: { input: 'inline-script' | 'validation-script'; line: number }
}

/** Providers that a build needs ("Prerequisites" of Image Builder's documentation). */
export const PROVIDERS = [
  'Microsoft.VirtualMachineImages',
  'Microsoft.Compute',
  'Microsoft.Network',
  'Microsoft.Storage',
  'Microsoft.KeyVault',
  'Microsoft.ContainerInstance',
] as const

/** A provider as the subscription has it. */
export interface Provider {
  namespace: string
  registrationState: string
  /** Resource type in lower case → regions as `regionName` spells them. */
  locations: Record<string, string[]>
}

export function isRegistered({ registrationState }: Provider): boolean {
  return registrationState.toLowerCase() === 'registered'
}

/** Providers that are not registered, with the command that registers them. */
export function registrationProblems(providers: readonly Provider[], subscriptionId: string): Problem[] {
  return providers
    .filter((provider) => !isRegistered(provider))
    .map(({ namespace, registrationState }) => {
      const command = `az provider register --namespace ${namespace} --subscription ${subscriptionId}`
      const message = `has the resource provider ${namespace} '${registrationState}'; run: ${command}, or set register-providers: true.`
      return { input: 'subscription-id', message }
    })
}

/** Regions that the providers' own lists do not hold, so that a new region works on its first day. */
export function regionProblems(request: NewBuild, providers: readonly Provider[]): Problem[] {
  const offered = (namespace: string, type: string): string[] | undefined => {
    const provider = providers.find((one) => one.namespace.toLowerCase() === namespace.toLowerCase())
    return provider?.locations[type.toLowerCase()]
  }
  const builders = offered('Microsoft.VirtualMachineImages', 'imageTemplates')
  const problems: Problem[] = []
  if (builders && !builders.includes(request.location)) {
    const hint = didYouMean(request.location, builders)
    const message = `'${request.location}' does not offer Image Builder; these do: ${builders.join(', ')}.${hint}`
    problems.push({ input: 'location', message })
  }
  for (const one of request.distributions) {
    const [field, type, regions] = targetRegions(one)
    const known = offered('Microsoft.Compute', type) ?? []
    for (const region of known.length > 0 ? regions.filter((name) => !known.includes(name)) : []) {
      problems.push(
        distributionProblem(
          one,
          field,
          `'${region}' is no region of this cloud.${didYouMean(region, known)}`,
        ),
      )
    }
  }
  return problems
}

function targetRegions(one: Distribution): [field: string, type: string, regions: string[]] {
  const { body } = one
  if (body.type === 'SharedImage') return ['targetRegions', 'galleries/images/versions', regionsOf(body)]
  return ['location', 'images', body.type === 'ManagedImage' ? [regionName(body.location)] : []]
}

/** A resource group that is to be the staging group. */
export interface StagingGroupFacts {
  id: string
  location: string
  tags: Record<string, string>
  /** Names of what lies in it. */
  contents: string[]
}

/** The rules for a group that the user brings (Image Builder's documentation of `stagingResourceGroup`). */
export function stagingGroupProblems(group: StagingGroupFacts, location: string): Problem[] {
  const name = lastName(group.id)
  const problem = (message: string): Problem => ({ input: 'staging-resource-group', message })
  const problems: Problem[] = []
  if (regionName(group.location) !== location) {
    problems.push(
      problem(
        `'${name}' is in ${regionName(group.location)}; it must be in the template's region, ${location}.`,
      ),
    )
  }
  const owner = group.tags['imageTemplateName']
  if (owner !== undefined) {
    problems.push(
      problem(`'${name}' belongs to image template '${owner}'; each template needs one of its own.`),
    )
  } else if (group.contents.length > 0) {
    const some = group.contents.slice(0, 3).join(', ')
    problems.push(
      problem(`'${name}' is not empty; it holds ${some}${group.contents.length > 3 ? ' and more' : ''}.`),
    )
  }
  return problems
}

/** A subnet with what decides whether Image Builder can work in it. */
export interface SubnetFacts {
  /** Region of its virtual network, as `regionName` spells it. */
  location: string
  /** `Enabled` or `Disabled`. */
  privateLinkServiceNetworkPolicies?: string
  /** Services that the subnet is delegated to. */
  delegations: string[]
}

const CONTAINER_GROUPS = 'Microsoft.ContainerInstance/containerGroups'

/** Rules of "Image Builder networking options". @param forContainer whether it is the container instance's subnet */
export function subnetProblems(
  subnet: SubnetFacts,
  id: string,
  forContainer: boolean,
  { location, settings }: NewBuild,
): Problem[] {
  const input = forContainer ? 'container-instance-subnet-id' : 'subnet-id'
  const problem = (message: string): Problem => ({ input, message })
  const problems: Problem[] = []
  if (subnet.location !== location) {
    problems.push(problem(`'${lastName(id)}' is in ${subnet.location}; the build VM is in ${location}.`))
  }
  const delegated = subnet.delegations.some((one) => sameId(one, CONTAINER_GROUPS))
  const alone = settings.vmProfile?.vnetConfig?.containerInstanceSubnetId === undefined
  if (forContainer && !delegated) {
    problems.push(problem(`'${lastName(id)}' must be delegated to ${CONTAINER_GROUPS}.`))
  }
  if (!forContainer && alone && subnet.privateLinkServiceNetworkPolicies?.toLowerCase() === 'enabled') {
    const command = `az network vnet subnet update --ids ${id} --private-link-service-network-policies Disabled`
    problems.push(
      problem(
        `'${lastName(id)}' has its policies for Private Link services on, which keeps the proxy VM from working; run: ${command}`,
      ),
    )
  }
  return problems
}

/** What may go well, and is worth a word before an hour is spent. */
export function buildWarnings(
  request: NewBuild,
  source: SourceImage,
  account: StorageAccount | undefined,
): Warning[] {
  const { settings, customization, distributions } = request
  const minutes = settings.buildTimeoutInMinutes ?? 0
  const windows = source.osType === 'Windows'
  const updates =
    customization.windowsUpdate ||
    [...customization.own, ...customization.further].some(({ body }) => body.type === 'WindowsUpdate')
  const inStaging = distributions.some(({ body }) => body.type === 'VHD' && body.uri === undefined)
  const warnings: [holds: boolean, warning: Warning][] = [
    [
      account?.refusesNetworks === true,
      {
        name: 'storage-firewall',
        message: `Storage account ${account?.name ?? ''} refuses all networks but chosen ones: the runner and Image Builder must be among them.`,
      },
    ],
    [
      source.deprecation !== undefined,
      {
        name: 'source-deprecated',
        message: `The publisher has marked the source image as ${source.deprecation ?? ''}: move to another one in time.`,
      },
    ],
    [
      windows && minutes > 0 && minutes < 60,
      {
        name: 'short-timeout',
        message: `build-timeout-in-minutes is ${minutes}; a build of Windows takes 60 minutes and more.`,
      },
    ],
    [
      updates && settings.vmProfile?.vmSize === undefined,
      {
        name: 'small-vm',
        message: 'Windows Update often exhausts the default build VM: give vm-size, such as Standard_D4s_v5.',
      },
    ],
    [inStaging && request.wait && request.cleanup !== 'never', { name: 'vhd-staging', message: VHD_NOTICE }],
  ]
  return [
    ...warnings.filter(([holds]) => holds).map(([, warning]) => warning),
    ...(windows ? shortBuildWarning(request) : []),
    ...scriptWarnings(request, source.osType),
  ]
}

/** A VHD without a place of its own does not outlive its job. */
export const VHD_NOTICE =
  'The VHD lies in the staging resource group, which is deleted when this job ends: copy it in a later step of this job, give vhd-uri, or set cleanup to never.'

/** The File customizer is slow with what is larger than its documentation advises. */
export function artifactWarnings({ artifact }: NewBuild, bytes: number): Warning[] {
  if (!artifact || bytes <= FILE_CUSTOMIZER_LIMIT_BYTES || chosenTransfer(artifact, bytes) !== 'file')
    return []
  const size = `${Math.round(bytes / 1024 / 1024)} MiB`
  return [
    {
      name: 'large-file',
      message: `The artifact has ${size} and goes by Image Builder's File customizer, which is slow beyond 20 MiB: leave files out with exclude, or use artifact-transfer: download.`,
    },
  ]
}

/** Resource Manager takes requests of 4 MB at most (its documentation), and the whole template is one. */
export const REQUEST_BYTES = 4 * 1024 * 1024

/** @throws InputError when a template's text is too long for one request */
export function sizeProblem(template: string): void {
  const bytes = Buffer.byteLength(template)
  if (bytes <= REQUEST_BYTES) return
  const message = `makes a template of ${bytes} bytes; Resource Manager takes ${REQUEST_BYTES}. Put long scripts into files of build-path and call them.`
  throw new InputError([{ input: 'inline-script', message }])
}
