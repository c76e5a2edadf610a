/** How Image Builder words the end of a run, and what befalls a template while it runs. */
import type { Failure } from '../failures.ts'
import { GUIDE, TEMPLATE } from './links.ts'
import { PACKER_FAILED } from './marks.ts'

const OUT_OF_TIME = /Timeout waiting for microservice to complete: 'context deadline exceeded'/
/** Sysprep then never ends: the run says that its time is up, or nothing but that it failed. */
const NO_END = new RegExp(`${OUT_OF_TIME.source}|${PACKER_FAILED.source}|gave no reason`, 'i')

export const RUN_FAILURES: readonly Failure[] = [
  {
    id: 'replication-timeout',
    title: 'Replication to the regions outlived the timeout',
    shows: ['run'],
    words: [
      'Failed in distributing … Error waiting on Azure Compute Gallery future … context deadline exceeded',
    ],
    cause:
      'The image was built and handed to the gallery, and the time of the build was up before all regions had it. Replication goes on in Azure: the image may well be usable.',
    remedy:
      "Look at the image version before building again; its replication shows:\n  az rest --method get --url '{image}?api-version=2023-07-03&$expand=ReplicationStatus'\nWith 'retry-replication: true' a re-run of the job waits for its regions, or adds them, instead of building again. For the next build give 'build-timeout-in-minutes' more (up to 960), 'replication-regions' fewer regions, or set 'replication-mode' to shallow.",
    link: `${GUIDE}#error-occurs-with-waiting-for-azure-compute-gallery`,
    marks: [{ kind: 'build', text: /Failed in distributing .*context deadline exceeded/s }],
  },
  {
    id: 'replication-failed',
    title: 'The image did not get to all regions',
    shows: ['run'],
    words: [
      "Gallery replication jobs failed in one or more regions. The failing regions' details are as follows: …",
      'Version … was not replicated to …',
    ],
    cause:
      'The image was built and is in the gallery, and Azure could not copy it to one of its regions: mostly for lack of capacity or quota there, or as the region is not enabled for the subscription. Where it is complete it can be used.',
    remedy:
      "Set 'retry-replication' to true and run the job again: it tries these regions again instead of building. If it goes on failing, take the region out of 'replication-regions'. How the version stands shows:\n  az rest --method get --url '{image}?api-version=2023-07-03&$expand=ReplicationStatus'",
    link: 'https://learn.microsoft.com/azure/virtual-machines/troubleshooting-shared-images',
    marks: [{ kind: 'build', text: /Gallery replication jobs failed|was not replicated to/ }],
  },
  {
    id: 'distribution-failed',
    title: 'The image could not be distributed',
    shows: ['run'],
    words: ['Failed in distributing … images out of total …: {[Error 0] [Distribute 0] …}'],
    cause:
      'The image was built, and not written to (all of) its targets. Mostly the managed identity lacks a right on the target; with several targets the others may be there.',
    remedy:
      'Check that \'managed-identity\' may write where the image goes: Microsoft.Compute/images/write and delete, or Microsoft.Compute/galleries/images/versions/write (README, "What Azure needs"), and that the target takes the image (generation, architecture, security type):\n  az role assignment list --assignee <managed-identity> --all --output table',
    link: `${TEMPLATE}#properties-distribute`,
    marks: [{ kind: 'build', text: /Failed in distributing / }],
  },
  {
    id: 'file-customizer-slow',
    title: 'A large file was copied too slowly',
    shows: ['log', 'run'],
    words: ['… B / … B  …%'],
    cause:
      'When the time of the build was up, the File customizer was still copying a file. It is made for files below 20 MB, and takes hours for large ones.',
    remedy:
      "For the build artifact set 'artifact-transfer' to download, and leave out what is not needed with 'exclude'. Other large files fetch in 'inline-script' with curl or Invoke-WebRequest, instead of by a File customizer.",
    link: `${GUIDE}#file-download-time-is-long`,
    marks: [
      {
        kind: 'build',
        text: OUT_OF_TIME,
        provisioner: /^(?:file)?$/,
        log: [{ line: /\d B \/ \d+ B +(?!100\.)\d[\d.]*%/, within: 'end' }],
      },
    ],
  },
  {
    id: 'cancelled-in-azure',
    title: 'The run was cancelled in Azure',
    shows: ['run'],
    words: ['The run of image template … ended with Canceled: …'],
    cause: 'Somebody or something cancelled the run of the template in Azure, not this workflow.',
    remedy:
      'The activity log of the resource group names who did. Then run the workflow again:\n  az monitor activity-log list --resource-group <resource-group> --offset 1d --output table',
    link: `${TEMPLATE}#cancelling-an-image-build`,
    marks: [{ kind: 'build', text: /^The run ended with Canceled\b/ }],
  },
  {
    id: 'stuck-canceling',
    title: 'A cancelled run does not come to its end',
    shows: ['run'],
    words: ['Image template …: its run has been Canceling for 5 minutes.'],
    cause:
      'Somebody or something cancelled the run of the template in Azure, and Image Builder has not finished cancelling. At times that takes hours; no image comes of it.',
    remedy:
      'Run the workflow again: it makes a template of its own. The old one can be deleted once its run has come to rest; should it be Canceling tomorrow still, ask the support of Azure:\n  az image builder show --name {template} --resource-group <resource-group> --query lastRunStatus',
    link: `${TEMPLATE}#cancelling-an-image-build`,
    marks: [
      {
        kind: 'build',
        text: /^Image template (?<template>[\w.-]+): its run has been Canceling for \d+ minutes/,
      },
    ],
  },
  {
    id: 'template-deleted',
    title: 'The template was deleted during its run',
    shows: ['run'],
    words: [
      'Image template … was deleted while its run was under way.',
      'Image template … vanished while it was being provisioned.',
    ],
    cause: 'Somebody or something deleted the image template, and with it the build.',
    remedy:
      'Look for clean-up jobs and policies that delete in the resource group; its activity log names who did. Then run the workflow again:\n  az monitor activity-log list --resource-group <resource-group> --offset 1d --output table',
    link: TEMPLATE,
    marks: [{ kind: 'build', text: /was deleted while its run was under way|vanished while it was being/ }],
  },
  {
    id: 'sysprep-race',
    title: 'Sysprep ran before the guest agent was ready',
    shows: ['log', 'run'],
    words: [
      "Get-Service : Cannot find any service with service name 'WindowsAzureGuestAgent'.",
      'IMAGE_STATE_UNDEPLOYABLE',
    ],
    cause:
      'The customizations were over before Windows had installed its guest agent, on a small VM within seconds. Sysprep then never comes to its end.',
    remedy:
      "Give a larger 'vm-size' (Standard_D2ds_v4 or more), or let 'inline-script' wait at its end:\n  Start-Sleep -Seconds 60",
    link: `${GUIDE}#theres-a-sysprep-timing-problem`,
    marks: [
      {
        kind: 'build',
        text: NO_END,
        log: [
          // Each may stand twice. In good builds it stands there a few times too, until Sysprep is done.
          { line: /azure-arm: IMAGE_STATE_UNDEPLOYABLE\s*$/, times: 6, within: 'failed' },
          {
            line: /==> azure-arm: Get-Service : Cannot find any service with service name 'WindowsAzureGuestAgent'/,
            within: 'failed',
          },
        ],
        without: [/azure-arm: IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\s*$/],
      },
    ],
  },
  {
    id: 'build-timeout',
    title: 'The build took longer than its timeout',
    shows: ['run'],
    words: [
      "Failed while waiting for packerizer: Timeout waiting for microservice to complete: 'context deadline exceeded'",
    ],
    cause:
      "The time of 'build-timeout-in-minutes' was up. Usually the last step waits for an answer that nobody gives, less often it is slow: a small VM, large files.",
    remedy:
      "Look at the last lines of the last step. Let its commands ask nothing (apt-get install -y with DEBIAN_FRONTEND=noninteractive, /quiet, -Confirm:$false). If it is slow and not stuck, give 'build-timeout-in-minutes' more (up to 960) and a larger 'vm-size'.",
    link: `${GUIDE}#deployment-fails-due-to-timeout`,
    marks: [{ kind: 'build', text: OUT_OF_TIME }],
  },
  {
    id: 'build-timeout-too-short',
    title: 'The timeout is below 6 minutes',
    shows: ['log'],
    words: ['client_jwt will expire within 5 minutes, please use a JWT that is valid for at least 5 minutes'],
    cause: 'With a timeout of 1 to 5 minutes Image Builder cannot sign in to build at all.',
    remedy:
      "Set 'build-timeout-in-minutes' to 0 (the default of four hours) or 6 and more; in a template of your own, buildTimeoutInMinutes.",
    link: `${GUIDE}#jwt-errors-appear-in-the-log-early-in-the-build`,
    marks: [
      { kind: 'build', text: PACKER_FAILED, reason: /client_jwt will expire within 5 minutes/ },
      {
        kind: 'build',
        text: PACKER_FAILED,
        log: [
          {
            line: /^(?:\[[^\]]*\] )?(?:PACKER )?(?:ERR |OUT )?(?:[\d/]+ [\d:]+ )?(?:ui(?: error)?: )?\* client_jwt will expire within 5 minutes/,
          },
        ],
      },
    ],
  },
  {
    id: 'validation-failed',
    title: 'A validator failed',
    shows: ['log', 'run'],
    words: ['During the image build a failure has occurred. … packerlogs/…/validation.log …'],
    cause:
      "The image was built, and a script that checks it failed. It is not distributed unless 'continue-distribute-on-failure' is true.",
    remedy:
      "Look at the last lines of the failed validator, and correct 'validation-script' or what it found. It runs in a VM of its own, made from the image.",
    link: `${TEMPLATE}#properties-validate`,
    marks: [{ kind: 'build', text: /packerlogs\/[^/\s]+\/validation\.log/ }],
  },
]
