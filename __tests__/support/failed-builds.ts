/** Failures and logs of builds in the words of the services, put together for tests of the diagnosis. */
import { diagnose, LOG_MARKS } from '../../src/diagnosis.ts'
import { AzureError, BuildFailedError, SignInError, type AzureFailure } from '../../src/errors.ts'
import { PackerLog, type LogReading } from '../../src/packer-log.ts'

export interface Sample {
  name: string
  error: unknown
  /** Raw lines. */
  log?: string[]
  id: string
}

export const signIn = (id: string, message: string): Sample => ({
  name: message,
  error: new SignInError(message),
  id,
})

export function azure(id: string, message: string, failure: Partial<AzureFailure> = {}): Sample {
  const error = new AzureError({
    doing: 'submitting image template t_1',
    status: 400,
    code: 'x',
    message,
    ...failure,
  })
  return { name: `${failure.code ?? failure.status ?? ''} ${message}`.slice(0, 120), error, id }
}

/** The operation of a submission that failed. */
export const submission = (id: string, message: string, code = 'InternalOperationError'): Sample =>
  azure(id, message, { status: 200, code })

export const ended = (message: string, state = 'Failed', template = 't_1'): BuildFailedError =>
  new BuildFailedError(`The run of image template ${template} ended with ${state}: ${message}`)

export const run = (id: string, message: string, log?: string[]): Sample => ({
  name: message.slice(0, 120),
  error: ended(message),
  ...(log ? { log } : {}),
  id,
})

const FOLDER = '3e9f77e1-0000-4000-8000-0123456789ab'
export const FAILED_2020 = `Failed while waiting for packerizer: Microservice has failed: Failed while processing request: Error when executing packerizer: Packer build command has failed: exit status 1. During the image build, a failure has occurred, please review the build log to identify which build/customization step failed. Image Build log location: https://abc.blob.core.windows.net/packerlogs/${FOLDER}/customization.log. OperationId: x.`
export const FAILED_2023 = `During the image build a failure has occurred. Packer build logs are at location /subscriptions/s/resourceGroups/IT_g/providers/Microsoft.Storage/storageAccounts/abc/blobServices/default/containers/packerlogs/${FOLDER}/customization.log. Please navigate to this location.`
export const OUT_OF_TIME = "Timeout waiting for microservice to complete: 'context deadline exceeded'"

/** A line of a log: what Packer shows, or a note in its own log. */
export type Line = string | { note: string }
export const note = (text: string): Line => ({ note: text })
export const P = '[45f485cf-5a8c-4379-9937-8d85493bc791] PACKER'
export const of2020 = (lines: Line[]): string[] =>
  lines.map((line) =>
    typeof line === 'string' ? `${P} OUT ${line}` : `${P} ERR 2020/04/30 23:38:58 ${line.note}`,
  )
/** Everything shown stands twice, and lines end as on Windows. */
export const of2023 = (lines: Line[]): string[] =>
  lines
    .flatMap((line) =>
      typeof line === 'string'
        ? [`${P} 2023/09/14 19:01:18 ui: ${line}`, `${P} ${line}`]
        : [`${P} 2023/09/14 19:01:18 ${line.note}`],
    )
    .map((line) => `${line}\r`)

export const says = (...lines: string[]): Line[] => lines.map((line) => `    azure-arm: ${line}`)
export const complains = (...lines: string[]): Line[] => lines.map((line) => `==> azure-arm: ${line}`)
const exit = (code: number): string =>
  `Script exited with non-zero exit status: ${code}. Allowed exit codes are: [0]`
export const errored = (reason: string): Line =>
  `Build 'azure-arm' errored after 3 minutes 7 seconds: ${reason}`

/** A step that Packer left with success. */
export const step = (type: string, ...lines: Line[]): Line[] => [
  note(`[INFO] (telemetry) Starting provisioner ${type}`),
  ...complains('Provisioning with shell script: /tmp/packer-shell1234'),
  ...lines,
  note('[INFO] RPC client: Communicator ended with: 0'),
  note(`[INFO] (telemetry) ending ${type}`),
]

/** A step that failed, and what Packer does afterwards; the script ends with `code`, or Packer has another reason. */
export const fails = (type: string, end: number | string, ...lines: Line[]): Line[] => [
  note(`[INFO] (telemetry) Starting provisioner ${type}`),
  ...complains('Provisioning with shell script: /tmp/packer-shell1234'),
  ...lines,
  ...(typeof end === 'number' ? [note(`[INFO] RPC client: Communicator ended with: ${end}`)] : []),
  note(`[INFO] (telemetry) ending ${type}`),
  ...complains('Provisioning step had errors: Running the cleanup provisioner, if present...'),
  ...complains('Deleting individual resources ...', 'Error deleting resource. Will retry.'),
  ...complains('Error: network.PublicIPAddressesClient#Delete: Code="PublicIPAddressCannotBeDeleted"'),
  errored(typeof end === 'number' ? exit(end) : end),
  '==> Builds finished but no artifacts were created.',
  note('[INFO] (telemetry) Finalizing.'),
]

export const undeployable = (times: number): Line[] =>
  Array.from({ length: times }, () => '    azure-arm: IMAGE_STATE_UNDEPLOYABLE')
export const NO_AGENT = "Get-Service : Cannot find any service with service name 'WindowsAzureGuestAgent'."
export const BROKEN_OFF = [
  note('Cancelling builder after context cancellation context canceled'),
  'Cancelling build after receiving terminated',
  note('packer-builder-azure-arm plugin: Cancelling hook after context cancellation context canceled'),
]
export const deploymentError = (words: string): Line[] =>
  complains(
    'Deploying deployment template ...',
    'ERROR: -> DeploymentFailed : At least one failed.',
    `ERROR:   -> ${words}`,
  )

/** A run that failed in Packer, in the words and logs of two times. */
export function packer(id: string, name: string, lines: Line[]): Sample[] {
  return [
    { name: `${name}, as until 2022`, error: ended(FAILED_2020), log: of2020(lines), id },
    { name: `${name}, as since 2023`, error: ended(FAILED_2023), log: of2023(lines), id },
  ]
}

export function readingOf(lines: string[]): LogReading {
  const log = new PackerLog(LOG_MARKS)
  for (const line of lines) log.take(line)
  return log.reading
}

export const idOf = ({ error, log }: Pick<Sample, 'error' | 'log'>): string =>
  diagnose(error, log && readingOf(log)).failure.id
