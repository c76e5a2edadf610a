/**
 * Image Builder: submit, run, follow, cancel, delete. REST rather than the typed SDK: that one drops what its models
 * do not know, repeats `POST run` after a 504 and gives up following a build at the first bad poll.
 */
import { AzureError, BuildFailedError, isNotAllowedNow, isNotFound } from '../errors.ts'
import type { ImageTemplate } from '../image-template.ts'
import type { Clock, ImageBuilderPort, RunEnd, RunOutput, TemplateRun, TemplateView } from '../ports.ts'
import { lastName } from '../resource-id.ts'
import { runStatus, type RunSighting } from '../run-status.ts'
import type { ArmAnswer, ResourceManager } from './arm.ts'
import { API_VERSIONS } from './reader.ts'

const API_VERSION = API_VERSIONS.imageBuilder
/** The template is given this long to agree with an operation that has ended. */
const AGREEMENT_MS = 2 * 60_000
/** How long the service may be unreadable in one stretch while a build goes on (reported: minutes). */
const BLIND_MS = 15 * 60_000
/** How long after an unclear answer to `run` its run may take to show. */
const RUN_APPEARS_MS = 2 * 60_000

export interface TemplateBody {
  properties: {
    provisioningState: string
    provisioningError?: { provisioningErrorCode?: string; message?: string }
    exactStagingResourceGroup?: string
    lastRunStatus?: NonNullable<TemplateView['lastRun']>
  }
  tags?: Record<string, string>
}

export class ImageBuilder implements ImageBuilderPort {
  private readonly arm: ResourceManager
  private readonly clock: Clock
  private readonly pollMs: number
  private readonly notice: (message: string) => void

  constructor(arm: ResourceManager, clock: Clock, pollMs: number, notice: (message: string) => void) {
    this.arm = arm
    this.clock = clock
    this.pollMs = pollMs
    this.notice = notice
  }

  async submit(id: string, template: ImageTemplate, signal: AbortSignal): Promise<TemplateView> {
    const doing = `submitting image template ${lastName(id)}`
    const accepted = await this.put(id, template, doing, signal)
    for (;;) {
      const view = await this.get(id, signal)
      if (!view)
        throw new BuildFailedError(`Image template ${lastName(id)} vanished while it was being provisioned.`)
      if (view.provisioningState === 'Succeeded') return view
      if (view.provisioningState === 'Failed' || view.provisioningState === 'Canceled') {
        throw await this.provisioningFailure(doing, view, accepted)
      }
      await this.clock.sleep(this.pollMs, signal)
    }
  }

  /**
   * A PUT without a clear answer may have been taken: the template's name is ours alone, so one that exists now is
   * the one that was sent, and one that does not may be sent again.
   */
  private async put(
    id: string,
    template: ImageTemplate,
    doing: string,
    signal: AbortSignal,
  ): Promise<ArmAnswer<unknown> | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const call = { path: id, apiVersion: API_VERSION, doing, body: template, signal }
        return await this.arm.request({ ...call, method: 'PUT' })
      } catch (error) {
        const mayBeTaken =
          error instanceof AzureError && (error.ambiguous || (attempt > 1 && error.status === 409))
        if (!mayBeTaken) throw error
        if (await this.get(id, signal)) return undefined
        if (attempt === 3) throw error
        await this.clock.sleep(this.pollMs, signal)
      }
    }
  }

  private async provisioningFailure(
    doing: string,
    view: TemplateView,
    accepted: ArmAnswer<unknown> | undefined,
  ): Promise<AzureError> {
    const operation = accepted?.operationUrl
      ? await this.arm.operation(accepted.operationUrl, API_VERSION).catch(() => undefined)
      : undefined
    const code = operation?.error?.code ?? 'ProvisioningFailed'
    const message = operation?.error?.message ?? view.provisioningError ?? 'Image Builder gave no reason.'
    return new AzureError({ doing, status: 200, code, message, ...accepted?.ids })
  }

  async startRun(id: string, byItself: boolean, signal: AbortSignal): Promise<TemplateRun> {
    const doing = `starting the run of image template ${lastName(id)}`
    if (byItself && (await this.runAppears({ imageTemplate: id }, signal))) return { imageTemplate: id }
    const before = await this.get(id, signal)
    const previousStart = before?.lastRun?.startTime
    const run: TemplateRun = { imageTemplate: id, ...(previousStart === undefined ? {} : { previousStart }) }
    try {
      const call = { path: `${id}/run`, apiVersion: API_VERSION, doing, signal }
      const { operationUrl, ids } = await this.arm.request({ ...call, method: 'POST' })
      return {
        ...run,
        ...(operationUrl === undefined ? {} : { operationUrl }),
        ...(ids.correlationId === undefined ? {} : { correlationId: ids.correlationId }),
      }
    } catch (error) {
      if (!(error instanceof AzureError) || !error.ambiguous) throw error
      this.notice(`${error.message}\nThe run may have started all the same: looking at the template.`)
      if (await this.runAppears(run, signal)) return run
      throw error
    }
  }

  private async runAppears(run: TemplateRun, signal: AbortSignal): Promise<boolean> {
    const deadline = this.clock.now() + RUN_APPEARS_MS
    while (this.clock.now() < deadline) {
      const start = (await this.get(run.imageTemplate, signal))?.lastRun?.startTime
      if (start !== undefined && start !== run.previousStart) return true
      await this.clock.sleep(this.pollMs, signal)
    }
    return false
  }

  async followRun(run: TemplateRun, onLook: (phase: string) => void, signal: AbortSignal): Promise<RunEnd> {
    let operationEndedAt: number | undefined
    let lastSeenAt = this.clock.now()
    for (;;) {
      const { sighting, failure, retryAfterMs } = await this.look(run, signal)
      const now = this.clock.now()
      if (!failure) lastSeenAt = now
      else if (now - lastSeenAt > BLIND_MS) throw failure
      const final = operationEndedAt !== undefined && now - operationEndedAt > AGREEMENT_MS
      const status = runStatus(sighting, run.previousStart, final)
      if (status.ended) return { state: status.state, message: status.message }
      if (status.operationEnded) operationEndedAt ??= now
      if (!failure) onLook(status.phase)
      await this.clock.sleep(retryAfterMs ?? this.pollMs, signal)
    }
  }

  /** Reads template and operation side by side. A build goes on while they cannot be read, so that is no failure. */
  private async look(
    run: TemplateRun,
    signal: AbortSignal,
  ): Promise<{ sighting: RunSighting; failure?: Error; retryAfterMs: number | undefined }> {
    const [template, operation] = await Promise.allSettled([
      this.get(run.imageTemplate, signal),
      run.operationUrl ? this.arm.operation(run.operationUrl, API_VERSION, signal) : undefined,
    ])
    signal.throwIfAborted()
    if (template.status === 'fulfilled' && !template.value) {
      throw new BuildFailedError(
        `Image template ${lastName(run.imageTemplate)} was deleted while its run was under way.`,
      )
    }
    const view = template.status === 'fulfilled' ? template.value : undefined
    const state = operation.status === 'fulfilled' ? operation.value : undefined
    return {
      sighting: {
        ...(view?.lastRun ? { template: view.lastRun } : {}),
        ...(state ? { operation: state } : {}),
      },
      retryAfterMs: state?.retryAfterMs,
      ...(template.status === 'rejected' ? { failure: template.reason as Error } : {}),
    }
  }

  async cancelRun(id: string): Promise<boolean> {
    try {
      const doing = `cancelling the run of image template ${lastName(id)}`
      await this.arm.request({
        method: 'POST',
        path: `${id}/cancel`,
        apiVersion: API_VERSION,
        doing,
        repeatable: true,
      })
      return true
    } catch (error) {
      // No run is under way, or it is being cancelled already; either way there is nothing more to ask for.
      if (isNotAllowedNow(error)) return /cancell?ing/i.test((error as AzureError).azureMessage)
      if (isNotFound(error)) return false
      throw error
    }
  }

  async get(id: string, signal?: AbortSignal): Promise<TemplateView | undefined> {
    try {
      const doing = `reading image template ${lastName(id)}`
      const call = { path: id, apiVersion: API_VERSION, doing, signal }
      const { body } = await this.arm.request<TemplateBody>({ ...call, method: 'GET' })
      return view(body)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async delete(id: string, deadline: number): Promise<'deleted' | 'was gone'> {
    const call = { path: id, apiVersion: API_VERSION, doing: `deleting image template ${lastName(id)}` }
    for (;;) {
      try {
        const { status, operationUrl } = await this.arm.request({ ...call, method: 'DELETE' })
        if (status === 204) return 'was gone'
        await this.untilGone(id, operationUrl, deadline)
        return 'deleted'
      } catch (error) {
        if (isNotFound(error)) return 'was gone'
        // Creating, running or cancelling: the service lets it go when that is over.
        if (!isNotAllowedNow(error) || this.clock.now() + this.pollMs > deadline) throw error
        if (/run ?state: '?running/i.test((error as AzureError).azureMessage)) await this.cancelRun(id)
        await this.clock.sleep(this.pollMs)
      }
    }
  }

  private async untilGone(id: string, operationUrl: string | undefined, deadline: number): Promise<void> {
    const doing = `deleting image template ${lastName(id)}`
    for (;;) {
      if (!(await this.get(id))) return
      // The template itself tells as well, should the operation not be readable.
      const operation = operationUrl
        ? await this.arm.operation(operationUrl, API_VERSION).catch(() => undefined)
        : undefined
      if (operation?.status === 'Succeeded') return
      if (operation?.status === 'Failed') {
        const { code = 'DeleteFailed', message = 'Image Builder gave no reason.' } = operation.error ?? {}
        throw new AzureError({ doing, status: 200, code, message })
      }
      if (this.clock.now() + this.pollMs > deadline) {
        throw new BuildFailedError(`Image template ${lastName(id)} is still being deleted.`)
      }
      await this.clock.sleep(this.pollMs)
    }
  }

  async runOutput(id: string, name: string): Promise<RunOutput | undefined> {
    try {
      const doing = `reading run output ${name} of image template ${lastName(id)}`
      const { body } = await this.arm.request<{ properties: { artifactId?: string; artifactUri?: string } }>({
        method: 'GET',
        path: `${id}/runOutputs/${name}`,
        apiVersion: API_VERSION,
        doing,
      })
      const uri = body.properties.artifactId ?? body.properties.artifactUri
      return uri === undefined ? undefined : { uri }
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
}

/** The template, cut down to what is used. */
export function view({ properties }: TemplateBody): TemplateView {
  const { provisioningState, provisioningError, exactStagingResourceGroup, lastRunStatus } = properties
  return {
    provisioningState,
    ...(provisioningError?.message ? { provisioningError: provisioningError.message } : {}),
    // The service sends an empty string until there is a group.
    ...(exactStagingResourceGroup ? { stagingResourceGroup: exactStagingResourceGroup } : {}),
    ...(lastRunStatus ? { lastRun: lastRunStatus } : {}),
  }
}
