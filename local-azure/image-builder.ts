/**
 * `Microsoft.VirtualMachineImages`: the routes of Image Builder and the life of a template. API version 2025-10-01
 * alone: earlier ones differ in fields, in how strictly they read them, or in their error envelope.
 */
import { ArmError, type ArmRequest, type ArmRoute } from './arm.ts'
import * as refuse from './resource-manager/errors.ts'
import { page, readable } from './resource-manager/lists.ts'
import { parseArmPath } from './resource-manager/paths.ts'
import { createBuildVm } from './build-vm.ts'
import {
  API_VERSION,
  isTemplate,
  RUN_OUTPUT_TYPE,
  TEMPLATE_TYPE,
  type ImageTemplate,
  type TemplateBody,
} from './image-builder/image-template.ts'
import { LongOperations, operationHeaders, type Ending } from './image-builder/long-operations.ts'
import type { Blobs } from './parts.ts'
import type { Reply } from './server.ts'
import { removeStagingGroup, type StagingGroup } from './image-builder/staging-group.ts'
import { internalError, SubmissionFailure } from './image-builder/submission-failure.ts'
import { templateRefusal, updateRefusal, type UpdateBody } from './image-builder/template-rules.ts'
import { checkLinks, checkLocation, notAllowed } from './image-builder/refusals.ts'
import { markCanceling, queueRun, runTemplate } from './image-builder/template-run.ts'
import { checkNetwork } from './image-builder/network.ts'
import { findSource } from './image-builder/source.ts'
import { checkTargets, submitTemplate, templateIdentity } from './image-builder/submission.ts'
import type { World } from './world.ts'

const SUBSCRIPTION = '/subscriptions/{subscription}'
const IN_GROUP = `${SUBSCRIPTION}/resourceGroups/{group}/providers/${TEMPLATE_TYPE}`
const TEMPLATE = `${IN_GROUP}/{template}`

export interface ImageBuilderContext {
  world: World
  blobs: Blobs
  /** Private folder of the local Azure; build VMs live in its `builds`. */
  folder: string
  /** File with the certificate authority that downloads trust. */
  caFile: string
  /** Resource Manager's own origin, for operation URLs. */
  baseUrl: () => string
  /** Where the commands of builds run; the real build VM unless a test has its own. */
  createVm?: typeof createBuildVm
}

/** The routes of Image Builder, to be served behind Resource Manager's front door. */
export function imageBuilderRoutes(context: ImageBuilderContext): ArmRoute[] {
  const builder = new ImageBuilder(context)
  const route = (
    method: string,
    path: string,
    action: string,
    handle: (request: ArmRequest) => Reply,
    authorize: ArmRoute['authorize'] = 'resource',
  ): ArmRoute => ({
    method,
    path,
    action: `${TEMPLATE_TYPE}/${action}`,
    authorize,
    apiVersions: [API_VERSION],
    handle,
  })
  const list = (request: ArmRequest): Reply => builder.list(request)
  return [
    route('GET', `${SUBSCRIPTION}/providers/${TEMPLATE_TYPE}`, 'read', list, 'readable'),
    route('GET', IN_GROUP, 'read', list, 'readable'),
    route('GET', TEMPLATE, 'read', (request) => ({ status: 200, body: builder.existing(request) })),
    route('PUT', TEMPLATE, 'write', (request) => builder.put(request)),
    route('PATCH', TEMPLATE, 'write', (request) => builder.patch(request)),
    route('DELETE', TEMPLATE, 'delete', (request) => builder.delete(request)),
    route('POST', `${TEMPLATE}/run`, 'run/action', (request) => builder.run(request)),
    route('POST', `${TEMPLATE}/cancel`, 'cancel/action', (request) => builder.cancel(request)),
    route('GET', `${TEMPLATE}/runOutputs`, 'runOutputs/read', (request) => builder.runOutputs(request)),
    route('GET', `${TEMPLATE}/runOutputs/{output}`, 'runOutputs/read', (request) =>
      builder.runOutput(request),
    ),
    builder.operations.route(),
  ]
}

class ImageBuilder {
  readonly operations: LongOperations
  private readonly context: ImageBuilderContext
  private readonly world: World
  /** Staging groups and running builds, by template ID in lower case. */
  private readonly staging = new Map<string, StagingGroup>()
  private readonly runs = new Map<string, AbortController>()

  constructor(context: ImageBuilderContext) {
    this.context = context
    this.world = context.world
    this.operations = new LongOperations(context.world, context.baseUrl)
  }

  list(request: ArmRequest): Reply {
    const { scope } = parseArmPath(request.method, request.url.pathname)
    return page(
      request,
      readable(this.world, request, { type: TEMPLATE_TYPE, scope, action: `${TEMPLATE_TYPE}/read` }),
    )
  }

  existing(request: ArmRequest): ImageTemplate {
    const template = this.find(request)
    if (!template) throw refuse.resourceNotFound(parseArmPath(request.method, request.url.pathname))
    return template
  }

  runOutputs(request: ArmRequest): Reply {
    const template = this.existing(request)
    return page(request, this.world.resources.list(RUN_OUTPUT_TYPE, `${template.id}/runOutputs/`))
  }

  runOutput(request: ArmRequest): Reply {
    const path = parseArmPath(request.method, request.url.pathname)
    const output = this.world.resources.get(path.scope)
    if (!output) throw refuse.resourceNotFound(path)
    return { status: 200, body: output }
  }

  /** 201 with the template in `Creating` and no `Location` (recorded). */
  put(request: ArmRequest): Reply {
    const body = request.json()
    const { group = '', template: name = '' } = request.params
    const id = `${SUBSCRIPTION}/resourcegroups/${group}/providers/${TEMPLATE_TYPE}/${name}`.replace(
      '{subscription}',
      this.world.seed.subscriptionId,
    )
    checkLocation(this.world, body)
    checkLinks(this.world, request.principal, body, id)
    const refusal = templateRefusal(name, body, request.apiVersion)
    if (refusal !== undefined) throw new ArmError(400, 'ValidationFailed', refusal)
    if (this.world.resources.get(id))
      throw new ArmError(409, 'Conflict', 'Update/Upgrade of image templates is currently not supported')
    this.keepSecret(request)
    const template = this.store(id, name, body as TemplateBody)
    const operation = this.operations.start(template.location)
    const reply = {
      status: 201,
      headers: operationHeaders(operation, false),
      body: structuredClone(template),
    }
    this.operations.follow(operation, () => this.create(template))
    return reply
  }

  /** Tags at once; identity, VM profile and distributors as an operation (specification). */
  patch(request: ArmRequest): Reply {
    const template = this.existing(request)
    const body = request.json()
    checkLinks(this.world, request.principal, body, template.id)
    const refusal = updateRefusal(body, template, request.apiVersion)
    if (refusal !== undefined) throw new ArmError(400, 'ValidationFailed', refusal)
    const update = body as UpdateBody
    const large = update.identity !== undefined || update.properties !== undefined
    if (large) this.allow(template, 'write')
    if (update.tags) template.tags = update.tags
    if (!large) return { status: 200, body: template }
    const operation = this.operations.start(template.location)
    template.properties.provisioningState = 'Updating'
    const reply = { status: 202, headers: operationHeaders(operation, true), body: structuredClone(template) }
    this.operations.follow(operation, () => this.update(template, update))
    return reply
  }

  /** 202; 204 when there is no such template (specification). */
  delete(request: ArmRequest): Reply {
    const template = this.find(request)
    if (!template) return { status: 204 }
    this.allow(template, 'delete')
    template.properties.provisioningState = 'Deleting'
    const operation = this.operations.start(template.location)
    this.operations.follow(operation, () => this.remove(template))
    return { status: 202, headers: operationHeaders(operation, true) }
  }

  run(request: ArmRequest): Reply {
    const template = this.existing(request)
    this.allow(template, 'run/action')
    const operation = this.operations.start(template.location)
    this.operations.follow(operation, this.startRun(template))
    return { status: 202, headers: operationHeaders(operation, true) }
  }

  /** 204 without any header of an operation (recorded). */
  cancel(request: ArmRequest): Reply {
    const template = this.existing(request)
    if (template.properties.lastRunStatus?.runState !== 'Running') throw notAllowed(template, 'cancel/action')
    markCanceling(template)
    this.runs.get(template.id.toLowerCase())?.abort()
    return { status: 204 }
  }

  private find(request: ArmRequest): ImageTemplate | undefined {
    const { subscription = '', group = '', template = '' } = request.params
    const id = `/subscriptions/${subscription}/resourceGroups/${group}/providers/${TEMPLATE_TYPE}/${template}`
    const resource = this.world.resources.get(id)
    return isTemplate(resource) ? resource : undefined
  }

  /** Only a template that is ready and idle can be changed, run or deleted; a failed one can be deleted. */
  private allow(template: ImageTemplate, action: 'write' | 'delete' | 'run/action'): void {
    const { provisioningState, lastRunStatus } = template.properties
    const busy = ['Running', 'Canceling'].includes(lastRunStatus?.runState ?? '')
    const ready = provisioningState === 'Succeeded' || (provisioningState === 'Failed' && action === 'delete')
    if (busy || !ready) throw notAllowed(template, action)
  }

  private store(id: string, name: string, body: TemplateBody): ImageTemplate {
    const { location, tags = {}, identity, properties } = structuredClone(body)
    const { source } = properties
    if (source.type !== 'ManagedImage')
      source.exactVersion =
        source.type === 'PlatformImage' ? source.version : (source.imageVersionId.split('/').at(-1) ?? '')
    const userAssignedIdentities = Object.fromEntries(
      Object.keys(identity.userAssignedIdentities).map((key) => [key, {}]),
    )
    return this.world.resources.put({
      id,
      name,
      type: TEMPLATE_TYPE,
      location,
      tags,
      identity: { type: identity.type, userAssignedIdentities },
      properties: { ...properties, provisioningState: 'Creating', exactStagingResourceGroup: '' },
    }) as ImageTemplate
  }

  /** A template shows the signatures of its SAS URLs to everyone who may read it: nobody may print them. */
  private keepSecret(request: ArmRequest): void {
    for (const [, signature = ''] of request.body.toString().matchAll(/[?&]sig=([\w%.~+/=-]+)/g)) {
      this.world.secrets.add(signature)
      this.world.secrets.add(decodeURIComponent(signature))
    }
  }

  private async create(template: ImageTemplate): Promise<Ending> {
    const { world, blobs, caFile } = this.context
    await world.elapse(world.options.durations.submit)
    const ending = await settle(template, () =>
      submitTemplate({
        world,
        blobs,
        caFile,
        template,
        onStaging: (staging) => this.staging.set(template.id.toLowerCase(), staging),
      }),
    )
    if (ending === 'Succeeded' && template.properties.autoRun?.state === 'Enabled')
      this.operations.follow(this.operations.start(template.location), this.startRun(template))
    return ending
  }

  private async update(template: ImageTemplate, { identity, properties }: UpdateBody): Promise<Ending> {
    const { world } = this
    await world.elapse(world.options.durations.submit)
    return await settle(template, () => {
      if (identity) template.identity = { ...identity }
      Object.assign(template.properties, properties)
      const principal = templateIdentity(world, template)
      const { source, distribute } = template.properties
      checkTargets(world, distribute, findSource(world, source, template.location, principal), principal)
      checkNetwork(world, template, principal)
      return Promise.resolve()
    })
  }

  private async remove(template: ImageTemplate): Promise<Ending> {
    const key = template.id.toLowerCase()
    await this.world.elapse(this.world.options.durations.delete)
    const staging = this.staging.get(key)
    if (staging) await removeStagingGroup(this.world, this.context.blobs, staging)
    this.staging.delete(key)
    this.world.resources.delete(template.id)
    return 'Succeeded'
  }

  private startRun(template: ImageTemplate): () => Promise<Ending | 'NeverEnds'> {
    const { world, blobs, folder, caFile, createVm = createBuildVm } = this.context
    const cancelling = new AbortController()
    this.runs.set(template.id.toLowerCase(), cancelling)
    queueRun(world, template)
    return async () => {
      const staging = this.staging.get(template.id.toLowerCase())
      if (!staging) throw new Error(`${template.id} has no staging group`)
      const cancelled = cancelling.signal
      return await runTemplate({ world, blobs, folder, caFile, createVm, template, staging, cancelled })
    }
  }
}

/** Sets the template's state by how its preparation ends. */
async function settle(template: ImageTemplate, work: () => Promise<void>): Promise<Ending> {
  const { properties } = template
  try {
    await work()
    properties.provisioningState = 'Succeeded'
    return 'Succeeded'
  } catch (error) {
    const failure = error instanceof SubmissionFailure ? error : internalError('ServerError')
    properties.provisioningState = 'Failed'
    properties.provisioningError = {
      provisioningErrorCode: failure.provisioningErrorCode,
      message: failure.message,
    }
    if (failure !== error) throw error
    return { code: failure.code, message: failure.message }
  }
}
