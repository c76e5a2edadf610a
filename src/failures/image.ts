/** What Image Builder says of images and identities: on submission, or as the end of a run. */
import type { Failure } from '../failures.ts'
import { GUIDE, MACHINES } from './links.ts'
import { PACKER_FAILED } from './marks.ts'
import { UNAUTHORIZED, WRITER } from './unauthorized.ts'

export const IMAGE_FAILURES: readonly Failure[] = [
  {
    id: 'purchase-plan-missing',
    title: 'The source image has a purchase plan that the template lacks',
    shows: ['submission'],
    words: ['PurchasePlanNotProvided: Purchase Plan was not provided for image: …'],
    cause:
      'A managed or gallery image that descends from a marketplace image with a plan does not tell that plan, or the plan given is another.',
    remedy:
      "Give it as 'source-plan': PlanName:PlanProduct:PlanPublisher. The terms must be accepted once:\n  az vm image terms accept --publisher <publisher> --offer <offer> --plan <plan>",
    link: `${MACHINES}/linux/cli-ps-findimage`,
    marks: [
      { kind: 'azure or build', text: /Purchase Plan was not provided for image/ },
      { kind: 'azure', code: /^PurchasePlanNotProvided$/ },
    ],
  },
  {
    id: 'generation-mismatch',
    title: 'Source image and image definition have different Hyper-V generations',
    shows: ['submission', 'run'],
    words: [
      'Error with Hyper-V Version validation … The provided SIG: …, has a different Hyper-V Generation: …, than source image: ….',
    ],
    cause: 'An image of one Hyper-V generation cannot become a version of a definition of another.',
    remedy:
      "Choose a 'source-image' of the generation of 'gallery-image-id' (SKUs of generation 2 often end in -gen2 or -g2), or make another definition:\n  az sig image-definition create … --hyper-v-generation V2",
    link: `${MACHINES}/generation-2`,
    marks: [{ kind: 'azure or build', text: /Error with Hyper-V Version validation/ }],
  },
  {
    id: 'architecture-mismatch',
    title: 'The target does not take the CPU architecture of the source image',
    shows: ['run', 'log'],
    words: ["Creating an image with … source that has CPU Architecture '…' is not supported."],
    cause: 'The source image is for {architecture}, which a managed image cannot hold.',
    remedy:
      "Distribute to a gallery ('gallery-image-id') whose image definition has that architecture, or take a 'source-image' for x64:\n  az sig image-definition create … --architecture {architecture}",
    link: `${MACHINES}/shared-image-galleries`,
    marks: [
      {
        kind: 'azure or build',
        text: /has CPU Architecture '(?<architecture>\w+)' is not supported/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason: /has CPU Architecture '(?<architecture>\w+)' is not supported/,
      },
    ],
  },
  {
    id: 'security-type-mismatch',
    title: 'Source image and image definition have different security types',
    shows: ['submission', 'run', 'log'],
    words: [
      "The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type.",
    ],
    cause:
      'One of the two asks for trusted launch, and the other does not have it. A definition for TrustedLaunch alone takes no image of Image Builder.',
    remedy:
      'Take a source and a definition that both support trusted launch, or neither. The definition gets that when it is made:\n  az sig image-definition create … --features SecurityType=TrustedLaunchSupported',
    link: `${MACHINES}/trusted-launch`,
    marks: [
      {
        kind: 'azure or build',
        text: /only supports creation of VMs and VM Scale Sets with 'TrustedLaunch'/,
      },
      {
        kind: 'build',
        text: PACKER_FAILED,
        reason: /only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type/,
      },
    ],
  },
  {
    id: 'source-image-not-found',
    title: 'The source image was not found',
    shows: ['submission', 'run'],
    words: [
      'Platform Image was not found. location: …, publisherName: …, offer: …, sku: …, version: ….',
      'Build (Shared Image Version) step failed for Image Version … Code="ResourceNotFound" …',
    ],
    cause:
      "'source-image' names what does not exist in {location}: misspelled, withdrawn, or never replicated there.",
    remedy:
      "Correct 'source-image' and 'source-image-version', or replicate the gallery image to 'location'. What is on offer shows:\n  az vm image list --all --location '{location}' --publisher '{publisher}' --output table",
    link: `${GUIDE}#build-step-failed-for-the-image-version`,
    marks: [
      {
        kind: 'azure or build',
        text: /Platform Image was not found(?:\. location: (?<location>[^,']+), publisherName: (?<publisher>[^,']+),)?/,
      },
      {
        kind: 'azure or build',
        text: /step failed for Image Version .*(?:StatusCode=404|ResourceNotFound)/s,
      },
    ],
  },
  {
    id: 'image-not-in-region',
    title: 'The source image has no replica in the region',
    shows: ['submission', 'run'],
    words: ['GalleryImageNotFound: The gallery image … is not available in … region.'],
    cause: 'Image Builder reads a gallery image in the region where it builds, and {image} is not there.',
    remedy:
      "Replicate that version to the region, or set 'location' to one where it is:\n  az sig image-version update … --add publishingProfile.targetRegions name={region}",
    link: `${MACHINES}/azure-compute-gallery`,
    marks: [
      {
        kind: 'azure or build',
        text: /The gallery image (?<image>\S+) is not available in (?<region>[\w-]+) region/,
      },
      { kind: 'azure', code: /^GalleryImageNotFound$/ },
    ],
  },
  {
    id: 'identity-lacks-permission',
    title: 'The managed identity lacks a right',
    shows: ['submission', 'run'],
    words: [
      'Unauthorized: Not authorized to access the resource: …. Please check the user assigned identity has the correct permissions.',
      "Error getting Managed Image '…': … StatusCode=403 … AuthorizationFailed …",
      'Failed in distributing … AuthorizationFailed …',
    ],
    cause:
      "'managed-identity', as which Image Builder works, may not read or write {resource}: the source image, the target, a subnet, an identity of the build VM, or the blob of the build artifact (public ones too). It lacks {action}.",
    remedy:
      "Give it a role with that action there, or on the resource group (docs/rights.md has all of them). A new assignment takes minutes to work:\n  az role assignment create --assignee <principal ID of the managed identity> --role '{role}' --scope '{resource}'",
    link: `${GUIDE}#assigned-managed-identity-isnt-authorized-to-access-a-resource`,
    marks: [
      ...UNAUTHORIZED,
      {
        kind: 'azure or build',
        text: /Error getting Managed Image '(?<resource>[^']+)'.*(?:StatusCode=403|AuthorizationFailed)/s,
        facts: { action: 'Microsoft.Compute/images/read', role: WRITER },
      },
      {
        kind: 'azure or build',
        text: /Failed in distributing .*AuthorizationFailed.*perform action '(?<action>[^']+)' over scope '(?<resource>[^']+)'/s,
        facts: { role: WRITER },
      },
      {
        kind: 'azure or build',
        text: /Failed in distributing .*AuthorizationFailed/s,
        facts: { action: 'the action that the message names', resource: '<ID of the target>', role: WRITER },
      },
    ],
  },
  {
    id: 'staging-resource-not-found',
    title: 'Image Builder lost a resource of its own network',
    shows: ['run'],
    words: ['network.InterfacesClient#UpdateTags: … StatusCode=404 … ResourceNotFound …'],
    cause:
      'In the staging group a network interface of the private link was not found. The troubleshooting guide names missing rights as the cause: of the managed identity on the virtual network, as a rule.',
    remedy:
      "Check that 'managed-identity' has Microsoft.Network/virtualNetworks/read and Microsoft.Network/virtualNetworks/subnets/join/action on the network of 'subnet-id' (README, \"What Azure needs\"), and that no policy or clean-up changes the staging group. Then run the job again; 'container-instance-subnet-id' does without that private link.",
    link: `${GUIDE}#resource-is-not-found`,
    marks: [{ kind: 'azure or build', text: /InterfacesClient#UpdateTags: .*StatusCode=404/s }],
  },
  {
    id: 'service-lacks-permission',
    title: "Image Builder's own application lacks a right",
    shows: ['submission', 'run'],
    words: [
      "The client '…' … does not have authorization to perform action 'Microsoft.Compute/disks/write' over scope '…/proxyVmDisk…'",
    ],
    cause:
      "With a staging group of your own, a virtual network and a Windows image, Image Builder's own application makes a proxy VM in that group, and may not.",
    remedy:
      "Give that application the role Contributor on the group of 'staging-resource-group', or leave the input out:\n  az role assignment create --assignee cf32a0cc-373c-47c9-9156-0db11f6a6dfc --role Contributor --resource-group <staging-resource-group>",
    link: `${GUIDE}#authorization-error-occurs-with-creating-a-disk`,
    marks: [{ kind: 'azure or build', text: /action 'Microsoft\.Compute\/disks\/write'.*proxyVmDisk/s }],
  },
  {
    id: 'managed-identity-unusable',
    title: 'The managed identity cannot be used',
    shows: ['submission', 'run'],
    words: [
      'The assigned managed identity cannot be used. Please remove the existing one and re-assign a new identity.',
      'Managed identity is required for building this template using current API version',
    ],
    cause:
      'The managed identity of the template was deleted, made anew under its old name, or is not there at all.',
    remedy:
      "Check that 'managed-identity' exists, and let a new template be made. For a template of your own, give it an identity that exists:\n  az identity show --ids <ID of the managed identity>",
    link: `${GUIDE}#assigned-managed-identity-on-an-image-template-cant-be-used`,
    marks: [
      {
        kind: 'azure or build',
        text: /The assigned managed identity cannot be used|Managed identity is required for building/,
      },
    ],
  },
  {
    id: 'download-failed',
    title: 'A script or file could not be fetched at submission',
    shows: ['submission'],
    words: ['Downloading external file (…) to local file … [attempt 1 of 10] failed: …'],
    cause:
      'Image Builder could not fetch {file}: the address is wrong or not to be reached by the service, the signature has run out, a firewall or policy of the storage account keeps it out, or the server offers no cipher that it takes.',
    remedy:
      "For the build artifact, open the storage account to Image Builder, or use 'artifact-transfer: download', with which the build VM fetches it. For scripts of 'customizers', check the address, and put them into Azure Storage, where 'managed-identity' has the role 'Storage Blob Data Reader'.",
    link: `${GUIDE}#error-occurs-with-downloading-an-external-file-to-a-local-file`,
    marks: [
      {
        kind: 'azure or build',
        text: /Downloading external file \((?<file>[^)\s]+)\) to local file .+ failed/s,
      },
      {
        kind: 'azure or build',
        text: /Downloading external file .+ to local file .+ failed/s,
        facts: { file: 'a script or file' },
      },
    ],
  },
]
