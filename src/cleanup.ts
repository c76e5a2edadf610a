/**
 * What happens after a build, whatever became of it: a run that nobody waits for is cancelled, template and blob are
 * deleted, and after a failure the template and its staging group stay, because they hold the log. Works from what
 * main remembered alone; nothing in here can turn a good build red.
 */
import { cancelRunCommand, deleteBlobCommand, deleteTemplateCommand } from './by-hand.ts'
import { AzureError } from './errors.ts'
import { told } from './explanation.ts'
import { bears } from './image-template.ts'
import type { Azure, BuildState, Runner, TemplateView } from './ports.ts'
import { whereIsTheLog } from './report.ts'
import { lastName } from './resource-id.ts'

export interface CleanupEdges {
  azure: Azure
  runner: Pick<Runner, 'info' | 'warning'>
}

/** A cancelled job leaves 285 seconds to everything that follows the cancel; a little of it goes to reporting. */
const CANCELLED_BUDGET_MS = 270_000
/** Where main was killed before it could say when it was cancelled: SIGKILL follows the cancel by ten seconds. */
const KILLED_BUDGET_MS = 255_000
/** What is tried at least, should other steps have used up the time. */
const LEAST_MS = 10_000
/** Deleting takes two minutes as a rule (recorded: 78 to 124 s). */
const BUDGET_MS = 20 * 60_000

/** When post must have ended; milliseconds since the epoch. */
export function deadlineOf({ outcome, cancelledAt }: BuildState, now: number): number {
  if (cancelledAt !== undefined) return Math.max(cancelledAt + CANCELLED_BUDGET_MS, now + LEAST_MS)
  return now + (outcome === undefined ? KILLED_BUDGET_MS : BUDGET_MS)
}

/** Cleans up. Each part that fails is a warning with the command that does it by hand; none keeps another back. */
export async function cleanUp(state: BuildState, deadline: number, edges: CleanupEdges): Promise<void> {
  const { runner } = edges
  if (!state.connection || (!state.imageTemplate && !state.blob)) {
    runner.info('nothing was created, so there is nothing to clean up')
    return
  }
  if (state.run === 'left') {
    runner.info(`the build was not waited for: keeping ${kept(state).join(' and ')}`)
    if (state.imageTemplate && !state.existingTemplate) {
      runner.info(`to delete the template when it is done: ${deleteTemplateCommand(state.imageTemplate)}`)
    }
    return
  }
  if (state.cleanup === 'never') {
    runner.info(`cleanup is never: keeping ${kept(state).join(' and ')}`)
    return
  }
  const finishTemplate = await beginTemplate(state, deadline, edges)
  await deleteBlob(state, edges)
  await finishTemplate()
}

function kept({ imageTemplate, blob }: BuildState): string[] {
  return [
    ...(imageTemplate ? [`template ${lastName(imageTemplate)}`] : []),
    ...(blob ? [`blob ${blob.container}/${blob.blob}`] : []),
  ]
}

/**
 * Keeps the template, or begins to delete it: that takes minutes, in which the blob goes.
 * @returns what waits for the end and reports it
 */
async function beginTemplate(
  state: BuildState,
  deadline: number,
  { azure, runner }: CleanupEdges,
): Promise<() => Promise<void>> {
  const id = state.imageTemplate
  const done = (): Promise<void> => Promise.resolve()
  if (!id) return done
  const name = lastName(id)
  const byHand = (error: unknown): void => {
    // Whether its run was cancelled is not known here, and what runs is not deleted.
    const first =
      state.run === 'started' ? `\nShould its run be under way still: ${cancelRunCommand(id)}` : ''
    const what = state.existingTemplate ? 'looked after' : 'deleted'
    const last = state.existingTemplate ? '' : `\nTo delete it: ${deleteTemplateCommand(id)}`
    runner.warning(`Template ${name} was not ${what}: ${told(error)}${first}${last}`)
  }
  try {
    const template = await azure.imageBuilder.get(id)
    if (!template) {
      runner.info(`template ${name} does not exist: nothing to delete`)
      return done
    }
    if (!bears(template.tags, state.marks ?? {})) {
      runner.info(`template ${name} was made by another job: leaving it alone`)
      return done
    }
    if (isUnderWay(state, template)) {
      runner.info(`cancelling the run of template ${name}...`)
      await azure.imageBuilder.cancelRun(id)
    }
    if (state.existingTemplate) {
      runner.info(`template ${name} was there before: keeping it`)
      return done
    }
    if (state.cleanup === 'on-success' && hasFailed(state, template)) {
      keptAfterFailure(id, template).forEach(runner.info)
      return done
    }
    runner.info(`deleting template ${name}...`)
    const deletion = azure.imageBuilder.delete(id, deadline)
    deletion.catch(() => undefined) // told when it is waited for
    return async () => {
      await deletion.then(() => {
        runner.info('delete template:  Succeeded')
      }, byHand)
    }
  } catch (error) {
    byHand(error)
    return done
  }
}

/** A run that main started and did not see end goes on, and costs, without anyone waiting for it. */
function isUnderWay({ run }: BuildState, { lastRun }: TemplateView): boolean {
  return run === 'started' && lastRun?.runState === 'Running'
}

/** Where main was killed before it could tell, the template tells. */
function hasFailed({ outcome, run }: BuildState, { lastRun }: TemplateView): boolean {
  if (outcome) return outcome === 'failed'
  return run !== undefined && ['Failed', 'PartiallySucceeded'].includes(lastRun?.runState ?? '')
}

function keptAfterFailure(id: string, { stagingResourceGroup, lastRun }: TemplateView): string[] {
  const group = stagingResourceGroup
    ? ` and its staging resource group ${lastName(stagingResourceGroup)}`
    : ''
  return [
    `the build failed: keeping template ${lastName(id)}${group}`,
    ...(lastRun ? whereIsTheLog(lastRun.message ?? '', stagingResourceGroup) : []),
    `to delete them when you are done: ${deleteTemplateCommand(id)}`,
  ]
}

async function deleteBlob({ blob, uploaded }: BuildState, { azure, runner }: CleanupEdges): Promise<void> {
  if (!blob) return
  const name = `${blob.container}/${blob.blob}`
  runner.info(`deleting storage blob ${name}`)
  try {
    const store = azure.artifactStore(blob.account)
    if (await store.delete(blob)) runner.info(`blob ${name} is deleted`)
    else {
      if (!uploaded) await store.discardBlocks(blob)
      runner.info(`blob ${name} does not exist: nothing to delete`)
    }
  } catch (error) {
    if (!uploaded && error instanceof AzureError && error.status === 403) {
      runner.info(`blob ${name} was not uploaded, for lack of the same right: nothing to delete`)
      return
    }
    const command = deleteBlobCommand(blob.account.name, blob.container, blob.blob)
    runner.warning(`Blob ${name} was not deleted: ${told(error)}\nTo delete it: ${command}`)
  }
}
