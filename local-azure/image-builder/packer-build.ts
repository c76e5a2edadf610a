/** The part of a run that Packer does: deploys the build VM, customizes, validates, and writes the logs. */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { BuildVm, createBuildVm } from '../build-vm.ts'
import { putBuildContainer, type BuildContainer, type LogLine } from '../container-instance.ts'
import { buildTimeout } from './build-clock.ts'
import { checkBuildMachine } from './build-machine.ts'
import { inWords } from './customization-log.ts'
import type { ImageTemplate } from './image-template.ts'
import { meetTrouble } from './packer-trouble.ts'
import type { Blobs } from '../parts.ts'
import { SavedLog } from './saved-log.ts'
import type { StagingGroup } from './staging-group.ts'
import { stagedFile, type StepKind } from './artifacts.ts'
import { definitionOf, securityOf, type SourceImage } from './source.ts'
import { logDeprovisioning, runSteps, StepFailed, type StepsContext } from './steps.ts'
import { newId, type PackerTrouble, type World } from '../world.ts'

export interface PackerContext {
  world: World
  blobs: Blobs
  /** Where build VMs get their folders. */
  folder: string
  caFile: string
  createVm: typeof createBuildVm
  template: ImageTemplate
  staging: StagingGroup
}

/** Share of the time before customizing from the container group's appearance to Packer's first words (assumed). */
const CONTAINER_START = 1 / 6

const LOG_FILES = { customizer: 'customization.log', validator: 'validation.log' } as const

export class PackerBuild {
  private readonly context: PackerContext
  /** Milliseconds of the service since the run began. */
  private readonly elapsed: () => number
  /** Folder of this run's logs in `packerlogs`. */
  private readonly logFolder = newId()
  private readonly operationId = newId()
  private readonly logs: Record<StepKind, SavedLog>
  private container: BuildContainer | undefined
  private vm: BuildVm | undefined
  /** What goes into the image, once validators may add more to the VM. */
  private image: string | undefined

  constructor(context: PackerContext, elapsed: () => number) {
    this.context = context
    this.elapsed = elapsed
    const { world, blobs, staging } = context
    const log = (kind: StepKind): SavedLog => {
      const blob = `${this.logFolder}/${LOG_FILES[kind]}`
      const upload = (text: string): Promise<void> => blobs.write(staging.account, 'packerlogs', blob, text)
      return new SavedLog(this.operationId, () => world.now(), upload)
    }
    this.logs = { customizer: log('customizer'), validator: log('validator') }
  }

  /** Whether customizing goes on for ever. */
  get hangs(): boolean {
    return this.context.world.options.build.packer?.never === true
  }

  /** Folder with what the build put into the image; undefined where no command was run. */
  get root(): string | undefined {
    return this.vm?.runs ? (this.image ?? this.vm.root) : undefined
  }

  /** Throws StepFailed when Packer cannot build from this source. */
  async deploy(source: SourceImage, signal: AbortSignal): Promise<void> {
    const { world, template, staging, folder, caFile, createVm } = this.context
    await this.startContainer(signal)
    checkTimeout(template)
    const log = this.logs.customizer
    log.deployment({
      stagingGroup: staging.id.split('/').at(-1) ?? '',
      location: template.location,
      sourceImage: sourceName(template),
    })
    checkBuildMachine(world, template, staging, source)
    this.checkTrustedLaunch(source)
    await this.trouble('deploy', signal)
    const { customize = [], validate } = template.properties
    const steps = customize.length + (validate?.inVMValidations?.length ?? 0)
    if (source.osType === 'Linux' && steps > 0) {
      const own = path.join(folder, 'builds', this.logFolder)
      await mkdir(own, { recursive: true })
      const runs = world.options.build.runsCommands ?? true
      this.vm = await createVm({ folder: own, caFile, shared: path.join(folder, 'machine'), runs })
    }
    await this.logs.customizer.save()
  }

  /** Throws StepFailed when the VM cannot be reached. */
  async connect(source: SourceImage): Promise<void> {
    const log = this.logs.customizer
    log.connecting(source.osType)
    await this.trouble('connect')
    log.connected(source.osType)
    await this.logs.customizer.save()
  }

  /** Source and gallery definition: both support trusted launch or neither does (reported; the text too). */
  private checkTrustedLaunch(source: SourceImage): void {
    const { world, template } = this.context
    if (!source.declaresSecurity) return
    for (const target of template.properties.distribute) {
      if (target.type !== 'SharedImage') continue
      const definition = world.resources.get(target.galleryImageId.replace(/\/versions\/[^/]+$/i, ''))
      const security = definition && securityOf(definitionOf(definition).features)
      if (security !== source.securityType)
        throw new StepFailed(
          "The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' " +
            'security type.',
        )
    }
  }

  /** Throws StepFailed at the first customizer that fails. */
  async customize(source: SourceImage, signal: AbortSignal): Promise<void> {
    if (this.context.world.options.build.container?.restarts) this.container?.start()
    const context = this.steps(source, 'customizer', signal)
    await runSteps(context, this.context.template.properties.customize ?? [])
    await logDeprovisioning(context)
    await this.logs.customizer.save()
  }

  async customized(): Promise<void> {
    this.logs.customizer.succeeded(inWords(this.elapsed()))
    await this.logs.customizer.save()
  }

  /**
   * Whether all validators succeed. They work in the build VM, after what goes into the image has been set aside:
   * the service uses a second VM.
   */
  async validate(source: SourceImage, signal: AbortSignal): Promise<boolean> {
    const { inVMValidations = [] } = this.context.template.properties.validate ?? {}
    const context = this.steps(source, 'validator', signal)
    this.image = await this.setAside()
    context.log.connecting(source.osType)
    context.log.connected(source.osType)
    try {
      await runSteps(context, inVMValidations)
      context.log.succeeded(inWords(this.elapsed()))
      return true
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error
      this.logFailure('validator', error)
      return false
    } finally {
      await this.logs.validator.save()
    }
  }

  async failed(error: StepFailed): Promise<void> {
    this.logFailure('customizer', error)
    await this.logs.customizer.save()
  }

  /** Ends the log that a build was writing when it was cancelled or ran out of time. */
  async brokenOff(): Promise<void> {
    for (const kind of ['customizer', 'validator'] as const) {
      if (!this.logs[kind].open) continue
      this.logs[kind].brokenOff()
      await this.logs[kind].save()
    }
  }

  async close(): Promise<void> {
    await this.vm?.close()
  }

  /** What the run needed in the staging group goes, but for the logs (documented). */
  tidyUp(): void {
    this.container?.remove()
  }

  /** The container that Packer runs in. Its log is what becomes `customization.log`, then `validation.log` (assumed). */
  private async startContainer(signal: AbortSignal): Promise<void> {
    const { world, template, staging } = this.context
    const log = (): LogLine[] => [...this.logs.customizer.lines, ...this.logs.validator.lines]
    this.container = putBuildContainer(world, { stagingGroup: staging.id, location: template.location, log })
    await world.elapse(world.options.durations.building * CONTAINER_START, signal)
    const { start } = this.container
    const { logDelay = 0 } = world.options.build.container ?? {}
    if (logDelay === 0) start()
    else void world.elapse(logDelay).then(start, () => undefined)
  }

  private async trouble(at: PackerTrouble['at'], signal?: AbortSignal): Promise<void> {
    const { world, template } = this.context
    const left = buildTimeout(template) - this.elapsed()
    await meetTrouble(world, this.logs.customizer, at, left, signal)
  }

  /** Text since 2023: reported; that a failed validation is worded alike is assumed. */
  failureText(kind: StepKind): string {
    const { staging } = this.context
    return (
      'During the image build a failure has occurred. Packer build logs are at location ' +
      `${staging.id}/providers/Microsoft.Storage/storageAccounts/${staging.account}/blobServices/default/containers/` +
      `packerlogs/${this.logFolder}/${LOG_FILES[kind]}. Please navigate to this location using portal or other tools ` +
      'to download logs for identifying which build/customization step failed. Use this operationId ' +
      `${this.operationId} to search packer logs. For more troubleshooting steps go to https://aka.ms/azvmimagebuilderts.`
    )
  }

  private logFailure(kind: StepKind, error: StepFailed): void {
    const { onCustomizerError, onValidationError } = this.context.template.properties.errorHandling ?? {}
    const log = this.logs[kind]
    for (const line of error.shown) log.packer(line)
    if (error.message !== '')
      log.cleanup((kind === 'customizer' ? onCustomizerError : onValidationError) === 'abort')
    log.failed(inWords(this.elapsed()), error.message)
  }

  private async setAside(): Promise<string | undefined> {
    if (!this.vm?.runs) return undefined
    const copy = path.join(this.context.folder, 'builds', this.logFolder, 'image')
    await promisify(execFile)('cp', ['-a', this.vm.root, copy])
    return copy
  }

  private steps(source: SourceImage, kind: StepKind, signal: AbortSignal): StepsContext {
    const { world, blobs, staging } = this.context
    return {
      log: this.logs[kind],
      os: source.osType,
      vm: this.vm,
      stagedFile: (index) => stagedFile(blobs, staging.account, kind, index),
      failing: kind === 'customizer' ? world.options.build.failCustomizer : world.options.build.failValidator,
      trouble: async (at) => {
        if (kind === 'customizer') await this.trouble(at === 'deprovision' ? at : { customizer: at }, signal)
      },
      saveLog: () => this.logs[kind].save(),
      signal,
    }
  }
}

/** Documented: the token that Packer gets lives no longer than the build may, and Packer does not begin with it. */
function checkTimeout({ properties: { buildTimeoutInMinutes = 0 } }: ImageTemplate): void {
  if (buildTimeoutInMinutes > 0 && buildTimeoutInMinutes <= 5)
    throw new StepFailed('', [
      'Error: Failed to prepare build: "azure-arm"',
      '1 error(s) occurred:',
      '* client_jwt will expire within 5 minutes, please use a JWT that is valid for at least 5 minutes',
    ])
}

function sourceName({ properties: { source } }: ImageTemplate): string {
  switch (source.type) {
    case 'PlatformImage':
      return `${source.publisher}:${source.offer}:${source.sku}:${source.exactVersion ?? source.version}`
    case 'ManagedImage':
      return source.imageId
    case 'SharedImageVersion':
      return source.imageVersionId
  }
}
