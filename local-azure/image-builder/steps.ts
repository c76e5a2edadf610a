/** Customizers and validators: runs each in the build VM as Packer would, and writes what Packer would log. */
import { randomInt } from 'node:crypto'
import type { BuildVm } from '../build-vm.ts'
import type { CustomizationLog, Provisioner } from './customization-log.ts'
import type { Customizer, FileStep, PowerShellStep, ShellStep } from './image-template.ts'
import type { OsType } from '../seed.ts'
import type { FailingStep } from '../world.ts'

/** A step failed the build. */
export class StepFailed extends Error {
  /** What Packer shows of it before it cleans up. */
  readonly shown: readonly string[]

  /** @param reason Packer's last word on the build; '' when it fails before there is a build to end */
  constructor(reason: string, shown: readonly string[] = []) {
    super(reason)
    this.shown = shown
  }
}

export interface StepsContext {
  log: CustomizationLog
  os: OsType
  /** Where commands run; undefined for Windows, whose commands are not run. */
  vm: BuildVm | undefined
  /** The staged copy of the file or script of the step with this index. */
  stagedFile: (index: number) => Promise<Buffer>
  /** A failure that the world's options ask for. */
  failing: FailingStep | undefined
  /** What goes wrong with Packer in the step with this index, or in deprovisioning, if something does; it then throws. */
  trouble: (at: number | 'deprovision') => Promise<void>
  /** Writes the log where users read it. */
  saveLog: () => Promise<void>
  signal: AbortSignal
}

const PROVISIONERS: Record<Customizer['type'], Provisioner> = {
  Shell: 'shell',
  PowerShell: 'powershell',
  File: 'file',
  WindowsRestart: 'windows-restart',
  WindowsUpdate: 'windows-update',
}

/** Runs the steps one after the other. Throws StepFailed at the first that fails. */
export async function runSteps(context: StepsContext, steps: Customizer[]): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const { log, failing } = context
    const provisioner = PROVISIONERS[step.type]
    log.provisionerStarts(provisioner)
    try {
      const leftAlone =
        failing?.onlyWhereNotRun === true && step.type === 'Shell' && context.vm?.runs === true
      await context.trouble(index)
      if (failing?.index === index && !leftAlone) failAsAsked(context, failing, step)
      else await runStep(context, step, index)
    } catch (error) {
      if (error instanceof StepFailed) log.provisioningFailed()
      throw error
    } finally {
      log.provisionerEnds(provisioner)
      await context.saveLog()
    }
  }
}

async function runStep(context: StepsContext, step: Customizer, index: number): Promise<void> {
  switch (step.type) {
    case 'Shell':
      await runShell(context, step, index)
      return
    case 'File':
      await upload(context, step, index)
      return
    case 'PowerShell':
      context.log.step(`Provisioning with Powershell...`)
      context.log.step(`Provisioning with powershell script: /tmp/powershell-provisioner${randomDigits()}`)
      notRun(context, 'PowerShell is not run here')
      return
    case 'WindowsUpdate':
      context.log.step('Running Windows update...')
      notRun(context, 'Windows Update is not run here')
      return
    case 'WindowsRestart':
      context.log.step('Restarting Machine')
      context.log.step('Waiting for machine to restart...')
      context.log.step('Machine successfully restarted, moving on')
  }
}

/** Says in the log what the local Azure cannot do. */
function notRun({ log }: StepsContext, why: string): void {
  log.output('stdout', `[local Azure] ${why}; the step counts as passed.`)
}

async function runShell(context: StepsContext, step: ShellStep, index: number): Promise<void> {
  const { log, vm, signal } = context
  const script = `/tmp/packer-shell${randomDigits()}`
  log.step(`Provisioning with shell script: ${script}`)
  if (!vm?.runs) {
    notRun(context, `Commands are not run here (${vm?.reason ?? 'no build VM'})`)
    return
  }
  const lines = step.inline ?? (await uploadScript(vm, await context.stagedFile(index)))
  const code = await vm.runShell(
    lines,
    (stream, line) => {
      log.output(stream, line)
    },
    signal,
  )
  finishScript(context, step, `chmod +x ${script}; PACKER_BUILDER_TYPE='azure-arm' ${script}`, code)
}

/** A downloaded script keeps its own shebang: the lines that run it as a file. */
async function uploadScript(vm: BuildVm, content: Buffer): Promise<string[]> {
  const file = `/tmp/packer-script${randomDigits()}`
  await vm.upload(file, content)
  return [`chmod 0755 ${file}`, `code=0; ${file} || code=$?`, `rm -f ${file}`, 'exit $code']
}

/** On Linux the service writes only under `/tmp` (documented); on Windows anywhere. */
async function upload(context: StepsContext, step: FileStep, index: number): Promise<void> {
  const { log, os, vm } = context
  const content = await context.stagedFile(index)
  const name = step.destination.split(/[/\\]/).at(-1) ?? ''
  log.step(`Uploading ${name} => ${step.destination}`)
  try {
    if (os === 'Linux' && !step.destination.startsWith('/tmp/'))
      throw new Error(`scp: ${step.destination}: Permission denied`)
    await vm?.upload(step.destination, content)
  } catch (error) {
    context.signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    log.say(`==> azure-arm: Upload failed: ${reason}`, 'ui error')
    throw new StepFailed(reason)
  }
  log.say(`    azure-arm: ${name} ${content.length} B / ${content.length} B  100.00%`)
}

function failAsAsked(
  context: StepsContext,
  { exitCode, output = [], errors = [] }: FailingStep,
  step: Customizer,
): void {
  const { log } = context
  const script = `/tmp/packer-shell${randomDigits()}`
  if (step.type === 'Shell') log.step(`Provisioning with shell script: ${script}`)
  else
    log.step(step.type === 'WindowsUpdate' ? 'Running Windows update...' : 'Provisioning with Powershell...')
  for (const line of output) log.output('stdout', line)
  for (const line of errors) log.output('stderr', line)
  const command = step.type === 'Shell' ? script : `c:/Windows/Temp/script-${randomDigits()}.ps1`
  finishScript(context, step, command, exitCode)
}

function finishScript(context: StepsContext, step: Customizer, command: string, code: number): void {
  context.log.exitCode(context.os, command, code)
  const allowed = allowedExitCodes(step)
  if (!allowed.includes(code))
    throw new StepFailed(
      `Script exited with non-zero exit status: ${code}. Allowed exit codes are: [${allowed.join(' ')}]`,
    )
}

function allowedExitCodes(step: Customizer): number[] {
  const codes = (step as Partial<PowerShellStep>).validExitCodes ?? []
  return codes.length > 0 ? codes : [0]
}

/** The step that the service adds at the end (documented). It would only harm what stands in for a VM: logged alone. */
export async function logDeprovisioning(context: StepsContext): Promise<void> {
  const { log, os } = context
  const provisioner = os === 'Linux' ? 'shell' : 'powershell'
  log.provisionerStarts(provisioner)
  try {
    await context.trouble('deprovision')
  } catch (error) {
    if (error instanceof StepFailed) {
      log.provisioningFailed()
      log.provisionerEnds(provisioner)
    }
    throw error
  }
  if (os === 'Linux') {
    log.step(`Provisioning with shell script: /tmp/packer-shell${randomDigits()}`)
    log.output('stdout', '/usr/sbin/waagent -force -deprovision+user && export HISTSIZE=0 && sync')
  } else {
    const script = String.raw`c:\DeprovisioningScript.ps1`
    log.note(
      `packer-provisioner-powershell plugin: Found command: if( TEST-PATH ${script} ){cat ${script}} else {echo ` +
        `"Deprovisioning script [${script}] could not be found. Image build may fail or the VM created from the Image ` +
        'may not boot. Please make sure the deprovisioning script is not accidentally deleted by a Customizer in the ' +
        'Template."}',
    )
    log.step('Provisioning with Powershell...')
    log.output('stdout', '>>> Sysprepping VM ...')
    log.output('stdout', 'IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE')
    log.output('stdout', '>>> Sysprep complete ...')
  }
  log.exitCode(os, 'deprovision', 0)
  log.provisionerEnds(provisioner)
}

function randomDigits(): string {
  return String(randomInt(1_000_000_000, 9_999_999_999))
}
