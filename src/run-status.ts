/** How a run of an image template stands: read from the template's own status and the run's operation together. */

/** End states as the service names them. */
export const END_STATES = ['Succeeded', 'PartiallySucceeded', 'Failed', 'Canceled'] as const
export type EndState = (typeof END_STATES)[number]

/** `properties.lastRunStatus` of a template. */
export interface LastRunStatus {
  startTime?: string
  runState?: string
  runSubState?: string
  message?: string
}

/** Body of a long-running operation. */
export interface OperationStatus {
  status: string
  error?: { code?: string; message?: string }
}

/** When a run began, in milliseconds since the epoch, as far as the template tells. */
export function beginOf(lastRun: LastRunStatus | undefined): { startedAt?: number } {
  const startedAt = Date.parse(lastRun?.startTime ?? '')
  return Number.isNaN(startedAt) ? {} : { startedAt }
}

/** How a run that is over ended, as the template tells; undefined for one that is not. */
export function endOf(lastRun: LastRunStatus | undefined): { state: EndState; message: string } | undefined {
  const state = END_STATES.find((end) => end === lastRun?.runState)
  return state && { state, message: lastRun?.message ?? '' }
}

/** What one look at the service told; a part that could not be read is absent. */
export interface RunSighting {
  template?: LastRunStatus
  operation?: OperationStatus
}

export type RunStatus =
  /** `phase` is what to show: `Queued`, `Building`, `Customizing` … */
  { ended: false; phase: string; operationEnded: boolean } | { ended: true; state: EndState; message: string }

/**
 * Decides how the run stands. The template has the last word: its `runState` tells more than the operation, whose
 * end may come a little before or after it. Only when the operation has ended and the template has had its time
 * to say so (`operationIsFinal`) does the operation's word count alone.
 * @param previousStart `startTime` of the run before this one: its status may still be shown for a while
 */
export function runStatus(
  sighting: RunSighting,
  previousStart: string | undefined,
  operationIsFinal: boolean,
): RunStatus {
  const { template, operation } = sighting
  const isThisRun = template?.startTime !== undefined && template.startTime !== previousStart
  const operationMessage = operation?.error
    ? `${operation.error.code ?? ''}: ${operation.error.message ?? ''}`
    : ''
  const templateMessage = template?.message ?? ''
  const state = END_STATES.find((end) => isThisRun && end === template.runState)
  if (state)
    return { ended: true, state, message: templateMessage === '' ? operationMessage : templateMessage }
  const operationState = END_STATES.find((end) => end === operation?.status)
  if (operationState && operationIsFinal)
    return { ended: true, state: operationState, message: operationMessage }
  const phase = isThisRun ? phaseOf(template) : 'Queued'
  return { ended: false, phase, operationEnded: operationState !== undefined }
}

/** The sub-state, but for a run that is being cancelled: whatever it was at then is over. */
function phaseOf({ runState, runSubState }: LastRunStatus): string {
  if (runState === 'Canceling') return runState
  return runSubState ?? runState ?? 'Running'
}

/** Where the customization log lies, from Image Builder's failure message in its old and its present wording. */
export function customizationLogLocation(message: string): { account: string; blob: string } | undefined {
  const match =
    /(?:https:\/\/([a-z0-9]{3,24})\.blob\.[^/]+\/|storageAccounts\/([a-z0-9]{3,24})\/blobServices\/default\/containers\/)packerlogs\/([0-9a-f-]+\/\w+\.log)/i.exec(
      message,
    )
  const account = match?.[1] ?? match?.[2]
  return account && match?.[3] ? { account, blob: match[3] } : undefined
}
