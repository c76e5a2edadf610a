/**
 * Image Builder: submit, run, follow, cancel, delete. REST rather than the typed SDK: that one drops what its models
 * do not know, repeats `POST run` after a 504 and gives up following a build at the first bad poll.
 */
import { AzureError, BuildFailedError, isNotAllowedNow, isNotFound } from '../errors.ts'
import { bears, marksOf, type ImageTemplate } from '../image-template.ts'
import { pauseBefore } from '../patience.ts'
import type { Clock, ImageBuilderPort, RunEnd, RunOutput, TemplateRun, TemplateView } from '../ports.ts'
import { lastName } from '../resource-id.ts'
import type { ArmAnswer, ResourceManager } from './arm.ts'
import { untilDeleted } from './deletion.ts'
import { API_VERSIONS } from './reader.ts'
import { GONE_AFTER, RunWatch } from './run-watch.ts'

const API_VERSION = API_VERSIONS.imageBuilder
/** How long after an unclear answer to `run` its run may take to show. */
const RUN_APPEARS_MS = 2 * 60_000
/** How often a run is asked for that does not show. Image Builder refuses a second one while one is under way. */
const RUN_TRIES = 3
const PUT_TRIES = 5

export interface TemplateBody {
  properties: {
    provisioningState: string
    provisioningError?: { provisioningErrorCode?: string; message?: string }
    exactStagingResourceGroup?: string
    lastRunStatus?: NonNullable<TemplateView['lastRun']>
  }
  tags?: Record<string, string>
}

export interface ImageBuilderEdges {
  clock: Clock
  debug: (message: string) => void
  notice: (message: string) => void
}

export class ImageBuilder implements ImageBuilderPort {
  private readonly arm: ResourceManager
  private readonly edges: ImageBuilderEdges
  private readonly clock: Clock
  private readonly pollMs: number

  constructor(arm: ResourceManager, edges: ImageBuilderEdges, pollMs: number) {
    this.arm = arm
    this.edges = edges
    this.clock = edges.clock
    this.pollMs = pollMs
  }

  async submit(id: string, template: ImageTemplate, signal: AbortSignal): Promise<TemplateView> {
    const doing = `submitting image template ${lastName(id)}`
    const accepted = await this.put(id, template, doing, signal)
    for (let misses = 0; misses < GONE_AFTER;) {
      const view = await this.get(id, signal)
      misses = view ? 0 : misses + 1
      if (view?.provisioningState === 'Succeeded') return view
      if (view?.provisioningState === 'Failed' || view?.provisioningState === 'Canceled') {
        throw await this.provisioningFailure(doing, view, accepted)
      }
      await this.clock.sleep(this.pollMs, signal)
    }
    throw new BuildFailedError(`Image template ${lastName(id)} vanished while it was being provisioned.`)
  }

  /**
   * A PUT without a clear answer may have been taken: then there is a template with the marks of the one that was sent;
   * when there is none, it may be sent again.
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
        this.edges.debug(`${error.message}; looking whether it was taken`)
        const found = await this.get(id, signal)
        if (found && bears(found.tags, marksOf(template.tags))) return undefined
        if (found || attempt === PUT_TRIES) throw error
        await this.clock.sleep(Math.max(this.pollMs, pauseBefore(attempt, { kind: 'unclear' })), signal)
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
    if (byItself && (await this.runAppears({ imageTemplate: id }, signal))) return { imageTemplate: id }
    const before = await this.get(id, signal)
    const previousStart = before?.lastRun?.startTime
    const run: TemplateRun = { imageTemplate: id, ...(previousStart === undefined ? {} : { previousStart }) }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { ...run, ...(await this.askForRun(id, signal)) }
      } catch (error) {
        const unclear = error instanceof AzureError && error.ambiguous
        // That a run is under way, which this action alone can have asked for since the last look.
        const refused = attempt > 1 && isNotAllowedNow(error)
        if (!unclear && !refused) throw error
        const { message } = error as AzureError
        this.edges.notice(`${message}\nThe run may have started all the same: looking at the template.`)
        if (await this.runAppears(run, signal)) return run
        if (attempt === RUN_TRIES) throw error
      }
    }
  }

  private async askForRun(id: string, signal: AbortSignal): Promise<Partial<TemplateRun>> {
    const doing = `starting the run of image template ${lastName(id)}`
    const call = { path: `${id}/run`, apiVersion: API_VERSION, doing, signal }
    const { operationUrl, ids } = await this.arm.request({ ...call, method: 'POST' })
    return {
      ...(operationUrl === undefined ? {} : { operationUrl }),
      ...(ids.correlationId === undefined ? {} : { correlationId: ids.correlationId }),
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
    const reads = {
      template: () => this.get(run.imageTemplate, signal, true),
      operation: (url: string) => this.arm.operation(url, API_VERSION, { signal, once: true }),
    }
    return await new RunWatch(run, reads, this.edges, this.pollMs).untilItEnds(onLook, signal)
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

  async get(id: string, signal?: AbortSignal, once = false): Promise<TemplateView | undefined> {
    try {
      const doing = `reading image template ${lastName(id)}`
      const call = { path: id, apiVersion: API_VERSION, doing, signal, once }
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
        await untilDeleted(
          { arm: this.arm, clock: this.clock },
          {
            doing: call.doing,
            operationUrl,
            isThere: async () => (await this.get(id)) !== undefined,
            deadline,
            pollMs: this.pollMs,
            late: () => new BuildFailedError(`Image template ${lastName(id)} is still being deleted.`),
          },
        )
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
export function view({ properties, tags }: TemplateBody): TemplateView {
  const { provisioningState, provisioningError, exactStagingResourceGroup, lastRunStatus } = properties
  return {
    ...(tags ? { tags } : {}),
    provisioningState,
    ...(provisioningError?.message ? { provisioningError: provisioningError.message } : {}),
    // The service sends an empty string until there is a group.
    ...(exactStagingResourceGroup ? { stagingResourceGroup: exactStagingResourceGroup } : {}),
    ...(lastRunStatus ? { lastRun: lastRunStatus } : {}),
  }
}
