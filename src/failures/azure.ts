/** Answers of Resource Manager and of the provider of Image Builder, by their codes. */
import type { Failure } from '../failures.ts'
import { ARM_ERRORS, GUIDE, RBAC, TEMPLATE } from './links.ts'
import { deployment, named, PACKER_FAILED } from './marks.ts'

/** A policy that does not say what it denies. */
const SOMETHING = { resource: 'something that Image Builder makes' }

export const AZURE_FAILURES: readonly Failure[] = [
  {
    id: 'identity-not-assignable',
    title: 'The signed-in identity may not use the managed identity',
    shows: ['submission'],
    words: [
      "LinkedAuthorizationFailed: … does not have permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) …",
    ],
    cause:
      "The signed-in identity may not hand the managed identity to Image Builder, or to the build VM ('build-vm-identities').",
    remedy:
      "Give the signed-in identity the role 'Managed Identity Operator' on the managed identity; a new assignment takes minutes to work:\n  az role assignment create --assignee {principal} --role 'Managed Identity Operator' --scope '{scope}'",
    link: RBAC,
    marks: [
      {
        kind: 'azure',
        code: /^LinkedAuthorizationFailed$/,
        text: /(?:with object id '(?<principal>[\w-]+)'[^]*?)?userAssignedIdentities\/assign\/action' on the linked scope\(s\) '(?<scope>[^']+)'/i,
      },
      { kind: 'azure', code: /^LinkedAuthorizationFailed$/, text: /userAssignedIdentities/i },
    ],
  },
  {
    id: 'missing-permission',
    title: 'The signed-in identity lacks a right',
    shows: ['submission', 'run'],
    words: [
      "AuthorizationFailed: The client '…' with object id '…' does not have authorization to perform action '…' over scope '…'",
      "LinkedAuthorizationFailed: … does not have permission to perform action '…' on the linked scope(s) …",
    ],
    cause: 'The identity that the workflow signs in as has no role with the action {action} at {scope}.',
    remedy:
      "Give it a role with that action at that scope, or above. docs/rights.md has the custom role that holds it. A new assignment takes minutes to work:\n  az role assignment create --assignee {principal} --role <role> --scope '{scope}'",
    link: RBAC,
    marks: [
      {
        kind: 'azure',
        status: /^403$/,
        code: /^(?:Linked)?AuthorizationFailed$/,
        text: /(?:with object id '(?<principal>[\w-]+)'[^]*?)?perform action '(?<action>[^']+)' (?:over scope|on the linked scope\(s\)) '(?<scope>[^']+)'/,
      },
      {
        kind: 'azure',
        status: /^403$/,
        code: /^(?:Linked)?AuthorizationFailed$/,
        text: /perform action '(?<action>[^']+)'/,
      },
      { kind: 'azure', status: /^403$/, code: /^(?:Linked)?AuthorizationFailed$/ },
    ],
  },
  {
    id: 'provider-not-registered',
    title: 'A resource provider is not registered',
    shows: ['submission', 'run'],
    words: [
      "MissingSubscriptionRegistration: The subscription is not registered to use namespace '…'.",
      'Azure Container Instances provider not registered for your subscription.',
    ],
    cause:
      'Image Builder works with the resource provider {namespace}, which the subscription has not registered.',
    remedy:
      "Register it once, or set 'register-providers' to true, which takes Microsoft.Resources/subscriptions/providers/read and {namespace}/register/action:\n  az provider register --namespace {namespace} --wait",
    link: `${ARM_ERRORS}/error-register-resource-provider`,
    marks: [
      {
        kind: 'azure or build',
        text: /subscription is not registered to use namespace '(?<namespace>[\w.]+)'/,
      },
      {
        kind: 'azure or build',
        text: /Azure Container Instances provider not registered/,
        facts: { namespace: 'Microsoft.ContainerInstance' },
      },
      {
        kind: 'azure or build',
        text: /subscription is not registered for the resource type/,
        facts: { namespace: 'Microsoft.VirtualMachineImages' },
      },
      {
        kind: 'azure',
        code: /^MissingSubscriptionRegistration$/,
        facts: { namespace: 'Microsoft.VirtualMachineImages' },
      },
    ],
  },
  {
    id: 'subscription-not-found',
    title: 'The subscription was not found',
    shows: ['submission'],
    words: ["SubscriptionNotFound: The subscription '…' could not be found."],
    cause:
      "'subscription-id' is wrong, or the signed-in identity has no role in it; Azure does not tell the two apart.",
    remedy:
      "Check 'subscription-id', and that the signed-in identity has a role in it:\n  az role assignment list --assignee <client-id> --all --subscription <subscription-id> --output table",
    link: 'https://learn.microsoft.com/azure/azure-portal/get-subscription-tenant-id',
    marks: [{ kind: 'azure', code: /^(?:SubscriptionNotFound|InvalidSubscriptionId)$/ }],
  },
  {
    id: 'region-not-available',
    title: 'Image Builder is not offered in the region',
    shows: ['submission'],
    words: [
      "LocationNotAvailableForResourceType: The provided location '…' is not available for resource type '…'.",
    ],
    cause: "'location' is a region without Image Builder, or without something that it needs.",
    remedy:
      "Build in one of the regions that the message lists, and replicate the image with 'replication-regions', which takes regions without Image Builder.",
    link: `${TEMPLATE}#location`,
    marks: [{ kind: 'azure', code: /^LocationNotAvailableForResourceType$/ }],
  },
  {
    id: 'policy',
    title: 'An Azure Policy forbids it',
    shows: ['submission', 'run', 'log'],
    words: [
      "RequestDisallowedByPolicy: Resource '…' was disallowed by policy. Policy identifiers: …",
      'The template deployment failed because of policy violation.',
    ],
    cause:
      'A policy denies {resource}. Image Builder makes a storage account with shared keys, a key vault with public access, a network and container instances in its staging group; policies that deny those break every build.',
    remedy:
      "Have the staging group exempted from the policy that the message names. With 'staging-resource-group' it is a group of your own, with a name that lasts; tags that a policy asks for come from 'managed-resource-tags' and 'template-tags':\n  az policy exemption create --name image-builder --exemption-category Waiver --policy-assignment <assignment> --scope <ID of the group>",
    link: `${GUIDE}#template-deployment-failed-because-of-a-policy-violation`,
    marks: [
      {
        kind: 'azure or build',
        text: /Resource '(?<resource>[^']+)' was disallowed by policy/,
      },
      {
        kind: 'azure or build',
        text: named('RequestDisallowedByPolicy', 'was disallowed by policy|because of policy violation'),
        facts: SOMETHING,
      },
      { kind: 'azure', code: /^RequestDisallowedByPolicy$/, facts: SOMETHING },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: deployment('RequestDisallowedByPolicy\\b|InvalidTemplateDeployment : .*policy violation'),
            within: 'deployment',
          },
        ],
        facts: SOMETHING,
      },
    ],
  },
  {
    id: 'quota-exceeded',
    title: 'A quota of the subscription is used up',
    shows: ['submission', 'run', 'log'],
    words: [
      'QuotaExceeded: … exceeding approved … Cores quota. …',
      '… exceeding quota limit of … Cores. …',
      'Azure Container Instances quota exceeded',
    ],
    cause:
      'The subscription has not enough left of {quota} in this region. A build takes the cores of its build VM, and four of Azure Container Instances.',
    remedy:
      "Run fewer builds at once ('max-parallel' of a matrix, or a 'concurrency' group), take another 'vm-size' or 'location', or ask for more. What is left shows:\n  az vm list-usage --location <location> --output table",
    link: `${ARM_ERRORS}/error-resource-quota`,
    marks: [
      {
        kind: 'azure or build',
        text: /exceeding (?:approved |quota limit of )(?<quota>[\w ]*?Cores)\b/,
      },
      { kind: 'azure or build', text: /(?<quota>Azure Container Instances) quota exceeded/ },
      { kind: 'azure or build', text: named('QuotaExceeded'), facts: { quota: 'what a build takes' } },
      { kind: 'azure', code: /QuotaExceeded$/, facts: { quota: 'what the message names' } },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: deployment(
              'QuotaExceeded\\b|OperationNotAllowed : .*exceeding approved (?<quota>[\\w ]*?Cores)\\b',
            ),
            within: 'deployment',
          },
        ],
        facts: { quota: 'what a build takes' },
      },
    ],
  },
  {
    id: 'throttled',
    title: 'Azure asked to slow down, for too long',
    shows: ['submission', 'run', 'storage'],
    words: [
      'TooManyRequests (HTTP 429): …',
      'The number of requests for subscription … has exceeded the limit …',
    ],
    cause:
      'Azure refused the call again and again for too many requests of this identity in this subscription and region; the action had waited as long as it was told to.',
    remedy:
      'Run the job again in {seconds} seconds or later. Run fewer jobs at once with the same identity, and look for others that use it.',
    link: 'https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling',
    marks: [
      { kind: 'azure', status: /^429$/, text: /(?:after|in) '?(?<seconds>\d+)'? seconds/ },
      { kind: 'azure', status: /^429$/, facts: { seconds: '300' } },
    ],
  },
  {
    id: 'template-exists',
    title: 'The name of the template is taken',
    shows: ['submission'],
    words: ['Conflict: Update/Upgrade of image templates is currently not supported'],
    cause:
      'There is an image template of that name already, perhaps one whose submission failed. Templates cannot be changed.',
    remedy:
      "Give another 'template-name', or none to have one made; set 'existing-template' to true to run it as it is; or delete it:\n  az image builder delete --name {template} --resource-group <resource-group>",
    link: `${GUIDE}#update-or-upgrade-of-image-templates-is-currently-not-supported`,
    marks: [{ kind: 'azure', text: /Update\/Upgrade of image templates is currently not supported/ }],
  },
  {
    id: 'operation-not-allowed',
    title: 'The template is in a state that does not allow it',
    shows: ['submission', 'run'],
    words: ['Operation … is not allowed in provisioning state: … or run state: ….'],
    cause:
      'A template is neither run nor deleted while it is made, runs or is being cancelled. Cancelling takes minutes, at times hours.',
    remedy:
      'Wait until the template has come to rest, then run the job again. Its state shows:\n  az image builder show --name {template} --resource-group <resource-group> --query lastRunStatus',
    link: `${TEMPLATE}#cancelling-an-image-build`,
    marks: [{ kind: 'azure', text: /is not allowed in provisioning ?state/i }],
  },
]
