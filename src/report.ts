/** What a build tells: step outputs, the block in the log, and the words for a failed run. */
import type { RecordedArtifact } from './build-record.ts'
import type { BuildStep } from './build-steps.ts'
import { BuildFailedError } from './errors.ts'
import type { Changes, ContentLine } from './key-parts.ts'
import type { LogReading } from './packer-log.ts'
import type { Replication } from './repair.ts'
import { lastName } from './resource-id.ts'
import { customizationLogLocation, type EndState } from './run-status.ts'
import type { SourceName } from './source-image.ts'
import type { Span } from './timeline.ts'

/** Filled in as the build goes on; whatever is there at the end is reported, after a failure too. */
export interface BuildReport {
  sourceImage?: SourceName
  template?: { name: string; id: string }
  /** File with the template as submitted, secrets replaced, and its text. */
  templatePath?: string
  templateText?: string
  /** The archive that goes into the image. */
  artifact?: RecordedArtifact
  /** Resource ID. */
  stagingResourceGroup?: string
  /** Of the first distributor. */
  runOutputName?: string
  /** `Running` for a build that is not waited for. */
  runState?: EndState | 'Running'
  dryRun?: boolean
  /** Whether the images were there already. */
  skipped?: boolean
  buildKey?: string
  /** Files and links that go into the image. */
  content?: readonly ContentLine[]
  /** Tags by which the build's template and images are known. */
  marks?: Record<string, string>
  /** Of images that were there already: who built them, and the regions that were added. */
  reused?: Builder & { added: string[] }
  /** Why the image was not there already: what is other than in the last build. */
  changes?: Builder & {
    /** Version of the gallery image. */
    since: string
    /** Its source, as the tag tells it. */
    source: string
    /** Absent where the earlier build left no record of its parts. */
    parts?: Changes
    /** Why it was not taken although it has the same key. */
    notTaken?: string
  }
  /** Of a run that failed: the images that there are all the same, and the regions that they lack. */
  replication?: Replication[]
  /** Whether a failed run's images have all that was asked for by now. */
  repaired?: boolean
  /** Where the gallery image version goes. */
  regions?: { name: string; replicas?: number }[]
  /** Customizers and validators of the template, in their order. */
  steps: BuildStep[]
  validators: BuildStep[]
  /** The user's scripts by their inputs, line by line. */
  scripts: Record<string, string[]>
  /** What the log of the build tells. */
  reading?: LogReading
  /** The file with the customization log, and the workflow artifact that has it. */
  logPath?: string
  logArtifact?: string
  /** The file with the build record, and the workflow artifact that has it. */
  recordPath?: string
  recordArtifact?: string
  /** By these Azure's support finds the run. */
  support?: { operationId?: string; correlationId?: string }
  /** What the job did, and the phases of the run. */
  job: Span[]
  run: Span[]
  failureCode?: string
  /** Run output name → resource ID of the image (exact version) or URL of the VHD. */
  images: Record<string, string>
}

/** By whom an image was built, and when, as its tags say. */
export interface Builder {
  /** Page of the workflow run. */
  run?: string
  commit?: string
  /** ISO 8601. */
  startedAt?: string
}

/** Nothing is known yet. */
export function emptyReport(): BuildReport {
  return { images: {}, steps: [], validators: [], scripts: {}, job: [], run: [] }
}

/** The step's outputs; `json` holds all the others. */
export function outputs(report: BuildReport): Record<string, string> {
  const { sourceImage, template, images } = report
  const imageUri = images[report.runOutputName ?? ''] ?? ''
  const marketplace = sourceImage?.kind === 'marketplace' ? sourceImage : undefined
  const all = {
    'image-uri': imageUri,
    'image-uris': JSON.stringify(images),
    'image-version': /\/versions\//i.test(imageUri) ? lastName(imageUri) : '',
    'pir-publisher': marketplace?.publisher ?? '',
    'pir-offer': marketplace?.offer ?? '',
    'pir-sku': marketplace?.sku ?? '',
    'pir-version': marketplace?.version ?? '',
    'source-image-id': sourceImage && sourceImage.kind !== 'marketplace' ? sourceImage.id : '',
    'template-name': template?.name ?? '',
    'template-id': template?.id ?? '',
    'template-path': report.templatePath ?? '',
    'run-output-name': report.runOutputName ?? '',
    'run-state': report.runState ?? '',
    'staging-resource-group': lastName(report.stagingResourceGroup ?? ''),
    'log-path': report.logPath ?? '',
    'record-path': report.recordPath ?? '',
    'failure-code': report.failureCode ?? '',
    skipped: report.skipped === undefined ? '' : String(report.skipped),
    'build-key': report.buildKey ?? '',
  }
  return { ...all, json: JSON.stringify(all) }
}

const RULE = '='.repeat(78)

/** The block of the Azure DevOps task, for people and scripts that search the log. */
export function taskOutputBlock(report: BuildReport): string[] {
  const values = outputs(report)
  const variables: [string, string | undefined][] = [
    ['imageUri', values['image-uri']],
    ['pirPublisher', values['pir-publisher']],
    ['pirOffer', values['pir-offer']],
    ['pirSku', values['pir-sku']],
    ['pirVersion', values['pir-version']],
  ]
  const lines = variables.filter(([, value]) => value).map(([name, value]) => `$(${name}) =  ${value ?? ''}`)
  return [RULE, '## task output variables ##', ...lines, RULE]
}

/** `1 h 5 min`, `12 min 3 s`, `4 s`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

/** The failure of a run that ended without the image, or without all of them. */
export function runFailure(
  templateName: string,
  end: { state: EndState; message: string },
  stagingResourceGroup: string | undefined,
): BuildFailedError {
  const reason = end.message || 'Image Builder gave no reason.'
  const lines = [
    `The run of image template ${templateName} ended with ${end.state}: ${reason}`,
    ...whereIsTheLog(end.message, stagingResourceGroup),
  ]
  return new BuildFailedError(lines.join('\n'))
}

/** Lines that lead to the customization log, as exactly as Image Builder told. */
export function whereIsTheLog(message: string, stagingResourceGroup: string | undefined): string[] {
  const found = customizationLogLocation(message)
  if (found) {
    return [
      `Customization log: storage account ${found.account}, container packerlogs, blob ${found.blob}`,
      `  az storage blob download --auth-mode login --account-name ${found.account} --container-name packerlogs --name ${found.blob} --file customization.log`,
    ]
  }
  if (!stagingResourceGroup) return []
  return [
    `Customization log: container packerlogs of the storage account in ${lastName(stagingResourceGroup)}`,
  ]
}
