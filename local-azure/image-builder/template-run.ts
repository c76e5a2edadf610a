/** One run of a template: the walk through its sub-states, from `Queued` to an image or a reason why not. */
import { BuildClock, buildTimeout, OutOfTime } from './build-clock.ts'
import { BuildResources } from './build-resources.ts'
import {
  NO_TIME,
  preciseTime,
  type ImageTemplate,
  type LastRunStatus,
  type RunSubState,
} from './image-template.ts'
import type { Ending } from './long-operations.ts'
import { checkSubnetsFit } from './network.ts'
import { PackerBuild, type PackerContext } from './packer-build.ts'
import { checkBuildProviders, checkContainerLimits } from './providers.ts'
import { SubmissionFailure } from './submission-failure.ts'
import { distributeTo, distributionError } from './distribute.ts'
import { findSource, type SourceImage } from './source.ts'
import { StepFailed } from './steps.ts'
import { templateIdentity } from './submission.ts'
import type { World } from '../world.ts'

/** Text: documented. */
const REPLICATION_TIMEOUT =
  'Error waiting on Azure Compute Gallery future.Error: Future#WaitForCompletion: context has been cancelled: ' +
  'StatusCode=200 -- Original Error: context deadline exceeded'

export interface TemplateRun extends PackerContext {
  /** Aborted when the user cancels. */
  cancelled: AbortSignal
}

/** How a run ended, as `lastRunStatus` and the operation show it. */
interface Outcome {
  runState: 'Succeeded' | 'PartiallySucceeded' | 'Failed'
  message: string
  ending: Ending
}
const SUCCESS: Outcome = { runState: 'Succeeded', message: '', ending: 'Succeeded' }

/** What a run works with. */
interface Work {
  run: TemplateRun
  clock: BuildClock
  build: PackerBuild
  resources: BuildResources
  /** The build VM stays: a step failed and `errorHandling` says `abort` (documented). */
  keepsVm: boolean
}

/** `lastRunStatus` from the moment that the run is accepted (recorded). */
export function queueRun(world: World, template: ImageTemplate): void {
  template.properties.lastRunStatus = {
    startTime: preciseTime(world.now(), 9),
    endTime: NO_TIME,
    runState: 'Running',
    runSubState: 'Queued',
    message: '',
  }
}

/** `lastRunStatus` after a cancel's 204 (recorded). */
export function markCanceling(template: ImageTemplate): void {
  setStatus(template, { endTime: NO_TIME, runState: 'Canceling', message: 'Canceling image build' })
}

/** Runs a queued template to its end. Rejects only when the local Azure closes. */
export async function runTemplate(run: TemplateRun): Promise<Ending | 'NeverEnds'> {
  const { world, template, cancelled } = run
  const clock = new BuildClock(world, buildTimeout(template), cancelled)
  const build = new PackerBuild(run, () => clock.elapsed)
  const work: Work = { run, clock, build, resources: new BuildResources(world), keepsVm: false }
  let outcome: Outcome | undefined
  try {
    outcome = await walk(work)
  } catch (error) {
    world.closed.throwIfAborted()
    if (!cancelled.aborted) outcome = await failure(work, error)
  } finally {
    await build.close()
  }
  if (!outcome) return await cancellation(work)
  const { runState, message, ending } = outcome
  build.tidyUp()
  if (!work.keepsVm) work.resources.remove()
  return await end(run, { runState, message }, ending)
}

/** Tells both that it is over, the template and the operation: one later than the other when the script says so. */
async function end(
  { world, template }: TemplateRun,
  status: Pick<LastRunStatus, 'runState' | 'message'>,
  ending: Ending,
): Promise<Ending> {
  const { template: templateLag = 0, operation: operationLag = 0 } = world.options.build.lag ?? {}
  const over = { endTime: preciseTime(world.now(), 9), ...status }
  if (templateLag > 0) {
    const tellLater = world.elapse(templateLag).then(() => {
      setStatus(template, over)
    })
    // Rejected by the end of the local Azure alone.
    world.background(tellLater.catch(() => undefined))
  } else setStatus(template, over)
  if (operationLag > 0) await world.elapse(operationLag)
  return ending
}

async function cancellation({ run, build, resources }: Work): Promise<Ending | 'NeverEnds'> {
  const { world } = run
  await world.elapse(world.options.durations.cancel)
  await build.brokenOff()
  build.tidyUp()
  resources.remove()
  if (world.options.build.stuckCanceling) return 'NeverEnds'
  // The message of a cancelled run is not recorded.
  return await end(run, { runState: 'Canceled', message: '' }, 'Canceled')
}

/** Sets the status of the run under way; without a sub-state it shows none. */
function setStatus({ properties }: ImageTemplate, status: Omit<LastRunStatus, 'startTime'>): void {
  properties.lastRunStatus = { startTime: properties.lastRunStatus?.startTime ?? NO_TIME, ...status }
}

async function walk(work: Work): Promise<Outcome> {
  const { run, clock, build } = work
  const { durations } = run.world.options
  const { errorHandling, optimize, validate = {} } = run.template.properties
  const validationOnly = validate.sourceValidationOnly === true
  await clock.phase(durations.queued)
  const source = currentSource(run)
  await phase(work, 'Building', durations.building, (signal) => deploy(work, source, signal))
  await build.connect(source)
  if (!validationOnly) {
    const customizing = build.hangs ? Infinity : durations.customizing
    await phase(work, 'Customizing', customizing, (signal) => build.customize(source, signal))
    await build.customized()
  }
  const optimizes = [optimize?.vmBoot, optimize?.workload].some((one) => one?.state === 'Enabled')
  if (optimizes) await phase(work, 'Optimizing', durations.optimizing)
  const valid = validate.inVMValidations?.length ? await validated(work, source) : true
  if (!valid && errorHandling?.onValidationError === 'abort') work.keepsVm = true
  const wanted = !validationOnly && (valid || validate.continueDistributeOnFailure === true)
  const outcome = wanted ? await distribute(work, source) : SUCCESS
  // A failed validation fails the run even where the image was distributed (documented).
  return outcome === SUCCESS && !valid ? failed('PackerBuildFailed', build.failureText('validator')) : outcome
}

/** The surroundings first, then the build VM. */
async function deploy(
  { run, build, resources }: Work,
  source: SourceImage,
  signal: AbortSignal,
): Promise<void> {
  const { world, template, staging } = run
  checkBuildProviders(world)
  checkContainerLimits(world)
  checkSubnetsFit(world, template, staging.id)
  resources.put(template, staging)
  await build.deploy(source, signal)
  resources.tagNetwork(staging)
  const { failService } = world.options.build
  if (failService !== undefined) throw new SubmissionFailure('InternalOperationError', failService)
}

async function validated(work: Work, source: SourceImage): Promise<boolean> {
  let valid = false
  await phase(work, 'Validating', work.run.world.options.durations.validating, async (signal) => {
    valid = await work.build.validate(source, signal)
  })
  return valid
}

async function phase(
  { run, clock }: Work,
  runSubState: RunSubState,
  duration: number,
  work?: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { lastRunStatus } = run.template.properties
  // A cancelled run shows no sub-state (recorded), also when the cancel comes between two phases.
  if (lastRunStatus?.runState === 'Running') lastRunStatus.runSubState = runSubState
  await clock.phase(duration, work)
}

/** `latest` is evaluated anew at each build (documented). */
function currentSource({ world, template }: TemplateRun): SourceImage {
  const identity = templateIdentity(world, template)
  const source = findSource(world, template.properties.source, template.location, identity)
  if (source.exactVersion !== undefined)
    Object.assign(template.properties.source, { exactVersion: source.exactVersion })
  return source
}

/** When replication outlives the timeout it goes on, and the run output is there (documented). */
async function distribute(work: Work, source: SourceImage): Promise<Outcome> {
  const { world, template } = work.run
  const outOfTime = await phase(work, 'Distributing', world.options.durations.distributing).then(
    () => false,
    (error: unknown) => {
      if (error instanceof OutOfTime) return true
      throw error
    },
  )
  const distribution = {
    ...work.run,
    identity: templateIdentity(world, template),
    source,
    root: work.build.root,
    late: outOfTime,
  }
  const errors: string[] = []
  for (const [index, target] of template.properties.distribute.entries()) {
    const reason = await distributeTo(distribution, target).then(
      () => (outOfTime ? REPLICATION_TIMEOUT : undefined),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    if (reason !== undefined) errors.push(distributionError(template, index, errors.length, reason))
  }
  return errors.length === 0 ? SUCCESS : distributionFailed(errors, template.properties.distribute.length)
}

/** What a thrown error makes of the run; the log ends with it. */
async function failure(work: Work, error: unknown): Promise<Outcome> {
  const { build, run } = work
  if (error instanceof StepFailed) {
    work.keepsVm = run.template.properties.errorHandling?.onCustomizerError === 'abort'
    await build.failed(error)
    return failed('PackerBuildFailed', build.failureText('customizer'))
  }
  if (error instanceof OutOfTime) {
    await build.brokenOff()
    // Text: documented; the operation's code is assumed.
    return failed(
      'InternalOperationError',
      'Failed in building/customizing image: Failed while waiting for packerizer: Timeout waiting for microservice ' +
        "to complete: 'context deadline exceeded'",
    )
  }
  if (error instanceof SubmissionFailure) return failed(error.code, error.message)
  // Not Azure's failure: shown with its stack, so that it is never mistaken for one.
  return failed('LocalAzureDefect', error instanceof Error ? (error.stack ?? error.message) : String(error))
}

function failed(code: string, message: string): Outcome {
  return { runState: 'Failed', message, ending: { code, message } }
}

/** Text and code: reported. That the operation of a partly successful run fails is assumed. */
function distributionFailed(errors: string[], total: number): Outcome {
  const message = `Failed in distributing ${errors.length} images out of total ${total}: {${errors.join(', ')}}`
  const outcome = failed('InternalOperationError', message)
  return errors.length < total ? { ...outcome, runState: 'PartiallySucceeded' } : outcome
}
