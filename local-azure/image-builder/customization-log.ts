/**
 * `packerlogs/<guid>/customization.log` as Image Builder has written it since 2023: Packer's own output, every line
 * behind the operation's ID. Form of the lines and the phases: documented and reported.
 */
import type { LogLine } from '../container-instance.ts'
import type { OsType } from '../seed.ts'

/** Packer's name for a kind of step. */
export type Provisioner = 'shell' | 'powershell' | 'file' | 'windows-update' | 'windows-restart'

/** What Packer wrote down about the VM that it builds in. */
export interface BuildMachine {
  stagingGroup: string
  location: string
  sourceImage: string
}

export class CustomizationLog {
  private readonly operationId: string
  private readonly now: () => number
  private readonly written: LogLine[] = []
  private ended = false

  constructor(operationId: string, now: () => number) {
    this.operationId = operationId
    this.now = now
  }

  /** Whether a build has begun to write and not ended yet. */
  get open(): boolean {
    return this.written.length > 0 && !this.ended
  }

  get text(): string {
    return `${this.written.map(({ text }) => text).join('\n')}\n`
  }

  /** What has been written so far, with the time of each line. */
  get lines(): readonly LogLine[] {
    return this.written
  }

  /** A line of Packer's log, with the time. */
  note(text: string): void {
    const time = new Date(this.now()).toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')
    this.write(`PACKER ${time} ${text}`)
  }

  /** What Packer shows its user: once in its log, once as shown. */
  say(text: string, kind: 'ui' | 'ui error' = 'ui'): void {
    this.note(`${kind}: ${text}`)
    this.write(`PACKER ${text}`)
  }

  /** A line of Packer's, shown or noted by how it begins (see `PackerTrouble`). */
  packer(line: string): void {
    if (/^(?:==> | {4}|Error: |\* )/.test(line)) this.say(line)
    else this.note(line)
  }

  /** A step's headline. */
  step(text: string): void {
    this.say(`==> azure-arm: ${text}`)
  }

  /** A line that a script printed. */
  output(stream: 'stdout' | 'stderr', line: string): void {
    if (stream === 'stdout') this.say(`    azure-arm: ${line}`)
    else this.say(`==> azure-arm: ${line}`, 'ui error')
  }

  deployment(machine: BuildMachine): void {
    this.step('Running builder ...')
    this.step('Getting tokens using Managed Identity for Azure')
    this.say('    azure-arm: Creating Azure Resource Manager (ARM) client ...')
    this.step('Getting source image id for the deployment ...')
    this.step(` -> SourceImageName: '${machine.sourceImage}'`)
    this.step('Using existing resource group ...')
    this.step(` -> ResourceGroupName : '${machine.stagingGroup}'`)
    this.step(` -> Location          : '${machine.location}'`)
    this.step('Validating deployment template ...')
    this.step('Deploying deployment template ...')
  }

  connecting(os: OsType): void {
    if (os === 'Linux') {
      this.step('Waiting for SSH to become available...')
      this.note('[INFO] Waiting for SSH, up to timeout: 20m0s')
    } else {
      this.step('Waiting for WinRM to become available...')
      this.note('[INFO] Waiting for WinRM, up to timeout: 10m0s')
    }
  }

  connected(os: OsType): void {
    if (os === 'Linux') this.step('Connected to SSH!')
    else this.say('    azure-arm: WinRM connected.')
  }

  provisionerStarts(provisioner: Provisioner): void {
    this.note(`[INFO] (telemetry) Starting provisioner ${provisioner}`)
  }

  /** Packer says "ending" of a failed one too (reported, not confirmed). */
  provisionerEnds(provisioner: Provisioner): void {
    this.note(`[INFO] (telemetry) ending ${provisioner}`)
  }

  /** A remote command's exit code, as the two communicators log it. */
  exitCode(os: OsType, command: string, code: number): void {
    if (os === 'Windows')
      this.note(`packer-plugin-azure plugin: [INFO] command '${command}' exited with code: ${code}`)
    else if (code !== 0)
      this.note(`packer-plugin-azure plugin: [ERROR] Remote command exited with '${code}': ${command}`)
    this.note(`packer-plugin-azure plugin: [INFO] RPC endpoint: Communicator ended with: ${code}`)
    this.note(`[INFO] RPC client: Communicator ended with: ${code}`)
  }

  provisioningFailed(): void {
    this.step('Provisioning step had errors: Running the cleanup provisioner, if present...')
  }

  /** Cleanup is skipped with `errorHandling: abort` after an error (documented; its line is assumed). */
  cleanup(skip: boolean): void {
    if (skip) {
      this.step("Step 'StepDeployTemplate' skipped cleanup: the on-error behavior is abort")
      return
    }
    this.step('Deleting individual resources ...')
    this.step('The resource group was not created by Packer, not deleting ...')
  }

  /** The service itself publishes the image: Packer never makes one, and says so in good runs too (documented). */
  succeeded(duration: string): void {
    this.step('Skipping image creation...')
    this.cleanup(false)
    this.say(`Build 'azure-arm' finished after ${duration}.`)
    this.finalizing()
  }

  /** Without a reason Packer has not got as far as a build (documented for a token that expires too soon). */
  failed(duration: string, reason: string): void {
    if (reason === '') {
      this.note('[INFO] (telemetry) Finalizing.')
      this.exported()
      return
    }
    this.say(`Build 'azure-arm' errored after ${duration}: ${reason}`, 'ui error')
    this.say("==> Some builds didn't complete successfully and had errors:", 'ui error')
    this.note(`machine readable: azure-arm,error []string{"${reason}"}`)
    this.say(`--> azure-arm: ${reason}`, 'ui error')
    this.finalizing()
  }

  /** A cancelled build or one that ran out of time. */
  brokenOff(): void {
    this.say('Cancelling build after receiving terminated')
    this.note('Cancelling provisioner due to context cancellation: context canceled')
    this.note('Cancelling hook due to context cancellation: context canceled')
    this.finalizing()
  }

  private finalizing(): void {
    this.say('==> Builds finished but no artifacts were created.')
    this.note('[INFO] (telemetry) Finalizing.')
    this.exported()
  }

  private exported(): void {
    this.write('Done exporting Packer logs to Azure Storage.')
    this.ended = true
  }

  protected write(line: string): void {
    this.written.push({ at: this.now(), text: `[${this.operationId}] ${line}` })
  }
}

/** A duration as Packer words it: `3 minutes 7 seconds`. */
export function inWords(milliseconds: number): string {
  const total = Math.max(1, Math.round(milliseconds / 1000))
  const parts = [
    [Math.floor(total / 3600), 'hour'],
    [Math.floor(total / 60) % 60, 'minute'],
    [total % 60, 'second'],
  ] as const
  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(' ')
}
