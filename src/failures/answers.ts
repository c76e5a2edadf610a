/** Answers of Azure without anything more exact to say; after all others. */
import type { Failure } from '../failures.ts'
import { ARM_ERRORS, GUIDE, TEMPLATE } from './links.ts'

export const UNEXPLAINED_ANSWERS: readonly Failure[] = [
  {
    id: 'invalid-template',
    title: 'Azure refused the template',
    shows: ['submission'],
    words: [
      "ValidationFailed: Validation failed: '…': Field '…' has a bad value: '…'.",
      'Unmarshalling entity encountered error: … unknown field "…". …',
    ],
    cause:
      'A field of the template is missing, unknown or has a value that Image Builder does not take; the message names it.',
    remedy:
      "Look at the field in the template that was submitted (output 'template-path'): it comes from an input, or from 'template-file', 'customizers' or 'distributors'. 'dry-run' prints the template without submitting it.",
    link: TEMPLATE,
    marks: [
      { kind: 'azure', code: /^(?:ValidationFailed|InvalidRequestContent|LinkedInvalidPropertyId)$/ },
      { kind: 'azure', status: /^400$/, text: /Unmarshalling entity encountered error/ },
    ],
  },
  {
    id: 'resource-not-found',
    title: 'Azure does not find something',
    shows: ['submission', 'storage'],
    words: ["ResourceNotFound: The Resource '…' under resource group '…' was not found."],
    cause:
      'What the message names does not exist (any more), or lies in another resource group or subscription.',
    remedy:
      "Check names and IDs in the inputs, 'resource-group' and 'subscription-id' among them, and whether something deletes resources while the job runs.",
    link: `${ARM_ERRORS}/error-not-found`,
    marks: [{ kind: 'azure', status: /^404$/ }],
  },
  {
    id: 'service-unavailable',
    title: 'Azure failed, again and again',
    shows: ['submission', 'run', 'storage'],
    words: ["The gateway did not receive a response from '…' within the specified time period."],
    cause: 'An Azure service answered with errors of its own for longer than the action tries.',
    remedy:
      'Run the job again later: each run makes a new template. Outages stand at https://azure.status.microsoft; for support, take the request ID along.',
    link: `${ARM_ERRORS}/common-deployment-errors`,
    marks: [{ kind: 'azure', status: /^(?:408|5\d\d)$/ }],
  },
  {
    id: 'no-connection',
    title: 'Azure could not be reached',
    shows: ['submission', 'run', 'storage'],
    words: ['ENOTFOUND: getaddrinfo ENOTFOUND …', 'ECONNREFUSED: connect ECONNREFUSED …', 'ECONNRESET: …'],
    cause: 'The runner got no answer: no network, no DNS, a proxy or a firewall in between.',
    remedy:
      "On a self-hosted runner let it reach management.azure.com, login.microsoftonline.com and the blob endpoint of the storage account, or set HTTPS_PROXY. Check 'resource-manager-endpoint' where it is given. Otherwise run the job again.",
    link: `${ARM_ERRORS}/common-deployment-errors`,
    marks: [{ kind: 'azure', status: /^0$/ }],
  },
  {
    id: 'provisioning-failed',
    title: 'Azure took the template in, and failed without a reason',
    shows: ['submission'],
    words: [
      'InternalOperationError: Internal error occurred. This is a generic error.',
      "The resource operation completed with terminal provisioning state 'Failed'.",
    ],
    cause:
      'Mostly the managed identity lacks a right on source image, target or artifact; else the staging group is used by another template, or the service is disturbed. Azure does not say which.',
    remedy:
      "Check the rights of 'managed-identity' (README, \"What Azure needs\"), and that 'staging-resource-group' is empty and in no other template's use. Then run the workflow again:\n  az role assignment list --assignee <managed-identity> --all --output table",
    link: `${GUIDE}#resource-operation-finished-with-a-terminal-provisioning-state-of-failed`,
    marks: [
      {
        kind: 'azure',
        status: /^200$/,
        text: /Internal error occurred|terminal provisioning state 'Failed'/,
      },
    ],
  },
]
