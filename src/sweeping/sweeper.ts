/**
 * The story of a sweep: look, judge, tell, delete. It finds what builds left behind where not even post could run, and
 * is careful: what is not certainly ours and certainly idle stays, and a thing that came to life since it was seen, too.
 */
import type { BlobAccount } from '../azure/blob-access.ts'
import { cancelRunCommand } from '../by-hand.ts'
import {
  buildingOrigins,
  judgeBlob,
  judgeTemplate,
  LONGEST_HOURS,
  type SeenBlob,
  type SeenTemplate,
  type Verdict,
  type Wanted,
} from './leftovers.ts'
import { ARTIFACT_CONTAINER } from '../names.ts'
import type { Clock, Runner } from '../ports.ts'
import { deleteAll, failureText, type Failure } from './sweep-away.ts'
import type { SweepRequest } from './sweep-inputs.ts'
import { commandOf, count, lineOf, type Finding, type Result, type SweepReport } from './sweep-report.ts'

export interface SweepEdges {
  azure: SweeperPort
  runner: Pick<Runner, 'info' | 'quote' | 'warning' | 'cancelled'>
  clock: Pick<Clock, 'now'>
}

/** Azure, as a sweep sees it. */
export interface SweeperPort {
  /** Lists the templates and finds the accounts; an InputError names every account or group that is not there. */
  look: (request: SweepRequest, signal: AbortSignal) => Promise<Sighting>
  /** The blobs of build artifacts; undefined where the account has no container for them. */
  blobs: (account: BlobAccount, signal: AbortSignal) => Promise<SeenBlob[] | undefined>
  /** The template as it stands now; undefined when it is gone. */
  template: (id: string, signal: AbortSignal) => Promise<SeenTemplate | undefined>
  /** Deletes a template and waits for its end. One that Image Builder is working on is left alone: `busy`. */
  deleteTemplate: (id: string, signal: AbortSignal) => Promise<'deleted' | 'gone' | 'busy'>
  /** Deletes a blob, unless it is another one than was seen: `changed`. */
  deleteBlob: (
    account: BlobAccount,
    blob: SeenBlob,
    signal: AbortSignal,
  ) => Promise<'deleted' | 'gone' | 'changed'>
}

export interface Sighting {
  /** Of the resource group that was asked for, or of the subscription. */
  templates: SeenTemplate[]
  /** Those outside that group: they may own blobs. Undefined where they may not be listed. */
  elsewhere: SeenTemplate[] | undefined
  accounts: BlobAccount[]
}

/** Something left over could not be deleted, or not be looked for. */
export class SweepError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'SweepError'
  }
}

/**
 * Sweeps. What is known goes into `report` as it becomes known.
 * @throws InputError, SignInError, AzureError; SweepError in the end, when something could not be done
 */
export async function sweep(request: SweepRequest, report: SweepReport, edges: SweepEdges): Promise<void> {
  const { azure, runner, clock } = edges
  const { subscriptionId, resourceGroup, repository, olderThanHours, dryRun } = request
  const owner = repository === '*' ? 'every repository' : repository
  const place = `${resourceGroup === undefined ? '' : `resource group ${resourceGroup} of `}subscription ${subscriptionId}`
  Object.assign(report, {
    now: clock.now(),
    dryRun,
    scope: `${owner}, older than ${olderThanHours} h, in ${place}`,
  })
  runner.info(`looking for what builds left behind: ${report.scope}`)

  const wanted: Wanted = { repository, olderThanHours, now: report.now }
  const sighting = await azure.look(request, runner.cancelled)
  const templates = sighting.templates.map((thing): Sorted => ({
    kind: 'template',
    thing,
    verdict: judgeTemplate(thing, wanted),
  }))
  sortOut(templates, 'image templates', report, edges)
  const failures = await lookAtBlobs(sighting, wanted, report, edges)
  show(report, edges)
  if (!dryRun) failures.push(...(await deleteAll(sighting, wanted, report, edges)))
  conclude(report, failures, edges)
}

type Seen = { kind: 'template'; thing: SeenTemplate } | { kind: 'blob'; thing: SeenBlob }
type Sorted = Seen & { verdict: Verdict }

/** Puts into the report what is ours, and tells how much there is that is not. */
function sortOut(all: Sorted[], words: string, report: SweepReport, { runner }: SweepEdges): void {
  const others = { 'made by others': 0, 'of another repository': 0 }
  for (const { verdict, ...seen } of all) {
    if (verdict.is === 'foreign') others[verdict.because] += 1
    else if (verdict.is === 'kept') report.kept.push(findingOf(seen, verdict, 'kept'))
    else report.found.push(findingOf(seen, verdict, report.dryRun ? 'would-delete' : 'not-reached'))
  }
  const foreign = others['made by others'] + others['of another repository']
  runner.info(
    `${words}: ${all.length} seen, ${all.length - foreign} of them ours; ` +
      `${others['made by others']} that this action did not make, ${others['of another repository']} of other repositories`,
  )
}

function findingOf(seen: Seen, verdict: Exclude<Verdict, { is: 'foreign' }>, result: Result): Finding {
  const { origin, since, reason } = verdict
  const stuck = verdict.is === 'kept' && verdict.stuck ? { stuck: true } : {}
  return { ...seen, origin, reason, result, ...(since === undefined ? {} : { since }), ...stuck }
}

/** @returns what kept accounts from being looked at; the others are looked at all the same */
async function lookAtBlobs(
  { templates, elsewhere, accounts }: Sighting,
  wanted: Wanted,
  report: SweepReport,
  edges: SweepEdges,
): Promise<Failure[]> {
  const { azure, runner } = edges
  const failures: Failure[] = []
  const building = buildingOrigins([...templates, ...(elsewhere ?? [])])
  const careful = { ...wanted, olderThanHours: Math.max(wanted.olderThanHours, LONGEST_HOURS) }
  if (accounts.length > 0 && elsewhere === undefined) {
    runner.info(
      `templates outside the resource group may not be listed, so their builds cannot be seen: blobs younger than ${LONGEST_HOURS} h stay`,
    )
  }
  for (const account of accounts) {
    const what = `blobs in ${account.name}/${ARTIFACT_CONTAINER}`
    try {
      const blobs = await azure.blobs(account, runner.cancelled)
      const judged = (blobs ?? []).map((thing): Sorted => {
        const verdict = judgeBlob(thing, elsewhere === undefined ? careful : wanted, building)
        return { kind: 'blob', thing, verdict }
      })
      if (blobs) sortOut(judged, what, report, edges)
      else runner.info(`storage account ${account.name} has no container ${ARTIFACT_CONTAINER}`)
    } catch (error) {
      runner.cancelled.throwIfAborted()
      failures.push({ what, fate: 'were not looked at', error })
    }
  }
  return failures
}

function show({ found, kept, now, scope, dryRun }: SweepReport, { runner }: SweepEdges): void {
  if (found.length === 0) {
    runner.info(`nothing is left over: ${scope}. What the signed-in identity may not read does not show.`)
  } else {
    runner.info(`left over: ${found.length}`)
    runner.quote(found.map((one) => lineOf(one, now)))
    if (dryRun)
      runner.info('nothing is deleted, because this is a dry run; dry-run: false deletes what is left over')
  }
  if (kept.length === 0) return
  runner.info(`kept: ${kept.length}`)
  runner.quote(kept.map((one) => lineOf(one, now)))
  for (const one of kept) if (one.stuck) warnOfStuck(one, now, runner)
}

function warnOfStuck(finding: Finding, now: number, runner: SweepEdges['runner']): void {
  if (finding.kind !== 'template') return
  const { thing } = finding
  const remedy =
    thing.lastRun?.runState === 'Running'
      ? `To cancel its run: ${cancelRunCommand(thing.id)}`
      : `To delete it: ${commandOf(finding)}\nWhere Azure refuses that, only its support can end it.`
  runner.warning(`It seems to be stuck, and is kept: ${lineOf(finding, now)}.\n${remedy}`)
}

function conclude({ found, dryRun }: SweepReport, failures: Failure[], { runner }: SweepEdges): void {
  if (!dryRun && found.length > 0) runner.info(`deleted: ${count(found, 'deleted')} of ${found.length}`)
  if (failures.length > 0) throw new SweepError(failureText(failures))
}
